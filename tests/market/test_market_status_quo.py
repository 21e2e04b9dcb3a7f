"""The state of 2024 is at rest for the mean firm at belief 0: every equation that could move it, one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import small_market as small

from econ.market import certification, labelers, liability, orders, prices, product
from econ.market.ledger import Ledger
from econ.market.quarter import advance
from econ.market.record import record

#: One position of the status quo for all, so that nothing but the equations decides.
REST = small.pure(generic_share_base=0.0, generic_share_slope=0.0)


@pytest.fixture(scope="module", params=[1, 0], ids=["measured", "stand_in"])
def rest(request):
    """Three forms of the surface, alike firms, no transfer; what users get by the laboratory's curves or stand-ins."""
    scenario = small.baseline().with_levers(transfer=0.0).with_parameters(measured_quality=request.param)
    s = small.build(scenario, replicates=range(6), **REST)
    quo, intercepts, state = small.at_start(s)
    return s, quo, intercepts, state


def quarter_at_rest(s, quo, state, quarter):
    """Firms after one quarter with vendor prices as they are and all orders delivered; libraries out of the way."""
    f, c, public, levers = state.firms, state.curators, state.public, s.lever(quarter)
    ledger = Ledger(s.size, s.firms, s.slots)
    rules = certification.rules_in_force(s, quo, c, public, levers)
    f, ordered = orders.place_orders(s, quo, f, c, public, rules, f.library, levers, quarter)
    f = product.update_stocks(
        s, f, ordered.preference * ordered.mix_preference.effective_per_unit,
        ordered.constraint * ordered.mix_constraint.effective_per_unit,
    )  # fmt: skip
    safe = product.safety(s, quo, f, c, public, rules, f.library)
    f, _ = product.sell(s, quo, f, public, safe, ledger)
    f = product.post_product_prices(s, quo, f, public)
    f, public, accident = liability.incidents(
        s, quo, f, public, rules, f.library, safe, levers, quarter, ledger
    )
    f = liability.stakes(s, quo, f, public, safe, accident.liable, levers)
    return replace(state, firms=f, public=public), safe


def test_budget_share_stays_for_forty_quarters(rest, limit):
    s, quo, _, state = rest
    shares = []
    share0 = s.p["constraint_share_start"]
    for step in range(40):
        state, _ = quarter_at_rest(s, quo, state, -24 + step % 16)
        f = state.firms
        share = f.outlay_constraint.sum(axis=2) / (f.outlay_constraint.sum(axis=2) + f.outlay_preference)
        assert np.abs(share - share0[:, None]).max() < 1e-9, step
        shares.append(share)
    what = "constraint share over 40 quarters, prices fixed and orders filled"
    limit(9, f"{what} ({type(quo.response.quality).__name__})", share0[0], np.array(shares), absolute=1e-9)


@pytest.mark.parametrize(
    "name",
    [
        "price", "users", "revenue", "preferences", "constraints", "outlay_preference", "outlay_constraint", "stake", "margin",
        "liability", "unit_liability",
    ],
)  # fmt: skip
def test_firms_are_at_rest(rest, name):
    s, quo, _, state = rest
    after, _ = quarter_at_rest(s, quo, state, -24)
    np.testing.assert_allclose(getattr(after.firms, name), getattr(state.firms, name), rtol=1e-8, err_msg=name)


def test_calibrated_magnitudes(rest):
    s, quo, _, state = rest
    _, safe = quarter_at_rest(s, quo, state, -24)
    f, p = state.firms, s.p
    served = f.users.sum(axis=(1, 2)) / quo.users_start.sum(axis=1)
    np.testing.assert_allclose(served, 1 - p["outside_share"], rtol=1e-8)
    damage = (quo.damage_per_user[:, None] * safe.harm).sum(axis=3)
    np.testing.assert_allclose(damage, (p["damage_share_of_price"] * quo.price)[:, None, None] * np.ones_like(damage), rtol=1e-8)
    outlay = f.outlay_preference + f.outlay_constraint.sum(axis=2)
    np.testing.assert_allclose(outlay, p["alignment_share_of_revenue", 1] * f.revenue.sum(axis=2), rtol=1e-8)
    assert np.all(quo.users_harm_taste > 0) and np.all(quo.users_help_taste > 0)


def test_first_order_conditions_hold_by_category(rest):
    # Marginal value of each kind of label, harm avoided and what users like, equals its user cost.
    s, quo, _, state = rest
    p, f, response = s.p, state.firms, quo.response
    reference = response.constraints_reference[:, None]
    _, slope_a, slope_b = response.harm(f.constraints, f.preferences, state.public.scale, f.belief)
    got = response.quality.evaluate(response, f.constraints, f.preferences, state.public.scale, f.belief)
    taste = quo.users_help_taste[:, None]
    value_a = f.stake * slope_a + (f.margin * taste)[..., None] * got.help_a
    value_b = (f.stake * slope_b).sum(axis=2) + f.margin * taste * got.help_b
    cost_a = f.outlay_constraint * (1 + p["discount_rate", 2] / p["depreciation_constraint", 2])
    cost_b = f.outlay_preference * (1 + p["discount_rate", 1] / p["depreciation_preference", 1])
    np.testing.assert_allclose(value_a * f.constraints, cost_a, rtol=1e-6)
    np.testing.assert_allclose(value_b * f.preferences, cost_b, rtol=1e-6)
    np.testing.assert_allclose(f.constraints, np.broadcast_to(reference, f.constraints.shape), rtol=1e-8)


