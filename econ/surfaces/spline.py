"""S4: a monotone bivariate spline at each v, the benchmark of fit for the forms; never handed to the market.

    -log H(a, b) = Σ_ij c_ij B_i(log(1 + a/8)) B_j(log(1 + b/8)),   c_00 = 0, c not falling in i or in j

B are quadratic B-splines; coefficients that do not fall make a surface that does not fall (Ramsay 1988). It has no
elasticity that could be extrapolated: what it tells is how much of the forms' error any falling surface has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from econ.surfaces.cells import Cells
from econ.surfaces.comparison import error_of, left_out_weights, world_log_scores
from econ.surfaces.forms import Floats
from econ.surfaces.variance import Spread

DEGREE = 2
#: Knots inside each axis, as shares of its length on the log scale.
INTERIOR = (1.0 / 3.0, 2.0 / 3.0)
COEFFICIENTS = len(INTERIOR) + DEGREE + 1
#: Labels at which the log scale of an axis begins.
FIRST = 8.0
#: Weight of coefficients themselves, so that those without data are determined.
RIDGE = 1e-6


@dataclass(frozen=True)
class MonotoneSpline:
    """One fitted surface at each v.

    Attributes
    ----------
    tops : tuple of float
        Largest a and b, where the axes end.
    coefficients : dict of v to ndarray, [m, m]
        Of -log H.
    """

    tops: tuple[float, float]
    coefficients: dict[float, Floats]

    def harm(self, a: Floats, b: Floats, v: Floats) -> Floats:
        """Relative harm at labels [C]; v must be levels that were fitted."""
        products = _basis(a, b, self.tops)
        found = np.full(len(a), np.nan)
        for level, c in self.coefficients.items():
            here = v == level
            found[here] = np.exp(-(products[here] @ c.ravel()))
        return found


def _basis(a: Floats, b: Floats, tops: tuple[float, float]) -> Floats:
    """Products of the two axes' B-splines at labels [C], [C, m²]."""
    in_a, in_b = (_axis(labels, top) for labels, top in zip((a, b), tops, strict=True))
    products: Floats = (in_a[:, :, None] * in_b[:, None, :]).reshape(len(a), COEFFICIENTS**2)
    return products


def _axis(labels: Floats, top: float) -> Floats:
    from scipy.interpolate import BSpline

    position = np.clip(np.log1p(labels / FIRST) / np.log1p(top / FIRST), 0.0, 1.0)
    knots = np.array([0.0] * (DEGREE + 1) + list(INTERIOR) + [1.0] * (DEGREE + 1))
    values: Floats = BSpline.design_matrix(position, knots, DEGREE).toarray()
    return values


def fit_spline(cells: Cells, spread: Spread, weights: Floats) -> MonotoneSpline:
    """Fit to cells under weights of worlds [W]."""
    tops = (float(cells.a.max()), float(cells.b.max()))
    level, information = _cell_estimates(cells, spread, weights)
    falls = _increments()
    coefficients = {}
    for v in np.unique(cells.v):
        here = cells.v == v
        design = _basis(cells.a[here], cells.b[here], tops)[:, 1:] * np.sqrt(information[here])[:, None]
        wanted = -level[here] * np.sqrt(information[here])
        found = _constrained(design, wanted, falls[:, 1:])
        coefficients[float(v)] = np.concatenate([[0.0], found]).reshape(COEFFICIENTS, COEFFICIENTS)
    return MonotoneSpline(tops, coefficients)


def _cell_estimates(cells: Cells, spread: Spread, weights: Floats) -> tuple[Floats, Floats]:
    """Log relative harm of each cell on its own, and its information: Newton's method in one dimension, [C]."""
    log_odds, _ = cells.log_odds()
    seen = np.isfinite(log_odds)
    share = np.where(seen, weights[:, None] / spread.total, 0.0)
    observed = np.where(seen, log_odds, 0.0)
    level = np.log((np.where(seen, cells.relative, 0.0) * share).sum(axis=0) / share.sum(axis=0))
    for _ in range(8):
        rate = np.clip(np.exp(level) * cells.base[:, None], 1e-9, 1.0 - 1e-6)
        slope = 1.0 / (1.0 - rate)
        information = (share * slope**2).sum(axis=0)
        gap = observed - (np.log(rate) - np.log1p(-rate))
        level = level + np.clip((share * slope * gap).sum(axis=0) / information, -1.0, 1.0)
    return level, information


def _increments() -> Floats:
    """Steps from each coefficient to the next along each axis, which must not be negative, [G, m²]."""
    m = COEFFICIENTS
    index = np.arange(m * m).reshape(m, m)
    pairs = [*zip(index[:-1].ravel(), index[1:].ravel(), strict=True)]
    pairs += [*zip(index[:, :-1].ravel(), index[:, 1:].ravel(), strict=True)]
    steps = np.zeros((len(pairs), m * m))
    for row, (before, after) in enumerate(pairs):
        steps[row, before], steps[row, after] = -1.0, 1.0
    return steps


def _constrained(design: Floats, wanted: Floats, steps: Floats) -> Floats:
    """Least squares with steps @ x >= 0, as a least-distance problem (Lawson and Hanson 1974, chapter 23)."""
    from scipy.optimize import nnls

    columns = design.shape[1]
    stacked = np.vstack([design, np.sqrt(RIDGE) * np.eye(columns)])
    q, r = np.linalg.qr(stacked)
    free = q.T @ np.concatenate([wanted, np.zeros(columns)])
    inside = np.linalg.solve(r.T, steps.T).T
    system = np.vstack([inside.T, -(inside @ free)[None]])
    goal = np.zeros(columns + 1)
    goal[-1] = 1.0
    multipliers, _ = nnls(system, goal, maxiter=50 * columns)
    residual = system @ multipliers - goal
    solution: Floats = np.linalg.solve(r, free - residual[:-1] / residual[-1])
    return solution


def spline_benchmark(cells: Cells, spread: Spread) -> dict[str, Any]:
    """Predictive accuracy of S4, to be read beside the forms': leave-one-world-out log score and RMSE at all cells."""
    worlds = len(cells.worlds)
    point = fit_spline(cells, spread, np.ones(worlds))
    left_out = np.stack(
        [fit_spline(cells, spread, w).harm(cells.a, cells.b, cells.v) for w in left_out_weights(worlds)]
    )
    fitted = point.harm(cells.a, cells.b, cells.v)
    return {
        "log_score": float(world_log_scores(left_out, cells, spread).sum()),
        "rmse": error_of(fitted, cells, np.ones(len(cells.a), bool)),
        "coefficients_per_v": COEFFICIENTS**2 - 1,
    }
