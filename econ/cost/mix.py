"""The cheapest mix for a target, the least harm for an outlay, and the cost of a target by each pipeline.

A pipeline adds labels to a start: preferences alone, constraints alone, or both (hybrid). From an
untrained model the first two are the pure pipelines, a = 0 and b = 0. A fixed sum for drafting rules is
paid with the first constraint label, and one for computing with any.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np

from econ.core.errors import InputError
from econ.cost.bounded import keep_bounds
from econ.cost.case import Case, Floats, along
from econ.cost.levels import Level, listed, targets_of
from econ.cost.outlays import Solution, harm_on_ray, least_cost_mix, least_harm_mix, least_outlay, lowest_harm
from econ.cost.preparation import Options, prepare
from econ.cost.purchase import HYBRID, NEGATIVE, NO_MIX, NOTHING, PREFERENCE, Mix, per_harm, place_of

if TYPE_CHECKING:
    from pathlib import Path

    from econ.cost.prices import PriceBook
    from econ.surfaces import Surfaces

#: Share of the outlay on constraints of the pure pipelines.
SHARE_OF = {PREFERENCE: 0.0, NEGATIVE: 1.0}


def cheapest_mix(
    surfaces: Surfaces,
    prices: str | Path | PriceBook | dict[str, object] | None = None,
    *,
    target_harm: Level | Sequence[Level],
    min_helpfulness: Level | None = None,
    max_sycophancy: Level | None = None,
    **options: Unpack[Options],
) -> Mix:
    """The mix of labels that reaches a target at least cost, in each posterior draw.

    Parameters
    ----------
    surfaces : Surfaces
    prices : path, name, dict or PriceBook, optional
        The defaults of the parameter table unless given.
    target_harm : float, str or sequence
        Harm relative to the untrained model, or such as ``"50%"``: a share of harm at the start.
    min_helpfulness, max_sycophancy : float or str, optional
        Levels to keep, or shares of the start's.
    **options
        See `econ.cost.preparation.Options`.

    Raises
    ------
    InputError
        If there is nothing to buy in any draw, no draw attains a target, or the surfaces lack an outcome.

    Examples
    --------
    >>> mix = cheapest_mix(surfaces, "default", target_harm="50%", min_helpfulness="95%")  # doctest: +SKIP
    """
    case = prepare(surfaces, prices, **options)
    asked = listed(target_harm)
    mix = mix_for(case, asked)
    _refuse_met(mix)
    if min_helpfulness is not None or max_sycophancy is not None:
        return keep_bounds(mix, min_helpfulness, max_sycophancy)
    _refuse_unattainable(mix)
    return mix


def budget_frontier(
    surfaces: Surfaces,
    prices: str | Path | PriceBook | dict[str, object] | None = None,
    *,
    budget: float | Sequence[float],
    min_helpfulness: Level | None = None,
    max_sycophancy: Level | None = None,
    **options: Unpack[Options],
) -> Mix:
    """The mix of labels with the least harm that a budget buys, in each posterior draw.

    Parameters and errors are those of `cheapest_mix`, with `budget` in USD.
    """
    case = prepare(surfaces, prices, **options)
    mix = mix_of_budget(case, listed(budget))
    if min_helpfulness is not None or max_sycophancy is not None:
        return keep_bounds(mix, min_helpfulness, max_sycophancy)
    return mix


def mix_for(case: Case, asked: Sequence[Level]) -> Mix:
    """The cheapest mix for each target, corners and fixed costs included."""
    target = targets_of(case, asked, "target_harm", case.start_harm)
    inner = least_cost_mix(case, target)
    corners = [
        Solution(least_outlay(case, theta, target), np.full(target.shape, theta)) for theta in (0.0, 1.0)
    ]
    return _cheapest(case, HYBRID, asked, target, [inner, *corners])


def pipeline_for(case: Case, pipeline: str, asked: Sequence[Level]) -> Mix:
    """The flags and pairs that a pipeline of them needs for each target."""
    if pipeline == HYBRID:
        return mix_for(case, asked)
    target = targets_of(case, asked, "target_harm", case.start_harm)
    theta = SHARE_OF[pipeline]
    return _cheapest(
        case,
        pipeline,
        asked,
        target,
        [Solution(least_outlay(case, theta, target), np.full(target.shape, theta))],
    )


def marginal_cost(
    surfaces: Surfaces,
    prices: str | Path | PriceBook | dict[str, object] | None = None,
    **options: Unpack[Options],
) -> dict[str, Floats]:
    """USD and hours per unit of relative harm at the start, by kind of label, each [D]; NaN where a label does no good.

    Examples
    --------
    >>> marginal_cost(surfaces)["usd_constraint"]  # doctest: +SKIP
    """
    return marginal_at_start(prepare(surfaces, prices, **options))


def marginal_at_start(case: Case) -> dict[str, Floats]:
    """As `marginal_cost`, of a prepared case."""
    _, slope_a, slope_b = case.harm(case.start_a[:, None], case.start_b[:, None])
    found = {}
    for kind, price, slope in (("constraint", case.price_a, slope_a), ("preference", case.price_b, slope_b)):
        found[f"usd_{kind}"] = per_harm(price, slope[:, 0])
        found[f"hours_{kind}"] = per_harm(case.prices[f"minutes_{kind}_label"] / 60.0, slope[:, 0])
    return found


def mix_of_budget(case: Case, budgets: Sequence[float]) -> Mix:
    """The mix with the least harm for each budget, corners and fixed costs included."""
    for budget in budgets:
        if not (np.isfinite(budget) and budget > 0.0):
            raise InputError("not a budget", key="budget", found=budget, allowed="a number of USD above 0")
    asked = np.broadcast_to(np.asarray(budgets, np.float64), (len(case), len(budgets)))
    plain = asked - case.training[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        without, drafted = (np.log(np.maximum(left, 0.0)) for left in (plain, plain - case.drafting[:, None]))
    inner = least_harm_mix(case, np.where(np.isfinite(drafted), drafted, 0.0))
    candidates = [
        (without, np.zeros(asked.shape)),
        (drafted, np.ones(asked.shape)),
        (drafted, inner.theta),
    ]
    harm = np.stack([_harm_of(case, s, theta) for s, theta in candidates])
    best = harm.argmin(axis=0)[None]
    s, theta = (
        np.take_along_axis(np.stack(column), best, axis=0)[0] for column in zip(*candidates, strict=True)
    )
    bought = np.isfinite(s)
    outlay = np.where(bought, np.exp(s), 0.0)
    return Mix(
        case, HYBRID, tuple(float(b) for b in budgets), True, harm.min(axis=0),
        outlay * theta / case.price_a[:, None], outlay * (1.0 - theta) / case.price_b[:, None],
        np.where(bought, asked, 0.0), np.where(bought, place_of(theta), NOTHING),
    )  # fmt: skip


def _harm_of(case: Case, log_outlay: Floats, theta: Floats) -> Floats:
    """Harm after an outlay; the start's where it is nothing, infinite where it is less."""
    spent = np.isfinite(log_outlay)
    h = harm_on_ray(case, np.where(spent, log_outlay, 0.0), theta)[0]
    return np.where(spent, h, case.start_harm[:, None])


