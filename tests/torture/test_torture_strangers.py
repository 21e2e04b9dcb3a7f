"""What strangers write into names, texts and paths: never a path outside, a formula, a tag, or a terminal command."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from victims import SMALL, victim

from econ.core.csv_files import write_csv
from econ.core.errors import InputError, printable
from econ.core.yaml_files import read_yaml

SECTION = "Hostile input"
PATHS = ["../outside", "../../outside", "/tmp/outside", "a/../../outside", "..", ".", "", "~/outside", "a\x00b", "a\nb", "x" * 5000, "\\\\host\\share"]


@pytest.mark.parametrize("name", PATHS)
def test_names_are_no_paths(tmp_path, counted, name):
    """Scenario, sweep, grid and mapping names make up names of files and directories."""
    from econ.ensemble.sweeps.spec import load_sweep
    from econ.lab.grid import load_grid
    from econ.lab.importing.mapping import load_mapping
    from econ.scenario import load_scenario

    path = tmp_path / "trial.yaml"
    files = {
        load_scenario: {"schema_version": 1, "name": name}, load_mapping: {"schema_version": 1, "name": name, "columns": {}},
        load_sweep: {"schema_version": 1, "name": name, "design": "grid", "keys": {"levers.commons": [0]}},
        load_grid: {"schema_version": 1, "name": name, "worlds": [0], "arms": [{"method": "base"}]},
    }  # fmt: skip
    for load, content in files.items():
        path.write_text(yaml.safe_dump(content))
        with pytest.raises(InputError, match=r"name|control"):
            load(path)
    counted(SECTION, "paths as names of scenarios, sweeps, grids and mappings", cases=len(files), refused_in_one_sentence=len(files))


@pytest.fixture
def folder(tmp_path):
    """Where a stranger's scenario lies, two levels below things that are not its own."""
    folder = tmp_path / "deep" / "deeper"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("name", PATHS)
def test_a_scenario_extends_files_beside_it_alone(tmp_path, folder, counted, name):
    from econ.scenario import load_scenario

    for place in (tmp_path, folder.parent):
        (place / "outside").write_text(yaml.safe_dump({"schema_version": 1, "name": "outside", "title": "secret"}))
    (folder / "trial.yaml").write_text(yaml.safe_dump({"schema_version": 1, "name": "trial", "extends": name}))
    with pytest.raises(InputError) as caught:
        load_scenario(folder / "trial.yaml")
    assert "secret" not in str(caught.value) and str(caught.value).isprintable()
    counted(SECTION, "paths that a scenario extends, beyond its own folder or none at all", cases=1, refused_in_one_sentence=1, read=0)


@pytest.mark.parametrize("name", PATHS)
def test_what_is_no_surfaces_is_not_read_as_such(tmp_path, folder, counted, name):
    """Surfaces may lie anywhere, relative to the scenario; of a directory that holds others' data nothing is shown."""
    from econ.scenario import load_scenario
    from econ.surfaces import load_surfaces

    for place in (tmp_path / "outside", folder.parent / "outside", tmp_path, folder.parent, folder):
        place.mkdir(exist_ok=True)
        (place / "surfaces.json").write_text(json.dumps({"schema_version": 1, "secret": "secret"}))
    (folder / "trial.yaml").write_text(yaml.safe_dump({"schema_version": 1, "name": "trial", "surfaces": name}))
    with pytest.raises(InputError) as caught:
        load_surfaces(load_scenario(folder / "trial.yaml").surfaces)
    assert "secret" not in str(caught.value) and str(caught.value).isprintable()
    counted(SECTION, "paths of surfaces that hold others' data or nothing", cases=1, refused_in_one_sentence=1, told_of_their_content=0)


def test_a_stranger_s_run_writes_nothing_outside(zygote, tmp_path):
    """Scenario names of a manifest become names of figures; that of a sweep becomes a directory."""
    from econ.report.runs import open_run

    one = victim(zygote, "run")
    if not (one.place / "out").exists():
        one.reset()
        assert zygote.run(one.command()) == 0
    stored = tmp_path / "run"
    shutil.copytree(one.place / "out", stored)
    manifest = json.loads((stored / "manifest.json").read_text())
    manifest.pop("manifest_sha256")
    first, *others = manifest["scenarios"].items()
    manifest["scenarios"] = {first[0]: first[1], "../../../outside": others[0][1]}
    (stored / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="scenarios"):
        open_run(stored)


