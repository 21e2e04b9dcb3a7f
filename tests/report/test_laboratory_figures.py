"""Figures of methods, knobs and world B, from tables whose contrasts are known."""

import json
import struct
import zlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from laboratory_synthetic import (
    BIAS,
    CONFOUNDING,
    COVERAGE,
    NOISE,
    WORLDS,
    configurations_table,
    maps_table,
    methods_table,
    row,
    strategy_tables,
)
from rich.console import Console

from econ.claims.reading import evidence_of
from econ.claims.resampling import Effect
from econ.core.measurements import check_measurements
from econ.report.laboratory.configurations import (
    configuration_alt_text,
    configuration_figure,
    configuration_groups,
    configuration_table,
)
from econ.report.laboratory.fits import curve_table, print_curves
from econ.report.laboratory.maps import DIAGRAMS, full_grid, phase_cells, phase_table
from econ.report.laboratory.methods import method_groups, method_learning_curves, method_table
from econ.report.laboratory.pass_at_k import matched, pass_at_k_figure, pass_table, path_of
from econ.report.laboratory.phase import phase_alt_text, phase_diagram
from econ.report.laboratory.published import published_table
from econ.report.laboratory.signs import sign_groups, sign_map, sign_table
from econ.report.laboratory.tables import Laboratory, cell_table
from econ.report.laboratory.text import print_laboratory
from econ.report.laboratory.write import laboratory_figures, laboratory_tables, provenance_of
from econ.report.style import save_figure

HARM, SYCOPHANCY = DIAGRAMS


@pytest.fixture(scope="module")
def maps():
    return evidence_of([("maps", None, maps_table())])


@pytest.fixture(scope="module")
def methods():
    return methods_table()


def hatched(axes):
    return sum(patch.get_hatch() is not None for patch in axes.patches)


def test_phase_cells_have_the_known_contrast_and_one_arm_serves_where_a_knob_does_not_reach_it(maps):
    cells = phase_cells(maps, HARM, "ood")
    xs, ys, ordered = full_grid(cells)
    assert xs == pytest.approx(NOISE) and ys == pytest.approx(COVERAGE)
    for cell in ordered:
        assert cell.effects["relative_harm"].value == pytest.approx(0.5 - 2 * cell.x + 0.05 * (cell.y - 8), abs=0.02)
    xs, ys, ordered = full_grid(phase_cells(maps, SYCOPHANCY, "ood"))
    assert (xs, ys) == (pytest.approx(BIAS), pytest.approx(CONFOUNDING))
    for cell in ordered:
        assert cell.effects["sycophancy"].value == pytest.approx(0.1 * (cell.x - 1.0), abs=0.02)


def test_the_zero_contour_is_where_the_sign_changes_and_cells_that_hold_zero_are_hatched(maps):
    cells = full_grid(phase_cells(maps, SYCOPHANCY, "ood"))[2]
    figure = phase_diagram(cells, SYCOPHANCY, "ood")
    axes = figure.axes[0]
    table = phase_table(cells, SYCOPHANCY, "ood")
    table = table[table["outcome"] == "sycophancy"]
    holding = (table["low"] <= 0) & (table["high"] >= 0)
    assert hatched(axes) == holding.sum() == 5
    assert set(table.loc[holding, "bias"]) == {1.0}
    lines = [c for c in axes.collections if type(c).__name__ == "QuadContourSet" and not c.filled]
    points = np.concatenate([path.vertices for path in lines[0].get_paths()])
    # Bias 1 is the third column.
    assert np.all(np.abs(points[:, 0] - 2.0) < 0.3)
    assert "Real bias and confounding are unknown" in figure.get_supxlabel().replace("\n", " ")


def test_without_a_change_of_sign_there_is_no_contour_and_it_is_said(maps):
    cells = phase_cells(maps, SYCOPHANCY, "ood")
    assert full_grid([c for c in cells if c.x > 1.0]) is None  # two values of bias are no diagram
    effects = [{name: Effect.exact(e.low + 1.0, e.worlds) for name, e in c.effects.items()} for c in cells]
    shifted = [replace(c, effects=own) for c, own in zip(cells, effects, strict=True)]
    figure = phase_diagram(shifted, SYCOPHANCY, "ood")
    assert "no zero contour" in figure.get_supxlabel().replace("\n", " ")
    assert hatched(figure.axes[0]) == 0


