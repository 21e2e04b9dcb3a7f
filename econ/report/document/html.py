"""A report as one HTML file that needs no network and no script."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from econ.report.document.drawing import figure_bytes

if TYPE_CHECKING:
    from econ.report.document.model import Document, DocumentFigure

TEMPLATES = "econ.report.templates"
#: Coordinates of a path with more decimals than a screen or printer shows; points have 1/72 inch.
LONG_NUMBER = re.compile(rb"(-?\d+\.\d{2})\d+")
COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
GROUP_NAME = re.compile(rb'<g id="[^"]*"')
BETWEEN_TAGS, SPACE = re.compile(rb">\s+<"), re.compile(rb"\s+")
PATH_DATA = re.compile(rb' d="[^"]*"')


@dataclass(frozen=True)
class Pictures:
    """A figure drawn as SVG at both widths; the narrow one is the wide one where there is no other."""

    wide: bytes
    narrow: bytes


def draw(document: Document) -> dict[str, Pictures]:
    """All figures of a report, by number, drawn once for the page and the PDF."""
    drawn = {}
    for figure in document.figures:
        wide = svg(figure, narrow=False)
        drawn[figure.id] = Pictures(wide, wide if figure.wide_only else svg(figure, narrow=True))
    return drawn


def html(document: Document, pictures: Mapping[str, Pictures]) -> str:
    """The page; every text is escaped."""
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_source), autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.globals["label"] = label
    images = {figure.id: _addresses(figure, pictures[figure.id]) for figure in document.figures}
    # The stylesheet is our own file and the only text that is not escaped.
    css = Markup(_source("report.css"))
    return environment.get_template("report.html.j2").render(document=document, images=images, css=css)


def _source(name: str) -> str:
    return files(TEMPLATES).joinpath(name).read_text(encoding="utf-8")


def label(identifier: str) -> str:
    """What stands before a table's title: ``T4``; nothing for tables without a number."""
    return identifier.replace("_", ", part ") if identifier.startswith("T") and identifier[1:2].isdigit() else ""


def _addresses(figure: DocumentFigure, drawn: Pictures) -> dict[str, str]:
    """The figure at two widths and its data, as addresses that hold all of it."""
    csv = figure.data.to_csv(index=False, float_format="%.6g").encode()
    return {
        "wide": _address("image/svg+xml", drawn.wide), "narrow": _address("image/svg+xml", drawn.narrow), "csv": _address("text/csv", csv),
    }  # fmt: skip


def _address(media: str, content: bytes) -> str:
    return f"data:{media};base64,{base64.b64encode(content).decode()}"


def svg(figure: DocumentFigure, *, narrow: bool) -> bytes:
    """A figure as SVG, without what no eye sees: comments, names of groups, space, decimals beyond a hundredth of a point."""
    drawn = figure_bytes(figure.draw(narrow), "svg", title=figure.title, alt=figure.alt)
    rounded = PATH_DATA.sub(lambda path: SPACE.sub(b" ", LONG_NUMBER.sub(rb"\1", path.group())), drawn)
    return BETWEEN_TAGS.sub(b"><", GROUP_NAME.sub(b"<g", COMMENT.sub(b"", rounded)))
