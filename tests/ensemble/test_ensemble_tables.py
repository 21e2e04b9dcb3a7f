"""The tables of a result: keys, order, nulls, and statistics that fit the rows."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from fake_market import FLOWS, UNITS, FakeScenario

from econ.ensemble.statistics import wilson_bound
from econ.ensemble.tables import (
    COLUMNS_AT_ONCE,
    DIFFERENCE_COLUMNS,
    SUMMARY_COLUMNS,
    by_scenario,
    difference_table,
    differences_of_file,
    read_table,
    summary_of_file,
    summary_table,
)


@pytest.fixture
def stored(make_design, execute_fake):
    design = make_design(
        FakeScenario(), FakeScenario(name="commons").with_levers(commons=0.1), replicates=20, quarters=6
    )
    return execute_fake(design)[1]


def test_outcomes_have_one_row_per_scenario_replicate_and_quarter(stored):
    table = read_table(stored / "outcomes.parquet")
    assert list(table.columns) == ["scenario", "replicate", "quarter", *UNITS]
    assert len(table) == 2 * 20 * 14
    keys = list(zip(table["scenario"], table["replicate"], table["quarter"], strict=True))
    assert keys == [(s, r, q) for s in ("baseline", "commons") for r in range(20) for q in range(-8, 6)]


def test_missing_outcomes_are_null_in_the_file(stored):
    licences = pq.read_table(stored / "outcomes.parquet", columns=["hhi_licence"])["hhi_licence"]
    assert licences.null_count == 2 * 20 * 8


def test_ledger_names_payer_and_payee_of_each_flow(stored):
    table = read_table(stored / "ledger.parquet")
    assert list(table.columns) == ["scenario", "replicate", "quarter", "flow", "payer", "payee", "usd"]
    assert len(table) == 2 * 20 * 14 * len(FLOWS)
    found = table.groupby("flow", observed=True)[["payer", "payee", "usd"]].first()
    assert {name: (row["payer"], row["payee"]) for name, row in found.iterrows()} == FLOWS
    assert found["usd"].to_dict() == {"product": 10.0, "licence": 20.0, "wages": 30.0}


def test_summary_fits_the_rows(stored):
    outcomes = read_table(stored / "outcomes.parquet")
    summary = summary_table(outcomes)
    assert tuple(summary.columns) == SUMMARY_COLUMNS
    row = summary.query("scenario == 'commons' and variable == 'harm_rate' and quarter == 3").iloc[0]
    values = outcomes.query("scenario == 'commons' and quarter == 3")["harm_rate"].to_numpy()
    assert row["mean"] == pytest.approx(values.mean(), rel=1e-12)
    assert row["mc_error"] == pytest.approx(values.std(ddof=1) / np.sqrt(20), rel=1e-12)
    assert row["p05"] == pytest.approx(np.quantile(values, 0.05), rel=1e-12)


def test_probabilities_count_replicates_ever_tipped_since_quarter_zero(stored):
    outcomes = read_table(stored / "outcomes.parquet")
    rows = by_scenario(outcomes)["baseline"]
    ever = rows[rows["quarter"].between(0, 4)].groupby("replicate")["captured"].max().sum()
    row = (
        summary_table(outcomes)
        .query("scenario == 'baseline' and variable == 'p_captured' and quarter == 4")
        .iloc[0]
    )
    assert row["mean"] == pytest.approx(ever / 20)
    assert row["p95"] == pytest.approx(float(wilson_bound(np.array(ever), np.array(20.0), 0.95)))


def test_a_state_before_quarter_zero_does_not_count(stored):
    outcomes = read_table(stored / "outcomes.parquet")
    outcomes["tipped"] = (outcomes["quarter"] < 0).astype(float)
    found = summary_table(outcomes).query("variable == 'p_tipping'")
    assert (found["mean"] == 0).all() and (found["p95"] > 0).all()


def test_differences_are_paired_by_replicate(stored):
    outcomes = read_table(stored / "outcomes.parquet")
    table = difference_table(outcomes, "baseline")
    assert tuple(table.columns) == DIFFERENCE_COLUMNS
    assert set(table["scenario"]) == {"commons"} and set(table["baseline"]) == {"baseline"}
    row = table.query("variable == 'hhi_licence' and quarter == 2").iloc[0]
    # The lever adds exactly 400, so common random numbers leave no error.
    assert row["mean_difference"] == pytest.approx(400.0) and row["mc_error"] < 1e-10
    assert row["share_positive"] == 1.0
    assert (table.query("variable == 'wage_judge'")["mean_difference"] == 0).all()


def test_replicates_that_one_scenario_lacks_are_left_out(stored):
    outcomes = read_table(stored / "outcomes.parquet")
    fewer = outcomes[(outcomes["scenario"] != "commons") | (outcomes["replicate"] != 7)]
    row = difference_table(fewer, "baseline").query("variable == 'harm_rate' and quarter == 2").iloc[0]
    whole = outcomes.query("quarter == 2 and replicate != 7").pivot_table(
        index="replicate", columns="scenario", values="harm_rate", observed=True
    )
    assert row["mean_difference"] == pytest.approx((whole["commons"] - whole["baseline"]).mean(), rel=1e-12)


def test_statistics_a_few_columns_at_a_time_are_those_of_the_whole(stored):
    assert len(UNITS) > COLUMNS_AT_ONCE
    path = stored / "outcomes.parquet"
    outcomes = read_table(path)
    keys = ["scenario", "variable", "quarter"]
    whole, chunked = (
        table.set_index(keys).sort_index() for table in (summary_table(outcomes), summary_of_file(path))
    )
    assert whole.equals(chunked)
    whole, chunked = (
        table.set_index(keys).sort_index()
        for table in (difference_table(outcomes, "baseline"), differences_of_file(path, "baseline"))
    )
    assert whole.equals(chunked)
