"""Statistics against closed forms, with and without missing values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from econ.ensemble.statistics import mean_and_error, paired_difference, quantiles, wilson_bound


def test_mean_sd_and_error_of_five_numbers():
    mean, sd, error, count = mean_and_error(np.array([[1.0], [2.0], [3.0], [4.0], [5.0]]))
    assert (mean[0], count[0]) == (3.0, 5)
    assert sd[0] == pytest.approx(np.sqrt(2.5), rel=1e-15)
    assert error[0] == pytest.approx(np.sqrt(0.5), rel=1e-15)


def test_missing_values_are_left_out_by_quarter():
    values = np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan]])
    mean, sd, error, count = mean_and_error(values)
    assert count.tolist() == [2, 1, 0]
    assert mean[:2].tolist() == [2.0, 5.0] and np.isnan(mean[2])
    assert sd[0] == pytest.approx(np.sqrt(2.0)) and np.isnan(sd[1:]).all() and np.isnan(error[1:]).all()
    assert quantiles(values)[:, 1].tolist() == [5.0] * 5
    assert np.isnan(quantiles(values)[:, 2]).all()


def test_no_replicate_at_all_gives_no_number():
    assert np.isnan(quantiles(np.empty((0, 2)))).all()


def test_wilson_interval_of_the_textbook():
    # Newcombe (1998), Statistics in Medicine 17, table I: 81 of 263, 95 % score interval.
    low, high = (float(wilson_bound(np.array(81.0), np.array(263.0), level)) for level in (0.025, 0.975))
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


def test_wilson_interval_stays_inside_and_does_not_collapse_at_zero():
    # At no success the upper end is z²/(n + z²).
    z = 1.6448536269514722
    assert float(wilson_bound(np.array(0.0), np.array(40.0), 0.05)) == 0.0
    assert float(wilson_bound(np.array(0.0), np.array(40.0), 0.95)) == pytest.approx(
        z**2 / (40 + z**2), rel=1e-12
    )


def test_paired_interval_is_students():
    base = np.array([[10.0], [20.0], [30.0]])
    found = paired_difference(base + np.array([[1.0], [2.0], [3.0]]), base)
    # t(0.975, 2 df) = 4.302652729696144, sd 1, n 3.
    assert found["mean_difference"][0] == pytest.approx(2.0)
    assert found["high"][0] - 2.0 == pytest.approx(4.302652729696144 / np.sqrt(3), rel=1e-9)
    assert found["share_positive"][0] == 1.0


def test_a_pair_counts_only_where_both_have_a_value():
    found = paired_difference(np.array([[1.0], [np.nan], [5.0]]), np.array([[0.0], [0.0], [np.nan]]))
    assert found["mean_difference"][0] == 1.0 and np.isnan(found["low"][0])
    # One pair of three: a share of 1 that says little, as its number tells.
    assert (found["share_positive"][0], found["pairs"][0]) == (1.0, 1.0)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30), st.floats(-100, 100))
@settings(max_examples=50, deadline=None)
def test_pairing_removes_what_scenarios_share(values, shift):
    base = np.array(values)[:, None]
    found = paired_difference(base + shift, base)
    assert found["mean_difference"][0] == pytest.approx(shift, abs=1e-9 * max(1.0, np.abs(base).max()))
    assert found["low"][0] <= found["mean_difference"][0] <= found["high"][0]
