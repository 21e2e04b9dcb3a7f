"""Run all benchmarks, each in a process of its own, and write ``docs/benchmarks.md`` from their results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.measure import RESULTS, Table
from econ.core.files import write_text

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
HEADINGS = {
    "labor_step": "One quarter of the labor market: econ, numpy, Mesa, Starsim",
    "lab_smoke": "The smallest grid of the laboratory",
    "lab_batching": "Laboratory runs: batched against one at a time",
    "lab_trl": "The laboratory beside TRL",
    "start_up": "Start-up",
    "market_scaling": "The market by labelers and replicates",
    "cost_mix": "The cheapest mix of labels",
    "ensemble": "What users wait for: workers, comparisons, sweeps, reports",
}
HEAD = """# Benchmarks

Written by `make benchmarks`; do not edit. Raw numbers lie in `benchmarks/results/`. Times are CPU times of the own
process unless a column says wall: they hardly suffer from other processes, wall times do. Where another
implementation is faster, it is shown.
"""


def run_all() -> None:
    """Each benchmark with numerical libraries on one thread."""
    threads = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
    )
    for name in HEADINGS:
        print(f"\n## {HEADINGS[name]}\n", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], env=os.environ | threads, check=True)


def section(name: str) -> str:
    """The section of one benchmark."""
    found = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    tables = "\n\n".join(Table(**table).markdown() for table in found["tables"])
    notes = "\n".join(f"- {note}" for note in found["notes"])
    return f"## {HEADINGS[name]}\n\n{tables}\n\n{notes}\n- {origin(found)}\n"


def origin(found: dict[str, Any]) -> str:
    """Where and when a result was measured, in a sentence."""
    on, libraries = found["machine"], ("python", "numpy", "numba", "mesa", "torch")
    versions = ", ".join(f"{name} {found['versions'][name]}" for name in libraries if found["versions"].get(name))
    return (
        f"Measured {found['date']} on {found['device']} ({on['cpu']}, {on['cores']} cores, {found['platform']}, "
        f"load average {on['load_average_1min']}), commit {(found['git_commit'] or 'unknown')}; "
        f"econ {found['econ_version']}, {versions}."
    )


def main() -> None:
    """Run, then write the page."""
    run_all()
    write_text(PAGE, "\n".join([HEAD, *(section(name) for name in HEADINGS)]))
    print(f"\nwritten: {PAGE.relative_to(Path.cwd()) if PAGE.is_relative_to(Path.cwd()) else PAGE.name}")


if __name__ == "__main__":
    main()
