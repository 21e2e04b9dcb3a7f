"""The tables beside a sweep's dataset: what each point is, and what came out over the last two years."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from econ.core.files import atomic_file

if TYPE_CHECKING:
    from econ.ensemble.sweeps.points import Settings

INDEX, SUMMARY = "index.parquet", "summary.parquet"


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
    _write(directory / INDEX, index)
    _write(directory / SUMMARY, pd.DataFrame(summary, columns=["point", "variable", "mean", "sd", "mc_error"]))
    return failed


def _column(values: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers as they are; anything else as JSON text."""
    given = [x for x in values if not (isinstance(x, float) and pd.isna(x))]
    if all(isinstance(x, int | float) and not isinstance(x, bool) for x in given):
        return values.astype("float64")
    return values.map(lambda x: None if isinstance(x, float) and pd.isna(x) else json.dumps(x)).astype("string")


def _write(path: Path, table: pd.DataFrame) -> None:
    with atomic_file(path) as temporary:
        table.to_parquet(temporary, compression="zstd", index=False)
