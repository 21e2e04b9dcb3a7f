"""Dots with intervals: a line for each arm, a pane for each outcome, harm first and collapse last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from econ.report.laboratory.drawing import LABELS
from econ.report.laboratory.tables import WITH_COLLAPSE
from econ.report.style import GREY, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Dots:
    """What is drawn alike: rows with `line` (from 0, top down), outcomes, and `_low` and `_high` where intervals are shown."""

    label: str
    rows: pd.DataFrame
    style: dict[str, Any]
    shift: float = 0.0
    intervals: bool = True


def forest(labels: Sequence[str], dots: Sequence[Dots], base: dict[str, float] | None = None) -> tuple[Figure, list[Axes]]:
    """Panes that share their lines; base models as dotted lines."""
    lines = sum(label.count("\n") + 1 for label in labels)
    figure, axes = new_figure(max(0.2 * lines, 0.28 * len(labels)) + 2.3, columns=len(WITH_COLLAPSE), share_x=False)
    for pane, outcome in zip(axes, WITH_COLLAPSE, strict=True):
        for own in dots:
            _draw(pane, own, outcome)
        if base is not None and outcome in base:
            pane.axvline(base[outcome], color=GREY, linewidth=0.9, linestyle=":", zorder=1)
        pane.set_title(LABELS[outcome].replace(", ", ",\n"), fontsize=8.0)
        pane.set_ylim(len(labels) - 0.4, -0.6)
        pane.set_yticks(range(len(labels)), labels if pane is axes[0] else [""] * len(labels), fontsize=7.0)
        pane.tick_params(axis="y", length=0)
        pane.tick_params(axis="x", labelsize=7.0)
        pane.grid(visible=True, axis="both")
        pane.margins(x=0.08)
    axes[-1].set_xlim(-0.05, 1.05)
    return figure, axes


def _draw(pane: Axes, dots: Dots, outcome: str) -> None:
    rows = dots.rows[dots.rows[outcome].notna()]
    at = rows["line"] + dots.shift
    pane.plot(rows[outcome], at, label=dots.label, linestyle="none", zorder=3, **dots.style)
    if dots.intervals:
        pane.hlines(at, rows[f"{outcome}_low"], rows[f"{outcome}_high"], color=dots.style["color"], linewidth=0.9, zorder=2)
