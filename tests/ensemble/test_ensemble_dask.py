"""A sweep on a real Dask cluster: scheduler and workers in processes of their own, over TCP on loopback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from fake_market import FLOWS, FakeSurfaces, simulate, slow_simulate
from sweep_of_fakes import SweptScenario
from test_ensemble_sweeps import _assert_equal, _sweep

from econ.core.errors import InputError
from econ.ensemble.engine import Engine
from econ.ensemble.execute import silent
from econ.ensemble.sweeps import schedulers
from econ.ensemble.sweeps.execute import plan_sweep, run_sweep

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow
SCHEDULER = "from distributed.cli.dask_scheduler import main; main()"
WORKER = "from distributed.cli.dask_worker import main; main()"


def _start(code: str, *arguments: str) -> subprocess.Popen:
    here = str(Path(__file__).parent)
    environment = os.environ | {"PYTHONPATH": here, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "3"}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def cluster():
    """Address of a scheduler on loopback, and its two workers."""
    scheduler = _start(SCHEDULER, "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-jupyter")
    for line in scheduler.stderr:
        found = re.search(r"tcp://127\.0\.0\.1:\d+", line)
        if found:
            break
    address = found[0]
    workers = [_start(WORKER, address, "--nthreads", "1", "--no-nanny", "--no-dashboard") for _ in range(2)]
    yield address, workers
    for process in (*workers, scheduler):
        process.kill()
        process.wait()
        process.stderr.close()


def _planned(points: int = 12):
    keys = {"levers.commons": [k / 100 for k in range(points)]}
    return plan_sweep(_sweep(keys=keys), SweptScenario(), FakeSurfaces())


def _wait_for(workers: int, address: str) -> None:
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(workers, timeout=60)


def test_a_cluster_that_loses_a_worker_gives_the_same_tables(cluster, tmp_path):
    address, workers = cluster
    _wait_for(2, address)
    finished = []

    def kills_one(done, total):
        finished.append(done)
        if done == 3:
            workers[0].send_signal(signal.SIGKILL)

    planned = _planned()
    run_sweep(
        planned, Engine(slow_simulate, FLOWS), tmp_path / "dask", partial(schedulers.on_dask, address=address), progress=kills_one
    )
    assert workers[0].wait() == -signal.SIGKILL
    assert finished == list(range(13))
    run_sweep(planned, Engine(slow_simulate, FLOWS), tmp_path / "here", schedulers.here, progress=silent)
    _assert_equal(tmp_path / "dask", tmp_path / "here")


def test_no_scheduler_is_refused_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(schedulers, "PATIENCE", 1)
    started = time.monotonic()
    with pytest.raises(InputError, match="no Dask scheduler answers"):
        run_sweep(
            _planned(2), Engine(simulate, FLOWS), tmp_path / "out",
            partial(schedulers.on_dask, address="tcp://127.0.0.1:9"), progress=silent,
        )  # fmt: skip
    assert time.monotonic() - started < 30
    assert not (tmp_path / "out").exists()
