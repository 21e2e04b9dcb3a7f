"""Compiled passes over labelers: choice, work and experience of a quarter, and their long run at the status quo.

Labelers are taken in chunks that fit the first-level cache. Within a chunk each step is a loop without
branches or calls, which LLVM turns into vector instructions; who reconsiders and who works is gathered first,
so that logarithms and exponentials are computed for them alone. Sums are taken in the order of labelers within
blocks of fixed size, blocks in order, so that neither batch nor chunk can change them.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from econ.core.compiled import exp, kernel, log, philox, unit_interval

#: Labelers are summed in blocks of this size, blocks in order.
BLOCK = 4096
#: Labelers per pass; divides BLOCK.
CHUNK = 512
#: Places of a quarter's sums, by occupation where two: ability, heads, ability of movers, leavers, reservation wages.
ABILITY, HEADS, MOVERS, LEAVERS, RESERVATION, SUMS = 0, 2, 4, 6, 7, 8


@numba.njit(inline="always")
def _log_grown(log_ability: Any, experience: Any, per_scale: Any, exponent: Any) -> Any:
    """Ln A = θ + λ·ln(1 + e/e0), learning by doing (Wright 1936)."""
    return log_ability + exponent * log(1.0 + experience * per_scale)


def _choose(
    log_ability: Any, experience: Any, reservation: Any, occupation: Any, last: Any, bounds: Any, value: Any, mu: Any, retraining: Any,
    chance: Any, exponent: Any, scale: Any, seed: Any, stream: Any, replicates: Any, quarter: Any, sums: Any, efficiency: Any,
) -> None:  # fmt: skip
    """Labelers reconsider with some chance, choose by nested logit and work.

    `occupation` and `last` are changed in place; `sums` [S, G, SUMS] and `efficiency` [S, N] are filled.
    """
    again, draw = np.empty(CHUNK), np.empty(CHUNK)
    who = np.empty(CHUNK, np.uint32)
    ability, hours, rent = np.empty((2, CHUNK)), np.empty((2, CHUNK)), np.empty(CHUNK)
    fee, now = np.empty((2, CHUNK)), np.empty(CHUNK, np.int8)
    part = np.empty(SUMS)
    for s in range(log_ability.shape[0]):
        per_scale, replicate = 1.0 / scale[s], np.uint64(replicates[s])
        for g in range(bounds.shape[1] - 1):
            for first in range(bounds[s, g], bounds[s, g + 1], BLOCK):
                part[:] = 0.0
                end = min(first + BLOCK, bounds[s, g + 1])
                for start in range(first, end, CHUNK):
                    n = min(CHUNK, end - start)
                    _draw(replicate, quarter, start, n, seed, stream, again, draw)
                    count = _reconsidering(again, chance[s], n, who)
                    for k in range(count):
                        i = start + who[k]
                        ability[0, k], ability[1, k] = log_ability[s, i, 0], log_ability[s, i, 1]
                        hours[0, k], hours[1, k] = experience[s, i, 0], experience[s, i, 1]
                        rent[k] = reservation[s, i]
                        fee[0, k] = 0.0 if last[s, i] == 1 else retraining[s]
                        fee[1, k] = 0.0 if last[s, i] == 2 else retraining[s]
                        draw[k] = draw[who[k]]
                    _decide(ability, hours, rent, fee, draw, value[s, g], mu[s], exponent[s], per_scale, count, now)
                    for k in range(count):
                        i = start + who[k]
                        part[LEAVERS] += 1.0 if occupation[s, i] > 0 and now[k] == 0 else 0.0
                        occupation[s, i] = now[k]
                    count = 0
                    for i in range(n):
                        who[count] = i
                        count += np.int64(occupation[s, start + i] > 0)
                        efficiency[s, start + i] = 0.0
                    for k in range(count):
                        i = start + who[k]
                        o = np.uint32(occupation[s, i] - 1)
                        now[k] = occupation[s, i]
                        ability[0, k], hours[0, k], rent[k] = log_ability[s, i, o], experience[s, i, o], reservation[s, i]
                    for k in range(count):
                        ability[0, k] = exp(_log_grown(ability[0, k], hours[0, k], per_scale, exponent[s]))
                        rent[k] = exp(rent[k])
                    _add_up(s, start, who, now, ability[0], rent, count, last, efficiency, part)
                for m in range(SUMS):
                    sums[s, g, m] += part[m]


@numba.njit(inline="always")
def _draw(replicate: Any, quarter: Any, start: Any, n: Any, seed: Any, stream: Any, again: Any, draw: Any) -> None:
    """Two uniforms for each labeler of the chunk, from one call of Philox."""
    for i in range(n):
        w0, w1, w2, w3 = philox(replicate, quarter, np.uint64(start + i), np.uint64(0), seed, stream)
        again[i] = unit_interval(w0, w1)
        draw[i] = unit_interval(w2, w3)


@numba.njit(inline="always")
def _reconsidering(again: Any, chance: Any, n: Any, who: Any) -> Any:
    """Places in the chunk of those who reconsider, and their number."""
    count = 0
    for i in range(n):
        who[count] = i
        count += np.int64(again[i] < chance)
    return count


@numba.njit(inline="always")
def _decide(
    ability: Any, hours: Any, rent: Any, fee: Any, draw: Any, value: Any, mu: Any, exponent: Any, per_scale: Any, count: Any, now: Any
) -> None:  # fmt: skip
    """Occupations by nested logit: 0 outside, 1 judge, 2 constrain."""
    pay_judge, pay_constrain = value[0], value[1]
    for k in range(count):
        judge = mu * (_log_grown(ability[0, k], hours[0, k], per_scale, exponent) + pay_judge - fee[0, k])
        constrain = mu * (_log_grown(ability[1, k], hours[1, k], per_scale, exponent) + pay_constrain - fee[1, k])
        outside = mu * rent[k]
        top = max(max(judge, constrain), outside)
        weight = exp(judge - top)
        weights = weight + exp(constrain - top)
        drawn = draw[k] * (weights + exp(outside - top))
        now[k] = np.int8(1) if drawn < weight else (np.int8(2) if drawn < weights else np.int8(0))


@numba.njit(inline="always")
def _add_up(
    s: Any, start: Any, who: Any, now: Any, ability: Any, pay: Any, count: Any, last: Any, efficiency: Any, part: Any
) -> None:  # fmt: skip
    """Sums over those who work, in the order of labelers."""
    judge, constrain, rent = part[ABILITY], part[ABILITY + 1], part[RESERVATION]
    judges = 0
    for k in range(count):
        i = start + who[k]
        a = ability[k]
        judges += np.int64(now[k] == 1)
        judge += a if now[k] == 1 else 0.0
        constrain += 0.0 if now[k] == 1 else a
        rent += pay[k]
        efficiency[s, i] = a
        if last[s, i] != now[k]:
            part[MOVERS + now[k] - 1] += a
            last[s, i] = now[k]
    part[ABILITY], part[ABILITY + 1], part[RESERVATION] = judge, constrain, rent
    part[HEADS] += judges
    part[HEADS + 1] += count - judges


def _learn(experience: Any, occupation: Any, bounds: Any, keep: Any, paid_hours: Any, out: Any) -> None:
    """Experience after a quarter, e ← (1 - δ_E)·e + paid hours in the occupation, into `out`."""
    for s in range(experience.shape[0]):
        for g in range(bounds.shape[1] - 1):
            judging, constraining, kept = paid_hours[s, g, 0], paid_hours[s, g, 1], keep[s]
            for i in range(bounds[s, g], bounds[s, g + 1]):
                out[s, i, 0] = experience[s, i, 0] * kept + (judging if occupation[s, i] == 1 else 0.0)
                out[s, i, 1] = experience[s, i, 1] * kept + (constraining if occupation[s, i] == 2 else 0.0)


def _settle_round(
    log_ability: Any, reservation: Any, value: Any, mu: Any, retraining: Any, exponent: Any, scale: Any, reach: Any, persistence: Any,
    shares: Any, sums: Any,
) -> Any:  # fmt: skip
    """One round of the joint fixed point of long-run occupations and experience of a region; the largest move of a share.

    A labeler is in each occupation for a `shares` [n, O] part of the time. Whoever is in an occupation has been there
    lately, too, and so has more experience in it than on average: reach·[π + (1 - π)·κ] against reach·π·(1 - κ) in
    others, κ the `persistence`. What is chosen depends on it, and on the last occupation, for those outside either
    in proportion to π; π is the long-run mix of what is chosen from each state. `sums` gets the supply of judging and of constraint work and the participants.
    """
    moved, per_scale = 0.0, 1.0 / scale
    judges, constrainers, people = 0.0, 0.0, 0.0
    ability, hours, fee = np.empty((2, CHUNK)), np.empty((2, CHUNK)), np.empty((2, CHUNK))
    chance, skill = np.empty((2, CHUNK)), np.empty((2, CHUNK))
    mix, worth = np.empty((2, CHUNK)), np.empty((2, CHUNK))
    rent = np.empty(CHUNK)
    for start in range(0, log_ability.shape[0], CHUNK):
        n = min(CHUNK, log_ability.shape[0] - start)
        for k in range(n):
            i = start + k
            ability[0, k], ability[1, k] = log_ability[i, 0], log_ability[i, 1]
            rent[k] = reservation[i]
            mix[0, k], mix[1, k] = 0.0, 0.0
        for state in range(4):  # in an occupation, or outside after it
            was, works = state % 2, state < 2
            for k in range(n):
                i = start + k
                for o in range(2):
                    here = 1.0 if works and o == was else 0.0
                    hours[o, k] = reach * (shares[i, o] + (here - shares[i, o]) * persistence)
                    fee[o, k] = 0.0 if o == was else retraining
            _chances(ability, hours, rent, fee, value, mu, exponent, per_scale, n, chance, skill)
            for k in range(n):
                i = start + k
                busy = shares[i, 0] + shares[i, 1]
                part = shares[i, was] / busy if busy > 0.0 else 0.5
                weight = shares[i, was] if works else (1.0 - busy) * part
                mix[0, k] += weight * chance[0, k]
                mix[1, k] += weight * chance[1, k]
                if works:
                    worth[was, k] = skill[was, k]
        for k in range(n):
            i = start + k
            judges += mix[0, k] * worth[0, k]
            constrainers += mix[1, k] * worth[1, k]
            people += mix[0, k] + mix[1, k]
            moved = max(moved, max(abs(mix[0, k] - shares[i, 0]), abs(mix[1, k] - shares[i, 1])))
            shares[i, 0], shares[i, 1] = mix[0, k], mix[1, k]
    sums[0], sums[1], sums[2] = judges, constrainers, people
    return moved


@numba.njit(inline="always")
def _chances(
    ability: Any, hours: Any, rent: Any, fee: Any, value: Any, mu: Any, exponent: Any, per_scale: Any, n: Any, chance: Any, skill: Any
) -> None:  # fmt: skip
    """Chances of both occupations and ability in them, [2, CHUNK] each."""
    pay_judge, pay_constrain = value[0], value[1]
    for k in range(n):
        judge = _log_grown(ability[0, k], hours[0, k], per_scale, exponent)
        constrain = _log_grown(ability[1, k], hours[1, k], per_scale, exponent)
        like_judge = mu * (judge + pay_judge - fee[0, k])
        like_constrain = mu * (constrain + pay_constrain - fee[1, k])
        outside = mu * rent[k]
        top = max(max(like_judge, like_constrain), outside)
        weight, other = exp(like_judge - top), exp(like_constrain - top)
        total = weight + other + exp(outside - top)
        chance[0, k], chance[1, k] = weight / total, other / total
        skill[0, k], skill[1, k] = exp(judge), exp(constrain)


settle_round = kernel(_settle_round)


def _settle(
    log_ability: Any, reservation: Any, bounds: Any, value: Any, mu: Any, retraining: Any, exponent: Any, scale: Any,
    reach: Any, persistence: Any, rounds: Any, tolerance: Any, shares: Any,
) -> None:  # fmt: skip
    """Long-run shares of occupations [S, N, O] at given values [S, G, O], region by region until they hardly move."""
    sums = np.empty(3)
    for s in range(log_ability.shape[0]):
        for g in range(bounds.shape[1] - 1):
            low, high = bounds[s, g], bounds[s, g + 1]
            for _ in range(rounds):
                moved = settle_round(
                    log_ability[s, low:high], reservation[s, low:high], value[s, g], mu[s], retraining[s],
                    exponent[s], scale[s], reach[s, g], persistence[s], shares[s, low:high], sums,
                )  # fmt: skip
                if moved < tolerance:
                    break


def _solve(
    log_ability: Any, reservation: Any, pay: Any, ratio: Any, participation: Any, mu: Any, retraining: Any, exponent: Any,
    scale: Any, reach: Any, persistence: Any, rounds: Any, tolerance: Any, taste: Any, supply: Any,
) -> bool:  # fmt: skip
    """Intercepts and supply of one region, by Broyden's (1965) method; long-run occupations settle along with them.

    `taste` [O] starts at zero; `ratio` is the log ratio of judging to constraint work that is wanted. Returns
    whether gaps and moves came below the tolerance.
    """
    size = log_ability.shape[0]
    shares, sums = np.zeros((size, 2)), np.empty(3)
    # Near the solution a common shift moves participation at μ(1 - P), a difference moves the ratio at μ.
    level = -1.0 / (mu * (1.0 - participation))
    inverse = np.array([[-0.5 / mu, level], [0.5 / mu, level]])
    step, gap, before, value = np.zeros(2), np.zeros(2), np.zeros(2), np.empty(2)
    for iteration in range(rounds):
        value[:] = pay + taste
        moved = settle_round(
            log_ability, reservation, value, mu, retraining, exponent, scale, reach, persistence, shares, sums
        )  # fmt: skip
        before[:] = gap
        gap[0] = ratio - np.log(sums[0] / sums[1])
        gap[1] = np.log(participation * size / sums[2])
        if max(max(abs(gap[0]), abs(gap[1])), moved) < tolerance:
            supply[:] = sums[:2] / size
            return True
        if iteration > 3:
            _update(inverse, gap[0] - before[0], gap[1] - before[1], step)
        step[0] = -(inverse[0, 0] * gap[0] + inverse[0, 1] * gap[1])
        step[1] = -(inverse[1, 0] * gap[0] + inverse[1, 1] * gap[1])
        taste += step
    return False


@numba.njit(inline="always")
def _update(inverse: Any, first: Any, second: Any, step: Any) -> None:
    """Broyden's update of the inverse after gaps changed by (first, second) over a step."""
    change_0 = inverse[0, 0] * first + inverse[0, 1] * second
    change_1 = inverse[1, 0] * first + inverse[1, 1] * second
    weight = step[0] * change_0 + step[1] * change_1
    if abs(weight) > 1e-30:
        row_0 = (step[0] * inverse[0, 0] + step[1] * inverse[1, 0]) / weight
        row_1 = (step[0] * inverse[0, 1] + step[1] * inverse[1, 1]) / weight
        inverse[0, 0] += (step[0] - change_0) * row_0
        inverse[0, 1] += (step[0] - change_0) * row_1
        inverse[1, 0] += (step[1] - change_1) * row_0
        inverse[1, 1] += (step[1] - change_1) * row_1


