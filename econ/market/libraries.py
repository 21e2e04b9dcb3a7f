"""Steps 5a and 5b: which rule library a firm licenses, what curators charge for it and invest in it.

A library serves generic traffic only; bespoke labels serve all of it:
H(A, R, b) = gen·H(A + R, b) + (1 - gen)·H(A, b).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.streams import Stream
from econ.market.ledger import Ledger
from econ.market.setting import NO_LIBRARY, Setting, column, share_of, sum_over
from econ.market.state import Curators, Firms, Public, changed

if TYPE_CHECKING:
    from econ.market.prices import Costs
    from econ.market.status_quo import StatusQuo
    from econ.scenario.levers import Levers

Array = Any


@dataclass(frozen=True)
class Rules:
    """How the rules of each library stand in each jurisdiction; the commons is the last entry.

    Attributes
    ----------
    norm : [S, C + 1, J, 2]
        Position of the rules in force.
    fit : [S, C + 1, J, K]
        Share of their content that fits the public ideal, in (0, 1].
    deployable : [S, C + 1, J]
        1 where the rules may be used.
    certified : [S, C + 1, J] bool
    """

    norm: Array
    fit: Array
    deployable: Array
    certified: Array


@dataclass(frozen=True)
class Choice:
    """Library choice of a quarter.

    Attributes
    ----------
    library : [S, F] int
    chance : [S, F, C + 2]
        Probabilities of a firm that reconsiders: none, curators, commons.
    value_slope : [S, F, C, K]
        ∂V_f/∂R_ck, USD per quarter and example.
    sensitivity : [S, F]
        1/(σ_L·revenue), per USD.
    """

    library: Array
    chance: Array
    value_slope: Array
    sensitivity: Array


def generic_share(s: Setting, quo: StatusQuo) -> Array:
    """Share of traffic that a library can serve, gen0 + gen1·v_k, at most 1 [S, K]."""
    return np.minimum(s.p["generic_share_base", 1] + s.p["generic_share_slope", 1] * quo.verifiability, 1.0)


def validated_quality(s: Setting, c: Curators) -> Array:
    """Quality that buyers can rely on, m + q_u(1 - m), m the documented share [S, C]."""
    documented = documented_share(c)
    return documented + s.p["undocumented_quality", 1] * (1 - documented)


def documented_share(c: Curators) -> Array:
    """Documented share of each library [S, C]; 0 for an empty one."""
    total = sum_over(c.library, 2)
    return np.divide(sum_over(c.documented, 2), total, out=np.zeros_like(total), where=total > 0)


def effective_libraries(s: Setting, f: Firms, c: Curators, public: Public, rules: Rules) -> Array:
    """What each library is worth to each firm, in examples that fit where it sells: [S, F, C + 1, K]."""
    from econ.market import library_kernels

    out = np.empty((s.size, s.firms, s.slots + 1, c.library.shape[2]))
    library_kernels.effective(share_of(f.users), reliable_examples(s, c, public), rules.deployable, rules.fit, out)
    return out


def reliable_examples(s: Setting, c: Curators, public: Public) -> Array:
    """Examples of each library, the commons last, at the quality that buyers can rely on [S, C + 1, K]."""
    return np.concatenate([c.library * validated_quality(s, c)[:, :, None], public.commons[:, None]], axis=1)


def licensed_rules(s: Setting, c: Curators, public: Public, rules: Rules, library: Array) -> Array:
    """Examples of each firm's library that may be used and fit in each jurisdiction [S, F, J, K]; zero without a library."""
    from econ.market import library_kernels

    out = np.empty((*library.shape, *rules.fit.shape[2:]))
    library_kernels.licensed(library, reliable_examples(s, c, public), rules.deployable, rules.fit, out)
    return out


