"""What must hold of every run: replicates alone and together, order, currency, conservation, common random numbers."""

from __future__ import annotations

import numpy as np
import pytest
import small_market as small
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from econ.market.ledger import FLOWS, SECTORS, TOLERANCE
from econ.market.outcomes import NULLABLE, OUTCOMES
from econ.market.record import welfare_by_resources
from econ.market.simulate import run_quarters
from econ.scenario.parameters import SIZE_KEYS, defaults

TINY = small.baseline()


@pytest.fixture(scope="module")
def together():
    """Six replicates in one batch."""
    return small.run(TINY, replicates=range(6))


# Batches


@pytest.mark.parametrize("place", [0, 2, 5])
def test_a_replicate_alone_equals_itself_in_a_batch(together, place):
    alone = small.run(TINY, replicates=[place])
    small.same(alone, small.rows(together, [place]))


def test_a_replicate_alone_equals_itself_with_an_imposed_elasticity():
    scenario = TINY.with_levers(sigma=3.0)
    small.same(small.run(scenario, replicates=[3]), small.rows(small.run(scenario, replicates=range(5)), [3]))


def test_the_same_batch_is_the_same_bit_for_bit(together):
    small.same(small.run(TINY, replicates=range(6)), together, rtol=0)


def test_order_of_replicates_does_not_matter(together):
    order = [4, 0, 5, 2, 1, 3]
    small.same(small.run(TINY, replicates=order), small.rows(together, order))


def test_ids_not_places_key_the_draws(together):
    # Replicates 3 to 5 in places 0 to 2, beside others.
    small.same(small.rows(small.run(TINY, replicates=[3, 4, 5, 17]), [0, 1, 2]), small.rows(together, [3, 4, 5]))


def test_horizon_does_not_change_what_came_before(together):
    shorter = small.run(TINY, replicates=range(6), quarters=3)
    for name, values in shorter.outcomes.items():
        np.testing.assert_array_equal(values, together.outcomes[name][:, : values.shape[1]], err_msg=name)


def test_seeds_matter(together):
    other = small.run(TINY, replicates=range(6), seed=small.SEED + 1)
    assert not np.allclose(other.outcomes["label_spend"], together.outcomes["label_spend"], rtol=1e-3)


# Currency


def scaled_currency(factor):
    changed = {}
    for name, row in defaults().items():
        if name in SIZE_KEYS:
            continue
        if row.unit.startswith("USD"):
            changed[name] = row.value * factor
        elif row.unit == "1/USD":
            changed[name] = row.value / factor
    assert {"wage_judge_expert", "marginal_cost_per_user", "price_sensitivity_users", "certification_fee_usd"} <= changed.keys()
    return TINY.with_parameters(**changed)


@pytest.mark.parametrize(("factor", "rtol"), [(1024.0, 0.0), (1.37, 1e-12)])
def test_currency_changes_units_only(together, factor, rtol, limit):
    # Exact for a power of two, which changes exponents alone.
    other = small.run(scaled_currency(factor), replicates=range(6))
    for name, values in together.outcomes.items():
        money = factor if OUTCOMES[name].unit.startswith("USD") else 1.0
        scale = np.nanmax(np.abs(values)) if np.isfinite(values).any() else 0.0
        np.testing.assert_allclose(other.outcomes[name] / money, values, rtol=rtol, atol=rtol * scale, err_msg=name)
        if name in ("label_spend", "wage_judge"):
            ratio = other.outcomes[name] / money / values
            limit(8, f"{name} with money in units of 1/{factor:g} USD over that in USD", 1.0, ratio, absolute=rtol)
    for name, values in together.ledger.items():
        atol = rtol * np.abs(values).max()
        np.testing.assert_allclose(other.ledger[name] / factor, values, rtol=rtol, atol=atol, err_msg=name)


# Conservation and welfare


