"""The figures of a report, F1 to F13, as far as the runs have what they show; the rest is named with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from econ.ensemble.effects import HEADLINES, LAST_QUARTERS
from econ.ensemble.moments import missed
from econ.ensemble.tables import by_scenario
from econ.report.comparison_figures import effects_alt_text, effects_figure
from econ.report.decomposition import TITLES, decomposition_alt_text, decomposition_figure
from econ.report.document import capture_map, certification, event_study, frontier, vendors
from econ.report.document.drawing import fitted
from econ.report.document.model import DocumentFigure, Table
from econ.report.document.paths import MOST, PathPanel, paths_alt, paths_data, paths_figure
from econ.report.document.reading_tables import plain_table, quarter_table
from econ.report.figures import (
    BUDGET,
    CAPTURE,
    CONCENTRATION,
    HARM,
    LABOR,
    FanFigure,
    fan_alt_text,
    fan_data,
    fan_figure,
    moments_alt_text,
    moments_data,
    moments_figure,
)
from econ.report.numbers import interval, short

if TYPE_CHECKING:
    import pandas as pd

    from econ.report.document.material import Material

BANDS = "Line: median; bands: 50 % and 90 % of replicates. Grey: burn-in; levers act from quarter 0."
FANS = {
    "F1": (BUDGET, "Money is in real USD of 2025."),
    "F2": (LABOR, "Wages are real. Employment is recorded by occupation, not by region."),
    "F3b": (CONCENTRATION, CONCENTRATION.note),
    "F5b": (CAPTURE, CAPTURE.note),
    "F9": (HARM, "Harm is relative to the untrained model."),
}
POLICY_PATHS = (
    PathPanel("constraint_budget_share", "Constraints' budget share", "Share"),
    PathPanel("harm_rate", "Harm", "Relative to base model"),
    PathPanel("wage_constrain", "Wage, writing constraints", "USD of 2025 per hour"),
    PathPanel("hhi_service", "HHI of labeling services", "HHI", reference=1800.0),
    PathPanel("licence_spend", "Spending on licences", "Million USD per quarter", 1e6),
    PathPanel("capture_index", "Capture index", "Index, 0 to 1", reference=0.5),
)
NORM_PATHS = (
    PathPanel("norm_misfit", "Rules in force against the public ideal", "Distance, norm units"),
    PathPanel("norm_export", "Part from another jurisdiction's libraries", "Distance, norm units"),
)


def all_figures(material: Material) -> dict[str, DocumentFigure]:
    """Every figure that can be drawn, by its number."""
    found = [
        *(_fan(material, number) for number in FANS), _vendors(material), _frontier(material), _capture(material),
        _certification(material), _paths(material, "F7", "norms", "Norms across borders", NORM_PATHS), _events(material),
        _paths(material, "F10", "scenario_paths", "The scenarios over time", POLICY_PATHS), _effects(material),
        _moments(material), *_decompositions(material),
    ]  # fmt: skip
    return {figure.id: figure for figure in found if figure is not None}


def _fan(material: Material, number: str) -> DocumentFigure | None:
    kind, note = FANS[number]
    data = fan_data(material.summary, material.baseline, kind)
    if not data["p50"].notna().any():
        material.missing[number] = f"the runs have none of the outcomes {', '.join(kind.variables)}"
        return None
    narrow: FanFigure = replace(kind, columns=1)
    labels = {s.variable: (_fan_label(panel.title, s.label), s.divisor) for panel in kind.panels for s in panel.series}
    return DocumentFigure(
        number, kind.name, f"{kind.title}, {material.baseline}", f"{note} {BANDS}".strip(), fan_alt_text(data, kind), data,
        lambda small: fitted(fan_figure(data, narrow if small else kind), narrow=small),
        quarter_table(number, kind.title, data, labels),
    )  # fmt: skip


def _fan_label(panel: str, series: str) -> str:
    return series if series.lower() in panel.lower() else f"{panel}: {series}"


def _vendors(material: Material) -> DocumentFigure | None:
    data = vendors.vendor_data(by_scenario(material.outcomes)[material.baseline])
    if data is None:
        material.missing["F3"] = f"the runs lack one of {', '.join(vendors.NEEDED)}"
        return None
    wide = data.pivot(index="quarter", columns="what", values="mean").reset_index()
    shown = wide.loc[wide["quarter"].isin([-1, 3, 7, 15, 23, 31, int(wide["quarter"].max())]), ["quarter", *vendors.RANKS, "hhi"]]
    heads = ["Quarter", *(f"Share, {label}" for label in vendors.RANKS.values()), "HHI"]
    return DocumentFigure(
        "F3", "vendor_shares", f"Shares of label vendors and their concentration, {material.baseline}",
        "Left: means over replicates, by rank; single vendors are not named in the model. Right: median with 50 % and 90 % of replicates; "
        "dashed: 1,800, above which the US Merger Guidelines (2023) call a market highly concentrated.",
        vendors.vendor_alt(data), data, lambda small: vendors.vendor_figure(data, narrow=small),
        plain_table("F3", "Shares of label vendors", shown, heads, note="Means over replicates."),
    )  # fmt: skip


def _frontier(material: Material) -> DocumentFigure | None:
    if material.question is None:
        return None
    from econ.report.cost_figures import MARKED_TARGETS, curve_data

    data = curve_data(material.question, "untrained")
    kept = data[data["quantity"].isin(frontier.QUANTITIES)].reset_index(drop=True)
    marked = kept[kept["target_harm"].isin(MARKED_TARGETS)].sort_values(["pipeline", "quantity", "target_harm"], ascending=[True, True, False])
    heads = ["Pipeline", "Quantity", "Harm reached", "Median", "25 %", "75 %", "Share of draws that reach it"]
    shown = marked[["pipeline", "quantity", "target_harm", "p50", "p25", "p75", "share_attainable"]]
    return DocumentFigure(
        "F4", "harm_cost_frontier", "What less harm costs, in dollars and in hours",
        "From the untrained model, out of distribution. Line: median over posterior draws; band: middle half of draws. A line ends where "
        "most draws do not reach the harm. Conditional on laboratory curves and on assumed prices and transfer.",
        frontier.frontier_alt(kept), kept, lambda small: frontier.frontier_figure(kept, narrow=small),
        plain_table("F4", "Cost (USD of 2025) and hours by harm reached", shown, heads, words=2, note="A dash: not attained in that share of draws."),
    )  # fmt: skip


def _capture(material: Material) -> DocumentFigure | None:
    points = capture_map.replicate_data(material.outcomes)
    if points is None:
        material.missing["F5"] = f"it needs {', '.join(capture_map.NEEDED)} in at least {capture_map.FEWEST} replicates"
        return None
    data = capture_map.capture_data(points)
    heads = ["HHI from", "to", "Lobbying rate from", "to", "Mean capture", "Replicates"]
    return DocumentFigure(
        "F5", "capture_map", "Capture over concentration and lobbying",
        f"Each replicate of each scenario counts once: means over the last {LAST_QUARTERS} quarters; edges are quantiles; in brackets the "
        "number of replicates. An association over replicates and scenarios, not an effect: both are outcomes of the same assumed stakes.",
        capture_map.capture_alt(points, data), data, lambda small: capture_map.capture_figure(data, narrow=small),
        plain_table("F5", "Mean capture index by cell", data, heads, words=0),
    )  # fmt: skip


def _certification(material: Material) -> DocumentFigure | None:
    data = certification.certification_data(material.outcomes)
    if data is None:
        material.missing["F6"] = "nothing was tested for certification in these runs"
        return None
    audits = {str(s.get("levers", {}).get("audit")) for s in material.scenarios.values()}
    if len(audits) < 2:
        material.missing["F6 by audit rate"] = "no two of these scenarios differ in the lever audit, so errors are shown by scenario"
    names = {**certification.FATES, **certification.ERRORS}
    shown = data.assign(variable=data["variable"].map(names))
    return DocumentFigure(
        "F6", "certification", "Certification: pass rates, false passes and false fails",
        f"Means over the last {LAST_QUARTERS} quarters and over replicates. False passes: passed although the true rate of violations exceeds the limit.",
        certification.certification_alt(data), data, lambda small: certification.certification_figure(data, narrow=small),
        plain_table("F6", "Tests for certification", shown, ["Scenario", "What", "Mean", "5 %", "95 %"], words=2, note="Shares of tests; 5 % and 95 % of replicates."),
    )  # fmt: skip


def _paths(material: Material, number: str, name: str, title: str, panels: Sequence[PathPanel]) -> DocumentFigure | None:
    scenarios = [material.baseline, *material.policies][:MOST]
    data = paths_data(material.summary, scenarios, panels)
    if data.empty:
        material.missing[number] = f"the runs have none of the outcomes {', '.join(panel.variable for panel in panels)}"
        return None
    if len(scenarios) < len(material.scenarios):
        material.missing[f"{number}, some lines"] = f"only the first {MOST} scenarios are drawn, more lines cannot be told apart"
    if number == "F7":
        material.missing["F7 by pair of jurisdictions"] = "the model writes the loss and its imported part as means, not by exporter and importer"
    labels = {panel.variable: (f"{panel.title}, {panel.unit}", panel.divisor) for panel in panels}
    return DocumentFigure(
        number, name, title, f"Lines: medians; bands: 50 % and 90 % of replicates of {material.baseline}. Grey: burn-in; levers act from quarter 0.",
        paths_alt(data, scenarios, panels), data, lambda small: paths_figure(data, scenarios, panels, narrow=small),
        quarter_table(number, title, data, labels),
    )  # fmt: skip


def _events(material: Material) -> DocumentFigure | None:
    events = {name: found for name, found in event_study.events_of(material.scenarios).items() if name != material.baseline}
    if not events:
        material.missing["F8"] = "no scenario beside the baseline replays an event (customer_loss and vertical_tie do)"
        return None
    data = event_study.event_data(material.outcomes, material.baseline, events)
    if data.empty:
        material.missing["F8"] = "the runs lack the outcomes that events change"
        return None
    near = data[data["since_event"].isin([-1, 0, 2, 4, 8, 16])]
    titles = {panel.variable: (panel.title, panel.divisor) for panel in event_study.PANELS}
    rows = [
        [r["scenario"], titles[r["variable"]][0], str(r["since_event"]), interval(r["mean_difference"], r["low"], r["high"], titles[r["variable"]][1])]
        for _, r in near.iterrows()
    ]
    shown = Table("F8", "Differences around events", ["Scenario", "Outcome", "Quarters since", "Mean [95 %]"], rows, words=frozenset({0, 1}), small=True)
    return DocumentFigure(
        "F8", "events", "Events replayed", f"Mean paired difference against {material.baseline} with its 95 % interval.",
        event_study.event_alt(data), data, lambda small: event_study.event_figure(data, narrow=small), shown,
    )  # fmt: skip


def _effects(material: Material) -> DocumentFigure | None:
    if not material.policies:
        material.missing["F11, T4"] = "there is one scenario, so nothing to compare; give a second one, or a second run"
        return None
    data = material.effects
    rows = [
        [r["scenario"], HEADLINES[r["variable"]][0], interval(r["mean_difference"], r["low"], r["high"], HEADLINES[r["variable"]][1])]
        for _, r in data.iterrows()
    ]
    shown = Table("F11", "Effects", ["Scenario", "Outcome", "Mean difference [95 %]"], rows, words=frozenset({0, 1}), small=True)
    return DocumentFigure(
        "F11", "effects", f"What the scenarios change against {material.baseline}",
        f"Mean paired difference over the last {LAST_QUARTERS} quarters with its 95 % interval; open and grey: the interval holds 0.",
        effects_alt_text(data), data, lambda small: fitted(effects_figure(data, 1 if small else 3), narrow=small), shown,
    )  # fmt: skip


def _moments(material: Material) -> DocumentFigure | None:
    data = moments_data(material.moments)
    if data.empty:
        material.missing["F12, T2"] = "no stylised fact has a counterpart in these runs"
        return None
    outside = set(missed(data)["id"])
    rows = [
        [str(r["id"]), str(r["name"]).replace("_", " "), short(r["simulated"]), f"{short(r['low'])} to {short(r['high'])}", "missed" if r["id"] in outside else "inside"]
        for _, r in data.iterrows()
    ]
    shown = Table("F12", "Facts", ["Fact", "What", "Simulated", "Band", ""], rows, words=frozenset({0, 1, 4}), small=True)
    return DocumentFigure(
        "F12", "moments", f"Stylised facts and their counterparts in {material.baseline}",
        "Bar: accepted band; tick: target; circle: simulated, inside; cross: outside. Signs have bands without width.",
        moments_alt_text(data), data, lambda _: fitted(moments_figure(data), narrow=False), shown, wide_only=True,
    )  # fmt: skip


def _decompositions(material: Material) -> list[DocumentFigure]:
    if not material.decompositions:
        material.missing["T5, F13"] = "no run was decomposed; `econ run A B --decompose` writes the contributions of the market's links"
    return [_decomposition(data, number) for number, data in enumerate(material.decompositions)]


def _decomposition(data: pd.DataFrame, number: int) -> DocumentFigure:
    first = data.iloc[0]
    suffix = "" if number == 0 else f"_{number + 1}"
    rows = [
        [TITLES[str(r["variable"])][0], str(r["link"]).replace("_", " "), f"{short(r['contribution'] / TITLES[str(r['variable'])][1])} ± {short(r['mc_error'] / TITLES[str(r['variable'])][1])}"]
        for _, r in data.iterrows()
    ]
    shown = Table(f"F13{suffix}", "Contributions", ["Outcome", "Link", "Contribution ± Monte Carlo error"], rows, words=frozenset({0, 1}), small=True)
    return DocumentFigure(
        f"F13{suffix}", f"decomposition{suffix}", f"What carries the difference of {first['scenario']} from {first['baseline']}",
        f"Shapley contributions of the market's links, mean over the last {LAST_QUARTERS} quarters with 95 % intervals over replicates.",
        decomposition_alt_text(data), data, lambda small: fitted(decomposition_figure(data, 1 if small else 3), narrow=small), shown,
    )  # fmt: skip
