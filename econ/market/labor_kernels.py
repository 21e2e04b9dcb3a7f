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

from econ.core.compiled import bits_below, exp, fma, kernel, log, mantissa, philox, uniform_of

#: Labelers are summed in blocks of this size, blocks in order.
BLOCK = 4096
#: Labelers per pass; divides BLOCK.
CHUNK = 512
#: Loops of elementary functions run over a multiple of this, the rest idle: one by one it would take as long as all others.
LANES = 8
#: Below this a labeler's time at work counts as none, and past occupations as evenly split.
LEAST_SHARE = 1e-12
#: Sums over a region's labelers in calibration: supply of both occupations and participants, and their slopes.
TERMS = 9
#: Longest step of an intercept in calibration, log pay.
LONGEST_STEP = 1.0
#: Places of a quarter's sums, by occupation where two: ability, heads, ability of movers, leavers, reservation wages.
ABILITY, HEADS, MOVERS, LEAVERS, RESERVATION, SUMS = 0, 2, 4, 6, 7, 8


@numba.njit(inline="always")
def _log_grown(log_ability: Any, experience: Any, per_scale: Any, exponent: Any) -> Any:
    """Ln A = θ + λ·ln(1 + e/e0), learning by doing (Wright 1936)."""
    return fma(exponent, log(fma(experience, per_scale, 1.0)), log_ability)


def _choose(
    log_ability: Any, experience: Any, reservation: Any, occupation: Any, last: Any, bounds: Any, value: Any, mu: Any, retraining: Any,
    chance: Any, exponent: Any, scale: Any, seed: Any, stream: Any, replicates: Any, quarter: Any, sums: Any, efficiency: Any,
) -> None:  # fmt: skip
    """Labelers reconsider with some chance, choose by nested logit and work.

    `log_ability` is [S, N, O], `experience` [S, O, N]. `occupation` and `last` are changed in place; `sums`
    [S, G, SUMS] and `efficiency` [S, N], as in `econ.market.labelers.Supply`, are filled.
    """
    again, draw, who = np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int64), np.empty(CHUNK, np.uint32)
    own, now, part = np.zeros((8, CHUNK)), np.empty(CHUNK, np.int8), np.empty(SUMS)
    for s in range(log_ability.shape[0]):
        per_scale, replicate, below = 1.0 / scale[s], np.uint64(replicates[s]), bits_below(chance[s])
        for g in range(bounds.shape[1] - 1):
            front, back = bounds[s, g], bounds[s, g + 1]
            for first in range(bounds[s, g], bounds[s, g + 1], BLOCK):
                part[:] = 0.0
                end = min(first + BLOCK, bounds[s, g + 1])
                for start in range(first, end, CHUNK):
                    # Slices, since a place of unknown sign would be checked for counting from the end, at each access.
                    stop = min(start + CHUNK, end)
                    theta, rent = log_ability[s, start:stop], reservation[s, start:stop]
                    hours, others = experience[s, 0, start:stop], experience[s, 1, start:stop]
                    chosen, before = occupation[s, start:stop], last[s, start:stop]
                    _draw(replicate, quarter, start, seed, stream, again[: stop - start], draw)
                    count = _reconsidering(again[: stop - start], below, who)
                    _gather(theta, hours, others, rent, before, retraining[s], draw, who[:count], own)
                    _decide(own, value[s, g], mu[s], exponent[s], per_scale, _whole(count), now)
                    part[LEAVERS] += _enter(who[:count], now, chosen)
                    count = _working(chosen, who)
                    _take_up(theta, hours, others, rent, chosen, before, who[:count], own)
                    _work(own, exponent[s], per_scale, _whole(count))
                    front, back = _add_up(own, count, front, back, efficiency[s], part)
                for m in range(SUMS):
                    sums[s, g, m] += part[m]


@numba.njit(inline="always")
def _draw(replicate: Any, quarter: Any, start: Any, seed: Any, stream: Any, again: Any, draw: Any) -> None:
    """Two uniforms for each labeler of the chunk, as bits, from one call of Philox."""
    for i in range(again.size):
        w0, w1, w2, w3 = philox(replicate, quarter, np.uint64(start + i), np.uint64(0), seed, stream)
        again[i] = np.int64(mantissa(w0, w1))
        draw[i] = np.int64(mantissa(w2, w3))