def test_a_stranger_s_sweep_is_collected_under_its_own_name_alone(tmp_path):
    from econ.ensemble.sweeps.collect import read_shards

    for sweep in ({"name": "../../outside"}, {"name": "/outside"}, {}, None, []):
        manifest = {"kind": "sweep", "shard": [1, 1], "config_hash": "0", "failed_replicates": {}, "wall_seconds": 1.0, "sweep": sweep}
        (tmp_path / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(InputError, match="not that of a sweep"):
            read_shards([tmp_path])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(f"{c}: &{c} [{', '.join(['*' + p] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)), "anchors and aliases"),
        ("a: &a {b: *a}\n", "anchors and aliases|not valid"),
        ("a: " + "[" * 100_000, "not valid|nested"),
        ("a: " + "{b: " * 400 + "1" + "}" * 400, "not valid|nested"),
        ("a: !!python/object/apply:os.system [id]\n", "not used here"),
        ("a: !!python/name:os.system\n", "not used here"),
        ("!!map {a: 1, a: 2}\n", "twice"),
        ("a: " + "9" * 5000 + "\n", "too large|cannot be read"),
        ("x" * 2_000_000, "too large"),
    ],
)  # fmt: skip
def test_bombs_are_refused_at_once(tmp_path, counted, text, said):
    path = tmp_path / "bomb.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_yaml(path)
    counted(SECTION, "YAML bombs: aliases, depth, size, huge numbers, doubled keys, types of Python", cases=1, refused_in_one_sentence=1)


@pytest.mark.parametrize("text", ['a: "x\\e[2Jy"', 'a: "\\a"', '"k\\e[31m": 1', 'a: "\\u202eevil"', 'a: "x\\u0085y\\x9b31m"', "a: [1, \"\\e]0;title\\a\"]"])
def test_no_text_of_a_file_commands_the_terminal(tmp_path, counted, text):
    path = tmp_path / "trial.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match="control characters") as error:
        read_yaml(path)
    assert str(error.value).isprintable()
    counted(SECTION, "texts of files with commands for a terminal", cases=1, refused_in_one_sentence=1)


