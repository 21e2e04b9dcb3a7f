"""Gradients, likelihoods and benchmarks of the fit: limits that are known, and constraints that must hold."""

import numpy as np
import pytest

from econ.surfaces.bootstrap import world_weights
from econ.surfaces.cells import Cells
from econ.surfaces.comparison import world_log_scores
from econ.surfaces.fit import fit_harm
from econ.surfaces.fit_secondary import change_and_gradient
from econ.surfaces.forms import FITTED, FORMS
from econ.surfaces.gradients import harm_and_gradient
from econ.surfaces.least_squares import fit_batch, harm_at, make_target
from econ.surfaces.likelihoods import Binomial, StudentT, binomial, gaussian, likelihood_of
from econ.surfaces.recovery import synthetic_cells
from econ.surfaces.robustness import student_scores, student_t_check
from econ.surfaces.secondary import SecondaryBatch
from econ.surfaces.spline import fit_spline, spline_benchmark
from econ.surfaces.variance import spread_of

V = (1.0, 0.5)


def spread_parameters(name, count=40):
    """Parameters over the whole prior of a form, without a generator."""
    centre, sd = np.array(FORMS[name].prior).T
    grid = np.sin(1.0 + np.arange(count)[:, None] * (1.3 + np.arange(len(centre))))
    return centre + 1.2 * sd * grid


@pytest.mark.parametrize("name", FITTED)
def test_gradients_agree_with_differences(name):
    form, theta = FORMS[name], spread_parameters(name)
    a, b = np.array([0.0, 16, 64, 4096, 256]), np.array([16.0, 0, 4096, 64, 256])
    levels, at_level = np.array([0.1, 1.0]), np.array([0, 1, 1, 0, 1])
    harm, gradient = harm_and_gradient(form, theta, a, b, levels, at_level)
    np.testing.assert_allclose(harm, harm_at(form, theta, a, b, levels[at_level]), rtol=1e-12)
    for i in range(theta.shape[1]):
        step = np.zeros(theta.shape[1])
        step[i] = 1e-5
        up, down = (harm_at(form, theta + s, a, b, levels[at_level]) for s in (step, -step))
        np.testing.assert_allclose(gradient[:, i], (up - down) / 2e-5, atol=1e-6)


def test_gradients_of_companions_agree_with_differences_and_with_the_surface():
    cells = synthetic_cells("S3", 1, worlds=4, v=V)
    theta = np.sin(np.arange(18.0)).reshape(2, 9)
    theta[:, 4:6] += 6.0
    value, gradient = change_and_gradient(cells, theta)
    surface = SecondaryBatch("helpfulness", np.column_stack([np.zeros(2), theta]))
    a = np.tile(cells.a, (2, 1))
    np.testing.assert_allclose(surface.evaluate(a, cells.b, cells.v)[0], value, atol=1e-12)
    for i in range(9):
        step = np.zeros(9)
        step[i] = 1e-6
        rise = change_and_gradient(cells, theta + step)[0] - change_and_gradient(cells, theta - step)[0]
        np.testing.assert_allclose(gradient[:, i], rise / 2e-6, atol=1e-6)


def test_student_errors_become_gaussian_with_many_degrees_of_freedom():
    cells = synthetic_cells("S2, substitutes", 3, worlds=8, v=V)
    spread = spread_of(cells)
    normal = gaussian(cells, spread.total)
    eta = normal.log_odds[None] + 0.3 * np.cos(np.arange(normal.log_odds.size)).reshape(normal.log_odds.shape)
    for mine, limit in zip(StudentT(normal, 1e9).terms(eta), normal.terms(eta), strict=True):
        np.testing.assert_allclose(mine, limit, rtol=1e-6)
    harm = np.tile(np.nanmean(cells.relative, axis=0), (8, 1))
    np.testing.assert_allclose(
        student_scores(harm, cells, spread, 1e7), world_log_scores(harm, cells, spread), rtol=1e-4
    )
    # Heavier tails mind an outlying cell less: here one world's rate is thrown far off.
    wild = cells.rate.copy()
    wild[0, 5] = 0.999
    odd = Cells(cells.a, cells.b, cells.v, cells.worlds, wild, cells.base)
    assert student_scores(harm, odd, spread, 5.0)[0] > world_log_scores(harm, odd, spread)[0] + 10.0


def test_an_outlying_world_moves_the_robust_fit_less():
    cells = synthetic_cells("S1, sigma 3", 2, v=V)
    rate = cells.rate.copy()
    rate[0] = np.clip(rate[0] * 3.0, 0.0, 0.98)
    odd = Cells(cells.a, cells.b, cells.v, cells.worlds, rate, cells.base)
    variance = spread_of(cells).total
    start = np.array(FORMS["S1"].prior)[None, :, 0]
    one = np.ones((1, 16))

    def harm(of, robust):
        errors = StudentT(gaussian(of, variance)) if robust else gaussian(of, variance)
        theta, _ = fit_batch(FORMS["S1"], make_target(of, variance, errors), one, start, 300)
        return harm_at(FORMS["S1"], theta, of.a, of.b, of.v)[0]

    moved = [np.abs(harm(odd, robust) - harm(cells, robust)).max() for robust in (True, False)]
    assert moved[0] < 0.5 * moved[1]


