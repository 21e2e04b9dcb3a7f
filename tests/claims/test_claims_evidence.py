"""Which rows count, and as which arm."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from claims_tables import WORLDS, arm, constant, evidence, line

from econ.claims.arms import Missing
from econ.claims.evidence import find_pair
from econ.claims.reading import load_evidence
from econ.claims.settings import REFERENCE, describe_setting
from econ.core.errors import InputError
from econ.core.measurements import SETTING_KEYS, check_measurements, write_measurements
from econ.lab.knobs import Knobs


def test_a_hybrid_without_one_kind_of_label_is_the_other_arm():
    rows = arm("hybrid", constant(0.5), n=(100,))
    frames = [rows.assign(a=a, b=100 - a) for a in (0, 50, 85, 100)]
    assert evidence(*frames).methods() == ["dpo", "hybrid", "hybrid_0.50", "npo_ret"]


def test_w_reinforce_is_named_by_its_weight_where_that_is_unusual():
    rows = [arm("wr_or", constant(0.5), n=(100,), extra={"lambda": x}, tuned=False) for x in (0.0, 0.1, 1.0)]
    assert evidence(*rows).methods() == ["wr_or", "wr_or_0", "wr_or_1"]


def test_every_knob_without_a_column_makes_a_setting():
    columns = {*REFERENCE, "flag_noise"}
    assert set(Knobs.model_fields) - columns - SETTING_KEYS == set()


@pytest.mark.parametrize("extra", [{"verifier_errors": "iid"}, {"model": {"width": 64}}, {"pair_agreement": 0.73}])
def test_unusual_knobs_and_models_are_settings_and_no_configurations(extra):
    rows = [arm("dpo", constant(0.5), n=(100,), extra=e) for e in ({}, extra)]
    curves = evidence(*rows).curves("dpo", "id")
    assert len(curves) == 2 and [len(c.setting) for c in curves] == [0, 1]


def test_a_temperature_that_was_solved_for_is_no_setting():
    rows = [
        arm("dpo", constant(0.5), n=(100,), worlds=WORLDS[i : i + 8], extra={"pair_agreement": 0.73, "pair_temperature": 1.0 + i})
        for i in (0, 8)
    ]
    (curve,) = evidence(*rows).curves("dpo", "id")
    assert len(curve.worlds) == 16 and dict(curve.setting) == {"pair_agreement": 0.73}


def test_development_and_tuning_count_for_nothing():
    kept = arm("dpo", constant(0.5))
    dropped = [
        arm("npo_ret", constant(0.1), stage="develop"), arm("npo_ret", constant(0.1), stage="tune"),
        arm("npo_ret", constant(0.1), worlds=range(8)),
    ]  # fmt: skip
    found = evidence(kept, *dropped)
    assert found.methods() == ["dpo"] and len(found.notes) == 2 and found.sources[0].worlds == WORLDS


def test_imported_worlds_may_have_any_number():
    assert evidence(arm("dpo", constant(0.5), stage="import", worlds=range(5))).curves("dpo", "id")[0].worlds.tolist() == [0, 1, 2, 3, 4]


def test_a_curve_takes_the_tuned_configuration_where_several_were_run():
    tuned = arm("dpo", line(1.0, 0.05))
    fixed = [arm("dpo", constant(0.1), n=(3360,), config=beta, tuned=False) for beta in (0.2, 0.3)]
    curve = evidence(tuned, *fixed).curves("dpo", "id")[0]
    assert len(curve.n) == 8 and curve.get("relative_harm")[:, 6].mean() == pytest.approx(1 - 0.05 * np.log2(3360 / 16), abs=1e-6)
    untuned = evidence(tuned.query("n != 3360"), *fixed).curves("dpo", "id")[0]
    assert 3360 not in untuned.n


def test_longer_training_of_one_cell_is_no_second_run():
    usual, longer = arm("dpo", constant(0.5)), arm("dpo", constant(0.1), extra={"training": {"max_steps": 1200}})
    curve = evidence(longer, usual).curves("dpo", "id")[0]
    assert curve.setting == () and curve.get("relative_harm").mean() == pytest.approx(0.5, abs=1e-6)


def test_worlds_with_holes_and_too_few_worlds():
    rows = arm("dpo", constant(0.5))
    holes = rows[~((rows["world"] == 1003) & (rows["n"] == 95))]
    curve = evidence(holes).curves("dpo", "id")[0]
    assert 1003 not in curve.worlds or 95 not in curve.n
    assert np.isfinite(curve.get("relative_harm")).all()
    assert evidence(arm("dpo", constant(0.5), worlds=WORLDS[:3])).curves("dpo", "id") == []


def test_the_reference_knobs_come_first():
    reference = [arm(m, constant(0.5), n=(16, 39)) for m in ("npo_ret", "dpo")]
    other = [arm(m, constant(0.2), bias=4.0) for m in ("npo_ret", "dpo")]
    found = evidence(*other, *reference)
    assert find_pair(found, "npo_ret", "dpo", "id").setting == ()
    pair = find_pair(found, "npo_ret", "dpo", "id", budgets=3)
    assert describe_setting(pair.setting) == ["bias = 4 (registered: 2)"]
    with pytest.raises(Missing, match="at the same knobs"):
        find_pair(evidence(reference[0], other[1]), "npo_ret", "dpo", "id")


def test_noise_that_follows_from_verifiability_is_no_deviation_of_its_own():
    frames = [arm("dpo", constant(0.5), v=0.5, miss=0.235, false_alarm=0.235), arm("dpo", constant(0.5), miss=0.3, false_alarm=0.3, config=0.2)]
    settings = {curve.setting for curve in evidence(*frames).curves("dpo", "id")}
    assert settings == {(("v", 0.5),), (("miss", 0.3), ("false_alarm", 0.3))}
    assert abs(REFERENCE["miss"] - (0.02 + 0.43 * 0.07)) < 1e-12


def test_files_folders_and_their_faults(tmp_path):
    table = check_measurements(pd.concat([arm("dpo", constant(0.5))]), "x")
    write_measurements(table, tmp_path / "measurements.parquet", {})
    one, other = load_evidence([tmp_path]), load_evidence([tmp_path / "measurements.parquet"])
    assert one.sources[0].sha256 == other.sources[0].sha256 and one.sources[0].name == tmp_path.name
    assert one.sources[0].config_hashes == ("abc",)
    with pytest.raises(InputError, match="given twice"):
        load_evidence([tmp_path, tmp_path / "measurements.parquet"])
    with pytest.raises(InputError, match="no measurements are here"):
        load_evidence([tmp_path.parent])
    (tmp_path / "churn.parquet").write_text("no parquet")
    with pytest.raises(InputError, match="churn"):
        load_evidence([tmp_path])
    (tmp_path / "manifest.json").write_text("{broken")
    (tmp_path / "churn.parquet").unlink()
    assert load_evidence([tmp_path]).sources[0].reductions == ()
