"""Figures of paired differences between scenarios: by quarter, and for the last two years at a glance."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.ensemble.effects import HEADLINES, differences_data, effects_data
from econ.ensemble.statistics import QUANTILES
from econ.ensemble.tables import by_scenario
from econ.report.effects_text import window_of
from econ.report.numbers import short
from econ.report.rendered import Rendered
from econ.report.style import (
    BAND_50,
    BAND_90,
    COLOURS,
    GREY,
    figure_style,
    finish_figure,
    new_figure,
    quarter_axis,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

COLUMNS = 3
#: Characters of a line of a panel's title.
TITLE_WIDTH = 28
NOTE = "Line: mean paired difference, dotted: its 95 % interval, cut where far wider than the bands; bands: 50 % and 90 % of replicates. A conditional projection, not a forecast."


def differences_figure(table: pd.DataFrame) -> Figure:
    """Paired differences of one scenario by quarter, one panel for each headline outcome.

    Parameters
    ----------
    table : DataFrame
        As from `differences_data`.
    """
    variables = list(table["variable"].unique())
    rows = -(-len(variables) // COLUMNS)
    with figure_style():
        figure, axes = new_figure(0.8 + 1.75 * rows, rows, COLUMNS)
        for pane, variable in zip(axes, variables, strict=False):
            title, divisor = HEADLINES[variable]
            part = table[table["variable"] == variable]
            quarter = part["quarter"].to_numpy()
            value = {
                name: part[name].to_numpy(dtype=float) / divisor
                for name in (*QUANTILES, "mean_difference", "low", "high")
            }
            pane.fill_between(
                quarter, value["p05"], value["p95"], color=COLOURS[0], alpha=BAND_90, linewidth=0
            )
            pane.fill_between(
                quarter, value["p25"], value["p75"], color=COLOURS[0], alpha=BAND_50, linewidth=0
            )
            pane.plot(quarter, value["mean_difference"], color=COLOURS[0])
            for end in ("low", "high"):
                pane.plot(quarter, value[end], color=COLOURS[0], linestyle=":", linewidth=1.0)
            pane.axhline(0.0, color=GREY, linewidth=0.8)
            pane.set_ylim(*_limits(value))
            quarter_axis(pane, table, label=pane in axes[-COLUMNS:])
            pane.set_title(textwrap.fill(title, TITLE_WIDTH), fontsize=8.5)
        for pane in axes[len(variables) :]:
            pane.set_visible(False)
        finish_figure(
            figure,
            f"Difference that '{table['scenario'].iloc[0]}' makes against '{table['baseline'].iloc[0]}'",
            NOTE,
        )
        return figure


def _limits(value: Mapping[str, NDArray[np.float64]]) -> tuple[float, float]:
    """Ends of the axis: what replicates show, and of the interval no more than that over again on either side.

    With two or three replicates the interval of the mean is many times as wide as all that is drawn.
    """
    drawn = np.concatenate([value[name] for name in (*QUANTILES, "mean_difference")] + [[0.0]])
    drawn = drawn[np.isfinite(drawn)]
    interval = np.concatenate([value["low"], value["high"], drawn])
    interval = interval[np.isfinite(interval)]
    span = np.ptp(drawn) or 1.0
    low, high = max(interval.min(), drawn.min() - span), min(interval.max(), drawn.max() + span)
    margin = 0.05 * ((high - low) or 1.0)
    return low - margin, high + margin


def differences_alt_text(table: pd.DataFrame) -> str:
    """Alt text: mean difference and interval of each outcome in the last quarter."""
    last = table[table["quarter"] == table["quarter"].max()]
    said = "; ".join(
        f"{HEADLINES[row['variable']][0]} {_interval(row, HEADLINES[row['variable']][1])}"
        for _, row in last.iterrows()
        if np.isfinite(row["mean_difference"])
    )
    return (
        f"Fan charts of paired differences of scenario {table['scenario'].iloc[0]} against {table['baseline'].iloc[0]}; "
        f"mean and 95 % interval in quarter {int(table['quarter'].max())}: {said}."
    )


def _interval(row: pd.Series[Any], divisor: float = 1.0) -> str:
    mean, low, high = (short(row[name] / divisor) for name in ("mean_difference", "low", "high"))
    return f"{mean} ({low} to {high})"


def effects_figure(table: pd.DataFrame, columns: int = COLUMNS) -> Figure:
    """Effects of all scenarios on the headline outcomes: a dot with its 95 % interval each.

    Parameters
    ----------
    table : DataFrame
        As from `effects_data`.
    columns : int
        Of panels.
    """
    scenarios, variables = list(table["scenario"].unique()), list(table["variable"].unique())
    rows = -(-len(variables) // columns)
    with figure_style():
        figure, axes = new_figure(0.9 + rows * (0.55 + 0.2 * len(scenarios)), rows, columns, share_x=False)
        for number, (pane, variable) in enumerate(zip(axes, variables, strict=False)):
            title, divisor = HEADLINES[variable]
            part = table[table["variable"] == variable].set_index("scenario").loc[scenarios]
            for place, (_, row) in enumerate(part.iterrows()):
                clear = row["low"] > 0 or row["high"] < 0
                colour = COLOURS[0] if clear else GREY
                height = len(scenarios) - 1 - place
                pane.plot([row["low"] / divisor, row["high"] / divisor], [height, height], color=colour)
                pane.plot(row["mean_difference"] / divisor, height, marker="o", color=colour, markersize=4.5,
                          markerfacecolor=colour if clear else "white")  # fmt: skip
            pane.axvline(0.0, color=GREY, linewidth=0.8)
            if not part[["mean_difference", "low", "high"]].to_numpy().any():
                pane.set_xlim(-1.0, 1.0)
            pane.set_ylim(-0.6, len(scenarios) - 0.4)
            pane.set_yticks(range(len(scenarios) - 1, -1, -1), scenarios if number % columns == 0 else [])
            pane.locator_params(axis="x", nbins=3)
            pane.grid(axis="y", visible=False)
            pane.grid(axis="x", visible=True)
            pane.set_title(textwrap.fill(title, TITLE_WIDTH), fontsize=8.5)
        for pane in axes[len(variables) :]:
            pane.set_visible(False)
        note = f"Mean paired difference over the {window_of(table)} with its 95 % interval; open grey: the interval holds 0. Conditional projections."
        finish_figure(figure, f"Effects against '{table['baseline'].iloc[0]}'", note)
        return figure


def effects_alt_text(table: pd.DataFrame) -> str:
    """Alt text: which effects have an interval without 0, and their sizes."""
    clear = table[(table["low"] > 0) | (table["high"] < 0)]
    said = "; ".join(
        f"{row['scenario']}: {HEADLINES[row['variable']][0]} {_interval(row, HEADLINES[row['variable']][1])}"
        for _, row in clear.iterrows()
    )
    return (
        f"Dot plot of {len(table)} paired differences over the {window_of(table)}; "
        f"{len(clear)} have a 95 % interval without 0" + (f": {said}." if said else ".")
    )


def comparison_figures(outcomes: pd.DataFrame, baseline: str) -> list[Rendered]:
    """All figures of a comparison: effects at a glance, and one fan of differences for each scenario."""
    effects = effects_data(outcomes, baseline)
    others = [scenario for scenario in by_scenario(outcomes) if scenario != baseline]
    fans = [_differences(differences_data(outcomes, scenario, baseline), scenario) for scenario in others]
    return [Rendered("effects", effects, lambda: effects_figure(effects), effects_alt_text(effects)), *fans]


def _differences(data: pd.DataFrame, scenario: str) -> Rendered:
    return Rendered(
        f"differences__{scenario}", data, lambda: differences_figure(data), differences_alt_text(data)
    )
