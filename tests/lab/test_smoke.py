"""The smallest grid, as shipped and as run here: every column finite and legal, and no number of another machine asked for."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from econ.core.manifests import read_parquet
from econ.core.measurements import COLUMNS, PASS_AT, read_measurements
from econ.core.shipped import shipped_path
from econ.lab.accounting import KINDS
from econ.lab.grid import load_grid
from econ.lab.methods import METHODS
from econ.lab.runner import run_grid

CONTROLS = ("base", "refuse_all")
#: Where a column has no value: World B's, configurations that a method lacks, bits that nobody counts.
PASS = {f"pass_{k}" for k in PASS_AT}
UNCOUNTED_BITS = ("demonstration", "verification")


@pytest.fixture(scope="module", params=["shipped", pytest.param("run here", marks=pytest.mark.slow)])
def folder(request, tmp_path_factory):
    if request.param == "shipped":
        return shipped_path("calibration", "lab", "smoke")
    out = tmp_path_factory.mktemp("smoke") / "smoke"
    run_grid(load_grid("smoke"), out)
    return out


@pytest.fixture(scope="module")
def table(folder):
    return read_measurements(folder / "measurements.parquet")


def test_nothing_is_missing_that_a_run_has(table):
    for method, rows in table.groupby("method"):
        own, has = METHODS[method], set(METHODS[method].config)
        expected = PASS | {key for key in ("lr", "beta") if key not in has}
        if set(own.kinds) & set(UNCOUNTED_BITS):
            expected |= {"bits_total", "bits_harm"}
        missing = rows.isna()
        assert set(missing.columns[missing.any()]) == set(missing.columns[missing.all()]) == expected, method


def test_every_value_is_finite_and_within_the_range_of_its_column(table):
    for column in COLUMNS:
        values = table[column.name].dropna()
        if column.values:
            assert set(values) <= set(column.values), column.name
        if pd.api.types.is_numeric_dtype(values.dtype):
            numbers = values.to_numpy(np.float64)
            assert np.isfinite(numbers).all(), column.name
            assert column.low is None or (numbers >= column.low).all(), column.name
            assert column.high is None or (numbers <= column.high).all(), column.name


def test_rates_fit_each_other(table):
    assert np.allclose(table.relative_harm, table.violation / table.violation_base, atol=1e-6)
    assert (table.violation_base > 0).all()
    # A refusal violates nothing; every violation is of a rule that was drafted or of one that was not.
    assert (table.violation + table.refusal <= 1 + 1e-6).all()
    assert (table[["violation_drafted", "violation_omitted"]].max(axis=1) <= table.violation + 1e-6).all()
    assert (table.violation <= table.violation_drafted + table.violation_omitted + 1e-6).all()
    # The rule broken weighs 1 at least, and all of them 17.
    assert (table.severity >= table.violation - 1e-6).all() and (table.severity <= 17).all()
    assert (table[["entropy", "entropy_base"]] <= np.log(32)).all(axis=None) and (table.kl >= -1e-6).all()
    worlds = table.groupby(["world", "distribution"])
    for name in ("violation_base", "helpfulness_base", "sycophancy_base", "over_refusal_base", "entropy_base"):
        assert (worlds[name].nunique() == 1).all(), name


def test_counts_fit_each_other(table):
    grid = load_grid("smoke")
    assert (table.best_step <= table.steps).all() and (table.steps <= grid.training.max_steps).all()
    assert (table.n_validation <= table.n / grid.training.validation_every + 1).all()
    assert (table.completions_read >= table.judgements).all() and (table.positives <= table.judgements).all()
    assert (table.human_minutes >= table.fixed_minutes).all() and (table.seconds > 0).all()
    for method, rows in table.groupby("method"):
        kinds = METHODS[method].kinds
        human = [kind for kind in kinds if KINDS[kind].judgements]
        assert (rows.judgements >= (rows.n if human else 0)).all() and bool(human) == (rows.judgements > 0).any(), method
        assert (rows.verifications > 0).any() == ("verification" in kinds), method
        assert (rows.ai_calls > 0).any() == any(kind.startswith("critic") for kind in kinds), method
        # Two outcomes say one bit at most.
        for bits in ("bits_total", "bits_harm"):
            assert rows[bits].isna().all() or (rows[bits] <= rows.n + 1e-9).all(), method
    assert (table.flops[~table.method.isin(CONTROLS)] > 0).all()


def test_controls_are_what_they_are(table):
    base, refusal = (table[table.method == name] for name in CONTROLS)
    for name in ("violation", "helpfulness", "sycophancy", "over_refusal", "entropy"):
        assert np.allclose(base[name], base[f"{name}_base"]), name
    assert np.allclose(base.relative_harm, 1) and np.allclose(base.kl, 0, atol=1e-6) and (base.steps == 0).all()
    assert np.allclose(refusal[["violation", "severity", "sycophancy"]], 0, atol=1e-6)
    assert np.allclose(refusal.helpfulness, 0.2) and np.allclose(refusal[["refusal", "over_refusal"]], 1) and refusal.collapsed.all()


def test_training_moved_every_other_run_and_its_losses_are_finite(folder, table):
    trained = table[~table.method.isin(CONTROLS)]
    assert (trained.kl > 0).all() and (trained.steps > 0).all()
    curves = read_parquet(folder / "curves.parquet")
    losses = curves[["train_loss", "validation_loss"]].to_numpy(np.float64).ravel()
    assert np.isfinite(losses[~np.isnan(losses)]).all() and set(curves.run_id) <= set(table.run_id)
    facts = json.loads((folder / "manifest.json").read_text())
    assert facts["runs"] == table.run_id.nunique() == 116 and facts["worlds"] == [0, 1, 2, 3]
