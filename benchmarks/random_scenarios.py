"""Do the books close, whatever a scenario asks for? A thousand random scenarios; writes ``docs/ledger.md``.

Run as ``python -m benchmarks.random_scenarios`` (`make ledger`). A scenario draws a third of all parameters uniformly
from their range in ``calibration/parameters.csv``, up to twelve levers from their legal range with schedules, and now and
then an event; small markets, the shipped response surfaces. Sets that the package refuses are counted and drawn again.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from benchmarks.measure import RESULTS, Table, report, yardstick
from benchmarks.page import origin
from econ.core.files import write_text
from econ.market.health import NoStatusQuo, note_faults
from econ.market.ledger import TOLERANCE
from econ.market.outcomes import NULLABLE
from econ.market.record import welfare_by_resources
from econ.market.simulate import at_rest, run_quarters
from econ.scenario import Scenario
from econ.scenario.domains import Domain, domain_of
from econ.scenario.lever_table import LEVERS, Lever
from econ.scenario.parameters import SIZE_KEYS, defaults
from econ.surfaces import load_surfaces

PAGE = Path(__file__).parents[1] / "docs" / "ledger.md"
QUARTERS, BURN_IN, REPLICATES = 6, 10, 1
POPULATION = {"labelers": 200, "curator_slots": 8, "curators": 4, "firms": 5}
#: Chance that a parameter is drawn, and most levers of a scenario.
DRAWN, MOST_LEVERS = 1 / 3, 12
#: Upper ends for levers without one, wide enough to be absurd.
LARGEST = 20.0
HEAD = """# Do the books close?

Written by `make ledger`; do not edit. Raw numbers lie in `benchmarks/results/random_scenarios.json`.

Every run checks its ledger in every quarter and replicate and stops where it does not close to {tolerance:g} of the largest flow.
Here it is tried on random scenarios, {chance:.0%} of all parameters drawn from their range, up to {levers} levers anywhere
in their legal range with schedules, and events: {firms} firms, {curators} curators in {slots} slots, {labelers} labelers,
{replicates} replicate each, a burn-in of {burn_in} and a horizon of {quarters} quarters. Welfare is added up twice: from the sectors'
net receipts, and from surplus less resources; their gap is relative to sales.
"""


@dataclass
class Found:
    """What the scenarios gave."""

    checked: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    without_status_quo: int = 0
    quarters: int = 0
    broken: list[str] = field(default_factory=list)
    residuals: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)


def number(rng: np.random.Generator, legal: Domain) -> float | int:
    """A legal number; ends are as likely as the inside, since faults live there."""
    low, high = max(legal.low, -LARGEST), min(legal.high, LARGEST)
    inside = float(rng.uniform(low, high))
    value = float(rng.choice([inside, inside, low, high]))
    value = float(round(value)) if legal.integer else value
    return value if legal.contains(value) else max(inside, 1e-3)


def setting(rng: np.random.Generator, lever: Lever) -> Any:
    """A value of a lever, or a schedule of two."""

    def value() -> Any:
        if isinstance(lever.legal, Domain):
            drawn = number(rng, lever.legal)
            return int(drawn) if lever.legal.integer else drawn
        return bool(rng.integers(2)) if lever.legal is bool else str(rng.choice(lever.legal))  # type: ignore[arg-type]

    if lever.static or rng.random() < 0.5:
        return value()
    schedule = {int(quarter): value() for quarter in rng.choice(QUARTERS, 2, replace=False)}
    return {str(rng.choice(lever.places)): schedule} if lever.places and rng.random() < 0.5 else schedule


def random_scenario(rng: np.random.Generator) -> dict[str, Any]:
    """Keys of a scenario file."""
    values: dict[str, float] = {}
    for name, row in defaults().items():
        constant = domain_of(name, row.unit).constant
        if name in SIZE_KEYS or constant or rng.random() > DRAWN or row.low is None or row.high is None:
            continue
        drawn = float(rng.uniform(row.low, row.high))
        values[name] = float(round(drawn)) if domain_of(name, row.unit).integer else drawn
    values |= {"burn_in_quarters": BURN_IN, "burn_in_complements_quarters": BURN_IN, "measured_quality": float(rng.integers(2))}
    names = rng.choice(sorted(LEVERS), rng.integers(1, MOST_LEVERS + 1), replace=False)
    events: list[dict[str, Any]] = []
    if rng.random() < 0.3:
        events.append({"customer_loss": {"quarter": int(rng.integers(QUARTERS)), "share": float(rng.uniform(0.05, 1))}})
    if rng.random() < 0.3:
        events.append({"vertical_tie": {"quarter": int(rng.integers(QUARTERS)), "stake": float(rng.uniform(0.05, 1)), "nu": float(rng.uniform(0, 3))}})
    return {
        "schema_version": 1, "name": "random", "quarters": QUARTERS, "population": POPULATION, "parameters": values,
        "levers": {str(name): setting(rng, LEVERS[str(name)]) for name in names}, "events": events,
    }  # fmt: skip


def check(raw: dict[str, Any], seed: int, surfaces: Any, found: Found) -> None:
    """Run one scenario and note what its books say in every quarter."""
    try:
        s, quo, intercepts, without = at_rest(Scenario.model_validate(raw), surfaces, seed, range(REPLICATES), QUARTERS)
    except NoStatusQuo:
        found.without_status_quo += 1
        return
    found.without_status_quo += bool(without)
    failed: dict[int, str] = {}
    for state, events, columns in run_quarters(s, QUARTERS, quo, intercepts):
        note_faults(failed, s.replicates, state, columns, NULLABLE, events.quarter)
        found.quarters += s.size
        found.residuals.append(float(np.max(events.residual)))
        if columns:
            gap = np.abs(welfare_by_resources(s, events, columns) - columns["welfare"]) / events.ledger.total("product")
            found.gaps.append(float(np.max(gap)))
    found.checked += 1
    found.broken += [f"seed {seed}: {reason}" for reason in failed.values()]


def main() -> None:
    """Draw, run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    yardstick()
    surfaces, found, seed = load_surfaces(), Found(), 0
    while found.checked < asked.scenarios:
        seed += 1
        try:
            check(random_scenario(np.random.default_rng([asked.seed, seed])), seed, surfaces, found)
        except ValidationError as refusal:
            first = refusal.errors()[0]
            found.refused[str(first.get("ctx", {}).get("error", first["msg"])).partition(";")[0]] += 1
        if seed % 50 == 0:
            print(f"{found.checked} of {asked.scenarios}, largest residual {max(found.residuals):.2g}", flush=True)
    write(found)


