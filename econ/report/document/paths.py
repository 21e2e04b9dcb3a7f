"""Paths of several scenarios in one figure: the baseline with its bands, the others as medians."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING

import pandas as pd

from econ.report.document.drawing import fitted
from econ.report.numbers import short
from econ.report.style import BAND_50, BAND_90, COLOURS, GREY, LINES, figure_style, new_figure, quarter_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Blue is the baseline with its bands, inside which sky blue is hard to see: last.
LINE_COLOURS = (*COLOURS[:4], *reversed(COLOURS[4:]))
#: Most scenarios whose lines can be told apart.
MOST = len(LINE_COLOURS)
#: Characters of a line of an axis label in one column, whose panels may be low.
LABEL = 14
QUANTITIES = ["scenario", "variable", "quarter", "p05", "p25", "p50", "p75", "p95"]


@dataclass(frozen=True)
class PathPanel:
    """One outcome: name, title, unit, divisor, and a reference line with what it is."""

    variable: str
    title: str
    unit: str
    divisor: float = 1.0
    reference: float | None = None
    reference_note: str = ""
    floor: float | None = 0.0


def paths_data(summary: pd.DataFrame, scenarios: Sequence[str], panels: Sequence[PathPanel]) -> pd.DataFrame:
    """Rows of a summary that the figure shows, without outcomes that have no value."""
    names = [panel.variable for panel in panels]
    rows = summary[summary["scenario"].isin(list(scenarios)) & summary["variable"].isin(names)]
    present = rows.groupby("variable")["p50"].transform(lambda values: values.notna().any())
    found: pd.DataFrame = rows.loc[present, QUANTITIES].reset_index(drop=True)
    return found


def paths_figure(
    data: pd.DataFrame, scenarios: Sequence[str], panels: Sequence[PathPanel], *, narrow: bool, columns: int = 2
) -> Figure:
    """One panel for each outcome; the first scenario with its 50 % and 90 % bands."""
    shown = [panel for panel in panels if (data["variable"] == panel.variable).any()]
    columns = 1 if narrow else min(columns, len(shown))
    rows = -(-len(shown) // columns)
    legend = 0.22 * -(-len(scenarios) // (1 if narrow else 3))
    with figure_style():
        figure, axes = new_figure(0.4 + 1.85 * rows + legend, rows, columns)
        for pane, panel in zip(axes, shown, strict=False):
            _draw(pane, data[data["variable"] == panel.variable], scenarios, panel, narrow=narrow)
            quarter_axis(pane, data, label=pane in axes[-columns:])
        for pane in axes[len(shown) :]:
            pane.set_visible(False)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=1 if narrow else 3)
        return fitted(figure, narrow=narrow, height=figure.get_figheight())


def _draw(pane: Axes, rows: pd.DataFrame, scenarios: Sequence[str], panel: PathPanel, *, narrow: bool) -> None:
    for number, scenario in enumerate(scenarios):
        part = rows[rows["scenario"] == scenario].sort_values("quarter")
        value = {name: part[name].to_numpy(float) / panel.divisor for name in ("p05", "p25", "p50", "p75", "p95")}
        quarter = part["quarter"].to_numpy()
        if number == 0:
            for low, high, opacity in (("p05", "p95", BAND_90), ("p25", "p75", BAND_50)):
                pane.fill_between(quarter, value[low], value[high], color=LINE_COLOURS[0], alpha=opacity, linewidth=0)
        pane.plot(quarter, value["p50"], color=LINE_COLOURS[number], linestyle=LINES[number], label=scenario)
    pane.set_title(panel.title)
    pane.set_ylabel(fill(panel.unit, LABEL) if narrow else panel.unit)
    if panel.floor is not None:
        pane.set_ylim(bottom=panel.floor)
    if panel.reference is not None:
        pane.axhline(panel.reference, color=GREY, linestyle=(0, (3, 2)), linewidth=1.0)


def paths_alt(data: pd.DataFrame, scenarios: Sequence[str], panels: Sequence[PathPanel]) -> str:
    """Alt text: the last median of every line, the baseline's with its 90 % interval."""
    last = data[data["quarter"] == data["quarter"].max()]
    said = []
    for panel in panels:
        part = last[last["variable"] == panel.variable].set_index("scenario")
        values = [_last(part.loc[name], panel, number == 0) for number, name in enumerate(scenarios) if name in part.index]
        if values:
            said.append(f"{panel.title}: " + ", ".join(values))
    return f"Lines over quarters, one for each scenario. Medians in quarter {int(data['quarter'].max())}. " + "; ".join(said) + "."


def _last(row: pd.Series[float], panel: PathPanel, interval: bool) -> str:
    middle, low, high = (short(float(row[name]) / panel.divisor) for name in ("p50", "p05", "p95"))
    return f"{row.name} {middle}" + (f" (90 % of replicates {low} to {high})" if interval else "")
