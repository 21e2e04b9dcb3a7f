"""The tables T1 to T6 of a report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from econ.ensemble.decomposition import DIRECT, LINKS, TOTAL
from econ.ensemble.effects import HEADLINES, LAST_QUARTERS
from econ.ensemble.moments import missed
from econ.report.decomposition import NAMES, TITLES
from econ.report.document.material import Material, value_text
from econ.report.document.model import Stance, Table
from econ.report.effects_text import excludes_zero
from econ.report.numbers import interval, short
from econ.report.overview import ROWS, checkpoints
from econ.scenario.parameters import Parameter, defaults

#: Grades of what was read in a source; the others are derived or assumed by this project.
SOURCED = frozenset("ABC")
TUNED = "Tuned by hand"
STATUS_NOTE = (
    "Status: data = taken from a source (grade A official or peer-reviewed, B press or preprint, C vendor or aggregator); tuned = set by "
    "hand so that the model meets a fact; assumed = no source gives it (grade D: own derivation or assumption, R: recalled). Nothing here "
    "is estimated by a formal calibration."
)
SIMULATED = {"calibrate": "used in calibration", "validate": "held out", "report": "only reported"}


def parameters_table(material: Material) -> Table:
    """T1: every parameter of the baseline with range, source and status."""
    set_by = material.scenarios[material.baseline].get("parameters", {})
    rows = [_parameter_row(row, set_by.get(name, row.value)) for name, row in defaults().items()]
    counts = pd.Series([row[4] for row in rows]).value_counts()
    said = ", ".join(f"{count} {status}" for status, count in counts.items())
    return Table(
        "T1", f"Parameters of {material.baseline}: {said}", ["Parameter", "Value", "Range", "Unit", "Status", "Grade", "Source"],
        rows, note=STATUS_NOTE, words=frozenset({0, 3, 4, 5, 6}), small=True,
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
    outside = set(missed(facts)["id"])
    facts = facts.assign(order=[0 if i in outside else 1 if np.isfinite(x) else 2 for i, x in zip(facts["id"], facts["simulated"], strict=True)])
    rows, stances = [], []
    for _, r in facts.sort_values("order", kind="stable").iterrows():
        verdict = ("missed", "inside", "no counterpart")[int(r["order"])]
        band = f"{short(r['low'])} to {short(r['high'])}" if np.isfinite([r["low"], r["high"]]).any() else "none"
        simulated = f"{short(r['simulated'])} ± {short(r['mc_error'])}" if np.isfinite(r["mc_error"]) else short(r["simulated"])
        rows.append([str(r["id"]), str(r["name"]).replace("_", " "), short(r["target"]), band, simulated, verdict, SIMULATED[str(r["use"])]])
        stances.append(_stance_of_fact(int(r["order"])))
    met = int((facts["order"] == 1).sum())
    title = f"Facts and simulated moments of {material.baseline}: {met} inside their bands, {len(outside)} missed, {int((facts['order'] == 2).sum())} without a counterpart"
    note = (
        "Simulated value ± its Monte Carlo error. Some facts used in calibration are inputs of the model, so that meeting them shows nothing. "
        "Sources and grades of the facts are in calibration/moments.csv."
    )
    return Table(
        "T2", title, ["Fact", "What", "Target", "Band", "Simulated", "", "Use"], rows, note=note,
        words=frozenset({0, 1, 5, 6}), stances=stances, small=True,
    )  # fmt: skip


def _stance_of_fact(order: int) -> Stance:
    stances: tuple[Stance, Stance, Stance] = ("against", "for", "open")
    return stances[order]


def projection_table(material: Material) -> Table:
    """T3: the baseline before the first quarter and after 1, 5 and 10 years, with 50 % and 90 % bands."""
    summary = material.summary
    quarters = checkpoints(summary)
    own = summary[(summary["scenario"] == material.baseline) & summary["quarter"].isin(list(quarters))]
    cells = {(row["variable"], row["quarter"]): row for _, row in own.iterrows()}
    known = {variable for variable, _ in cells}
    rows = [[row.label, *(_bands(cells[row.variable, q], row.divisor) for q in quarters)] for row in ROWS if row.variable in known]
    note = "Median; in round brackets the middle half, in square brackets 90 % of replicates. Real USD of 2025. Shares of replicates: Wilson intervals."
    return Table("T3", f"Projection of {material.baseline}", ["Outcome", *quarters.values()], rows, note=note, small=True)


def _bands(row: pd.Series[Any], divisor: float) -> str:
    p05, p25, p50, p75, p95 = (float(row[name]) / divisor for name in ("p05", "p25", "p50", "p75", "p95"))
    if not np.isfinite(p50):
        return "–"
    return f"{short(p50)}\n({short(p25)} to {short(p75)})\n[{short(p05)} to {short(p95)}]"


def effects_table(material: Material) -> Table:
    """T4: paired difference of every scenario in every headline outcome, and how stable its sign is."""
    effects = {(row["variable"], row["scenario"]): row for _, row in material.effects.iterrows()}
    rows = []
    for variable, (label, divisor) in HEADLINES.items():
        if (variable, material.policies[0]) not in effects:
            continue
        cells = [_effect(effects[variable, name], divisor) + _stability(effects[variable, name]["sign_stability"]) for name in material.policies]
        rows.append([label, *cells])
    note = (
        f"Mean paired difference over the last {LAST_QUARTERS} quarters with its 95 % interval; * the interval excludes 0. In brackets: share of "
        "replicates with the sign of the mean. The interval is about the mean over what is drawn, not about the model being right."
    )
    return Table("T4", f"What each scenario changes against {material.baseline}", ["Outcome", *material.policies], rows, note=note, small=True)


def _effect(row: pd.Series[Any], divisor: float) -> str:
    """The mean with a mark where its interval excludes 0, the interval below."""
    text = interval(row["mean_difference"], row["low"], row["high"], divisor)
    middle, _, ends = text.partition(" ")
    return middle + (" *" if excludes_zero(row) else "") + (f"\n{ends}" if ends else "")


def _stability(share: float) -> str:
    return f"\n({share:.0%})" if np.isfinite(share) else ""


def decomposition_tables(material: Material) -> list[Table]:
    """T5: contributions of the market's links, one table for each decomposed run."""
    return [_decomposition(table, number) for number, table in enumerate(material.decompositions)]


def _decomposition(table: pd.DataFrame, number: int) -> Table:
    links, first = [*LINKS, DIRECT, TOTAL], table.iloc[0]
    rows = []
    for variable, part in table.groupby("variable", sort=False):
        title, divisor = TITLES[str(variable)]
        own = part.set_index("link").loc[links] if set(links) <= set(part["link"]) else part.set_index("link")
        rows.append([title, *(f"{short(r['contribution'] / divisor)} ± {short(r['mc_error'] / divisor)}" for _, r in own.iterrows())])
    heads = ["Outcome", *(NAMES.get(link, link.replace("_", " ")) for link in links)]
    title = f"What carries the difference of {first['scenario']} from {first['baseline']}"
    note = f"Shapley contributions ± Monte Carlo error, mean over the last {LAST_QUARTERS} quarters: a link's mean effect over all orders in which links can be turned off."
    return Table("T5" if number == 0 else f"T5_{number + 1}", title, heads, rows, note=note, small=True)
