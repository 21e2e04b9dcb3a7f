"""What many runs say about parameters: calibration against market moments."""
