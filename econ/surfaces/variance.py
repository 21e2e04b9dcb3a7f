"""How far worlds differ: variance of a cell and of a world's responsiveness, without any form.

    log-odds(w, c) - base(w) = mean(c)·(1 + u_w) + residual,   u_w ~ (0, τ²)

A world that responds more to labels does so in every cell and not at all without labels; the rest
is the cell's own noise, pooled over neighbouring budgets and at least the evaluation's binomial one.

Fits weigh an observation by the cell's variance alone and leave u to the resampling of worlds. Where cells are
weighed by both as if u were drawn anew in each, the largest effects count least, and the prior pulls on what they alone
tell; a covariance with one u for a world, the mean being estimated from the same data, is biased outright (D'Agostini
1994). On synthetic laboratories the cell's variance gives the elasticity of substitution with the least bias and error
(`benchmarks.recovery`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from econ.surfaces.cells import Cells
from econ.surfaces.forms import Floats


@dataclass(frozen=True)
class Spread:
    """Variances on the log-odds scale; a fit weighs by `cell`, `total` is what an observation misses a curve by.

    Attributes
    ----------
    cell : ndarray, [C]
        Of one world's observation about its own curve.
    world : float
        τ², of worlds' responsiveness.
    shift : ndarray, [C]
        Mean change of log-odds against the base model.
    """

    cell: Floats
    world: float
    shift: Floats

    @property
    def total(self) -> Floats:
        """Variance of an observation about the mean curve, [C]."""
        value: Floats = self.cell + self.world * self.shift**2
        return value


def spread_of(cells: Cells) -> Spread:
    """Estimate the variances by moments."""
    log_odds, base = cells.log_odds()
    change = log_odds - base[:, None]
    shift = np.nanmean(change, axis=0)
    seen = np.isfinite(change)
    deviation = np.where(seen, change - shift, 0.0)
    loading = np.where(seen, shift, 0.0)
    weight = np.maximum((loading**2).sum(axis=1), 1e-12)
    response = (deviation * loading).sum(axis=1) / weight
    residual = deviation - response[:, None] * loading
    worlds = len(cells.worlds)
    freedom = worlds / max(worlds - 2.0, 1.0)
    own = np.where(seen, residual**2, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1) * freedom
    cell = np.maximum(_pooled(cells, own), _binomial(cells))
    noise = float(np.mean((loading**2 * cell).sum(axis=1) / weight**2))
    world = max(float(np.var(response, ddof=1)) - noise, 0.0)
    return Spread(cell, world, shift)


def _pooled(cells: Cells, own: Floats) -> Floats:
    """Mean over the cell and its neighbours in the grid of budgets, at the same v."""
    rank_a = np.unique(cells.a, return_inverse=True)[1]
    rank_b = np.unique(cells.b, return_inverse=True)[1]
    near = (
        (np.abs(rank_a[:, None] - rank_a) <= 1)
        & (np.abs(rank_b[:, None] - rank_b) <= 1)
        & (cells.v[:, None] == cells.v)
    )
    pooled: Floats = (near * own).sum(axis=1) / near.sum(axis=1)
    return pooled


def _binomial(cells: Cells) -> Floats:
    """Variance of a log-odds from sampling the evaluation's responses."""
    n = cells.responses
    if cells.counted:
        # Harmonic mean over worlds, since it is variances that are averaged.
        n = np.maximum(1.0 / np.mean(1.0 / n, axis=0), 2.0)
    rate = np.clip(np.nanmean(cells.rate, axis=0), 1.0 / n, 1.0 - 1.0 / n)
    value: Floats = 1.0 / (n * rate * (1.0 - rate))
    return value
