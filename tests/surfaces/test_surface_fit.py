"""The fit: recovers a known truth, prefers its form, refuses what the data cannot tell."""

import numpy as np
import pytest
from synthetic import V, measurements

from econ.core.errors import InputError
from econ.core.measurements import check_measurements, read_measurements
from econ.core.shipped import shipped_path
from econ.surfaces import load_surfaces
from econ.surfaces.bootstrap import allot, widening, world_weights
from econ.surfaces.cells import harm_cells, secondary_cells, select_rows
from econ.surfaces.comparison import stacking_weights
from econ.surfaces.estimate import fit_rows
from econ.surfaces.fit_secondary import fit_secondary
from econ.surfaces.forms import FORMS
from econ.surfaces.least_squares import fit_batch, harm_at, make_target
from econ.surfaces.monotonicity import monotonicity
from econ.surfaces.recovery import RECOVERED, TRUTHS, flat_is_refused, recover, synthetic_cells
from econ.surfaces.secondary import SecondaryBatch
from econ.surfaces.sigma import describe_sigma, prior_sigma
from econ.surfaces.variance import spread_of

#: Three verifiabilities instead of five, for speed.
FEWER = (1.0, 0.5, 0.1)


def cells_of(truth, **design):
    rows = select_rows(check_measurements(measurements(truth, **design), "synthetic"), "synthetic")
    return harm_cells(rows, "ood", "synthetic")


def test_cells_from_a_table_equal_synthetic_cells():
    table, direct = cells_of("S3", seed=5, worlds=6), synthetic_cells("S3", 5, worlds=6)
    order = np.lexsort((direct.v, direct.b, direct.a))
    np.testing.assert_allclose(table.rate, direct.rate[:, order], atol=1e-6)
    np.testing.assert_array_equal(table.a, direct.a[order])


def test_known_truths_are_recovered():
    # 20 repetitions of 8 quantities, dependent within a repetition: a wide band, not a coverage claim.
    found = [recover(truth, repetition, 60, FEWER) for truth in RECOVERED for repetition in range(1, 6)]
    covered = np.mean([one.covered for one in found], axis=0)
    assert covered.mean() >= 0.75 and np.all(covered >= 0.5), covered
    assert np.mean([one.won for one in found]) >= 0.75


@pytest.mark.hours
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("truth", RECOVERED)
def test_intervals_cover_as_often_as_they_say(truth):
    repetitions = 200
    found = [recover(truth, 1000 + r, 200) for r in range(repetitions)]
    share = np.mean([one.covered for one in found], axis=0)
    # 90 % nominal; ± 3 Monte Carlo standard errors (0.064) around 85 to 95 %.
    assert np.all((share >= 0.85 - 0.064) & (share <= 0.95 + 0.064)), share
    assert np.mean([one.won for one in found]) > 0.5


def test_flat_truth_is_refused():
    assert sum(flat_is_refused(seed, (0.5,)) for seed in range(1, 21)) >= 16  # 18 or more expected


def test_exact_data_return_the_parameters():
    cells = cells_of("S2, complements", world_sd=0.0)
    theta = np.array([TRUTHS["S2, complements"][1]])
    harm = harm_at(FORMS["S2"], theta, cells.a, cells.b, cells.v)
    exact = type(cells)(cells.a, cells.b, cells.v, cells.worlds, harm * cells.base[:, None], cells.base)
    target = make_target(exact, np.full(len(cells.a), 1e-8))
    found, _ = fit_batch(FORMS["S2"], target, np.ones((1, len(cells.worlds))), theta + 0.3, iterations=200)
    np.testing.assert_allclose(found, theta, atol=1e-3)


def test_rows_of_a_batch_do_not_depend_on_their_companions():
    cells = cells_of("S1, sigma 3", worlds=6)
    target = make_target(cells, spread_of(cells).total)
    weights = world_weights(1, 5, cells.worlds)
    start = np.tile(np.array(FORMS["S1"].prior)[:, 0], (5, 1))
    together, _ = fit_batch(FORMS["S1"], target, weights, start)
    alone, _ = fit_batch(FORMS["S1"], target, weights[3:4], start[3:4])
    np.testing.assert_allclose(together[3], alone[0], rtol=1e-9, atol=1e-9)


def test_variances_of_worlds_and_cells_are_recovered():
    found = spread_of(cells_of("S1, sigma 3", worlds=200))
    assert np.sqrt(found.world) == pytest.approx(0.2, rel=0.15)
    assert np.sqrt(found.cell.mean()) == pytest.approx(0.05, rel=0.15)


