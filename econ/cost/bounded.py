"""Mixes that keep helpfulness up or sycophancy down as well.

Neither outcome need be monotone in labels, so where the cheapest mix breaks a bound, a scan over rays and
outlays finds the best mix that keeps all bounds, and sequential quadratic programming (Kraft 1988; SciPy)
refines it in (ln C, θ), draw by draw, with analytic derivatives.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from econ.core.errors import InputError
from econ.cost.case import Case, Floats, along
from econ.cost.levels import Level, targets_of
from econ.cost.outlays import RAYS, harm_on_ray, held_after, logistic, outlay_grid
from econ.cost.purchase import EDGE, NO_MIX, NOTHING, Mix, place_of

#: Outlays of the scan for each draw, and how far a bound may be missed.
OUTLAYS, SLACK = 72, 1e-7
#: Outlays, and rays, of the finer scan where the first finds none that keeps all limits.
FINE = 41
#: Scores from here on are of mixes that break a limit, USD or relative harm.
BROKEN = 1e30
#: Corners, and the rays between them.
SHARES = np.concatenate([[0.0], logistic(RAYS), [1.0]])


@dataclass(frozen=True)
class Bound:
    """Outcome whose level, times `sign`, must be at least `level` [D] times `sign`."""

    outcome: str
    sign: float
    level: Floats


def keep_bounds(mix: Mix, min_helpfulness: Level | None, max_sycophancy: Level | None) -> Mix:
    """The mix changed in those draws in which it breaks a bound.

    Parameters
    ----------
    mix : Mix
        The cheapest or least harmful mix without bounds.
    min_helpfulness, max_sycophancy : float or str, optional
        Levels, or shares of the start's level such as ``"95%"``.

    Raises
    ------
    InputError
        If the surfaces lack the outcome, or no draw attains a target within the bounds.
    """
    bounds = _bounds(mix.case, min_helpfulness, max_sycophancy)
    a, b, cost, target = (part.copy() for part in (mix.a, mix.b, mix.cost, mix.target))
    place = mix.place.copy()
    for column in range(len(mix.asked)):
        held = [np.where(mix.attainable[:, column], stock[:, column], 0.0)[:, None] for stock in mix.stocks]
        broken = np.zeros(len(mix.case), bool)
        for bound in bounds:
            level = mix.case.secondary(bound.outcome, held[0], held[1])[0][:, 0]
            broken |= bound.sign * (level - bound.level) < -SLACK
        rows = np.flatnonzero(broken & mix.attainable[:, column])
        if len(rows):
            parts = _bounded(mix, column, rows, bounds)
            (
                a[rows, column],
                b[rows, column],
                cost[rows, column],
                place[rows, column],
                target[rows, column],
            ) = parts
    kept = replace(mix, a=a, b=b, cost=cost, place=place, target=target)
    if kept.unattained is not None:
        without = ", ".join(f"{bound.outcome} {np.nanmedian(mix.outcome(bound.outcome)):.3g}" for bound in bounds)
        raise InputError(
            "not attainable in any draw within the bounds on other outcomes", key=kept.key, found=kept.unattained,
            allowed=f"looser bounds; the mix chosen without them has {without} (median)",
        )  # fmt: skip
    return kept


def _bounds(case: Case, min_helpfulness: Level | None, max_sycophancy: Level | None) -> list[Bound]:
    bounds = []
    for outcome, key, sign, asked in (
        ("helpfulness", "min_helpfulness", 1.0, min_helpfulness),
        ("sycophancy", "max_sycophancy", -1.0, max_sycophancy),
    ):
        if asked is not None:
            start = case.secondary(outcome, case.start_a[:, None], case.start_b[:, None])[0][:, 0]
            bounds.append(Bound(outcome, sign, targets_of(case, [asked], key, start)[:, 0]))
    return bounds


def _bounded(
    mix: Mix, column: int, rows: Any, bounds: list[Bound]
) -> tuple[Floats, Floats, Floats, Any, Floats]:
    """Labels a and b, cost, place and target of some draws, each [R], within the bounds."""
    case = mix.case.take(rows)
    kept = [replace(bound, level=bound.level[rows]) for bound in bounds]
    budget = np.asarray(mix.cost[rows, column]) if mix.by_budget else None
    log_outlay, theta, found = _scan(case, mix.target[rows, column], budget, kept)
    for i in np.flatnonzero(found):
        one = case.take(np.array([i]))
        own = [replace(bound, level=bound.level[[i]]) for bound in kept]
        limit = np.inf if budget is None else budget[i]
        log_outlay[i], theta[i] = _refined(
            one, mix.target[rows[i], column], limit, own, log_outlay[i], theta[i]
        )
    if budget is not None:
        # Buying nothing keeps within any budget; it is the answer where the start alone keeps the bounds.
        none = ~found & _start_keeps(case, kept)
        found, log_outlay = found | none, np.where(none, -np.inf, log_outlay)
    outlay = np.where(found, np.exp(log_outlay), np.nan)
    a, b = outlay * theta / case.price_a, outlay * (1.0 - theta) / case.price_b
    fixed = case.training + np.where(theta > EDGE, case.drafting, 0.0)
    place, fixed = np.where(outlay > 0.0, place_of(theta), NOTHING), np.where(outlay > 0.0, fixed, 0.0)
    target = mix.target[rows, column]
    if budget is not None:
        held = (
            (case.start_a + np.where(found, a, 0.0))[:, None],
            (case.start_b + np.where(found, b, 0.0))[:, None],
        )
        target = case.harm(*held)[0][:, 0]
    return a, b, np.where(found, outlay + fixed, np.inf), np.where(found, place, NO_MIX), target


def _start_keeps(case: Case, bounds: list[Bound]) -> NDArray[np.bool_]:
    """Whether the labels held at the start keep all bounds, [R]."""
    kept = np.ones(len(case), bool)
    for bound in bounds:
        level = case.secondary(bound.outcome, case.start_a[:, None], case.start_b[:, None])[0][:, 0]
        kept &= bound.sign * (level - bound.level) >= -SLACK
    return kept


def _fixed(case: Case, theta: Floats) -> Floats:
    """Fixed costs of a mix, [D, …]."""
    return along(case.training, theta.ndim) + np.where(theta > EDGE, along(case.drafting, theta.ndim), 0.0)


def _scan(
    case: Case, target: Floats, budget: Floats | None, bounds: list[Bound]
) -> tuple[Floats, Floats, Any]:
    """Best feasible mix of a grid of rays and outlays: ln C, θ and whether there is one, each [R]."""
    low, high = outlay_grid(case)[:, 0], outlay_grid(case)[:, -1]
    if budget is not None:
        high = np.minimum(high, np.log(np.maximum(budget - case.training, np.exp(low + 1.0))))
    grid = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, OUTLAYS)
    best, log_outlay, theta = np.full(len(case), np.inf), np.zeros(len(case)), np.zeros(len(case))
    for share in SHARES:
        node, reached = _least(_score(case, grid, np.full(grid.shape, share), target, budget, bounds))
        better = reached < best
        best[better], log_outlay[better], theta[better] = reached[better], grid[better, node[better]], share
    rows = np.flatnonzero(best >= BROKEN)
    if len(rows):
        own = [replace(bound, level=bound.level[rows]) for bound in bounds]
        step = (high - low)[rows] / (OUTLAYS - 1)
        near = _near(log_outlay[rows], theta[rows], step)
        node, best[rows] = _least(_score(case.take(rows), *near, target[rows], None if budget is None else budget[rows], own))
        log_outlay[rows], theta[rows] = (part[np.arange(len(rows)), node] for part in near)
    return log_outlay, theta, best < BROKEN


def _least(score: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Place of the least of each row [R, M], and the least."""
    node = score.argmin(axis=1)
    return node, score[np.arange(len(score)), node]


