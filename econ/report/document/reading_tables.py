"""The data of figures as tables for readers: few enough rows to read, the rest in the CSV file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from econ.report.document.model import Table
from econ.report.document.numerals import with_interval, year_end
from econ.report.numbers import short

#: Quarters that such a table shows: the status quo, and the last of every second year.
EVERY = 8


def shown_quarters(quarters: pd.Series[int]) -> list[int]:
    """Quarter -1, the last one of every second year, and the last one."""
    first, last = int(quarters.min()), int(quarters.max())
    return sorted({q for q in (-1, *range(EVERY - 1, last, EVERY), last) if first <= q <= last})


def quarter_table(name: str, title: str, data: pd.DataFrame, labels: Mapping[str, tuple[str, float]]) -> Table:
    """Median and 90 % of replicates: one row for each outcome and scenario, one column for each quarter.

    Parameters
    ----------
    data : DataFrame
        Rows of a summary.
    labels : mapping
        Outcome -> its name and what its values are divided by; others are left out.
    """
    scenarios = list(dict.fromkeys(data["scenario"]))
    quarters = shown_quarters(data["quarter"])
    cells = {(row["variable"], row["scenario"], row["quarter"]): row for _, row in data[data["quarter"].isin(quarters)].iterrows()}
    rows = [
        [label, *([scenario] if len(scenarios) > 1 else []), *(_cell(cells[variable, scenario, q], divisor) for q in quarters)]
        for variable, (label, divisor) in labels.items()
        for scenario in scenarios
        if (variable, scenario, quarters[0]) in cells
    ]
    heads = ["Outcome", *(["Scenario"] if len(scenarios) > 1 else []), *(year_end(q).capitalize() for q in quarters)]
    words = frozenset({0, 1} if len(scenarios) > 1 else {0})
    return Table(name, title, heads, rows, note="Median [5 %, 95 % of replicates].", words=words, small=True)


def _cell(row: pd.Series[float], divisor: float) -> str:
    return with_interval(float(row["p50"]), float(row["p05"]), float(row["p95"]), divisor)


def plain_table(
    name: str, title: str, data: pd.DataFrame, heads: Sequence[str], words: int = 1, note: str = ""
) -> Table:
    """All rows of a small table; the first `words` columns are text."""
    rows = [
        [str(cell) if place < words else short(float(cell)) for place, cell in enumerate(row)]
        for row in data.itertuples(index=False)
    ]
    return Table(name, title, list(heads), rows, note=note, words=frozenset(range(words)), small=True)
