"""Intervals, p-values and Holm's adjustment against hand computations and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from econ.claims.resampling import TAIL, Effect, Resampler, holm
from econ.surfaces.bootstrap import widening

WORLDS = np.arange(1000, 1016)


def effect_of(values, draws=10_000, worlds=None):
    worlds = np.arange(1000, 1000 + len(values)) if worlds is None else worlds
    return Effect.exact(Resampler(1, draws).weights(worlds) @ np.asarray(values, float), len(values))


@pytest.mark.parametrize(("worlds", "level", "expected"), [(16, 0.95, 1.134), (16, 0.975, 1.158), (8, 0.975, 1.368)])
def test_widening_of_few_worlds(worlds, level, expected):
    by_hand = np.sqrt((worlds + 1) / (worlds - 1)) * stats.t.ppf(level, worlds - 1) / stats.norm.ppf(level)
    assert widening(worlds, level) == pytest.approx(by_hand)
    assert widening(worlds, level) == pytest.approx(expected, abs=1e-3)


def test_the_interval_is_students_for_well_behaved_worlds():
    values = 0.1 + 0.05 * stats.norm.ppf((np.arange(16) + 0.5) / 16)
    low, high = effect_of(values).interval
    half = stats.t.ppf(0.975, 15) * values.std(ddof=1) / 4.0
    assert low == pytest.approx(0.1 - half, rel=0.05) and high == pytest.approx(0.1 + half, rel=0.05)


def test_identical_worlds_have_an_interval_of_no_width():
    effect = effect_of(np.full(16, 0.3))
    assert effect.interval == pytest.approx((0.3, 0.3)) and effect.bound == ""


@pytest.mark.parametrize("limit", [-0.05, -0.01, 0.0, 0.02, 0.05, 0.08])
def test_p_values_agree_with_the_interval(limit):
    effect = effect_of(0.03 * np.sin(np.arange(16) * 2.3) + 0.03)
    low, high = effect.interval
    assert (low > limit) == (effect.p_above(limit) <= TAIL)
    assert (high < limit) == (effect.p_below(limit) <= TAIL)


def test_p_values_near_those_of_students_t():
    values = 0.02 + 0.04 * stats.norm.ppf((np.arange(16) + 0.5) / 16)
    t = stats.ttest_1samp(values, 0.0, alternative="greater").pvalue
    assert effect_of(values).p_above(0.0) == pytest.approx(t, rel=0.35)


def test_order_and_companions_of_worlds_do_not_matter():
    values, order = np.arange(16) * 0.01, np.argsort(np.sin(np.arange(16)))
    one = Resampler(1, 500).weights(WORLDS) @ values
    other = Resampler(1, 500).weights(WORLDS[order]) @ values[order]
    np.testing.assert_allclose(one, other, atol=1e-12)
    # Relative weights of two worlds do not depend on which others are there.
    few, many = Resampler(1, 50).weights(WORLDS[:4]), Resampler(1, 50).weights(WORLDS)
    np.testing.assert_allclose(few[:, 0] / few[:, 1], many[:, 0] / many[:, 1])
    assert not np.allclose(one, Resampler(2, 500).weights(WORLDS) @ values)


def test_bounds_are_told_from_estimates():
    draws = np.full(101, 2.0)
    at_least = Effect(draws, np.full(101, np.inf), 16)
    assert (at_least.bound, at_least.value) == (">=", 2.0)
    assert at_least.interval == (pytest.approx(2.0), np.inf) and at_least.plain()["high"] is None
    at_most = Effect(np.full(101, -np.inf), draws, 16)
    assert (at_most.bound, at_most.value, at_most.p_above(0.0)) == ("<=", 2.0, 1.0)
    undefined = Effect(np.full(101, np.nan), np.full(101, np.nan), 16)
    assert undefined.bound == "undefined" and undefined.undefined_share == 1.0 and undefined.plain()["estimate"] is None


def test_holm_by_hand():
    # Sorted: 0.001 x 5, 0.01 x 4, 0.02 x 3, 0.04 x 2 (0.08), 0.5 x 1; none below an earlier one.
    assert holm([0.04, 0.001, 0.5, 0.01, 0.02]) == pytest.approx([0.08, 0.005, 0.5, 0.04, 0.06])
    assert holm([0.03, 0.03]) == pytest.approx([0.06, 0.06])
    assert holm([1.0] * 9) == [1.0] * 9
