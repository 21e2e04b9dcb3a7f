"""A sweep of 200 points, killed again and again: the same tables, and no finished point computed twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sweep_process

from econ.ensemble.sweeps.store import WRITERS
from econ.ensemble.workers import AHEAD

KILLS = 6
#: Points more that a start may finish before it is killed: all kills then meet a sweep that is under way.
STRIDE = sweep_process.POINTS // (2 * KILLS)
#: Points that a kill may meet on their way: handed to two workers, taken from them, and being written.
UNDER_WAY = 2 * AHEAD + 1 + WRITERS


def _finished(out: Path) -> set[int]:
    """Points that lie complete in a sweep's working directory, which is renamed at the end and may be while it is read."""
    folder = out.with_name(f"{out.name}.partial") / "outcomes"
    try:
        files = [path for path in folder.glob("point=*/*.parquet") if not path.name.startswith(".")]
    except FileNotFoundError:
        files = []
    return {int(path.parent.name.partition("=")[2]) for path in files}


def _begun(marks: Path) -> Counter[int]:
    """How often each point was begun."""
    lines = marks.read_text().split() if marks.exists() else []
    return Counter(round(float(line) * sweep_process.POINTS) for line in lines)


def _until(done: int, out: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while len(_finished(out)) < done and process.poll() is None:
        assert time.monotonic() < end, "the sweep makes no progress"
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.timeout(1500)  # a minute where nothing else runs
def test_200_points_killed_and_resumed_are_the_same_and_no_finished_point_is_repeated(tmp_path):
    out, marks = tmp_path / "killed", tmp_path / "marks"
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    environment = {**os.environ, sweep_process.MARKS: str(marks), "PYTHONPATH": paths}
    command = [sys.executable, str(Path(__file__).with_name("sweep_process.py"))]
    draw, kept, starts, begun = np.random.default_rng(), [set()], 0, {}
    while not out.exists():
        process = subprocess.Popen([*command, str(out)], env=environment, start_new_session=True)
        starts += 1
        assert starts < 4 * KILLS
        if starts <= KILLS:
            _until(len(kept[-1]) + int(draw.integers(1, STRIDE)), out, process)
            # The whole group, as a power cut would: the parent and its workers.
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if not out.exists():
            assert kept[-1] <= _finished(out), "a finished point was lost"
            kept.append(_finished(out))
            counted = _begun(marks)
            begun = {point: begun.get(point, counted[point]) for point in kept[-1]}
    counted = _begun(marks)
    assert set(counted) == set(range(sweep_process.POINTS)) and len(kept) == KILLS + 1
    assert begun == {point: counted[point] for point in begun}, "a finished point was computed again"
    assert sum(counted.values()) - sweep_process.POINTS <= UNDER_WAY * KILLS
    undisturbed = tmp_path / "whole"
    subprocess.run([*command, str(undisturbed)], env=environment | {sweep_process.MARKS: os.devnull}, check=True)
    for name in ("outcomes", "index.parquet", "summary.parquet"):
        there, here = (pd.read_parquet(place / name) for place in (undisturbed, out))
        keys = [key for key in ("point", "replicate", "quarter", "variable") if key in here]
        frames = [table.sort_values(keys, ignore_index=True) for table in (there, here)]
        pd.testing.assert_frame_equal(*frames, check_exact=True)
    files = {path.relative_to(out).as_posix() for path in (out / "outcomes").rglob("*.parquet")}
    assert files == {path.relative_to(undisturbed).as_posix() for path in (undisturbed / "outcomes").rglob("*.parquet")}
