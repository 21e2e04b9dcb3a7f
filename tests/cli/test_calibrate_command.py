"""`econ calibrate`, with the real market at its smallest."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import yaml

from econ.scenario import load_scenario

SPEC = """
schema_version: 1
name: tiny
scenario: {scenario}
parameters:
  parameters.curator_quality_sd: {{log_uniform: [0.8, 3.2]}}
moments: [M1a, M2a]
replicates: 2
quarters: 1
points: 10
refinement: 0
truths: 3
check_replicates: 2
"""


@pytest.fixture
def tiny(tmp_path):
    """A calibration of one parameter over a small market."""
    scenario = tmp_path / "small.yaml"
    scenario.write_text("schema_version: 1\nname: small\nextends: baseline\npopulation: {labelers: 100}\n")
    path = tmp_path / "tiny.yaml"
    path.write_text(SPEC.format(scenario=scenario))
    return path


def test_a_calibration_writes_tables_figures_and_scenarios_that_load(econ, tiny, tmp_path):
    code, out, err = econ("calibrate", tiny, "--workers", 1, "--csv", "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    for said in ("Parameters", "Facts fitted", "Facts not fitted", "Identified directions", "curator_quality_sd"):
        assert said in out
    directory = tmp_path / "out"
    names = {path.name for path in directory.iterdir()}
    assert {"manifest.json", "draws.parquet", "parameters.csv", "moments.csv", "directions.csv", "profiles.csv"} <= names
    assert "points" not in names
    for name in ("draws", "design", "recovery"):
        text = pd.read_csv(directory / f"{name}.csv")
        pd.testing.assert_frame_equal(text, pd.read_parquet(directory / f"{name}.parquet"), check_dtype=False)
    for figure in ("moment_fit", "profiles"):
        assert (directory / "figures" / f"{figure}.png").stat().st_size > 10_000
    point = load_scenario(directory / "calibrated.yaml").resolved()["parameters"]["curator_quality_sd"]
    written = yaml.safe_load((directory / "calibrated.yaml").read_text())["parameters"]["curator_quality_sd"]
    assert 0.8 <= point == written <= 3.2
    prior = load_scenario(directory / "calibrated_priors.yaml").resolved()["parameters"]["curator_quality_sd"]["uniform"]
    assert 0.8 <= prior[0] < prior[1] <= 3.2
    manifest = json.loads((directory / "manifest.json").read_text())
    assert (manifest["kind"], manifest["facts"]) == ("calibration", ["M1a", "M2a"])

    code, _, err = econ("calibrate", tiny, "--out", directory)
    assert code == 2
    assert "--force" in err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[M1a, M2a]", "[M1a, M23]", "held out"),
        ("curator_quality_sd", "curator_qualty_sd", "did you mean 'curator_quality_sd'"),
        ("[0.8, 3.2]", "[-1, 3.2]", "above 0"),
    ],
)
def test_bad_calibrations_are_refused_before_anything_is_computed(econ, tiny, tmp_path, old, new, said):
    tiny.write_text(tiny.read_text().replace(old, new))
    code, out, err = econ("calibrate", tiny, "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert said in err
    assert not (tmp_path / "out.partial").exists()
