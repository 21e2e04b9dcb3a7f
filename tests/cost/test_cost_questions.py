"""Break-even points, shares, the value of information and tables."""

from __future__ import annotations

import numpy as np
import pytest
from small_posteriors import ces, mixed_posterior, posterior

import econ
from econ.cost.information import information_for
from econ.cost.mix import mix_for, pipeline_for
from econ.cost.preparation import prepare
from econ.cost.summary import MIX_COLUMNS, quantiles
from econ.cost.tables import COST_COLUMNS, cost_table

LABORATORY = {"units": "laboratory", "start": "untrained"}


def test_at_the_break_even_price_both_pipelines_cost_the_same(forms, plain):
    prices = {**plain, "rules": 4, "price_rule_draft": 100.0}
    ratio = econ.cost.break_even_price_ratio(forms, prices, target_harm=0.75, **LABORATORY)
    known = np.isfinite(ratio) & (ratio > 0.0)
    assert known.sum() > 5
    case = prepare(forms, prices, **LABORATORY).with_price_ratio(np.where(known, ratio, 1.0))
    negative, preference = (pipeline_for(case, name, [0.75]).cost[:, 0] for name in ("negative-only", "preference-only"))
    np.testing.assert_allclose(negative[known], preference[known], rtol=1e-9)


def test_a_pipeline_that_never_gets_there_is_worth_no_price(plain):
    only_flags = posterior("S3", [-6.0, 0.0, 0.0, -2.0, 0.0, 6.3, 0.0, 3.0, 0.0])
    only_pairs = posterior("S3", [-6.0, 0.0, 0.0, 3.0, 0.0, 6.3, 0.0, -2.0, 0.0])
    neither = posterior("S3", [-6.0, 0.0, 0.0, 3.0, 0.0, 6.3, 0.0, 3.0, 0.0])
    ratios = [econ.cost.break_even_price_ratio(s, plain, target_harm=0.5, **LABORATORY)[0] for s in (only_flags, only_pairs, neither)]
    assert ratios[0] == np.inf and ratios[1] == 0.0 and np.isnan(ratios[2])


@pytest.mark.parametrize("rho", [0.4, -0.8])
def test_at_the_break_even_transfer_both_kinds_take_half_the_outlay(plain, rho):
    surfaces = ces(s=20.0, rho=rho, a0=1e4)
    # Constraints do less than preferences without transfer, so that some transfer makes them equal.
    prices = {**plain, "status_quo_constraints": 3e6, "status_quo_preferences": 1e6}
    options = {"start": "untrained", "verifiability": 0.5}
    found = econ.cost.break_even_transfer(surfaces, prices, target_harm=0.5, **options)
    assert 0.0 < found.transfer[0] < 1.0
    case = prepare(surfaces, prices, **options).with_transfer(found.transfer)
    assert mix_for(case, [0.5]).share[0, 0] == pytest.approx(0.5, abs=0.01)


def test_without_a_break_even_transfer_the_prevailing_kind_is_named(plain):
    found = econ.cost.break_even_transfer(
        ces(), {**plain, "status_quo_constraints": 1.0, "status_quo_preferences": 1e12}, target_harm=0.5,
        start="untrained", verifiability=0.5,
    )  # fmt: skip
    assert np.isnan(found.transfer[0])
    assert (found.mostly_constraints, found.mostly_preferences) == (1.0, 0.0)


def test_dearer_constraints_lose_share_where_labels_substitute_and_gain_it_where_they_complement(plain):
    for rho, sign in ((0.5, -1.0), (-1.0, 1.0)):
        share = econ.cost.share_by_price_ratio(ces(rho=rho), plain, target_harm=0.5, ratios=[0.5, 2.0, 8.0], verifiability=0.5, **LABORATORY)
        assert np.all(sign * np.diff(share[0]) > 0.0)


