"""The cheapest mix for a target, the least harm for an outlay, and the cost of a target by each pipeline.

A pipeline adds labels to a start: preferences alone, constraints alone, or both (hybrid). From an
untrained model the first two are the pure pipelines, a = 0 and b = 0. A fixed sum for drafting rules is
paid with the first constraint label, and one for computing with any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import NDArray

from econ.core.errors import InputError
from econ.cost.case import Case, Floats, Options, along, prepare
from econ.cost.outlays import (
    RAYS,
    Solution,
    harm_on_ray,
    least_cost_mix,
    least_harm_mix,
    least_outlay,
    logistic,
    lowest_harm,
)

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from econ.cost.prices import PriceBook
    from econ.surfaces import Surfaces

PREFERENCE, NEGATIVE, CRITIC, HYBRID = "preference-only", "negative-only", "critic-written", "hybrid"
PIPELINES = (PREFERENCE, NEGATIVE, CRITIC, HYBRID)
#: Share of the outlay on constraints of the pure pipelines.
SHARE_OF = {PREFERENCE: 0.0, NEGATIVE: 1.0}
#: What is bought in a draw.
NOTHING, PREFERENCES, CONSTRAINTS, BOTH, NO_MIX = range(5)
PLACES = ("nothing to buy", "preferences only", "constraints only", "both", "not attainable")
#: An inner mix with a share this near 0 or 1 is the corner.
EDGE = float(logistic(RAYS[:1])[0]) * 1.01
#: USD or hours per unit of relative harm above which a label has no effect.
LARGEST_PER_HARM = 1e15
Level = float | str


class Purchase:
    """What a pipeline buys in each draw to reach a target: what its answers have in common.

    Attributes
    ----------
    case : Case
    pipeline : str
    asked : tuple
        Targets as they were asked for, [M].
    target : ndarray, [D, M]
        Harm asked for.
    cost : ndarray, [D, M]
        USD: 0 where nothing is to buy, infinite where the target is not attainable.
    """

    case: Case
    pipeline: str
    asked: tuple[Level, ...]
    target: Floats
    cost: Floats

    @property
    def attainable(self) -> NDArray[np.bool_]:
        """Where the target is attainable, [D, M]."""
        return np.isfinite(self.cost)

    @property
    def nothing(self) -> NDArray[np.bool_]:
        """Where the start suffices, [D, M]."""
        found: NDArray[np.bool_] = self.cost == 0.0
        return found

    @property
    def average_cost(self) -> Floats:
        """USD per unit of relative harm, [D, M]: C(H0 → H)/(H0 - H)."""
        fall = self.case.start_harm[:, None] - self.target
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.nothing, np.nan, self.cost / fall)


@dataclass(frozen=True)
class Mix(Purchase):
    """What is bought in each draw, to reach a target or with a budget.

    Attributes
    ----------
    case : Case
    pipeline : str
    asked : tuple
        Targets of harm or budgets as they were asked for, [M].
    by_budget : bool
        Whether `asked` are budgets.
    target : ndarray, [D, M]
        Harm asked for; for budgets, the least harm.
    a, b : ndarray, [D, M]
        Constraint and preference labels bought; NaN where the target is not attainable.
    cost : ndarray, [D, M]
        USD with fixed costs: 0 where nothing is to buy, infinite where the target is not attainable.
    place : ndarray of int, [D, M]
        Index into `PLACES`.
    """

    case: Case
    pipeline: str
    asked: tuple[Level, ...]
    by_budget: bool
    target: Floats
    a: Floats
    b: Floats
    cost: Floats
    place: NDArray[np.int64]

    @property
    def stocks(self) -> tuple[Floats, Floats]:
        """Constraint and preference labels held in the end, [D, M] each."""
        return self.case.start_a[:, None] + self.a, self.case.start_b[:, None] + self.b

    @property
    def hours(self) -> Floats:
        """Hours of human work with drafting, [D, M]; infinite where the target is not attainable."""
        drafting = np.where(self.a > 0.0, self.case.drafting_hours[:, None], 0.0)
        return np.where(self.attainable, self.case.hours(self.a, self.b) + drafting, np.inf)

    @property
    def share(self) -> Floats:
        """Constraints' share of the outlay on labels, [D, M]; NaN where nothing is bought."""
        on_a, on_b = self.case.price_a[:, None] * self.a, self.case.price_b[:, None] * self.b
        with np.errstate(divide="ignore", invalid="ignore"):
            value: Floats = on_a / (on_a + on_b)
        return value

    def slopes(self) -> tuple[Floats, Floats]:
        """-∂H/∂a and -∂H/∂b per label at the stocks held in the end, [D, M] each."""
        a, b = (np.where(self.attainable, stock, 0.0) for stock in self.stocks)
        _, slope_a, slope_b = self.case.harm(a, b)
        return tuple(np.where(self.attainable, slope, np.nan) for slope in (slope_a, slope_b))  # type: ignore[return-value]

    def marginal_cost(self) -> tuple[Floats, Floats]:
        """USD per further unit of relative harm, by constraints and by preferences, [D, M] each."""
        slopes = self.slopes()
        prices = self.case.price_a, self.case.price_b
        return tuple(per_harm(p[:, None], slope) for p, slope in zip(prices, slopes, strict=True))  # type: ignore[return-value]

    def marginal_hours(self) -> tuple[Floats, Floats]:
        """Hours per further unit of relative harm, by constraints and by preferences, [D, M] each."""
        names = "minutes_constraint_label", "minutes_preference_label"
        return tuple(
            per_harm(self.case.prices[name][:, None] / 60.0, slope)
            for name, slope in zip(names, self.slopes(), strict=True)
        )  # type: ignore[return-value]

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Outcomes beside harm that the surfaces tell."""
        return self.case.surfaces.outcomes[1:]

    def margins(self) -> tuple[Floats, Floats | None]:
        """USD and hours per further unit of relative harm along the pipeline, [D, M] each.

        A hybrid's further label is the cheaper in USD, so it has no hours of its own.
        """
        dollars = self.marginal_cost()
        if self.pipeline == HYBRID:
            return np.fmin(*dollars), None
        own = (NEGATIVE, PREFERENCE).index(self.pipeline)
        return dollars[own], self.marginal_hours()[own]

    def outcome(self, name: str) -> Floats:
        """Harm, helpfulness, sycophancy or over-refusal at the stocks held in the end, [D, M]."""
        a, b = (np.where(self.attainable, stock, 0.0) for stock in self.stocks)
        value = self.case.harm(a, b)[0] if name == "harm" else self.case.secondary(name, a, b)[0]
        return np.where(self.attainable, value, np.nan)

    def extrapolated(self) -> Floats:
        """1 where the mix lies outside what the laboratory measured, else 0; NaN where there is none, [D, M]."""
        a, b = (np.where(self.attainable, stock, 0.0) for stock in self.stocks)
        return np.where(self.attainable, self.case.extrapolated(a, b), np.nan)

    def table(self) -> pd.DataFrame:
        """Tidy summary: one row for each target or budget and quantity, as ``mix.csv``."""
        from econ.cost.tables import mix_table

        return mix_table(self)

    def _repr_html_(self) -> str:
        """A notebook shows the summary."""
        return str(self.table().to_html(index=False))


def per_harm(price: Floats, slope: Floats) -> Floats:
    """Price over what a label takes off harm; NaN where it takes nothing off, up to rounding."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(slope * LARGEST_PER_HARM > price, price / slope, np.nan)


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
        See `econ.cost.case.Options`.

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
        from econ.cost.bounded import keep_bounds

        return keep_bounds(mix, min_helpfulness, max_sycophancy)
    refuse_unattainable(mix)
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
        from econ.cost.bounded import keep_bounds

        return keep_bounds(mix, min_helpfulness, max_sycophancy)
    return mix