def test_bootstrap_weights_are_dirichlet_and_keyed_by_world():
    worlds = np.arange(1000, 1016)
    weights = world_weights(1, 4000, worlds)
    np.testing.assert_allclose(weights.sum(axis=1), 16.0)
    # Dirichlet(1) of 16: variance of a share is (1/16)(15/16)/17.
    assert (weights / 16).var(axis=0).mean() == pytest.approx(15 / 16**2 / 17, rel=0.05)
    fewer = world_weights(1, 10, worlds[:8])
    np.testing.assert_allclose(fewer[:, 0] / fewer[:, 5], weights[:10, 0] / weights[:10, 5])


def test_the_widening_factor_has_its_known_value():
    assert widening(16) == pytest.approx(1.13, abs=0.005)
    assert widening(4) > widening(16) > 1.0


def test_draws_are_allotted_by_weight():
    which = allot(np.array([0.2, 0.5, 0.3]), 1000)
    assert np.bincount(which).tolist() == [200, 500, 300]
    # Spread over the order: any run of 100 draws has about the same shares.
    assert np.ptp(np.bincount(which[:100], minlength=3) - np.array([20, 50, 30])) <= 6


def test_stacking_finds_the_best_mixture():
    # Half the worlds are predicted by one form, half by another: equal weights; the useless third gets none.
    scores = np.array([[0.0, -9.0, -50.0]] * 6 + [[-9.0, 0.0, -50.0]] * 6)
    np.testing.assert_allclose(stacking_weights(scores), [0.5, 0.5, 0.0], atol=1e-4)
    np.testing.assert_allclose(stacking_weights(scores[:6]), [1.0, 0.0, 0.0], atol=1e-3)


def test_companions_are_recovered_with_their_signs():
    rows = select_rows(check_measurements(measurements(), "synthetic"), "synthetic")
    worlds = harm_cells(rows, "ood", "synthetic").worlds
    weights = world_weights(1, 50, worlds)
    a, b = np.array([4096.0, 0.0, 256.0]), np.array([0.0, 4096.0, 1024.0])
    phi_a, phi_b = a / (a + 300), b / (b + 300)
    for outcome, true in (
        ("helpfulness", 0.6 - 0.08 * phi_a + 0.1 * phi_b),
        ("sycophancy", 1 / (1 + np.exp(0.4 - 1.2 * phi_b))),
        ("over_refusal", 1 / (1 + np.exp(2.0 - (0.5 + 0.8 * 0.5) * phi_a + 0.5 * phi_b))),
    ):
        cells = secondary_cells(rows, "ood", outcome, "synthetic")
        draws, _ = fit_secondary(cells, outcome, weights)
        batch = SecondaryBatch(outcome, draws.theta)
        value, _, _ = batch.evaluate(np.tile(a, (50, 1)), np.tile(b, (50, 1)), 0.5)
        np.testing.assert_allclose(value.mean(axis=0), true, atol=0.012)


def test_secondary_slopes_agree_with_differences():
    theta = np.array([[-1.0, 0.7, -0.3, 0.9, 0.2, 5.0, 6.0, 0.4, -0.6, -0.3]])
    for outcome in ("helpfulness", "over_refusal"):
        batch = SecondaryBatch(outcome, theta)
        a, b, step = np.array([[150.0]]), np.array([[700.0]]), 1e-3
        _, slope_a, slope_b = batch.evaluate(a, b, 0.4)
        rise_a = batch.evaluate(a + step, b, 0.4)[0] - batch.evaluate(a - step, b, 0.4)[0]
        rise_b = batch.evaluate(a, b + step, 0.4)[0] - batch.evaluate(a, b - step, 0.4)[0]
        assert slope_a.item() == pytest.approx(rise_a.item() / (2 * step), abs=1e-6)
        assert slope_b.item() == pytest.approx(rise_b.item() / (2 * step), abs=1e-6)


def test_a_sigma_that_the_design_cannot_tell_is_replaced_by_its_prior(monkeypatch):
    rows = select_rows(check_measurements(measurements(worlds=6, v=(1.0, 0.5)), "synthetic"), "synthetic")
    monkeypatch.setattr("econ.surfaces.sigma.WIDEST_LOG_SIGMA", 1e-6)
    surfaces = fit_rows(rows, "synthetic", draws=400)
    assert surfaces.kind == "prior"
    assert any(r["reason"] == "not identified" for r in surfaces.diagnostics["refusals"])
    shown = describe_sigma(surfaces, "ood")
    assert (shown["p05"], shown["p50"], shown["p95"]) == pytest.approx((0.5, 1.5, 3.0), rel=0.12)
    assert set(surfaces.batch([0]).form) == {"S1n"}
    assert np.quantile(prior_sigma(1, 20000), 0.95) == pytest.approx(3.0, rel=0.03)


