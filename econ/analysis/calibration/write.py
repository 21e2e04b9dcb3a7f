"""A calibration on disk: tables, posterior draws, scenario fragments, manifest; written and read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import yaml

from econ.analysis.calibration.tables import all_tables, key_numbers
from econ.core.csv_files import write_csv
from econ.core.errors import InputError
from econ.core.files import write_parquet, write_text
from econ.core.manifests import FILES, MANIFEST, hashes, read_manifest, read_parquet, write_manifest
from econ.core.provenance import now, provenance
from econ.scenario import shipped_scenarios

if TYPE_CHECKING:
    from pathlib import Path

    from econ.analysis.calibration.execute import CalibrationResult

#: Tables kept as Parquet, since they are long; the others are CSV.
LONG = ("design", "recovery")
SHORT = ("parameters", "moments", "directions", "profiles", "recovery_summary", "emulation")
POINT, PRIORS = "calibrated.yaml", "calibrated_priors.yaml"


@dataclass(frozen=True)
class StoredCalibration:
    """A finished calibration as its directory holds it: the manifest, and each table by name."""

    manifest: dict[str, Any]
    tables: dict[str, pd.DataFrame]


def read_calibration(directory: Path) -> StoredCalibration:
    """Read a finished calibration.

    Raises
    ------
    InputError
        If the directory holds none.
    """
    try:
        manifest = read_manifest(directory / MANIFEST)
        if manifest["kind"] != "calibration":
            raise KeyError("kind")
        tables = {name: pd.read_csv(directory / f"{name}.csv") for name in SHORT}
        tables |= {name: read_parquet(directory / f"{name}.parquet") for name in (*LONG, "draws")}
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError("this is no finished calibration", file=directory) from None
    return StoredCalibration(manifest, tables)


def write_calibration(result: CalibrationResult, directory: Path, *, csv: bool = False) -> None:
    """Write everything but figures into a working directory, the manifest last; `csv` writes the long tables as CSV too."""
    for name, table in all_tables(result).items():
        if name in LONG:
            write_parquet(directory / f"{name}.parquet", table)
        else:
            write_csv(directory / f"{name}.csv", table)
    space = result.plan.space
    write_parquet(directory / "draws.parquet", pd.DataFrame(space.values(result.draws), columns=space.keys))
    if csv:
        for name in (*LONG, "draws"):
            write_csv(directory / f"{name}.csv", pd.read_parquet(directory / f"{name}.parquet"))
    write_text(directory / POINT, _fragment(result, "the point with the least distance", result.after.settings[0]))
    write_text(directory / PRIORS, _fragment(result, "the posterior's middle 90 %, each parameter apart", _priors(result)))
    tables = hashes(directory, [f"{name}.parquet" for name in (*LONG, "draws")])
    write_manifest(directory, manifest_of(result) | {FILES: tables})


def manifest_of(result: CalibrationResult) -> dict[str, Any]:
    """What was calibrated, with what, and the key numbers."""
    planned = result.plan
    return provenance() | {
        "kind": "calibration", "calibration": planned.spec.as_written(), "facts": list(planned.facts.used),
        "config_hash": planned.config_hash, "seed": planned.spec.seed,
        "surfaces": {"id": planned.surfaces.id, "hash": planned.surfaces.hash, "kind": planned.surfaces.kind},
        "numbers": key_numbers(result), "started": result.started, "finished": now(),
        "wall_seconds": round(result.wall_seconds, 3), "status": "finished",
    }  # fmt: skip


def _priors(result: CalibrationResult) -> dict[str, Any]:
    low, high = (np.quantile(result.plan.space.values(result.draws), level, axis=0) for level in (0.05, 0.95))
    return {
        key: {"uniform": [float(f"{a:.4g}"), float(f"{b:.4g}")]} for key, a, b in zip(result.plan.space.keys, low, high, strict=True)
    }  # fmt: skip


def _fragment(result: CalibrationResult, what: str, settings: dict[str, Any]) -> str:
    """A scenario file with the values: laid over a shipped scenario, or a user's own scenario in full."""
    spec, base = result.plan.spec, result.plan.base
    title = f"{spec.title or spec.name}: {what}"
    name = f"calibrated_{spec.name}"[:60]
    if spec.scenario in shipped_scenarios():
        raw: dict[str, Any] = {"schema_version": 1, "name": name, "extends": spec.scenario, "title": title}
        for key, value in settings.items():
            *path, last = key.split(".")
            place = raw
            for part in path:
                place = place.setdefault(part, {})
            place[last] = value
    else:
        raw = base.with_settings(settings).resolved() | {"name": name, "title": title}
    head = f"# Written by econ calibrate: {what}; draws.parquet holds the parameters jointly.\n"
    return head + yaml.safe_dump(raw, sort_keys=False, allow_unicode=True, width=110)
