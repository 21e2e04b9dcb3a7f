"""What all texts for a terminal and a notebook share: the caveat, tables as HTML, how many columns fit."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

CAVEAT = "Conditional projections of a model under this scenario's assumptions, not forecasts."
#: Spaces between the columns of a table without lines: each cell has one on either side.
GAP = 2
#: Abbreviations in the names of facts.
_WORDS = {"hhi": "HHI", "cr3": "CR3", "us": "US", "ai": "AI", "gpu": "GPU", "bpo": "BPO", "musd": "mn USD", "top5": "top 5", "kenya": "Kenya", "india": "India"}


def fact_words(name: str) -> str:
    """The name of a fact as readers know its abbreviations.

    Examples
    --------
    >>> fact_words("wage_ratio_us_kenya"), fact_words("hhi_vendors_2024")
    ('wage ratio US Kenya', 'HHI vendors 2024')
    """
    return " ".join(_WORDS.get(word, word) for word in name.split("_"))


def fitting(label: Sequence[str], columns: Sequence[Sequence[str]], width: int) -> int:
    """How many columns of text, from the first, fit beside a column of labels; 1 at least.

    Examples
    --------
    >>> fitting(["harm"], [["0.1"], ["0.2"], ["0.3"]], 15)
    2
    """
    used = max(map(len, label), default=0)
    for count, column in enumerate(columns):
        used += GAP + max(map(len, column), default=0)
        if used > width:
            return max(count, 1)
    return len(columns)


def broken(name: str, width: int) -> str:
    r"""A name in lines of at most `width` characters, broken after underscores and spaces alone; a longer word stays whole.

    Examples
    --------
    >>> broken("strict_liability_no_safe_harbour", 17)
    'strict_liability_\nno_safe_harbour'
    """
    lines = [""]
    for piece in re.findall(r"[^_ ]*[_ ]|[^_ ]+", name):
        if lines[-1] and len(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip(" ") for line in lines)


def table_width(columns: Sequence[Sequence[str]]) -> int:
    """Width of a table without lines whose cells hold lines of their own."""
    return sum(max((len(line) for cell in column for line in cell.split("\n")), default=0) for column in columns) + GAP * (len(columns) - 1)


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
