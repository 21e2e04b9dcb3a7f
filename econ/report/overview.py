"""A run on one screen, as text for a terminal, as HTML for a notebook and as JSON for a script."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.ensemble.effects import HEADLINES, effects_data
from econ.ensemble.expectations import AS_EXPECTED, tally
from econ.ensemble.moments import met, missed
from econ.report.effects_text import effect_facts, print_effects
from econ.report.numbers import interval, without_nan
from econ.report.text import CAVEAT, fitting, html_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from econ.ensemble.results import EnsembleResult
    from econ.report.runs import Run

#: Quarters that the overview shows, with their names.
CHECKPOINTS = {-1: "before (q -1)", 3: "1 year (q 3)", 19: "5 years (q 19)", 39: "10 years (q 39)"}


@dataclass(frozen=True)
class Headline:
    """One row of the overview."""

    variable: str
    label: str
    divisor: float = 1.0


ROWS = (
    Headline("constraint_budget_share", "constraints' share of the budget"),
    Headline("bespoke_share", "constraints' share of labels"),
    Headline("label_spend", "label spending, mn USD/quarter", 1e6),
    Headline("licence_spend", "licence spending, mn USD/quarter", 1e6),
    Headline("wage_judge", "wage, judging preferences, USD/h"),
    Headline("wage_constrain", "wage, writing constraints, USD/h"),
    Headline("hhi_service", "HHI of labeling services"),
    Headline("hhi_licence", "HHI of licences (payers)"),
    Headline("hhi_normative", "HHI of requests governed"),
    Headline("firms_without_library", "firms without a library, share"),
    Headline("harm_rate", "harm, relative to untrained"),
    Headline("helpfulness", "helpfulness (in part unmeasured)"),
    Headline("sycophancy", "sycophancy"),
    Headline("capture_index", "capture index"),
    Headline("p_tipping", "ever tipped, share (Wilson)"),
    Headline("p_captured", "ever captured, share (Wilson)"),
)


def checkpoints(summary: pd.DataFrame) -> dict[int, str]:
    """Quarters of the overview that a run has; its last quarter is always among them."""
    last = int(summary["quarter"].max())
    shown = {quarter: name for quarter, name in CHECKPOINTS.items() if quarter <= last}
    return shown if last in shown else {**shown, last: f"end (q {last})"}


def headline_values(summary: pd.DataFrame, scenario: str) -> dict[str, dict[int, dict[str, float]]]:
    """p05, p50 and p95 of the headline outcomes of a scenario at the checkpoints, by variable and quarter."""
    quarters = checkpoints(summary)
    rows = summary[(summary["scenario"] == scenario) & summary["quarter"].isin(list(quarters))]
    found: dict[str, dict[int, dict[str, float]]] = {row.variable: {} for row in ROWS}
    names = ["variable", "quarter", "p05", "p50", "p95"]
    for variable, quarter, low, middle, high in rows[names].sort_values("quarter").itertuples(index=False):
        if variable in found:
            found[variable][int(quarter)] = {"p05": low, "p50": middle, "p95": high}
    return {variable: values for variable, values in found.items() if values}


def largest_residual(result: EnsembleResult) -> float:
    """Largest ledger residual of all replicates, relative to the largest flow; NaN if not recorded."""
    facts = result.replicates
    return float(facts["ledger_residual"].max()) if "ledger_residual" in facts else float("nan")


def basis_lines(result: EnsembleResult) -> list[str]:
    """What the numbers rest on: surfaces measured or assumed, transfer, ledger, moments, failures."""
    manifest, moments, facts = result.manifest, result.moments(), result.replicates
    surfaces = manifest.surfaces
    lines = [f"Response surfaces '{surfaces.id}': {_SURFACES[surfaces.kind]}."]
    if "transfer" in facts:
        first = facts.loc[facts["scenario"] == result.scenarios[0], "transfer"].to_numpy(dtype=float)
        low, middle, high = np.quantile(first, [0.05, 0.5, 0.95])
        drawn = (
            f"{middle:.2f} throughout"
            if high - low < 1e-12
            else f"median {middle:.2f}, 90 % {low:.2f} to {high:.2f}"
        )
        lines.append(
            f"Transfer of the laboratory's advantage to the market is assumed, not measured: {drawn}."
        )
    if "extrapolated" in facts:
        lines.append(f"Status quo outside the measured budgets, so extrapolated: {facts['extrapolated'].mean():.0%} of replicates.")
    if "advantage" in facts:
        low, middle, high = np.quantile(facts["advantage"].to_numpy(dtype=float), [0.05, 0.5, 0.95])
        lines.append(
            f"Log advantage of flags per dollar at that position: median {middle:.1f}, 90 % {low:.1f} to {high:.1f}; "
            f"at its bound for {facts['advantage_bounded'].mean():.0%} of categories and replicates."
        )
    lines.extend(quality_lines(manifest.scenarios))
    if "position_redraws" in facts:
        rejected = float((facts["position_redraws"] > 0).mean())
        lines.append(f"Status-quo positions rejected at the first draw: {rejected:.1%} of replicates (the run stops above 25 %).")
    residual = largest_residual(result)
    if math.isfinite(residual):
        lines.append(f"Largest ledger residual {residual:.1e} of the largest flow (tolerance 1e-9).")
    lines.append(_moments_line(moments))
    lines.append("Intervals hold surfaces, transfer, position, stakes and chance; the other assumed parameters are points.")
    for scenario, reasons in manifest.failed_replicates.items():
        replicate, reason = next(iter(reasons.items()))
        lines.append(
            f"FAILED: {len(reasons)} of {manifest.replicates} replicates of '{scenario}' (replicate {replicate}: {reason}); the others are kept."
        )
    return lines


def _moments_line(moments: pd.DataFrame) -> str:
    """How the stylised facts fare, those used in calibration apart from those held out."""
    names = {"calibrate": "used in calibration", "validate": "held out", "report": "only reported"}
    inside, outside = met(moments), missed(moments)
    parts = [
        f"{int((inside['use'] == use).sum())} of {int((inside['use'] == use).sum() + (outside['use'] == use).sum())} {name}"
        for use, name in names.items()
    ]
    free = int(moments["simulated"].notna().sum()) - len(inside) - len(outside)
    which = f"{', '.join(outside['id'])} (moments.csv says what they are)" if len(outside) else "none"
    return (
        f"Stylised facts inside their bands: {'; '.join(parts)}; missed: {which}; "
        + (f"{free} without a band; " if free else "")
        + f"{int(moments['simulated'].isna().sum())} without a counterpart."
    )


#: What helpfulness and sycophancy rest on, by the parameter measured_quality; a reader of welfare must know it.
QUALITY = {
    1: (
        "Helpfulness, over-refusal and sycophancy follow the laboratory's curves; what firms pay for preference labels beyond what "
        "these explain is an assumed unmeasured value of the labels, set by revealed preference."
    ),
    0: "Helpfulness and sycophancy are stand-in curves, not the laboratory's: what it measured of them (`econ lab show`) does not act here.",
}


def quality_lines(scenarios: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One line per source of the curves, naming scenarios where they differ."""
    used: dict[int, list[str]] = {}
    for name, resolved in scenarios.items():
        used.setdefault(int(resolved.get("parameters", {}).get("measured_quality", 0)), []).append(name)
    where = {source: "" if len(used) == 1 else f"In {', '.join(names)}: " for source, names in used.items()}
    return [where[source] + QUALITY[source] for source in used]


