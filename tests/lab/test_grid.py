"""Grid files are refused with a sentence, and resolved into programs with stable hashes."""

from __future__ import annotations

import pytest

from econ.core.errors import InputError
from econ.core.shipped import shipped_path
from econ.lab import programs
from econ.lab.grid import Grid, load_grid
from econ.lab.methods import METHODS

MINIMAL = """
schema_version: 1
name: x
worlds: [0]
arms:
  - {method: dpo, n: [64]}
"""


def refused(tmp_path, text: str) -> str:
    path = tmp_path / "g.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_grid(path)
    message = str(caught.value)
    assert "g.yaml" in message and "\n" not in message
    return message


def test_a_minimal_grid_loads(tmp_path):
    path = tmp_path / "g.yaml"
    path.write_text(MINIMAL)
    assert load_grid(path).training.max_steps == 600


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("name: x", "nmae: x", "did you mean 'name'"),
        ("name: x", "name: x\nknobs: {bais: 1}", "did you mean 'bias'"),
        ("name: x", "name: x\nknobs: {mood: 0.1}", "knobs.mood: unknown key"),
        ("name: x", "name: x\nknobs: {v: 1.5}", "knobs.v"),
        ("name: x", "name: x\nsweep: {bais: [1, 2]}", "did you mean 'bias'"),
        ("name: x", "name: x\nsweep: {v: [2.0]}", "less than or equal to 1"),
        ("name: x", "name: x\ntraining: {epoch: 3}", "did you mean 'epochs'"),
        ("name: x", "name: x\nevaluation: {distributions: [foo]}", "unknown distribution 'foo'"),
        ("method: dpo, n: [64]", "method: dpoo, n: [64]", "unknown method 'dpoo'"),
        ("method: dpo, n: [64]", "method: dpo", "needs budgets n"),
        ("method: dpo, n: [64]", "method: dpo, n: [9000]", "from 0 to 8192"),
        ("method: dpo, n: [64]", "method: base, n: [64]", "takes no labels"),
        ("method: dpo, n: [64]", "method: hybrid, a: [64]", "a and b go together"),
        ("method: dpo, n: [64]", "method: dpo, n: [64], config: {gamma: 1}", "no configuration key 'gamma'"),
        ("method: dpo, n: [64]", "method: dpo, n: [64], tune: {lr: [0.001]}, nn: 1", "did you mean 'n'"),
        ("worlds: [0]", "worlds: [0, 0]", "listed twice"),
    ],
)  # fmt: skip
def test_faults_are_said_in_a_sentence(tmp_path, old, new, said):
    assert said in refused(tmp_path, MINIMAL.replace(old, new))


def test_tuning_worlds_are_kept_apart(tmp_path):
    text = MINIMAL.replace("worlds: [0]", "worlds: [2000]").replace("n: [64]", "n: [64], tune: {lr: [0.001]}")
    assert "tuning worlds" in refused(tmp_path, text)


def test_configurations_are_tried_on_tuning_worlds_alone_and_nothing_is_chosen(tmp_path):
    tried = MINIMAL.replace("name: x", "name: x\nstage: tune")
    assert "allowed: 2000, 2001, 2002, 2003" in refused(tmp_path, tried.replace("worlds: [0]", "worlds: [2000, 1000]"))
    assert "take config" in refused(tmp_path, tried.replace("n: [64]", "n: [64], tune: {lr: [0.001]}").replace("worlds: [0]", "worlds: [1000]"))
    path = tmp_path / "fine.yaml"
    path.write_text(tried.replace("worlds: [0]", "worlds: [2000]"))
    assert load_grid(path).stage == "tune"


def test_an_unknown_name_lists_the_shipped_ones():
    with pytest.raises(InputError, match="did you mean 'smoke'"):
        load_grid("smok")


