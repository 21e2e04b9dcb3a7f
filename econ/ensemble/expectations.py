"""Whether a scenario moved outcomes the way that its author expected, before seeing the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.ensemble.effects import window_effect

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = ("scenario", "baseline", "variable", "expected", "mean_difference", "mc_error", "low", "high", "found")
#: What a run says of an expected direction: the 95 % interval lies on its side of 0, on the other, or holds 0.
AS_EXPECTED, CONTRARY, NOT_CLEAR = "as expected", "contrary", "not clear"
_SIGN = {"rises": 1.0, "falls": -1.0}


def expected_outcomes(scenarios: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Outcomes that any of some resolved scenarios expects to move."""
    return list(dict.fromkeys(name for _, name, _ in _expected(scenarios)))


def expectations_table(
    outcomes: pd.DataFrame, scenarios: Mapping[str, Mapping[str, Any]], baseline: str
) -> pd.DataFrame:
    """Expected directions beside paired differences over the last two years.

    Parameters
    ----------
    outcomes : DataFrame
        As ``outcomes.parquet``, with the columns of `expected_outcomes` at least.
    scenarios : mapping of str to mapping
        Resolved scenarios by name.
    baseline : str
        The scenario against which the others are held.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`; `low` and `high` are the 95 % interval of the mean difference.
    """
    rows = []
    for scenario, variable, expected in _expected(scenarios):
        if scenario == baseline or variable not in outcomes.columns:
            continue
        effect = window_effect(outcomes, scenario, baseline, variable)
        found = NOT_CLEAR
        if effect["low"] * effect["high"] > 0:
            found = AS_EXPECTED if effect["mean_difference"] * _SIGN[expected] > 0 else CONTRARY
        own = {key: effect[key] for key in ("mean_difference", "mc_error", "low", "high")}
        rows.append(
            {"scenario": scenario, "baseline": baseline, "variable": variable, "expected": expected, **own, "found": found}
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def tally(table: pd.DataFrame) -> dict[str, int]:
    """How many directions were found as expected, contrary, and not clear."""
    return {found: int(np.sum(table["found"] == found)) for found in (AS_EXPECTED, CONTRARY, NOT_CLEAR)}


def _expected(scenarios: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    for name, scenario in scenarios.items():
        for variable, direction in scenario.get("expected_signs", {}).items():
            yield name, variable, direction
