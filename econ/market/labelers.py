"""Labelers: who works, in which occupation, with what ability. The only part whose cost grows with them.

Choice is a nested logit (McFadden 1978): curators within an occupation at the elasticity η facing one
curator, occupations against the outside at the elasticity μ. Because ability multiplies pay at every
curator alike, it cancels within the nest, so the draw is over three alternatives and never over curators.
The kernel is compiled; `tests` hold a slow, plain reference beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.random import QUARTER_ORIGIN
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
    reservation : [S, G]
        Sum of the reservation wages of those who work, USD per hour.
    efficiency : [S, N]
        Ability in the chosen occupation; 0 outside.
    """

    ability: Array
    heads: Array
    movers_ability: Array
    leavers: Array
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
def _kernels() -> tuple[Any, Any, Any]:
    """The compiled kernels: chance of each occupation, choice of all labelers, calibration of one region."""
    import numba

    from econ.core.random import philox_numba

    block = philox_numba()
    unit = 1.0 / 9007199254740992.0

    @numba.njit(inline="always")  # type: ignore[untyped-decorator]
    def uniform(high: Any, low: Any) -> Any:
        drawn = (np.float64((high >> np.uint64(5)) * np.uint64(67108864) + (low >> np.uint64(6))) + 0.5) * unit
        return min(drawn, 1.0 - unit)

    @numba.njit(inline="always")  # type: ignore[untyped-decorator]
    def grown(ability: Any, experience: Any, scale: Any, exponent: Any) -> Any:
        return ability * np.exp(exponent * np.log1p(experience / scale))

    @numba.njit(inline="always")  # type: ignore[untyped-decorator]
    def chances(judge: Any, constrain: Any, outside: Any) -> Any:
        """Logit chances of the two occupations, safe against overflow."""
        top = max(judge, constrain, outside)
        j, c, o = np.exp(judge - top), np.exp(constrain - top), np.exp(outside - top)
        total = j + c + o
        return j / total, c / total

    @numba.njit  # type: ignore[untyped-decorator]
    def choose(
        ability: Any, experience: Any, reservation: Any, occupation: Any, last: Any, bounds: Any, value: Any,
        mu: Any, retraining: Any, chance: Any, exponent: Any, scale: Any, seed: Any, stream: Any, replicates: Any,
        quarter: Any, sums: Any, efficiency: Any,
    ) -> None:  # fmt: skip
        # sums: [S, G, 8] = ability judge, constrain, heads judge, constrain, movers judge, constrain, leavers, reservation
        part = np.zeros(8)
        for s in range(ability.shape[0]):
            for g in range(bounds.shape[1] - 1):
                start, stop = bounds[s, g], bounds[s, g + 1]
                for first in range(start, stop, 4096):
                    part[:] = 0.0
                    for i in range(first, min(first + 4096, stop)):
                        old = occupation[s, i]
                        now = old
                        w0, w1, w2, w3 = block(np.uint64(replicates[s]), quarter, np.uint64(i), np.uint64(0), seed, stream)
                        if uniform(w0, w1) < chance[s]:
                            judge = grown(ability[s, i, 0], experience[s, i, 0], scale[s], exponent[s])
                            constrain = grown(ability[s, i, 1], experience[s, i, 1], scale[s], exponent[s])
                            v_judge = mu[s] * (np.log(judge) + value[s, g, 0] - retraining[s] * (last[s, i] != 1))
                            v_constrain = mu[s] * (np.log(constrain) + value[s, g, 1] - retraining[s] * (last[s, i] != 2))
                            p_judge, p_constrain = chances(v_judge, v_constrain, mu[s] * reservation[s, i])
                            u = uniform(w2, w3)
                            now = 1 if u < p_judge else (2 if u < p_judge + p_constrain else 0)
                        efficiency[s, i] = 0.0
                        if now > 0:
                            o = now - 1
                            a = grown(ability[s, i, o], experience[s, i, o], scale[s], exponent[s])
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

    @numba.njit  # type: ignore[untyped-decorator]
    def settle(
        ability: Any, reservation: Any, last: Any, value: Any, mu: Any, retraining: Any, exponent: Any, scale: Any,
        reach: Any, experience: Any, sums: Any,
    ) -> None:  # fmt: skip
        """One round of the joint fixed point of chances and stationary experience; sums chances and supply."""
        sums[:] = 0.0
        for i in range(ability.shape[0]):
            judge = grown(ability[i, 0], experience[i, 0], scale, exponent)
            constrain = grown(ability[i, 1], experience[i, 1], scale, exponent)
            v_judge = mu * (np.log(judge) + value[0] - retraining * (last[i] != 1))
            v_constrain = mu * (np.log(constrain) + value[1] - retraining * (last[i] != 2))
            p_judge, p_constrain = chances(v_judge, v_constrain, mu * reservation[i])
            sums[0] += p_judge * judge
            sums[1] += p_constrain * constrain
            sums[2] += p_judge + p_constrain
            experience[i, 0] = p_judge * reach
            experience[i, 1] = p_constrain * reach

    return choose, settle, block


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


