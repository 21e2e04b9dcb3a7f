"""`econ claims`: what it prints, writes, and how it ends."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from econ.core.measurements import check_measurements, write_measurements


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Two arms on eight worlds at three budgets."""
    folder = tmp_path_factory.mktemp("claims") / "mine"
    folder.mkdir()
    rows = [
        {
            "run_id": f"{method}{world}{n}", "task": "A", "method": method, "label_kind": kind, "stage": "confirm", "world": world,
            "n": n, "a": n if kind == "flag" else 0, "b": 0 if kind == "flag" else n, "v": 0.93, "distribution": distribution,
            "violation": 0.5 - 0.03 * np.log2(n / 16), "violation_base": 0.5, "relative_harm": 1 - 0.06 * np.log2(n / 16),
            "sycophancy": y, "sycophancy_base": 0.4, "helpfulness": 0.6, "helpfulness_base": 0.6, "judgements": n,
        }
        for method, kind, y in (("npo_ret", "flag", 0.3), ("dpo", "preference", 0.5))
        for world in range(1000, 1008) for n in (16, 128, 1024) for distribution in ("id", "ood")
    ]  # fmt: skip
    write_measurements(check_measurements(pd.DataFrame(rows), "x"), folder / "measurements.parquet", {})
    return folder


def test_a_table_with_verdicts_missing_parts_and_caveats(econ, measured):
    code, out, err = econ("claims", measured, "--draws", 1000)
    assert (code, err) == (0, "")
    for said in ("contradictions first", "supported*", "not measured", "--run DIR", "Measurements 'mine'", "Toy worlds", "8 worlds"):
        assert said in out


def test_key_facts_full_json_and_markdown(econ, measured):
    facts = json.loads(econ("claims", measured, "--draws", 1000, "--json")[1])
    assert facts["claims"]["6"] == facts["hypotheses"]["H6"]["verdict"] == "supported" and facts["out"] is None
    assert json.loads(econ("claims", measured, "--draws", 1000, "--json", "--quiet")[1]) == facts
    full = json.loads(econ("claims", measured, "--draws", 1000, "--format", "json")[1])
    assert full["rule"]["draws"] == 1000 and len(full["claims"]) == 15
    assert econ("claims", measured, "--draws", 1000, "--format", "md")[1].startswith("# Claims")
    assert econ("claims", measured, "--draws", 1000, "--format", "md", "--quiet") == (0, "", "")


def test_a_directory_is_written_and_kept(econ, measured, tmp_path):
    out = tmp_path / "answer"
    arguments = ("claims", measured, "--draws", 1000, "--out", out, "--quiet")
    code, printed, _ = econ(*arguments)
    names = {path.name for path in out.iterdir()}
    assert (code, printed) == (0, "") and names >= {"claims.json", "claims.md", "verdicts.csv", "advantages.csv", "manifest.json"}
    assert json.loads((out / "manifest.json").read_text())["sources"][0]["name"] == "mine"
    code, _, said = econ(*arguments)
    assert code == 2 and "--force" in said
    assert econ(*arguments, "--force")[0] == 0


def test_the_list_needs_no_data(econ):
    assert econ("claims", "--list")[1].count("market run") == 4
    assert len(json.loads(econ("claims", "--list", "--json", "--quiet")[1])["claims"]) == 15
    assert econ("claims", "--list", "--quiet") == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "no such file"),
        (("--format", "jsn"), "did you mean 'json'"),
        (("--pair", "npo_ret"), "a pair is two methods"),
        (("--pair", "npo_ret,dop"), "did you mean 'dpo'"),
        (("--run", "nowhere"), "nowhere"),
    ],
)
def test_unusable_input_ends_with_one_sentence_and_code_2(econ, measured, arguments, said):
    own = () if arguments[0] == "nowhere" else (measured,)
    code, out, err = econ("claims", *own, "--draws", 1000, *arguments)
    assert code == 2 and out == "" and said in err and err.count("\n") == 1


def test_a_file_that_is_no_table_is_refused(econ, tmp_path):
    (tmp_path / "measurements.parquet").write_text("no parquet")
    code, _, err = econ("claims", tmp_path)
    assert code == 2 and "not readable Parquet" in err and err.count("\n") == 1
