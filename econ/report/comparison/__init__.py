"""Runs of several scenarios held against a baseline: what `econ.compare` returns and `econ compare` writes."""
