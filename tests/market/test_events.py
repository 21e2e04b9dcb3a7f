"""Events: who leaves, what is paid, what stays the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import small_market as small
from hypothesis import given
from hypothesis import strategies as st

from econ.market import events, orders
from econ.market.ledger import Ledger
from econ.market.simulate import run_quarters
from econ.scenario.parts import CustomerLoss, VerticalTie

WHEN, SHARE, STAKE, NU = 2, 0.30, 0.49, 1.5
REPLICATES = range(4)
LOSS = {"customer_loss": {"quarter": WHEN, "share": SHARE}}
TIE = {"vertical_tie": {"quarter": WHEN, "stake": STAKE, "nu": NU}}


def scenario(*happenings):
    return small.baseline(firms=6).with_settings({"events": list(happenings)})


def path(*happenings):
    """State and events of every quarter."""
    s = small.build(scenario(*happenings), replicates=REPLICATES)
    return {e.quarter: (state, e) for state, e, _ in run_quarters(s, 5)}


@pytest.fixture(scope="module")
def calm():
    # A loss of nothing: an event, so that purchases are recorded, without an effect.
    return path({"customer_loss": {"quarter": WHEN, "share": 0.0}})


@pytest.fixture(scope="module")
def loss():
    return path(LOSS)


@pytest.fixture(scope="module")
def tie():
    return path(TIE)


def largest(state):
    return np.argmax(np.where(state.curators.active, state.curators.service_revenue, -1.0), axis=1)


def at(array, curator):
    """[S, F] of [S, F, C] at one curator per replicate."""
    return array[np.arange(len(curator)), :, curator]


def test_purchases_add_up_to_service_revenue(calm):
    for state, _ in calm.values():
        np.testing.assert_allclose(
            state.firms.purchases.sum(axis=1), state.curators.service_revenue, rtol=1e-12
        )


def test_the_share_of_revenue_that_leaves_is_exact(loss):
    before, (after, _) = loss[WHEN - 1][0], loss[WHEN]
    curator = largest(before)
    withdrawn, bought = at(after.firms.withdrawn, curator), at(before.firms.purchases, curator)
    revenue = before.curators.service_revenue[np.arange(len(curator)), curator]
    np.testing.assert_allclose((withdrawn * bought).sum(axis=1), SHARE * revenue, rtol=1e-12)
    by_size = np.take_along_axis(withdrawn, np.argsort(-bought, axis=1), axis=1)
    assert (np.diff(by_size, axis=1) <= 0).all()
    assert (((withdrawn > 0) & (withdrawn < 1)).sum(axis=1) <= 1).all()
    assert (after.firms.withdrawn != 0).sum() == (withdrawn != 0).sum()


def test_orders_are_withdrawn_in_that_part_and_go_to_others(calm, loss):
    curator = largest(loss[WHEN - 1][0])
    withdrawn = at(loss[WHEN][0].firms.withdrawn, curator)
    assert (withdrawn > 0).any(axis=1).all()
    for kind in ("split_preference", "split_constraint"):
        usual, now = getattr(calm[WHEN][1].orders, kind), getattr(loss[WHEN][1].orders, kind)
        np.testing.assert_allclose(at(now, curator), (1 - withdrawn) * at(usual, curator), rtol=1e-12)
        np.testing.assert_allclose(now.sum(axis=2), 1.0, rtol=1e-12)
        elsewhere = np.arange(now.shape[2]) != curator[:, None]
        assert (now >= usual)[np.broadcast_to(elsewhere[:, None], now.shape)].all()


def test_customers_who_left_do_not_come_back():
    quarters = path({"customer_loss": {"quarter": WHEN, "share": 1.0}})
    curator = largest(quarters[WHEN - 1][0])
    for quarter in range(WHEN, 5):
        state, _ = quarters[quarter]
        same = state.curators.occupants == quarters[WHEN][0].curators.occupants
        here = same[np.arange(len(curator)), curator]
        assert here.any()
        assert not at(state.firms.purchases, curator)[here].any()


def by_hand(purchases, service_revenue):
    """State of one replicate with given purchases [F, C] and revenues [C]."""
    purchases, service_revenue = np.array([purchases], float), np.array([service_revenue], float)
    s = small.build(small.baseline(firms=purchases.shape[1], curators=2, slots=purchases.shape[2]))
    _, _, state = small.at_start(s)
    none = np.zeros(purchases.shape)
    firms = replace(state.firms, purchases=purchases, withdrawn=none, tie=none, owned=none)
    active = np.ones(service_revenue.shape, bool)
    return s, firms, replace(state.curators, service_revenue=service_revenue, active=active)


def test_a_second_loss_takes_its_share_of_what_is_left():
    _, f, c = by_hand([[60, 1], [30, 1], [10, 1]], [100, 3])
    f = events.lose_customers(f, c, CustomerLoss(quarter=0, share=0.3))
    np.testing.assert_allclose(f.withdrawn[0, :, 0], [0.5, 0, 0], rtol=1e-12)
    left = replace(f, purchases=np.array([[[30, 31], [30, 1], [10, 1]]], float))
    f = events.lose_customers(
        left, replace(c, service_revenue=np.array([[70.0, 33.0]])), CustomerLoss(quarter=1, share=0.75)
    )
    # 52.5 leaves: all 30 of the first, equal firms by place, then 22.5 of the second's 30.
    np.testing.assert_allclose(f.withdrawn[0, :, 0], [1, 0.75, 0], rtol=1e-12)


def test_what_governments_buy_stays():
    _, f, c = by_hand([[60, 0], [40, 0]], [200, 0])
    f = events.lose_customers(f, c, CustomerLoss(quarter=0, share=0.8))
    np.testing.assert_array_equal(f.withdrawn[0], [[1, 0], [1, 0]])


def test_equal_curators_rank_by_place_and_a_missing_rank_does_nothing():
    s, f, c = by_hand([[60, 60, 0], [40, 40, 0]], [100, 100, 0])
    first = events.lose_customers(f, c, CustomerLoss(quarter=0, curator_rank=1, share=1.0))
    second = events.lose_customers(f, c, CustomerLoss(quarter=0, curator_rank=2, share=1.0))
    np.testing.assert_array_equal(first.withdrawn[0], [[1, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(second.withdrawn[0], [[0, 1, 0], [0, 1, 0]])
    c = replace(c, active=np.array([[True, True, False]]))
    ledger = Ledger(1, 2, 3)
    none = events.lose_customers(f, c, CustomerLoss(quarter=0, curator_rank=3, share=1.0))
    tied = events.buy_stake(s, f, c, VerticalTie(quarter=0, curator_rank=3), ledger)
    assert not (none.withdrawn.any() or tied.tie.any() or tied.owned.any() or ledger.total("tie_price").any())


def test_no_more_than_the_whole_of_a_curator_is_sold():
    s, f, c = by_hand([[60, 0], [40, 0]], [100, 0])
    f = replace(f, revenue=np.array([[[3.0], [2.0]]]), cash=np.array([[1e9, 5.0]]))
    ledger = Ledger(1, 2, 2)
    for firm in (1, 2):
        f = events.buy_stake(s, f, c, VerticalTie(quarter=0, firm_rank=firm, stake=0.7, nu=2.0), ledger)
    np.testing.assert_allclose(f.owned[0, :, 0], [0.7, 0.3], rtol=1e-12)
    np.testing.assert_array_equal(f.tie[0, :, 0], [2.0, 2.0])
    whole = s.p["tie_valuation"] * 4 * 100
    np.testing.assert_allclose(ledger.total("tie_price"), whole, rtol=1e-12)
    np.testing.assert_allclose(ledger.total("equity_tie"), 0.3 * whole - 5, rtol=1e-12)


def test_the_buyer_pays_and_rivals_turn_away(calm, tie):
    before, (after, now) = tie[WHEN - 1][0], tie[WHEN]
    rows, curator = np.arange(len(REPLICATES)), largest(before)
    firm = before.firms.revenue.sum(axis=2).argmax(axis=1)
    rival = np.arange(6) != firm[:, None]
    annual = 4 * (before.curators.service_revenue + before.curators.licence_revenue)[rows, curator]
    price = STAKE * 20 * annual
    np.testing.assert_allclose(now.ledger.total("tie_price"), price, rtol=1e-12)
    short = np.maximum(price - np.maximum(before.firms.cash[rows, firm], 0), 0)
    np.testing.assert_allclose(now.ledger.total("equity_tie"), short, rtol=1e-12)
    np.testing.assert_array_equal(at(after.firms.tie, curator), np.where(rival, NU, 0.0))
    np.testing.assert_array_equal(at(after.firms.owned, curator), np.where(rival, 0.0, STAKE))
    for kind in ("split_preference", "split_constraint"):
        usual, split = getattr(calm[WHEN][1].orders, kind), getattr(now.orders, kind)
        s, expected = at(usual, curator), np.exp(-NU) * at(usual, curator)
        np.testing.assert_allclose(
            at(split, curator), np.where(rival, expected / (1 - s + expected), s), rtol=1e-12
        )


def test_rivals_odds_of_its_library_fall_by_the_same_factor(calm, tie):
    before, (_, now) = tie[WHEN - 1][0], tie[WHEN]
    curator = largest(before)
    rival = np.arange(6) != before.firms.revenue.sum(axis=2).argmax(axis=1)[:, None]
    odds = [at(e.choice.chance, curator + 1) / e.choice.chance[:, :, 0] for e in (calm[WHEN][1], now)]
    np.testing.assert_allclose(odds[1], np.where(rival, np.exp(-NU), 1.0) * odds[0], rtol=1e-9)


def test_dividends_are_shared_from_then_on(tie):
    paid = {q: e.ledger.total("dividends_tie") for q, (_, e) in tie.items()}
    assert not any(paid[q].any() for q in paid if q < WHEN)
    assert all((paid[q] >= 0).all() for q in paid)
    assert sum(paid[q].sum() for q in paid if q >= WHEN) > 0
    # All other owners together have the rest, of this curator and of all others.
    for q in range(WHEN, 5):
        assert (
            paid[q] * (1 - STAKE) / STAKE <= tie[q][1].ledger.total("dividends_curators") * (1 + 1e-12)
        ).all()


@pytest.mark.parametrize("happenings", [(LOSS,), (TIE,), (LOSS, TIE)])
def test_the_past_is_the_same_the_books_close_and_a_replicate_is_itself(happenings):
    usual = small.run(scenario(), replicates=REPLICATES)
    changed = small.run(scenario(*happenings), replicates=REPLICATES)
    assert changed.facts["ledger_residual"].max() < 1e-9
    past = usual.quarters < WHEN
    for name, values in usual.outcomes.items():
        np.testing.assert_array_equal(changed.outcomes[name][:, past], values[:, past], err_msg=name)
    at_once = usual.quarters == WHEN
    assert (changed.outcomes["hhi_service"][:, at_once] != usual.outcomes["hhi_service"][:, at_once]).all()
    small.same(small.rows(changed, [2]), small.run(scenario(*happenings), replicates=[2]))


shares = st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3)
parts = st.lists(st.sampled_from([0.0, 0.0, 0.25, 0.9, 1.0]), min_size=3, max_size=3)


@given(shares, parts)
def test_orders_after_withdrawals(weights, withdrawn):
    split = np.array([[[*weights, 0.0]]]) / sum(weights)
    w = np.array([[[*withdrawn, 0.0]]])
    active = np.array([[True, True, True, False]])
    after = orders.without_withdrawn(split, w, active)
    assert np.isclose(after.sum(), 1.0, rtol=1e-12) and (after >= 0).all() and after[0, 0, 3] == 0
    if 0.0 in withdrawn:
        np.testing.assert_allclose(after[w > 0], (split * (1 - w))[w > 0], rtol=1e-12)
    elif min(withdrawn) == 1.0:
        np.testing.assert_allclose(after[0, 0, :3], 1 / 3, rtol=1e-12)
    else:
        left = split * (1 - w)
        np.testing.assert_allclose(after, left / left.sum(), rtol=1e-12)


def test_replays_tell_the_revenue_of_who_was_hit(loss, tie):
    from econ.market.replays import replay_columns

    s = small.build(scenario(LOSS), replicates=REPLICATES)
    for quarters, name, kind in ((loss, "loss_revenue_ratio", "lost"), (tie, "tie_revenue_ratio", "tied")):
        before = quarters[WHEN - 1][0]
        curator = largest(before)
        assert all(np.isnan(v).all() for v in replay_columns(s, before).values())
        for quarter in range(WHEN, 5):
            state, _ = quarters[quarter]
            got = replay_columns(s, state)
            marked = getattr(state.curators, kind)
            for r, slot in enumerate(curator):
                same = state.curators.occupants[r, slot] == before.curators.occupants[r, slot]
                assert marked[r].sum() == same and (not same or marked[r, slot])
                now = state.firms.purchases[r, :, slot].sum() if same else 0.0
                assert got[name][r] == pytest.approx(now / before.firms.purchases[r, :, slot].sum(), rel=1e-12)
            other = {"lost": "tie_revenue_ratio", "tied": "loss_revenue_ratio"}[kind]
            assert np.isnan(got[other]).all()


def test_rivals_that_buy_less_are_counted_among_the_four_largest(tie):
    from econ.market.replays import replay_columns

    s = small.build(scenario(TIE), replicates=REPLICATES)
    before, (after, _) = tie[WHEN - 1][0], tie[WHEN]
    curator = largest(before)
    buyer = before.firms.revenue.sum(axis=2).argmax(axis=1)
    got = replay_columns(s, after)
    for r, slot in enumerate(curator):
        then, now = (f.purchases[r, :, slot] for f in (before.firms, after.firms))
        rivals = [i for i in np.argsort(-then, kind="stable") if i != buyer[r] and then[i] > 0][:4]
        assert got["tie_rivals_reducing"][r] == pytest.approx(np.mean([now[i] < then[i] for i in rivals]))
        elsewhere = np.arange(s.slots) != slot
        ratio = after.firms.purchases[r][:, elsewhere].sum() / before.firms.purchases[r][:, elsewhere].sum()
        assert got["tie_others_revenue_ratio"][r] == pytest.approx(ratio, rel=1e-12)
    assert (got["tie_rivals_reducing"] > 0.5).all()
