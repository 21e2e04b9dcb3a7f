"""The quarters at the end of a run over which outcomes are averaged: one rule for all tables, figures and texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: Quarters that are averaged: two years, so that no single shock decides; all of a shorter run.
LAST_QUARTERS = 8


def in_window(quarters: ArrayLike) -> NDArray[np.bool_]:
    """Which quarters are averaged: the last `LAST_QUARTERS` of those from 0 on.

    In the burn-in no lever acts yet, so that its quarters would pull every paired difference towards 0.

    Parameters
    ----------
    quarters : array_like of int
        In any order, with repetitions; negative in the burn-in.

    Returns
    -------
    ndarray of bool, of the same shape

    Examples
    --------
    >>> in_window([-2, -1, 0, 1])
    array([False, False,  True,  True])
    """
    each = np.asarray(quarters)
    found: NDArray[np.bool_] = (each >= 0) & (each > each.max(initial=-1) - LAST_QUARTERS)
    return found


def window_length(quarters: int) -> int:
    """How many quarters are averaged in a run of this many after the burn-in."""
    return min(LAST_QUARTERS, quarters)


def window_words(averaged: int) -> str:
    """So many averaged quarters in words.

    Examples
    --------
    >>> window_words(8), window_words(1)
    ('last 8 quarters', 'last quarter')
    """
    return "last quarter" if averaged == 1 else f"last {averaged} quarters"
