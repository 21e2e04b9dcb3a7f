"""Opening a stored sweep: what `econ.open_sweep` returns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from econ.core.errors import InputError, nearest_name
from econ.core.manifests import read_parquet
from econ.ensemble.sweeps.index import INDEX, SUMMARY
from econ.ensemble.sweeps.store import FOLDER, sound_point
from econ.report.sweep import StoredSweep, extremes, failed_replicates, read_sweep

if TYPE_CHECKING:
    import pyarrow.dataset as pa_dataset

#: Columns that tell of which row an outcome is.
KEYS = ("replicate", "quarter")


class SweepResult:
    """A finished sweep, or a shard of one.

    Attributes
    ----------
    directory : Path
    manifest : dict
        What was run, as ``manifest.json``.
    """

    def __init__(self, stored: StoredSweep) -> None:
        self._stored = stored
        self.directory = stored.directory
        self.manifest: dict[str, Any] = stored.manifest

    @property
    def points(self) -> list[int]:
        """Numbers of the points that it holds, in order."""
        return list(self._stored.settings)

    @cached_property
    def _index(self) -> pd.DataFrame:
        return read_parquet(self.directory / INDEX)

    @cached_property
    def _summary(self) -> pd.DataFrame:
        return read_parquet(self.directory / SUMMARY)

    @property
    def index(self) -> pd.DataFrame:
        """One row per point: its number, its settings, one column per key, as ``index.parquet``."""
        return self._index.copy()

    @property
    def summary(self) -> pd.DataFrame:
        """One row per point and outcome: mean, standard deviation and Monte Carlo error over the last two years, as ``summary.parquet``."""
        return self._summary.copy()

    @property
    def extremes(self) -> pd.DataFrame:
        """Between which points each headline outcome moves most, as `econ show` tells it; see `econ.report.sweep.extremes`."""
        return pd.DataFrame(extremes(self._stored))

    def outcomes(self, *names: str, points: Sequence[int] | None = None) -> pd.DataFrame:
        """Outcomes by point, replicate and quarter.

        Parameters
        ----------
        *names : str
            Outcomes, of which `econ outcomes` tells the meaning; all unless given.
        points : sequence of int, optional
            All unless given. Only their files are read.

        Returns
        -------
        DataFrame
            Columns ``point``, ``replicate``, ``quarter`` and the outcomes, in their own units.

        Raises
        ------
        InputError
            If there is no such outcome or point, or a point's file is missing or was changed.
        """
        chosen = self.points if points is None else list(points)
        for point in chosen:
            if point not in self._stored.settings:
                raise InputError("no such point in this sweep", file=self.directory, found=point, allowed=f"the numbers in {INDEX}")
        files = [sound_point(self.directory, point) for point in chosen]
        if files:
            self._check_names(files[0], names)
        columns = [*KEYS, *names] if names else None
        parts = [pd.read_parquet(path, columns=columns).drop(columns="point", errors="ignore") for path in files]
        found = pd.concat(parts, keys=chosen, names=["point"]) if parts else pd.DataFrame(columns=["point", *KEYS, *names])
        return found.reset_index("point").reset_index(drop=True) if parts else found

    def dataset(self) -> pa_dataset.Dataset:
        """All outcomes as a dataset of pyarrow with a column ``point``, for what does not fit into memory.

        Raises
        ------
        InputError
            If the file of a point is missing or was changed.
        """
        import pyarrow as pa
        import pyarrow.dataset as pa_dataset

        files = [str(sound_point(self.directory, point)) for point in self.points]
        by_point = pa_dataset.partitioning(pa.schema([("point", pa.int64())]), flavor="hive")
        return pa_dataset.dataset(files, format="parquet", partitioning=by_point, partition_base_dir=str(self.directory / FOLDER))

    def _check_names(self, path: Path, names: Sequence[str]) -> None:
        import pyarrow.parquet as pq

        legal = [name for name in pq.read_schema(path).names if name not in KEYS]
        for name in names:
            if name not in legal:
                raise InputError(
                    "no such outcome in this sweep", file=self.directory, found=name, allowed="those that `econ outcomes` lists",
                    nearest=nearest_name(name, legal),
                )  # fmt: skip

    def _repr_html_(self) -> str:
        """A notebook shows between which points the headline outcomes move most."""
        from econ.report.sweep import sweep_html

        return sweep_html(self._stored)

    def __repr__(self) -> str:
        sweep: dict[str, Any] = self.manifest["sweep"]
        number, of = self.manifest["shard"]
        part = f", part {number} of {of}" if of > 1 else ""
        failed = failed_replicates(self.manifest)
        left_out = f", {failed} failed" if failed else ""
        return f"<econ.SweepResult of {sweep['name']}{part}: {len(self.points)} points x {self.manifest['replicates']} replicates of '{sweep['scenario']}'{left_out}>"


def open_sweep(directory: str | Path) -> SweepResult:
    """A stored sweep or shard of one, after a check that it is complete and that its tables are unchanged.

    A point's outcomes are checked when they are read.

    Raises
    ------
    InputError
        If the directory is no finished sweep, or a table was changed.

    Warns
    -----
    UserWarning
        If some replicates failed; theirs are left out.

    Examples
    --------
    >>> sweep = econ.open_sweep("runs/transfer_and_commons")      # doctest: +SKIP
    >>> sweep.outcomes("harm_rate", points=[0, 1])                # doctest: +SKIP
    """
    import warnings

    path = Path(directory)
    if path.name.endswith(".partial"):
        raise InputError("this sweep is unfinished; the command that began it resumes it", file=path)
    stored = read_sweep(path)
    failed = failed_replicates(stored.manifest)
    if failed:
        warnings.warn(f"{path}: {failed} replicates failed and are left out; see its manifest", stacklevel=2)
    return SweepResult(stored)