def _score(case: Case, grid: Floats, shares: Floats, target: Floats, budget: Floats | None, bounds: list[Bound]) -> Floats:
    """What is to be least at outlays and rays [R, M]: cost, or harm within a budget; `BROKEN` and more where a limit is broken."""
    harm = harm_on_ray(case, grid, shares)[0]
    total = np.exp(grid) + _fixed(case, shares)
    # How far limits are missed: the budget in its own units, the others as they are, all of the order of 1.
    missed = np.maximum(harm - target[:, None], 0.0) if budget is None else np.maximum(total / budget[:, None] - 1.0, 0.0)
    for bound in bounds:
        level = case.secondary(bound.outcome, *held_after(case, np.exp(grid), shares))[0]
        missed = missed + np.maximum(-bound.sign * (level - bound.level[:, None]), 0.0)
    missed = np.nan_to_num(missed, nan=np.inf)
    found: Floats = np.where(missed > 0.0, BROKEN * (1.0 + missed), total if budget is None else harm)
    return found


def _near(log_outlay: Floats, theta: Floats, step: Floats) -> tuple[Floats, Floats]:
    """Outlays and rays [R, M] about those that miss the limits least: what keeps all of them may lie between the scan's."""
    away = np.linspace(-1.5, 1.5, FINE)
    outlays = log_outlay[:, None] + step[:, None] * away
    place = np.interp(theta, SHARES, np.arange(len(SHARES)))
    rays = np.interp(np.clip(place[:, None] + away, 0.0, len(SHARES) - 1.0), np.arange(len(SHARES)), SHARES)
    shape = (len(theta), FINE * FINE)
    return np.repeat(outlays, FINE, axis=1).reshape(shape), np.tile(rays, (1, FINE)).reshape(shape)


