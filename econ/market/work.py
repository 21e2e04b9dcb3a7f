"""Step 7: orders become work, work becomes pay, labels and libraries; then wages move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.streams import Stream
from econ.market import sources
from econ.market.ledger import Ledger
from econ.market.libraries import agent_ids
from econ.market.setting import CONSTRAIN, JUDGE, REGIONS, Setting, column, sum_over
from econ.market.state import Curators, Labelers, Public, changed

if TYPE_CHECKING:
    from econ.market.labelers import Supply
    from econ.market.orders import Orders
    from econ.market.prices import Costs
    from econ.market.status_quo import StatusQuo
    from econ.scenario.levers import Levers

Array = Any
#: What a wedge may lack and be whole.
WHOLE = 1e-9


@dataclass(frozen=True)
class Work:
    """Work of a quarter.

    Attributes
    ----------
    wanted, supplied, used : [S, C, G, O]
        Hours of ability 1.
    fill : [S, C, O]
        Share of the orders that was delivered.
    wage_bill : [S, C]
        USD.
    paid_hours : [S, G, O]
        Paid hours of one labeler in the occupation.
    wage_index, revenue_product : [S, C, O]
        Cost of an hour and the marginal revenue product of one, USD.
    """

    wanted: Array
    supplied: Array
    used: Array
    fill: Array
    wage_bill: Array
    paid_hours: Array
    wage_index: Array
    revenue_product: Array


def hours_ordered(quo: StatusQuo, c: Curators, cost: Costs, orders: Orders) -> Array:
    """Hours of composite labor that each curator's orders need [S, C, O]."""
    preference = orders.preference_by_curator * quo.technology.hours_preference[:, None]
    units = orders.bespoke_by_curator + orders.commons + c.investment
    return np.stack([preference, sum_over(units * cost.hours_constraint, 2)], axis=2)


def do_work(
    s: Setting, quo: StatusQuo, c: Curators, labelers: Labelers, supply: Supply, split: Array, cost: Costs, orders: Orders, ledger: Ledger
) -> Work:  # fmt: skip
    """Match hours wanted with hours offered; pay piece rates."""
    p, tech = s.p, quo.technology
    hours = hours_ordered(quo, c, cost, orders)
    wanted = tech.wanted(hours, cost.factor, cost.factor_index)
    present = (1 - p.vector("unpaid_search_share", REGIONS)) * p["hours_per_quarter", 1]
    offered = (present * labelers.persons)[:, :, None] * supply.ability
    supplied = split * offered[:, None]
    used = np.minimum(wanted, supplied)
    output = tech.output(used)
    fill = np.minimum(1.0, np.divide(output, hours, out=np.ones_like(hours), where=hours > 0))
    pay = used * c.wage
    ledger.post("wages", sum_over(pay, 2, 3))
    share_paid = np.divide(used, supplied, out=np.zeros_like(used), where=supplied > 0)
    paid_hours = present[:, :, None] * sum_over(split * share_paid, 1)
    return Work(
        wanted, supplied, used, fill, sum_over(pay, 2, 3), paid_hours, cost.index, revenue_product(quo, c, cost, p)
    )  # fmt: skip


def revenue_product(quo: StatusQuo, c: Curators, cost: Costs, p: Any) -> Array:
    """Marginal revenue product of an hour, (p - overhead - markup)/hours, at least its wage cost [S, C, O]."""
    net = _net_price(quo, c, cost, p, c.price_preference - cost.markup_preference, c.price_constraint - cost.markup_constraint[:, :, None])
    return np.maximum(net, cost.index)


def _net_price(quo: StatusQuo, c: Curators, cost: Costs, p: Any, preference: Array, constraint: Array) -> Array:
    """(price - overhead) per hour [S, C, O], constraints in their status-quo proportions."""
    weight = quo.response.constraints_reference[:, None]
    judge = (preference - p["overhead_preference", 1]) / quo.technology.hours_preference[:, None]
    constrain = sum_over((constraint - p["overhead_constraint", 2]) * weight, 2) / sum_over(cost.hours_constraint * weight, 2)
    return np.stack([judge, constrain], axis=2)


