"""The state at the start of the burn-in: the status quo, with firms and curators as drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.streams import Stream
from econ.market import labelers
from econ.market.certification import public_ideal
from econ.market.exposure import class_levy, detection, fine_rate, over_standard, pass_through
from econ.market.ledger import SECTORS
from econ.market.libraries import support_cost
from econ.market.lobbying import norm_reach
from econ.market.mean_firm import insured_claims
from econ.market.setting import CATEGORIES, JURISDICTIONS, NO_LIBRARY, Setting, column, ratio
from econ.market.state import Curators, Firms, Public, State

if TYPE_CHECKING:
    from econ.market.labelers import Intercepts
    from econ.market.status_quo import StatusQuo

Array = Any
#: Incumbents at the start are older than any age that matters.
OLD = 1000


def start(s: Setting, quo: StatusQuo, intercepts: Intercepts) -> State:
    """State before quarter -24."""
    vendors = curators(s, quo)
    assert quo.firms is not None, "firms settle with the status quo"
    return State(quo.firms, vendors, public(s, quo, vendors), labelers.start(s, quo, intercepts))


def mean_firms(s: Setting, quo: StatusQuo) -> Firms:
    """Firms as multiples of the mean firm, by the size that goes with their brand."""
    p, shape = s.p, (s.size, s.firms)
    size = quo.size
    users = column(size * column(quo.users_per_firm, 1), 1) * (quo.users_start / quo.users_start.sum(axis=1, keepdims=True))[:, None]
    price = np.broadcast_to(column(quo.price, 1), shape).copy()
    levers = s.lever(-1)
    weight = quo.users_start / quo.users_start.sum(axis=1, keepdims=True)
    strict = (weight * levers.strict).sum(axis=1)
    reach = pass_through(p, size / s.firms)
    damage, claims = p["damage_share_of_price", 1] * price, insured_claims(p, strict)
    harm, _, _ = quo.response.surface.evaluate(
        np.broadcast_to(column(quo.response.position_x, 1), (s.size, len(CATEGORIES))).copy(), column(quo.response.position_y, 1)
    )  # fmt: skip
    margin = column(quo.margin, 1) * size
    stake = margin[:, :, None] * (column(quo.users_harm_taste, 1) * quo.user_weight)[:, None]
    liable = users[..., None] * levers.strict[:, None, :, None] * column(reach, 2) * quo.damage_per_user[:, None]
    revenue = users * price[:, :, None]
    fines = fine_rate(p, levers, quo.verifiability, harm[:, None, None]) * revenue
    over = over_standard(p, levers, quo.verifiability, harm[:, None, None])[:, 0]
    fined = (levers.fine[:, None] * revenue)[..., None] * (detection(p, levers.audit, quo.verifiability) * over)[:, None]
    belief = p["belief_heterogeneity", 1] * s.normal(Stream.BELIEF_START, 0, np.arange(s.firms))
    exposure = reach * (levers.strict[:, None, :, None] * users[..., None] * quo.damage_per_user[:, None] * harm[:, None, None]).sum(axis=(2, 3))
    empty = np.zeros((*shape, s.slots))
    return Firms(
        brand=quo.brand, price=price, users=users, revenue=revenue, belief=belief,
        variance=np.broadcast_to(p["belief_prior_sd", 1] ** 2, shape).copy(),
        preferences=column(quo.response.preferences_reference, 1) * size,
        constraints=quo.response.constraints_reference[:, None] * size[:, :, None],
        outlay_preference=column(quo.outlay_preference, 1) * size, outlay_constraint=quo.outlay_constraint[:, None] * size[:, :, None],
        library=np.full(shape, NO_LIBRARY), stake=stake + (liable + fined).sum(axis=2), margin=margin, liability=exposure,
        unit_liability=reach * column(strict, 1) * damage, levy=class_levy(p, size / s.firms, column(claims, 1)) + ratio(fines.sum(axis=2), revenue.sum(axis=2), 0.0),
        claims_rate=np.broadcast_to(column(claims, 1), shape).copy(),
        cash=np.zeros(shape), use=np.broadcast_to(p["constraint_share_start", 1], shape).copy(), tie=empty, withdrawn=empty, owned=empty, purchases=empty,
        before_loss=empty, before_tie=empty,
    )  # fmt: skip


def curators(s: Setting, quo: StatusQuo) -> Curators:
    """Curators at status-quo prices and wages, of drawn qualities, norms and libraries."""
    p, shape = s.p, (s.size, s.slots)
    ids = np.arange(s.slots)
    active = np.broadcast_to(ids < s.curators, shape).copy()
    ideal = public_ideal(s)
    places = len(JURISDICTIONS)
    home = np.minimum((s.uniform(Stream.CURATOR_HOME, 0, ids) * places).astype(int), places - 1)
    norm = ideal[np.arange(s.size)[:, None], home] + column(p["curator_norm_sd", 1], 1) * s.normal_pair(Stream.CURATOR_NORM, 0, ids)
    taste = column(p["curator_quality_sd", 1], 1) * s.normal_pair(Stream.CURATOR_QUALITY, 0, ids)
    stock = p["library_start", 1] * np.exp(p["library_start_log_sd", 1] * s.normal(Stream.LIBRARY_START, 0, ids))
    library = (stock * active)[:, :, None] * quo.response.constraints_reference[:, None]
    zero, zero_k = np.zeros(shape), np.zeros((*shape, len(CATEGORIES)))
    unit_share = active / s.curators
    shape_labor = (s.size, s.slots, *quo.technology.wage_start.shape[1:])
    fee = support_cost(s, quo) + p["library_choice_scale"] * quo.revenue
    return Curators(
        active=active, occupants=np.zeros(shape, np.int64), age=np.where(active, OLD, 0), quality_preference=taste[..., 0],
        quality_constraint=taste[..., 1], home=home, norm=norm, norm_start=norm,
        wage=np.broadcast_to(quo.technology.wage_start[:, None], shape_labor).copy(),
        wedge=np.ones(shape_labor), paid_share=np.broadcast_to(labelers.start_paid_share(s)[:, None, :, None], shape_labor).copy(),
        price_preference=np.broadcast_to(quo.prices_preference[:, :1], shape).copy(),
        price_constraint=np.broadcast_to(quo.prices_constraint[:, None, :, 0], zero_k.shape).copy(),
        licence_fee=np.broadcast_to(fee[:, None], shape).copy(), library=library, documented=zero_k, investment=zero_k,
        documents=np.zeros(shape, bool), units_preference=zero, units_constraint=zero_k, unit_share_preference=unit_share,
        unit_share_constraint=unit_share, licence_revenue=zero, service_revenue=zero, profit=zero,
        cash=active * (p["cash_start"] * quo.vendor_revenue)[:, None], quarters_in_debt=np.zeros(shape, np.int64),
        certified=np.zeros((*shape, places), bool), requests=np.zeros((*shape, places)),
        lost=np.zeros(shape, bool), tied=np.zeros(shape, bool),
    )  # fmt: skip


def public(s: Setting, quo: StatusQuo, curators: Curators) -> Public:
    """Regulators at the public ideal, and all balances at the start."""
    p, places, one = s.p, len(JURISDICTIONS), np.ones(s.size)
    weight = quo.users_start / quo.users_start.sum(axis=1, keepdims=True)
    strict = (weight * s.lever(-1).strict).sum(axis=1)
    balances = np.zeros((s.size, len(SECTORS)))
    balances[:, SECTORS.index("curators")] = curators.cash.sum(axis=1)
    ideal = public_ideal(s)
    return Public(
        norm=ideal.copy(), fee_multiple=np.ones((s.size, places)), effort_curators=np.zeros((s.size, s.slots, places)),
        effort_firms=np.zeros((s.size, s.firms, places)), effort_public=np.zeros((s.size, places)),
        commons=np.zeros((s.size, len(CATEGORIES))), commons_certified=np.zeros((s.size, places), bool),
        class_claims_rate=insured_claims(p, strict), users=one, scale=one, persons=one,
        captured_quarters=np.zeros(s.size, np.int64), tipped_quarters=np.zeros(s.size, np.int64),
        norm_reach=norm_reach(curators, ideal), vendor_units=np.repeat(quo.weights[:, :1], 2, axis=1), balances=balances,
    )  # fmt: skip
