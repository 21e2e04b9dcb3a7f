"""The box of parameters, as a unit cube on which the prior is uniform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from econ.analysis.calibration.spec import Box
    from econ.scenario import Scenario

    Floats = NDArray[np.float64]

#: Simulated values are rounded to this many significant digits, so that a fragment says exactly what was run.
DIGITS = 6
#: Where a parameter starts whose own value is no number inside its interval.
MIDDLE = 0.5


@dataclass(frozen=True)
class Space:
    """Parameters by dotted key, each with its interval."""

    boxes: Mapping[str, Box]

    @property
    def keys(self) -> list[str]:
        """Dotted keys, in order."""
        return list(self.boxes)

    @property
    def size(self) -> int:
        """Number of parameters."""
        return len(self.boxes)

    def values(self, unit: Floats) -> Floats:
        """Points of the unit cube [..., size] in the parameters' own units."""
        columns = []
        for place, box in enumerate(self.boxes.values()):
            x = unit[..., place]
            columns.append(box.low * (box.high / box.low) ** x if box.log else box.low + (box.high - box.low) * x)
        return np.stack(columns, axis=-1)

    def unit(self, values: Floats) -> Floats:
        """The inverse of `values`."""
        columns = []
        for place, box in enumerate(self.boxes.values()):
            x = values[..., place]
            columns.append(
                np.log(x / box.low) / np.log(box.high / box.low) if box.log else (x - box.low) / (box.high - box.low)
            )
        return np.stack(columns, axis=-1)

    def settings(self, unit: Floats) -> list[dict[str, Any]]:
        """Points [n, size] as settings of a scenario, in `DIGITS` significant digits."""
        rows = self.values(np.clip(unit, 0.0, 1.0))
        return [{key: float(f"{x:.{DIGITS}g}") for key, x in zip(self.keys, row, strict=True)} for row in rows]

    def of_settings(self, settings: list[dict[str, Any]]) -> Floats:
        """Settings as points of the unit cube [n, size]."""
        return self.unit(np.array([[one[key] for key in self.keys] for one in settings], dtype=float))

    def start(self, own: Mapping[str, Any]) -> Floats:
        """The scenario's own values [size]; the middle of an interval that does not hold them."""
        start = np.full(self.size, MIDDLE)
        for place, (key, box) in enumerate(self.boxes.items()):
            value = own[key]
            if isinstance(value, int | float) and box.low <= value <= box.high:
                values = self.values(start)
                values[place] = value
                start[place] = self.unit(values)[place]
        return start


def own_values(scenario: Scenario, keys: list[str]) -> dict[str, Any]:
    """What a scenario says of some dotted keys.

    Raises
    ------
    InputError
        If a key does not exist.
    """
    resolved = scenario.resolved()
    found = {}
    for key in keys:
        value: Any = resolved
        for part in key.split("."):
            if not isinstance(value, Mapping) or part not in value:
                raise InputError("the scenario has no such key", key=f"parameters.{key}", found=key)
            value = value[part]
        found[key] = value
    return found


def check_space(space: Space, scenario: Scenario) -> None:
    """Refuse a box whose corners the scenario cannot take.

    Raises
    ------
    InputError
        Naming key, value and what is allowed.
    """
    for end in (0.0, 1.0):
        for key, value in space.settings(np.full((1, space.size), end))[0].items():
            scenario.with_settings({key: value})
    own_values(scenario, space.keys)