@pytest.mark.parametrize("diagram", DIAGRAMS)
def test_harm_stands_with_what_was_paid_for_it_in_one_figure(maps, diagram):
    cells = full_grid(phase_cells(maps, diagram, "ood"))[2]
    figure = phase_diagram(cells, diagram, "ood")
    panes = {title.partition(" (")[0].partition(",")[0]: axes for axes in figure.axes if (title := axes.get_title("left"))}
    assert set(panes) == {"Relative harm", "Helpfulness", "Sycophancy", "Over-refusal", "Collapsed runs"}
    assert next(iter(panes)) == {"relative_harm": "Relative harm", "sycophancy": "Sycophancy"}[diagram.outcome]
    for pane in panes.values():
        low, high = pane.collections[0].get_clim()
        assert low == -high and pane.get_xticklabels()[0].get_text() == f"{cells[0].x:g}"
    table = phase_table(cells, diagram, "ood")
    assert table.groupby("outcome").size().to_dict() == dict.fromkeys(("relative_harm", "helpfulness", "sycophancy", "over_refusal", "collapsed"), 25)
    # Helpfulness is alike in all runs: every interval holds 0.
    assert hatched(panes["Helpfulness"]) == 25 and hatched(panes["Collapsed runs"]) == 25
    assert "No run of either arm collapsed" in figure.get_supxlabel().replace("\n", " ")
    assert "Over-refusal: clearly positive in 0 of 25" in phase_alt_text(cells, diagram, "ood")


def test_collapse_of_both_arms_is_marked_though_their_difference_is_none(maps):
    cells = [replace(c, collapsed=(1.0, 1.0) if c.x == 0.0 else (0.0, 0.0)) for c in phase_cells(maps, SYCOPHANCY, "ood")]
    figure = phase_diagram(cells, SYCOPHANCY, "ood")
    crosses = [c for c in figure.axes[0].collections if type(c).__name__ == "PathCollection"]
    assert [len(c.get_offsets()) for c in crosses] == [5]
    assert "an arm collapsed in half the worlds" in figure.get_supxlabel().replace("\n", " ")


def test_cells_of_other_knobs_are_not_averaged_into_a_diagram():
    table = maps_table()
    extra = check_measurements(
        pd.DataFrame([row("npo_ret", w, 1378, harm=0.0, bias=0.0, confounding=0.4) for w in WORLDS]), "x"
    )
    both = evidence_of([("maps", None, pd.concat([table, extra]))])
    cells = phase_cells(both, SYCOPHANCY, "ood")
    assert len(cells) == 25
    assert set(cell_table(table)["setting"]) >= {"coverage 2; bias 2; confounding 0.85; miss 0.02; false_alarm 0.02"}


def test_methods_are_compared_at_one_setting_and_oracles_stand_apart(methods):
    table = method_table(evidence_of([("m", None, methods)]), methods, "ood")
    assert set(table.loc[table["panel"] == "oracle", "method"]) == {"nsr_or", "psr_or"}
    last = table[(table["method"] == "npo_ret") & (table["n"] == 8192)].iloc[0]
    assert last["relative_harm"] == pytest.approx(0.2, abs=0.02)
    assert last["relative_harm_low"] < last["relative_harm"] < last["relative_harm_high"]
    start = table[(table["method"] == "dpo") & (table["n"] == 0)].iloc[0]
    assert (start["relative_harm"], start["over_refusal"], start["judgements"]) == pytest.approx((1.0, 0.1, 0.0))
    human = table[table["panel"] == "human"]
    none = pd.DataFrame()
    figure = method_learning_curves(human, none)
    assert len(figure.axes) == 15 and len(figure.legends[0].get_texts()) == 7
    oracle = method_learning_curves(table[table["panel"] == "oracle"], none)
    assert len(oracle.axes) == 5 and "UPPER BOUNDS" in oracle.get_suptitle()
    weak = [line for line in figure.axes[0].lines if line.get_markerfacecolor() == "white" and len(line.get_xdata())]
    assert [len(line.get_xdata()) for line in weak] == [2]  # nsr_lv below 1000 labels
    assert "no others of these methods" in figure.get_supxlabel().replace("\n", " ")


