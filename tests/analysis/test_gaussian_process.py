"""The emulator of one moment against functions that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import qmc

from econ.analysis.calibration.gaussian_process import _loss, _trend, fit_gaussian_process


def curved(x):
    return 100 + 30 * np.sin(3 * x[:, 0]) + 20 * x[:, 1] ** 2


@pytest.fixture(scope="module")
def points():
    return qmc.Sobol(3, rng=1).random(64)


def test_a_smooth_function_is_predicted_where_it_was_not_seen(points):
    process = fit_gaussian_process(points, curved(points))
    new = qmc.Sobol(3, rng=2).random(64)
    mean, variance = process.predict(new)
    assert np.abs(mean - curved(new)).max() < 0.02 * np.ptp(curved(new))
    assert np.all(variance >= 0)


def test_noise_is_told_from_the_function_and_intervals_cover(points):
    noise = np.random.default_rng(0).normal(size=(20, 64))
    covered = []
    for row in noise:
        process = fit_gaussian_process(points, curved(points) + 4 * row)
        mean, variance = process.predict(points)
        covered.append(np.abs(mean - curved(points)) < 1.96 * np.sqrt(variance))
        nugget = process.scale * np.exp(process.hyperparameters[-1])
        assert 2.5 < nugget < 5.5
    assert 0.88 < np.mean(covered) < 1.0


def test_leaving_one_out_equals_fitting_without_it(points):
    y = curved(points) + np.random.default_rng(1).normal(size=64)
    process = fit_gaussian_process(points, y)
    left_out, sd = process.leaving_one_out()
    z = (y - process.centre) / process.scale
    covariance = process.factor @ process.factor.T
    for i in (0, 17):
        others = np.arange(64) != i
        weights = np.linalg.solve(covariance[np.ix_(others, others)], covariance[others, i])
        assert left_out[i] == pytest.approx(process.centre + process.scale * weights @ z[others], rel=1e-6)
        assert sd[i] == pytest.approx(process.scale * np.sqrt(covariance[i, i] - weights @ covariance[others, i]), rel=1e-5)


def test_gradients_are_those_of_differences(points):
    y = curved(points)
    z = (y - y.mean()) / y.std()
    squares = ((points[:, None] - points[None]) ** 2).transpose(2, 0, 1).reshape(3, -1)
    h = np.log([0.5, 0.8, 2.0, 1.0, 0.1])
    found = _loss(h, squares, _trend(points, points), z)[1]
    np.testing.assert_allclose(found, approx_fprime(h, lambda x: _loss(x, squares, _trend(points, points), z)[0], 1e-6), rtol=1e-3, atol=1e-3)
    process, at = fit_gaussian_process(points, y), np.array([0.3, 0.7, 0.4])
    mean, slope = process.mean_and_slope(at)
    assert mean == pytest.approx(process.predict(at[None])[0][0], rel=1e-9)
    np.testing.assert_allclose(slope, approx_fprime(at, lambda x: process.mean_and_slope(x)[0], 1e-6), rtol=1e-3, atol=1e-2)


def test_a_constant_is_predicted_as_it_is(points):
    process = fit_gaussian_process(points, np.full(64, 7.0))
    np.testing.assert_allclose(process.predict(points)[0], 7.0)
