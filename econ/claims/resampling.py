"""Bayesian bootstrap of worlds: intervals, p-values that agree with them, and Holm's adjustment.

A statistic is a function of world weights, evaluated at once for equal weights (the estimate) and for
all draws. Both arms of a contrast share the weights of a draw, so contrasts are paired by world.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from econ.surfaces.bootstrap import widening, world_weights

Floats = NDArray[np.float64]

#: Draws of the bootstrap and coverage of intervals, as pre-registered.
DRAWS = 10_000
LEVEL = 0.95
TAIL = (1.0 - LEVEL) / 2.0
#: Hypotheses over which Holm's adjustment runs, measured or not.
FAMILY = 9
#: Fewer worlds than these give no interval worth printing.
MIN_WORLDS = 4


@dataclass(frozen=True)
class Resampler:
    """Seed and number of draws of the bootstrap."""

    seed: int = 1
    draws: int = DRAWS

    def weights(self, worlds: NDArray[np.int64]) -> Floats:
        """World weights, [1 + draws, W], rows sum to 1; row 0 is equal weights.

        Keyed by the worlds' own numbers: order of rows and other worlds do not matter.
        """
        return _weights(self.seed, self.draws, tuple(int(w) for w in worlds))


@lru_cache(maxsize=32)
def _weights(seed: int, draws: int, worlds: tuple[int, ...]) -> Floats:
    drawn = world_weights(seed, draws, np.array(worlds, np.int64)) / len(worlds)
    return np.vstack([np.full((1, len(worlds)), 1.0 / len(worlds)), drawn])


@dataclass(frozen=True)
class Effect:
    """An estimate with its draws; where censoring leaves a bound, `low` and `high` differ.

    Attributes
    ----------
    low, high : ndarray, [1 + draws]
        Bounds of the statistic; equal where it is known, infinite where it is open, NaN where it is
        undefined. Element 0 is the estimate.
    worlds : int
    """

    low: Floats
    high: Floats
    worlds: int

    @classmethod
    def exact(cls, values: Floats, worlds: int) -> Effect:
        """A statistic without censoring."""
        return cls(values, values, worlds)

    @property
    def value(self) -> float:
        """The estimate; where censored, its finite bound."""
        low, high = float(self.low[0]), float(self.high[0])
        return low if np.isfinite(low) or not np.isfinite(high) else high

    @property
    def bound(self) -> str:
        """``""`` for an estimate, ``">="`` or ``"<="`` for a bound, ``"undefined"``."""
        low, high = self.low[0], self.high[0]
        if np.isnan(low) or np.isnan(high):
            return "undefined"
        if low == high:
            return ""
        return ">=" if np.isposinf(high) else "<="

    @property
    def undefined_share(self) -> float:
        """Share of draws in which the statistic is undefined."""
        return float(np.isnan(self.low[1:]).mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval, widened for few worlds; an end may be infinite."""
        return self.lower(TAIL), self.upper(TAIL)

    def lower(self, tail: float) -> float:
        """Bound with `tail` of the widened draws below it."""
        return float(_quantiles(self.low, self.worlds, np.array([tail]))[0])

    def upper(self, tail: float) -> float:
        """Bound with `tail` of the widened draws above it."""
        return -float(_quantiles(-self.high, self.worlds, np.array([tail]))[0])

    def p_above(self, limit: float) -> float:
        """One-sided p-value of "not above `limit`": the least tail at which the lower bound exceeds it."""
        return _p_value(self.low, self.worlds, limit)

    def p_below(self, limit: float) -> float:
        """One-sided p-value of "not below `limit`"."""
        return _p_value(-self.high, self.worlds, -limit)

    def plain(self) -> dict[str, Any]:
        """As JSON: estimate, what kind of bound it is, interval; null where a number is not finite."""
        low, high = self.interval
        return {
            "estimate": finite(self.value), "bound": self.bound, "low": finite(low), "high": finite(high),
            "undefined_share": self.undefined_share, "worlds": self.worlds,
        }  # fmt: skip


def finite(value: float) -> float | None:
    """The number, or None if it is infinite or not a number."""
    return float(value) if np.isfinite(value) else None


def _quantiles(draws: Floats, worlds: int, tails: Floats) -> Floats:
    """Widened lower quantiles: estimate + c(W) (quantile - estimate), c as in `econ.surfaces.bootstrap`.

    Undefined draws are left out (their share is reported); order statistics are not interpolated, so
    that an infinite draw makes no NaN.
    """
    value, drawn = draws[0], draws[1:]
    drawn = drawn[~np.isnan(drawn)]
    if np.isnan(value) or len(drawn) == 0:
        return np.full(len(tails), np.nan)
    found: Floats = np.quantile(drawn, tails, method="inverted_cdf")
    if not np.isfinite(value):
        return np.where(np.isfinite(found), value, found)
    return np.asarray(value + _scales(worlds, tuple(tails.tolist())) * (found - value))


@lru_cache(maxsize=256)
def _scales(worlds: int, tails: tuple[float, ...]) -> Floats:
    """Widening c(W) at the level of each tail."""
    return np.array([widening(worlds, max(tail, 1.0 - tail)) for tail in tails])


@lru_cache(maxsize=8)
def _tails(draws: int) -> Floats:
    """Tails at which p-values are resolved; those that decide a Holm-adjusted verdict are among them."""
    least = 1.0 / draws
    inner = np.geomspace(least, 0.49, 160)
    decisive = TAIL / np.arange(1.0, 2.0 * FAMILY + 1.0)
    return np.unique(np.concatenate([inner, decisive[decisive >= least], 1.0 - inner]))


def _p_value(draws: Floats, worlds: int, limit: float) -> float:
    tails = _tails(len(draws) - 1)
    bounds = _quantiles(draws, worlds, tails)
    above = np.flatnonzero(bounds > limit)
    return float(tails[above[0]]) if len(above) else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values of a family, controlling the chance of any false rejection (Holm 1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    count, running = len(p_values), 0.0
    adjusted = [1.0] * count
    for rank, index in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        running = max(running, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted
