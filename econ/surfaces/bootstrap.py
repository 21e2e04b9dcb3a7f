"""Bayesian bootstrap over worlds, small-sample widening, and which draw uses which form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from econ.core.random import uniform
from econ.core.streams import Stream
from econ.surfaces.forms import Floats

#: Level at which intervals are widened: the ends of a 90 % interval.
LEVEL = 0.95
GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0


def world_weights(seed: int, draws: int, worlds: NDArray[np.int64]) -> Floats:
    """Dirichlet(1) weights of worlds, [draws, W], each row with sum W (Rubin 1981).

    Keyed by the world's own number, so that adding a world leaves the others' gamma draws alone.
    """
    gamma = -np.log(uniform(seed, Stream.BOOTSTRAP, worlds, 0, np.arange(draws)[:, None]))
    weights: Floats = gamma * (len(worlds) / gamma.sum(axis=1, keepdims=True))
    return weights


def widening(worlds: int, level: float = LEVEL) -> float:
    """Factor on deviations from the point fit, c(W) = sqrt((W + 1)/(W - 1))·t(level, W - 1)/z(level).

    The Bayesian bootstrap's variance is (W - 1)/(W + 1) of the sample's, and its tails are normal.

    Examples
    --------
    >>> round(widening(16), 2)
    1.13
    """
    from scipy.special import ndtri, stdtrit

    return float(np.sqrt((worlds + 1.0) / (worlds - 1.0)) * stdtrit(worlds - 1, level) / ndtri(level))


def allot(weights: Floats, draws: int) -> NDArray[np.int64]:
    """Form of each draw, [draws]: counts by largest remainder, spread evenly over the draws' order."""
    exact = weights * draws
    counts = np.floor(exact).astype(np.int64)
    rest = np.argsort(-(exact - counts), kind="stable")[: draws - counts.sum()]
    counts[rest] += 1
    order = np.argsort((np.arange(1, draws + 1) * GOLDEN) % 1.0, kind="stable")
    form = np.empty(draws, np.int64)
    form[order] = np.repeat(np.arange(len(weights)), counts)
    return form
