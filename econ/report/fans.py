"""Fan charts: what one is, drawn from a tidy table, with its alt text beside it.

The tidy table has the columns `variable`, `quarter`, `mean`, `p05`, `p25`, `p50`, `p75` and `p95`: the
rows of ``summary.csv`` of one scenario. Money is real USD of 2025.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from econ.report.numbers import short
from econ.report.style import (
    BAND_50,
    BAND_90,
    COLOURS,
    GREY,
    LINES,
    figure_style,
    finish_figure,
    legend_below,
    new_figure,
    quarter_axis,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BANDS_NOTE = (
    "Line: median; bands: 50 % and 90 % of replicates. Grey: burn-in; levers act from the start of 2025. "
    "A conditional projection, not a forecast."
)


@dataclass(frozen=True)
class Series:
    """One line of a fan chart: the outcome, its label, and what its values are divided by."""

    variable: str
    label: str
    divisor: float = 1.0


@dataclass(frozen=True)
class Panel:
    """One pair of axes of a fan chart."""

    title: str
    y_label: str
    series: tuple[Series, ...]
    limits: tuple[float | None, float | None] = (None, None)
    log: bool = False
    reference: float | None = None


@dataclass(frozen=True)
class FanFigure:
    """A named fan chart: panels from left to right and down."""

    name: str
    title: str
    panels: tuple[Panel, ...]
    columns: int
    note: str = ""

    @property
    def rows(self) -> int:
        """Rows of panels."""
        return -(-len(self.panels) // self.columns)

    @property
    def shared_legend(self) -> bool:
        """Whether all panels have the same lines, so that one legend serves them."""
        return len(self.panels) > 1 and len({tuple(series.label for series in panel.series) for panel in self.panels}) == 1

    @property
    def height(self) -> float:
        """Inches: the axes and one line for each entry of the longest legend."""
        if self.shared_legend:
            return 1.0 + 1.95 * self.rows
        lines = max(len(panel.series) for panel in self.panels)
        return 0.75 + self.rows * (2.0 + (0.17 * lines if lines > 1 else 0.0)) + (0.15 * (1 + self.note.count("\n")) if self.note else 0.0)

    @property
    def variables(self) -> list[str]:
        """Outcomes that it shows."""
        return [series.variable for panel in self.panels for series in panel.series]


def fan_data(summary: pd.DataFrame, scenario: str, kind: FanFigure) -> pd.DataFrame:
    """The rows of a summary that a fan chart shows."""
    rows = summary[(summary["scenario"] == scenario) & summary["variable"].isin(kind.variables)]
    return rows.reset_index(drop=True)


def fan_figure(table: pd.DataFrame, kind: FanFigure) -> Figure:
    """Fan chart with the panels of `kind`.

    Parameters
    ----------
    table : DataFrame
        As from `fan_data`; outcomes that it lacks are left out.
    """
    with figure_style():
        figure, axes = new_figure(kind.height, kind.rows, kind.columns)
        for panel, pane in zip(kind.panels, axes, strict=True):
            bottom = pane in axes[-kind.columns :]
            _draw_panel(pane, panel, table)
            quarter_axis(pane, table, label=bottom)
            if not kind.shared_legend and len(panel.series) > 1:
                legend_below(pane, labelled=bottom)
        if kind.shared_legend and len(kind.panels[0].series) > 1:
            figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=2)
        finish_figure(figure, f"{kind.title}: {_scenario(table)}", f"{kind.note}\n{BANDS_NOTE}".strip())
        return figure


def fan_alt_text(table: pd.DataFrame, kind: FanFigure) -> str:
    """Alt text of a fan chart: first and last median of each line with the last 90 % interval."""
    sentences = [f"Fan chart of {kind.title.lower()} in scenario {_scenario(table)} over quarters."]
    for panel in kind.panels:
        for series in panel.series:
            rows = table[(table["variable"] == series.variable) & table["p50"].notna()].sort_values("quarter")
            if rows.empty:
                continue
            first, last = rows.iloc[0], rows.iloc[-1]
            low, middle, high = (short(last[name] / series.divisor) for name in ("p05", "p50", "p95"))
            sentences.append(
                f"{panel.title}, {series.label}: median {short(first['p50'] / series.divisor)} in quarter "
                f"{int(first['quarter'])}, {middle} in quarter {int(last['quarter'])} (90 % of replicates {low} to {high})."
            )
    return " ".join(sentences)


def _scenario(table: pd.DataFrame) -> str:
    return str(table["scenario"].iloc[0]) if len(table) else "none"


def _draw_panel(axes: Axes, panel: Panel, table: pd.DataFrame) -> None:
    for number, series in enumerate(panel.series):
        rows = table[table["variable"] == series.variable].sort_values("quarter")
        _draw_fan(axes, rows, series, COLOURS[number], LINES[number])
    axes.set_title(panel.title)
    axes.set_ylabel(panel.y_label)
    if panel.log:
        _log_axis(axes)
    axes.set_ylim(*panel.limits)
    if panel.reference is not None:
        axes.axhline(panel.reference, color=GREY, linestyle=(0, (3, 2)), linewidth=1.0)


def _draw_fan(axes: Axes, rows: pd.DataFrame, series: Series, colour: str, line: Any) -> None:
    values = {
        name: rows[name].to_numpy(dtype=float) / series.divisor
        for name in ("p05", "p25", "p50", "p75", "p95")
    }
    quarter = rows["quarter"].to_numpy()
    axes.fill_between(quarter, values["p05"], values["p95"], color=colour, alpha=BAND_90, linewidth=0)
    axes.fill_between(quarter, values["p25"], values["p75"], color=colour, alpha=BAND_50, linewidth=0)
    axes.plot(quarter, values["p50"], color=colour, linestyle=line, label=series.label)


def _log_axis(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
