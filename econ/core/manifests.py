"""Manifests that vouch for themselves and for the tables beside them, so that a flipped bit is noticed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from econ.core.errors import InputError
from econ.core.files import content_hash, file_hash, write_json

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "manifest.json"
#: Key of the SHA-256 of all the others.
SEAL = "manifest_sha256"
#: Key of the SHA-256 of each table, by name.
FILES = "files"
#: What mends a damaged result.
MEND = "restore it from a copy, or run the command that made it again with --force"


def hashes(directory: Path, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 of files, by name."""
    return {name: file_hash(directory / name) for name in names}


def write_manifest(directory: Path, facts: dict[str, Any]) -> None:
    """Write a manifest with its own hash: the last file of a result."""
    plain = json.loads(json.dumps(facts, allow_nan=False))
    write_json(directory / MANIFEST, plain | {SEAL: content_hash(plain)})


def read_manifest(path: Path) -> dict[str, Any]:
    """A manifest, after a check that it is unchanged; those written before they had a hash are taken as they are.

    Raises
    ------
    InputError
        If it is missing, no JSON object, or does not fit its hash.
    """
    try:
        manifest = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputError("there is no such file", file=path) from None
    except OSError as error:
        raise InputError(f"the file cannot be read ({error.strerror or error})", file=path) from None
    except (ValueError, RecursionError):
        raise InputError(f"the manifest cannot be read: not valid JSON; {MEND}", file=path) from None
    if not isinstance(manifest, dict):
        raise InputError(f"the manifest cannot be read: not one JSON object; {MEND}", file=path)
    return _unsealed(manifest, path)


def results_within(directory: Path) -> str:
    """What a user is told who gives the folder of results for a result; empty where none lies in it."""
    try:
        names = sorted(path.name for path in directory.iterdir() if (path / MANIFEST).is_file() and not path.name.endswith(".partial"))
    except OSError:
        names = []
    several = f": {directory}/* stands for all" if len(names) > 1 else ""
    return f", but {', '.join(names[:3])}{', …' if len(names) > 3 else ''} in it {'have' if len(names) > 1 else 'has'} one{several}" if names else ""


def check_file(path: Path) -> None:
    """Refuse a file that differs from what the manifest beside it says; fine where none that can be read speaks of it.

    Raises
    ------
    InputError
    """
    beside = path.parent / MANIFEST
    try:
        manifest = json.loads(beside.read_bytes())
    except (OSError, ValueError, RecursionError):
        return
    files = _unsealed(manifest, beside).get(FILES) if isinstance(manifest, dict) else None
    expected = files.get(path.name) if isinstance(files, dict) else None
    if expected is not None and file_hash(path) != expected:
        raise InputError(f"this table was changed after it was written, so it does not fit its manifest; {MEND}", file=path)


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A table, after a check against the manifest beside it.

    Raises
    ------
    InputError
        If it is missing, was changed, is no Parquet, or lacks a column.
    """
    import pandas as pd
    import pyarrow as pa

    if not path.is_file():
        raise InputError("there is no such file", file=path)
    check_file(path)
    try:
        table: pd.DataFrame = pd.read_parquet(path, columns=None if columns is None else list(columns))
    except (pa.ArrowException, OSError, ValueError, KeyError, MemoryError):
        raise InputError("the file is not readable Parquet, or not of this kind", file=path) from None
    return table


def _unsealed(manifest: dict[str, Any], path: Path) -> dict[str, Any]:
    facts = {key: value for key, value in manifest.items() if key != SEAL}
    try:
        sound = SEAL not in manifest or content_hash(facts) == manifest[SEAL]
    except ValueError:  # NaN or infinity, which no manifest holds
        sound = False
    if not sound:
        raise InputError(f"this manifest is damaged or was changed after the work; {MEND}", file=path)
    return facts
