"""The shipped measurements are those of the shipped grid."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from econ.core.manifests import FILES, hashes, read_manifest
from econ.core.measurements import read_measurements
from econ.core.shipped import shipped_path
from econ.lab import RESULTS_VERSION, programs
from econ.lab.grid import load_grid


@pytest.fixture(scope="module")
def folder():
    return shipped_path("calibration", "lab", "surface")


def test_the_surface_belongs_to_its_grid(folder):
    manifest, grid = json.loads((folder / "manifest.json").read_text()), load_grid("surface")
    assert manifest["config_hash"] == programs.grid_hash(grid)
    assert manifest["results_version"] == RESULTS_VERSION
    assert tuple(manifest["reductions"]) == grid.reductions and len(grid.reductions) > 0


def test_every_cell_of_the_surface_has_every_world_and_a_base_row(folder):
    table, grid = read_measurements(folder / "measurements.parquet"), load_grid("surface")
    confirm = table[table.stage == "confirm"]
    cells = confirm[confirm.method == "hybrid"].groupby(["v", "a", "b", "distribution"]).world.nunique()
    assert len(cells) == 3 * 35 * 7 and (cells == len(grid.worlds)).all()
    base = confirm[confirm.method == "base"]
    assert set(base.world) == set(grid.worlds) and (base.n == 0).all()
    assert np.allclose(confirm.relative_harm, confirm.violation / confirm.violation_base, atol=1e-6)
    assert set(table[table.stage == "tune"].world) == set(grid.tuning.worlds)


def test_world_b_belongs_to_its_grid_and_leaves_out_no_method():
    folder, grid = shipped_path("calibration", "lab", "zoo_b"), load_grid("zoo_b")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["config_hash"] == programs.grid_hash(grid) and tuple(manifest["reductions"]) == grid.reductions
    table = read_measurements(folder / "measurements.parquet")
    confirm = table[table.stage == "confirm"]
    assert set(confirm.method) == {arm.method for arm in grid.arms}
    assert (confirm.groupby(["method", "n", "extra", "distribution"], dropna=False).world.nunique() == len(grid.worlds)).all()


def test_the_second_half_of_the_factorial_belongs_to_its_grid():
    folder, grid = shipped_path("calibration", "lab", "polarity"), load_grid("polarity")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["config_hash"] == programs.grid_hash(grid) and not manifest["git_commit"].endswith("-dirty")
    table = read_measurements(folder / "measurements.parquet")
    confirm = table[table.stage == "confirm"]
    assert (confirm.confounding == 0.25).all() and set(confirm.world) == set(grid.worlds)
    cells = confirm[confirm.method != "base"].groupby(["method", "bias", "distribution"]).world.nunique()
    assert len(cells) == 4 * 2 * 2 and (cells == len(grid.worlds)).all()
    # Tuned on the same runs as the first half, at the reference confounding.
    assert manifest["reused"][0]["runs"] == table[table.stage == "tune"].run_id.nunique() == 96


@pytest.mark.parametrize("name", ["stress", "capacity", "rates", "replication", "edges", "beyond", "plateau", "smoke"])
def test_a_small_grid_belongs_to_its_file_and_leaves_out_no_arm_or_world(name):
    folder, grid = shipped_path("calibration", "lab", name), load_grid(name)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["config_hash"] == programs.grid_hash(grid) and tuple(manifest["reductions"]) == grid.reductions
    table = read_measurements(folder / "measurements.parquet")
    assert set(table.stage) == {grid.stage} and set(table.world) == set(grid.worlds)
    runs = sum(len(arm.budgets()) * len(grid.settings(arm)) * len(grid.worlds_of(arm)) for arm in grid.arms)
    assert table.run_id.nunique() == runs == manifest["runs"]
    assert set(table.distribution) == set(grid.evaluation.distributions)


#: Made before manifests held hashes of files and programs that were reused.
OLD_MANIFESTS = {"stability"}


@pytest.mark.parametrize("name", sorted({path.parent.name for path in shipped_path("calibration", "lab").glob("*/manifest.json")} - OLD_MANIFESTS))
def test_a_manifest_lists_the_batches_of_all_runs_and_vouches_for_every_table(name):
    folder = shipped_path("calibration", "lab", name)
    manifest = read_manifest(folder / "manifest.json")
    assert manifest[FILES] == hashes(folder, sorted(path.name for path in folder.glob("*.parquet")))
    batches = [program for program in manifest["programs"] if program["kind"] == "train"]
    assert sum(batch["runs"] for batch in batches) == manifest["runs"]
    table = read_measurements(folder / "measurements.parquet").drop_duplicates("run_id")
    spent = table.groupby("program").seconds.sum()
    listed = pd.DataFrame(batches).groupby("program").seconds.sum()
    assert set(spent.index) == set(listed.index) and np.allclose(listed, spent[listed.index], rtol=1e-5, atol=1e-3)
