"""pass@k, the chance that one of k samples is right: exact from a policy's probabilities, and estimated from samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


def exact_pass_at_k(probability: ArrayLike, k: int) -> float:
    """Mean over prompts of 1 - (1 - p)^k, where p is the probability of the right response.

    Parameters
    ----------
    probability : (N,) float
        In [0, 1], for each prompt.
    k : int
        Samples, from 1.

    Raises
    ------
    ValueError
        If k is below 1.
    """
    if k < 1:
        raise ValueError(f"k is at least 1, found {k}")
    p = np.minimum(np.asarray(probability, np.float64), 1.0)
    with np.errstate(divide="ignore"):
        return float(-np.expm1(k * np.log1p(-p)).mean())


def estimate_pass_at_k(correct: ArrayLike, samples: int, k: int) -> Floats:
    """The unbiased estimator of pass@k (Chen et al. 2021), 1 - C(n-c, k) / C(n, k), in logarithms.

    Parameters
    ----------
    correct : (…,) int
        Right samples c of each prompt.
    samples : int
        Samples n of each prompt.
    k : int
        From 1 to n.

    Returns
    -------
    (…,) float64
        One estimate per prompt; their mean estimates pass@k.

    Raises
    ------
    ValueError
        If k or a count is out of range.
    """
    c = np.asarray(correct, np.int64)
    if not 1 <= k <= samples:
        raise ValueError(f"k is from 1 to the {samples} samples, found {k}")
    if c.size and (c.min() < 0 or c.max() > samples):
        raise ValueError(f"right samples are from 0 to {samples}, found {c.min()} to {c.max()}")
    # C(n-c, k) / C(n, k) is the product of (1 - k/i) over i = n-c+1 .. n; it is 0 where n - c < k.
    i = np.arange(samples, k, -1)
    log_ratio = np.concatenate([[0.0], np.cumsum(np.log1p(-k / i)), np.full(k, -np.inf)])
    return np.asarray(-np.expm1(log_ratio[c]), np.float64)
