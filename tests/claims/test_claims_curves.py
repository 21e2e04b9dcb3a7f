"""Labels to a target, advantage, areas and hypervolumes against hand computations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import isotonic_regression

from econ.claims.curves import (
    Reached,
    advantage,
    area_difference,
    cost_at,
    decreasing,
    hypervolume,
    labels_to_target,
)

N = np.array([16.0, 64.0, 256.0, 1024.0])


def reach(harm, target=0.8, floor=0.75, help_ratio=1.0, collapsed=0.0):
    full = [np.broadcast_to(np.asarray(x, float), (1, 4)) for x in (harm, help_ratio, collapsed)]
    found = labels_to_target(*full, N, target, floor)
    return float(found.low[0]), float(found.high[0])


@given(arrays(float, st.integers(1, 9), elements=st.floats(0, 2)))
def test_isotonic_fit_is_scipys(values):
    expected = isotonic_regression(values, increasing=False).x
    np.testing.assert_allclose(decreasing(values[None])[0], expected, atol=1e-12)


def test_labels_to_target_by_hand():
    # Linear in log n: 0.8 is half way between 0.9 at 64 and 0.7 at 256, at their geometric mean.
    assert reach([1.0, 0.9, 0.7, 0.6]) == pytest.approx((128.0, 128.0))
    # A rise is pooled: 0.9 and 0.7 and 0.8 become 0.9, 0.75, 0.75.
    assert reach([1.0, 0.9, 0.7, 0.8]) == pytest.approx((64 * 4 ** (2 / 3),) * 2)


def test_censoring_on_either_side():
    assert reach([1.0, 0.95, 0.9, 0.85]) == (1024.0, np.inf)
    assert reach([0.7, 0.6, 0.5, 0.4]) == (0.0, 16.0)


def test_helpfulness_floor_and_collapse_delay_or_deny():
    harm = [0.7, 0.6, 0.5, 0.4]
    # Help rises through 0.75 half way between 64 and 256.
    assert reach(harm, help_ratio=[0.5, 0.6, 0.9, 1.0]) == pytest.approx((128.0, 128.0))
    assert reach(harm, floor=0.0, help_ratio=[0.5, 0.6, 0.9, 1.0]) == (0.0, 16.0)
    assert reach(harm, help_ratio=0.7) == (1024.0, np.inf)
    assert reach(harm, collapsed=[1.0, 0.75, 0.25, 0.0]) == pytest.approx((128.0, 128.0))
    # Help leaves the admissible range before harm gets there.
    assert reach([1.0, 0.9, 0.7, 0.6], help_ratio=[1.0, 0.8, 0.6, 0.5]) == (1024.0, np.inf)


@given(st.permutations(range(4)))
def test_a_lower_target_never_needs_fewer_labels(order):
    harm = np.array([1.0, 0.85, 0.7, 0.4])[list(order)]
    found = [reach(harm, target)[1] for target in (0.9, 0.8, 0.65, 0.5)]
    assert found == sorted(found)


def test_cost_axes_are_linear_in_labels():
    cost = np.array([[500.0, 560.0, 800.0, 1760.0]])
    at = cost_at(Reached(np.array([160.0]), np.array([160.0])), N, cost)
    assert at.low[0] == pytest.approx(680.0)
    never = cost_at(Reached(np.array([1024.0]), np.array([np.inf])), N, cost)
    assert (never.low[0], never.high[0]) == (1760.0, np.inf)
    at_once = cost_at(Reached(np.array([0.0]), np.array([16.0])), N, cost)
    assert (at_once.low[0], at_once.high[0]) == (0.0, 500.0)


@pytest.mark.parametrize(
    ("preference", "negative", "expected"),
    [
        ((128.0, 128.0), (32.0, 32.0), (2.0, 2.0)),
        ((1024.0, np.inf), (128.0, 128.0), (3.0, np.inf)),
        ((128.0, 128.0), (1024.0, np.inf), (-np.inf, -3.0)),
        ((128.0, 128.0), (0.0, 16.0), (3.0, np.inf)),
        ((1024.0, np.inf), (1024.0, np.inf), (np.nan, np.nan)),
        ((0.0, 16.0), (0.0, 16.0), (np.nan, np.nan)),
        ((1024.0, np.inf), (0.0, 16.0), (6.0, np.inf)),
    ],
)
def test_advantage_and_its_bounds(preference, negative, expected):
    sides = [Reached(np.array([low]), np.array([high])) for low, high in (preference, negative)]
    low, high = advantage(*sides)
    np.testing.assert_allclose([low[0], high[0]], expected)


def test_area_by_hand():
    x = np.log2(N)[None]
    preference, negative = np.array([[1.0, 0.8, 0.8, 0.6]]), np.array([[1.0, 0.6, 0.4, 0.2]])
    # Trapezoids of equal width: (0.9 + 0.8 + 0.7)/3 - (0.8 + 0.5 + 0.3)/3.
    assert area_difference(preference, negative, x, x)[0] == pytest.approx(0.8 / 3)
    # Shifted by one budget, only the overlap counts: 0.8, 0.7 against 0.8, 0.5.
    assert area_difference(preference, negative, x, x + 2)[0] == pytest.approx((0.8 + 0.7) / 2 - (0.8 + 0.5) / 2)
    assert np.isnan(area_difference(preference, negative, x, x + 20)[0])


def test_hypervolume_by_hand():
    points = np.array([[[0.5, 1.0], [0.8, 0.7], [0.4, 0.9], [-0.2, 2.0], [0.9, 0.4]]])
    # 0.5 x 0.5 from the first; (0.8 - 0.5) x 0.2 from the second; the others are dominated or outside.
    assert hypervolume(points, (0.0, 0.5))[0] == pytest.approx(0.5 * 0.5 + 0.3 * 0.2)


@given(arrays(float, (5, 2), elements=st.floats(0, 1)))
def test_hypervolume_is_a_grid_count(points):
    grid = (np.arange(200) + 0.5) / 200
    x, y = np.meshgrid(grid, 0.5 + 0.5 * grid)
    covered = np.any((points[:, 0] >= x[..., None]) & (points[:, 1] >= y[..., None]), axis=-1)
    assert hypervolume(points[None], (0.0, 0.5))[0] == pytest.approx(0.5 * covered.mean(), abs=0.01)
