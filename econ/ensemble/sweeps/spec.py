"""The sweep file: which scenario, which design, which keys over which values."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from econ.core.errors import InputError, nearest_name
from econ.core.shipped import shipped_path
from econ.core.yaml_files import YamlFile, read_yaml

#: Designs that list values of each key, and designs that fill intervals with `points`.
LISTED = ("grid", "one_at_a_time")
FILLED = ("latin_hypercube", "sobol")
#: Points that one sweep may have.
MOST_POINTS = 100_000


class Sweep(BaseModel):
    """A design of experiments over dotted keys of a scenario."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_]*$", max_length=60,
        description="Short name, used for directories: small letters, digits, underscores.",
    )  # fmt: skip
    title: str = ""
    description: str = ""
    scenario: str = Field("baseline", description="A scenario file, or the name of a shipped one.")
    design: Literal["grid", "one_at_a_time", "latin_hypercube", "sobol"]
    points: int | None = Field(None, ge=1, le=MOST_POINTS, description="Points of a design that fills intervals.")
    keys: dict[str, list[Any]] = Field(
        min_length=1, description="Dotted key: a list of values, or [low, high] where intervals are filled."
    )
    replicates: int | None = Field(None, ge=1, description="Of each point; the scenario's unless given.")
    quarters: int | None = Field(None, ge=1, description="After the burn-in; the scenario's unless given.")
    seed: int = Field(1, ge=0, le=2**32 - 1, description="Shared by all points: common random numbers.")

    @model_validator(mode="after")
    def _consistent(self) -> Sweep:
        if self.design in FILLED:
            if self.points is None:
                raise ValueError(f"the design '{self.design}' needs points")
            for key, values in self.keys.items():
                if not _is_interval(values):
                    raise ValueError(f"'{key}' needs [low, high] with low below high in the design '{self.design}'")
        elif self.points is not None:
            raise ValueError(f"the design '{self.design}' has as many points as its lists of values say, so no points")
        for key, values in self.keys.items():
            if not values:
                raise ValueError(f"'{key}' has no values")
        return self


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
    file = read_yaml(_locate(str(source)))
    try:
        return Sweep.model_validate(file.data)
    except ValidationError as error:
        raise _fault(file, error) from None


def shipped_sweeps() -> list[str]:
    """Names of the shipped sweeps."""
    return sorted(path.stem for path in shipped_path("scenarios", "sweeps").glob("*.yaml"))


def _locate(name: str) -> Path:
    path = Path(name)
    if path.exists() or path.suffix or "/" in name:
        return path
    names = shipped_sweeps()
    if name in names:
        return shipped_path("scenarios", "sweeps", f"{name}.yaml")
    raise InputError(
        "there is no such sweep, neither a file nor a shipped name", file=name,
        allowed=", ".join(names), nearest=nearest_name(name, names),
    )  # fmt: skip


def _fault(file: YamlFile, error: ValidationError) -> InputError:
    # An unknown key is told first: what is then missing is often its misspelling.
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    keys = tuple(first["loc"])
    unknown = first["type"] == "extra_forbidden"
    known = list(Sweep.model_fields)
    return InputError(
        "unknown key" if unknown else first["msg"].removeprefix("Value error, "),
        file=file.path, key=".".join(map(str, keys)) or None, line=file.line(keys),
        found=None if unknown or not keys or isinstance(first["input"], dict) else first["input"],
        allowed=", ".join(known) if unknown else None, nearest=nearest_name(str(keys[-1]), known) if unknown else None,
    )  # fmt: skip
