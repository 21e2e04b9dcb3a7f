"""Learning curves of one method: known truths and refusals."""

import numpy as np
import pytest

from econ.surfaces.bootstrap import world_weights
from econ.surfaces.cells import Cells
from econ.surfaces.curves import FORMS, CurveForm, curve_refusal, fit_curve

N = np.array([16.0, 39, 95, 232, 565, 1378, 3360, 8192])
WORLDS = np.arange(1000, 1016)
SHAPES = {
    "hill": lambda n: 0.3 + 0.7 / (1.0 + (n / 400.0) ** 1.2),
    "exponential": lambda n: 0.3 + 0.7 * 2.0 ** (-n / 400.0),
    "power": lambda n: (1.0 + n / 200.0) ** -0.5,
}


def curve(shape, noise=0.01):
    """Sixteen worlds whose log-odds scatter a little about a known curve."""
    base = 0.5 + 0.01 * (np.arange(16) - 7.5) / 7.5
    wiggle = noise * np.sin(1.0 + 7.0 * np.arange(16 * len(N))).reshape(16, len(N))
    rate = np.clip(base[:, None] * shape(N) * (1.0 + wiggle), 1e-6, 1.0)
    return Cells(N, np.zeros(len(N)), np.ones(len(N)), WORLDS, rate, base)


@pytest.mark.parametrize("name", FORMS)
def test_the_true_form_wins_and_its_half_saturation_is_found(name):
    fits = {fit.form.name: fit for fit in fit_curve(curve(SHAPES[name]), world_weights(1, 60, WORLDS))}
    # A Hill curve can nearly be an exponential or a power: the truth must be among the best, and hold.
    best = max(fit.log_score for fit in fits.values())
    assert fits[name].log_score > best - 3.0
    assert fits[name].rmse < 0.005
    found = fits[name].described()
    true = {"hill": 400.0, "exponential": 400.0, "power": 200.0 * (2.0**2 - 1.0)}[name]
    assert found["half_saturation"] == pytest.approx(true, rel=0.1)
    assert found["half_saturation_low"] <= found["half_saturation"] <= found["half_saturation_high"]
    if name != "power":
        assert found["floor"] == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("name", FORMS)
def test_curve_gradients_agree_with_differences(name):
    form = CurveForm(name, 0.5)
    theta = form.prior.centre + form.prior.sd * np.sin(np.arange(30.0)).reshape(-1, len(form.prior.centre))
    _, gradient = form.harm_and_gradient(theta, N)
    for i in range(theta.shape[1]):
        step = np.zeros(theta.shape[1])
        step[i] = 1e-6
        up, down = (form.harm_and_gradient(theta + s, N)[0] for s in (step, -step))
        np.testing.assert_allclose(gradient[:, i], (up - down) / 2e-6, atol=1e-6)


def test_flat_and_open_curves_are_refused_and_a_settled_one_is_not():
    assert curve_refusal(curve(lambda n: np.ones(len(n)), noise=0.05))[1] == "flat"
    assert curve_refusal(curve(lambda n: 1.0 - n / 10000.0))[1] == "open"
    assert curve_refusal(curve(lambda n: np.where(n > 1000, 0.3, 0.8), noise=0.05)) is None


def test_harm_that_rises_has_a_floor_above_one():
    fit = fit_curve(curve(lambda n: 1.0 + 0.4 * n / (n + 100.0)), world_weights(1, 20, WORLDS))[0]
    assert fit.described()["floor"] == pytest.approx(1.4, abs=0.05)
