"""What every command owes its user: a start, completion, one JSON object, silence in pipes, no colour where none is wanted."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import click
import pytest
import typer

from econ import __version__
from econ.cli import app, completion
from econ.scenario import shipped_scenarios
from econ.scenario.lever_table import LEVERS


def _commands(command: click.Command, name: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    """Every command that does something, by its words."""
    if not hasattr(command, "commands"):
        return {name: command}
    return {key: found for part, inner in command.commands.items() for key, found in _commands(inner, (*name, part)).items()}


COMMANDS = _commands(typer.main.get_command(app))


def test_without_a_command_it_shows_the_three_that_most_people_need(econ):
    code, out, err = econ()
    assert code == 0 and err == "" and max(map(len, out.splitlines())) <= 80
    shown = [line.split()[1] for line in out.splitlines() if line.startswith("  econ ")]
    assert len(shown) == 3 and all((word,) in COMMANDS or word == "scenario" for word in shown)
    assert "econ --help" in out


def test_the_version_is_told(econ):
    assert econ("--version") == (0, f"econ {__version__}\n", "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does_and_prints_json(name):
    command = COMMANDS[name]
    assert command.help
    options = {option for parameter in command.params for option in parameter.opts}
    assert "--json" in options
    assert all(parameter.help for parameter in command.params if isinstance(parameter, click.Option))


@pytest.mark.parametrize(
    "arguments",
    [
        ("scenario", "show", "baseline", "--resolved"), ("scenario", "schema"), ("outcomes",), ("claims", "--list"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_json_of_other_forms_of_commands(econ, arguments):
    code, out, err = econ(*arguments, "--json")
    assert code == 0 and err == "" and isinstance(json.loads(out), dict)


#: Commands that write, and the work that must not have begun where the place is taken.
LONG = {
    ("run", "baseline"): "econ.report.runs.execute",
    ("sweep", "transfer_and_commons", "--workers", "1"): "econ.ensemble.sweeps.execute.PointStore",
    ("compare", "runs/a"): "econ.report.comparison.compared.check_complete",
    ("report", "runs/a", "--format", "html"): "econ.report.document.write.gather",
    ("report", "runs/a", "--figures-only"): "econ.report.document.write.gather",
    ("claims",): "econ.claims.assess.assess_claims",
    ("cost", "--target-harm", "0.4"): "econ.report.cost.question.cheapest_mix",
    ("lab", "run", "smoke"): "econ.lab.runner._Session",
    ("lab", "fit", "measurements"): "econ.surfaces.estimate.estimate_surfaces",
    ("lab", "show"): "econ.report.laboratory.tables.load_laboratory",
    ("calibrate", "default", "--workers", "1"): "econ.ensemble.sweeps.schedulers.here",
}  # fmt: skip


@pytest.mark.parametrize("arguments", LONG, ids=" ".join)
def test_a_place_that_is_taken_is_refused_before_any_work(econ, tmp_path, monkeypatch, arguments):
    """A finished result without --force, and what is no result with it."""

    def begun(*_: object, **__: object) -> None:
        raise AssertionError("work was begun")

    monkeypatch.setattr(LONG[arguments], begun)
    out = tmp_path / "out"
    out.mkdir()
    (out / "manifest.json").write_text("{}")
    code, said, err = econ(*arguments, "--out", out)
    assert (code, said, err.count("\n")) == (2, "", 1) and "exists already; choose another --out, or give --force" in err
    (out / "manifest.json").rename(out / "precious.txt")
    code, said, err = econ(*arguments, "--out", out, "--force")
    assert (code, said, err.count("\n")) == (2, "", 1) and "holds no result" in err
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in out.iterdir()] == ["precious.txt"]


def _completed(words: str) -> list[str]:
    """What bash would offer."""
    environment = {**os.environ, "_ECON_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    code = "import sys; sys.argv = ['econ']; from econ.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60).stdout.split()


def test_a_shell_completes_a_scenario():
    assert _completed("econ run ba") == ["baseline"]


def test_completions_are_those_that_exist(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "manifest.json").write_text("{}")
    (tmp_path / "runs" / "half.partial").mkdir()
    (tmp_path / "market.yaml").write_text("")
    assert completion.scenarios("") == shipped_scenarios()
    assert completion.scenarios("ma") == ["mandatory_certification", "market.yaml"]
    assert completion.runs("") == completion.runs("runs/m") == ["runs/mine"]
    keys = completion.settings("levers.")
    assert [key.removeprefix("levers.").removesuffix("=") for key in keys] == list(LEVERS)
    assert completion.settings("parameters.transfer_prior_a") == ["parameters.transfer_prior_a="]
    assert completion.settings("population.f") == ["population.firms="]
    assert dict(completion.outcomes("capture_index"))["capture_index"]
    assert "transfer_and_commons" in completion.sweeps("tr") and "smoke" in completion.grids("sm")


PIPED = (("scenario", "list"), ("outcomes",), ("--help",), ("run", "--help"), ("run", "basline"), ("claims", "--list"))


@pytest.mark.parametrize("arguments", PIPED, ids=" ".join)
def test_in_a_pipe_there_are_no_control_characters(arguments):
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "xterm-256color"}
    environment.pop("FORCE_COLOR", None)
    done = subprocess.run([sys.executable, "-m", "econ", *arguments], env=environment, capture_output=True, text=True, timeout=60)
    assert "\x1b" not in done.stdout + done.stderr and "\r" not in done.stdout + done.stderr
    assert done.stdout or done.stderr


def test_python_runs_the_package_as_the_script_does():
    done = subprocess.run([sys.executable, "-m", "econ", "--version"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr, done.stdout.split()[0]) == (0, "", "econ")
