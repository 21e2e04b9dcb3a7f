"""A grid end to end: same numbers whatever the workers, the companions or the interruptions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from econ.core.errors import InputError
from econ.core.measurements import read_measurements
from econ.lab import checkpoints, execute
from econ.lab.checkpoints import checkpoint_folder
from econ.lab.grid import Grid
from econ.lab.runner import run_grid
from tests.lab.conftest import TINY

TIMES = ["seconds", "config_hash"]


def values(folder: Path) -> pd.DataFrame:
    return read_measurements(folder / "measurements.parquet").drop(columns=TIMES)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("lab") / "tiny"
    run_grid(Grid.model_validate(TINY), out)
    return out


def test_files_and_ranges(finished):
    table = values(finished)
    manifest = json.loads((finished / "manifest.json").read_text())
    assert manifest["status"] == "finished" and manifest["rows"] == len(table) == 2 * 2 * 7
    assert {p.name for p in finished.iterdir()} == {"measurements.parquet", "curves.parquet", "manifest.json"}
    assert np.isfinite(table[["violation", "helpfulness", "sycophancy", "entropy", "kl"]].astype(float)).all().all()
    assert np.allclose(table.relative_harm, table.violation / table.violation_base, atol=1e-6)
    assert (table.n == table.a + table.b).all()
    assert (table.judgements >= table.n).all()
    curves = pd.read_parquet(finished / "curves.parquet")
    assert set(curves.run_id) == set(table.run_id[table.n > 0])


def test_base_and_refuse_all_have_their_exact_values(finished):
    table = values(finished)
    base, refuse = table[table.method == "base"], table[table.method == "refuse_all"]
    assert (base.relative_harm == 1).all() and np.allclose(base.kl, 0, atol=1e-5) and (base.judgements == 0).all()
    assert (base.helpfulness == base.helpfulness_base).all() and not base.collapsed.any()
    assert (refuse.violation == 0).all() and np.allclose(refuse.helpfulness, 0.2)
    assert (refuse.over_refusal == 1).all() and (refuse.sycophancy == 0).all() and refuse.collapsed.all()


def test_hybrid_edges_measure_what_the_pure_arms_measure(finished):
    table = values(finished).set_index(["world", "distribution"]).sort_index()
    outcomes = ["violation", "helpfulness", "sycophancy", "entropy", "kl", "best_step", "bits_harm", "human_minutes"]
    hybrid = table[table.method == "hybrid"]
    for name, edge in (("dpo", hybrid[hybrid.a == 0]), ("npo_ret", hybrid[hybrid.b == 0])):
        pd.testing.assert_frame_equal(table[table.method == name][outcomes], edge[outcomes])


def test_a_method_more_or_less_and_single_runs_change_no_other_row(finished, tmp_path):
    fewer = TINY | {"arms": [{"method": "npo_ret", "n": [160]}], "worlds": [1], "runs_per_batch": 1}
    run_grid(Grid.model_validate(fewer), tmp_path / "fewer")
    found = values(tmp_path / "fewer")
    whole = values(finished)
    same = whole[(whole.method == "npo_ret") & (whole.world == 1)].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, same)


def test_a_killed_grid_resumes_with_the_same_numbers(finished, tmp_path):
    """SIGKILL in the middle, then again with two workers: nothing finished is lost, nothing differs."""
    grid, out = tmp_path / "tiny.yaml", tmp_path / "out"
    grid.write_text(yaml.safe_dump(TINY))
    command = [sys.executable, "-c", "from econ.cli import main; main()", "lab", "run", str(grid), "--out", str(out)]
    folder = checkpoint_folder(tmp_path / "out.partial", "cpu")
    process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if len(list(folder.glob("*.json"))) >= 4:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("*.json")}
    assert len(kept) >= 4
    seen: list[tuple[str, int]] = []
    run_grid(Grid.model_validate(TINY), out, workers=2, progress=lambda phase, done, total: seen.append((phase, done)))
    assert seen[0] == ("base models", 1)
    pd.testing.assert_frame_equal(values(out), values(finished))


def test_a_damaged_checkpoint_is_computed_again(finished, tmp_path, monkeypatch, caplog):
    grid, out = Grid.model_validate(TINY), tmp_path / "out"
    do, count = execute.execute, []

    def stop_late(task, folder, device):
        if len(count) == 3:
            raise KeyboardInterrupt
        count.append(task)
        do(task, folder, device)

    monkeypatch.setattr(execute, "execute", stop_late)
    with pytest.raises(KeyboardInterrupt):
        run_grid(grid, out)
    monkeypatch.undo()
    kept = checkpoint_folder(tmp_path / "out.partial", "cpu")
    arrays = next(kept.glob("*.npz"))
    arrays.write_bytes(arrays.read_bytes()[:-7])
    facts = kept / f"{count[2].hash}.json"
    facts.write_text(facts.read_text().replace("0.", "1.", 1))
    run_grid(grid, out)
    assert sum("is damaged" in record.message for record in caplog.records) == 2
    pd.testing.assert_frame_equal(values(out), values(finished))


def test_tasks_finished_by_other_code_are_told_of_and_not_used(tmp_path, monkeypatch, caplog):
    spec = TINY | {"worlds": [0], "arms": [{"method": "base"}, {"method": "sft", "n": [16]}]}
    grid, out, do, done = Grid.model_validate(spec), tmp_path / "out", execute.execute, []

    def stop_late(task, folder, device):
        if task.kind == "train":
            raise KeyboardInterrupt
        do(task, folder, device)

    monkeypatch.setattr(execute, "execute", stop_late)
    with pytest.raises(KeyboardInterrupt):
        run_grid(grid, out)
    monkeypatch.setattr(execute, "execute", lambda task, *rest: (done.append(task.kind), do(task, *rest)))
    monkeypatch.setattr(checkpoints, "code_hash", lambda: "other code than before")
    run_grid(grid, out)
    assert sorted(done) == ["pretrain", "train", "train"]
    # The base model of one world, and the task that made it.
    assert "2 finished tasks of another version of the code are not used" in caplog.text


def test_a_manifest_says_which_code_made_it_and_whose_memory_it_took(finished):
    manifest = json.loads((finished / "manifest.json").read_text())
    assert manifest["code_hash"] == checkpoints.code_hash() and len(manifest["code_hash"]) == 64
    assert 1e7 < manifest["peak_host_bytes"] == max(p["peak_host_bytes"] for p in manifest["programs"])
    assert manifest["peak_device_bytes"] is None


def test_a_finished_result_is_not_overwritten(finished, tiny):
    with pytest.raises(InputError, match="exists already"):
        run_grid(tiny, finished)


def test_tuning_happens_on_tuning_worlds_and_is_published(tmp_path):
    spec = TINY | {
        "arms": [{"method": "hybrid", "a": [0, 160], "b": [0, 160], "tune_at": 160, "tune": {"w": [0.5, 1.0]},
                  "edges": {"npo_ret": {"lr": [5e-4, 1e-3, 2e-3]}, "dpo": {"lr": [1e-3], "beta": [0.1, 0.5]}}}],
        "tuning": {"worlds": [5, 6], "samples": 1}, "runs_per_batch": 8,
    }  # fmt: skip
    manifest = run_grid(Grid.model_validate(spec), tmp_path / "out")
    table = values(tmp_path / "out")
    tuned = table[table.stage == "tune"]
    assert set(tuned.world) == {5, 6} and set(tuned.distribution) == {"id"}
    assert len(tuned) == 2 * (3 + 2 + 2)
    chosen = {x["method"]: x for x in manifest["tuning"]}
    for method in ("npo_ret", "dpo"):
        scores = [t["score"] for t in chosen[method]["tried"]]
        best = chosen[method]["tried"][scores.index(max(scores))]["config"]
        assert best.items() <= chosen[method]["chosen"].items()
        assert chosen[method]["judgements"] == 2 * 160
    trained = table[table.stage == "develop"]
    assert set(trained.world) == {0, 1}
    interior = trained[(trained.a > 0) & (trained.b > 0)]
    assert (interior.tuning_judgements == 640).all()
