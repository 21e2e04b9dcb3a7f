"""What a grid may ask of each world: its knobs, methods and measurements, refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from econ.lab.knobs import KNOBS_OF
from econ.lab.methods import METHODS

if TYPE_CHECKING:
    from econ.lab.grid import Grid
    from econ.lab.methods import Method

#: Kinds of labels given in World B, its test distributions, and controls that make sense there.
LABEL_KINDS = ("preference", "flag", "verification")
DISTRIBUTIONS = ("id", "ood")
CONTROLS = ("base",)


def allowed_in_b(method: Method) -> bool:
    """Whether World B has the labels that a method learns from."""
    if not method.kinds:
        return method.name in CONTROLS
    return set(method.kinds) <= set(LABEL_KINDS) and method.labels == "given"


def check_task(grid: Grid) -> None:
    """Refuse what has no meaning in the grid's world.

    Raises
    ------
    ValueError
        With what is allowed.
    """
    known = KNOBS_OF[grid.task]
    named = (*grid.knobs.model_fields_set, *grid.sweep, *(key for arm in grid.arms for key in (*arm.knobs, *arm.sweep)))
    for key in named:
        if key not in known:
            raise ValueError(f"knob '{key}' means nothing in World {grid.task}; allowed: {', '.join(known)}")
    if grid.task == "B":
        _check_b(grid)


def _check_b(grid: Grid) -> None:
    for arm in grid.arms:
        if not allowed_in_b(METHODS[arm.method]):
            names = ", ".join(name for name, method in METHODS.items() if allowed_in_b(method))
            raise ValueError(f"method '{arm.method}' has no labels in World B; allowed: {names}")
    for name in grid.evaluation.distributions:
        if name not in DISTRIBUTIONS:
            raise ValueError(f"World B has no test distribution '{name}'; allowed: {', '.join(DISTRIBUTIONS)}")
    for key in ("samples", "details"):
        if key in grid.evaluation.model_fields_set:
            raise ValueError(f"evaluation.{key} means nothing in World B, where evaluation is exact")
