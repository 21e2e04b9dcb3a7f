"""What all benchmarks share: variants timed in turn, tables, and where a number comes from.

Of several rounds the least counts: whatever else runs on a machine only ever adds (Chen and Revels 2016,
"Robust benchmarking in noisy environments").
"""

from __future__ import annotations

import functools
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from econ.core.files import write_json
from econ.core.provenance import now, provenance

RESULTS = Path(__file__).parent / "results"
Cell = str | int | float | None
#: A program that runs the command line in a process of its own, as installed.
CLI = "import sys; from econ.cli import main; sys.argv = ['econ', *sys.argv[1:]]; main()"


@dataclass(frozen=True)
class Timing:
    """CPU and wall seconds of the rounds of one variant."""

    cpu: tuple[float, ...]
    wall: tuple[float, ...]

    @property
    def least_cpu(self) -> float:
        """Least CPU time of this process [s]."""
        return min(self.cpu)

    @property
    def least_wall(self) -> float:
        """Least wall time [s]."""
        return min(self.wall)


@dataclass(frozen=True)
class Table:
    """A table of results; the cells are numbers as far as they can be."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def markdown(self) -> str:
        """The table as aligned Markdown, numbers to three significant digits."""
        cells = [[str(name) for name in self.columns], *([show(x) for x in row] for row in self.rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        lines = [
            "| " + " | ".join(x.ljust(w) for x, w in zip(row, widths, strict=True)) + " |" for row in cells
        ]
        lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
        return f"**{self.title}**\n\n" + "\n".join(lines)


def show(value: Cell) -> str:
    """A cell as text."""
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return value


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """CPU time of this process and wall time of one call [s]."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def round_robin(variants: dict[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Time all variants in turn, `rounds` times, so that a busy spell of the machine hits all alike."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, work in variants.items():
            taken[name].append(timed(work))
    return {name: Timing(*zip(*times, strict=True)) for name, times in taken.items()}


@dataclass(frozen=True)
class Spent:
    """CPU seconds of a process and all its children, and wall seconds."""

    cpu: float
    wall: float


def spent(*arguments: str, program: tuple[str, ...] = ("-c", CLI)) -> tuple[Spent, str]:
    """One command in a process of its own; what it printed."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, *program, *arguments], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    printed = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"econ {' '.join(arguments)} failed with exit code {child.returncode}")
    return Spent(usage.ru_utime + usage.ru_stime, wall), printed


#: Elements of the yardstick's loop and of its array (0.8 MB: beyond the nearest cache, no burden on peak memory).
_ELEMENTS = 100_000


@functools.cache
def yardstick() -> dict[str, float]:
    """How fast this machine is just now: CPU nanoseconds per element of a fixed Python loop and of fixed numpy steps.

    Medians of 25, since it is the moment that is asked for. Measured once in a process: every benchmark calls it before it begins, and `report` stores what
    it found then. Times of two dates, or of two hours of a shared machine, compare by the ratio of theirs.
    """
    import numpy as np

    values = np.linspace(0.0, 1.0, _ELEMENTS)
    out = np.empty_like(values)

    def loop() -> int:
        total = 0
        for x in range(_ELEMENTS):
            total = (total * 3 + x) & 0xFFFF
        return total

    def array() -> float:
        np.multiply(values, 1.5, out=out)
        np.exp(out, out=out)
        return float(out.sum())

    found = round_robin({"python": loop, "numpy": array}, rounds=25)
    return {name: round(1e9 * statistics.median(timing.cpu) / _ELEMENTS, 3) for name, timing in found.items()}


def machine() -> dict[str, Any]:
    """The processor, how busy the machine is with all its processes, and how fast it was before the benchmark."""
    return {"cpu": _processor(), "cores": os.cpu_count(), "load_average_1min": round(os.getloadavg()[0], 1), "yardstick_ns": yardstick()}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def report(name: str, tables: list[Table], notes: list[str], *, device: str = "cpu", **data: Any) -> None:
    """Print the tables with their notes and write them to ``results/NAME.json``."""
    print("\n\n".join(table.markdown() for table in tables))
    print("\n" + "\n".join(f"- {note}" for note in notes))
    RESULTS.mkdir(exist_ok=True)
    written = {"benchmark": name, "date": now(), "machine": machine(), **provenance(device)}
    write_json(
        RESULTS / f"{name}.json", written | {"tables": [asdict(x) for x in tables], "notes": notes, **data}
    )