def test_vendor_prices_are_at_rest(rest):
    s, quo, _, state = rest
    c = state.curators
    _, split = labelers.inclusive_value(c.wage, c.paid_share, c.active, s.p["curator_elasticity"])
    labor = prices.labor_costs(s, quo.technology, c, split, state.labelers.participation)
    cost = prices.costs(s, quo.technology, c, labor, state.public.vendor_units)
    after = prices.post_prices(s, c, cost)
    np.testing.assert_allclose(after.price_preference[c.active], c.price_preference[c.active], rtol=1e-12)
    np.testing.assert_allclose(after.price_constraint[c.active], c.price_constraint[c.active], rtol=1e-12)


def test_vendors_get_their_share_of_human_labels(rest):
    s, quo, _, state = rest
    c, levers, public = state.curators, s.lever(-1), state.public
    rules = certification.rules_in_force(s, quo, c, public, levers)
    _, ordered = orders.place_orders(s, quo, state.firms, c, public, rules, state.firms.library, levers, -24)
    human = ordered.cost_preference[..., :2].sum(axis=(1, 2)), ordered.cost_constraint[..., :2].sum(axis=(1, 2, 3))
    vendors = ordered.cost_preference[..., 0].sum(axis=1), ordered.cost_constraint[..., 0].sum(axis=(1, 2))
    for part, whole in zip(vendors, human, strict=True):
        np.testing.assert_allclose(part / whole, s.p["outsourced_share"], rtol=1e-9)
    # V0 counts the outlay on all labels at that share; AI labels cost next to nothing.
    np.testing.assert_allclose(vendors[0] + vendors[1], quo.vendor_revenue, rtol=0.03)


def test_labor_supply_meets_demand_over_many_labelers():
    s = small.build(small.baseline(labelers=60_000).with_levers(transfer=0.0), **REST)
    quo, intercepts, state = small.at_start(s)
    c = state.curators
    value, _ = labelers.inclusive_value(c.wage / quo.technology.wage_unit[:, None, :, None], c.paid_share, c.active, s.p["curator_elasticity"])
    people, supply = labelers.choose(s, state.labelers, value + intercepts.taste, s.p["retraining_cost"], -24)
    present = (1 - s.p.vector("unpaid_search_share", ("low_income", "us_generalist", "expert"))) * s.p["hours_per_quarter", 1]
    offered = (present * people.persons)[:, :, None] * supply.ability
    wanted = quo.hours_wanted / s.p["utilisation_start", 2]
    error = 4 * 1.5 / np.sqrt(supply.heads)  # four standard errors; ability has a coefficient of variation below one
    assert np.all(np.abs(offered / wanted - 1) < error)
    workers = supply.heads.sum(axis=2) / np.diff(people.bounds, axis=1)
    assert np.all(np.abs(workers - s.p["participation_start", 1]) < 0.02)


def test_labor_supply_stays_at_constant_wages(limit):
    # The state of the labor force, experience included, is a rest point: who works has the experience of having worked.
    s = small.build(small.baseline(labelers=60_000).with_levers(transfer=0.0), **REST)
    quo, intercepts, state = small.at_start(s)
    value, people = labelers.start_pay(s, quo) + intercepts.taste, state.labelers
    paid = np.broadcast_to((labelers.start_paid_share(s) * s.p["hours_per_quarter", 1])[..., None], (1, 3, 2))
    supplied = []
    for quarter in range(-24, 16):
        people, supply = labelers.choose(s, people, value, s.p["retraining_cost"], quarter)
        people = labelers.learn(s, people, paid)
        supplied.append((supply.ability[0, :, 0] * people.persons[0]).sum())
    supplied = np.array(supplied)
    drift = np.log(supplied[-10:].mean() / supplied[:5].mean())
    limit(9, "log change of judging hours offered over 40 quarters at status-quo wages", 0.0, drift, absolute=0.03)


@pytest.mark.slow
def test_budget_share_drifts_little_with_wages_and_fill(limit):
    # Without fill = 1: prices, wages and labor free, 30,000 labelers, 40 quarters of burn-in without entry.
    scenario = small.baseline(labelers=30_000).with_levers(transfer=0.0)
    s = small.build(scenario, small.surfaces("S1"), replicates=(0, 1), burn_in_quarters=48, **REST)
    quo, intercepts, state = small.at_start(s)
    share = []
    for quarter in range(-48, -8):
        state, events = advance(s, quo, intercepts, state, quarter)
        state, columns = record(s, quo, state, events)
        share.append(columns["constraint_budget_share"])
    share = np.array(share).mean(axis=1)
    drift = (share[-1] - share[0]) / (len(share) - 1)  # a quarter, as a run reports it
    limit(9, "drift of the constraint share a quarter, wages and delivery free, 30,000 labelers", 0.0, drift, absolute=1e-3)
    # Labelers are few in constraint work, so some orders wait: that much below the share of outlays.
    assert abs(share.mean() - 0.15) < 1e-3 and np.abs(share - 0.15).max() < 3e-3


@pytest.mark.parametrize(
    ("sigma", "quarters"), [(None, 24), (3.0, 24), (1.0, 24), (0.5, 48), ({"uniform": [0.8, 2.0]}, 48), ({"lognormal": [1.5, 0.5]}, 48)]
)
def test_complements_burn_in_longer_whatever_the_batch(sigma, quarters):
    scenario = small.baseline(1).with_levers(sigma=sigma)
    for replicates in ((0,), (3, 5)):
        assert small.build(scenario, replicates=replicates).burn_in == quarters
