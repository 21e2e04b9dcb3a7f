"""Statistics over replicates: means with Monte Carlo errors, quantiles, proportions, paired differences.

Arrays have the axes replicate S and quarter T, and any after these. NaN means that an outcome has no value (a
Herfindahl–Hirschman index at zero revenue, say) and is left out of that quarter's statistics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Names and levels of the reported quantiles.
QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.50, "p75": 0.75, "p95": 0.95}
#: Coverage of the intervals of paired differences.
CONFIDENCE = 0.95


def mean_and_error(values: Floats) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    """Mean, standard deviation and Monte Carlo error of the mean, by quarter.

    Parameters
    ----------
    values : ndarray, shape [S, T]

    Returns
    -------
    mean, sd, mc_error : ndarray, shape [T]
        The standard deviation has n - 1 degrees of freedom; the error is sd / sqrt(n). NaN where
        fewer than one (mean) or two (sd, error) replicates have a value.
    count : ndarray of int, shape [T]
        Replicates with a value.
    """
    present = np.isfinite(values)
    count = present.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(present, values, 0.0).sum(axis=0) / count
        squares = np.where(present, (values - mean) ** 2, 0.0).sum(axis=0)
        sd = np.where(count > 1, np.sqrt(squares / (count - 1)), np.nan)
        error = sd / np.sqrt(count)
    return mean, sd, error, count


def quantiles(values: Floats, levels: tuple[float, ...] = tuple(QUANTILES.values())) -> Floats:
    """Quantiles over the replicates that have a value, linearly interpolated; shape [levels, T]."""
    result = np.full((len(levels), values.shape[1]), np.nan)
    present = np.isfinite(values)
    full = present.all(axis=0) & (len(values) > 0)
    if full.any():
        result[:, full] = np.quantile(values[:, full], levels, axis=0)
    for quarter in np.flatnonzero(~full & present.any(axis=0)):
        result[:, quarter] = np.quantile(values[present[:, quarter], quarter], levels)
    return result


def wilson_bound(successes: Floats, trials: Floats, level: float) -> Floats:
    """Quantile-like bound of a proportion: the end of the Wilson score interval at a one-sided level.

    The pair (0.05, 0.95) is the 90 % interval. Unlike the normal interval it never leaves [0, 1] and
    does not collapse at 0 or 1. Source: Wilson (1927), JASA 22(158).

    Parameters
    ----------
    successes, trials : ndarray
        Counts; trials above 0.
    level : float
        In (0, 1).
    """
    from scipy.special import ndtri

    z = float(ndtri(level))
    share = successes / trials
    half = z**2 / (2 * trials)
    # In this form exact at 0, where the root is of a square; rounding could leave a bound beyond 1.
    spread = np.copysign(np.sqrt(z**2 * share * (1 - share) / trials + half**2), z)
    return np.clip((share + half + spread) / (1 + z**2 / trials), 0.0, 1.0)


def paired_difference(values: Floats, baseline: Floats) -> dict[str, Floats]:
    """Statistics of scenario minus baseline, replicate by replicate with common random numbers.

    Parameters
    ----------
    values, baseline : ndarray, shape [S, ...]
        The same replicates in the same order; a pair counts where both have a value.

    Returns
    -------
    dict of str to ndarray, shape [...]
        ``mean_difference``, ``mc_error``, ``low`` and ``high`` (95 % interval of the mean by
        Student's t), ``share_positive`` of the pairs that count, and their number ``pairs``.
    """
    from scipy.special import stdtrit

    difference = values - baseline
    mean, _, error, count = mean_and_error(difference)
    present = np.isfinite(difference)
    with np.errstate(invalid="ignore", divide="ignore"):
        counts, place = np.unique(count, return_inverse=True)
        factor = stdtrit(np.maximum(counts - 1, 1).astype(float), 0.5 + CONFIDENCE / 2)
        half = factor[place.reshape(count.shape)] * error
        share = (present & (np.where(present, difference, 0.0) > 0)).sum(axis=0) / count
    return {
        "mean_difference": mean,
        "mc_error": error,
        "low": mean - half,
        "high": mean + half,
        "share_positive": share,
        "pairs": count.astype(float),
    }
