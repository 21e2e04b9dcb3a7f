"""`econ doctor`."""

from __future__ import annotations


def doctor() -> None:
    """What is installed, which devices there are, whether shipped data verify."""
