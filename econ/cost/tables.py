"""What every pipeline costs, as ``cost.csv``, and the answers that are no numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.cost.breakeven import call_prices, price_ratio_for, transfers_for
from econ.cost.case import Case, Floats
from econ.cost.critic import Written, at_critics_setting, pair_half_saturation, scale_of, written_for
from econ.cost.information import information_for
from econ.cost.levels import Level
from econ.cost.mix import SHARE_OF, marginal_at_start
from econ.cost.outlays import lowest_harm
from econ.cost.pipelines import measured_pipelines, purchase_for
from econ.cost.purchase import CRITIC, HYBRID, NEGATIVE, PREFERENCE, Mix
from econ.cost.summary import (
    OUTCOME_UNITS,
    PER_HARM,
    QUANTILES,
    mix_row,
    quantiles,
    share_of_draws,
    target_columns,
)

if TYPE_CHECKING:
    import pandas as pd

COST_COLUMNS = (
    "pipeline", "distribution", "target_harm", "quantity", "unit", *QUANTILES, "share_attainable", "status",
    "share_of_start", "labels", "start",
)  # fmt: skip
NOT_MEASURED, NO_EFFECT, NOT_ATTAINABLE, NOTHING_TO_BUY, NOT_IDENTIFIED = (
    "not measured", "no effect", "not attainable", "nothing to buy", "not identified",
)  # fmt: skip
#: The break-even transfer asks for a mix at many transfers, so it uses this many draws at most.
TRANSFER_DRAWS = 200
#: End of the names of quantities of other pipelines at whole transfer and the critic's verifiability.
AT_CRITICS_SETTING = "_at_critics_setting"


def cost_table(cases: Iterable[Case], targets: Sequence[Level]) -> pd.DataFrame:
    """Costs, hours and break-even points of every case, as ``cost.csv``."""
    import pandas as pd

    rows = [row for case in cases for row in _cost_rows(case, targets)]
    return pd.DataFrame(rows, columns=list(COST_COLUMNS))


@dataclass(frozen=True)
class _Rows:
    """Rows of ``cost.csv`` of one case."""

    case: Case
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self, pipeline: str, level: Level | None, quantity: str, unit: str, values: Floats, share: float, status: str = ""
    ) -> None:
        """Append a quantity [D], or one number, with the share of draws that have it and what it is where it is no number."""
        case = self.case
        self.rows.append({
            "distribution": case.distribution, "labels": case.units, "start": case.start_name, "pipeline": pipeline,
            **target_columns(case, level), "quantity": quantity, "unit": unit, **quantiles(values), "share_attainable": share,
            "status": status,
        })  # fmt: skip


def _cost_rows(case: Case, targets: Sequence[Level]) -> list[dict[str, Any]]:
    rows = _Rows(case)
    _marginal_rows(case, rows)
    purchases = {pipeline: purchase_for(case, pipeline, targets) for pipeline in measured_pipelines(case)}
    for pipeline, bought in purchases.items():
        _purchase_rows(case, pipeline, bought, rows)
    if CRITIC in purchases:
        _critic_rows(case, targets, purchases, rows)
    else:
        for level in targets:
            rows.add(CRITIC, level, "cost", "USD", np.full(1, np.nan), np.nan, NOT_MEASURED)
    for level in targets:
        ratio = price_ratio_for(case, level)
        known = float(np.isfinite(ratio).mean())
        versus = f"{NEGATIVE} against {PREFERENCE}"
        rows.add(versus, level, "break_even_price_ratio", "ratio", ratio, known, "" if known else NOT_ATTAINABLE)
    if case.units == "commercial":
        _transfer_rows(case, targets, rows)
    return rows.rows


def _marginal_rows(case: Case, rows: _Rows) -> None:
    """What a first label of each kind costs per unit of harm."""
    at_start = marginal_at_start(case)
    for pipeline, kind in ((PREFERENCE, "preference"), (NEGATIVE, "constraint")):
        for quantity, unit in (("usd", "USD"), ("hours", "hours")):
            values = at_start[f"{quantity}_{kind}"]
            name = "marginal_cost" if quantity == "usd" else "marginal_hours"
            share = float(np.isfinite(values).mean())
            rows.add(pipeline, None, f"{name}_at_start", f"{unit} {PER_HARM}", values, share, "" if share else NO_EFFECT)


def _purchase_rows(case: Case, pipeline: str, bought: Mix | Written, rows: _Rows) -> None:
    """What a pipeline costs and comes with, target by target."""
    status = NOT_IDENTIFIED if pipeline == CRITIC and _floor_refused(case) else ""
    rows.add(pipeline, None, "lowest_harm", "relative harm", _lowest_harm(case, pipeline), 1.0, status)
    found = _pipeline_quantities(bought)
    for m, level in enumerate(bought.asked):
        share = float(bought.attainable[:, m].mean())
        for quantity, unit, values in found:
            rows.add(pipeline, level, quantity, unit, values[:, m], share, status_of(bought, m))


def _transfer_rows(case: Case, targets: Sequence[Level], rows: _Rows) -> None:
    """Transfers at which the cheapest mix spends equally on both kinds of label."""
    few = case.take(np.arange(min(len(case), TRANSFER_DRAWS)))
    for level, found in zip(targets, transfers_for(few, targets), strict=True):
        share = float(np.isfinite(found.transfer).mean())
        status = "" if share else NOT_ATTAINABLE
        rows.add(HYBRID, level, "break_even_transfer", "share", found.transfer, share, status)
        for quantity in ("mostly_constraints", "mostly_preferences"):
            value = np.array([getattr(found, quantity)])
            rows.add(HYBRID, level, f"{quantity}_at_every_transfer", "share of draws", value, 1.0)


def _lowest_harm(case: Case, pipeline: str) -> Floats:
    return case.critic.floor() if pipeline == CRITIC else lowest_harm(case, SHARE_OF.get(pipeline))


def _floor_refused(case: Case) -> bool:
    critic = case.surfaces.critic
    return critic is not None and critic.floor_refused(case.distribution)


def _critic_rows(
    case: Case, targets: Sequence[Level], purchases: Mapping[str, Mix | Written], rows: _Rows
) -> None:
    """What a critic's labels rest on, and each pure pipeline held against them as it was measured in their setting."""
    assert case.surfaces.critic is not None
    least = np.array([case.surfaces.critic.least_measured(case.distribution)])
    rows.add(CRITIC, None, "scale", "labels per laboratory label", scale_of(case), 1.0)
    rows.add(CRITIC, None, "pair_half_saturation", "laboratory labels", pair_half_saturation(case), 1.0)
    rows.add(CRITIC, None, "least_measured_harm", "relative harm", least, 1.0)
    written, same = purchases[CRITIC], at_critics_setting(case)
    assert isinstance(written, Written)
    written_there = written_for(same, targets)
    for name, attained in written.attained_by_form().items():
        for level, share in zip(targets, attained, strict=True):
            rows.add(CRITIC, level, f"share_attainable_{name}", "share of draws of the form", np.array([share]), share)
    for rival in (PREFERENCE, NEGATIVE):
        versus, here, there = f"{CRITIC} against {rival}", purchases[rival], purchase_for(same, rival, targets)
        prices = call_prices(written_there, there)
        for m, level in enumerate(targets):
            share = float(there.attainable[:, m].mean())
            rows.add(rival, level, f"cost{AT_CRITICS_SETTING}", "USD", there.cost[:, m], share, status_of(there, m))
            for name, other in (("share_cheaper", here), (f"share_cheaper{AT_CRITICS_SETTING}", there)):
                rows.add(versus, level, name, "share of draws", np.array([np.mean(written.cost[:, m] < other.cost[:, m])]), 1.0)
            # Infinite and zero prices are answers: one side alone attains the target.
            known = float((~np.isnan(prices[:, m])).mean())
            rows.add(versus, level, "break_even_call_price", "USD per call", prices[:, m], known, "" if known >= 0.5 else NOT_ATTAINABLE)


