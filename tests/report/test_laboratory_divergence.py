"""Outcomes over divergence from the base model, from a table whose points are known."""

import json

import pandas as pd
import pytest
from laboratory_synthetic import WORLDS, row, wiggle

from econ.core.measurements import check_measurements
from econ.report.laboratory.divergence import divergence_alt_text, divergence_figure, divergence_table
from econ.report.laboratory.tables import Laboratory
from econ.report.laboratory.write import laboratory_figures

WEIGHTS = (0.0, 0.03, 0.1, 0.3)


def measurements(weights=WEIGHTS, **columns):
    rows = [row("base", w, 0) for w in WORLDS]
    for w in WORLDS:
        for weight in weights:
            rows.append(
                row("dpo", w, 1378, harm=0.5 + weight + wiggle(w), refusal=0.2 - weight / 2, kl=3.0 - 5 * weight,
                    collapsed=weight == 0.0, extra=json.dumps({"beta_kl": weight}), **columns)
            )  # fmt: skip
    return check_measurements(pd.DataFrame(rows), "stress")


def test_every_weight_is_a_point_with_its_interval():
    table = divergence_table(measurements(), "ood")
    assert table["beta_kl"].tolist() == list(WEIGHTS) and (table["worlds"] == len(WORLDS)).all()
    for _, at in table.iterrows():
        assert at["relative_harm"] == pytest.approx(0.5 + at["beta_kl"], abs=0.02)
        assert at["relative_harm_low"] < at["relative_harm"] < at["relative_harm_high"]
        assert at["kl"] == pytest.approx(3.0 - 5 * at["beta_kl"], abs=1e-6)
        assert at["base_relative_harm"] == 1.0 and at["base_helpfulness"] == pytest.approx(0.6, abs=1e-6)
    assert table["collapsed"].tolist() == [1.0, 0.0, 0.0, 0.0] and (table["collapsed_high"] > 0).all()


def test_settings_are_not_mixed_and_few_weights_are_no_panel():
    other = measurements(bias=4.0)
    joined = pd.concat([measurements(), other[other["n"] > 0]], ignore_index=True)
    table = divergence_table(joined, "ood")
    assert len(table) == 2 * len(WEIGHTS) and (table["worlds"] == len(WORLDS)).all()
    assert divergence_table(measurements(WEIGHTS[:2]), "ood").empty
    assert divergence_table(measurements().assign(stage="tune"), "ood").empty


def test_the_figure_shows_collapse_hollow_and_is_drawn_where_there_are_weights():
    table = divergence_table(measurements(), "ood")
    figure = divergence_figure(table, "ood")
    assert len(figure.axes) == 4
    faces = {line.get_markerfacecolor() for line in figure.axes[0].get_lines() if line.get_linestyle() == "None"}
    assert "white" in faces and len(faces) == 2
    assert "weight 0.3" in divergence_alt_text(table, "ood") and "over-refusal" in divergence_alt_text(table, "ood")
    drawn, _ = laboratory_figures(Laboratory("stress", measurements(), None))
    assert "divergence_ood" in {drawing.name for drawing in drawn}
    _, left_out = laboratory_figures(Laboratory("m", measurements(WEIGHTS[:1]), None))
    assert "grid stress" in {left.name: left.why for left in left_out}["divergence_ood"]
