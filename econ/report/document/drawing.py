"""Figures at journal widths: their size, and their bytes as SVG, PDF or PNG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from econ.report.style import DPI, figure_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Widths of one and of two columns of a journal, mm.
SINGLE, DOUBLE = 89.0, 183.0
MM_PER_INCH = 25.4
#: Height of a journal's page, mm: what is taller is for a phone, not for a paper.
TALLEST = 240.0
#: The most times as tall as a page that a figure is drawn lower, to fit on one.
MOST_TOO_TALL = 1.4
#: Height (inches) that a figure's own title and note take; captions stand beside the figure instead.
TITLE_AND_NOTE = 0.5
FORMATS = ("pdf", "svg", "png")


def width_mm(narrow: bool) -> float:
    """Width of a figure."""
    return SINGLE if narrow else DOUBLE


def height_mm(figure: Figure) -> float:
    """Height of a figure."""
    return float(figure.get_figheight()) * MM_PER_INCH


def fitted(figure: Figure, *, narrow: bool, height: float | None = None) -> Figure:
    """A figure at a journal's width, without its own title and note, which the caption holds.

    Parameters
    ----------
    figure : Figure
        With a constrained layout, which is solved when it is saved.
    narrow : bool
        One column or two.
    height : float, optional
        Inches; the figure's own, less its title and note, unless given.
    """
    for text in figure.texts:
        text.set_visible(False)
        text.set_in_layout(False)
    tall = figure.get_figheight() - TITLE_AND_NOTE if height is None else height
    figure.set_size_inches(width_mm(narrow) / MM_PER_INCH, tall)
    return figure


def on_a_page(figure: Figure, *, elastic: bool) -> Figure | None:
    """A figure that fits on a journal's page, drawn lower if need be and if it bears that; None if it does not fit.

    Parameters
    ----------
    figure : Figure
        With a constrained layout, not yet saved.
    elastic : bool
        Whether its panels may be drawn lower.
    """
    excess = height_mm(figure) / TALLEST
    if excess > (MOST_TOO_TALL if elastic else 1.0):
        return None
    if excess > 1.0:
        figure.set_figheight(TALLEST / MM_PER_INCH)
    return figure


def figure_bytes(figure: Figure, form: str, *, title: str = "", alt: str = "", text: str = "path") -> bytes:
    """A figure as a file: the same bytes for the same figure, fonts embedded.

    Parameters
    ----------
    form : str
        ``pdf`` (fonts as Type 42), ``svg`` or ``png``.
    title, alt : str
        Go into the file's metadata.
    text : str
        What an SVG writes text as: ``path`` (outlines, so that no font is needed) or ``none`` (text, a third of the size).
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    stream = io.BytesIO()
    with figure_style():
        _freeze_layout(figure)
        if form == "pdf":
            facts: dict[str, Any] = {"CreationDate": None, "Title": title, "Subject": alt, "Producer": None, "Creator": "econ"}
            # Outlines of Type 3 cannot be searched, and journals refuse them.
            mpl.rcParams["pdf.fonttype"] = 42
            FigureCanvasPdf(figure).print_pdf(stream, metadata=facts)  # type: ignore[no-untyped-call]
        elif form == "svg":
            mpl.rcParams["svg.fonttype"] = text
            FigureCanvasSVG(figure).print_svg(stream, metadata={"Date": None, "Title": title, "Description": alt})  # type: ignore[no-untyped-call]
        else:
            FigureCanvasAgg(figure).print_png(stream, metadata={"Software": None, "Title": title, "Description": alt})  # type: ignore[no-untyped-call]
    return stream.getvalue()


def _freeze_layout(figure: Figure) -> None:
    """Solve the layout once: the solver moves on every draw, and no two files would be the same."""
    figure.set_dpi(DPI)
    layout = figure.get_layout_engine()
    if layout is not None:
        layout.execute(figure)
        figure.set_layout_engine("none")
