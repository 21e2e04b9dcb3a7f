"""`econ run`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from econ.cli import completion
from econ.cli.terminal import RUNS, console, print_json, show_progress, use_one_thread

if TYPE_CHECKING:
    from econ.scenario import Scenario

#: Longest name of a directory made up from scenarios' names.
LONGEST_NAME = 80


def run(
    scenarios: Annotated[
        list[str],
        typer.Argument(
            metavar="SCENARIO...", help="Files or names of shipped scenarios; the first is the baseline.",
            autocompletion=completion.scenarios,
        ),
    ],
    replicates: Annotated[
        int | None, typer.Option(help="Replicates of each scenario.", show_default="the scenario's")
    ] = None,
    quarters: Annotated[
        int | None, typer.Option(help="Quarters after the burn-in.", show_default="the scenario's")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed shared by all scenarios: common random numbers.")] = 1,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change a key of all scenarios, such as levers.commons=0.1.",
            autocompletion=completion.settings,
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    float32: Annotated[bool, typer.Option("--float32", help="Single precision.")] = False,
    workers: Annotated[int | None, typer.Option(help="Processes.", show_default="all cores")] = None,
    memory: Annotated[
        float | None, typer.Option(metavar="GB", help="Memory that may be used.", show_default="what is free")
    ] = None,
    ledger: Annotated[
        int | None, typer.Option(metavar="Q", help="Print the flow matrix of this quarter.")
    ] = None,
    decompose: Annotated[
        bool,
        typer.Option(
            "--decompose", help="Shapley contributions of the market's links (two scenarios, 64 more runs)."
        ),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Directory of the result.", show_default="runs/NAME")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a finished result.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Write tables as CSV beside Parquet.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print key facts as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Run scenarios as ensembles with common random numbers.

    With two or more scenarios the paired differences against the first are written too. An interrupted
    run is resumed by the same command.
    """
    use_one_thread()
    from econ.ensemble import engine
    from econ.ensemble.design import check_reported_quarter, plan
    from econ.report.runs import run_into

    chosen = [_load(source, settings or []) for source in scenarios]
    design = plan(
        chosen,
        seed=seed,
        replicates=replicates,
        quarters=quarters,
        device=engine.choose_device(engine.market_engine(), device),
        precision="float32" if float32 else "float64",
    )
    if ledger is not None:
        check_reported_quarter(design, ledger)
    place = RUNS / "+".join(design.names)[:LONGEST_NAME] if out is None else out
    with show_progress(quiet) as progress:
        result = run_into(
            design,
            place,
            workers=workers,
            memory_gb=memory,
            force=force,
            csv=csv,
            decomposed=decompose,
            progress=progress,
        )
    from econ.report.overview import key_facts, print_run

    if as_json:
        print_json(key_facts(result))
    elif not quiet:
        print_run(result, console(), str(place))
        if ledger is not None:
            from econ.report.flow_matrix import print_flow_matrix

            print_flow_matrix(result, ledger, console())
        links = result.decomposition()
        if links is not None:
            from econ.report.decomposition import print_decomposition

            print_decomposition(links, console())
    if result.manifest.status == "failed":
        sys.stderr.write(f"econ: some replicates failed and are left out; see {place}/manifest.json\n")
        raise typer.Exit(1)


def _load(source: str, settings: list[str]) -> Scenario:
    from econ.scenario import load_scenario

    scenario = load_scenario(source)
    return scenario.with_settings(*settings) if settings else scenario
