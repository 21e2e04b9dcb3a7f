"""Comparing runs: which may be paired, under what labels, against what."""

import fake_market
import pytest
from fake_market import FakeScenario, FakeSurfaces

from econ.core.errors import InputError
from econ.ensemble.comparison import compare_results
from econ.ensemble.design import plan
from econ.ensemble.execute import execute
from econ.ensemble.manifest import write_manifest
from econ.ensemble.results import EnsembleResult


@pytest.fixture
def result(tmp_path):
    def make(*scenarios, surfaces=None, **options):
        directory = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        directory.mkdir()
        design = plan(
            list(scenarios), surfaces or FakeSurfaces(), **{"replicates": 6, "quarters": 4, **options}
        )
        manifest = execute(design, fake_market.engine(), directory)
        write_manifest(directory, manifest)
        return EnsembleResult(manifest, directory)

    return make


def test_two_runs_compare_as_one_run_of_both(result):
    commons = FakeScenario(name="commons").with_levers(commons=0.1)
    together = result(FakeScenario(), commons).differences()
    _, apart, baseline = compare_results([result(FakeScenario()), result(commons)])
    assert baseline == "baseline"
    keys = ["scenario", "baseline", "variable", "quarter"]
    left, right = (
        table.astype({"scenario": str}).set_index(keys).sort_index() for table in (together, apart)
    )
    assert left.equals(right)


def test_a_changed_scenario_of_the_same_name_is_labelled_by_the_change(result):
    changed = FakeScenario().with_levers(commons=0.1)
    outcomes, table, _ = compare_results([result(FakeScenario()), result(changed)])
    assert table["scenario"].unique().tolist() == ["baseline (commons=0.1)"]
    assert outcomes["scenario"].unique().tolist() == ["baseline", "baseline (commons=0.1)"]


def test_the_baseline_may_be_chosen(result):
    both = result(FakeScenario(), FakeScenario(name="commons").with_levers(commons=0.1))
    _, table, _ = compare_results([both], "commons")
    row = table.query("variable == 'hhi_licence' and quarter == 2").iloc[0]
    assert (row["scenario"], row["baseline"]) == ("baseline", "commons")
    assert row["mean_difference"] == pytest.approx(-400.0)


def test_a_scenario_in_two_runs_counts_once(result):
    with pytest.raises(InputError, match="nothing to compare"):
        compare_results([result(FakeScenario()), result(FakeScenario())])


@pytest.mark.parametrize(
    ("options", "said"),
    [({"seed": 2}, "seed: 1 and 2"), ({"replicates": 7}, "replicates: 6 and 7"), ({"quarters": 5}, "quarters: 4 and 5"),
     ({"precision": "float32"}, "precision: float64 and float32"),
     ({"surfaces": FakeSurfaces(id="mine", hash="1" * 64)}, r"surfaces: fake \(000000000000\) and mine \(111111111111\)")],
)  # fmt: skip
def test_runs_that_cannot_be_paired_are_refused_with_what_differs(result, options, said):
    with pytest.raises(InputError, match=said):
        compare_results([result(FakeScenario()), result(FakeScenario(name="other"), **options)])


def test_an_unknown_baseline_names_the_nearest(result):
    both = result(FakeScenario(), FakeScenario(name="commons").with_levers(commons=0.1))
    with pytest.raises(InputError, match="did you mean 'baseline'"):
        compare_results([both], "basline")
