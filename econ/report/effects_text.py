"""Effects of scenarios against a baseline as text for a terminal, as HTML for a notebook and as JSON for a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from econ.ensemble.effects import HEADLINES
from econ.ensemble.window import window_words
from econ.report.numbers import interval, without_nan
from econ.report.text import broken, fitting, html_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from rich.console import Console

HOW = "mean paired difference of the {window}, 95 % interval, * where it excludes 0; share of replicates with its sign; (n) where it rests on fewer replicates than others"


def print_effects(effects: pd.DataFrame, console: Console) -> None:
    """Print a table with one row per outcome and as many scenarios side by side as the window holds.

    Parameters
    ----------
    effects : DataFrame
        As from `effects_data`, of the headline outcomes.
    console : Console
    """
    from rich.table import Table

    console.print(f"Effects against '{effects['baseline'].iloc[0]}': {_how(effects)}", style="italic", highlight=False)
    labels, columns = _cells(effects)
    while columns:
        count = fitting(labels, [[name, *cells] for name, cells in columns], console.width)
        grid = Table(box=None, pad_edge=False)
        # Where even one scenario does not fit, its outcomes' names are broken, never its numbers.
        grid.add_column("")
        for name, cells in columns[:count]:
            grid.add_column(broken(name, max(map(len, cells))), justify="right", no_wrap=True)
        for label, *row in zip(labels, *(cells for _, cells in columns[:count]), strict=True):
            grid.add_row(label, *row)
        console.print(grid)
        columns = columns[count:]


def effects_html(effects: pd.DataFrame) -> str:
    """Effects as an HTML table, with what its numbers are as its caption."""
    labels, columns = _cells(effects)
    body = [list(row) for row in zip(labels, *(cells for _, cells in columns), strict=True)]
    caption = f"Effects against {effects['baseline'].iloc[0]}: {_how(effects)}"
    return html_table(caption, ["", *(name for name, _ in columns)], body)


def window_of(effects: pd.DataFrame) -> str:
    """The quarters that a table of effects averages, in words."""
    return window_words(int(effects["quarters"].iloc[0]))


def _how(effects: pd.DataFrame) -> str:
    return HOW.format(window=window_of(effects))


def _cells(effects: pd.DataFrame) -> tuple[list[str], list[tuple[str, Sequence[str]]]]:
    """Names of the outcomes, and the name and cells of each scenario's column."""
    variables = list(dict.fromkeys(effects["variable"]))
    most = int(effects["pairs"].max())
    rows = effects.set_index(["scenario", "variable"]).to_dict("index")
    columns = [
        (name, [_effect(rows[name, variable], HEADLINES[variable][1]) + fewer_pairs(rows[name, variable], most) for variable in variables])
        for name in dict.fromkeys(effects["scenario"])
    ]  # fmt: skip
    return [HEADLINES[variable][0] for variable in variables], columns  # type: ignore[return-value]


def _effect(row: dict[Any, Any], divisor: float) -> str:
    mark = "*" if excludes_zero(row) else " "
    share = row["sign_stability"]
    stability = f"{share:4.0%}" if share == share else "   –"
    return f"{interval(row['mean_difference'], row['low'], row['high'], divisor)} {mark}{stability}"


def fewer_pairs(row: Any, most: int) -> str:
    """A mark of an effect that rests on fewer pairs of replicates than others of its table."""
    return f" (n {row['pairs']:.0f})" if row["pairs"] < most else ""


def excludes_zero(row: Any) -> bool:
    """Whether the 95 % interval of a mean paired difference does not hold 0."""
    return bool(row["low"] > 0 or row["high"] < 0)


def effect_facts(effects: pd.DataFrame) -> list[dict[str, Any]]:
    """Effects as records, each saying whether its interval excludes 0."""
    return [
        {**without_nan(record), "excludes_zero": excludes_zero(record)} for record in effects.to_dict("records")
    ]
