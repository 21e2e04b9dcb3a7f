"""The figure of stylised facts beside their simulated counterparts, with its alt text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from econ.ensemble.moments import met, missed
from econ.report.numbers import short
from econ.report.style import COLOURS, GREY, figure_style, finish_figure, new_figure, with_minus
from econ.report.text import fact_words

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Moments farther from their target than this many half bands are drawn at the edge, with an arrow.
FARTHEST = 4.0
#: What its signs mean, and what facts are used for.
NOTE = (
    "Bar: accepted band; tick: target; circle: simulated, inside; cross: outside. Signs have bands without width.\n"
    "calibrate: used in calibration; validate: held out; report: only reported. CR3: share of the three largest."
)


def moments_data(moments: pd.DataFrame) -> pd.DataFrame:
    """The facts that have a simulated counterpart."""
    return moments[moments["simulated"].notna()].reset_index(drop=True)


def moments_figure(table: pd.DataFrame) -> Figure:
    """Stylised facts: accepted band, target and simulated value, in half bands from the target.

    Parameters
    ----------
    table : DataFrame
        As from `moments_data`.
    """
    with figure_style():
        figure, (axes,) = new_figure(0.9 + 0.27 * len(table))
        half = ((table["high"] - table["low"]) / 2).where(lambda width: width != 0, 1.0)
        outside = set(missed(table)["id"])
        values = []
        for place, (_, row) in enumerate(table.iterrows()):
            height = len(table) - 1 - place
            width = float(half.iloc[place])
            band = f"{short(row['low'])} to {short(row['high'])}" if np.isfinite([row["low"], row["high"]]).any() else "none"
            values.append(with_minus(f"{short(row['simulated'])}  ({band})"))
            if not np.isfinite(row["distance"]):
                axes.text(0.0, height, _without_distance(row, row["id"] in outside), ha="center", va="center", fontsize=7.5, color=GREY)
                continue
            low, high = ((row[end] - row["target"]) / width for end in ("low", "high"))
            axes.barh(height, high - low, left=low, height=0.62, color="#D9E6F2", linewidth=0)
            axes.plot([0, 0], [height - 0.31, height + 0.31], color=COLOURS[0], linewidth=1.2)
            _draw_simulated(axes, height, row, width, row["id"] in outside)
        labels = [
            f"{row['id']}  {fact_words(str(row['name']))}  [{row['use']}]"
            for _, row in table.iterrows()
        ]
        axes.set_yticks(range(len(table) - 1, -1, -1), labels, fontsize=7.5)
        right = axes.twinx()
        right.set_yticks(range(len(table) - 1, -1, -1), values, fontsize=7.5)
        right.set_ylim(-0.7, len(table) - 0.3)
        right.tick_params(length=0)
        right.grid(visible=False)
        # Above its own column, which begins where the axes end.
        right.annotate("simulated (band)", (1.0, 1.0), (4.0, 4.0), "axes fraction", "offset points", va="bottom", fontsize=7.5, annotation_clip=False)
        axes.set_xlim(-FARTHEST - 0.4, FARTHEST + 0.4)
        axes.set_ylim(-0.7, len(table) - 0.3)
        axes.set_xlabel("Distance from the target, in half bands")
        axes.grid(axis="y", visible=False)
        axes.grid(axis="x", visible=True)
        finish_figure(figure, "Stylised facts and their simulated counterparts", NOTE)
        return figure


def _without_distance(row: pd.Series[Any], outside: bool) -> str:
    """What stands in the row of a fact whose band lacks an end, so that there is no half band to measure in."""
    target = f"target {short(row['target'])}"
    for end, words in (("low", "at least"), ("high", "at most")):
        if np.isfinite(row[end]):
            return f"band: {words} {short(row[end])}, {'missed' if outside else 'met'}; {target}"
    return f"no band, so no distance; {target}"


def _draw_simulated(axes: Axes, height: float, row: pd.Series[Any], half: float, outside: bool) -> None:
    distance = float(row["distance"])
    drawn = float(np.clip(distance, -FARTHEST, FARTHEST))
    colour, marker = (COLOURS[1], "X") if outside else (COLOURS[2], "o")
    if np.isfinite(row["mc_error"]) and drawn == distance:
        axes.errorbar(
            drawn, height, xerr=1.96 * row["mc_error"] / half, color=colour, linewidth=1.0, capsize=2
        )
    axes.plot(drawn, height, marker=marker, color=colour, markersize=6, linestyle="none", clip_on=False)
    if drawn != distance:
        axes.annotate(
            "",
            (drawn + 0.35 * np.sign(distance), height),
            (drawn, height),
            arrowprops={"arrowstyle": "->", "color": colour},
        )


def moments_alt_text(table: pd.DataFrame) -> str:
    """Alt text of the moments plot: how many facts are met, and which are missed by how much."""
    outside = missed(table)
    misses = "; ".join(
        f"{row['id']} {fact_words(str(row['name']))}: simulated {short(row['simulated'])}, band {short(row['low'])} to {short(row['high'])}"
        for _, row in outside.iterrows()
    )
    free = table[table["low"].isna() & table["high"].isna()]
    return (
        f"Dot plot of {len(table)} stylised facts with a simulated counterpart: {len(met(table))} inside their bands, {len(outside)} outside"
        + (f" ({misses})" if misses else "")
        + (f", {len(free)} without a band ({', '.join(free['id'])})." if len(free) else ".")
    )
