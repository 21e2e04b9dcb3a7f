"""The laboratory's runs trained in batches and one at a time, by the same kernels: results equal, then time."""

from __future__ import annotations

import argparse
import platform
import tempfile
from pathlib import Path
from typing import Any

import torch

from benchmarks.measure import Table, machine, report, round_robin, yardstick
from econ.core.devices import CHOICES, resolve_device
from econ.lab import programs
from econ.lab.execute import execute
from econ.lab.grid import Grid
from econ.lab.programs import Task
from econ.lab.store import Store

METHODS = {"dpo": "preference", "npo_ret": "flag"}
BUDGET = 512


def make_grid(worlds: int) -> Grid:
    """The shipped model and batch size; few steps, since equality and speed do not need good models."""
    return Grid.model_validate(
        {
            "name": "batching", "stage": "develop", "worlds": list(range(worlds)), "pretraining": {"steps": 60},
            "training": {"max_steps": 40}, "evaluation": {"samples": 1, "curves": "losses"},
            "arms": [{"method": name, "n": [BUDGET]} for name in METHODS],
        }
    )  # fmt: skip


def make_tasks(grid: Grid, settings: dict[str, Any], size: int, device: str) -> list[Task]:
    """All runs of the grid, `size` to a batch."""
    runs = [
        run
        for arm in grid.arms
        for run in programs.plain_runs(
            grid, arm, "develop", grid.worlds, {METHODS[arm.method]: BUDGET}, {}, grid.knobs
        )
    ]
    return programs.batches(runs, settings, size, device)


def results(tasks: list[Task], folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows of the measurement table by run and distribution, without the time taken, with each run's curve."""
    store, rows = Store(folder), {}
    for task in tasks:
        facts = store.facts(task.hash)
        for row in facts["rows"]:
            curve = [point for point in facts["curves"] if point["run_id"] == row["run_id"]]
            own = {key: value for key, value in row.items() if key != "seconds"} | {"curve": curve}
            rows[row["run_id"], row["distribution"]] = own
    return rows


def check_results(one: dict[Any, dict[str, Any]], other: dict[Any, dict[str, Any]], device: str) -> str:
    """Bit for bit on a CPU, harm within 0.02 on CUDA, where the order of sums may differ; what was found, in words."""
    assert one.keys() == other.keys()
    if device == "cpu":
        differing = [key for key in one if repr(one[key]) != repr(other[key])]
        if differing:
            raise SystemExit(f"batched and single runs differ: {differing[:5]}")
        return "equal bit for bit"
    gap = max(abs(one[key]["violation"] - other[key]["violation"]) for key in one)
    if gap > 0.02:
        raise SystemExit(f"batched and single runs differ by {gap:.3g} in the violation rate")
    return f"violation rates equal within {gap:.2g}"


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
        "--worlds", type=int, help="runs of each method; 12 on a CPU and 256 on CUDA if not given"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", choices=CHOICES, default="auto")
    given = parser.parse_args()
    yardstick()
    torch.set_num_threads(1)
    device = resolve_device(given.device)
    worlds = given.worlds or (12 if device == "cpu" else 256)
    grid = make_grid(worlds)
    settings = programs.result_settings(grid, programs.candidates_needed(grid))
    batch = min(grid.runs_per_batch, worlds) if device == "cpu" else worlds
    by_size = {size: make_tasks(grid, settings, size, device) for size in sorted({1, batch})}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for task in programs.pretraining_tasks([grid.knobs], grid.worlds, settings):
            execute(task, folder, device)

        def run(tasks: list[Task]) -> None:
            for task in tasks:
                execute(task, folder, device)

        # Before any is timed: all check their results, and metrics of the base models come into the cache.
        found = {}
        for size, tasks in by_size.items():
            run(tasks)
            found[size] = results(tasks, folder)
        equal = {size: check_results(found[1], found[size], device) for size in by_size if size > 1}
        work = {str(size): lambda tasks=tasks: run(tasks) for size, tasks in by_size.items()}
        timing = round_robin(work, given.rounds)
    runs = len(METHODS) * worlds
    ratios = {
        size: (
            timing["1"].median_cpu / timing[str(size)].median_cpu,
            timing["1"].median_wall / timing[str(size)].median_wall,
        )
        for size in by_size
    }
    rows = [
        [size, len(tasks), timing[str(size)].median_cpu / runs, timing[str(size)].median_wall / runs, *ratios[size],
         equal.get(size, "reference")]
        for size, tasks in by_size.items()
    ]  # fmt: skip
    columns = [
        "runs per batch",
        "batches",
        "CPU s per run",
        "wall s per run",
        "ratio (CPU)",
        "ratio (wall)",
        "results",
    ]
    report(
        "lab_batching",
        [
            Table(
                f"{runs} runs ({', '.join(METHODS)}; n = {BUDGET}, 40 steps) on {device_name(device)}",
                columns,
                rows,
            )
        ],
        [
            f"Medians of {given.rounds} rounds, batch sizes in turn. Ratio: time one at a time over time batched; above 1, batching is faster.",
            "Each run is labelled, trained, validated, evaluated and stored, as `econ lab run` does it; base models are not counted.",
            "On a CPU one thread is kept busy by a single run; batching is for devices that a single run leaves idle."
            + (" No CUDA device was there, so that gain is not measured here." if device == "cpu" else ""),
        ],
        device=device,
        worlds=worlds,
        seconds={
            size: {"cpu": list(own.cpu), "wall": list(own.wall), "runs": runs} for size, own in timing.items()
        },
    )


if __name__ == "__main__":
    main()