def update_wages(s: Setting, quo: StatusQuo, c: Curators, labelers: Labelers, work: Work, cost: Costs, levers: Levers) -> Curators:
    """Wages follow the ratio of hours wanted to hours offered, below the monopsony ceiling, above the legal minimum.

    Where the minimum binds and hours go begging, a further hour costs its wage and no more (Stigler 1946, American
    Economic Review 36): the monopsony wedge in `labor_costs` vanishes over `minimum_wage_slack` of hours in excess.
    """
    p, tech = s.p, quo.technology
    half = (p["wage_smoothing_labelers", 1] * p["hours_per_quarter", 1] * labelers.persons)[:, None, :, None]
    utilisation, limit = p["utilisation_start", 3], p["wage_step_cap", 3]
    shortage = np.log((work.wanted / utilisation + half) / (work.supplied + half))
    wage = c.wage * np.exp(np.clip(p["wage_adjustment", 3] * shortage, -limit, limit))
    # The ceiling uses the posted price: a price net of markup would deadlock wage and price.
    ceiling = _net_price(quo, c, cost, p, c.price_preference, c.price_constraint)
    minimum = (p.vector("legal_minimum", REGIONS) * levers.minimum_wage)[:, None, :, None]
    cost_at_wage = tech.wage_index(np.maximum(wage, minimum) * (1 + c.wedge / cost.elasticity))
    wage = wage * np.minimum(1.0, np.maximum(ceiling, 0.0) / cost_at_wage)[:, :, None]
    target = np.where(wage < minimum, 1 + np.clip(shortage / p["minimum_wage_slack", 3], -1.0, 0.0), 1.0)
    # At the speed of wages: orders answer within the quarter, and a wedge that jumped would be chased from region to region.
    wedge = c.wedge + p["wage_adjustment", 3] * (target - c.wedge)
    # A whole wedge is 1 to the bit again, where the minimum has long ceased to bind.
    wedge = np.where(wedge > 1 - WHOLE, 1.0, wedge)
    wage = np.maximum(wage, minimum)
    search = 1 - p.vector("unpaid_search_share", REGIONS)[:, None, :, None]
    paid = search * np.divide(work.used, work.supplied, out=np.zeros_like(work.used), where=work.supplied > 0)
    share = c.paid_share + p["paid_share_adjustment", 3] * (paid - c.paid_share)
    active = c.active[:, :, None, None]
    return changed(c, wage=np.where(active, wage, c.wage), wedge=np.where(active, wedge, 1.0), paid_share=np.where(active, share, c.paid_share))


