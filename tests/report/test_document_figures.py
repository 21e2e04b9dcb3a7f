"""Figures of a report: at journal widths, with fonts embedded, the same bytes each time, and true to the data."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import _ImageBase

from econ.report.document import capture_map, certification, norm_matrix, vendors
from econ.report.document import figures as document_figures
from econ.report.document.drawing import TALLEST, figure_bytes, height_mm, on_a_page
from econ.report.document.event_study import events_of
from econ.report.document.figures import all_figures
from econ.report.document.html import svg
from econ.report.document.paths import PathPanel, paths_figure
from econ.report.document.write import write_report

POINTS_PER_MM = 72 / 25.4


@pytest.fixture(scope="module")
def figures(document):
    return {figure.id: figure for figure in document.figures}


@pytest.mark.parametrize("narrow", [True, False])
def test_figures_have_a_journals_width_and_embedded_fonts(figures, narrow):
    made = figure_bytes(figures["F1"].draw(narrow), "pdf", title="t", alt="a")
    box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+)", made)
    assert float(box[1]) == pytest.approx((89 if narrow else 183) * POINTS_PER_MM, abs=0.1)
    assert b"/Type3" not in made and b"/FontFile2" in made, "TrueType (Type 42), not outlines as Type 3"
    assert b"/Subtype /Image" not in made, "vectors alone"


def _capture_cells():
    draw = np.random.default_rng(1)
    points = pd.DataFrame({"hhi": draw.uniform(1e3, 9e3, 60), "rate": draw.uniform(0, 1e-3, 60), "capture": draw.uniform(0, 1, 60)})
    return capture_map.capture_data(points)


def _norm_cells():
    rows = [(s, o, p, 0.1 * k, 0.0, 0.2) for s in ("a", "b") for k, o in enumerate(norm_matrix.ORIGINS) for p in norm_matrix.PLACES]
    return pd.DataFrame(rows, columns=["scenario", "origin", "jurisdiction", "mean", "p05", "p95"])


@pytest.mark.parametrize("narrow", [True, False])
@pytest.mark.parametrize("number", ["F5", "F7"])
def test_heat_maps_are_vectors_alone(number, narrow):
    """Cells and colour bar: matplotlib makes images of both unless told otherwise."""
    figure = capture_map.capture_figure(_capture_cells(), narrow=narrow) if number == "F5" else norm_matrix.matrix_figure(_norm_cells(), ["a", "b"], narrow=narrow)
    made = figure_bytes(figure, "pdf")
    assert b"/Subtype /Image" not in made and b"/Type3" not in made and b"/FontFile2" in made


def test_no_figure_holds_an_image(figures):
    assert len(figures) > 5
    for number, figure in figures.items():
        drawn = figure.draw(True)
        assert not drawn.findobj(_ImageBase, include_self=False) and not drawn.images, number
        assert not drawn.findobj(lambda artist: artist.get_rasterized()), number


def test_the_first_origin_is_in_the_top_row_of_the_norm_matrix():
    (left, _) = norm_matrix.matrix_figure(_norm_cells(), ["a", "b"], narrow=False).axes
    bottom, top = left.get_ylim()
    assert bottom > top and [label.get_text() for label in left.get_yticklabels()] == [*norm_matrix.ORIGINS.values()]
    (mesh,) = left.collections
    assert [row[0] for row in np.asarray(mesh.get_array()).tolist()] == pytest.approx([0.0, 0.1, 0.2, 0.3])


@pytest.mark.parametrize(("panels", "elastic", "height"), [(6, True, TALLEST), (6, False, None), (12, True, None), (2, True, 0)])
def test_a_figure_in_one_column_fits_on_a_page_or_is_left_out(panels, elastic, height):
    names = ["scenario", "variable", "quarter", "p05", "p25", "p50", "p75", "p95"]
    shown = [PathPanel(f"x{k}", f"Outcome {k}", "USD of 2025 per hour") for k in range(panels)]
    data = pd.DataFrame([("a", panel.variable, q, *[1.0 + q] * 5) for panel in shown for q in (0, 1)], columns=names)
    figure = paths_figure(data, ["a"], shown, narrow=True)
    own = height_mm(figure)
    page = on_a_page(figure, elastic=elastic)
    assert (page is None) == (height is None)
    if page is not None:
        assert height_mm(page) == pytest.approx(height or own) and page.get_figwidth() * 25.4 == pytest.approx(89)
        assert figure_bytes(page, "pdf").startswith(b"%PDF")


@pytest.mark.parametrize("form", ["pdf", "svg", "png"])
def test_figures_are_the_same_bytes_each_time(figures, form):
    first, second = (figure_bytes(figures["F3"].draw(True), form, title="t", alt="a") for _ in range(2))
    assert first == second


def test_a_title_inside_the_figure_is_left_to_the_caption(figures):
    figure = figures["F1"].draw(False)
    assert all(not text.get_visible() for text in figure.texts)


def test_smaller_svg_shows_the_same(figures):
    small, whole = svg(figures["F3"], narrow=True), figure_bytes(figures["F3"].draw(True), "svg", text="none")
    assert len(small) < 0.85 * len(whole) and small.count(b"<path") == whole.count(b"<path")
    for reference in set(re.findall(rb'(?:url\(#|href="#)([^)"]+)', small)):
        assert b'id="' + reference + b'"' in small, "nothing that is referred to is gone"


def test_figures_alone_for_papers(hostile, tmp_path, monkeypatch, no_claims):
    monkeypatch.setattr("econ.report.document.assemble.all_figures", lambda m: {k: v for k, v in all_figures(m).items() if k in ("F1", "F11", "F12")})
    made = write_report([hostile], tmp_path / "papers", formats="pdf,svg", figures_only=True)
    names = {path.name for path in (tmp_path / "papers" / "figures").iterdir()}
    wide = {f"F1_budget_shares_{w}mm.{e}" for w in (89, 183) for e in ("pdf", "svg")} | {f"F12_moments_183mm.{e}" for e in ("pdf", "svg")}
    wide |= {f"F11_effects_183mm.{e}" for e in ("pdf", "svg")}
    assert names == wide | {"F1_budget_shares.csv", "F11_effects.csv", "F12_moments.csv", "captions.json"}, "in one column F11 is taller than a page"
    captions = json.loads((tmp_path / "papers" / "figures" / "captions.json").read_text())
    assert all(text["alt"] and text["title"] for text in captions.values())
    assert not (tmp_path / "papers" / "report.html").exists() and "manifest.json" not in made.files


def test_shares_of_vendors_add_to_one(figures):
    shares = figures["F3"].data.query("what != 'hhi'").groupby("quarter")["mean"].sum()
    assert shares.to_numpy() == pytest.approx(np.ones(len(shares)))


def test_every_replicate_is_in_one_cell_of_the_capture_map():
    draw = np.random.default_rng(1)
    points = pd.DataFrame({"hhi": draw.uniform(1e3, 9e3, 60), "rate": draw.uniform(0, 1e-3, 60)})
    points["capture"] = points["hhi"] / 1e4
    cells = capture_map.capture_data(points)
    assert cells["replicates"].sum() == 60 and len(cells) == capture_map.BINS**2
    means = cells.assign(total=cells["capture"] * cells["replicates"])["total"].sum() / 60
    assert means == pytest.approx(points["capture"].mean())
    by_row = cells.dropna().groupby("hhi_low")["capture"].mean()
    assert by_row.is_monotonic_increasing
    assert "correlation of capture with HHI 1.00" in capture_map.capture_alt(points, cells)


def test_no_map_and_no_bars_without_the_outcomes(figures):
    outcomes = pd.DataFrame({"scenario": ["a"], "replicate": [0], "quarter": [0], "harm_rate": [0.1]})
    assert capture_map.replicate_data(outcomes) is None and certification.certification_data(outcomes) is None
    assert vendors.vendor_data(outcomes) is None and "F5" not in figures


def test_fates_of_tests_are_means_over_the_last_two_years():
    quarters = np.arange(-8, 12)
    rows = [
        {"scenario": s, "replicate": r, "quarter": q, "cert_pass_rate": 0.5 + 0.5 * (q >= 4), "cert_false_pass": 0.1 * r, "cert_false_fail": np.nan}
        for s in ("a", "b") for r in (0, 1) for q in quarters
    ]  # fmt: skip
    found = certification.certification_data(pd.DataFrame(rows)).set_index(["scenario", "variable"])["mean"]
    assert found["a", "cert_pass_rate"] == 1.0 and found["b", "cert_false_pass"] == pytest.approx(0.05)
    assert ("a", "cert_false_fail") not in found
    assert certification.certification_finding(certification.certification_data(pd.DataFrame(rows)), "a").endswith("most false passes: 5 % in a.")
    none = certification.certification_data(pd.DataFrame(rows).assign(cert_false_pass=0.0))
    assert "most false passes" not in certification.certification_finding(none, "a")


@pytest.mark.parametrize(
    ("other", "low", "said"),
    [
        (0.4839, -1.0, "has the same median in all scenarios drawn, 0.484; no paired difference from a has an interval without 0."),
        (0.5, -1.0, "is lowest in a (median 0.484) and highest in b (0.500); no paired difference from a has an interval without 0."),
        (0.5, 0.1, "is lowest in a (median 0.484) and highest in b (0.500)."),
    ],
)
def test_an_order_of_medians_says_what_bears_it_out(other, low, said):
    columns = ["scenario", "variable", "quarter", "p05", "p50", "p95"]
    summary = pd.DataFrame([(s, "harm_rate", 7, x, x, x) for s, x in (("a", 0.4841), ("b", other))], columns=columns)
    effects = pd.DataFrame([("b", "harm_rate", low, 1.0)], columns=["scenario", "variable", "low", "high"])
    material = SimpleNamespace(summary=summary, effects=effects, policies=["b"], baseline="a")
    assert document_figures._extremes(material, ["a", "b"], [PathPanel("harm_rate", "Harm", "share")]).endswith(said)


def test_events_are_found_by_kind_and_first_quarter(figures):
    events = [{"customer_loss": {"quarter": 7}, "vertical_tie": None}, {"customer_loss": None, "vertical_tie": {"quarter": 3}}]
    assert events_of({"x": {"events": events}, "y": {"events": []}, "z": {}}) == {"x": ("vertical_tie", 3)}
    since = figures["F8"].data["since_event"]
    assert since.min() == -4 and set(figures["F8"].data["scenario"]) == {"loss"}
