"""Figures of the laboratory: learning curves, the plane of harm and helpfulness, slices of the fitted surfaces.

Each is a function from a tidy table to a Matplotlib figure. Harm never stands alone: helpfulness,
sycophancy, over-refusal and collapsed runs are in the same figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.core.errors import InputError
from econ.core.files import atomic_file, result_directory, write_json
from econ.report.laboratory_tables import (
    EFFORT,
    KINDS,
    OUTCOMES,
    PURE,
    Laboratory,
    caveat,
    cell_table,
    curve_table,
    form_table,
    pure_arms,
    reported_cells,
    sigma_table,
    worlds_of,
)
from econ.report.numbers import interval, short
from econ.report.style import COLOURS, LINES, figure_style, finish_figure, new_figure, save_figure

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
EFFORTS = {
    "judgements": "Human judgements",
    "human_minutes": "Human minutes,\nrule drafting included",
    "flops": "FLOPs of training,\nsampling and scoring",
}
DISTRIBUTIONS = {"id": "in distribution", "ood": "out of distribution"}
#: Markers tell methods of one arm apart, where there are several.
MARKERS = "osD^vP*X"
#: Of the plane of harm and helpfulness.
MARKERS_OF = {"both": "^", "flags": "o", "pairs": "s", "base": "*"}
#: Points per axis of a fitted slice, and posterior draws that it averages.
SLICE_POINTS, SLICE_DRAWS = 49, 250
#: Labels and minutes are drawn at log(1 + x/FIRST), so that zero has a place.
FIRST = 8.0


@dataclass(frozen=True)
class _Curve:
    """One arm at one v by one method, from its base model to its largest budget."""

    arm: str
    label: str
    rows: pd.DataFrame
    style: dict[str, Any]


def _curves(table: pd.DataFrame) -> Iterator[_Curve]:
    """Curves of the pure arms: colour is the kind of label, line style is v, marker is the method."""
    trained = table[table["n"] > 0]
    levels = sorted(trained["v"].unique(), reverse=True)
    methods = sorted(trained["method"].unique())
    for style, v in enumerate(levels):
        for number, (arm, name) in enumerate(PURE.items()):
            rows = trained[(trained["arm"] == arm) & (trained["v"] == v)]
            several = rows["method"].nunique() > 1
            for method, own in rows.groupby("method"):
                label = f"{name}, {method}, v = {v:g}" if several else f"{name}, v = {v:g}"
                yield _Curve(
                    arm,
                    label,
                    pd.concat([_base_rows(table, v), own.sort_values("n")], ignore_index=True),
                    {
                        "color": COLOURS[number],
                        "linestyle": LINES[style % len(LINES)],
                        "marker": MARKERS[methods.index(method) % len(MARKERS)],
                    },
                )


def _efforts(table: pd.DataFrame) -> list[str]:
    return [e for e in EFFORT if (table[e] > 0).any()]


def _filled(table: pd.DataFrame) -> list[str]:
    """Outcomes that fill the cells of the plane, as far as they were measured."""
    return [o for o in ("sycophancy", "over_refusal") if table[o].notna().any()]


def _base_rows(table: pd.DataFrame, v: float) -> pd.DataFrame:
    """The base model at this v, at which every curve starts: no judgements, minutes or FLOPs on top of it."""
    rows = table[(table["arm"] == "base") & (table["v"] == v)].head(1)
    return rows.assign(**dict.fromkeys(EFFORT, 0.0))


def learning_curves(table: pd.DataFrame) -> Figure:
    """Outcomes of the pure arms against judgements, human minutes with the fixed ones, and FLOPs.

    Parameters
    ----------
    table : DataFrame
        As from `pure_arms`, one distribution.
    """
    outcomes = (*OUTCOMES, "collapsed")
    curves = list(_curves(table))
    efforts = _efforts(table)
    with figure_style():
        height = 1.35 * len(outcomes) + 2.0
        figure, axes = new_figure(height, rows=len(outcomes), columns=len(efforts), share_x=False)
        for i, pane in enumerate(axes):
            row, column = divmod(i, len(efforts))
            _draw_curves(pane, curves, outcomes[row], efforts[column])
            _effort_axis(pane, efforts[column], table[efforts[column]])
            pane.tick_params(labelbottom=row == len(outcomes) - 1, labelleft=column == 0)
            if column > 0:
                pane.sharey(axes[i - column])
            else:
                pane.set_ylabel(LABELS[outcomes[row]].replace(", ", ",\n"))
        for pane, effort in zip(axes[-len(efforts) :], efforts, strict=True):
            pane.set_xlabel(EFFORTS[effort])
        note = (
            f"{_knobs(table)} Means over {worlds_of(table)} worlds; bars: 95 % intervals (Student t; of collapsed runs, "
            "Wilson). Every curve starts at the base model, at 0. Axes are logarithmic away from 0. "
            f"A flag and a pair carry different bits, minutes and reads. {caveat(table)}"
        )
        _finish(figure, f"Learning curves of one kind of label, {_where(table)}", note)
        _legend(figure, axes[0])
        return figure


def _draw_curves(axes: Axes, curves: Sequence[_Curve], outcome: str, effort: str) -> None:
    for curve in curves:
        rows = curve.rows[curve.rows[outcome].notna() & curve.rows[effort].notna()]
        axes.plot(
            rows[effort], rows[outcome], label=curve.label, markersize=2.2, linewidth=1.2, **curve.style
        )
        axes.vlines(
            rows[effort], rows[f"{outcome}_low"], rows[f"{outcome}_high"], color=curve.style["color"],
            linewidth=0.7, alpha=0.7,
        )  # fmt: skip
    if not any(curve.rows[outcome].notna().any() for curve in curves):
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center")
    if outcome == "collapsed":
        axes.set_ylim(-0.04, 1.04)


def _effort_axis(axes: Axes, effort: str, values: pd.Series[float]) -> None:
    """An axis on which zero has a place: positions are log(1 + x/first)."""
    largest = float(values.max())
    first = FIRST if effort != "flops" else float(values[values > 0].min())
    axes.set_xscale("function", functions=(lambda x: np.log1p(x / first), lambda y: first * np.expm1(y)))
    end = float(np.log1p(largest / first))
    axes.set_xlim(first * np.expm1(-0.05 * end), first * np.expm1(1.05 * end))
    if effort == "flops":
        powers = range(int(np.ceil(np.log10(first))), int(np.floor(np.log10(largest))) + 1)
        axes.set_xticks([0.0, *(10.0**k for k in powers)], ["0", *(f"$10^{{{k}}}$" for k in powers)])
    else:
        ticks = _label_ticks(largest)
        axes.set_xticks(ticks, [f"{t:,}" for t in ticks], fontsize=7.0)


def _label_ticks(largest: float, most: int = 6) -> list[int]:
    """Zero and powers of four from 16 on, thinned from below until there are few."""
    powers = [4**k for k in range(2, 24) if 4**k <= largest * 1.001] or [int(largest)]
    step = -(-len(powers) // (most - 1))
    return [0, *powers[::-1][::step][::-1]]


def _legend(figure: Figure, axes: Axes) -> None:
    """A legend between the title and the panes, flags above pairs at each v."""
    # The layout gives title and legend the same room: an empty title of the legend keeps them apart.
    room = "\n".join(" " * (figure.get_suptitle().count("\n") + 1))
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper left", ncols=3, title=room, title_fontsize=10.5, alignment="left",
        borderaxespad=0.2,
    )  # fmt: skip


def plane_table(cells: pd.DataFrame, distribution: str) -> pd.DataFrame:
    """Base models and cells trained on flags, pairs or both, under one distribution; tuning worlds and controls left out."""
    rows = reported_cells(cells)
    kept = (rows["distribution"] == distribution) & rows["arm"].isin([*PURE, "both", "base"])
    return rows[kept].reset_index(drop=True)


def harm_helpfulness_plane(table: pd.DataFrame) -> Figure:
    """Every cell in the plane of harm and helpfulness, coloured by sycophancy and by over-refusal.

    Parameters
    ----------
    table : DataFrame
        As from `plane_table`.
    """
    curves = list(_curves(table))
    with figure_style():
        figure, axes = new_figure(4.9, columns=len(_filled(table)))
        for pane, outcome in zip(axes, _filled(table), strict=True):
            for curve in curves:
                pane.plot(
                    curve.rows["relative_harm"], curve.rows["helpfulness"], linewidth=1.0, zorder=1,
                    label=curve.label, **(curve.style | {"marker": MARKERS_OF[curve.arm], "markersize": 3.0}),
                )  # fmt: skip
            _draw_cells(figure, pane, table, outcome)
            pane.set_xlabel("Relative harm (lower is better)")
            pane.set_ylabel("Helpfulness (higher is better)" if pane is axes[0] else "")
            pane.set_title(f"Fill: {LABELS[outcome].lower()}")
        note = (
            "One point a cell: circles flags alone, squares pairs alone, triangles both (all v), star base model; larger: "
            "more labels; crosses: collapsed in half the worlds or more. Lines join the budgets of one kind of label. "
            f"Means over {worlds_of(table)} worlds; tuning runs and controls (refusing everything has no harm) left out. "
            f"{_knobs(table)} {caveat(table)}"
        )
        _finish(figure, f"Harm and helpfulness, {_where(table)}", note)
        _legend(figure, axes[0])
        return figure


def _draw_cells(figure: Figure, axes: Axes, table: pd.DataFrame, outcome: str) -> None:
    """Markers by arm, filled by an outcome; mixes lie below the pure arms."""
    shown = table[table[outcome].notna()]
    colours = {"cmap": "cividis", "vmin": shown[outcome].min(), "vmax": shown[outcome].max()}
    for order, (arm, marker) in enumerate(MARKERS_OF.items(), start=2):
        rows = shown[shown["arm"] == arm]
        size = 130.0 if arm == "base" else 6.0 + 5.0 * np.log2(rows["n"].to_numpy(float) / 16.0 + 1.0)
        points = axes.scatter(
            rows["relative_harm"], rows["helpfulness"], s=size, marker=marker, c=rows[outcome],
            edgecolors="black", linewidths=0.3 if arm == "both" else 0.7, zorder=order, **colours,
        )  # fmt: skip
    broken = shown[shown["collapsed"] >= 0.5]
    axes.scatter(
        broken["relative_harm"],
        broken["helpfulness"],
        s=60,
        marker="x",
        c=COLOURS[1],
        linewidths=1.0,
        zorder=6,
    )
    figure.colorbar(points, ax=axes, location="right", fraction=0.05)


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
        near = reported_cells(cells)
        near = near[(near["distribution"] == distribution) & ((near["v"] - v).abs() < 1e-6)]
        near = near[near["arm"].isin([*PURE, "both"])]
    with figure_style():
        figure, axes = new_figure(
            3.1 * ((len(outcomes) + 1) // 2) + 0.9, rows=(len(outcomes) + 1) // 2, columns=2, share_x=False
        )
        for pane, outcome in zip(axes, outcomes, strict=False):
            _draw_slice(figure, pane, table[table["outcome"] == outcome], outcome, near)
        for pane in axes[len(outcomes) :]:
            pane.set_visible(False)
        circles = (
            "Circles: cells measured, in the same colours; crosses: collapsed in half the worlds or more. "
            if near is not None and len(near)
            else ""
        )
        mark = "" if kind == "measured" else f"\n({KINDS[kind]})"
        note = (
            "Contours: posterior mean of the fit; of relative harm they are isoquants: mixes of labels with equal harm. "
            f"{circles}Nothing beyond the axes was measured. {caveat(near)}"
        )
        where = DISTRIBUTIONS.get(distribution, distribution)
        _finish(figure, f"Fitted surfaces at v = {v:g}, {where}{mark}", note)
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
        ticks = _label_ticks(float(labels.max()))
        axis.set_ticks([float(np.log1p(t / FIRST)) for t in ticks], [f"{t:,}" for t in ticks])
    axes.grid(False)
    axes.set_title(LABELS[outcome])
    axes.set_xlabel("Flags")
    axes.set_ylabel("Pairs")
    figure.colorbar(mesh, ax=axes, fraction=0.05)


def _where(table: pd.DataFrame) -> str:
    name = str(table["distribution"].iloc[0])
    stages = set(table["stage"])
    mark = ", imported" if "import" in stages else ", DEVELOPMENT worlds" if "develop" in stages else ""
    return f"{DISTRIBUTIONS.get(name, name)}{mark}"


def _knobs(table: pd.DataFrame) -> str:
    methods = ", ".join(sorted(set(table.loc[table["n"] > 0, "method"])))
    return f"Methods: {methods}; v: verifiability of a violation; other knobs at the grid's settings."


def _finish(figure: Figure, title: str, note: str) -> None:
    """Title and note, broken into lines that fit the page's width."""
    import textwrap

    lines = [line for part in title.splitlines() for line in textwrap.wrap(part, 76)]
    finish_figure(figure, "\n".join(lines), "\n".join(textwrap.wrap(note, 130)))
    figure.align_ylabels()


