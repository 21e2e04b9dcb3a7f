"""Intervals over worlds of what the laboratory measured, and how many worlds one needs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from econ.ensemble.statistics import wilson_bound

LEVEL = 0.95
MINIMUM_WORLDS = 4


def wilson(share: pd.Series[float], n: pd.Series[int]) -> tuple[pd.Series[float], pd.Series[float]]:
    """Score interval of a share of `n` worlds."""
    trials = np.asarray(n, np.float64)
    successes = np.asarray(share, np.float64) * trials
    low, high = (wilson_bound(successes, trials, 0.5 + side * LEVEL / 2) for side in (-1, 1))
    return pd.Series(low, index=share.index), pd.Series(high, index=share.index)


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean over worlds with the ends of its 95 % interval (Student t)."""
    from scipy.special import stdtrit

    mean = float(values.mean())
    margin = float(stdtrit(len(values) - 1, 0.5 + LEVEL / 2) * values.std(ddof=1) / np.sqrt(len(values)))
    return mean, mean - margin, mean + margin


def outcome_means(rows: pd.DataFrame, names: Sequence[str]) -> dict[str, float]:
    """Means over worlds of runs of one arm, optimiser seeds and other repetitions averaged within worlds first.

    Returns
    -------
    dict
        `worlds`; each name with `_low` and `_high` (95 %, Student t), `collapsed` (share of runs) with those of Wilson
        (1927), and the base models' means as `base_…`.
    """
    every = [*names, "collapsed", *(f"{name}_base" for name in names if f"{name}_base" in rows)]
    by_world = rows.assign(**{name: rows[name].astype("float64") for name in every}).groupby("world")[every].mean()
    found: dict[str, float] = {"worlds": len(by_world)}
    for name in names:
        found |= dict(zip((name, f"{name}_low", f"{name}_high"), mean_interval(by_world[name].to_numpy()), strict=True))
    share = by_world[["collapsed"]].mean()
    low, high = wilson(share, pd.Series(len(by_world), index=share.index))
    found |= {"collapsed": float(share.iloc[0]), "collapsed_low": float(low.iloc[0]), "collapsed_high": float(high.iloc[0])}
    bases = {"relative_harm": 1.0} | {name: float(by_world[f"{name}_base"].mean()) for name in names if f"{name}_base" in by_world}
    return found | {f"base_{name}": value for name, value in bases.items()}
