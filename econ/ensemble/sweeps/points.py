"""The points of a design: settings of a scenario's keys, and the scenarios that they make."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from econ.core.errors import InputError
from econ.ensemble.sweeps.spec import MOST_POINTS, Sweep

if TYPE_CHECKING:
    from econ.scenario import Scenario

Settings = dict[str, Any]


def settings_of(sweep: Sweep) -> list[Settings]:
    """The settings of every point, in order.

    A grid is the product of all lists; one at a time begins with the scenario as it is. Latin
    hypercubes (McKay, Beckman and Conover 1979) and scrambled Sobol sequences (Sobol 1967, Owen 1998)
    fill the intervals and depend on the sweep's seed.

    Raises
    ------
    InputError
        If there would be too many points.
    """
    points = _LAYOUTS[sweep.design](sweep)
    if len(points) > MOST_POINTS:
        raise InputError("too many points", key="keys", found=len(points), allowed=f"{MOST_POINTS:,} at most")
    return points


def scenarios_of(sweep: Sweep, base: Scenario) -> list[Scenario]:
    """The scenario of every point, all checked before anything is computed.

    Raises
    ------
    InputError
        If a key does not exist or a value cannot be used, naming the point.
    """
    made = []
    for index, settings in enumerate(settings_of(sweep)):
        try:
            made.append(base.with_settings(settings) if settings else base)
        except InputError as error:
            raise error.told(problem=f"point {index}: {error.problem}") from None
    return made


def _grid(sweep: Sweep) -> list[Settings]:
    total = 1
    for values in sweep.keys.values():
        total *= len(values)
        if total > MOST_POINTS:
            raise InputError("too many points", key="keys", found=total, allowed=f"{MOST_POINTS:,} at most")
    return [dict(zip(sweep.keys, chosen, strict=True)) for chosen in itertools.product(*sweep.keys.values())]


def _one_at_a_time(sweep: Sweep) -> list[Settings]:
    return [{}, *({key: value} for key, values in sweep.keys.items() for value in values)]


def _latin_hypercube(sweep: Sweep) -> list[Settings]:
    from scipy.stats import qmc

    return _scaled(sweep, qmc.LatinHypercube(len(sweep.keys), rng=sweep.seed).random(_count(sweep)))


def _sobol(sweep: Sweep) -> list[Settings]:
    import warnings

    from scipy.stats import qmc

    with warnings.catch_warnings():
        # A number of points that is no power of two is the user's choice.
        warnings.simplefilter("ignore", UserWarning)
        return _scaled(sweep, qmc.Sobol(len(sweep.keys), rng=sweep.seed).random(_count(sweep)))


def _count(sweep: Sweep) -> int:
    assert sweep.points is not None, "checked when the sweep was read"
    return sweep.points


def _scaled(sweep: Sweep, unit: Any) -> list[Settings]:
    """Points of the unit cube [n, keys], stretched to the intervals."""
    return [
        {key: float(low + (high - low) * x) for (key, (low, high)), x in zip(sweep.keys.items(), row, strict=True)}
        for row in unit
    ]  # fmt: skip


_LAYOUTS = {
    "grid": _grid,
    "one_at_a_time": _one_at_a_time,
    "latin_hypercube": _latin_hypercube,
    "sobol": _sobol,
}