def write(found: Found) -> None:
    """Write the page and the raw numbers."""
    gaps, residuals = np.array(found.gaps), np.array(found.residuals)
    rows: list[list[str | int | float | None]] = [
        ["scenarios run to the end", found.checked],
        ["replicate-quarters checked", found.quarters],
        ["largest residual of the ledger, of the largest flow", float(residuals.max())],
        ["its 99 % quantile over scenarios and quarters", float(np.quantile(residuals, 0.99))],
        ["quarters in which it exceeds the tolerance", int((residuals > TOLERANCE).sum())],
        ["largest gap of welfare added up twice, of sales", float(gaps.max())],
        ["replicates that turned non-finite", len(found.broken)],
        ["scenarios refused before they ran, and drawn again", sum(found.refused.values())],
        ["scenarios with a replicate without a status quo (a fault that is named)", found.without_status_quo],
    ]
    reasons = Table("Why scenarios were refused", ("reason", "times"), [[reason, count] for reason, count in found.refused.most_common()])
    tables = [Table("Random scenarios", ("what", "found"), rows), *([reasons] if found.refused else [])]
    head = HEAD.format(
        tolerance=TOLERANCE, chance=DRAWN, levers=MOST_LEVERS, replicates=REPLICATES, burn_in=BURN_IN, quarters=QUARTERS,
        firms=POPULATION["firms"], curators=POPULATION["curators"], slots=POPULATION["curator_slots"], labelers=POPULATION["labelers"],
    )  # fmt: skip
    report("random_scenarios", tables, found.broken)
    stored = json.loads((RESULTS / "random_scenarios.json").read_text(encoding="utf-8"))
    text = "\n\n".join(table.markdown() for table in tables)
    broken = "".join(f"- {reason}\n" for reason in found.broken)
    write_text(PAGE, f"{head}\n{text}\n\n{broken}{origin(stored)}\n")


if __name__ == "__main__":
    main()