@numba.njit(inline="always")
def _reconsidering(again: Any, below: Any, who: Any) -> Any:
    """Places in the chunk of those who reconsider, and their number."""
    count = np.uint64(0)
    for i in range(again.size):
        who[count] = i
        count += np.uint64(again[i] < below)
    return np.int64(count)


@numba.njit(inline="always")
def _gather(
    theta: Any, hours: Any, others: Any, rent: Any, last: Any, retraining: Any, draw: Any, who: Any, own: Any
) -> None:  # fmt: skip
    """What those who reconsider know: θ and e of both occupations, reservation wage, costs of both, and a uniform."""
    for k in range(who.size):
        i = who[k]
        own[0, k], own[1, k] = theta[i, 0], theta[i, 1]
        own[2, k], own[3, k] = hours[i], others[i]
        own[4, k] = rent[i]
        own[5, k] = 0.0 if last[i] == 1 else retraining
        own[6, k] = 0.0 if last[i] == 2 else retraining
        own[7, k] = uniform_of(draw[i])


@numba.njit(inline="always")
def _decide(own: Any, value: Any, mu: Any, exponent: Any, per_scale: Any, count: Any, now: Any) -> None:
    """Occupations by nested logit: 0 outside, 1 judge, 2 constrain."""
    pay_judge, pay_constrain = value[0], value[1]
    for k in range(count):
        judge = mu * (_log_grown(own[0, k], own[2, k], per_scale, exponent) + pay_judge - own[5, k])
        constrain = mu * (_log_grown(own[1, k], own[3, k], per_scale, exponent) + pay_constrain - own[6, k])
        outside = mu * own[4, k]
        top = max(max(judge, constrain), outside)
        weight = exp(judge - top)
        weights = weight + exp(constrain - top)
        drawn = own[7, k] * (weights + exp(outside - top))
        now[k] = np.int8(1) if drawn < weight else (np.int8(2) if drawn < weights else np.int8(0))


@numba.njit(inline="always")
def _whole(count: Any) -> Any:
    """The next multiple of LANES; what lies in between are numbers of an earlier chunk, of which nothing is used."""
    return (count + LANES - 1) // LANES * LANES


@numba.njit(inline="always")
def _enter(who: Any, now: Any, occupation: Any) -> Any:
    """Enter what was chosen; how many left work."""
    leavers: Any = 0
    for k in range(who.size):
        leavers += np.int64((occupation[who[k]] > 0) & (now[k] == 0))
        occupation[who[k]] = now[k]
    return leavers


@numba.njit(inline="always")
def _working(occupation: Any, who: Any) -> Any:
    """Places in the chunk of those who work, and their number."""
    count = np.uint64(0)
    for i in range(occupation.size):
        who[count] = i
        count += np.uint64(occupation[i] > 0)
    return np.int64(count)


@numba.njit(inline="always")
def _take_up(
    theta: Any, hours: Any, others: Any, rent: Any, occupation: Any, last: Any, who: Any, own: Any
) -> None:  # fmt: skip
    """What those who work bring: θ and e in the occupation, reservation wage; whether they judge and whether they are new."""
    for k in range(who.size):
        i = who[k]
        judges = occupation[i] == 1
        own[0, k] = theta[i, 0] if judges else theta[i, 1]
        own[1, k] = hours[i] if judges else others[i]
        own[2, k] = rent[i]
        own[3, k] = np.float64(judges)
        own[4, k] = np.float64(last[i] != occupation[i])
        last[i] = occupation[i]


@numba.njit(inline="always")
def _work(own: Any, exponent: Any, per_scale: Any, count: Any) -> None:
    """Ability and reservation wage in place of their logarithms."""
    for k in range(count):
        own[0, k] = exp(_log_grown(own[0, k], own[1, k], per_scale, exponent))
        own[2, k] = exp(own[2, k])


@numba.njit(inline="always")
def _add_up(own: Any, count: Any, front: Any, back: Any, efficiency: Any, part: Any) -> Any:
    """Sums over those who work, in the order of labelers; the next places of judges and of others in `efficiency`."""
    before, judge, constrain, rent = front, part[ABILITY], part[ABILITY + 1], part[RESERVATION]
    new_judge, new_constrain = part[MOVERS], part[MOVERS + 1]
    for k in range(count):
        ability, judges = own[0, k], own[3, k]
        of_judge = ability * judges
        of_other = ability - of_judge
        judge += of_judge
        constrain += of_other
        new_judge += of_judge * own[4, k]
        new_constrain += of_other * own[4, k]
        rent += own[2, k]
        one = np.int64(judges)
        efficiency[np.uint64(front if one else back - 1)] = ability
        front += one
        back -= 1 - one
    part[ABILITY], part[ABILITY + 1], part[RESERVATION] = judge, constrain, rent
    part[MOVERS], part[MOVERS + 1] = new_judge, new_constrain
    part[HEADS] += front - before
    part[HEADS + 1] += count - (front - before)
    return front, back


