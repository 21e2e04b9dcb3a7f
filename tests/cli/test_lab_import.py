"""`econ lab import` and `econ lab schema`: what they print, what they write, how they end; and the walk to a market run."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from econ.core.measurements import read_measurements
from econ.core.shipped import shipped_path

EXAMPLES = shipped_path("calibration", "examples")
DATA, MAPPING = EXAMPLES / "fictitious_laboratory.csv", EXAMPLES / "fictitious_laboratory.mapping.yaml"


@pytest.fixture(autouse=True)
def empty_folder(monkeypatch, tmp_path):
    """Run every command in an empty folder."""
    monkeypatch.chdir(tmp_path)


def test_the_example_is_imported(econ, tmp_path):
    code, out, err = econ("lab", "import", DATA, "--mapping", MAPPING, "--csv")
    assert code == 0 and err == ""
    assert (
        "runs/import-fictitious_laboratory: 150 rows, 6 replicates, methods base, dpo, hybrid, npo_ret" in out
    )
    assert "note: not measured in every row, so not fitted: sycophancy, over_refusal" in out
    assert out.endswith("to fit them: econ lab fit runs/import-fictitious_laboratory\n")
    folder = tmp_path / "runs" / "import-fictitious_laboratory"
    assert sorted(path.name for path in folder.iterdir()) == [
        "manifest.json",
        "measurements.csv",
        "measurements.parquet",
    ]
    assert (
        len(read_measurements(folder / "measurements.parquet"))
        == len(pd.read_csv(folder / "measurements.csv"))
        == 150
    )
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (
        manifest["status"] == "finished"
        and manifest["source"]["rows"] == 150
        and manifest["worlds"]["6"] == "Fir"
    )


def test_json_and_quiet(econ):
    code, out, _ = econ("lab", "import", DATA, "--mapping", MAPPING, "--out", "a", "--json")
    facts = json.loads(out)
    assert code == 0 and facts["out"] == "a" and facts["rows"] == 150 and facts["descriptive"] is False
    assert econ("lab", "import", DATA, "--mapping", MAPPING, "--out", "b", "--quiet") == (0, "", "")


def test_a_finished_result_needs_force(econ):
    assert econ("lab", "import", DATA, "--mapping", MAPPING, "--out", "a")[0] == 0
    code, out, err = econ("lab", "import", DATA, "--mapping", MAPPING, "--out", "a")
    assert code == 2 and out == "" and "--force" in err
    assert econ("lab", "import", DATA, "--mapping", MAPPING, "--out", "a", "--force")[0] == 0


def test_faults_end_with_two_and_write_nothing(econ, tmp_path):
    table = pd.read_csv(DATA, keep_default_na=False).drop(index=0)
    table.loc[5, "harmful"] = 5000
    table.assign(comment="x").to_csv(tmp_path / "data.csv", index=False)
    code, out, err = econ("lab", "import", "data.csv", "--mapping", MAPPING, "--out", "a")
    assert code == 2 and out == "" and "Traceback" not in err
    for words in (
        "3 faults, nothing was written",
        "comment: unknown column",
        "row 5: more violations than trials, found '5000'",
        "'Aster' has no base row",
    ):
        assert words in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.csv"]


def test_a_mapping_is_needed(econ):
    assert econ("lab", "import", DATA)[0] == 2


def test_descriptive_tables_are_not_fitted(econ):
    code, out, _ = econ("lab", "import", DATA, "--mapping", MAPPING, "--out", "a", "--descriptive")
    assert code == 0 and "to fit them" not in out
    code, _, err = econ("lab", "fit", "a", "--out", "b")
    assert code == 2 and "imported with --descriptive" in err


def test_schema_is_json(econ):
    code, out, _ = econ("lab", "schema")
    assert code == 0 and json.loads(out)["title"] == "econ laboratory mapping"


@pytest.mark.slow
def test_the_walk_from_a_table_to_a_market_run(econ, tmp_path):
    """The commands of docs/howto_own_data.md, with fewer replicates and quarters."""
    assert econ("lab", "import", DATA, "--mapping", MAPPING, "--out", "runs/lab")[0] == 0
    code, out, _ = econ("lab", "fit", "runs/lab", "--out", "runs/surfaces", "--json")
    assert code == 0 and json.loads(out)["out"] == "runs/surfaces"
    command = (
        "run",
        "baseline",
        "--set",
        "surfaces=runs/surfaces",
        "--set",
        "parameters.measured_quality=0",
        "--replicates",
        2,
        "--quarters",
        2,
        "--out",
        "runs/market",
    )
    code, _, err = econ(*command)
    assert code == 0, err
    manifest = json.loads((tmp_path / "runs" / "market" / "manifest.json").read_text())
    assert "imported" in manifest["surfaces"]["id"] and manifest["surfaces"]["kind"] in ("measured", "prior")


@pytest.mark.parametrize("given", ["mine.csv", "empty"])
def test_a_fit_of_what_was_not_imported_says_how_to(econ, tmp_path, given):
    (tmp_path / "mine.csv").write_text("site,harm\n1,0.5\n")
    (tmp_path / "empty").mkdir()
    code, out, err = econ("lab", "fit", given, "--out", "fitted")
    assert (code, out) == (2, "") and "`econ lab import` takes yours" in err and not (tmp_path / "fitted").exists()


def test_misspelt_words_of_a_mapping_get_the_nearest(econ, tmp_path):
    text = MAPPING.read_text().replace("judgement", "judgment").replace("name: fictitious_laboratory", "name: a b")
    (tmp_path / "mapping.yaml").write_text(text)
    code, out, err = econ("lab", "import", DATA, "--mapping", "mapping.yaml", "--out", "a")
    assert code == 2 and out == "" and err.count("\n") == 3
    assert "mapping.yaml:6: label_unit.flag: unknown choice, found 'judgment'; allowed: judgement, pair; did you mean 'judgement'?" in err
    assert "mapping.yaml:3: name: not a usable value, found 'a b'; allowed: at most 64 letters, digits, underscores, points and hyphens" in err
