"""What the page says of the fit beside its cells: sentences follow the numbers, whichever way they turn out."""

from __future__ import annotations

import numpy as np
import pytest
from laboratory_fit import HEAD, Beside, beside, in_words, rows

from econ.core.shipped import shipped_path
from econ.surfaces import load_surfaces

WORLDS = np.linspace(-0.05, 0.05, 16)[:, None]


def made(gap: float) -> Beside:
    """Four cells whose fitted harm is off by `gap` in each."""
    harm = np.array([0.9, 0.8, 0.7, 0.5])
    return Beside("ood", 0.5, np.array([16.0, 0.0, 64.0, 4096.0]), np.array([0.0, 16.0, 64.0, 16.0]), harm + gap, harm + WORLDS)


@pytest.mark.parametrize(("gap", "said"), [(0.1, "fitted harm is too high for ood, v = 0.5 (+0.100)"), (-0.1, "too low for ood, v = 0.5 (-0.100)")])
def test_a_gap_is_told_with_its_side(gap, said):
    found = [made(gap)]
    assert said in in_words(found) and "4 of 4 fitted means lie outside" in in_words(found)
    row = dict(zip(HEAD, next(rows(found)), strict=True))
    assert row["RMSE"] == "0.100" and row["flags alone"] == row["pairs alone"] == row["both"] == row["4,096 of either"] == f"{gap:+.3f}"


def test_a_fit_without_gap_is_said_to_have_none_resolved():
    assert "no v has a gap that is resolved" in in_words([made(0.0)]) and "0 of 4 fitted means" in in_words([made(0.0)])


def test_the_shipped_surfaces_stand_beside_every_cell_of_their_grid():
    found = beside(shipped_path("calibration", "lab", "surface"), load_surfaces())
    assert [(one.distribution, one.v) for one in found] == [(d, v) for d in ("id", "ood") for v in (0.1, 0.5, 1.0)]
    assert all(one.measured.shape == (16, 35) and np.isfinite(one.measured).all() for one in found)
    assert all(np.sqrt((one.gap**2).mean()) < 0.06 for one in found), "a surface that has nothing to do with its cells"
