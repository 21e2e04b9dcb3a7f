"""Events replayed in a scenario: paired differences against the baseline, counted from the event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.ensemble.statistics import paired_difference
from econ.ensemble.tables import by_scenario, grid, quarters_of
from econ.report.document.drawing import fitted
from econ.report.document.paths import PathPanel
from econ.report.numbers import short
from econ.report.style import BAND_90, COLOURS, GREY, LINES, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANELS = (
    PathPanel("top_share_service", "Largest vendor's share of label revenue", "Difference, share"),
    PathPanel("hhi_service", "HHI of services", "Difference, HHI"),
    PathPanel("entries", "Entries of vendors", "Difference, per quarter"),
    PathPanel("vendor_spend", "Spending on vendors' labels", "Difference, mn USD", 1e6),
)
#: Quarters before and after the event that are drawn.
BEFORE, AFTER = 4, 16


def events_of(scenarios: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, int]]:
    """Scenario -> kind and quarter of its first event."""
    found = {}
    for name, scenario in scenarios.items():
        dated = [(int(facts["quarter"]), kind) for event in scenario.get("events") or [] for kind, facts in event.items() if facts]
        if dated:
            quarter, kind = min(dated)
            found[name] = (kind, quarter)
    return found


def event_data(outcomes: pd.DataFrame, baseline: str, events: Mapping[str, tuple[str, int]]) -> pd.DataFrame:
    """Mean paired differences with 95 % intervals by scenario, outcome and quarter since the event."""
    rows = by_scenario(outcomes)
    parts = []
    for scenario, (kind, at) in events.items():
        shared = np.intersect1d(rows[scenario]["replicate"], rows[baseline]["replicate"])
        here, there = (rows[name][rows[name]["replicate"].isin(shared)] for name in (scenario, baseline))
        since = quarters_of(here) - at
        near = (since >= -BEFORE) & (since <= AFTER)
        for panel in (panel for panel in PANELS if panel.variable in here.columns):
            found = paired_difference(grid(here, panel.variable)[:, near], grid(there, panel.variable)[:, near])
            part = {key: found[key] for key in ("mean_difference", "low", "high")}
            parts.append(pd.DataFrame({"scenario": scenario, "event": kind, "variable": panel.variable, "since_event": since[near], **part}))
    return pd.concat(parts, ignore_index=True)


def event_figure(data: pd.DataFrame, *, narrow: bool) -> Figure:
    """One panel for each outcome, one line for each event."""
    shown = [panel for panel in PANELS if (data["variable"] == panel.variable).any()]
    columns = 1 if narrow else 2
    rows = -(-len(shown) // columns)
    scenarios = list(dict.fromkeys(data["scenario"]))
    with figure_style():
        figure, axes = new_figure(0.7 + 1.75 * rows, rows, columns)
        for pane, panel in zip(axes, shown, strict=False):
            for number, scenario in enumerate(scenarios):
                part = data[(data["variable"] == panel.variable) & (data["scenario"] == scenario)]
                mean, low, high = (part[name].to_numpy(float) / panel.divisor for name in ("mean_difference", "low", "high"))
                pane.fill_between(part["since_event"], low, high, color=COLOURS[number], alpha=BAND_90, linewidth=0)
                pane.plot(part["since_event"], mean, color=COLOURS[number], linestyle=LINES[number], label=f"{scenario} ({part['event'].iloc[0].replace('_', ' ')})")
            pane.axhline(0.0, color=GREY, linewidth=0.8)
            pane.axvline(0.0, color=GREY, linewidth=0.8, linestyle=":")
            pane.set_title(panel.title)
            pane.set_ylabel(panel.unit)
            if pane in axes[-columns:]:
                pane.set_xlabel("Quarters since the event")
        for pane in axes[len(shown) :]:
            pane.set_visible(False)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=1 if narrow else 2)
        return fitted(figure, narrow=narrow, height=figure.get_figheight())


def event_alt(data: pd.DataFrame) -> str:
    """Alt text: difference a year after the event."""
    after = data[data["since_event"] == 4]
    said = []
    for panel in PANELS:
        for _, row in after[after["variable"] == panel.variable].iterrows():
            mean, low, high = (short(float(row[name]) / panel.divisor) for name in ("mean_difference", "low", "high"))
            said.append(f"{row['scenario']}, {_within(panel.title)}: {mean} ({low} to {high})")
    return "Lines of paired differences around events. Mean difference and 95 % interval four quarters after the event: " + "; ".join(said) + "."


def event_finding(data: pd.DataFrame) -> str:
    """Which differences are clear a year after the event."""
    after = data[data["since_event"] == 4]
    clear = after[(after["low"] > 0) | (after["high"] < 0)]
    names = {panel.variable: _within(panel.title) for panel in PANELS}
    said = [f"{row['scenario']} {'raises' if row['mean_difference'] > 0 else 'lowers'} {names[row['variable']]}" for _, row in clear.iterrows()]
    return f"Four quarters after the event {len(clear)} of {len(after)} differences have an interval without 0" + (f": {'; '.join(said)}." if said else ".")


def _within(title: str) -> str:
    """A title as it stands within a sentence."""
    return title if title.startswith("HHI") else title[0].lower() + title[1:]