def test_a_unit_elasticity_gives_each_kind_half_the_outlay(forms, plain):
    share = econ.cost.share_by_elasticity(forms, plain, target_harm=0.6, sigmas=[0.999, 1.0, 1.001], verifiability=0.5, **LABORATORY)
    np.testing.assert_allclose(share[:, 1], 0.5, atol=1e-4)
    np.testing.assert_allclose(share[:, [0, 2]], 0.5, atol=0.01)


def test_information_is_worth_nothing_without_uncertainty_and_something_with_it(forms, plain):
    certain = information_for(prepare(ces(s=100.0), plain, verifiability=0.5, **LABORATORY), 50_000.0)
    assert certain.saving == pytest.approx(0.0, abs=2.0) and certain.harm == certain.informed_harm
    found = econ.cost.value_of_information(forms, budget=[2e4, 2e5], start="untrained")
    for each in found:
        assert each.informed_harm < each.harm and 0.0 < each.saving < each.budget and 0.0 <= each.share <= 1.0


def test_quantiles_may_be_infinite_and_leave_out_what_is_missing():
    found = quantiles(np.array([1.0, 2.0, np.nan, np.inf, np.inf]))
    assert found["p05"] == 1.0 and found["p95"] == np.inf
    assert quantiles(np.array([0.3]))["p50"] == 0.3 and np.isnan(quantiles(np.array([0.3]))["p95"])
    assert all(np.isnan(v) for v in quantiles(np.full(3, np.nan)).values())


def test_the_table_answers_in_words_where_there_is_no_number(forms):
    table = cost_table([prepare(forms, start="untrained"), prepare(forms)], [0.9, 1e-3])
    assert list(table.columns) == list(COST_COLUMNS)
    critic = table[table["pipeline"] == "critic-written"]
    assert set(critic["status"]) == {"not measured"} and critic["p50"].isna().all()
    low = table[(table["quantity"] == "cost") & (table["target_harm"] == 1e-3) & (table["pipeline"] == "hybrid")]
    assert set(low["status"]) == {"not attainable"} and np.isinf(low["p50"]).all() and (low["share_attainable"] == 0.0).all()
    met = table[(table["start"] == "status-quo") & (table["quantity"] == "cost") & (table["target_harm"] == 0.9) & (table["pipeline"] == "hybrid")]
    assert met["status"].tolist() == ["nothing to buy"] and met["p50"].tolist() == [0.0]
    costs = table[(table["quantity"] == "cost") & table["p05"].notna()]
    assert (costs["p05"] <= costs["p50"]).all() and (costs["p50"] <= costs["p95"]).all()


def test_a_mix_from_a_prior_of_sigma_is_marked_not_identified():
    prior = mixed_posterior(each=2)
    prior = posterior(prior.draws[("harm", "ood")].form, prior.draws[("harm", "ood")].theta, kind="prior")
    table = cost_table([prepare(prior, start="untrained")], [0.9])
    hybrid = table[(table["pipeline"] == "hybrid") & (table["quantity"] == "cost")]
    pure = table[(table["pipeline"] == "negative-only") & (table["quantity"] == "cost")]
    assert set(hybrid["status"]) == {"not identified"} and set(pure["status"]) == {""}


def test_the_table_of_a_mix_names_what_comes_with_it(forms, plain):
    mix = econ.cost.cheapest_mix(forms, plain, target_harm=["90%", 0.6], **LABORATORY)
    table = mix.table()
    assert list(table.columns) == list(MIX_COLUMNS)
    assert {"constraints", "preferences", "share_constraints", "cost", "hours", "helpfulness", "sycophancy", "over_refusal"} <= set(table["quantity"])
    assert sorted(table["target_harm"].unique()) == [0.6, 0.9] and table["share_of_start"].min() == 0.9
    places = table[table["quantity"].str.startswith("buys_") & (table["target_harm"] == 0.6)]["p50"].sum()
    assert places == pytest.approx(mix.attainable[:, 1].mean())
    assert "<table" in mix._repr_html_()