def test_no_path_commands_the_terminal(tmp_path):
    assert printable("\x1b[2J\x9b31m\u202e\r") == "\\x1b[2J\\x9b31m\\u202e\\r"
    command = [sys.executable, "-c", "from econ.cli import main; main()", "scenario", "check", str(tmp_path / "a\x1b[2Jb.yaml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "\x1b" not in done.stderr and "\\x1b[2J" in done.stderr


@pytest.mark.parametrize("text", ["[/]", "[bold]x", "[link=https://example.org]x[/link]", ":warning:", "[red]"])
def test_texts_are_no_markup_of_the_terminal(text, capsys, counted):
    from econ.cli.terminal import console

    console().print(text)
    assert capsys.readouterr().out.strip() == text
    counted(SECTION, "texts that a terminal's library would take for markup", cases=1, shown_as_written=1)


def test_no_cell_is_a_formula(tmp_path, counted):
    cells = ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "plain", "-1.5", "", None, "a=b"]
    table = pd.DataFrame({"text": cells, "=header": np.arange(len(cells)) - 0.1, "kind": pd.Categorical(cells)})
    write_csv(tmp_path / "a.csv", table)
    read = pd.read_csv(tmp_path / "a.csv", keep_default_na=False)
    assert read.columns.tolist() == ["text", "'=header", "kind"]
    for column in ("text", "kind"):
        assert len(read) == len(cells) and all(not re.match(r"[=+@\t\r]|-(?!1\.5$)", str(cell)) for cell in read[column])
    assert read["'=header"].tolist() == table["=header"].tolist()
    formulas = 1 + 2 * sum(bool(cell) and cell[0] in "=+-@\t\r" and cell != "-1.5" for cell in cells)
    counted(SECTION, "formulas in cells and headers of CSV tables", cases=formulas, written_as_text=formulas)


def test_kept_columns_of_a_laboratory_stay_data(zygote, tmp_path):
    """Headers and cells with formulas, tags and paths come out of an import as text."""
    from econ.core.shipped import shipped_path

    source = shipped_path("calibration", "examples", "fictitious_laboratory.csv").read_text().splitlines()
    hostile = ["=cmd|' /C calc'!A0", "<script>alert(1)</script>", "../../etc/passwd"]
    lines = [f"{source[0]},{','.join(hostile)}", *(f"{line},{','.join(hostile)}" for line in source[1:])]
    (tmp_path / "own.csv").write_text("\n".join(lines) + "\n")
    mapping = shipped_path("calibration", "examples", "fictitious_laboratory.mapping.yaml")
    command = ["lab", "import", str(tmp_path / "own.csv"), "--mapping", str(mapping), "--keep-extra", "--csv", "--out", str(tmp_path / "out")]
    assert zygote.run(command) == 0, zygote.said()
    read = pd.read_csv(tmp_path / "out" / "measurements.csv", keep_default_na=False, dtype=str)
    assert not read.map(lambda cell: bool(re.match(r"[=+@\t\r]", cell))).to_numpy().any()
    assert json.loads(read["extra"][0])["kept"][hostile[0]] == hostile[0]


def test_a_control_character_in_a_cell_reaches_no_terminal(zygote, tmp_path):
    from econ.core.shipped import shipped_path

    source = shipped_path("calibration", "examples", "fictitious_laboratory.csv").read_text()
    for place in ("Aster", "ranking", "A/B choices", "site", "480"):
        (tmp_path / "own.csv").write_text(source.replace(place, f"{place}\x1b[2J\u202e"))
        mapping = shipped_path("calibration", "examples", "fictitious_laboratory.mapping.yaml")
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        zygote.run(["lab", "import", str(tmp_path / "own.csv"), "--mapping", str(mapping), "--out", str(tmp_path / "out")])
        assert "\x1b" not in zygote.said() and "Traceback" not in zygote.said(), place


def test_a_notebook_shows_texts_as_texts(zygote, counted):
    from econ.report.runs import open_run

    one = victim(zygote, "run")
    one.reset()
    hostile = {**SMALL, "name": "hostile", "title": "<script>alert(1)</script>", "question": '"><img src=x onerror=alert(1)>'}
    (zygote.folder / "hostile.yaml").write_text(yaml.safe_dump(hostile))
    assert zygote.run(["run", "hostile.yaml", "--replicates", "2", "--quarters", "2", "--workers", "1", "--quiet", "--out", str(one.place / "out")]) == 0
    page = open_run(one.place / "out")._repr_html_()
    assert "<script" not in page and "<img" not in page
    counted(SECTION, "tags of HTML in a scenario's title and question, shown in a notebook", cases=2, shown_as_text=2)


def test_links_in_unfinished_work_are_not_followed(zygote, tmp_path):
    """A point's folder that is a link: nothing behind it is deleted or written."""
    one = victim(zygote, "sweep", place=tmp_path / "place")
    one.reset()
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "data.parquet").write_text("precious")
    folder = one.place / "out.partial" / "outcomes"
    folder.mkdir(parents=True)
    (folder / "point=0").symlink_to(precious)
    (folder / "point=77").symlink_to(precious)
    (folder / "point=x").mkdir()
    status = zygote.run(one.command())
    assert (precious / "data.parquet").read_text() == "precious" and len(list(precious.iterdir())) == 1
    assert status == 0 and "Traceback" not in zygote.said(), zygote.said()


def test_nothing_is_unpickled_and_no_network_is_used(zygote, counted, tmp_path):
    """Of all commands that read or write: what is unpickled, by whom, and which sockets are opened."""
    seen, commands = tmp_path / "events", 0
    for what in ("run", "sweep", "grid"):
        one = victim(zygote, what)
        one.reset()
        zygote.kill_after(one.command(), 0.6 * one.seconds)
        assert zygote.run(one.command(), watch=str(seen)) in (0, 2), zygote.said()
        commands += 1
    run = victim(zygote, "run").place / "out"
    for argv in (["compare", str(run), "--out", str(tmp_path / "compared")], ["scenario", "list"], ["outcomes"], ["lab", "show"],
                 ["reproduce", str(run), "--workers", "1"]):  # fmt: skip
        assert zygote.run([*argv], watch=str(seen)) == 0, zygote.said()
        commands += 1
    lines = set(seen.read_text().splitlines()) if seen.exists() else set()
    # numba keeps machine code of the package's own kernels in its own format; see the page's last part.
    other = {line for line in lines if line != "unpickled by numba.core.caching"}
    counted(SECTION, "commands under an audit of pickles and sockets", commands=commands, pickles_read_from_data_files=sum("somebody" in x for x in other),
            sockets=sum("socket" in x for x in other))  # fmt: skip
    assert not other


def test_no_source_reads_pickles():
    """Not by way of numpy, pandas, torch or joblib either."""
    root = Path(__file__).parents[2] / "econ"
    forbidden = re.compile(r"\bpickle\b|joblib|read_pickle|to_pickle|torch\.load|shelve|marshal|allow_pickle=True|yaml\.(unsafe_|full_)?load\(|\beval\(|\bexec\(")
    found = [f"{path.name}:{number}" for path in root.rglob("*.py") for number, line in enumerate(path.read_text().splitlines(), 1) if forbidden.search(line)]
    loads = [line for path in root.rglob("*.py") for line in path.read_text().splitlines() if "np.load(" in line]
    assert not found and all("allow_pickle=False" in line for line in loads)
