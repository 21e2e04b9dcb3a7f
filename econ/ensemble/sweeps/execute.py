"""A sweep from its file to a dataset with an index; what is finished survives an interruption."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from econ.core.errors import InputError
from econ.core.files import content_hash
from econ.core.provenance import now, provenance
from econ.core.results import result_directory
from econ.core.unfinished import Work
from econ.ensemble.design import code_hash, plan
from econ.ensemble.sweeps.index import write_csv_tables, write_index
from econ.ensemble.sweeps.manifest import write_sweep_manifest
from econ.ensemble.sweeps.point import PointFile, PointTask, point_facts, point_hash
from econ.ensemble.sweeps.points import Settings, scenarios_of, settings_of
from econ.ensemble.sweeps.spec import Sweep
from econ.ensemble.sweeps.store import PIECES, PointStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from econ.ensemble.design import Design
    from econ.ensemble.engine import Engine
    from econ.ensemble.workers import Progress
    from econ.scenario import Scenario
    from econ.surfaces import Surfaces

log = logging.getLogger("econ")

#: Computes points: from surfaces, the market and tasks to files, in any order.
Scheduler = Callable[..., "Iterator[PointFile]"]


@dataclass(frozen=True)
class Shard:
    """Part K of N of a sweep, K from 1: the points whose index leaves K - 1 when divided by N."""

    number: int = 1
    of: int = 1

    def has(self, index: int) -> bool:
        """Whether a point belongs to this part."""
        return index % self.of == self.number - 1


@dataclass(frozen=True)
class SweepPlan:
    """A sweep with every point resolved and checked."""

    sweep: Sweep
    settings: list[Settings]
    designs: list[Design]

    @property
    def surfaces(self) -> Surfaces:
        """Shared by all points."""
        return self.designs[0].surfaces

    @property
    def config_hash(self) -> str:
        """SHA-256 of all points' configurations."""
        return content_hash([design.config_hash for design in self.designs])

    def as_one_design(self) -> Design:
        """All points as scenarios of one ensemble, whose blocks bound what a worker holds at a time."""
        return replace(self.designs[0], scenarios=tuple(d.scenarios[0] for d in self.designs))

    def tasks(self, shard: Shard) -> list[PointTask]:
        """The points of a shard, in order."""
        return [
            PointTask(i, d.scenarios[0], d.seed, d.replicates, d.quarters, d.block_size, point_hash(d))
            for i, d in enumerate(self.designs) if shard.has(i)
        ]  # fmt: skip


def plan_sweep(sweep: Sweep, base: Scenario, surfaces: Surfaces | None = None) -> SweepPlan:
    """Resolve and check every point.

    Raises
    ------
    InputError
        If a key or value cannot be used, or points would use different surfaces.
    """
    scenarios = scenarios_of(sweep, base)
    if any(one.surfaces != base.surfaces for one in scenarios):
        raise InputError("all points of a sweep use the same surfaces; sweep them apart", key="keys.surfaces")
    first = plan([scenarios[0]], surfaces, seed=sweep.seed, replicates=sweep.replicates, quarters=sweep.quarters)
    designs = [
        plan([one], first.surfaces, seed=sweep.seed, replicates=first.replicates, quarters=first.quarters)
        for one in scenarios
    ]  # fmt: skip
    return SweepPlan(sweep, settings_of(sweep), designs)


def run_sweep(
    planned: SweepPlan, engine: Engine, out: Path, scheduler: Scheduler, *,
    shard: Shard = Shard(), force: bool = False, csv: bool = False, progress: Progress,
) -> dict[str, Any]:  # fmt: skip
    """Compute the points of a sweep, or of a shard of it, into a directory.

    Parameters
    ----------
    planned : SweepPlan
    engine : Engine
    out : Path
        Appears when all points are computed; until then ``OUT.partial`` keeps the finished ones.
    scheduler : callable
        One of `schedulers` with its own arguments filled in.
    shard : Shard
    force : bool
        Replace a finished result.
    csv : bool
        Write the tables as CSV too.
    progress : callable
        Called with the numbers of finished and of all points.

    Returns
    -------
    dict
        The manifest.
    """
    started, clock = now(), time.monotonic()
    tasks = planned.tasks(shard)
    work = Work("econ sweep", content_hash([planned.config_hash, shard.number, shard.of]), code_hash(), (PIECES,))
    with result_directory(out, force=force, work=work) as partial:
        store = PointStore(partial)
        held = set(store.points())
        for index in held - {task.index for task in tasks}:
            store.remove(index)
        facts = {task.index: point_facts(content) for task in tasks if (content := store.find(task)) is not None}
        _tell_of_stale({task.index for task in tasks} & held - facts.keys())
        progress(len(facts), len(tasks))
        missing = [task for task in tasks if task.index not in facts]
        for point in store.save_all(scheduler(planned.surfaces, engine.simulate, missing)):
            facts[point.task.index] = point.facts
            progress(len(facts), len(tasks))
        failed = write_index(partial, planned.settings, facts)
        if csv:
            write_csv_tables(partial)
        manifest = _manifest(planned, shard, failed, started, time.monotonic() - clock)
        write_sweep_manifest(partial, manifest)
    return manifest


def _tell_of_stale(points: set[int]) -> None:
    """Finished points that another version of the package left are no part of this result."""
    if points:
        log.warning("%d finished points of another version of econ, or damaged, are computed again", len(points))


def _manifest(
    planned: SweepPlan, shard: Shard, failed: dict[str, dict[str, str]], started: str, seconds: float
) -> dict[str, Any]:
    first = planned.designs[0]
    return provenance(first.device) | {
        "kind": "sweep", "sweep": planned.sweep.model_dump(mode="json"), "points": len(planned.designs),
        "config_hash": planned.config_hash, "shard": [shard.number, shard.of], "seed": first.seed,
        "replicates": first.replicates, "quarters": first.quarters,
        "surfaces": {"id": first.surfaces.id, "hash": first.surfaces.hash, "kind": first.surfaces.kind},
        "failed_replicates": failed, "started": started, "finished": now(),
        "wall_seconds": round(seconds, 3), "status": "failed" if failed else "finished",
    }  # fmt: skip
