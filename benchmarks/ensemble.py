"""What users wait for: two workers against one, a comparison of stored runs, points of a sweep, a report."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.measure import Spent, Table, report, spent, yardstick

#: What is asked: times one worker's speed of two, ms per point, seconds of a comparison and of a report.
TARGET_WORKERS, TARGET_POINT, TARGET_COMPARE, TARGET_REPORT = 1.8, 5.0, 3.0, 30.0
COMPARED, REPLICATES = 20, 64
#: Labelers of the compared runs, whose tables do not depend on them, and of the points of a sweep.
FEW = 100
#: Points of the two sweeps whose difference gives the cost of a point.
POINTS = (16, 80)
SWEEP_ROUNDS = 7


def least(of: list[Spent]) -> Spent:
    """Least CPU and wall time."""
    return Spent(min(x.cpu for x in of), min(x.wall for x in of))


# Workers -------------------------------------------------------------------------------------------
def by_workers(folder: Path, replicates: int, rounds: int) -> dict[int, Spent]:
    """`econ run baseline` with one worker and with two, in turn."""
    taken: dict[int, list[Spent]] = {1: [], 2: []}
    for number in range(rounds):
        for workers, own in taken.items():
            out = folder / f"workers-{workers}-{replicates}-{number}"
            own.append(spent("run", "baseline", f"--replicates={replicates}", f"--workers={workers}", f"--out={out}", "--quiet")[0])
    one, two = (folder / f"workers-{workers}-{replicates}-0" / "summary.csv" for workers in (1, 2))
    if one.read_bytes() != two.read_bytes():
        raise SystemExit("one worker and two give different tables")
    return {workers: least(own) for workers, own in taken.items()}


def machine_limit(folder: Path, replicates: int, rounds: int) -> float:
    """How much faster two runs are side by side than one after the other: what two workers without any overhead could reach here.

    The cores of a shared machine have caches, memory and at times execution units in common.
    """
    def run(name: str) -> float:
        return spent("run", "baseline", f"--replicates={replicates}", "--workers=1", f"--out={folder / name}", "--quiet")[0].wall

    alone, together = [], []
    for number in range(rounds):
        alone.append(run(f"alone-{number}"))
        began = time.perf_counter()
        with ThreadPoolExecutor(2) as both:
            list(both.map(run, (f"left-{number}", f"right-{number}")))
        together.append(time.perf_counter() - began)
    return 2 * min(alone) / min(together)


# Stored runs ---------------------------------------------------------------------------------------
def stored_runs(folder: Path) -> list[Path]:
    """As many runs as are compared: the baseline and shipped scenarios that share its surfaces and horizon."""
    from econ.core.shipped import shipped_path

    others = sorted({path.stem for path in shipped_path("scenarios").glob("*.yaml")} - {"baseline"})
    runs = []
    for name in ["baseline", *others][:COMPARED]:
        runs.append(folder / f"stored-{name}")
        spent("run", name, f"--replicates={REPLICATES}", f"--set=population.labelers={FEW}", f"--out={runs[-1]}", "--quiet")
    return runs


def of_stored(runs: list[Path], folder: Path, rounds: int) -> tuple[Spent, Spent]:
    """Comparison of all runs, and a report of the first two with every format that is installed."""
    compare = [spent("compare", *map(str, runs), f"--out={folder / f'compared-{i}'}", "--quiet")[0] for i in range(rounds)]
    reported = [spent("report", *map(str, runs[:2]), f"--out={folder / f'report-{i}'}", "--quiet")[0] for i in range(rounds)]
    return least(compare), least(reported)


# Sweeps --------------------------------------------------------------------------------------------
def sweep_once(points: int, folder: Path) -> tuple[float, float]:
    """CPU seconds of a sweep in this process without the market, and with it."""
    from econ.ensemble.engine import market_engine
    from econ.ensemble.sweeps.execute import plan_sweep, run_sweep
    from econ.ensemble.sweeps.schedulers import here
    from econ.ensemble.sweeps.spec import Sweep
    from econ.scenario import load_scenario

    market, inside = market_engine(), 0.0

    def simulate(*given: Any, **named: Any) -> Any:
        nonlocal inside
        began = time.process_time()
        found = market.simulate(*given, **named)
        inside += time.process_time() - began
        return found

    def computed(surfaces: Any, _: Callable[..., Any], tasks: Any) -> Any:
        return here(surfaces, simulate, tasks)

    values = [i / points for i in range(points)]
    sweep = Sweep.model_validate(
        {"name": f"overhead_{points}", "scenario": "baseline", "design": "grid", "keys": {"levers.transfer": values}, "replicates": 1, "quarters": 8, "seed": 1}
    )  # fmt: skip
    began = time.process_time()
    planned = plan_sweep(sweep, load_scenario("baseline").with_population(labelers=FEW))
    run_sweep(planned, market, folder / f"sweep-{points}-{began}", computed, progress=lambda finished, total: None)
    whole = time.process_time() - began
    return whole - inside, whole


def sweep_overhead(rounds: int) -> dict[str, float]:
    """CPU ms of each further point beyond the market's own work, and once per sweep; imports and compilation before.

    Both sweeps in turn, so that a busy spell hits both; the most of a point is that of the slowest round.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sweep_once(2, folder)
        taken = [[sweep_once(points, folder)[0] for points in POINTS] for _ in range(rounds)]
    few, many = (min(column) for column in zip(*taken, strict=True))
    more = POINTS[1] - POINTS[0]
    each, most = (many - few) / more, max(own[1] - own[0] for own in taken) / more
    return {"each_ms": 1e3 * each, "most_ms": 1e3 * most, "once_ms": 1e3 * (few - POINTS[0] * each)}


