"""Expected directions against what a run shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from econ.ensemble.expectations import (
    AS_EXPECTED,
    CONTRARY,
    NOT_CLEAR,
    expectations_table,
    expected_outcomes,
    tally,
)
from econ.market.outcomes import OUTCOMES
from econ.scenario import load_scenario, shipped_scenarios


def _outcomes(effect: float, noise: float = 0.01) -> pd.DataFrame:
    """Eight replicates and quarters of a baseline and of a scenario that adds `effect` to harm."""
    draw = np.random.default_rng(0)
    rows = []
    for name, added in (("baseline", 0.0), ("policy", effect)):
        for replicate in range(8):
            own = added + noise * draw.normal() if name == "policy" else 0.0
            rows += [(name, replicate, quarter, 0.5 + own) for quarter in range(8)]
    return pd.DataFrame(rows, columns=["scenario", "replicate", "quarter", "harm_rate"])


@pytest.mark.parametrize(("effect", "found"), [(-0.1, AS_EXPECTED), (0.1, CONTRARY), (0.0, NOT_CLEAR)])
def test_a_direction_is_as_expected_contrary_or_not_clear(effect, found):
    scenarios = {"baseline": {}, "policy": {"expected_signs": {"harm_rate": "falls", "not_recorded": "rises"}}}
    table = expectations_table(_outcomes(effect), scenarios, "baseline")
    (row,) = table.to_dict("records")
    assert row["found"] == found
    assert row["mean_difference"] == pytest.approx(effect, abs=0.02)
    assert row["low"] < row["mean_difference"] < row["high"]
    assert tally(table)[found] == 1


def test_the_baseline_is_not_held_against_itself():
    scenarios = {"policy": {"expected_signs": {"harm_rate": "falls"}}, "baseline": {}}
    assert expectations_table(_outcomes(-0.1), scenarios, "policy").empty


def test_shipped_scenarios_expect_outcomes_that_exist():
    scenarios = {name: load_scenario(name).resolved() for name in shipped_scenarios()}
    assert set(expected_outcomes(scenarios)) <= set(OUTCOMES)
