"""A calibration as readers see it: on a terminal, as a page, as figures."""
