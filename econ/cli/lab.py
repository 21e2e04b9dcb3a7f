"""`econ lab …`: train grids of small models, fit response surfaces, show what was measured."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

app = typer.Typer(
    help="The laboratory: train grids of small models, fit response surfaces, show them.", no_args_is_help=True
)


@app.command("run")
def run(
    grid: Annotated[str, typer.Argument(help="a grid file, or the name of a shipped grid such as smoke")],
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    workers: Annotated[int, typer.Option(min=1, help="processes on a CPU")] = 1,
    out: Annotated[Path | None, typer.Option(help="directory of the result (default runs/lab-NAME)")] = None,
    force: Annotated[bool, typer.Option("--force", help="replace a finished result")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="write tables as CSV beside Parquet")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print key facts as JSON")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="print nothing but errors")] = False,
) -> None:
    """Train a grid of small models and write their measurements; the same command resumes it."""
    from econ.core.errors import InputError
    from econ.lab.grid import load_grid
    from econ.lab.runner import run_grid

    if device not in ("auto", "cpu", "cuda"):
        raise InputError("unknown device", key="--device", found=device, allowed="auto, cpu, cuda")
    logging.basicConfig(format="econ: %(message)s", level=logging.WARNING)
    loaded = load_grid(grid)
    target = out or Path("runs") / f"lab-{loaded.name}"
    with _progress(quiet) as progress:
        manifest = run_grid(loaded, target, device=device, workers=workers, force=force, progress=progress)
    if csv:
        _write_csv(target)
    facts = {key: manifest[key] for key in ("config_hash", "device", "runs", "rows", "wall_seconds", "status")}
    if as_json:
        typer.echo(json.dumps({"out": str(target)} | facts))
    elif not quiet:
        typer.echo(f"{target}: {facts['runs']} runs, {facts['rows']} rows, {facts['wall_seconds']:.0f} s")


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """A bar on a terminal, nothing in a pipe."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress, TaskID

    with Progress(console=Console(stderr=True), transient=True) as bar:
        bars: dict[str, TaskID] = {}

        def show(phase: str, done: int, total: int) -> None:
            if phase not in bars:
                bars[phase] = bar.add_task(phase, total=total)
            bar.update(bars[phase], completed=done, total=total)

        yield show


def _write_csv(folder: Path) -> None:
    import pandas as pd

    from econ.core.files import atomic_file

    for table in sorted(folder.glob("*.parquet")):
        with atomic_file(table.with_suffix(".csv")) as temporary:
            pd.read_parquet(table).to_csv(temporary, index=False)


# `fit` and `show` stand below: each parses, calls one function, prints.
