"""What a report consists of: sections of blocks, the same for HTML and PDF.

All texts are plain: no markup is read in them, so a scenario's title cannot change the page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

#: How a statement stands to the hypothesis; each has its own word and colour, and all the same size.
Stance = Literal["against", "for", "open", "plain"]


@dataclass(frozen=True)
class Paragraph:
    """A paragraph, with words in bold before it."""

    text: str
    lead: str = ""
    kind: Literal["paragraph"] = "paragraph"


@dataclass(frozen=True)
class Bullets:
    """A list."""

    items: Sequence[str]
    kind: Literal["bullets"] = "bullets"


@dataclass(frozen=True)
class Table:
    """A table with text in its cells.

    Attributes
    ----------
    id : str
        ``T3``, or the name of the figure whose data it holds.
    title, note : str
    columns : sequence of str
        The first column heads the rows.
    rows : sequence of sequence of str
    words : set of int
        Columns that hold words, aligned at the left; the others hold numbers.
    stances : sequence of Stance
        One for each row, or none.
    finding : str
        What it says, in a sentence; empty for tables to look things up in.
    """

    id: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    words: frozenset[int] = frozenset({0})
    stances: Sequence[Stance] = ()
    small: bool = False
    finding: str = ""
    kind: Literal["table"] = "table"


@dataclass(frozen=True)
class DocumentFigure:
    """A figure with its reading note, alt text and data, drawn at two widths.

    Attributes
    ----------
    id : str
        ``F1``.
    name : str
        File name.
    finding : str
        What it shows, in a sentence.
    title, note, alt : str
    data : DataFrame
        All that it shows.
    draw : callable
        Takes whether the figure is to be narrow (one column of a journal, a phone), returns it.
    shown : Table
        Its data as a table for readers.
    wide_only : bool
        Whether it has no narrow form.
    elastic : bool
        Whether its panels stay legible when drawn lower, so that a narrow form that is too tall fits on a page.
    """

    id: str
    name: str
    finding: str
    title: str
    note: str
    alt: str
    data: pd.DataFrame
    draw: Callable[[bool], Figure]
    shown: Table
    wide_only: bool = False
    elastic: bool = False
    kind: Literal["figure"] = "figure"

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise ValueError(f"figure {self.id} has no alt text")


@dataclass(frozen=True)
class Card:
    """One scenario, or one group of findings: a heading with named texts and a list."""

    title: str
    facts: Sequence[tuple[str, str]] = ()
    items: Sequence[str] = ()
    stance: Stance = "plain"
    tag: str = ""


@dataclass(frozen=True)
class Cards:
    """Cards of equal rank, side by side where there is room."""

    cards: Sequence[Card]
    kind: Literal["cards"] = "cards"


Block = Paragraph | Bullets | Table | DocumentFigure | Cards


@dataclass(frozen=True)
class Section:
    """A part of the report."""

    id: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Document:
    """A whole report."""

    kicker: str
    title: str
    subtitle: str
    sections: Sequence[Section]
    facts: Sequence[tuple[str, str]] = field(default=())

    @property
    def figures(self) -> list[DocumentFigure]:
        """All figures, in order."""
        return [b for section in self.sections for b in section.blocks if isinstance(b, DocumentFigure)]

    @property
    def tables(self) -> list[Table]:
        """All tables but those of figures, in order."""
        return [b for section in self.sections for b in section.blocks if isinstance(b, Table)]
