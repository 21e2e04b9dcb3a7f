"""Outcomes recomputed by hand from the state and events of one quarter."""

from __future__ import annotations

import numpy as np
import pytest
import small_market as small

from econ.market.by_place import norms_by_place
from econ.market.quarter import advance
from econ.market.record import record

IDEAL = np.array([[0.0, 0.0], [0.7, 0.3], [-0.4, 0.9]])


@pytest.fixture(scope="module")
def quarter():
    """Setting, status quo, state, events and outcomes of quarter 4, with a commons and a price shock."""
    scenario = small.baseline(6, labelers=300, firms=10).with_levers(
        commons=0.05, cert_max_violation=0.6, pref_price_shock=1.5, training_subsidy=0.5
    )
    s = small.build(scenario, replicates=(0, 1, 2), quarters=6)
    quo, intercepts, state = small.at_start(s)
    reach = None
    for q in range(-24, 5):
        before = state
        state, events = advance(s, quo, intercepts, state, q)
        if q == 0:
            reach = state.public.norm_reach.copy()
        state, columns = record(s, quo, state, events)
    assert reach is not None
    np.testing.assert_array_equal(state.public.norm_reach, reach)  # fixed from quarter 0
    return s, quo, before, state, events, columns


def test_budgets_are_what_the_ledger_says(quarter):
    _, _, _, state, e, columns = quarter
    flow = e.ledger.total
    labels = sum(flow(x) for x in ("pref_labels", "bespoke", "inhouse_labels", "ai_labels", "pref_shock", "pref_shock_tax"))
    np.testing.assert_allclose(columns["label_spend"], labels, rtol=1e-12)
    np.testing.assert_allclose(columns["vendor_spend"], flow("pref_labels") + flow("bespoke"), rtol=1e-12)
    own = e.orders.cost_constraint[..., 1:].sum(axis=(1, 2, 3))
    constraint = flow("bespoke") + own
    np.testing.assert_allclose(columns["bespoke_share"], constraint / labels, rtol=1e-12)
    total = labels + flow("licence")
    np.testing.assert_allclose(columns["constraint_budget_share"], (constraint + flow("licence")) / total, rtol=1e-12)
    np.testing.assert_allclose(columns["spend_per_revenue"], total / state.firms.revenue.sum(axis=(1, 2)), rtol=1e-12)


def test_concentration_by_hand(quarter):
    s, _, _, state, e, columns = quarter
    f, c = state.firms, state.curators
    for r in range(s.size):
        service = np.zeros(s.slots)
        sales = np.zeros((s.firms, s.slots))
        for i, k in np.ndindex(s.firms, s.slots):
            sales[i, k] = e.orders.vendor_preference[r, i, k] * e.work.fill[r, k, 0] * e.price_preference[r, k]
            sales[i, k] += (e.orders.vendor_constraint[r, i, k] * e.price_constraint[r, k]).sum() * e.work.fill[r, k, 1]
            sales[i, k] += (f.library[r, i] == k) * e.fee_paid[r, k]
        licence = np.array([(f.library[r] == k).sum() * e.fee_paid[r, k] for k in range(s.slots)])
        service = sales.sum(axis=0) - licence + (e.orders.commons[r] * e.price_constraint[r]).sum(axis=1) * e.work.fill[r, :, 1]
        np.testing.assert_allclose(columns["hhi_service"][r], 1e4 * ((service / service.sum()) ** 2).sum(), rtol=1e-9)
        np.testing.assert_allclose(columns["top_share_service"][r], service.max() / service.sum(), rtol=1e-9)
        income = service + licence
        some = income > 0
        largest = (sales.max(axis=0)[some] / income[some] * income[some]).sum() / income.sum()
        np.testing.assert_allclose(columns["top_customer_share"][r], largest, rtol=1e-9)
        fee = e.fee_paid[r, e.active[r]].mean()
        np.testing.assert_allclose(columns["licence_price"][r], fee, rtol=1e-12)
        payers = ((f.library[r] >= 0) & (f.library[r] < s.slots)).sum()
        assert columns["licence_payers"][r] == payers
        if payers >= 4:
            np.testing.assert_allclose(columns["hhi_licence"][r], 1e4 * ((licence / licence.sum()) ** 2).sum(), rtol=1e-9)
        else:
            assert np.isnan(columns["hhi_licence"][r])
        if payers + (f.library[r] == s.slots).sum() >= 4:
            everyone = np.append(licence, (f.library[r] == s.slots).sum() * fee)
            np.testing.assert_allclose(
                columns["hhi_licence_incl_commons"][r], 1e4 * ((everyone / everyone.sum()) ** 2).sum(), rtol=1e-9
            )
        else:
            assert np.isnan(columns["hhi_licence_incl_commons"][r])
        outlay = f.outlay_preference[r] + f.outlay_constraint[r].sum(axis=1)
        np.testing.assert_allclose(columns["hhi_buyers"][r], 1e4 * ((outlay / outlay.sum()) ** 2).sum(), rtol=1e-9)
        assert columns["curators_active"][r] == c.active[r].sum()
    assert np.isfinite(columns["hhi_licence"]).any()


