"""A sweep at a glance: between which points each headline outcome moves most, and which key goes with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.core.manifests import read_parquet
from econ.ensemble.drivers import FEWEST, spearman
from econ.ensemble.effects import HEADLINES, LAST_QUARTERS
from econ.ensemble.statistics import mean_and_error
from econ.ensemble.sweeps.index import INDEX, SUMMARY
from econ.ensemble.sweeps.store import FOLDER
from econ.ensemble.tables import grid, quarters_of
from econ.report.numbers import short, without_nan
from econ.report.text import CAVEAT

if TYPE_CHECKING:
    from rich.console import Console

HOW = (
    f"Least and greatest mean over points, of the last {LAST_QUARTERS} quarters, with the settings; their difference, paired by replicate, ± its Monte "
    "Carlo error, for two points that were looked for; and the key with the greatest rank correlation over points."
)
HEADS = ("", "least", "at", "greatest", "at", "difference", "goes with")


def sweep_data(directory: Path) -> pd.DataFrame:
    """The two extreme points of each headline outcome of a finished sweep.

    Returns
    -------
    DataFrame
        Columns `variable`, `least` and `greatest` (means over replicates and the last two years), `least_point` and
        `greatest_point`, `difference` and `mc_error` (paired by replicate), `key` and `correlation` (Spearman's, over
        points; none with fewer than eight points).
    """
    means = read_parquet(directory / SUMMARY).pivot_table(index="point", columns="variable", values="mean")
    index = read_parquet(directory / INDEX).set_index("point")
    keys = index.drop(columns=["settings", "failed"]).select_dtypes("number")
    points, rows = means.index.to_numpy(), []
    for variable in (name for name in HEADLINES if name in means.columns):
        mean = means[variable]
        values = mean.to_numpy(np.float64)
        least, greatest = int(points[np.nanargmin(values)]), int(points[np.nanargmax(values)])
        difference, error = _paired(directory, variable, greatest, least)
        rows.append(
            {
                "variable": variable, "least": mean[least], "least_point": least, "greatest": mean[greatest], "greatest_point": greatest,
                "difference": difference, "mc_error": error, **_driver(keys.reindex(mean.index), mean),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def settings_texts(directory: Path) -> dict[int, str]:
    """What each point sets, in words: the last part of each key and its value."""
    index = pd.read_parquet(directory / INDEX, columns=["point", "settings"])
    return {
        int(point): ", ".join(f"{key.rsplit('.', 1)[-1]} {_value(value)}" for key, value in json.loads(settings).items()) or "scenario as it is"
        for point, settings in zip(index["point"], index["settings"], strict=True)
    }


def print_sweep(directory: Path, manifest: dict[str, Any], console: Console) -> None:
    """Print how far the headline outcomes move over the points, and where the tables lie."""
    from rich.table import Table

    console.print(f"{manifest['points']} points x {manifest['replicates']} replicates of '{manifest['sweep']['scenario']}'", highlight=False)
    data, told = sweep_data(directory), settings_texts(directory)
    if len(told) > 1:
        console.print(HOW, style="italic", highlight=False)
        table = Table(box=None, pad_edge=False)
        for head in HEADS:
            table.add_column(head, justify="right" if head in ("least", "greatest", "difference") else "left", overflow="fold")
        for _, row in data.iterrows():
            table.add_row(*_cells(row, told))
        console.print(table)
        console.print(CAVEAT, style="italic", highlight=False)
    console.print(f"dataset {directory}/{FOLDER} (column point), settings {directory}/{INDEX}, means {directory}/{SUMMARY}", highlight=False)


def sweep_facts(directory: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """The facts of a sweep that ``--json`` prints."""
    facts = {
        "out": str(directory), "points": manifest["points"], "shard": manifest["shard"], "replicates": manifest["replicates"],
        "failed_replicates": sum(map(len, manifest["failed_replicates"].values())), "wall_seconds": manifest["wall_seconds"],
        "config_hash": manifest["config_hash"], "headlines": sweep_data(directory).to_dict("records"),
    }  # fmt: skip
    return without_nan(facts)  # type: ignore[no-any-return]


def _paired(directory: Path, variable: str, here: int, there: int) -> tuple[float, float]:
    """Mean difference of two points over the replicates that both have, and its Monte Carlo error."""
    first, second = (_by_replicate(directory, variable, point) for point in (here, there))
    both = first.index.intersection(second.index)
    difference = np.asarray(first[both], np.float64) - np.asarray(second[both], np.float64)
    mean, _, error, _ = mean_and_error(difference[:, None])
    return float(mean[0]), float(error[0])


def _by_replicate(directory: Path, variable: str, point: int) -> pd.Series[float]:
    """Means over the last two years [replicate]."""
    rows = pd.read_parquet(directory / FOLDER / f"point={point}", columns=["replicate", "quarter", variable])
    last = quarters_of(rows) > quarters_of(rows).max() - LAST_QUARTERS
    mean, *_ = mean_and_error(grid(rows, variable)[:, last].T)
    return pd.Series(mean, index=np.unique(rows["replicate"]))


def _driver(keys: pd.DataFrame, mean: pd.Series[float]) -> dict[str, Any]:
    """The key whose ranks go most with those of an outcome."""
    found = {
        name: spearman(values[there].to_numpy(), mean[there].to_numpy())[0]
        for name, values in keys.items()
        if (there := values.notna() & mean.notna()).sum() >= FEWEST and values[there].nunique() > 1 and mean[there].nunique() > 1
    }
    key = max(found, key=lambda name: abs(found[name]), default=None)
    return {"key": key, "correlation": np.nan if key is None else found[key]}


def _cells(row: pd.Series[Any], told: dict[int, str]) -> list[str]:
    label, divisor = HEADLINES[row["variable"]]
    number = {name: short(row[name] / divisor) for name in ("least", "greatest", "difference", "mc_error")}
    key = "" if row["key"] is None else f"{row['key'].rsplit('.', 1)[-1]} ({row['correlation']:+.2f})"
    return [
        label, number["least"], told[row["least_point"]], number["greatest"], told[row["greatest_point"]],
        f"{number['difference']} ± {number['mc_error']}", key,
    ]  # fmt: skip


def _value(value: Any) -> str:
    return short(value) if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
