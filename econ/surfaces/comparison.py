"""How well each form predicts: a world left out, the largest budgets left out, cell means; and form weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from econ.surfaces.cells import Cells
from econ.surfaces.forms import Floats, Form
from econ.surfaces.least_squares import Target, fit_batch, harm_at, predicted_log_odds
from econ.surfaces.variance import Spread


@dataclass(frozen=True)
class Comparison:
    """Predictive accuracy of one form.

    Attributes
    ----------
    log_score : ndarray, [W]
        Log density of each world's cells, from the other worlds.
    aicc : float
        Corrected Akaike criterion on cell means (Hurvich and Tsai 1989).
    rmse_top : float
        Root mean square error of mean relative harm at the largest budgets, from the smaller ones.
    rmse : float
        The same at all cells, from all cells.
    left_out : ndarray, [W, P]
        Point fits with each world left out.
    """

    log_score: Floats
    aicc: float
    rmse_top: float
    rmse: float
    left_out: Floats


def compare(form: Form, cells: Cells, target: Target, spread: Spread, point: Floats) -> Comparison:
    """All comparisons of one form, warm-started at its point fit."""
    left_out = _leave_one_world_out(form, target, point)
    return Comparison(
        log_score=world_log_scores(harm_at(form, left_out, target.a, target.b, target.v), cells, spread),
        aicc=_aicc(form, cells, spread, point),
        rmse_top=_top_budget_error(form, cells, target, point),
        rmse=_error(form, cells, point, np.ones(len(cells.a), bool)),
        left_out=left_out,
    )


def _leave_one_world_out(form: Form, target: Target, point: Floats) -> Floats:
    worlds = len(target.base)
    theta, _ = fit_batch(form, target, left_out_weights(worlds), np.repeat(point[None], worlds, axis=0))
    return theta


def left_out_weights(worlds: int) -> Floats:
    """Weights of worlds with one left out in each row, [W, W]."""
    weights: Floats = (1.0 - np.eye(worlds)) * worlds / (worlds - 1.0)
    return weights


def world_log_scores(harm: Floats, cells: Cells, spread: Spread) -> Floats:
    """Log density of each world's log-odds, [W], under the relative harm [W, C] that the other worlds predict."""
    worlds = len(cells.worlds)
    log_odds, _ = cells.log_odds()
    predicted = predicted_log_odds(harm, cells.base)[np.arange(worlds), np.arange(worlds)]
    residual = log_odds - predicted
    world = spread.world * (1.0 + 1.0 / worlds)
    return np.array(
        [_log_density(residual[w], np.isfinite(residual[w]), spread, world) for w in range(worlds)]
    )


def _log_density(residual: Floats, seen: np.ndarray, spread: Spread, world: float) -> float:
    """Normal density with covariance diag(cell) + world·shift·shiftᵀ, by the matrix determinant lemma."""
    r, s2, shift = residual[seen], spread.cell[seen], spread.shift[seen]
    capacity = 1.0 + world * float((shift**2 / s2).sum())
    cross = float((shift * r / s2).sum())
    squares = float((r**2 / s2).sum()) - world * cross**2 / capacity
    return -0.5 * float(squares + np.log(2.0 * np.pi * s2).sum() + np.log(capacity))


def _aicc(form: Form, cells: Cells, spread: Spread, point: Floats) -> float:
    log_odds, _ = cells.log_odds()
    harm = harm_at(form, point[None], cells.a, cells.b, cells.v)
    mean = np.nanmean(log_odds - predicted_log_odds(harm, cells.base)[0], axis=0)
    return corrected_akaike(mean**2 / spread.total, len(point) + 1)


def corrected_akaike(squares: Floats, parameters: int) -> float:
    """AICc of cell means from their squared standardised residuals [C] (Hurvich and Tsai 1989)."""
    n, k = len(squares), parameters
    return float(n * np.log(squares.mean()) + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0))


def _top_budget_error(form: Form, cells: Cells, target: Target, point: Floats) -> float:
    reduced = target.without(cells.top)
    theta, _ = fit_batch(form, reduced, np.ones((1, len(target.base))), point[None], iterations=200)
    return _error(form, cells, theta[0], cells.top)


def _error(form: Form, cells: Cells, theta: Floats, where: np.ndarray) -> float:
    return error_of(harm_at(form, theta[None], cells.a, cells.b, cells.v)[0], cells, where)


def error_of(harm: Floats, cells: Cells, where: np.ndarray) -> float:
    """Root mean square error of relative harm [C] against cell means, in some cells."""
    gap = harm - np.nanmean(cells.relative, axis=0)
    return float(np.sqrt((gap[where] ** 2).mean()))


def stacking_weights(scores: Floats) -> Floats:
    """Weights of forms that maximise the summed log score of their mixture (Yao et al. 2018).

    Parameters
    ----------
    scores : ndarray, [W, F]
        Log predictive densities of worlds under forms.

    Returns
    -------
    ndarray, [F]
        Not negative, sum 1; by expectation-maximisation, which keeps both at every step.
    """
    density = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = np.full(scores.shape[1], 1.0 / scores.shape[1])
    for _ in range(2000):
        share = density * weights
        updated = (share / share.sum(axis=1, keepdims=True)).mean(axis=0)
        done = np.abs(updated - weights).max() < 1e-10
        weights = updated
        if done:
            break
    weights[weights < 1e-6] = 0.0
    total: Floats = weights / weights.sum()
    return total
