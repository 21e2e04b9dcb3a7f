"""`econ reproduce`: run again what a manifest says, and compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from econ.cli import completion
from econ.cli.options import Json, Memory, Quiet, Workers
from econ.cli.progress import show_progress
from econ.cli.terminal import print_json, use_one_thread

if TYPE_CHECKING:
    from econ.report.reproduce import Reproduction


def reproduce(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Directory of a finished run.", autocompletion=completion.runs)],
    workers: Workers = None,
    memory: Memory = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run what a manifest says again and compare the tables with the stored ones.

    Ends with 0 if all values agree within 1e-12, otherwise with 1.
    """
    use_one_thread()
    from econ.report import reproduce as again

    with show_progress(quiet) as progress:
        found = again.reproduce(directory, workers=workers, memory_gb=memory, progress=progress)
    if as_json:
        facts = {
            "reproduced": found.reproduced,
            "identical": found.identical,
            "largest_difference": found.largest_difference if found.largest_difference < float("inf") else None,
            "where": found.where,
            "versions": found.versions,
        }
        print_json(facts)
    elif not quiet:
        _print(found)
    if not found.reproduced:
        raise typer.Exit(1)


def _print(found: Reproduction) -> None:
    for name, (then, now) in found.versions.items():
        typer.echo(f"{name}: {then or 'none'} then, {now or 'none'} now")
    if found.identical:
        typer.echo("identical to the last bit")
    elif found.reproduced:
        typer.echo(f"reproduced: largest relative difference {found.largest_difference:.1e} ({found.where})")
    else:
        typer.echo(f"not reproduced: largest relative difference {found.largest_difference:.1e} ({found.where})")
