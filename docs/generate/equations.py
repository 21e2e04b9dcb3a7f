"""Equations as MathML, made when the site is built: nothing is rendered, or fetched, by the reader's browser.

`pymdownx.arithmatex` marks equations in a page; here each becomes MathML (which browsers draw and
screen readers read), in the font STIX Two Math, which ships with the site.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

_MARKED = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


#: Names of functions, which need space before what they are applied to.
_FUNCTION = re.compile(r"(<mi>(?:log|ln|exp|max|min)</mi>)(?=<m(?!o[ >]))")


class EquationError(ValueError):
    """An equation that cannot be drawn."""


def with_mathml(content: str) -> str:
    """HTML with each marked equation replaced by MathML.

    Raises
    ------
    EquationError
    """
    return _MARKED.sub(_drawn, content)


def _drawn(match: re.Match[str]) -> str:
    from latex2mathml.converter import convert

    display = "block" if match[1] == "div" else "inline"
    source = html.unescape(match[2]).strip()
    try:
        drawn = str(convert(source, display=display))
    except Exception as error:
        raise EquationError(f"{type(error).__name__} in the equation {source}") from error
    # A command that the converter does not know comes out as its name.
    if unknown := re.search(r">\\[A-Za-z]+<", drawn):
        raise EquationError(f"{unknown[0][1:-1]} is not known, in the equation {source}")
    drawn = _FUNCTION.sub(r'\1<mspace width="0.17em"/>', drawn)
    return f'<div class="equation" tabindex="0">{drawn}</div>' if display == "block" else drawn


def font() -> bytes:
    """STIX Two Math (SIL Open Font License) as a WOFF file."""
    import io

    import ziamath
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

    loaded = TTFont(Path(ziamath.__file__).parent / "fonts" / "STIXTwoMath-Regular.ttf")
    loaded.flavor = "woff"
    written = io.BytesIO()
    loaded.save(written)
    return written.getvalue()