def test_harm_and_its_marginal_cost_by_hand(quarter):
    s, quo, _, state, e, columns = quarter
    f = state.firms
    frequency = quo.request_frequency
    for r in range(s.size):
        weight = f.users[r, ..., None] * frequency[r]
        np.testing.assert_allclose(columns["harm_rate"][r], (weight * e.safety.harm[r]).sum() / weight.sum(), rtol=1e-12)
        users = f.users[r].sum(axis=1)
        cost = []
        for i in range(s.firms):
            avoided = (300 * weight[i] * e.safety.slope_b[r, i]).sum()
            cost.append(e.orders.mix_preference.effective_price[r, 0] * (0.025 + 0.18) / avoided)
        expected = (users * cost).sum() / users.sum()
        np.testing.assert_allclose(columns["cost_per_harm_avoided_preference"][r], expected, rtol=1e-9)
        damage = (f.users[r, ..., None] * quo.damage_per_user[r] * e.safety.harm[r]).sum()
        np.testing.assert_allclose(columns["harm_damage"][r], damage, rtol=1e-9)
        np.testing.assert_allclose(columns["harm_damage_per_user"][r], damage / users.sum(), rtol=1e-9)


def test_labor_by_hand(quarter):
    s, quo, before, state, e, columns = quarter
    people = state.labelers
    unit, moved = quo.technology.wage_unit, 0.0
    for r in range(s.size):
        pays, weights, effort, wages, retraining = [], [], 0.0, 0.0, 0.0
        for g in range(3):
            abilities = e.supply.efficiency[r, people.bounds[r, g] : people.bounds[r, g + 1]]
            judges, others = iter(abilities), iter(abilities[::-1])
            for i in range(people.bounds[r, g], people.bounds[r, g + 1]):
                o = people.occupation[r, i] - 1
                if o < 0:
                    continue
                ability = next((judges, others)[o])
                hourly = (e.split[r, :, g, o] * e.paid_wage[r, :, g, o] * e.paid_share[r, :, g, o]).sum()
                pays.append(ability * hourly)
                weights.append(people.persons[r, g])
                effort += np.exp(people.reservation[r, i]) * unit[r, g] * people.persons[r, g] * 390
                if before.labelers.last[r, i] != o + 1:
                    retraining += 0.25 * (1 - e.levers.training_subsidy[r]) * ability * hourly * people.persons[r, g] * 390
        pays, weights = np.array(pays), np.array(weights)
        gap = np.abs(pays[:, None] - pays[None]) * weights[:, None] * weights[None]
        gini = gap.sum() / (2 * weights.sum() * (weights * pays).sum())
        np.testing.assert_allclose(columns["wage_gini"][r], gini, rtol=1e-9)
        wages = e.ledger.total("wages")[r]
        moved += retraining
        np.testing.assert_allclose(columns["labeler_surplus"][r], wages - effort - retraining, rtol=1e-9, atol=1e-9 * wages)
        np.testing.assert_allclose(columns["employment_judge"][r] + columns["employment_constrain"][r], weights.sum(), rtol=1e-12)
        worked = before.labelers.occupation[r] > 0
        gone = worked & (people.occupation[r] == 0)
        region = np.searchsorted(people.bounds[r], np.arange(s.labelers), side="right") - 1
        persons = people.persons[r][region]
        np.testing.assert_allclose(columns["labeler_exit_rate"][r], (gone * persons).sum() / (worked * persons).sum(), rtol=1e-12)
    assert moved > 0, "somebody changed occupation"
    used = e.work.used
    np.testing.assert_allclose(
        columns["wage_judge"], (used * e.paid_wage)[..., 0].sum(axis=(1, 2)) / used[..., 0].sum(axis=(1, 2)), rtol=1e-12
    )
    np.testing.assert_allclose((used * e.paid_wage).sum(axis=(1, 2, 3)), e.ledger.total("wages"), rtol=1e-12)


