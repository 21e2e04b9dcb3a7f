"""Levels that a question asks for: numbers, or shares of what the start has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from econ.core.errors import InputError
from econ.cost.case import Case, Floats

Level = float | str


def is_share(level: Level) -> bool:
    """Whether a level is a share of the start's, such as ``"50%"``."""
    return isinstance(level, str) and level.strip().endswith("%")


def number_of(level: Level) -> float:
    """The number in a level, a share as a fraction of 1; NaN where there is none."""
    try:
        return float(str(level).strip().removesuffix("%")) / 100.0 if is_share(level) else float(level)
    except ValueError:
        return np.nan


def targets_of(case: Case, asked: Sequence[Level], key: str, start: Floats) -> Floats:
    """Levels for each draw, [D, M]: numbers as they are, percentages of the start's level [D].

    Raises
    ------
    InputError
        If a level is no number above 0.
    """
    columns = []
    for level in asked:
        value = number_of(level)
        if not (np.isfinite(value) and value > 0.0):
            raise InputError(
                "not a level", key=key, found=level, allowed="a number above 0, or a share of the start's level such as 50%"
            )
        columns.append(start * value if is_share(level) else np.full(len(case), value))
    return np.stack(columns, axis=1)


def listed(asked: Any) -> tuple[Any, ...]:
    """One level or several, as several."""
    return tuple(asked) if isinstance(asked, Sequence) and not isinstance(asked, str) else (asked,)
