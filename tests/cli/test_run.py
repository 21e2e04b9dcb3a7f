"""`econ run` and `econ compare` as a user meets them, on the fake market."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import fake_market
import pytest

from econ.cli import terminal
from econ.core.manifests import write_manifest
from econ.core.shipped import shipped_path
from econ.ensemble import design, engine
from econ.report import runs

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def fakes(monkeypatch, tmp_path):
    monkeypatch.setattr(engine, "market_engine", fake_market.engine)
    monkeypatch.setattr(design, "_shared_surfaces", lambda scenarios: fake_market.FakeSurfaces())
    monkeypatch.setattr(runs, "_all_figures", lambda result: [])
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def econ_command(monkeypatch, capsys):
    """Run `econ ARGUMENTS` in this process: exit code, stdout, stderr."""
    from econ import cli

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["econ", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


SMALL = ("--replicates", 4, "--quarters", 6, "--workers", 1)


def test_a_run_prints_one_screen_and_writes_where_it_says(econ_command):
    code, out, err = econ_command("run", "baseline", *SMALL)
    assert (code, err) == (0, "")
    assert "constraints' share of the budget" in out and "not forecasts" in out
    assert "assumed, not measured" in out and "Largest ledger residual" in out and "missed: M" in out
    assert len(out.splitlines()) < 45
    assert econ_command("show", "runs/baseline") == (0, out, "")
    assert "runs/baseline" in out and Path("runs/baseline/manifest.json").is_file()


def test_levers_set_on_the_command_line_reach_the_market(econ_command):
    code, out, _ = econ_command("run", "baseline", "--set", "levers.commons=0.1", *SMALL, "--json")
    assert code == 0 and json.loads(out)["replicates"] == 4
    manifest = json.loads(Path("runs/baseline/manifest.json").read_text())
    assert manifest["scenarios"]["baseline"]["levers"]["commons"] == 0.1
    assert manifest["command"].startswith("econ run baseline --set levers.commons=0.1")


def test_two_scenarios_print_effects_against_the_first(econ_command):
    code, out, _ = econ_command("run", "baseline", "public_commons", *SMALL)
    assert code == 0
    assert "Effects against 'baseline'" in out and "public_commons" in out and "*" in out
    assert Path("runs/baseline+public_commons/differences.csv").is_file()


def test_quiet_prints_nothing(econ_command):
    assert econ_command("run", "baseline", "--quiet", *SMALL) == (0, "", "")


def test_the_flow_matrix_of_a_quarter(econ_command):
    code, out, _ = econ_command("run", "baseline", "--ledger", 2, *SMALL)
    assert code == 0 and "quarter 2: mean payments" in out and "net" in out


def test_a_second_run_needs_force(econ_command):
    assert econ_command("run", "baseline", *SMALL, "--quiet")[0] == 0
    code, _, err = econ_command("run", "baseline", *SMALL)
    assert code == 2 and "exists already" in err and "--force" in err
    assert econ_command("run", "baseline", *SMALL, "--quiet", "--force")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "basline"), "did you mean 'baseline'"),
        (("run", "nowhere.yaml"), "no such file"),
        (("run", "baseline", "baseline"), "the same name"),
        (("run", "baseline", "--seed", -1), "seed: out of range"),
        (("run", "baseline", "--set", "levers.comons=0.1"), "did you mean 'commons'"),
        (("run", "baseline", "--set", "levers.commons"), "KEY=VALUE"),
        (("run", "baseline", "--replicates", 0), "replicates: out of range"),
        (("run", "baseline", "--device", "tpu"), "unknown device"),
        (("run", "baseline", "--float32"), "does not compute in it"),
        (("run", "baseline", "--ledger", 99), "no such quarter"),
        (("run", "baseline", "--memory", 0.01), "GiB of memory"),
        (("run", "baseline", "--workers", 0), "workers: out of range"),
        (("run", "baseline", "--replicates", 4000000000), "this ensemble needs about"),
        (("compare", "nowhere"), "no such run directory"),
        (("run", shipped_path("scenarios", "sweeps", "transfer_and_commons.yaml")), "this is a sweep, not a scenario; `econ sweep` takes it"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(econ_command, arguments, said):
    code, out, err = econ_command(*arguments)
    assert code == 2 and out == ""
    assert said in err and "Traceback" not in err and len(err.strip().splitlines()) == 1
    assert not Path("runs").exists() or not list(Path("runs").iterdir())


def test_failed_replicates_end_with_exit_1_and_are_named(econ_command, monkeypatch):
    monkeypatch.setattr(engine, "market_engine", lambda: fake_market.engine(fake_market.failing_simulate))
    code, out, err = econ_command("run", "baseline", *SMALL)
    assert code == 1
    assert "FAILED: 1 of 4 replicates of 'baseline' (replicate 3: harm_rate not finite in quarter 2)" in out
    assert "some replicates failed" in err


def test_a_set_of_parameters_without_an_equilibrium_is_bad_input_and_leaves_nothing(econ_command, monkeypatch):
    def none(*arguments, **options):
        wrecked = fake_market.wrecked_simulate(*arguments, **options)
        return replace(wrecked, failed=dict.fromkeys(wrecked.failed, "no status quo: outlays would have to be above 0.02"))

    own = replace(fake_market.engine(none), impossible="no status quo: ")
    monkeypatch.setattr(engine, "market_engine", lambda: own)
    code, out, err = econ_command("run", "baseline", *SMALL)
    assert code == 2 and out == "" and len(err.strip().splitlines()) == 1
    assert "no status quo: outlays would have to be above 0.02" in err and not list(Path("runs").iterdir())
    # Nothing says that the parameters are at fault where replicates fail for another reason.
    monkeypatch.setattr(engine, "market_engine", lambda: replace(own, simulate=fake_market.wrecked_simulate))
    assert econ_command("run", "baseline", *SMALL)[0] == 1


def test_a_broken_ledger_ends_with_exit_1(econ_command, monkeypatch):
    monkeypatch.setattr(engine, "market_engine", lambda: fake_market.engine(fake_market.broken_simulate))
    code, _, err = econ_command("run", "baseline", *SMALL)
    assert code == 1 and "the ledger breaks in quarter 3" in err and "Traceback" not in err


def test_compare_stored_runs(econ_command):
    econ_command("run", "baseline", *SMALL, "--quiet")
    econ_command("run", "public_commons", *SMALL, "--quiet")
    code, out, err = econ_command("compare", "runs/baseline", "runs/public_commons")
    assert (code, err) == (0, "") and "Effects against 'baseline'" in out
    assert Path("runs/comparison_baseline+public_commons/differences.csv").is_file()
    code, out, _ = econ_command(
        "compare", "runs/baseline", "runs/public_commons", "--baseline", "public_commons", "--json", "--force"
    )
    facts = json.loads(out)
    assert (
        code == 0
        and facts["baseline"] == "public_commons"
        and facts["scenarios"] == ["public_commons", "baseline"]
    )


def test_compare_refuses_runs_of_different_seeds(econ_command):
    econ_command("run", "baseline", *SMALL, "--quiet")
    econ_command("run", "public_commons", *SMALL, "--quiet", "--seed", 2)
    code, _, err = econ_command("compare", "runs/baseline", "runs/public_commons")
    assert code == 2 and "seed: 1 and 2 (runs/baseline and runs/public_commons)" in err


def test_three_scenarios_are_ranked_in_every_replicate(econ_command):
    for name in ("baseline", "public_commons", "no_transfer"):
        econ_command("run", name, *SMALL, "--quiet")
    stored = ("runs/baseline", "runs/public_commons", "runs/no_transfer")
    code, out, err = econ_command("compare", *stored)
    assert (code, err) == (0, "") and "leads" in out and "public_commons" in out
    facts = json.loads(econ_command("compare", *stored, "--json", "--force")[1])
    row = next(row for row in facts["rank_stability"] if row["variable"] == "harm_rate")
    assert row["leader"] == "public_commons" and row["leads"] == 1.0, "the fake commons lowers harm in every replicate"


SCRIPT = """
# A parent in the background may have told its children to ignore Ctrl-C.
import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
import fake_market
from econ import cli
from econ.ensemble import design, engine

