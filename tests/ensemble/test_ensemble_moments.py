"""Simulated moments against paths with known answers, and against the shipped table of facts."""

import numpy as np
import pandas as pd
import pytest

from econ.ensemble.moments import COUNTERPARTS, MOMENT_COLUMNS, met, missed, moments_file, moments_table, year
from econ.market.outcomes import OUTCOMES


def outcomes(quarters=24, replicates=4, **columns):
    quarter = np.arange(-8, quarters)
    rows = {
        "scenario": "baseline",
        "replicate": np.repeat(np.arange(replicates), quarter.size),
        "quarter": np.tile(quarter, replicates),
    }
    values = {
        name: np.concatenate([make(quarter, replicate) for replicate in range(replicates)])
        for name, make in columns.items()
    }
    return pd.DataFrame({**rows, **values})


def moment(table, name):
    return table.set_index("id").loc[name]


def test_every_counterpart_is_a_fact_and_an_outcome():
    assert set(COUNTERPARTS) <= set(pd.read_csv(moments_file())["id"])
    assert set(OUTCOMES) >= MOMENT_COLUMNS


def test_years():
    assert (year(2024), year(2025), year(2025, 2026)) == (range(-4, 0), range(0, 4), range(0, 8))


def test_level_growth_ratio_and_annual_exit():
    table = moments_table(
        outcomes(
            hhi_service=lambda quarter, replicate: np.where(quarter < 0, 2600.0 + replicate, 1800.0),
            vendor_spend=lambda quarter, replicate: 4e7 * 1.2 ** np.floor(quarter / 4),
            wage_expert=lambda quarter, replicate: np.full(quarter.size, 110.0),
            wage_us_generalist=lambda quarter, replicate: np.full(quarter.size, 20.0),
            labeler_exit_rate=lambda quarter, replicate: np.full(quarter.size, 0.13),
        )
    )
    assert moment(table, "M1a")["simulated"] == pytest.approx(2601.5)
    assert moment(table, "M1a")["mc_error"] == pytest.approx(np.std(np.arange(4), ddof=1) / 2)
    assert moment(table, "M1a")["distance"] == pytest.approx(1.5 / 500)
    assert moment(table, "M1b")["simulated"] == pytest.approx(1800.0)
    assert moment(table, "M4")["simulated"] == pytest.approx(0.2, rel=1e-12)
    assert moment(table, "M7")["simulated"] == pytest.approx(5.5)
    assert moment(table, "M10")["simulated"] == pytest.approx(1 - 0.87**4)


def test_growth_error_is_that_of_the_log_ratio():
    # Two replicates grow by 1.5 and 2.5 from the same start: mean factor 2, relative deviations ±0.25.
    table = moments_table(
        outcomes(
            replicates=2,
            incidents=lambda quarter, replicate: np.where(quarter < 0, 10.0, 15.0 + 10.0 * replicate),
        )
    )
    assert moment(table, "M25")["simulated"] == pytest.approx(1.0)
    assert moment(table, "M25")["mc_error"] == pytest.approx(2 * np.std([-0.25, 0.25], ddof=1) / np.sqrt(2))


def test_a_sign_needs_an_interval_without_zero():
    noise = [-3.0, -1.0, 1.0, 3.0]
    still = outcomes(lobby_spend=lambda quarter, replicate: np.where(quarter < 0, 0.0, noise[replicate]))
    rises = outcomes(lobby_spend=lambda quarter, replicate: np.where(quarter < 0, 0.0, 50 + noise[replicate]))
    assert moment(moments_table(still), "M26")["simulated"] == 0
    assert moment(moments_table(rises), "M26")["simulated"] == 1
    assert moment(moments_table(rises), "M26")["distance"] == 0
    assert "M26" in missed(moments_table(still))["id"].tolist()


def test_what_the_run_does_not_reach_or_have_stays_empty():
    table = moments_table(
        outcomes(quarters=4, vendor_spend=lambda quarter, replicate: np.full(quarter.size, 1.0))
    )
    assert table["simulated"].isna().all() and table["distance"].isna().all()
    assert len(table) == len(pd.read_csv(moments_file()))
    assert missed(table).empty


def test_moments_of_a_replay_count_from_the_event():
    def after(value):
        return lambda quarter, replicate: np.where(quarter >= 3, value + 0.01 * replicate, np.nan)

    table = moments_table(
        outcomes(
            quarters=8, loss_revenue_ratio=after(0.7), tie_rivals_reducing=after(0.75), tie_revenue_ratio=after(0.5),
            tie_others_revenue_ratio=after(1.2),
            large_entrants=lambda quarter, replicate: np.where(quarter == 6, 3.0, 0.0),
        )
    )  # fmt: skip
    assert moment(table, "M17b")["simulated"] == pytest.approx(-0.285)
    assert moment(table, "M18a")["simulated"] == pytest.approx(0.765)
    assert moment(table, "M18b")["simulated"] == 1
    assert moment(table, "M19")["simulated"] == 3
    without = moments_table(outcomes(loss_revenue_ratio=lambda quarter, replicate: np.full(quarter.size, np.nan)))
    assert without["simulated"].isna().all()


def test_a_fact_without_a_band_is_neither_met_nor_missed():
    table = pd.DataFrame({"id": ["a", "b", "c", "d"], "simulated": [1.0, 5.0, 1.0, np.nan], "low": [0.0, 0.0, np.nan, 0.0], "high": [2.0, 2.0, np.nan, 2.0]})
    assert met(table)["id"].tolist() == ["a"] and missed(table)["id"].tolist() == ["b"]
    assert met(table.assign(high=np.nan))["id"].tolist() == ["a", "b"], "one end is a band"
