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

from benchmarks.measure import Table, report, timed, yardstick

QUARTERS = 8
SEED = 1
#: Labelers of a market in which they cost next to nothing: what is left is the rest.
FEW = 100
#: What is asked: ms per replicate-quarter of the rest at 64 replicates; seconds and bytes of one large replicate; slopes.
TARGET_REST, TARGET_SECONDS, TARGET_BYTES, TARGET_SLOPES = 0.3, 10.0, 10**9, (0.9, 1.1)
LARGE, LONG = 1_000_000, 40
#: Replicates of the market in which labelers grow: fixed costs of a quarter are shared out, as in the batches that users run.
BATCH = 16
#: Replicates at which the rest is measured.
REST_REPLICATES = 64
FIGURE = Path(__file__).parents[1] / "docs" / "figures" / "market_scaling.png"
STATUS = Path("/proc/self/status")


def peak_bytes() -> int:
    """Largest resident memory of this process so far."""
    if STATUS.is_file():  # getrusage would count the parent from before this program was loaded
        lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def measure_one(size: int, replicates: int, rounds: int, quarters: int) -> dict[str, Any]:
    """Simulate in this process, its kernels compiled before on a small market."""
    from econ.market.simulate import setting, simulate
    from econ.scenario import load_scenario
    from econ.surfaces import load_surfaces

    scenario, surfaces = load_scenario("baseline"), load_surfaces("default")
    simulate(scenario.with_population(labelers=FEW), surfaces, seed=SEED, replicates=[0], quarters=1)
    before = peak_bytes()
    scenario, ids = scenario.with_population(labelers=size), range(replicates)
    taken = [
        timed(lambda: simulate(scenario, surfaces, seed=SEED, replicates=ids, quarters=quarters))
        for _ in range(rounds)
    ]
    burn_in = setting(scenario, surfaces, seed=SEED, replicates=[0], quarters=quarters).burn_in
    cpu, wall = (min(column) for column in zip(*taken, strict=True))
    return {
        "labelers": size, "replicates": replicates, "quarters": quarters + burn_in, "rounds": rounds, "cpu": cpu, "wall": wall,
        "peak_bytes": peak_bytes(), "added_bytes": peak_bytes() - before,
    }  # fmt: skip


def in_child(size: int, replicates: int, rounds: int, quarters: int = QUARTERS) -> dict[str, Any]:
    """The same in a process of its own, so that its peak of memory is its own."""
    one = json.dumps([size, replicates, rounds, quarters])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.market_scaling", "--one", one],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def in_turn(*quarters: int) -> list[dict[str, Any]]:
    """A market of next to no labelers for each number of quarters: the least of three processes, in turn with the others'."""
    taken = [[in_child(FEW, REST_REPLICATES, 2, own) for own in quarters] for _ in range(3)]
    return [min(column, key=lambda one: float(one["cpu"])) for column in zip(*taken, strict=True)]


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


def verdict(met: bool) -> str:
    """A word."""
    return "met" if met else "not met"


def in_range(found: float) -> str:
    """A slope against what is asked."""
    return f"{found:.2f} ({verdict(TARGET_SLOPES[0] <= found <= TARGET_SLOPES[1])})"


