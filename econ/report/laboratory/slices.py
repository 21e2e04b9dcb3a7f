"""Slices of the fitted surfaces over flags and pairs: isoquants of harm, contours of its companions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from econ.core.measurements import DISTRIBUTION_NAMES
from econ.report.laboratory.drawing import FIRST, LABELS, finish, label_ticks, short_label
from econ.report.laboratory.tables import KINDS, OUTCOMES, PURE, caveat, reported_cells
from econ.report.numbers import short
from econ.report.style import COLOURS, colour_bar, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

    from econ.surfaces.posterior import Surfaces

#: Points per axis of a fitted slice, and posterior draws that it averages.
SLICE_POINTS, SLICE_DRAWS = 49, 250
#: Shades of a slice.
SHADES = 64
#: Share of either axis, at both ends, in which no contour is labelled.
EDGE = 0.05


def slice_table(surfaces: Surfaces, distribution: str, v: float) -> pd.DataFrame:
    """Fitted outcomes over a grid of flags and pairs at one v.

    Returns
    -------
    DataFrame
        `distribution`, `v`, `a`, `b`, `outcome`, `mean`, `p05`, `p95` over posterior draws.
    """
    draws = np.unique(np.linspace(0, surfaces.count - 1, SLICE_DRAWS).astype(int))
    batch = surfaces.batch(draws, distribution)
    tops = (surfaces.domain["a"], surfaces.domain["b"])
    a, b = (FIRST * np.expm1(np.linspace(0.0, np.log1p(top / FIRST), SLICE_POINTS)) for top in tops)
    flags, pairs = (grid.ravel() for grid in np.meshgrid(a, b, indexing="ij"))
    values = {"relative_harm": batch.at([v]).evaluate_labels(flags[None, :, None], pairs[None, :, None])[0][:, :, 0]}
    for outcome in surfaces.outcomes[1:]:
        if (outcome, distribution) in surfaces.draws:
            values[outcome] = batch.secondary(outcome).evaluate(flags[None], pairs[None], v)[0]
    parts = []
    for outcome, drawn in values.items():
        low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
        columns = {
            "a": flags,
            "b": pairs,
            "outcome": outcome,
            "mean": drawn.mean(axis=0),
            "p05": low,
            "p95": high,
        }
        parts.append(pd.DataFrame({"distribution": distribution, "v": v, **columns}))
    return pd.concat(parts, ignore_index=True)


def surface_slices(table: pd.DataFrame, cells: pd.DataFrame | None = None, kind: str = "measured") -> Figure:
    """Isoquants of harm and contours of its companions over flags and pairs at one v, with the cells measured.

    Parameters
    ----------
    table : DataFrame
        As from `slice_table`.
    cells : DataFrame, optional
        As from `cell_table`; its cells at this v are drawn in the colours of their own means.
    kind : str
        Of the surfaces: "measured", "imposed" or "prior"; said in the title.
    """
    v, distribution = float(table["v"].iloc[0]), str(table["distribution"].iloc[0])
    outcomes = [o for o in OUTCOMES if o in set(table["outcome"])]
    near = _near(table, cells)
    with figure_style():
        measured = near is not None and len(near) > 0
        count = len(outcomes) + measured
        figure, axes = new_figure(2.6 * ((count + 1) // 2) + 0.9, rows=(count + 1) // 2, columns=2, share_x=False)
        for pane, outcome in zip(axes, outcomes, strict=False):
            _draw_slice(figure, pane, table[table["outcome"] == outcome], outcome, near)
        circles = ""
        if near is not None and measured:
            _draw_collapsed(figure, axes[len(outcomes)], near)
            broken = int((near["collapsed"] >= 0.5).sum())
            circles = (
                "Circles: cells measured, in the same colours; collapse is measured alone, no surface is fitted to it. Crosses: collapsed "
                f"in half the worlds or more ({broken} of {len(near)} cells). "
            )
        for pane in axes[count:]:
            pane.set_visible(False)
        mark = "" if kind == "measured" else f"\n({KINDS[kind]})"
        note = (
            "Contours: posterior mean of the fit; of relative harm they are isoquants: mixes of labels with equal harm. "
            f"{circles}Nothing beyond the axes was measured. {caveat(near)}"
        )
        where = DISTRIBUTION_NAMES.get(distribution, distribution)
        finish(figure, f"Fitted surfaces at v = {v:g}, {where}{mark}", note)
        return figure


def _near(table: pd.DataFrame, cells: pd.DataFrame | None) -> pd.DataFrame | None:
    """Cells measured at the slice's v, under its distribution."""
    if cells is None:
        return None
    rows = reported_cells(cells)
    here = (rows["distribution"] == table["distribution"].iloc[0]) & ((rows["v"] - float(table["v"].iloc[0])).abs() < 1e-6)
    near: pd.DataFrame = rows[here & rows["arm"].isin([*PURE, "both"])]
    return near


