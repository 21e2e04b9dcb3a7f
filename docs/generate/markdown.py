"""Pieces of Markdown: tables, and text that means itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

#: What Markdown and the HTML inside it would read as something else.
_SPECIAL = re.compile(r"([\\`*_{}\[\]>|#$])")
_ADDRESS = re.compile(r"^https?://\S+$")
_ARXIV = re.compile(r"^(?:arXiv:)?(\d{4}\.\d{4,5}(?:v\d+)?)$")
_SITE = re.compile(r"^[a-z0-9.-]+\.[a-z]{2,}(?:/\S*)?$")


def text(value: object) -> str:
    r"""A value as Markdown that shows exactly these characters; None and NaN show nothing.

    Examples
    --------
    >>> text("a|b_c"), text(None), text(0.25)
    ('a\\\\|b\\\\_c', '', '0.25')
    """
    if value is None or value != value:
        return ""
    shown = f"{value:.12g}" if isinstance(value, float) else str(value)
    return _SPECIAL.sub(r"\\\1", shown).replace("<", "&lt;").replace("\n", " ")


def code(value: object) -> str:
    """A value in code font, as it may stand in a table."""
    shown = str(value).replace("|", "&#124;").replace("<", "&lt;")
    return "" if shown == "" else (f"<code>{shown}</code>" if "&" in shown else f"`{shown}`")


def link(address: str) -> str:
    """An address as a link: a full one, an arXiv number or a site; other text as it is.

    Examples
    --------
    >>> link("2506.01347")
    '[2506.01347](https://arxiv.org/abs/2506.01347)'
    """
    shown = text(address)
    if _ADDRESS.match(address):
        return f"[{shown}]({address})"
    if found := _ARXIV.match(address):
        return f"[{shown}](https://arxiv.org/abs/{found[1]})"
    return f"[{shown}](https://{address})" if _SITE.match(address) else shown


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already.

    Raises
    ------
    ValueError
        If a row has another number of cells than the head.
    """
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for row in rows:
        if len(row) != len(head):
            raise ValueError(f"{len(row)} cells under {len(head)} headings: {row}")
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def records(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of long texts; a narrow screen shows each row as a record, its cells below one another."""
    return f'<div class="records" markdown>\n\n{table(head, rows)}\n</div>\n'


def wide(page: str) -> str:
    """A page whose tables take the place of its table of contents."""
    return f"---\nhide: [toc]\n---\n\n{page}"
