"""Figures of the laboratory: learning curves, the plane of harm and helpfulness, slices of the fitted surfaces.

Each is a function from a tidy table to a Matplotlib figure. Harm never stands alone: helpfulness,
sycophancy, over-refusal and collapsed runs are in the same figure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.core.errors import InputError
from econ.core.files import atomic_file, result_directory
from econ.report.laboratory_tables import (
    KINDS,
    OUTCOMES,
    Laboratory,
    arm_curve_table,
    cell_table,
    form_table,
    sigma_table,
)
from econ.report.style import COLOURS, GREY, LINES, figure_style, finish_figure, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from econ.surfaces.posterior import Surfaces

LABELS = {
    "relative_harm": "Relative harm",
    "helpfulness": "Helpfulness, 0 to 1",
    "sycophancy": "Sycophancy, rate",
    "over_refusal": "Over-refusal, rate",
    "collapsed": "Collapsed runs, share",
}
DISTRIBUTIONS = {"id": "in distribution", "ood": "out of distribution"}
ARMS = {"flag": "flags alone", "preference": "pairs alone"}
TOY = "Toy worlds: signs and mechanisms may carry over; magnitudes, thresholds and label counts do not."
#: Points per axis of a fitted slice, and posterior draws that it averages.
SLICE_POINTS, SLICE_DRAWS = 49, 250
#: Budgets are drawn at log(1 + labels/FIRST), so that zero has a place.
FIRST = 8.0


def arm_table(cells: pd.DataFrame, distribution: str) -> pd.DataFrame:
    """Cells with one kind of label, and the base model, under one distribution.

    Parameters
    ----------
    cells : DataFrame
        As from `cell_table`.
    """
    arms = cells["label_kind"].isin(ARMS) | (cells["method"] == "base")
    return cells[(cells["distribution"] == distribution) & arms].reset_index(drop=True)


def learning_curves(table: pd.DataFrame) -> Figure:
    """Outcomes of the pure arms against judgements and against human minutes, fixed minutes included.

    Parameters
    ----------
    table : DataFrame
        As from `arm_table`, one distribution.
    """
    outcomes = (*OUTCOMES, "collapsed")
    with figure_style():
        figure, axes = new_figure(1.55 * len(outcomes) + 1.0, rows=len(outcomes), columns=2, share_x=False)
        for row, outcome in enumerate(outcomes):
            for column, unit in enumerate(("judgements", "human_minutes")):
                pane = axes[2 * row + column]
                _draw_arms(pane, table, outcome, unit)
                pane.set_ylabel(LABELS[outcome] if column == 0 else "")
                pane.tick_params(labelbottom=row == len(outcomes) - 1)
        for column, label in enumerate(("Human judgements", "Human minutes, rule drafting included")):
            axes[-2 + column].set_xlabel(label)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right upper")
        note = (
            f"{_knobs(table)} Means over {_worlds(table)} worlds; bars: 95 % intervals (Student t). Grey: base model. "
            f"A flag and a pair carry different bits, minutes and reads. {TOY}"
        )
        finish_figure(figure, f"Learning curves of one kind of label, {_where(table)}", _wrapped(note))
        return figure


def _draw_arms(axes: Axes, table: pd.DataFrame, outcome: str, unit: str) -> None:
    trained = table[table["n"] > 0]
    levels = sorted(trained["v"].unique(), reverse=True)
    base = table[table["method"] == "base"][outcome].mean() if outcome != "relative_harm" else 1.0
    if np.isfinite(base):
        axes.axhline(base, color=GREY, linewidth=0.9)
    for number, (kind, name) in enumerate(ARMS.items()):
        for style, v in enumerate(levels):
            rows = trained[(trained["label_kind"] == kind) & (trained["v"] == v)].sort_values("n")
            rows = rows[rows[outcome].notna() & (rows[unit] > 0)]
            if rows.empty:
                continue
            colour = COLOURS[number]
            label = f"{name}, v = {v:g}"
            axes.plot(
                rows[unit],
                rows[outcome],
                color=colour,
                linestyle=LINES[style % len(LINES)],
                label=label,
                marker="o",
                markersize=2.5,
            )
            if f"{outcome}_low" in rows:
                axes.vlines(
                    rows[unit],
                    rows[f"{outcome}_low"],
                    rows[f"{outcome}_high"],
                    color=colour,
                    linewidth=0.8,
                    alpha=0.7,
                )
    axes.set_xscale("log")
    if outcome == "collapsed":
        axes.set_ylim(-0.02, 1.02)


def plane_table(cells: pd.DataFrame, distribution: str) -> pd.DataFrame:
    """Trained cells under one distribution, with the part that flags have in the budget."""
    rows = cells[(cells["distribution"] == distribution) & (cells["n"] > 0)]
    return rows.assign(flag_share=rows["a"] / rows["n"]).reset_index(drop=True)


def harm_helpfulness_plane(table: pd.DataFrame) -> Figure:
    """Every cell in the plane of harm and helpfulness, coloured by sycophancy and by over-refusal.

    Parameters
    ----------
    table : DataFrame
        As from `plane_table`.
    """
    with figure_style():
        figure, axes = new_figure(3.9, columns=2)
        for pane, outcome in zip(axes, ("sycophancy", "over_refusal"), strict=True):
            shown = table[table[outcome].notna()]
            for kind, marker in (("flag", "o"), ("preference", "s"), ("flag+preference", "^")):
                rows = shown[shown["label_kind"] == kind]
                size = 6.0 + 5.0 * np.log2(rows["n"].to_numpy(float) / 16.0 + 1.0)
                points = pane.scatter(
                    rows["relative_harm"], rows["helpfulness"], s=size, marker=marker, c=rows[outcome], cmap="cividis",
                    vmin=shown[outcome].min(), vmax=shown[outcome].max(), edgecolors="black", linewidths=0.3,
                )  # fmt: skip
            broken = shown[shown["collapsed"] >= 0.5]
            pane.scatter(
                broken["relative_harm"], broken["helpfulness"], s=60, marker="x", c=COLOURS[1], linewidths=1.0
            )
            pane.set_xlabel("Relative harm (lower is better)")
            pane.set_ylabel("Helpfulness (higher is better)" if pane is axes[0] else "")
            pane.set_title(f"Colour: {LABELS[outcome].lower()}")
            if len(shown):
                figure.colorbar(points, ax=pane, location="right", fraction=0.05)
        note = (
            "Circles: flags alone; squares: pairs alone; triangles: both; larger: more labels; crosses: collapsed in half "
            f"the worlds or more. One point a cell, mean over {_worlds(table)} worlds, all v. {_knobs(table)} {TOY}"
        )
        finish_figure(figure, f"Harm and helpfulness, {_where(table)}", _wrapped(note))
        return figure


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
    at = batch.at([v])
    x = (flags / at.a_half)[:, :, None]
    y = (pairs / at.b_half[:, None])[:, :, None]
    values = {"relative_harm": at.evaluate(x, y)[0][:, :, 0]}
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
    near = None
    if cells is not None:
        near = cells[
            (cells["distribution"] == distribution) & ((cells["v"] - v).abs() < 1e-6) & (cells["n"] > 0)
        ]
    with figure_style():
        figure, axes = new_figure(
            3.1 * ((len(outcomes) + 1) // 2) + 0.9, rows=(len(outcomes) + 1) // 2, columns=2, share_x=False
        )
        for pane, outcome in zip(axes, outcomes, strict=False):
            _draw_slice(figure, pane, table[table["outcome"] == outcome], outcome, near)
        for pane in axes[len(outcomes) :]:
            pane.set_visible(False)
        mark = "" if kind == "measured" else f" ({KINDS[kind]})"
        note = (
            "Contours: posterior mean of the fit; of relative harm they are isoquants: mixes of labels with equal harm. "
            "Circles: cells measured, in the same colours; crosses: collapsed in half the worlds or more. "
            f"Nothing beyond the axes was measured. {TOY}"
        )
        finish_figure(
            figure,
            f"Fitted surfaces at v = {v:g}, {DISTRIBUTIONS.get(distribution, distribution)}{mark}",
            _wrapped(note),
        )
        return figure


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
    mesh = axes.pcolormesh(a, b, wide.to_numpy(), shading="gouraud", rasterized=True, **colours)
    lines = axes.contour(a, b, wide.to_numpy(), levels=6, colors="white", linewidths=0.8)
    axes.clabel(lines, fontsize=7, fmt="%.2g")
    if cells is not None and len(cells):
        x, y = (np.log1p(cells[name].to_numpy(float) / FIRST) for name in ("a", "b"))
        axes.scatter(
            x,
            y,
            c=cells[outcome],
            s=26,
            edgecolors="black",
            linewidths=0.6,
            clip_on=False,
            zorder=3,
            **colours,
        )
        broken = (cells["collapsed"] >= 0.5).to_numpy()
        axes.scatter(
            x[broken], y[broken], s=40, marker="x", c=COLOURS[1], linewidths=1.1, zorder=4, clip_on=False
        )
    for axis, labels in ((axes.xaxis, wide.columns), (axes.yaxis, wide.index)):
        ticks = [t for t in (0, 16, 64, 256, 1024, 4096, 16384) if t <= float(labels.max()) * 1.001]
        axis.set_ticks([float(np.log1p(t / FIRST)) for t in ticks], [f"{t:,}" for t in ticks])
    axes.grid(False)
    axes.set_title(LABELS[outcome])
    axes.set_xlabel("Flags")
    axes.set_ylabel("Pairs")
    figure.colorbar(mesh, ax=axes, fraction=0.05)


def _worlds(table: pd.DataFrame) -> str:
    counts = sorted({int(n) for n in table["worlds"]})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _where(table: pd.DataFrame) -> str:
    name = str(table["distribution"].iloc[0])
    return DISTRIBUTIONS.get(name, name)


def _knobs(table: pd.DataFrame) -> str:
    methods = ", ".join(sorted(set(table.loc[table["n"] > 0, "method"])))
    return f"Methods: {methods}; v: verifiability of a violation; other knobs at the grid's settings."


def _wrapped(text: str, width: int = 122) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width))


@dataclass(frozen=True)
class _Drawing:
    """A figure with its data: file name, table, how it is drawn."""

    name: str
    data: pd.DataFrame
    draw: Callable[[], Figure]


def _drawings(laboratory: Laboratory) -> list[_Drawing]:
    cells = None if laboratory.measurements is None else cell_table(laboratory.measurements)
    found: list[_Drawing] = []
    if cells is not None:
        for distribution in [d for d in DISTRIBUTIONS if (cells["distribution"] == d).any()]:
            found += _measured_drawings(cells, distribution)
    if laboratory.surfaces is not None:
        for distribution in laboratory.surfaces.distributions:
            found += _slice_drawings(laboratory.surfaces, distribution, cells)
    return found


def _measured_drawings(cells: pd.DataFrame, distribution: str) -> list[_Drawing]:
    arms, plane = arm_table(cells, distribution), plane_table(cells, distribution)
    found = []
    if (arms["n"] > 0).any():
        found.append(_Drawing(f"learning_curves_{distribution}", arms, lambda: learning_curves(arms)))
    if len(plane) and plane["helpfulness"].notna().any():
        found.append(
            _Drawing(f"harm_helpfulness_{distribution}", plane, lambda: harm_helpfulness_plane(plane))
        )
    return found


def _slice_drawings(surfaces: Surfaces, distribution: str, cells: pd.DataFrame | None) -> list[_Drawing]:
    def drawing(v: float) -> _Drawing:
        table = slice_table(surfaces, distribution, v)
        return _Drawing(
            f"surface_{distribution}_v{v:.2f}", table, lambda: surface_slices(table, cells, surfaces.kind)
        )

    levels: Sequence[float] = surfaces.diagnostics.get("design", {}).get("v", [0.5])
    return [drawing(float(v)) for v in levels]


def write_laboratory(laboratory: Laboratory, out: Path, *, force: bool = False) -> list[str]:
    """Write every figure (PNG, SVG, with its data as CSV) and the tables (CSV) into a new directory.

    Returns
    -------
    list of str
        Names of the files.

    Raises
    ------
    InputError
        If `out` exists and `force` is off.
    """
    if out.exists() and not force:
        raise InputError(
            "this result exists already; choose another --out, or give --force to replace it", file=out
        )
    tables: dict[str, pd.DataFrame] = {}
    if laboratory.measurements is not None:
        tables["cells"] = cell_table(laboratory.measurements)
    if laboratory.surfaces is not None:
        fitted = laboratory.surfaces
        tables |= {"forms": form_table(fitted), "sigma": sigma_table(fitted), "arms": arm_curve_table(fitted)}
    with result_directory(out, force=force, resume=False) as directory:
        for drawing in _drawings(laboratory):
            save_figure(drawing.draw(), directory, drawing.name)
            tables[drawing.name] = drawing.data
        for name, table in tables.items():
            with atomic_file(directory / f"{name}.csv") as temporary:
                table.to_csv(temporary, index=False)
    return sorted(path.name for path in out.iterdir())
