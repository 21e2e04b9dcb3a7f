"""Intervals over worlds of what the laboratory measured, and how many worlds one needs."""

from __future__ import annotations

import numpy as np
import pandas as pd

LEVEL = 0.95
MINIMUM_WORLDS = 4


def wilson(share: pd.Series[float], n: pd.Series[int]) -> tuple[pd.Series[float], pd.Series[float]]:
    """Score interval of a share of `n` worlds."""
    from scipy.special import ndtri

    z2 = float(ndtri(0.5 + LEVEL / 2)) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * share * (1 - share) / n + (z2 / (2 * n)) ** 2) / (1 + z2 / n)
    return (middle - half).clip(lower=0.0), (middle + half).clip(upper=1.0)


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean over worlds with the ends of its 95 % interval (Student t)."""
    from scipy.special import stdtrit

    mean = float(values.mean())
    margin = float(stdtrit(len(values) - 1, 0.5 + LEVEL / 2) * values.std(ddof=1) / np.sqrt(len(values)))
    return mean, mean - margin, mean + margin
