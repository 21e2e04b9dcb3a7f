"""BCa intervals: against SciPy's, their limits, and mixtures of forms."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri
from scipy.stats import bootstrap, skew

from econ.surfaces.bca import Correction, Part, correction, interval
from econ.surfaces.bootstrap import world_weights
from econ.surfaces.fit import fit_harm
from econ.surfaces.forms import FORMS
from econ.surfaces.recovery import synthetic_cells
from econ.surfaces.sigma import bca_interval, log_sigma

ENDS = (0.05, 0.95)


def percentiles(found, levels):
    """Shares of draws below the ends whose confidence is `levels` (Efron 1987, equation 6.8)."""
    z = found.bias + ndtri(np.asarray(levels))
    return ndtr(found.bias + z / (1.0 - found.acceleration * z))


@pytest.mark.parametrize("statistic", [np.mean, np.std, skew])
def test_ends_are_those_of_scipy(statistic):
    sample = np.exp(np.random.default_rng(3).normal(size=23))
    theirs = bootstrap((sample,), statistic, n_resamples=3000, confidence_level=0.9, method="BCa", rng=np.random.default_rng(4))
    draws = np.sort(theirs.bootstrap_distribution)
    left_out = np.array([statistic(np.delete(sample, i)) for i in range(len(sample))])
    found = correction(draws, float(statistic(sample)), left_out)
    assert abs(found.acceleration) > 1e-3 and abs(found.bias) > 1e-3
    exact = np.quantile(draws, percentiles(found, ENDS))
    np.testing.assert_allclose(exact, theirs.confidence_interval, rtol=1e-12)
    # Read off the distribution of confidence they differ by less than the gap between two draws.
    gap = np.diff(draws)[np.searchsorted(draws, exact) - 1]
    assert (np.abs(interval([Part(draws, 1.0, found)], ENDS) - exact) <= gap).all()


@given(bias=st.floats(-1, 1), acceleration=st.floats(-0.3, 0.3), level=st.floats(0.02, 0.98))
def test_levels_and_percentiles_are_inverse(bias, acceleration, level):
    own = Correction(bias, acceleration)
    share = percentiles(own, [level])
    # A share of draws this near 1 has too few digits left to tell levels apart.
    assume(share[0] < 1.0 - 1e-6)
    assert own.levels(share)[0] == pytest.approx(level, abs=1e-9)


@given(bias=st.floats(-2, 2), acceleration=st.floats(-0.4, 0.4))
def test_confidence_never_falls_along_the_draws(bias, acceleration):
    levels = Correction(bias, acceleration).levels(np.linspace(0.0, 1.0, 401))
    assert np.isfinite(levels).all() and (np.diff(levels) >= -1e-12).all()
    assert levels[0] < 0.5 < levels[-1]


def test_without_bias_and_skewness_they_are_percentiles():
    draws = np.sin(np.arange(500.0))
    found = interval([Part(draws, 1.0, Correction(0.0, 0.0))], ENDS)
    np.testing.assert_allclose(found, np.quantile(draws, ENDS), atol=1e-4)


def test_a_mixture_of_two_halves_is_the_whole():
    draws = np.random.default_rng(1).normal(size=4000)
    nothing = Correction(0.0, 0.0)
    halves = [Part(draws[i::2], 0.5, nothing) for i in range(2)]
    np.testing.assert_allclose(interval(halves, ENDS), np.quantile(draws, ENDS), atol=0.02)
    apart = interval([Part(draws - 100, 0.5, nothing), Part(draws + 100, 0.5, nothing)], ENDS)
    np.testing.assert_allclose(apart, [-100 + np.quantile(draws, 0.1), 100 + np.quantile(draws, 0.9)], atol=0.02)


def test_a_form_whose_draws_lie_on_one_side_is_left_to_percentiles():
    assert np.isinf(correction(np.arange(10.0), -1.0, np.arange(4.0)).bias)
    assert correction(np.arange(10.0), 4.0, np.full(4, 2.0)).acceleration == 0.0


def test_sigma_of_a_fit_is_that_of_scipy_on_its_own_draws():
    """The interval of a single form is BCa's on the draws and the left-out worlds of the fit."""
    cells = synthetic_cells("S2, substitutes", 7, v=(0.5,))
    fit = fit_harm(cells, world_weights(1, 120, cells.worlds))
    found = bca_interval(fit)["by_form"]
    assert set(found) == {f.name for f, share in zip(fit.forms, fit.weights, strict=True) if share > 0}
    fitted = next(f for f in fit.forms if f.name == "S2")
    form = FORMS["S2"]
    assert fitted.comparison.left_out.shape == (len(cells.worlds), len(fitted.point))
    draws = log_sigma(form, fitted.draws)
    own = correction(draws, float(log_sigma(form, fitted.point[None])[0]), log_sigma(form, fitted.comparison.left_out))
    low, high = np.exp(np.quantile(draws, percentiles(own, ENDS)))
    assert (found["S2"]["low"], found["S2"]["high"]) == pytest.approx((low, high), rel=0.02)
    assert found["S2"]["bias"] == own.bias and found["S2"]["acceleration"] == own.acceleration
