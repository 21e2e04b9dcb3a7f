"""Sweeps: designs, resuming, shards, damage, refusals; the market is the fake one."""

from __future__ import annotations

import json
import time
from functools import partial

import numpy as np
import pandas as pd
import pytest
from fake_market import FLOWS, FakeSurfaces, simulate
from sweep_of_fakes import SweptScenario

from econ.core.errors import InputError, InputErrors
from econ.core.shipped import SWEEPS, shipped_names
from econ.ensemble.engine import Engine
from econ.ensemble.execute import silent
from econ.ensemble.sweeps import schedulers
from econ.ensemble.sweeps.collect import collect_shards, read_shards
from econ.ensemble.sweeps.execute import Shard, plan_sweep, run_sweep
from econ.ensemble.sweeps.points import settings_of
from econ.ensemble.sweeps.spec import Sweep, load_sweep, sweep_faults
from econ.ensemble.sweeps.store import PointStore
from econ.scenario.faults import MOST_TOLD

ENGINE = Engine(simulate, FLOWS)


def _sweep(**changes) -> Sweep:
    raw = {"name": "test", "design": "grid", "keys": {"levers.commons": [0.0, 0.1, 0.2, 0.3, 0.4]}, "replicates": 3, "quarters": 4}
    return Sweep.model_validate(raw | changes)


def _planned(**changes):
    return plan_sweep(_sweep(**changes), SweptScenario(), FakeSurfaces())


def _run(planned, out, scheduler=schedulers.here, **options):
    return run_sweep(planned, ENGINE, out, scheduler, progress=silent, **options)


def _tables(out) -> dict[str, pd.DataFrame]:
    """Everything that a sweep gives, in a fixed order of rows."""
    whole = pd.read_parquet(out / "outcomes").sort_values(["point", "replicate", "quarter"], ignore_index=True)
    return {"outcomes": whole} | {name: pd.read_parquet(out / f"{name}.parquet") for name in ("index", "summary")}


def _assert_equal(here, there) -> None:
    for name, table in _tables(here).items():
        pd.testing.assert_frame_equal(table, _tables(there)[name])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("sweep") / "whole"
    _run(_planned(), out)
    return out


# Designs ---------------------------------------------------------------------------------------
def test_grid_is_the_product_of_all_lists():
    points = settings_of(_sweep(keys={"a": [1, 2], "b": ["x", "y", "z"]}))
    assert points == [{"a": a, "b": b} for a in (1, 2) for b in "xyz"]


def test_one_at_a_time_begins_with_the_scenario_as_it_is():
    points = settings_of(_sweep(design="one_at_a_time", keys={"a": [1, 2], "b": [3]}))
    assert points == [{}, {"a": 1}, {"a": 2}, {"b": 3}]


def test_latin_hypercube_has_one_point_in_each_slice_of_each_key():
    points = settings_of(_sweep(design="latin_hypercube", points=20, keys={"a": [0, 1], "b": [-5, 5]}))
    for key, low, width in (("a", 0.0, 1.0), ("b", -5.0, 10.0)):
        slices = np.floor((np.array([p[key] for p in points]) - low) / width * 20)
        assert sorted(slices) == list(range(20))


def test_sobol_fills_more_evenly_than_chance_and_depends_on_the_seed():
    from scipy.stats import qmc

    sweep = _sweep(design="sobol", points=64, keys={"a": [0, 1], "b": [0, 1]})
    points = np.array([list(p.values()) for p in settings_of(sweep)])
    assert qmc.discrepancy(points) < 0.3 * qmc.discrepancy(np.random.default_rng(0).random((64, 2)))
    assert settings_of(sweep) == settings_of(sweep)
    assert settings_of(sweep) != settings_of(sweep.model_copy(update={"seed": 2}))


# Results ---------------------------------------------------------------------------------------
def test_the_dataset_has_every_point_and_means_are_those_of_its_rows(whole):
    tables = _tables(whole)
    outcomes, index, summary = tables["outcomes"], tables["index"], tables["summary"]
    assert outcomes.groupby("point").size().tolist() == [3 * 12] * 5
    assert index["levers.commons"].tolist() == [0.0, 0.1, 0.2, 0.3, 0.4]
    # Of four quarters all count, and none of the eight of the burn-in that are reported too.
    last = outcomes[(outcomes["quarter"] >= 0) & (outcomes["point"] == 3)]
    by_replicate = last.groupby("replicate")["wage_judge"].mean()
    row = summary[(summary["point"] == 3) & (summary["variable"] == "wage_judge")].iloc[0]
    assert row["mean"] == pytest.approx(by_replicate.mean())
    assert row["mc_error"] == pytest.approx(by_replicate.std() / np.sqrt(3))