def targets_of(case: Case, asked: Sequence[Level], key: str, start: Floats) -> Floats:
    """Levels for each draw, [D, M]: numbers as they are, percentages of the start's level [D].

    Raises
    ------
    InputError
    """
    columns = []
    for level in asked:
        share = isinstance(level, str) and level.strip().endswith("%")
        try:
            value = (
                float(level.strip().removesuffix("%")) / (100.0 if share else 1.0)
                if isinstance(level, str)
                else float(level)
            )
        except ValueError:
            value = np.nan
        if not (np.isfinite(value) and value > 0.0):
            raise InputError(
                "not a level",
                key=key,
                found=level,
                allowed="a number above 0, or a share of the start's level such as 50%",
            )
        columns.append(start * value if share else np.full(len(case), value))
    return np.stack(columns, axis=1)


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
        np.where(bought, asked, 0.0), np.where(bought, _place(theta), NOTHING),
    )  # fmt: skip


def _harm_of(case: Case, log_outlay: Floats, theta: Floats) -> Floats:
    """Harm after an outlay; the start's where it is nothing, infinite where it is less."""
    spent = np.isfinite(log_outlay)
    h = harm_on_ray(case, np.where(spent, log_outlay, 0.0), theta)[0]
    return np.where(spent, h, case.start_harm[:, None])


def _place(theta: Floats) -> NDArray[np.int64]:
    return np.where(theta <= EDGE, PREFERENCES, np.where(theta >= 1.0 - EDGE, CONSTRAINTS, BOTH))


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
    place = np.where(met, NOTHING, np.where(found, _place(theta), NO_MIX))
    return Mix(
        case, pipeline, tuple(asked), False, target,
        outlay * theta / along(case.price_a, 2), outlay * (1.0 - theta) / along(case.price_b, 2), cost, place,
    )  # fmt: skip


def listed(asked: Any) -> tuple[Any, ...]:
    """One level or several, as several."""
    return tuple(asked) if isinstance(asked, Sequence) and not isinstance(asked, str) else (asked,)


def _refuse_met(mix: Mix) -> None:
    """Refuse a target that the start meets in every draw."""
    for level, place in zip(mix.asked, mix.place.T, strict=True):
        if np.all(place == NOTHING):
            low, middle, high = np.quantile(mix.case.start_harm, [0.05, 0.5, 0.95])
            raise InputError(
                "nothing to buy: the start meets this target in every draw", key="target_harm", found=level,
                allowed=f"harm below the start's, {middle:.3g} (90 %: {low:.3g} to {high:.3g}), or the start 'untrained'",
            )  # fmt: skip


def refuse_unattainable(mix: Mix, remedy: str = "") -> None:
    """Refuse a target that no draw attains, saying what is attainable or, with bounds, how to loosen them."""
    for level, found in zip(mix.asked, mix.attainable.T, strict=True):
        if found.any():
            continue
        key = "budget" if mix.by_budget else "target_harm"
        if remedy:
            raise InputError(
                "not attainable in any draw within the bounds on other outcomes",
                key=key,
                found=level,
                allowed=remedy,
            )
        lowest = np.sort(lowest_harm(mix.case))
        share = np.mean(lowest <= lowest[0] * 1.05)
        raise InputError(
            "not attainable in any draw", key=key, found=level,
            allowed=f"harm above {lowest[0]:.3g}, the lowest of any draw ({100 * share:.1f} % of draws come within 5 % of it), "
            f"or above {np.median(lowest):.3g}, which half of them reach",
        )  # fmt: skip
