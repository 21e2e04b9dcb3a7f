"""Step 11: a contest for the regulator's ear, and what capture does to norms and fees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.market.certification import governed_requests, public_ideal
from econ.market.ledger import Ledger
from econ.market.setting import Setting, share_of, sum_over
from econ.market.state import Curators, Firms, Public, changed

if TYPE_CHECKING:
    from econ.market.certification import Tests
    from econ.market.liability import Incidents
    from econ.market.status_quo import StatusQuo
    from econ.scenario.levers import Levers

Array = Any


@dataclass(frozen=True)
class Influence:
    """Influence in a quarter, by jurisdiction.

    Attributes
    ----------
    industry_share : [S, J]
        Industry's share of all effort, the regulator's own capacity included.
    curator_share : [S, J]
        Curators' part of it.
    voice_share : [S, J]
        Industry's share of all lobbying effort, the regulator's capacity left out.
    weight : [S, J]
        ω, weight of curators' positions in the norm that the regulator moves to.
    """

    industry_share: Array
    curator_share: Array
    voice_share: Array
    weight: Array


def contest(stakes: Array, capacity: Array) -> Array:
    """Nash efforts of a Tullock contest with unequal stakes and a passive incumbent (Tullock 1980).

    e_i = X(1 - X/Ω_i)⁺ with X = [(m - 1) + √((m - 1)² + 4·S1·E0)]/(2·S1), S1 = Σ 1/Ω over the m active,
    the largest m whose last stake exceeds X.

    Parameters
    ----------
    stakes : [..., n]
        Ω_i, USD.
    capacity : [...]
        E0, effort of the regulator itself, USD.

    Returns
    -------
    [..., n]
        Efforts, USD; 0 for those who stay out.
    """
    from econ.market import contest_kernels

    players = stakes.shape[-1]
    effort = np.empty(stakes.shape)
    contest_kernels.contests(
        np.ascontiguousarray(stakes).reshape(-1, players), np.ascontiguousarray(capacity).ravel(), effort.reshape(-1, players)
    )
    return effort


def lobby(
    s: Setting, f: Firms, c: Curators, public: Public, tests: Tests, accident: Incidents, levers: Levers, ledger: Ledger
) -> tuple[Public, Influence]:  # fmt: skip
    """Move efforts towards the Nash efforts, cap the industry's, and pay for them."""
    p = s.p
    revenue = sum_over(f.revenue, 1)
    capacity = p["regulator_capacity", 1] * revenue
    industry, people = s.stake_factors
    weight = share_of(sum_over(f.users, 1))
    certifies = levers.cert_mode > 0
    fees = sum_over(tests.fees, 1)
    rent = weight[:, None] * c.licence_revenue[:, :, None] + p["lobby_stake_fees", 2] * fees[:, None]
    rent = rent * np.where(certifies, 1.0, p["uncertified_rent_share", 1])[:, None] * c.active[:, :, None]
    of_curators = (p["lobby_stake_curators"] * industry)[:, None, None] * rent
    exposure = accident.liable * accident.expected + accident.fines
    of_firms = (p["lobby_stake_firms"] * industry)[:, None, None] * exposure
    harmed = p["public_stake_weight", 1] * sum_over(accident.expected, 1)
    of_public = (p["lobby_stake_public"] * people)[:, None] * harmed
    stakes = np.concatenate([of_curators, of_firms, of_public[:, None]], axis=1)
    target = contest(np.moveaxis(stakes, 1, 2), capacity)
    # Who has left the market lobbies no more, and who takes the slot starts from nothing.
    incumbent = (c.active & (c.age > 0))[:, :, None]
    effort = np.concatenate([public.effort_curators * incumbent, public.effort_firms, public.effort_public[:, None]], axis=1)
    effort = effort + p["lobby_adjustment", 2] * (np.moveaxis(target, 2, 1) - effort)
    by_industry = sum_over(effort[:, :-1], 1)
    with np.errstate(invalid="ignore"):
        allowed = np.where(np.isinf(levers.lobby_cap), np.inf, levers.lobby_cap * revenue)
    fit = np.minimum(1.0, np.divide(allowed, by_industry, out=np.ones_like(allowed), where=by_industry > 0))
    curators, firms = effort[:, : s.slots] * fit[:, None], effort[:, s.slots : -1] * fit[:, None]
    voice = effort[:, -1]
    ledger.post("lobby_curators", sum_over(curators, 2))
    ledger.post("lobby_firms", sum_over(firms, 2))
    ledger.post("lobby_public", voice.sum(axis=1))
    spent = sum(ledger.total(f"lobby_{who}") for who in ("curators", "firms", "public"))
    ledger.post("lobby_spend", spent)
    by_industry = sum_over(curators, 1) + sum_over(firms, 1)
    whole = by_industry + voice + capacity
    share, by_curators = (
        np.divide(part, whole, out=np.zeros_like(capacity), where=whole > 0) for part in (by_industry, sum_over(curators, 1))
    )
    loud = np.divide(by_industry, by_industry + voice, out=np.zeros_like(voice), where=by_industry + voice > 0)
    return changed(public, effort_curators=curators, effort_firms=firms, effort_public=voice), Influence(share, by_curators, loud, np.zeros_like(share))