def _learn(experience: Any, occupation: Any, bounds: Any, keep: Any, paid_hours: Any, out: Any) -> None:
    """Experience [S, O, N] after a quarter, e ← (1 - δ_E)·e + paid hours in the occupation, into `out`."""
    for s in range(experience.shape[0]):
        for g in range(bounds.shape[1] - 1):
            low, high = bounds[s, g], bounds[s, g + 1]
            now = occupation[s, low:high]
            for o in range(2):
                before, after, hours, kept = experience[s, o, low:high], out[s, o, low:high], paid_hours[s, g, o], keep[s]
                for i in range(now.size):
                    after[i] = fma(before[i], kept, hours if now[i] == o + 1 else 0.0)


def _settle_round(
    log_ability: Any, reservation: Any, value: Any, mu: Any, retraining: Any, exponent: Any, scale: Any, reach: Any, persistence: Any,
    shares: Any, sums: Any,
) -> Any:  # fmt: skip
    """One round of the joint fixed point of long-run occupations and experience of a region; the largest move of a share.

    A labeler is in each occupation for a `shares` [n, O] part of the time. Whoever is in an occupation has been there
    lately, too, and so has more experience in it than on average: reach·[π + (1 - π)·κ] against reach·π·(1 - κ) in
    others, κ the `persistence`. What is chosen depends on it, and on the last occupation, for those outside either
    in proportion to π; π is the long-run mix of what is chosen from each state. A round takes one step of Newton's
    method for each labeler. `sums` [9] gets the supply of judging and of constraint work and the participants after it,
    and then the slopes of each in the values of judging and of constraint work.
    """
    moved = 0.0
    theta, share, rent = np.empty((2, CHUNK)), np.empty((2, CHUNK)), np.empty(CHUNK)
    mix, after, terms = np.empty((2, CHUNK)), np.empty((2, CHUNK)), np.empty((TERMS, CHUNK))
    sums[:] = 0.0
    for start in range(0, log_ability.shape[0], CHUNK):
        n = min(CHUNK, log_ability.shape[0] - start)
        for k in range(n):
            i = start + k
            theta[0, k], theta[1, k] = log_ability[i, 0], log_ability[i, 1]
            share[0, k], share[1, k] = shares[i, 0], shares[i, 1]
            rent[k] = reservation[i]
        _newton(theta, share, rent, value, mu, retraining, exponent, reach / scale, persistence, n, mix, after, terms)
        for m in range(TERMS):
            for k in range(n):
                sums[m] += terms[m, k]
        for k in range(n):
            moved = max(moved, max(abs(mix[0, k] - share[0, k]), abs(mix[1, k] - share[1, k])))
            shares[start + k, 0], shares[start + k, 1] = after[0, k], after[1, k]
    return moved


