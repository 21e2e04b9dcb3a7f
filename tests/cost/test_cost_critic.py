"""Labels that a critic wrote: closed forms, floors, scale, break-even, and where nothing was measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_posteriors import PLAIN, ces, posterior

import econ
from econ.core.errors import InputError
from econ.cost.breakeven import call_price_for
from econ.cost.critic import scale_of, why_unmeasured, written_for
from econ.cost.pipelines import measured_pipelines, purchase_for
from econ.cost.preparation import prepare
from econ.cost.summary import quantiles
from econ.cost.tables import cost_table
from econ.surfaces.critic import CriticCurves
from econ.surfaces.forms import logit
from econ.surfaces.posterior import Draws

BASE = {"id": 0.45, "ood": 0.65}
LABORATORY = {"units": "laboratory", "start": "untrained"}
CALLS, CALL_PRICE = 9.0, 0.01
ONE = ((0.3, np.log(900.0)),)


def curves(form, rows, distributions=("id", "ood"), outcomes=True, largest=8192.0, diagnostics=None):
    """Curves of one form, [D, P] parameters with the floor relative to the base in the place of its log-odds."""
    draws = {}
    for distribution in distributions:
        theta = np.full((len(rows), 12), np.nan)
        theta[:, : len(rows[0])] = rows
        if form != "power":
            theta[:, 0] = logit(theta[:, 0] * BASE[distribution])
        draws[("harm", distribution)] = Draws(np.full(len(rows), form), theta)
        # base, u_a, u_av, u_b, u_ab, log n_a, log n_b: the base is another than the surfaces'.
        for outcome, effect in (("helpfulness", -0.2), ("over_refusal", 1.5)) if outcomes else ():
            hill = np.full((len(rows), 12), np.nan)
            hill[:, :7] = [0.1, effect, 0.0, 0.0, 0.0, 6.0, 6.0]
            draws[(outcome, distribution)] = Draws(np.full(len(rows), "hill"), hill)
    return CriticCurves("", draws, largest, {name: BASE[name] for name in distributions}, CALLS, {"refusals": [], **(diagnostics or {})})


def with_critic(form="exponential", rows=ONE, surfaces=None, **options):
    """Response surfaces, of one draw for each row, with a critic."""
    own = ces() if surfaces is None else surfaces
    harm = own.draws[("harm", "ood")]
    repeated = posterior(harm.form[0], np.repeat(harm.theta[:1], len(rows), axis=0))
    return replace(repeated, critic=curves(form, rows, **options))


def test_the_cost_of_an_exponential_curve_is_in_closed_form(plain):
    prices = {**plain, "rules": 8, "price_rule_draft": 1_000.0, "minutes_rule_draft": 600.0, "minutes_ai_call": 0.5, "gpu_hours": 10.0}
    bought = econ.cost.pipeline_cost(with_critic(), prices, pipeline="critic-written", target_harm=[0.8, 0.5], **LABORATORY)
    h = np.array([0.8, 0.5])
    labels = 900.0 * np.log2(0.7 / (h - 0.3))
    np.testing.assert_allclose(bought.labels[0], labels, rtol=1e-10)
    np.testing.assert_allclose(bought.cost[0], labels * CALLS * CALL_PRICE + 8_000.0 + 20.0, rtol=1e-12)
    np.testing.assert_allclose(bought.hours[0], labels * CALLS * 0.5 / 60.0 + 80.0, rtol=1e-12)
    np.testing.assert_allclose(bought.average_cost[0], bought.cost[0] / (1.0 - h), rtol=1e-12)
    dollars, hours = bought.margins()
    fall = np.log(2.0) / 900.0 * (h - 0.3)
    np.testing.assert_allclose(dollars[0], CALLS * CALL_PRICE / fall, rtol=1e-9)
    np.testing.assert_allclose(hours[0], CALLS * 0.5 / 60.0 / fall, rtol=1e-9)
    np.testing.assert_allclose(bought.outcome("harm")[0], h, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    form=st.sampled_from([("hill", 3), ("exponential", 2), ("power", 2)]),
    place=st.tuples(st.floats(0.0, 0.6), st.floats(4.0, 9.0), st.floats(-1.0, 0.7)),
    share=st.lists(st.floats(0.02, 0.98), min_size=2, max_size=4, unique=True),
)
def test_any_curve_is_inverted_and_costs_rise_as_targets_fall(form, place, share):
    name, width = form
    floor, scale, shape = place
    row = (scale, shape) if name == "power" else (max(floor, 1e-6), scale, shape)[:width]
    lowest = 0.0 if name == "power" else row[0]
    targets = sorted((lowest + s * (1.0 - lowest) for s in share), reverse=True)
    bought = written_for(prepare(with_critic(name, (row,)), PLAIN, **LABORATORY), targets)
    assert bought.attainable.all()
    np.testing.assert_allclose(bought.outcome("harm")[0], targets, rtol=1e-6)
    assert np.all(np.diff(bought.cost[0]) >= 0.0) and np.all(bought.cost[0] > 0.0)
    step = 1e-5 * bought.labels
    h = (bought.case.critic.harm(bought.labels + sign * step)[0] for sign in (1.0, -1.0))
    fall = -np.subtract(*h) / (2.0 * step)
    np.testing.assert_allclose(bought.margins()[0], CALLS * CALL_PRICE / fall, rtol=1e-3)


def test_below_the_floor_and_on_a_rising_curve_nothing_is_attainable(plain):
    rows = ((0.3, np.log(900.0)), (0.6, np.log(900.0)), (1.2, np.log(900.0)))
    bought = written_for(prepare(with_critic(rows=rows), plain, **LABORATORY), [0.5, 0.3, 1.0])
    assert bought.attainable.tolist() == [[True, False, True], [False, False, True], [False, False, True]]
    assert np.isinf(bought.cost[1, 0]) and np.isinf(bought.hours[1, 0]) and np.isnan(bought.outcome("harm")[1, 0])
    assert np.all(bought.cost[:, 2] == 0.0) and np.all(bought.nothing[:, 2]) and np.all(bought.labels[:, 2] == 0.0)
    np.testing.assert_allclose(bought.case.critic.floor(), [0.3, 0.6, 1.0])


def test_more_labels_than_were_measured_are_flagged(plain):
    bought = written_for(prepare(with_critic(largest=1000.0), plain, **LABORATORY), [0.8, 0.4, 0.1])
    assert bought.extrapolated()[0, :2].tolist() == [0.0, 1.0] and np.isnan(bought.extrapolated()[0, 2])


def test_a_commercial_label_is_scaled_as_a_pair_is_and_transfer_plays_no_part(plain):
    prices = {**plain, "scale_preferences": 2.0}
    laboratory, commercial, moved = (
        written_for(prepare(with_critic(), prices, start="untrained", **options), [0.5])
        for options in ({"units": "laboratory"}, {"units": "commercial"}, {"units": "commercial", "transfer": 0.0})
    )
    case = commercial.case
    _, pairs = case.laboratory_labels(np.ones((1, 1)), np.ones((1, 1)))
    np.testing.assert_allclose(commercial.labels * pairs, laboratory.labels, rtol=1e-12)
    np.testing.assert_allclose(moved.cost, commercial.cost, rtol=1e-12)
    slope = (written_for(case, [0.499]).cost - written_for(case, [0.501]).cost) / 0.002
    np.testing.assert_allclose(commercial.margins()[0], slope, rtol=1e-4)


def test_other_outcomes_start_from_the_untrained_model_of_the_surfaces(plain):
    case = prepare(with_critic(), plain, **LABORATORY)
    bought = written_for(case, [0.9999999, 0.5])
    none = np.zeros((1, 1))
    for outcome in ("helpfulness", "over_refusal"):
        base = case.secondary(outcome, none, none)[0][0, 0]
        assert bought.outcome(outcome)[0, 0] == pytest.approx(base, abs=1e-4)
    assert bought.outcome("helpfulness")[0, 1] < 0.55 and bought.outcome("over_refusal")[0, 1] > 0.15
    with pytest.raises(InputError, match=r"sycophancy: this outcome was not fitted for labels that a critic wrote"):
        bought.outcome("sycophancy")


@pytest.mark.parametrize("rival", ["preference-only", "negative-only", "hybrid"])
def test_at_the_break_even_price_of_a_call_both_cost_the_same(plain, rival):
    prices = {**plain, "rules": 2, "price_rule_draft": 500.0, "gpu_hours": 3.0}
    price = econ.cost.break_even_call_price(with_critic(), prices, target_harm=0.5, rival=rival, **LABORATORY)
    case = prepare(with_critic(), {**prices, "price_ai_call": float(price[0])}, **LABORATORY)
    assert written_for(case, [0.5]).cost[0, 0] == pytest.approx(purchase_for(case, rival, [0.5]).cost[0, 0], rel=1e-9)


def test_break_even_prices_where_one_side_never_arrives(plain):
    rows = ((0.3, np.log(900.0)), (0.6, np.log(900.0)))
    case = prepare(with_critic(rows=rows), plain, **LABORATORY)
    assert call_price_for(case, "negative-only", 0.5)[1] == 0.0 and call_price_for(case, "negative-only", 0.5)[0] > 0.0
    floor = posterior("S1", [-6.2, 0.8, 6.6, -0.7, -0.7, 2.0, 0.0])
    high = prepare(with_critic(rows=rows, surfaces=floor), plain, **LABORATORY)
    found = call_price_for(high, "negative-only", 0.5)
    assert np.isinf(found[0]) and np.isnan(found[1]) and np.isnan(call_price_for(high, "negative-only", 1.0)).all()
    dear = prepare(with_critic(), {**plain, "rules": 1, "price_rule_draft": 1e12}, **LABORATORY)
    assert call_price_for(dear, "preference-only", 0.9)[0] == 0.0


def test_without_measurements_and_on_top_of_labels_there_is_no_cost_but_a_reason(plain):
    cases = {
        "no labels that a critic wrote": prepare(ces(), plain, **LABORATORY),
        "only their effect from the start 'untrained'": prepare(with_critic(), plain, units="laboratory"),
        "not measured under the distribution 'ood'": prepare(with_critic(distributions=("id",)), plain, **LABORATORY),
    }
    for said, case in cases.items():
        assert said in why_unmeasured(case) and "critic-written" not in measured_pipelines(case)
        with pytest.raises(InputError, match="not measured: "):
            written_for(case, [0.5])
        table = cost_table([case], [0.5])
        critic = table[table["pipeline"].str.startswith("critic")]
        assert critic["status"].tolist() == ["not measured"] and critic["p50"].isna().all()
    held = prepare(with_critic(), plain, units="laboratory", start=(0.0, 10.0))
    assert "untrained" in why_unmeasured(held) and not why_unmeasured(prepare(with_critic(), plain, units="laboratory", start=(0.0, 0.0)))


def test_the_table_holds_the_critic_as_another_pipeline(plain):
    rows = tuple((floor, np.log(900.0)) for floor in (0.2, 0.3, 0.55))
    table = cost_table([prepare(with_critic(rows=rows), plain, **LABORATORY)], [0.8, 0.5, 0.25])
    own = table[table["pipeline"] == "critic-written"]
    assert {"lowest_harm", "cost", "hours", "average_cost", "marginal_cost", "marginal_hours", "critic_labels", "ai_calls", "helpfulness",
            "over_refusal", "extrapolated", "scale", "pair_half_saturation", "least_measured_harm", "share_attainable_exponential"} == set(own["quantity"])  # fmt: skip
    cost = own[own["quantity"] == "cost"].set_index("target_harm")
    np.testing.assert_allclose(cost["share_attainable"], [1.0, 2.0 / 3.0, 1.0 / 3.0])
    assert cost["status"].tolist() == ["", "", "not attainable"] and np.isinf(cost.loc[0.25, "p50"])
    against = table[table["quantity"] == "break_even_call_price"]
    assert set(against["pipeline"]) == {"critic-written against preference-only", "critic-written against negative-only"}


def test_rules_that_are_tried_too_cost_as_much_more_as_was_measured(plain):
    prices = {**plain, "rules": 8, "price_rule_draft": 1_000.0, "minutes_rule_draft": 600.0}
    plainly, tried = (
        with_critic(diagnostics={"fixed_minutes": own, "flag_fixed_minutes": 480.0}) for own in (480.0, 600.0)
    )
    less, more = (written_for(prepare(surfaces, prices, **LABORATORY), [0.5]) for surfaces in (plainly, tried))
    assert more.cost[0, 0] - less.cost[0, 0] == pytest.approx(2_000.0)
    assert more.hours[0, 0] - less.hours[0, 0] == pytest.approx(20.0)
    price = call_price_for(more.case, "negative-only", 0.5)
    there = prepare(tried, {**prices, "price_ai_call": float(price[0])}, **LABORATORY)
    assert written_for(there, [0.5]).cost[0, 0] == pytest.approx(purchase_for(there, "negative-only", [0.5]).cost[0, 0], rel=1e-9)
    assert with_critic(diagnostics={"fixed_minutes": 600.0, "flag_fixed_minutes": None}).critic.drafting == 1.0


def test_one_scale_serves_both_distributions():
    surfaces = with_critic()
    harm = surfaces.draws[("harm", "id")].theta.copy()
    harm[:, 2] += 1.5
    surfaces.draws[("harm", "id")] = replace(surfaces.draws[("harm", "id")], theta=harm)
    ood, other = (prepare(surfaces, PLAIN, start="untrained", distribution=name) for name in ("ood", "id"))
    assert other.at.b_half[0] == pytest.approx(np.exp(1.5) * ood.at.b_half[0])
    assert scale_of(other)[0] == scale_of(ood)[0] == pytest.approx(1.0 / (ood.per_b * ood.at.b_half)[0])
    assert scale_of(prepare(surfaces, PLAIN, distribution="id", **LABORATORY))[0] == 1.0


def test_calls_are_worth_what_the_other_costs_at_the_critics_own_setting(forms):
    count, v = forms.count, 0.93
    rows = tuple((floor, np.log(900.0)) for floor in np.linspace(0.1, 0.7, count))
    surfaces = replace(forms, critic=curves("exponential", rows, diagnostics={"setting": {"v": v}}))
    prices = {**PLAIN, "transfer": 0.3}
    case, same = (prepare(surfaces, prices, start="untrained", **options) for options in ({}, {"transfer": 1.0, "verifiability": v}))
    table = cost_table([case], [0.6]).set_index(["pipeline", "quantity"])
    for rival in ("preference-only", "negative-only"):
        versus, written = f"critic-written against {rival}", written_for(case, [0.6])
        there, here = (purchase_for(one, rival, [0.6]) for one in (same, case))
        assert table.loc[(rival, "cost_at_critics_setting"), "p50"] == pytest.approx(quantiles(there.cost[:, 0])["p50"])
        assert table.loc[(versus, "break_even_call_price"), "p50"] == pytest.approx(quantiles(call_price_for(same, rival, 0.6))["p50"])
        assert table.loc[(versus, "break_even_call_price"), "share_attainable"] == np.mean(written.attainable | there.attainable)
        assert table.loc[(versus, "share_cheaper_at_critics_setting"), "p50"] == np.mean(written.cost < there.cost)
        assert table.loc[(versus, "share_cheaper"), "p50"] == np.mean(written.cost < here.cost)
    assert table.loc[("negative-only", "cost_at_critics_setting"), "p50"] < table.loc[("negative-only", "cost"), "p50"]


def test_a_floor_that_was_refused_is_marked_and_forms_are_counted_apart(plain):
    refused = [{"what": "floor, ood", "reason": "not identified", "why": "so"}]
    measured = {"ood": {"measured": [0.9, 0.64, 0.7]}}
    surfaces = with_critic(rows=((0.3, np.log(900.0)), (0.6, np.log(900.0))), diagnostics={"refusals": refused, "harm": measured})
    harm = surfaces.critic.draws[("harm", "ood")]
    harm.form[:], harm.theta[1, 2] = ["exponential", "hill"], 0.0
    table = cost_table([prepare(surfaces, plain, **LABORATORY)], [0.5])
    own = table[table["pipeline"] == "critic-written"].set_index("quantity")
    assert own.loc["lowest_harm", "status"] == "not identified" and own.loc["least_measured_harm", "p50"] == 0.64
    assert own.loc[["share_attainable_exponential", "share_attainable_hill"], "p50"].tolist() == [1.0, 0.0]
    # Below half of the draws in which either attains it there is no median.
    none = cost_table([prepare(surfaces, {**plain}, **LABORATORY)], [1e-4])
    assert set(none.loc[none["quantity"] == "break_even_call_price", "status"]) == {"not attainable"}


def test_a_draw_of_the_critic_does_not_depend_on_how_many_there_are():
    rows = tuple((floor, np.log(half)) for floor, half in zip(np.linspace(0.1, 0.6, 8), np.geomspace(300, 3000, 8), strict=True))
    few, every = (written_for(prepare(with_critic(rows=rows), start="untrained", draws=count), [0.7]) for count in (3, None))
    np.testing.assert_allclose(few.cost, every.cost[:3], rtol=1e-12)