def move_norms(
    s: Setting, quo: StatusQuo, f: Firms, c: Curators, public: Public, library: Array, influence: Influence, levers: Levers, quarter: int
) -> tuple[Curators, Public, Influence]:  # fmt: skip
    """Regulators' norms, curators' norms and certification fees follow influence.

    ω = 1 - (1 - χ_E·industry share)(1 - χ_D·dependence): with no lobbying and no dependence the norm
    stays at the public ideal, whatever curators do.
    """
    from econ.market import norm_kernels

    p = s.p
    requests = governed_requests(f, library, s.slots)
    own = requests[:, :-1]
    certifies = levers.cert_mode > 0
    free = np.minimum(1.0, public.commons.sum(axis=1) / (quo.response.constraints_reference.sum(axis=1) * public.scale))
    dependence = own.max(axis=1) * (1 - free)[:, None] * certifies
    weight = 1 - (1 - p["capture_by_effort", 1] * influence.industry_share) * (1 - p["capture_by_dependence", 1] * dependence)
    governed = share_of(own, axis=1)
    where = _sells_under(c, f, own) * certifies[:, None]
    pull, toward = np.empty(public.norm.shape), np.empty(c.norm.shape)
    norm_kernels.pulls(c.norm, public.norm, governed, where, pull, toward)
    ideal = public_ideal(s)
    speed = p["norm_adjustment", 2]
    norm = public.norm + speed * ((1 - weight)[..., None] * (ideal - public.norm) + weight[..., None] * pull)
    inflated = 1 + p["fee_inflation", 1] * weight
    multiple = public.fee_multiple + p["fee_adjustment", 1] * (inflated - public.fee_multiple)
    reach = public.norm_reach if quarter > 0 else norm_reach(c, ideal)
    if quarter >= 0:
        # Curators adapt to the norms that they sell under, and drift back to their own.
        back = s.p["curator_norm_return", 2] * (c.norm_start - c.norm)
        c = changed(c, norm=c.norm + s.p["curator_norm_adaptation", 2] * toward + back)
    public = changed(public, norm=norm, fee_multiple=multiple, norm_reach=reach)
    return changed(c, requests=own), public, replace(influence, weight=weight)


def norm_reach(c: Curators, ideal: Array) -> Array:
    """Largest distance of an active curator's position from each public ideal [S, J]; fixed from quarter 0."""
    distance = np.sqrt(sum_over((c.norm[:, :, None] - ideal[:, None]) ** 2, 3))
    return np.where(c.active[:, :, None], distance, 0.0).max(axis=1)


def _sells_under(c: Curators, f: Firms, own: Array) -> Array:
    """Shares of jurisdictions in the requests that each curator's rules govern [S, C, J], its home without any."""
    volume = own * sum_over(f.users, 1)[:, None]
    home = (c.home[:, :, None] == np.arange(volume.shape[2])).astype(float)
    return np.where(volume.sum(axis=2, keepdims=True) > 0, share_of(volume, axis=2), home)
