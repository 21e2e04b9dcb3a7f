"""Labelers: who works, in which occupation, with what ability. The only part whose cost grows with them.

Choice is a nested logit (McFadden 1978): curators within an occupation at the elasticity η facing one
curator, occupations against the outside at the elasticity μ. Because ability multiplies pay at every
curator alike, it cancels within the nest, so the draw is over three alternatives and never over curators.
The kernel is compiled; `tests` hold a slow, plain reference beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.errors import WorkError
from econ.core.random import MASK_32, QUARTER_ORIGIN
from econ.core.streams import Stream
from econ.market.setting import CONSTRAIN, JUDGE, REGIONS, Setting, column
from econ.market.state import Labelers

if TYPE_CHECKING:
    from econ.market.status_quo import StatusQuo

Array = Any
#: Labelers are summed in blocks of this size, blocks in order, so that no layout changes a sum.
BLOCK = 4096
#: Labelers of the reference population with which intercepts are calibrated.
REFERENCE = 20_000
REFERENCE_SEED = 20_240_101
OUTSIDE = 0


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
        Ability in the chosen occupation; 0 outside.
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


@cache
def _logit() -> Any:
    """The compiled pieces that both kernels share: log ability grown by experience, and logit chances."""
    import numba

    @numba.njit(inline="always")
    def log_grown(log_ability: Any, experience: Any, scale: Any, exponent: Any) -> Any:
        """Ln A = θ + λ·ln(1 + e/e0), learning by doing (Wright 1936)."""
        return log_ability + exponent * np.log1p(experience / scale)

    @numba.njit(inline="always")
    def chances(judge: Any, constrain: Any, outside: Any) -> Any:
        """Logit chances of the two occupations, safe against overflow."""
        top = max(judge, constrain, outside)
        j, c, o = np.exp(judge - top), np.exp(constrain - top), np.exp(outside - top)
        total = j + c + o
        return j / total, c / total

    return log_grown, chances


@cache
def _choice_kernel() -> Any:
    """The compiled choice of all labelers in one pass; sums by block, blocks in order."""
    import numba

    from econ.core.random import philox_numba

    block = philox_numba()
    log_grown, chances = _logit()
    unit = 1.0 / 9007199254740992.0

    @numba.njit(inline="always")
    def uniform(high: Any, low: Any) -> Any:
        drawn = (np.float64((high >> np.uint64(5)) * np.uint64(67108864) + (low >> np.uint64(6))) + 0.5) * unit
        return min(drawn, 1.0 - unit)

    @numba.njit
    def choose(
        log_ability: Any, experience: Any, reservation: Any, occupation: Any, last: Any, bounds: Any, value: Any,
        mu: Any, retraining: Any, chance: Any, exponent: Any, scale: Any, seed: Any, stream: Any, replicates: Any,
        quarter: Any, sums: Any, efficiency: Any,
    ) -> None:  # fmt: skip
        # sums: [S, G, 8] = ability judge, constrain, heads judge, constrain, movers judge, constrain, leavers, reservation
        part = np.zeros(8)
        for s in range(log_ability.shape[0]):
            for g in range(bounds.shape[1] - 1):
                for first in range(bounds[s, g], bounds[s, g + 1], BLOCK):
                    part[:] = 0.0
                    for i in range(first, min(first + BLOCK, bounds[s, g + 1])):
                        old = occupation[s, i]
                        now = old
                        w0, w1, w2, w3 = block(np.uint64(replicates[s]), quarter, np.uint64(i), np.uint64(0), seed, stream)
                        if uniform(w0, w1) < chance[s]:
                            judge = log_grown(log_ability[s, i, 0], experience[s, i, 0], scale[s], exponent[s])
                            constrain = log_grown(log_ability[s, i, 1], experience[s, i, 1], scale[s], exponent[s])
                            p_judge, p_constrain = chances(
                                mu[s] * (judge + value[s, g, 0] - retraining[s] * (last[s, i] != 1)),
                                mu[s] * (constrain + value[s, g, 1] - retraining[s] * (last[s, i] != 2)),
                                mu[s] * reservation[s, i],
                            )
                            u = uniform(w2, w3)
                            now = 1 if u < p_judge else (2 if u < p_judge + p_constrain else 0)
                        efficiency[s, i] = 0.0
                        if now > 0:
                            o = now - 1
                            a = np.exp(log_grown(log_ability[s, i, o], experience[s, i, o], scale[s], exponent[s]))
                            efficiency[s, i] = a
                            part[o] += a
                            part[2 + o] += 1.0
                            part[7] += np.exp(reservation[s, i])
                            if last[s, i] != now:
                                part[4 + o] += a
                                last[s, i] = now
                        elif old > 0:
                            part[6] += 1.0
                        occupation[s, i] = now
                    for m in range(8):
                        sums[s, g, m] += part[m]

    return choose


@cache
def _settle_kernel() -> Any:
    """The compiled round of the joint fixed point of chances and long-run experience of one region."""
    import numba

    log_grown, chances = _logit()

    @numba.njit
    def settle(
        log_ability: Any, reservation: Any, last: Any, value: Any, mu: Any, retraining: Any, exponent: Any, scale: Any,
        reach: Any, experience: Any, sums: Any,
    ) -> float:  # fmt: skip
        # sums: [3] = supply of judging, of constraint work, participants. Returns the largest move of experience.
        sums[:] = 0.0
        moved = 0.0
        for i in range(log_ability.shape[0]):
            judge = log_grown(log_ability[i, 0], experience[i, 0], scale, exponent)
            constrain = log_grown(log_ability[i, 1], experience[i, 1], scale, exponent)
            p_judge, p_constrain = chances(
                mu * (judge + value[0] - retraining * (last[i] != 1)),
                mu * (constrain + value[1] - retraining * (last[i] != 2)),
                mu * reservation[i],
            )
            sums[0] += p_judge * np.exp(judge)
            sums[1] += p_constrain * np.exp(constrain)
            sums[2] += p_judge + p_constrain
            moved = max(moved, abs(p_judge * reach - experience[i, 0]), abs(p_constrain * reach - experience[i, 1]))
            experience[i, 0] = p_judge * reach
            experience[i, 1] = p_constrain * reach
        return moved

    return settle


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
    for place in range(s.size):
        for g, region in enumerate(REGIONS):
            wanted = quo.hours_wanted[place, g]
            names = (
                "ability_log_sd", "ability_correlation", "reservation_wage_log_sd", "occupation_elasticity", "retraining_cost",
                "experience_exponent", "experience_scale_hours", "participation_start",
            )  # fmt: skip
            values = [float(p[f"reservation_wage_{region}"][place] / unit[place, g]), *(float(p[name][place]) for name in names)]
            reach = start_paid_share(s)[place, g] * p["hours_per_quarter"][place] / p["experience_decay"][place]
            key = (*values, float(reach), int(sizes[place, g]), *(float(x) for x in pay[place, g]), float(wanted[0] / wanted.sum()))
            if key not in solved:
                solved[key] = _solve_region(tuple(values), reach, pay[place, g], wanted / wanted.sum(), sizes[place, g])
            taste[place, g], supply = solved[key]
            people = bounds[place, g + 1] - bounds[place, g]
            offered = (1 - p[f"unpaid_search_share_{region}"][place]) * p["hours_per_quarter"][place] * people * supply.sum()
            persons[place, g] = wanted.sum() / p["utilisation_start"][place] / offered
    return Intercepts(taste, persons)


def start_pay(s: Setting, quo: StatusQuo) -> Array:
    """Status-quo inclusive value of pay without intercepts [S, G, O], log of pay in the wage unit of the region."""
    pay = quo.technology.wage_start / quo.technology.wage_unit[:, :, None] * start_paid_share(s)[:, :, None]
    value: Array = np.log(pay) + np.log(s.curators) / column(s.p["curator_elasticity"], 2)
    return value


def start_paid_share(s: Setting) -> Array:
    """Status-quo paid share of hours present [S, G]."""
    return (1 - s.p.vector("unpaid_search_share", REGIONS)) * s.p["utilisation_start", 1]


def _solve_region(values: tuple[float, ...], reach: float, pay: Array, demand: Array, size: int) -> tuple[Array, Array]:
    """Intercepts [O] of one region and the supply per labeler [O] at them, by Broyden's (1965) method.

    Experience settles along with the intercepts: both are iterated until neither moves.
    """
    reservation, log_sd, correlation, reservation_sd, mu, retraining, exponent, scale, participation = values
    theta, log_reservation, rank = _reference(log_sd, correlation, reservation_sd, reservation)
    last = np.where(rank[:size] < demand[JUDGE], 1, 2).astype(np.int8)
    settle = _settle_kernel()
    experience, sums = np.zeros((size, 2)), np.zeros(3)
    taste, step, gap = np.zeros(2), np.zeros(2), np.zeros(2)
    # Near the solution a common shift moves participation at μ(1 - P), a difference moves the ratio at μ.
    level = -1 / (mu * (1 - participation))
    inverse = np.array([[-0.5 / mu, level], [0.5 / mu, level]])
    for iteration in range(500):
        moved = settle(
            theta[:size], log_reservation[:size], last, pay + taste, mu, retraining, exponent, scale, reach, experience, sums
        )  # fmt: skip
        before = gap
        gap = np.array([np.log(demand[JUDGE] / demand[CONSTRAIN]) - np.log(sums[0] / sums[1]), np.log(participation * size / sums[2])])
        if max(np.abs(gap).max(), moved / reach) < 1e-9:
            return taste, sums[:2] / size
        if iteration > 3:
            change = inverse @ (gap - before)
            weight = step @ change
            if abs(weight) > 1e-30:
                inverse = inverse + np.outer(step - change, step @ inverse) / weight
        step = -inverse @ gap
        taste = taste + step
    raise WorkError("the labor market has no status quo: no intercepts give the participation and hours that the parameters state")


@lru_cache(maxsize=12)
def _reference(log_sd: float, correlation: float, reservation_sd: float, reservation: float) -> tuple[Array, Array, Array]:
    """The reference population: log abilities [n, O], log reservation wages [n], ranks for the last occupation [n]."""
    from econ.core import random as keyed

    ids = np.arange(REFERENCE)
    normals = np.stack(keyed.normal_pair(REFERENCE_SEED, Stream.LABELER_ABILITY, 0, 0, ids), axis=-1)
    theta = log_ability(normals, np.asarray(log_sd), np.asarray(correlation))
    noise = keyed.normal(REFERENCE_SEED, Stream.LABELER_RESERVATION, 0, 0, ids)
    return theta, np.log(reservation) + reservation_sd * noise, keyed.uniform(REFERENCE_SEED, Stream.LABELER_LAST, 0, 0, ids)


def start(s: Setting, quo: StatusQuo, intercepts: Intercepts) -> Labelers:
    """Labelers at the start of the burn-in, with the experience each would have in the long run."""
    p = s.p
    ids = np.arange(s.labelers)
    bounds = region_bounds(s, s.labelers)
    region = (ids[None, :, None] >= bounds[:, None, 1:]).sum(axis=2)
    rows = np.arange(s.size)[:, None]
    normals = s.normal_pair(Stream.LABELER_ABILITY, 0, ids)
    theta = log_ability(normals, p["ability_log_sd", 1], p["ability_correlation", 1])
    median = np.log(p.vector("reservation_wage", REGIONS) / quo.technology.wage_unit)[rows, region]
    reservation = median + p["reservation_wage_log_sd", 1] * s.normal(Stream.LABELER_RESERVATION, 0, ids)
    judging = (quo.hours_wanted[:, :, JUDGE] / quo.hours_wanted.sum(axis=2))[rows, region]
    last = np.where(s.uniform(Stream.LABELER_LAST, 0, ids) < judging, 1, 2).astype(np.int8)
    value = start_pay(s, quo) + intercepts.taste
    experience = np.zeros((s.size, s.labelers, 2))
    settle = _settle_kernel()
    reach = start_paid_share(s) * p["hours_per_quarter", 1] / p["experience_decay", 1]
    for place in range(s.size):
        for g in range(len(REGIONS)):
            part = slice(bounds[place, g], bounds[place, g + 1])
            for _ in range(100):  # λ is small: each round shrinks the error about fivefold
                moved = settle(
                    theta[place, part], reservation[place, part], last[place, part], value[place, g], p["occupation_elasticity"][place],
                    p["retraining_cost"][place], p["experience_exponent"][place], p["experience_scale_hours"][place], reach[place, g],
                    experience[place, part], np.zeros(3),
                )  # fmt: skip
                if moved < 1e-9 * reach[place, g]:
                    break
    occupation = np.zeros((s.size, s.labelers), np.int8)
    # As in status-quo prices: the participation of the region, in both occupations.
    participation = np.broadcast_to(p["participation_start", 2], (s.size, len(REGIONS), 2))
    return Labelers(bounds, theta, experience, reservation, occupation, last, intercepts.persons, participation)


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
    p = s.p
    kernel = _choice_kernel()
    occupation, last = labelers.occupation.copy(), labelers.last.copy()
    sums = np.zeros((s.size, len(REGIONS), 8))
    efficiency = np.empty(occupation.shape)
    chance = np.ones(s.size) if everyone else p["labeler_reconsideration"]
    kernel(
        labelers.log_ability, labelers.experience, labelers.reservation, occupation, last, labelers.bounds, np.ascontiguousarray(value),
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
    keep = 1 - s.p["experience_decay", 2]
    experience = labelers.experience * keep
    region = np.repeat(np.tile(np.arange(len(REGIONS)), s.size), np.diff(labelers.bounds, axis=1).ravel()).reshape(s.size, -1)
    rows = np.arange(s.size)[:, None]
    for o in (JUDGE, CONSTRAIN):
        experience[..., o] += np.where(labelers.occupation == o + 1, paid_hours[rows, region, o], 0.0)
    return replace(labelers, experience=experience)
