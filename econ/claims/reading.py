"""Reading measurement tables: which rows may count, and as which arm, setting and configuration."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from econ.claims.arms import BASES, COSTS, OUTCOMES
from econ.claims.beside import Beside, read_beside
from econ.claims.evidence import Evidence, Source
from econ.claims.names import arm_names
from econ.claims.settings import settings_of
from econ.core.errors import InputError
from econ.core.files import file_hash
from econ.core.measurements import SETTING_KEYS, extras, read_measurements
from econ.core.shipped import shipped_path
from econ.surfaces.cells import CONFIRMATORY

MEASUREMENTS = "measurements.parquet"
#: Keys of `extra` that an import writes about the row.
ROW_KEYS = frozenset({"source_row", "trials", "violations"})
#: Worlds of development and smoke: in no headline, whatever stage a table gives them.
DEVELOPMENT_WORLDS = 1000

#: Shipped tables on which verdicts rest. A grid enters by being named here, never by lying in the folder.
COUNTED = ("capacity", "full", "maps", "polarity", "rates", "stability", "stress", "surface", "zoo", "zoo_b")
#: Shipped tables in no verdict: worlds held back for a replication, configurations beyond the edges of tuning grids,
#: verifiers trained beyond the registered steps, and the check of nine methods on development worlds.
REPLICATION, APART = "replication", ("beyond", "edges", "plateau", "replication", "smoke")


def shipped_measurements() -> list[Path]:
    """Measurement tables that the package ships and on which verdicts rest."""
    folder = shipped_path("calibration", "lab")
    return [path for name in COUNTED if (path := folder / name / MEASUREMENTS).is_file()]


def shipped_replication() -> Path | None:
    """The shipped table of worlds that were held back, if it was made."""
    path = shipped_path("calibration", "lab") / REPLICATION / MEASUREMENTS
    return path if path.is_file() else None


def load_evidence(paths: Sequence[str | Path] = ()) -> Evidence:
    """Read measurement tables, or all shipped ones.

    Parameters
    ----------
    paths : sequence of path
        Files, or directories that hold a ``measurements.parquet``.

    Raises
    ------
    InputError
        If one is missing, is no measurement table, or is given twice.
    """
    files = [_file(Path(path)) for path in paths] or shipped_measurements()
    resolved = [file.resolve() for file in files]
    for file, real in zip(files, resolved, strict=True):
        if resolved.count(real) > 1:
            raise InputError("this measurement table is given twice", file=file)
    return evidence_of([(_source_name(file), file, read_measurements(file)) for file in files])


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    if not (path / MEASUREMENTS).is_file():
        raise InputError(
            "no measurements are here", file=path, allowed="a directory made by `econ lab run` or `econ lab import`, or its measurement table"
        )
    return path / MEASUREMENTS


def _source_name(file: Path) -> str:
    return file.resolve().parent.name if file.name == MEASUREMENTS else file.stem


def evidence_of(tables: Sequence[tuple[str, Path | None, pd.DataFrame]]) -> Evidence:
    """Evidence from checked tables, each with a name and, if it lies in one, its file."""
    notes: list[str] = []
    parts, sources, besides = [], [], []
    for number, (name, path, table) in enumerate(tables):
        counting = _confirmatory(table, name, notes)
        rows = counting[counting["n"] > 0]
        manifest = {} if path is None else _manifest(path.parent / "manifest.json")
        sources.append(
            Source(
                name, name if path is None else path.name, "" if path is None else file_hash(path),
                tuple(sorted(table["config_hash"].dropna().unique())) if len(tables) else (), len(table),
                tuple(sorted(int(w) for w in rows["world"].unique())),
                manifest.get("device"), manifest.get("versions") or {},
                tuple((manifest.get("grid") or {}).get("reductions") or ()),
            )
        )  # fmt: skip
        tidy = _tidy(rows).assign(source=number)
        beside = read_beside(None if path is None else path.parent, counting, tidy)
        besides.append(beside)
        parts.append(tidy[~tidy["run_id"].isin(beside.halves)])
    frame = pd.concat(parts, ignore_index=True)
    # Numbers in the order of their texts: configurations are compared and sorted, never read.
    frame["config"] = pd.factorize(frame["config"], sort=True)[0]
    # A copy lies in one block for each type, from which rows are taken faster, thousands of times.
    return Evidence(sources, frame.copy(), Beside.joined(besides), notes)


def _manifest(path: Path) -> dict[str, Any]:
    """A manifest beside a table, if there is a readable one; a table alone is enough."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _confirmatory(table: pd.DataFrame, name: str, notes: list[str]) -> pd.DataFrame:
    """Rows that may count: confirmatory and imported worlds, no tuning, no development; base models too."""
    kept = table["stage"].isin(CONFIRMATORY)
    early = (table["stage"] == "confirm") & (table["world"] < DEVELOPMENT_WORLDS)
    for rows, why in (
        (table["stage"] == "develop", "development runs"),
        (early, f"runs on worlds below {DEVELOPMENT_WORLDS}, which are for development"),
    ):
        if rows.any():
            notes.append(f"{name}: {int(rows.sum())} rows left out: {why}")
    return table[kept & ~early]


def _tidy(rows: pd.DataFrame) -> pd.DataFrame:
    """Plain columns: keys as Python objects, numbers as float64."""
    found = pd.DataFrame(index=rows.index)
    for name in ("task", "label_kind", "polarity", "distribution"):
        found[name] = rows[name].astype(object).where(rows[name].notna(), None)
    numbers = (*OUTCOMES, *COSTS, *(f"{name}_base" for name in BASES), "a", "b")
    for name in numbers:
        found[name] = rows[name].astype("float64")
    found["run_id"] = rows["run_id"].astype(object)
    found["world"] = rows["world"].astype("int64")
    found["n"] = rows["n"].astype("float64")
    found["seed"] = rows["optimiser_seed"].fillna(0).astype("int64")
    found["tuned"] = found["tuning_judgements"].fillna(0) > 0
    details = extras(rows)
    found["beta"] = rows["beta"].astype("float64")
    found["arm"] = arm_names(rows, details)
    found["setting"] = settings_of(rows, details)
    found["config"] = _configs(rows, details)
    # Weight of pairs against flags in a hybrid's loss; other methods have none.
    found["mix_weight"] = [float(detail.get("w", np.nan)) for detail in details]
    return found.reset_index(drop=True)


def _configs(rows: pd.DataFrame, details: list[dict[str, Any]]) -> list[str]:
    """Configuration of each run's method, as text."""
    # Rows of one text share one dictionary.
    distinct = {id(detail): detail for detail in details}
    own = {
        key: json.dumps({k: x for k, x in detail.items() if k not in SETTING_KEYS and k not in ROW_KEYS}, sort_keys=True)
        for key, detail in distinct.items()
    }
    rates = zip(rows["lr"].astype(float).round(9), rows["beta"].astype(float).round(9), details, strict=True)
    return [f"{lr:.6g} {beta:.6g} {own[id(detail)]}" for lr, beta, detail in rates]
