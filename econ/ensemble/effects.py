"""What a scenario changes in the headline outcomes, paired by replicate: by quarter, and over the last two years."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from econ.ensemble.statistics import QUANTILES, mean_and_error, paired_difference, quantiles
from econ.ensemble.tables import by_scenario, cube, grid, paired_rows, quarters_of
from econ.ensemble.window import in_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

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


def differences_data(outcomes: pd.DataFrame, scenario: str, baseline: str) -> pd.DataFrame:
    """Statistics and quantiles of paired differences of the headline outcomes, by variable and quarter."""
    rows = by_scenario(outcomes)
    here, there = paired_rows(rows[scenario], rows[baseline])
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


def effects_data(
    outcomes: pd.DataFrame, baseline: str, variables: Sequence[str] = tuple(HEADLINES)
) -> pd.DataFrame:
    """Mean paired difference of each scenario over the last two years: a matrix of policies and outcomes, as rows.

    `sign_stability` is the share of replicates whose difference has the sign of the mean difference; NaN
    where the mean is 0.
    `standardised` and its ends are in standard deviations of the baseline over replicates, so that
    outcomes of different units stand side by side. `quarters` is how many were averaged, all from 0 on in a
    run shorter than two years.
    """
    rows = by_scenario(outcomes)
    chosen = [name for name in variables if name in outcomes.columns]
    averaged = int(in_window(quarters_of(rows[baseline])).sum())
    parts = [
        pd.DataFrame({"scenario": scenario, "baseline": baseline, "variable": chosen, **_effects(here, rows[baseline], chosen), "quarters": averaged})
        for scenario, here in rows.items() if scenario != baseline
    ]  # fmt: skip
    table = pd.concat(parts, ignore_index=True)
    scale = table["baseline_sd"].where(table["baseline_sd"] > 0)
    for name in ("mean_difference", "low", "high"):
        table["standardised" if name == "mean_difference" else f"standardised_{name}"] = table[name] / scale
    return table


def window_effect(outcomes: pd.DataFrame, scenario: str, baseline: str, variable: str) -> dict[str, float]:
    """Paired difference of one outcome over the last two years.

    Returns
    -------
    dict
        As of `paired_difference`, ``sign_stability``, and ``baseline_sd``, in units of the outcome.
    """
    rows = by_scenario(outcomes)
    return {name: float(found[0]) for name, found in _effects(rows[scenario], rows[baseline], [variable]).items()}


def window_means(rows: pd.DataFrame, variables: Sequence[str]) -> NDArray[np.float64]:
    """Means of outcomes over the last two years by replicate; shape [S, outcomes]."""
    means, *_ = mean_and_error(cube(rows, variables)[:, in_window(quarters_of(rows))].transpose(1, 0, 2))
    return means


def _effects(here: pd.DataFrame, there: pd.DataFrame, variables: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Statistics of paired differences over the last two years; each of shape [outcomes]."""
    here, there = paired_rows(here, there)
    values, reference = window_means(here, variables), window_means(there, variables)
    found = paired_difference(values, reference)
    difference = values - reference
    present = np.isfinite(difference)
    alike = present & (np.sign(difference) == np.sign(found["mean_difference"]))
    counted = (present.sum(axis=0) > 0) & (found["mean_difference"] != 0)
    stability = np.where(counted, alike.sum(axis=0) / np.maximum(present.sum(axis=0), 1), np.nan)
    _, sd, _, _ = mean_and_error(reference)
    return {**found, "sign_stability": stability, "baseline_sd": sd}
