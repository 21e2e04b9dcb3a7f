"""Contributions of the market's links to the difference between two scenarios: figure and table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from econ.ensemble.decomposition import DIRECT, LINKS, TOTAL
from econ.ensemble.window import window_length, window_words
from econ.report.numbers import short
from econ.report.rendered import Rendered
from econ.report.style import COLOURS, GREY, figure_style, finish_figure, new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from rich.console import Console

#: Outcomes with their names and what their values are divided by.
TITLES = {
    "constraint_budget_share": ("Constraints' budget share", 1.0),
    "harm_rate": ("Harm, relative", 1.0),
    "hhi_service": ("HHI of services", 1.0),
    "hhi_licence": ("HHI of licences", 1.0),
    "hhi_normative": ("HHI of requests governed", 1.0),
    "capture_index": ("Capture index", 1.0),
    "welfare": ("Welfare, mn USD/quarter", 1e6),
}
NAMES = {"fee_inflation": "fee inflation", DIRECT: "direct (all links off)", TOTAL: "whole difference"}
COLUMNS = 3
#: Multiple of the Monte Carlo error that is drawn: a 95 % interval.
HALF_WIDTH = 1.96


def rendered_decomposition(table: pd.DataFrame, quarters: int) -> Rendered:
    """The figure, its data and its alt text; of a run of so many quarters."""
    return Rendered(
        "decomposition", table, lambda: decomposition_figure(table, quarters), decomposition_alt_text(table)
    )


def decomposition_figure(table: pd.DataFrame, quarters: int, columns: int = COLUMNS) -> Figure:
    """Contribution of each link with its 95 % interval, one panel for each outcome.

    Parameters
    ----------
    table : DataFrame
        As ``decomposition.csv``.
    quarters : int
        Of the run, after the burn-in.
    columns : int
        Of panels.
    """
    links = [*LINKS, DIRECT, TOTAL]
    variables = list(dict.fromkeys(table["variable"]))
    rows = -(-len(variables) // columns)
    with figure_style():
        figure, axes = new_figure(0.9 + 1.8 * rows, rows, columns, share_x=False)
        for number, (pane, variable) in enumerate(zip(axes, variables, strict=False)):
            title, divisor = TITLES[variable]
            part = table[table["variable"] == variable].set_index("link").loc[links]
            height = np.arange(len(links))[::-1]
            value, error = (part[name].to_numpy(float) / divisor for name in ("contribution", "mc_error"))
            colours = [COLOURS[0]] * len(LINKS) + [COLOURS[1], GREY]
            pane.barh(height, value, 0.65, color=colours)
            pane.errorbar(value, height, xerr=HALF_WIDTH * error, fmt="none", ecolor="black", elinewidth=0.9)
            pane.axvline(0.0, color=GREY, linewidth=0.8)
            pane.set_yticks(height, [NAMES.get(x, x) for x in links] if number % columns == 0 else [])
            pane.locator_params(axis="x", nbins=4)
            pane.grid(axis="y", visible=False)
            pane.set_title(title, fontsize=8.5)
        for pane in axes[len(variables) :]:
            pane.set_visible(False)
        first = table.iloc[0]
        note = (
            f"Shapley contributions, mean over the {window_words(window_length(quarters))} with 95 % intervals over replicates. "
            "A conditional projection, not a forecast."
        )
        finish_figure(
            figure, f"What carries the difference of '{first['scenario']}' from '{first['baseline']}'", note
        )
        return figure


def decomposition_alt_text(table: pd.DataFrame) -> str:
    """Alt text: whole difference and largest contribution of each outcome."""
    said = []
    for variable, part in table.groupby("variable", sort=False):
        title, divisor = TITLES[str(variable)]
        by_link = part.set_index("link")["contribution"] / divisor
        largest = str(by_link.drop(TOTAL).abs().fillna(0.0).idxmax())
        said.append(
            f"{title} {short(by_link[TOTAL])}, most of it {NAMES.get(largest, largest)} {short(by_link[largest])}"
        )
    return f"Bars of Shapley contributions of the market's links. Whole differences: {'; '.join(said)}."


def decomposition_finding(data: pd.DataFrame) -> str:
    """The largest contribution to the difference in the budget share, or in the first outcome."""
    variables = list(dict.fromkeys(data["variable"]))
    variable = "constraint_budget_share" if "constraint_budget_share" in variables else variables[0]
    title, divisor = TITLES[variable]
    part = data[data["variable"] == variable].set_index("link")["contribution"] / divisor
    largest = str(part.drop(TOTAL).abs().fillna(0.0).idxmax())
    return f"{title}: of a difference of {short(part[TOTAL])}, {NAMES.get(largest, largest)} contributes {short(part[largest])}, the most of all links."


def print_decomposition(table: pd.DataFrame, console: Console) -> None:
    """The contributions as a table: outcomes in the rows, links in the columns."""
    from rich.table import Table

    links = [*LINKS, DIRECT, TOTAL]
    first = table.iloc[0]
    shown = Table(title=f"What carries the difference of '{first['scenario']}' from '{first['baseline']}' (± Monte Carlo error)")
    shown.add_column("outcome")
    for link in links:
        shown.add_column(NAMES.get(link, link), justify="right")
    for variable, part in table.groupby("variable", sort=False):
        title, divisor = TITLES[str(variable)]
        rows = part.set_index("link").loc[links]
        value, error = (rows[name].to_numpy(float) / divisor for name in ("contribution", "mc_error"))
        cells = [f"{short(x)} ± {short(e)}" for x, e in zip(value, error, strict=True)]
        shown.add_row(title, *cells)
    console.print(shown)