def draw(by: dict[str, list[dict[str, Any]]], slopes: dict[str, float]) -> None:
    """Log-log figure of CPU time by labelers, replicates and quarters."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    figure = Figure(figsize=(11, 3.2), layout="constrained")
    panes = figure.subplots(1, len(by), sharey=True)
    for pane, (name, points) in zip(panes, by.items(), strict=True):
        x, y = [point[name.partition(" ")[0]] for point in points], [point["cpu"] for point in points]
        pane.loglog(x, y, "o-", color="#0072B2")
        pane.loglog(x, [y[-1] * u / x[-1] for u in x], ":", color="#666666")
        pane.xaxis.set_minor_formatter(NullFormatter())
        pane.set_xlabel(name)
        pane.set_title(f"slope {slopes[name]:.2f}", fontsize=10)
    panes[0].set_ylabel("CPU time [s]")
    panes[0].annotate("dotted: proportional", (0.05, 0.92), xycoords="axes fraction", fontsize=8, color="#666666")
    FIGURE.parent.mkdir(exist_ok=True)
    figure.savefig(FIGURE, dpi=150, metadata={"Software": None})


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--labelers", type=int, nargs="+", default=[10_000, 31_623, 100_000, 316_228, 1_000_000]
    )
    parser.add_argument("--replicates", type=int, nargs="+", default=[1, 4, 16, 64, 256])
    parser.add_argument("--of", type=int, default=3_000, help="labelers while replicates grow")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure_one(*json.loads(given.one))))
        return
    yardstick()
    by_labelers = [in_child(size, 1, 3) for size in given.labelers]
    in_batch = [in_child(size, BATCH, 2) for size in given.labelers]
    by_replicates = [in_child(given.of, count, 3) for count in given.replicates]
    by_quarters = [in_child(given.of, 16, 3 if quarters < 100 else 2, quarters) for quarters in (8, 40, 136)]
    large = in_child(LARGE, 1, 1, LONG)
    short, long = in_turn(QUARTERS, LONG)
    few = in_child(FEW, BATCH, 3)["cpu"]
    alone = slope([point | {"cpu": point["cpu"] - few} for point in in_batch], "labelers", "cpu")
    rest = (long["cpu"] - short["cpu"]) / (long["quarters"] - short["quarters"]) / REST_REPLICATES
    once = short["cpu"] / REST_REPLICATES - rest * short["quarters"]
    by = {"labelers": by_labelers, "labelers in a batch": in_batch, "replicates": by_replicates, "quarters": by_quarters}
    slopes = {name: slope(points, name.partition(" ")[0], "cpu") for name, points in by.items()}
    draw(by, slopes)
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
                in_batch,
                "labelers",
                f"{BATCH} replicates, {QUARTERS} quarters and the burn-in, by labelers of each",
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
            table(by_quarters, "quarters", f"{given.of:,} labelers, 16 replicates, by quarters, burn-in included", "ms", 1e3),
        ],
        [
            f"Asked: log-log slopes of CPU time from {TARGET_SLOPES[0]} to {TARGET_SLOPES[1]}. Found over the whole range: labelers of one replicate {in_range(slopes['labelers'])}, "
            f"labelers of {BATCH} replicates {in_range(slopes['labelers in a batch'])}, and of these labelers alone, the time of markets of {FEW} taken off, {in_range(alone)}; "
            f"replicates {in_range(slopes['replicates'])}, quarters {in_range(slopes['quarters'])}; 1 is proportional, below 1 fixed costs are shared out. "
            "The column gives it from row to row; the slope of the labor step alone stands with its benchmark.",
            f"Asked: everything but labelers at most {TARGET_REST} ms per replicate-quarter at {REST_REPLICATES} replicates; found {1e3 * rest:.2f} ms ({verdict(1e3 * rest <= TARGET_REST)}), "
            f"and once {1e3 * once:.1f} ms per replicate for status quo, calibration and start.",
            f"Asked: {LARGE:,} labelers, {LONG} quarters and the burn-in in {TARGET_SECONDS:g} s and {TARGET_BYTES / 1e9:g} GB; found {large['cpu']:.1f} s of CPU time, {large['wall']:.1f} s of wall time "
            f"and {large['peak_bytes'] / 1e9:.2f} GB ({verdict(large['cpu'] < TARGET_SECONDS and large['peak_bytes'] < TARGET_BYTES)}).",
            "![CPU time by labelers, replicates and quarters, log-log](figures/market_scaling.png)",
            "CPU time of the own process on one thread, calibration and burn-in included, compilation not; each row in a process of "
            "its own; the least of 3, of what is not labelers of 6.",
            "Peak memory is that of the process, libraries included; bytes added are above the peak after a market of 100 labelers.",
        ],
        slopes=slopes | {"labelers alone": alone},
        points=by, rest_ms=1e3 * rest, once_ms=1e3 * once, large=large,
    )


if __name__ == "__main__":
    main()
