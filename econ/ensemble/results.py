"""A finished ensemble as an object: its tables, whether they lie in a directory or in memory."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from econ.core.errors import InputError
from econ.ensemble.execute import TABLES
from econ.ensemble.expectations import expectations_table
from econ.ensemble.manifest import Manifest, read_manifest
from econ.ensemble.moments import moments_table
from econ.ensemble.tables import (
    KEYS,
    by_scenario,
    difference_table,
    outcome_columns,
    read_statistics,
    read_table,
    summary_table,
)

DECOMPOSITION = "decomposition.csv"


class EnsembleResult:
    """Results of one ensemble of one or more scenarios.

    Attributes
    ----------
    manifest : Manifest
        What was run.
    directory : Path or None
        Where the tables lie; None if they are in memory only.
    """

    def __init__(
        self, manifest: Manifest, directory: Path | None, tables: dict[str, pd.DataFrame] | None = None
    ) -> None:
        self.manifest = manifest
        self.directory = directory
        self._tables: dict[str, pd.DataFrame] = {} if tables is None else tables

    @property
    def scenarios(self) -> list[str]:
        """Names of the scenarios, in order; the first is the baseline."""
        return list(self.manifest.scenarios)

    @property
    def outcomes(self) -> pd.DataFrame:
        """One row per scenario, replicate and quarter, as ``outcomes.parquet``."""
        return self._table("outcomes")

    def outcome_columns(self, names: Iterable[str]) -> pd.DataFrame:
        """Some outcome columns with their keys, without reading the others."""
        if "outcomes" in self._tables or self.directory is None:
            columns = [name for name in names if name in self.outcomes.columns]
            return self.outcomes[[*KEYS, *columns]]
        path = self.directory / "outcomes.parquet"
        stored = set(outcome_columns(path))
        return read_table(path, [*KEYS, *(name for name in names if name in stored)])

    @property
    def ledger(self) -> pd.DataFrame:
        """Payments (USD) by scenario, replicate, quarter and flow, as ``ledger.parquet``."""
        return self._table("ledger")

    @property
    def replicates(self) -> pd.DataFrame:
        """One row per scenario and replicate: transfer drawn, ledger residual and other facts."""
        return self._table("replicates")

    def summary(self) -> pd.DataFrame:
        """Statistics over replicates, as ``summary.csv``."""
        return self._summary.copy()

    def moments(self) -> pd.DataFrame:
        """Stylised facts beside their simulated counterparts in the first scenario, as ``moments.csv``."""
        return self._moments.copy()

    def differences(self) -> pd.DataFrame:
        """Paired differences against the first scenario, as ``differences.csv``; empty with one scenario."""
        return self._differences.copy()

    def expectations(self) -> pd.DataFrame:
        """Directions that the scenarios expected beside what was found, as ``expected.csv``."""
        stored = self._stored("expected.csv")
        if stored is not None:
            return stored
        return expectations_table(self.outcomes, self.manifest.scenarios, self.scenarios[0])

    def decomposition(self) -> pd.DataFrame | None:
        """Contributions of the market's links, as ``decomposition.csv``; None if none were computed."""
        return self._stored(DECOMPOSITION)

    @cached_property
    def _summary(self) -> pd.DataFrame:
        stored = self._stored("summary.csv")
        return summary_table(self.outcomes) if stored is None else stored

    @cached_property
    def _moments(self) -> pd.DataFrame:
        stored = self._stored("moments.csv")
        return moments_table(by_scenario(self.outcomes)[self.scenarios[0]]) if stored is None else stored

    @cached_property
    def _differences(self) -> pd.DataFrame:
        stored = self._stored("differences.csv")
        return difference_table(self.outcomes, self.scenarios[0]) if stored is None else stored

    def _table(self, name: str) -> pd.DataFrame:
        if name not in self._tables:
            assert self.directory is not None, "a result without a directory holds its tables"
            self._tables[name] = read_table(self.directory / f"{name}.parquet")
        return self._tables[name]

    def _stored(self, name: str) -> pd.DataFrame | None:
        if self.directory is None or name not in self.manifest.files:
            return None
        return read_statistics(self.directory / name)


def stored_tables(directory: Path) -> dict[str, pd.DataFrame]:
    """The Parquet tables of a directory, read into memory."""
    return {Path(name).stem: read_table(directory / name) for name in TABLES}


def check_complete(directory: Path) -> Manifest:
    """The manifest of a stored run that can be used; warns if some replicates failed.

    Raises
    ------
    InputError
        If the run is unfinished or damaged.
    """
    if directory.name.endswith(".partial"):
        raise InputError("this run is unfinished; the command that began it resumes it", file=directory)
    manifest = read_manifest(directory)
    if manifest.status == "failed":
        count = sum(map(len, manifest.failed_replicates.values()))
        warnings.warn(
            f"{directory}: {count} replicates failed and are left out; see its manifest", stacklevel=3
        )
    return manifest


def design_differences(first: Manifest, second: Manifest) -> dict[str, tuple[Any, Any]]:
    """What two runs do not share of all that a paired comparison needs; empty if they can be paired."""
    pairs = {
        "seed": (first.seed, second.seed),
        "replicates": (first.replicates, second.replicates),
        "quarters": (first.quarters, second.quarters),
        "surfaces": (first.surfaces.id, second.surfaces.id),
        "precision": (first.precision, second.precision),
    }
    if first.surfaces.hash != second.surfaces.hash:
        pairs["surfaces"] = tuple(f"{run.surfaces.id} ({run.surfaces.hash[:12]})" for run in (first, second))  # type: ignore[assignment]
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
