"""Single steps of a quarter against formulas written out again, slowly or by finite differences."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import small_market as small
from scipy import stats

from econ.core.errors import InputError
from econ.market import (
    beliefs,
    certification,
    labelers,
    liability,
    libraries,
    lobbying,
    orders,
    prices,
    product,
    turnover,
    work,
)
from econ.market.ledger import Ledger
from econ.market.quality import StandIn
from econ.market.quarter import advance, grow
from econ.market.record import _certification, record
from econ.surfaces.forms import FORMS
from econ.surfaces.posterior import Draws, Surfaces

IDEAL = np.array([[0.0, 0.0], [0.7, 0.3], [-0.4, 0.9]])
V = np.array([0.95, 0.85, 0.65, 0.40, 0.15])


@pytest.fixture(scope="module")
def running():
    """A market in its fifth quarter with a commons, certificates, licences and documentation; three replicates."""
    scenario = small.baseline(8).with_levers(commons=0.05, conform=0.6, local_norms={"j2": 0.3}, cert_max_violation=0.6)
    s = small.build(scenario, replicates=(0, 1, 2), quarters=8)
    quo, intercepts, state = small.at_start(s)
    for quarter in range(-24, 5):
        state, events = advance(s, quo, intercepts, state, quarter)
        state, _ = record(s, quo, state, events)
    return s, quo, intercepts, state, events


def ledger_of(s):
    return Ledger(s.size, s.firms, s.slots)


def central(function, at, step):
    return (function(at + step) - function(at - step)) / (2 * step)


# Response


def test_slopes_of_harm(running):
    _, quo, _, state, _ = running
    f, public, response = state.firms, state.public, quo.response
    a, b = f.constraints, f.preferences
    _, slope_a, slope_b = response.harm(a, b, public.scale, f.belief)
    by_a = central(lambda t: response.harm(a * t, b, public.scale, f.belief)[0], 1.0, 1e-5) / a
    by_b = central(lambda t: response.harm(a, b * t, public.scale, f.belief)[0], 1.0, 1e-5) / b[..., None]
    np.testing.assert_allclose(slope_a, -by_a, rtol=1e-6)
    np.testing.assert_allclose(slope_b, -by_b, rtol=1e-6)


@pytest.mark.parametrize("measured", [True, False])
def test_slopes_of_what_users_get(running, measured):
    _, quo, _, state, _ = running
    f, public, response = state.firms, state.public, quo.response
    curves = response.quality if measured else StandIn(*(np.full(len(public.scale), x) for x in (0.01, 0.5, 1.0)), 5)
    a, b = f.constraints, f.preferences

    def got(times_a, times_b):
        return curves.evaluate(response, a * times_a, b * times_b, public.scale, f.belief)

    here = got(1.0, 1.0)
    for level, by_b, by_a in (("helpfulness", here.help_b, here.help_a), ("sycophancy", here.flattery_b, here.flattery_a)):
        slope = central(lambda t, level=level: getattr(got(1.0, t), level), 1.0, 1e-5) / b
        np.testing.assert_allclose(by_b, slope, rtol=1e-5, atol=1e-9 / b.max())
        for k in range(5):
            one = np.eye(5)[k]
            slope = central(lambda t, one=one, level=level: getattr(got(1 + one * (t - 1), 1.0), level), 1.0, 1e-5) / a[..., k]
            np.testing.assert_allclose(by_a[..., k], slope, rtol=1e-5, atol=1e-9 / a.max())


def test_measured_quality_is_the_laboratorys_at_the_same_position(running):
    # helpfulness = V(b) + [U - U0] - 0.2 [O - O0], each the mean over categories at the laboratory's labels behind the stocks.
    s, quo, _, state, _ = running
    f, public, response = state.firms, state.public, quo.response
    got = response.quality.evaluate(response, f.constraints, f.preferences, public.scale)
    a_half, b_half = s.surface.half_saturation(quo.verifiability)
    at = response.stocks(f.constraints, f.preferences, public.scale)
    curves = {name: s.surface.secondary(name) for name in ("helpfulness", "over_refusal", "sycophancy")}
    for r, i in np.ndindex(s.size, s.firms):
        flags, pairs = at.x[r, i] * a_half[r], float(at.y[r, i, 0] * b_half[r])
        values = {}
        for name, batch in curves.items():
            one = type(batch)(name, batch.theta[r : r + 1])
            values[name] = one.evaluate(flags[None], np.full((1, 5), pairs), quo.verifiability[r][None])[0].mean()
            values[name, 0] = one.evaluate(np.zeros((1, 5)), np.zeros((1, 5)), quo.verifiability[r][None])[0].mean()
        assert got.measured[r, i] == pytest.approx(values["helpfulness"], rel=1e-9)
        assert got.over_refusal[r, i] == pytest.approx(values["over_refusal"], rel=1e-9)
        assert got.sycophancy[r, i] == pytest.approx(values["sycophancy"], rel=1e-9)
        half = 0.5 * response.preferences_reference[r] * public.scale[r]
        value = 1 - (1 + f.preferences[r, i] / half) ** -0.5 + values["helpfulness"] - values["helpfulness", 0]
        value -= 0.2 * (values["over_refusal"] - values["over_refusal", 0])
        assert got.helpfulness[r, i] == pytest.approx(value, rel=1e-9)


def test_surfaces_without_measured_quality_say_so():
    import dataclasses

    posterior = small.surfaces()
    harm_alone = dataclasses.replace(posterior, draws={("harm", "ood"): posterior.draws["harm", "ood"]})
    with pytest.raises(InputError, match="no measured helpfulness") as told:
        small.at_start(small.build(posterior=harm_alone))
    assert "measured_quality" in str(told.value)
    quo, _, _ = small.at_start(small.build(posterior=harm_alone, measured_quality=0.0))
    assert isinstance(quo.response.quality, StandIn)


def test_transfer_scales_constraints_alone(running):
    # s_k = s0_k·exp(τ L_k): belief 0 says nothing of the laboratory, belief 1 all of it.
    _, quo, _, state, _ = running
    f, public, response = state.firms, state.public, quo.response
    lifted = f.constraints * np.exp(0.7 * response.advantage)[:, None]
    zero = np.zeros_like(f.belief)
    np.testing.assert_allclose(
        response.harm(f.constraints, f.preferences, public.scale, zero + 0.7)[0],
        response.harm(lifted, f.preferences, public.scale, zero)[0], rtol=1e-9,
    )  # fmt: skip


def test_growth_of_what_labels_must_cover_cancels_growth_of_labels(running):
    _, quo, _, state, _ = running
    f, response, two = state.firms, quo.response, np.full(3, 2.0)
    one = response.harm(f.constraints, f.preferences, np.ones(3), f.belief)[0]
    np.testing.assert_allclose(response.harm(2 * f.constraints, 2 * f.preferences, two, f.belief)[0], one, rtol=1e-8)


# Step 1


def test_growth_path():
    s = small.build()
    _, _, state = small.at_start(s)
    public, people = grow(s, state.public, state.labelers, -1)
    assert public is state.public and people is state.labelers
    users = scale = persons = 1.0
    for quarter in range(3):
        public, people = grow(s, public, people, quarter)
        rate = 0.012 + (0.13 - 0.012) * np.exp(-quarter / 10)
        users, scale, persons = users * (1 + rate), scale * (1 + rate) ** 0.6, persons * (1 + 0.6 * rate)
    np.testing.assert_allclose([public.users[0], public.scale[0], public.persons[0]], [users, scale, persons], rtol=1e-12)
    np.testing.assert_allclose(people.persons, state.labelers.persons * persons, rtol=1e-12)


def test_growth_may_come_in_by_equal_steps():
    s = small.build(growth_ramp_quarters=4.0, growth_start=0.1, growth_long_run=0.1)
    _, _, state = small.at_start(s)
    public, people, users = state.public, state.labelers, [1.0]
    for quarter in range(6):
        public, people = grow(s, public, people, quarter)
        users.append(public.users[0])
    rates = np.array(users[1:]) / np.array(users[:-1]) - 1
    np.testing.assert_allclose(rates, [0.025, 0.05, 0.075, 0.1, 0.1, 0.1], rtol=1e-9)


# Step 2


def test_qualities_drift_without_spreading_and_stay_where_nothing_else_is_asked():
    s = small.build(small.baseline(slots=24), replicates=range(200), curator_quality_persistence=0.8)
    _, _, state = small.at_start(s)
    c = state.curators
    assert turnover.drift_qualities(small.with_values(s, curator_quality_persistence=1.0), c, 5) is c
    assert turnover.drift_qualities(s, c, -1) is c
    before = c.quality_preference
    for quarter in range(30):
        last, c = c, turnover.drift_qualities(s, c, quarter)
    assert c.quality_preference.std() == pytest.approx(1.6, rel=0.05) == c.quality_constraint.std()
    assert np.corrcoef(c.quality_preference.ravel(), last.quality_preference.ravel())[0, 1] == pytest.approx(0.8, abs=0.03)
    assert abs(np.corrcoef(c.quality_preference.ravel(), c.quality_constraint.ravel())[0, 1]) < 0.06
    assert abs(np.corrcoef(c.quality_preference.ravel(), before.ravel())[0, 1]) < 0.06


def test_variety_of_curators_is_taken_off_pay_in_the_part_asked_for():
    s = small.build(labor_variety_correction=0.5)
    active = np.arange(s.slots) < 6
    np.testing.assert_allclose(labelers.variety_excess(s, active[None])[0, 0, 0], 0.5 * np.log(6 / 4) / 6, rtol=1e-12)
    assert labelers.variety_excess(s, (np.arange(s.slots) < 4)[None])[0, 0, 0] == 0
    assert labelers.variety_excess(small.build(), active[None])[0, 0, 0] == 0


def in_debt(s, state, slots, cash=-1e6):
    c = state.curators
    hit = np.isin(np.arange(s.slots), slots)[None]
    return replace(
        c, cash=np.where(hit, cash, c.cash), quarters_in_debt=np.where(hit, 2, 0),
        active=c.active | hit,
    )  # fmt: skip


def test_exit_writes_off_debt_and_leaves_two():
    s = small.build()
    _, _, state = small.at_start(s)
    f = replace(state.firms, library=np.array([[0, 1, 2, 3]]))
    books = ledger_of(s)
    f, c, exits, orphaned = turnover._exit(s, f, in_debt(s, state, [0, 1]), books)
    assert exits == 2 and not c.active[0, :2].any() and c.active[0, 2:4].all()
    assert books.total("write_off_exit") == 2e6
    np.testing.assert_allclose(c.cash[0, :2] + books.curators[0, :2], 0.0)
    np.testing.assert_array_equal(orphaned, [[True, True, False, False]])
    np.testing.assert_array_equal(f.library, [[-1, -1, 2, 3]])
    assert np.all(c.library[0, :2] == 0)
    _, c, exits, _ = turnover._exit(s, f, in_debt(s, state, [0, 1, 2, 3]), ledger_of(s))
    assert exits == 2 and c.active.sum() == 2


def test_entry_is_paid_by_new_equity_and_leaves_starting_cash():
    s = small.build(entry_max=1.0, entry_noise=1e-9, entry_cost=1e-9)
    quo, _, state = small.at_start(s)
    c = replace(state.curators, profit=np.full_like(state.curators.profit, 1e9))
    for quarter, invests in ((-1, False), (3, True)):
        books = ledger_of(s)
        _, after, comes = turnover._enter(s, quo, state.firms, c, state.public, s.lever(quarter), quarter, books)
        assert comes.all() and after.active.sum() == c.active.sum() + 1
        slot = np.flatnonzero(after.active[0] & ~c.active[0])[0]
        np.testing.assert_allclose(books.curators[0, slot], s.p["cash_start"] * quo.vendor_revenue, rtol=1e-12)
        np.testing.assert_allclose(after.library[0, slot], 0.15 * quo.response.constraints_reference[0], rtol=1e-12)
        np.testing.assert_allclose(after.wage[0, slot], c.wage[0, :4].mean(axis=0), rtol=1e-12)
        assert bool(after.investment[0, slot].any()) is invests
        assert after.age[0, slot] == 0 and not after.certified[0, slot].any()


def test_entry_chance_weighs_incumbents_profit_and_the_burden_of_certificates():
    s = small.build()
    quo, _, state = small.at_start(s)
    rng = np.random.default_rng(0)
    c = replace(state.curators, profit=rng.uniform(0, 0.1, (1, s.slots)) * quo.vendor_revenue)
    levers = s.lever(0)
    v0 = quo.vendor_revenue[0]
    worth = np.percentile(c.profit[0, :4], 25) / 0.075
    cost = 0.30 * v0 + 0.3 * 3 * 9e4 / (4 * 0.075)
    expected = 0.35 / (1 + np.exp(-(worth - cost) / (0.13 * v0)))
    np.testing.assert_allclose(turnover.entry_chance(s, quo, c, state.public, levers), expected, rtol=1e-9)


def test_merger_moves_all_that_the_target_had_and_pays_its_owners():
    s = small.build(small.baseline().with_levers(merger_probability=1.0))
    quo, _, state = small.at_start(s)
    rng = np.random.default_rng(2)
    c = state.curators
    active = c.active[0]
    c = replace(
        c, profit=active * rng.uniform(1e5, 1e6, (1, s.slots)), documented=0.3 * c.library,
        certified=c.active[:, :, None] & (rng.uniform(size=(1, s.slots, 3)) < 0.5), investment=0.01 * c.library,
        units_preference=active * rng.uniform(1e5, 1e6, (1, s.slots)), units_constraint=active[None, :, None] * rng.uniform(1e3, 1e4, (1, s.slots, 5)),
    )  # fmt: skip
    c = replace(c, unit_share_preference=c.units_preference / c.units_preference.sum())
    f = replace(state.firms, library=np.array([[0, 1, 2, 3]]))
    books = ledger_of(s)
    g, after, happened = turnover._merge(s, quo, f, c, state.public, s.lever(0), 0, books)
    assert happened.all() and after.active.sum() == 3
    target = np.flatnonzero(active & ~after.active[0])[0]
    buyer = next(x for x, y in zip(g.library[0], f.library[0], strict=True) if y == target)
    big, small_ = np.maximum(c.library[0, buyer], c.library[0, target]), np.minimum(c.library[0, buyer], c.library[0, target])
    np.testing.assert_allclose(after.library[0, buyer], big + 0.2 * small_, rtol=1e-12)
    np.testing.assert_allclose(after.documented[0, buyer], 0.3 * after.library[0, buyer], rtol=1e-12)
    np.testing.assert_allclose(after.investment[0, buyer], c.investment[0, [buyer, target]].sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(after.cash.sum(), c.cash.sum(), rtol=1e-12)
    assert after.cash[0, target] == 0 and np.all(after.library[0, target] == 0)
    np.testing.assert_array_equal(after.certified[0, buyer], c.certified[0, buyer] | c.certified[0, target])
    assert after.quality_preference[0, buyer] == max(c.quality_preference[0, [buyer, target]])
    price, equity = books.total("merger_price")[0], books.total("equity_merger")[0]
    assert price > 0 and equity == max(price - c.cash[0, buyer], 0.0)

    # Price by hand: value of incumbency plus half the gain, the markup with the pull of other sources (step 4).
    def margin(share, alpha, pull):
        return share / (alpha * (1 - share) + pull * share)

    gain = 0.013 * quo.vendor_revenue[0]
    for kind, (units, shares, posted, alpha) in enumerate(
        [
            (c.units_preference.sum(), c.unit_share_preference[0], c.price_preference[0, active].mean(), 1.5),
            (c.units_constraint.sum(), c.unit_share_constraint[0], c.price_constraint[0, active].mean(), 0.22),
        ]
    ):
        pull = 0.5 * (1 - state.public.vendor_units[0, kind]) / posted
        one, two = shares[buyer], shares[target]
        gain += units * (margin(one + two, alpha, pull) - margin(one, alpha, pull) - margin(two, alpha, pull))
    np.testing.assert_allclose(price, (c.profit[0, target] + max(gain, 0) / 2) / 0.075, rtol=1e-9)


def test_merger_control_forbids_only_what_concentrates():
    s = small.build()
    c = small.at_start(s)[2].curators
    revenue = np.array([[50.0, 10.0, 30.0, 10.0, 0, 0, 0]])
    c = replace(c, licence_revenue=revenue * 0, service_revenue=revenue)

    def presumed(buyer, target):
        slots = np.arange(7)[None]
        return bool(turnover._presumed_harmful(s, c, slots == buyer, slots == target)[0])

    assert presumed(0, 1)  # HHI 3600 to 4600
    c = replace(c, service_revenue=np.array([[10.0, 10, 10, 10, 10, 10, 40]]), active=np.ones((1, 7), bool))
    assert presumed(0, 1)  # 2200 to 2400
    c = replace(c, service_revenue=np.array([[5.0, 5, 30, 30, 30, 0, 0]]))
    assert not presumed(0, 1)  # rises by 50 alone


def test_curators_who_left_lobby_no_more(running):
    s, _, _, state, events = running
    c = replace(state.curators, active=state.curators.active & (np.arange(s.slots) != 1))
    public = replace(state.public, effort_curators=np.full_like(state.public.effort_curators, 1e5))
    books = ledger_of(s)
    after, _ = lobbying.lobby(s, state.firms, c, public, events.tests, events.incidents, s.lever(5), books)
    assert np.all(after.effort_curators[:, 1] == 0) and np.all(books.curators[:, 1] == 0)


# Step 3


def test_rules_in_force(running):
    s, quo, _, state, _ = running
    c, public, levers = state.curators, state.public, s.lever(4)
    rules = certification.rules_in_force(s, quo, c, public, levers)
    for r, k, j in np.ndindex(s.size, s.slots, 3):
        foreign = (c.home[r, k] != j) * levers.local_norms[r, j]
        chi = 0.6 * c.certified[r, k, j]
        norm = (1 - foreign) * ((1 - chi) * c.norm[r, k] + chi * public.norm[r, j]) + foreign * IDEAL[j]
        np.testing.assert_allclose(rules.norm[r, k, j], norm, rtol=1e-12, atol=1e-12)
        near = np.exp(-((norm - IDEAL[j]) ** 2).sum() / (2 * 0.8**2))
        np.testing.assert_allclose(rules.fit[r, k, j], V + (1 - V) * near, rtol=1e-12)
    np.testing.assert_array_equal(rules.norm[:, -1], public.norm)
    moved = replace(public, norm=public.norm + 1.0)
    worse = certification.rules_in_force(s, quo, c, moved, levers)
    assert np.all(worse.fit[:, -1] < rules.fit[:, -1])


def test_mandatory_certification_masks_the_uncertified(running):
    s, quo, _, state, _ = running
    levers = replace(s.lever(4), cert_mode=np.tile([2, 1, 0], (s.size, 1)))
    rules = certification.rules_in_force(s, quo, state.curators, state.public, levers)
    certified = np.concatenate([state.curators.certified, state.public.commons_certified[:, None]], axis=1)
    np.testing.assert_array_equal(rules.deployable[:, :, 0], certified[:, :, 0])
    assert np.all(rules.deployable[:, :, 1:] == 1)
    firm = replace(state.firms, users=np.broadcast_to([1.0, 0.0, 0.0], state.firms.users.shape))
    worth = libraries.effective_libraries(s, firm, state.curators, state.public, rules)
    assert np.all(worth[np.broadcast_to(~certified[:, None, :, 0], worth.shape[:3])] == 0)


@pytest.mark.parametrize("prompts", [50, 200, 1000])
@pytest.mark.parametrize("limit", [0.2, 0.45])
def test_pass_chance_is_near_the_binomial(prompts, limit):
    violation = np.linspace(0.02, 0.8, 40)
    exact = stats.binom.cdf(np.floor(prompts * limit), prompts, violation)
    near = certification.pass_chance(violation, np.array(float(prompts)), np.array(limit))
    assert np.abs(near - exact).max() < 0.02
    np.testing.assert_array_equal(certification.pass_chance(np.array([0.0, 1.0]), np.array(9.0), np.array(0.5)), [1, 0])


def test_a_fee_is_weighed_against_the_value_over_the_life_of_a_certificate(running):
    # A certificate worth half the fee per quarter pays for itself twice over in its four quarters.
    s, quo, _, state, _ = running
    c, public, f, levers = state.curators, state.public, state.firms, s.lever(5)
    worth = certification._value(s, f, c, levers)
    for part, applies in ((0.5, True), (0.2, False)):
        fee = worth / part / 9e4 / public.fee_multiple[:, None]
        one = replace(levers, cert_fee=fee[:, 0])  # the fee that makes the first curator's certificate worth this part of it
        _, _, tests = certification.certify(s, quo, f, replace(c, certified=0 * c.certified > 0), public, one, 5, ledger_of(s))
        assert np.all(tests.tested[:, 0][c.active[:, 0]] == applies)


def test_reasons_of_refusal_and_passes_are_all_tests(running):
    s, quo, _, state, events = running
    c, public, f = state.curators, state.public, state.firms
    seen = set()
    for tolerance, documents, limit in ((0.7, 0.0, 1.0), (9.0, 1.0, 1.0), (9.0, 0.0, 0.2), (9.0, 0.0, 1.0)):
        levers = replace(
            s.lever(5), cert_tolerance=np.full((s.size, 3), tolerance), cert_min_documented=np.full((s.size, 3), documents),
            cert_max_violation=np.full((s.size, 3), limit),
        )  # fmt: skip
        _, _, tests = certification.certify(s, quo, f, c, public, levers, 5, ledger_of(s))
        got = _certification(replace(events, tests=tests))
        reasons = [got[f"cert_refused_{why}"] for why in ("position", "documents", "test")]
        np.testing.assert_allclose(got["cert_pass_rate"] + sum(reasons), 1.0, rtol=1e-12)
        assert np.all(got["cert_false_fail"] <= reasons[2])
        np.testing.assert_array_equal(got["cert_false_fail"], 0.0 if limit in (0.2, 1.0) else got["cert_false_fail"])
        seen |= {i for i, reason in enumerate(reasons) if (reason > 0).any()}
    assert seen == {0, 1, 2}


def test_a_small_commons_is_no_more_attractive_than_an_equal_library(running):
    # One library among n + 1: a commons equal to a curator's library in every respect gets its odds.
    s, quo, _, state, _ = running
    twin = 0
    c, f, levers = state.curators, state.firms, replace(s.lever(5), safe_harbour=np.zeros((s.size, 3)))
    c = replace(
        c, licence_fee=0 * c.licence_fee, documented=c.library, norm=np.where(np.arange(s.slots)[:, None] == twin, IDEAL[0], c.norm),
        certified=0 * c.certified > 0,
    )  # fmt: skip
    public = replace(state.public, commons=c.library[:, twin], norm=np.broadcast_to(IDEAL[0], state.public.norm.shape))
    f = replace(f, library=np.full_like(f.library, -1))
    rules = certification.rules_in_force(s, quo, c, public, replace(levers, local_norms=0 * levers.local_norms))
    choice = libraries.choose_libraries(s, quo, f, c, public, rules, levers, 5, np.zeros(f.library.shape, bool))
    here = c.active[:, twin]
    np.testing.assert_allclose(choice.chance[here, :, -1], choice.chance[here, :, 1 + twin], rtol=1e-9)


def test_who_applies_is_tested_and_pays(running):
    s, quo, _, state, _ = running
    c, public, f, levers = state.curators, state.public, state.firms, s.lever(5)
    books = ledger_of(s)
    after, _, tests = certification.certify(s, quo, f, c, public, levers, 5, books)
    weight = f.users.sum(axis=1) / f.users.sum(axis=(1, 2))[:, None]
    fee = 9e4 * public.fee_multiple
    applied = held_on = 0
    for r, k, j in np.ndindex(s.size, s.slots, 3):
        mean = c.licence_revenue[r, c.active[r]].mean()
        value = weight[r, j] * max(c.licence_revenue[r, k], mean / 2, c.licence_fee[r, k]) * 0.4 / 2
        wants = bool(value > fee[r, j] / 4 and c.active[r, k])  # both per quarter
        assert tests.tested[r, k, j] <= wants
        if not c.certified[r, k, j]:
            assert tests.tested[r, k, j] == wants
        pays = tests.tested[r, k, j] or after.certified[r, k, j]
        np.testing.assert_allclose(tests.fees[r, k, j], pays * fee[r, j] / 4, rtol=1e-12)
        applied += tests.tested[r, k, j]
        held_on += c.certified[r, k, j] and after.certified[r, k, j] and not tests.tested[r, k, j]
        if tests.passed[r, k, j]:
            foreign = (c.home[r, k] != j) * levers.local_norms[r, j]
            stand = (1 - foreign) * c.norm[r, k] + foreign * IDEAL[j]
            assert np.linalg.norm(stand - public.norm[r, j]) <= 1.2
    assert applied > 0 and held_on > 0
    np.testing.assert_allclose(books.total("cert_fees"), tests.fees.sum(axis=(1, 2)), rtol=1e-12)


# Step 4 and 7


def test_markup_has_the_pull_of_other_sources():
    np.testing.assert_allclose(prices.markup(np.array(1.5), np.array(0.25), np.array(0.1)), 1 / (1.5 * 0.75 + 0.1 * 0.25), rtol=1e-14)
    np.testing.assert_allclose(prices.pull_of_other_sources(np.array(0.5), np.array(0.2), np.array(4.0)), 0.1, rtol=1e-14)


def test_labor_demand_minimises_cost_and_output_is_what_was_wanted():
    s = small.build()
    tech = small.at_start(s)[0].technology
    rng = np.random.default_rng(1)
    wage = tech.wage_start[:, None] * rng.uniform(0.5, 2, (1, 5, 3, 2))
    hours = rng.uniform(10, 100, (1, 5, 2))
    wanted = tech.wanted(hours, wage, tech.wage_index(wage))
    np.testing.assert_allclose(tech.output(wanted), hours, rtol=1e-12)
    np.testing.assert_allclose((wanted * wage).sum(axis=2), hours * tech.wage_index(wage), rtol=1e-12)
    for _ in range(20):  # any other mix of regions with the same output costs more
        other = wanted * rng.uniform(0.9, 1.1, wanted.shape)
        other = other * (hours / tech.output(other))[:, :, None]
        assert np.all((other * wage).sum(axis=2) >= (wanted * wage).sum(axis=2) * (1 - 1e-12))
    np.testing.assert_allclose(tech.wage_index(tech.wage_start[:, None]), tech.index_start[:, None], rtol=1e-12)


def test_wages_rest_at_calibrated_utilisation_and_move_within_a_tenth():
    s = small.build()
    quo, _, state = small.at_start(s)
    c, flat = state.curators, np.zeros((1, s.slots, 2))
    labor = prices.labor_costs(s, quo.technology, c, np.full((1, s.slots, 3, 2), 0.25), state.labelers.participation)
    cost = prices.costs(s, quo.technology, c, labor, state.public.vendor_units)
    supplied = np.full((1, s.slots, 3, 2), 1e7)
    for ratio, step in ((0.97, 0.0), (0.97e9, 0.1), (1e-9, -0.1)):
        done = work.Work(ratio * supplied, supplied, np.minimum(ratio, 1) * supplied, flat, flat[..., 0], supplied[:, 0], flat, flat)
        after = work.update_wages(s, quo, c, state.labelers, done, cost, s.lever(0))
        changed = np.log(after.wage / c.wage)[c.active]
        if step > 0:  # the monopsony ceiling stops some
            assert np.all(changed <= step + 1e-12) and changed.max() > 0
        else:
            np.testing.assert_allclose(changed, step, atol=1e-4)
    minimum = replace(s.lever(0), minimum_wage=np.array([[100.0, 100.0, 100.0]]))
    after = work.update_wages(s, quo, c, state.labelers, done, cost, minimum)
    np.testing.assert_allclose(after.wage[c.active].min(axis=(0, 2)), [60.0, 725.0, 725.0], rtol=1e-12)


# Step 5


def test_library_choice_by_hand(running):
    s, quo, _, state, _ = running
    f, c, public, levers, p = state.firms, state.curators, state.public, s.lever(5), s.p
    rules = certification.rules_in_force(s, quo, c, public, levers)
    nobody = np.zeros((s.size, s.firms), bool)
    choice = libraries.choose_libraries(s, quo, f, c, public, rules, levers, 5, nobody)
    documented = np.divide(c.documented.sum(2), c.library.sum(2), out=np.zeros((s.size, s.slots)), where=c.library.sum(2) > 0)
    offered = np.column_stack([c.active, public.commons.sum(axis=1) > 0])  # nobody may have drafted public rules yet
    assert offered[:, -1].any()
    for r, i in np.ndindex(s.size, s.firms):
        sold = f.users[r, i] / f.users[r, i].sum()
        revenue = f.revenue[r, i].sum()
        odds = []
        for option in range(-1, s.slots + 1):
            value = 0.0
            if option >= 0:
                if not offered[r, option]:
                    odds.append(-np.inf)
                    continue
                stock, quality, fee = public.commons[r], 1.0, 0.0
                if option < s.slots:
                    stock, fee = c.library[r, option], c.licence_fee[r, option]
                    quality = documented[r, option] + 0.85 * (1 - documented[r, option])
                worth = stock * quality * (sold[:, None] * rules.deployable[r, option][:, None] * rules.fit[r, option]).sum(axis=0)
                bare = quo.response.harm(f.constraints, f.preferences, public.scale, f.belief)[0][r, i]
                more = f.constraints.copy()
                more[r, i] += worth
                less = quo.response.harm(more, f.preferences, public.scale, f.belief)[0][r, i]
                value = (f.stake[r, i] * (0.25 + 0.5 * V) * (bare - less)).sum() - fee
                value += 0.001 * revenue * (f.library[r] == option).mean()
                value += 0.4 * f.liability[r, i] * (sold * rules.certified[r, option]).sum()
            if option != f.library[r, i]:
                value -= 0.002 * revenue * (0.3 if option == -1 else 1.0)
            odd = value / (0.006 * revenue)
            if option >= 0:  # the commons is one library among the active curators'
                odd -= 0.7 * np.log(offered[r].sum())
            odds.append(odd)
        odds = np.exp(np.array(odds) - max(odds))
        np.testing.assert_allclose(choice.chance[r, i], odds / odds.sum(), rtol=1e-9, atol=1e-15)
    assert np.all(p["variety_correction"] == 0.7)


def test_library_value_slope_is_the_derivative_of_value(running):
    s, quo, _, state, _ = running
    f, c, public, levers = state.firms, state.curators, state.public, s.lever(5)
    rules = certification.rules_in_force(s, quo, c, public, levers)

    def value(step):
        more = replace(c, library=c.library * (1 + step), documented=c.documented * (1 + step))
        stocks = libraries.effective_libraries(s, f, more, public, rules)
        return libraries._harm_value(s, quo, f, more, public, stocks)

    _, slope = value(0.0)
    by_scale = (value(1e-5)[0] - value(-1e-5)[0])[:, :, :-1] / 2e-5
    np.testing.assert_allclose((slope * c.library[:, None]).sum(axis=3), by_scale, rtol=1e-5, atol=1e-6 * np.abs(by_scale).max())


def test_licence_fee_moves_to_logit_markup_over_support(running):
    s, quo, _, state, events = running
    f, c = state.firms, state.curators
    fee = libraries.post_fees(s, quo, f, c, events.choice)
    r = 1
    revenue = f.revenue[r].sum(axis=1)
    for k in np.flatnonzero(c.active[r]):
        chance = events.choice.chance[r, :, 1 + k]
        sensitivity = events.choice.sensitivity[r]
        target = 0.0013 * quo.vendor_revenue[r] + chance.sum() / (sensitivity * chance * (1 - chance)).sum()
        target = min(target, 0.05 * revenue.max())
        np.testing.assert_allclose(fee[r, k], c.licence_fee[r, k] + 0.35 * (target - c.licence_fee[r, k]), rtol=1e-12)


def test_investment_and_documentation_by_hand(running):
    s, quo, _, state, events = running
    c, public, levers = state.curators, state.public, s.lever(5)
    split = events.split
    labor = prices.labor_costs(s, quo.technology, c, split, state.labelers.participation)
    cost = prices.costs(s, quo.technology, c, labor, public.vendor_units)
    cash = np.maximum(c.cash, 0) * 0 + 1e12  # no budget limit
    after = libraries.invest(s, quo, c, cost, events.choice, levers, public, cash, 5)
    m = libraries.documented_share(c)
    for r, k in np.argwhere(c.active):
        chance = events.choice.chance[r, :, 1 + k]
        demand = (events.choice.sensitivity[r] * chance * (1 - chance))[:, None] * events.choice.value_slope[r, :, k]
        rate = 0.025 + 0.03 + 0.03 * 0.5 * (1 - m[r, k])
        margin = c.licence_fee[r, k] - 0.0013 * quo.vendor_revenue[r]
        worth = np.maximum(margin * demand.sum(axis=0) / rate, 0)
        hours = 15 / 60 * (1 + 1.5 * (1 - V)) * (1 + 0.15 * c.documents[r, k])
        unit = hours * cost.index[r, k, 1] + 1.0
        reference = quo.response.constraints_reference[r] * public.scale[r]
        wanted = np.maximum(c.investment[r, k], 1e-3 * reference) * np.clip((worth / unit) ** 0.3, 1 / 1.3, 1.3)
        np.testing.assert_allclose(after.investment[r, k], wanted, rtol=1e-9)
    poor = libraries.invest(s, quo, c, cost, events.choice, levers, public, np.full_like(c.cash, -1.0), 5)
    unit = cost.hours_constraint * cost.index[:, :, 1, None] + 1.0
    budget = 0.25 * c.licence_revenue + 1e-4 * quo.vendor_revenue[:, None]
    assert np.all((poor.investment * unit).sum(axis=2) <= budget * (1 + 1e-9))


def test_outlays_follow_marginal_value_of_the_stock_they_sustain(running):
    s, quo, _, state, _ = running
    f, c, public, levers = state.firms, state.curators, state.public, s.lever(5)
    rules = certification.rules_in_force(s, quo, c, public, levers)
    after, ordered = orders.place_orders(s, quo, f, c, public, rules, f.library, levers, 5)
    price_b, price_a = ordered.mix_preference.effective_price, ordered.mix_constraint.effective_price
    plan_b, plan_a = f.outlay_preference / (price_b * 0.18), f.outlay_constraint / (price_a * 0.05)
    stocks = libraries.effective_libraries(s, f, c, public, rules)
    rules_held = stocks[np.arange(s.size)[:, None], np.arange(s.firms), np.maximum(f.library, 0)] * (f.library >= 0)[..., None]
    taste = quo.users_help_taste[:, None]
    generic = 0.25 + 0.5 * V

    def worth(b, a):
        with_rules = quo.response.harm(a + rules_held, b, public.scale, f.belief)[0]
        without = quo.response.harm(a, b, public.scale, f.belief)[0]
        harm = generic * with_rules + (1 - generic) * without
        got = quo.response.quality.evaluate(quo.response, a + rules_held, b, public.scale, f.belief)
        return -(f.stake * harm).sum(axis=2) + f.margin * taste * got.helpfulness

    value_b = central(lambda t: worth(plan_b * t, plan_a), 1.0, 1e-4) / plan_b / (0.025 + 0.18)
    expected = f.outlay_preference * np.clip(np.maximum(value_b / price_b, 1e-9) ** 0.35, 1 / 1.4, 1.4)
    raw_a = np.empty_like(plan_a)
    for k in range(5):
        bump = np.zeros(5)
        bump[k] = 1e-4
        value = (worth(plan_b, plan_a * (1 + bump)) - worth(plan_b, plan_a * (1 - bump))) / 2e-4 / plan_a[..., k] / (0.025 + 0.05)
        raw_a[..., k] = f.outlay_constraint[..., k] * np.clip(np.maximum(value / price_a[..., k], 1e-9) ** 0.35, 1 / 1.4, 1.4)
    revenue = f.revenue.sum(axis=2)
    raw_a, expected = np.maximum(raw_a, 1e-6 * revenue[..., None]), np.maximum(expected, 1e-6 * revenue)
    fit = np.minimum(1, 0.15 * revenue / (expected + raw_a.sum(axis=2)))
    np.testing.assert_allclose(after.outlay_preference, expected * fit, rtol=1e-5)
    np.testing.assert_allclose(after.outlay_constraint, raw_a * fit[..., None], rtol=1e-5)
    np.testing.assert_allclose(ordered.cost_preference.sum(axis=2), after.outlay_preference, rtol=1e-12)
    np.testing.assert_allclose(ordered.cost_constraint.sum(axis=3), after.outlay_constraint, rtol=1e-12)


def test_customers_withdraw_and_rivals_avoid(running):
    s, quo, _, state, _ = running
    s = replace(s, events=(SimpleNamespace(quarter=5),))
    f, c, public, levers = state.firms, state.curators, state.public, s.lever(5)
    rules = certification.rules_in_force(s, quo, c, public, levers)
    slot = int(np.flatnonzero(c.active[0])[0])
    gone, tie = np.zeros_like(f.withdrawn), np.zeros_like(f.tie)
    gone[0, 0, slot], tie[0, 1, slot] = 1.0, 1.5
    plain = orders.place_orders(s, quo, f, c, public, rules, f.library, levers, 5)[1]
    hit = orders.place_orders(s, quo, replace(f, withdrawn=gone, tie=tie), c, public, rules, f.library, levers, 5)[1]
    assert hit.split_preference[0, 0, slot] == 0 and hit.split_constraint[0, 0, slot] == 0
    was = plain.split_preference[0, 1, slot]
    other = was * np.exp(-1.5) / (1 - was + was * np.exp(-1.5))
    np.testing.assert_allclose(hit.split_preference[0, 1, slot], other, rtol=1e-12)
    np.testing.assert_array_equal(hit.split_preference[0, 2:], plain.split_preference[0, 2:])


def test_firms_that_nothing_sets_apart_share_one_row_of_vendors(running):
    s, quo, _, state, _ = running
    f, c, public, levers = state.firms, state.curators, state.public, s.lever(5)
    rules = certification.rules_in_force(s, quo, c, public, levers)
    one, each = (
        orders.place_orders(replace(s, events=events), quo, f, c, public, rules, f.library, levers, 5)[1] for events in ((), (SimpleNamespace(quarter=5),))
    )
    assert one.split_constraint.shape == (s.size, 1, s.slots)
    assert each.split_constraint.shape == (s.size, s.firms, s.slots)
    for name in ("preference", "constraint", "vendor_preference", "vendor_constraint", "preference_by_curator", "bespoke_by_curator", "cost_constraint"):
        np.testing.assert_allclose(getattr(one, name), getattr(each, name), rtol=1e-12)
    np.testing.assert_allclose(one.bespoke_bill(c.price_constraint), each.bespoke_bill(c.price_constraint), rtol=1e-12)
    np.testing.assert_allclose(one.preference_by_curator, one.vendor_preference.sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(each.bespoke_by_curator, each.vendor_constraint.sum(axis=1), rtol=1e-12)


@pytest.mark.parametrize("tax", [False, True])
def test_a_price_shock_costs_firms_and_vendors_get_their_price(tax):
    base = small.run(small.baseline(2), replicates=(0, 1))
    shock = small.run(small.baseline(2).with_levers(pref_price_shock=2.0, shock_is_tax=tax), replicates=(0, 1))
    now = shock.quarters == 0
    flow = {name: values[:, now] for name, values in shock.ledger.items()}
    paid, other = ("pref_shock_tax", "pref_shock") if tax else ("pref_shock", "pref_shock_tax")
    assert np.all(flow[other] == 0) and np.all(flow[paid] > 0)
    # Twice the price of human labels: the surcharge equals what vendors and in-house labels cost without it.
    assert np.all(flow[paid] > flow["pref_labels"])
    assert np.all(flow[paid] < flow["pref_labels"] + flow["inhouse_labels"])
    spent = shock.outcomes["label_spend"][:, now]
    total = sum(flow[name] for name in ("pref_labels", "bespoke", "inhouse_labels", "ai_labels", "pref_shock", "pref_shock_tax"))
    np.testing.assert_allclose(spent, total, rtol=1e-12)
    before = shock.quarters < 0
    np.testing.assert_array_equal(shock.outcomes["label_spend"][:, before], base.outcomes["label_spend"][:, before])


# Steps 8 to 10


def test_users_react_to_harm_price_and_helpfulness_by_logit(running):
    s, quo, _, state, events = running
    f, public, safe = state.firms, state.public, events.safety
    value = product.utility(s, quo, f, safe)
    harm = (np.array([1, 1, 1, 0.8, 0.8]) / 4.6 * safe.harm).sum(axis=3)
    expected = (f.brand + quo.users_help_taste[:, None] * safe.quality.helpfulness - 0.15 * f.price - quo.outside_utility[:, None])[..., None]
    np.testing.assert_allclose(value, expected - quo.users_harm_taste[:, None, None] * harm, rtol=1e-12)
    sold, surplus = product.sell(s, quo, f, public, safe, ledger_of(s))
    size = product.market_size(quo, public)
    share = np.exp(value) / (1 + np.exp(value).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(sold.users, size[:, None] * share, rtol=1e-12)
    np.testing.assert_allclose(surplus, (size / 0.15 * np.log(1 + np.exp(value).sum(axis=1))).sum(axis=1), rtol=1e-12)
    # Roy's identity: users are minus the derivative of surplus in price.
    bump = np.zeros(s.firms)
    bump[0] = 1e-4
    up, down = (product.sell(s, quo, replace(f, price=f.price + x), public, safe, ledger_of(s))[1] for x in (bump, -bump))
    np.testing.assert_allclose((up - down) / 2e-4, -sold.users[:, 0].sum(axis=1), rtol=1e-6)


def test_posted_price_is_the_profit_maximising_one_at_rest(running):
    # Profit after what is paid: compute, damage retained, premiums of which 0.4 are rated by the class, and fines.
    s, quo, _, state, events = running
    f, public, safe, levers = state.firms, state.public, events.safety, s.lever(4)
    liable = events.incidents.liable
    per_user = liable * (quo.damage_per_user[:, None] * safe.harm).sum(axis=3)
    fine = np.minimum(0.01 * (np.maximum(safe.harm - 0.25, 0) * (V > 0.5) * (1 - np.exp(-2 * V))).sum(axis=3), 0.07)
    for _ in range(300):
        f, _ = product.sell(s, quo, f, public, safe, ledger_of(s))
        f = liability.stakes(s, quo, f, public, safe, liable, levers)
        f = product.post_product_prices(s, quo, f, public)

    def profit(step):
        moved = f.price.copy()
        moved[:, 1] += step
        sold, _ = product.sell(s, quo, replace(f, price=moved), public, safe, ledger_of(s))
        # Rivals' claims and sales as they were.
        users, revenue = (np.where(np.arange(s.firms)[:, None] == 1, now, was) for now, was in ((sold.users, f.users), (sold.revenue, f.revenue)))
        claims = (per_user * users).sum(axis=2)
        own, sales = claims[:, 1], revenue[:, 1].sum(axis=1)
        by_class = claims.sum(axis=1) / revenue.sum(axis=(1, 2)) * sales
        paid = 0.3 * own + 0.7 * 1.4 * (0.6 * own + 0.4 * by_class) + (fine * revenue)[:, 1].sum(axis=1)
        return sales - 11 * users[:, 1].sum(axis=1) - paid

    assert np.any(fine > 0.002)
    slope = (profit(1e-3) - profit(-1e-3)) / 2e-3
    curve = (profit(0.1) - 2 * profit(0.0) + profit(-0.1)) / 0.01
    # Newton's step to the best price: places differ a little in harm, which a price for all of them cannot follow.
    assert np.all(curve < 0) and np.all(np.abs(slope / curve) < 2e-3), slope / curve


@pytest.mark.parametrize("mean", [1e-9, 0.03, 0.9, 7.0, 300.0, 5e4])
def test_poisson_by_inverse_distribution(mean):
    uniform = (np.arange(4000) + 0.5) / 4000
    drawn = liability.poisson(uniform, np.full(4000, mean))
    np.testing.assert_array_equal(drawn, stats.poisson.ppf(uniform, mean))


def test_realised_damage_has_the_expected_mean(running):
    s, quo, _, state, events = running
    total, expected = np.zeros(s.size), np.zeros(s.size)
    number = np.zeros(s.size)
    rules = certification.rules_in_force(s, quo, state.curators, state.public, s.lever(4))
    for quarter in range(2000):
        _, _, accident = liability.incidents(
            s, quo, state.firms, state.public, rules, state.firms.library, events.safety, s.lever(4), quarter, ledger_of(s)
        )
        total += accident.damage.sum(axis=(1, 2))
        expected += accident.expected.sum(axis=(1, 2))
        number += accident.number.sum(axis=(1, 2))
    # Damage per incident has coefficient of variation 2, so a sum over n incidents one of at most 2.3/√n or so.
    rate = accident.expected.sum(axis=(1, 2)) / (number / 2000)
    assert np.all(rate > 0)
    assert np.all(np.abs(total / expected - 1) < 6 * 2.3 / np.sqrt(number.min()) + 0.02)


def test_liability_premium_and_fine_by_hand(running):
    s, quo, _, state, events = running
    f, public, levers, safe = state.firms, state.public, s.lever(4), events.safety
    rules = certification.rules_in_force(s, quo, state.curators, public, levers)
    books = ledger_of(s)
    _, after, accident = liability.incidents(s, quo, f, public, rules, f.library, safe, levers, 4, books)
    for r, i, j in np.ndindex(s.size, s.firms, 3):
        certified = f.library[r, i] >= 0 and rules.certified[r, f.library[r, i], j]
        assert accident.liable[r, i, j] == pytest.approx(0.3 * (1 - 0.4 * certified))
        excess = np.maximum(safe.harm[r, i, j] - 0.25, 0) * (V > 0.5) * (1 - np.exp(-2 * V))
        assert accident.fines[r, i, j] == pytest.approx(min(0.01 * excess.sum(), 0.07) * f.revenue[r, i, j])
        per_user = (quo.damage_per_user[r, j] * safe.harm[r, i, j]).sum()
        assert accident.expected[r, i, j] == pytest.approx(f.users[r, i, j] * per_user)
    liable = (accident.liable * accident.damage).sum(axis=(1, 2))
    np.testing.assert_allclose(accident.claims, 0.7 * liable, rtol=1e-12)
    np.testing.assert_allclose(accident.retained, 0.3 * liable, rtol=1e-12)
    revenue = f.revenue.sum(axis=2)
    premium = 1.4 * (0.6 * f.claims_rate + 0.4 * public.class_claims_rate[:, None]) * revenue
    np.testing.assert_allclose(books.total("premium"), premium.sum(axis=1), rtol=1e-12)
    smooth = public.class_claims_rate + 0.15 * (accident.claims / revenue.sum(axis=1) - public.class_claims_rate)
    np.testing.assert_allclose(after.class_claims_rate, smooth, rtol=1e-12)


def test_stakes_are_the_marginal_values_of_less_harm(running):
    # g_fk = -d(profit)/dH_k with users by logit and liability per user at its pass-through, prices fixed.
    s, quo, _, state, events = running
    f, public, safe = state.firms, state.public, events.safety
    no_fines = replace(s.lever(4), fine=np.zeros((s.size, 3)))
    liable = events.incidents.liable
    g = liability.stakes(s, quo, f, public, safe, liable, no_fines)
    revenue_share = f.revenue.sum(axis=2) / f.revenue.sum(axis=(1, 2))[:, None]
    reach = 0.3 + 0.7 * 1.4 * (0.6 + 0.4 * revenue_share)
    unit = reach * (f.users[..., None] * liable[..., None] * quo.damage_per_user[:, None] * safe.harm).sum(axis=(2, 3)) / f.users.sum(axis=2)
    np.testing.assert_allclose(g.unit_liability, unit, rtol=1e-12)
    claims = 0.7 * (f.users[..., None] * liable[..., None] * quo.damage_per_user[:, None] * safe.harm).sum(axis=(2, 3))
    levy = 1.4 * 0.4 * (1 - revenue_share) * (claims.sum(axis=1) / f.revenue.sum(axis=(1, 2)))[:, None]
    np.testing.assert_allclose(g.levy, levy, rtol=1e-12)
    share = f.users / product.market_size(quo, public)[:, None]
    net = (f.price * (1 - levy) - 11 - unit)[..., None]
    margin = (net * f.users * (1 - share)).sum(axis=2)
    np.testing.assert_allclose(g.margin, margin, rtol=1e-12)
    weights = np.array([1, 1, 1, 0.8, 0.8]) / 4.6
    direct = (f.users[..., None] * liable[..., None] * reach[..., None, None] * quo.damage_per_user[:, None]).sum(axis=2)
    expected = (margin * quo.users_harm_taste[:, None])[..., None] * weights + direct
    np.testing.assert_allclose(g.stake, expected, rtol=1e-12)
    g = liability.stakes(s, quo, f, public, safe, liable, s.lever(4))
    fined = g.stake - direct - (g.margin * quo.users_harm_taste[:, None])[..., None] * weights
    over = (safe.harm > 0.25) & (V > 0.5)
    np.testing.assert_allclose(fined, (0.01 * f.revenue[..., None] * (1 - np.exp(-2 * V)) * over).sum(axis=2), rtol=1e-6, atol=1e-3)


# Step 11 and 12


def test_norms_fees_and_positions_move_as_written(running):
    s, quo, _, state, _ = running
    f, c, public, levers = state.firms, state.curators, state.public, s.lever(5)
    influence = lobbying.Influence(np.full((s.size, 3), 0.4), np.full((s.size, 3), 0.1), np.full((s.size, 3), 0.5), np.zeros((s.size, 3)))
    moved, after, got = lobbying.move_norms(s, quo, f, c, public, f.library, influence, levers, 5)
    users = f.users.sum(axis=1)
    for r, j in np.ndindex(s.size, 3):
        share = np.array([f.users[r, f.library[r] == k, j].sum() for k in range(s.slots)])
        requests = share / users[r, j]
        reference = quo.response.constraints_reference[r].sum() * public.scale[r]
        dependence = requests.max() * (1 - min(1, public.commons[r].sum() / reference))
        weight = 1 - (1 - 0.7 * 0.4) * (1 - 0.35 * dependence)
        assert got.weight[r, j] == pytest.approx(weight, rel=1e-12)
        z = public.norm[r, j]
        pull = (share[:, None] / max(share.sum(), 1e-300) * (c.norm[r] - z)).sum(axis=0)
        np.testing.assert_allclose(after.norm[r, j], z + 0.15 * ((1 - weight) * (IDEAL[j] - z) + weight * pull), rtol=1e-9, atol=1e-12)
        assert after.fee_multiple[r, j] == pytest.approx(public.fee_multiple[r, j] + 0.15 * (1 + 3 * weight - public.fee_multiple[r, j]))
    assert not np.array_equal(moved.norm, c.norm)


def test_lobbying_is_capped_and_moves_to_the_contest(running):
    s, _, _, state, events = running
    f, c, public = state.firms, state.curators, state.public
    free, _ = lobbying.lobby(s, f, c, public, events.tests, events.incidents, s.lever(5), ledger_of(s))
    revenue = f.revenue.sum(axis=1)
    industry = free.effort_curators.sum(axis=1) + free.effort_firms.sum(axis=1)
    cap = np.full((s.size, 3), 0.5 * (industry / revenue).min())
    capped, influence = lobbying.lobby(
        s, f, c, public, events.tests, events.incidents, replace(s.lever(5), lobby_cap=cap), ledger_of(s)
    )
    paid = capped.effort_curators.sum(axis=1) + capped.effort_firms.sum(axis=1)
    np.testing.assert_allclose(paid, cap * revenue, rtol=1e-9)
    capacity = 3e-5 * revenue
    np.testing.assert_allclose(influence.industry_share, paid / (paid + capped.effort_public + capacity), rtol=1e-12)
    of_curators = capped.effort_curators.sum(axis=1) / (paid + capped.effort_public + capacity)
    np.testing.assert_allclose(influence.curator_share, of_curators, rtol=1e-12)
    still = replace(public, effort_curators=0 * public.effort_curators, effort_firms=0 * public.effort_firms, effort_public=0 * public.effort_public)
    once, _ = lobbying.lobby(s, f, c, still, events.tests, events.incidents, s.lever(5), ledger_of(s))
    for _ in range(80):
        last = still
        still, _ = lobbying.lobby(s, f, c, still, events.tests, events.incidents, s.lever(5), ledger_of(s))
    incumbents = (c.active & (c.age > 0))[:, :, None]
    np.testing.assert_allclose((once.effort_curators * incumbents), 0.3 * still.effort_curators * incumbents, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(still.effort_public, last.effort_public, rtol=1e-9)


def test_industry_has_its_share_where_the_regulator_has_no_capacity(running):
    s, _, _, state, events = running
    f, c, public = state.firms, state.curators, state.public
    bare = small.with_values(s, regulator_capacity=0.0)
    after, influence = lobbying.lobby(bare, f, c, public, events.tests, events.incidents, s.lever(5), ledger_of(s))
    industry = after.effort_curators.sum(axis=1) + after.effort_firms.sum(axis=1)
    np.testing.assert_allclose(influence.industry_share, industry / (industry + after.effort_public), rtol=1e-12)
    assert np.all(influence.industry_share > 0)


def test_beliefs_by_kalman_filter(running):
    s, _, _, state, _ = running
    f, truth = state.firms, np.array([0.2, 0.5, 0.9])
    assert beliefs.learn(s, f, truth, -1) is f
    after = beliefs.learn(s, f, truth, 3)
    others = (f.use.sum(axis=1, keepdims=True) - f.use) / (s.firms - 1)
    noise = 0.45**2 / np.maximum(f.use + 0.5 * others, 1e-3)
    precision = 1 / (f.variance + 1e-4) + 1 / noise
    np.testing.assert_allclose(after.variance, 1 / precision, rtol=1e-12)
    signal = (after.belief * precision - f.belief / (f.variance + 1e-4)) * noise
    assert np.abs((signal - truth[:, None]) / np.sqrt(noise)).max() < 5
    for quarter in range(3000):
        f = beliefs.learn(s, f, truth, quarter)
    assert np.abs(f.belief - truth[:, None]).max() < 0.5


def test_a_quarter_of_libraries_and_provenance():
    levers = dict(provenance_audit=1.0, legal_risk=0.0, portability=0.25)
    s = small.build(small.baseline(4).with_levers(**levers), quarters=4, documentation_reconsideration=0.0)
    quo, intercepts, state = small.at_start(s)
    for quarter in range(-24, 2):
        before = state
        state, events = advance(s, quo, intercepts, state, quarter)
        state, _ = record(s, quo, state, events)
    fill = events.work.fill[:, :, 1, None]
    kept = before.curators.active & state.curators.active & (events.turnover.mergers == 0)[:, None]
    built = before.curators.library * 0.97 + fill * state.curators.investment
    built = built + 0.2 * 0.75 * fill * events.orders.vendor_constraint.sum(axis=1)
    np.testing.assert_allclose(state.curators.library[kept], 0.5 * built[kept], rtol=1e-9)  # audited: half of it is stripped
    np.testing.assert_allclose(events.ledger.total("provenance_audits"), 3e4 * state.curators.active.sum(axis=1), rtol=1e-12)
    assert np.all(events.ledger.total("provenance_claims") > 0)


def test_compiled_harm_is_that_of_the_surface_for_every_form(running):
    _, quo, _, _, _ = running
    r = quo.response
    a = np.stack([np.zeros(5), 1e-6 * np.ones(5), np.ones(5), np.linspace(0.1, 40, 5)]) * r.constraints_reference[:, None, None]
    a, b = np.broadcast_to(a, (3, 2, 4, 5)), np.array([0.0, 1.7]) * r.preferences_reference[:, None]
    scale, belief = np.array([1.0, 1.3, 2.0]), np.array([[0.0, 1.0], [0.4, 0.6], [1.0, 0.2]])
    for name, form in FORMS.items():
        theta = np.tile([centre for centre, _ in form.prior] or [-6.0, 0.5, 6.0, -1.5, 0.2, -1.0, 0.3], (3, 1))
        rows = Draws(np.full(3, name), theta)
        surfaces = Surfaces("test", "", "measured", {("harm", "ood"): rows}, {"a": 1e4, "b": 1e4}, {"ood": 0.5})
        one = replace(r, surface=surfaces.batch(np.arange(3)).at(V))
        at = one.stocks(a, b[:, :, None], scale, belief[:, :, None])
        h, e_x, e_y = one.surface.evaluate(at.x, at.y)
        for found, asked in zip(one.harm(a, b, scale, belief), (h, e_x * at.per_a / at.x, e_y * at.per_b / at.y), strict=True):
            np.testing.assert_allclose(found, asked, rtol=1e-9, atol=1e-18)