SHARE = st.sampled_from([0.0, 0.1, 0.5, 1.0])
VALUES = {
    "cert_mode": st.sampled_from(["none", "voluntary", "mandatory"]), "cert_fee": st.sampled_from([0.0, 1.0, 30.0]),
    "cert_tolerance": st.sampled_from([0.1, 1.2, 9.0]), "cert_test_size": st.sampled_from([1, 200, 5000]),
    "cert_max_violation": SHARE, "cert_min_documented": SHARE, "conform": SHARE, "provenance_audit": SHARE, "legal_risk": SHARE,
    "audit": st.sampled_from([0.0, 1.0, 5.0]), "fine": st.sampled_from([0.0, 0.01, 0.3]), "max_harm": SHARE, "strict": SHARE,
    "safe_harbour": SHARE, "commons": st.sampled_from([0.0, 0.02, 1.0]), "interoperability": SHARE, "portability": SHARE,
    "lobby_cap": st.sampled_from([None, 0.0, 1e-6]), "merger_control": st.booleans(), "merger_probability": SHARE,
    "local_norms": SHARE, "minimum_wage": st.sampled_from([0.0, 1.0, 20.0]), "training_subsidy": SHARE,
    "pref_price_shock": st.sampled_from([0.2, 1.0, 4.0]), "shock_is_tax": st.booleans(), "ai_price": st.sampled_from([0.0, 1.0, 100.0]),
    "ai_quality": st.sampled_from([0.0, 1.0, 1.1]), "transfer": SHARE, "sigma": st.sampled_from([0.5, 1.0, 3.0]),
    "market_scale": st.sampled_from([0.25, 1.0, 16.0]),
}  # fmt: skip
STATIC = {"transfer", "sigma", "market_scale"}
QUARTERS = 4


@st.composite
def levers(draw):
    """Up to six levers: a value, or another from some quarter on."""
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=6, unique=True))
    chosen = {}
    for name in names:
        value = draw(VALUES[name])
        later = {draw(st.integers(0, QUARTERS - 1)): value, QUARTERS - 1: draw(VALUES[name])}
        chosen[name] = value if name in STATIC or draw(st.booleans()) else later
    return chosen


def check_run(chosen, seed):
    """Run, and check every quarter's books and outcomes."""
    scenario = small.baseline(QUARTERS).with_levers(**chosen).with_parameters(burn_in_quarters=10, burn_in_complements_quarters=10)
    s = small.build(scenario, replicates=(seed, seed + 1), quarters=QUARTERS, seed=seed)
    for state, events, columns in run_quarters(s, QUARTERS):
        assert np.all(events.residual <= TOLERANCE)
        if not columns:  # before the first reported quarter
            continue
        where = (events.quarter, chosen)
        other = welfare_by_resources(s, events, columns)
        size = np.abs(events.ledger.total("product"))
        assert np.all(np.abs(other - columns["welfare"]) <= 1e-9 * size), where
        assert columns.keys() == OUTCOMES.keys()
        for name, values in columns.items():
            assert np.all(np.isfinite(values) | (np.isnan(values) & (name in NULLABLE))), (name, values, where)
        check_ranges(s, state, events, columns, where)


def check_ranges(s, state, events, columns, where):
    for name, values in columns.items():
        known = values[np.isfinite(values)]
        if OUTCOMES[name].unit == "HHI":
            agents = s.firms if name == "hhi_buyers" else s.slots + 1
            assert np.all((known >= 1e4 / agents - 1e-6) & (known <= 1e4 + 1e-6)), (name, values, where)
        if name.startswith(("inhouse_share", "ai_share", "top_share", "cr3", "cr4", "fill", "cert_")) or name in {
            "constraint_budget_share", "preference_budget_share", "bespoke_share", "firms_without_library", "commons_use", "harm_rate",
            "capture_index", "capture_displacement", "industry_influence", "fee_inflation", "labeler_exit_rate", "wage_gini",
            "top_customer_share", "hours_unpaid_share",
        }:  # fmt: skip
            assert np.all((known >= -1e-12) & (known <= 1 + 1e-9)), (name, values, where)
    np.testing.assert_allclose(columns["constraint_budget_share"] + columns["preference_budget_share"], 1, rtol=1e-12)
    o, c, f = events.orders, state.curators, state.firms
    for total in (
        o.mix_preference.shares.sum(axis=-1), o.mix_constraint.shares.sum(axis=-1), o.split_preference.sum(axis=2),
        o.split_constraint.sum(axis=2), events.split.sum(axis=1), events.choice.chance.sum(axis=2),
    ):  # fmt: skip
        np.testing.assert_allclose(total, 1, rtol=1e-9)
    for slot in (c.cash, c.library.sum(axis=2), c.licence_revenue, c.service_revenue):
        assert np.all(np.abs(slot[~c.active]) < 1e-3), where
    assert np.all((c.documented >= -1e-9) & (c.documented <= c.library * (1 + 1e-9) + 1e-9)), where
    assert np.all(f.users.sum(axis=1) <= 1e12) and np.all(f.users > 0)
    governed = c.requests.sum(axis=1)
    assert np.all(governed <= 1 + 1e-12)
    assert np.all(c.wage > 0) and np.all(f.variance > 0)


