"""`econ scenario`: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from econ.core.files import content_hash
from econ.core.texts import NAME_PATTERN
from econ.scenario import load_scenario, shipped_scenarios
from econ.scenario.describe import new_text
from econ.scenario.loading import scenario_of_text
from econ.scenario.schema import json_schema


def test_list_names_every_scenario(econ):
    code, out, _ = econ("scenario", "list")
    assert code == 0 and [line.split()[0] for line in out.splitlines()] == shipped_scenarios()
    code, out, _ = econ("scenario", "list", "--json")
    listed = json.loads(out)["scenarios"]
    assert code == 0 and {row["name"] for row in listed} == set(shipped_scenarios())
    assert all(row["title"] and row["question"] for row in listed)


def test_show_tells_what_changes(econ):
    code, out, _ = econ("scenario", "show", "public_commons")
    assert code == 0 and "levers.commons  0.1  default 0.0" in out and "Question:" in out
    assert "every value is the default" in econ("scenario", "show", "baseline")[1]


def test_show_resolved_is_a_scenario_file(econ, tmp_path):
    out = econ("scenario", "show", "merger_control", "--resolved")[1]
    path = tmp_path / "copy.yaml"
    path.write_text(out)
    assert load_scenario(path) == load_scenario("merger_control")
    assert yaml.safe_load(out)["levers"]["merger_control"] is True


def test_show_json(econ):
    shown = json.loads(econ("scenario", "show", "no_transfer", "--json")[1])
    assert shown["changes"] == {"levers.transfer": 0.0} and shown["name"] == "no_transfer"
    complete = json.loads(econ("scenario", "show", "no_transfer", "--json", "--resolved")[1])
    resolved = load_scenario("no_transfer").resolved()
    assert complete == {**resolved, "hash": content_hash(resolved)}
    assert shown["hash"] == complete["hash"]


def test_check_names_every_fault_and_ends_with_2(econ, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("schema_version: 1\nname: bad\nlevers:\n  comons: 1\n")
    code, out, err = econ("scenario", "check", "baseline", bad, tmp_path / "none.yaml")
    assert code == 2 and "baseline: fine (0 changes" in out
    assert f"econ: {bad}:4: levers.comons: unknown lever" in err and "did you mean 'commons'?" in err
    assert "none.yaml: there is no such file" in err and "Traceback" not in err
    code, out, err = econ("scenario", "check", "baseline", bad, "--json")
    results = json.loads(out)["files"]
    assert code == 2 and [bool(result["error"]) for result in results] == [False, True]
    assert econ("scenario", "check", "baseline", "vertical_tie")[0] == 0


def test_diff(econ):
    code, out, _ = econ("scenario", "diff", "baseline", "strict_liability_no_safe_harbour")
    assert code == 0 and [line.split() for line in out.splitlines()[1:]] == [
        ["levers.strict", "0.3", "1.0"],
        ["levers.safe_harbour", "0.4", "0.0"],
    ]
    found = json.loads(econ("scenario", "diff", "baseline", "public_commons", "--json")[1])
    assert found["differences"] == {"levers.commons": [0.0, 0.1]}
    events = json.loads(econ("scenario", "diff", "baseline", "vertical_tie", "--json")[1])["differences"]["events"]
    assert events[0] == [] and [list(event) for event in events[1]] == [["vertical_tie"]]
    assert "null" not in econ("scenario", "diff", "baseline", "customer_loss")[1]
    assert "No difference" in econ("scenario", "diff", "baseline", "baseline")[1]


def test_new_writes_a_file_that_loads(econ, tmp_path):
    path = tmp_path / "deeper" / "mine.yaml"
    code, out, _ = econ("scenario", "new", path, "--extends", "strict_liability")
    assert code == 0 and "econ scenario check" in out
    assert load_scenario(path).name == "mine" and load_scenario(path).levers["strict"] == 1
    code, _, err = econ("scenario", "new", path)
    assert code == 2 and "exists already" in err
    code, out, _ = econ("scenario", "new", path, "--force", "--json")
    assert code == 0 and json.loads(out)["extends"] == "baseline"
    assert econ("scenario", "new", path, "--force", "--quiet")[1] == ""


NAMES = (
    "9", "2024", "0", "007", "1_000", "1e5", "1e_5", "0x1f", "0b11", "0o17", "017", "190_20_30", "on", "off", "yes", "no", "y", "n", "null",
    "true", "false", "nan", "inf", "infinity", "1e400", "2024_01_01", "mine", "on_2", "a" * 60,
)  # fmt: skip


def test_new_under_any_legal_name_writes_a_file_that_loads(econ, tmp_path):
    for name in NAMES:
        code, out, _ = econ("scenario", "new", tmp_path / name)
        assert code == 0 and f"wrote {tmp_path / name}.yaml;" in out
    files = [tmp_path / f"{name}.yaml" for name in NAMES]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    code, out, err = econ("scenario", "check", *files, "--json")
    assert (code, err) == (0, "") and [told["name"] for told in json.loads(out)["files"]] == [*NAMES]
    titles = [yaml.safe_load(file.read_text())["title"] for file in files]
    assert titles == [name.replace("_", " ").capitalize() for name in NAMES]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.from_regex(NAME_PATTERN, fullmatch=True).filter(lambda name: len(name) <= 60))
def test_the_text_of_a_new_file_loads_whatever_its_name(tmp_path, name):
    scenario = scenario_of_text(new_text(tmp_path / f"{name}.yaml", "baseline"), tmp_path / f"{name}.yaml")
    assert scenario.name == name


@pytest.mark.parametrize("given, written", [("mine", "mine.yaml"), ("mine.yml", "mine.yml"), ("mine.yaml", "mine.yaml")])
def test_new_adds_a_suffix_where_there_is_none(econ, tmp_path, given, written):
    facts = json.loads(econ("scenario", "new", tmp_path / given, "--json")[1])
    assert facts["file"] == str(tmp_path / written) and (tmp_path / written).is_file()
    code, _, err = econ("scenario", "new", tmp_path / given)
    assert code == 2 and f"{written}: this file exists already" in err


@pytest.mark.parametrize(
    "file, extends, said",
    [
        ("mine.yaml", "mine.yaml", "extend each other in a circle"), ("deeper/mine.yaml", "../mine.yaml", "outside the folder"),
        ("mine.yaml", "broken.yaml", "unknown lever"), (".", "baseline", "this is a directory"), ("folder.yaml", "baseline", "this is a directory"),
    ],
)  # fmt: skip
def test_new_writes_nothing_that_would_not_load(econ, tmp_path, monkeypatch, file, extends, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "mine.yaml").write_text("schema_version: 1\nname: mine\n")
    (tmp_path / "broken.yaml").write_text("schema_version: 1\nname: broken\nlevers: {comons: 1}\n")
    before = {path: path.is_file() and path.read_text() for path in tmp_path.rglob("*")}
    code, out, err = econ("scenario", "new", file, "--extends", extends, "--force")
    assert code == 2 and out == "" and said in err and "Traceback" not in err
    assert {path: path.is_file() and path.read_text() for path in tmp_path.rglob("*")} == before


def test_new_refuses_what_would_not_load(econ, tmp_path):
    code, _, err = econ("scenario", "new", tmp_path / "My Scenario.yaml")
    assert code == 2 and "small letters" in err
    code, _, err = econ("scenario", "new", tmp_path / "mine.yaml", "--extends", "basline")
    assert code == 2 and "did you mean 'baseline'" in err
    assert list(tmp_path.iterdir()) == []


def test_new_beside_a_schema_points_to_it(econ, tmp_path):
    (tmp_path / "scenario.schema.json").write_text("{}")
    econ("scenario", "new", tmp_path / "mine.yaml")
    assert (
        (tmp_path / "mine.yaml")
        .read_text()
        .startswith("# yaml-language-server: $schema=./scenario.schema.json\n")
    )


def test_schema(econ):
    code, out, _ = econ("scenario", "schema")
    assert code == 0 and json.loads(out) == json_schema()


def test_an_unusable_scenario_ends_with_2_and_one_sentence(econ):
    code, out, err = econ("scenario", "show", "basline")
    assert code == 2 and out == "" and err.count("\n") == 1 and "Traceback" not in err


def test_check_names_all_faults_of_all_files_and_sums_up(econ, tmp_path):
    keys, values = tmp_path / "keys.yaml", tmp_path / "values.yaml"
    head = "schema_version: 1\nname: mine\nextends: baseline\nquarters: 12\n"
    keys.write_text(head + "levers: {comons: 1, tranfer: 0}\nparameters: {discount_rat: 1, occupation_elasticity: -1}\nsafe_harbour: 0\n")
    values.write_text(head + "levers:\n  commons: {20: 0.1}\n  cert_mode: mandatry\n")
    code, out, err = econ("scenario", "check", keys, values, "baseline")
    assert code == 2 and out.splitlines()[-1] == "1 of 3 files are fine; 7 faults"
    for said in (
        "keys.yaml:7: safe_harbour: unknown key", "did you mean 'levers.safe_harbour'?", "keys.yaml:5: levers.comons",
        "levers.tranfer", "parameters.discount_rat", "parameters.occupation_elasticity: out of range",
        "values.yaml:6: levers.commons.20: beyond the horizon", "values.yaml:7: levers.cert_mode: unknown choice",
    ):  # fmt: skip
        assert said in err
    facts = json.loads(econ("scenario", "check", keys, values, "--json")[1])
    assert [len(result["faults"]) for result in facts["files"]] == [5, 2]