def _draw_slice(
    figure: Figure, axes: Axes, rows: pd.DataFrame, outcome: str, cells: pd.DataFrame | None
) -> None:
    wide = rows.pivot_table(index="b", columns="a", values="mean")
    a, b = (np.log1p(labels.to_numpy(float) / FIRST) for labels in (wide.columns, wide.index))
    low, high = float(rows["mean"].min()), float(rows["mean"].max())
    if cells is not None and cells[outcome].notna().any():
        low, high = min(low, float(cells[outcome].min())), max(high, float(cells[outcome].max()))
    high = high if high > low else low + 1e-6
    colours: dict[str, Any] = {"cmap": "cividis", "vmin": low, "vmax": high}
    # Filled contours are vectors, a smooth mesh would be an image; edges of their own colour hide seams.
    filled = axes.contourf(a, b, wide.to_numpy(), levels=np.linspace(low, high, SHADES + 1), **colours)
    filled.set(edgecolor="face", linewidth=0.2)
    lines = axes.contour(a, b, wide.to_numpy(), levels=6, colors="white", linewidths=0.8)
    for label in axes.clabel(lines, fontsize=7, fmt="%.2g"):
        # A label on the edge would be cut.
        x, y = label.get_position()
        inside = (EDGE < (at - axis.min()) / (axis.max() - axis.min()) < 1.0 - EDGE for at, axis in ((x, a), (y, b)))
        label.set_visible(all(inside))
    if cells is not None and len(cells):
        _draw_cells(axes, cells, outcome, colours)
    _label(axes, outcome, float(wide.columns.max()), float(wide.index.max()))
    # Of the scale, not of the contours: a bar of these would have a tick at every few of them.
    colour_bar(figure, ScalarMappable(Normalize(low, high), colours["cmap"]), axes)


def _draw_collapsed(figure: Figure, axes: Axes, cells: pd.DataFrame) -> None:
    """Share of runs that collapsed in the cells measured."""
    points = _draw_cells(axes, cells, "collapsed", {"cmap": "cividis", "vmin": 0.0, "vmax": 1.0})
    _label(axes, "collapsed", float(cells["a"].max()), float(cells["b"].max()))
    colour_bar(figure, points, axes)


def _draw_cells(axes: Axes, cells: pd.DataFrame, outcome: str, colours: dict[str, Any]) -> PathCollection:
    """Cells measured in the colours of their own means; crosses where most worlds collapsed."""
    x, y = (np.log1p(cells[name].to_numpy(float) / FIRST) for name in ("a", "b"))
    points = axes.scatter(x, y, c=cells[outcome], s=26, edgecolors="black", linewidths=0.6, clip_on=False, zorder=3, **colours)
    broken = (cells["collapsed"] >= 0.5).to_numpy()
    axes.scatter(x[broken], y[broken], s=40, marker="x", c=COLOURS[1], linewidths=1.1, zorder=4, clip_on=False)
    return points


def _label(axes: Axes, outcome: str, flags: float, pairs: float) -> None:
    for axis, largest in ((axes.xaxis, flags), (axes.yaxis, pairs)):
        ticks = label_ticks(largest)
        axis.set_ticks([float(np.log1p(t / FIRST)) for t in ticks], [f"{t:,}" for t in ticks])
    axes.set_xlim(0.0, float(np.log1p(flags / FIRST)))
    axes.set_ylim(0.0, float(np.log1p(pairs / FIRST)))
    axes.grid(False)
    axes.set_title(LABELS[outcome])
    axes.set_xlabel("Flags")
    axes.set_ylabel("Pairs")


def slice_alt_text(table: pd.DataFrame, cells: pd.DataFrame | None = None, kind: str = "measured") -> str:
    """Alt text: each fitted outcome at the corners of the plane of labels, and where measured cells collapsed."""
    a, b = float(table["a"].max()), float(table["b"].max())
    corners = {
        "no labels": (0.0, 0.0),
        f"{a:,.0f} flags": (a, 0.0),
        f"{b:,.0f} pairs": (0.0, b),
        "both": (a, b),
    }
    sentences = []
    for outcome, rows in table.groupby("outcome", sort=False):
        means = rows.set_index(["a", "b"])["mean"]
        values = ", ".join(f"{short(float(means.loc[corner]))} at {name}" for name, corner in corners.items())
        sentences.append(f"{short_label(str(outcome))}: {values}.")
    near = _near(table, cells)
    if near is not None and len(near):
        broken, most = near[near["collapsed"] >= 0.5], float(near["collapsed"].max())
        sentences.append(f"Of {len(near)} cells measured {len(broken)} collapsed in half the worlds or more; the largest share is {short(most)}.")
    where = DISTRIBUTION_NAMES.get(str(table["distribution"].iloc[0]), str(table["distribution"].iloc[0]))
    return f"Contours of fitted outcomes over flags and pairs, {where}, v = {table['v'].iloc[0]:g}; {KINDS[kind]}. {' '.join(sentences)}"


