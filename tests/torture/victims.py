"""The commands that are tortured, on inputs small enough for hundreds of results."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import yaml
from commands import Zygote
from killing import Victim

GRID = {
    "schema_version": 1, "name": "tiny", "stage": "develop", "worlds": [0, 1], "model": {"layers": 1, "width": 8, "heads": 1},
    "pretraining": {"steps": 3, "batch": 16}, "training": {"max_steps": 10}, "evaluation": {"samples": 1, "curves": "losses"},
    "runs_per_batch": 1, "arms": [{"method": "base"}, {"method": "dpo", "n": [160]}, {"method": "npo_ret", "n": [160]}],
}  # fmt: skip
SWEEP = {
    "schema_version": 1, "name": "tiny", "scenario": "small.yaml", "design": "grid", "replicates": 2, "quarters": 2,
    "keys": {"levers.transfer": [0, 0.5, 1], "levers.commons": [0, 0.1]},
}  # fmt: skip
SMALL = {"schema_version": 1, "name": "small", "extends": "baseline", "population": {"labelers": 200}}
COMMANDS = {
    "run": ["run", "small.yaml", "commons.yaml", "--replicates", "4", "--quarters", "2", "--quiet"],
    "sweep": ["sweep", "sweep.yaml", "--quiet"],
    "grid": ["lab", "run", "grid.yaml", "--quiet"],
}


def write_inputs(folder: Path) -> None:
    """Write the files that the commands name."""
    files = {"small": SMALL, "commons": {**SMALL, "name": "commons", "levers": {"commons": 0.1}}, "sweep": SWEEP, "grid": GRID}
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))


@contextlib.contextmanager
def zygote_in(folder: Path) -> Iterator[Zygote]:
    """A process that forks commands in a folder, with their inputs in it."""
    write_inputs(folder)
    with Zygote(folder) as started:
        yield started


_known: dict[tuple[Path, str, int], Victim] = {}


def victim(zygote: Zygote, what: str, workers: int = 1, place: Path | None = None) -> Victim:
    """A command with its undisturbed result, which is computed once for each zygote."""
    key = (zygote.folder, what, workers)
    if key not in _known:
        argv = [*COMMANDS[what], "--workers", str(workers)]
        _known[key] = Victim(zygote, argv, zygote.folder / f"{what}{workers}").prepare()
    known = _known[key]
    return known if place is None else Victim(zygote, known.argv, place, known.seconds, known.undisturbed)
