"""`--json` of every command, run for real: one JSON object on stdout and nothing else, under `--quiet` too. `--quiet` alone: nothing at all."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import subprocess
import sys

import pytest
import yaml
from test_calibrate_command import SPEC
from test_ergonomics import COMMANDS
from victims import write_inputs

from econ.cli import main
from econ.core.shipped import shipped_path

TABLE, MAP = (str(shipped_path("calibration", "examples", f"fictitious_laboratory.{end}")) for end in ("csv", "mapping.yaml"))
#: A line for every command; RUN, GRID, SHARD1 and SHARD2 are results, OUT is a new place.
LINES = {
    ("run",): "small.yaml --replicates 2 --quarters 1 --workers 1 --out OUT",
    ("compare",): "RUN --out OUT",
    ("sweep",): "sweep.yaml --workers 1 --out OUT",
    ("collect",): "SHARD1 SHARD2 --out OUT",
    ("cost",): "--draws 12",
    ("show",): "SHARD1",
    ("outcomes",): "harm",
    ("shipped",): "",
    ("reproduce",): "RUN --workers 1",
    ("doctor",): "",
    ("lab", "run"): "grid.yaml --out OUT",
    ("lab", "import"): f"{TABLE} --mapping {MAP} --out OUT",
    ("lab", "schema"): "",
    ("lab", "show"): "GRID",
    ("scenario", "list"): "",
    ("scenario", "show"): "baseline",
    ("scenario", "check"): "baseline small.yaml",
    ("scenario", "diff"): "baseline no_transfer",
    ("scenario", "new"): "OUT.yaml",
    ("scenario", "schema"): "sweep",
}
#: Those that take up to half a minute of CPU.
LONG = {
    ("claims",): "--draws 1000",
    ("report",): "RUN --format html --out OUT",
    ("lab", "fit"): "IMPORTED --out OUT",
    ("calibrate",): "calibration.yaml --workers 1 --out OUT",
}
PARAMETERS = [*((name, line) for name, line in LINES.items()), *(pytest.param(name, line, marks=pytest.mark.slow) for name, line in LONG.items())]


def _econ(*words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command; neither is a terminal."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv, code = ["econ", *words], 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        sys.argv = before
    return code, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with small inputs, and small results of the commands whose output others read."""
    folder = tmp_path_factory.mktemp("json")
    write_inputs(folder)
    (folder / "calibration.yaml").write_text(SPEC.format(scenario="small.yaml"))
    sweep = yaml.safe_load((folder / "sweep.yaml").read_text())
    (folder / "sweep.yaml").write_text(yaml.safe_dump(sweep | {"keys": {"levers.transfer": [0, 1]}, "replicates": 1, "quarters": 1}))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        made = {
            "RUN": "run small.yaml commons.yaml --replicates 2 --quarters 1 --workers 1", "GRID": "lab run grid.yaml",
            "SHARD1": "sweep sweep.yaml --workers 1 --shard 1/2", "SHARD2": "sweep sweep.yaml --workers 1 --shard 2/2",
            "IMPORTED": f"lab import {TABLE} --mapping {MAP}",
        }  # fmt: skip
        for name, line in made.items():
            assert _econ(*line.split(), "--quiet", "--out", str(folder / name)) == (0, "", ""), name
        yield folder


def _no_number(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")


def test_every_command_is_here():
    assert set(LINES) | set(LONG) == set(COMMANDS) and not set(LINES) & set(LONG)


@pytest.mark.parametrize(("name", "line"), PARAMETERS, ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_json_is_one_object_and_quiet_is_nothing(place, tmp_path, monkeypatch, name, line):
    monkeypatch.chdir(place)

    def words(number: int) -> list[str]:
        return [*name, *(re.sub(r"^OUT", str(tmp_path / str(number)), word) for word in line.split())]

    code, out, err = _econ(*words(1), "--json")
    assert (code, err) == (0, "")
    facts = json.loads(out, parse_constant=_no_number)
    assert isinstance(facts, dict) and facts and out.startswith("{") and out.endswith("}\n") and "\x1b" not in out
    silent = {option for parameter in COMMANDS[name].params for option in parameter.opts} & {"--quiet"}
    if silent:
        code, out, err = _econ(*words(2), "--json", "--quiet")
        assert (code, err) == (0, "") and json.loads(out).keys() == facts.keys()
    if silent and name not in LONG:
        assert _econ(*words(3), "--quiet") == (0, "", "")


COLOUR = re.compile(rb"\x1b\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9]+)*m")


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["claims", "--list"], ["outcomes"], ["run", "basline"], ["cost", "--draws", "12"]], ids=" ".join)
def test_no_color_on_a_terminal(words):
    """On a real (pseudo) terminal, NO_COLOR takes every colour away (no-color.org); bold and italics may stay."""
    master, slave = pty.openpty()
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "100"}
    for name in ("FORCE_COLOR", "PY_COLORS", "CLICOLOR_FORCE"):
        environment.pop(name, None)
    command = [sys.executable, "-c", "import sys; sys.argv = ['econ', *sys.argv[1:]]; from econ.cli import main; main()", *words]
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    said = b""
    with contextlib.suppress(OSError):  # Linux ends a terminal with an error
        while piece := os.read(master, 65536):
            said += piece
    os.close(master)
    assert process.wait(60) in (0, 2) and said
    assert not COLOUR.findall(said), said[:300]
