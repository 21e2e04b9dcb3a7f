"""`docs/benchmarks.md`, made from the stored results alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.measure import RESULTS, Table

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

Written by `make benchmarks`; do not edit. Raw numbers lie in `benchmarks/results/`, from which `python -m benchmarks --page`
writes this page again. Times are CPU times of the own process unless a column says wall: they hardly suffer from other
processes, wall times do. Variants are timed in turn. Of their rounds the least counts, since whatever else runs only
ever adds (Chen and Revels 2016), in older results the median: each section says which. The speed of a shared machine
still changes from hour to hour: where a yardstick is given, the same two short loops were timed before the benchmark,
and times of two dates compare by them. Where another implementation is faster, it is shown.
"""


def page() -> str:
    """The page as the stored results give it."""
    return "\n".join([HEAD, *(section(name) for name in HEADINGS)])


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
        f"load average {on['load_average_1min']}{_yardstick(on)}), commit {(found['git_commit'] or 'unknown')}; "
        f"econ {found['econ_version']}, {versions}."
    )


def _yardstick(on: dict[str, Any]) -> str:
    """Speed of the machine before the benchmark; nothing for results that are older than the yardstick."""
    if "yardstick_ns" not in on:
        return ""
    loop, array = (on["yardstick_ns"][name] for name in ("python", "numpy"))
    return f", yardstick before it {loop:.3g} ns in Python and {array:.3g} ns in numpy an element"
