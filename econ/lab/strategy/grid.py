"""What a grid may ask of each world: its knobs, methods and measurements, refused by name."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from econ.lab.knobs import KNOBS_OF
from econ.lab.methods import METHODS

if TYPE_CHECKING:
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


def check_task(task: str, *, knobs: Iterable[str], methods: Iterable[str], distributions: Iterable[str], evaluated: Collection[str]) -> None:
    """Refuse what has no meaning in the grid's world.

    Parameters
    ----------
    task : str
        The world, A or B.
    knobs, methods, distributions : iterable of str
        All that the grid names.
    evaluated : collection of str
        Keys of its evaluation that it gives.

    Raises
    ------
    ValueError
        With what is allowed.
    """
    known = KNOBS_OF[task]
    for key in knobs:
        if key not in known:
            raise ValueError(f"knob '{key}' means nothing in World {task}; allowed: {', '.join(known)}")
    if task == "B":
        _check_b(methods, distributions, evaluated)


def _check_b(methods: Iterable[str], distributions: Iterable[str], evaluated: Collection[str]) -> None:
    for method in methods:
        if not allowed_in_b(METHODS[method]):
            names = ", ".join(name for name, own in METHODS.items() if allowed_in_b(own))
            raise ValueError(f"method '{method}' has no labels in World B; allowed: {names}")
    for name in distributions:
        if name not in DISTRIBUTIONS:
            raise ValueError(f"World B has no test distribution '{name}'; allowed: {', '.join(DISTRIBUTIONS)}")
    for key in ("samples", "details"):
        if key in evaluated:
            raise ValueError(f"evaluation.{key} means nothing in World B, where evaluation is exact")
