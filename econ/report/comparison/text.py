"""A comparison as text for a terminal, as HTML for a notebook and as JSON for a script."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from econ.ensemble.effects import HEADLINES
from econ.report.effects_text import effect_facts, effects_html, print_effects, window_of
from econ.report.numbers import short, without_nan
from econ.report.text import CAVEAT, broken, html_table, table_width

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from econ.report.comparison.compared import Comparison

RANKING = (
    "Order of the scenarios by mean outcome of the {window}, in every replicate; better is lower or higher as said, where "
    "neither is said the order is from the highest. tau: Kendall's, between a replicate's order and that of the means (5 % to 95 %)."
)
#: Characters that a cell has at least, however narrow the window.
NARROWEST = 12
HEADS = ("", "better", "leads", "in", "ahead of", "in", "tau")


def print_comparison(comparison: Comparison, console: Console, place: str | None) -> None:
    """Print effects, and with three scenarios or more how stable their order is."""
    print_effects(_headlines(comparison.effects), console)
    if len(comparison.scenarios) > 2:
        _print_ranking(comparison, console)
    if comparison.note is not None:
        console.print(f"Note: {comparison.note}.", highlight=False)
    console.print(CAVEAT, style="italic", highlight=False)
    if place is not None:
        console.print(f"Tables, manifest, and figures if --figures is given: {place}", highlight=False)


def _headlines(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the headline outcomes, in their order within each scenario."""
    order = {name: place for place, name in enumerate(HEADLINES)}
    chosen = table[table["variable"].isin(list(order))]
    return chosen.sort_values("variable", key=lambda names: names.map(order), kind="stable")


def _print_ranking(comparison: Comparison, console: Console) -> None:
    from rich.table import Table

    console.print(_ranking_note(comparison), style="italic", highlight=False)
    grid = Table(box=None, pad_edge=False)
    for name in HEADS:
        grid.add_column(name, justify="right" if name == "in" else "left", overflow="fold")
    for row in _fitted(_ranking_rows(comparison), console.width):
        grid.add_row(*row)
    console.print(grid)
    for line in turning_lines(comparison):
        console.print(line, highlight=False)


def _ranking_note(comparison: Comparison) -> str:
    return RANKING.format(window=window_of(comparison.effects))


def _fitted(rows: list[list[str]], width: int) -> list[list[str]]:
    """The rows with names broken after underscores, as far as the window asks for it."""
    for most in (*range(60, NARROWEST, -4), NARROWEST):
        shown = [[broken(cell, most) for cell in row] for row in rows]
        if table_width(list(zip(HEADS, *shown, strict=True))) <= width:
            break
    return shown


def _ranking_rows(comparison: Comparison) -> list[list[str]]:
    return [
        [HEADLINES[row["variable"]][0], row["better"], row["leader"], f"{row['leads']:.0%}", row["runner_up"], f"{row['ahead']:.0%}",
         f"{row['tau']:.2f} ({row['tau_p05']:.2f} to {row['tau_p95']:.2f})"]
        for row in _headlines(comparison.stability).to_dict("records")
    ]  # fmt: skip


def turning_lines(comparison: Comparison) -> list[str]:
    """One line for each headline outcome whose first two scenarios change places with a state of the world."""
    return [
        f"Turned: by {HEADLINES[row['variable']][0]}, {row['runner_up']} comes before {row['leader']} where {row['turns_with']} is "
        f"{'lower' if row['turned_median'] < row['kept_median'] else 'higher'} (median {short(row['turned_median'])}, elsewhere "
        f"{short(row['kept_median'])}; p {short(row['turns_p'])} after Holm)"
        for row in _headlines(comparison.stability).to_dict("records") if isinstance(row["turns_with"], str)
    ]  # fmt: skip


def comparison_facts(comparison: Comparison, out: str) -> dict[str, Any]:
    """The facts of a comparison that ``--json`` prints."""
    return {
        "out": out,
        "baseline": comparison.baseline,
        "scenarios": comparison.scenarios,
        "note": comparison.note,
        "effects": effect_facts(_headlines(comparison.effects)),
        "rank_stability": [without_nan(row) for row in _headlines(comparison.stability).to_dict("records")],
    }


def comparison_html(comparison: Comparison) -> str:
    """Effects and ranking of a comparison as an HTML fragment for a notebook; everything is escaped."""
    parts = [effects_html(_headlines(comparison.effects))]
    if len(comparison.scenarios) > 2:
        parts.append(html_table(_ranking_note(comparison), list(HEADS), _ranking_rows(comparison)))
        parts += [f"<p>{html.escape(line)}</p>" for line in turning_lines(comparison)]
    if comparison.note is not None:
        parts.append(f"<p>{html.escape(comparison.note)}</p>")
    return "".join(parts) + f"<p>{html.escape(CAVEAT)}</p>"
