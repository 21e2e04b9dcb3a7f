"""`econ sweep` and `econ collect`, with a market small enough for a test."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from econ.core.manifests import hashes, write_manifest
from econ.core.shipped import shipped_path

SWEEP = """
schema_version: 1
name: tiny
scenario: {scenario}
design: grid
keys:
  levers.commons: [0, 0.1]
replicates: 1
quarters: 1
"""


@pytest.fixture
def tiny(tmp_path):
    """A sweep file of two points over a small market."""
    scenario = tmp_path / "small.yaml"
    scenario.write_text("schema_version: 1\nname: small\nextends: baseline\npopulation: {labelers: 100}\n")
    path = tmp_path / "tiny.yaml"
    path.write_text(SWEEP.format(scenario=scenario))
    return path


def test_shards_collected_equal_the_sweep_in_one_piece(econ, tiny, tmp_path):
    assert econ("sweep", tiny, "--workers", 1, "--out", tmp_path / "whole", "--quiet") == (0, "", "")
    for part in ("1/2", "2/2"):
        assert econ("sweep", tiny, "--workers", 1, "--shard", part, "--out", tmp_path / part[0], "--quiet")[0] == 0
    code, out, _ = econ("collect", tmp_path / "1", tmp_path / "2", "--out", tmp_path / "joined", "--json")
    assert (code, json.loads(out)["points"]) == (0, 2)
    for name in ("outcomes", "index.parquet", "summary.parquet"):
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "whole" / name), pd.read_parquet(tmp_path / "joined" / name))


def test_csv_holds_what_parquet_holds(econ, tiny, tmp_path):
    for part in ("1/2", "2/2"):
        assert econ("sweep", tiny, "--workers", 1, "--shard", part, "--csv", "--out", tmp_path / part[0], "--quiet")[0] == 0
    assert len(pd.read_csv(tmp_path / "2" / "outcomes.csv")["point"].unique()) == 1
    assert econ("collect", tmp_path / "1", tmp_path / "2", "--csv", "--out", tmp_path / "joined", "--quiet") == (0, "", "")
    for name in ("index", "summary", "outcomes"):
        stored = pd.read_parquet(tmp_path / "joined" / (name if name == "outcomes" else f"{name}.parquet"))
        written = pd.read_csv(tmp_path / "joined" / f"{name}.csv")
        assert set(written.columns) == set(stored.columns) and list(written["point"]) == sorted(stored["point"].astype(int))
        pd.testing.assert_frame_equal(written[list(stored.columns)], stored.astype({"point": "int64"}), check_dtype=False)


@pytest.mark.parametrize("address", ["foo", "tcp://", "tcp://host", "tcp://host:0", "tcp://host:70000", "tcp://a:1:2", "inproc://x:1", "http://host:80", "tcp://u@host:1"])
def test_what_is_no_address_of_a_scheduler_is_refused_at_once(econ, tiny, tmp_path, address):
    code, out, err = econ("sweep", tiny, "--scheduler", address, "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert err == f"econ: --scheduler: this is no address, found '{address}'; allowed: tcp://HOST:PORT or tls://HOST:PORT\n"
    assert not list(tmp_path.glob("out*"))


MUTE = """
import socket, sys
from econ import cli
from econ.ensemble.sweeps import schedulers

schedulers.PATIENCE = 0.5
mute = socket.create_server(("127.0.0.1", 0))
if sys.argv[-1] == "closed":
    mute.close()
    port = 9
else:
    port = mute.getsockname()[1]
