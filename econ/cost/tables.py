"""Draws as tidy tables: medians with 50 and 90 % intervals, and the answers that are no numbers.

A cost that is not attainable is infinite, so a quantile is infinite where that share of draws does not
attain the target; other quantities are summarised over the draws in which they exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.cost.breakeven import price_ratio_for, transfers_for
from econ.cost.case import Case, Floats
from econ.cost.critic import Written, pair_half_saturation, scale_of, written_for
from econ.cost.information import information_for
from econ.cost.mix import (
    BOTH,
    CONSTRAINTS,
    CRITIC,
    HYBRID,
    NEGATIVE,
    NOTHING,
    PREFERENCE,
    PREFERENCES,
    SHARE_OF,
    Level,
    Mix,
    marginal_at_start,
    targets_of,
)
from econ.cost.outlays import lowest_harm
from econ.cost.pipelines import at_critics_setting, call_prices, measured_pipelines, purchase_for

if TYPE_CHECKING:
    import pandas as pd

QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
COST_COLUMNS = (
    "pipeline", "distribution", "target_harm", "quantity", "unit", *QUANTILES, "share_attainable", "status",
    "share_of_start", "labels", "start",
)  # fmt: skip
MIX_COLUMNS = (
    "distribution", "target_harm", "budget", "quantity", "unit", *QUANTILES, "share_attainable", "share_of_start",
    "labels", "start",
)  # fmt: skip
NOT_MEASURED, NO_EFFECT, NOT_ATTAINABLE, NOTHING_TO_BUY, NOT_IDENTIFIED = (
    "not measured", "no effect", "not attainable", "nothing to buy", "not identified",
)  # fmt: skip
#: The break-even transfer asks for a mix at many transfers, so it uses this many draws at most.
TRANSFER_DRAWS = 200
#: End of the names of quantities of other pipelines at whole transfer and the critic's verifiability.
AT_CRITICS_SETTING = "_at_critics_setting"
PER_HARM = "per unit of relative harm"
OUTCOME_UNITS = {"helpfulness": "0 to 1", "sycophancy": "rate", "over_refusal": "rate"}


def quantiles(values: Floats) -> dict[str, float]:
    """Quantiles of draws, infinite ones included; NaN draws are left out, and a single number has no interval."""
    known = values[~np.isnan(values)]
    empty = dict.fromkeys(QUANTILES, float("nan"))
    if not len(known):
        return empty
    if len(values) == 1:
        return {**empty, "p50": float(known[0])}
    # Interpolating between a number and infinity has no meaning.
    found = np.quantile(known, list(QUANTILES.values()), method="nearest")
    return {name: float(value) for name, value in zip(QUANTILES, found, strict=True)}


def target_columns(case: Case, level: Level | None) -> dict[str, float]:
    """A target as two numbers: harm relative to the untrained model, and its share of the start's harm if asked as one.

    The former is the median over draws where the latter was asked for.
    """
    if level is None:
        return {"target_harm": float("nan"), "share_of_start": float("nan")}
    relative = isinstance(level, str) and level.strip().endswith("%")
    target = targets_of(case, [level], "target_harm", case.start_harm)
    share = (
        float(level.strip().removesuffix("%")) / 100.0
        if relative and isinstance(level, str)
        else float("nan")
    )
    return {"target_harm": float(np.median(target)), "share_of_start": share}


def cost_table(cases: Iterable[Case], targets: Sequence[Level]) -> pd.DataFrame:
    """Costs, hours and break-even points of every case, as ``cost.csv``."""
    import pandas as pd

    rows = [row for case in cases for row in _cost_rows(case, targets)]
    return pd.DataFrame(rows, columns=list(COST_COLUMNS))


def _cost_rows(case: Case, targets: Sequence[Level]) -> list[dict[str, Any]]:
    common = {"distribution": case.distribution, "labels": case.units, "start": case.start_name}
    rows: list[dict[str, Any]] = []

    def add(
        pipeline: str,
        level: Level | None,
        quantity: str,
        unit: str,
        values: Floats,
        share: float,
        status: str = "",
    ) -> None:
        shown = {"pipeline": pipeline, **target_columns(case, level), "quantity": quantity, "unit": unit}
        rows.append({**common, **shown, **quantiles(values), "share_attainable": share, "status": status})

    at_start = marginal_at_start(case)
    for pipeline, kind in ((PREFERENCE, "preference"), (NEGATIVE, "constraint")):
        for quantity, unit in (("usd", "USD"), ("hours", "hours")):
            values = at_start[f"{quantity}_{kind}"]
            name = "marginal_cost" if quantity == "usd" else "marginal_hours"
            share = float(np.isfinite(values).mean())
            status = "" if share else NO_EFFECT
            add(pipeline, None, f"{name}_at_start", f"{unit} {PER_HARM}", values, share, status)
    purchases = {pipeline: purchase_for(case, pipeline, targets) for pipeline in measured_pipelines(case)}
    for pipeline, bought in purchases.items():
        status = NOT_IDENTIFIED if pipeline == CRITIC and _floor_refused(case) else ""
        add(pipeline, None, "lowest_harm", "relative harm", _lowest_harm(case, pipeline), 1.0, status)
        for m, level in enumerate(bought.asked):
            share = float(bought.attainable[:, m].mean())
            status = status_of(bought, m)
            for quantity, unit, values in _pipeline_quantities(bought):
                add(pipeline, level, quantity, unit, values[:, m], share, status)
    if CRITIC in purchases:
        _critic_rows(case, targets, purchases, add)
    else:
        for level in targets:
            add(CRITIC, level, "cost", "USD", np.full(1, np.nan), np.nan, NOT_MEASURED)
    for level in targets:
        ratio = price_ratio_for(case, level)
        known = float(np.isfinite(ratio).mean())
        versus = f"{NEGATIVE} against {PREFERENCE}"
        add(
            versus,
            level,
            "break_even_price_ratio",
            "ratio",
            ratio,
            known,
            "" if known else NOT_ATTAINABLE,
        )
    if case.units == "commercial":
        _transfer_rows(case, targets, add)
    return rows


def _transfer_rows(case: Case, targets: Sequence[Level], add: Callable[..., None]) -> None:
    """Transfers at which the cheapest mix spends equally on both kinds of label."""
    few = case.take(np.arange(min(len(case), TRANSFER_DRAWS)))
    for level, found in zip(targets, transfers_for(few, targets), strict=True):
        share = float(np.isfinite(found.transfer).mean())
        status = "" if share else NOT_ATTAINABLE
        add(HYBRID, level, "break_even_transfer", "share", found.transfer, share, status)
        for quantity in ("mostly_constraints", "mostly_preferences"):
            value = np.array([getattr(found, quantity)])
            add(HYBRID, level, f"{quantity}_at_every_transfer", "share of draws", value, 1.0)


def _lowest_harm(case: Case, pipeline: str) -> Floats:
    return case.critic.floor() if pipeline == CRITIC else lowest_harm(case, SHARE_OF.get(pipeline))


def _floor_refused(case: Case) -> bool:
    critic = case.surfaces.critic
    return critic is not None and critic.floor_refused(case.distribution)


def _critic_rows(
    case: Case, targets: Sequence[Level], purchases: Mapping[str, Mix | Written], add: Callable[..., None]
) -> None:
    """What a critic's labels rest on, and each pure pipeline held against them as it was measured in their setting."""
    assert case.surfaces.critic is not None
    least = np.array([case.surfaces.critic.least_measured(case.distribution)])
    add(CRITIC, None, "scale", "labels per laboratory label", scale_of(case), 1.0)
    add(CRITIC, None, "pair_half_saturation", "laboratory labels", pair_half_saturation(case), 1.0)
    add(CRITIC, None, "least_measured_harm", "relative harm", least, 1.0)
    written, same = purchases[CRITIC], at_critics_setting(case)
    assert isinstance(written, Written)
    written_there = written_for(same, targets)
    for name, attained in written.attained_by_form().items():
        for level, share in zip(targets, attained, strict=True):
            add(CRITIC, level, f"share_attainable_{name}", "share of draws of the form", np.array([share]), share)
    for rival in (PREFERENCE, NEGATIVE):
        versus, here, there = f"{CRITIC} against {rival}", purchases[rival], purchase_for(same, rival, targets)
        prices = call_prices(written_there, there)
        for m, level in enumerate(targets):
            share = float(there.attainable[:, m].mean())
            add(rival, level, f"cost{AT_CRITICS_SETTING}", "USD", there.cost[:, m], share, status_of(there, m))
            for name, other in (("share_cheaper", here), (f"share_cheaper{AT_CRITICS_SETTING}", there)):
                add(versus, level, name, "share of draws", np.array([np.mean(written.cost[:, m] < other.cost[:, m])]), 1.0)
            # Infinite and zero prices are answers: one side alone attains the target.
            known = float((~np.isnan(prices[:, m])).mean())
            add(versus, level, "break_even_call_price", "USD per call", prices[:, m], known, "" if known >= 0.5 else NOT_ATTAINABLE)


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
    return [*found, ("extrapolated", "share of draws", _share_of_draws(bought.extrapolated()))]


