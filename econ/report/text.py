"""What all texts for a terminal and a notebook share: the caveat, tables as HTML, how many columns fit."""

from __future__ import annotations

import html
from collections.abc import Sequence

CAVEAT = "Conditional projections of a model under this scenario's assumptions, not forecasts."
#: Spaces between the columns of a table without lines.
GAP = 1


def fitting(label: Sequence[str], columns: Sequence[Sequence[str]], width: int) -> int:
    """How many columns of text, from the first, fit beside a column of labels; 1 at least.

    Examples
    --------
    >>> fitting(["harm"], [["0.1"], ["0.2"], ["0.3"]], 13)
    2
    """
    used = max(map(len, label), default=0)
    for count, column in enumerate(columns):
        used += GAP + max(map(len, column), default=0)
        if used > width:
            return max(count, 1)
    return len(columns)


def html_table(caption: str, header: list[str], body: list[list[str]]) -> str:
    """A table as HTML, everything in it escaped."""
    head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in header)
    rows = "".join(
        f'<tr><th scope="row">{html.escape(first)}</th>'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in body
    )
    return f"<table><caption>{html.escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