sys.argv = [*sys.argv[:-1], "--scheduler", f"tcp://127.0.0.1:{port}"]
cli.main()
"""


@pytest.mark.parametrize("server", ["closed", "mute"])
def test_where_no_scheduler_answers_one_sentence_is_all_and_nothing_is_left(tiny, tmp_path, server):
    pytest.importorskip("distributed")
    command = [sys.executable, "-c", MUTE, "sweep", str(tiny), "--out", str(tmp_path / "out"), server]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("econ: --scheduler: no Dask scheduler answers (") and done.stderr.count("\n") == 1, done.stderr
    assert not list(tmp_path.glob("out*"))


def test_a_finished_sweep_is_shown_again_with_its_extreme_points(econ, tmp_path, tiny):
    tiny.write_text(tiny.read_text().replace("replicates: 1", "replicates: 3").replace("commons: [0, 0.1]", "transfer: [0, 0.5, 1]"))
    code, printed, _ = econ("sweep", tiny, "--workers", 1, "--out", tmp_path / "out")
    assert code == 0 and econ("show", tmp_path / "out") == (0, printed, "")
    facts = json.loads(econ("show", tmp_path / "out", "--json")[1])
    outcomes = pd.read_parquet(tmp_path / "out" / "outcomes").query("quarter >= 0")
    rows = outcomes.groupby(["point", "replicate"], observed=True)["label_spend"].mean().unstack()
    (told,) = (row for row in facts["headlines"] if row["variable"] == "label_spend")
    means = rows.mean(axis=1)
    assert (told["least"], told["greatest"]) == pytest.approx((means.min(), means.max()))
    assert (told["least_point"], told["greatest_point"]) == (int(means.idxmin()), int(means.idxmax()))
    paired = rows.loc[means.idxmax()] - rows.loc[means.idxmin()]
    assert (told["difference"], told["mc_error"]) == pytest.approx((paired.mean(), paired.std() / 3**0.5))
    assert told["key"] is None, "three points say nothing of rank correlations"


def test_what_is_no_result_is_not_shown(econ, tmp_path):
    code, out, err = econ("show", tmp_path)
    assert (code, out) == (2, "") and "no manifest.json" in err


def test_a_finished_sweep_is_not_replaced_unasked(econ, tiny, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "keep").write_text("me")
    code, _, err = econ("sweep", tiny, "--out", tmp_path / "out")
    assert code == 2
    assert "--force" in err
    assert (tmp_path / "out" / "keep").read_text() == "me"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--shard", "3/2"), "K/N with K from 1 to N"),
        (("--shard", "half"), "K/N with K from 1 to N"),
        (("--scheduler", "tcp://127.0.0.1:1", "--workers", "2"), "Dask cluster's own"),
        (("--memory", "0.01"), "GiB of memory"),
    ],
)
def test_bad_options_are_refused_before_work_starts(econ, tiny, tmp_path, arguments, message):
    code, out, err = econ("sweep", tiny, "--out", tmp_path / "out", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert not (tmp_path / "out").exists()


def test_an_unknown_sweep_names_the_nearest(econ):
    code, _, err = econ("sweep", "certification_detail")
    assert code == 2
    assert "did you mean 'certification_details'" in err


def test_a_key_that_no_scenario_has_is_said_with_its_file(econ, tiny, tmp_path):
    tiny.write_text(tiny.read_text().replace("levers.commons", "levers.comons"))
    code, _, err = econ("sweep", tiny, "--out", tmp_path / "out")
    assert code == 2 and f"{tiny}:7: keys.levers.comons: unknown lever" in err and "did you mean 'commons'" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["sweep", "calibrate"])
def test_a_scenario_in_place_of_a_study_is_said_to_be_one(econ, tmp_path, command):
    path = tmp_path / "mine.yaml"
    path.write_text("schema_version: 1\nname: mine\nextends: baseline\n")
    code, out, err = econ(command, path)
    assert (code, out) == (2, "") and "this is a scenario, not a" in err and "`econ run` takes it" in err


@pytest.fixture
def many(econ, tiny, tmp_path):
    """A finished sweep of nine points."""
    tiny.write_text(tiny.read_text().replace("commons: [0, 0.1]", f"transfer: {[i / 8 for i in range(9)]}"))
    assert econ("sweep", tiny, "--workers", 1, "--out", tmp_path / "many", "--quiet")[0] == 0
    return tmp_path / "many"


def _sealed(place, change):
    """Change the manifest of a result, and seal it again."""
    facts = {k: v for k, v in json.loads((place / "manifest.json").read_text()).items() if k != "manifest_sha256"}
    write_manifest(place, change(facts))


def _without_most(place):
    summary = pd.read_parquet(place / "summary.parquet")
    summary.loc[(summary["variable"] == "capture_index") & (summary["point"] > 2), "mean"] = np.nan
    summary.to_parquet(place / "summary.parquet")
    _sealed(place, lambda facts: facts | {"files": hashes(place, facts["files"])})


def test_an_outcome_with_few_values_has_no_key_and_others_do(econ, many):
    _without_most(many)
    rows = {row["variable"]: row for row in json.loads(econ("show", many, "--json")[1])["headlines"]}
    assert rows["capture_index"]["key"] is None and rows["label_spend"]["key"] == "levers.transfer"
    code, out, err = econ("show", many)
    assert (code, err) == (0, "") and "goes with" in out and "transfer (" in out


def _cut(path):
    path.write_bytes(path.read_bytes()[:-100])


DAMAGE = {
    "junk": lambda place: next((place / "outcomes" / "point=0").glob("*.parquet")).write_bytes(b"junk"),
    "a point cut off": lambda place: _cut(next((place / "outcomes" / "point=4").glob("*.parquet"))),
    "an empty point": lambda place: next((place / "outcomes" / "point=4").glob("*.parquet")).write_bytes(b""),
    "no file": lambda place: [path.unlink() for path in (place / "outcomes").glob("*/*.parquet")],
    "no points": lambda place: _sealed(place, lambda facts: {k: v for k, v in facts.items() if k != "points"}),
    "failures as a list": lambda place: _sealed(place, lambda facts: facts | {"failed_replicates": []}),
    "failures as numbers": lambda place: _sealed(place, lambda facts: facts | {"failed_replicates": {"0": 3}}),
    "shard as a word": lambda place: _sealed(place, lambda facts: facts | {"shard": "ab"}),
    "changed index": lambda place: (place / "index.parquet").write_bytes(b"junk"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_sweep_is_refused_in_a_sentence(econ, many, damage):
    damage(many)
    for words in ((), ("--json",)):
        code, out, err = econ("show", many, *words)
        assert (code, out) == (2, "") and err.startswith("econ: ") and err.count("\n") == 1, err


def test_what_failed_and_what_is_a_part_is_said(econ, many):
    _sealed(many, lambda facts: facts | {"failed_replicates": {"3": {"0": "harm in quarter 0"}}, "shard": [2, 4], "status": "failed"})
    _, out, _ = econ("show", many)
    assert "part 2 of 4" in out and "FAILED: 1 replicates" in out


def test_a_sweep_without_values_is_said_to_have_none(econ, many):
    summary = pd.read_parquet(many / "summary.parquet").assign(mean=np.nan)
    summary.to_parquet(many / "summary.parquet")
    _sealed(many, lambda facts: facts | {"files": hashes(many, facts["files"])})
    code, out, _ = econ("show", many)
    assert code == 0 and "No point has a value." in out and "least" not in out


def test_results_of_the_laboratory_are_shown_elsewhere(econ):
    code, _, err = econ("show", shipped_path("calibration", "lab", "surface"))
    assert code == 2 and "`econ lab show` shows it" in err
