"""Labelers: who works, in which occupation, with what ability. The only part whose cost grows with them.

Choice is a nested logit (McFadden 1978): curators within an occupation at the elasticity η facing one
curator, occupations against the outside at the elasticity μ. Because ability multiplies pay at every
curator alike, it cancels within the nest, so the draw is over three alternatives and never over curators.
Passes over labelers are compiled (`econ.market.labor_kernels`); `tests` hold a slow, plain reference beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.random import MASK_32, QUARTER_ORIGIN
from econ.core.streams import Stream
from econ.market.health import NoStatusQuo
from econ.market.setting import CONSTRAIN, JUDGE, REGIONS, Setting, column
from econ.market.state import Labelers

if TYPE_CHECKING:
    from econ.market.status_quo import StatusQuo

Array = Any
#: Labelers of the reference population with which intercepts are calibrated.
REFERENCE = 20_000
REFERENCE_SEED = 20_240_101
#: Calibration stops when gaps and moves of experience are below this, or fails after so many rounds.
TOLERANCE, MOST_ROUNDS = 1e-12, 100
#: Most rounds in which the start settles; a few suffice.
SETTLING_ROUNDS = 100
#: Why a replicate has no status quo.
NO_INTERCEPTS = "no intercepts of the labor market give the participation and hours that the parameters state"


@dataclass(frozen=True)
class Supply:
    """What labelers offer in a quarter, by region g and occupation o.

    Attributes
    ----------
    ability : [S, G, O]
        Sum of ability A_io over labelers in the occupation.
    heads : [S, G, O]
        Number of labelers.
    movers_ability : [S, G, O]
        Sum of ability of those who changed occupation this quarter.
    leavers : [S, G]
        Labelers who worked in the last quarter and do not now.
    worked_before : [S, G]
        Labelers who worked in the last quarter.
    reservation : [S, G]
        Sum of the reservation wages of those who work, in the wage unit of the region.
    efficiency : [S, N]
        Ability of those who work, region by region: of judges from its first place on, of others from its last place
        back; what lies between them has no meaning.
    """

    ability: Array
    heads: Array
    movers_ability: Array
    leavers: Array
    worked_before: Array
    reservation: Array
    efficiency: Array


def inclusive_value(wage: Array, paid_share: Array, active: Array, elasticity: Array) -> tuple[Array, Array]:
    """Pay of an occupation as its workers see it, and how they split over curators.

    Parameters
    ----------
    wage, paid_share : [S, C, G, O]
    active : [S, C] bool
    elasticity : [S]
        η, the elasticity of labor supply facing one curator.

    Returns
    -------
    value : [S, G, O]
        (1/η)·ln Σ_c y_c^η with y = wage·paid share, log USD per hour present.
    split : [S, C, G, O]
        P(c | o, g).
    """
    eta = column(elasticity, 3)
    with np.errstate(divide="ignore"):
        log_pay = np.where(active[:, :, None, None], eta * np.log(wage * paid_share), -np.inf)
    top = log_pay.max(axis=1, keepdims=True)
    weight = np.exp(log_pay - top)
    total = weight.sum(axis=1, keepdims=True)
    return ((top + np.log(total)) / eta)[:, 0], weight / total


def variety_excess(s: Setting, active: Array) -> Array:
    """What is taken off log pay [S, 1, 1] because more curators than at the status quo raise it by variety alone, ln(C/C0)/η."""
    more = np.log(active.sum(axis=1) / s.curators) / s.p["curator_elasticity"]
    return column(s.p["labor_variety_correction"] * more, 2)


@dataclass(frozen=True)
class Intercepts:
    """What calibration gives the labor market.

    Attributes
    ----------
    taste : [S, G, O]
        ζ_go, log pay equivalents.
    persons : [S, G]
        Persons for whom one labeler stands.
    """

    taste: Array
    persons: Array


def region_bounds(s: Setting, labelers: int) -> Array:
    """Places of the regions [S, G + 1] in the sorted order of so many labelers."""
    shares = s.p.vector("pool_share", REGIONS)
    ends = np.rint(np.cumsum(shares / shares.sum(axis=1, keepdims=True), axis=1) * labelers).astype(np.int64)
    return np.concatenate([np.zeros((s.size, 1), np.int64), ends], axis=1)


def log_ability(normals: Array, log_sd: Array, correlation: Array) -> Array:
    """θ for two occupations from pairs of normals [..., 2]."""
    second = correlation * normals[..., 0] + np.sqrt(1 - correlation**2) * normals[..., 1]
    return log_sd[..., None] * np.stack([normals[..., 0], second], axis=-1)


def calibrate(s: Setting, quo: StatusQuo) -> Intercepts:
    """Intercepts and persons such that supply equals demand/utilisation at status-quo wages.

    For each region: participation is as given, and hours of each occupation meet vendors' demand, over a
    reference population of 20,000 fixed draws with the experience that each would have in the long run.
    """
    p = s.p
    taste, persons = np.zeros((s.size, len(REGIONS), 2)), np.zeros((s.size, len(REGIONS)))
    bounds = region_bounds(s, s.labelers)
    pay, unit = start_pay(s, quo), quo.technology.wage_unit
    sizes = np.diff(region_bounds(s, REFERENCE), axis=1)
    solved: dict[tuple[float, ...], tuple[Any, ...]] = {}
    unsolved: dict[int, str] = {}
    for place in range(s.size):
        for g, region in enumerate(REGIONS):
            wanted = quo.hours_wanted[place, g]
            names = (
                "ability_log_sd", "ability_correlation", "reservation_wage_log_sd", "occupation_elasticity", "retraining_cost",
                "experience_exponent", "experience_scale_hours", "participation_start",
            )  # fmt: skip
            values = [float(p[f"reservation_wage_{region}"][place] / unit[place, g]), *(float(p[name][place]) for name in names)]
            reach = start_paid_share(s)[place, g] * p["hours_per_quarter"][place] / p["experience_decay"][place]
            stays = float(persistence(s)[place])
            key = (*values, float(reach), stays, int(sizes[place, g]), *(float(x) for x in pay[place, g]), float(wanted[0] / wanted.sum()))
            if key not in solved:
                solved[key] = _solve_region(tuple(values), reach, stays, pay[place, g], wanted / wanted.sum(), sizes[place, g])
            if not np.isfinite(solved[key][0]).all():
                unsolved.setdefault(int(s.replicates[place]), f"{NO_INTERCEPTS} in region {region}")
            taste[place, g], supply = solved[key]
            people = bounds[place, g + 1] - bounds[place, g]
            offered = (1 - p[f"unpaid_search_share_{region}"][place]) * p["hours_per_quarter"][place] * people * supply.sum()
            persons[place, g] = wanted.sum() / p["utilisation_start"][place] / offered
    if unsolved:
        raise NoStatusQuo(unsolved)
    return Intercepts(taste, persons)


def start_pay(s: Setting, quo: StatusQuo) -> Array:
    """Status-quo inclusive value of pay without intercepts [S, G, O], log of pay in the wage unit of the region."""
    pay = quo.technology.wage_start / quo.technology.wage_unit[:, :, None] * start_paid_share(s)[:, :, None]
    value: Array = np.log(pay) + np.log(s.curators) / column(s.p["curator_elasticity"], 2)
    return value


def start_paid_share(s: Setting) -> Array:
    """Status-quo paid share of hours present [S, G]."""
    return (1 - s.p.vector("unpaid_search_share", REGIONS)) * s.p["utilisation_start", 1]


def persistence(s: Setting) -> Array:
    """Excess experience of those in an occupation, κ = δ/(1 - (1 - δ)(1 - ρ)) of what they could have at most [S].

    Occupations are drawn anew with probability ρ a quarter, and experience decays at δ: who is in an occupation now was
    in it k quarters ago with a chance that exceeds the average by (1 - ρ)^k of what is missing to 1.
    """
    decay = s.p["experience_decay"]
    return decay / (1 - (1 - decay) * (1 - s.p["labeler_reconsideration"]))


def _solve_region(
    values: tuple[float, ...], reach: float, stays: float, pay: Array, demand: Array, size: int
) -> tuple[Array, Array]:
    """Intercepts [O] of one region and the supply per labeler [O] at them."""
    from econ.market import labor_kernels

    reservation, log_sd, correlation, reservation_sd, mu, retraining, exponent, scale, participation = values
    normals, noise = (part[:size] for part in _reference())
    taste, supply = np.zeros(2), np.zeros(2)
    found = labor_kernels.solve(
        log_ability(normals, np.asarray(log_sd), np.asarray(correlation)), np.log(reservation) + reservation_sd * noise, pay,
        np.log(demand[JUDGE] / demand[CONSTRAIN]), participation, mu, retraining, exponent, scale, reach, stays, MOST_ROUNDS, TOLERANCE, taste, supply,
    )  # fmt: skip
    if not found:
        return np.full(2, np.nan), np.full(2, np.nan)
    return taste, supply


@cache
def _reference() -> tuple[Array, Array]:
    """Draws of the reference population: pairs of normals [n, 2] for abilities and normals [n] for reservation wages."""
    from econ.core import random as keyed

    ids = np.arange(REFERENCE)
    normals = np.stack(keyed.normal_pair(REFERENCE_SEED, Stream.LABELER_ABILITY, 0, 0, ids), axis=-1)
    noise = keyed.normal(REFERENCE_SEED, Stream.LABELER_RESERVATION, 0, 0, ids)
    return normals, noise


def start(s: Setting, quo: StatusQuo, intercepts: Intercepts) -> Labelers:
    """Labelers at the start of the burn-in: occupations drawn from the long run, with the experience that goes with them."""
    from econ.market import labor_kernels

    p = s.p
    ids = np.arange(s.labelers)
    bounds = region_bounds(s, s.labelers)
    region = (ids[None, :, None] >= bounds[:, None, 1:]).sum(axis=2)
    rows = np.arange(s.size)[:, None]
    normals = s.normal_pair(Stream.LABELER_ABILITY, 0, ids)
    theta = log_ability(normals, p["ability_log_sd", 1], p["ability_correlation", 1])
    median = np.log(p.vector("reservation_wage", REGIONS) / quo.technology.wage_unit)[rows, region]
    reservation = median + p["reservation_wage_log_sd", 1] * s.normal(Stream.LABELER_RESERVATION, 0, ids)
    value = start_pay(s, quo) + intercepts.taste
    shares = np.zeros((s.size, s.labelers, 2))
    reach = start_paid_share(s) * p["hours_per_quarter", 1] / p["experience_decay", 1]
    labor_kernels.settle(
        theta, reservation, bounds, value, p["occupation_elasticity"], p["retraining_cost"], p["experience_exponent"],
        p["experience_scale_hours"], reach, persistence(s), SETTLING_ROUNDS, TOLERANCE, shares,
    )  # fmt: skip
    drawn = s.uniform(Stream.LABELER_LAST, 0, ids, 1)[..., None]
    occupation = (3 - (drawn < np.cumsum(shares, axis=2)).sum(axis=2)).astype(np.int8) % 3
    here = occupation[..., None] == np.arange(1, 3)
    experience = reach[rows, region][..., None] * (shares + (here - shares) * persistence(s)[:, None, None])
    outside = np.where(s.uniform(Stream.LABELER_LAST, 0, ids) * shares.sum(axis=2) < shares[..., JUDGE], 1, 2)
    last = np.where(occupation > 0, occupation, outside).astype(np.int8)
    # As in status-quo prices: the participation of the region, in both occupations.
    participation = np.broadcast_to(p["participation_start", 2], (s.size, len(REGIONS), 2))
    return Labelers(bounds, theta, _by_occupation(experience).swapaxes(1, 2), reservation, occupation, last, intercepts.persons, participation)


def passes(device: str) -> Any:
    """What has the passes `choose` and `learn` over labelers: compiled code for the CPU, torch for other devices."""
    if device == "cpu":
        from econ.market import labor_kernels

        return labor_kernels
    from econ.market.labor_torch import Passes

    return Passes(device)


def choose(
    s: Setting, labelers: Labelers, value: Array, retraining: Array, quarter: int, everyone: bool = False
) -> tuple[Labelers, Supply]:  # fmt: skip
    """Let labelers reconsider and add up what they offer.

    Parameters
    ----------
    value : [S, G, O]
        Inclusive value of the occupation plus its intercept, log USD per hour present.
    retraining : [S]
        Cost of working in another occupation than the last, in log pay.
    quarter : int
    everyone : bool
        Whether all reconsider, as at the start of the burn-in.

    Returns
    -------
    Labelers, Supply
    """
    from econ.market.labor_kernels import SUMS

    p = s.p
    occupation, last = labelers.occupation.copy(), labelers.last.copy()
    sums = np.zeros((s.size, len(REGIONS), SUMS))
    efficiency = np.empty(occupation.shape)
    chance = np.ones(s.size) if everyone else p["labeler_reconsideration"]
    passes(s.device).choose(
        labelers.log_ability, _by_occupation(labelers.experience), labelers.reservation, occupation, last, labelers.bounds, np.ascontiguousarray(value),
        p["occupation_elasticity"], np.ascontiguousarray(retraining), chance, p["experience_exponent"], p["experience_scale_hours"],
        np.uint64(s.seed), np.uint64(Stream.LABELER_CHOICE), s.replicates, np.uint64((quarter + QUARTER_ORIGIN) & MASK_32), sums, efficiency,
    )  # fmt: skip
    size = np.maximum(np.diff(labelers.bounds, axis=1), 1)
    before = np.rint(labelers.participation.sum(axis=2) * size)
    supply = Supply(sums[..., 0:2], sums[..., 2:4], sums[..., 4:6], sums[..., 6], before, sums[..., 7], efficiency)
    participation = supply.heads / size[:, :, None]
    return replace(labelers, occupation=occupation, last=last, participation=participation), supply


def learn(s: Setting, labelers: Labelers, paid_hours: Array) -> Labelers:
    """Experience after a quarter: e ← (1 - δ_E)·e + paid hours in the occupation.

    Parameters
    ----------
    paid_hours : [S, G, O]
        Paid hours of one labeler who works in the occupation.
    """
    before = _by_occupation(labelers.experience)
    experience = np.empty_like(before)
    passes(s.device).learn(
        before, labelers.occupation, labelers.bounds, 1 - s.p["experience_decay"], np.ascontiguousarray(paid_hours), experience
    )  # fmt: skip
    return replace(labelers, experience=experience.swapaxes(1, 2))


def _by_occupation(values: Array) -> Array:
    """[S, N, O] as contiguous [S, O, N], in which it is kept: without a copy, unless someone else made it."""
    return np.ascontiguousarray(values.swapaxes(1, 2))
