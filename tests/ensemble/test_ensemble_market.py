"""Ensembles of the real market, small: what the run directory promises of it."""

import numpy as np
import pytest
import small_market

from econ.core.files import file_hash
from econ.ensemble import design as design_module
from econ.ensemble.design import plan
from econ.ensemble.engine import market_engine
from econ.ensemble.execute import execute
from econ.ensemble.moments import MOMENT_COLUMNS
from econ.ensemble.tables import difference_table, outcome_columns, read_table
from econ.market.outcomes import OUTCOMES
from econ.report.overview import ROWS


@pytest.fixture
def run(tmp_path):
    def make(name, *scenarios, workers=1, block=2, **options):
        directory = tmp_path / name
        directory.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(design_module, "BLOCK_CPU", block)
            design = plan(
                list(scenarios) or [small_market.baseline()],
                small_market.surfaces(),
                **{"replicates": 4, "quarters": 6, **options},
            )
        manifest = execute(design, market_engine(), directory, workers=workers)
        assert manifest.status == "finished"
        return directory

    return make


@pytest.mark.slow  # three processes compile the labelers' kernel
def test_two_workers_give_the_bytes_of_one(run):
    one, two = run("one", workers=1), run("two", workers=2)
    for name in ("outcomes.parquet", "ledger.parquet", "summary.csv"):
        assert file_hash(one / name) == file_hash(two / name), name


def test_another_layout_agrees_to_rounding(run):
    small, large = (read_table(run(str(block), block=block) / "outcomes.parquet") for block in (1, 4))
    for column in small.columns[3:]:
        np.testing.assert_allclose(small[column], large[column], rtol=1e-12, atol=0, err_msg=column)


def test_scenarios_share_their_draws_until_the_lever_moves(run):
    changed = small_market.baseline().with_levers(commons=0.1).with_settings("name=commons")
    outcomes = read_table(run("both", small_market.baseline(), changed) / "outcomes.parquet")
    differences = difference_table(outcomes, "baseline")
    before = differences[differences["quarter"] < 0]
    assert (before["mean_difference"].fillna(0) == 0).all()
    assert (differences[differences["quarter"] >= 0]["mean_difference"].fillna(0) != 0).any()


def test_columns_are_the_dictionary_of_outcomes(run):
    columns = outcome_columns(run("one") / "outcomes.parquet")
    assert columns == list(OUTCOMES)
    assert set(columns) >= MOMENT_COLUMNS
    shown = {row.variable for row in ROWS if not row.variable.startswith("p_")}
    assert set(columns) >= shown


def test_every_replicate_records_its_facts(run):
    facts = read_table(run("one") / "replicates.parquet")
    assert facts["replicate"].tolist() == [0, 1, 2, 3]
    assert facts["transfer"].between(0, 1).all()
    assert (facts["ledger_residual"] < 1e-9).all()


def test_the_ledger_of_each_quarter_is_balanced_over_sectors(run):
    ledger = read_table(run("one") / "ledger.parquet")
    keys = ["replicate", "quarter"]
    paid = ledger.groupby([*keys, "payer"], observed=True)["usd"].sum()
    received = ledger.groupby([*keys, "payee"], observed=True)["usd"].sum()
    np.testing.assert_allclose(paid.groupby(keys).sum(), received.groupby(keys).sum(), rtol=1e-12)
    assert (ledger["usd"] >= 0).mean() > 0.99
