"""What a pipeline buys in each draw to reach a target: costs, hours, further labels' costs, what else comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from econ.cost.case import Case, Floats
from econ.cost.levels import Level
from econ.cost.outlays import RAYS, logistic
from econ.cost.summary import MIX_COLUMNS, OUTCOME_UNITS, PER_HARM, mix_row, quantiles, share_of_draws

if TYPE_CHECKING:
    import pandas as pd

PREFERENCE, NEGATIVE, CRITIC, HYBRID = "preference-only", "negative-only", "critic-written", "hybrid"
PIPELINES = (PREFERENCE, NEGATIVE, CRITIC, HYBRID)
#: What is bought in a draw.
NOTHING, PREFERENCES, CONSTRAINTS, BOTH, NO_MIX = range(5)
PLACES = ("nothing to buy", "preferences only", "constraints only", "both", "not attainable")
#: Rows of ``mix.csv`` that say in how many draws a kind of label is bought.
BUYS = {"buys_nothing": NOTHING, "buys_preferences_only": PREFERENCES, "buys_constraints_only": CONSTRAINTS, "buys_both": BOTH}
#: An inner mix with a share this near 0 or 1 is the corner.
EDGE = float(logistic(RAYS[:1])[0]) * 1.01
#: USD or hours per unit of relative harm above which a label has no effect.
LARGEST_PER_HARM = 1e15


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
    def key(self) -> str:
        """What was asked for, as options name it."""
        return "budget" if self.by_budget else "target_harm"

    @property
    def unattained(self) -> Level | None:
        """The first of what was asked for that is attainable in no draw; None if there is none."""
        return next((level for level, found in zip(self.asked, self.attainable.T, strict=True) if not found.any()), None)

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
        return mix_table(self)

    def _repr_html_(self) -> str:
        """A notebook shows the summary."""
        return str(self.table().to_html(index=False))


def per_harm(price: Floats, slope: Floats) -> Floats:
    """Price over what a label takes off harm; NaN where it takes nothing off, up to rounding."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(slope * LARGEST_PER_HARM > price, price / slope, np.nan)


def place_of(theta: Floats) -> NDArray[np.int64]:
    """What a share of the outlay on constraints buys, as an index into `PLACES`."""
    return np.where(theta <= EDGE, PREFERENCES, np.where(theta >= 1.0 - EDGE, CONSTRAINTS, BOTH))


def mix_table(mix: Mix) -> pd.DataFrame:
    """What is bought and what comes of it, as ``mix.csv``."""
    import pandas as pd

    return pd.DataFrame(mix_rows(mix), columns=list(MIX_COLUMNS))


def mix_rows(mix: Mix) -> list[dict[str, Any]]:
    """Rows of ``mix.csv`` of one mix."""
    rows = []
    found = _mix_quantities(mix)
    for m, level in enumerate(mix.asked):
        target, budget = (None, float(level)) if mix.by_budget else (level, None)
        share = float(mix.attainable[:, m].mean())
        for quantity, unit, values in found:
            rows.append(mix_row(mix.case, target, budget, quantity, unit, quantiles(values[:, m]), share))
        for name, place in BUYS.items():
            value = float(np.mean(mix.place[:, m] == place))
            rows.append(mix_row(mix.case, target, budget, name, "share of draws", {"p50": value}, share))
    return rows


def _mix_quantities(mix: Mix) -> list[tuple[str, str, Floats]]:
    a, b = mix.a, mix.b
    found = [
        ("constraints", "labels", a),
        ("preferences", "labels", b),
        ("share_constraints", "share of outlay", mix.share),
        ("cost", "USD", mix.cost),
        ("hours", "hours", mix.hours),
        ("harm", "relative harm", mix.outcome("harm")),
    ]
    found += [(name, OUTCOME_UNITS[name], mix.outcome(name)) for name in mix.outcomes]
    by_constraints, by_preferences = mix.marginal_cost()
    return [
        *found,
        ("marginal_cost_constraints", f"USD {PER_HARM}", by_constraints),
        ("marginal_cost_preferences", f"USD {PER_HARM}", by_preferences),
        ("extrapolated", "share of draws", share_of_draws(mix.extrapolated())),
    ]
