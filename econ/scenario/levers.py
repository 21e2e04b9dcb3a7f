"""The levers of a scenario as arrays by replicate, quarter by quarter."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.scenario.domains import Domain
from econ.scenario.draws import value_draws
from econ.scenario.lever_table import CERTIFICATION_MODES, LEVERS, Lever, Scalar
from econ.scenario.values import Prior

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from econ.scenario.schema import Scenario

#: Codes of `Levers.cert_mode`.
CERT_NONE, CERT_VOLUNTARY, CERT_MANDATORY = range(3)


@dataclass(frozen=True)
class Levers:
    """What every lever stands at in one quarter.

    Arrays are read-only. S is the replicate, J = (j1, j2, j3) the jurisdiction, G = (low_income,
    us_generalist, expert) the labeler region, X = (preference, constraint) the kind of label.
    """

    cert_mode: NDArray[np.int64]
    """(S, J), 0 none, 1 voluntary, 2 mandatory."""
    cert_fee: NDArray[np.float64]
    """(S, J), multiple of the default fee."""
    cert_tolerance: NDArray[np.float64]
    """(S, J), norm units."""
    cert_test_size: NDArray[np.float64]
    """(S, J), prompts, whole numbers."""
    cert_max_violation: NDArray[np.float64]
    """(S, J), share of prompts."""
    cert_min_documented: NDArray[np.float64]
    """(S, J), share of examples."""
    conform: NDArray[np.float64]
    """(S, J), weight."""
    provenance_audit: NDArray[np.float64]
    """(S,), probability per quarter."""
    legal_risk: NDArray[np.float64]
    """(S,), probability per quarter."""
    audit: NDArray[np.float64]
    """(S, J), intensity."""
    fine: NDArray[np.float64]
    """(S, J), share of revenue per unit of excess harm."""
    max_harm: NDArray[np.float64]
    """(S, J), relative harm."""
    strict: NDArray[np.float64]
    """(S, J), share of damage."""
    safe_harbour: NDArray[np.float64]
    """(S, J), share of liability."""
    commons: NDArray[np.float64]
    """(S,), a_ref per quarter."""
    interoperability: NDArray[np.float64]
    """(S,), share."""
    portability: NDArray[np.float64]
    """(S,), share."""
    lobby_cap: NDArray[np.float64]
    """(S, J), share of revenue; infinite without a cap."""
    merger_control: NDArray[np.bool_]
    """(S,)."""
    merger_probability: NDArray[np.float64]
    """(S,), probability per quarter."""
    local_norms: NDArray[np.float64]
    """(S, J), weight."""
    minimum_wage: NDArray[np.float64]
    """(S, G), multiple of the legal minimum."""
    training_subsidy: NDArray[np.float64]
    """(S,), share of the retraining cost."""
    pref_price_shock: NDArray[np.float64]
    """(S,), multiple of the price."""
    shock_is_tax: NDArray[np.bool_]
    """(S,)."""
    ai_price: NDArray[np.float64]
    """(S, X), multiple of the default."""
    ai_quality: NDArray[np.float64]
    """(S, X), multiple of the default."""
    transfer: NDArray[np.float64]
    """(S,), share of the laboratory advantage; NaN: to be drawn from the prior."""
    sigma: NDArray[np.float64]
    """(S,), elasticity of substitution; NaN: as fitted."""
    market_scale: NDArray[np.float64]
    """(S,), multiple of users."""


class LeverPaths:
    """The levers over time; `at(quarter)` gives their values.

    Built once per block of replicates. Between two changes the same `Levers` object is returned, so
    that a caller may keep what it derives from it.
    """

    def __init__(self, paths: Mapping[str, Mapping[int, NDArray[Any]]], starts: tuple[int, ...]) -> None:
        self._starts = starts
        self._segments = [
            Levers(
                **{name: path[max(start for start in path if start <= begin)] for name, path in paths.items()}
            )
            for begin in starts
        ]

    def at(self, quarter: int) -> Levers:
        """Values in a quarter; before quarter 0 the defaults and the static levers.

        Parameters
        ----------
        quarter : int
            0 is the first reported quarter; the burn-in is negative.
        """
        return self._segments[max(bisect_right(self._starts, quarter) - 1, 0)]


#: Stands for every quarter of the burn-in in a path.
BURN_IN = -1


def lever_paths(
    scenario: Scenario, seed: int, replicates: ArrayLike, quarters: int | None = None
) -> LeverPaths:
    """The levers of a scenario for the given replicates.

    Parameters
    ----------
    scenario : Scenario
    seed : int
        0 to 2**32 - 1; priors on levers are drawn from it, once per replicate and entry.
    replicates : array_like of int, shape (S,)
        Numbers of the replicates.
    quarters : int, optional
        Horizon if it is shorter than the scenario's; later changes are left out.
    """
    index = np.asarray(replicates, np.int64)
    horizon = scenario.quarters if quarters is None else quarters
    paths: dict[str, dict[int, NDArray[Any]]] = {}
    for field in fields(Levers):
        lever = LEVERS[field.name]
        entries = _entries(lever, scenario.levers[lever.name])
        paths[lever.name] = {
            begin: _column(lever, by_place, seed, index)
            for begin, by_place in entries.items()
            if begin < horizon
        }
    starts = tuple(sorted({begin for path in paths.values() for begin in path}))
    return LeverPaths(paths, starts)


#: The value of a lever at each place with the quarter from which it holds there.
_ByPlace = tuple[tuple[Scalar, int, str], ...]


def _entries(lever: Lever, setting: Any) -> dict[int, _ByPlace]:
    """From the quarter of each change (and `BURN_IN`) to the values then in force, by place.

    Each value carries the quarter of its entry and its key, which choose its random numbers.
    """
    if lever.static:
        return {BURN_IN: ((setting, 0, f"levers.{lever.name}"),)}
    by_place = isinstance(setting, Mapping) and all(key in lever.places for key in setting)
    schedules: list[tuple[Mapping[int, Scalar], str]] = []
    for place in lever.places or ("",):
        here = setting[place] if by_place else setting
        key = f"levers.{lever.name}.{place}" if by_place else f"levers.{lever.name}"
        schedules.append((here if isinstance(here, Mapping) else {0: here}, key))
    changes = sorted({quarter for schedule, _ in schedules for quarter in schedule})
    entries: dict[int, _ByPlace] = {BURN_IN: tuple((lever.default, 0, key) for _, key in schedules)}
    for change in changes:
        entries[change] = tuple(_in_force(lever, schedule, key, change) for schedule, key in schedules)
    return entries


def _in_force(
    lever: Lever, schedule: Mapping[int, Scalar], key: str, quarter: int
) -> tuple[Scalar, int, str]:
    begun = [entry for entry in schedule if entry <= quarter]
    return (schedule[max(begun)], max(begun), key) if begun else (lever.default, 0, key)


def _column(lever: Lever, by_place: _ByPlace, seed: int, replicates: NDArray[np.int64]) -> NDArray[Any]:
    """Array of shape (S,) or (S, places), read-only."""
    columns = [_scalar_column(lever, value, seed, replicates, key, entry) for value, entry, key in by_place]
    array = np.stack(columns, axis=1) if lever.places else columns[0]
    array.flags.writeable = False
    return array


def _scalar_column(
    lever: Lever, value: Scalar, seed: int, replicates: NDArray[np.int64], key: str, quarter: int
) -> NDArray[Any]:
    if isinstance(value, bool):
        return np.full(replicates.shape, value)
    if isinstance(value, str):
        return np.full(replicates.shape, CERTIFICATION_MODES.index(value), np.int64)
    if value is None:
        return np.full(replicates.shape, np.inf if lever.name == "lobby_cap" else np.nan)
    assert isinstance(value, float | int | Prior) and isinstance(lever.legal, Domain)
    return value_draws(value, lever.legal, seed, replicates, key, quarter)
