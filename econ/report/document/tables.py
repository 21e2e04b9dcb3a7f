"""The tables T1 to T6 of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.ensemble.decomposition import DIRECT, LINKS, TOTAL
from econ.ensemble.drivers import INPUTS, drivers_table
from econ.ensemble.effects import HEADLINES
from econ.ensemble.moments import met, missed
from econ.ensemble.tables import by_scenario
from econ.ensemble.window import window_length, window_words
from econ.report.decomposition import NAMES, TITLES, decomposition_finding
from econ.report.document.material import Material, value_text
from econ.report.document.model import Stance, Table
from econ.report.document.numerals import aligned, decimals, fixed, percent, year_end
from econ.report.document.reading import Reading
from econ.report.effects_text import excludes_zero, fewer_pairs
from econ.report.numbers import short
from econ.report.overview import ROWS, checkpoints
from econ.report.text import fact_words
from econ.scenario.parameters import Parameter, defaults

if TYPE_CHECKING:
    from econ.ensemble.manifest import Manifest

#: Grades of what was read in a source; the others are derived or assumed by this project.
SOURCED = frozenset("ABC")
TUNED = "Tuned by hand"
STATUS_NOTE = (
    "Status: data = taken from a source (grade A official or peer-reviewed, B press or preprint, C vendor or aggregator); tuned = set by "
    "hand so that the model meets a fact; assumed = no source gives it (grade D: own derivation or assumption, R: recalled). Nothing here "
    "is estimated by a formal calibration. Units: V0 = the vendors' revenue in a quarter of the status quo; a_ref, b_ref = the mean firm's stocks of "
    "constraint examples and of preference labels then. k1 to k5: categories of harm, from the best to the worst verifiable; j1, j2, j3: the EU-like, "
    "the US-like and the low capacity jurisdiction. Rows of 'this table': of calibration/parameters.csv, which has further rows for sources."
)
SIMULATED = {"calibrate": "used in calibration", "validate": "held out", "report": "only reported"}


def parameters_table(material: Material) -> Table:
    """T1: every parameter of the baseline with range, source and status."""
    set_by = material.scenarios[material.baseline].get("parameters", {})
    rows = [_parameter_row(row, set_by.get(name, row.value)) for name, row in defaults().items()]
    counts = pd.Series([row[4] for row in rows]).value_counts()
    said = ", ".join(f"{count} {status}" for status, count in counts.items())
    own = sum(row[4] == "data" for row in rows)
    return Table(
        "T1", f"Parameters of {material.baseline}: value, range, source and status", ["Parameter", "Value", "Range", "Unit", "Status", "Grade", "Source"],
        rows, note=STATUS_NOTE, words=frozenset({0, 3, 4, 5, 6}), small=True,
        finding=f"{own} of {len(rows)} parameters come from data; by status: {said}.",
    )  # fmt: skip


def _parameter_row(row: Parameter, value: Any) -> list[str]:
    ends = [value_text(end) for end in (row.low, row.high) if end is not None]
    source = row.source or row.note
    changed = value != row.value
    return [
        row.name.replace("_", " "), value_text(value), " to ".join(ends), row.unit,
        "set by the scenario" if changed else status(row), "" if changed else row.grade,
        f"default {row.value:g}" if changed else source,
    ]  # fmt: skip


def status(row: Parameter) -> str:
    """``data``, ``tuned`` or ``assumed``."""
    if row.source.startswith(TUNED):
        return "tuned"
    return "data" if row.grade in SOURCED else "assumed"


def moments_table(material: Material) -> Table:
    """T2: facts beside simulated moments, those missed first."""
    facts = material.moments
    outside, inside = set(missed(facts)["id"]), set(met(facts)["id"])
    order = [0 if i in outside else 1 if i in inside else 2 if np.isfinite(x) else 3 for i, x in zip(facts["id"], facts["simulated"], strict=True)]
    facts = facts.assign(order=order)
    rows, stances = [], []
    for _, r in facts.sort_values("order", kind="stable").iterrows():
        verdict = ("missed", "inside", "no band", "no counterpart")[int(r["order"])]
        band = f"{short(r['low'])} to {short(r['high'])}" if np.isfinite([r["low"], r["high"]]).any() else "none"
        simulated = f"{short(r['simulated'])} ± {short(r['mc_error'])}" if np.isfinite(r["mc_error"]) else short(r["simulated"])
        rows.append([str(r["id"]), fact_words(str(r["name"])), short(r["target"]), band, simulated, verdict, SIMULATED[str(r["use"])]])
        stances.append(_stance_of_fact(int(r["order"])))
    title = f"Facts and simulated moments of {material.baseline}, missed ones first"
    finding = f"{len(inside)} facts lie inside their bands, {len(outside)} are missed, {order.count(2)} without a band, {order.count(3)} without a counterpart in the model."
    note = (
        "Simulated value ± its Monte Carlo error. Some facts used in calibration are inputs of the model, so that meeting them shows nothing. "
        "CR3: share of the three largest. Sources and grades of the facts are in calibration/moments.csv. "
        "Facts about replayed events (M17 to M19) have no counterpart in a scenario without the event; see F8a and F8b."
    )
    return Table(
        "T2", title, ["Fact", "What", "Target", "Band", "Simulated", "", "Use"], rows, note=note,
        words=frozenset({0, 1, 5, 6}), stances=stances, small=True, finding=finding,
    )  # fmt: skip


def _stance_of_fact(order: int) -> Stance:
    stances: tuple[Stance, ...] = ("against", "for", "plain", "open")
    return stances[order]


def projection_table(material: Material) -> Table:
    """T3: the baseline before the first quarter and after 1, 5 and 10 years, with 50 % and 90 % bands."""
    summary = material.summary
    quarters = checkpoints(summary)
    own = summary[(summary["scenario"] == material.baseline) & summary["quarter"].isin(list(quarters))]
    cells = {(row["variable"], row["quarter"]): row for _, row in own.iterrows()}
    known = {variable for variable, _ in cells}
    rows = [[row.label, *(_bands(cells[row.variable, q], row.divisor) for q in quarters)] for row in ROWS if row.variable in known]
    note = (
        "Median; in round brackets the middle half, in square brackets 90 % of replicates. Money is in real USD of 2025. Shares of replicates: "
        "Wilson intervals. A conditional projection: what follows from the assumptions, not what is expected to happen."
    )
    reading = Reading(summary, material.baseline)
    finding = f"Under unchanged policy harm goes from {short(reading.value('harm_rate', -1))} to {reading.spread('harm_rate', reading.last)} of the untrained model's, constraints from {percent(reading.value('constraint_budget_share', -1))} to {reading.spread('constraint_budget_share', reading.last, percent)} of spending."
    return Table("T3", f"Projection of {material.baseline}", ["Outcome", *map(_when, quarters)], rows, note=note, finding=finding)


def _when(quarter: int) -> str:
    """The end of a quarter as the head of a column."""
    if quarter < 0:
        return f"{year_end(quarter).capitalize()}, before"
    years = (quarter + 1) / 4
    return f"After {years:g} {'year' if years == 1 else 'years'}, {year_end(quarter)}"


def _bands(row: pd.Series[Any], divisor: float) -> str:
    p05, p25, p50, p75, p95 = (float(row[name]) / divisor for name in ("p05", "p25", "p50", "p75", "p95"))
    if not np.isfinite(p50):
        return "–"
    middle, outer = aligned(p50, p05, p95)
    digits = decimals((p95 - p05) / 2)
    inner = f"({fixed(p25, digits)} to {fixed(p75, digits)})" if p95 > p05 else f"({short(p25)} to {short(p75)})"
    return f"{middle}\n{inner}\n{outer}"


def effects_table(material: Material) -> Table:
    """T4: paired difference of every scenario in every headline outcome, and how stable its sign is."""
    effects = {(row["variable"], row["scenario"]): row for _, row in material.effects.iterrows()}
    rows, most = [], int(material.effects["pairs"].max())
    for variable, (label, divisor) in HEADLINES.items():
        if (variable, material.policies[0]) not in effects:
            continue
        own = [effects[variable, name] for name in material.policies]
        cells = [_effect(row, divisor) + _stability(row["sign_stability"]) + fewer_pairs(row, most) for row in own]
        rows.append([label, *cells])
    note = (
        f"Mean paired difference over the {material.window} with its 95 % interval; * the interval excludes 0. In brackets: sign stability, "
        "the share of replicates with the sign of the mean, and (n) where fewer replicates than elsewhere have a value in both scenarios. The interval is about the mean over what is drawn, not about the model being right."
    )
    clear = [excludes_zero(row) for row in effects.values()]
    finding = f"{sum(clear)} of {len(clear)} differences have an interval without 0."
    return Table("T4", f"What each scenario changes against {material.baseline}", ["Outcome", *material.policies], rows, note=note, small=True, finding=finding)


def _effect(row: pd.Series[Any], divisor: float) -> str:
    """The mean with a mark where its interval excludes 0, the interval below."""
    middle, ends = aligned(row["mean_difference"], row["low"], row["high"], divisor)
    return middle + (" *" if excludes_zero(row) else "") + (f"\n{ends}" if ends else "")


def _stability(share: float) -> str:
    return f"\n({share:.0%})" if np.isfinite(share) else ""


def decomposition_tables(material: Material) -> list[Table]:
    """T5: contributions of the market's links, one table for each decomposed run."""
    runs = zip(material.decompositions, material.decomposed, strict=True)
    return [_decomposition(table, number, run.manifest) for number, (table, run) in enumerate(runs)]


