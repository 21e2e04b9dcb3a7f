"""`econ sweep` and `econ collect`."""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from econ.cli import completion
from econ.cli.options import Csv, Force, KeyFacts, Memory, Out, Quiet, Workers
from econ.cli.progress import show_progress
from econ.cli.show import show_sweep
from econ.cli.terminal import RUNS, use_one_thread
from econ.core.errors import InputError

if TYPE_CHECKING:
    from econ.ensemble.sweeps.execute import Scheduler, Shard, SweepPlan


def sweep(
    source: Annotated[str, typer.Argument(metavar="SWEEP", help="A sweep file or the name of a shipped sweep (econ shipped sweeps).", autocompletion=completion.sweeps)],
    workers: Workers = None,
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="An existing Dask scheduler, such as tcp://127.0.0.1:8786.")] = None,
    shard: Annotated[str | None, typer.Option(metavar="K/N", help="Compute part K of N alone, for job arrays; join with `econ collect`.")] = None,
    memory: Memory = None,
    out: Out = None,
    force: Force = False,
    csv: Csv = False,
    as_json: KeyFacts = False,
    quiet: Quiet = False,
) -> None:
    """Run a design of experiments over a scenario's keys.

    Points are kept as they finish; an interrupted sweep is resumed by the same command. The result is a
    Parquet dataset partitioned by point, with index.parquet and summary.parquet beside it.
    """
    use_one_thread()
    from econ.ensemble import engine
    from econ.ensemble.sweeps.execute import plan_sweep, run_sweep
    from econ.ensemble.sweeps.spec import load_sweep, sweep_faults
    from econ.scenario import load_scenario

    part = _shard(shard)
    loaded = load_sweep(source)
    try:
        planned = plan_sweep(loaded, load_scenario(loaded.scenario))
    except InputError as error:
        raise sweep_faults(source) or error.told(file=error.file or source) from None
    place = out or RUNS / (loaded.name if shard is None else f"{loaded.name}-{part.number}-of-{part.of}")
    chosen = _scheduler(planned, scheduler, workers, memory)
    with show_progress(quiet, "points") as progress:
        manifest = run_sweep(
            planned, engine.market_engine(), place, chosen, shard=part, force=force, csv=csv, progress=progress
        )
    _report(manifest, place, as_json, quiet)


def collect(
    directories: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Directories of all shards of a sweep.")],
    out: Out = None,
    force: Force = False,
    csv: Csv = False,
    as_json: KeyFacts = False,
    quiet: Quiet = False,
) -> None:
    """Join the shards of a sweep into one dataset, equal to that of the sweep run in one piece."""
    from econ.ensemble.sweeps.collect import collect_shards, read_shards

    shards = read_shards(directories)
    place = out or RUNS / str(shards[0].manifest["sweep"]["name"])
    _report(collect_shards(shards, place, force=force, csv=csv), place, as_json, quiet)


def _shard(text: str | None) -> Shard:
    from econ.ensemble.sweeps.execute import Shard

    if text is None:
        return Shard()
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise InputError("no such part", key="--shard", found=text, allowed="K/N with K from 1 to N, such as 2/8")
    return Shard(int(found[1]), int(found[2]))


def _scheduler(planned: SweepPlan, address: str | None, workers: int | None, memory: float | None) -> Scheduler:
    from econ.ensemble.memory import choose_workers
    from econ.ensemble.sweeps import schedulers

    if address is not None:
        if workers is not None:
            raise InputError("workers are the Dask cluster's own", key="--workers", found=workers)
        schedulers.check_dask(address)
        return partial(schedulers.on_dask, address=address)
    chosen = choose_workers(planned.as_one_design(), workers, memory)
    return schedulers.here if chosen == 1 else partial(schedulers.on_this_machine, workers=chosen)


def _report(manifest: dict[str, Any], place: Path, as_json: bool, quiet: bool) -> None:
    from econ.report.sweep import failed_replicates

    if as_json or not quiet:
        show_sweep(place, as_json)
    failed = failed_replicates(manifest)
    if failed:
        sys.stderr.write(f"econ: {failed} replicates failed and are left out; see {place}/manifest.json\n")
        raise typer.Exit(1)
