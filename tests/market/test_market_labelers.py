"""The compiled choice of labelers against a slow, plain reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import small_market as small

from econ.core import random as keyed
from econ.core.streams import Stream
from econ.market import labelers, labor_kernels
from econ.market.setting import REGIONS


def reference(s, people, value, retraining, quarter, everyone=False):
    """Labeler by labeler in Python: occupation, last occupation, efficiency, and sums by region and occupation."""
    p = s.p
    occupation, last = people.occupation.copy(), people.last.copy()
    efficiency = np.zeros(occupation.shape)
    sums = {name: np.zeros((s.size, 3, 2)) for name in ("ability", "heads", "movers")}
    leavers, reservation = np.zeros((s.size, 3)), np.zeros((s.size, 3))
    margin = np.inf  # distance of the nearest draw to a threshold
    for row in range(s.size):
        counter = quarter + keyed.QUARTER_ORIGIN
        ids = np.arange(occupation.shape[1])
        words = keyed.philox((s.replicates[row], counter, ids, 0), (s.seed, int(Stream.LABELER_CHOICE)))
        again, draw = keyed.unit_interval(words[0], words[1]), keyed.unit_interval(words[2], words[3])
        chance = 1.0 if everyone else p["labeler_reconsideration"][row]
        for g in range(3):
            for i in range(people.bounds[row, g], people.bounds[row, g + 1]):
                grown = people.log_ability[row, i] + p["experience_exponent"][row] * np.log1p(
                    people.experience[row, i] / p["experience_scale_hours"][row]
                )
                old = now = occupation[row, i]
                margin = min(margin, abs(again[i] - chance))
                if again[i] < chance:
                    cost = retraining[row] * (last[row, i] != np.array([1, 2]))
                    utility = p["occupation_elasticity"][row] * np.append(
                        grown + value[row, g] - cost, people.reservation[row, i]
                    )
                    weight = np.exp(utility - utility.max())
                    edges = np.cumsum(weight / weight.sum())[:2]
                    now = 1 if draw[i] < edges[0] else 2 if draw[i] < edges[1] else 0
                    margin = min(margin, np.abs(draw[i] - edges).min())
                if now:
                    ability = np.exp(grown[now - 1])
                    efficiency[row, i] = ability
                    sums["ability"][row, g, now - 1] += ability
                    sums["heads"][row, g, now - 1] += 1
                    reservation[row, g] += np.exp(people.reservation[row, i])
                    if last[row, i] != now:
                        sums["movers"][row, g, now - 1] += ability
                        last[row, i] = now
                elif old:
                    leavers[row, g] += 1
                occupation[row, i] = now
    return occupation, last, efficiency, sums, leavers, reservation, margin


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("size", [10, 41, 900])
def test_compiled_choice_equals_the_reference(seed, size):
    s = small.build(small.baseline(labelers=size), replicates=(3, 11), seed=seed)
    quo, intercepts, state = small.at_start(s)
    c, people = state.curators, state.labelers
    value, _ = labelers.inclusive_value(c.wage / quo.technology.wage_unit[:, None, :, None], c.paid_share, c.active, s.p["curator_elasticity"])
    value = value + intercepts.taste
    for step, everyone in enumerate((True, False, False, False)):
        occupation, last, efficiency, sums, leavers, reservation, margin = reference(
            s, people, value, s.p["retraining_cost"], -24 + step, everyone
        )
        assert margin > 1e-9, "a draw within 1e-9 of a threshold proves nothing"
        people, supply = labelers.choose(s, people, value, s.p["retraining_cost"], -24 + step, everyone)
        np.testing.assert_array_equal(people.occupation, occupation)
        np.testing.assert_array_equal(people.last, last)
        np.testing.assert_allclose(small.by_labeler(people, supply.efficiency), efficiency, rtol=1e-12)
        np.testing.assert_allclose(supply.ability, sums["ability"], rtol=1e-12)
        np.testing.assert_array_equal(supply.heads, sums["heads"])
        np.testing.assert_allclose(supply.movers_ability, sums["movers"], rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(supply.leavers, leavers)
        np.testing.assert_allclose(supply.reservation, reservation, rtol=1e-12)
        size_of = np.maximum(np.diff(people.bounds, axis=1), 1)
        np.testing.assert_allclose(people.participation, sums["heads"] / size_of[:, :, None], rtol=1e-12)
        people = labelers.learn(s, people, np.full((2, 3, 2), 300.0))
        value = value + 0.1 * np.sin(step + np.arange(6).reshape(3, 2))
    if size > 100:
        assert 0 < people.occupation.astype(bool).mean() < 1 and supply.leavers.sum() > 0


def test_workers_of_the_last_quarter_are_counted():
    s = small.build(replicates=(0, 1))
    _, _, state = small.at_start(s)
    value = np.zeros((2, 3, 2))
    people, first = labelers.choose(s, state.labelers, value + 3.0, s.p["retraining_cost"], -24, everyone=True)
    _, second = labelers.choose(s, people, value - 3.0, s.p["retraining_cost"], -23)
    np.testing.assert_array_equal(second.worked_before, first.heads.sum(axis=2))
    assert np.all(second.leavers <= second.worked_before)


def test_experience_depreciates_and_grows_with_paid_hours():
    s = small.build()
    _, _, state = small.at_start(s)
    occupation = np.resize(np.array([0, 1, 2], np.int8), state.labelers.occupation.shape)
    people = replace(state.labelers, occupation=occupation)
    hours = np.arange(6.0).reshape(1, 3, 2) + 100
    after = labelers.learn(s, people, hours)
    for g in range(3):
        for i in range(people.bounds[0, g], people.bounds[0, g + 1]):
            gained = np.zeros(2)
            if occupation[0, i]:
                gained[occupation[0, i] - 1] = hours[0, g, occupation[0, i] - 1]
            np.testing.assert_allclose(after.experience[0, i], 0.87 * people.experience[0, i] + gained, rtol=1e-12)


def test_labelers_of_a_region_do_not_depend_on_other_replicates():
    one = small.at_start(small.build(replicates=(5,)))[2].labelers
    many = small.at_start(small.build(replicates=(2, 5, 9)))[2].labelers
    for name in ("bounds", "log_ability", "experience", "reservation", "last", "persons"):
        np.testing.assert_array_equal(getattr(many, name)[1], getattr(one, name)[0], err_msg=name)


def test_inclusive_value_ignores_empty_slots_and_grows_with_variety():
    wage, share = np.full((1, 4, 3, 2), 10.0), np.full((1, 4, 3, 2), 0.8)
    wage[:, 3] = 1e9
    active = np.array([[True, True, True, False]])
    value, split = labelers.inclusive_value(wage, share, active, np.array([6.0]))
    np.testing.assert_allclose(value, np.log(8.0) + np.log(3) / 6, rtol=1e-14)
    np.testing.assert_array_equal(split[:, 3], 0.0)
    np.testing.assert_allclose(split[:, :3], 1 / 3, rtol=1e-14)


def test_regions_have_their_shares_of_labelers():
    s = small.build(small.baseline(labelers=1000))
    bounds = labelers.region_bounds(s, 1000)
    np.testing.assert_array_equal(np.diff(bounds[0]), [620, 230, 150])
    assert len(REGIONS) == 3


def long_run(theta, reservation, value, mu, retraining, exponent, scale, reach, stays):
    """Shares of time in both occupations by plain iteration of the mix chosen from four states; and ability at work."""
    shares = np.full(theta.shape, 1 / 3)
    for _ in range(300):
        mix, busy = np.zeros_like(shares), shares.sum(axis=1)
        for works in (True, False):
            for was in (0, 1):
                here = np.array([works and o == was for o in (0, 1)], float)
                grown = theta + exponent * np.log1p(reach * (shares + (here - shares) * stays) / scale)
                utility = np.concatenate([grown + value - retraining * (np.arange(2) != was), reservation[:, None]], axis=1)
                weight = np.exp(mu * (utility - utility.max(axis=1, keepdims=True)))
                state = shares[:, was] if works else (1 - busy) * shares[:, was] / busy
                mix += state[:, None] * (weight / weight.sum(axis=1, keepdims=True))[:, :2]
        shares = mix
    return shares, np.exp(theta + exponent * np.log1p(reach * (shares + (1 - shares) * stays) / scale))


@pytest.mark.parametrize(("wanted", "participation", "mu"), [(1.7, 0.5, 1.5), (0.2, 0.1, 4.0), (6.0, 0.9, 0.8)])
def test_calibration_meets_its_targets_by_plain_iteration(wanted, participation, mu):
    rng = np.random.default_rng(4)
    theta, reservation = 0.35 * rng.standard_normal((700, 2)), 0.45 * rng.standard_normal(700)
    pay = np.array([-0.4, -0.3])
    rest = (mu, 0.3, 0.12, 500.0, 3000.0, 0.4)
    taste, supply = np.zeros(2), np.zeros(2)
    assert labor_kernels.solve(theta, reservation, pay, np.log(wanted), participation, *rest, 100, 1e-12, taste, supply)
    shares, worth = long_run(theta, reservation, pay + taste, *rest)
    np.testing.assert_allclose(supply, (shares * worth).mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(supply[0] / supply[1], wanted, rtol=1e-11)
    np.testing.assert_allclose(shares.sum(axis=1).mean(), participation, rtol=1e-11)
