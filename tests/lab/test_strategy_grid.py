"""World B from a grid file to its tables: what it asks, what it refuses, what it writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from econ.core.errors import InputError
from econ.core.measurements import PASS_AT, read_measurements
from econ.lab import execute
from econ.lab.grid import Grid, load_grid
from econ.lab.methods import METHODS
from econ.lab.runner import run_grid

TINY_B = {
    "schema_version": 1,
    "name": "tiny_b",
    "task": "B",
    "stage": "develop",
    "worlds": [0, 1],
    "model": {"layers": 1, "width": 16},
    "pretraining": {"steps": 20, "batch": 64},
    "training": {"max_steps": 10},
    "on_policy": {"prompts": 8, "samples": 4, "steps": 4, "check_every": 2, "held_out": 16},
    "scorer": {"min_steps": 4, "max_steps": 8, "batch": 32},
    "runs_per_batch": 4,
    "arms": [
        {"method": "base"},
        {"method": "dpo", "n": [160]},
        {"method": "nsr_or", "n": [128]},
        {"method": "wr_or", "n": [128], "config": {"lambda": 0.0}},
        {"method": "ppo_or", "n": [128]},
        {"method": "rm_ppo", "n": [160]},
        {"method": "nsr_lv", "n": [160]},
    ],
}


def values(folder: Path) -> pd.DataFrame:
    return read_measurements(folder / "measurements.parquet").drop(columns=["seconds", "config_hash"])


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("lab") / "tiny_b"
    run_grid(Grid.model_validate(TINY_B), out)
    return out


def test_rows_hold_what_has_a_meaning_and_nothing_else(finished):
    table = values(finished)
    assert (table.task == "B").all() and set(table.distribution) == {"id", "ood"} and len(table) == 7 * 2 * 2
    passes = table[[f"pass_{k}" for k in PASS_AT]].astype(float).to_numpy()
    assert ((passes > 0) & (passes <= 1)).all() and (np.diff(passes, axis=1) >= 0).all()
    for name in ("violation", "relative_harm", "helpfulness", "sycophancy", "bias", "coverage", "bits_harm"):
        assert table.loc[table.n > 0, name].isna().all(), name
    assert (table.v == np.float32(0.93)).all() and table.entropy.notna().all() and table.entropy_base.notna().all()


def test_the_base_model_is_its_own_measure(finished):
    table = values(finished)
    base = table[table.method == "base"]
    assert (base.entropy == base.entropy_base).all() and np.allclose(base.kl, 0) and not base.collapsed.any()


def test_labels_are_charged_without_rules(finished):
    table = values(finished)
    for method, minutes, reads in (("dpo", 1.0, 2), ("rm_ppo", 1.0, 2), ("nsr_lv", 0.7, 1)):
        own = table[table.method == method]
        assert np.allclose(own.human_minutes, 160 * minutes) and (own.fixed_minutes == 0).all()
        assert (own.judgements == 160).all() and (own.completions_read == 160 * reads).all()
        assert (own.verifications == 0).all() and (own.bits_total > 0).all()


def test_every_sample_is_verified_at_equal_numbers_and_costs_no_human(finished):
    table = values(finished)
    own = table[table.label_kind == "verification"]
    assert set(own.method) == {"nsr_or", "wr_or", "ppo_or"} and (own.verifications == 128).all()
    assert (own.steps == 4).all() and (own.human_minutes == 0).all() and (own.judgements == 0).all()
    scorers = pd.read_parquet(finished / "scorers.parquet")
    learned = table[table.method.isin(["rm_ppo", "nsr_lv"])]
    assert set(scorers.run_id) == set(learned.run_id) and scorers.calibration_error.between(0, 1).all()


def test_w_reinforce_without_weight_on_right_samples_is_nsr(finished):
    table = values(finished).set_index(["world", "distribution"])
    nsr, weighted = (table[table.method == name][["pass_1", "entropy", "kl"]] for name in ("nsr_or", "wr_or"))
    pd.testing.assert_frame_equal(nsr, weighted, check_exact=True)
    assert (nsr.kl > 0).all()


def test_curves_hold_pass_at_k_along_training(finished):
    curves = pd.read_parquet(finished / "curves.parquet")
    table = values(finished)
    assert set(curves.run_id) == set(table.run_id[table.n > 0])
    assert curves[["pass_1", "pass_256", "entropy"]].notna().all().all() and curves.violation.isna().all()
    start = curves[curves.step == 0].merge(table[table.method == "base"], how="cross", suffixes=("", "_b"))
    assert (start.pass_1 == start.pass_1_b).groupby([start.run_id, start.distribution]).any().all()


def test_no_run_depends_on_its_companions(finished, tmp_path):
    arms = [arm for arm in TINY_B["arms"] if arm["method"] in ("dpo", "ppo_or", "nsr_lv")]
    run_grid(Grid.model_validate(TINY_B | {"arms": arms, "worlds": [1], "runs_per_batch": 1}), tmp_path / "fewer")
    whole = values(finished)
    same = whole[whole.method.isin(["dpo", "ppo_or", "nsr_lv"]) & (whole.world == 1)].reset_index(drop=True)
    pd.testing.assert_frame_equal(values(tmp_path / "fewer"), same, check_exact=True)


def test_an_interrupted_grid_goes_on_with_the_same_numbers(finished, tmp_path, monkeypatch):
    kept = ["nsr_or", "rm_ppo"]
    grid = Grid.model_validate(TINY_B | {"arms": [arm for arm in TINY_B["arms"] if arm["method"] in kept], "worlds": [0]})
    do, done = execute.execute, []

    def stop_late(task, folder, device):
        if len(done) == 2:
            raise KeyboardInterrupt
        do(task, folder, device)
        done.append(task.hash)

    monkeypatch.setattr(execute, "execute", stop_late)
    with pytest.raises(KeyboardInterrupt):
        run_grid(grid, tmp_path / "out")
    again: list[str] = []
    monkeypatch.setattr(execute, "execute", lambda task, *rest: (again.append(task.hash), do(task, *rest)))
    run_grid(grid, tmp_path / "out")
    assert again and not set(done) & set(again)
    whole = values(finished)
    same = whole[whole.method.isin(kept) & (whole.world == 0)].reset_index(drop=True)
    pd.testing.assert_frame_equal(values(tmp_path / "out"), same, check_exact=True)


def test_the_shipped_grid_asks_for_equal_verifications_on_confirmatory_worlds():
    grid = load_grid("zoo_b")
    assert grid.task == "B" and set(grid.worlds) == set(range(1000, 1008)) and grid.pretraining.steps == 900
    assert set(grid.tuning.worlds) == {2000, 2001, 2002, 2003}
    verified = [arm for arm in grid.arms if METHODS[arm.method].kinds == ("verification",)]
    assert {arm.n[-1] for arm in verified} == {38_400} and grid.on_policy.rollouts == 24 * 8
    assert {"nsr_or", "psr_or", "grpo_or", "ppo_or", "rloo_or", "wr_or"} == {arm.method for arm in verified}
    swept = {arm.config["lambda"] for arm in verified if arm.method == "wr_or"}
    assert swept == {0.0, 0.05, 0.1, 0.2, 1.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"knobs": {"bias": 1.0}}, "knob 'bias' means nothing in World B; allowed: base_accuracy"),
        ({"sweep": {"coverage": [4]}}, "knob 'coverage' means nothing in World B"),
        ({"task": "A", "knobs": {"base_accuracy": 0.25}}, "knob 'base_accuracy' means nothing in World A"),
        ({"arms": [{"method": "sft", "n": [64]}]}, "method 'sft' has no labels in World B; allowed: base, dpo"),
        ({"arms": [{"method": "refuse_all"}]}, "'refuse_all' has no labels in World B"),
        ({"evaluation": {"distributions": ["id", "s0.33"]}}, "no test distribution 's0.33'; allowed: id, ood"),
        ({"evaluation": {"samples": 4}}, "evaluation is exact"),
    ],
)
def test_what_means_nothing_is_refused_by_name(change, message):
    with pytest.raises(ValidationError, match="Value error") as error:
        Grid.model_validate(TINY_B | change)
    assert message in str(error.value)


def test_no_surface_is_fitted_to_this_world(finished):
    from econ.surfaces.cells import select_rows

    with pytest.raises(InputError, match="no rows can be fitted"):
        select_rows(read_measurements(finished / "measurements.parquet"), "tiny_b")
