"""Measurements of the laboratory and surfaces fitted to them as figures and tables."""
