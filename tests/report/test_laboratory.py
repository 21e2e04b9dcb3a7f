"""Tables and figures of the laboratory: right numbers, harm never alone, no figure without its data."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

from econ.cli.lab import app
from econ.core.errors import InputError
from econ.core.measurements import check_measurements, write_measurements
from econ.report.laboratory import (
    arm_table,
    harm_helpfulness_plane,
    learning_curves,
    plane_table,
    slice_table,
    surface_slices,
    write_laboratory,
)
from econ.report.laboratory_tables import cell_table, load_laboratory, print_laboratory
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
                    }
                )
    return check_measurements(pd.DataFrame(rows), "test")


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


def test_learning_curves_show_every_companion_on_both_axes():
    figure = learning_curves(arm_table(cell_table(measured()), "ood"))
    panes = figure.axes
    assert len(panes) == 10
    shown = [pane.get_ylabel() for pane in panes[::2]]
    assert [text.split(",")[0] for text in shown] == [
        "Relative harm", "Helpfulness", "Sycophancy", "Over-refusal", "Collapsed runs",
    ]  # fmt: skip
    flags = next(line for line in panes[1].lines if line.get_label() == "flags alone, v = 0.5")
    assert flags.get_xdata()[0] == pytest.approx(600 + 0.7 * 64)  # drafting is paid before the first flag


def test_the_plane_marks_collapsed_cells():
    table = plane_table(cell_table(measured()), "ood")
    figure = harm_helpfulness_plane(table)
    crosses = figure.axes[0].collections[3]
    assert len(crosses.get_offsets()) == (table["collapsed"] >= 0.5).sum() == 3


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


def test_everything_is_written_with_its_data_and_identically(laboratory, tmp_path):
    found = load_laboratory(laboratory)
    names = write_laboratory(found, tmp_path / "one")
    again = tmp_path / "again"
    again.mkdir()
    save_figure(harm_helpfulness_plane(plane_table(cell_table(found.measurements), "ood")), again, "plane")
    assert {"cells.csv", "forms.csv", "sigma.csv"} <= set(names)
    for stem in ("learning_curves_ood", "harm_helpfulness_ood", "surface_ood_v0.50"):
        assert {f"{stem}.png", f"{stem}.svg", f"{stem}.csv"} <= set(names)
    for kind in ("png", "svg"):
        first = tmp_path / "one" / f"harm_helpfulness_ood.{kind}"
        assert first.read_bytes() == (again / f"plane.{kind}").read_bytes()
    with pytest.raises(InputError, match="--force"):
        write_laboratory(found, tmp_path / "one")


def test_the_text_names_refusals_and_extrapolation(laboratory):
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    print_laboratory(load_laboratory(laboratory), console)
    text = console.export_text()
    assert "Refused: floor of pairs alone, ood (open)" in text
    assert "outside the measured budgets in 25% of draws" in text
    assert "over-refusal" in text and "collapsed" in text


def test_the_command_prints_key_facts_as_json(laboratory):
    result = CliRunner().invoke(app, ["show", str(laboratory), "--json"])
    assert result.exit_code == 0
    facts = json.loads(result.stdout)
    assert facts["kind"] == "measured" and facts["sigma"]["ood"]["p50"] == 1.1


def test_a_directory_of_something_else_is_refused(tmp_path):
    with pytest.raises(InputError, match="neither measurements nor surfaces"):
        load_laboratory(tmp_path)
