"""The manifest of a sweep: the last file of its directory, and the first to be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from econ.core.errors import InputError
from econ.core.manifests import FILES, MANIFEST, hashes, read_manifest, results_within, write_manifest
from econ.core.unfinished import unfinished_beside
from econ.ensemble.sweeps.index import INDEX, SUMMARY
from econ.ensemble.sweeps.spec import Sweep


def write_sweep_manifest(directory: Path, manifest: dict[str, Any]) -> None:
    """The last file of a sweep's directory."""
    write_manifest(directory, manifest | {FILES: hashes(directory, (INDEX, SUMMARY))})


def read_sweep_manifest(directory: Path) -> dict[str, Any]:
    """The manifest of a finished sweep or shard.

    Raises
    ------
    InputError
        If the directory is none.
    """
    path = directory / MANIFEST
    if not path.is_file():
        begun = unfinished_beside(directory)
        told = f"; {begun}" if begun else results_within(directory)
        raise InputError(f"this is no finished sweep or shard of one: it has no manifest.json{told}", file=directory)
    try:
        manifest = read_manifest(path)
        if manifest["kind"] != "sweep":
            raise KeyError("kind")
        # The name becomes that of a directory; a stranger's manifest may hold anything.
        Sweep.model_validate(manifest["sweep"])
        number, of = manifest["shard"]
        _ = range(number, of), sum(map(len, manifest["failed_replicates"].values()))
        _ = [manifest[key] for key in ("points", "replicates", "config_hash", "wall_seconds", "status")]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError("this manifest is not that of a sweep", file=path) from None
    return manifest
