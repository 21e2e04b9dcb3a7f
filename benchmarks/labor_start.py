"""The population with which every variant of the labor step starts, and econ's own step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from econ.market import labelers
from econ.market.setting import Setting
from econ.market.simulate import setting
from econ.market.start import start as start_state
from econ.market.state import Labelers
from econ.market.status_quo import status_quo
from econ.scenario import load_scenario
from econ.surfaces import load_surfaces

Array = Any
SEED, REPLICATE = 1, 0


@dataclass(frozen=True)
class Start:
    """A population of one replicate some quarters after its start, and the numbers that its choices need."""

    setting: Setting
    people: Labelers
    value: Array
    paid_hours: Array
    mu: float
    retraining: float
    reconsideration: float
    exponent: float
    scale: float
    keep: float


def make_start(size: int) -> Start:
    """The baseline's labelers after four quarters at status-quo wages."""
    scenario = load_scenario("baseline").with_population(labelers=size)
    s = setting(scenario, load_surfaces("default"), seed=SEED, replicates=[REPLICATE], quarters=1)
    quo = status_quo(s)
    intercepts = labelers.calibrate(s, quo)
    people = start_state(s, quo, intercepts).labelers
    p = {name: float(x[0]) for name, x in s.p._values.items()}
    first = Start(
        s, people, (labelers.start_pay(s, quo) + intercepts.taste)[0],
        np.repeat(labelers.start_paid_share(s)[0, :, None] * p["hours_per_quarter"], 2, axis=1),
        p["occupation_elasticity"], p["retraining_cost"], p["labeler_reconsideration"], p["experience_exponent"],
        p["experience_scale_hours"], 1 - p["experience_decay"],
    )  # fmt: skip
    ours = Ours(first)
    for quarter in range(-4, 0):
        ours.step(quarter, everyone=quarter == -4)
    return Start(**{**vars(first), "people": ours.people})


class Ours:
    """`choose` and `learn` of econ.market.labelers, as a simulated quarter calls them."""

    def __init__(self, start: Start) -> None:
        self.at, self.people = start, start.people
        self.value, self.hours = np.ascontiguousarray(start.value[None]), start.paid_hours[None]

    def choose(self, quarter: int, everyone: bool = False) -> labelers.Supply:
        """Reconsider and add up."""
        s = self.at.setting
        self.people, supply = labelers.choose(
            s, self.people, self.value, s.p["retraining_cost"], quarter, everyone
        )
        return supply

    def step(self, quarter: int, everyone: bool = False) -> labelers.Supply:
        """One quarter."""
        supply = self.choose(quarter, everyone)
        self.people = labelers.learn(self.at.setting, self.people, self.hours)
        return supply