def test_an_arm_of_the_joint_method_is_of_its_own_kind_of_label(methods):
    joint = methods.copy()
    arms = joint["method"].isin(["npo_ret", "dpo"])
    joint["label_kind"] = joint["label_kind"].astype(object).where(~arms, "flag+preference")
    joint["method"] = joint["method"].where(~arms, "hybrid")
    joint = check_measurements(joint[arms | (joint["n"] == 0)], "joint")
    table = method_table(evidence_of([("m", None, joint)]), joint, "ood")
    assert dict(zip(table["method"], table["label_kind"], strict=True)) == {"npo_ret": "flag", "dpo": "preference"}


def test_many_methods_are_spread_over_figures_with_the_registered_pair_in_each(methods):
    table = method_table(evidence_of([("m", None, methods)]), methods, "ood")
    many = pd.concat([table, *(table[table["method"] == "kto"].assign(method=f"kto{i}") for i in range(14))])
    groups = method_groups(many)
    assert len(groups) > 1
    assert all({"npo_ret", "dpo"} <= set(group["method"]) for group in groups)
    assert set().union(*(set(group["method"]) for group in groups)) == set(many["method"])


def test_signs_are_right_and_every_pair_is_shown(methods):
    table = sign_table(evidence_of([("m", None, methods)]), "ood")
    harm = table[table["outcome"] == "relative_harm"].set_index(["negative", "other"])
    assert harm.loc[("npo_ret", "dpo"), "sign"] == "+"
    assert harm.loc[("npo_ret", "hybrid"), "sign"] == "0"
    assert not any(name.endswith("_or") for pair in harm.index for name in pair)
    assert table.loc[(table["outcome"] == "helpfulness") & (table["other"] == "dpo"), "sign"].eq("+").all()
    (group,) = sign_groups(table)
    figure = sign_map(group)
    axes = figure.axes[0]
    assert len(axes.patches) == len(axes.texts) == len(table) and len(axes.get_yticks()) == len(harm)
    assert [label.get_text().partition(",")[0] for label in axes.get_xticklabels()] == [
        "Relative harm", "Helpfulness", "Sycophancy", "Over-refusal", "Collapsed runs",
    ]  # fmt: skip
    # Intervals stand in the squares.
    line = group[(group["negative"] == "npo_ret") & (group["other"] == "dpo") & (group["outcome"] == "relative_harm")].iloc[0]
    assert f"{line['difference']:+.2f}\n[{line['low']:+.2f}, {line['high']:+.2f}]" in [text.get_text() for text in axes.texts]
    # `hybrid` collapsed in every world: a cross on the left in each of its lines and columns, none on the right.
    crosses = np.concatenate([c.get_offsets() for c in axes.collections if len(c.get_offsets())])
    assert len(crosses) == 5 * (harm.index.get_level_values("other") == "hybrid").sum()
    assert set(np.round(crosses[:, 0] % 1.0, 2)) == {0.58}
    rows = table[(table["other"] == "hybrid") & (table["outcome"] == "collapsed")]
    assert rows["collapsed_other"].eq(1.0).all() and rows["difference"].eq(1.0).all() and rows["sign"].eq("+").all()
    assert table.loc[table["outcome"] != "relative_harm", "high"].max() <= 1.0


def test_the_sign_map_has_a_line_for_each_setting_and_leaves_none_out(maps):
    table = sign_table(maps, "ood")
    groups = sign_groups(table)
    assert len(groups) > 1 and sum(len(group) for group in groups) == len(table)
    figure = sign_map(groups[0], "1 of 2")
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names[0] == "reference" and {"confounding 0.25", "noise 0.02"} <= set(names)
    # Bias does not reach flags, so that their one run serves every value of it.
    assert {"bias 0", "bias 4"} <= set(names) and "noise 0.1, coverage 2" in set(table["setting"])
    bias = table[(table["setting"] == "bias 4") & (table["outcome"] == "sycophancy")].iloc[0]
    assert bias["difference"] == pytest.approx(0.3, abs=0.02) and bias["knobs"] == 1
    assert "dpo − npo_ret" in figure.get_suptitle() and "1 of 2" in figure.get_suptitle()


@pytest.fixture(scope="module")
def configurations():
    return configurations_table()