def _pipeline_quantities(bought: Mix | Written) -> list[tuple[str, str, Floats]]:
    marginal, hours = bought.margins()
    found = [
        ("cost", "USD", bought.cost),
        ("hours", "hours", bought.hours),
        ("average_cost", f"USD {PER_HARM}", bought.average_cost),
        ("marginal_cost", f"USD {PER_HARM}", marginal),
    ]
    if hours is not None:
        found.append(("marginal_hours", f"hours {PER_HARM}", hours))
    if isinstance(bought, Written):
        found += [("critic_labels", "labels", bought.labels), ("ai_calls", "calls", bought.calls)]
    found += [(name, OUTCOME_UNITS[name], bought.outcome(name)) for name in bought.outcomes]
    return [*found, ("extrapolated", "share of draws", share_of_draws(bought.extrapolated()))]


def status_of(bought: Mix | Written, column: int) -> str:
    """What stands in for the median where it is no cost: nothing to buy, or not attainable; else empty."""
    if np.mean(bought.nothing[:, column]) >= 0.5:
        return NOTHING_TO_BUY
    if np.mean(bought.attainable[:, column]) < 0.5:
        return NOT_ATTAINABLE
    if bought.pipeline == HYBRID and bought.case.surfaces.kind == "prior":
        return NOT_IDENTIFIED
    return ""


def information_rows(case: Case, budgets: Sequence[float]) -> list[dict[str, Any]]:
    """Value of information by budget, as rows of ``mix.csv``: expectations, so that only the median column is filled."""
    rows = []
    for budget in budgets:
        found = information_for(case, float(budget))
        for quantity, unit, value in (
            ("value_of_information", "USD", found.saving),
            ("value_of_information_harm", "relative harm", found.harm - found.informed_harm),
            ("share_constraints_uninformed", "share of outlay", found.share),
        ):
            rows.append(mix_row(case, None, budget, quantity, unit, {"p50": value}, 1.0))
    return rows
