"""Who looks for a result that is not there, or is damaged, is told what to do next."""

import json

import pytest

from econ.core.manifests import MEND, write_manifest
from econ.core.results import result_directory
from econ.core.unfinished import Work


@pytest.fixture
def begun(econ, tmp_path, monkeypatch):
    """A run that was stopped."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["econ", "run", "baseline", "--out", "runs/k"])
    with pytest.raises(KeyboardInterrupt), result_directory(tmp_path / "runs" / "k", work=Work("econ run", "a", "b", ("blocks/*.npz",))):
        raise KeyboardInterrupt


@pytest.mark.parametrize("command", ["show", "compare", "report", "reproduce"])
def test_unfinished_work_is_named_with_the_command_that_resumes_it(econ, begun, command):
    code, out, err = econ(command, "runs/k")
    assert (code, out) == (2, "")
    assert err == (
        "econ: runs/k: there is no such run directory; runs/k.partial holds unfinished work of `econ run`; "
        "the same command resumes it (`econ run baseline --out runs/k`)\n"
    )


def test_a_shard_that_was_stopped_is_named_too(econ, begun):
    code, _, err = econ("collect", "runs/k")
    assert code == 2 and "it has no manifest.json; runs/k.partial holds unfinished work" in err


@pytest.mark.parametrize("command", ["show", "compare", "report", "collect"])
def test_the_folder_of_results_names_those_within(econ, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two", "three", "four"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        write_manifest(tmp_path / "runs" / name, {})
    (tmp_path / "runs" / "five.partial").mkdir()
    code, out, err = econ(command, "runs")
    assert (code, out) == (2, "")
    assert "it has no manifest.json, but four, one, three, … in it have one: runs/* stands for all" in err


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"scenarios": {}, "manifest_sha256": "0"})])
def test_a_damaged_manifest_says_what_mends_it(econ, tmp_path, content):
    (tmp_path / "manifest.json").write_text(content)
    code, out, err = econ("show", tmp_path)
    assert (code, out) == (2, "") and err.endswith(f"; {MEND}\n") and err.count("\n") == 1