def test_best_and_median_configuration_are_those_that_tuning_would_rank_so(configurations):
    table = configuration_table(configurations, "id")
    assert table.groupby("method").size().to_dict() == {"dpo": 6, "npo_ret": 6} and set(table["stage"]) == {"tune"}
    for _, own in table.groupby("method"):
        # Of the two in the middle the lower one.
        assert own.loc[own["role"] == "best", "configuration"].tolist() == ["0.001 β 0.1"]
        assert own.loc[own["role"] == "median", "configuration"].tolist() == ["0.004 β 0.1"]
        assert own.loc[own["role"] == "median", "relative_harm"].item() == pytest.approx(0.65, abs=0.02)
        assert own.set_index("role").loc[["best", "median"], "collapsed"].tolist() == [0.0, 1.0]
    (group,) = configuration_groups(table)
    figure = configuration_figure(group)
    assert [axes.get_title("left").partition(",")[0] for axes in figure.axes] == [
        "Relative harm", "Helpfulness", "Sycophancy", "Over-refusal", "Collapsed runs",
    ]  # fmt: skip
    dots = {line.get_label(): line.get_xdata() for line in figure.axes[4].lines}
    assert (list(dots["best configuration"]), list(dots["median configuration"])) == ([0.0, 0.0], [1.0, 1.0])
    assert "tuning worlds" in figure.get_suptitle() and "hindsight" not in figure.get_supxlabel()
    assert "median (0.004 β 0.1)" in configuration_alt_text(group)


def test_learning_curves_and_plane_show_the_median_configuration_where_it_was_run(configurations):
    drawn = {d.name: d for d in laboratory_figures(Laboratory("c", configurations, None))[0]}
    assert {"configurations_id", "methods_id", "methods_ood"} <= set(drawn) and "configurations_ood" not in drawn
    dashes = [line for line in drawn["methods_id"].draw().axes[0].lines if line.get_marker() == "_"]
    assert [float(line.get_ydata()[0]) for line in dashes] == pytest.approx([0.65, 0.65], abs=0.02)
    crosses = [line for line in drawn["methods_plane_id"].draw().axes[0].lines if line.get_marker() == "+"]
    assert len(crosses) == 2 and "Median configurations" in drawn["methods_plane_id"].alt_text
    assert set(drawn["methods_id"].data["role"]) == {"chosen", "median"}
    outside = drawn["methods_ood"].draw()
    assert not [line for line in outside.axes[0].lines if line.get_marker() == "_"]
    assert "no others of these methods" in outside.get_supxlabel().replace("\n", " ")


def test_oracle_arms_of_one_budget_are_upper_bounds_in_a_figure_of_their_own():
    table = methods_table()
    table = table[(table["n"] == 8192) | (table["n"] == 0)]
    drawn = {d.name: d for d in laboratory_figures(Laboratory("z", table, None))[0]}
    points = drawn["upper_bounds_ood"]
    assert points.data["arm"].tolist() == ["nsr_or", "psr_or"] and points.data["verifications"].eq(64 * 8192).all()
    figure = points.draw()
    assert len(figure.axes) == 5 and "UPPER BOUNDS" in figure.get_suptitle() and points.alt_text.startswith("Upper bounds")
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["nsr_or", "psr_or"]
    # The base models, dotted.
    assert [float(line.get_xdata()[0]) for line in figure.axes[0].lines if line.get_linestyle() == ":"] == [1.0]


def test_pass_at_k_paths_begin_at_the_base_model_and_match_pass_at_1():
    measurements, curves = strategy_tables()
    table = pass_table(measurements, curves, "ood")
    path = path_of(table, "psr_or")
    assert path["step"].tolist() == [0, 20, 40, 60, 80, 100]
    assert path["pass_256"].iloc[0] == pytest.approx(0.99, abs=1e-6) and path["pass_256"].iloc[-1] == pytest.approx(0.79, abs=1e-6)
    own = table[table["panel"].isin(["oracle", "base"])]
    level, at = matched(own)
    assert level == pytest.approx(0.7, abs=0.02)
    wide = at.pivot(index="method", columns="k", values="mean")
    assert wide[1].to_numpy() == pytest.approx([level, level], abs=1e-6)
    # At pass@1 = 0.7 psr has gone 0.3/0.35 of its way from 0.99 to 0.79; nsr has lost nothing.
    assert wide.loc["nsr_or", 256] == pytest.approx(0.99, abs=1e-3)
    assert wide.loc["psr_or", 256] == pytest.approx(0.99 - 0.2 * 0.3 / 0.35, abs=0.01)
    figure = pass_at_k_figure(table, "ood")
    assert len(figure.axes) == 6
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["dpo", "nsr_lv", "nsr_or", "psr_or"]
    # Without curves the ends alone are joined to the base model.
    assert path_of(pass_table(measurements, None, "ood"), "psr_or")["step"].tolist() == [0, 100]


