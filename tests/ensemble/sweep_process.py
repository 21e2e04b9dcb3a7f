"""A sweep of 200 points of the fake market in a process of its own, which a test may kill; every point leaves a mark.

Usage: ECON_TEST_MARKS=FILE python sweep_process.py OUT
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import fake_market

from econ.ensemble.engine import Engine
from econ.ensemble.execute import silent
from econ.ensemble.sweeps import schedulers
from econ.ensemble.sweeps.execute import SweepPlan, plan_sweep, run_sweep
from econ.ensemble.sweeps.spec import Sweep

POINTS = 200
MARKS = "ECON_TEST_MARKS"


def marked_simulate(scenario: Any, *arguments: Any, **options: Any) -> Any:
    """The fake market, slow enough to be hit, with a line for every time that it is asked for a point."""
    time.sleep(0.01)
    with Path(os.environ[MARKS]).open("a") as stream:
        stream.write(f"{scenario.levers['commons']}\n")
    return fake_market.simulate(scenario, *arguments, **options)


class Scenario(fake_market.FakeScenario):
    """Takes the setting of the sweep."""

    def with_settings(self, settings: dict[str, Any]) -> Any:
        return self.with_levers(commons=settings["levers.commons"])


def planned() -> SweepPlan:
    """The sweep, which is the same in every process."""
    keys = {"levers.commons": [k / POINTS for k in range(POINTS)]}
    sweep = Sweep.model_validate({"name": "killed", "design": "grid", "keys": keys, "replicates": 2, "quarters": 3})
    return plan_sweep(sweep, Scenario(), fake_market.FakeSurfaces())


def main(out: str) -> None:
    two = partial(schedulers.on_this_machine, workers=2)
    run_sweep(planned(), Engine(marked_simulate, fake_market.FLOWS), Path(out), two, progress=silent)


if __name__ == "__main__":
    main(sys.argv[1])
