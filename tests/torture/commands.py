"""Starting `econ` commands in a zygote, killing them, and comparing what they leave with an undisturbed result."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from zygote import BEGUN

from econ.core.files import file_hash

HERE = Path(__file__).resolve().parent
#: Columns that hold time, of the laboratory's tables.
TIMES = ("seconds",)
#: Seconds after which a command counts as hanging.
PATIENCE = 300


class Zygote:
    """Forks commands; see `zygote`. Use as a context manager."""

    def __init__(self, folder: Path) -> None:
        self.output, self.log = folder / "output.txt", folder / "finished.log"
        self.folder = folder

    def __enter__(self) -> Zygote:
        command = [sys.executable, str(HERE / "zygote.py")]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
        )  # fmt: skip
        assert self._line() == "ready"
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(PATIENCE)

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def start(self, argv: list[str], **options: Any) -> int:
        """Start a command; its process id is that of its group."""
        assert self.process.stdin is not None
        self.output.unlink(missing_ok=True)
        request = {"argv": argv, "output": str(self.output), "log": str(self.log), **options}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return int(self._line())

    def finish(self) -> int:
        """Wait for the command; its exit status, negative for a signal."""
        return int(self._line())

    def run(self, argv: list[str], **options: Any) -> int:
        """Start a command and wait for it."""
        self.start(argv, **options)
        return self.finish()

    def kill_after(self, argv: list[str], seconds: float) -> int:
        """Start a command and kill its process group, workers included, after so many seconds."""
        group = self.start(argv)
        time.sleep(seconds)
        # The group of a command that has ended is gone; its number is not given to others so soon.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
        return self.finish()

    def said(self) -> str:
        """What the last command printed."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def work(self) -> list[str]:
        """Pieces of work in the order in which they were begun (`BEGUN` before the name) and finished, since the log was cleared."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    def finished_work(self) -> Counter[str]:
        """How often each piece of work was finished since the log was last cleared."""
        return Counter(line for line in self.work() if not line.startswith(BEGUN))

    def clear(self) -> None:
        """Forget all work, begun and finished."""
        self.log.unlink(missing_ok=True)


@dataclass(frozen=True)
class Tables:
    """What decides whether two results are the same: tables by value, files by hash where they hold no time."""

    tables: dict[str, Any]
    hashes: dict[str, str]

    @classmethod
    def of(cls, directory: Path) -> Tables:
        """The tables of a result."""
        tables, hashes = {}, {}
        for path in sorted(directory.rglob("*")):
            name = str(path.relative_to(directory))
            if path.suffix == ".parquet":
                table = pq.read_table(path)
                timed = [column for column in TIMES if column in table.column_names]
                tables[name] = table.drop_columns(timed)
                if not timed:
                    hashes[name] = file_hash(path)
            elif path.suffix == ".csv":
                hashes[name] = file_hash(path)
        return cls(tables, hashes)

    def same(self, other: Tables) -> bool:
        """Whether all tables and hashes agree."""
        return self.hashes == other.hashes and self.tables.keys() == other.tables.keys() and all(
            table.equals(other.tables[name]) for name, table in self.tables.items()
        )  # fmt: skip


def leftovers(place: Path) -> list[str]:
    """Files that no finished result holds: temporary ones, locks, folders of blocks, displaced directories."""
    stray = [p for p in place.rglob("*") if p.name.endswith(".tmp") or p.name in (".lock", "blocks", "checkpoints", "decomposition")]
    return sorted(str(p.relative_to(place)) for p in [*stray, *place.glob("*.old.*"), *place.glob("*.partial")])


@dataclass
class KillCounts:
    """What happened over many interrupted results.

    `sealed` pieces of work lay complete on the disk at a kill, whole by their own digests (each counted at every
    kill that it outlived); `repeated` of them were begun again afterwards, which never may happen. `begun_again` counts
    what was under way at a kill and had to be begun again, which may.
    """

    results: int = 0
    kills: int = 0
    while_running: int = 0
    resumed: int = 0
    identical: int = 0
    finished_before: int = 0
    sealed: int = 0
    repeated: int = 0
    begun_again: int = 0
    faults: list[str] = field(default_factory=list)
