"""Curves of labels that a critic wrote: a known truth, the shipped measurements, files, refusals."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest
from synthetic import critic_measurements

from econ.core.errors import InputError
from econ.core.measurements import check_measurements, read_measurements
from econ.core.shipped import shipped_path
from econ.surfaces import load_surfaces
from econ.surfaces.cells import Cells
from econ.surfaces.critic_files import write_critic
from econ.surfaces.curves import CurveFit, CurveForm
from econ.surfaces.fit_critic import CriticFit, critic_rows, fit_critic, floor_refusal, refuse_other_setting
from econ.surfaces.fit_secondary import free_parameters
from econ.surfaces.forms import logit
from econ.surfaces.posterior import Draws
from econ.surfaces.secondary import PARAMETERS

DRAWS = 60


def fitted(path, draws=DRAWS):
    return fit_critic(critic_rows(read_measurements(path), "mine"), "mine", seed=1, draws=draws)


@pytest.fixture(scope="module")
def known(critic_table):
    return fitted(critic_table)


def test_a_known_curve_is_found(known):
    for distribution in ("id", "ood"):
        batch = known.batch(np.arange(DRAWS), distribution)
        n = np.array([100.0, 800.0, 2500.0, 8192.0])
        low, middle, high = np.quantile(batch.harm(np.broadcast_to(n, (DRAWS, 4)))[0], [0.05, 0.5, 0.95], axis=0)
        truth = 0.5 + 0.5 * 2.0 ** (-n / 800.0)
        np.testing.assert_allclose(middle, truth, atol=0.04)
        assert np.all(low < truth + 0.02) and np.all(high > truth - 0.02)
        labels = batch.labels(np.full((DRAWS, 1), 0.75))
        assert np.median(labels) == pytest.approx(800.0, rel=0.15)
        help_ = batch.secondary("helpfulness", np.broadcast_to(n, (DRAWS, 4)), np.full(DRAWS, 0.6))
        np.testing.assert_allclose(np.median(help_, axis=0), 0.6 - 0.08 * n / (n + 900.0), atol=0.01)
    assert known.ai_calls == 9.0 and known.largest == 8192.0 and known.diagnostics["fixed_minutes"] == 600.0
    assert known.batch(np.arange(3), "id").outcomes == ("helpfulness",)


def test_the_shipped_curves_pass_through_the_measured_points():
    critic = load_surfaces().critic
    table = pd.read_parquet(shipped_path("calibration", "lab", "full") / "measurements.parquet")
    table = table[(table["method"] == "cai_dpo") & (table["stage"] == "confirm")]
    index = np.arange(1000)
    for distribution in ("id", "ood"):
        rows = table[table["distribution"] == distribution]
        by_budget = rows.groupby("n")
        n = np.array(sorted(rows["n"].unique()), float)
        batch, labels = critic.batch(index, distribution), np.broadcast_to(n, (1000, len(n)))
        predicted = {"relative_harm": batch.harm(labels)[0]}
        for outcome in ("helpfulness", "over_refusal"):
            predicted[outcome] = batch.secondary(outcome, labels, critic.draws[(outcome, distribution)].theta[:, 0])
        for outcome, values in predicted.items():
            error = (by_budget[outcome].std() / np.sqrt(by_budget["world"].nunique())).to_numpy(float)
            low, high = np.quantile(values, [0.05, 0.95], axis=0)
            measured = by_budget[outcome].mean().to_numpy(float)
            assert np.all(low - 2.0 * error <= measured) and np.all(measured <= high + 2.0 * error), (distribution, outcome)
        # Between the two largest budgets the curve lies within what was measured there.
        middle = np.median(batch.harm(np.full((1000, 1), 5246.0))[0])
        assert abs(middle - by_budget["relative_harm"].mean().iloc[-2:].mean()) < 0.05
    assert critic.ai_calls == 9.0 and len(critic.diagnostics["worlds"]) == 8


def test_parameters_of_labels_that_were_not_trained_on_cost_no_freedom():
    n = np.array([16.0, 256, 4096])
    a, b = (grid.ravel() for grid in np.meshgrid(np.append(0.0, n), np.append(0.0, n)))
    joint = Cells(a[1:], b[1:], np.tile([0.1, 1.0, 0.5], 5), np.arange(4), np.full((4, 15), 0.5), np.full(4, 0.6))
    alone = Cells(n, 0.0 * n, 0.0 * n, np.arange(4), np.full((4, 3), 0.5), np.full(4, 0.6))
    # Alone: u_a, u_t, its half-saturation and its exponent.
    assert free_parameters(joint) == len(PARAMETERS) - 1 and free_parameters(alone) == 4


@pytest.mark.parametrize(
    ("hill", "exponential", "says"),
    [
        ((0.50, 900.0), (0.55, 800.0), None),
        ((0.35, 900.0), (0.68, 800.0), "hill 0.35 .* exponential 0.68"),
        ((0.50, 9_000.0), (0.55, 800.0), "9,000 labels.* of 8,192 measured"),
    ],
)
def test_a_floor_is_identified_only_where_no_form_decides_it(hill, exponential, says):
    base, n = 0.5, np.geomspace(16, 8192, 8)
    cells = Cells(n, 0.0 * n, 0.0 * n, np.arange(4), np.full((4, 8), 0.4), np.full(4, base))
    forms, rows = [], []
    for name, (floor, half), rest in (("hill", hill, [0.0]), ("exponential", exponential, []), ("power", (0.5, 1.0), [])):
        theta = np.array([logit(floor * base), np.log(half), *rest])
        forms.append(CurveFit(CurveForm(name, base), theta, theta[None], np.zeros(4), 0.0, 0.0))
        rows.append(np.pad(theta, (0, 12 - len(theta)), constant_values=np.nan))
    # No draw follows the power curve, whose floor is 0: it decides nothing.
    drawn = Draws(np.array(["hill", "exponential", "exponential"]), np.array([rows[0], rows[1], rows[1]]))
    refused = floor_refusal(CriticFit(cells, forms, np.array([1.0, 2.0, 0.0]) / 3.0, drawn))
    if says is None:
        assert refused is None
    else:
        assert refused[:2] == ("floor", "not identified") and re.search(says, refused[2])


def test_a_curve_that_has_come_to_rest_has_a_floor():
    table = critic_measurements(lambda n: 0.5 + 0.5 * 2.0 ** (-n / 100.0), seed=2)
    curves = fit_critic(critic_rows(check_measurements(table, "mine"), "mine"), "mine", seed=1, draws=DRAWS)
    for distribution in ("id", "ood"):
        assert not curves.floor_refused(distribution) and abs(curves.least_measured(distribution) - 0.5) < 0.05


def test_the_shipped_floors_are_refused_and_drafting_is_related_to_flags():
    critic = load_surfaces().critic
    assert critic.drafting == 1.25 and critic.verifiability == pytest.approx(0.93)
    for distribution in critic.distributions:
        (said,) = [r for r in critic.diagnostics["refusals"] if r["what"] == f"floor, {distribution}"]
        assert said["reason"] == "not identified" and "hill" in said["why"] and critic.floor_refused(distribution)


def test_an_outcome_with_one_value_missing_is_said_to_be():
    table = critic_measurements(lambda n: 0.5 + 0.5 * 2.0 ** (-n / 800.0))
    row = table.index[(table["n"] == 95) & (table["distribution"] == "id")][0]
    table.loc[row, "helpfulness"] = np.nan
    curves = fit_critic(critic_rows(check_measurements(table, "mine"), "mine"), "mine", seed=1, draws=4)
    what = [r["what"] for r in curves.diagnostics["refusals"] if r["reason"] == "missing"]
    assert "helpfulness, id" in what and "helpfulness, ood" not in what
    assert ("helpfulness", "id") not in curves.draws and ("helpfulness", "ood") in curves.draws


def test_draws_keep_their_own_weights_whatever_their_number(critic_table, known):
    more = fitted(critic_table, 2 * DRAWS)
    few = known.draws[("helpfulness", "ood")].theta
    np.testing.assert_allclose(more.draws[("helpfulness", "ood")].theta[:DRAWS], few, rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t[t["label_kind"] != "critic"], "no labels that a critic wrote are here"),
        (lambda t: t.assign(stage="tune"), "no labels that a critic wrote are here"),
        (lambda t: t.assign(method=t["method"].where(t["n"] != 39, "cai_sl")), "method: a critic's curve needs one setting"),
        (lambda t: t.assign(v=np.where(t["n"] == 39, 0.5, 0.93)), "v: a critic's curve needs one setting"),
        (lambda t: t.drop(columns="ai_calls"), "ai_calls: the critic's labels do not say"),
        (lambda t: t[t["world"] < 1003], "world: too few for a critic's curve"),
        (lambda t: t[t["n"].isin((0, 16, 95, 8192))], "n: too few for a critic's curve"),
    ],
)
def test_what_carries_no_curve_is_refused_in_one_sentence(change, says):
    table = check_measurements(change(critic_measurements(lambda n: 0.5 + 0.5 * 2.0 ** (-n / 800.0))), "mine")
    with pytest.raises(InputError, match=says) as caught:
        fit_critic(critic_rows(table, "mine"), "mine", seed=1, draws=4)
    assert "\n" not in str(caught.value)


def test_labels_that_did_nothing_have_no_curve():
    table = check_measurements(critic_measurements(lambda n: 1.0 + 0.0 * n), "mine")
    with pytest.raises(InputError, match="did nothing"):
        fit_critic(critic_rows(table, "mine"), "mine", seed=1, draws=4)


def test_another_setting_than_the_surfaces_is_refused():
    own, surface = ({"n": [16, 39], "coverage": [rules, rules]} for rules in (4.0, 8.0))
    knobs = {name: np.nan for name in ("bias", "flag_bias", "confounding", "comp", "harm_weight")}
    knobs |= {"label_kind": "critic", "extra": None}
    own, surface = (pd.DataFrame(part).assign(**knobs) for part in (own, surface))
    with pytest.raises(InputError, match=r"coverage: the critic was measured in another setting.*found '4'; allowed: 8"):
        refuse_other_setting(own, surface, "mine")
    with pytest.raises(InputError, match=r"refusal: the critic was measured in another setting.*found '\"off\"'; allowed: default"):
        refuse_other_setting(surface.assign(extra='{"refusal": "off"}'), surface, "mine")
    # Whose judgement the critic's is says nothing of the surfaces.
    refuse_other_setting(surface.assign(extra='{"critic_noise": 0.1}'), surface, "mine")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda d: (d / "critic.parquet").write_bytes(b"x" * 99), "damaged or were changed"),
        (lambda d: (d / "critic.parquet").unlink(), "lacks its draws"),
        (lambda d: (d / "critic.json").write_text("{"), "not valid JSON"),
        (lambda d: (d / "critic.json").write_text((d / "critic.json").read_text().replace(": 9.0", ": 1.0")), "damaged or was changed"),
    ],
)
def test_damaged_files_are_refused(synthetic_surfaces, known, tmp_path, damage, says):
    copy = tmp_path / "copy"
    shutil.copytree(synthetic_surfaces, copy)
    write_critic(copy, load_surfaces(copy), known, [])
    assert load_surfaces(copy).critic is not None
    damage(copy)
    with pytest.raises(InputError, match=says):
        load_surfaces(copy)


def test_curves_beside_other_surfaces_are_refused(synthetic_surfaces, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(synthetic_surfaces, copy)
    for name in ("critic.json", "critic.parquet"):
        shutil.copy(shipped_path("calibration", "surfaces", "default") / name, copy / name)
    with pytest.raises(InputError, match="beside other response surfaces"):
        load_surfaces(copy)
