"""Simulated points: every fact's counterpart at each, kept on disk so that an interruption loses no finished point."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from econ.core.errors import WorkError
from econ.ensemble.design import Design, plan
from econ.ensemble.moments import MOMENT_COLUMNS, moments_table
from econ.ensemble.sweeps.point import PointFile, PointTask, point_facts, point_hash
from econ.ensemble.sweeps.store import PointStore

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from econ.ensemble.workers import Progress
    from econ.scenario import Scenario
    from econ.surfaces import Surfaces

    Floats = NDArray[np.float64]

Settings = dict[str, Any]
KEYS = ("replicate", "quarter")


@dataclass(frozen=True)
class Points:
    """Simulated points in order.

    Attributes
    ----------
    settings : list of dict
    simulated, error : ndarray, shape [n, facts]
        Every fact's counterpart and its Monte Carlo error, NaN where there is none.
    failed : list of int, length n
        Replicates that failed.
    """

    settings: list[Settings]
    simulated: Floats
    error: Floats
    failed: list[int]

    def __add__(self, other: Points) -> Points:
        return Points(
            self.settings + other.settings, np.concatenate([self.simulated, other.simulated]),
            np.concatenate([self.error, other.error]), self.failed + other.failed,
        )  # fmt: skip

    def at(self, place: int) -> Points:
        """One of the points alone."""
        part = slice(place, place + 1)
        return Points(self.settings[part], self.simulated[part], self.error[part], self.failed[part])


@dataclass(frozen=True)
class Simulator:
    """Computes points of one scenario.

    Attributes
    ----------
    base : Scenario
    surfaces : Surfaces
    facts : DataFrame
        Rows of ``calibration/moments.csv``.
    quarters : int
    simulate : callable
        The market (`Engine.simulate`).
    scheduler : callable
        One of `econ.ensemble.sweeps.schedulers` with its own arguments filled in.
    directory : Path
        Where finished points are kept.
    progress : callable
    """

    base: Scenario
    surfaces: Surfaces
    facts: pd.DataFrame
    quarters: int
    simulate: Callable[..., Any]
    scheduler: Callable[..., Iterator[PointFile]]
    directory: Path
    progress: Progress

    def points(self, name: str, settings: list[Settings], seeds: list[int], replicates: int) -> Points:
        """Simulate points, each with random numbers of its own seed, or read those that are there already.

        Parameters
        ----------
        name : str
            Folder under `directory`.
        settings : list of dict
            Dotted keys and values of each point; empty for the scenario as it is.
        seeds : list of int
            One for each point.
        replicates : int
            Of each point.
        """
        designs = [self._design(one, seed, replicates) for one, seed in zip(settings, seeds, strict=True)]
        tasks = [
            PointTask(i, d.scenarios[0], d.seed, d.replicates, d.quarters, d.block_size, point_hash(d))
            for i, d in enumerate(designs)
        ]  # fmt: skip
        store = PointStore(self.directory / name)
        for index in set(store.points()) - set(range(len(tasks))):
            store.remove(index)
        missing = [task for task in tasks if store.find(task) is None]
        finished = len(tasks) - len(missing)
        self.progress(finished, len(tasks))
        for _ in store.save_all(self.scheduler(self.surfaces, self.simulate, missing)):
            finished += 1
            self.progress(finished, len(tasks))
        return self._read(settings, tasks, store)

    def _design(self, settings: Settings, seed: int, replicates: int) -> Design:
        scenario = self.base.with_settings(settings) if settings else self.base
        return plan([scenario], self.surfaces, seed=seed, replicates=replicates, quarters=self.quarters)

    def _read(self, settings: list[Settings], tasks: list[PointTask], store: PointStore) -> Points:
        simulated, error, failed = [], [], []
        for task in tasks:
            content = store.find(task)
            if content is None:
                raise WorkError(f"point {task.index} is missing or damaged; run the same command again")
            table = self._moments(content)
            simulated.append(table["simulated"].to_numpy(dtype=float))
            error.append(table["mc_error"].to_numpy(dtype=float))
            failed.append(len(point_facts(content)["failed"]))
        return Points(settings, np.array(simulated), np.array(error), failed)

    def _moments(self, content: bytes) -> pd.DataFrame:
        known = pq.read_schema(io.BytesIO(content)).names
        outcomes = pd.read_parquet(io.BytesIO(content), columns=[*KEYS, *(c for c in known if c in MOMENT_COLUMNS)])
        if outcomes.empty:
            return self.facts[["id"]].assign(simulated=np.nan, mc_error=np.nan)
        return moments_table(outcomes, self.facts)


def usable(points: Points, columns: list[int]) -> Points:
    """The points at which all facts of some columns have finite values."""
    keep = np.flatnonzero(np.isfinite(points.simulated[:, columns]).all(axis=1))
    return replace(
        points, settings=[points.settings[i] for i in keep], simulated=points.simulated[keep], error=points.error[keep],
        failed=[points.failed[i] for i in keep],
    )  # fmt: skip
