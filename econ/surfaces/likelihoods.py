"""Likelihoods of what worlds and cells showed, on the log-odds scale.

Each gives, at predicted log-odds η, its deviance, its score and its information, so that one
least-squares routine serves all: iteratively reweighted where they depend on η.

==========  ==================================================================================
Gaussian    observed log-odds about η; the default
Student t   the same with heavier tails, as a check of outlying cells (Lange, Little and Taylor 1989)
Binomial    counts of violations, with what worlds and cells differ beyond it (Williams 1982)
==========  ==================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from econ.surfaces.cells import Cells
from econ.surfaces.forms import Floats, sigmoid

#: Degrees of freedom of the robust check.
ROBUST_DF = 5.0


class Likelihood(Protocol):
    """What a fit needs of a likelihood; arrays over worlds W and cells C, with rows R of a batch first."""

    def terms(self, eta: Floats) -> tuple[Floats, Floats, Floats]:
        """Deviance, half of its negative slope in η, and information, at η [R, W, C]; zero where nothing was seen."""
        ...

    def without(self, cells: NDArray[np.bool_]) -> Likelihood:
        """The same with some cells [C] left out."""
        ...


@dataclass(frozen=True)
class Gaussian:
    """Normal errors of observed log-odds [W, C] with given precision (1/variance; zero where missing)."""

    log_odds: Floats
    precision: Floats

    def terms(self, eta: Floats) -> tuple[Floats, Floats, Floats]:
        """See `Likelihood.terms`."""
        residual = self.log_odds - eta
        score = self.precision * residual
        return score * residual, score, np.broadcast_to(self.precision, eta.shape)

    def without(self, cells: NDArray[np.bool_]) -> Gaussian:
        """See `Likelihood.without`."""
        return replace(self, precision=np.where(cells, 0.0, self.precision))


@dataclass(frozen=True)
class StudentT:
    """Student t errors with the same variances as `gaussian`, whatever the degrees of freedom (above 2)."""

    gaussian: Gaussian
    df: float = ROBUST_DF

    def terms(self, eta: Floats) -> tuple[Floats, Floats, Floats]:
        """See `Likelihood.terms`; an outlying residual counts by its weight (df + 1)/(df - 2 + r²/variance)."""
        squares, score, precision = self.gaussian.terms(eta)
        weight = (self.df + 1.0) / (self.df - 2.0 + squares)
        return (self.df + 1.0) * np.log1p(squares / (self.df - 2.0)), score * weight, precision * weight

    def without(self, cells: NDArray[np.bool_]) -> StudentT:
        """See `Likelihood.without`."""
        return replace(self, gaussian=self.gaussian.without(cells))


@dataclass(frozen=True)
class Binomial:
    """Violations in trials, [W, C]; `weight` is 1 without any variance beyond the binomial one."""

    violations: Floats
    trials: Floats
    weight: Floats

    def terms(self, eta: Floats) -> tuple[Floats, Floats, Floats]:
        """See `Likelihood.terms`; the deviance is twice the log-likelihood ratio to the saturated model."""
        rate = sigmoid(eta)
        k, n = self.violations, self.trials
        expected = n * rate
        with np.errstate(divide="ignore", invalid="ignore"):
            hits = np.where(k > 0, k * np.log(k / expected), 0.0)
            misses = np.where(n > k, (n - k) * np.log((n - k) / (n - expected)), 0.0)
        return (
            2.0 * self.weight * (hits + misses),
            self.weight * (k - expected),
            self.weight * expected * (1.0 - rate),
        )

    def without(self, cells: NDArray[np.bool_]) -> Binomial:
        """See `Likelihood.without`."""
        return replace(self, violations=np.where(cells, 0.0, self.violations), trials=np.where(cells, 0.0, self.trials))


def gaussian(cells: Cells, variance: Floats) -> Gaussian:
    """Normal errors with variances [C] of an observation."""
    log_odds, _ = cells.log_odds()
    seen = np.isfinite(log_odds)
    return Gaussian(np.where(seen, log_odds, 0.0), np.where(seen, 1.0 / variance, 0.0))


def binomial(cells: Cells, variance: Floats) -> Binomial:
    """Counts of a table that has them, as far over-dispersed as makes their log-odds vary by `variance` [C].

    Williams's model III: with extra variance τ² of the log-odds, an observation counts by
    1/(1 + τ²·n·p(1 - p)), so that with many trials its precision is 1/τ², as the Gaussian's. The two then agree
    where worlds are alike; where they differ, this one averages their rates, the Gaussian their log-odds.
    """
    seen = np.isfinite(cells.rate)
    trials = np.where(seen, np.broadcast_to(cells.responses, cells.rate.shape), 0.0)
    violations = np.where(seen, cells.rate, 0.0) * trials
    smooth = np.divide(violations.sum(axis=0) + 0.5, trials.sum(axis=0) + 1.0)
    information = trials * smooth * (1.0 - smooth)
    sampling = seen.sum(axis=0) / np.maximum(information.sum(axis=0), 1e-12)
    extra = np.maximum(variance - sampling, 0.0)
    return Binomial(violations, trials, 1.0 / (1.0 + extra * information))


def likelihood_of(cells: Cells, variance: Floats) -> Likelihood:
    """Binomial where the table counts violations and trials, else Gaussian."""
    return binomial(cells, variance) if cells.counted else gaussian(cells, variance)
