"""Outcomes against divergence from the base model, where arms were trained at several weights of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.claims.names import arm_names
from econ.claims.settings import settings_of
from econ.core.measurements import DISTRIBUTION_NAMES, extras
from econ.report.laboratory.drawing import KIND_COLOURS, LABELS, MARKERS, finish, legend_above
from econ.report.laboratory.intervals import MINIMUM_WORLDS, outcome_means
from econ.report.laboratory.tables import OUTCOMES
from econ.report.numbers import interval, short
from econ.report.style import GREY, LINES, figure_style, new_figure
from econ.surfaces.cells import CONFIRMATORY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Weights of divergence that an arm needs to be drawn.
MINIMUM_WEIGHTS = 3
COLUMNS = ("kl", *OUTCOMES)


def divergence_table(measurements: pd.DataFrame, distribution: str) -> pd.DataFrame:
    """Arms of World A by their weight of divergence from the base model (`beta_kl`), at one setting and budget each.

    Returns
    -------
    DataFrame
        `method`, `label_kind`, `n`, `beta_kl`, `worlds`; mean, `_low` and `_high` (95 %) of `kl` (nats per response), of
        the outcomes (Student t over worlds) and of `collapsed` (share of runs, Wilson 1927); the base models' means of the
        outcomes as `base_…`. Empty where no arm has three weights.
    """
    rows = measurements[(measurements["distribution"] == distribution) & (measurements["task"] == "A") & (measurements["n"] > 0)]
    rows = rows[rows["stage"].isin(CONFIRMATORY)]
    details = extras(rows)
    rows = rows.assign(
        beta_kl=[detail.get("beta_kl", np.nan) for detail in details], arm=arm_names(rows, details), setting=settings_of(rows, details)
    )
    found: list[dict[str, Any]] = []
    for (arm, kind, n, _), own in rows[rows["beta_kl"].notna()].groupby(["arm", "label_kind", "n", "setting"], observed=True):
        weights = [(weight, at) for weight, at in own.groupby("beta_kl") if at["world"].nunique() >= MINIMUM_WORLDS]
        parts = [{"beta_kl": weight, **outcome_means(at, COLUMNS)} for weight, at in weights]
        if len(parts) >= MINIMUM_WEIGHTS:
            found += [{"method": arm, "label_kind": kind, "n": n, **part} for part in parts]
    return pd.DataFrame(found)


def divergence_figure(table: pd.DataFrame, distribution: str) -> Figure:
    """A pane for each outcome over divergence; hollow where most runs collapsed.

    Parameters
    ----------
    table : DataFrame
        As from `divergence_table`.
    """
    with figure_style():
        figure, axes = new_figure(6.2, rows=2, columns=2)
        for pane, outcome in zip(axes, OUTCOMES, strict=True):
            _draw_pane(pane, table, outcome)
        for pane in axes[2:]:
            pane.set_xlabel("KL to the base model, nats per response")
        legend_above(figure, axes[0])
        labels = ", ".join(f"{n:,}" for n in sorted(table["n"].unique()))
        note = (
            f"{labels} labels; numbers at the points: weight of divergence in the objective. Bars: 95 % intervals over "
            f"{table['worlds'].min()} worlds. Hollow: most runs collapsed. Dotted: base models. A flag and a pair carry other bits, minutes "
            "and reads. Toy worlds: signs may carry over, magnitudes do not."
        )
        finish(figure, f"What divergence from the base model buys and costs, {DISTRIBUTION_NAMES.get(distribution, distribution)}", note)
        return figure


def _draw_pane(pane: Axes, table: pd.DataFrame, outcome: str) -> None:
    for number, (method, own) in enumerate(table.groupby("method")):
        ordered = own.sort_values("beta_kl")
        kind = str(ordered["label_kind"].iloc[0])
        colour, marker = KIND_COLOURS.get(kind, GREY), MARKERS[number % len(MARKERS)]
        pane.plot(ordered["kl"], ordered[outcome], color=colour, linestyle=LINES[number % len(LINES)], linewidth=1.1)
        pane.vlines(ordered["kl"], ordered[f"{outcome}_low"], ordered[f"{outcome}_high"], color=colour, linewidth=0.7)
        pane.hlines(ordered[outcome], ordered["kl_low"].clip(lower=0.05), ordered["kl_high"], color=colour, linewidth=0.7)
        for collapsed, part in ordered.groupby(ordered["collapsed"] > 0.5):
            pane.plot(
                part["kl"], part[outcome], marker=marker, linestyle="none", markersize=5.0, color=colour,
                markerfacecolor="white" if collapsed else colour, zorder=3,
            )  # fmt: skip
        for i, (x, y, weight) in enumerate(zip(ordered["kl"], ordered[outcome], ordered["beta_kl"], strict=True)):
            # Two neighbours that nearly coincide keep their numbers apart.
            place: dict[str, Any] = {"xytext": (4, 4)} if i % 2 == 0 else {"xytext": (-4, -9), "ha": "right"}
            pane.annotate(f"{weight:g}", (x, y), textcoords="offset points", fontsize=6.5, color=colour, **place)
        pane.plot([], [], color=colour, marker=marker, linestyle=LINES[number % len(LINES)], label=f"{method} ({kind})")
    if f"base_{outcome}" in table:
        pane.axhline(float(table[f"base_{outcome}"].mean()), color=GREY, linewidth=0.8, linestyle=":")
    pane.set_xscale("log")
    pane.set_xticks([0.5, 1, 2, 5, 10, 20, 40], ["0.5", "1", "2", "5", "10", "20", "40"])
    pane.minorticks_off()
    pane.margins(y=0.12)
    pane.set_ylabel(LABELS[outcome])


def divergence_alt_text(table: pd.DataFrame, distribution: str) -> str:
    """Alt text: every point with its intervals."""
    sentences = []
    for _, row in table.iterrows():
        values = [f"KL {_cell(row, 'kl')}"] + [f"{name.replace('_', '-' if name == 'over_refusal' else ' ')} {_cell(row, name)}" for name in OUTCOMES]
        sentences.append(
            f"{row['method']} ({row['label_kind']}), {row['n']:,} labels, weight {row['beta_kl']:g}: {', '.join(values)}, collapsed "
            f"{short(row['collapsed'])}."
        )
    where = DISTRIBUTION_NAMES.get(distribution, distribution)
    return f"Outcomes against divergence from the base model, {where}; means [95 % intervals]. {' '.join(sentences)}"


def _cell(row: pd.Series[Any], name: str) -> str:
    return interval(row[name], row[f"{name}_low"], row[f"{name}_high"])
