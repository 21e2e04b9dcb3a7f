"""Step 2: curators leave, enter and merge.

Cash moves through the ledger alone and is booked when the quarter closes; what changes here is who is who.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.streams import Stream
from econ.market.certification import fee, public_ideal
from econ.market.ledger import Ledger
from econ.market.libraries import agent_ids
from econ.market.prices import markup, mean_active, pull_of_other_sources
from econ.market.setting import NO_LIBRARY, Setting, column, share_of
from econ.market.state import Curators, Firms, Public

if TYPE_CHECKING:
    from econ.market.status_quo import StatusQuo
    from econ.scenario.levers import Levers

Array = Any


@dataclass(frozen=True)
class Turnover:
    """Counts of a quarter [S], and firms whose licensor is gone [S, F]."""

    entries: Array
    exits: Array
    mergers: Array
    orphaned: Array


def turn_over(
    s: Setting, quo: StatusQuo, f: Firms, c: Curators, public: Public, levers: Levers, quarter: int, ledger: Ledger
) -> tuple[Firms, Curators, Turnover]:  # fmt: skip
    """Exit, then entry (from a year or two before quarter 0), then at most one merger (from quarter 0)."""
    c = drift_qualities(s, replace(c, age=c.age + c.active), quarter)
    f, c, exits, orphaned = _exit(s, f, c, ledger)
    entries = np.zeros(s.size, bool)
    if (quarter >= -s.p["entry_lead_quarters"]).any():
        f, c, entries = _enter(s, quo, f, c, public, levers, quarter, ledger)
    mergers = np.zeros(s.size, bool)
    if quarter >= 0:
        f, c, mergers = _merge(s, quo, f, c, public, levers, quarter, ledger)
    return f, c, Turnover(entries.astype(float), exits, mergers.astype(float), orphaned)


def drift_qualities(s: Setting, c: Curators, quarter: int) -> Curators:
    """Qualities follow a stationary AR(1) from quarter 0; with a persistence of 1, the default, they stay as drawn."""
    keep = s.p["curator_quality_persistence", 1]
    if quarter < 0 or (keep == 1).all():
        return c
    shock = (s.p["curator_quality_sd", 1] * np.sqrt(1 - keep**2))[..., None] * s.normal_pair(Stream.QUALITY, quarter, agent_ids(c))
    return replace(
        c, quality_preference=keep * c.quality_preference + shock[..., 0], quality_constraint=keep * c.quality_constraint + shock[..., 1]
    )  # fmt: skip


def _exit(s: Setting, f: Firms, c: Curators, ledger: Ledger) -> tuple[Firms, Curators, Array, Array]:
    """Those too long in debt leave, the deepest first, while more than two remain; debts are written off."""
    due = c.active & (c.quarters_in_debt >= s.p["exit_patience", 1])
    depth = np.argsort(np.argsort(np.where(due, c.cash, np.inf), axis=1, kind="stable"), axis=1, kind="stable")
    leaving = due & (depth < (c.active.sum(axis=1) - 2)[:, None])
    ledger.post("write_off_exit", payee=np.where(leaving, np.maximum(-c.cash, 0.0), 0.0))
    ledger.post("dividends_curators", np.where(leaving, np.maximum(c.cash, 0.0), 0.0))
    gone = leaving[:, :, None]
    c = replace(
        c, active=c.active & ~leaving, library=np.where(gone, 0.0, c.library),
        documented=np.where(gone, 0.0, c.documented), investment=np.where(gone, 0.0, c.investment), certified=c.certified & ~gone,
        licence_revenue=np.where(leaving, 0.0, c.licence_revenue), service_revenue=np.where(leaving, 0.0, c.service_revenue),
        unit_share_preference=np.where(leaving, 0.0, c.unit_share_preference),
        unit_share_constraint=np.where(leaving, 0.0, c.unit_share_constraint), requests=np.where(gone, 0.0, c.requests),
    )  # fmt: skip
    orphaned = (leaving[:, None] & (f.library[:, :, None] == np.arange(s.slots))).any(axis=2)
    f = replace(f, library=np.where(orphaned, NO_LIBRARY, f.library), owned=np.where(leaving[:, None], 0.0, f.owned))
    return f, c, leaving.sum(axis=1).astype(float), orphaned


def quantile_of_active(value: Array, active: Array, quantile: Array) -> Array:
    """Quantile over active curators [S], linear between order statistics."""
    ordered = np.sort(np.where(active, value, np.inf), axis=1)
    place = quantile * (np.maximum(active.sum(axis=1), 1) - 1)
    low = np.floor(place).astype(int)
    rows = np.arange(len(value))
    below, above = ordered[rows, low], ordered[rows, np.minimum(low + 1, ordered.shape[1] - 1)]
    return below + np.where(place > low, (place - low) * (np.where(place > low, above, below) - below), 0.0)


def entry_chance(s: Setting, quo: StatusQuo, c: Curators, public: Public, levers: Levers) -> Array:
    """Probability that a curator enters [S]: logit in the value of incumbency less the cost of entry."""
    p = s.p
    rate = p["discount_rate"] + p["entry_hazard"]
    voluntary = np.broadcast_to(p["voluntary_certificate_burden", 1], levers.cert_mode.shape)
    burden = np.choose(levers.cert_mode, [0.0 * voluntary, voluntary, 1.0 + 0.0 * voluntary]) * fee(s, levers, public)
    cost = p["entry_cost"] * quo.vendor_revenue + burden.sum(axis=1) / (p["certificate_quarters"] * rate)
    value = quantile_of_active(c.profit, c.active, p["entry_quantile"]) / rate
    odds = (value - cost) / (p["entry_noise"] * quo.vendor_revenue)
    return p["entry_max"] / (1 + np.exp(-np.clip(odds, -500, 500)))


def _enter(
    s: Setting, quo: StatusQuo, f: Firms, c: Curators, public: Public, levers: Levers, quarter: int, ledger: Ledger
) -> tuple[Firms, Curators, Array]:  # fmt: skip
    p = s.p
    comes = (s.uniform(Stream.ENTRY, quarter, 0) < entry_chance(s, quo, c, public, levers)) & ~c.active.all(axis=1)
    comes &= quarter >= -p["entry_lead_quarters"]
    first = np.argmin(c.active, axis=1)
    here = (np.arange(s.slots) == first[:, None]) & comes[:, None]
    occupants = c.occupants + (here & (c.age > 0))
    ids = agent_ids(replace(c, occupants=occupants))
    taste = s.normal_pair(Stream.ENTRANT, quarter, ids)
    home = np.minimum((s.uniform(Stream.ENTRANT, quarter, ids, 1) * public.norm.shape[1]).astype(int), public.norm.shape[1] - 1)
    place = np.stack([s.normal(Stream.ENTRANT, quarter, ids, draw) for draw in (2, 3)], axis=-1)
    norm = public_ideal(s)[np.arange(s.size)[:, None], home] + column(p["curator_norm_sd", 1], 1) * place
    sd = p["curator_quality_sd", 1]
    reference = quo.response.constraints_reference[:, None] * column(public.scale, 2)
    v0 = quo.vendor_revenue[:, None]
    capital = here * (p["entry_cost", 1] + p["cash_start", 1]) * v0
    ledger.post("equity_entry", payee=capital)
    ledger.post("entry_cost", here * p["entry_cost", 1] * v0)
    new = dict(
        active=np.ones_like(here), occupants=occupants, age=np.zeros_like(c.age), home=home, norm=norm, norm_start=norm,
        quality_preference=p["entrant_quality_preference", 1] + sd * taste[..., 0],
        quality_constraint=p["entrant_quality_constraint", 1] + sd * taste[..., 1],
        wage=_mean_of(c.wage, c.active), paid_share=_mean_of(c.paid_share, c.active),
        price_preference=_mean_of(c.price_preference, c.active), price_constraint=_mean_of(c.price_constraint, c.active),
        licence_fee=_mean_of(c.licence_fee, c.active), library=p["entrant_library", 2] * reference, documented=0.0 * c.documented,
        investment=p["investment_start", 2] * reference * (quarter >= 0), documents=np.zeros_like(here),
        profit=0.0 * c.profit, quarters_in_debt=np.zeros_like(c.quarters_in_debt), licence_revenue=0.0 * c.licence_revenue,
        service_revenue=0.0 * c.service_revenue, certified=np.zeros_like(c.certified), lost=np.zeros_like(here), tied=np.zeros_like(here),
    )  # fmt: skip
    c = replace(c, **{name: np.where(_like(here, getattr(c, name)), value, getattr(c, name)) for name, value in new.items()})
    # An entrant owes nothing to the slot's past: rivals' stakes and customers' withdrawals end with it.
    f = replace(f, tie=np.where(here[:, None], 0.0, f.tie), withdrawn=np.where(here[:, None], 0.0, f.withdrawn))
    return f, c, comes


def _mean_of(value: Array, active: Array) -> Array:
    mask = _like(active, value)
    mean = np.where(mask, value, 0.0).sum(axis=1, keepdims=True) / mask.sum(axis=1, keepdims=True)
    return np.broadcast_to(mean, value.shape)


def _like(mask: Array, value: Array) -> Array:
    return mask.reshape(mask.shape + (1,) * (value.ndim - 2))


def hhi(share: Array) -> Array:
    """Herfindahl-Hirschman index of shares along the last axis, 0 to 10,000."""
    return 1e4 * (share**2).sum(axis=-1)


def _merge(
    s: Setting, quo: StatusQuo, f: Firms, c: Curators, public: Public, levers: Levers, quarter: int, ledger: Ledger
) -> tuple[Firms, Curators, Array]:  # fmt: skip
    """One curator buys another, unless merger control forbids it; owners are paid the value of incumbency and half the gain."""
    p = s.p
    draws = [s.uniform(Stream.MERGER, quarter, 0, draw) for draw in range(3)]
    size = np.where(c.active, c.licence_revenue + np.maximum(c.profit, 0) + (p["merger_size_floor"] * quo.vendor_revenue)[:, None], 0.0)
    buyer = (draws[1][:, None] >= np.cumsum(share_of(size), axis=1)).sum(axis=1).clip(0, s.slots - 1)
    is_buyer = np.arange(s.slots) == buyer[:, None]
    eligible = c.active & ~is_buyer & (c.age > p["merger_minimum_age", 1])
    chance = share_of(eligible.astype(float))
    target = (draws[2][:, None] >= np.cumsum(chance, axis=1)).sum(axis=1).clip(0, s.slots - 1)
    is_target = (np.arange(s.slots) == target[:, None]) & eligible
    happens = (draws[0] < levers.merger_probability) & is_target.any(axis=1) & (is_buyer & c.active).any(axis=1)
    # As with exit, two remain: a lone curator beside poor substitutes has no finite optimal price.
    happens &= c.active.sum(axis=1) > 2
    happens &= ~(np.asarray(levers.merger_control, bool) & _presumed_harmful(s, c, is_buyer, is_target))
    is_buyer, is_target = is_buyer & happens[:, None], is_target & happens[:, None]
    price = _merger_price(s, quo, c, public, is_buyer, is_target)
    cash = (np.where(is_buyer, c.cash, 0.0)).sum(axis=1)
    equity = np.maximum(price - np.maximum(cash, 0.0), 0.0)
    ledger.post("merger_price", is_buyer * price[:, None])
    ledger.post("equity_merger", payee=is_buyer * equity[:, None])
    f, c = _combine(s, f, c, is_buyer, is_target)
    return f, c, happens


def _presumed_harmful(s: Setting, c: Curators, is_buyer: Array, is_target: Array) -> Array:
    """US Merger Guidelines (2023): a high HHI after a rise that counts, in licences or services [S]."""
    harmful = np.zeros(len(c.active), bool)
    for revenue in (c.licence_revenue, c.service_revenue):
        share = share_of(np.where(c.active, revenue, 0.0))
        rise = 2e4 * (share * is_buyer).sum(axis=1) * (share * is_target).sum(axis=1)
        harmful |= (hhi(share) + rise > s.p["merger_control_hhi"]) & (rise > s.p["merger_control_hhi_rise"])
    return harmful


def _merger_price(s: Setting, quo: StatusQuo, c: Curators, public: Public, is_buyer: Array, is_target: Array) -> Array:
    """[max(π̄_B, 0) + share·max(gain, 0)]/(r + hz), gain in gross margin from a larger share, plus one fixed cost saved [S]."""
    p = s.p
    gain = p["curator_fixed_cost"] * quo.vendor_revenue
    kinds = (
        (c.units_preference, c.unit_share_preference, c.price_preference, p["price_sensitivity_preference"]),
        (c.units_constraint.sum(axis=2), c.unit_share_constraint, c.price_constraint.mean(axis=2), p["price_sensitivity_constraint"]),
    )
    for kind, (units, share, price, alpha) in enumerate(kinds):
        total = units.sum(axis=1)
        pull = pull_of_other_sources(p["source_substitution"], public.vendor_units[:, kind], mean_active(price, c.active))
        one, other = (share * is_buyer).sum(axis=1), (share * is_target).sum(axis=1)
        margins = [total * x * markup(alpha, x, pull) for x in (one + other, one, other)]
        gain = gain + margins[0] - margins[1] - margins[2]
    own = np.maximum((c.profit * is_target).sum(axis=1), 0.0)
    value = own + p["merger_gain_share"] * np.maximum(gain, 0.0)
    return is_target.any(axis=1) * value / (p["discount_rate"] + p["entry_hazard"])


def _combine(s: Setting, f: Firms, c: Curators, is_buyer: Array, is_target: Array) -> tuple[Firms, Curators]:
    """The buyer takes library, investment, the better qualities, cash, certificates and licensees."""
    overlap = s.p["library_overlap"]

    def of(mask: Array, value: Array) -> Array:
        return (value * _like(mask, value)).sum(axis=1)

    mine, theirs = of(is_buyer, c.library), of(is_target, c.library)
    joint = np.maximum(mine, theirs) + (1 - overlap)[:, None] * np.minimum(mine, theirs)
    kept = np.divide(joint, mine + theirs, out=np.zeros_like(joint), where=mine + theirs > 0)
    joined = dict(
        library=joint, documented=kept * (of(is_buyer, c.documented) + of(is_target, c.documented)),
        investment=of(is_buyer, c.investment) + of(is_target, c.investment),
        quality_preference=np.maximum(of(is_buyer, c.quality_preference), of(is_target, c.quality_preference)),
        quality_constraint=np.maximum(of(is_buyer, c.quality_constraint), of(is_target, c.quality_constraint)),
        cash=of(is_buyer, c.cash) + of(is_target, c.cash), profit=of(is_buyer, c.profit) + of(is_target, c.profit),
        certified=(of(is_buyer, c.certified) + of(is_target, c.certified)) > 0,
        licence_revenue=of(is_buyer, c.licence_revenue) + of(is_target, c.licence_revenue),
        service_revenue=of(is_buyer, c.service_revenue) + of(is_target, c.service_revenue),
        unit_share_preference=of(is_buyer, c.unit_share_preference) + of(is_target, c.unit_share_preference),
        unit_share_constraint=of(is_buyer, c.unit_share_constraint) + of(is_target, c.unit_share_constraint),
    )  # fmt: skip
    changed = {}
    for name, value in joined.items():
        old = getattr(c, name)
        empty = np.zeros_like(old)
        changed[name] = np.where(_like(is_buyer, old), value[:, None], np.where(_like(is_target, old), empty, old))
    library = f.library
    bought = (library[:, :, None] == np.arange(s.slots)) & is_target[:, None]
    library = np.where(bought.any(axis=2), np.argmax(is_buyer, axis=1)[:, None], library)
    owned = np.where(is_target[:, None], 0.0, f.owned)
    return replace(f, library=library, owned=owned), replace(c, active=c.active & ~is_target, **changed)


