"""Runs of finished results, taken over where a grid asks for the very same ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.errors import InputError
from econ.core.manifests import MANIFEST, read_manifest, read_parquet
from econ.core.measurements import read_measurements
from econ.lab.tables import CURVE_TYPES, SCORER_TYPES

if TYPE_CHECKING:
    import pandas as pd

#: What the manifest repeats of a result from which runs were taken.
SOURCE = (
    "config_hash", "git_commit", "code_hash", "versions", "device", "started", "finished", "wall_seconds",
    "compute_seconds", "note", "reused",
)  # fmt: skip
#: What it repeats of each program.
PROGRAM = ("program", "kind", "runs", "seconds", "hash")


@dataclass
class Source:
    """A result from which runs are taken.

    Attributes
    ----------
    facts : dict
        What is known of it.
    runs : set of str
        Ids of its runs, without those that an earlier source holds too.
    prepared : list of dict
        The base models and scorers that it made, as in its manifest; which run needs which, no manifest says.
    """

    facts: dict[str, Any]
    runs: set[str]
    prepared: list[dict[str, Any]]


@dataclass
class Earlier:
    """Rows of finished runs, by the run's id; an id covers everything that decides a run's numbers.

    Attributes
    ----------
    rows, curves, scorers : dict of str to list of dict
    sources : list of Source
    trained_in : dict of str to str
        Hash of the batch in which a run was trained, as far as manifests know it.
    """

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    curves: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    scorers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    trained_in: dict[str, str] = field(default_factory=dict)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self.rows

    def used(self, taken: set[str]) -> list[dict[str, Any]]:
        """For the manifest: from which results how many runs were taken."""
        counted = [(source.facts, len(source.runs & taken)) for source in self.sources]
        return [facts | {"runs": count} for facts, count in counted if count]

    def programs(self, taken: set[str]) -> list[dict[str, Any]]:
        """For the manifest: batches in which the runs taken were trained, each with those of its runs alone.

        Their seconds are those that stand in the runs' rows. Where no manifest names the batch, the runs
        of a program are one entry without a hash. All base models and scorers of their sources go before.
        """
        used = [source for source in self.sources if source.runs & taken]
        prepared = {program["hash"]: program | {"reused": True} for source in used for program in source.prepared}
        batches: dict[tuple[str, str], list[str]] = {}
        for run in sorted(taken):
            batches.setdefault((self.rows[run][0]["program"], self.trained_in.get(run, "")), []).append(run)
        return [*prepared.values()] + [
            {
                "program": program, "kind": "train", "runs": len(runs),
                # Digits enough to find the batch again by them (`_note_batches`).
                "seconds": float(f"{sum(self.rows[run][0]['seconds'] for run in runs):.12g}"),
                "hash": hashed or None, "reused": True,
            }
            for (program, hashed), runs in sorted(batches.items())
        ]  # fmt: skip


def read_earlier(directories: Sequence[Path]) -> Earlier:
    """Read finished laboratory results; where two hold a run, the first counts.

    Raises
    ------
    InputError
        If a directory is no finished laboratory result.
    """
    earlier = Earlier()
    for directory in directories:
        try:
            manifest = read_manifest(directory / MANIFEST)
            facts = {key: manifest[key] for key in SOURCE if key in manifest}
        except InputError as error:
            if (directory / MANIFEST).is_file():
                raise error
            raise InputError("this is no finished laboratory result", file=directory, key="--reuse") from None
        rows = _by_run(read_measurements(directory / "measurements.parquet"))
        fresh = set(rows) - set(earlier.rows)
        programs = [{key: program[key] for key in PROGRAM} for program in manifest.get("programs", [])]
        earlier.sources.append(Source(facts, fresh, [own for own in programs if own["kind"] != "train"]))
        earlier.rows |= {run: rows[run] for run in fresh}
        _note_batches(earlier, fresh, programs)
        for kept, name, types in (
            (earlier.curves, "curves", CURVE_TYPES), (earlier.scorers, "scorers", SCORER_TYPES),
        ):  # fmt: skip
            kept |= {run: own for run, own in _table(directory, name, types).items() if run in fresh}
    return earlier


def _note_batches(earlier: Earlier, fresh: set[str], programs: list[dict[str, Any]]) -> None:
    """Find the batch of each run by its program and its seconds, the batch's time shared equally, to the bit."""
    known: dict[tuple[str, np.float32], set[str]] = {}
    for batch in programs:
        if batch["kind"] == "train" and batch["hash"] is not None:
            known.setdefault((batch["program"], np.float32(batch["seconds"] / batch["runs"])), set()).add(batch["hash"])
    for run in fresh if known else ():
        row = earlier.rows[run][0]
        found = known.get((row["program"], np.float32(row["seconds"])), set())
        # Two batches of a program that took the same time are not told apart.
        if len(found) == 1:
            earlier.trained_in[run] = next(iter(found))


def _table(directory: Path, name: str, types: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """A side table, with columns that it lacks empty."""
    path = directory / f"{name}.parquet"
    return _by_run(read_parquet(path).reindex(columns=list(types))) if path.exists() else {}


def _by_run(table: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Rows as dictionaries, what is missing as None, grouped by run."""
    found: dict[str, list[dict[str, Any]]] = {}
    plain = table.astype(object).where(table.notna(), None)
    for row in plain.to_dict("records"):
        found.setdefault(str(row["run_id"]), []).append({str(key): value for key, value in row.items()})
    return found