def _share_of_draws(indicator: Floats) -> Floats:
    """The mean over draws that have it, [1, M]: a share of draws has no interval."""
    with np.errstate(invalid="ignore"):
        known = np.isfinite(indicator)
        count = known.sum(axis=0, keepdims=True)
        share = np.where(known, indicator, 0.0).sum(axis=0, keepdims=True) / np.where(count, count, 1)
    return np.where(count > 0, share, np.nan)


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
            rows.append(_mix_row(case, None, budget, quantity, unit, {"p50": value}, 1.0))
    return rows


def mix_table(mix: Mix) -> pd.DataFrame:
    """What is bought and what comes of it, as ``mix.csv``."""
    import pandas as pd

    return pd.DataFrame(mix_rows(mix), columns=list(MIX_COLUMNS))


def mix_rows(mix: Mix) -> list[dict[str, Any]]:
    """Rows of ``mix.csv`` of one mix."""
    rows = []
    for m, level in enumerate(mix.asked):
        target, budget = (None, float(level)) if mix.by_budget else (level, None)
        share = float(mix.attainable[:, m].mean())
        for quantity, unit, values in _mix_quantities(mix):
            rows.append(_mix_row(mix.case, target, budget, quantity, unit, quantiles(values[:, m]), share))
        for name, place in (
            ("nothing", NOTHING),
            ("preferences_only", PREFERENCES),
            ("constraints_only", CONSTRAINTS),
            ("both", BOTH),
        ):
            value = float(np.mean(mix.place[:, m] == place))
            rows.append(
                _mix_row(mix.case, target, budget, f"buys_{name}", "share of draws", {"p50": value}, share)
            )
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
        ("extrapolated", "share of draws", _share_of_draws(mix.extrapolated())),
    ]


def _mix_row(
    case: Case,
    target: Level | None,
    budget: float | None,
    quantity: str,
    unit: str,
    values: dict[str, float],
    share: float,
) -> dict[str, Any]:
    return {
        "distribution": case.distribution, **target_columns(case, target), "budget": budget, "quantity": quantity, "unit": unit,
        **values, "share_attainable": share, "labels": case.units, "start": case.start_name,
    }  # fmt: skip
