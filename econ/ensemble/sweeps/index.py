"""The tables beside a sweep's dataset: what each point is, and what came out over the last two years."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from econ.core.csv_files import write_csv
from econ.core.files import atomic_file, write_parquet
from econ.ensemble.sweeps.store import FOLDER

if TYPE_CHECKING:
    from econ.ensemble.sweeps.points import Settings

INDEX, SUMMARY = "index.parquet", "summary.parquet"
MOMENTS = ("mean", "sd", "mc_error")


def write_index(
    directory: Path, settings: list[Settings], facts_of: Mapping[int, dict[str, Any]]
) -> dict[str, dict[str, str]]:
    """Write ``index.parquet`` and ``summary.parquet``; returns the replicates that failed, by point.

    Parameters
    ----------
    directory : Path
    settings : list of dict
        Of every point of the sweep.
    facts_of : mapping of int to dict
        What each point that was computed says about itself, as of `point_facts`, by index.

    The index has one row per point: its number, its settings as JSON, one column per key (a number, or
    JSON where a value is none; empty where a point leaves the scenario's own), and how many replicates
    failed. The summary has one row per point and outcome: mean, standard deviation and Monte Carlo error
    of the mean over the last two years.
    """
    keys = list(dict.fromkeys(key for one in settings for key in one))
    rows, summary, failed = [], [], {}
    for point, facts in sorted(facts_of.items()):
        if facts["failed"]:
            failed[str(point)] = facts["failed"]
        own = settings[point]
        rows.append({"point": point, "settings": json.dumps(own, sort_keys=True), "failed": len(facts["failed"]), **own})
        summary += [(point, name, *values) for name, values in facts["summary"].items()]
    index = pd.DataFrame(rows, columns=["point", "settings", "failed", *keys])
    for key in keys:
        index[key] = _column(index[key])
    write_parquet(directory / INDEX, index)
    told = pd.DataFrame(summary, columns=["point", "variable", *MOMENTS])
    # A single replicate has neither spread nor error, yet their columns hold numbers.
    write_parquet(directory / SUMMARY, told.astype(dict.fromkeys(MOMENTS, "float64")))
    return failed


def write_csv_tables(directory: Path) -> None:
    """Write the dataset, a point at a time, and both tables as CSV beside Parquet."""
    import pyarrow as pa
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    for name in (INDEX, SUMMARY):
        write_csv((directory / name).with_suffix(".csv"), pd.read_parquet(directory / name))
    points = [int(point) for point in pd.read_parquet(directory / INDEX, columns=["point"])["point"]]
    with atomic_file(directory / f"{FOLDER}.csv") as temporary, contextlib.ExitStack() as stack:
        writer = None
        for point in points:
            (path,) = (directory / FOLDER / f"point={point}").glob("*.parquet")
            # As a file, not as a part of a dataset: the column of the point is put first.
            table = pq.ParquetFile(path).read().replace_schema_metadata(None)
            table = table.add_column(0, "point", pa.array([point] * len(table), pa.int64()))
            if writer is None:
                writer = stack.enter_context(pa_csv.CSVWriter(temporary, table.schema))
            writer.write_table(table)


def _column(values: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers as they are; anything else as JSON text."""
    given = [x for x in values if not (isinstance(x, float) and pd.isna(x))]
    if all(isinstance(x, int | float) and not isinstance(x, bool) for x in given):
        return values.astype("float64")
    return values.map(lambda x: None if isinstance(x, float) and pd.isna(x) else json.dumps(x)).astype("string")
