"""The distance from the facts, over emulated moments, and the posterior over the box that it implies.

A fact's distance d is (simulated - target)/half band, as in ``moments.csv``. The facts' errors are taken as
independent normals whose standard deviation is the half band. So the objective is J = sum of d², and the posterior
is that of a normal likelihood, with the variance of the emulated mean (which is the simulation's error) added, under
the box's uniform prior.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from econ.analysis.calibration.gaussian_process import GaussianProcess, fit_gaussian_process
from econ.core.errors import WorkError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Points of the cube, a power of two, at which the posterior is weighed.
SAMPLE = 2**15
#: Effective draws below which the posterior is refused: the box then hardly holds it.
FEWEST_EFFECTIVE = 100
#: Best points of the sample from which minima are sought.
SEARCHES = 16
#: Points at a time, which bounds memory.
CHUNK = 4096


@dataclass(frozen=True)
class Emulator:
    """One process for each fact used, in half bands from the target."""

    processes: tuple[GaussianProcess, ...]

    def predict(self, at: Floats) -> tuple[Floats, Floats]:
        """Distances and their emulation variance at points [m, d]: two arrays [m, M]."""
        both = [process.predict(at) for process in self.processes]
        return np.stack([mean for mean, _ in both], axis=1), np.stack([variance for _, variance in both], axis=1)

    def objective(self, at: Floats) -> Floats:
        """J at points [m, d]."""
        return objective_of(self.predict(at)[0])

    def objective_and_slope(self, at: Floats) -> tuple[float, Floats]:
        """J at one point [d] and its gradient."""
        value, slope = 0.0, np.zeros(len(at))
        for process in self.processes:
            distance, steep = process.mean_and_slope(at)
            value += distance**2
            slope += 2 * distance * steep
        return float(value), slope


def objective_of(distance: Floats) -> Floats:
    """J of distances [..., M]."""
    return np.asarray((distance**2).sum(axis=-1))


def emulate(unit: Floats, distance: Floats) -> Emulator:
    """Fit one process to each fact, from points of the cube [n, d] and simulated distances [n, M]."""
    return Emulator(tuple(fit_gaussian_process(unit, column) for column in distance.T))


@dataclass(frozen=True)
class Sample:
    """Even points of the cube with what the emulator says there: [m, d], [m, M], [m, M]."""

    unit: Floats
    distance: Floats
    variance: Floats

    def weights(self, shift: Floats | float = 0.0, extra: Floats | float = 0.0) -> Floats:
        """Posterior weights of the points [m], which sum to 1.

        Parameters
        ----------
        shift : ndarray, shape [M], optional
            Other targets, as distances from the facts' own.
        extra : ndarray, shape [M], optional
            Further variance of these targets, in squared half bands.
        """
        total = 1 + self.variance + extra
        log = -0.5 * ((self.distance - shift) ** 2 / total + np.log(total)).sum(axis=1)
        weight = np.exp(log - log.max())
        return np.asarray(weight / weight.sum())


def even_sample(emulator: Emulator, size: int, seed: int) -> Sample:
    """Emulated distances at `SAMPLE` points of a scrambled Sobol sequence over the cube of `size` sides."""
    from scipy.stats import qmc

    unit = qmc.Sobol(size, rng=seed).random(SAMPLE)
    parts = [emulator.predict(unit[first : first + CHUNK]) for first in range(0, SAMPLE, CHUNK)]
    return Sample(unit, np.concatenate([d for d, _ in parts]), np.concatenate([v for _, v in parts]))


def effective(weights: Floats) -> float:
    """Effective number of draws (Kish 1965)."""
    return float(1 / (weights**2).sum())


def check_weights(weights: Floats) -> None:
    """Refuse a posterior that a handful of points carry.

    Raises
    ------
    WorkError
    """
    found = effective(weights)
    if found < FEWEST_EFFECTIVE:
        raise WorkError(
            f"the posterior rests on {found:.0f} effective draws of {len(weights):,}, fewer than {FEWEST_EFFECTIVE}: narrow the "
            "intervals around where the distance is small"
        )


def chosen(weights: Floats, count: int) -> NDArray[np.int64]:
    """Indices of `count` draws with probability in proportion to their weights (systematic resampling)."""
    places = (np.arange(count) + 0.5) / count
    return np.minimum(np.searchsorted(np.cumsum(weights), places), len(weights) - 1)


def quantiles(values: Floats, weights: Floats, levels: tuple[float, ...]) -> Floats:
    """Weighted quantiles of each column of `values` [m, c]: [levels, c]."""
    found = np.empty((len(levels), values.shape[1]))
    for column in range(values.shape[1]):
        order = np.argsort(values[:, column], kind="stable")
        cumulated = np.cumsum(weights[order]) - 0.5 * weights[order]
        found[:, column] = np.interp(levels, cumulated, values[order, column])
    return found


@dataclass(frozen=True)
class Minimum:
    """Where the objective is least: the point [d] and its emulated J, with and without the pull to the start."""

    point: Floats
    j: float
    free_j: float


def find_minimum(emulator: Emulator, sample: Sample, start: Floats, pull: float) -> Minimum:
    """Least distance over the cube: gradient descent on the emulator from the start and the sample's best points.

    Directions that the facts do not identify would end anywhere; so the point minimises J + pull·sum|θ - start|, with
    θ in the cube. As in the lasso (Tibshirani 1996), a parameter stays where it is unless moving it over its whole
    interval gains `pull` squared half bands, at the margin. The minimum without the pull is given beside.
    """
    held, free = (_least(emulator, sample, start, weight) for weight in (pull, 0.0))
    j = [emulator.objective_and_slope(point)[0] for point in (held, free)]
    return Minimum(held, j[0], j[1])


def _least(emulator: Emulator, sample: Sample, start: Floats, pull: float) -> Floats:
    """Moves up and moves down as variables of their own make the penalty smooth, with bounds."""
    size = len(start)

    def penalised(moves: Floats) -> tuple[float, Floats]:
        value, slope = emulator.objective_and_slope(start + moves[:size] - moves[size:])
        return value + pull * float(moves.sum()), np.concatenate([slope, -slope]) + pull

    coarse = objective_of(sample.distance) + pull * np.abs(sample.unit - start).sum(axis=1)
    best = [start, *sample.unit[np.argsort(coarse, kind="stable")[:SEARCHES]]]
    ends = [(0.0, float(room)) for room in (*(1 - start), *start)]
    found = [
        descend(penalised, np.concatenate([np.maximum(x - start, 0), np.maximum(start - x, 0)]), ends) for x in best
    ]  # fmt: skip
    moves = min(found, key=lambda each: each[1])[0]
    return np.clip(start + moves[:size] - moves[size:], 0.0, 1.0)


def descend(
    function: Callable[[Floats], tuple[float, Floats]], start: Floats, bounds: list[tuple[float, float]]
) -> tuple[Floats, float]:
    """Local minimum by L-BFGS-B: the point and its value."""
    from scipy.optimize import minimize

    found = minimize(function, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x), float(found.fun)
