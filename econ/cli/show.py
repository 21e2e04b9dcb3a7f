"""`econ show`: a finished run or sweep again, as it was printed when it ended."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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
    from econ.core.manifests import MANIFEST, read_manifest

    place = directory / MANIFEST
    if place.is_file() and read_manifest(place).get("kind") == "sweep":
        _show_sweep(directory, as_json)
    else:
        _show_run(directory, as_json)


def _show_sweep(directory: Path, as_json: bool) -> None:
    from econ.ensemble.sweeps.manifest import read_sweep_manifest

    show_sweep(directory, read_sweep_manifest(directory), as_json)


def show_sweep(directory: Path, manifest: dict[str, Any], as_json: bool) -> None:
    """Print a sweep, as a table or as JSON."""
    from econ.report.sweep import print_sweep, sweep_facts

    if as_json:
        print_json(sweep_facts(directory, manifest))
    else:
        print_sweep(directory, manifest, console())


def _show_run(directory: Path, as_json: bool) -> None:
    from econ.report.overview import key_facts, print_run
    from econ.report.runs import open_run

    result = open_run(directory)
    if as_json:
        print_json(key_facts(result))
    else:
        print_run(result, console(), str(directory))
