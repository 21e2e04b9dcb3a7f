"""Tables and figures of the laboratory: right numbers, harm never alone, no figure without its data."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from rich.console import Console
from typer.testing import CliRunner

from econ.cli.lab import app
from econ.core.errors import InputError
from econ.core.measurements import check_measurements, write_measurements
from econ.report.laboratory.arms import (
    curves_alt_text,
    harm_helpfulness_plane,
    learning_curves,
    plane_alt_text,
    plane_table,
)
from econ.report.laboratory.slices import slice_alt_text, slice_table, surface_slices
from econ.report.laboratory.tables import cell_table, load_laboratory, pure_arms
from econ.report.laboratory.text import print_laboratory
from econ.report.laboratory.write import laboratory_figures, provenance_of, write_laboratory
from econ.report.style import save_figure
from econ.surfaces.files import load_surfaces, write_surfaces
from econ.surfaces.posterior import Draws, Surfaces

BUDGETS = (0, 64, 1024)


def measured():
    """A small table whose means are known: violation halves with flags, world effects cancel."""
    rows = []
    for world, shift in ((1, -0.02), (2, 0.0), (3, 0.02)):
        for a in BUDGETS:
            for b in BUDGETS:
                kind = {(0, 0): "none", (1, 0): "flag", (0, 1): "preference", (1, 1): "flag+preference"}[
                    (int(a > 0), int(b > 0))
                ]
                rate = 0.6 * 0.5 ** (a / 1024) * 0.8 ** (b / 1024) + shift
                rows.append(
                    {
                        "run_id": f"{world}-{a}-{b}",
                        "task": "A",
                        "method": "base" if kind == "none" else "hybrid",
                        "label_kind": kind,
                        "stage": "confirm",
                        "world": world,
                        "n": a + b,
                        "a": a,
                        "b": b,
                        "v": 0.5,
                        "distribution": "ood",
                        "violation": rate,
                        "violation_base": 0.6 + shift,
                        "relative_harm": rate / (0.6 + shift),
                        "helpfulness": 0.6 - 0.1 * (a > 0),
                        "sycophancy": 0.4 + 0.1 * (b > 0),
                        "over_refusal": 0.1,
                        "collapsed": a == 1024 and world < 3,
                        "human_minutes": 0.7 * a + b + 600.0 * (a > 0),
                        "judgements": a + b,
                        "flops": 1e9 * (a + 2 * b),
                    }
                )
    return check_measurements(pd.DataFrame(rows), "test")


def with_tuning_and_controls():
    """The same with what no figure may show: tuning runs with much less harm, and a model that refuses everything."""
    table = measured()
    tuning = table[(table["a"] > 0) & (table["b"] == 0)].assign(stage="tune", v=0.93, relative_harm=0.01)
    refusal = table[table["n"] == 0].assign(method="refuse_all", relative_harm=0.0, helpfulness=0.2)
    return pd.concat([table, tuning, refusal], ignore_index=True)


def fitted(directory: Path) -> Surfaces:
    theta = np.full((20, 12), np.nan)
    theta[:, :9] = [0.0, 0.5, 6.0, 0.0, -0.5, 0.2, 6.0, 0.0, 0.0]
    side = np.full((20, 12), np.nan)
    side[:, :7] = [0.6, -0.1, 0.0, 0.1, 0.0, 5.0, 5.0]
    draws = {
        ("harm", "ood"): Draws(np.full(20, "S2"), theta),
        ("helpfulness", "ood"): Draws(np.full(20, "hill"), side),
    }
    quantiles = {
        "p05": 0.9,
        "p50": 1.1,
        "p95": 1.3,
        "probability_above_1": 0.8,
        "share_without_interior_mix": 0.0,
    }
    form = {"weight": 1.0, "log_score": 10.0, "aicc": -5.0, "rmse": 0.01, "rmse_top_budgets": 0.02}
    sigma = {
        "v": 0.5,
        "identified": True,
        **quantiles,
        "by_v": {"0.50": quantiles},
        "by_form": {"S2": quantiles},
    }
    diagnostics = {
        "design": {"v": [0.5]},
        "harm": {
            "ood": {
                "sigma": sigma,
                "forms": {"S2": form},
                "extrapolated_share": 0.25,
                "noise_of_cell_means": 0.01,
            }
        },
        "refusals": [{"what": "floor of pairs alone, ood", "reason": "open", "why": "it still moved"}],
    }
    surfaces = Surfaces("test", "", "measured", draws, {"a": 1024.0, "b": 1024.0}, {"ood": 0.6}, diagnostics)
    directory.mkdir()
    return write_surfaces(directory, surfaces, [])


@pytest.fixture
def laboratory(tmp_path):
    fitted(tmp_path / "lab")
    write_measurements(measured(), tmp_path / "lab" / "measurements.parquet", {})
    return tmp_path / "lab"


def test_cells_have_their_means_and_intervals_over_worlds():
    cells = cell_table(measured())
    row = cells[(cells["a"] == 1024) & (cells["b"] == 0)].iloc[0]
    drawn = np.array([0.28 / 0.58, 0.5, 0.32 / 0.62])
    assert row["worlds"] == 3
    assert row["relative_harm"] == pytest.approx(drawn.mean(), abs=1e-6)
    # Student t with two degrees of freedom: 4.3027.
    margin = 4.302653 * drawn.std(ddof=1) / np.sqrt(3)
    assert row["relative_harm_high"] - row["relative_harm"] == pytest.approx(margin, rel=1e-4)
    assert row["collapsed"] == pytest.approx(2 / 3)
    assert len(cells) == 9


def test_collapse_has_an_interval_even_where_no_run_collapsed():
    cells = cell_table(measured()).set_index(["a", "b"])
    # Wilson (1927) with three worlds: z^2 / (n + z^2) above none, the quadratic's roots at 2 of 3.
    assert cells.loc[(0, 0), "collapsed_low"] == 0.0
    assert cells.loc[(0, 0), "collapsed_high"] == pytest.approx(3.841459 / 6.841459)
    assert cells.loc[(1024, 0), "collapsed_low"] == pytest.approx(0.207660, abs=1e-5)
    assert cells.loc[(1024, 0), "collapsed_high"] == pytest.approx(0.938508, abs=1e-5)


def test_learning_curves_show_every_companion_on_three_axes():
    figure = learning_curves(pure_arms(cell_table(measured()), "ood"))
    panes = figure.axes
    assert len(panes) == 15
    shown = [pane.get_ylabel() for pane in panes[::3]]
    assert [text.split(",")[0] for text in shown] == [
        "Relative harm", "Helpfulness", "Sycophancy", "Over-refusal", "Collapsed runs",
    ]  # fmt: skip
    flags = next(line for line in panes[1].lines if line.get_label() == "flags alone, v = 0.5")
    # The base model starts the curve; drafting is paid before the first flag.
    assert list(flags.get_xdata()[:2]) == pytest.approx([0.0, 600 + 0.7 * 64])
    assert flags.get_ydata()[0] == 1.0
    assert panes[-1].get_xticklabels()[0].get_text() == "0"


def test_joint_method_counts_as_a_pure_arm_and_tuning_and_controls_do_not():
    cells = cell_table(with_tuning_and_controls())
    arms = pure_arms(cells, "ood")
    assert set(arms["arm"]) == {"flags", "pairs", "base"} and set(arms["v"]) == {0.5}
    assert arms["relative_harm"].min() > 0.4
    plane = plane_table(cells, "ood")
    assert len(plane) == 9 and plane["helpfulness"].min() >= 0.5
    assert pure_arms(cells[cells["stage"] == "tune"], "ood").empty


def test_development_worlds_are_named_as_such():
    table = measured().assign(stage="develop")
    assert "DEVELOPMENT" in learning_curves(pure_arms(cell_table(table), "ood")).get_suptitle()


def test_imported_data_with_gaps_show_what_was_measured_alone():
    gaps = {"flops": np.nan, "sycophancy": np.nan}
    cells = cell_table(measured().assign(stage="import", **gaps))
    curves, plane = pure_arms(cells, "ood"), plane_table(cells, "ood")
    figure = learning_curves(curves)
    assert len(figure.axes) == 10
    assert [text.get_text() for text in figure.axes[4].texts] == ["not measured"]
    assert "Imported data" in figure.get_supxlabel() and "Toy worlds" not in figure.get_supxlabel()
    assert "FLOP" not in curves_alt_text(curves).upper() and "sycophancy 0" not in curves_alt_text(curves)
    assert [pane.get_title(loc="left") for pane in harm_helpfulness_plane(plane).axes[:1]] == [
        "Fill: over-refusal, rate"
    ]
    assert "filled by over-refusal." in plane_alt_text(plane)


def test_methods_of_one_arm_have_their_own_curves():
    table = measured()
    other = table[table["label_kind"] == "flag"].assign(method="npo_ret")
    figure = learning_curves(pure_arms(cell_table(pd.concat([table, other])), "ood"))
    labels = figure.axes[0].get_legend_handles_labels()[1]
    assert labels == ["flags alone, hybrid, v = 0.5", "flags alone, npo_ret, v = 0.5", "pairs alone, v = 0.5"]


def test_nothing_in_a_figure_overlaps_its_title(tmp_path):
    figure = learning_curves(pure_arms(cell_table(measured()), "ood"))
    save_figure(figure, tmp_path, "curves")
    renderer = FigureCanvasAgg(figure).get_renderer()
    entries = [text.get_window_extent(renderer) for text in figure.legends[0].get_texts()]
    title = next(text for text in figure.texts if text.get_text() == figure.get_suptitle())
    assert max(box.y1 for box in entries) <= title.get_window_extent(renderer).y0
    assert min(box.y0 for box in entries) >= figure.axes[0].get_window_extent(renderer).y1
    for pane in figure.axes[-3:]:
        boxes = [tick.get_window_extent(renderer) for tick in pane.get_xticklabels()]
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_the_plane_classifies_by_labels_and_marks_collapsed_cells():
    table = plane_table(cell_table(measured()), "ood")
    figure = harm_helpfulness_plane(table)
    both, flags, pairs, base, crosses = figure.axes[0].collections
    assert [len(points.get_offsets()) for points in (both, flags, pairs, base)] == [4, 2, 2, 1]
    assert len(crosses.get_offsets()) == (table["collapsed"] >= 0.5).sum() == 3


def test_alt_texts_name_the_numbers_drawn():
    cells = cell_table(measured())
    row = cells[(cells["a"] == 1024) & (cells["b"] == 0)].iloc[0]
    for text in (curves_alt_text(pure_arms(cells, "ood")), plane_alt_text(plane_table(cells, "ood"))):
        assert f"flags alone, v = 0.5, 1,024 labels: relative harm {row['relative_harm']:.3f} [" in text
        assert "over-refusal" in text and "collapsed runs 0.667" in text


def test_slices_agree_with_the_surface_and_say_when_sigma_was_imposed(laboratory):
    surfaces = load_surfaces(laboratory)
    table = slice_table(surfaces, "ood", 0.5)
    harm = table[table["outcome"] == "relative_harm"]
    assert harm["mean"].max() == pytest.approx(1.0) and harm["a"].max() == pytest.approx(1024.0)
    expected = surfaces.batch([0]).at([0.5]).evaluate_labels([[1024.0]], [[1024.0]])[0].item()
    assert harm["mean"].iloc[-1] == pytest.approx(expected)
    assert set(table["outcome"]) == {"relative_harm", "helpfulness"}
    figure = surface_slices(table, cell_table(measured()), "imposed")
    assert "IMPOSED" in figure.get_suptitle()
    panes = [axes for axes in figure.axes if axes.get_visible() and axes.get_title("left")]
    assert [axes.get_title("left").partition(",")[0] for axes in panes] == ["Relative harm", "Helpfulness", "Collapsed runs"]
    assert "IMPOSED" in slice_alt_text(table, kind="imposed")


def test_everything_is_written_with_its_data_and_identically(laboratory, tmp_path):
    found = load_laboratory(laboratory)
    names, left_out = write_laboratory(found, tmp_path / "one")
    again = next(d for d in laboratory_figures(found)[0] if d.name == "harm_helpfulness_ood")
    facts = {"Title": again.name, "Description": again.alt_text, "Source": provenance_of(found)}
    (tmp_path / "again").mkdir()
    save_figure(again.draw(), tmp_path / "again", again.name, facts)
    assert {"cells.csv", "forms.csv", "sigma.csv", "alt_text.json", "left_out.json"} <= set(names)
    assert json.loads((tmp_path / "one" / "left_out.json").read_text()) == {x.name: x.why for x in left_out}
    assert {"phase_harm_ood", "pass_at_k_ood", "all of id"} <= {x.name for x in left_out}
    for stem in ("learning_curves_ood", "harm_helpfulness_ood", "surface_ood_v0.50"):
        assert {f"{stem}.png", f"{stem}.svg", f"{stem}.csv"} <= set(names)
    for kind in ("png", "svg"):
        first, again = (tmp_path / run / f"harm_helpfulness_ood.{kind}" for run in ("one", "again"))
        assert first.read_bytes() == again.read_bytes()
    with pytest.raises(InputError, match="--force"):
        write_laboratory(found, tmp_path / "one")


def test_the_text_names_refusals_and_extrapolation(laboratory):
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    print_laboratory(load_laboratory(laboratory), console)
    text = console.export_text()
    assert "Refused: floor of pairs alone, ood (open)" in text
    assert "outside the measured budgets in 25% of draws" in text
    flags = next(line for line in text.splitlines() if line.split()[:3] == ["0.5", "flags", "1,024"])
    assert "0.50 ±.04" in flags and "67 [21, 94]" in flags
    assert "over-ref." in text and "4 cells trained on both" in text
    assert text.index("0.5 flags") < text.index("Forms of relative harm")


def test_the_command_prints_key_facts_as_json(laboratory):
    result = CliRunner().invoke(app, ["show", str(laboratory), "--json"])
    assert result.exit_code == 0
    facts = json.loads(result.stdout)
    assert facts["kind"] == "measured" and facts["sigma"]["ood"]["p50"] == 1.1


def test_a_directory_of_something_else_is_refused(tmp_path):
    with pytest.raises(InputError, match="neither measurements nor surfaces"):
        load_laboratory(tmp_path)


def test_values_swept_in_details_are_cells_of_their_own():
    """A weight or a verifier's error of which several were run never share a mean; what does not vary is not said."""
    from laboratory_synthetic import WORLDS, row

    rows = [row("base", world, 0) for world in WORLDS]
    for weight, harm in ((0.0, 0.2), (1.0, 0.8)):
        details = json.dumps({"lambda": weight, "beta_kl": 0.1})
        rows += [row("nsr_lv", w, 64, harm=harm, extra=details) | {"run_id": f"{w}-{weight}"} for w in WORLDS]
    rows += [row("dpo", world, 64, extra=json.dumps({"lambda": 0.5})) for world in WORLDS]
    cells = cell_table(check_measurements(pd.DataFrame(rows), "swept")).set_index(["method", "setting"])
    assert cells.loc[("nsr_lv", "lambda 0.0"), "relative_harm"] == pytest.approx(0.2)
    assert cells.loc[("nsr_lv", "lambda 1.0"), "relative_harm"] == pytest.approx(0.8)
    assert ("dpo", "") in cells.index


def test_an_ai_judges_cell_stays_the_judges_beside_a_few_human_pairs():
    from laboratory_synthetic import WORLDS, row

    rows = [row("dpo", world, 64) | {"label_kind": "critic"} for world in WORLDS]
    assert set(cell_table(check_measurements(pd.DataFrame(rows), "critic"))["arm"]) == {"critic"}
