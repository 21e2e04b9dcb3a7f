"""Fit of helpfulness, sycophancy and over-refusal: linear given two half-saturations, which are profiled on a grid.

Variable projection (Golub and Pereyra 1973): for each pair of half-saturations all bootstrap draws
are solved at once, because they differ in their weighted cell means alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from econ.surfaces.bootstrap import widening
from econ.surfaces.cells import EVALUATION_RESPONSES, Cells
from econ.surfaces.files import WIDTH
from econ.surfaces.forms import Floats, logit
from econ.surfaces.posterior import Draws
from econ.surfaces.secondary import HILL, ON_LOGIT, PARAMETERS

#: Logarithms of the half-saturations that are tried.
GRID = np.linspace(np.log(8.0), np.log(16384.0), 20)
#: Centre and standard deviation of the weak prior of a log half-saturation, which decides where a curve is flat.
HALF_PRIOR = (6.0, 1.5)
#: Standard deviation of the weak prior of the coefficients, in units of the link scale.
COEFFICIENT_SD = 5.0


def fit_secondary(cells: Cells, outcome: str, weights: Floats) -> tuple[Draws, dict[str, Any]]:
    """Point fit and bootstrap draws of one outcome.

    Parameters
    ----------
    cells : Cells
        Of that outcome.
    outcome : str
    weights : ndarray, [D, W]
        The weights of worlds that the harm draws use.

    Returns
    -------
    draws : Draws
    description : dict
        Point parameters, their 90 % intervals and the share of variance of cell means explained.
    """
    score, base = _scores(cells, outcome)
    change = score - base[:, None]
    seen = np.isfinite(change)
    filled = np.where(seen, change, 0.0)
    both = np.vstack([np.ones((1, len(base))), weights])
    mean = (both @ filled) / (both @ seen)
    variance = np.maximum(np.nanvar(change, axis=0, ddof=1), 1e-8) / len(base)
    theta = _profile(cells, mean, variance)
    theta[:, 0] = both @ base / len(base)
    point, bootstrap = theta[0], theta[1:]
    draws = point + widening(len(base)) * (bootstrap - point)
    padded = np.full((len(draws), WIDTH), np.nan)
    padded[:, : draws.shape[1]] = draws
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    description = {
        name: {"point": float(p), "p05": float(lo), "p95": float(hi)}
        for name, p, lo, hi in zip(PARAMETERS, point, low, high, strict=True)
    }
    explained = 1.0 - np.var(mean[0] - _predict(cells, point)) / np.var(mean[0])
    return Draws(np.full(len(draws), HILL), padded), {
        "parameters": description,
        "explained": float(explained),
    }


def _scores(cells: Cells, outcome: str) -> tuple[Floats, Floats]:
    """The outcome on its linear scale, finite at rates of 0 and 1."""
    if not ON_LOGIT[outcome]:
        return cells.rate, cells.base
    n = EVALUATION_RESPONSES
    return logit((cells.rate * n + 0.5) / (n + 1.0)), logit((cells.base * n + 0.5) / (n + 1.0))


def _design(cells: Cells, log_n_a: float, log_n_b: float) -> Floats:
    phi_a, phi_b = cells.a / (cells.a + np.exp(log_n_a)), cells.b / (cells.b + np.exp(log_n_b))
    return np.stack([phi_a, cells.v * phi_a, phi_b, phi_a * phi_b], axis=1)


def _predict(cells: Cells, theta: Floats) -> Floats:
    value: Floats = _design(cells, theta[5], theta[6]) @ theta[1:5]
    return value


def _profile(cells: Cells, mean: Floats, variance: Floats) -> Floats:
    """Best parameters of each row of cell means, [rows, 7]; the first column is left at zero."""
    best = np.full(len(mean), np.inf)
    theta = np.zeros((len(mean), len(PARAMETERS)))
    ridge = np.eye(4) / COEFFICIENT_SD**2
    for log_n_a in GRID:
        for log_n_b in GRID:
            design = _design(cells, log_n_a, log_n_b)
            scaled = design / variance[:, None]
            solved = np.linalg.solve(design.T @ scaled + ridge, scaled.T @ mean.T).T
            residual = mean - solved @ design.T
            objective = (residual**2 / variance).sum(axis=1) + (solved**2).sum(axis=1) / COEFFICIENT_SD**2
            objective += sum(((n - HALF_PRIOR[0]) / HALF_PRIOR[1]) ** 2 for n in (log_n_a, log_n_b))
            better = objective < best
            best[better] = objective[better]
            theta[better, 1:5] = solved[better]
            theta[better, 5], theta[better, 6] = log_n_a, log_n_b
    return theta
