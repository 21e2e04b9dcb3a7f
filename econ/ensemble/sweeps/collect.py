"""Joining the shards of a sweep."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from econ.core.errors import InputError
from econ.core.files import atomic_file, make_directory, write_parquet
from econ.core.manifests import read_parquet
from econ.core.provenance import now
from econ.core.results import result_directory
from econ.ensemble.sweeps.index import INDEX, SUMMARY, write_csv_tables
from econ.ensemble.sweeps.manifest import read_sweep_manifest, write_sweep_manifest
from econ.ensemble.sweeps.store import FOLDER, refuse_changed


@dataclass(frozen=True)
class ShardResult:
    """A finished shard."""

    directory: Path
    manifest: dict[str, Any]


def read_shards(directories: Sequence[Path]) -> list[ShardResult]:
    """The shards in order, after a check that they are all parts of one sweep and none is missing.

    Raises
    ------
    InputError
        If a directory is no finished shard, they are of different sweeps, or a part is missing or doubled.
    """
    shards = [ShardResult(directory, read_sweep_manifest(directory)) for directory in directories]
    first = shards[0]
    for other in shards[1:]:
        if other.manifest["config_hash"] != first.manifest["config_hash"]:
            raise InputError(
                f"this is a shard of another sweep than {first.directory}", file=other.directory,
                found=other.manifest["config_hash"][:12], allowed=first.manifest["config_hash"][:12],
            )  # fmt: skip
        if other.manifest["shard"][1] != first.manifest["shard"][1]:
            raise InputError(
                f"this sweep was cut into another number of parts than {first.directory}", file=other.directory,
                found=other.manifest["shard"][1], allowed=str(first.manifest["shard"][1]),
            )  # fmt: skip
    count = first.manifest["shard"][1]
    numbers = [shard.manifest["shard"][0] for shard in shards]
    missing = sorted(set(range(1, count + 1)) - set(numbers))
    if missing:
        raise InputError(f"parts are missing: {', '.join(f'{k}/{count}' for k in missing)}", key="DIR")
    if len(numbers) > count:
        doubled = sorted({k for k in numbers if numbers.count(k) > 1})
        raise InputError(f"parts are given twice: {', '.join(f'{k}/{count}' for k in doubled)}", key="DIR")
    return sorted(shards, key=lambda shard: shard.manifest["shard"][0])


def collect_shards(shards: list[ShardResult], out: Path, *, force: bool = False, csv: bool = False) -> dict[str, Any]:
    """Join shards into one dataset.

    Raises
    ------
    InputError
        If a file of a shard is damaged.
    """
    first = shards[0].manifest
    with result_directory(out, force=force) as partial:
        for shard in shards:
            for path in sorted(shard.directory.glob(f"{FOLDER}/point=*/*.parquet")):
                _copy(path, partial / path.relative_to(shard.directory))
        for name, keys in ((INDEX, ["point"]), (SUMMARY, ["point"])):
            whole = pd.concat([read_parquet(shard.directory / name) for shard in shards])
            write_parquet(partial / name, whole.sort_values(keys, kind="stable"))
        if csv:
            write_csv_tables(partial)
        failed = {k: v for shard in shards for k, v in shard.manifest["failed_replicates"].items()}
        manifest = first | {
            "shard": [1, 1], "failed_replicates": failed, "status": "failed" if failed else "finished", "finished": now(),
            "wall_seconds": round(sum(shard.manifest["wall_seconds"] for shard in shards), 3),
        }  # fmt: skip
        write_sweep_manifest(partial, manifest)
    return manifest


def _copy(source: Path, target: Path) -> None:
    make_directory(target.parent)
    refuse_changed(source)
    with atomic_file(target) as temporary:
        shutil.copyfile(source, temporary)
