"""Verifiability: how often a judgement of a label is wrong, and how much of the truth it still carries."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Symmetric error of a judgement at full verifiability, and what is added when nothing is verifiable.
ERROR_VERIFIABLE, ERROR_ADDED = 0.02, 0.43


def label_error(v: Any) -> Any:
    """Chance that a judgement "does it violate?" is wrong, e = 0.02 + 0.43·(1 - v)."""
    return ERROR_VERIFIABLE + ERROR_ADDED * (1.0 - v)


def log_signal(v: Any) -> NDArray[np.float64]:
    """Logarithm of the signal 1 - 2e of a judgement, relative to that at v = 1.

    Errors shrink what labels say of the truth by the factor 1 - 2e, whatever learns from them (Natarajan, Dhillon,
    Ravikumar and Tewari 2013): the difference between the chances of a flag on responses that violate and on others.
    """
    found: NDArray[np.float64] = np.log1p(-2.0 * label_error(np.asarray(v, np.float64))) - np.log1p(-2.0 * ERROR_VERIFIABLE)
    return found


def log_signal_slope(v: Any) -> NDArray[np.float64]:
    """Derivative of `log_signal` in v."""
    found: NDArray[np.float64] = 2.0 * ERROR_ADDED / (1.0 - 2.0 * label_error(np.asarray(v, np.float64)))
    return found