def region_sizes(s: Setting) -> Array:
    """Places of the regions [S, G + 1] in the sorted order of labelers."""
    shares = s.p.vector("pool_share", REGIONS)
    ends = np.rint(np.cumsum(shares / shares.sum(axis=1, keepdims=True), axis=1) * s.labelers).astype(np.int64)
    return np.concatenate([np.zeros((s.size, 1), np.int64), ends], axis=1)


def correlated_ability(normals: Array, log_sd: Array, correlation: Array) -> Array:
    """exp(θ) for two occupations from pairs of normals [..., 2]."""
    second = correlation * normals[..., 0] + np.sqrt(1 - correlation**2) * normals[..., 1]
    return np.exp(log_sd[..., None] * np.stack([normals[..., 0], second], axis=-1))


def calibrate(s: Setting, quo: StatusQuo) -> Intercepts:
    """Intercepts and persons such that supply equals demand/utilisation at status-quo wages.

    For each region: participation is as given, and hours of each occupation meet vendors' demand, over a
    reference population of 20,000 fixed draws with the experience that each would have in the long run.
    """
    p = s.p
    taste, persons = np.zeros((s.size, len(REGIONS), 2)), np.zeros((s.size, len(REGIONS)))
    bounds = region_sizes(s)
    pay = np.log(quo.technology.wage_start * start_paid_share(s)[:, :, None]) + np.log(s.curators) / column(p["curator_elasticity"], 2)
    solved: dict[tuple[float, ...], tuple[Any, ...]] = {}
    for place in range(s.size):
        for g, region in enumerate(REGIONS):
            wanted = quo.hours_wanted[place, g]
            names = (
                "ability_log_sd", "ability_correlation", "reservation_wage_log_sd", f"reservation_wage_{region}", "occupation_elasticity",
                "retraining_cost", "experience_exponent", "experience_scale_hours", "participation_start",
            )  # fmt: skip
            values = [float(p[name][place]) for name in names]
            reach = start_paid_share(s)[place, g] * p["hours_per_quarter"][place] / p["experience_decay"][place]
            key = (*values, float(reach), *(float(x) for x in pay[place, g]), float(wanted[0] / wanted.sum()))
            if key not in solved:
                solved[key] = _solve_region(*values, reach, pay[place, g], wanted / wanted.sum())
            taste[place, g], supply = solved[key]
            people = bounds[place, g + 1] - bounds[place, g]
            offered = (1 - p[f"unpaid_search_share_{region}"][place]) * p["hours_per_quarter"][place] * people * supply.sum()
            persons[place, g] = wanted.sum() / p["utilisation_start"][place] / offered
    return Intercepts(taste, persons)


def start_paid_share(s: Setting) -> Array:
    """Status-quo paid share of hours present [S, G]."""
    return (1 - s.p.vector("unpaid_search_share", REGIONS)) * s.p["utilisation_start", 1]


