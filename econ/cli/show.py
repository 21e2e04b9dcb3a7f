"""`econ show`: a finished run or sweep again, as it was printed when it ended."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from econ.cli import completion
from econ.cli.options import KeyFacts
from econ.cli.terminal import console, print_json, use_one_thread


def show(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Directory of a finished run or sweep.", autocompletion=completion.runs)],
    as_json: KeyFacts = False,
) -> None:
    """Show a finished run or sweep again, as it was printed when it ended; `econ lab show` shows the laboratory's."""
    use_one_thread()
    from econ.core.errors import InputError
    from econ.core.manifests import MANIFEST, read_manifest

    place = directory / MANIFEST
    # Unlike Path.is_file, no error for a name that is too long.
    facts = read_manifest(place) if os.path.isfile(place) else {}  # noqa: PTH113
    if str(facts.get("command", "")).startswith("econ lab "):
        raise InputError("this is a result of the laboratory; `econ lab show` shows it", file=directory)
    if facts.get("kind") == "sweep":
        show_sweep(directory, as_json)
    else:
        _show_run(directory, as_json)


def show_sweep(directory: Path, as_json: bool) -> None:
    """Print a finished sweep, as a table or as JSON."""
    from econ.report.sweep import print_sweep, read_sweep, sweep_facts

    stored = read_sweep(directory)
    if as_json:
        print_json(sweep_facts(stored))
    else:
        print_sweep(stored, console())


def _show_run(directory: Path, as_json: bool) -> None:
    from econ.report.overview import key_facts, print_run
    from econ.report.runs import open_run

    result = open_run(directory)
    if as_json:
        print_json(key_facts(result))
    else:
        print_run(result, console(), str(directory))
