"""Figures: built without warnings, with units, alt text from the numbers, and the same bytes each time."""

import warnings

import fake_market
import matplotlib
import numpy as np
import pandas as pd
import pytest
from fake_market import FakeScenario, FakeSurfaces

from econ.ensemble.design import plan
from econ.ensemble.effects import HEADLINES
from econ.ensemble.execute import execute
from econ.ensemble.results import EnsembleResult
from econ.market.outcomes import OUTCOMES
from econ.report.comparison.figures import comparison_figures, differences_figure, effects_figure
from econ.report.document.drawing import _freeze_layout, fitted
from econ.report.fans import fan_data, fan_figure
from econ.report.figures import run_figures
from econ.report.moments import moments_alt_text, moments_figure
from econ.report.numbers import interval, short
from econ.report.outcome_fans import FAN_FIGURES
from econ.report.style import figure_style, save_figure


def test_a_fact_whose_band_lacks_an_end_has_a_row_that_says_so():
    facts = pd.DataFrame(
        [("A", 0.8, np.nan, np.nan, 0.72), ("B", 3.0, 2.0, np.nan, 1.0), ("C", 3.0, 2.0, np.nan, 2.5), ("D", 1.0, 0.5, 1.5, 1.1)],
        columns=["id", "target", "low", "high", "simulated"],
    ).assign(name="fact", use="report", mc_error=0.01)
    facts["distance"] = (facts["simulated"] - facts["target"]) / ((facts["high"] - facts["low"]) / 2)
    texts = [text.get_text() for text in moments_figure(facts).axes[0].texts if text.get_text()]
    assert texts == ["no band, so no distance; target 0.800", "band: at least 2, missed; target 3", "band: at least 2, met; target 3"]
    alt = moments_alt_text(facts)
    assert "2 inside their bands, 1 outside (B fact" in alt and "1 without a band (A)" in alt


def test_every_line_of_a_fan_chart_has_the_bands_that_its_note_promises(result):
    for kind in FAN_FIGURES:
        figure = fan_figure(fan_data(result.summary(), result.scenarios[0], kind), kind)
        for panel, axes in zip(kind.panels, figure.axes, strict=True):
            assert len(axes.collections) == 2 * len(panel.series), (kind.name, panel.title)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    directory = tmp_path_factory.mktemp("run")
    scenarios = [FakeScenario(quarters=8), FakeScenario(quarters=8, name="commons").with_levers(commons=0.1)]
    manifest = execute(plan(scenarios, FakeSurfaces(), replicates=8), fake_market.engine(), directory)
    return EnsembleResult(manifest, directory)


@pytest.fixture(scope="module")
def rendered(result):
    single = run_figures(result.summary(), result.moments(), ["baseline"])
    return {figure.name: figure for figure in [*single, *comparison_figures(result.outcomes, "baseline")]}


def test_outcomes_shown_exist_in_the_market():
    shown = {variable for kind in FAN_FIGURES for variable in kind.variables}
    assert shown <= set(OUTCOMES)


def test_all_figures_are_there(rendered):
    names = {kind.name for kind in FAN_FIGURES} | {"moments", "effects", "differences__commons"}
    assert set(rendered) == names


@pytest.mark.parametrize("name", ["budget_shares", "moments", "effects", "differences__commons"])
def test_a_figure_draws_without_warnings_and_leaves_no_state(rendered, tmp_path, name):
    before = dict(matplotlib.rcParams)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure(rendered[name].draw(), tmp_path, name)
    assert dict(matplotlib.rcParams) == before
    assert (tmp_path / f"{name}.png").read_bytes()[:4] == b"\x89PNG"