def _cheapest(
    case: Case, pipeline: str, asked: Sequence[Level], target: Floats, candidates: list[Solution]
) -> Mix:
    """The cheapest of some solutions in each draw, with fixed costs."""
    met = target >= case.start_harm[:, None]
    costs = []
    for solution in candidates:
        fixed = case.training[:, None] + np.where(solution.theta > 0.0, case.drafting[:, None], 0.0)
        cost = np.exp(solution.log_outlay) + fixed
        costs.append(np.where(met, 0.0, np.where(np.isfinite(cost), cost, np.inf)))
    cost = np.stack(costs)
    best = cost.argmin(axis=0)[None]
    s, theta = (
        np.take_along_axis(np.stack([getattr(c, name) for c in candidates]), best, axis=0)[0]
        for name in ("log_outlay", "theta")
    )
    cost = cost.min(axis=0)
    found = np.isfinite(cost)
    with np.errstate(invalid="ignore"):
        outlay = np.where(met, 0.0, np.where(found, np.exp(s), np.nan))
        theta = np.where(met | ~found, 0.0, theta)
    place = np.where(met, NOTHING, np.where(found, place_of(theta), NO_MIX))
    return Mix(
        case, pipeline, tuple(asked), False, target,
        outlay * theta / along(case.price_a, 2), outlay * (1.0 - theta) / along(case.price_b, 2), cost, place,
    )  # fmt: skip


def _refuse_met(mix: Mix) -> None:
    """Refuse a target that the start meets in every draw."""
    for level, place in zip(mix.asked, mix.place.T, strict=True):
        if np.all(place == NOTHING):
            low, middle, high = np.quantile(mix.case.start_harm, [0.05, 0.5, 0.95])
            raise InputError(
                "nothing to buy: the start meets this target in every draw", key="target_harm", found=level,
                allowed=f"harm below the start's, {middle:.3g} (90 %: {low:.3g} to {high:.3g}), or the start 'untrained'",
            )  # fmt: skip


def _refuse_unattainable(mix: Mix) -> None:
    """Refuse a target that no draw attains, saying what is attainable."""
    level = mix.unattained
    if level is None:
        return
    lowest = np.sort(lowest_harm(mix.case))
    share = np.mean(lowest <= lowest[0] * 1.05)
    raise InputError(
        "not attainable in any draw", key=mix.key, found=level,
        allowed=f"harm above {lowest[0]:.3g}, the lowest of any draw ({100 * share:.1f} % of draws come within 5 % of it), "
        f"or above {np.median(lowest):.3g}, which half of them reach",
    )  # fmt: skip
