"""What a batch of replicates is given: sizes, parameters, levers, surfaces; nothing here changes in a run.

Axes, always in this order: replicate S, then agents or places: labelers N, curators C, firms F,
jurisdictions J, harm categories K, labeler regions G, occupations O.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core import random as keyed
from econ.core.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from econ.scenario.levers import LeverPaths, Levers
    from econ.surfaces import SurfaceBatch

REGIONS = ("low_income", "us_generalist", "expert")
JURISDICTIONS = ("j1", "j2", "j3")
CATEGORIES = ("k1", "k2", "k3", "k4", "k5")
OCCUPATIONS = ("judge", "constrain")
COORDINATES = ("first", "second")
JUDGE, CONSTRAIN = 0, 1
#: Library choices: a curator's slot, or one of these.
NO_LIBRARY = -1

Array = Any


class Parameters:
    """One draw per replicate of every default of ``calibration/parameters.csv``.

    ``p["name", n]`` is the parameter with `n` trailing axes of length 1, ready to broadcast.

    Parameters
    ----------
    values : dict of str to ndarray [S]
    """

    def __init__(self, values: dict[str, NDArray[np.float64]]) -> None:
        self._values = values
        self._vectors: dict[tuple[str, ...], NDArray[np.float64]] = {}
        self._shaped: dict[str | tuple[str, int], NDArray[np.float64]] = {}

    def __getitem__(self, key: str | tuple[str, int]) -> NDArray[np.float64]:
        if key not in self._shaped:
            name, axes = (key, 0) if isinstance(key, str) else key
            self._shaped[key] = column(self._values[name], axes)
        return self._shaped[key]

    def vector(self, stem: str, endings: Sequence[str]) -> NDArray[np.float64]:
        """Parameters ``stem_ending`` side by side: [S, len(endings)], not to be written to."""
        key = (stem, *endings)
        if key not in self._vectors:
            self._vectors[key] = np.stack([self._values[f"{stem}_{ending}"] for ending in endings], axis=1)
            self._vectors[key].flags.writeable = False
        return self._vectors[key]


@dataclass(frozen=True)
class Setting:
    """Everything that a batch of replicates holds fixed.

    Attributes
    ----------
    seed : int
    replicates : ndarray [S]
        Ids of the replicates; every draw is keyed by them, never by their place in the batch.
    labelers, slots, curators, firms : int
        Sizes: labelers N, curator slots C, curators at the start, firms F.
    p : Parameters
    levers : LeverPaths
    surface : SurfaceBatch
        One harm surface per replicate.
    events : tuple
        Events of the scenario.
    device : str
        Where the passes over labelers are computed: ``cpu`` or ``cuda``.
    """

    seed: int
    replicates: NDArray[np.int64]
    labelers: int
    slots: int
    curators: int
    firms: int
    p: Parameters
    levers: LeverPaths
    surface: SurfaceBatch
    base_violation: float
    events: tuple[Any, ...] = ()
    device: str = "cpu"

    @property
    def burn_in(self) -> int:
        """Quarters before quarter 0."""
        return int(self.p["burn_in_quarters"][0])

    @property
    def size(self) -> int:
        """Number of replicates S."""
        return len(self.replicates)

    def lever(self, quarter: int) -> Levers:
        """Levers in force in a quarter."""
        return self.levers.at(quarter)

    def eventful(self, quarter: int) -> bool:
        """Whether an event of the scenario has happened by a quarter."""
        return any(event.quarter <= quarter for event in self.events)

    def uniform(self, stream: Stream, quarter: int, agents: ArrayLike, draw: ArrayLike = 0) -> NDArray[np.float64]:
        """Uniform draws [S, …] for agents of the given ids: a number, [n], [1, …] or [S, …]."""
        drawn: NDArray[np.float64] = self._uniforms(stream, quarter, agents, draw)[0]
        return drawn

    def normal(self, stream: Stream, quarter: int, agents: ArrayLike, draw: ArrayLike = 0) -> NDArray[np.float64]:
        """Standard normal draws [S, …] for agents of the given ids, as in `uniform`."""
        return keyed.first_normal_of(*self._uniforms(stream, quarter, agents, draw))

    def normal_pair(self, stream: Stream, quarter: int, agents: ArrayLike) -> NDArray[np.float64]:
        """Pairs of standard normals [S, …, 2]."""
        return np.stack(keyed.normal_of(*self._uniforms(stream, quarter, agents, 0)), axis=-1)

    @cached_property
    def stake_factors(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Priors on stakes in lobbying [S], drawn once: the industry's common factor, and the public's."""
        sd = self.p["lobby_stake_log_sd"]
        industry, people = (np.exp(sd * self.normal(Stream.STAKE, 0, 0, draw)) for draw in (0, 1))
        return industry, people

    def _uniforms(self, stream: Stream, quarter: int, agents: ArrayLike, draw: ArrayLike) -> tuple[Array, Array]:
        from econ.core.compiled import uniform_pairs

        ids = np.asarray(agents)
        if ids.ndim < 2:
            ids = ids[None]
        assert ids.ndim == 1 or ids.shape[0] in (1, self.size), "ids need a leading replicate axis"
        replicate = self.replicates.reshape((-1,) + (1,) * (ids.ndim - 1))
        return uniform_pairs(self.seed, stream, replicate, quarter + keyed.QUARTER_ORIGIN, ids, draw)


def column(array: Array, axes: int) -> Array:
    """An array with `axes` trailing axes of length 1."""
    return array.reshape(array.shape + (1,) * axes)


def sum_over(array: Array, *axes: int) -> Array:
    """Sum of floats over axes, several times faster than `ndarray.sum` where they are short.

    In the same order for every number of replicates, so that a replicate's sums do not depend on its batch.

    Raises
    ------
    TypeError
        Of truth values, whose sum here would be whether any is true.
    """
    if array.dtype == bool:
        raise TypeError("truth values are counted by ndarray.sum")
    return np.einsum(_subscripts(array.ndim, axes), array)


@cache
def _subscripts(axes: int, summed: tuple[int, ...]) -> str:
    every = "abcdef"[:axes]
    dropped = {every[axis] for axis in summed}
    return f"{every}->{''.join(axis for axis in every if axis not in dropped)}"


def share_of(part: Array, axis: int = -1) -> Array:
    """Shares along an axis; zeros where the total is zero."""
    total = part.sum(axis=axis, keepdims=True)
    return part / np.where(total > 0, total, np.inf)


def ratio(numerator: Array, denominator: Array, otherwise: float = np.nan) -> Array:
    """Quotient, with a stated value where the denominator is zero."""
    shape = np.broadcast_shapes(np.shape(numerator), np.shape(denominator))
    return np.divide(numerator, denominator, out=np.full(shape, otherwise), where=np.asarray(denominator) != 0)