def test_what_is_shown_of_a_short_sweep_is_of_the_quarters_that_its_summary_averages(whole):
    from econ.report.sweep import read_sweep, sweep_facts

    facts = sweep_facts(read_sweep(whole))
    assert facts["averaged_quarters"] == 4
    assert all(row["difference"] == pytest.approx(row["greatest"] - row["least"]) for row in facts["headlines"] if row["variable"] != "hhi_licence")
    assert {row["variable"] for row in facts["headlines"]} >= {"harm_rate", "wage_constrain"}


def test_duckdb_and_pandas_read_the_dataset_as_one_table(whole):
    import duckdb

    here = duckdb.sql(f"SELECT point, avg(harm_rate) AS harm FROM '{whole}/outcomes/*/*.parquet' WHERE quarter >= 2 GROUP BY ALL ORDER BY point").df()
    outcomes = _tables(whole)["outcomes"].query("quarter >= 2")
    assert here["harm"].to_numpy() == pytest.approx(outcomes.groupby("point", observed=True)["harm_rate"].mean().to_numpy())
    assert here["point"].tolist() == [0, 1, 2, 3, 4]


def test_a_point_equals_the_same_scenario_run_alone(whole):
    from econ.ensemble.design import plan
    from econ.ensemble.workers import simulate_block

    design = plan([SweptScenario(levers={"commons": 0.2, "sigma": None})], FakeSurfaces(), seed=1, replicates=3, quarters=4)
    alone = simulate_block(design, simulate, design.blocks()[0]).outcomes["harm_rate"].ravel()
    point = _tables(whole)["outcomes"].query("point == 2")["harm_rate"].to_numpy()
    assert np.array_equal(alone, point)


def test_several_processes_give_the_same(whole, tmp_path):
    _run(_planned(), tmp_path / "two", partial(schedulers.on_this_machine, workers=2))
    _assert_equal(whole, tmp_path / "two")


def test_an_interrupted_sweep_goes_on_where_it_stopped(whole, tmp_path):
    computed: list[int] = []

    def stops(surfaces, market, tasks):
        for point in schedulers.here(surfaces, market, tasks):
            if len(computed) == 2:
                raise KeyboardInterrupt
            computed.append(point.task.index)
            yield point

    def counts(surfaces, market, tasks):
        for point in schedulers.here(surfaces, market, tasks):
            computed.append(point.task.index)
            yield point

    with pytest.raises(KeyboardInterrupt):
        _run(_planned(), tmp_path / "out", stops)
    assert not (tmp_path / "out").exists()
    _run(_planned(), tmp_path / "out", counts)
    assert computed == [0, 1, 2, 3, 4]
    _assert_equal(whole, tmp_path / "out")


@pytest.mark.parametrize("damage", [lambda x: x[:-5], lambda x: x[:100] + bytes([x[100] ^ 1]) + x[101:]])
def test_a_damaged_point_is_computed_again(whole, tmp_path, damage):
    partial_folder = tmp_path / "out.partial"

    def spoils(surfaces, market, tasks):
        yield from schedulers.here(surfaces, market, tasks[:2])
        store = PointStore(partial_folder)
        while store.find(tasks[0]) is None:
            time.sleep(0.01)
        path = next((partial_folder / "outcomes" / "point=0").glob("*.parquet"))
        path.write_bytes(damage(path.read_bytes()))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run(_planned(), tmp_path / "out", spoils)
    _run(_planned(), tmp_path / "out")
    _assert_equal(whole, tmp_path / "out")


def test_points_of_another_sweep_are_never_taken_over(tmp_path, whole):
    def stops(surfaces, market, tasks):
        yield from schedulers.here(surfaces, market, tasks[:3])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run(_planned(seed=2), tmp_path / "out", stops)
    with pytest.raises(InputError, match="with other settings"):
        _run(_planned(), tmp_path / "out")
    _run(_planned(), tmp_path / "out", force=True)
    _assert_equal(whole, tmp_path / "out")


