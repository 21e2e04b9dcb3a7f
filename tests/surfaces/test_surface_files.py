"""The surfaces' directory: identical for identical input, refused when damaged; imposed elasticities."""

import io
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from econ.core.errors import InputError
from econ.report.laboratory.tables import corrected_sigma
from econ.report.laboratory.text import print_surfaces
from econ.surfaces import imposed, load_surfaces
from econ.surfaces.estimate import fit_files
from econ.surfaces.files import SLOPES
from econ.surfaces.posterior import STATUS_QUO, V_LEVELS
from econ.surfaces.stored import COLUMNS


def test_the_files_hold_what_they_promise(synthetic_surfaces):
    names = sorted(path.name for path in synthetic_surfaces.iterdir())
    assert names == ["draws.parquet", "manifest.json", "surfaces.json"]
    table = pd.read_parquet(synthetic_surfaces / "draws.parquet")
    expected = ["draw", "outcome", "distribution", "form", *COLUMNS, "sigma", *SLOPES, "extrapolated"]
    assert list(table.columns) == expected
    assert str(table["draw"].dtype) == "int32" and str(table["form"].dtype) == "category"
    assert set(table["outcome"]) == {"harm", "helpfulness", "sycophancy", "over_refusal"}
    assert len(table) == 60 * 4 * 2
    described = json.loads((synthetic_surfaces / "surfaces.json").read_text())
    assert described["kind"] == "measured" and described["domain"]["a"] == 4096
    assert set(described["base_violation"]) == {"id", "ood"}
    assert described["measurements"][0]["file"] == "measurements.parquet"
    weights = [form["weight"] for form in described["diagnostics"]["harm"]["ood"]["forms"].values()]
    assert sum(weights) == pytest.approx(1.0)


def test_the_same_input_gives_the_same_bytes_with_a_critic_beside_it_or_without(synthetic_tables, synthetic_surfaces, critic_table, tmp_path):
    fitted = fit_files([synthetic_tables.parent], tmp_path / "again", critic=[critic_table], draws=60)
    loaded = load_surfaces(tmp_path / "again")
    assert loaded.hash == fitted.hash == load_surfaces(synthetic_surfaces).hash and load_surfaces(synthetic_surfaces).critic is None
    assert loaded.critic.hash == fitted.critic.hash == json.loads((tmp_path / "again" / "manifest.json").read_text())["critic"]["hash"]
    for key, drawn in fitted.critic.draws.items():
        np.testing.assert_array_equal(loaded.critic.draws[key].theta, drawn.theta)
        assert loaded.critic.draws[key].form.tolist() == drawn.form.tolist()
    for name in ("draws.parquet", "surfaces.json"):
        assert (tmp_path / "again" / name).read_bytes() == (synthetic_surfaces / name).read_bytes()


def test_a_finished_result_is_not_overwritten(synthetic_tables, synthetic_surfaces):
    with pytest.raises(InputError, match="--force"):
        fit_files([synthetic_tables], synthetic_surfaces)


def test_loaded_slopes_equal_the_table(synthetic_surfaces):
    surfaces = load_surfaces(synthetic_surfaces)
    table = pd.read_parquet(synthetic_surfaces / "draws.parquet")
    harm = table[(table["outcome"] == "harm") & (table["distribution"] == "ood")]
    batch = surfaces.batch(np.arange(surfaces.count))
    slope_a, slope_b = batch.slopes(V_LEVELS)
    np.testing.assert_allclose(np.hstack([slope_a, slope_b]), harm[list(SLOPES)], rtol=1e-12)
    # The same slopes from the labels' side.
    at = batch.at(V_LEVELS)
    x0, y0 = STATUS_QUO
    _, d_a, d_b, _ = at.evaluate_labels(x0 * at.a_half, y0 * at.b_half[:, None])
    np.testing.assert_allclose(slope_a, -d_a, rtol=1e-9)
    np.testing.assert_allclose(slope_b, -d_b, rtol=1e-9)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda d: (d / "draws.parquet").write_bytes(b"x" * 99), "damaged or were changed"),
        (lambda d: (d / "draws.parquet").unlink(), "lacks its draws"),
        (lambda d: (d / "surfaces.json").write_text("{"), "not valid JSON"),
        (lambda d: (d / "surfaces.json").write_text('{"schema_version": 1}'), "does not describe"),
        (lambda d: (d / "surfaces.json").unlink(), "econ lab fit"),
        (
            lambda d: (d / "surfaces.json").write_text(
                (d / "surfaces.json").read_text().replace('"kind": "measured"', '"kind": "imposed"')
            ),
            "damaged or was changed",
        ),
        (
            lambda d: (d / "surfaces.json").write_text(
                (d / "surfaces.json").read_text().replace('"schema_version": 2', '"schema_version": 9')
            ),
            "another schema version",
        ),
    ],
)
def test_damaged_or_foreign_files_are_refused_in_one_sentence(synthetic_surfaces, tmp_path, damage, says):
    copy = tmp_path / "copy"
    shutil.copytree(synthetic_surfaces, copy)
    damage(copy)
    with pytest.raises(InputError, match=says) as caught:
        load_surfaces(copy)
    assert "\n" not in str(caught.value)


