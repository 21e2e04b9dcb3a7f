"""Commercial and laboratory labels, transfer, categories and starts."""

from __future__ import annotations

import numpy as np
import pytest
from small_posteriors import ces

from econ.core.errors import InputError
from econ.cost.mix import mix_for
from econ.cost.preparation import prepare
from econ.surfaces.posterior import STATUS_QUO

X0, Y0 = STATUS_QUO


def test_without_transfer_todays_stocks_stand_at_the_status_quo_position(forms, plain):
    case = prepare(forms, plain, transfer=0.0, verifiability=0.5)
    at = case.batch.at([0.5])
    shape = (len(case), 1)
    expected = at.evaluate(np.full(shape, X0), np.full(shape, Y0))[0][:, 0]
    np.testing.assert_allclose(case.start_harm, expected, rtol=1e-9)


def test_the_scale_moves_todays_position(forms, plain):
    case = prepare(forms, {**plain, "scale_constraints": 2.0, "scale_preferences": 0.5}, transfer=0.0, verifiability=0.5)
    np.testing.assert_allclose(case.per_a[:, 0] * case.start_a, 2.0 * X0)
    np.testing.assert_allclose(case.per_b * case.start_b, 0.5 * Y0)


def test_transfer_multiplies_what_a_constraint_does_by_the_laboratory_advantage(forms, plain):
    none, half, full = (prepare(forms, plain, transfer=t) for t in (0.0, 0.5, 1.0))
    gain = np.log(full.per_a / none.per_a)
    slope_a, slope_b = none.batch.slopes(none.v)
    np.testing.assert_allclose(gain, np.log(slope_a / slope_b * 2.0 / 3.0), rtol=1e-9)
    np.testing.assert_allclose(half.per_a, np.sqrt(none.per_a * full.per_a))
    np.testing.assert_array_equal(none.per_b, full.per_b)
    np.testing.assert_allclose(none.with_transfer(np.linspace(0, 1, len(none))).per_a, none.per_a * np.exp(np.linspace(0, 1, len(none))[:, None] * gain))


def test_prices_do_not_change_what_labels_do(forms, plain):
    cheap, dear = (prepare(forms, {**plain, "price_constraint_label": p}) for p in (1.0, 100.0))
    np.testing.assert_array_equal(cheap.per_a, dear.per_a)


def test_laboratory_units_read_the_fitted_surface(forms, plain):
    case = prepare(forms, plain, units="laboratory", start=(300.0, 900.0), verifiability=0.5)
    expected = case.batch.at([0.5]).evaluate_labels(np.full((len(case), 1), 300.0), np.full((len(case), 1), 900.0))
    np.testing.assert_allclose(case.start_harm, expected[0][:, 0], rtol=1e-9)
    _, slope_a, slope_b = case.harm(case.start_a[:, None], case.start_b[:, None])
    np.testing.assert_allclose(slope_a, -expected[1], rtol=1e-6)
    np.testing.assert_allclose(slope_b, -expected[2], rtol=1e-6)


def test_a_start_given_in_laboratory_labels_has_the_same_harm_in_commercial_ones(plain):
    commercial = prepare(ces(), plain, start=(3e4, 2e5))
    laboratory = prepare(ces(), plain, units="laboratory", start=(3e4, 2e5))
    assert commercial.start_harm == pytest.approx(laboratory.start_harm, rel=1e-9)


def test_categories_are_weighted_by_requests(forms, plain):
    mixed = prepare(forms, plain, verifiability=[(0.9, 3.0), (0.2, 1.0)], units="laboratory")
    a, b = np.full((len(mixed), 1), 200.0), np.full((len(mixed), 1), 500.0)
    parts = [prepare(forms, plain, verifiability=v, units="laboratory").harm(a, b)[0] for v in (0.9, 0.2)]
    np.testing.assert_allclose(mixed.harm(a, b)[0], 0.75 * parts[0] + 0.25 * parts[1])
    assert len(prepare(forms, plain).v) == 5 and prepare(forms, plain).share.sum() == pytest.approx(1.0)


def test_secondary_outcomes_have_exact_slopes_per_label(forms, plain):
    case = prepare(forms, plain)
    a, b = case.start_a[:, None], case.start_b[:, None]
    _, slope_a, slope_b = case.secondary("sycophancy", a, b)
    for slope, (up, down) in (
        (slope_a, ((a * 1.00001, b), (a * 0.99999, b))),
        (slope_b, ((a, b * 1.00001), (a, b * 0.99999))),
    ):
        change = case.secondary("sycophancy", *up)[0] - case.secondary("sycophancy", *down)[0]
        step = 2e-5 * (a if slope is slope_a else b)
        np.testing.assert_allclose(slope, change / step, rtol=1e-4, atol=1e-14)


def test_mixes_beyond_the_measured_labels_are_marked(plain):
    mix = mix_for(prepare(ces(), plain, units="laboratory", start="untrained"), [0.9999, 0.3])
    assert mix.extrapolated()[0].tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"start": "statusquo"}, "did you mean 'status-quo'"),
        ({"start": (-1.0, 0.0)}, "not a number of labels"),
        ({"units": "lab"}, "unknown choice"),
        ({"transfer": 1.5}, "transfer lies outside its range"),
        ({"verifiability": 1.5}, "verifiability lies outside its range"),
        ({"verifiability": [(0.5, -1.0)]}, "not frequencies"),
        ({"distribution": "odd"}, "did you mean 'ood'"),
        ({"draws": 0}, "no such number of posterior draws"),
    ],
)
def test_unusable_options_are_refused(forms, plain, options, said):
    with pytest.raises(InputError, match=said):
        prepare(forms, plain, **options)