def test_capture_and_misfit_by_hand(quarter):
    s, _, _, state, e, columns = quarter
    f, c, public = state.firms, state.curators, state.public
    for r in range(s.size):
        users = f.users[r].sum(axis=0)
        market = users / users.sum()
        parts, misfit, export = np.zeros(3), 0.0, 0.0
        for j in range(3):
            moved = np.linalg.norm(public.norm[r, j] - IDEAL[j])
            parts += market[j] * np.array(
                [
                    np.clip(moved / public.norm_reach[r, j], 0, 1), e.influence.industry_share[r, j],
                    np.clip((public.fee_multiple[r, j] - 1) / 3, 0, 1),
                ]
            )  # fmt: skip
            governed = np.array([f.users[r, f.library[r] == k, j].sum() for k in range(s.slots + 1)])
            if governed.sum() == 0:
                continue
            for k in range(s.slots + 1):
                gap = governed[k] / governed.sum() * np.linalg.norm(e.rules.norm[r, k, j] - IDEAL[j])
                misfit += market[j] * gap
                if k < s.slots and c.home[r, k] != j:
                    export += market[j] * gap
        np.testing.assert_allclose(columns["capture_index"][r], parts.mean(), rtol=1e-9)
        np.testing.assert_allclose(
            [columns[x][r] for x in ("capture_displacement", "industry_influence", "fee_inflation")], parts, rtol=1e-9, atol=1e-12
        )
        np.testing.assert_allclose(columns["norm_misfit"][r], misfit, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(columns["norm_export"][r], export, rtol=1e-9, atol=1e-12)


def test_welfare_parts_by_hand(quarter):
    _, quo, _, state, e, columns = quarter
    flow = e.ledger.total
    firm = flow("product") - sum(
        flow(x)
        for x in (
            "compute", "pref_labels", "bespoke", "inhouse_labels", "ai_labels", "pref_shock", "pref_shock_tax", "licence",
            "switching", "premium", "retained_liability", "fines", "lobby_firms",
        )
    )  # fmt: skip
    np.testing.assert_allclose(columns["firm_profit"], firm, rtol=1e-12)
    curator = sum(flow(x) for x in ("pref_labels", "bespoke", "licence", "commons")) - sum(
        flow(x)
        for x in (
            "wages", "overhead", "licence_support", "local_norm_cost", "entry_cost", "cert_fees", "provenance_claims", "lobby_curators",
        )
    )  # fmt: skip
    np.testing.assert_allclose(columns["curator_profit"], curator, rtol=1e-9)
    spent = sum(flow(x) for x in ("commons", "provenance_audits", "audit_cost", "training"))
    earned = sum(flow(x) for x in ("cert_fees", "fines", "pref_shock_tax"))
    np.testing.assert_allclose(columns["public_cost"], spent - earned, rtol=1e-9)
    damage = e.incidents.damage.sum(axis=(1, 2))
    np.testing.assert_allclose(columns["uninsured_harm"], damage - flow("claims") - flow("retained_liability"), rtol=1e-9)
    flattery = 0.01 * quo.price * (state.firms.users.sum(axis=2) * e.safety.quality.sycophancy).sum(axis=1)
    np.testing.assert_allclose(columns["sycophancy_harm"], flattery, rtol=1e-12)
    total = columns["consumer_surplus"] - columns["lobby_public"] + firm + curator + flow("premium") - flow("claims")
    total = total + columns["labeler_surplus"] - columns["public_cost"] + flow("provenance_claims")
    np.testing.assert_allclose(columns["welfare"], total - columns["uninsured_harm"] - flattery, rtol=1e-9)
    assert np.all(np.isfinite(total))


def test_outcomes_by_place_add_up(quarter):
    _, _, _, state, e, columns = quarter
    for number, occupation in enumerate(("judge", "constrain")):
        parts = [columns[f"employment_{occupation}_{region}"] for region in ("low_income", "us_generalist", "expert")]
        np.testing.assert_allclose(sum(parts), columns[f"employment_{occupation}"], rtol=1e-12)
        for g, region in enumerate(("low_income", "us_generalist", "expert")):
            used = e.work.used[:, :, g, number].sum(axis=1)
            paid = (e.work.used * e.paid_wage)[:, :, g, number].sum(axis=1)
            wage = np.where(used > 0, paid / np.where(used > 0, used, 1.0), np.nan)
            np.testing.assert_allclose(columns[f"wage_{occupation}_{region}"], wage, rtol=1e-12)
    weight = state.firms.users.sum(axis=1) / state.firms.users.sum(axis=(1, 2))[:, None]
    places = ("j1", "j2", "j3")
    by_place = np.stack([sum(columns[f"norm_loss_{o}_{j}"] for o in (*places, "commons")) for j in places], axis=1)
    np.testing.assert_allclose((weight * by_place).sum(axis=1), columns["norm_misfit"], rtol=1e-12)
    abroad = np.stack([sum(columns[f"norm_loss_{o}_{j}"] for o in places if o != j) for j in places], axis=1)
    np.testing.assert_allclose((weight * abroad).sum(axis=1), columns["norm_export"], rtol=1e-12)


def test_loss_from_norms_goes_to_the_home_of_the_library():
    gaps = np.zeros((1, 4, 3))
    gaps[0, 0, 1], gaps[0, 1, 1], gaps[0, 2, 0], gaps[0, 3, 2] = 0.1, 0.2, 0.4, 0.8
    found = norms_by_place(gaps, np.array([[0, 0, 2]]))
    nonzero = {name: float(value[0]) for name, value in found.items() if value[0]}
    assert nonzero == pytest.approx({"norm_loss_j1_j2": 0.3, "norm_loss_j3_j1": 0.4, "norm_loss_commons_j3": 0.8})
