"""How much of the truth a label carries, against what the laboratory does and what an import reads back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from econ.core.verifiability import label_error, log_signal, log_signal_slope
from econ.lab.importing.units import verifiability
from econ.lab.knobs import Knobs


@given(st.floats(0.0, 1.0))
def test_errors_are_those_of_the_laboratorys_raters(v):
    assert Knobs(v=v).noise == pytest.approx((label_error(v),) * 2)


@given(st.floats(0.0, 1.0))
def test_agreement_of_two_raters_gives_verifiability_back(v):
    error = label_error(v)
    assert verifiability(1.0 - 2.0 * error * (1.0 - error)) == pytest.approx(v, abs=1e-6)


def test_the_signal_is_whole_at_full_verifiability_and_known_between():
    np.testing.assert_allclose(np.exp(log_signal([1.0, 0.5, 0.0])), [1.0, 0.53 / 0.96, 0.10 / 0.96])


@given(st.floats(0.01, 0.99))
def test_its_slope_is_its_derivative(v):
    step = 1e-6
    assert log_signal_slope(v) == pytest.approx((log_signal(v + step) - log_signal(v - step)) / (2 * step), rel=1e-6)