@numba.njit(inline="always")
def _newton(
    theta: Any, share: Any, rent: Any, value: Any, mu: Any, retraining: Any, exponent: Any, reach: Any, persistence: Any, n: Any,
    mix: Any, after: Any, terms: Any,
) -> None:  # fmt: skip
    """The mix chosen at given shares and the shares after a step [2, CHUNK], and terms of the sums [TERMS, CHUNK].

    `reach` is in units of the experience scale. Four states: at work in either occupation, or outside after either.
    """
    pay_0, pay_1, moves = value[0], value[1], exp(-mu * retraining)
    most, extra = reach * (1.0 - persistence), reach * persistence
    for k in range(n):
        p, q = share[0, k], share[1, k]
        away_0, away_1 = 1.0 + most * p, 1.0 + most * q
        here_0, here_1 = away_0 + extra, away_1 + extra
        log_0, log_1 = exponent * log(here_0), exponent * log(here_1)
        base_0, base_1 = mu * (theta[0, k] + pay_0 - rent[k]), mu * (theta[1, k] + pay_1 - rent[k])
        works_0, works_1 = _odds(base_0 + mu * log_0), _odds(base_1 + mu * log_1)
        odds_0, odds_1 = _odds(base_0 + mu * exponent * log(away_0)), _odds(base_1 + mu * exponent * log(away_1))
        # Chances of both occupations from each state: after judging, after constraint work, each at work and outside.
        total = 1.0 / (1.0 + works_0 + moves * odds_1)
        a_0, a_1 = works_0 * total, moves * odds_1 * total
        total = 1.0 / (1.0 + moves * odds_0 + works_1)
        b_0, b_1 = moves * odds_0 * total, works_1 * total
        total = 1.0 / (1.0 + odds_0 + moves * odds_1)
        c_0, c_1 = odds_0 * total, moves * odds_1 * total
        total = 1.0 / (1.0 + moves * odds_0 + odds_1)
        d_0, d_1 = moves * odds_0 * total, odds_1 * total
        busy = p + q
        known = busy > LEAST_SHARE
        per_busy = 1.0 / busy if known else 0.0
        part_0, part_1 = (p * per_busy, q * per_busy) if known else (0.5, 0.5)
        out_0, out_1 = (1.0 - busy) * part_0, (1.0 - busy) * part_1
        mix_0 = p * a_0 + q * b_0 + out_0 * c_0 + out_1 * d_0
        mix_1 = p * a_1 + q * b_1 + out_0 * c_1 + out_1 * d_1
        # Slopes of the mix in the shares: by the weights of the states, and by experience.
        slope = mu * exponent * most
        up_0, up_1, near_0, near_1 = slope / here_0, slope / here_1, slope / away_0, slope / away_1
        in_0, in_1, over_0, over_1 = part_1 * per_busy - 1.0, part_0 * per_busy - 1.0, part_0 * per_busy, part_1 * per_busy
        cross = p * a_0 * a_1 * near_1 + q * b_0 * b_1 * up_1 + (out_0 * c_0 * c_1 + out_1 * d_0 * d_1) * near_1
        j_01 = b_0 - over_0 * c_0 + in_1 * d_0 - cross
        cross = p * a_0 * a_1 * up_0 + q * b_0 * b_1 * near_0 + (out_0 * c_0 * c_1 + out_1 * d_0 * d_1) * near_0
        j_10 = a_1 + in_0 * c_1 - over_1 * d_1 - cross
        own = p * a_0 * (1.0 - a_0) * up_0 + (q * b_0 * (1.0 - b_0) + out_0 * c_0 * (1.0 - c_0) + out_1 * d_0 * (1.0 - d_0)) * near_0
        j_00 = a_0 + in_0 * c_0 - over_1 * d_0 + own
        own = q * b_1 * (1.0 - b_1) * up_1 + (p * a_1 * (1.0 - a_1) + out_0 * c_1 * (1.0 - c_1) + out_1 * d_1 * (1.0 - d_1)) * near_1
        j_11 = b_1 - over_0 * c_1 + in_1 * d_1 + own
        gap_0, gap_1 = mix_0 - p, mix_1 - q
        determinant = (1.0 - j_00) * (1.0 - j_11) - j_01 * j_10
        next_0 = p + ((1.0 - j_11) * gap_0 + j_01 * gap_1) / determinant
        next_1 = q + (j_10 * gap_0 + (1.0 - j_00) * gap_1) / determinant
        fits = known & (next_0 > 0.0) & (next_1 > 0.0) & (next_0 + next_1 < 1.0)
        next_0, next_1 = (next_0, next_1) if fits else (mix_0, mix_1)
        mix[0, k], mix[1, k] = mix_0, mix_1
        after[0, k], after[1, k] = next_0, next_1
        # Slopes of the shares in the values of both occupations, by the implicit function theorem.
        s_00 = mu * (p * a_0 * (1.0 - a_0) + q * b_0 * (1.0 - b_0) + out_0 * c_0 * (1.0 - c_0) + out_1 * d_0 * (1.0 - d_0))
        s_11 = mu * (p * a_1 * (1.0 - a_1) + q * b_1 * (1.0 - b_1) + out_0 * c_1 * (1.0 - c_1) + out_1 * d_1 * (1.0 - d_1))
        s_01 = -mu * (p * a_0 * a_1 + q * b_0 * b_1 + out_0 * c_0 * c_1 + out_1 * d_0 * d_1)
        g_00, g_01 = ((1.0 - j_11) * s_00 + j_01 * s_01) / determinant, ((1.0 - j_11) * s_01 + j_01 * s_11) / determinant
        g_10, g_11 = (j_10 * s_00 + (1.0 - j_00) * s_01) / determinant, (j_10 * s_01 + (1.0 - j_00) * s_11) / determinant
        grown_0, grown_1 = exponent * most / here_0, exponent * most / here_1
        worth_0, worth_1 = exp(theta[0, k] + log_0), exp(theta[1, k] + log_1)
        terms[0, k] = next_0 * worth_0 * (1.0 + grown_0 * (next_0 - p))
        terms[1, k] = next_1 * worth_1 * (1.0 + grown_1 * (next_1 - q))
        terms[2, k] = next_0 + next_1
        each_0, each_1 = worth_0 * (1.0 + grown_0 * next_0), worth_1 * (1.0 + grown_1 * next_1)
        terms[3, k], terms[4, k] = each_0 * g_00, each_0 * g_01
        terms[5, k], terms[6, k] = each_1 * g_10, each_1 * g_11
        terms[7, k], terms[8, k] = g_00 + g_10, g_01 + g_11


