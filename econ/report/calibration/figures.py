"""Figures of a calibration: facts before and after, and the profile distance of each parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.report.moments import FARTHEST
from econ.report.numbers import short
from econ.report.rendered import Rendered
from econ.report.style import COLOURS, GREY, LINES, figure_style, finish_figure, new_figure
from econ.report.text import fact_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from econ.analysis.calibration.write import StoredCalibration

COLUMNS = 4
#: Before and after: colour, marker and height within a fact's row, so that neither hides the other.
MARKS = {"before": (COLOURS[1], "s", 0.14), "after": (COLOURS[0], "o", -0.14)}


def calibration_figures(stored: StoredCalibration) -> list[Rendered]:
    """All figures of a calibration."""
    fit = moment_fit_data(stored.tables["moments"])
    profiles, parameters = stored.tables["profiles"], stored.tables["parameters"]
    return [
        Rendered("moment_fit", fit, lambda: moment_fit_figure(fit), moment_fit_alt_text(fit)),
        Rendered("profiles", profiles, lambda: profiles_figure(profiles, parameters), profiles_alt_text(profiles)),
    ]


def moment_fit_data(moments: pd.DataFrame) -> pd.DataFrame:
    """Facts with a band or a sign, those fitted first, those missed afterwards on top of each group."""
    known = moments[moments["after_distance"].notna() & moments["before_distance"].notna()]
    order = np.lexsort((np.arange(len(known)), known["after_met"].to_numpy(bool), ~known["fitted"].to_numpy(bool)))
    return known.iloc[order].reset_index(drop=True)


def moment_fit_figure(table: pd.DataFrame) -> Figure:
    """Band of each fact, and its simulated value before and after, in half bands from the target."""
    with figure_style():
        figure, (axes,) = new_figure(1.25 + 0.3 * len(table))
        for place, (_, row) in enumerate(table.iterrows()):
            _draw_fact(axes, len(table) - 1 - place, row)
        for name, (colour, marker, _) in MARKS.items():
            axes.plot([], [], color=colour, marker=marker, linestyle="none", markersize=5, label=name)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.075 * 20 / max(len(table), 8)), ncols=2)
        split = int((~table["fitted"]).sum())
        if 0 < split < len(table):
            axes.axhline(split - 0.5, color=GREY, linewidth=0.8, linestyle=LINES[1])
        labels = [f"{r['id']}  {fact_words(str(r['name']))}" + ("" if r["fitted"] else "  [not fitted]") for _, r in table.iterrows()]
        axes.set_yticks(range(len(table) - 1, -1, -1), labels, fontsize=7.5)
        axes.set_xlim(-FARTHEST - 0.4, FARTHEST + 0.4)
        axes.set_ylim(-0.7, len(table) - 0.3)
        axes.set_xlabel("Distance from the target, in half bands")
        axes.grid(axis="y", visible=False)
        axes.grid(axis="x", visible=True)
        note = (
            "Bar: accepted band; tick: target; filled: inside, open: outside. Thin line: what single simulated points of the box reach.\n"
            "Before and after are simulated with fresh random numbers; 95 % Monte Carlo intervals."
        )
        finish_figure(figure, "Facts before and after calibration", note)
        return figure


def _draw_fact(axes: Axes, height: int, row: pd.Series[Any]) -> None:
    half = (row["high"] - row["low"]) / 2 or 1.0
    low, high, lowest, highest = ((row[end] - row["target"]) / half for end in ("low", "high", "lowest", "highest"))
    axes.barh(height, high - low, left=low, height=0.66, color="#D9E6F2", linewidth=0)
    axes.plot(np.clip([lowest, highest], -FARTHEST, FARTHEST), [height, height], color=GREY, linewidth=0.8)
    axes.plot([0, 0], [height - 0.33, height + 0.33], color="black", linewidth=1.0)
    for name, (colour, marker, shift) in MARKS.items():
        at = float(np.clip(row[f"{name}_distance"], -FARTHEST, FARTHEST))
        error = row[f"{name}_error"]
        if np.isfinite(error):
            axes.errorbar(at, height + shift, xerr=1.96 * error / half, color=colour, linewidth=1.0, capsize=2)
        met = bool(row[f"{name}_met"])
        axes.plot(at, height + shift, marker=marker, color=colour, markersize=5, linestyle="none", markerfacecolor=colour if met else "white")


def moment_fit_alt_text(table: pd.DataFrame) -> str:
    """Alt text: how many facts of each set are met before and after, and which are missed."""
    parts = []
    for fitted, name in ((True, "fitted"), (False, "not fitted")):
        rows = table[table["fitted"] == fitted]
        missed = rows.loc[~rows["after_met"], "id"]
        parts.append(
            f"Of {len(rows)} facts {name}, {int(rows['before_met'].sum())} lie inside their bands before and {int(rows['after_met'].sum())} after"
            + (f" (missed after: {', '.join(missed)})" if len(missed) else "")
        )
    return "Dot plot of facts before and after calibration. " + ". ".join(parts) + "."


def profiles_figure(profiles: pd.DataFrame, parameters: pd.DataFrame) -> Figure:
    """Least distance at each value of each parameter, all others free."""
    keys = list(dict.fromkeys(profiles["parameter"]))
    columns = min(COLUMNS, len(keys))
    rows = -(-len(keys) // columns)
    known = parameters.set_index("parameter")
    top = float(profiles["objective"].max())
    with figure_style():
        figure, panes = new_figure(0.8 + 1.6 * rows, rows, columns, share_x=False)
        for number, (pane, key) in enumerate(zip(panes, keys, strict=False)):
            part, row = profiles[profiles["parameter"] == key], known.loc[key]
            pane.plot(part["value"], part["objective"], color=COLOURS[0])
            for name, column in (("before", "own"), ("after", "point")):
                colour = MARKS[name][0]
                at = pd.to_numeric(row[column], errors="coerce")
                if np.isfinite(at):
                    pane.axvline(at, color=colour, linewidth=1.2, linestyle=LINES[1] if name == "before" else LINES[3])
            if row["low"] > 0 and row["high"] / row["low"] > 3:
                pane.set_xscale("log")
                pane.set_xticks([row["low"], np.sqrt(row["low"] * row["high"]), row["high"]], minor=False)
                pane.set_xticks([], minor=True)
                pane.set_xticklabels([short(x) for x in (row["low"], np.sqrt(row["low"] * row["high"]), row["high"])])
            pane.set_ylim(0, 1.08 * top)
            pane.set_title(key.removeprefix("parameters.").replace("_", " "), fontsize=7.5)
            if number % columns == 0:
                pane.set_ylabel("Least distance J")
        for pane in panes[len(keys) :]:
            pane.set_visible(False)
        note = "Emulated. Dashed: before; dotted: after. A flat line: the facts do not tell this parameter."
        finish_figure(figure, "Profile distance of each parameter, all others free", note)
        return figure


def profiles_alt_text(profiles: pd.DataFrame) -> str:
    """Alt text: how much each parameter's profile varies over its interval."""
    spans = profiles.groupby("parameter", sort=False)["objective"].agg(lambda j: j.max() - j.min())
    said = "; ".join(f"{str(key).removeprefix('parameters.')} {short(span)}" for key, span in spans.items())
    return f"Line charts of the least distance against each parameter. Rise over the interval: {said}."
