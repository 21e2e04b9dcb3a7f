"""Many small weighted least-squares fits of one form at once: Levenberg-Marquardt with a batch axis.

Starts of a point fit, bootstrap draws and left-out worlds are all rows of one batch; they differ in
the weights of worlds and in where they start. Source: Marquardt (1963); Moré (1978) for the scaling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from econ.surfaces.cells import Cells
from econ.surfaces.forms import GUARD, Floats, Form

#: Rows of the batch that are worked on together, to bound memory.
CHUNK = 32
#: Step of the central differences that give the Jacobian in the parameters.
STEP = 1e-5
#: Longest move of one parameter in one iteration, on the unconstrained scale.
LONGEST_MOVE = 1.5
#: Parameters stay within this many prior standard deviations of the prior's centre.
REACH = 5.0


@dataclass(frozen=True)
class Target:
    """What is fitted: log-odds of violation over worlds and cells.

    Attributes
    ----------
    a, b, v : ndarray, [C]
    log_odds : ndarray, [W, C]
        Observed; zero where missing.
    base : ndarray, [W]
        Violation rate of each base model.
    precision : ndarray, [W, C]
        1/variance of an observation; zero where missing or held out.
    """

    a: Floats
    b: Floats
    v: Floats
    log_odds: Floats
    base: Floats
    precision: Floats


def make_target(cells: Cells, variance: Floats) -> Target:
    """The target with variances [C], missing observations having no weight."""
    log_odds, _ = cells.log_odds()
    seen = np.isfinite(log_odds)
    precision = np.where(seen, 1.0 / variance, 0.0)
    return Target(cells.a, cells.b, cells.v, np.where(seen, log_odds, 0.0), cells.base, precision)


def harm_at(form: Form, theta: Floats, a: Floats, b: Floats, v: Floats) -> Floats:
    """Relative harm of D parameter vectors at C cells, [D, C]."""
    p = form.at(theta, np.broadcast_to(v, (len(theta), len(v))))
    h: Floats = form.evaluate(np, p, np.log(a / p["a_half"] + GUARD), np.log(b / p["b_half"] + GUARD))[0]
    return h


def predicted_log_odds(harm: Floats, base: Floats) -> Floats:
    """Log-odds of violation, [D, W, C], from relative harm [D, C] and base rates [W]."""
    rate = np.clip(harm[:, None, :] * base[None, :, None], 1e-9, 1.0 - 1e-9)
    value: Floats = np.log(rate) - np.log1p(-rate)
    return value


def fit_batch(
    form: Form, target: Target, weights: Floats, start: Floats, iterations: int = 60
) -> tuple[Floats, Floats]:
    """Fit D weightings of the worlds.

    Parameters
    ----------
    form : Form
    target : Target
    weights : ndarray, [D, W]
        Of worlds, each row with sum W.
    start : ndarray, [D, P]
    iterations : int
        At most; a row stops when its objective has settled.

    Returns
    -------
    theta : ndarray, [D, P]
    objective : ndarray, [D]
        Weighted squares plus the weak prior's.
    """
    theta = np.empty_like(start)
    objective = np.empty(len(start))
    for first in range(0, len(start), CHUNK):
        rows = slice(first, first + CHUNK)
        theta[rows], objective[rows] = _fit_chunk(form, target, weights[rows], start[rows], iterations)
    return theta, objective


def _fit_chunk(
    form: Form, target: Target, weights: Floats, start: Floats, iterations: int
) -> tuple[Floats, Floats]:
    centre, spread = np.array(form.prior).T
    low, high = centre - REACH * spread, centre + REACH * spread
    theta = np.clip(start, low, high)
    objective = _objective(form, target, weights, theta)
    damping = np.full(len(theta), 1e-2)
    active = np.arange(len(theta))
    for _ in range(iterations):
        if active.size == 0:
            break
        here, w = theta[active], weights[active]
        normal, gradient = _normal_equations(form, target, w, here)
        scale = (
            damping[active, None, None]
            * np.eye(here.shape[1])
            * np.diagonal(normal, axis1=1, axis2=2)[:, None, :]
        )
        move = np.linalg.solve(normal + scale, gradient[..., None])[..., 0]
        trial = np.clip(here + np.clip(move, -LONGEST_MOVE, LONGEST_MOVE), low, high)
        value = _objective(form, target, w, trial)
        better = value < objective[active]
        gain = objective[active] - value
        settled = (better & (gain < 1e-7 * (1.0 + np.abs(value)))) | (~better & (damping[active] > 1e6))
        took = active[better]
        theta[took], objective[took] = trial[better], value[better]
        damping[active] = np.where(better, np.maximum(damping[active] / 5.0, 1e-7), damping[active] * 6.0)
        active = active[~settled]
    return theta, objective


def _prior_terms(form: Form, theta: Floats) -> tuple[Floats, Floats]:
    """Standardised deviations from the weak prior, and their derivative."""
    centre, spread = np.array(form.prior).T
    return (theta - centre) / spread, 1.0 / spread


def _objective(form: Form, target: Target, weights: Floats, theta: Floats) -> Floats:
    residual = target.log_odds - predicted_log_odds(
        harm_at(form, theta, target.a, target.b, target.v), target.base
    )
    squares = np.einsum("dw,wc,dwc->d", weights, target.precision, residual * residual, optimize=True)
    deviation, _ = _prior_terms(form, theta)
    value: Floats = squares + (deviation**2).sum(axis=1)
    return value


def _normal_equations(form: Form, target: Target, weights: Floats, theta: Floats) -> tuple[Floats, Floats]:
    """JᵀJ and Jᵀr of the weighted residuals, prior included."""
    harm = harm_at(form, theta, target.a, target.b, target.v)
    rate = np.clip(harm[:, None, :] * target.base[None, :, None], 1e-9, 1.0 - 1e-9)
    residual = target.log_odds - (np.log(rate) - np.log1p(-rate))
    # d log-odds / dH = 1/(H·(1 - base·H)): worlds share dH/dθ, so they are summed first.
    slope = weights[:, :, None] * target.precision / (harm[:, None, :] * (1.0 - rate))
    pull = (slope * residual).sum(axis=1)
    stiffness = (slope / (harm[:, None, :] * (1.0 - rate))).sum(axis=1)
    jacobian = _jacobian(form, target, theta)
    deviation, spread = _prior_terms(form, theta)
    normal = np.matmul(jacobian * stiffness[:, None, :], jacobian.transpose(0, 2, 1))
    normal += np.diag(spread**2)
    gradient = np.matmul(jacobian, pull[:, :, None])[:, :, 0] - deviation * spread
    return normal, gradient


def _jacobian(form: Form, target: Target, theta: Floats) -> Floats:
    """dH/dθ at the cells, [D, P, C]."""
    columns = []
    for i in range(theta.shape[1]):
        up, down = theta.copy(), theta.copy()
        up[:, i] += STEP
        down[:, i] -= STEP
        rise = harm_at(form, up, target.a, target.b, target.v) - harm_at(
            form, down, target.a, target.b, target.v
        )
        columns.append(rise / (2.0 * STEP))
    return np.stack(columns, axis=1)