def _ends(table: pd.DataFrame) -> str:
    """Alt text: each pure arm at its largest budget, all outcomes."""
    sentences = []
    for curve in _curves(table):
        last = curve.rows.iloc[-1]
        values = [
            f"{LABELS[o].split(',')[0].lower()} {interval(last[o], last[f'{o}_low'], last[f'{o}_high'])}"
            for o in (*OUTCOMES, "collapsed")
            if np.isfinite(last[o])
        ]
        sentences.append(f"{curve.label}, {last['n']:,} labels: {', '.join(values)}.")
    return " ".join(sentences)


def curves_alt_text(table: pd.DataFrame) -> str:
    """Alt text: what the panes are, and where each curve ends."""
    efforts = ", ".join(EFFORTS[e].split(",")[0].lower().replace("\n", " ") for e in _efforts(table))
    return (
        f"Learning curves of flags alone and pairs alone, {_where(table)}: relative harm, helpfulness, sycophancy, "
        f"over-refusal and collapsed runs against {efforts}. At the largest budgets, "
        f"means [95 % intervals]: {_ends(table)}"
    )


def plane_alt_text(table: pd.DataFrame) -> str:
    """Alt text: number of cells, the base model, and where each pure arm ends."""
    base = table[table["arm"] == "base"].head(1)
    start = "".join(f" The base model has helpfulness {short(x)}." for x in base["helpfulness"])
    return (
        f"Scatter of relative harm and helpfulness, {_where(table)}, of {(table['n'] > 0).sum()} trained cells, filled by "
        f"{' and by '.join(LABELS[o].split(',')[0].lower() for o in _filled(table))}.{start} At the largest budgets, means [95 % intervals]: {_ends(table)}"
    )