def test_the_same_figure_has_the_same_bytes(rendered, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        save_figure(rendered["capture"].draw(), tmp_path / folder, "capture")
    for end in ("png", "svg"):
        assert (tmp_path / "one" / f"capture.{end}").read_bytes() == (
            tmp_path / "two" / f"capture.{end}"
        ).read_bytes()


def test_alt_text_says_the_last_median(rendered, result):
    row = (
        result.summary().query("scenario == 'baseline' and variable == 'harm_rate' and quarter == 7").iloc[0]
    )
    assert f"{short(row['p50'])} in quarter 7" in rendered["harm_helpfulness"].alt_text
    assert all(len(figure.alt_text) > 40 for figure in rendered.values())


def test_axes_carry_units(rendered):
    axes = rendered["budget_shares"].draw().axes
    assert [pane.get_ylabel() for pane in axes] == ["Share of spending", "Million 2025 USD/quarter"]
    assert all(pane.get_xlabel() == "Years from the start of 2025" for pane in axes)


@pytest.mark.parametrize("size", [1e-3, 7e-3, 0.03, 40.0])
def test_nothing_in_figures_of_effects_is_cut_or_runs_together(size):
    values = {"mean_difference": -0.6, "low": -1.5, "high": 0.3, "p05": -2.0, "p25": -1.0, "p50": -0.5, "p75": 0.0, "p95": 1.0}
    data = pd.DataFrame([
        {"scenario": "public_commons", "baseline": "baseline", "variable": variable, "quarter": quarter} | {name: size * divisor * x for name, x in values.items()}
        for variable, (_, divisor) in HEADLINES.items() for quarter in range(-8, 12)
    ])  # fmt: skip
    last = data[data["quarter"] == 11].assign(quarters=8)
    for figure in (differences_figure(data), effects_figure(last), fitted(effects_figure(last), narrow=False)):
        with figure_style():
            _freeze_layout(figure)
            figure.canvas.draw()
            panes = [pane for pane in figure.axes if pane.get_visible()]
            titles = [text for pane in panes for text in (pane.title, pane._left_title) if text.get_text()]
            assert len(titles) == len(HEADLINES)
            assert [text.get_text() for text in titles if text.get_window_extent().x1 > figure.bbox.x1] == []
            for pane in panes:
                low, high = pane.get_xlim()
                boxes = [label.get_window_extent() for label in pane.get_xticklabels() if low <= label.get_position()[0] <= high and label.get_text()]
                assert not any(one.overlaps(other) for k, one in enumerate(boxes) for other in boxes[:k])


def test_every_series_differs_in_line_style_too(rendered):
    for kind in FAN_FIGURES:
        for pane in rendered[kind.name].draw().axes:
            lines = [line for line in pane.get_lines() if not line.get_label().startswith("_")]
            assert len({(line.get_color(), str(line._unscaled_dash_pattern)) for line in lines}) == len(lines)


def test_concentration_shows_the_merger_guidelines(rendered):
    marked = {
        pane.get_title(loc="left") or pane.get_title(): any(np.allclose(line.get_ydata(), 1800) for line in pane.get_lines())
        for pane in rendered["concentration"].draw().axes
    }
    # Few firms pay for licences, so that index cannot be held against a line drawn for markets.
    assert marked["Labeling services"] and not marked["Licences"]


def test_facts_outside_their_band_are_told(rendered, result):
    moments = result.moments().set_index("id")
    assert moments.loc["M9a", "simulated"] != -1
    assert "M9a" in rendered["moments"].alt_text


def test_a_table_without_values_gives_no_figure(result):
    empty = result.summary()
    empty[["p05", "p25", "p50", "p75", "p95"]] = np.nan
    facts = result.moments().assign(simulated=np.nan)
    assert run_figures(empty, facts, ["baseline"]) == []


def test_numbers_for_readers():
    assert [short(value) for value in (0.15432, 2600.4, -1.0, 0.0, 12345.6, 0.99996, 1e-9)] == [
        "0.154", "2,600", "-1", "0", "12,300", "1.00", "1.0e-09",
    ]  # fmt: skip
    assert interval(2e6, 1e6, 3e6, 1e6) == "2 [1, 3]"
    assert interval(float("nan"), 1, 2) == "–"
    assert pd.notna(short(float("inf")))


def test_an_interval_of_two_replicates_does_not_flatten_what_they_show():
    quarters = 6
    shown = np.linspace(0.0, 1.0, quarters)
    columns = {"p05": shown - 1, "p25": shown - 0.5, "p50": shown, "p75": shown + 0.5, "p95": shown + 1, "mean_difference": shown, "low": shown - 40, "high": shown + 40}
    table = pd.DataFrame({"scenario": "a", "baseline": "b", "variable": "harm_rate", "quarter": range(quarters), **columns})
    bottom, top = differences_figure(table).axes[0].get_ylim()
    assert bottom < -1 and top > 2 and top - bottom < 4 * 3.0
    narrow = differences_figure(table.assign(low=table["p50"] - 0.1, high=table["p50"] + 0.1)).axes[0].get_ylim()
    assert narrow == pytest.approx((-1.15, 2.15))
