"""Cheapest mixes: closed forms, fine grids, first-order conditions, duality, fixed costs, corners."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_posteriors import PLAIN, ces, posterior

import econ
from econ.core.errors import InputError
from econ.cost.mix import mix_for, pipeline_for
from econ.cost.outlays import harm_on_ray
from econ.cost.preparation import prepare
from econ.cost.purchase import BOTH, NOTHING, PLACES

LABORATORY = {"units": "laboratory", "start": "untrained"}


def user_cost(p_a, p_b):
    """Prices per quarter of holding a label, p(r + δ)."""
    return p_a * (0.025 + 0.04), p_b * (0.025 + 0.18)


def closed_form(p_a, p_b, s, rho, a0=1e5, b0=5e5):
    """Ratio of the outlays on both kinds at the cheapest mix of a CES."""
    return (p_b * b0 * s / (p_a * a0)) ** (rho / (1.0 - rho))


@pytest.mark.parametrize(("s", "expected"), [(1.0, 5.60094), (4.0, 44.80750)])
def test_ratio_of_user_costs_is_the_closed_form_of_the_market(plain, s, expected):
    p_a, p_b = user_cost(20.0, 4.0)
    prices = {**plain, "price_constraint_label": p_a, "price_preference_label": p_b}
    mix = econ.cost.cheapest_mix(ces(s), prices, target_harm=0.3, verifiability=0.5, **LABORATORY)
    ratio = p_a * mix.a[0, 0] / (p_b * mix.b[0, 0])
    assert ratio == pytest.approx(closed_form(p_a, p_b, s, 0.6), rel=1e-6)
    assert ratio == pytest.approx(expected, abs=5e-6 * expected)
    assert mix.outcome("harm")[0, 0] == pytest.approx(0.3, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    rho=st.one_of(st.floats(-2.0, -0.05), st.floats(0.05, 0.75)),
    log_ratio=st.floats(-2.0, 2.0),
    target=st.floats(0.1, 0.9),
)
def test_any_ces_mix_is_the_closed_form(rho, log_ratio, target):
    p_a, p_b = 4.0 * 5.0 * np.exp(log_ratio), 4.0
    expected = closed_form(p_a, p_b, 1.0, rho)
    if not 1e-4 < expected < 1e4:
        return
    case = prepare(
        ces(1.0, rho), {**PLAIN, "price_constraint_label": p_a, "price_preference_label": p_b}, verifiability=0.5, **LABORATORY
    )  # fmt: skip
    mix = mix_for(case, [target])
    assert PLACES[mix.place[0, 0]] == "both"
    assert p_a * mix.a[0, 0] / (p_b * mix.b[0, 0]) == pytest.approx(expected, rel=1e-6)


def grid_of_mixes(case, points=241):
    """Harm and outlay on a fine grid of constraint and preference labels, corners included: [D, P, P]."""
    reach = np.linspace(-9.0, 16.0, points - 1)
    a = np.concatenate([[0.0], np.exp(reach)]) / case.per_a.max(axis=1)[:, None]
    b = np.concatenate([[0.0], np.exp(reach)]) / case.per_b[:, None]
    shape = (len(case), points, points)
    a, b = np.broadcast_to(a[:, :, None], shape), np.broadcast_to(b[:, None, :], shape)
    return a, b, case.harm(a, b)[0], case.price_a[:, None, None] * a + case.price_b[:, None, None] * b


@pytest.mark.parametrize("target", [0.75, 0.5])
def test_no_mix_of_a_fine_grid_is_cheaper(forms, plain, target):
    case = prepare(forms, plain, **LABORATORY)
    mix = mix_for(case, [target])
    _, _, harm, cost = grid_of_mixes(case)
    best = np.where(harm <= target, cost, np.inf).min(axis=(1, 2))
    found = np.isfinite(best)
    assert found.sum() > 10 and np.array_equal(found, mix.attainable[:, 0])
    ratio = mix.cost[found, 0] / best[found]
    # The grid's own step is 10 %, so its best mix may be dearer, never cheaper.
    assert np.all(ratio <= 1.0 + 1e-9) and np.all(ratio > 0.85)


@pytest.mark.parametrize("bounds", [{"min_helpfulness": 0.6}, {"max_sycophancy": 0.5}, {"min_helpfulness": 0.56, "max_sycophancy": 0.58}])
def test_bounded_mixes_beat_a_fine_grid_and_keep_the_bounds(forms, plain, bounds):
    few = posterior(forms.draws[("harm", "ood")].form[::3], forms.draws[("harm", "ood")].theta[::3])
    case = prepare(few, plain, **LABORATORY)
    mix = econ.cost.cheapest_mix(few, plain, target_harm=0.6, **bounds, **LABORATORY)
    a, b, harm, cost = grid_of_mixes(case, 161)
    helpfulness, sycophancy = (case.secondary(name, a, b)[0] for name in ("helpfulness", "sycophancy"))
    low, high = bounds.get("min_helpfulness", 0.0), bounds.get("max_sycophancy", 1.0)
    best = np.where((harm <= 0.6) & (helpfulness >= low) & (sycophancy <= high), cost, np.inf).min(axis=(1, 2))
    found = np.isfinite(best) & mix.attainable[:, 0]
    assert found.sum() >= 3
    assert np.all(mix.attainable[np.isfinite(best), 0])
    assert np.all(mix.cost[found, 0] <= best[found] * (1.0 + 1e-6))
    assert np.all(mix.outcome("harm")[found, 0] <= 0.6 + 1e-6)
    assert np.all(mix.outcome("helpfulness")[found, 0] >= low - 1e-6)
    assert np.all(mix.outcome("sycophancy")[found, 0] <= high + 1e-6)


def test_bounds_that_bind_cost_more(plain):
    surfaces = ces(s=300.0, b0=5e3)
    free = econ.cost.cheapest_mix(surfaces, plain, target_harm=0.5, **LABORATORY)
    bound = free.outcome("helpfulness")[0, 0] + 0.01
    kept = econ.cost.cheapest_mix(surfaces, plain, target_harm=0.5, min_helpfulness=bound, **LABORATORY)
    assert kept.outcome("helpfulness")[0, 0] == pytest.approx(bound, abs=1e-6)
    assert kept.cost[0, 0] > free.cost[0, 0] and kept.b[0, 0] > free.b[0, 0]


def test_a_bounded_budget_beats_a_fine_grid_or_buys_nothing(forms, plain):
    few = posterior(forms.draws[("harm", "ood")].form[::3], forms.draws[("harm", "ood")].theta[::3])
    frontier = econ.cost.budget_frontier(few, plain, budget=9_000.0, min_helpfulness=0.61, **LABORATORY)
    case = prepare(few, plain, **LABORATORY)
    a, b, harm, cost = grid_of_mixes(case, 161)
    kept = (case.secondary("helpfulness", a, b)[0] >= 0.61) & (cost <= 9_000.0)
    best = np.where(kept, harm, np.inf).min(axis=(1, 2))
    assert np.all(frontier.target[:, 0] <= best + 1e-7) and np.all(frontier.cost[:, 0] <= 9_000.0 * (1.0 + 1e-9))
    assert np.all(frontier.outcome("helpfulness") >= 0.61 - 1e-6)
    strict = econ.cost.budget_frontier(ces(s=300.0), plain, budget=9_000.0, min_helpfulness="100%", max_sycophancy="100%", **LABORATORY)
    assert PLACES[strict.place[0, 0]] == "nothing to buy" and strict.cost[0, 0] == 0.0 and strict.target[0, 0] == pytest.approx(1.0)


def test_an_inner_mix_has_equal_marginal_costs_and_a_corner_does_not_gain(forms):
    case = prepare(forms, start="untrained")
    mix = mix_for(case, [0.8, 0.6, 0.45])
    by_a, by_b = mix.marginal_cost()
    inner = mix.place == BOTH
    assert inner.sum() > 10
    np.testing.assert_allclose(by_a[inner], by_b[inner], rtol=1e-7)


def test_hybrid_is_never_dearer_than_a_pure_pipeline(forms):
    case = prepare(forms, start="untrained")
    targets = [0.9, 0.7, 0.5, 0.3]
    hybrid, *pure = (pipeline_for(case, name, targets) for name in ("hybrid", "preference-only", "negative-only"))
    for one in pure:
        assert np.all(hybrid.cost <= one.cost * (1.0 + 1e-9))
        reached = one.attainable & (one.place != NOTHING)
        np.testing.assert_allclose(one.outcome("harm")[reached], one.target[reached], atol=1e-11)
    assert np.all(pure[0].a[pure[0].attainable] == 0.0) and np.all(pure[1].b[pure[1].attainable] == 0.0)


def test_costs_rise_as_targets_fall(forms):
    mix = mix_for(prepare(forms, start="untrained"), np.linspace(0.95, 0.25, 15).tolist())
    assert np.all(mix.cost[:, 1:] > mix.cost[:, :-1] * (1.0 - 1e-9), where=np.isfinite(mix.cost[:, 1:]))


def test_a_budget_of_the_cost_buys_the_target(forms):
    case = prepare(forms, start="untrained")
    mix = mix_for(case, [0.6])
    for draw in np.flatnonzero(mix.attainable[:, 0])[:6]:
        frontier = econ.cost.budget_frontier(forms, budget=float(mix.cost[draw, 0]), start="untrained")
        assert frontier.target[draw, 0] <= 0.6 + 1e-9
        assert frontier.target[draw, 0] == pytest.approx(0.6, abs=1e-6)
        assert frontier.outcome("harm")[draw, 0] == pytest.approx(frontier.target[draw, 0], abs=1e-12)


def test_budgets_are_kept_and_fixed_costs_come_first(plain):
    prices = {**plain, "rules": 10, "price_rule_draft": 100.0, "gpu_hours": 50.0}
    frontier = econ.cost.budget_frontier(ces(s=100.0), prices, budget=[90.0, 600.0, 50_000.0], **LABORATORY)
    paid = 20.0 * frontier.a + 4.0 * frontier.b
    assert PLACES[frontier.place[0, 0]] == "nothing to buy" and frontier.cost[0, 0] == 0.0
    assert frontier.a[0, 1] == 0.0 and paid[0, 1] == pytest.approx(500.0)
    assert paid[0, 2] == pytest.approx(50_000.0 - 1_000.0 - 100.0)


def test_drafting_is_paid_once_and_only_with_constraints(plain):
    prices = {**plain, "rules": 8, "price_rule_draft": 1_000.0, "minutes_rule_draft": 600.0}
    free, paid = (prepare(ces(), book, **LABORATORY) for book in (plain, prices))
    for name, extra in (("preference-only", 0.0), ("negative-only", 8_000.0)):
        without, with_fixed = (pipeline_for(case, name, [0.5]) for case in (free, paid))
        assert with_fixed.cost[0, 0] - without.cost[0, 0] == pytest.approx(extra, abs=1e-6)
        assert with_fixed.hours[0, 0] - without.hours[0, 0] == pytest.approx(extra / 100.0, abs=1e-6)
    on_top = prepare(ces(), prices, units="laboratory", start="status-quo")
    assert np.all(on_top.drafting == 0.0)


def test_dear_drafting_makes_preferences_alone_the_cheapest_mix(plain):
    prices = {**plain, "rules": 1, "price_rule_draft": 1e9}
    mix = mix_for(prepare(ces(), prices, **LABORATORY), [0.9])
    assert PLACES[mix.place[0, 0]] == "preferences only"


def test_average_cost_is_cost_over_the_fall_of_harm(forms):
    case = prepare(forms, start="untrained")
    mix = pipeline_for(case, "negative-only", [0.8])
    found = mix.attainable[:, 0]
    np.testing.assert_allclose(mix.average_cost[found, 0], mix.cost[found, 0] / 0.2, rtol=1e-9)


def test_marginal_cost_is_the_slope_of_the_cost_curve(plain):
    case = prepare(ces(), plain, **LABORATORY)
    for name, kind in (("preference-only", 1), ("negative-only", 0), ("hybrid", 0)):
        mix = pipeline_for(case, name, [0.501, 0.5, 0.499])
        slope = (mix.cost[0, 2] - mix.cost[0, 0]) / 0.002
        assert mix.marginal_cost()[kind][0, 1] == pytest.approx(slope, rel=1e-4)


def test_marginal_cost_at_the_start_by_differences(plain):
    case = prepare(ces(), plain, units="laboratory", start=(500.0, 2_000.0))
    found = econ.cost.marginal_cost(ces(), plain, units="laboratory", start=(500.0, 2_000.0))
    a, b = case.start_a[:, None], case.start_b[:, None]
    fall = (case.harm(a - 1e-2, b)[0] - case.harm(a + 1e-2, b)[0])[0, 0] / 2e-2
    assert found["usd_constraint"][0] == pytest.approx(20.0 / fall, rel=1e-5)
    assert found["hours_constraint"][0] == pytest.approx(9.0 / 60.0 / fall, rel=1e-5)


def test_a_label_without_effect_has_no_marginal_cost(plain):
    flat = posterior("S3", [-6.0, 0.0, 0.0, 40.0, 0.0, 6.3, 0.0, 0.5, 0.0])
    found = econ.cost.marginal_cost(flat, plain, units="laboratory", start=(500.0, 500.0))
    assert np.isnan(found["usd_constraint"][0]) and found["usd_preference"][0] > 0.0


def test_costs_scale_with_the_currency(forms, plain):
    dear = {name: 7.0 * value if name.startswith("price") else value for name, value in plain.items()}
    one, seven = (mix_for(prepare(forms, book, **LABORATORY), [0.6, 0.4]) for book in (plain, dear))
    np.testing.assert_allclose(seven.cost, 7.0 * one.cost, rtol=1e-9)
    np.testing.assert_allclose(seven.share, one.share, atol=1e-8)


def test_draws_do_not_depend_on_how_many_there_are(forms):
    all_, few = (mix_for(prepare(forms, start="untrained", draws=count), [0.6]) for count in (None, 5))
    np.testing.assert_allclose(few.cost[:, 0], all_.cost[:5, 0], rtol=1e-12)


def test_not_attainable_is_an_answer(plain):
    surfaces = posterior("S1", [[-6.2, 0.8, 6.6, -0.7, -0.7, -2.0, 0.0], [-6.2, 0.8, 6.6, -0.7, -0.7, 0.5, 0.0]])
    mix = econ.cost.cheapest_mix(surfaces, plain, target_harm=0.4, **LABORATORY)
    assert mix.attainable[:, 0].tolist() == [True, False]
    assert np.isinf(mix.cost[1, 0]) and np.isinf(mix.hours[1, 0]) and np.isnan(mix.outcome("harm")[1, 0])


def test_refusals_say_what_is_possible(forms, plain):
    with pytest.raises(InputError, match=r"not attainable in any draw.*lowest of any draw.*which half"):
        econ.cost.cheapest_mix(forms, plain, target_harm=1e-4, **LABORATORY)
    with pytest.raises(InputError, match=r"nothing to buy.*or the start 'untrained'"):
        econ.cost.cheapest_mix(forms, plain, target_harm=0.99)
    with pytest.raises(InputError, match="within the bounds"):
        econ.cost.cheapest_mix(forms, plain, target_harm=0.6, min_helpfulness=0.95, **LABORATORY)
    with pytest.raises(InputError, match="not measured"):
        econ.cost.pipeline_cost(forms, plain, pipeline="critic-written", target_harm=0.5)
    with pytest.raises(InputError, match="did you mean 'hybrid'"):
        econ.cost.pipeline_cost(forms, plain, pipeline="hybrids", target_harm=0.5)
    with pytest.raises(InputError, match="not a level"):
        econ.cost.cheapest_mix(forms, plain, target_harm="half")
    with pytest.raises(InputError, match="not a budget"):
        econ.cost.budget_frontier(forms, plain, budget=-1.0)
    with pytest.raises(InputError, match="was not fitted"):
        econ.cost.cheapest_mix(posterior("S1", [-6.2, 0.8, 6.6, -0.7, -0.7, -2.0, 0.0], outcomes=False), plain, target_harm=0.5,
                               min_helpfulness=0.5, **LABORATORY)  # fmt: skip


def test_levels_may_be_shares_of_the_start(forms, plain):
    case = prepare(forms, plain, units="laboratory")
    mix = mix_for(case, ["90%"])
    np.testing.assert_allclose(mix.target[:, 0], 0.9 * case.start_harm)
    assert np.all(mix.place != NOTHING)


def test_harm_along_a_ray_has_exact_derivatives(forms):
    case = prepare(forms, units="laboratory", start=(30.0, 100.0))
    s, theta, step = np.full((len(case), 1), 8.0), np.full((len(case), 1), 0.3), 1e-5
    h, fall, _ = harm_on_ray(case, s, theta)
    up, down = (harm_on_ray(case, s + d, theta)[0] for d in (step, -step))
    np.testing.assert_allclose(fall, (down - up) / (2.0 * step), rtol=1e-5, atol=1e-10)
    assert np.all((h > 0.0) & (h < 1.0))
