"""Many small fits of one form at once: Levenberg-Marquardt with a batch axis.

Starts of a point fit, bootstrap draws and left-out worlds are all rows of one batch; they differ in
the weights of worlds and in where they start. Source: Marquardt (1963); Moré (1978) for the scaling.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from econ.surfaces.cells import Cells
from econ.surfaces.forms import GUARD, Floats, Form
from econ.surfaces.gradients import harm_and_gradient
from econ.surfaces.likelihoods import Likelihood, likelihood_of

#: Rows of the batch that are worked on together: what they need fits into a processor's cache.
CHUNK = 32
#: Longest move of one parameter in one iteration, on the unconstrained scale.
LONGEST_MOVE = 1.5
#: Parameters stay within this many prior standard deviations of the prior's centre.
REACH = 5.0
#: Rates are kept this far from 0 and 1, so that their log-odds are finite.
EDGE = 1e-9


class Problem(Protocol):
    """Rows of a batch to be fitted, each with the same parameters."""

    def equations(self, rows: NDArray[np.intp], theta: Floats) -> tuple[Floats, Floats, Floats]:
        """Objective [n], half its Hessian (Gauss-Newton) [n, P, P] and half its descent [n, P] of some rows at theta [n, P]."""
        ...


@dataclass(frozen=True)
class Prior:
    """Independent weak normal priors of the parameters, each [P]."""

    centre: Floats
    sd: Floats

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        """Where parameters stay."""
        return self.centre - REACH * self.sd, self.centre + REACH * self.sd


def prior_of(form: Form) -> Prior:
    """The weak prior of a form."""
    centre, sd = np.array(form.prior).T
    return Prior(centre, sd)


def levenberg_marquardt(
    problem: Problem, prior: Prior, start: Floats, iterations: int
) -> tuple[Floats, Floats]:
    """Minimise the objective plus the prior's squares, row by row.

    Parameters
    ----------
    problem : Problem
    prior : Prior
    start : ndarray, [D, P]
    iterations : int
        At most; a row stops when its objective has settled.

    Returns
    -------
    theta : ndarray, [D, P]
    objective : ndarray, [D]
    """
    theta, objective = np.empty_like(start), np.empty(len(start))
    for first in range(0, len(start), CHUNK):
        rows = np.arange(first, min(first + CHUNK, len(start)))
        theta[rows], objective[rows] = _fit_chunk(problem, prior, rows, start[rows], iterations)
    return theta, objective


def _fit_chunk(
    problem: Problem, prior: Prior, rows: NDArray[np.intp], start: Floats, iterations: int
) -> tuple[Floats, Floats]:
    low, high = prior.bounds
    theta = np.clip(start, low, high)
    objective, normal, gradient = _with_prior(problem, prior, rows, theta)
    damping = np.full(len(theta), 1e-2)
    active = np.arange(len(theta))
    identity = np.eye(theta.shape[1])
    for _ in range(iterations):
        if active.size == 0:
            break
        stiff = normal[active]
        scale = damping[active, None, None] * identity * np.diagonal(stiff, axis1=1, axis2=2)[:, None, :]
        move = np.linalg.solve(stiff + scale, gradient[active][..., None])[..., 0]
        trial = np.clip(theta[active] + np.clip(move, -LONGEST_MOVE, LONGEST_MOVE), low, high)
        value, trial_normal, trial_gradient = _with_prior(problem, prior, rows[active], trial)
        better = value < objective[active]
        gain = objective[active] - value
        settled = (better & (gain < 1e-7 * (1.0 + np.abs(value)))) | (~better & (damping[active] > 1e6))
        took = active[better]
        theta[took], objective[took] = trial[better], value[better]
        normal[took], gradient[took] = trial_normal[better], trial_gradient[better]
        damping[active] = np.where(better, np.maximum(damping[active] / 5.0, 1e-7), damping[active] * 6.0)
        active = active[~settled]
    return theta, objective


def _with_prior(
    problem: Problem, prior: Prior, rows: NDArray[np.intp], theta: Floats
) -> tuple[Floats, Floats, Floats]:
    value, normal, gradient = problem.equations(rows, theta)
    deviation = (theta - prior.centre) / prior.sd
    return value + (deviation**2).sum(axis=1), normal + np.diag(prior.sd**-2.0), gradient - deviation / prior.sd


@dataclass(frozen=True)
class Target:
    """What is fitted: violations over worlds and cells.

    Attributes
    ----------
    a, b : ndarray, [C]
    levels : ndarray, [K]
        The verifiabilities that occur.
    at_level : ndarray of int, [C]
        Which of them each cell has.
    base : ndarray, [W]
        Violation rate of each base model.
    likelihood : Likelihood
    """

    a: Floats
    b: Floats
    levels: Floats
    at_level: NDArray[np.intp]
    base: Floats
    likelihood: Likelihood

    @property
    def v(self) -> Floats:
        """Verifiability of each cell, [C]."""
        return self.levels[self.at_level]

    def without(self, cells: NDArray[np.bool_]) -> Target:
        """The same with some cells [C] held out."""
        return replace(self, likelihood=self.likelihood.without(cells))


def make_target(cells: Cells, variance: Floats, likelihood: Likelihood | None = None) -> Target:
    """The target of cells whose observations have variances [C]; the likelihood suits the table unless given."""
    levels, at_level = np.unique(cells.v, return_inverse=True)
    return Target(
        cells.a, cells.b, levels, at_level, cells.base, likelihood or likelihood_of(cells, variance)
    )


def harm_at(form: Form, theta: Floats, a: Floats, b: Floats, v: Floats) -> Floats:
    """Relative harm of D parameter vectors at C cells, [D, C]."""
    p = form.at(theta, np.broadcast_to(v, (len(theta), len(v))))
    h: Floats = form.evaluate(np, p, np.log(a / p["a_half"] + GUARD), np.log(b / p["b_half"] + GUARD))[0]
    return h


def predicted_log_odds(harm: Floats, base: Floats) -> Floats:
    """Log-odds of violation, [D, W, C], from relative harm [D, C] and base rates [W]."""
    rate = np.clip(harm[:, None, :] * base[None, :, None], EDGE, 1.0 - EDGE)
    value: Floats = np.log(rate) - np.log1p(-rate)
    return value


def harm_equations(
    harm: Floats, gradient: Floats, base: Floats, likelihood: Likelihood, weights: Floats
) -> tuple[Floats, Floats, Floats]:
    """Objective, normal matrix and descent from relative harm [n, C] and its derivatives [n, P, C]; see `Problem`."""
    rate = np.clip(harm[:, None, :] * base[None, :, None], EDGE, 1.0 - EDGE)
    deviance, score, information = likelihood.terms(np.log(rate) - np.log1p(-rate))
    # d log-odds / dH; worlds share dH/dθ, so they are summed first.
    link = base[None, :, None] / (rate * (1.0 - rate))
    by_world = weights[:, None, :]
    value = np.matmul(by_world, deviance)[:, 0].sum(axis=1)
    pull = np.matmul(by_world, score * link)[:, 0]
    stiffness = np.matmul(by_world, information * link * link)[:, 0]
    normal = np.matmul(gradient * stiffness[:, None, :], gradient.transpose(0, 2, 1))
    return value, normal, np.matmul(gradient, pull[:, :, None])[:, :, 0]


@dataclass(frozen=True)
class _FormProblem:
    form: Form
    target: Target
    weights: Floats

    def equations(self, rows: NDArray[np.intp], theta: Floats) -> tuple[Floats, Floats, Floats]:
        t = self.target
        harm, gradient = harm_and_gradient(self.form, theta, t.a, t.b, t.levels, t.at_level)
        return harm_equations(harm, gradient, t.base, t.likelihood, self.weights[rows])


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
    return levenberg_marquardt(_FormProblem(form, target, weights), prior_of(form), start, iterations)
