"""Running a manifest again: identical tables, a table that differs, surfaces that are not there."""

from __future__ import annotations

import pytest

import econ
from econ.core.errors import InputError
from econ.core.files import file_hash
from econ.core.manifests import read_manifest, write_manifest
from econ.report.reproduce import design_of, reproduce


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    out = tmp_path_factory.mktemp("stored") / "run"
    scenario = econ.load_scenario("public_commons").with_settings({"population.labelers": 200})
    econ.run(scenario, replicates=2, quarters=2, workers=1, out=out)
    return out


def _copy(stored, place):
    for path in stored.iterdir():
        if path.is_file():
            (place / path.name).write_bytes(path.read_bytes())
    return place


def test_a_stored_run_is_reproduced_to_the_last_bit(stored):
    found = reproduce(stored, workers=1)
    assert found.identical
    assert (found.largest_difference, found.where, found.versions) == (0.0, None, {})


def test_a_changed_value_is_found_and_named(stored, tmp_path):
    import pandas as pd

    place = _copy(stored, tmp_path)
    table = pd.read_parquet(place / "outcomes.parquet")
    table.loc[3, "wage_judge"] *= 1.01
    table.to_parquet(place / "outcomes.parquet")
    manifest = read_manifest(place / "manifest.json")
    manifest["files"]["outcomes.parquet"] = file_hash(place / "outcomes.parquet")
    write_manifest(place, manifest)
    found = reproduce(place, workers=1)
    assert not found.reproduced
    assert found.where == "outcomes.wage_judge"
    assert found.largest_difference == pytest.approx(0.01 / 1.01)


def test_other_surfaces_under_the_same_name_are_refused(stored):
    manifest = econ.open_run(stored).manifest
    other = manifest.model_copy(update={"surfaces": manifest.surfaces.model_copy(update={"hash": "0" * 64})})
    with pytest.raises(InputError, match="other surfaces"):
        design_of(other, stored)
