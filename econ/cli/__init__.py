"""The command line: parses, calls one function, prints. No logic lives here.

Errors that a user can mend are printed as one sentence on stderr; no traceback reaches a user.
"""

from __future__ import annotations

import sys

import typer

from econ.cli import claims, compare, cost, doctor, lab, outcomes, report, reproduce, run, scenario, sweep
from econ.core.errors import EconError

app = typer.Typer(
    name="econ",
    help="From small training experiments to policy figures about the market for AI feedback.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("compare")(compare.compare)
app.command("sweep")(sweep.sweep)
app.command("collect")(sweep.collect)
app.command("cost")(cost.cost)
app.command("claims")(claims.claims)
app.command("report")(report.report)
app.command("outcomes")(outcomes.outcomes)
app.command("reproduce")(reproduce.reproduce)
app.add_typer(lab.app, name="lab")
app.add_typer(scenario.app, name="scenario")
app.command("doctor")(doctor.doctor)


#: Exit code of a command that was interrupted from the keyboard.
INTERRUPTED = 130


def main() -> None:
    """Entry point of the `econ` command; its exit codes are 0, 1, 2 and 130."""
    try:
        app()
    except EconError as error:
        sys.stderr.write(f"econ: {error}\n")
        sys.exit(error.exit_code)
    except SystemExit as stop:
        # typer turns an interruption from the keyboard into this exit code, without a word.
        if stop.code == INTERRUPTED:
            sys.stderr.write("econ: interrupted; what was finished is kept, the same command resumes it\n")
        raise
