"""Outcomes of a quarter, computed from the state and what happened."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.market import sources
from econ.market.by_place import labor_by_place, norms_by_place
from econ.market.certification import governed_requests, norm_gaps, public_ideal
from econ.market.events import QUARTERS_PER_YEAR
from econ.market.ledger import FLOWS, SECTORS
from econ.market.libraries import support_cost
from econ.market.replays import replay_columns
from econ.market.setting import CONSTRAIN, JUDGE, NO_LIBRARY, REGIONS, Setting, ratio, share_of, sum_over
from econ.market.state import changed
from econ.market.turnover import hhi

if TYPE_CHECKING:
    from econ.market.quarter import Events
    from econ.market.state import State
    from econ.market.status_quo import StatusQuo

Array = Any
Columns = dict[str, Array]
#: Firms that pay for a library below which the index of concentration of licences says nothing.
FEWEST_PAYERS = 4
#: Quarters in a row above the line before a market counts as tipped or a regulator as captured.
RUNNING = 4
#: A market tips above these: the largest library in status-quo stocks, and its owner's share of licence revenue.
TIPPING_LIBRARY, TIPPING_SHARE = 2.0, 0.5
#: A regulator counts as captured above this index.
CAPTURED_INDEX = 0.5


def record(s: Setting, quo: StatusQuo, state: State, e: Events) -> tuple[State, Columns]:
    """All outcomes of a quarter [S each], and the state with its running counts."""
    columns = {
        **_budgets(state, e), **_labor(s, state, e), **_concentration(s, quo, state, e), **_access(s, state, e),
        **_certification(e), **_safety(s, quo, state, e), **_governance(s, state, e), **_welfare(s, quo, state, e), **replay_columns(s, state),
        "belief_mean": state.firms.belief.mean(axis=1), "belief_sd": np.sqrt(state.firms.variance).mean(axis=1),
    }  # fmt: skip
    leads = (columns["library_leader"] > TIPPING_LIBRARY) & (np.nan_to_num(columns["top_share_licence"]) > TIPPING_SHARE)
    tipped = np.where(leads, state.public.tipped_quarters + 1, 0)
    captured = np.where(columns["capture_index"] > CAPTURED_INDEX, state.public.captured_quarters + 1, 0)
    columns["tipped"], columns["captured"] = (tipped >= RUNNING).astype(float), (captured >= RUNNING).astype(float)
    return replace(state, public=changed(state.public, tipped_quarters=tipped, captured_quarters=captured)), columns


def _budgets(state: State, e: Events) -> Columns:
    flow, o = e.ledger.total, e.orders
    own_preference = sum_over(o.cost_preference[..., 1:], 1, 2)
    own_constraint = sum_over(o.cost_constraint[..., 1:], 1, 2, 3)
    surcharge = flow("pref_shock") + flow("pref_shock_tax")
    # Outlay on in-house labels stands at the shocked price in the orders and in two lines of the ledger.
    vendors_surcharge = surcharge - (own_preference - (flow("inhouse_labels") + flow("ai_labels") - own_constraint))
    constraint = flow("bespoke") + own_constraint
    labels = flow("pref_labels") + own_preference + vendors_surcharge + constraint
    licence = flow("licence")
    share = (constraint + licence) / (labels + licence)
    revenue = sum_over(state.firms.revenue, 1, 2)
    units_preference, units_constraint = o.preference.sum(axis=1), sum_over(o.constraint, 1, 2)

    def of_units(source: int) -> tuple[Array, Array]:
        preference = (o.preference * o.mix_preference.shares[..., source]).sum(axis=1)
        return preference / units_preference, sum_over(o.constraint * o.mix_constraint.shares[..., source], 1, 2) / units_constraint

    own, ai = of_units(sources.IN_HOUSE), of_units(sources.AI)
    return {
        "label_spend": labels, "vendor_spend": flow("pref_labels") + flow("bespoke"), "licence_spend": licence,
        "constraint_budget_share": share, "preference_budget_share": 1 - share, "bespoke_share": constraint / labels,
        "spend_per_revenue": (labels + licence) / revenue, "inhouse_share_preference": own[0], "inhouse_share_constraint": own[1],
        "ai_share_preference": ai[0], "ai_share_constraint": ai[1],
    }  # fmt: skip


def _labor(s: Setting, state: State, e: Events) -> Columns:
    people, w = state.labelers, e.work
    persons = people.persons[:, :, None]
    pay = w.used * e.paid_wage
    heads = e.supply.heads * persons
    present = sum_over(heads * s.p["hours_per_quarter", 2], 1, 2)
    paid = sum_over(heads * w.paid_hours, 1, 2)
    gap = 1 - w.wage_index / w.revenue_product
    hours = sum_over(w.used, 2)
    ordered = e.orders.preference_by_curator, sum_over(e.orders.bespoke_by_curator + e.orders.commons, 2)
    columns = {
        "employment_judge": heads[:, :, JUDGE].sum(axis=1), "employment_constrain": heads[:, :, CONSTRAIN].sum(axis=1),
        "wage_judge": ratio(sum_over(pay[..., JUDGE], 1, 2), sum_over(w.used[..., JUDGE], 1, 2)),
        "wage_constrain": ratio(sum_over(pay[..., CONSTRAIN], 1, 2), sum_over(w.used[..., CONSTRAIN], 1, 2)),
        "wage_gini": _gini(state, e), "markdown": ratio(sum_over(gap * hours, 1, 2), sum_over(hours, 1, 2)),
        "labor_share": ratio(w.wage_bill.sum(axis=1), _curator_income(e).sum(axis=1)), "hours_unpaid_share": 1 - ratio(paid, present),
        "fill_preference": ratio((ordered[0] * w.fill[..., JUDGE]).sum(axis=1), ordered[0].sum(axis=1)),
        "fill_constraint": ratio((ordered[1] * w.fill[..., CONSTRAIN]).sum(axis=1), ordered[1].sum(axis=1)),
    }  # fmt: skip
    for g, region in enumerate(REGIONS):
        columns[f"wage_{region}"] = ratio(sum_over(pay[:, :, g], 1, 2), sum_over(w.used[:, :, g], 1, 2))
    return columns | labor_by_place(heads, pay, w.used)


def _gini(state: State, e: Events) -> Array:
    """Gini coefficient of hourly pay of working persons [S]."""
    from econ.market import labor_kernels

    people = state.labelers
    rate = sum_over(e.split * e.paid_wage * e.paid_share, 1)
    pay, ends = np.empty(people.occupation.shape), np.empty((*people.persons.shape, 2), np.int64)
    labor_kernels.pay(e.supply.efficiency, e.supply.heads, people.bounds, rate, pay, ends)
    for row, regions in zip(pay, ends, strict=True):
        for first, last in regions:
            row[first:last].sort()
    out = np.empty(len(rate))
    labor_kernels.gini(pay, ends, people.persons, out)
    return out


def _curator_income(e: Events) -> Array:
    return e.service_revenue + e.licence_revenue


def _share_columns(revenue: Array) -> tuple[Array, Array, Array]:
    """Shares [S, C], HHI and sorted shares; NaN at zero revenue."""
    total = revenue.sum(axis=1)
    share = share_of(revenue)
    index = np.where(total > 0, hhi(share), np.nan)
    return share, index, np.where(total[:, None] > 0, -np.sort(-share, axis=1), np.nan)


def _concentration(s: Setting, quo: StatusQuo, state: State, e: Events) -> Columns:
    c, f = state.curators, state.firms
    _, licence, licence_sorted = _share_columns(e.licence_revenue)
    _, service, service_sorted = _share_columns(e.service_revenue)
    users_of_commons = (f.library == s.slots).sum(axis=1)
    payers = ((f.library >= 0) & (f.library < s.slots)).sum(axis=1)
    commons = users_of_commons * _mean_fee(e)
    _, with_commons, _ = _share_columns(np.concatenate([e.licence_revenue, commons[:, None]], axis=1))
    governed = sum_over(c.requests * sum_over(f.users, 1)[:, None], 2)
    _, normative, _ = _share_columns(governed)
    filled = e.orders.vendor_preference * e.work.fill[:, None, :, JUDGE] * e.price_preference[:, None]
    filled = filled + e.orders.bespoke_bill(e.price_constraint) * e.work.fill[:, None, :, CONSTRAIN]
    filled = filled + (f.library[:, :, None] == np.arange(s.slots)) * e.fee_paid[:, None]
    income = _curator_income(e)
    customers = -np.sort(-filled, axis=1)
    largest, five = (ratio(part, income, 0.0) for part in (customers[:, 0], sum_over(customers[:, :5], 1)))
    support = support_cost(s, quo)[:, None]
    lerner = np.where(e.fee_paid > 0, 1 - support / np.where(e.fee_paid > 0, e.fee_paid, 1.0), 0.0)
    total = e.licence_revenue.sum(axis=1)
    outlay = f.outlay_preference + sum_over(f.outlay_constraint, 2)
    sales = share_of(sum_over(f.revenue, 2))
    reference = quo.response.constraints_reference.sum(axis=1) * state.public.scale
    return {
        "hhi_licence": np.where(payers >= FEWEST_PAYERS, licence, np.nan),
        "hhi_licence_incl_commons": np.where(payers + users_of_commons >= FEWEST_PAYERS, with_commons, np.nan),
        "licence_payers": payers.astype(float), "hhi_service": service,
        "cr3_service": service_sorted[:, :3].sum(axis=1), "top_share_service": service_sorted[:, 0],
        "top_customer_share": ratio((largest * income).sum(axis=1), income.sum(axis=1)),
        "top5_customer_share": ratio((five * income).sum(axis=1), income.sum(axis=1)), "hhi_normative": normative,
        "hhi_buyers": hhi(share_of(outlay)), "hhi_firms": hhi(sales), "leader_share_firms": sales[np.arange(s.size), quo.size.argmax(axis=1)], "cr4_licence": licence_sorted[:, :4].sum(axis=1),
        "lerner_licence": np.where(total > 0, ratio((lerner * e.licence_revenue).sum(axis=1), total), np.nan),
        "curators_active": c.active.sum(axis=1).astype(float), "top_share_licence": licence_sorted[:, 0],
        "library_leader": (sum_over(c.library, 2) * c.active).max(axis=1) / reference,
    }  # fmt: skip


def _mean_fee(e: Events) -> Array:
    active = e.active
    return np.where(active, e.fee_paid, 0.0).sum(axis=1) / np.maximum(active.sum(axis=1), 1)


def _access(s: Setting, state: State, e: Events) -> Columns:
    f, o = state.firms, e.orders
    units = o.constraint * o.mix_constraint.effective_per_unit
    price = sum_over(o.constraint * o.mix_constraint.price_per_unit, 2) / sum_over(units, 2)
    users = sum_over(f.users, 2)
    people = state.labelers.persons
    worked = (e.supply.worked_before * people).sum(axis=1)
    left = (e.supply.leavers * people).sum(axis=1)
    return {
        "licence_price": _mean_fee(e), "preference_label_price": o.mix_preference.effective_price.mean(axis=1),
        "constraint_label_price": price.mean(axis=1), "product_price": sum_over(f.revenue, 1, 2) / users.sum(axis=1),
        "firms_without_library": (f.library == NO_LIBRARY).mean(axis=1), "commons_use": (f.library == s.slots).mean(axis=1),
        "entries": e.turnover.entries, "exits": e.turnover.exits, "mergers": e.turnover.mergers,
        "labeler_exit_rate": ratio(left, worked, 0.0), "large_entrants": _large_entrants(s, state, e),
    }  # fmt: skip


def _large_entrants(s: Setting, state: State, e: Events) -> Array:
    """Curators that entered in the last year and have more than a stated share of label revenue [S]."""
    c = state.curators
    young = c.active & (c.age < QUARTERS_PER_YEAR)
    return (young & (share_of(e.service_revenue) > s.p["large_entrant_share", 1])).sum(axis=1).astype(float)


def _certification(e: Events) -> Columns:
    t = e.tests
    number = t.tested.sum(axis=(1, 2))

    def of_tests(which: Array) -> Array:
        return ratio((t.tested & which).sum(axis=(1, 2)), number)

    eligible = t.near & t.documented
    return {
        "cert_pass_rate": of_tests(t.passed), "cert_false_pass": of_tests(t.passed & ~t.compliant),
        "cert_false_fail": of_tests(eligible & t.compliant & ~t.passed),
        "cert_refused_position": of_tests(~t.near), "cert_refused_documents": of_tests(t.near & ~t.documented),
        "cert_refused_test": of_tests(eligible & ~t.passed),
        "cert_violation": ratio(sum_over(t.tested * t.violation[:, :, None], 1, 2), number),
        "lobby_spend": e.ledger.total("lobby_spend"),
    }


def _safety(s: Setting, quo: StatusQuo, state: State, e: Events) -> Columns:
    f, safe, p, o = state.firms, e.safety, s.p, e.orders
    users = sum_over(f.users, 2)
    total = users.sum(axis=1)
    revenue = sum_over(f.revenue, 1, 2)
    frequency = quo.request_frequency
    asked = p["requests_per_user", 2] * frequency[:, None]
    violations = np.einsum("sfj,sfjk->sfk", f.users, safe.harm) * frequency[:, None]
    avoided_b = sum_over(asked * np.einsum("sfj,sfjk->sfk", f.users, safe.slope_b), 2)
    cost_b = o.mix_preference.effective_price * (p["discount_rate"] + p["depreciation_preference"])[:, None]
    bought = o.constraint * o.mix_constraint.effective_per_unit
    avoided_a = sum_over(bought * asked * np.einsum("sfj,sfjk->sfk", f.users, safe.slope_a), 2)
    cost_a = sum_over(bought * o.mix_constraint.effective_price, 2) * (p["discount_rate"] + p["depreciation_constraint"])[:, None]
    hours_b = quo.technology.hours_preference[:, None] * _human(o.mix_preference)
    hours_b = hours_b * (p["discount_rate"] + p["depreciation_preference"])[:, None]
    hours_a = sum_over(bought * quo.technology.hours_constraint[:, None] * _human(o.mix_constraint), 2)
    hours_a = hours_a * (p["discount_rate"] + p["depreciation_constraint"])[:, None]

    def mean(part: Array, whole: Array) -> Array:
        """Users-weighted mean over firms of a ratio."""
        return (users * ratio(part, whole)).sum(axis=1) / total

    return {
        "harm_rate": sum_over(violations, 1, 2) / (total * frequency.sum(axis=1)),
        "harm_damage": sum_over(e.incidents.expected, 1, 2), "harm_damage_per_user": sum_over(e.incidents.expected, 1, 2) / total,
        "sycophancy": (users * safe.quality.sycophancy).sum(axis=1) / total,
        "helpfulness": (users * safe.quality.helpfulness).sum(axis=1) / total,
        "helpfulness_measured": (users * safe.quality.measured).sum(axis=1) / total,
        "over_refusal": (users * safe.quality.over_refusal).sum(axis=1) / total,
        "cost_per_harm_avoided_preference": mean(cost_b, avoided_b), "cost_per_harm_avoided_constraint": mean(cost_a, avoided_a),
        "hours_per_harm_avoided_preference": mean(hours_b, avoided_b), "hours_per_harm_avoided_constraint": mean(hours_a, avoided_a),
        "premium_per_revenue": e.ledger.total("premium") / revenue, "fines_per_revenue": e.ledger.total("fines") / revenue,
        "incidents": sum_over(e.incidents.number, 1, 2),
    }  # fmt: skip


def _human(mix: sources.Mix) -> Array:
    """Human units per effective label."""
    return (mix.shares[..., sources.VENDOR] + mix.shares[..., sources.IN_HOUSE]) / mix.effective_per_unit


def _governance(s: Setting, state: State, e: Events) -> Columns:
    public, f = state.public, state.firms
    weight = share_of(sum_over(f.users, 1))
    moved = np.sqrt(sum_over((public.norm - public_ideal(s)) ** 2, 2))
    displacement = np.clip(ratio(moved, public.norm_reach, 0.0), 0, 1)
    inflation = np.clip(ratio(public.fee_multiple - 1, s.p["fee_inflation", 1], 0.0), 0, 1)
    parts = [(weight * x).sum(axis=1) for x in (displacement, e.influence.industry_share, inflation)]
    requests = governed_requests(f, f.library, s.slots)
    gaps = share_of(requests, axis=1) * norm_gaps(s, e.rules)
    foreign = (state.curators.home[:, :, None] != np.arange(gaps.shape[2])).astype(float)
    abroad = np.concatenate([foreign, np.zeros_like(foreign[:, :1])], axis=1)
    industry, people = s.stake_factors
    return {
        "capture_index": sum(parts) / 3, "capture_displacement": parts[0], "industry_influence": parts[1], "fee_inflation": parts[2],
        "curator_influence": (weight * e.influence.curator_share).sum(axis=1), "capture_weight": (weight * e.influence.weight).sum(axis=1),
        "industry_voice": (weight * e.influence.voice_share).sum(axis=1),
        "norm_misfit": (weight * sum_over(gaps, 1)).sum(axis=1), "norm_export": (weight * sum_over(gaps * abroad, 1)).sum(axis=1),
        "stake_ratio": np.log(industry / people), **norms_by_place(gaps, state.curators.home),
    }  # fmt: skip


def _welfare(s: Setting, quo: StatusQuo, state: State, e: Events) -> Columns:
    """Welfare and its parts, from the ledger and the memo items.

    Damage is suffered by third parties; what users themselves dislike lies in consumer surplus, so the
    two never count the same harm.
    """
    net = dict(zip(SECTORS, e.ledger.net(real_only=True).T, strict=True))
    users = sum_over(state.firms.users, 2)
    damage = sum_over(e.incidents.damage, 1, 2)
    uninsured = damage - e.incidents.claims - e.incidents.retained
    flattery = s.p["sycophancy_harm"] * quo.price * (users * e.safety.quality.sycophancy).sum(axis=1)
    effort = (e.supply.reservation * quo.technology.wage_unit * state.labelers.persons).sum(axis=1) * s.p["hours_per_quarter"]
    flow = e.ledger.total
    surplus = flow("wages") - effort - e.retraining
    welfare = e.consumer_surplus - flow("lobby_public") + net["firms"] + net["curators"] + net["insurers"] + surplus
    welfare = welfare + net["governments"] + flow("provenance_claims") - uninsured - flattery
    return {
        "consumer_surplus": e.consumer_surplus, "firm_profit": net["firms"], "curator_profit": net["curators"],
        "insurer_profit": net["insurers"], "labeler_surplus": surplus, "public_cost": -net["governments"],
        "uninsured_harm": uninsured, "sycophancy_harm": flattery, "lobby_public": flow("lobby_public"),
        "provenance_claims": flow("provenance_claims"), "welfare": welfare,
    }  # fmt: skip


def welfare_by_resources(s: Setting, e: Events, columns: Columns) -> Array:
    """Welfare the other way: surplus and product less resources used, effort and harm; equal to 1e-9 [S]."""
    outside = np.zeros(s.size)
    for name, flow in FLOWS.items():
        if flow.payee == "outside" and flow.real:
            outside = outside + e.ledger.total(name)
    effort = e.ledger.total("wages") - columns["labeler_surplus"]
    damage = e.incidents.damage.sum(axis=(1, 2))
    return columns["consumer_surplus"] + e.ledger.total("product") - outside - effort - damage - columns["sycophancy_harm"]