def slice_alt_text(table: pd.DataFrame, kind: str = "measured") -> str:
    """Alt text: each fitted outcome at the corners of the plane of labels."""
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
        sentences.append(f"{LABELS[str(outcome)].split(',')[0]}: {values}.")
    where = DISTRIBUTIONS.get(str(table["distribution"].iloc[0]), str(table["distribution"].iloc[0]))
    return f"Contours of fitted outcomes over flags and pairs, {where}, v = {table['v'].iloc[0]:g}; {KINDS[kind]}. {' '.join(sentences)}"


@dataclass(frozen=True)
class _Drawing:
    """A figure with its data: file name, table, how it is drawn, alt text."""

    name: str
    data: pd.DataFrame
    draw: Callable[[], Figure]
    alt_text: str


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
    curves, plane = pure_arms(cells, distribution), plane_table(cells, distribution)
    found = []
    if (curves["n"] > 0).any():
        alt = curves_alt_text(curves)
        found.append(
            _Drawing(f"learning_curves_{distribution}", curves, lambda: learning_curves(curves), alt)
        )
    # Harm and helpfulness alone would hide what was paid for them.
    if plane.loc[plane["n"] > 0, "helpfulness"].notna().any() and _filled(plane):
        name, alt = f"harm_helpfulness_{distribution}", plane_alt_text(plane)
        found.append(_Drawing(name, plane, lambda: harm_helpfulness_plane(plane), alt))
    return found


