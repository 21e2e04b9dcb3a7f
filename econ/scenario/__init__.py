"""Scenarios: their files and schema, parameters, levers, priors and paths.

`schema` says what a scenario is and `parts` its tables, `lever_table` and `parameters` what may stand in
it, `loading` reads files, `validation` tells what is wrong in them, `draws` and `levers` turn a scenario into arrays by replicate. Only the last two need numpy.
"""

from __future__ import annotations

from econ.scenario.loading import load_scenario, shipped_scenarios
from econ.scenario.parameters import Parameter, defaults
from econ.scenario.schema import Scenario
from econ.scenario.values import Prior

__all__ = ["Parameter", "Prior", "Scenario", "defaults", "load_scenario", "shipped_scenarios"]