def _refined(
    case: Case, target: float, budget: float, bounds: list[Bound], log_outlay: float, theta: float
) -> tuple[float, float]:
    """The mix of one draw, improved from a feasible one; that one if nothing better is found."""
    from scipy.optimize import minimize

    by_budget = bool(np.isfinite(budget))
    values = _Values(case, target, bounds)
    # Drafting is paid or not: a mix keeps the side of that step on which the scan put it.
    ends = (0.0, 0.0) if theta <= EDGE else (EDGE, 1.0)
    top = np.log(budget - _fixed(case, np.array([theta]))[0]) if by_budget else log_outlay + 2.0
    constraints: Any = [
        {"type": "ineq", "fun": lambda z, i=i: values(z)[0][i], "jac": lambda z, i=i: values(z)[1][i]}
        for i in range(0 if not by_budget else 1, 1 + len(bounds))
    ]
    objective: Any = (
        {"fun": lambda z: -values(z)[0][0], "jac": lambda z: -values(z)[1][0]}
        if by_budget
        else {"fun": lambda z: z[0], "jac": lambda z: np.array([1.0, 0.0])}
    )
    start = np.array([min(log_outlay, top), float(np.clip(theta, *ends))])
    with np.errstate(all="ignore"):
        result: Any = minimize(
            objective["fun"], start, jac=objective["jac"], method="SLSQP", constraints=constraints,
            bounds=[(log_outlay - 6.0, top), ends], options={"ftol": 1e-12, "maxiter": 200},
        )  # fmt: skip
    slack = values(result.x)[0]
    feasible = np.all(slack[1:] >= -SLACK) and (by_budget or slack[0] >= -SLACK)
    if feasible and np.all(np.isfinite(result.x)) and objective["fun"](result.x) <= objective["fun"](start):
        return float(result.x[0]), float(result.x[1])
    return log_outlay, theta


class _Values:
    """Slack of the target and of every bound at (ln C, θ), with derivatives, remembered for the last point."""

    def __init__(self, case: Case, target: float, bounds: list[Bound]) -> None:
        self._case, self._target, self._bounds = case, target, bounds
        self._point: tuple[float, ...] = ()
        self._found: tuple[Floats, Floats] = (np.empty(0), np.empty((0, 2)))

    def __call__(self, z: Floats) -> tuple[Floats, Floats]:
        """Slacks [1 + B] and their derivatives [1 + B, 2]."""
        point = tuple(z)
        if point != self._point:
            self._point, self._found = point, self._evaluate(z)
        return self._found

    def _evaluate(self, z: Floats) -> tuple[Floats, Floats]:
        case, outlay = self._case, float(np.exp(z[0]))
        s, theta = np.array([[z[0]]]), np.array([[z[1]]])
        a, b = held_after(case, np.exp(s), theta)
        per_a, per_b = 1.0 / case.price_a[0], 1.0 / case.price_b[0]

        def along_z(slope_a: float, slope_b: float) -> list[float]:
            on_a, on_b = slope_a * per_a, slope_b * per_b
            return [outlay * (z[1] * on_a + (1.0 - z[1]) * on_b), outlay * (on_a - on_b)]

        h, slope_a, slope_b = (float(part[0, 0]) for part in case.harm(a, b))
        slacks, derivatives = [self._target - h], [along_z(slope_a, slope_b)]
        for bound in self._bounds:
            level, up_a, up_b = (float(part[0, 0]) for part in case.secondary(bound.outcome, a, b))
            slacks.append(bound.sign * (level - bound.level[0]))
            derivatives.append([bound.sign * d for d in along_z(up_a, up_b)])
        return np.array(slacks), np.array(derivatives)
