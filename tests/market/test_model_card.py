"""Numbers of the model card that no table holds."""

import re
from pathlib import Path

import numpy as np

from econ.market.labelers import calibrate
from econ.market.simulate import setting
from econ.market.status_quo import status_quo
from econ.scenario import load_scenario
from econ.surfaces import load_surfaces

CARD = Path(__file__).parents[2] / "docs" / "model_card.md"


def test_intercepts_of_labor_supply_are_as_large_as_the_card_says():
    s = setting(load_scenario("baseline"), load_surfaces(), seed=1, replicates=range(8), quarters=1)
    taste = calibrate(s, status_quo(s)).taste.mean(axis=0)
    said = re.search(r"(-\d\.\d) to (-\d\.\d) in log pay", CARD.read_text(encoding="utf-8"))
    assert said is not None
    assert [float(x) for x in said.groups()] == [round(float(taste.max()), 1), round(float(taste.min()), 1)]
    assert np.all(taste < 0)