# Shards ----------------------------------------------------------------------------------------
def _shards(tmp_path, count=3):
    places = [tmp_path / f"part{k}" for k in range(1, count + 1)]
    for k, place in enumerate(places, start=1):
        _run(_planned(), place, shard=Shard(k, count))
    return places


def test_shards_joined_in_any_order_equal_the_whole(whole, tmp_path):
    places = _shards(tmp_path)
    collect_shards(read_shards(places[::-1]), tmp_path / "joined")
    _assert_equal(whole, tmp_path / "joined")
    assert json.loads((tmp_path / "joined" / "manifest.json").read_text())["points"] == 5


def test_missing_doubled_and_foreign_shards_are_refused_by_name(tmp_path):
    first, second, third = _shards(tmp_path)
    with pytest.raises(InputError, match="parts are missing: 2/3"):
        read_shards([first, third])
    with pytest.raises(InputError, match="given twice: 3/3"):
        read_shards([first, second, third, third])
    _run(_planned(seed=5), tmp_path / "foreign", shard=Shard(2, 3))
    with pytest.raises(InputError, match="another sweep"):
        read_shards([first, tmp_path / "foreign", third])
    with pytest.raises(InputError, match="no finished sweep"):
        read_shards([first, tmp_path / "nothing"])


def test_a_file_changed_after_the_sweep_is_not_collected(tmp_path):
    places = _shards(tmp_path)
    path = next((places[0] / "outcomes" / "point=0").glob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="changed after the sweep"):
        collect_shards(read_shards(places), tmp_path / "joined")
    assert not (tmp_path / "joined").exists()


# Bad input -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text, message",
    [
        ("design: sobol\nkeys: {a: [0, 1]}", "needs points"),
        ("design: sobol\npoints: 8\nkeys: {a: [0, 1, 2]}", r"needs \[low, high\]"),
        ("design: sobol\npoints: 8\nkeys: {a: [1, 0]}", "low below high"),
        ("design: grid\npoints: 8\nkeys: {a: [0, 1]}", "so no points"),
        ("design: grid\nkeys: {a: []}", "has no values"),
        ("design: grid\nkeys: {}", "bad.yaml:3: keys: nothing stands here; allowed: at least 1 entry$"),
        ("design: cube\nkeys: {levers.commons: [0]}", "bad.yaml:2: design: unknown choice, found 'cube'; allowed: grid, one_at_a_time, "),
        ("design: gird\nkeys: {levers.commons: [0]}", "did you mean 'grid'"),
        ("design: grid\nkey: {a: [0]}", "did you mean 'keys'"),
    ],
)
def test_a_bad_sweep_file_is_refused(tmp_path, text, message):
    path = tmp_path / "bad.yaml"
    path.write_text("name: bad\n" + text)
    with pytest.raises(InputError, match=message) as caught:
        load_sweep(path)
    assert caught.value.file == str(path)


def _told(tmp_path, text: str, name: str = "bad") -> list[str]:
    """Faults of a sweep that is read and, where that goes well, planned, as the command tells them."""
    from econ.scenario import load_scenario

    path = tmp_path / "bad.yaml"
    path.write_text(f"name: {name}\n{text}")
    try:
        loaded = load_sweep(path)
        with pytest.raises(InputError):
            plan_sweep(loaded, load_scenario(loaded.scenario))
        found = sweep_faults(path)
    except InputError as error:
        found = error
    assert isinstance(found, InputErrors)
    return [str(fault).removeprefix(str(path)) for fault in found.faults]


def test_faults_of_file_and_keys_are_told_together_each_with_its_line(tmp_path):
    told = _told(tmp_path, "design: gird\nkeys:\n  levers.comons: [0]\n  levers.cert_mode:\n  - none\n  - mandatry\n", name="A")
    starts = [
        ":1: name: not a usable value, found 'A'; allowed: small letters, digits, underscores",
        ":2: design: unknown choice, found 'gird'; allowed: grid, ", ":4: keys.levers.comons: unknown lever; allowed: ",
        ":7: keys.levers.cert_mode.1: unknown choice, found 'mandatry'; allowed: none, voluntary, mandatory; did you mean 'mandatory'?",
    ]  # fmt: skip
    assert len(told) == 4 and all(one.startswith(start) for one, start in zip(told, starts, strict=True))
    assert told[1].endswith("did you mean 'grid'?") and told[2].endswith("did you mean 'commons'?")