_SURFACES = {
    "measured": "fitted to laboratory measurements",
    "imposed": "elasticity of substitution imposed by the scenario, not measured",
    "prior": "fitted to laboratory measurements; the elasticity of substitution was not identified and follows its prior",
}


def print_run(result: Run, console: Console, place: str | None) -> None:
    """Print a run on one screen, and the contributions of links where they were asked for."""
    manifest = result.manifest
    console.print(
        ", ".join(result.scenarios), style="bold", end=": ", highlight=False
    )
    console.print(
        f"{manifest.replicates} replicates, {manifest.quarters} quarters, "
        f"seed {manifest.seed}, {manifest.device} {manifest.precision}, {manifest.wall_seconds:.1f} s",
        highlight=False,
    )
    console.print(_headline_grid(result, console.width))
    for line in basis_lines(result):
        console.print(line, highlight=False, style="bold red" if line.startswith("FAILED") else None)
    if len(result.scenarios) > 1:
        print_effects(effects_data(result.outcome_columns(HEADLINES), result.scenarios[0]), console)
        for line in expectation_lines(result.expectations()):
            console.print(line, highlight=False)
    links = result.decomposition()
    if links is not None:
        from econ.report.decomposition import print_decomposition

        print_decomposition(links, console)
    console.print(CAVEAT, style="italic", highlight=False)
    if place is not None:
        console.print(f"Tables, figures and manifest: {place}; as a page: econ report {place}", highlight=False)


