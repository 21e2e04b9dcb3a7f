"""`econ compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from econ.cli import completion
from econ.cli.options import Force, KeyFacts, Quiet
from econ.cli.terminal import console, place_of, print_json, use_one_thread


def compare(
    directories: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Directories of finished runs.", autocompletion=completion.runs)],
    baseline: Annotated[str | None, typer.Option(metavar="NAME", help="Scenario to compare with.", show_default="the first")] = None,
    figures: Annotated[bool, typer.Option("--figures", help="Draw the effects, and the differences of each scenario by quarter (a second each).")] = False,
    out: Annotated[Path | None, typer.Option(help="Directory of the result.", show_default="runs/comparison_NAME")] = None,
    force: Force = False,
    as_json: KeyFacts = False,
    quiet: Quiet = False,
) -> None:
    """Compare the scenarios of stored runs, paired by replicate: effects, sign stability, stability of their order.

    The runs must share seed, replicates, horizon, surfaces and precision.
    """
    use_one_thread()
    from econ.report.comparison.compared import compare_into

    place = place_of(directories, "comparison") if out is None else out
    comparison = compare_into(directories, place, baseline=baseline, figures=figures, force=force)
    from econ.report.comparison.text import comparison_facts, print_comparison

    if as_json:
        print_json(comparison_facts(comparison, str(place)))
    elif not quiet:
        print_comparison(comparison, console(), str(place))
