"""What a simulated market costs in time and memory as labelers and replicates grow."""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.measure import Table, report, timed

QUARTERS = 8
SEED = 1
STATUS = Path("/proc/self/status")


def peak_bytes() -> int:
    """Largest resident memory of this process so far."""
    if STATUS.is_file():  # getrusage would count the parent from before this program was loaded
        lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def measure_one(size: int, replicates: int, rounds: int) -> dict[str, Any]:
    """Simulate in this process, its kernels compiled before on a small market."""
    from econ.market.simulate import setting, simulate
    from econ.scenario import load_scenario
    from econ.surfaces import load_surfaces

    scenario, surfaces = load_scenario("baseline"), load_surfaces("default")
    simulate(scenario.with_population(labelers=100), surfaces, seed=SEED, replicates=[0], quarters=1)
    before = peak_bytes()
    scenario, ids = scenario.with_population(labelers=size), range(replicates)
    taken = [
        timed(lambda: simulate(scenario, surfaces, seed=SEED, replicates=ids, quarters=QUARTERS))
        for _ in range(rounds)
    ]
    burn_in = setting(scenario, surfaces, seed=SEED, replicates=[0], quarters=QUARTERS).burn_in
    cpu, wall = (statistics.median(column) for column in zip(*taken, strict=True))
    return {
        "labelers": size, "replicates": replicates, "quarters": QUARTERS + burn_in, "rounds": rounds, "cpu": cpu, "wall": wall,
        "peak_bytes": peak_bytes(), "added_bytes": peak_bytes() - before,
    }  # fmt: skip


def in_child(size: int, replicates: int, rounds: int) -> dict[str, Any]:
    """The same in a process of its own, so that its peak of memory is its own."""
    one = json.dumps([size, replicates, rounds])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.market_scaling", "--one", one],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def slope(points: list[dict[str, Any]], by: str, of: str) -> float:
    """Least-squares slope of log `of` on log `by`."""
    x, y = ([math.log(point[key]) for point in points] for key in (by, of))
    return statistics.linear_regression(x, y).slope


def line(points: list[dict[str, Any]], i: int, by: str) -> list[Any]:
    """A row of a table; the local slope is between this point and the one before."""
    point = points[i]
    work = point["labelers"] * point["replicates"] * point["quarters"]
    local = slope(points[i - 1 : i + 1], by, "cpu") if i else None
    marginal = None
    if i:
        before = points[i - 1]
        marginal = (point["cpu"] - before["cpu"]) / (point[by] - before[by]) / point["quarters"]
    return [
        point[by], point["cpu"], point["wall"], 1e9 * point["cpu"] / work, marginal, local,
        point["peak_bytes"] / 2**20, point["added_bytes"] / (point["labelers"] * point["replicates"]),
    ]  # fmt: skip


def table(points: list[dict[str, Any]], by: str, title: str, unit: str, scale: float) -> Table:
    """Table of one scaling."""
    rows = [line(points, i, by) for i in range(len(points))]
    for row in rows:
        row[4] = None if row[4] is None else scale * row[4]
    columns = [
        by, "CPU s", "wall s", "CPU ns per labeler-quarter", f"each further one [{unit} per quarter]", "slope",
        "peak memory MiB", "bytes added per labeler",
    ]  # fmt: skip
    return Table(title, columns, rows)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--labelers", type=int, nargs="+", default=[10_000, 31_623, 100_000, 316_228, 1_000_000]
    )
    parser.add_argument("--replicates", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--of", type=int, default=3_000, help="labelers while replicates grow")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure_one(*json.loads(given.one))))
        return
    by_labelers = [in_child(size, 1, 3 if size <= 100_000 else 1) for size in given.labelers]
    by_replicates = [in_child(given.of, count, 3 if count <= 4 else 1) for count in given.replicates]
    slopes = {
        "labelers": slope(by_labelers, "labelers", "cpu"),
        "replicates": slope(by_replicates, "replicates", "cpu"),
    }
    report(
        "market_scaling",
        [
            table(
                by_labelers,
                "labelers",
                f"1 replicate, {QUARTERS} quarters and the burn-in, by labelers",
                "ns",
                1e9,
            ),
            table(
                by_replicates,
                "replicates",
                f"{given.of:,} labelers, {QUARTERS} quarters and the burn-in, by replicates",
                "ms",
                1e3,
            ),
        ],
        [
            f"Log-log slope of CPU time over the whole range: labelers {slopes['labelers']:.2f}, replicates {slopes['replicates']:.2f}; "
            "1 is proportional, below 1 the fixed costs of the other agents are shared out. The column gives it from row to row.",
            "CPU time of the own process on one thread, calibration and burn-in included, compilation not; each row in a process of "
            "its own; median of 3 up to 100,000 labelers or 4 replicates, else once.",
            "Peak memory is that of the process, libraries included; bytes added are above the peak after a market of 100 labelers.",
        ],
        slopes=slopes,
        points={"labelers": by_labelers, "replicates": by_replicates},
    )


if __name__ == "__main__":
    main()
