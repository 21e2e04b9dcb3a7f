"""The sweep file: which scenario, which design, which keys over which values."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from econ.core.errors import InputErrors
from econ.core.shipped import SWEEPS
from econ.core.texts import NAME_PATTERN, NAME_WORDS
from econ.ensemble.spec_files import read_spec, spec_file
from econ.ensemble.sweeps.faults import faults_of_keys
from econ.scenario.faults import Fault, Faults, located

#: Designs that list values of each key, and designs that fill intervals with `points`.
LISTED = ("grid", "one_at_a_time")
FILLED = ("latin_hypercube", "sobol")
#: What all points share, so that it is no key of a point.
SHARED = ("replicates", "quarters", "seed")
#: Points that one sweep may have.
MOST_POINTS = 100_000


class Sweep(BaseModel):
    """A design of experiments over dotted keys of a scenario."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = Field(1, description="Version of the format.")
    name: str = Field(
        pattern=NAME_PATTERN, max_length=60,
        description=f"Short name, used for directories: {NAME_WORDS}.",
    )  # fmt: skip
    title: str = Field("", description="One line.")
    description: str = Field("", description="What is asked, and why over these keys.")
    scenario: str = Field("baseline", description="A scenario file, or the name of a shipped one.")
    design: Literal["grid", "one_at_a_time", "latin_hypercube", "sobol"] = Field(
        description="grid: all combinations; one_at_a_time: the scenario as it is, then each value alone; latin_hypercube and "
        "sobol: so many points, evenly over the intervals."
    )
    points: int | None = Field(None, ge=1, le=MOST_POINTS, description="Points of a design that fills intervals.")
    keys: dict[str, list[Any]] = Field(
        min_length=1, description="Dotted key: a list of values, or [low, high] where intervals are filled."
    )
    replicates: int | None = Field(None, ge=1, description="Of each point; the scenario's unless given.")
    quarters: int | None = Field(None, ge=1, description="After the burn-in; the scenario's unless given.")
    seed: int = Field(1, ge=0, le=2**32 - 1, description="Shared by all points: common random numbers.")

    @model_validator(mode="after")
    def _consistent(self) -> Sweep:
        faults = [*self._points_faults(), *(fault for key, values in self.keys.items() for fault in self._key_faults(key, values))]
        if faults:
            raise Faults(faults)
        return self

    def _points_faults(self) -> list[Fault]:
        filled = self.design in FILLED
        if filled and self.points is None:
            return [Fault(f"the design '{self.design}' needs points", ("design",), allowed="points: a whole number beside it")]
        if not filled and self.points is not None:
            problem = f"the design '{self.design}' has as many points as its lists of values say, so no points"
            return [Fault(problem, ("points",), found=self.points, allowed="leave it out")]
        return []

    def _key_faults(self, key: str, values: list[Any]) -> list[Fault]:
        if key in SHARED:
            return [Fault(f"'{key}' is the same at all points: it stands beside the keys, not among them", ("keys", key))]
        if not values:
            return [Fault(f"'{key}' has no values", ("keys", key), allowed="a list")]
        if self.design in FILLED and not _is_interval(values):
            problem = f"'{key}' needs [low, high] with low below high in the design '{self.design}'"
            return [Fault(problem, ("keys", key), found=values, allowed="two numbers")]
        return []


def _is_interval(values: list[Any]) -> bool:
    numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in values)
    return len(values) == 2 and numbers and values[0] < values[1]


def load_sweep(source: str | Path) -> Sweep:
    """Read a sweep file, or the shipped sweep of that name.

    Raises
    ------
    InputError
        If there is no such sweep, or a key or value of it cannot be used.
    """
    return read_spec(Sweep, source, SWEEPS, faults_of_keys)


def sweep_faults(source: str | Path) -> InputErrors | None:
    """All that is wrong with the scenario, the keys and the values of a sweep that `load_sweep` takes; None if nothing is."""
    file = spec_file(Sweep, source, SWEEPS)
    faults = faults_of_keys(file.data)
    return located(file, faults) if faults else None
