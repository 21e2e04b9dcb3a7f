"""Sums over axes and states with other arrays: the two helpers that every block uses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest

from econ.market.setting import sum_over
from econ.market.state import changed


@dataclass(frozen=True)
class Held:
    """A part of a state that keeps what it worked out."""

    stock: np.ndarray
    price: np.ndarray

    @cached_property
    def worth(self) -> np.ndarray:
        return self.stock * self.price


@pytest.mark.parametrize("axes", [(1,), (2,), (1, 2), (0, 1, 2)])
def test_sums_are_those_of_numpy(axes):
    array = np.sin(np.arange(24.0)).reshape(2, 3, 4)
    np.testing.assert_allclose(sum_over(array, *axes), array.sum(axis=axes), rtol=1e-14, atol=1e-15)


def test_truth_values_are_not_summed():
    with pytest.raises(TypeError, match="truth values"):
        sum_over(np.array([[True, True, True]]), 1)


def test_a_changed_part_keeps_no_old_results():
    held = Held(np.array([1.0, 2.0]), np.array([3.0, 3.0]))
    np.testing.assert_array_equal(held.worth, [3.0, 6.0])
    new = changed(held, price=np.array([10.0, 10.0]))
    np.testing.assert_array_equal(new.worth, [10.0, 20.0])
    assert new.stock is held.stock and held.price[0] == 3.0
    with pytest.raises(TypeError, match="Held has no worth"):
        changed(held, worth=np.zeros(2))
