"""`econ calibrate`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from econ.cli import completion
from econ.cli.options import Csv, Force, KeyFacts, Memory, Quiet, Workers
from econ.cli.progress import show_progress
from econ.cli.terminal import RUNS, console, print_json, use_one_thread

if TYPE_CHECKING:
    from econ.analysis.calibration.execute import CalibrationPlan
    from econ.ensemble.sweeps.execute import Scheduler


def calibrate(
    source: Annotated[str, typer.Argument(metavar="SPEC", help="A calibration file or the name of a shipped calibration (econ shipped calibrations).", autocompletion=completion.calibrations)],
    workers: Workers = None,
    memory: Memory = None,
    out: Annotated[Path | None, typer.Option(help="Directory of the result.", show_default="runs/calibration_NAME")] = None,
    force: Force = False,
    csv: Csv = False,
    as_json: KeyFacts = False,
    quiet: Quiet = False,
) -> None:
    """Posterior of behavioural parameters from the market's facts marked calibrate.

    Facts marked validate or report are held out: computed before and after, never fitted. Simulated points are kept as
    they finish; an interrupted calibration is resumed by the same command.
    """
    use_one_thread()
    from econ.analysis.calibration.execute import calibrate as run_calibration
    from econ.analysis.calibration.execute import plan_calibration
    from econ.analysis.calibration.spec import load_calibration
    from econ.analysis.calibration.write import read_calibration
    from econ.ensemble import engine
    from econ.report.calibration.write import key_facts, print_calibration, write_all
    from econ.scenario import load_scenario
    from econ.surfaces import load_surfaces

    spec = load_calibration(source)
    base = load_scenario(spec.scenario)
    planned = plan_calibration(spec, base, load_surfaces(base.surfaces))
    place = RUNS / f"calibration_{spec.name}" if out is None else out
    with show_progress(quiet, "points") as progress:
        run_calibration(
            planned, engine.market_engine(), place, _scheduler(planned, workers, memory), partial(write_all, csv=csv), force=force,
            progress=progress,
        )  # fmt: skip
    stored = read_calibration(place)
    if as_json:
        print_json(key_facts(stored, str(place)))
    elif not quiet:
        print_calibration(stored, console(), str(place))


def _scheduler(planned: CalibrationPlan, workers: int | None, memory: float | None) -> Scheduler:
    from econ.ensemble.memory import choose_workers
    from econ.ensemble.sweeps import schedulers

    chosen = choose_workers(planned.as_one_design(), workers, memory)
    return schedulers.here if chosen == 1 else partial(schedulers.on_this_machine, workers=chosen)

