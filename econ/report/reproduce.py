"""Running what a manifest says again, and holding the tables against the stored ones."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.errors import InputError
from econ.core.provenance import versions
from econ.ensemble import engine as engines
from econ.ensemble.design import Design, plan
from econ.ensemble.execute import execute, silent
from econ.ensemble.memory import choose_workers
from econ.ensemble.results import EnsembleResult, check_complete
from econ.ensemble.tables import KEYS

if TYPE_CHECKING:
    import pandas as pd

    from econ.ensemble.manifest import Manifest
    from econ.ensemble.workers import Progress

#: Largest relative difference that another layout of the same sums may make.
TOLERANCE = 1e-12
#: Tables that are held against each other, and the columns that are no numbers.
TABLES = ("outcomes", "ledger")
NAMES = (*KEYS, "flow", "payer", "payee")


@dataclass(frozen=True)
class Reproduction:
    """What a second run of the same manifest gave.

    Attributes
    ----------
    identical : bool
        Every value of every table is equal to the last bit.
    largest_difference : float
        Of any value, relative to the larger of the two.
    where : str or None
        Table and column of the largest difference.
    versions : dict of str to (str, str)
        Packages, and the commit, that differ: then and now.
    """

    identical: bool
    largest_difference: float
    where: str | None
    versions: dict[str, tuple[str | None, str | None]]

    @property
    def reproduced(self) -> bool:
        """Whether all values agree within `TOLERANCE`."""
        return self.largest_difference <= TOLERANCE


def reproduce(
    directory: Path, *, workers: int | None = None, memory_gb: float | None = None, progress: Progress = silent
) -> Reproduction:
    """Run a stored run again and compare its tables.

    Raises
    ------
    InputError
        If the directory is no finished run, or its surfaces are not the ones that are now shipped under
        their name.
    """
    stored = EnsembleResult(check_complete(directory), directory)
    design = design_of(stored.manifest, directory)
    engine = engines.market_engine()
    chosen = choose_workers(design, workers, memory_gb)
    with tempfile.TemporaryDirectory() as folder:
        again = EnsembleResult(
            execute(design, engine, Path(folder), workers=chosen, progress=progress), Path(folder)
        )
        found = {name: _difference(getattr(stored, f"{name}"), getattr(again, f"{name}")) for name in TABLES}
    name = max(found, key=lambda table: found[table][0])
    largest, column = found[name]
    return Reproduction(
        identical=largest == 0.0,
        largest_difference=largest,
        where=f"{name}.{column}" if largest > 0 else None,
        versions=_changed_versions(stored.manifest),
    )


def design_of(manifest: Manifest, directory: Path) -> Design:
    """The design that a manifest records.

    Raises
    ------
    InputError
        If the recorded scenarios or surfaces are not to be had as they were.
    """
    from econ.scenario import Scenario

    try:
        scenarios = [Scenario.model_validate(resolved) for resolved in manifest.scenarios.values()]
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise InputError(
            f"the recorded scenarios cannot be read by this version ({first})", file=directory
        ) from None
    design = plan(
        scenarios,
        seed=manifest.seed,
        replicates=manifest.replicates,
        quarters=manifest.quarters,
        device=manifest.device,
        precision=manifest.precision,
    )
    if design.surfaces.hash != manifest.surfaces.hash:
        raise InputError(
            f"the run used other surfaces than those now called '{design.surfaces.id}'",
            file=directory,
            found=manifest.surfaces.hash[:12],
            allowed=design.surfaces.hash[:12],
        )
    return design


def _difference(stored: pd.DataFrame, again: pd.DataFrame) -> tuple[float, str]:
    """Largest relative difference of two tables and its column; infinite where their shapes differ."""
    if list(stored.columns) != list(again.columns):
        differing = sorted(set(stored.columns) ^ set(again.columns)) or ["order of columns"]
        return np.inf, differing[0]
    largest, where = 0.0, ""
    for column in stored.columns:
        if len(stored) != len(again):
            return np.inf, column
        if column in NAMES:
            size = 0.0 if (stored[column].astype(str) == again[column].astype(str)).all() else np.inf
        else:
            size = _relative(stored[column].to_numpy(float), again[column].to_numpy(float))
        if size > largest:
            largest, where = size, column
    return largest, where


def _relative(x: Any, y: Any) -> float:
    if (np.isnan(x) != np.isnan(y)).any():
        return np.inf
    scale = np.maximum(np.abs(x), np.abs(y))
    gap = np.divide(np.abs(x - y), scale, out=np.zeros_like(x), where=scale > 0)
    return float(np.nanmax(gap, initial=0.0))


def _changed_versions(manifest: Manifest) -> dict[str, tuple[str | None, str | None]]:
    now = versions()
    then = manifest.versions
    return {name: (then.get(name), now.get(name)) for name in now if then.get(name) != now.get(name)}
