"""The laboratory's runs trained in batches and one at a time, by the same kernels: results equal, then time."""

from __future__ import annotations

import argparse
import platform
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.measure import Cell, Table, Timing, machine, report, round_robin, yardstick
from econ.core.devices import CHOICES, resolve_device
from econ.lab import programs
from econ.lab.execute import execute
from econ.lab.grid import Grid
from econ.lab.programs import Task
from econ.lab.store import Store

#: One method of each way to train, with its budget: pairs, flags, flags with clean anchors (K = 3), samples judged
#: by a program, and samples judged by a verifier that is learned first.
METHODS = {
    "dpo": {"preference": 512}, "npo_ret": {"flag": 512}, "d2o_clean3": {"flag_clean3": 512},
    "nsr_or": {"verification": 2560}, "nsr_lv": {"flag": 512},
}  # fmt: skip
#: The learned verifiers themselves, a row of their own.
VERIFIERS = "verifiers of nsr_lv"
STEPS = 40


def make_grid(worlds: int) -> Grid:
    """The shipped model and batch size; few steps, since equality and speed do not need good models."""
    return Grid.model_validate(
        {
            "name": "batching", "stage": "develop", "worlds": list(range(worlds)), "pretraining": {"steps": 60},
            "training": {"max_steps": STEPS}, "evaluation": {"samples": 1, "curves": "losses"},
            "on_policy": {"steps": STEPS}, "scorer": {"min_steps": STEPS, "max_steps": STEPS},
            "arms": [{"method": name, "n": list(budget.values())} for name, budget in METHODS.items()],
        }
    )  # fmt: skip


@dataclass(frozen=True)
class Work:
    """Tasks of one family at one batch size, and files to be removed before, so that nothing stored is taken for done."""

    tasks: list[Task]
    stored: list[str]

    def do(self, folder: Path, device: str) -> None:
        """Execute all."""
        for name in self.stored:
            (folder / f"{name}.json").unlink(missing_ok=True)
        for task in self.tasks:
            execute(task, folder, device)


def make_work(grid: Grid, settings: dict[str, Any], size: int, device: str) -> dict[str, Work]:
    """All runs of the grid by family, `size` to a batch; verifiers before those who learn from them."""
    found = {}
    for arm in grid.arms:
        runs = programs.plain_runs(grid, arm, "develop", grid.worlds, METHODS[arm.method], {}, grid.knobs)
        scorers = programs.scorer_tasks(runs, settings, size)
        if scorers:
            names = [programs.scorer_hash(programs.scorer_run(run), settings) for run in runs]
            found[VERIFIERS] = Work(scorers, names)
        found[arm.method] = Work(programs.batches(runs, settings, size, device), [])
    return found


def results(work: Work, folder: Path) -> dict[Any, dict[str, Any]]:
    """Rows of the measurement table by run and distribution, without the time taken, with each run's curve; of verifiers, their facts."""
    store, rows = Store(folder), {}
    for name in work.stored:
        quality = store.facts(name)["quality"]
        rows[name] = {"compared": quality["auc_truth"], "flat": store.arrays(name)["flat"].tobytes(), **quality}
    for task in work.tasks:
        facts = store.facts(task.hash)
        for row in facts.get("rows", ()):
            curve = [point for point in facts["curves"] if point["run_id"] == row["run_id"]]
            own = {key: value for key, value in row.items() if key != "seconds"} | {"curve": curve, "compared": row["violation"]}
            rows[row["run_id"], row["distribution"]] = own
    return rows


def check_results(one: dict[Any, dict[str, Any]], other: dict[Any, dict[str, Any]], device: str) -> str:
    """Bit for bit on a CPU, violation rates and AUC within 0.02 on CUDA, where the order of sums may differ; what was found, in words."""
    assert one.keys() == other.keys()
    if device == "cpu":
        differing = [key for key in one if repr(one[key]) != repr(other[key])]
        if differing:
            raise SystemExit(f"batched and single runs differ: {differing[:5]}")
        return "equal bit for bit"
    gap = max(abs(one[key]["compared"] - other[key]["compared"]) for key in one)
    if gap > 0.02:
        raise SystemExit(f"batched and single runs differ by {gap:.3g} in the violation rate or the AUC")
    return f"violation rates or AUC equal within {gap:.2g}"


def device_name(device: str) -> str:
    """The device in words."""
    return (
        torch.cuda.get_device_name()
        if device == "cuda"
        else f"cpu ({machine()['cpu'] or platform.machine()}), one thread"
    )


def main() -> None:
    """Pretrain, check, time, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--worlds", type=int, help="runs of each family; 8 on a CPU and 256 on CUDA if not given"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", choices=CHOICES, default="auto")
    given = parser.parse_args()
    yardstick()
    torch.set_num_threads(1)
    device = resolve_device(given.device)
    worlds = given.worlds or (8 if device == "cpu" else 256)
    grid = make_grid(worlds)
    settings = programs.result_settings(grid, programs.candidates_needed(grid))
    batch = min(grid.runs_per_batch, worlds) if device == "cpu" else worlds
    single, batched = (make_work(grid, settings, size, device) for size in (1, batch))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for task in programs.pretraining_tasks([grid.knobs], grid.worlds, settings):
            execute(task, folder, device)
        # Before any is timed: all check their results, and metrics of the base models come into the cache.
        equal = {}
        for family in single:
            single[family].do(folder, device)
            one = results(single[family], folder)
            batched[family].do(folder, device)
            equal[family] = check_results(one, results(batched[family], folder), device)
        timing = round_robin(
            {
                f"{family} {label}": partial(work[family].do, folder, device)
                for family in single for label, work in (("single", single), ("batched", batched))
            },
            given.rounds,
        )  # fmt: skip
    write(timing, equal, worlds, batch, device, given.rounds)


def write(timing: dict[str, Timing], equal: dict[str, str], worlds: int, batch: int, device: str, rounds: int) -> None:
    """Print and store what was found."""
    rows: list[list[Cell]] = []
    for family, found in equal.items():
        alone, together = timing[f"{family} single"], timing[f"{family} batched"]
        rows.append(
            [
                family, alone.least_cpu / worlds, together.least_cpu / worlds, alone.least_cpu / together.least_cpu,
                alone.least_wall / together.least_wall, found,
            ]
        )  # fmt: skip
    slower = [str(row[0]) for row in rows if float(str(row[3])) < 1.0]
    report(
        "lab_batching",
        [
            Table(
                f"{worlds} runs of each family, {batch} to a batch ({STEPS} steps) on {device_name(device)}",
                ["family", "CPU s per run, alone", "batched", "ratio (CPU)", "ratio (wall)", "results"], rows,
            )
        ],
        [
            f"The least of {rounds} rounds, families and batch sizes in turn. Ratio: time one at a time over time batched; above 1, batching is faster. "
            f"Asked on a CPU: at least 1 ({'not met: ' + ', '.join(slower) if slower else 'met'}).",
            "Each run is labelled, trained, validated, evaluated and stored, as `econ lab run` does it; base models are not counted, and verifiers have a row of their own.",
            "On a CPU one thread is kept busy by a single run; batching is for devices that a single run leaves idle."
            + (" No CUDA device was there, so that gain is not measured here." if device == "cpu" else ""),
        ],
        device=device, worlds=worlds,
        seconds={key: {"cpu": list(own.cpu), "wall": list(own.wall), "runs": worlds} for key, own in timing.items()},
    )  # fmt: skip


if __name__ == "__main__":
    main()
