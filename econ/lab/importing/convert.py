"""From a user's file and mapping to a measurement table in a result directory; all of it, or nothing."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from econ.core.errors import nearest_name
from econ.core.files import content_hash, file_hash
from econ.core.manifests import FILES, hashes, write_manifest
from econ.core.measurements import BY_NAME, check_measurements, write_measurements
from econ.core.provenance import now, provenance
from econ.core.results import result_directory
from econ.lab.importing.cells import read_cells
from econ.lab.importing.design import CONFIG, check_design, fill_bases
from econ.lab.importing.faults import Faults, plain
from econ.lab.importing.mapping import TARGETS, MappingFile, load_mapping
from econ.lab.importing.rows import Rows, assemble, complete
from econ.lab.importing.source import Source, read_source

if TYPE_CHECKING:
    import pandas as pd

#: Columns on which checks between rows rest.
STRUCTURE = ("world", "method", "label_kind", "n", "a", "b", "distribution", "stage", *CONFIG)
_WORLD_NUMBER = re.compile(r"0|[1-9]\d{0,8}", re.ASCII)
ORDER = ["stage", "method", "n", "a", "b", "v", "world", "config_hash", "run_id", "distribution"]


@dataclass(frozen=True)
class Imported:
    """A validated table that is not written yet.

    Attributes
    ----------
    table : pandas.DataFrame
        With every column of the measurement table.
    facts : dict
        For the manifest: source, mapping, replicates by name, notes.
    """

    table: pd.DataFrame
    facts: dict[str, Any]


def import_file(
    file: str | Path, mapping: str | Path, out: Path | None = None, *,
    descriptive: bool = False, keep_extra: bool = False, force: bool = False,
) -> tuple[Path, dict[str, Any]]:  # fmt: skip
    """Validate a user's laboratory data and write `measurements.parquet` and `manifest.json`.

    Parameters
    ----------
    file : str or Path
        CSV or Parquet.
    mapping : str or Path
        YAML; see `econ.lab.importing.mapping.Mapping`.
    out : Path, optional
        Directory to make; ``runs/import-NAME`` unless given.
    descriptive : bool
        Take tables with too few replicates or budgets, or without verifiability; they are marked, and no fit takes them.
    keep_extra : bool
        Keep unmapped columns in `extra`; else they are faults.
    force : bool
        Replace a finished result.

    Returns
    -------
    directory : Path
    manifest : dict

    Raises
    ------
    InputError
        With all faults of file and mapping at once; nothing is written.
    """
    started = now()
    loaded = load_mapping(mapping, descriptive=descriptive)
    target = out or Path("runs") / f"import-{loaded.mapping.name}"
    imported = validate(file, loaded, descriptive=descriptive, keep_extra=keep_extra)
    with result_directory(target, force=force, resume=False) as directory:
        facts = imported.facts
        metadata = {
            "config_hash": facts["config_hash"],
            "source": facts["source"]["file"],
            "source_sha256": facts["source"]["sha256"],
        }
        write_measurements(
            imported.table,
            directory / "measurements.parquet",
            metadata | {"descriptive": json.dumps(descriptive)},
        )
        manifest = provenance() | facts | {"started": started, "finished": now(), "status": "finished"}
        manifest[FILES] = hashes(directory, ["measurements.parquet"])
        write_manifest(directory, manifest)
    return target, manifest


def validate(
    file: str | Path, loaded: MappingFile, *, descriptive: bool = False, keep_extra: bool = False
) -> Imported:
    """Everything that `import_file` does before it writes.

    Raises
    ------
    InputError
        With all faults at once.
    """
    source = read_source(file, loaded.mapping.csv)
    faults = Faults(source.path)
    if not keep_extra:
        _note_unknown(loaded, source, faults)
    cells = read_cells(loaded, source, faults)
    if cells.lost:
        faults.check()
    rows = assemble(loaded, source, cells, faults, descriptive=descriptive)
    complete(rows)
    if rows.broken.isdisjoint(STRUCTURE):
        check_design(rows, descriptive=descriptive)
        fill_bases(rows, descriptive=descriptive)
    faults.check()
    return _finished(rows, descriptive=descriptive, keep_extra=keep_extra)


def _note_unknown(loaded: MappingFile, source: Source, faults: Faults) -> None:
    used = {entry.column for entry in loaded.mapping.columns.values()}
    for name in source.columns:
        if name not in used:
            faults.add(
                "unknown column, the mapping does not use it", file=source.path, key=plain(name),
                allowed="columns that the mapping names, or any with --keep-extra", nearest=nearest_name(name, TARGETS),
                line=None if source.lines is None else 1,
            )  # fmt: skip


def _finished(rows: Rows, *, descriptive: bool, keep_extra: bool) -> Imported:
    table, mapping = rows.table, rows.loaded.mapping
    worlds = _world_numbers(table["world"].tolist())
    origin = {"file": rows.source.path.name, "sha256": file_hash(rows.source.path), "rows": rows.source.rows}
    settings = {"mapping": mapping.resolved(), "source_sha256": origin["sha256"], "descriptive": descriptive}
    config_hash = content_hash(settings)
    extra = _extras(rows, descriptive=descriptive, keep_extra=keep_extra)
    made: dict[str, Any] = {
        "world": [worlds[name] for name in table["world"]],
        "run_id": _run_ids(table, config_hash),
        "config_hash": config_hash,
        "program": [
            f"import/{method}/{n:.0f}" for method, n in zip(table["method"], table["n"], strict=True)
        ],
        "extra": extra,
    }
    given = table.drop(columns=[name for name in table.columns if name not in BY_NAME]).assign(**made)
    checked = (
        check_measurements(given, rows.source.path).sort_values(ORDER, kind="stable").reset_index(drop=True)
    )
    facts = {
        "name": mapping.name, "title": mapping.title, "config_hash": config_hash, "source": origin,
        "mapping": mapping.resolved(), "descriptive": descriptive, "rows": len(checked),
        "worlds": {str(number): str(name) for name, number in worlds.items()},
        "methods": sorted(map(str, checked["method"].unique())),
        "distributions": sorted(map(str, checked["distribution"].unique())),
        "notes": _notes(checked, descriptive=descriptive),
    }  # fmt: skip
    return Imported(checked, facts)


def _world_numbers(names: list[str]) -> dict[str, int]:
    """Replicates that are numbered keep their numbers; others are numbered from 1 as they first appear."""
    distinct = list(dict.fromkeys(names))
    if all(_WORLD_NUMBER.fullmatch(name) for name in distinct):
        return {name: int(name) for name in distinct}
    return {name: number for number, name in enumerate(distinct, start=1)}


def _run_ids(table: pd.DataFrame, config_hash: str) -> list[str]:
    """One id for all rows of a run: the same model under several test distributions."""
    keys = ["world", "method", "label_kind", *CONFIG, "n", "a", "b"]
    known: dict[tuple[Any, ...], str] = {}
    ids = []
    for values in table[keys].itertuples(index=False, name=None):
        # NaN is not equal to itself, so missing values get a name.
        key = tuple(None if isinstance(x, float) and math.isnan(x) else x for x in values)
        if key not in known:
            known[key] = content_hash([config_hash, *key])[:16]
        ids.append(known[key])
    return ids


def _extras(rows: Rows, *, descriptive: bool, keep_extra: bool) -> list[str]:
    """JSON beside each row: counts, configuration, unmapped columns, and whether no fit may use it."""
    table, source = rows.table, rows.source
    used = {entry.column for entry in rows.loaded.mapping.columns.values()}
    kept = [name for name in source.columns if keep_extra and name not in used]
    counts = {name: rows.column(name).tolist() for name in ("violations", "trials")}
    configs = table["config"].tolist()
    extras = []
    for row in range(source.rows):
        found: dict[str, Any] = {"source_row": row + 1}
        found |= {name: int(count[row]) for name, count in counts.items() if count[row] >= 0}
        if isinstance(configs[row], str):
            found["config"] = configs[row]
        if descriptive:
            found["descriptive"] = True
        if kept:
            found["kept"] = {name: source.columns[name][row] for name in kept}
        extras.append(json.dumps(found, sort_keys=True))
    return extras


def _notes(table: pd.DataFrame, *, descriptive: bool) -> list[str]:
    """What the user should know before fitting."""
    notes = []
    if descriptive:
        notes.append("descriptive: no fit and no surface is made of this table")
    if table.loc[table["n"] > 0, "v"].isna().any():
        notes.append("verifiability was not recorded in every row; claims say so as a deviation")
    if not (table["distribution"] == "ood").any():
        notes.append("no rows under the distribution ood, which market runs read")
    levels = table.loc[table["n"] > 0, "v"].dropna().unique()
    if len(levels) == 1:
        notes.append(
            f"one verifiability only ({levels[0]:.3g}): what harm does at another one is then an assumption of the fit"
        )
    lacking = [name for name in ("helpfulness", "sycophancy", "over_refusal") if table[name].isna().any()]
    if lacking:
        notes.append(f"not measured in every row, so not fitted: {', '.join(lacking)}")
    return notes