def _slice_drawings(surfaces: Surfaces, distribution: str, cells: pd.DataFrame | None) -> list[_Drawing]:
    def drawing(v: float) -> _Drawing:
        table = slice_table(surfaces, distribution, v)
        name, alt = f"surface_{distribution}_v{v:.2f}", slice_alt_text(table, surfaces.kind)
        return _Drawing(name, table, lambda: surface_slices(table, cells, surfaces.kind), alt)

    levels: Sequence[float] = surfaces.diagnostics.get("design", {}).get("v", [0.5])
    return [drawing(float(v)) for v in levels]


def write_laboratory(laboratory: Laboratory, out: Path, *, force: bool = False) -> list[str]:
    """Write every figure (PNG, SVG, its data as CSV, alt texts) and the tables (CSV) into a new directory.

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
        tables |= {"forms": form_table(fitted), "sigma": sigma_table(fitted)}
    curves = curve_table(laboratory)
    if not curves.empty:
        tables["curves"] = curves
    drawings = _drawings(laboratory)
    with result_directory(out, force=force, resume=False) as directory:
        write_json(directory / "alt_text.json", {drawing.name: drawing.alt_text for drawing in drawings})
        for drawing in drawings:
            save_figure(drawing.draw(), directory, drawing.name)
            tables[drawing.name] = drawing.data
        for name, table in tables.items():
            with atomic_file(directory / f"{name}.csv") as temporary:
                table.to_csv(temporary, index=False)
    return sorted(path.name for path in out.iterdir())
