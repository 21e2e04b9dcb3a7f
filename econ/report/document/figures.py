"""The figures of a report, F1 to F13, as far as the runs have what they show; the rest is named with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from econ.ensemble.effects import HEADLINES
from econ.ensemble.moments import met, missed
from econ.ensemble.tables import by_scenario
from econ.ensemble.window import window_length, window_words
from econ.report.comparison.figures import effects_alt_text, effects_figure
from econ.report.decomposition import (
    TITLES,
    decomposition_alt_text,
    decomposition_figure,
    decomposition_finding,
)
from econ.report.document import (
    capture_map,
    certification,
    event_study,
    frontier,
    norm_matrix,
    screening,
    vendors,
)
from econ.report.document.drawing import fitted
from econ.report.document.fans import fans
from econ.report.document.model import DocumentFigure, Table
from econ.report.document.numerals import percent, with_interval, year_end
from econ.report.document.paths import MOST, PathPanel, paths_alt, paths_data, paths_figure
from econ.report.document.reading import Reading
from econ.report.document.reading_tables import plain_table, quarter_table
from econ.report.effects_text import excludes_zero
from econ.report.moments import NOTE, moments_alt_text, moments_data, moments_figure
from econ.report.numbers import short
from econ.report.outcome_fans import HIGHLY_CONCENTRATED
from econ.report.text import fact_words

if TYPE_CHECKING:
    import pandas as pd

    from econ.report.document.material import Material

POLICY_PATHS = (
    PathPanel("constraint_budget_share", "Constraints' budget share", "Share"),
    PathPanel("harm_rate", "Harm", "Relative to base model"),
    PathPanel("wage_constrain", "Wage, writing constraints", "USD of 2025 per hour"),
    PathPanel(
        "hhi_service", "HHI of labeling services", "HHI, 0 to 10,000", reference=HIGHLY_CONCENTRATED,
        reference_note="1,800, above which the US Merger Guidelines (2023) call a market highly concentrated",
    ),
    PathPanel("licence_spend", "Spending on licences", "Million USD per quarter", 1e6),
    PathPanel("capture_index", "Capture index", "Index, 0 to 1", reference=0.5, reference_note="0.5, above which a regulator counts as captured"),
)
NORM_PATHS = (
    PathPanel("norm_misfit", "Rules in force against the public ideal", "Distance, norm units"),
    PathPanel("norm_export", "Part from another jurisdiction's libraries", "Distance, norm units"),
)


def all_figures(material: Material) -> dict[str, DocumentFigure]:
    """Every figure that can be drawn, by its number."""
    found = [
        *fans(material), _vendors(material), _frontier(material), _capture(material), _certification(material), _screening(material),
        _norms(material), _paths(material, "F7b", "norms", "Norms across borders", NORM_PATHS), _events(material),
        _paths(material, "F10", "scenario_paths", "The scenarios over time", POLICY_PATHS), _effects(material),
        _moments(material), *_decompositions(material),
    ]  # fmt: skip
    return {figure.id: figure for figure in found if figure is not None}


def _vendors(material: Material) -> DocumentFigure | None:
    data = vendors.vendor_data(by_scenario(material.outcomes)[material.baseline])
    if data is None:
        material.missing["F3 label vendors"] = f"the runs lack one of {', '.join(vendors.NEEDED)}"
        return None
    wide = data.pivot(index="quarter", columns="what", values="mean").reset_index()
    shown = wide.loc[wide["quarter"].isin([-1, 3, 7, 15, 23, 31, int(wide["quarter"].max())]), ["quarter", *vendors.RANKS, "hhi"]]
    heads = ["Quarter", *(f"Share, {label}" for label in vendors.RANKS.values()), "HHI"]
    ends = {what: part.sort_values("quarter").iloc[-1] for what, part in data.groupby("what")}
    before = data[data["quarter"] == -1].set_index("what")["mean"]
    hhi = ends["hhi"]
    line = "below" if hhi["p95"] < HIGHLY_CONCENTRATED else "above" if hhi["p05"] > HIGHLY_CONCENTRATED else "with the 1,800 line inside its band"
    finding = (
        f"The largest vendor has {percent(before.get('largest', np.nan))} of label revenue at the {year_end(-1)} and {percent(ends['largest']['mean'])} at the "
        f"{year_end(int(hhi['quarter']))}; the HHI is then {short(hhi['p50'])} (90 % of replicates {short(hhi['p05'])} to {short(hhi['p95'])}), {line}."
    )
    return DocumentFigure(
        "F3", "vendor_shares", finding, f"Shares of label vendors and their concentration, {material.baseline}",
        "Shares: means over replicates, by rank; single vendors are not named in the model. Concentration: median with 50 % and 90 % of replicates; "
        "dashed: 1,800, above which the US Merger Guidelines (2023) call a market highly concentrated.",
        vendors.vendor_alt(data), data, lambda small: vendors.vendor_figure(data, narrow=small),
        plain_table("F3", "Shares of label vendors", shown, heads, note="Means over replicates."),
    )  # fmt: skip


def _frontier(material: Material) -> DocumentFigure | None:
    if material.question is None:
        return None
    from econ.report.cost.figures import MARKED_TARGETS, curve_data

    data = curve_data(material.question, "untrained")
    kept = data[data["quantity"].isin(frontier.QUANTITIES)].reset_index(drop=True)
    marked = kept[kept["target_harm"].isin(MARKED_TARGETS)].sort_values(["pipeline", "quantity", "target_harm"], ascending=[True, True, False])
    heads = ["Pipeline", "Quantity", "Harm reached", "Median", "25 %", "75 %", "Share of draws that reach it"]
    shown = marked[["pipeline", "quantity", "target_harm", "p50", "p25", "p75", "share_attainable"]]
    return DocumentFigure(
        "F4", "harm_cost_frontier", frontier.frontier_finding(kept), "What less harm costs, in dollars and in hours",
        "From the untrained model, out of distribution. Line: median over posterior draws; band: middle half of draws. A line ends where "
        "most draws do not reach the harm. Conditional on laboratory curves and on assumed prices and transfer.",
        frontier.frontier_alt(kept), kept, lambda small: frontier.frontier_figure(kept, narrow=small),
        plain_table("F4", "Cost (USD of 2025) and hours by harm reached", shown, heads, words=2, note="A dash: not attained in that share of draws."),
    )  # fmt: skip


def _capture(material: Material) -> DocumentFigure | None:
    points = capture_map.replicate_data(material.outcomes)
    if points is None:
        material.missing["F5 capture over concentration and lobbying"] = f"it needs {', '.join(capture_map.NEEDED)} in at least {capture_map.FEWEST} replicates"
        return None
    data = capture_map.capture_data(points)
    heads = ["HHI from", "to", "Lobbying rate from", "to", "Mean capture", "Replicates"]
    return DocumentFigure(
        "F5", "capture_map", capture_map.capture_finding(points), "Capture over concentration and lobbying",
        f"Each replicate of each scenario counts once: means over the {material.window}; edges are quantiles; in brackets the "
        "number of replicates. An association over replicates and scenarios, not an effect: both are outcomes of the same assumed stakes.",
        capture_map.capture_alt(points, data), data, lambda small: capture_map.capture_figure(data, narrow=small),
        plain_table("F5", "Mean capture index by cell", data, heads, words=0),
    )  # fmt: skip


def _certification(material: Material) -> DocumentFigure | None:
    data = certification.certification_data(material.outcomes)
    if data is None:
        material.missing["F6 certification"] = "nothing was tested for certification in these runs"
        return None
    names = {**certification.FATES, **certification.ERRORS}
    shown = data.assign(variable=data["variable"].map(names))
    return DocumentFigure(
        "F6", "certification", certification.certification_finding(data, material.baseline), "Certification: pass rates, false passes and false fails",
        f"Means over the {material.window} and over replicates. False passes: passed although the true rate of violations exceeds the limit.",
        certification.certification_alt(data), data, lambda small: certification.certification_figure(data, narrow=small),
        plain_table("F6", "Tests for certification", shown, ["Scenario", "What", "Mean", "5 %", "95 %"], words=2, note="Shares of tests; 5 % and 95 % of replicates."),
    )  # fmt: skip


def _screening(material: Material) -> DocumentFigure | None:
    test = screening.own_test(material.scenarios[material.baseline])
    if test is None:
        material.missing["F6b what the certification test tells apart"] = "the baseline's certification test is no single pair of size and limit"
        return None
    data = screening.power_data(material.outcomes, *test)
    if data is None:
        material.missing["F6b what the certification test tells apart"] = "nothing was tested for certification in these runs"
        return None
    violations = screening.tested_violations(material.outcomes)
    shown = data[(data["curve"] == "pass") & np.isclose((10 * data["x"]) % 1, 0)].pivot(index="x", columns="prompts", values="y").reset_index()
    return DocumentFigure(
        "F6b", "certification_test", screening.power_finding(data, test[0]), screening.power_title(data), screening.power_note(data, test[1], material.window),
        screening.power_alt(data, *test), data, lambda small: screening.power_figure(data, violations, test[1], narrow=small),
        plain_table("F6b", "Chance of passing", shown, ["True rate of violations", *(f"{size} prompts" for size in shown.columns[1:])], words=0),
    )  # fmt: skip


def _norms(material: Material) -> DocumentFigure | None:
    data = norm_matrix.matrix_data(material.outcomes)
    if data is None:
        material.missing["F7 losses from norms"] = "the runs were made before losses from norms were recorded by origin and jurisdiction"
        return None
    other = norm_matrix.most_changed(data, material.baseline)
    scenarios = [material.baseline, *([other] if other is not None else [])]
    names = {"origin": norm_matrix.ORIGINS, "jurisdiction": norm_matrix.PLACES}
    shown = data.replace(names)
    beside = f" Beside {material.baseline}: {other}, the scenario in which it differs most." if other is not None else ""
    return DocumentFigure(
        "F7", "norm_losses", norm_matrix.matrix_finding(data, material.baseline), "Loss from norms by where the rules come from and where they hold",
        f"Share of requests that the rules govern times the distance of the rules in force from the public ideal, in norm units; means over the {material.window}, "
        f"below them 90 % of replicates. Requests under no library cause no loss here.{beside}",
        norm_matrix.matrix_alt(data, scenarios), data, lambda small: norm_matrix.matrix_figure(data, scenarios, narrow=small),
        plain_table("F7", "Losses from norms", shown, ["Scenario", "Rules from", "In force in", "Mean", "5 %", "95 %"], words=3),
    )  # fmt: skip


def _paths(material: Material, number: str, name: str, title: str, panels: Sequence[PathPanel]) -> DocumentFigure | None:
    scenarios = [material.baseline, *_clearly_different(material)][:MOST]
    data = paths_data(material.summary, scenarios, panels)
    if data.empty:
        material.missing[f"{number} {title}"] = f"the runs have none of the outcomes {', '.join(panel.variable for panel in panels)}"
        return None
    if len(scenarios) < len(material.scenarios):
        left = [name for name in material.scenarios if name not in scenarios]
        material.missing[f"{number} {title}, some lines"] = f"not drawn, since nothing clearly differs from {material.baseline} or more lines cannot be told apart: {', '.join(left)}"
    labels = {panel.variable: (f"{panel.title}, {panel.unit}", panel.divisor) for panel in panels}
    dashed = "; ".join(panel.reference_note for panel in panels if panel.reference_note and panel.variable in set(data["variable"]))
    return DocumentFigure(
        number, name, _extremes(material, scenarios, panels), title,
        f"Lines: medians; bands: 50 % and 90 % of replicates of {material.baseline}. Grey: the two years before levers act." + (f" Dashed: {dashed}." if dashed else ""),
        paths_alt(data, scenarios, panels), data, lambda small: paths_figure(data, scenarios, panels, narrow=small),
        quarter_table(number, title, data, labels), elastic=True,
    )  # fmt: skip


def _clearly_different(material: Material) -> list[str]:
    """Scenarios of which some headline difference has an interval without 0; all where none has."""
    if not material.policies:
        return []
    clear = {row["scenario"] for _, row in material.effects.iterrows() if excludes_zero(row)}
    return [name for name in material.policies if name in clear] or material.policies


def _extremes(material: Material, scenarios: Sequence[str], panels: Sequence[PathPanel]) -> str:
    """The panel of harm, or else the first one: where it ends lowest and highest."""
    panel = next((p for p in panels if p.variable == "harm_rate"), panels[0])
    ends = {name: Reading(material.summary, name) for name in scenarios}
    value = {name: r.value(panel.variable, r.last) / panel.divisor for name, r in ends.items()}
    known = {name: x for name, x in value.items() if np.isfinite(x)}
    when = year_end(next(iter(ends.values())).last)
    if len(known) < 2:
        return f"{panel.title} at the {when}: {short(next(iter(known.values()), float('nan')))}."
    low, high = min(known, key=lambda k: known[k]), max(known, key=lambda k: known[k])
    if short(known[low]) == short(known[high]):
        return f"{panel.title} at the {when} has the same median in all scenarios drawn, {short(known[low])}{_unresolved(material, panel.variable)}."
    return (
        f"{panel.title} at the {when} is lowest in {low} (median {short(known[low])}) and highest in {high} ({short(known[high])})"
        f"{_unresolved(material, panel.variable)}."
    )


def _unresolved(material: Material, variable: str) -> str:
    """Words that go with an order of medians that no paired difference bears out."""
    own = material.effects[material.effects["variable"] == variable] if material.policies else None
    if own is None or own.empty or any(excludes_zero(row) for _, row in own.iterrows()):
        return ""
    return f"; no paired difference from {material.baseline} has an interval without 0"


def _events(material: Material) -> DocumentFigure | None:
    events = {name: found for name, found in event_study.events_of(material.scenarios).items() if name != material.baseline}
    if not events:
        material.missing["F8 events replayed"] = "no scenario beside the baseline replays an event (customer_loss and vertical_tie do)"
        return None
    data = event_study.event_data(material.outcomes, material.baseline, events)
    if data.empty:
        material.missing["F8 events replayed"] = "the runs lack the outcomes that events change"
        return None
    near = data[data["since_event"].isin([-1, 0, 2, 4, 8, 16])]
    titles = {panel.variable: (panel.title, panel.divisor) for panel in event_study.PANELS}
    rows = [
        [r["scenario"], titles[r["variable"]][0], str(r["since_event"]), with_interval(r["mean_difference"], r["low"], r["high"], titles[r["variable"]][1])]
        for _, r in near.iterrows()
    ]
    shown = Table("F8", "Differences around events", ["Scenario", "Outcome", "Quarters since", "Mean [95 %]"], rows, words=frozenset({0, 1}), small=True)
    return DocumentFigure(
        "F8", "events", event_study.event_finding(data), f"Events replayed: differences from {material.baseline}", f"Mean paired difference against {material.baseline} with its 95 % interval.",
        event_study.event_alt(data), data, lambda small: event_study.event_figure(data, narrow=small), shown,
    )  # fmt: skip


def _effects(material: Material) -> DocumentFigure | None:
    if not material.policies:
        material.missing["F11, T4 what the scenarios change"] = "there is one scenario, so nothing to compare; give a second one, or a second run"
        return None
    data = material.effects
    rows = [
        [r["scenario"], HEADLINES[r["variable"]][0], with_interval(r["mean_difference"], r["low"], r["high"], HEADLINES[r["variable"]][1])]
        for _, r in data.iterrows()
    ]
    shown = Table("F11", "Effects", ["Scenario", "Outcome", "Mean difference [95 %]"], rows, words=frozenset({0, 1}), small=True)
    clear = sum(excludes_zero(row) for _, row in data.iterrows())
    return DocumentFigure(
        "F11", "effects", f"{clear} of {len(data)} differences have a 95 % interval without 0.", f"What the scenarios change against {material.baseline}",
        f"Mean paired difference over the {material.window} with its 95 % interval; open and grey: the interval holds 0.",
        effects_alt_text(data), data, lambda small: fitted(effects_figure(data, 1 if small else 3), narrow=small), shown,
    )  # fmt: skip


def _moments(material: Material) -> DocumentFigure | None:
    data = moments_data(material.moments)
    if data.empty:
        material.missing["F12, T2 stylised facts"] = "no stylised fact has a counterpart in these runs"
        return None
    outside, inside = set(missed(data)["id"]), set(met(data)["id"])
    rows = [
        [
            str(r["id"]), fact_words(str(r["name"])), short(r["simulated"]), f"{short(r['low'])} to {short(r['high'])}",
            "missed" if r["id"] in outside else "inside" if r["id"] in inside else "no band",
        ]
        for _, r in data.iterrows()
    ]
    shown = Table("F12", "Facts", ["Fact", "What", "Simulated", "Band", ""], rows, words=frozenset({0, 1, 4}), small=True)
    finding = f"{len(inside)} of {len(inside) + len(outside)} facts with a band lie inside their bands; missed: {', '.join(i for i in data['id'] if i in outside) or 'none'}."
    return DocumentFigure(
        "F12", "moments", finding, f"Stylised facts and their counterparts in {material.baseline}",
        NOTE.replace("\n", " "),
        moments_alt_text(data), data, lambda _: fitted(moments_figure(data), narrow=False), shown, wide_only=True,
    )  # fmt: skip


def _decompositions(material: Material) -> list[DocumentFigure]:
    if not material.decompositions:
        material.missing["T5, F13 what carries a difference"] = "no run was decomposed; `econ run A B --decompose` writes the contributions of the market's links"
    runs = zip(material.decompositions, material.decomposed, strict=True)
    return [_decomposition(data, number, run.manifest.quarters) for number, (data, run) in enumerate(runs)]


def _decomposition(data: pd.DataFrame, number: int, quarters: int) -> DocumentFigure:
    first = data.iloc[0]
    suffix = "" if number == 0 else f"_{number + 1}"
    rows = [
        [TITLES[str(r["variable"])][0], str(r["link"]).replace("_", " "), f"{short(r['contribution'] / TITLES[str(r['variable'])][1])} ± {short(r['mc_error'] / TITLES[str(r['variable'])][1])}"]
        for _, r in data.iterrows()
    ]
    shown = Table(f"F13{suffix}", "Contributions", ["Outcome", "Link", "Contribution ± Monte Carlo error"], rows, words=frozenset({0, 1}), small=True)
    return DocumentFigure(
        f"F13{suffix}", f"decomposition{suffix}", decomposition_finding(data), f"What carries the difference of {first['scenario']} from {first['baseline']}",
        f"Shapley contributions of the market's links, mean over the {window_words(window_length(quarters))} with 95 % intervals over replicates.",
        decomposition_alt_text(data), data, lambda small: fitted(decomposition_figure(data, quarters, 1 if small else 3), narrow=small), shown,
    )  # fmt: skip