def choose_libraries(
    s: Setting, quo: StatusQuo, f: Firms, c: Curators, public: Public, rules: Rules, levers: Levers, quarter: int, forced: Array
) -> Choice:  # fmt: skip
    """Value every option at believed harm and draw the choices of those who reconsider.

    Parameters
    ----------
    forced : [S, F] bool
        Firms whose licensor is gone, who choose at once.
    """
    p = s.p
    stocks = effective_libraries(s, f, c, public, rules)
    value, value_slope = _harm_value(s, quo, f, c, public, stocks)
    revenue = sum_over(f.revenue, 2)
    scale = p["library_choice_scale", 1] * revenue
    fee = np.concatenate([c.licence_fee, np.zeros((s.size, 1))], axis=1)
    used = users_of(f.library, s.slots)
    lock = column(1 - levers.interoperability, 2)
    value = value - fee[:, None] + p["network_benefit", 2] * lock * revenue[:, :, None] * used[:, None] / s.firms
    harbour = share_of(f.users) @ np.swapaxes(levers.safe_harbour[:, None] * rules.certified, 1, 2)
    value = value + f.liability[:, :, None] * harbour
    value[:, :, :-1] -= scale[:, :, None] * f.tie
    odds = -switching_cost(s, f, levers)
    odds[:, :, 1:] += value
    odds /= scale[:, :, None]
    # An empty commons is no library: without this, noise alone would fill it with users.
    offered = np.concatenate([c.active, public.commons.sum(axis=1, keepdims=True) > 0], axis=1)
    # The taste for any one library is noise: many would create demand. The commons is one library among them.
    crowd = p["variety_correction", 2] * np.log(np.maximum(offered.sum(axis=1), 1))[:, None, None]
    odds[:, :, 1:] = np.where(offered[:, None], odds[:, :, 1:] - crowd, -np.inf)
    weight = np.exp(odds - odds.max(axis=2, keepdims=True))
    chance = weight / weight.sum(axis=2, keepdims=True)
    library = f.library
    if quarter >= 0:
        ids = np.arange(s.firms)
        again = (s.uniform(Stream.LIBRARY_RECONSIDER, quarter, ids) < p["library_reconsideration", 1]) | forced
        # The last option has what is left, so that rounding of the sum leads nowhere.
        below = s.uniform(Stream.LIBRARY_CHOICE, quarter, ids)[..., None] >= np.cumsum(chance[:, :, :-1], axis=2)
        drawn = np.count_nonzero(below, axis=2) + NO_LIBRARY
        library = np.where(again, drawn, library)
    return Choice(library, chance, value_slope, 1 / scale)


def _harm_value(s: Setting, quo: StatusQuo, f: Firms, c: Curators, public: Public, stocks: Array) -> tuple[Array, Array]:
    """Value of less harm from each library [S, F, C + 1] and its slope in each curator's stock [S, F, C, K].

    Zero for empty slots, which nobody can choose.
    """
    from econ.market import library_kernels

    listed = np.concatenate([c.active, np.ones((s.size, 1), bool)], axis=1)
    value, value_slope = np.zeros(stocks.shape[:3]), np.zeros((*stocks.shape[:2], s.slots, stocks.shape[3]))
    library_kernels.worth(
        *quo.response.compiled_arguments(public.scale, f.belief), f.preferences, f.constraints, stocks, listed, c.library,
        generic_share(s, quo)[:, None] * f.stake, value, value_slope,
    )  # fmt: skip
    return value, value_slope


def switching_cost(s: Setting, f: Firms, levers: Levers) -> Array:
    """Cost of each option [S, F, C + 2] for each firm, USD: nothing to stay, less to go without."""
    p = s.p
    base = p["switching_cost", 1] * column(1 - levers.interoperability, 1) * sum_over(f.revenue, 2)
    cost = np.repeat(base[:, :, None], s.slots + 2, axis=2)
    cost[:, :, 0] *= p["switch_to_none_factor", 1]
    np.put_along_axis(cost, f.library[:, :, None] - NO_LIBRARY, 0.0, axis=2)
    return cost


def users_of(library: Array, slots: int) -> Array:
    """Number of firms that use each curator's library and, last, the commons: [S, C + 1]."""
    return (library[:, :, None] == np.arange(slots + 1)).sum(axis=1)


def post_fees(s: Setting, quo: StatusQuo, f: Firms, c: Curators, choice: Choice) -> Array:
    """Licence fee for the next quarter [S, C]: logit markup over the cost of support, capped, adjusted slowly."""
    p = s.p
    chance = choice.chance[:, :, 1:-1]
    slope = sum_over(choice.sensitivity[:, :, None] * chance * (1 - chance), 1)
    markup = np.divide(sum_over(chance, 1), slope, out=np.full(slope.shape, np.inf), where=slope > 0)
    cap = p["licence_fee_cap", 1] * sum_over(f.revenue, 2).max(axis=1, keepdims=True)
    target = np.minimum(support_cost(s, quo)[:, None] + markup, cap)
    return np.where(c.active, c.licence_fee + p["price_adjustment", 1] * (target - c.licence_fee), c.licence_fee)


def support_cost(s: Setting, quo: StatusQuo) -> Array:
    """Cost of supporting one licensee, USD per quarter [S]."""
    return s.p["licence_support_cost"] * quo.vendor_revenue


