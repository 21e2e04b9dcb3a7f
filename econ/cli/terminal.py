"""What commands share: where results go, threads, signs of life, the console, columns, JSON."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

#: Where results lie unless --out says otherwise.
RUNS = Path("runs")
#: Longest name of a directory made up from other names.
LONGEST_NAME = 80


def place_of(directories: Sequence[Path], kind: str) -> Path:
    """Where what is made of other results lies unless --out says otherwise, such as runs/report_commons."""
    return RUNS / f"{kind}_{'+'.join(path.resolve().name for path in directories)}"[:LONGEST_NAME]


def use_one_thread() -> None:
    """One thread for numerical libraries, before they are imported: results and speed both depend on it."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


@contextlib.contextmanager
def busy(quiet: bool, what: str) -> Iterator[Callable[[str], None]]:
    """A sign of life on stderr if it is a terminal, which can be told what is being done; otherwise nothing."""
    if quiet or not sys.stderr.isatty():
        yield lambda step: None
        return
    from rich.console import Console

    with Console(stderr=True).status(what) as sign:
        yield lambda step: sign.update(step)


def console() -> Console:
    """The console for results on stdout."""
    from rich.console import Console

    # In a pipe nothing may be cut to the width of a terminal that is not there.
    return Console(width=None if sys.stdout.isatty() else 200, markup=False, emoji=False)


def print_columns(rows: Sequence[tuple[str, ...]]) -> None:
    """Rows of text, every column but the last padded to its widest cell."""
    if not rows:
        return
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")


def print_json(facts: dict[str, Any]) -> None:
    """Print a result's key facts as one JSON object on stdout."""
    sys.stdout.write(json_text(facts) + "\n")


def json_text(facts: dict[str, Any]) -> str:
    """JSON as commands print it; what is no number is a fault of the command, never the word NaN."""
    return json.dumps(facts, indent=2, allow_nan=False)
