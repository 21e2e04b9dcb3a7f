"""A report as a PDF, set by Typst: tagged for screen readers (PDF/UA-1), fonts embedded, the same bytes every time.

Typst is one wheel without system libraries, needs no network and takes all texts as data. WeasyPrint would
set the HTML itself but needs pango, which pip cannot install.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from textwrap import fill
from typing import Any

from econ.core.errors import InputError, WorkError
from econ.report.document.html import TEMPLATES, Pictures, label
from econ.report.document.model import Block, Bullets, Document, DocumentFigure, Paragraph, Table
from econ.report.document.numerals import typeset

EXTRA = "report"
FOOTER = "Conditional projections, not forecasts."
#: Most columns of numbers that an A4 page holds.
MOST_NUMBERS = 5
#: Widest share of a table that a column of words may ask for, against the narrowest.
WIDEST = 8.0
#: Characters of a line of the head of a column of numbers, which else takes the width that words need.
HEAD = 16


def available() -> bool:
    """Whether the extra that sets PDF files is installed."""
    return find_spec("typst") is not None


def require() -> None:
    """Refuse if the extra is not installed.

    Raises
    ------
    InputError
        Naming the extra.
    """
    if not available():
        raise InputError(
            f"a PDF report needs the extra '{EXTRA}': pip install 'via-negativa-econ[{EXTRA}]'", key="--format", found="pdf", allowed="html"
        )


def pdf(document: Document, pictures: Mapping[str, Pictures]) -> bytes:
    """The PDF file.

    Raises
    ------
    InputError
        If the extra is not installed.
    WorkError
        If the page could not be set.
    """
    require()
    import matplotlib as mpl
    import typst

    with tempfile.TemporaryDirectory(prefix="econ-") as name:
        folder = Path(name)
        main = folder / "report.typ"
        main.write_bytes(files(TEMPLATES).joinpath("report.typ").read_bytes())
        for figure in document.figures:
            (folder / _file(figure)).write_bytes(pictures[figure.id].wide)
        try:
            # A fixed time: the page itself says when it was made, and the same page gives the same file.
            return typst.compile(
                main, root=folder, sys_inputs={"document": json.dumps(_plain(document))}, ignore_system_fonts=True,
                font_paths=[Path(mpl.get_data_path()) / "fonts" / "ttf"], pdf_standards=["ua-1"], timestamp=0,
            )  # fmt: skip
        except RuntimeError as error:
            raise WorkError(f"the PDF could not be set ({error})") from error


def _file(figure: DocumentFigure) -> str:
    return f"{figure.id}.svg"


def _plain(document: Document) -> dict[str, Any]:
    sections = [
        {"title": section.title, "blocks": [_block(part) for block in section.blocks for part in _narrow_enough(block)]}
        for section in document.sections
    ]
    return {
        "kicker": document.kicker, "title": document.title, "subtitle": document.subtitle, "facts": [list(fact) for fact in document.facts],
        "footer": FOOTER, "sections": sections,
    }  # fmt: skip


def _narrow_enough(block: Block) -> list[Block]:
    """A table with more columns of numbers than a page holds as several, each with the first column; all else as it is."""
    numbers = [] if not isinstance(block, Table) else [i for i in range(len(block.columns)) if i not in block.words]
    if not isinstance(block, Table) or len(numbers) <= MOST_NUMBERS:
        return [block]
    words = sorted(block.words)
    count = -(-len(numbers) // MOST_NUMBERS)
    size = -(-len(numbers) // count)
    parts: list[Block] = []
    for place in range(count):
        kept = [*words, *numbers[place * size : (place + 1) * size]]
        parts.append(
            replace(
                block, columns=[block.columns[i] for i in kept], rows=[[row[i] for i in kept] for row in block.rows], words=frozenset(range(len(words))),
                title=f"{block.title} ({place + 1} of {count})", finding=block.finding if place == 0 else "", note=block.note if place == count - 1 else "",
            )
        )  # fmt: skip
    return parts


def _block(block: Block) -> dict[str, Any]:
    if isinstance(block, DocumentFigure):
        return {"kind": "figure", "file": _file(block), "id": block.id, "finding": typeset(block.finding), "title": block.title, "note": typeset(block.note), "alt": block.alt}
    if isinstance(block, Table):
        columns = [head if i in block.words else fill(head, HEAD, break_long_words=False, break_on_hyphens=False) for i, head in enumerate(block.columns)]
        plain = {"columns": columns, "words": sorted(block.words), "label": label(block.id), "widths": _widths(block)}
        return asdict(block) | plain | {"finding": typeset(block.finding), "note": typeset(block.note), "rows": [[typeset(cell) for cell in row] for row in block.rows]}
    if isinstance(block, Paragraph):
        return asdict(block) | {"text": typeset(block.text)}
    if isinstance(block, Bullets):
        return asdict(block) | {"items": [typeset(item) for item in block.items]}
    cards = [asdict(card) | {"items": [typeset(item) for item in card.items]} for card in block.cards]
    return {"kind": block.kind, "cards": cards}


def _widths(table: Table) -> list[float]:
    """Shares of the width that columns of words ask for: the square root of what they hold, so that none is starved."""
    found = []
    for place in range(len(table.columns)):
        longest = max(len(word) for row in (table.columns, *table.rows) for word in [str(row[place])])
        found.append(min(WIDEST, max(1.0, longest**0.5 / 2)))
    return found
