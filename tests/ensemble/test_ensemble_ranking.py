"""Rank stability of policies: shares, regret, agreement of orders, the state that turns one; against known answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from econ.ensemble.effects import effects_data
from econ.ensemble.ranking import concordance, kendall_tau, midranks, rank_sum_p, ranking_tables
from econ.ensemble.window import LAST_QUARTERS

REPLICATES = 40


def _outcomes(harm: dict[str, np.ndarray], name: str = "harm_rate") -> pd.DataFrame:
    """Harm by scenario and replicate, constant over quarters."""
    quarters = np.arange(LAST_QUARTERS + 2)
    parts = [
        pd.DataFrame({
            "scenario": scenario, "replicate": np.repeat(np.arange(len(values)), len(quarters)),
            "quarter": np.tile(quarters, len(values)), name: np.repeat(values, len(quarters)),
        })
        for scenario, values in harm.items()
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def turned():
    """Policy a is best where transfer is high, policy b in the twelve replicates where it is low."""
    transfer = np.linspace(0, 1, REPLICATES)
    base = np.full(REPLICATES, 0.5)
    harm = {"baseline": base, "a": base - 0.3 * transfer, "b": base - 0.09}
    facts = pd.DataFrame({"replicate": np.arange(REPLICATES), "transfer": transfer, "form": "S1", "ledger_residual": transfer})
    return _outcomes(harm), facts


def test_leader_shares_regret_and_the_state_that_turns_the_order(turned):
    outcomes, facts = turned
    ranks, stability = ranking_tables(outcomes, ["harm_rate"], facts)
    row = stability.iloc[0]
    ahead = (0.3 * facts["transfer"] > 0.09).mean()
    assert (row["leader"], row["runner_up"], row["better"]) == ("a", "b", "lower")
    assert row["leads"] == row["ahead"] == pytest.approx(ahead)
    assert row["turns_with"] == "transfer" and row["turned_median"] < 0.3 < row["kept_median"]
    assert row["turns_p"] < 1e-5, "one state was tested: the form is no number, the residual no state of the world"
    assert ranks["scenario"].tolist() == ["a", "b", "baseline"] and ranks["rank"].tolist() == [1, 2, 3]
    own = ranks.set_index("scenario")
    shortfall = np.maximum(0.09 - 0.3 * facts["transfer"], 0)
    assert own.loc["a", "mean_regret"] == pytest.approx(shortfall.mean()) == pytest.approx(row["leader_regret"])
    # In the first replicate a equals the baseline, and both are last.
    assert own.loc["a", "share_last"] == pytest.approx(0.5 / REPLICATES)
    assert own["share_first"].sum() == pytest.approx(1.0) == pytest.approx(own["share_last"].sum())


def test_an_outcome_without_a_better_side_is_ranked_from_the_highest_and_has_no_regret(turned):
    outcomes, _ = turned
    ranks, stability = ranking_tables(outcomes.rename(columns={"harm_rate": "label_spend"}), ["label_spend"])
    assert ranks["scenario"].tolist() == ["baseline", "b", "a"] and (ranks["better"] == "").all()
    assert ranks["mean_regret"].isna().all() and np.isnan(stability.iloc[0]["leader_regret"])
    assert stability.iloc[0]["turns_with"] is None


def test_replicates_without_a_value_for_some_policy_do_not_count(turned):
    outcomes, facts = turned
    outcomes.loc[(outcomes["scenario"] == "b") & (outcomes["replicate"] < 10), "harm_rate"] = np.nan
    row = ranking_tables(outcomes, ["harm_rate"], facts)[1].iloc[0]
    assert row["replicates"] == REPLICATES - 10
    assert row["ahead"] == pytest.approx((0.3 * facts["transfer"][10:] > 0.09).mean())


def test_an_order_that_never_changes_has_tau_and_concordance_1():
    values = np.array([[1.0], [2.0], [3.0], [4.0]]) + np.zeros(7)
    assert concordance(values) == pytest.approx(1.0)
    assert np.array_equal(kendall_tau(values, values[:, 0]), np.ones(7))
    assert concordance(np.stack([values[:, 0], values[::-1, 0]], axis=1)) == pytest.approx(0.0)


@given(st.integers(2, 6), st.integers(2, 12), st.integers(0, 10**6))
def test_ranks_tau_and_rank_sums_are_those_of_scipy(policies, replicates, seed):
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(policies, replicates))
    assert np.array_equal(midranks(np.round(values)), stats.rankdata(np.round(values), axis=0))
    own = kendall_tau(values, values.mean(axis=1))
    assert own == pytest.approx([stats.kendalltau(column, values.mean(axis=1)).statistic for column in values.T])
    states, chosen = draw.integers(0, 5, size=30).astype(float), np.arange(30) < 4 + policies
    expected = stats.mannwhitneyu(states[chosen], states[~chosen], method="asymptotic").pvalue
    assert rank_sum_p(states, chosen) == pytest.approx(expected)


def test_sign_stability_is_the_share_of_replicates_with_the_sign_of_the_mean():
    base = np.zeros(10)
    change = np.where(np.arange(10) < 3, -0.1, 0.2)
    change[9] = 0.0
    effects = effects_data(_outcomes({"baseline": base, "policy": change, "same": base}), "baseline").set_index("scenario")
    assert effects.loc["policy", "sign_stability"] == pytest.approx(0.6), "zero has neither sign"
    assert np.isnan(effects.loc["same", "sign_stability"]), "no difference, no sign"
