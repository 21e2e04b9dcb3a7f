"""A Gaussian process over the unit cube: linear trend, squared exponential with one length per parameter, nugget.

Rasmussen and Williams (2006), *Gaussian Processes for Machine Learning*: algorithm 2.1 (prediction), equation 5.9
(gradient of the marginal likelihood), section 2.7 (vague linear trend), equation 5.12 (leaving one out).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Prior variance of the trend's intercept and slopes, in variances of the data.
TREND = 10.0
#: Bounds of log lengths (sides of the cube), log amplitude and log nugget (sd of the data).
LENGTHS, AMPLITUDES, NUGGETS = (np.log(0.15), np.log(20.0)), (np.log(1e-2), np.log(10.0)), (np.log(1e-3), np.log(1.0))
#: Length from which the search for the likelihood's maximum starts.
START_LENGTH = 1.0
JITTER = 1e-9
#: Steps of a search: the likelihood is flat where a length is long.
ITERATIONS = 40


@dataclass(frozen=True)
class GaussianProcess:
    """A fitted process.

    Attributes
    ----------
    x : ndarray, shape [n, d]
        Points of the cube.
    centre, scale : float
        The data are standardised by these.
    hyperparameters : ndarray, shape [d + 2]
        Logs of the lengths, the amplitude and the nugget, the last two in units of `scale`.
    factor : ndarray, shape [n, n]
        Lower Cholesky factor of the data's covariance.
    weights : ndarray, shape [n]
        Inverse covariance times the standardised data.
    """

    x: Floats
    centre: float
    scale: float
    hyperparameters: Floats
    factor: Floats
    weights: Floats

    def predict(self, at: Floats) -> tuple[Floats, Floats]:
        """Mean and variance of the smooth function, nugget left out, at points [m, d]."""
        from scipy.linalg import solve_triangular

        cross = _smooth(at, self.x, self.hyperparameters) + _trend(at, self.x)
        mean = self.centre + self.scale * cross @ self.weights
        half = solve_triangular(self.factor, cross.T, lower=True, check_finite=False)
        own = np.exp(2 * self.hyperparameters[-2]) + TREND * (1 + ((at - 0.5) ** 2).sum(axis=1))
        return mean, self.scale**2 * np.maximum(own - (half**2).sum(axis=0), 0.0)

    def mean_and_slope(self, at: Floats) -> tuple[float, Floats]:
        """Mean at one point [d] and its gradient."""
        smooth = self.weights * _smooth(at[None], self.x, self.hyperparameters)[0]
        steep = TREND * self.weights @ (self.x - 0.5)
        mean = smooth.sum() + TREND * self.weights.sum() + (at - 0.5) @ steep
        slope = smooth @ (self.x - at) / np.exp(2 * self.hyperparameters[:-2]) + steep
        return self.centre + self.scale * float(mean), self.scale * slope

    def leaving_one_out(self) -> tuple[Floats, Floats]:
        """Prediction of each datum from all others, and its standard deviation, nugget included."""
        from scipy.linalg import cho_solve

        inverse = cho_solve((self.factor, True), np.eye(len(self.x)))
        precision = np.diag(inverse)
        y = self.factor @ (self.factor.T @ self.weights)
        return self.centre + self.scale * (y - self.weights / precision), self.scale / np.sqrt(precision)


def fit_gaussian_process(x: Floats, y: Floats) -> GaussianProcess:
    """Fit by maximum marginal likelihood.

    Parameters
    ----------
    x : ndarray, shape [n, d]
        Points of the unit cube.
    y : ndarray, shape [n]
    """
    from scipy.linalg import cho_factor, cho_solve
    from scipy.optimize import minimize

    centre, spread = float(y.mean()), float(y.std())
    scale = spread if spread > 0 else 1.0
    z = (y - centre) / scale
    d = x.shape[1]
    bounds = [LENGTHS] * d + [AMPLITUDES, NUGGETS]
    trend = _trend(x, x)
    squares = ((x[:, None] - x[None]) ** 2).transpose(2, 0, 1).reshape(d, -1)
    found = minimize(
        _loss, np.log([*[START_LENGTH] * d, 1.0, 0.1]), args=(squares, trend, z), jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": ITERATIONS},
    )  # fmt: skip
    best = found.x
    factor = np.tril(cho_factor(_covariance(x, best), lower=True)[0])
    return GaussianProcess(x, centre, scale, best, factor, cho_solve((factor, True), z))


def _smooth(a: Floats, b: Floats, h: Floats) -> Floats:
    lengths = np.exp(h[:-2])
    scaled_a, scaled_b = a / lengths, b / lengths
    squares = (scaled_a**2).sum(axis=1)[:, None] + (scaled_b**2).sum(axis=1) - 2 * scaled_a @ scaled_b.T
    return np.asarray(np.exp(2 * h[-2] - 0.5 * np.maximum(squares, 0.0)))


def _trend(a: Floats, b: Floats) -> Floats:
    return np.asarray(TREND * (1 + (a - 0.5) @ (b - 0.5).T))


def _covariance(x: Floats, h: Floats) -> Floats:
    return np.asarray(_smooth(x, x, h) + _trend(x, x) + (np.exp(2 * h[-1]) + JITTER) * np.eye(len(x)))


def _loss(h: Floats, squares: Floats, trend: Floats, z: Floats) -> tuple[float, Floats]:
    """Negative log marginal likelihood and its gradient (R&W 5.8, 5.9); `squares` holds (x_i - x_j)² by parameter [d, n·n]."""
    from scipy.linalg import cho_factor, cho_solve

    n = len(z)
    narrow = np.exp(-2 * h[:-2])
    smooth = np.exp(2 * h[-2] - 0.5 * (narrow @ squares)).reshape(n, n)
    nugget = np.exp(2 * h[-1])
    factor: Any = cho_factor(smooth + trend + (nugget + JITTER) * np.eye(n), lower=True, check_finite=False)
    weights = cho_solve(factor, z, check_finite=False)
    inverse = cho_solve(factor, np.eye(n), check_finite=False)
    value = 0.5 * z @ weights + np.log(np.diag(factor[0])).sum()
    inner = inverse - np.outer(weights, weights)
    weighted = inner * smooth
    slope = np.concatenate([0.5 * narrow * (squares @ weighted.ravel()), [weighted.sum(), nugget * np.trace(inner)]])
    return float(value), slope
