"""What a scenario changes in the headline outcomes, paired by replicate: by quarter, and over the last two years."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from econ.ensemble.statistics import QUANTILES, mean_and_error, paired_difference, quantiles
from econ.ensemble.tables import by_scenario, grid, quarters_of

#: Outcomes whose differences are drawn, with their names and what their values are divided by.
HEADLINES: Mapping[str, tuple[str, float]] = {
    "constraint_budget_share": ("Constraints' budget share", 1.0),
    "bespoke_share": ("Constraints' share of labels", 1.0),
    "label_spend": ("Label spending, mn USD", 1e6),
    "licence_spend": ("Licence spending, mn USD", 1e6),
    "wage_constrain": ("Wage, constraints, USD/h", 1.0),
    "hhi_licence": ("HHI of licences (payers)", 1.0),
    "hhi_service": ("HHI of services", 1.0),
    "harm_rate": ("Harm, relative", 1.0),
    "helpfulness": ("Helpfulness (in part unmeasured)", 1.0),
    "capture_index": ("Capture index", 1.0),
    "labeler_surplus": ("Labelers' surplus, mn USD", 1e6),
}
#: Quarters over which `effects_data` averages: two years, so that no single shock decides.
LAST_QUARTERS = 8


def differences_data(outcomes: pd.DataFrame, scenario: str, baseline: str) -> pd.DataFrame:
    """Statistics and quantiles of paired differences of the headline outcomes, by variable and quarter."""
    here, there = _paired_rows(outcomes, scenario, baseline)
    parts = []
    for variable in (name for name in HEADLINES if name in outcomes.columns):
        values, reference = grid(here, variable), grid(there, variable)
        statistics = {
            **paired_difference(values, reference),
            **dict(zip(QUANTILES, quantiles(values - reference), strict=True)),
        }
        parts.append(
            pd.DataFrame(
                {
                    "scenario": scenario,
                    "baseline": baseline,
                    "variable": variable,
                    "quarter": quarters_of(here),
                    **statistics,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _paired_rows(outcomes: pd.DataFrame, scenario: str, baseline: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = by_scenario(outcomes)
    here, there = rows[scenario], rows[baseline]
    shared = np.intersect1d(here["replicate"].to_numpy(), there["replicate"].to_numpy())
    return here[here["replicate"].isin(shared)], there[there["replicate"].isin(shared)]


def effects_data(outcomes: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Mean paired difference of each scenario over the last two years, by headline outcome.

    `standardised` and its ends are in standard deviations of the baseline over replicates, so that
    outcomes of different units stand side by side.
    """
    rows = by_scenario(outcomes)
    parts = [
        {"scenario": scenario, "baseline": baseline, "variable": variable}
        | window_effect(outcomes, scenario, baseline, variable)
        for scenario in (name for name in rows if name != baseline)
        for variable in (name for name in HEADLINES if name in outcomes.columns)
    ]
    table = pd.DataFrame(parts)
    scale = table["baseline_sd"].where(table["baseline_sd"] > 0)
    for name in ("mean_difference", "low", "high"):
        table["standardised" if name == "mean_difference" else f"standardised_{name}"] = table[name] / scale
    return table


def window_effect(outcomes: pd.DataFrame, scenario: str, baseline: str, variable: str) -> dict[str, float]:
    """Paired difference of one outcome over the last two years, with the baseline's deviation over replicates.

    Returns
    -------
    dict
        As of `paired_difference`, and ``baseline_sd``, in units of the outcome.
    """
    last = np.sort(outcomes["quarter"].unique())[-LAST_QUARTERS:]
    here, there = _paired_rows(outcomes, scenario, baseline)
    window = np.isin(quarters_of(here), last)
    values, *_ = mean_and_error(grid(here, variable)[:, window].T)
    reference, *_ = mean_and_error(grid(there, variable)[:, window].T)
    difference = paired_difference(values[:, None], reference[:, None])
    _, sd, _, _ = mean_and_error(reference[:, None])
    return {name: float(found[0]) for name, found in difference.items()} | {"baseline_sd": float(sd[0])}