# Result --------------------------------------------------------------------------------------------
def verdict(found: float, met: bool, text: str) -> str:
    """What was found in words."""
    return f"{text.format(found)} ({'met' if met else 'not met'})"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, nargs="+", default=[64, 256, 1024], help="replicates of the runs by one worker and by two")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sweep", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.sweep:
        print(json.dumps(sweep_overhead(given.rounds)))
        return
    load = os.getloadavg()[0]
    yardstick()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workers = {size: by_workers(folder, size, given.rounds if size < max(given.replicates) else 1) for size in given.replicates}
        between = sorted(given.replicates)[len(given.replicates) // 2]
        limit = machine_limit(folder, between, given.rounds)
        compare, reported = of_stored(stored_runs(folder), folder, given.rounds)
    point = json.loads(spent("--sweep", f"--rounds={SWEEP_ROUNDS}", program=("-m", "benchmarks.ensemble"))[1].splitlines()[-1])
    largest = max(given.replicates)
    ratios = {size: own[1].wall / own[2].wall for size, own in workers.items()}
    faster, smaller = ratios[largest], {size: ratio for size, ratio in ratios.items() if size < largest}
    rows: list[list[Any]] = [
        *(
            [f"econ run baseline, {size:,} replicates, {number} worker{'s' * (number > 1)}", x.cpu, x.wall]
            for size, own in workers.items() for number, x in own.items()
        ),
        [f"econ compare, {COMPARED} runs of {REPLICATES} replicates", compare.cpu, compare.wall],
        [f"econ report, 2 runs of {REPLICATES} replicates", reported.cpu, reported.wall],
    ]
    report(
        "ensemble",
        [Table("Commands, start-up included", ["command", "CPU s", "wall s"], rows)],
        [
            f"Asked: 2 workers at least {TARGET_WORKERS} times as fast as 1 on 2 idle cores; found "
            + verdict(faster, faster >= TARGET_WORKERS, "{:.2f} times by wall time")
            + f" of a run of {largest:,} replicates, " + ", ".join(f"{ratio:.2f} of one of {size}" for size, ratio in smaller.items())
            + f", at a load of {load:.1f} before it; two runs of {between} replicates by one worker each, side by side, take {2 / limit:.2f} times as long as one alone, so that about {limit:.2f} is what this machine leaves. Start-up, tables and figures are the work of one process, whatever the size.",
            f"Asked: a point of a sweep at most {TARGET_POINT:g} ms beyond its work; found "
            + verdict(point["each_ms"], point["each_ms"] <= TARGET_POINT, "{:.1f} ms of CPU time")
            + f" for each further point from {POINTS[0]} to {POINTS[1]} (at most {point['most_ms']:.1f} in one of {SWEEP_ROUNDS} rounds), and {point['once_ms']:.0f} ms once.",
            f"Asked: a comparison in {TARGET_COMPARE:g} s; found " + verdict(compare.cpu, compare.cpu < TARGET_COMPARE, "{:.1f} s of CPU time") + f", {compare.wall:.1f} s of wall time.",
            f"Asked: a report in {TARGET_REPORT:g} s; found " + verdict(reported.cpu, reported.cpu < TARGET_REPORT, "{:.1f} s of CPU time") + f", {reported.wall:.1f} s of wall time.",
            f"The least of {given.rounds} rounds, of the largest run one and of sweeps {SWEEP_ROUNDS}. CPU time is that of the command and all its processes; tables of both numbers of workers are equal.",
        ],
        workers={str(size): {str(number): {"cpu": x.cpu, "wall": x.wall} for number, x in own.items()} for size, own in workers.items()},
        wall_ratio=ratios, machine_limit=limit, load_before=load, compare={"cpu": compare.cpu, "wall": compare.wall},
        report={"cpu": reported.cpu, "wall": reported.wall}, sweep=point,
    )  # fmt: skip


if __name__ == "__main__":
    main()
