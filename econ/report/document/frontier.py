"""The harm-cost frontier: dollars and hours that the cheapest labels of each pipeline cost, by harm reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from econ.cost.purchase import HYBRID, NEGATIVE, PREFERENCE
from econ.report.cost.figures import MARKED_TARGETS, STYLE
from econ.report.document.drawing import fitted
from econ.report.numbers import short
from econ.report.style import BAND_50, COLOURS, LINES, figure_style, new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

PIPELINES = (PREFERENCE, NEGATIVE, HYBRID)
QUANTITIES = {"cost": ("Cost", "USD of 2025"), "hours": ("Human work", "Hours")}


def frontier_figure(data: pd.DataFrame, *, narrow: bool) -> Figure:
    """Median with the middle half of draws; a line ends where most draws do not reach the harm.

    Parameters
    ----------
    data : DataFrame
        As from `econ.report.cost.figures.curve_data`, of one distribution.
    """
    with figure_style():
        figure, axes = new_figure(5.0 if narrow else 3.0, *((2, 1) if narrow else (1, 2)), share_x=False)
        for pane, (quantity, (title, unit)) in zip(axes, QUANTITIES.items(), strict=True):
            top = _largest(data[data["quantity"] == quantity])
            for pipeline in PIPELINES:
                part = data[(data["pipeline"] == pipeline) & (data["quantity"] == quantity)]
                part = part[np.isfinite(part["p50"]) & (part["p50"] > 0)]
                colour, line = COLOURS[STYLE[pipeline]], LINES[STYLE[pipeline]]
                low, high = part["p25"].clip(lower=1e-9), part["p75"].clip(upper=100 * top)
                pane.fill_between(part["target_harm"], low, high, color=colour, alpha=BAND_50, linewidth=0)
                label = pipeline if len(part) else f"{pipeline}: not attainable"
                pane.plot(part["target_harm"], part["p50"], color=colour, linestyle=line, label=label)
            pane.set_yscale("log")
            pane.set_ylim(top=3 * top)
            pane.set_xlim(1.0, 0.2)
            pane.set_title(title)
            pane.set_xlabel("Harm reached, relative to the untrained model")
            pane.set_ylabel(unit)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=3, columnspacing=1.2)
        return fitted(figure, narrow=narrow, height=figure.get_figheight())


def _largest(part: pd.DataFrame) -> float:
    ends = part["p50"].to_numpy(float)
    return float(ends[np.isfinite(ends)].max(initial=1.0))


def frontier_alt(data: pd.DataFrame) -> str:
    """Alt text: median cost and hours at the marked levels of harm."""
    said = []
    for pipeline in PIPELINES:
        part = data[(data["pipeline"] == pipeline) & data["target_harm"].isin(MARKED_TARGETS)]
        wide = part.pivot(index="target_harm", columns="quantity", values="p50").sort_index(ascending=False)
        points = [
            f"harm {target:g}: {short(row['cost'])} USD and {short(row['hours'])} hours" if np.isfinite(row["cost"]) else f"harm {target:g}: not attainable"
            for target, row in wide.iterrows()
        ]
        said.append(f"{pipeline}: " + ", ".join(points))
    return "Curves of cost and of human work against harm reached, medians over draws. " + "; ".join(said) + "."


def frontier_finding(data: pd.DataFrame) -> str:
    """What the lowest marked harm that any pipeline reaches costs with each."""
    marked = data[(data["quantity"] == "cost") & data["target_harm"].isin(MARKED_TARGETS) & np.isfinite(data["p50"])]
    if marked.empty:
        return "No pipeline reaches any of the marked levels of harm in most draws."
    target = float(marked["target_harm"].min())
    at = marked[marked["target_harm"] == target].set_index("pipeline")["p50"]
    said = [f"{pipeline} {short(float(at[pipeline]))} USD" if pipeline in at.index else f"{pipeline} does not reach it in most draws" for pipeline in PIPELINES]
    return f"Harm {target:g} of the untrained model's, the lowest marked level that is reached: {'; '.join(said)} (medians)."
