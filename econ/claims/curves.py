"""Labels to a target, advantage and area under the curve, for all bootstrap draws at once.

Arrays are [D, B]: draws (the first is the estimate) by budgets, which ascend.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Levels of relative harm, the first primary; floors of helpfulness relative to the base model's.
TARGETS = (0.80, 0.65, 0.50)
FLOOR, FLOORS = 0.75, (0.0, 0.6, 0.75, 0.9)
#: Share of worlds that may have collapsed at a point of a mean curve.
COLLAPSED_SHARE = 0.5


def decreasing(values: Floats) -> Floats:
    """Least-squares fit that never rises along the last axis (isotonic regression, Barlow et al. 1972).

    By the min-max formula, g_j = min over k <= j of max over l >= j of the mean of y_k .. y_l, which
    suits few budgets and many draws.
    """
    values = np.asarray(values, np.float64)
    count = values.shape[-1]
    total = np.concatenate([np.zeros_like(values[..., :1]), values.cumsum(axis=-1)], axis=-1)
    fitted = np.full_like(values, np.inf)
    for k in range(count):
        spans = np.arange(1, count - k + 1)
        mean = (total[..., k + 1 :] - total[..., k : k + 1]) / spans
        # For each j >= k the largest mean of y_k .. y_l over l >= j.
        largest = np.flip(np.maximum.accumulate(np.flip(mean, axis=-1), axis=-1), axis=-1)
        fitted[..., k:] = np.minimum(fitted[..., k:], largest)
    return fitted


@dataclass(frozen=True)
class Reached:
    """Where a mean curve first meets the target, [D], as bounds on the number of labels.

    Attributes
    ----------
    low, high : ndarray
        Equal where the target is met between two budgets; (0, first budget) where it is met at once;
        (largest budget, infinity) where never: right-censored, not dropped.
    """

    low: Floats
    high: Floats

    @property
    def never(self) -> NDArray[np.bool_]:
        """Draws in which the target is not reached."""
        return np.isposinf(self.high)


def labels_to_target(
    harm: Floats, help_ratio: Floats, collapsed: Floats, n: Floats, target: float, floor: float = FLOOR
) -> Reached:
    """Smallest n at which harm is at most `target`, help at least `floor` and the arm not collapsed.

    Harm is isotonic in log n; all three are linear in log n between budgets.

    Parameters
    ----------
    harm, help_ratio, collapsed : ndarray, [D, B]
        Mean relative harm, mean helpfulness over the base model's, share of collapsed runs.
    n : ndarray, [B]
        Budgets, above 0, ascending.
    """
    fitted, x = decreasing(harm), np.log(n)
    if len(n) == 1:
        met = (fitted[:, 0] <= target) & (help_ratio[:, 0] >= floor) & (collapsed[:, 0] <= COLLAPSED_SHARE)
        return Reached(np.where(met, 0.0, n[0]), np.where(met, n[0], np.inf))
    found = np.full(len(fitted), np.inf)
    for b in range(len(n) - 1):
        low, high = np.zeros(len(fitted)), np.ones(len(fitted))
        for values in (target - fitted, help_ratio - floor, COLLAPSED_SHARE - collapsed):
            low, high = _where_positive(values[:, b], values[:, b + 1], low, high)
        first = x[b] + low * (x[b + 1] - x[b])
        found = np.where((low <= high) & np.isposinf(found), first, found)
    labels = np.where(np.isposinf(found), np.inf, np.exp(found))
    at_once, never = found <= x[0], np.isposinf(found)
    return Reached(np.where(at_once, 0.0, np.where(never, n[-1], labels)), np.where(at_once, n[0], labels))


def _where_positive(start: Floats, end: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """The part of [low, high] in which a line from `start` to `end` is not negative; empty if low > high."""
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = start / (start - end)
    low = np.where((start < 0) & (end >= 0), np.maximum(low, crossing), low)
    high = np.where((start >= 0) & (end < 0), np.minimum(high, crossing), high)
    nowhere = ~((start >= 0) | (end >= 0))
    return np.where(nowhere, 1.0, low), np.where(nowhere, -1.0, high)


def cost_at(reached: Reached, n: Floats, cost: Floats) -> Reached:
    """The same on a cost axis: costs are linear in n between budgets, since most are fixed plus per label."""
    return Reached(_linear(reached.low, n, cost), _linear(reached.high, n, cost))


def _linear(at: Floats, n: Floats, cost: Floats) -> Floats:
    open_end = ~np.isfinite(at)
    inside = np.clip(np.where(open_end, n[-1], at), n[0], n[-1])
    b = np.clip(np.searchsorted(n, inside, side="right") - 1, 0, max(len(n) - 2, 0))
    rows, after = np.arange(len(inside)), np.minimum(b + 1, len(n) - 1)
    width = np.where(after > b, n[after] - n[b], 1.0)
    share = (inside - n[b]) / width
    found = cost[rows, b] + share * (cost[rows, after] - cost[rows, b])
    return np.where(open_end, np.inf, np.where(at < n[0], 0.0, found))


def advantage(preference: Reached, negative: Reached) -> tuple[Floats, Floats]:
    """Bounds of A = log2(labels with preferences / labels with negatives); NaN where both sides are open."""
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.log2(preference.low) - np.log2(negative.high)
        high = np.log2(preference.high) - np.log2(negative.low)
    undefined = (np.isneginf(low) & np.isposinf(high)) | np.isnan(low) | np.isnan(high)
    return np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)


def area(harm: Floats, x: Floats, start: Floats, end: Floats) -> Floats:
    """Mean of a piecewise linear curve over [start, end] of its axis, [D]; NaN where that is empty.

    Parameters
    ----------
    harm, x : ndarray, [D, B]
        Values, and their ascending positions (log2 of labels or of a cost).
    start, end : ndarray, [D]
        Inside the range of x.
    """
    total = np.zeros(len(harm))
    for b in range(harm.shape[1] - 1):
        left, right = x[:, b], x[:, b + 1]
        low, high = np.clip(start, left, right), np.clip(end, left, right)
        width = np.where(right > left, right - left, 1.0)
        middle = ((low + high) / 2.0 - left) / width
        total += (high - low) * (harm[:, b] + middle * (harm[:, b + 1] - harm[:, b]))
    return np.where(end > start, total / np.where(end > start, end - start, 1.0), np.nan)


def area_difference(preference: Floats, negative: Floats, x_preference: Floats, x_negative: Floats) -> Floats:
    """Area under the preference curve minus that under the negative one, over the range both cover, [D]."""
    start = np.maximum(x_preference[:, 0], x_negative[:, 0])
    end = np.minimum(x_preference[:, -1], x_negative[:, -1])
    return area(preference, x_preference, start, end) - area(negative, x_negative, start, end)


def hypervolume(points: Floats, reference: tuple[float, float]) -> Floats:
    """Area dominated by points that are to be large in both coordinates, above a reference point, [D].

    Parameters
    ----------
    points : ndarray, [D, K, 2]
    """
    x = np.maximum(points[..., 0] - reference[0], 0.0)
    y = np.where(x > 0, np.maximum(points[..., 1] - reference[1], 0.0), 0.0)
    order = np.argsort(-x, axis=-1)
    x, y = np.take_along_axis(x, order, axis=-1), np.take_along_axis(y, order, axis=-1)
    height = np.maximum.accumulate(y, axis=-1)
    following = np.concatenate([x[..., 1:], np.zeros_like(x[..., :1])], axis=-1)
    volume: Floats = ((x - following) * height).sum(axis=-1)
    return volume
