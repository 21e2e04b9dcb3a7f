"""`econ report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from econ.cli import completion
from econ.cli.options import KeyFacts, Quiet
from econ.cli.terminal import busy, place_of, print_json, use_one_thread


def report(
    directories: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Directories of finished runs that share seed, replicates, horizon and surfaces.", autocompletion=completion.runs)],
    baseline: Annotated[str | None, typer.Option(metavar="NAME", help="Scenario that the others are held against.", show_default="the first")] = None,
    form: Annotated[str | None, typer.Option("--format", metavar="html,pdf", help="What is written; pdf needs the extra 'report'. Figures alone: pdf, svg, png.", show_default="html, and pdf where its extra is installed")] = None,
    figures_only: Annotated[bool, typer.Option("--figures-only", help="Figures alone, for papers: 89 mm and 183 mm wide, with data and alt texts.")] = False,
    out: Annotated[Path | None, typer.Option(help="Directory of the report.", show_default="runs/report_NAME")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a finished report.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Write the tables as CSV too.")] = False,
    as_json: KeyFacts = False,
    quiet: Quiet = False,
) -> None:
    """A self-contained report of finished runs: question, tables, figures, claims, limits, provenance.

    One HTML file that needs no network, and a PDF. The shipped laboratory results are held against the claims
    of the hypothesis; what speaks against it stands first.
    """
    use_one_thread()
    from econ.report.document.write import write_report

    place = place_of(directories, "report") if out is None else out
    with busy(quiet, "report") as progress:
        made = write_report(
            directories, place, formats=form, figures_only=figures_only, baseline=baseline, force=force, csv=csv, progress=progress
        )
    if as_json:
        print_json(made.key_facts(str(place)))
    elif not quiet:
        for name in made.files:
            typer.echo(str(place / name))
        for what, why in sorted(made.material.missing.items()):
            typer.echo(f"not in it: {what} ({why})")
        if form is None and not figures_only and "pdf" not in made.formats:
            typer.echo("no PDF: it needs the extra 'report' (pip install 'via-negativa-econ[report]')")
