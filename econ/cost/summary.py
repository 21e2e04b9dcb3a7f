"""Draws as a few numbers: the quantiles that every table of costs has.

A cost that is not attainable is infinite, so a quantile is infinite where that share of draws does not
attain the target; other quantities are summarised over the draws in which they exist.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from econ.cost.case import Case, Floats
from econ.cost.levels import Level, is_share, number_of, targets_of

QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
MIX_COLUMNS = (
    "distribution", "target_harm", "budget", "quantity", "unit", *QUANTILES, "share_attainable", "share_of_start",
    "labels", "start",
)  # fmt: skip
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
    target = targets_of(case, [level], "target_harm", case.start_harm)
    share = number_of(level) if is_share(level) else float("nan")
    return {"target_harm": float(np.median(target)), "share_of_start": share}


def share_of_draws(indicator: Floats) -> Floats:
    """The mean over draws that have it, [1, M]: a share of draws has no interval."""
    with np.errstate(invalid="ignore"):
        known = np.isfinite(indicator)
        count = known.sum(axis=0, keepdims=True)
        share = np.where(known, indicator, 0.0).sum(axis=0, keepdims=True) / np.where(count, count, 1)
    return np.where(count > 0, share, np.nan)


def mix_row(
    case: Case,
    target: Level | None,
    budget: float | None,
    quantity: str,
    unit: str,
    values: dict[str, float],
    share: float,
) -> dict[str, Any]:
    """One row of ``mix.csv``."""
    return {
        "distribution": case.distribution, **target_columns(case, target), "budget": budget, "quantity": quantity, "unit": unit,
        **values, "share_attainable": share, "labels": case.units, "start": case.start_name,
    }  # fmt: skip