@numba.njit(inline="always")
def _odds(utility: Any) -> Any:
    """Odds against the outside, such that none and no product of two overflows."""
    return exp(min(utility, 300.0))


settle_round = kernel(_settle_round)


def _settle(
    log_ability: Any, reservation: Any, bounds: Any, value: Any, mu: Any, retraining: Any, exponent: Any, scale: Any,
    reach: Any, persistence: Any, rounds: Any, tolerance: Any, shares: Any,
) -> None:  # fmt: skip
    """Long-run shares of occupations [S, N, O] at given values [S, G, O], region by region until they hardly move."""
    sums = np.empty(TERMS)
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
    """Intercepts and supply of one region by Newton's method; long-run occupations settle along with them.

    `taste` [O] starts at zero; `ratio` is the log ratio of judging to constraint work that is wanted. Returns
    whether gaps and moves came below the tolerance.
    """
    size = log_ability.shape[0]
    shares, sums, value = np.full((size, 2), 1.0 / 3.0), np.empty(TERMS), np.empty(2)
    for _ in range(rounds):
        value[:] = pay + taste
        moved = settle_round(
            log_ability, reservation, value, mu, retraining, exponent, scale, reach, persistence, shares, sums
        )  # fmt: skip
        gap = np.log(sums[0] / sums[1]) - ratio
        lack = np.log(sums[2] / (participation * size))
        if max(max(abs(gap), abs(lack)), moved) < tolerance:
            supply[:] = sums[:2] / size
            return True
        gap_0, gap_1 = sums[3] / sums[0] - sums[5] / sums[1], sums[4] / sums[0] - sums[6] / sums[1]
        lack_0, lack_1 = sums[7] / sums[2], sums[8] / sums[2]
        determinant = gap_0 * lack_1 - gap_1 * lack_0
        taste[0] -= min(max((gap * lack_1 - lack * gap_1) / determinant, -LONGEST_STEP), LONGEST_STEP)
        taste[1] -= min(max((lack * gap_0 - gap * lack_0) / determinant, -LONGEST_STEP), LONGEST_STEP)
    return False


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


def _pay(efficiency: Any, heads: Any, bounds: Any, rate: Any, pay: Any, ends: Any) -> None:
    """Hourly pay of those who work, efficiency times the region's `rate` [S, G, O], gathered by region.

    `efficiency` [S, N] and `heads` [S, G, O] as in `econ.market.labelers.Supply`.
    """
    for s in range(efficiency.shape[0]):
        for g in range(bounds.shape[1] - 1):
            first, judges, others = bounds[s, g], np.int64(heads[s, g, 0]), np.int64(heads[s, g, 1])
            for k in range(judges):
                pay[s, first + k] = efficiency[s, first + k] * rate[s, g, 0]
            for k in range(others):
                pay[s, first + judges + k] = efficiency[s, bounds[s, g + 1] - 1 - k] * rate[s, g, 1]
            ends[s, g, 0], ends[s, g, 1] = first, first + judges + others


choose = kernel(_choose)
learn = kernel(_learn)
settle = kernel(_settle)
solve = kernel(_solve)
gini = kernel(_gini)
pay = kernel(_pay)
