"""`econ run`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from econ.cli import completion
from econ.cli.options import Csv, Force, KeyFacts, Memory, Out, Quiet, Workers
from econ.cli.progress import show_progress
from econ.cli.terminal import LONGEST_NAME, RUNS, console, print_json, use_one_thread

if TYPE_CHECKING:
    from pathlib import Path

    from econ.report.runs import Run
    from econ.scenario import Scenario


def run(
    scenarios: Annotated[list[str], typer.Argument(metavar="SCENARIO...", help="Files or names of shipped scenarios; the first is the baseline.", autocompletion=completion.scenarios)],
    replicates: Annotated[int | None, typer.Option(help="Replicates of each scenario.", show_default="the scenario's")] = None,
    quarters: Annotated[int | None, typer.Option(help="Quarters after the burn-in.", show_default="the scenario's")] = None,
    seed: Annotated[int, typer.Option(help="Seed shared by all scenarios: common random numbers.")] = 1,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key of all scenarios, such as levers.commons=0.1.", autocompletion=completion.settings)] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    float32: Annotated[bool, typer.Option("--float32", help="Single precision, which the market as shipped refuses.")] = False,
    workers: Workers = None,
    memory: Memory = None,
    ledger: Annotated[int | None, typer.Option(metavar="Q", help="Print the flow matrix of this quarter.")] = None,
    decompose: Annotated[bool, typer.Option("--decompose", help="Shapley contributions of the market's links (two scenarios, 64 more runs).")] = False,
    out: Out = None,
    force: Force = False,
    csv: Csv = False,
    as_json: KeyFacts = False,
    quiet: Quiet = False,
) -> None:
    """Run scenarios as ensembles with common random numbers.

    With two or more scenarios the paired differences against the first are written too. An interrupted
    run is resumed by the same command.
    """
    use_one_thread()
    from econ.ensemble import engine
    from econ.ensemble.design import check_reported_quarter, plan
    from econ.report.runs import run_into

    design = plan(
        [_load(source, settings or []) for source in scenarios], seed=seed, replicates=replicates, quarters=quarters,
        device=engine.choose_device(engine.market_engine(), device), precision="float32" if float32 else "float64",
    )  # fmt: skip
    if ledger is not None:
        check_reported_quarter(design, ledger)
    place = RUNS / "+".join(design.names)[:LONGEST_NAME] if out is None else out
    with show_progress(quiet) as progress:
        result = run_into(
            design, place, workers=workers, memory_gb=memory, force=force, csv=csv, decomposed=decompose, progress=progress
        )
    from econ.report.overview import key_facts

    if as_json:
        print_json(key_facts(result))
    elif not quiet:
        _print(result, place, ledger)
    if result.manifest.status == "failed":
        sys.stderr.write(f"econ: some replicates failed and are left out; see {place}/manifest.json\n")
        raise typer.Exit(1)


def _load(source: str, settings: list[str]) -> Scenario:
    from econ.scenario import load_scenario

    scenario = load_scenario(source)
    return scenario.with_settings(*settings) if settings else scenario


def _print(result: Run, place: Path, ledger: int | None) -> None:
    """The run at a glance, with the flows of a quarter where they were asked for."""
    from econ.report.flow_matrix import print_flow_matrix
    from econ.report.overview import print_run

    print_run(result, console(), str(place))
    if ledger is not None:
        print_flow_matrix(result, ledger, console())
