"""The shipped grids of maps and stability: what they count, and that equal budgets are equal."""

from __future__ import annotations

import pytest

from econ.core.errors import InputError
from econ.lab import programs
from econ.lab.accounting import DRAFT_MINUTES, KINDS
from econ.lab.earlier import Earlier
from econ.lab.grid import Arm, Grid, load_grid
from econ.lab.runner import _Session


def runs_of(grid: Grid) -> set[str]:
    """Identities of all runs but those that tune; every arm at its own configuration of defaults."""
    found = set()
    for arm in grid.arms:
        settings = programs.result_settings(grid, 2, arm)
        for budgets in arm.budgets():
            for knobs in grid.settings(arm):
                runs = programs.plain_runs(
                    grid, arm, grid.stage, grid.worlds_of(arm), budgets, dict(arm.config), knobs, len(arm.tune)
                )
                found |= {programs.run_id(run, settings) for run in runs}
    return found


@pytest.mark.parametrize("name, runs", [("maps", 936), ("stability", 184)])
def test_counts_of_runs(name, runs):
    grid = load_grid(name)
    # Sweeps of verifiability tune at another budget than the maps, so none of their runs coincide.
    assert len(runs_of(grid)) == runs
    assert grid.worlds == tuple(range(1000, 1008)) and grid.reductions
    assert not set(grid.worlds) & set(grid.tuning.worlds)


def test_maps_cross_what_they_say():
    grid = load_grid("maps")
    cells = {"npo_ret": set(), "dpo": set()}
    for arm in grid.arms:
        if arm.n == (1378,) and arm.method in cells:
            cells[arm.method] |= {(k.flag_noise, k.coverage, k.bias, k.confounding) for k in grid.settings(arm)}
    noise, coverage = (0.02, 0.1, 0.2, 0.3, 0.4), (2, 4, 5, 6, 8)
    bias, confounding = (0, 0.5, 1, 2, 4), (0.25, 0.4, 0.55, 0.7, 0.85)
    assert {((e, e), c, 2.0, 0.85) for e in noise for c in coverage} <= cells["npo_ret"]
    assert {(None, 8, 2.0, r) for r in confounding} <= cells["npo_ret"]
    assert {((e, e), 8, 2.0, 0.85) for e in noise} | {(None, 8, b, r) for b in bias for r in confounding} == cells["dpo"]


def test_fixed_configurations_cost_equal_minutes():
    grid = load_grid("maps")
    fixed = [arm for arm in grid.arms if arm.config]
    assert [arm.method for arm in fixed].count("dpo") == [arm.method for arm in fixed].count("npo_ret") == 6
    assert len({str(arm.config) for arm in fixed if arm.method == "hybrid" and arm.flag_share == 0.85}) == 9
    # Six of the nine are lr x beta at one weight, as the other two have.
    weights = [arm.config["w"] for arm in fixed if arm.method == "hybrid" and arm.flag_share == 0.85]
    assert weights.count(0.25) == 6
    for arm in fixed:
        (budgets,) = arm.budgets()
        drafted = any(KINDS[kind].drafts_rules for kind in budgets)
        minutes = sum(KINDS[kind].minutes * n for kind, n in budgets.items()) + 8 * DRAFT_MINUTES * drafted
        assert minutes == pytest.approx(3360, abs=0.5)


def test_the_surface_lacks_just_the_verifiabilities_that_the_maps_add():
    added = {v for arm in load_grid("maps").arms for v in arm.sweep.get("v", ())}
    assert added == {0.25, 0.75} and not added & set(load_grid("surface").sweep["v"])
    surface, swept = load_grid("surface").arms[-1], [arm for arm in load_grid("maps").arms if "v" in arm.sweep]
    assert surface.edges is not None and {arm.method for arm in swept} == {"npo_ret", "dpo"}
    for arm in swept:
        assert arm.tune == getattr(surface.edges, arm.method) and arm.tune_at == surface.tune_at
        assert set(arm.n) == set(surface.a) - {0}


@pytest.mark.parametrize("name, confounding", [("stability", 0.85), ("polarity", 0.25)])
def test_the_factorial_is_balanced(name, confounding):
    grid = load_grid(name)
    arms = [arm for arm in grid.arms if "match_bias" in arm.sweep]
    assert {arm.method for arm in arms} == {"npo_ret", "flag_dpo", "pos_binary", "dpo"} and len(arms) == 4
    for arm in arms:
        settings = [(k.confounding, k.bias, k.match_bias) for k in grid.settings(arm)]
        assert arm.n == (8192,) and settings == [(confounding, 0, True), (confounding, 2, True)]
    # Tuned alike, so that the two grids hold the halves of one design.
    tuned = {arm.method: (arm.tune, arm.tune_at) for arm in load_grid("stability").arms if "match_bias" in arm.sweep}
    assert {arm.method: (arm.tune, arm.tune_at) for arm in arms} == tuned


def test_tuning_worlds_get_the_base_models_that_tuning_needs(tmp_path, monkeypatch):
    grid = Grid.model_validate(
        {"name": "x", "worlds": [0, 1], "tuning": {"worlds": [5]}, "arms": [
            {"method": "dpo", "n": [16], "tune": {"lr": [0.001]}, "sweep": {"confounding": [0.25, 0.5]}}]}
    )  # fmt: skip
    seen = []
    monkeypatch.setattr(_Session, "_finish", lambda self, phase, tasks: seen.extend(tasks) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        _Session(grid, tmp_path, "cpu", 1, Earlier(), lambda *_: None).run()
    items = [(item["world"], item["confounding"]) for task in seen for item in task.items]
    assert items == [(5, 0.85)]


@pytest.mark.parametrize(
    "arm, said",
    [
        ("{method: dpo, n: [5000], halves: [0, 1]}", "from 0 to 4096 of half a pool, found 5000"),
        ("{method: dpo, n: [64], halves: [2]}", "halves"),
        ("{method: base, halves: [0]}", "halves are of labels"),
        ("{method: dpo, n: [64], worlds: [7]}", "worlds of arm 'dpo'"),
        ("{method: dpo, n: [64], training: {epoch: 3}}", "epoch"),
        ("{method: dpo, n: [64], evaluation: {details: 3}}", "multiple of 2"),
    ],
)
def test_faults_of_an_arm_are_said_in_a_sentence(tmp_path, arm, said):
    path = tmp_path / "g.yaml"
    path.write_text(f"schema_version: 1\nname: x\nworlds: [0]\narms:\n  - {arm}\n")
    with pytest.raises(InputError) as caught:
        load_grid(path)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_an_arm_takes_the_place_of_the_grid_where_it_says_so():
    arm = Arm.model_validate({"method": "dpo", "n": [64], "worlds": [1], "training": {"epochs": 24}})
    grid = Grid(name="x", worlds=(0, 1), arms=(arm,))
    assert grid.worlds_of(arm) == (1,) and grid.training_of(arm).epochs == 24
    assert grid.training_of(arm).max_steps == grid.training.max_steps
    assert grid.evaluation_of(arm) == grid.evaluation