def _decomposition(table: pd.DataFrame, number: int, run: Manifest) -> Table:
    links, first = [*LINKS, DIRECT, TOTAL], table.iloc[0]
    rows = []
    for variable, part in table.groupby("variable", sort=False):
        title, divisor = TITLES[str(variable)]
        own = part.set_index("link").loc[links] if set(links) <= set(part["link"]) else part.set_index("link")
        rows.append([title, *(_contribution(r["contribution"] / divisor, r["mc_error"] / divisor) for _, r in own.iterrows())])
    heads = ["Outcome", *(NAMES.get(link, link.replace("_", " ")) for link in links)]
    title = f"What carries the difference of {first['scenario']} from {first['baseline']}"
    note = f"Shapley contributions ± Monte Carlo error, mean over the {window_words(window_length(run.quarters))}: a link's mean effect over all orders in which links can be turned off. {run.replicates} replicates, {run.quarters} quarters."
    return Table("T5" if number == 0 else f"T5_{number + 1}", title, heads, rows, note=note, small=True, finding=decomposition_finding(table))


def _contribution(value: float, error: float) -> str:
    """As precise as its Monte Carlo error is small."""
    if not (np.isfinite(value) and np.isfinite(error)):
        return short(value)
    digits = decimals(2 * error)
    return f"{fixed(value, digits)}\n± {fixed(error, digits)}"