def test_the_robust_check_reports_weights_and_small_changes_for_gaussian_worlds():
    cells = synthetic_cells("S1, sigma 3", 4, v=V)
    found = student_t_check(fit_harm(cells, world_weights(1, 10, cells.worlds)))
    assert sum(found["weights"].values()) == pytest.approx(1.0)
    assert found["weights"]["S1"] > 0.9
    assert found["rms_change"] < 0.01 and abs(found["largest_change"]) < 0.03
    assert found["at"]["a"] in cells.a


def counted(trials):
    """Cells whose rates are whole counts out of `trials`; the worlds are alike."""
    cells = synthetic_cells("S2, complements", 6, worlds=6, v=V, world_sd=0.0)
    rate = np.round(cells.rate * trials) / trials
    counts = np.full(rate.shape, float(trials))
    return Cells(cells.a, cells.b, cells.v, cells.worlds, rate, cells.base, counts, counts[:, 0])


def test_counts_are_binomial_and_agree_with_gaussian_for_many_trials():
    start = np.array(FORMS["S2"].prior)[None, :, 0]
    moves = []
    for trials in (40, 4_000_000):
        cells = counted(trials)
        assert isinstance(likelihood_of(cells, spread_of(cells).total), Binomial)
        variance = spread_of(cells).total
        fitted = []
        for errors in (binomial(cells, variance), gaussian(cells, variance)):
            theta, _ = fit_batch(FORMS["S2"], make_target(cells, variance, errors), np.ones((1, 6)), start, 300)
            fitted.append(harm_at(FORMS["S2"], theta, cells.a, cells.b, cells.v)[0])
        moves.append(np.abs(fitted[0] - fitted[1]).max())
    # The rest is second order in the cells' noise: one averages rates, the other log-odds.
    assert moves[1] < 0.002
    assert moves[1] < moves[0]


def test_binomial_terms_are_derivatives_and_vanish_for_cells_left_out():
    cells = counted(40)
    likelihood = binomial(cells, np.full(len(cells.a), 0.05))
    eta = np.zeros((1, *cells.rate.shape))
    deviance, score, information = likelihood.terms(eta)
    up, down = likelihood.terms(eta + 1e-5), likelihood.terms(eta - 1e-5)
    np.testing.assert_allclose(score, -(up[0] - down[0]) / 4e-5, atol=1e-5)
    np.testing.assert_allclose(information, -(up[1] - down[1]) / 2e-5, atol=1e-4)
    assert np.all(deviance >= 0.0)
    assert all(np.all(term == 0.0) for term in likelihood.without(np.ones(len(cells.a), bool)).terms(eta))


def test_the_spline_falls_everywhere_and_starts_at_one():
    cells = synthetic_cells("S2, substitutes", 1, worlds=6, v=V)
    spread = spread_of(cells)
    spline = fit_spline(cells, spread, np.ones(6))
    labels = np.expm1(np.linspace(0.0, np.log1p(4096.0), 40))
    a, b = (grid.ravel() for grid in np.meshgrid(labels, labels, indexing="ij"))
    for v in V:
        harm = spline.harm(a, b, np.full(len(a), v)).reshape(40, 40)
        assert harm[0, 0] == pytest.approx(1.0)
        assert np.diff(harm, axis=0).max() < 1e-9 and np.diff(harm, axis=1).max() < 1e-9


def test_the_spline_stays_falling_where_the_data_rise_and_fits_no_worse_than_a_wrong_form():
    cells = synthetic_cells("S2, substitutes", 1, worlds=8, v=V)
    rate = np.where((cells.a == 4096) & (cells.b >= 256), 0.9 * cells.base[:, None], cells.rate)
    rising = Cells(cells.a, cells.b, cells.v, cells.worlds, rate, cells.base)
    spline = fit_spline(rising, spread_of(rising), np.ones(8))
    b = np.array([64.0, 256.0, 1024.0])
    assert np.all(np.diff(spline.harm(np.full(3, 4096.0), b, np.full(3, 1.0))) <= 1e-9)
    fit = fit_harm(cells, world_weights(1, 5, cells.worlds))
    benchmark = spline_benchmark(cells, fit.spread)
    by_form = {form.name: form.comparison for form in fit.forms}
    assert benchmark["rmse"] < by_form["S1"].rmse
    assert benchmark["log_score"] > by_form["S1"].log_score.sum()