@pytest.mark.parametrize("design", ["grid", "one_at_a_time"])
def test_every_bad_value_of_every_key_is_told(tmp_path, design):
    """A faulty parameter or population hides faulty levers from pydantic, but not from the user."""
    keys = 'levers.commons: [0, "x"], levers.cert_mode: [none, foo], parameters.occupation_elasticity: [-1, 2, -3], population.firms: [0]'
    told = _told(tmp_path, f"design: {design}\nkeys: {{{keys}}}\n")
    expected = {
        ":3: keys.levers.commons.1: not a number, found 'x'", ":3: keys.levers.cert_mode.1: unknown choice, found 'foo'",
        ":3: keys.parameters.occupation_elasticity.0: out of range, found -1",
        ":3: keys.parameters.occupation_elasticity.2: out of range, found -3", ":3: keys.population.firms.0: not a usable value, found 0",
    }  # fmt: skip
    assert {one.partition(";")[0] for one in told} == expected and len(told) == len(expected)


def test_an_unknown_scenario_is_told_with_its_line(tmp_path):
    (told,) = _told(tmp_path, "design: cube\nscenario: basline\nkeys: {levers.commons: [0]}")[1:]
    assert told.startswith(":3: scenario: there is no such scenario") and told.endswith("did you mean 'baseline'?")


def test_keys_that_cannot_go_together_are_told_once(tmp_path):
    told = _told(tmp_path, "design: grid\nkeys: {population.curators: [9, 10], population.curator_slots: [8, 20]}")
    assert told == [":3: keys.population.curators.0: more curators than slots, found 9; allowed: at most 8"]


def test_of_many_faults_the_first_are_told(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("name: bad\ndesign: grid\nkeys:\n  levers.commons: [" + ", ".join(f"-{k}" for k in range(1, 31)) + "]\n")
    found = sweep_faults(path)
    assert found is not None and found.count == 30 and len(found.faults) == MOST_TOLD
    assert str(found).startswith(f"{path}: 30 faults, nothing was written; the first {MOST_TOLD} are:\n  {path}:4: keys.levers.commons.0: out of range")


def test_an_unknown_key_names_the_point_before_anything_is_computed(tmp_path):
    with pytest.raises(InputError, match=r"levers.comons: point 0: unknown key"):
        _planned(keys={"levers.comons": [1.0]})


def test_too_many_points_are_refused():
    with pytest.raises(InputError, match="too many points"):
        settings_of(_sweep(keys={k: list(range(100)) for k in "abc"}))


@pytest.mark.parametrize("name", shipped_names(SWEEPS))
def test_shipped_sweeps_resolve(name):
    from econ.scenario import load_scenario

    loaded = load_sweep(name)
    assert loaded.name == name
    assert plan_sweep(loaded, load_scenario(loaded.scenario)).tasks(Shard())


def test_a_run_does_not_take_the_place_of_an_interrupted_sweep(tmp_path, make_design, monkeypatch):
    from econ.core.unfinished import RECORD
    from econ.ensemble import engine as engines
    from econ.report import runs

    def stopping(surfaces, simulate, tasks):
        for number, point in enumerate(schedulers.here(surfaces, simulate, tasks)):
            if number == 2:
                raise KeyboardInterrupt
            yield point

    out = tmp_path / "lost"
    with pytest.raises(KeyboardInterrupt):
        _run(_planned(), out, stopping)
    kept = sorted(tmp_path.glob("lost.partial/outcomes/*/*.parquet"))
    assert len(kept) == 2
    monkeypatch.setattr(engines, "market_engine", lambda: ENGINE)
    monkeypatch.setattr(runs, "_all_figures", lambda result: [])
    with pytest.raises(InputError, match=r"unfinished work of `econ sweep` \(2 pieces"):
        runs.run_into(make_design(replicates=3, quarters=2), out, workers=1)
    for changed, shard in ((_planned(replicates=4), Shard()), (_planned(), Shard(1, 2))):
        with pytest.raises(InputError, match="with other settings"):
            _run(changed, out, shard=shard)
    assert sorted(tmp_path.glob("lost.partial/outcomes/*/*.parquet")) == kept
    runs.run_into(make_design(replicates=3, quarters=2), tmp_path / "run", workers=1)
    assert not (tmp_path / "run" / RECORD).exists()
    counts = []
    run_sweep(_planned(), ENGINE, out, schedulers.here, progress=lambda done, total: counts.append(done))
    assert counts[0] == 2 and not (out / RECORD).exists()
