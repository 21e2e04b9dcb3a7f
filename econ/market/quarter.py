"""One quarter of the market, in order. This file is the model's table of contents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.market import (
    beliefs,
    certification,
    closing,
    labelers,
    liability,
    libraries,
    lobbying,
    orders,
    prices,
    product,
    turnover,
    work,
)
from econ.market.events import apply_events, purchases
from econ.market.ledger import Ledger
from econ.market.setting import Setting, column, ratio, share_of, sum_over
from econ.market.state import Curators, Labelers, Public, State, changed

if TYPE_CHECKING:
    from econ.market.labelers import Intercepts
    from econ.market.status_quo import StatusQuo
    from econ.scenario.levers import Levers

Array = Any


@dataclass(frozen=True)
class Events:
    """What happened in a quarter: everything that outcomes are computed from, beside the state.

    Prices, fees and wages here are those at which the quarter's payments were made; the state holds
    what is posted for the next. `retraining` is what movers bear of it themselves, USD [S].
    """

    quarter: int
    levers: Levers
    ledger: Ledger
    turnover: turnover.Turnover
    tests: certification.Tests
    rules: libraries.Rules
    choice: libraries.Choice
    active: Array
    price_preference: Array
    price_constraint: Array
    fee_paid: Array
    paid_wage: Array
    paid_share: Array
    licence_revenue: Array
    service_revenue: Array
    orders: orders.Orders
    supply: labelers.Supply
    split: Array
    work: work.Work
    retraining: Array
    safety: product.Safety
    consumer_surplus: Array
    incidents: liability.Incidents
    influence: lobbying.Influence
    residual: Array


def advance(s: Setting, quo: StatusQuo, intercepts: Intercepts, state: State, quarter: int) -> tuple[State, Events]:
    """Advance a batch by one quarter.

    Parameters
    ----------
    s, quo, intercepts
        What is given.
    state : State
        At the end of the last quarter.
    quarter : int
        Negative in the burn-in, 0 the first in which levers act.

    Returns
    -------
    State, Events

    Raises
    ------
    WorkError
        If the ledger does not close.
    """
    f, c, public, people = state.firms, state.curators, state.public, state.labelers
    ledger = Ledger(s.size, s.firms, s.slots)

    # 1. Levers, growth and events
    levers = s.lever(quarter)
    public, people = grow(s, public, people, quarter)
    f, c = apply_events(s, f, c, quarter, ledger)

    # 2. Exit, entry, mergers
    f, c, changes = turnover.turn_over(s, quo, f, c, public, levers, quarter, ledger)
    financing = ledger.curators

    # 3. Regulators: rules in force, certificates
    c, public, tests = certification.certify(s, quo, f, c, public, levers, quarter, ledger)
    rules = certification.rules_in_force(s, quo, c, public, levers)

    # 4. Prices
    taste, split = labelers.inclusive_value(
        c.wage / quo.technology.wage_unit[:, None, :, None], c.paid_share, c.active, s.p["curator_elasticity"]
    )  # fmt: skip
    taste = taste - labelers.variety_excess(s, c.active)
    labor = prices.labor_costs(s, quo.technology, c, split, people.participation)
    cost = prices.costs(s, quo.technology, c, labor, public.vendor_units)
    c = prices.post_prices(s, c, cost)

    # 5a. Library choice
    choice = libraries.choose_libraries(s, quo, f, c, public, rules, levers, quarter, changes.orphaned)
    licence_revenue = libraries.pay_licences(s, quo, f, c, levers, rules, choice, ledger)
    fee_paid, next_fee = c.licence_fee, libraries.post_fees(s, quo, f, c, choice)
    c = changed(c, licence_revenue=licence_revenue)

    # 5b. Library investment
    if quarter >= 0:
        c = libraries.invest(s, quo, c, cost, choice, levers, public, c.cash + ledger.curators, quarter)
        cost = prices.costs(s, quo.technology, c, labor, public.vendor_units)
    c = changed(c, licence_fee=next_fee)

    # 5c. Outlays and orders
    f, ordered = orders.place_orders(s, quo, f, c, public, rules, choice.library, levers, quarter)

    # 6. Labelers choose
    retraining = s.p["retraining_cost"] * (1 - levers.training_subsidy)
    people, supply = labelers.choose(s, people, taste + intercepts.taste, retraining, quarter)

    # 7. Work, pay, wages, libraries
    paid_at = c
    done = work.do_work(s, quo, c, people, supply, split, cost, ordered, ledger)
    preference, constraint, revenue = work.deliver(s, quo, c, public, done, cost, ordered, levers, ledger)
    borne = work.pay_training(s, c, people, supply, split, levers, ledger)
    people = labelers.learn(s, people, done.paid_hours)
    if quarter >= 0:
        c, public = work.build_libraries(s, quo, c, public, done, cost, ordered, levers, quarter, ledger)
    c = changed(work.update_wages(s, quo, c, people, done, cost, levers), service_revenue=revenue)
    c, public = remember_units(c, public, ordered)
    if s.events:
        f = changed(f, purchases=purchases(paid_at, ordered, done))

    # 8. Stocks, harm
    f = product.update_stocks(s, f, preference, constraint)
    f = changed(product.drift_brands(s, f, quarter), library=choice.library)
    safe = product.safety(s, quo, f, c, public, rules, choice.library)

    # 9. Product market
    f, surplus = product.sell(s, quo, f, public, safe, ledger)
    f = product.post_product_prices(s, quo, f, public)

    # 10. Incidents, liability
    f, public, accident = liability.incidents(s, quo, f, public, rules, choice.library, safe, levers, quarter, ledger)
    f = liability.stakes(s, quo, f, public, safe, accident.liable, levers)
    certification.pay_for_harm_audits(s, f, levers, ledger)

    # 11. Lobbying, capture
    public, influence = lobbying.lobby(s, f, c, public, tests, accident, levers, ledger)
    c, public, influence = lobbying.move_norms(s, quo, f, c, public, choice.library, influence, levers, quarter)

    # 12. Beliefs
    f = beliefs.learn(s, f, quo.response.transfer, quarter)

    # 13. Payouts, ledger
    operating = ledger.curators - financing
    closing.pay_out(s, quo, f, c, done, ledger)
    f, c, public, residual = closing.close(s, f, c, public, ledger, operating, quarter)
    events = Events(
        quarter, levers, ledger, changes, tests, rules, choice, paid_at.active, paid_at.price_preference,
        paid_at.price_constraint, fee_paid, paid_at.wage, paid_at.paid_share, licence_revenue, revenue, ordered, supply, split,
        done, borne, safe, surplus, accident, influence, residual,
    )  # fmt: skip
    return State(f, c, public, people), events


def grow(s: Setting, public: Public, people: Labelers, quarter: int) -> tuple[Public, Labelers]:
    """Growth from quarter 0: users by 1 + g, useful label stocks by (1 + g)^scope, persons by 1 + pass·g.

    Without the second, outlays relative to revenue would halve. A ramp, none by default, lets g come in by equal steps.
    """
    if quarter < 0:
        return public, people
    p = s.p
    rate = p["growth_long_run"] + (p["growth_start"] - p["growth_long_run"]) * np.exp(-quarter / p["growth_decay_quarters"])
    rate = rate * np.minimum(1.0, (quarter + 1) / np.maximum(p["growth_ramp_quarters"], 1.0))
    public = changed(
        public, users=public.users * (1 + rate), scale=public.scale * (1 + rate) ** p["growth_scope"],
        persons=public.persons * (1 + p["growth_pass_through"] * rate),
    )  # fmt: skip
    return public, changed(people, persons=people.persons * column(1 + p["growth_pass_through"] * rate, 1))


def remember_units(c: Curators, public: Public, ordered: orders.Orders) -> tuple[Curators, Public]:
    """Units and unit shares, for next quarter's markups."""
    preference = ordered.preference_by_curator
    constraint = ordered.bespoke_by_curator + ordered.commons
    c = changed(
        c, units_preference=preference, units_constraint=constraint, unit_share_preference=share_of(preference),
        unit_share_constraint=share_of(sum_over(constraint, 2)),
    )  # fmt: skip
    bought = ordered.preference.sum(axis=1), sum_over(ordered.constraint, 1, 2) + sum_over(ordered.commons, 1, 2)
    vendors = preference.sum(axis=1), sum_over(constraint, 1, 2)
    return c, changed(public, vendor_units=np.stack([ratio(v, b, 0.0) for v, b in zip(vendors, bought, strict=True)], axis=1))