def pay_licences(
    s: Setting, quo: StatusQuo, f: Firms, c: Curators, levers: Levers, rules: Rules, choice: Choice, ledger: Ledger
) -> Array:  # fmt: skip
    """Pay fees, support, switching and the cost of local norms.

    Returns
    -------
    revenue : [S, C]
        Licence revenue by curator.
    """
    licensed = choice.library[:, :, None] == np.arange(s.slots)
    fees = licensed * c.licence_fee[:, None]
    ledger.post("licence", sum_over(fees, 2), sum_over(fees, 1))
    chosen = choice.library[:, :, None] - NO_LIBRARY
    ledger.post("switching", np.take_along_axis(switching_cost(s, f, levers), chosen, axis=2)[:, :, 0])
    clients = licensed.sum(axis=1)
    ledger.post("licence_support", clients * support_cost(s, quo)[:, None])
    abroad = (clients > 0)[:, :, None] & (np.arange(rules.norm.shape[2]) != c.home[:, :, None])
    adapted = sum_over(abroad * levers.local_norms[:, None], 2)
    ledger.post("local_norm_cost", adapted * (s.p["local_norm_cost"] * support_cost(s, quo))[:, None])
    return sum_over(fees, 1)


def invest(
    s: Setting, quo: StatusQuo, c: Curators, cost: Costs, choice: Choice, levers: Levers, public: Public, cash: Array, quarter: int
) -> Curators:  # fmt: skip
    """Adjust library investment towards its marginal value, and reconsider documentation.

    Libraries are an endogenous sunk cost (Sutton 1991): an example is paid once and licensed to all.

    Parameters
    ----------
    cash : [S, C]
        What the curator has at this moment of the quarter, USD.
    """
    p = s.p
    seizure = (levers.provenance_audit + levers.legal_risk) * p["provenance_strip"]
    rate = (p["discount_rate"] + p["depreciation_library"])[:, None] + seizure[:, None] * (1 - documented_share(c))
    chance = choice.chance[:, :, 1:-1]
    demand = (choice.sensitivity[:, :, None] * chance * (1 - chance))[..., None] * choice.value_slope
    margin = c.licence_fee - support_cost(s, quo)[:, None]
    value = np.maximum(margin[:, :, None] * sum_over(demand, 1) / rate[:, :, None], 0.0)
    unit_cost = cost.hours_constraint * cost.index[:, :, 1, None] + p["overhead_constraint", 2] * p["library_overhead_share", 2]
    cap = p["library_step_cap", 2]
    reference = quo.response.constraints_reference[:, None] * column(public.scale, 2)
    step = np.clip((value / unit_cost) ** p["library_adjustment", 2], 1 / cap, cap)
    last = p["investment_start", 2] * reference * c.active[:, :, None] if quarter == 0 else c.investment
    wanted = np.maximum(last, p["library_floor", 2] * reference) * step * c.active[:, :, None]
    budget = p["library_cash_share", 1] * np.maximum(cash, 0) + p["library_revenue_share", 1] * c.licence_revenue
    budget = budget + (p["library_floor_spend"] * quo.vendor_revenue)[:, None]
    spend = sum_over(wanted * unit_cost, 2)
    wanted = wanted * np.minimum(1.0, np.divide(budget, spend, out=np.ones_like(spend), where=spend > 0))[:, :, None]

    weight = reference / reference.sum(axis=2, keepdims=True)
    worth = sum_over(weight * value / unit_cost, 2)
    safety = seizure[:, None] * (worth + p["provenance_penalty", 1])
    safety = safety / ((p["discount_rate"] + p["depreciation_library"])[:, None] + seizure[:, None])
    benefit = worth * (1 - p["undocumented_quality", 1]) + safety
    odds = (benefit - p["documentation_cost", 1]) / p["documentation_choice_scale", 1]
    ids = agent_ids(c)
    again = s.uniform(Stream.DOCUMENT_RECONSIDER, quarter, ids) < p["documentation_reconsideration", 1]
    decides = s.uniform(Stream.DOCUMENT_CHOICE, quarter, ids) < 1 / (1 + np.exp(-np.clip(odds, -500, 500)))
    return changed(c, investment=wanted, documents=np.where(again, decides, c.documents))


def agent_ids(c: Curators) -> Array:
    """Ids of the curators in the slots [S, C]: the slot, and how many were there before."""
    slots = c.active.shape[1]
    return np.arange(slots) + slots * c.occupants
