"""The calibration file: which parameters in which box, which moments, how many simulations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from econ.core.errors import nearest_name
from econ.core.shipped import CALIBRATIONS
from econ.core.texts import NAME_PATTERN, NAME_WORDS
from econ.ensemble.spec_files import read_spec
from econ.scenario.faults import Fault

#: The first design must have this many points for each parameter; Loeppky, Sacks and Welch (2009) ask for ten.
POINTS_PER_PARAMETER = 10


class Box(BaseModel):
    """The interval of one parameter, over which its prior is uniform, on the scale given.

    Attributes
    ----------
    low, high : float
        In the parameter's own unit.
    log : bool
        Whether the prior is uniform in the logarithm.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    low: float
    high: float
    log: bool

    @model_validator(mode="after")
    def _in_order(self) -> Box:
        if self.low >= self.high:
            raise ValueError("the low end must lie below the high end")
        if self.log and self.low <= 0:
            raise ValueError("log_uniform needs ends above 0")
        return self


def _read_box(raw: object) -> object:
    kinds = ("uniform", "log_uniform")
    if isinstance(raw, dict) and len(raw) == 1 and next(iter(raw)) in kinds:
        kind, ends = next(iter(raw.items()))
        numbers = isinstance(ends, list) and all(isinstance(x, int | float) and not isinstance(x, bool) for x in ends)
        if numbers and len(ends) == 2:
            return {"low": ends[0], "high": ends[1], "log": kind == "log_uniform"}
    if isinstance(raw, dict) and set(raw) == {"low", "high", "log"}:
        return raw
    named = [key for key in raw if key not in kinds] if isinstance(raw, dict) else []
    nearest = nearest_name(named[0], kinds) if named else None
    raise Fault("not an interval", found=raw, allowed="{uniform: [low, high]} or {log_uniform: [low, high]}, two numbers", nearest=nearest)


class Calibration(BaseModel):
    """A calibration of a scenario's parameters against moments."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    name: str = Field(
        pattern=NAME_PATTERN, max_length=60,
        description=f"Short name, used for directories: {NAME_WORDS}.",
    )  # fmt: skip
    title: str = ""
    description: str = ""
    scenario: str = Field("baseline", description="A scenario file, or the name of a shipped one.")
    parameters: dict[str, Annotated[Box, BeforeValidator(_read_box)]] = Field(
        min_length=1, max_length=20, description="Dotted key of the scenario: {uniform: [low, high]} or {log_uniform: [low, high]}."
    )
    moments: list[str] | None = Field(
        None, min_length=1, description="Ids of facts marked calibrate; all of those that have a counterpart unless given."
    )
    replicates: int = Field(16, ge=2, le=10_000, description="Of each simulated point, with random numbers of its own.")
    quarters: int = Field(24, ge=1, description="After the burn-in: as far as the moments need.")
    seed: int = Field(1, ge=0, le=2**32 - 1 - 100_000, description="Of the first point; each further point has the next.")
    points: int = Field(128, ge=2, le=10_000, description="Simulated points that fill the box.")
    refinement: int = Field(64, ge=0, le=10_000, description="Simulated points drawn where the first ones found a small distance.")
    truths: int = Field(16, ge=0, le=1_000, description="Simulated points whose parameters are then to be recovered.")
    check_replicates: int = Field(64, ge=2, le=10_000, description="Replicates with fresh random numbers, before and after.")
    pull: float = Field(
        1.0, ge=0, allow_inf_nan=False,
        description="What a parameter's move over its whole interval must gain, in squared half bands, for the point to follow.",
    )  # fmt: skip

    @field_validator("moments")
    @classmethod
    def _once_each(cls, moments: list[str] | None) -> list[str] | None:
        for name in moments or []:
            if (moments or []).count(name) > 1:
                raise ValueError(f"'{name}' stands twice")
        return moments

    @model_validator(mode="after")
    def _enough_points(self) -> Calibration:
        least = POINTS_PER_PARAMETER * len(self.parameters)
        if self.points < least:
            raise ValueError(f"{len(self.parameters)} parameters need at least {least} points, not {self.points}")
        return self

    @property
    def simulations(self) -> int:
        """Points that are simulated in all, checks aside."""
        return 1 + self.points + self.refinement + self.truths

    def as_written(self) -> dict[str, Any]:
        """The calibration as a file would say it."""
        raw = self.model_dump(mode="json")
        boxes = {key: {"log_uniform" if b.log else "uniform": [b.low, b.high]} for key, b in self.parameters.items()}
        return raw | {"parameters": boxes}


def load_calibration(source: str | Path) -> Calibration:
    """Read a calibration file, or the shipped calibration of that name.

    Raises
    ------
    InputError
        If there is no such calibration, or a key or value of it cannot be used.
    """
    return read_spec(Calibration, source, CALIBRATIONS)