def test_published_numbers_stand_beside_ours_in_columns_of_their_own(methods):
    measurements, curves = strategy_tables()
    table = published_table(
        pass_table(measurements, curves, "ood"), method_table(evidence_of([("m", None, methods)]), methods, "ood")
    )
    nsr = table[(table["method"] == "NSR") & (table["benchmark"] == "MATH") & (table["k"] == 256)].iloc[0]
    assert nsr["our_method"] == "nsr_or" and nsr["ours"] == pytest.approx(99.0, abs=0.1)
    assert nsr["published"] != nsr["ours"] and nsr["grade"]
    assert table.loc[table["method"] == "D2O", "our_method"].tolist() == ["d2o_clean3"]
    assert not (table["metric"] == "mmlu").any()


def test_world_b_is_printed_with_the_policy_that_was_chosen_and_upper_bounds_marked():
    measurements, curves = strategy_tables()
    chosen = measurements.assign(best_step=measurements["steps"].where(measurements["method"] != "psr_or", 40))
    table = pass_table(chosen, curves, "ood")
    assert table.loc[table["method"] == "psr_or"].groupby("world")["evaluated"].sum().eq(1).all()
    assert table.loc[table["evaluated"] & (table["method"] == "psr_or"), "step"].eq(40).all()
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    print_laboratory(Laboratory("B", measurements, None, curves), console)
    text = console.export_text()
    line = next(line for line in text.splitlines() if line.strip().startswith("psr_or"))
    assert "upper bound" in line and "0.790" in line
    assert "No confirmatory" not in text


def test_curves_of_methods_and_arms_that_no_form_identifies(methods):
    curves = curve_table(evidence_of([("m", None, methods)]))
    assert curves.groupby("method")["best"].sum().eq(1).all()
    assert set(curves["form"]) == {"hill", "exponential", "power"}
    still = curves[curves["refused"] == "floor"]
    assert still["reason"].eq("open").all() and still["floor"].isna().all()
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    print_curves(curves, console)
    text = console.export_text()
    assert "npo_ret" in text and "floor: open" in text
    assert "> 8,192" in next(line for line in text.splitlines() if "dpo " in line and "npo" not in line)


def test_what_the_data_allow_is_drawn_and_the_rest_is_named(methods):
    drawings, left_out = laboratory_figures(Laboratory("m", methods, None))
    assert {d.name for d in drawings} >= {"methods_ood", "methods_plane_ood", "upper_bounds_ood", "signs_ood"}
    reasons = {left.name: left.why for left in left_out}
    assert "grid maps" in reasons["phase_harm_ood"] and "world B" in reasons["pass_at_k_ood"]
    assert "econ lab fit" in reasons["surface slices"]
    maps_drawn, maps_left = laboratory_figures(Laboratory("maps", maps_table(), None))
    assert {"phase_harm_ood", "phase_sycophancy_ood"} <= {d.name for d in maps_drawn}
    assert "knobs vary" in {left.name: left.why for left in maps_left}["learning_curves_ood"]
    assert "curves" in laboratory_tables(Laboratory("m", methods, None))


def text_chunks(png):
    """Text metadata of a PNG file."""
    data, at, found = png.read_bytes(), 8, {}
    while at < len(data):
        (length,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        if kind == b"tEXt":
            key, _, value = body.partition(b"\0")
            found[key.decode()] = value.decode("latin-1")
        elif kind == b"iTXt":
            key, _, rest = body.partition(b"\0")
            value = rest[2:].split(b"\0", 2)[2]
            found[key.decode()] = (zlib.decompress(value) if rest[0] else value).decode()
        at += 12 + length
    return found


def test_figures_carry_their_source_and_alt_text(methods, tmp_path):
    laboratory = Laboratory("m", methods, None)
    source = provenance_of(laboratory)
    assert "abc123" in source and provenance_of(Laboratory("m", methods, None)) == source
    signs = next(d for d in laboratory_figures(laboratory)[0] if d.name == "signs_ood")
    save_figure(signs.draw(), tmp_path, "signs", {"Title": "signs", "Description": signs.alt_text, "Source": source})
    chunks = text_chunks(tmp_path / "signs.png")
    assert chunks["Source"] == source and chunks["Description"] == signs.alt_text
    assert json.dumps(source)[1:-1] in (tmp_path / "signs.svg").read_text()
