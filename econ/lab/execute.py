"""One task in one process: pretrain bases of some worlds, train scorers, or train and evaluate runs."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from econ.lab.details import detail_rows
from econ.lab.grid import Pretraining
from econ.lab.job import Context, Job, architecture, make_bases
from econ.lab.learned import make_scorers
from econ.lab.methods import METHODS
from econ.lab.pool import POOL_SIZE
from econ.lab.programs import Run, Task, base_hash, task_of
from econ.lab.rows import table_rows
from econ.lab.store import Store
from econ.lab.strategy.context import StrategyContext
from econ.lab.strategy.context import make_bases as make_strategy_bases
from econ.lab.trainers import TRAINERS
from econ.lab.training_state import Saver


def execute(task: Task, folder: Path, device: str = "cpu") -> None:
    """Do a task and store what it gave."""
    store = Store(folder)
    {"pretrain": _pretrain, "scorer": _fit_scorers, "train": _train}[task.kind](task, store, device)


def _pretrain(task: Task, store: Store, device: str) -> None:
    started, settings = _begin(device), task.settings
    make = make_strategy_bases if task_of(settings) == "B" else make_bases
    spec = Pretraining(**settings["pretraining"])
    flat, pools = make(architecture(settings), task.items, settings, spec, POOL_SIZE, device)
    for row, (pool, item) in enumerate(zip(pools, task.items, strict=True)):
        arrays = {
            "flat": flat[row].cpu().numpy(), "combo": pool.combo.astype(np.int16), "opinion": pool.opinion.astype(np.int8),
            "responses": pool.responses.astype(np.int8), "reference": pool.reference,
        }  # fmt: skip
        store.save(base_hash(item, settings), arrays, {})
    store.save(task.hash, {}, _facts(task, started, len(pools), device))


def _fit_scorers(task: Task, store: Store, device: str) -> None:
    started = _begin(device)
    runs, context = _runs(task, store, device)
    base = torch.stack([context.base(run).flat for run in runs])
    make_scorers(architecture(task.settings), runs, base, context)
    store.save(task.hash, {}, _facts(task, started, len(runs), device))


def _runs(task: Task, store: Store, device: str) -> tuple[list[Run], Context]:
    make = StrategyContext if task_of(task.settings) == "B" else Context
    return [Run.from_plain(item) for item in task.items], make(task.settings, store, device)


def _begin(device: str) -> float:
    """Seconds on the clock; the peak of the device's memory counts from here."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    return time.perf_counter()


def _facts(task: Task, started: float, runs: int, device: str) -> dict[str, Any]:
    """Of the host, the peak of the process since its start, libraries included; of a device, of tensors in this task."""
    return {
        "program": task.program, "kind": task.kind, "runs": runs,
        "seconds": round(time.perf_counter() - started, 6),
        "peak_host_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "peak_device_bytes": torch.cuda.max_memory_allocated() if device == "cuda" else None,
    }  # fmt: skip


def _train(task: Task, store: Store, device: str) -> None:
    started = _begin(device)
    runs, context = _runs(task, store, device)
    base = torch.stack([context.base(run).flat for run in runs])
    saver = Saver(store.folder / f"{task.hash}.training.npz")
    job = Job(architecture(task.settings), METHODS[runs[0].method], runs, base, context, saver)
    trained = TRAINERS[job.method.trainer](job)
    rows = table_rows(job, trained)
    details, arrays = detail_rows(job, trained)
    facts = _facts(task, started, len(runs), device)
    for row in rows:
        row["seconds"] = facts["seconds"] / len(runs)
    tables = {"rows": rows, "curves": trained.curves, "scorers": trained.scorers, "details": details}
    store.save(task.hash, arrays, facts | tables)
    saver.path.unlink(missing_ok=True)