@pytest.mark.parametrize("name", ["smoke", "surface"])
def test_shipped_grids_load(name):
    grid = load_grid(name)
    assert grid.name == name
    assert not set(grid.worlds) & set(range(1000)) or grid.stage == "develop"


def test_smoke_has_every_way_to_learn_but_from_learned_scorers():
    grid = load_grid("smoke")
    arms = {arm.method: arm.n for arm in grid.arms}
    methods = ("sft", "dpo", "kto", "npo_ret", "d2o_raw1", "cai_dpo_base", "nsr_or", "grpo_or", "hybrid")
    assert arms == dict.fromkeys(("base", "refuse_all"), ()) | dict.fromkeys(methods, (64, 512, 2048))
    assert not any(METHODS[name].scorer or arm.tune for name, arm in zip(arms, grid.arms, strict=True))
    kinds = {kind for name in arms for kind in METHODS[name].kinds}
    assert {"demonstration", "preference", "desirability", "flag", "critic_base_pair", "verification"} < kinds


def test_worlds_that_were_held_back_are_used_once():
    """3000 to 3007 serve the replication of H9 and nothing else; 3008 to 3015 are untouched."""
    folder = shipped_path("calibration", "lab")
    used = {path.stem: set(load_grid(path).worlds) & set(range(3000, 3016)) for path in folder.glob("*.yaml")}
    assert {name: worlds for name, worlds in used.items() if worlds} == {"replication": set(range(3000, 3008))}


def test_the_surface_grid_crosses_both_labels():
    arm = load_grid("surface").arms[-1]
    budgets = arm.budgets()
    assert len(budgets) == 35 and {"flag": 0, "preference": 0} not in budgets


def test_hashes_change_with_what_matters_and_with_nothing_else(tiny: Grid):
    settings = programs.result_settings(tiny, 2)
    arm = tiny.arms[3]
    run = programs.plain_runs(tiny, arm, "develop", (0,), {"preference": 160}, {}, tiny.knobs)[0]
    first = programs.run_id(run, settings)
    renamed = tiny.model_copy(update={"name": "other", "worlds": (0, 1, 2), "runs_per_batch": 1})
    assert programs.run_id(run, programs.result_settings(renamed, 2)) == first
    assert programs.run_id(run, settings | {"seed": 2}) != first
    noisier = programs.plain_runs(
        tiny, arm, "develop", (0,), {"preference": 160}, {}, tiny.knobs.model_copy(update={"v": 0.5})
    )
    assert programs.run_id(noisier[0], settings) != first
    assert programs.Run.from_plain(run.plain()) == run


def test_hybrid_edges_take_the_configuration_of_the_pure_arms():
    flags, pairs = {"lr": 4e-3, "beta": 0.1, "eta": 0.3}, {"lr": 1e-3, "beta": 0.5}
    only_pairs = programs.hybrid_config(flags, pairs, 0.25, 0, 64)
    assert only_pairs["lr"] == 1e-3 and only_pairs["w"] == 1.0 and only_pairs["beta"] == 0.5
    only_flags = programs.hybrid_config(flags, pairs, 0.25, 64, 0)
    assert only_flags["lr"] == 4e-3 and only_flags["beta_flag"] == 0.1
    both = programs.hybrid_config(flags, pairs, 0.25, 64, 64)
    assert both["lr"] == pytest.approx(2e-3) and both["w"] == 0.25


def test_batches_stay_below_the_memory_bound(tiny: Grid):
    settings = programs.result_settings(tiny, 2)
    runs = programs.plain_runs(tiny, tiny.arms[3], "develop", tuple(range(50)), {"preference": 160}, {}, tiny.knobs)
    tasks = programs.batches(runs, settings, 4096)
    assert sum(len(task.items) for task in tasks) == 50
    for task in tasks:
        size = programs.bytes_per_run(programs.Run.from_plain(task.items[0]), settings)
        assert len(task.items) * size <= programs.MEMORY_BOUND["cpu"]