def test_a_directory_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="no such directory"):
        load_surfaces("nowhere")


@pytest.mark.parametrize("sigma", [0.5, 1.0, 1.5, 3.0])
def test_an_imposed_elasticity_keeps_level_slopes_and_says_so(synthetic_surfaces, sigma):
    measured = load_surfaces(synthetic_surfaces)
    changed = imposed(sigma, measured)
    assert changed.kind == "imposed" and changed.hash != measured.hash
    draws = np.arange(measured.count)
    before, after = measured.batch(draws), changed.batch(draws)
    x, y = np.full((len(draws), 1), STATUS_QUO[0]), np.full((len(draws), 1), STATUS_QUO[1])
    np.testing.assert_allclose(
        after.at([0.5]).evaluate(x, y)[0], before.at([0.5]).evaluate(x, y)[0], rtol=1e-9
    )
    ratio_before, ratio_after = (np.divide(*batch.slopes(V_LEVELS)) for batch in (before, after))
    np.testing.assert_allclose(ratio_after, ratio_before, rtol=0.02)
    np.testing.assert_allclose(after.at([0.5]).elasticity_of_substitution(), sigma, rtol=1e-5)


def test_an_impossible_elasticity_is_refused(synthetic_surfaces):
    for sigma in (-1.0, 0.0, float("nan"), 1e6):
        with pytest.raises(InputError, match="sigma"):
            imposed(sigma, load_surfaces(synthetic_surfaces))


def test_wrong_draws_distributions_and_verifiabilities_are_refused(synthetic_surfaces):
    surfaces = load_surfaces(synthetic_surfaces)
    for call, says in (
        (lambda: surfaces.batch([60]), "no such posterior draw"),
        (lambda: surfaces.batch([-1]), "no such posterior draw"),
        (lambda: surfaces.batch([0], "odd"), "did you mean 'ood'"),
        (lambda: surfaces.batch([0]).at([1.2]), "verifiability"),
    ):
        with pytest.raises(InputError, match=says):
            call()


def test_positions_beyond_the_budgets_are_marked(synthetic_surfaces):
    at = load_surfaces(synthetic_surfaces).batch([0, 1]).at([0.5])
    inside, outside = 4095.0 / at.a_half, 4097.0 / at.a_half
    y = np.ones((2, 1))
    assert not at.extrapolated(inside, y).any()
    assert at.extrapolated(outside, y).all()


def test_intervals_of_sigma_stand_in_the_manifest_and_are_printed(synthetic_surfaces):
    corrected = corrected_sigma(synthetic_surfaces)
    surfaces = load_surfaces(synthetic_surfaces)
    assert set(corrected) == set(surfaces.distributions)
    for found in corrected.values():
        assert 0.02 <= found["low"] <= found["high"] <= 50.0 and found["level"] == 0.9
        assert sum(own["weight"] for own in found["by_form"].values()) == pytest.approx(1.0)
    console = Console(width=200, record=True, file=io.StringIO())
    print_surfaces(surfaces, console, corrected)
    assert console.export_text().count("BCa over worlds") == len(corrected)
