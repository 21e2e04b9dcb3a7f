"""Figures of the two pure arms of the surface design: learning curves, and the plane of harm and helpfulness.

Harm never stands alone: helpfulness, sycophancy, over-refusal and collapsed runs are in the same figure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.core.measurements import DISTRIBUTION_NAMES
from econ.report.laboratory.drawing import (
    EFFORTS,
    LABELS,
    MARKERS,
    effort_axis,
    finish,
    legend_above,
    short_label,
)
from econ.report.laboratory.tables import EFFORT, PURE, WITH_COLLAPSE, caveat, reported_cells, worlds_of
from econ.report.numbers import interval, short
from econ.report.style import COLOURS, LINES, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Whose median configuration stands elsewhere, since it was run on other worlds.
CHOSEN = "Arms with the configuration that they were given; others that were tried, where there are any: figures of configurations."
#: Of the plane of harm and helpfulness.
MARKERS_OF = {"both": "^", "flags": "o", "pairs": "s", "base": "*"}


@dataclass(frozen=True)
class Curve:
    """One arm at one v by one method, from its base model to its largest budget."""

    arm: str
    label: str
    rows: pd.DataFrame
    style: dict[str, Any]


def arm_curves(table: pd.DataFrame) -> Iterator[Curve]:
    """Curves of the pure arms: colour is the kind of label, line style is v, marker is the method."""
    trained = table[table["n"] > 0]
    levels = sorted(trained["v"].unique(), reverse=True)
    methods = sorted(trained["method"].unique())
    for style, v in enumerate(levels):
        for number, (arm, name) in enumerate(PURE.items()):
            rows = trained[(trained["arm"] == arm) & _is(trained["v"], v)]
            several = rows["method"].nunique() > 1
            for method, own in rows.groupby("method"):
                said = "v not recorded" if np.isnan(v) else f"v = {v:g}"
                label = f"{name}, {method}, {said}" if several else f"{name}, {said}"
                yield Curve(
                    arm,
                    label,
                    pd.concat([_base_rows(table, v), own.sort_values("n")], ignore_index=True),
                    {
                        "color": COLOURS[number],
                        "linestyle": LINES[style % len(LINES)],
                        "marker": MARKERS[methods.index(method) % len(MARKERS)],
                    },
                )


def efforts_of(table: pd.DataFrame) -> list[str]:
    """Axes of effort that were measured."""
    return [e for e in EFFORT if (table[e] > 0).any()]


def filled_outcomes(table: pd.DataFrame) -> list[str]:
    """Outcomes that fill the cells of the plane, as far as they were measured."""
    return [o for o in ("sycophancy", "over_refusal") if table[o].notna().any()]


def _is(values: pd.Series[float], v: float) -> pd.Series[bool]:
    """Where verifiability is v; NaN, not recorded, is one level."""
    return values.isna() if np.isnan(v) else values == v


def _base_rows(table: pd.DataFrame, v: float) -> pd.DataFrame:
    """The base model at this v, at which every curve starts: no judgements, minutes or FLOPs on top of it."""
    rows = table[(table["arm"] == "base") & _is(table["v"], v)].head(1)
    return rows.assign(**dict.fromkeys(EFFORT, 0.0))


def learning_curves(table: pd.DataFrame) -> Figure:
    """Outcomes of the pure arms against judgements, human minutes with the fixed ones, and FLOPs.

    Parameters
    ----------
    table : DataFrame
        As from `pure_arms`, one distribution.
    """
    with figure_style():
        figure, axes = curve_panes(list(arm_curves(table)), efforts_of(table), table)
        note = (
            f"{knobs_note(table)} Means over {worlds_of(table)} worlds; bars: 95 % intervals (Student t; of collapsed runs, "
            "Wilson). Every curve starts at the base model, at 0. Axes are logarithmic away from 0. "
            f"A flag and a pair carry different bits, minutes and reads. {CHOSEN} {caveat(table)}"
        )
        finish(figure, f"Learning curves of one kind of label, {where_from(table)}", note)
        legend_above(figure, axes[0])
        return figure


def curve_panes(
    curves: Sequence[Curve], efforts: Sequence[str], table: pd.DataFrame
) -> tuple[Figure, list[Axes]]:
    """Panes of outcomes (rows) against efforts (columns) with all curves; harm first, collapse last."""
    outcomes = WITH_COLLAPSE
    height = 1.35 * len(outcomes) + 2.0
    figure, axes = new_figure(height, rows=len(outcomes), columns=len(efforts), share_x=False)
    for i, pane in enumerate(axes):
        row, column = divmod(i, len(efforts))
        _draw_curves(pane, curves, outcomes[row], efforts[column])
        effort_axis(pane, efforts[column], table[efforts[column]])
        pane.tick_params(labelbottom=row == len(outcomes) - 1, labelleft=column == 0)
        if column > 0:
            pane.sharey(axes[i - column])
        else:
            pane.set_ylabel(LABELS[outcomes[row]].replace(", ", ",\n"))
    for pane, effort in zip(axes[-len(efforts) :], efforts, strict=True):
        pane.set_xlabel(EFFORTS[effort])
    return figure, axes


def _draw_curves(axes: Axes, curves: Sequence[Curve], outcome: str, effort: str) -> None:
    for curve in curves:
        rows = curve.rows[curve.rows[outcome].notna() & curve.rows[effort].notna()]
        axes.plot(
            rows[effort], rows[outcome], label=curve.label, markersize=2.2, linewidth=1.2, **curve.style
        )
        if "scorer_weak" in rows:
            weak = rows[rows["scorer_weak"] >= 0.5]
            hollow = {**curve.style, "linestyle": "none", "markerfacecolor": "white"}
            axes.plot(weak[effort], weak[outcome], markersize=3.2, markeredgewidth=0.8, zorder=3, **hollow)
        axes.vlines(
            rows[effort], rows[f"{outcome}_low"], rows[f"{outcome}_high"], color=curve.style["color"],
            linewidth=0.7, alpha=0.7,
        )  # fmt: skip
    if not any(curve.rows[outcome].notna().any() for curve in curves):
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center")
    if outcome == "collapsed":
        axes.set_ylim(-0.04, 1.04)


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
    curves = list(arm_curves(table))
    with figure_style():
        figure, axes = new_figure(4.9, columns=len(filled_outcomes(table)))
        for pane, outcome in zip(axes, filled_outcomes(table), strict=True):
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
            f"{knobs_note(table)} {CHOSEN} {caveat(table)}"
        )
        finish(figure, f"Harm and helpfulness, {where_from(table)}", note)
        legend_above(figure, axes[0])
        return figure


def _draw_cells(figure: Figure, axes: Axes, table: pd.DataFrame, outcome: str) -> None:
    """Markers by arm; mixes lie below the pure arms."""
    marks = [(table[table["arm"] == arm], marker) for arm, marker in MARKERS_OF.items()]
    draw_plane_cells(figure, axes, marks, table, outcome)


def draw_plane_cells(
    figure: Figure, axes: Axes, marks: Sequence[tuple[pd.DataFrame, str]], table: pd.DataFrame, outcome: str
) -> None:
    """Cells of the plane filled by an outcome, larger with more labels, later groups on top; crosses where collapsed."""
    shown = table[table[outcome].notna()]
    colours = {"cmap": "cividis", "vmin": shown[outcome].min(), "vmax": shown[outcome].max()}
    for order, (group, marker) in enumerate(marks, start=2):
        rows = group[group[outcome].notna()]
        size = 6.0 + 5.0 * np.log2(rows["n"].to_numpy(float) / 16.0 + 1.0)
        points = axes.scatter(
            rows["relative_harm"], rows["helpfulness"], s=130.0 if marker == "*" else size, marker=marker,
            c=rows[outcome], edgecolors="black", linewidths=0.3 if marker == "^" else 0.7, zorder=order, **colours,
        )  # fmt: skip
    broken = shown[shown["collapsed"] >= 0.5]
    axes.scatter(
        broken["relative_harm"], broken["helpfulness"], s=60, marker="x", c=COLOURS[1], linewidths=1.0,
        zorder=len(marks) + 2,
    )  # fmt: skip
    figure.colorbar(points, ax=axes, location="right", fraction=0.05)


def where_from(table: pd.DataFrame) -> str:
    """Test distribution and, where they are no confirmatory ones, whose worlds."""
    name = str(table["distribution"].iloc[0])
    stages = set(table["stage"])
    mark = ", imported" if "import" in stages else ", DEVELOPMENT worlds" if "develop" in stages else ""
    return f"{DISTRIBUTION_NAMES.get(name, name)}{mark}"


def knobs_note(table: pd.DataFrame) -> str:
    """Which methods were trained, and what v is."""
    methods = ", ".join(sorted(set(table.loc[table["n"] > 0, "method"])))
    return f"Methods: {methods}; v: verifiability of a violation; other knobs at the grid's settings."


def _ends(table: pd.DataFrame) -> str:
    """Alt text: each pure arm at its largest budget, all outcomes."""
    sentences = []
    for curve in arm_curves(table):
        last = curve.rows.iloc[-1]
        values = [
            f"{short_label(o).lower()} {interval(last[o], last[f'{o}_low'], last[f'{o}_high'])}"
            for o in WITH_COLLAPSE
            if np.isfinite(last[o])
        ]
        sentences.append(f"{curve.label}, {last['n']:,} labels: {', '.join(values)}.")
    return " ".join(sentences)


def curves_alt_text(table: pd.DataFrame) -> str:
    """Alt text: what the panes are, and where each curve ends."""
    efforts = ", ".join(EFFORTS[e].split(",")[0].lower().replace("\n", " ") for e in efforts_of(table))
    return (
        f"Learning curves of flags alone and pairs alone, {where_from(table)}: relative harm, helpfulness, sycophancy, "
        f"over-refusal and collapsed runs against {efforts}. At the largest budgets, "
        f"means [95 % intervals]: {_ends(table)}"
    )


def plane_alt_text(table: pd.DataFrame) -> str:
    """Alt text: number of cells, the base model, and where each pure arm ends."""
    base = table[table["arm"] == "base"].head(1)
    start = "".join(f" The base model has helpfulness {short(x)}." for x in base["helpfulness"])
    return (
        f"Scatter of relative harm and helpfulness, {where_from(table)}, of {(table['n'] > 0).sum()} trained cells, filled by "
        f"{' and by '.join(short_label(o).lower() for o in filled_outcomes(table))}.{start} At the largest budgets, means [95 % intervals]: {_ends(table)}"
    )


