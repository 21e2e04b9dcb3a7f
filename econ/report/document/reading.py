"""What a summary says of one scenario, in half a sentence each: the findings above figures and tables."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from econ.report.document.numerals import percent, year_end
from econ.report.numbers import short

if TYPE_CHECKING:
    import pandas as pd

Format = Callable[[float], str]


@dataclass(frozen=True)
class Reading:
    """The rows of a summary that belong to one scenario.

    Attributes
    ----------
    summary : DataFrame
        As ``summary.csv``.
    scenario : str
    """

    summary: pd.DataFrame
    scenario: str

    @cached_property
    def rows(self) -> pd.DataFrame:
        """By variable and quarter."""
        return self.summary[self.summary["scenario"] == self.scenario].set_index(["variable", "quarter"])

    @cached_property
    def _values(self) -> dict[str, dict[Hashable, float]]:
        return {column: self.rows[column].astype(float).to_dict() for column in ("p05", "p50", "p95")}

    @cached_property
    def last(self) -> int:
        """The last quarter."""
        return int(self.rows.index.get_level_values("quarter").max())

    def value(self, variable: str, quarter: int, column: str = "p50") -> float:
        """A statistic of an outcome; NaN where there is none."""
        key = (variable, quarter)
        return self._values[column].get(key, float("nan"))

    def spread(self, variable: str, quarter: int, form: Format = short) -> str:
        """``0.14 (90 % of replicates 0.09 to 0.30)``."""
        middle, low, high = (form(self.value(variable, quarter, column)) for column in ("p50", "p05", "p95"))
        return f"{middle} (90 % of replicates {low} to {high})"

    def change(self, variable: str, form: Format = short, unit: str = "") -> str:
        """``15 % at the end of 2024, 14 % (90 % of replicates 9 % to 30 %) at the end of 2034``."""
        before, end = self.value(variable, -1), self.spread(variable, self.last, form)
        then = f"{end}{unit} at the {year_end(self.last)}"
        return then if not np.isfinite(before) else f"{form(before)}{unit} at the {year_end(-1)}, {then}"


def budgets(r: Reading) -> str:
    """F1."""
    return f"Constraints' share of spending: {r.change('constraint_budget_share', percent)}."


def labor(r: Reading) -> str:
    """F2."""
    said = [
        f"{name} {short(r.value(f'wage_constrain_{region}', r.last))} and {short(r.value(f'wage_judge_{region}', r.last))}"
        for region, name in (("low_income", "low income"), ("us_generalist", "US generalists"), ("expert", "experts"))
    ]
    persons = [short(r.value(f"employment_{kind}", r.last) / 1e3) for kind in ("constrain", "judge")]
    return (
        f"Pay at the {year_end(r.last)} for writing constraints and for judging, USD per hour: {'; '.join(said)}. "
        f"At work: {persons[0]} thousand writing, {persons[1]} thousand judging."
    )


def labor_by_occupation(r: Reading) -> str:
    """F2 of runs without outcomes by place."""
    return f"Wage for writing constraints, USD per hour: {r.change('wage_constrain')}."


def concentration(r: Reading) -> str:
    """F3b."""
    payers = short(r.value("licence_payers", r.last))
    return f"HHI of licences: {r.change('hhi_licence')}, with {payers} paying firms in the median replicate."


def margins(r: Reading) -> str:
    """F4b."""
    said = []
    for kind, name in (("constraint", "constraints"), ("preference", "preference labels")):
        cost, hours = (r.value(f"{what}_per_harm_avoided_{kind}", r.last) for what in ("cost", "hours"))
        said.append(f"more than a million USD through {name}" if cost > 1e6 else f"{short(cost)} USD and {short(hours)} hours through {name}")
    return f"One more harmful request avoided costs, at the {year_end(r.last)}, {'; '.join(said)} (medians)."


def capture(r: Reading) -> str:
    """F5b."""
    return f"Capture index: {r.change('capture_index')}."


def harm(r: Reading) -> str:
    """F9."""
    return f"Harm relative to the untrained model: {r.change('harm_rate')}."


def customer_loss(r: Reading) -> str:
    """F8, the first replay."""
    quarter = _year_after(r, "loss_revenue_ratio")
    return f"A year after the loss the curator has {r.spread('loss_revenue_ratio', quarter)} of its revenue before; Appen had 0.78 in 2024."


def vertical_tie(r: Reading) -> str:
    """F8, the second replay."""
    quarter = _year_after(r, "tie_rivals_reducing")
    return (
        f"A year after the stake {r.spread('tie_rivals_reducing', quarter, percent)} of the four largest other customers buy less "
        f"(at Scale in 2025: at least 75 %), and {short(r.value('large_entrants', quarter))} large vendors have entered (then: 3)."
    )


def _year_after(r: Reading, variable: str) -> int:
    """The fourth quarter in which a replay's outcome has a value, or the last."""
    found = [q for name, q in r.rows.index if name == variable and np.isfinite(r.value(variable, q))]
    return sorted(found)[min(4, len(found) - 1)] if found else r.last
