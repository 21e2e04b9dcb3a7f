"""The averaged quarters: the last eight of those in which levers act, and the same ones wherever something is averaged."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fake_market import FakeScenario
from hypothesis import given
from hypothesis import strategies as st

from econ.ensemble.drivers import drivers_table
from econ.ensemble.effects import effects_data, window_means
from econ.ensemble.window import LAST_QUARTERS, in_window, window_length, window_words
from econ.report.document import screening
from econ.report.document.capture_map import replicate_data
from econ.report.document.certification import certification_data
from econ.report.document.norm_matrix import ORIGINS, PLACES, matrix_data
from econ.report.effects_text import effects_html

#: Horizons around the length of the window.
HORIZONS = (1, 2, 7, 8, 9, 40)


@given(st.integers(0, 20), st.integers(1, 60))
def test_all_quarters_from_0_on_count_up_to_the_last_eight(burn_in, quarters):
    reported = np.arange(-burn_in, quarters)
    chosen = reported[in_window(reported)]
    assert len(chosen) == window_length(quarters) == min(LAST_QUARTERS, quarters)
    assert chosen.min() >= 0 and chosen.max() == quarters - 1
    assert set(reported[in_window(reported)]) == set(np.repeat(reported, 3)[in_window(np.repeat(reported, 3))])


def test_words_say_how_many_quarters_are_averaged():
    assert [window_words(window_length(n)) for n in (1, 2, 40)] == ["last quarter", "last 2 quarters", "last 8 quarters"]


def _rows(quarters: int, *names: str, scenario: str = "baseline", slope: float = 1.0) -> pd.DataFrame:
    """Outcomes that are absurd in the burn-in; from 0 on, slope * (replicate + 1) * (quarter + 1)."""
    replicate, quarter = (x.reshape(-1) for x in np.meshgrid(np.arange(40), np.arange(-8, quarters), indexing="ij"))
    values = np.where(quarter < 0, -1e6 * ((replicate * 7) % 40), slope * (replicate + 1.0) * (quarter + 1.0))
    return pd.DataFrame({"scenario": scenario, "replicate": replicate, "quarter": quarter} | dict.fromkeys(names, values))


def _mean_quarter(quarters: int) -> float:
    """Mean of quarter + 1 over the window."""
    return float(np.mean([q + 1 for q in range(quarters)][-8:]))


@pytest.mark.parametrize("quarters", HORIZONS)
def test_no_average_holds_a_quarter_of_the_burn_in(quarters):
    norms = {f"norm_loss_{h}_{j}" for h in ORIGINS for j in PLACES}
    rows = _rows(quarters, "harm_rate", "cert_pass_rate", "cert_false_pass", "cert_false_fail", "cert_violation", "hhi_normative",
                 "capture_index", "lobby_spend", "spend_per_revenue", "label_spend", "licence_spend", *norms)  # fmt: skip
    middle = _mean_quarter(quarters)
    assert window_means(rows, ["harm_rate"])[:, 0] == pytest.approx(middle * np.arange(1, 41))
    assert matrix_data(rows)["mean"].to_numpy() == pytest.approx(middle * 20.5)
    assert certification_data(rows)["mean"].to_numpy() == pytest.approx(middle * 20.5)
    assert replicate_data(rows)["capture"].to_numpy() == pytest.approx(middle * np.arange(1, 41))
    assert screening.tested_violations(rows).mean() == pytest.approx(middle * 20.5)
    facts = pd.DataFrame({"replicate": range(40), "transfer": np.linspace(0.0, 1.0, 40)})
    assert drivers_table(rows, facts, ["harm_rate"])["correlation"].to_list() == pytest.approx([1.0])


@pytest.mark.parametrize("quarters", HORIZONS)
def test_effects_are_of_the_same_quarters_and_say_how_many(quarters):
    both = [_rows(quarters, "harm_rate"), _rows(quarters, "harm_rate", scenario="policy", slope=3.0)]
    effects = effects_data(pd.concat(both, ignore_index=True), "baseline")
    assert effects["mean_difference"].to_list() == pytest.approx([2 * 20.5 * _mean_quarter(quarters)])
    assert effects["quarters"].to_list() == [min(8, quarters)]
    assert f"difference of the {window_words(min(8, quarters))}, 95 %" in effects_html(effects)


@pytest.mark.parametrize("quarters", [1, 3, 12])
def test_effects_are_the_mean_of_the_differences_that_a_run_writes(execute_fake, make_design, quarters):
    base = FakeScenario()
    design = make_design(base, base.with_levers(commons=0.5).named("commons"), replicates=6, quarters=quarters)
    _, directory = execute_fake(design)
    written = pd.read_csv(directory / "differences.csv")
    counted = written[written["quarter"].between(max(0, quarters - 8), quarters - 1)]
    expected = counted.groupby("variable")["mean_difference"].mean()
    found = effects_data(pd.read_parquet(directory / "outcomes.parquet"), "baseline").set_index("variable")["mean_difference"]
    # Without a value in every replicate and quarter the order of averaging matters.
    whole = [name for name in found.index if name != "hhi_licence"]
    assert found[whole].to_numpy() == pytest.approx(expected[whole].to_numpy())
    assert found["harm_rate"] != 0