COMMON = dict(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@settings(max_examples=30, **COMMON)
@given(chosen=levers(), seed=st.integers(0, 10_000))
def test_books_close_and_outcomes_stay_in_range(chosen, seed):
    check_run(chosen, seed)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=1000, **COMMON)
@given(chosen=levers(), seed=st.integers(0, 10_000))
def test_books_close_under_a_thousand_random_policies(chosen, seed):
    check_run(chosen, seed)


def test_money_of_each_sector_is_what_it_received():
    s = small.build(TINY, replicates=(0, 1), quarters=4)
    net = np.zeros((2, len(SECTORS)))
    for state, events, _ in run_quarters(s, 4):
        matrix = events.ledger.matrix()
        assert np.all(matrix >= 0)
        np.testing.assert_allclose(matrix.sum(axis=1) - matrix.sum(axis=2), events.ledger.net(), rtol=1e-9, atol=1e-3)
        net += events.ledger.net()
        # Consumers and labelers hold no money; lobbyists spend all they get; firms and curators hold what they hold.
        for name in ("consumers", "labelers", "lobbyists"):
            assert np.all(np.abs(net[:, SECTORS.index(name)]) < 1e-3), name
        np.testing.assert_allclose(net[:, SECTORS.index("firms")], state.firms.cash.sum(axis=1), rtol=1e-9, atol=1.0)
    assert {flow.payer for flow in FLOWS.values()} | {flow.payee for flow in FLOWS.values()} == set(SECTORS)


# Common random numbers


@pytest.mark.parametrize(
    "levers",
    [
        {"merger_control": True, "merger_probability": 0.0}, {"shock_is_tax": True}, {"transfer": {"quantile": 0.5}}, {"lobby_cap": 1e9},
        {"commons": {0: 0.0, 3: 0.0}}, {"strict": {"j2": 0.3}}, {"minimum_wage": {2: 1.0}},
    ],
)  # fmt: skip
def test_a_lever_that_changes_nothing_changes_no_outcome(together, levers):
    scenario = TINY
    against = together
    if "merger_probability" in levers:
        scenario = TINY.with_levers(merger_probability=0.0)
        against = small.run(scenario, replicates=range(6))
    if "transfer" in levers:  # imposing each replicate's own draw
        place = 2
        value = float(together.facts["transfer"][place])
        one = small.run(TINY.with_levers(transfer=value), replicates=[place])
        return small.same(one, small.rows(together, [place]))
    small.same(small.run(scenario.with_levers(**levers), replicates=range(6)), against, rtol=0)
    return None


@pytest.mark.parametrize(
    "levers",
    [
        {"strict": {8: 1.0}}, {"commons": {8: 0.1}}, {"cert_mode": {8: "mandatory"}}, {"pref_price_shock": {8: 2.0}},
        {"ai_quality": {"constraint": {8: 1.1}}}, {"merger_probability": {8: 1.0}}, {"minimum_wage": {"low_income": {8: 5.0}}},
    ],
)  # fmt: skip
def test_nothing_differs_before_the_policy_starts(longer, levers):
    later = small.run(small.baseline(10).with_levers(**levers), replicates=(0, 1))
    before = longer.quarters < 8
    for name, values in longer.outcomes.items():
        np.testing.assert_array_equal(later.outcomes[name][:, before], values[:, before], err_msg=name)
    assert any(
        not np.array_equal(later.outcomes[name][:, ~before], values[:, ~before], equal_nan=True)
        for name, values in longer.outcomes.items()
    )


@pytest.fixture(scope="module")
def longer():
    return small.run(small.baseline(10), replicates=(0, 1))


def test_small_policies_have_small_effects_in_pairs(together):
    # With shared draws a marginal change moves product demand marginally, where fresh seeds would move it by per cents.
    near = small.run(TINY.with_levers(fine=0.0100001), replicates=range(6))
    change = near.outcomes["label_spend"] / together.outcomes["label_spend"] - 1
    assert np.abs(change).max() < 1e-4
