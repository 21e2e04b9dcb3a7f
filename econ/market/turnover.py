"""Step 2: curators leave, enter and merge.

Cash moves through the ledger alone and is booked when the quarter closes; what changes here is who is who.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.streams import Stream
from econ.market.certification import fee, public_ideal
from econ.market.ledger import Ledger
from econ.market.libraries import agent_ids
from econ.market.prices import markup, mean_active, pull_of_other_sources
from econ.market.setting import NO_LIBRARY, Setting, share_of, sum_over
from econ.market.state import Curators, Firms, Public, changed

if TYPE_CHECKING:
    from econ.market.status_quo import StatusQuo
    from econ.scenario.levers import Levers

Array = Any
#: Parameters of what an entrant starts with.
ENTRY = (
    "curator_norm_sd", "curator_quality_sd", "entrant_quality_preference", "entrant_quality_constraint", "entrant_library",
    "investment_start",
)  # fmt: skip


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
    c = drift_qualities(s, changed(c, age=c.age + c.active), quarter)
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
    return changed(
        c, quality_preference=keep * c.quality_preference + shock[..., 0], quality_constraint=keep * c.quality_constraint + shock[..., 1]
    )  # fmt: skip


def _exit(s: Setting, f: Firms, c: Curators, ledger: Ledger) -> tuple[Firms, Curators, Array, Array]:
    """Those too long in debt leave, the deepest first, while more than two remain; debts are written off."""
    due = c.active & (c.quarters_in_debt >= s.p["exit_patience", 1])
    depth = np.argsort(np.argsort(np.where(due, c.cash, np.inf), axis=1, kind="stable"), axis=1, kind="stable")
    leaving = due & (depth < (c.active.sum(axis=1) - 2)[:, None])
    if not leaving.any():
        return f, c, np.zeros(s.size), np.zeros(f.library.shape, bool)
    ledger.post("write_off_exit", payee=np.where(leaving, np.maximum(-c.cash, 0.0), 0.0))
    ledger.post("dividends_curators", np.where(leaving, np.maximum(c.cash, 0.0), 0.0))
    gone = leaving[:, :, None]
    c = changed(
        c, active=c.active & ~leaving, library=np.where(gone, 0.0, c.library),
        documented=np.where(gone, 0.0, c.documented), investment=np.where(gone, 0.0, c.investment), certified=c.certified & ~gone,
        licence_revenue=np.where(leaving, 0.0, c.licence_revenue), service_revenue=np.where(leaving, 0.0, c.service_revenue),
        unit_share_preference=np.where(leaving, 0.0, c.unit_share_preference),
        unit_share_constraint=np.where(leaving, 0.0, c.unit_share_constraint), requests=np.where(gone, 0.0, c.requests),
    )  # fmt: skip
    orphaned = (leaving[:, None] & (f.library[:, :, None] == np.arange(s.slots))).any(axis=2)
    f = changed(f, library=np.where(orphaned, NO_LIBRARY, f.library), owned=np.where(leaving[:, None], 0.0, f.owned))
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
    if not comes.any():
        return f, c, comes
    slot = np.argmin(c.active, axis=1)
    here = (np.arange(s.slots) == slot[:, None]) & comes[:, None]
    capital = here * (p["entry_cost", 1] + p["cash_start", 1]) * quo.vendor_revenue[:, None]
    ledger.post("equity_entry", payee=capital)
    ledger.post("entry_cost", here * p["entry_cost", 1] * quo.vendor_revenue[:, None])
    rows = np.flatnonzero(comes)
    new = entrants(s, quo, c, public, slot, rows, quarter)
    c = changed(c, **{name: _with_row(getattr(c, name), rows, slot[rows], value) for name, value in new.items()})
    if f.tie.any() or f.withdrawn.any():
        # An entrant owes nothing to the slot's past: rivals' stakes and customers' withdrawals end with it.
        f = changed(f, tie=np.where(here[:, None], 0.0, f.tie), withdrawn=np.where(here[:, None], 0.0, f.withdrawn))
    return f, c, comes


def entrants(
    s: Setting, quo: StatusQuo, c: Curators, public: Public, slot: Array, rows: Array, quarter: int
) -> dict[str, Array]:  # fmt: skip
    """What enters a slot [S] in some replicates [n], by field of `Curators` [n, …]."""
    every = np.arange(s.size)
    occupants = c.occupants[every, slot] + (c.age[every, slot] > 0)
    ids = (slot + s.slots * occupants)[:, None]
    taste = s.normal_pair(Stream.ENTRANT, quarter, ids)[rows, 0]
    places = public.norm.shape[1]
    home = np.minimum((s.uniform(Stream.ENTRANT, quarter, ids, 1)[rows, 0] * places).astype(int), places - 1)
    place = np.concatenate([s.normal(Stream.ENTRANT, quarter, ids, draw)[rows] for draw in (2, 3)], axis=1)
    p = {name: s.p[name][rows] for name in ENTRY}
    norm = public_ideal(s)[rows, home] + p["curator_norm_sd"][:, None] * place
    reference = quo.response.constraints_reference[rows] * public.scale[rows, None]
    none, zero, nothing = np.zeros(len(rows), np.int64), np.zeros(len(rows)), np.zeros(reference.shape)

    def mean(name: str) -> Array:
        return _mean_of(getattr(c, name)[rows], c.active[rows])

    return dict(
        active=none == 0, occupants=occupants[rows], age=none, home=home, norm=norm, norm_start=norm,
        quality_preference=p["entrant_quality_preference"] + p["curator_quality_sd"] * taste[:, 0],
        quality_constraint=p["entrant_quality_constraint"] + p["curator_quality_sd"] * taste[:, 1],
        wage=mean("wage"), wedge=mean("wedge"), paid_share=mean("paid_share"),
        price_preference=mean("price_preference"), price_constraint=mean("price_constraint"), licence_fee=mean("licence_fee"),
        library=p["entrant_library"][:, None] * reference, documented=nothing,
        investment=p["investment_start"][:, None] * reference * (quarter >= 0), documents=none > 0, profit=zero,
        quarters_in_debt=none, licence_revenue=zero, service_revenue=zero, certified=np.zeros((len(rows), places), bool),
        lost=none > 0, tied=none > 0,
    )  # fmt: skip


def _with_row(array: Array, rows: Array, slots: Array, values: Array) -> Array:
    """An array [S, C, …] with other values [n, …] in one slot of each of n replicates."""
    out = array.copy()
    out[rows, slots] = values
    return out


def _mean_of(value: Array, active: Array) -> Array:
    """Mean over active curators [S, …] of a value [S, C, …]."""
    mask = active.reshape(active.shape + (1,) * (value.ndim - 2))
    return np.where(mask, value, 0.0).sum(axis=1) / mask.sum(axis=1)


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
    if not happens.any():
        return f, c, happens
    price = _merger_price(s, quo, c, public, is_buyer, is_target)
    cash = np.where(is_buyer, c.cash, 0.0).sum(axis=1)
    equity = np.maximum(price - np.maximum(cash, 0.0), 0.0)
    ledger.post("merger_price", is_buyer * price[:, None])
    ledger.post("equity_merger", payee=is_buyer * equity[:, None])
    rows = np.flatnonzero(happens)
    f, c = _combine(s, f, c, rows, buyer[rows], target[rows])
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
        (sum_over(c.units_constraint, 2), c.unit_share_constraint, c.price_constraint.mean(axis=2), p["price_sensitivity_constraint"]),
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


def _combine(s: Setting, f: Firms, c: Curators, rows: Array, buyer: Array, target: Array) -> tuple[Firms, Curators]:
    """The buyer takes library, investment, the better qualities, cash, certificates and licensees.

    Parameters
    ----------
    rows, buyer, target : [n] int
        Replicates in which there is a merger, and the slots of who buys and who is bought.
    """

    def of_both(name: str) -> tuple[Array, Array]:
        value = getattr(c, name)
        return value[rows, buyer], value[rows, target]

    mine, theirs = of_both("library")
    joint = np.maximum(mine, theirs) + (1 - s.p["library_overlap"][rows, None]) * np.minimum(mine, theirs)
    kept = np.divide(joint, mine + theirs, out=np.zeros_like(joint), where=mine + theirs > 0)
    summed = (
        "investment", "cash", "profit", "licence_revenue", "service_revenue", "unit_share_preference", "unit_share_constraint",
    )  # fmt: skip
    joined = {
        "library": joint, "documented": kept * sum(of_both("documented")), "certified": np.logical_or(*of_both("certified")),
        **{name: np.maximum(*of_both(name)) for name in ("quality_preference", "quality_constraint")},
        **{name: sum(of_both(name)) for name in summed},
    }  # fmt: skip
    after = {name: _with_row(getattr(c, name), rows, buyer, value) for name, value in joined.items()}
    for value in after.values():
        value[rows, target] = np.zeros_like(value[rows, target])
    library, owned, active = f.library.copy(), f.owned.copy(), c.active.copy()
    library[rows] = np.where(f.library[rows] == target[:, None], buyer[:, None], f.library[rows])
    owned[rows, :, target], active[rows, target] = 0.0, False
    return changed(f, library=library, owned=owned), changed(c, active=active, **after)
