"""The command line: parses, calls one function, prints. No logic lives here.

Errors that a user can mend are printed as one sentence on stderr; no traceback reaches a user.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from typing import Annotated, NoReturn, TextIO

import typer

from econ.cli import (
    calibrate,
    claims,
    compare,
    cost,
    doctor,
    lab,
    outcomes,
    report,
    reproduce,
    run,
    scenario,
    shipped,
    show,
    sweep,
)
from econ.core.errors import EconError, printable

app = typer.Typer(
    name="econ",
    help="From small training experiments to policy figures about the market for AI feedback.",
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("compare")(compare.compare)
app.command("sweep")(sweep.sweep)
app.command("collect")(sweep.collect)
app.command("show")(show.show)
app.command("calibrate")(calibrate.calibrate)
app.command("cost")(cost.cost)
app.command("claims")(claims.claims)
app.command("report")(report.report)
app.command("outcomes")(outcomes.outcomes)
app.command("shipped")(shipped.shipped)
app.command("reproduce")(reproduce.reproduce)
app.add_typer(lab.app, name="lab")
app.add_typer(scenario.app, name="scenario")
app.command("doctor")(doctor.doctor)

START = """\
econ: from training experiments to figures about the market for AI feedback

  econ scenario list                          the shipped scenarios
  econ run baseline public_commons            what a policy changes
  econ report runs/baseline+public_commons    a page to read and hand on

All commands: econ --help. Completion with TAB: econ --install-completion.
"""


def _version(asked: bool) -> None:
    if asked:
        import econ

        typer.echo(f"econ {econ.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """From small training experiments to policy figures about the market for AI feedback."""
    if context.invoked_subcommand is None:
        typer.echo(START, nl=False)


#: Exit code of a command that was interrupted from the keyboard.
INTERRUPTED = 130
#: Exit code of a command whose reader left, such as `head`: that of a program which the signal SIGPIPE ends.
READER_LEFT = 141


def main() -> None:
    """Entry point of the `econ` command; its exit codes are 0, 1, 2, 130 and 141."""
    logging.basicConfig(format="econ: %(message)s", level=logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _tell
            _run_app()
    except BrokenPipeError:
        _print_to_nowhere()
        sys.exit(READER_LEFT)
    except EconError as error:
        _end(str(error), error.exit_code)
    except MemoryError:
        _end("out of memory; what was finished is kept; use fewer replicates, labelers or workers", 1)
    except OSError as error:
        # What a fault of the machine stops (a disk gone, a full one) is told like any other failure of the work.
        where = f"{error.filename}: " if error.filename else ""
        _end(f"{where}{error.strerror or error}; what was finished is kept", 1)
    except SystemExit as stop:
        # typer turns an interruption from the keyboard into this exit code, without a word.
        if stop.code == INTERRUPTED:
            sys.stderr.write("econ: interrupted; what was finished is kept, the same command resumes it\n")
        raise


def _run_app() -> None:
    """The command; what it printed has left this process at its end.

    Raises
    ------
    BrokenPipeError
        If nobody reads what is printed; typer and rich hide it behind exit code 1.
    """
    try:
        app()
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):
            raise stop.__context__ from None
        sys.stdout.flush()
        raise


def _print_to_nowhere() -> None:
    """Let Python's last flush of what nobody takes end without a word."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _tell(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None, line: str | None = None
) -> None:
    """A warning as a sentence, without the place in the code that raised it."""
    sys.stderr.write(f"econ: warning: {printable(str(message))}\n")


def _end(sentence: str, code: int) -> NoReturn:
    # An import tells all its faults, a line each.
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.write("econ: " + "\n".join(map(printable, sentence.split("\n"))) + "\n")
    try:
        sys.stdout.flush()
    except OSError:
        _print_to_nowhere()
    sys.exit(code)
