"""Runs as objects and as directories."""

import json
import subprocess
import sys

import fake_market
import pandas as pd
import pytest
from fake_market import FakeScenario, FakeSurfaces
from matplotlib.figure import Figure

import econ
from econ.core.errors import InputError
from econ.core.files import file_hash
from econ.ensemble import engine
from econ.ensemble.design import plan
from econ.ensemble.manifest import read_manifest
from econ.report import figures, outcome_fans, runs
from econ.report.comparison import compared
from econ.report.flow_matrix import flow_matrix
from econ.report.overview import key_facts
from econ.scenario.loading import as_scenarios


@pytest.fixture(autouse=True)
def fake_engine(monkeypatch):
    monkeypatch.setattr(engine, "market_engine", fake_market.engine)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """One complete directory with figures, shared by the tests that only read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "market_engine", fake_market.engine)
        patch.setattr(figures, "FAN_FIGURES", (outcome_fans.BUDGET, outcome_fans.CAPTURE))
        out = tmp_path_factory.mktemp("runs") / "both"
        scenarios = [
            FakeScenario(quarters=8),
            FakeScenario(quarters=8, name="commons").with_levers(commons=0.1),
        ]
        runs.run_into(plan(scenarios, FakeSurfaces(), replicates=20), out, workers=1, csv=True)
        return out


@pytest.fixture
def no_figures(monkeypatch):
    monkeypatch.setattr(runs, "_all_figures", lambda result: [])


def test_a_directory_holds_what_is_promised(stored):
    names = {path.name for path in stored.iterdir()}
    tables = {"outcomes.parquet", "ledger.parquet", "summary.csv", "differences.csv", "moments.csv"}
    assert names >= tables | {"manifest.json", "figures", "outcomes.csv", "ledger.csv"}
    figures = {path.name for path in (stored / "figures").iterdir()}
    assert all(
        {f"{name}.png", f"{name}.svg", f"{name}.csv"} <= figures
        for name in ("budget_shares", "budget_shares__commons", "moments", "effects")
    )
    alt = json.loads((stored / "figures" / "alt_text.json").read_text())
    assert {f"{name}.png" for name in alt} == {name for name in figures if name.endswith(".png")}
    assert not stored.with_name("both.partial").exists()


def test_the_manifest_says_what_was_run(stored):
    manifest = read_manifest(stored)
    assert list(manifest.scenarios) == ["baseline", "commons"] and manifest.baseline == "baseline"
    assert manifest.scenarios["commons"]["levers"]["commons"] == 0.1
    assert (manifest.seed, manifest.replicates, manifest.quarters) == (1, 20, 8)
    assert (manifest.status, manifest.failed_replicates, manifest.precision) == ("finished", {}, "float64")
    assert manifest.surfaces.model_dump() == {
        "id": "fake", "hash": "0" * 64, "kind": "measured",
        "kind_by_scenario": {"baseline": "measured", "commons": "measured"},
    }  # fmt: skip
    assert {"numpy", "python", "econ"} <= set(manifest.versions)
    assert all(file_hash(stored / name) == digest for name, digest in manifest.files.items())
    assert manifest.started <= manifest.finished


def test_csv_tables_equal_the_parquet_ones(stored):
    for name in ("outcomes", "ledger"):
        parquet = pd.read_parquet(stored / f"{name}.parquet")
        text = pd.read_csv(stored / f"{name}.csv")
        pd.testing.assert_frame_equal(text, parquet, check_dtype=False, check_categorical=False, rtol=1e-14)


def test_opening_gives_back_the_tables(stored):
    run = econ.open_run(stored)
    assert run.scenarios == ["baseline", "commons"]
    assert run.outcomes.shape[0] == 2 * 20 * 16
    pd.testing.assert_frame_equal(run.summary(), pd.read_csv(stored / "summary.csv"), check_dtype=False)
    assert run.moments()["simulated"].notna().any()
    assert set(run.differences()["scenario"]) == {"commons"}


def test_plots_are_matplotlib_figures(stored):
    run = econ.open_run(stored)
    for draw in (run.plot_budget_shares, run.plot_wages, run.plot_concentration, run.plot_capture, run.plot_harm,
                 run.plot_moments, run.plot_differences):  # fmt: skip
        assert isinstance(draw(), Figure)
    with pytest.raises(InputError, match="no such scenario in this run"):
        run.plot_harm("nobody")


def test_a_run_in_memory_equals_the_stored_one(stored):
    scenarios = [FakeScenario(quarters=8), FakeScenario(quarters=8, name="commons").with_levers(commons=0.1)]
    memory = econ.run(*scenarios, surfaces=FakeSurfaces(), replicates=20)
    disk = econ.open_run(stored)
    assert memory.outcomes.equals(disk.outcomes)
    keys = ["scenario", "variable", "quarter"]
    assert memory.summary().set_index(keys).equals(disk.summary().set_index(keys))


def test_comparison_of_runs_in_memory():
    first = econ.run(FakeScenario(quarters=4), surfaces=FakeSurfaces(), replicates=5)
    second = econ.run(
        FakeScenario(quarters=4).with_levers(commons=0.2), surfaces=FakeSurfaces(), replicates=5
    )
    comparison = econ.compare(first, second)
    assert comparison.scenarios == ["baseline", "baseline (commons=0.2)"]
    assert list(comparison.table.columns)[:4] == ["scenario", "baseline", "variable", "quarter"]
    assert isinstance(comparison.plot_effects(), Figure)
    assert "baseline (commons=0.2)" in comparison._repr_html_()


def test_scenarios_are_given_by_name_by_file_or_in_a_list(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("schema_version: 1\nname: mine\nextends: public_commons\n")
    loaded = econ.load_scenario("no_transfer")
    assert [scenario.name for scenario in as_scenarios(["baseline", file, [str(file), loaded]])] == ["baseline", "mine", "mine", "no_transfer"]
    run = econ.run(["baseline", "public_commons"], surfaces=FakeSurfaces(), replicates=2, quarters=2)
    assert run.scenarios == ["baseline", "public_commons"]


@pytest.mark.parametrize(
    ("given", "said"),
    [("basline", "did you mean 'baseline'"), (3, "econ.load_scenario"), ({"name": "x"}, "econ.load_scenario"), (None, "econ.load_scenario"), ([], "no scenario to run")],
)
def test_what_is_no_scenario_is_refused_with_a_sentence(given, said):
    with pytest.raises(InputError, match=said):
        econ.run(given)


def test_stored_runs_are_compared_by_their_directories(stored):
    by_name, opened = econ.compare(str(stored)), econ.compare(econ.open_run(stored))
    pd.testing.assert_frame_equal(by_name.table, opened.table)
    with pytest.raises(InputError, match=r"not a run.*econ.open_run"):
        econ.compare(FakeScenario())


def test_a_notebook_shows_it_escaped():
    run = econ.run(FakeScenario(quarters=4, name="<script>"), surfaces=FakeSurfaces(), replicates=3)
    page = run._repr_html_()
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "not forecasts" in page


def test_key_facts_are_json_without_nan(stored):
    facts = json.loads(json.dumps(key_facts(econ.open_run(stored)), allow_nan=False))
    assert facts["status"] == "finished" and facts["out"] == str(stored)
    assert facts["headlines"]["baseline"]["harm_rate"]["-1"]["p50"] > 0
    assert facts["headlines"]["baseline"]["hhi_licence"]["-1"]["p50"] is None
    assert {row["variable"]: row["excludes_zero"] for row in facts["effects"]}["hhi_licence"] is True


def test_flow_matrix_balances(stored):
    matrix = flow_matrix(econ.open_run(stored), 3)
    assert matrix.loc["consumers", "firms"] == pytest.approx(10e-6)
    assert matrix.loc["net", "labelers"] == pytest.approx(30e-6)
    sectors = [name for name in matrix.columns if name != "paid"]
    assert matrix.loc["net", sectors].sum() == pytest.approx(0.0, abs=1e-18)
    with pytest.raises(InputError, match="allowed: -8 to 7"):
        flow_matrix(econ.open_run(stored), 8)


def design(**options):
    return plan([FakeScenario(quarters=4)], FakeSurfaces(), **{"replicates": 4, **options})


def test_a_finished_result_is_not_overwritten_unless_forced(tmp_path, no_figures):
    out = tmp_path / "out"
    runs.run_into(design(), out, workers=1)
    with pytest.raises(InputError, match="exists already"):
        runs.run_into(design(seed=2), out, workers=1)
    assert econ.open_run(out).manifest.seed == 1
    runs.run_into(design(seed=2), out, workers=1, force=True)
    assert econ.open_run(out).manifest.seed == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_an_output_that_cannot_be_created_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(econ.core.errors.EconError, match="cannot be created"):
        runs.run_into(design(), tmp_path / "file" / "out", workers=1)


def test_a_changed_table_is_noticed(tmp_path, no_figures):
    runs.run_into(design(), tmp_path / "out", workers=1)
    with (tmp_path / "out" / "summary.csv").open("a") as stream:
        stream.write("x")
    with pytest.raises(InputError, match=r"summary\.csv: this table is missing or was changed after the run; restore it from a copy, or run"):
        econ.open_run(tmp_path / "out")


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "no manifest.json"), ("{", "cannot be read"), ('{"schema_version": 2}', "cannot be read")],
)  # fmt: skip
def test_what_is_no_run_is_refused(tmp_path, content, said):
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InputError, match=said):
        econ.open_run(tmp_path)


def test_an_absent_or_unfinished_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such run directory"):
        econ.open_run(tmp_path / "nowhere")
    (tmp_path / "x.partial").mkdir()
    with pytest.raises(InputError, match="unfinished"):
        econ.open_run(tmp_path / "x.partial")


def test_failed_replicates_are_warned_of(tmp_path, no_figures, monkeypatch):
    monkeypatch.setattr(engine, "market_engine", lambda: fake_market.engine(fake_market.failing_simulate))
    run = runs.run_into(design(), tmp_path / "out", workers=1)
    assert run.manifest.status == "failed"
    with pytest.warns(UserWarning, match="1 replicates failed"):
        econ.open_run(tmp_path / "out")


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, econ; print(sorted({'torch','pandas','mesa','matplotlib','numpy','scipy','numba','pyarrow'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_public_names_resolve():
    for name in econ._PUBLIC:
        assert getattr(econ, name) is not None, name
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = econ.nonsense


def test_a_comparison_of_stored_runs_is_a_directory_too(stored, tmp_path):
    comparison = compared.compare_into([stored], tmp_path / "compared", figures=True)
    written = tmp_path / "compared"
    tables = {"differences.csv", "effects.csv", "matrix.csv", "ranks.csv", "rank_stability.csv"}
    assert {path.name for path in written.iterdir()} == tables | {"figures", "manifest.json"}
    pd.testing.assert_frame_equal(pd.read_csv(written / "differences.csv"), comparison.table, check_exact=True, check_dtype=False)
    matrix = pd.read_csv(written / "matrix.csv", index_col="scenario")
    effect = comparison.effects.set_index(["scenario", "variable"])["mean_difference"]
    assert matrix.loc["commons", "harm_rate"] == effect["commons", "harm_rate"]
    assert (written / "figures" / "effects.svg").is_file()
    assert json.loads((written / "manifest.json").read_text())["baseline"] == "baseline"
