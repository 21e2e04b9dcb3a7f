"""A sweep at a glance: between which points each headline outcome moves most, and which key goes with it."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.core.errors import InputError
from econ.core.manifests import read_parquet
from econ.ensemble.drivers import FEWEST, spearman
from econ.ensemble.effects import HEADLINES
from econ.ensemble.statistics import mean_and_error
from econ.ensemble.sweeps.index import INDEX, SUMMARY
from econ.ensemble.sweeps.manifest import read_sweep_manifest
from econ.ensemble.sweeps.store import FOLDER, check_points, sound_point
from econ.ensemble.tables import grid, quarters_of
from econ.ensemble.window import in_window, window_length, window_words
from econ.report.numbers import short, without_nan
from econ.report.text import CAVEAT, html_table

if TYPE_CHECKING:
    from rich.console import Console

HOW = (
    "Least and greatest mean over points, of the {window}, with the settings; their difference, paired by replicate, ± its Monte "
    "Carlo error, for two points that were looked for; and the key with the greatest rank correlation over points."
)
HEADS = ("", "least", "at", "greatest", "at", "difference", "goes with")
#: Sections of a scenario that keys are told without.
SECTIONS = ("levers.", "parameters.")


@dataclass(frozen=True)
class StoredSweep:
    """A finished sweep or shard of one.

    Attributes
    ----------
    directory : Path
    manifest : dict
    settings : dict of int to str
        What each point sets, in words.
    keys : DataFrame
        Keys whose values are numbers, by point.
    means : DataFrame
        Headline outcomes over replicates and the last two years, by point; outcomes without a value at any point are left out.
    """

    directory: Path
    manifest: dict[str, Any]
    settings: dict[int, str]
    keys: pd.DataFrame
    means: pd.DataFrame


def read_sweep(directory: Path) -> StoredSweep:
    """Read what a sweep's summary needs.

    Raises
    ------
    InputError
        If the directory is no finished sweep, a table was changed or is of another shape, or the file of a
        point is missing or cut off.
    """
    manifest = read_sweep_manifest(directory)
    index, summary = read_parquet(directory / INDEX), read_parquet(directory / SUMMARY)
    try:
        index = index.sort_values("point")
        settings = {int(point): _settings_text(text) for point, text in zip(index["point"], index["settings"], strict=True)}
        keys = index.set_index("point").drop(columns=["settings", "failed"], errors="ignore").select_dtypes("number")
        rows = summary[summary["variable"].isin(list(HEADLINES))]
        means = rows.pivot(index="point", columns="variable", values="mean").astype("float64").dropna(axis=1, how="all")
        if not set(means.index) <= set(settings):
            raise ValueError("points")
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError("its tables are not those of a sweep", file=directory) from None
    check_points(directory, settings)
    return StoredSweep(directory, manifest, settings, keys, means)


def extremes(stored: StoredSweep) -> list[dict[str, Any]]:
    """The two extreme points of each headline outcome.

    Returns
    -------
    list of dict
        `variable`, `least` and `greatest` (means), `least_point` and `greatest_point`, `difference` and `mc_error` (paired by
        replicate), `key` and `correlation` (Spearman's, over points; None and NaN with fewer than eight points).

    Raises
    ------
    InputError
        If the file of an extreme point is missing or was changed.
    """
    points, keys = stored.means.index.to_numpy(), stored.keys.reindex(stored.means.index)
    variables = [name for name in HEADLINES if name in stored.means.columns]
    # A point that several outcomes ask for is read once.
    replicates, found = cache(partial(_by_replicate, stored.directory, variables=variables)), []
    for variable in variables:
        mean = stored.means[variable]
        values = mean.to_numpy(np.float64)
        least, greatest = int(points[np.nanargmin(values)]), int(points[np.nanargmax(values)])
        difference, error = _paired(replicates(greatest)[variable], replicates(least)[variable])
        found.append(
            {
                "variable": variable, "least": float(np.nanmin(values)), "least_point": least, "greatest": float(np.nanmax(values)),
                "greatest_point": greatest, "difference": difference, "mc_error": error, **_driver(keys, mean),
            }
        )  # fmt: skip
    return found


def print_sweep(stored: StoredSweep, console: Console) -> None:
    """Print how far the headline outcomes move over the points, what failed, and where the tables lie."""
    from rich.table import Table

    manifest, told, found = stored.manifest, stored.settings, extremes(stored)
    number, of = manifest["shard"]
    part = f", part {number} of {of}" if of > 1 else ""
    console.print(f"{len(told)} points x {manifest['replicates']} replicates of '{manifest['sweep']['scenario']}'{part}", highlight=False, soft_wrap=True)
    failed = failed_replicates(manifest)
    if failed:
        console.print(f"FAILED: {failed} replicates, left out; manifest.json says why", highlight=False)
    if stored.means.empty:
        console.print("No point has a value.", highlight=False)
    elif len(told) > 1:
        console.print(_how(manifest), style="italic", highlight=False)
        table = Table(box=None, pad_edge=False)
        for head in HEADS:
            table.add_column(head, justify="right" if head in ("least", "greatest", "difference") else "left", overflow="fold")
        for row in found:
            table.add_row(*_cells(row, told))
        console.print(table)
        console.print(CAVEAT, style="italic", highlight=False)
    place = stored.directory
    console.print(f"dataset {place}/{FOLDER} (column point), settings {place}/{INDEX}, means {place}/{SUMMARY}", highlight=False, soft_wrap=True)


def sweep_html(stored: StoredSweep) -> str:
    """The same as HTML for a notebook, everything in it escaped."""
    manifest, told = stored.manifest, stored.settings
    caption = f"{len(told)} points x {manifest['replicates']} replicates of '{manifest['sweep']['scenario']}'"
    failed = failed_replicates(manifest)
    lines = [*([f"FAILED: {failed} replicates, left out"] if failed else []), _how(stored.manifest), CAVEAT]
    body = [_cells(row, told) for row in extremes(stored)]
    return html_table(caption, list(HEADS), body) + "".join(f"<p>{html.escape(line)}</p>" for line in lines)


def sweep_facts(stored: StoredSweep) -> dict[str, Any]:
    """The facts of a sweep that ``--json`` prints."""
    manifest = stored.manifest
    kept = {name: manifest[name] for name in ("points", "shard", "replicates", "wall_seconds", "config_hash")}
    facts = {"out": str(stored.directory), **kept, "failed_replicates": failed_replicates(manifest), "averaged_quarters": window_length(manifest["quarters"]), "headlines": extremes(stored)}
    return {key: without_nan(value) for key, value in facts.items()}


def _how(manifest: dict[str, Any]) -> str:
    return HOW.format(window=window_words(window_length(manifest["quarters"])))


def failed_replicates(manifest: dict[str, Any]) -> int:
    """How many replicates of all points failed."""
    return sum(map(len, manifest["failed_replicates"].values()))


def _by_replicate(directory: Path, point: int, variables: list[str]) -> pd.DataFrame:
    """Means of a point over the last two years [replicate, outcome]."""
    rows = read_parquet(sound_point(directory, point), ["replicate", "quarter", *variables])
    last = in_window(quarters_of(rows))
    return pd.DataFrame({name: mean_and_error(grid(rows, name)[:, last].T)[0] for name in variables}, index=np.unique(rows["replicate"]))


def _paired(here: pd.Series[float], there: pd.Series[float]) -> tuple[float, float]:
    """Mean difference over the replicates that both have, and its Monte Carlo error."""
    both = here.index.intersection(there.index)
    difference = np.asarray(here[both], np.float64) - np.asarray(there[both], np.float64)
    mean, _, error, _ = mean_and_error(difference[:, None])
    return float(mean[0]), float(error[0])


def _driver(keys: pd.DataFrame, mean: pd.Series[float]) -> dict[str, Any]:
    """The key whose ranks go most with those of an outcome."""
    found = {
        name: spearman(values[there].to_numpy(), mean[there].to_numpy())[0]
        for name, values in keys.items()
        if (there := values.notna() & mean.notna()).sum() >= FEWEST and values[there].nunique() > 1 and mean[there].nunique() > 1
    }
    key = max(found, key=lambda name: abs(found[name]), default=None)
    return {"key": key, "correlation": np.nan if key is None else found[key]}


def _cells(row: dict[str, Any], told: dict[int, str]) -> list[str]:
    label, divisor = HEADLINES[row["variable"]]
    number = {name: short(row[name] / divisor) for name in ("least", "greatest", "difference", "mc_error")}
    key = "" if row["key"] is None else f"{_key(row['key'])} ({row['correlation']:+.2f})"
    return [
        label, number["least"], told[row["least_point"]], number["greatest"], told[row["greatest_point"]],
        f"{number['difference']} ± {number['mc_error']}", key,
    ]  # fmt: skip


def _settings_text(settings: str) -> str:
    return ", ".join(f"{_key(key)} {_value(value)}" for key, value in json.loads(settings).items()) or "scenario as it is"


def _key(name: str) -> str:
    """A key without the section of a scenario that it lies in."""
    return next((name.removeprefix(section) for section in SECTIONS if name.startswith(section)), name)


def _value(value: Any) -> str:
    return short(value) if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
