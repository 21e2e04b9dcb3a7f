"""A stored sweep as an object: its tables are those on the disk, and what was changed is refused."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest
from fake_market import FLOWS, FakeSurfaces, simulate
from sweep_of_fakes import SweptScenario

import econ
from econ.core.errors import InputError
from econ.ensemble.engine import Engine
from econ.ensemble.execute import silent
from econ.ensemble.sweeps import schedulers
from econ.ensemble.sweeps.execute import Shard, plan_sweep, run_sweep
from econ.ensemble.sweeps.spec import Sweep

SWEEP = {"name": "test", "design": "grid", "keys": {"levers.commons": [0.0, 0.1, 0.2]}, "replicates": 3, "quarters": 4, "scenario": "<b>x</b>"}


def _swept(out, **options):
    planned = plan_sweep(Sweep.model_validate(SWEEP), SweptScenario(), FakeSurfaces())
    run_sweep(planned, Engine(simulate, FLOWS), out, schedulers.here, progress=silent, **options)
    return out


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    return _swept(tmp_path_factory.mktemp("sweep") / "whole")


def test_tables_are_those_on_the_disk(swept):
    sweep = econ.open_sweep(swept)
    pd.testing.assert_frame_equal(sweep.index, pd.read_parquet(swept / "index.parquet"))
    pd.testing.assert_frame_equal(sweep.summary, pd.read_parquet(swept / "summary.parquet"))
    order = ["point", "replicate", "quarter"]
    whole = pd.read_parquet(swept / "outcomes").astype({"point": "int64"}).sort_values(order, ignore_index=True)
    found = sweep.outcomes().sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(found, whole[found.columns])
    assert sweep.points == [0, 1, 2] and sweep.manifest["sweep"]["name"] == "test"


def test_chosen_outcomes_of_chosen_points(swept):
    sweep = econ.open_sweep(str(swept))
    found = sweep.outcomes("harm_rate", points=[2, 0])
    assert list(found.columns) == ["point", "replicate", "quarter", "harm_rate"] and set(found["point"]) == {0, 2}
    dataset = sweep.dataset()
    assert dataset.count_rows() == len(sweep.outcomes()) and "point" in dataset.schema.names
    table = dataset.to_table(columns=["point", "harm_rate"]).to_pandas()
    assert table.groupby("point")["harm_rate"].mean().to_dict() == pytest.approx(sweep.outcomes("harm_rate").groupby("point")["harm_rate"].mean().to_dict())


def test_a_copy_is_given_so_that_nothing_is_spoilt(swept):
    sweep = econ.open_sweep(swept)
    index, summary = sweep.index, sweep.summary
    index["point"] = -1
    del summary["mean"]
    assert sweep.index["point"].tolist() == [0, 1, 2] and "mean" in sweep.summary


def test_a_notebook_shows_the_extremes_escaped(swept):
    page, sweep = econ.open_sweep(swept)._repr_html_(), econ.open_sweep(swept)
    assert "<b>" not in page and "&lt;b&gt;x" in page and "commons 0.2" in page and "not forecasts" in page
    assert "3 points x 3 replicates" in repr(sweep) and set(sweep.extremes["variable"]) <= set(sweep.summary["variable"])


def test_a_shard_says_so(tmp_path):
    sweep = econ.open_sweep(_swept(tmp_path / "part", shard=Shard(2, 2)))
    assert sweep.points == [1] and "part 2 of 2" in repr(sweep)


@pytest.mark.parametrize("name", ["index.parquet", "summary.parquet", "manifest.json"])
def test_a_changed_table_is_refused(swept, tmp_path, name):
    copy = tmp_path / "copy"
    shutil.copytree(swept, copy)
    if name == "manifest.json":
        facts = json.loads((copy / name).read_text())
        (copy / name).write_text(json.dumps(facts | {"replicates": 99}))
    else:
        (copy / name).write_bytes((copy / name).read_bytes() + b" ")
    with pytest.raises(InputError, match="changed"):
        econ.open_sweep(copy)


def test_a_changed_point_is_refused_when_it_is_read(swept, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(swept, copy)
    path = next((copy / "outcomes" / "point=1").glob("*.parquet"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    sweep = econ.open_sweep(copy)
    assert len(sweep.outcomes("harm_rate", points=[0]))
    for read in (lambda: sweep.outcomes("harm_rate"), sweep.dataset):
        with pytest.raises(InputError, match="changed after the sweep"):
            read()


def test_what_is_no_sweep_is_refused(swept, tmp_path):
    with pytest.raises(InputError, match="no finished sweep"):
        econ.open_sweep(tmp_path)
    with pytest.raises(InputError, match="unfinished"):
        econ.open_sweep(tmp_path / "x.partial")
    sweep = econ.open_sweep(swept)
    with pytest.raises(InputError, match=r"no such outcome.*did you mean 'harm_rate'"):
        sweep.outcomes("harm_rat")
    with pytest.raises(InputError, match="no such point"):
        sweep.outcomes(points=[9])