def expectation_lines(table: pd.DataFrame) -> list[str]:
    """How many expected directions were found, and every one that was not; nothing if none was expected."""
    if table.empty:
        return []
    counts = ", ".join(f"{count} {found}" for found, count in tally(table).items())
    others = table[table["found"] != AS_EXPECTED].to_dict("records")
    return [
        f"Directions that the scenarios expected: {counts}.",
        *(
            f"  {row['found']}: {row['scenario']}, {row['variable']} {row['expected']}; found "
            f"{interval(row['mean_difference'], row['low'], row['high'], 1.0)}"
            for row in others
        ),
    ]


def _headline_grid(result: EnsembleResult, width: int) -> Any:
    """Headline outcomes at as many checkpoints as fit: the last first, then the start, then those between."""
    from rich.table import Table

    summary = result.summary()
    quarters = checkpoints(summary)
    values = headline_values(summary, result.scenarios[0])
    rows = [row for row in ROWS if row.variable in values]
    cells = {
        quarter: [name, *(_band(values[row.variable].get(quarter), row.divisor) for row in rows)]
        for quarter, name in quarters.items()
    }  # fmt: skip
    order = sorted(quarters, key=lambda quarter: (quarter != max(quarters), quarter != -1, -quarter))
    fit = fitting([row.label for row in rows], [cells[quarter] for quarter in order], width)
    shown = [quarter for quarter in quarters if quarter in order[:fit]]
    more = "" if len(shown) == len(quarters) else f"; a wider window shows {len(quarters)} quarters"
    grid = Table(title=f"{result.scenarios[0]}: median and 90 % of replicates{more}", title_justify="left", box=None, pad_edge=False)
    grid.add_column("real 2025 USD")
    for quarter in shown:
        grid.add_column(quarters[quarter], justify="right", no_wrap=True)
    for place, row in enumerate(rows, start=1):
        grid.add_row(row.label, *(cells[quarter][place] for quarter in shown))
    return grid


def _band(found: Mapping[str, float] | None, divisor: float) -> str:
    return "–" if found is None else interval(found["p50"], found["p05"], found["p95"], divisor)


def key_facts(result: Run) -> dict[str, Any]:
    """The facts that ``--json`` prints."""
    manifest, summary, moments = result.manifest, result.summary(), result.moments()
    facts: dict[str, Any] = {
        "out": None if result.directory is None else str(result.directory),
        "status": manifest.status,
        "scenarios": result.scenarios,
        "replicates": manifest.replicates,
        "failed_replicates": manifest.failed_replicates,
        "quarters": manifest.quarters,
        "seed": manifest.seed,
        "device": manifest.device,
        "precision": manifest.precision,
        "surfaces": manifest.surfaces.model_dump(),
        "config_hash": manifest.config_hash,
        "wall_seconds": manifest.wall_seconds,
        "largest_ledger_residual": largest_residual(result),
        "headlines": {name: headline_values(summary, name) for name in result.scenarios},
        "moments": {
            "compared": int(moments["simulated"].notna().sum()),
            "missed": missed(moments)["id"].tolist(),
            "without_counterpart": moments.loc[moments["simulated"].isna(), "id"].tolist(),
        },
    }
    if len(result.scenarios) > 1:
        facts["effects"] = effect_facts(effects_data(result.outcome_columns(HEADLINES), result.scenarios[0]))
    return {key: without_nan(value) for key, value in facts.items()}


def overview_html(result: Run) -> str:
    """A run as an HTML fragment for a notebook; everything is escaped."""
    summary = result.summary()
    manifest = result.manifest
    head = f"{', '.join(result.scenarios)}: {manifest.replicates} replicates, {manifest.quarters} quarters, seed {manifest.seed}"
    quarters = checkpoints(summary)
    values = headline_values(summary, result.scenarios[0])
    body = [
        [
            row.label,
            *(
                interval(found["p50"], found["p05"], found["p95"], row.divisor)
                for found in values[row.variable].values()
            ),
        ]
        for row in ROWS
        if row.variable in values
    ]
    caption = f"{result.scenarios[0]}: median and 90 % of replicates, real 2025 USD"
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in [*basis_lines(result), CAVEAT])
    return f"<p><strong>{html.escape(head)}</strong></p>{html_table(caption, ['', *quarters.values()], body)}<ul>{lines}</ul>"
