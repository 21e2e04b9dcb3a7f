"""What the page says of scorers that are trained on: sentences follow the numbers, whichever way they turn out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from laboratory_plateau import OUTCOMES, Longer, in_words, longer, outcome_rows, step_rows

from econ.core.shipped import shipped_path

WORLDS = range(1000, 1008)
USUAL = {"min_steps": 700, "max_steps": 1500, "check_every": 25, "patience": 8}


def made(change: float, best: int = 3000) -> Longer:
    """Eight worlds whose policies change by `change`, a little differently in each."""
    wobble = np.linspace(-0.01, 0.01, len(WORLDS))
    scorers = pd.DataFrame(
        {"best_step_full": 900.0, "best_step_plateau": float(best), "steps_full": 1100.0, "steps_plateau": 6000.0}
        | {f"{of}_{name}": value + wobble for of in ("truth", "labels") for name, value in (("full", 0.9), ("plateau", 0.95))},
        index=pd.MultiIndex.from_product([["verifier"], WORLDS], names=["kind", "world"]),
    )  # fmt: skip
    index = pd.MultiIndex.from_product([["nsr_lv"], ["ood"], WORLDS], names=["method", "distribution", "world"])
    rows = pd.DataFrame({f"{name}_{grid}": 0.5 + (grid == "plateau") * (change + wobble) for name in OUTCOMES for grid in ("full", "plateau")}, index=index)
    return Longer(scorers, rows.assign(collapsed_full=0.0, collapsed_plateau=1.0), 6000, USUAL)


def test_a_change_is_told_and_so_is_none():
    assert "What changes in the policies**: relative harm of `nsr_lv` (ood: +0.100 [" in in_words(made(0.1))
    assert "relative harm of `nsr_lv` (ood: -0.100 [" in in_words(made(-0.1))
    assert "no change is resolved" in in_words(made(0.0)) and "What changes" not in in_words(made(0.0))


@pytest.mark.parametrize(("best", "settled", "within"), [(3000, 8, 8), (5900, 0, 0), (5800, 8, 0)])
def test_a_plateau_is_where_the_same_patience_would_have_ended(best, settled, within):
    said = in_words(made(0.0, best))
    assert f"in the last 200 steps in {settled} of 8 worlds" in said and f"3,000 steps would hold the best one in {within}." in said


def test_the_shipped_grid_stands_beside_full_in_every_world():
    folder = shipped_path("calibration", "lab")
    found = longer(folder / "plateau", folder / "full", 6000, USUAL)
    assert list(found.scorers.index) == [(kind, world) for kind in ("verifier", "reward") for world in WORLDS] and not found.scorers.isna().any(axis=None)
    assert (found.rows.groupby(level=["method", "distribution"]).size() == 8).all() and len(found.rows) == 48
    assert (found.scorers["steps_full"] <= 1500).all() and (found.scorers["steps_plateau"] == 6000).all()
    assert len(list(step_rows(found))) == 16 and len(list(outcome_rows(found))) == 6 * len(OUTCOMES)