def drivers_rows(material: Material) -> Table | None:
    """T6: rank correlations of headline outcomes with what the baseline's replicates draw."""
    first, own = material.places.get(material.baseline, (0, material.baseline))
    facts = material.results[first].replicates
    if "scenario" not in facts:
        return None
    facts = facts[facts["scenario"] == own]
    found = drivers_table(by_scenario(material.outcomes)[material.baseline], facts, list(HEADLINES))
    if found.empty:
        return None
    inputs = [name for name in INPUTS if name in set(found["input"])]
    cells = {(r["variable"], r["input"]): r for _, r in found.iterrows()}
    rows = [
        [HEADLINES[v][0], *(_correlation(cells[v, name]) if (v, name) in cells else "–" for name in inputs)]
        for v in HEADLINES
        if any((v, name) in cells for name in inputs)
    ]
    clear = found[(found["low"] > 0) | (found["high"] < 0)]
    replicates = int(found["replicates"].max())
    note = (
        f"Rank correlation over {replicates} replicates of {material.baseline} with its 95 % interval, outcomes over the {material.window}; * the interval excludes 0. "
        "Squared, it is the share of rank variance that goes with that input alone. These are first-order indices of what the run draws: they miss interactions, and "
        "all parameters that are held fixed. Total-order indices, which need a design of experiments, are not computed by this version."
    )
    finding = f"{len(clear)} of {len(found)} pairs of outcome and drawn input go together clearly with {replicates} replicates"
    strongest = found.iloc[int(found["correlation"].abs().to_numpy().argmax())]
    finding += f"; the strongest: {HEADLINES[strongest['variable']][0]} with {INPUTS[strongest['input']]}, {strongest['correlation']:+.2f}."
    return Table("T6", "What goes with what is drawn: first-order sensitivity", ["Outcome", *(INPUTS[name] for name in inputs)], rows, note=note, finding=finding, small=True)


def _correlation(row: pd.Series[Any]) -> str:
    return f"{row['correlation']:+.2f}{' *' if excludes_zero(row) else ''}\n[{row['low']:+.2f}, {row['high']:+.2f}]"