engine.market_engine = lambda: fake_market.engine(fake_market.slow_simulate)
design._shared_surfaces = lambda scenarios: fake_market.FakeSurfaces()
if __name__ == "__main__":
    cli.main()
"""


def test_an_interruption_from_the_keyboard_is_exit_130(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent / "ensemble")}
    command = [sys.executable, str(script), "run", "baseline", "--replicates", "600", "--workers", "1"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    blocks = tmp_path / "runs" / "baseline.partial" / "blocks"
    end = time.monotonic() + 120
    while len(list(blocks.glob("*.npz"))) < 1:
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "the same command resumes it" in err and "Traceback" not in err


@pytest.mark.parametrize("command", ["compare", "report", "reproduce"])
def test_a_directory_of_another_kind_is_named_by_what_wrote_it(econ_command, command):
    Path("other").mkdir()
    write_manifest(Path("other"), {"schema_version": 1, "econ_version": "0", "command": "econ lab import mine.csv --mapping map.yaml"})
    code, out, err = econ_command(command, "other")
    assert (code, out) == (2, "")
    assert "other: this is no run of scenarios, but what `econ lab import` wrote; `econ run SCENARIO --out DIR` makes one" in err


def test_reports_of_two_runs_lie_apart():
    assert terminal.place_of([Path("runs/one")], "report") != terminal.place_of([Path("runs/two")], "report")
    assert terminal.place_of([Path("runs/one"), Path("elsewhere/two/")], "comparison") == Path("runs/comparison_one+two")
    assert len(terminal.place_of([Path("x" * 70)] * 3, "report").name) == terminal.LONGEST_NAME