def test_the_shipped_posterior_passes_through_what_was_measured():
    surfaces = load_surfaces()
    table = read_measurements(shipped_path("calibration", "lab", "surface", "measurements.parquet"))
    rows = table[(table["stage"] == "confirm") & (table["distribution"] == "ood") & (table["method"] == "hybrid")]
    at = surfaces.batch(np.arange(surfaces.count)).at([1.0])
    for a, b in [(1024, 0), (4096, 0), (0, 4096), (4096, 4096)]:
        cell = rows[(rows["a"] == a) & (rows["b"] == b) & (rows["v"] == 1.0)]["relative_harm"].astype(float)
        harm = at.evaluate(a / at.a_half + 1e-12, b / at.b_half[:, None] + 1e-12)[0]
        # Forms miss cell means by 0.035 (root mean square), twice that at the largest budgets.
        assert np.median(harm) == pytest.approx(cell.mean(), abs=0.1), (a, b)


def drop(table, **conditions):
    keep = np.ones(len(table), bool)
    for name, value in conditions.items():
        keep &= (table[name] == value).to_numpy()
    return table[~keep]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t[t["world"] < 1003], "too few worlds"),
        (lambda t: t[(t["a"] == 0) | (t["b"] == 0)], "both kinds of label"),
        (lambda t: t[(t["b"] > 0) | (t["a"] <= 64)], "too few budgets of this kind of label alone"),
        (lambda t: t.assign(stage="tune"), "stage"),
        (lambda t: t.assign(bias=np.where(t["world"] == 1000, 0.0, 2.0)), "bias"),
        (lambda t: t.assign(task="B"), "no rows can be fitted"),
        (lambda t: drop(t, world=1001, n=0).assign(violation_base=np.nan), "lacks its base model"),
    ],
)
def test_tables_that_cannot_carry_a_surface_are_refused(change, says):
    table = check_measurements(change(measurements(worlds=5, v=(0.5,))), "mine.parquet")
    with pytest.raises(InputError, match=says) as caught:
        fit_rows(select_rows(table, "mine.parquet"), "mine.parquet", draws=10)
    assert "mine.parquet" in str(caught.value)


def test_missing_outcomes_are_refused_by_name_and_harm_is_fitted():
    table = measurements(worlds=5, v=(0.5,))
    table.loc[table.index[3], "sycophancy"] = np.nan
    rows = select_rows(check_measurements(table, "mine.parquet"), "mine.parquet")
    surfaces = fit_rows(rows, "mine.parquet", draws=10)
    assert surfaces.outcomes == ("harm", "helpfulness", "over_refusal")
    assert [r["what"] for r in surfaces.diagnostics["refusals"] if r["reason"] == "missing"] == [
        "sycophancy, ood"
    ]
    with pytest.raises(InputError, match="sycophancy"):
        surfaces.batch([0]).secondary("sycophancy")


def test_the_design_of_the_laboratory_has_its_cells():
    cells = cells_of("S1, sigma 1.5", worlds=4)
    assert cells.rate.shape == (4, 35 * len(V))


def test_harm_that_rises_with_labels_is_counted_and_said():
    rows = select_rows(check_measurements(measurements(worlds=8, v=(1.0, 0.5, 0.1)), "x"), "x")
    honest = monotonicity(harm_cells(rows, "ood", "x"))
    assert honest["flags"]["steps"] == 6 * 5 * 3 and honest["flags"]["rises"] <= 2
    # Pairs beside many flags do damage.
    worse = rows.assign(violation=np.where((rows["a"] == 4096) & (rows["b"] >= 256), 0.6, rows["violation"]))
    found = monotonicity(harm_cells(worse, "ood", "x"))["pairs"]
    assert found["largest_rise"]["to"] == 256.0 and found["largest_rise"]["other"] == 4096.0
    worse = rows.assign(violation=np.where(rows["a"] == 4096, 0.6, rows["violation"]))
    said = fit_rows(worse, "x", draws=10).diagnostics["refusals"]
    assert any(r["what"] == "monotone harm in flags, ood" for r in said)
