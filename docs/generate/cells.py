"""Cells of tables for narrow screens: long ones ask for room, and those of records carry their column's name."""

from __future__ import annotations

import html
import re

#: Characters of a cell that would be a column of single words on a narrow screen.
LONG = 60
_TAG = re.compile(r"<[^>]+>")
_HEAD = re.compile(r"<th(?: [^>]*)?>(.*?)</th>", re.DOTALL)
_ROW = re.compile(r"<tr>.*?</tr>", re.DOTALL)
_CELL = re.compile(r"<td>(.*?)</td>", re.DOTALL)
_RECORDS = re.compile(r'<div class="records">.*?</table>', re.DOTALL)


def for_narrow_screens(page: str) -> str:
    """A page with the class ``long`` on cells of sentences, and the heads of records as ``data-label`` of their cells.

    Examples
    --------
    >>> for_narrow_screens('<div class="records"><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table></div>')
    '<div class="records"><tr><th>a</th><th>b</th></tr><tr><td>1</td><td data-label="b">2</td></tr></table></div>'
    """
    return _CELL.sub(_with_room, _RECORDS.sub(lambda found: _labelled(found[0]), page))


def _shown(cell: str) -> str:
    return html.unescape(_TAG.sub("", cell)).strip()


def _with_room(cell: re.Match[str]) -> str:
    return f'<td class="long">{cell[1]}</td>' if len(_shown(cell[1])) > LONG else cell[0]


def _labelled(table: str) -> str:
    """The first cell names the record and needs no label."""
    heads = [html.escape(_shown(head)) for head in _HEAD.findall(table)]

    def row(found: re.Match[str]) -> str:
        labels = iter(heads)
        return _CELL.sub(lambda cell: _cell(cell, next(labels, ""), first=cell.start() == found[0].find("<td>")), found[0])

    return _ROW.sub(row, table)


def _cell(cell: re.Match[str], label: str, *, first: bool) -> str:
    return cell[0] if first or not label or not _shown(cell[1]) else f'<td data-label="{label}">{cell[1]}</td>'