def deliver(
    s: Setting, quo: StatusQuo, c: Curators, public: Public, work: Work, cost: Costs, orders: Orders, levers: Levers, ledger: Ledger
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Deliver labels, collect their price, pay overhead.

    Returns
    -------
    preference : [S, F]
        Effective labels received from all sources.
    constraint : [S, F, K]
    revenue : [S, C]
        Service revenue by curator, governments' orders included.
    """
    p = s.p
    share = work.fill[:, :, CONSTRAIN]
    from_curators, from_curators_k = (
        split * work.fill[:, None, :, kind] for split, kind in ((orders.split_preference, JUDGE), (orders.split_constraint, CONSTRAIN))
    )  # fmt: skip
    filled = orders.preference_by_curator * work.fill[:, :, JUDGE]
    paid = orders.outsourced * sum_over(from_curators * c.price_preference[:, None], 2)
    earned, earned_k = filled * c.price_preference, sum_over(orders.bespoke_by_curator * c.price_constraint, 2) * share
    ledger.post("pref_labels", paid, earned)
    ledger.post("bespoke", sum_over(orders.bespoke * (from_curators_k @ c.price_constraint), 2), earned_k)
    _pay_other_sources(orders, paid, levers, ledger)
    commons = orders.commons * share[:, :, None]
    bought = sum_over(commons * c.price_constraint, 2)
    ledger.post("commons", bought.sum(axis=1), bought)
    made = orders.bespoke_by_curator + orders.commons + p["library_overhead_share", 2] * c.investment
    overhead = p["overhead_preference", 1] * filled + p["overhead_constraint", 1] * sum_over(made, 2) * share
    overhead = overhead + c.active * (p["curator_fixed_cost"] * quo.vendor_revenue)[:, None]
    ledger.post("overhead", overhead)
    effective = orders.preference * _per_unit(orders.mix_preference, sum_over(from_curators, 2))
    effective_k = orders.constraint * _per_unit(orders.mix_constraint, sum_over(from_curators_k, 2)[:, :, None])
    return effective, effective_k, earned + earned_k + bought


def _per_unit(mix: sources.Mix, fill: Array) -> Array:
    """Effective labels received per unit ordered, of which vendors deliver a share."""
    vendor, own, ai = (mix.shares[..., m] * mix.effective[..., m] for m in (sources.VENDOR, sources.IN_HOUSE, sources.AI))
    return vendor * fill + own + ai


def _pay_other_sources(orders: Orders, paid: Array, levers: Levers, ledger: Ledger) -> None:
    """In-house and AI labels at resource cost; the surcharge of a preference-price shock, on what vendors are `paid` too, on its own line."""
    cost, cost_k = orders.cost_preference, sum_over(orders.cost_constraint, 2)
    shock = orders.shock[:, None]
    in_house = cost[..., sources.IN_HOUSE] / shock
    ledger.post("inhouse_labels", in_house + cost_k[..., sources.IN_HOUSE])
    ledger.post("ai_labels", cost[..., sources.AI] + cost_k[..., sources.AI])
    surcharge = (shock - 1) * (in_house + paid)
    taxed = np.asarray(levers.shock_is_tax, bool)[:, None]
    ledger.post("pref_shock", np.where(taxed, 0.0, surcharge))
    ledger.post("pref_shock_tax", np.where(taxed, surcharge, 0.0))


def build_libraries(
    s: Setting, quo: StatusQuo, c: Curators, public: Public, work: Work, cost: Costs, orders: Orders, levers: Levers, quarter: int, ledger: Ledger
) -> tuple[Curators, Public]:  # fmt: skip
    """Libraries decay, grow by investment and reuse, and lose undocumented examples to audits and suits."""
    p = s.p
    keep = 1 - p["depreciation_library", 2]
    fill = work.fill[:, :, CONSTRAIN, None]
    bespoke = orders.bespoke_by_curator * fill
    added = fill * c.investment + (p["reuse"] * (1 - levers.portability))[:, None, None] * bespoke
    documented = c.documented * keep + added * c.documents[:, :, None]
    undocumented = (c.library - c.documented) * keep + added * ~c.documents[:, :, None]
    ids = agent_ids(c)
    audited = (s.uniform(Stream.PROVENANCE, quarter, ids, 0) < column(levers.provenance_audit, 1)) & c.active
    sued = (s.uniform(Stream.PROVENANCE, quarter, ids, 1) < column(levers.legal_risk, 1)) & c.active
    lost = (audited | sued)[:, :, None] * p["provenance_strip", 2] * undocumented
    unit_cost = cost.hours_constraint * cost.index[:, :, 1, None] + p["overhead_constraint", 2] * p["library_overhead_share", 2]
    ledger.post("provenance_claims", p["provenance_penalty", 1] * sum_over(lost * unit_cost, 2))
    ledger.post("provenance_audits", audited.sum(axis=1) * p["provenance_audit_cost_usd"])
    commons = public.commons * (1 - p["depreciation_library", 1]) + sum_over(orders.commons * fill, 1)
    return changed(c, library=documented + undocumented - lost, documented=documented), changed(public, commons=commons)


def pay_training(s: Setting, c: Curators, labelers: Labelers, supply: Supply, split: Array, levers: Levers, ledger: Ledger) -> Array:
    """Governments pay the subsidised part of retraining, in shares of a mover's quarterly pay; the rest, borne by movers [S], is returned."""
    pay = sum_over(split * c.wage * c.paid_share, 1) * s.p["hours_per_quarter", 2]
    movers = sum_over(supply.movers_ability * pay * labelers.persons[:, :, None], 1, 2)
    ledger.post("training", levers.training_subsidy * s.p["retraining_cost"] * movers)
    return (1 - levers.training_subsidy) * s.p["retraining_cost"] * movers
