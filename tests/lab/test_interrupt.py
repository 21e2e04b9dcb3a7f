"""A grid interrupted from the keyboard, as a user does it: a signal to the running command."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from econ.core.measurements import read_measurements
from econ.lab.checkpoints import checkpoint_folder
from econ.lab.grid import Grid
from econ.lab.runner import run_grid
from tests.lab.conftest import TINY

# A shell that starts jobs in the background leaves them deaf to the signal; a terminal does not.
COMMAND = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from econ.cli import main; main()"
SENTENCE = "econ: interrupted; what was finished is kept, the same command resumes it"
# One task for each run, and seconds of them after the first two: an interruption falls between two or into one.
ARMS = [{"method": "base"}, *({"method": name, "n": [160, 320, 640, 1280]} for name in ("dpo", "npo_ret", "flag_dpo"))]
GRID = TINY | {"worlds": [0], "runs_per_batch": 1, "arms": ARMS}
FEW = 2


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("lab") / "tiny"
    run_grid(Grid.model_validate(GRID), out)
    return out


def tables(folder: Path) -> dict[str, bytes]:
    """Both tables as bytes; of the measurements without wall times, which no two runs share."""
    rows = io.BytesIO()
    read_measurements(folder / "measurements.parquet").drop(columns="seconds").to_parquet(rows)
    return {"measurements": rows.getvalue(), "curves": (folder / "curves.parquet").read_bytes()}


def start(grid: Path, out: Path, workers: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", COMMAND, "lab", "run", str(grid), "--out", str(out), "--workers", str(workers)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_an_interrupted_grid_says_so_and_is_resumed_by_the_same_command(workers, uninterrupted, tmp_path):
    grid, out = tmp_path / "tiny.yaml", tmp_path / "out"
    grid.write_text(yaml.safe_dump(GRID))
    checkpoints = checkpoint_folder(tmp_path / "out.partial", "cpu")
    process = start(grid, out, workers)
    deadline = time.monotonic() + 120
    while process.poll() is None and len(list(checkpoints.glob("*.json"))) < FEW and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and not out.exists()
    assert said.strip().splitlines()[-1] == SENTENCE and said.count("interrupted") == 1 and "Traceback" not in said
    kept = {path.name: path.read_bytes() for path in checkpoints.iterdir() if path.suffix in (".json", ".npz")}
    assert sum(name.endswith(".json") for name in kept) >= FEW

    again = start(grid, out, workers)
    seen: dict[str, bytes] = {}
    while again.poll() is None:
        # Checkpoints vanish with the finished grid: those still there must be the ones that were kept.
        for name in kept:
            try:
                seen[name] = (checkpoints / name).read_bytes()
            except OSError:
                continue
        time.sleep(0.05)
    assert again.returncode == 0, again.communicate()[1]
    assert seen == kept
    assert tables(out) == tables(uninterrupted)
