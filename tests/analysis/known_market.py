"""Moments known in closed form: concentration starts at a level and falls at a rate, a third lever moves nothing.

Importable by worker processes because pytest puts its folder on the path that they inherit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from fake_market import FakeScenario as Base
from fake_market import FakeSimulation, FakeSurfaces

from econ.analysis.calibration.facts import Facts
from econ.core.errors import InputError
from econ.ensemble.engine import Engine

__all__ = ["Engine", "FakeSurfaces", "Scenario", "facts", "simulate"]

#: Level and rate of the market that the facts describe, and where the scenario stands.
TRUE = {"levers.level": 2600.0, "levers.fall": 0.2}
OWN = {"level": 1800.0, "fall": 0.05, "idle": 0.5}
SPEC = {
    "name": "known", "scenario": "known.yaml", "quarters": 8, "replicates": 4, "points": 32, "refinement": 16, "truths": 8,
    "check_replicates": 16, "pull": 0.05,
    "parameters": {
        "levers.level": {"log_uniform": [1000, 4000]}, "levers.fall": {"uniform": [0, 0.4]}, "levers.idle": {"uniform": [0, 1]},
    },
}  # fmt: skip


@dataclass(frozen=True)
class Scenario(Base):
    """Takes settings as the real one does: dotted keys of levers."""

    name: str = "known"

    def __post_init__(self):
        object.__setattr__(self, "levers", {**OWN, "sigma": None, **{k: v for k, v in self.levers.items() if k in OWN}})

    def with_settings(self, settings):
        for key in settings:
            if key.removeprefix("levers.") not in OWN:
                raise InputError("unknown key", key=key)
        return replace(self, levers={**self.levers, **{key.removeprefix("levers."): x for key, x in settings.items()}})


def moments(level, fall):
    """Mean HHI of 2024 and of 2025 to 2026 [.., 2]."""
    return np.stack([level, level * (1 - fall)], axis=-1)


def facts(half=(200.0, 200.0)):
    """Two facts that are fitted, at the true values, one that is held out."""
    before, after = moments(TRUE["levers.level"], TRUE["levers.fall"])
    table = pd.DataFrame(
        {
            "id": ["M1a", "M1b", "M9a"], "name": ["level", "later", "wage sign"], "use": ["calibrate", "calibrate", "validate"],
            "target": [before, after, -1.0], "low": [before - half[0], after - half[1], -1.0], "high": [before + half[0], after + half[1], -1.0],
        }
    )  # fmt: skip
    return Facts(table, ("M1a", "M1b"))


def simulate(scenario, surfaces, *, seed, replicates, quarters, device="cpu", precision="float64"):
    """A step from the level to the lower one at quarter 0, with noise by replicate and quarter."""
    quarter = np.arange(-8, quarters)
    before, after = moments(scenario.levers["level"], scenario.levers["fall"])
    noise = np.array([np.random.default_rng((seed, i)).normal(size=(2, quarter.size)) for i in replicates])
    outcomes = {
        "hhi_service": np.where(quarter < 0, before, after) + 40 * noise[:, 0],
        "wage_us_generalist": 15 + 0.1 * noise[:, 1],
    }
    return FakeSimulation(quarter, np.array(list(replicates)), outcomes, {}, {}, {})


def failing_simulate(*arguments, **options):
    """Every replicate turns non-finite."""
    result = simulate(*arguments, **options)
    return replace(result, failed={int(i): "hhi_service not finite in quarter 0" for i in result.replicates})
