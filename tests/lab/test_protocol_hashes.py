"""Results already measured stay valid: what is new and at its default enters no hash."""

from __future__ import annotations

import pytest

from econ.core.measurements import read_measurements
from econ.core.shipped import shipped_path
from econ.lab import programs
from econ.lab.grid import Grid, load_grid
from econ.lab.knobs import Knobs
from econ.lab.programs import Run, Task

REFERENCE = Knobs()
GRID = Grid.model_validate(
    {"schema_version": 1, "name": "x", "worlds": [1000], "arms": [{"method": "dpo", "n": [16]}],
     "evaluation": {"samples": 8, "curves": "losses",
                    "distributions": ["id", "ood", "s0.33", "s0.67", "ood_combos", "ood_risk", "ood_opinion"]}}
)  # fmt: skip


def run(method: str, budgets, config, knobs: Knobs = REFERENCE, stage: str = "confirm") -> Run:
    return Run(stage, method, 1000, 1, tuple(budgets.items()), knobs, tuple(sorted(config.items())))


@pytest.mark.parametrize(
    "one, run_id, task",
    [
        (run("dpo", {"preference": 1024}, {"lr": 1e-3, "beta": 0.1}), "108a5f7710a1c558", "ff9d24053d1a6a4fbd4db9cd"),
        (run("npo_ret", {"flag": 1024}, {"lr": 1e-3, "beta": 0.1, "eta": 0.3}, REFERENCE.model_copy(update={"v": 0.5})),
         "f4e2c76d694d232b", "3cfe410f7198bb5ed4c64aa6"),
        (run("hybrid", {"flag": 64, "preference": 16},
             {"lr": 1e-3, "beta": 0.1, "beta_flag": 0.1, "eta": 0.3, "w": 0.5}),
         "1d230546825e6e05", "d0f4856c393aa24da27af438"),
        (run("d2o_clean3", {"flag_clean3": 95}, {"lr": 1e-3, "beta": 0.1}, stage="tune"),
         "0a272e6b3f16cd7c", "60ce32d7d6935ae8f12429ef"),
    ],
)  # fmt: skip
def test_default_runs_keep_their_names(one, run_id, task):
    settings = programs.result_settings(GRID, 2)
    assert programs.run_id(one, settings) == run_id
    assert Task("train", one.program, settings, (one.plain(),)).hash == task


def test_base_models_keep_their_names():
    settings = programs.result_settings(GRID, 2)
    assert programs.base_hash(programs.base_item(1000, REFERENCE), settings) == "be6ffefad24a5d3664c4b256"
    tasks = programs.pretraining_tasks([REFERENCE], (1000, 1001), settings)
    assert [task.hash for task in tasks] == ["6ef3e292c21275d33b9df683"]


def test_shipped_runs_are_found_again():
    """The runs that tuned the shipped surface have the identities that its grid gives them today."""
    grid = load_grid("surface")
    edges = grid.arms[-1].edges
    assert edges is not None
    short = {"samples": grid.tuning.samples, "distributions": ["id"], "curves": "losses"}
    settings = programs.result_settings(grid, 2) | {"evaluation": short}
    wanted = set()
    for arm in (a for a in load_grid("maps").arms if a.tune and a.method in ("dpo", "npo_ret")):
        for config in programs.configurations(getattr(edges, arm.method)):
            budgets = {"flag" if arm.method == "npo_ret" else "preference": 1024}
            found = programs.plain_runs(grid, arm, "tune", grid.tuning.worlds, budgets, config, grid.knobs)
            wanted |= {programs.run_id(own, settings) for own in found}
    shipped = read_measurements(shipped_path("calibration", "lab", "surface", "measurements.parquet"))
    tuned = shipped[(shipped.stage == "tune") & shipped.method.isin(["dpo", "npo_ret"])]
    assert wanted == set(tuned.run_id) and len(wanted) == 2 * 6 * 4


@pytest.mark.parametrize(
    "change", [{"half": 0}, {"half": 1}, {"knobs": REFERENCE.model_copy(update={"match_bias": True})}]
)
def test_what_is_not_at_its_default_makes_another_run(change):
    one = run("dpo", {"preference": 1024}, {"lr": 1e-3, "beta": 0.1})
    other = Run.from_plain(one.plain() | {k: x.model_dump(mode="json") if k == "knobs" else x for k, x in change.items()})
    settings = programs.result_settings(GRID, 2)
    assert programs.run_id(one, settings) != programs.run_id(other, settings)
    assert Run.from_plain(other.plain()) == other


def test_details_and_training_of_an_arm_are_part_of_a_run():
    arm = GRID.arms[0]
    plain = programs.result_settings(GRID, 2)
    assert programs.result_settings(GRID, 2, arm) == plain
    one = run("dpo", {"preference": 1024}, {"lr": 1e-3, "beta": 0.1})
    for own in ({"training": {"max_steps": 1200}}, {"evaluation": {"details": 8}}):
        changed = programs.result_settings(GRID, 2, arm.model_copy(update=own))
        assert programs.run_id(one, changed) != programs.run_id(one, plain)
        assert programs.base_hash(programs.base_item(1000, REFERENCE), changed) == "be6ffefad24a5d3664c4b256"
