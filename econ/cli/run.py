"""`econ run` and `econ compare`."""

from __future__ import annotations


def run() -> None:
    """Run scenarios as ensembles with common random numbers."""


def compare() -> None:
    """Compare stored runs, paired by replicate."""