def _gini(pay: Any, ends: Any, persons: Any, out: Any) -> None:
    """Gini coefficient of each replicate (Lorenz 1905; Gini 1912), by trapezoids.

    `pay` holds the pay of each region's workers in ascending order, from the region's first place to `ends`
    [S, G, 2]; one worker stands for `persons` [S, G].
    """
    regions = ends.shape[1]
    at = np.empty(regions, np.int64)
    for s in range(pay.shape[0]):
        reached, area, people, left = 0.0, 0.0, 0.0, 0
        for g in range(regions):
            at[g] = ends[s, g, 0]
            left += ends[s, g, 1] - ends[s, g, 0]
        for _ in range(left):
            least, lowest = -1, np.inf
            for g in range(regions):
                if at[g] < ends[s, g, 1] and pay[s, at[g]] < lowest:
                    least, lowest = g, pay[s, at[g]]
            at[least] += 1
            bill = lowest * persons[s, least]
            area += persons[s, least] * (reached + bill / 2)
            reached += bill
            people += persons[s, least]
        out[s] = 1 - 2 * area / (people * reached) if reached > 0 else 0.0


def _pay(efficiency: Any, occupation: Any, bounds: Any, rate: Any, pay: Any, ends: Any) -> None:
    """Hourly pay of those who work, efficiency times the region's `rate` [S, G, O], gathered by region."""
    for s in range(efficiency.shape[0]):
        for g in range(bounds.shape[1] - 1):
            place = bounds[s, g]
            ends[s, g, 0] = place
            for i in range(bounds[s, g], bounds[s, g + 1]):
                pay[s, place] = efficiency[s, i] * rate[s, g, max(occupation[s, i] - 1, 0)]
                place += np.int64(occupation[s, i] > 0)
            ends[s, g, 1] = place


choose = kernel(_choose)
learn = kernel(_learn)
settle = kernel(_settle)
solve = kernel(_solve)
gini = kernel(_gini)
pay = kernel(_pay)