def _solve_region(
    log_sd: float, correlation: float, reservation_sd: float, reservation: float, mu: float, retraining: float, exponent: float,
    scale: float, participation: float, reach: float, pay: Array, demand: Array,
) -> tuple[Array, Array]:  # fmt: skip
    """Intercepts [O] of one region and the supply per labeler [O] at them, by quasi-Newton steps."""
    ability, log_reservation, rank = _reference(log_sd, correlation, reservation_sd, reservation)
    last = np.where(rank < demand[JUDGE], 1, 2).astype(np.int8)
    _, settle, _ = _kernels()
    taste = np.zeros(2)
    # A tenth of the population finds the neighbourhood, the whole of it the answer.
    for size in (REFERENCE // 10, REFERENCE):
        experience = np.zeros((size, 2)) if size < REFERENCE else np.resize(experience, (size, 2))
        sums = np.zeros(3)
        for _ in range(200):
            before = experience.copy()
            settle(ability[:size], log_reservation[:size], last[:size], pay + taste, mu, retraining, exponent, scale, reach, experience, sums)
            gap = np.log(demand[JUDGE] / demand[CONSTRAIN]) - np.log(sums[JUDGE] / sums[CONSTRAIN])
            level = np.log(participation * size / sums[2])
            moved = float(np.abs(experience - before).max()) / reach
            if max(abs(gap), abs(level), moved) < 1e-11:
                break
            taste = taste + level / (mu * (1 - participation)) + np.array([0.5, -0.5]) * gap / mu
    return taste, sums[:2] / REFERENCE


@cache
def _reference(log_sd: float, correlation: float, reservation_sd: float, reservation: float) -> tuple[Array, Array, Array]:
    """The reference population: abilities [n, O], log reservation wages [n], ranks for the last occupation [n]."""
    from econ.core import random as keyed

    ids = np.arange(REFERENCE)
    normals = np.stack(keyed.normal_pair(REFERENCE_SEED, Stream.LABELER_ABILITY, 0, 0, ids), axis=-1)
    ability = correlated_ability(normals, np.asarray(log_sd), np.asarray(correlation))
    noise = keyed.normal(REFERENCE_SEED, Stream.LABELER_RESERVATION, 0, 0, ids)
    return ability, np.log(reservation) + reservation_sd * noise, keyed.uniform(REFERENCE_SEED, Stream.LABELER_LAST, 0, 0, ids)


def start(s: Setting, quo: StatusQuo, intercepts: Intercepts) -> Labelers:
    """Labelers at the start of the burn-in, with the experience each would have in the long run."""
    p = s.p
    ids = np.arange(s.labelers)
    bounds = region_sizes(s)
    region = (ids[None, :, None] >= bounds[:, None, 1:]).sum(axis=2)
    rows = np.arange(s.size)[:, None]
    normals = s.normal_pair(Stream.LABELER_ABILITY, 0, ids)
    ability = correlated_ability(normals, p["ability_log_sd", 1], p["ability_correlation", 1])
    median = np.log(p.vector("reservation_wage", REGIONS))[rows, region]
    reservation = median + p["reservation_wage_log_sd", 1] * s.normal(Stream.LABELER_RESERVATION, 0, ids)
    judging = (quo.hours_wanted[:, :, JUDGE] / quo.hours_wanted.sum(axis=2))[rows, region]
    last = np.where(s.uniform(Stream.LABELER_LAST, 0, ids) < judging, 1, 2).astype(np.int8)
    pay = np.log(quo.technology.wage_start * start_paid_share(s)[:, :, None]) + np.log(s.curators) / column(p["curator_elasticity"], 2)
    value = pay + intercepts.taste
    experience = np.zeros((s.size, s.labelers, 2))
    _, settle, _ = _kernels()
    reach = start_paid_share(s) * p["hours_per_quarter", 1] / p["experience_decay", 1]
    for place in range(s.size):
        for g in range(len(REGIONS)):
            part = slice(bounds[place, g], bounds[place, g + 1])
            own = np.zeros((bounds[place, g + 1] - bounds[place, g], 2))
            for _ in range(40):  # λ is small: each round shrinks the error about fivefold
                settle(
                    ability[place, part], reservation[place, part], last[place, part], value[place, g], p["occupation_elasticity"][place],
                    p["retraining_cost"][place], p["experience_exponent"][place], p["experience_scale_hours"][place], reach[place, g], own, np.zeros(3),
                )  # fmt: skip
            experience[place, part] = own
    occupation = np.zeros((s.size, s.labelers), np.int8)
    hours = quo.hours_wanted / quo.hours_wanted.sum(axis=2, keepdims=True)
    participation = p["participation_start", 2] * hours
    return Labelers(bounds, ability, experience, reservation, occupation, last, intercepts.persons, participation)


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
    kernel, _, _ = _kernels()
    occupation, last = labelers.occupation.copy(), labelers.last.copy()
    sums = np.zeros((s.size, len(REGIONS), 8))
    efficiency = np.empty(occupation.shape)
    chance = np.ones(s.size) if everyone else p["labeler_reconsideration"]
    kernel(
        labelers.ability, labelers.experience, labelers.reservation, occupation, last, labelers.bounds, np.ascontiguousarray(value),
        p["occupation_elasticity"], np.ascontiguousarray(retraining), chance, p["experience_exponent"], p["experience_scale_hours"],
        np.uint64(s.seed), np.uint64(Stream.LABELER_CHOICE), s.replicates, np.uint64(quarter + QUARTER_ORIGIN), sums, efficiency,
    )  # fmt: skip
    supply = Supply(sums[..., 0:2], sums[..., 2:4], sums[..., 4:6], sums[..., 6], sums[..., 7], efficiency)
    participation = supply.heads / np.maximum(np.diff(labelers.bounds, axis=1), 1)[:, :, None]
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
