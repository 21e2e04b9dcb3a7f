"""A report as one HTML file that needs no network and no script."""

from __future__ import annotations

import base64
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from econ.core.csv_files import defused
from econ.report.document.drawing import figure_bytes
from econ.report.document.numerals import typeset

if TYPE_CHECKING:
    from econ.report.document.model import Document, DocumentFigure, Table

TEMPLATES = "econ.report.templates"
#: Coordinates of a path with more decimals than a screen or printer shows; points have 1/72 inch.
LONG_NUMBER = re.compile(rb"(-?\d+\.\d{2})\d+")
SPACE, PATH_DATA = re.compile(rb"\s+"), re.compile(rb' d="[^"]*"')
#: What Matplotlib writes and no eye sees. Its own font is on few machines; Verdana, on most, is as wide.
UNSEEN = (
    (re.compile(rb"<!--.*?-->|<!DOCTYPE.*?>|<metadata>.*?</metadata>", re.DOTALL), b""),
    (re.compile(rb'<g id="[^"]*"'), b"<g"),
    (re.compile(rb' transform="rotate\(-?0 [^)]*\)"'), b""),
    (re.compile(rb"; ?font-family: 'DejaVu Sans'|font-family: 'DejaVu Sans'; ?"), b""),
    (re.compile(rb"font: (\S+) 'DejaVu Sans'"), rb"font-size: \1"),
    (re.compile(rb'<style type="text/css">'), b"<style type=\"text/css\">text{font-family:'DejaVu Sans',Verdana,Arial,sans-serif}"),
    (re.compile(rb'( (?:x|y|width|height)="-?\d+\.\d{2})\d+"'), rb'\1"'),
    (re.compile(rb">\s+<"), b"><"),
)
#: Characters of a CSV file that an address may hold as they are.
PLAIN = ",;:.-_()+*!/="
#: Characters above which a cell holds a sentence; up to which it holds a mark.
SENTENCE, MARK = 60, 4


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
    environment.globals["fit"] = fit
    environment.filters["typeset"] = typeset
    environment.filters["breakable"] = lambda text: Markup("_<wbr>").join(text.split("_"))
    images = {figure.id: _addresses(figure, pictures[figure.id]) for figure in document.figures}
    # The stylesheet is our own file and the only text that is not escaped.
    css = Markup(_source("report.css"))
    return environment.get_template("report.html.j2").render(document=document, images=images, css=css)


def _source(name: str) -> str:
    return files(TEMPLATES).joinpath(name).read_text(encoding="utf-8")


def label(identifier: str) -> str:
    """What stands before a table's title: ``T4``; nothing for tables without a number."""
    return identifier.replace("_", ", part ") if identifier.startswith("T") and identifier[1:2].isdigit() else ""


def fit(table: Table) -> list[str]:
    """How much width each column of words asks for on a narrow screen: ``long`` for sentences, ``brief`` for marks, else nothing."""
    longest = [max((len(row[place]) for row in table.rows), default=0) for place in range(len(table.columns))]
    return ["" if place not in table.words else "long" if most > SENTENCE else "brief" if most <= MARK else "" for place, most in enumerate(longest)]


def _addresses(figure: DocumentFigure, drawn: Pictures) -> dict[str, str]:
    """The figure at two widths and its data, as addresses that hold all of it."""
    csv = defused(figure.data).to_csv(index=False, float_format="%.6g").encode()
    return {
        "wide": _address("image/svg+xml", drawn.wide), "narrow": _address("image/svg+xml", drawn.narrow),
        "csv": f"data:text/csv;charset=utf-8,{urllib.parse.quote(csv, safe=PLAIN)}",
    }  # fmt: skip


def _address(media: str, content: bytes) -> str:
    return f"data:{media};base64,{base64.b64encode(content).decode()}"


def svg(figure: DocumentFigure, *, narrow: bool) -> bytes:
    """A figure as SVG with its text as text, without what no eye sees: metadata, names of groups, space, decimals beyond a hundredth of a point."""
    drawn = figure_bytes(figure.draw(narrow), "svg", text="none")
    for unseen, instead in UNSEEN:
        drawn = unseen.sub(instead, drawn)
    return PATH_DATA.sub(lambda path: SPACE.sub(b" ", LONG_NUMBER.sub(rb"\1", path.group())), drawn)
