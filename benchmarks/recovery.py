"""Do the fit's 90 % intervals hold the truth? Many synthetic data sets from known surfaces; writes ``docs/recovery.md``.

Run as ``python -m benchmarks.recovery``; 200 repetitions of each truth and design take about twenty minutes of one core.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from benchmarks.measure import RESULTS, Table, report, yardstick
from benchmarks.page import origin
from econ.core.files import write_text
from econ.surfaces.recovery import (
    LEVELS,
    QUANTITIES,
    RECOVERED,
    Recovered,
    flat_is_refused,
    recover,
    synthetic_cells,
    true_position,
)

PAGE = Path(__file__).parents[1] / "docs" / "recovery.md"
#: Coverage of a 90 % interval that is asked for.
LOW, HIGH = 0.85, 0.95
#: Repetitions begin here, so that none is one of the test suite's.
FIRST = 1000
#: Verifiabilities of the designs: as specified, and as in the measurements from which the shipped surfaces are fitted.
DESIGNS = {"five verifiabilities": LEVELS, "three verifiabilities, as shipped": (1.0, 0.5, 0.1)}
#: Designs of which it is asked how often labels that do nothing are refused, and repetitions: they are cheap.
FLAT = DESIGNS | {"v = 0.5 alone": (0.5,)}
FLAT_REPETITIONS = 1000
HEAD = """# Does the fit find what is there?

Written by `python -m benchmarks.recovery`; do not edit. Raw numbers lie in `benchmarks/results/recovery.json`.

Response surfaces are fitted to synthetic laboratories whose true surface is known: the design of the laboratory (flags
and pairs in 0, 16, 64, 256, 1024, 4096; the five verifiabilities of the design, and the three of the measurements that
ship), 16 worlds that differ in how they respond. The tables say how often a 90 % interval holds the truth, at verifiability 0.5, and how often the form that made the data
predicts a left-out world best. H(a, b) is relative harm after a flags and b pairs. Intervals are percentiles of the
posterior's draws; of sigma also those with bias and skewness corrected (BCa over worlds), which change no draw.
"""
#: What no repetition here looks at.
UNTESTED = (
    "untested: the curves of labels that an AI judge wrote (`econ lab fit --critic`) have a fit of their own and no repetitions here: that one "
    "known curve is found is tested, how often their intervals hold the truth is not known, and nothing above says it"
)


def repetitions_of(truth: str, count: int, draws: int, v: tuple[float, ...]) -> list[Recovered]:
    """All repetitions of one truth, with a sign of life."""
    found = []
    for repetition in range(FIRST, FIRST + count):
        found.append(recover(truth, repetition, draws, v))
        if len(found) % 25 == 0:
            print(f"{truth}, {len(v)} verifiabilities: {len(found)} of {count}", flush=True)
    return found


def coverage_of(design: str, count: int, draws: int) -> Table:
    """How often intervals hold the truth, for each truth."""
    rows = []
    for truth in RECOVERED:
        found = repetitions_of(truth, count, draws, DESIGNS[design])
        covered = np.mean([one.covered for one in found], axis=0)
        won = float(np.mean([one.won for one in found]))
        rows.append([truth, round(true_position(truth)[1], 2), *map(float, covered), won])
    return Table(f"Share of 90 % intervals that hold the truth: {design}", ["truth", "sigma", *QUANTITIES, "true form best"], rows)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=200, help="of each truth")
    parser.add_argument("--draws", type=int, default=200, help="posterior draws of each fit")
    asked = parser.parse_args()
    yardstick()
    start = time.process_time()
    coverage = [coverage_of(design, asked.repetitions, asked.draws) for design in DESIGNS]
    seconds = (time.process_time() - start) / (asked.repetitions * len(RECOVERED) * len(DESIGNS))
    refused = [
        [name, float(np.mean([flat_is_refused(r, v) for r in range(FIRST, FIRST + FLAT_REPETITIONS)]))] for name, v in FLAT.items()
    ]
    error, flat_error = ((0.9 * 0.1 / count) ** 0.5 for count in (asked.repetitions, FLAT_REPETITIONS))
    report(
        "recovery",
        [
            *coverage,
            Table("Labels that do nothing", ["design", "refused as flat"], refused),
        ],
        [
            f"{asked.repetitions} repetitions of each truth, {asked.draws} draws of each fit: an interval that is right has "
            f"a share of 0.9 with a standard error of {error:.3f}",
            f"labels that do nothing: {FLAT_REPETITIONS:,} repetitions; a share of 0.9 has a standard error of {flat_error:.3f}",
            f"CPU time of a fit: {seconds:.2f} s (no learning curves, companions or checks)",
        ],
        repetitions=asked.repetitions,
        draws=asked.draws,
    )
    write_page()


def write_page() -> None:
    """The page, from the stored numbers."""
    stored = json.loads((RESULTS / "recovery.json").read_text(encoding="utf-8"))
    tables = [Table(**table) for table in stored["tables"]]
    coverage = tables[: len(DESIGNS)]
    corrected = [correction_note(table, stored["repetitions"]) for table in coverage]
    notes = [*stored["notes"], shortfalls(coverage), *corrected, UNTESTED, origin(stored)]
    text = "\n\n".join(table.markdown() for table in tables)
    write_text(PAGE, f"{HEAD}\n{text}\n\n" + "".join(f"- {note}\n" for note in notes))


def shortfalls(coverage: list[Table]) -> str:
    """Which shares lie outside the range that was asked for, in a sentence."""
    outside = [
        f"{name} under {row[0]}, {table.title.partition(': ')[2]} ({row[i]:.3f})"
        for table in coverage for row in table.rows for i, name in enumerate(table.columns)
        if name in QUANTITIES and not LOW <= float(row[i] or 0.0) <= HIGH
    ]
    asked = f"{LOW:.0%} to {HIGH:.0%}"
    return f"outside {asked}: {', '.join(outside)}" if outside else f"all shares lie within {asked}"


def correction_note(coverage: Table, repetitions: int) -> str:
    """What correcting bias and skewness does to the coverage of sigma, in a sentence."""
    plain, corrected = (coverage.columns.index(name) for name in ("log sigma", "log sigma, BCa"))
    pairs = [f"{row[0]} {row[plain]:.3f} and {row[corrected]:.3f}" for row in coverage.rows]
    worlds = len(synthetic_cells(RECOVERED[0], FIRST).worlds)
    gain = float(np.mean([row[corrected] - row[plain] for row in coverage.rows]))
    said = "does not mend" if gain < 0.01 else "raises"
    return (
        f"BCa, {coverage.title.partition(': ')[2]}, {said} the coverage of sigma (on the average {gain:+.3f}), tested with {repetitions} repetitions of {worlds} worlds each; with other "
        f"numbers of worlds it is untested; percentiles and BCa: {'; '.join(pairs)}"
    )


if __name__ == "__main__":
    main()
