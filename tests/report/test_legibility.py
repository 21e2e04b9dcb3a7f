"""What can be read: contrasts of WCAG 2.2 (4.5 for text, 3 for lines and marks), and legends that touch no label."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib.colors
import numpy as np
import pandas as pd
import pytest
from matplotlib.image import AxesImage
from matplotlib.text import Text

from econ.report import style
from econ.report.document import pdf
from econ.report.document.certification import ERRORS, FATES, certification_figure
from econ.report.document.drawing import _freeze_layout
from econ.report.style import figure_style

TEXT, GRAPHICS = 4.5, 3.0
TEMPLATES = Path(pdf.__file__).parents[1] / "templates"


def luminance(colour) -> float:
    """Relative luminance of sRGB (WCAG 2.2)."""
    parts = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def contrast(one, other) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_measure_is_that_of_the_guidelines():
    assert contrast("black", "white") == pytest.approx(21.0) and contrast("#777777", "white") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("background", ["white", style.BURN_IN])
def test_lines_and_notes_of_figures(background):
    assert min(contrast(colour, background) for colour in style.COLOURS) >= GRAPHICS
    assert contrast(style.GREY, background) >= TEXT


def _schemes() -> dict[str, dict[str, str]]:
    """Variables of the page's style sheet in its light and its dark scheme."""
    sheet = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    roots = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", block)) for block in re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)]
    light, dark = roots
    return {"light": light, "dark": light | dark}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_of_the_page(scheme):
    own = _schemes()[scheme]
    pairs = [(ink, ground) for ink in ("ink", "soft") for ground in ("paper", "panel", "against-panel", "for-panel", "open-panel")]
    pairs += [(stance, f"{stance}-panel") for stance in ("against", "for", "open")] + [("accent", "paper"), ("faint", "paper")]
    found = {pair: contrast(own[pair[0]], own[pair[1]]) for pair in pairs}
    assert min(found.values()) >= TEXT, found
    on_tag = "#ffffff" if scheme == "light" else "#0d1115"
    assert contrast(on_tag, own["accent"]) >= TEXT
    marks = {kind: contrast(own[kind], own["paper"]) for kind in ("against", "for", "open", "accent")}
    assert min(marks.values()) >= GRAPHICS, marks


def test_texts_of_the_pdf():
    source = (TEMPLATES / "report.typ").read_text(encoding="utf-8")
    named = dict(re.findall(r'#let ([a-z]+) = rgb\("(#[0-9a-f]{6})"\)', source))
    stances, panels = (dict(re.findall(r'"([a-z]+)": rgb\("(#[0-9a-f]{6})"\)', re.search(rf"#let {name} = \((.*?)\)\n", source)[1])) for name in ("colours", "panels"))
    for ink in ("ink", "soft", "accent"):
        assert contrast(named[ink], "white") >= TEXT, ink
    for name, ground in panels.items():
        assert min(contrast(colour, ground) for colour in (named["ink"], named["soft"], stances[name])) >= TEXT, name


@pytest.fixture(scope="module", params=[True, False], ids=["89 mm", "183 mm"])
def drawn(request, document):
    """Every figure of a report at one width, laid out."""
    made = {}
    for figure in document.figures:
        if not (request.param and figure.wide_only):
            made[figure.id] = figure.draw(request.param)
            with figure_style():
                _freeze_layout(made[figure.id])
                made[figure.id].canvas.draw()
    return made


def _visible(figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


def _ground(text: Text):
    """What lies behind a text: the cell of a heat map, or the figure's white."""
    images = [image for image in getattr(text.axes, "images", ()) if isinstance(image, AxesImage)]
    if not images or text not in text.axes.texts:
        return "white"
    column, row = (round(x) for x in text.get_position())
    return images[0].to_rgba(images[0].get_array())[row, column][:3]


def test_texts_of_figures(drawn):
    assert len(drawn) >= 10
    for name, figure in drawn.items():
        for text in _visible(figure):
            assert contrast(text.get_color(), _ground(text)) >= TEXT, (name, text.get_text(), text.get_color(), _ground(text))


def _ticks(axis, coordinate: int) -> list[Text]:
    """Tick labels that are drawn: those within the limits."""
    low, high = sorted(axis.get_view_interval())
    return [label for label in axis.get_ticklabels() if low <= label.get_position()[coordinate] <= high]


@pytest.mark.parametrize("largest", [0.002, 0.0107, 0.045, 0.3])
def test_ticks_of_errors_of_certification_touch_no_other(largest):
    columns, scenarios = ["scenario", "variable", "mean", "p05", "p95"], ("baseline", "public_commons")
    data = pd.DataFrame([(scenario, name, largest / 3, 0.0, largest) for scenario in scenarios for name in (*FATES, *ERRORS)], columns=columns)
    for narrow in (True, False):
        with figure_style():
            figure = certification_figure(data, narrow=narrow)
            _freeze_layout(figure)
            figure.canvas.draw()
            boxes = [label.get_window_extent() for label in _ticks(figure.axes[1].xaxis, 0)]
        assert len(boxes) >= 2 and not any(one.overlaps(other) for k, one in enumerate(boxes) for other in boxes[:k])


def test_legends_touch_no_label(drawn):
    """In one column too: neither an axis label, nor a tick label, nor another legend."""
    for name, figure in drawn.items():
        legends = [axes.get_legend() for axes in figure.axes if axes.get_legend()] + figure.legends
        boxes = [legend.get_window_extent() for legend in legends]
        for axes in figure.axes:
            labels = [axes.xaxis.label, axes.yaxis.label, axes.title, *_ticks(axes.xaxis, 0), *_ticks(axes.yaxis, 1)]
            for label in labels:
                if label.get_visible() and label.get_text().strip():
                    assert not any(box.overlaps(label.get_window_extent()) for box in boxes), (name, label.get_text())
        assert not any(one.overlaps(other) for k, one in enumerate(boxes) for other in boxes[:k]), name
