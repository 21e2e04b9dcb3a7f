"""A grid that takes over runs of a finished result: only the missing ones are trained, no number changes."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from econ.core.errors import InputError
from econ.lab.grid import Grid
from econ.lab.runner import run_grid
from tests.lab.conftest import TINY

SMALL = TINY | {
    "name": "small",
    "worlds": [0],
    "tuning": {"worlds": [5]},
    "arms": [{"method": "base"}, {"method": "dpo", "n": [16], "tune_at": 16, "tune": {"lr": [0.001, 0.002]}}],
}
WIDE = SMALL | {
    "name": "wide",
    "worlds": [0, 1],
    "arms": [{"method": "base"}, {"method": "dpo", "n": [16, 32], "tune_at": 16, "tune": {"lr": [0.001, 0.002]}}],
}


def _table(folder, name):
    table = pd.read_parquet(folder / f"{name}.parquet").drop(columns="seconds", errors="ignore")
    return table


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    place = tmp_path_factory.mktemp("reuse")
    run_grid(Grid.model_validate(SMALL), place / "small")
    whole = run_grid(Grid.model_validate(WIDE), place / "whole")
    extended = run_grid(Grid.model_validate(WIDE), place / "extended", reuse=[place / "small"])
    return place, whole, extended


@pytest.mark.parametrize("name", ["measurements", "curves"])
def test_tables_equal_those_of_the_grid_run_in_one_piece(results, name):
    place, _, _ = results
    pd.testing.assert_frame_equal(_table(place / "extended", name), _table(place / "whole", name))


def test_only_missing_runs_are_trained_and_the_manifest_says_where_the_others_are_from(results):
    place, whole, extended = results
    trained = [p for p in extended["programs"] if p["kind"] == "train" and not p["reused"]]
    assert not [p for p in trained if p["program"].startswith("tune/")]
    assert sum(p["runs"] for p in trained) == 4
    assert extended["runs"] == whole["runs"] == 2 + 2 + 4
    (source,) = extended["reused"]
    small = json.loads((place / "small" / "manifest.json").read_text())
    assert (source["runs"], source["config_hash"]) == (4, small["config_hash"])
    assert whole["reused"] == []


def test_the_manifest_lists_reused_programs_with_hash_and_seconds_through_any_number_of_results(results, tmp_path):
    place, whole, extended = results
    small = json.loads((place / "small" / "manifest.json").read_text())

    def batches(manifest, reused):
        # Base models are not trained: two batches of them may take the same time, and are then not told apart.
        found = [p for p in manifest["programs"] if p["kind"] == "train" and "/base/" not in p["program"]]
        return {(p["program"], p["hash"], p["runs"]): p["seconds"] for p in found if p["reused"] in reused}

    def same(seconds):
        # Rows hold the seconds of a run in single precision, from which those of its batch are summed.
        return pytest.approx(seconds, rel=1e-5)

    assert batches(extended, (True,)) == same(batches(small, (False,))) and batches(small, (False,))
    bases = {p["hash"] for manifest in (small, extended) for p in manifest["programs"] if p["kind"] == "pretrain"}
    assert bases == {p["hash"] for p in extended["programs"] if p["kind"] == "pretrain"} and len(bases) >= 2
    again = run_grid(Grid.model_validate(WIDE), tmp_path / "again", reuse=[place / "extended"])
    assert batches(again, (True,)) == same(batches(extended, (True, False))) and again["compute_seconds"] == 0
    for manifest in (small, whole, extended, again):
        assert sum(p["runs"] for p in manifest["programs"] if p["kind"] == "train") == manifest["runs"]


def test_part_of_a_batch_counts_its_own_runs_and_seconds(results, tmp_path):
    place, whole, _ = results
    one = Grid.model_validate(WIDE | {"worlds": [1], "arms": [{"method": "base"}]})
    programs = run_grid(one, tmp_path / "part", reuse=[place / "whole"])["programs"]
    (found,) = [p for p in programs if p["kind"] == "train"]
    (batch,) = [p for p in whole["programs"] if p["program"] == found["program"]]
    assert (found["hash"], found["runs"], batch["runs"]) == (batch["hash"], 1, 2)
    assert found["seconds"] == pytest.approx(batch["seconds"] / 2)


def test_a_batch_that_no_manifest_names_has_no_hash(results, tmp_path):
    place, _, _ = results
    shutil.copytree(place / "small", tmp_path / "old")
    manifest = json.loads((tmp_path / "old" / "manifest.json").read_text())
    old = {key: x for key, x in manifest.items() if key not in ("manifest_sha256", "programs")}
    (tmp_path / "old" / "manifest.json").write_text(json.dumps(old))
    found = run_grid(Grid.model_validate(SMALL), tmp_path / "new", reuse=[tmp_path / "old"])["programs"]
    assert {p["hash"] for p in found} == {None} and sum(p["runs"] for p in found) == manifest["runs"]


def test_runs_of_other_settings_are_not_taken(results, tmp_path):
    place, _, _ = results
    other = run_grid(Grid.model_validate(SMALL | {"seed": 2}), tmp_path / "other", reuse=[place / "small"])
    assert other["reused"] == []


def test_what_is_no_laboratory_result_is_refused_before_work(tmp_path):
    with pytest.raises(InputError, match="no finished laboratory result"):
        run_grid(Grid.model_validate(SMALL), tmp_path / "out", reuse=[tmp_path])
    assert not (tmp_path / "out").exists()
