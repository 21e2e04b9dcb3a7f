"""`econ lab …`: train grids of small models, fit response surfaces, show what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from econ.cli import completion
from econ.cli.options import Csv, Force, JsonAnyway, KeyFacts, Quiet
from econ.cli.progress import show_phases
from econ.cli.terminal import busy, console, print_json

if TYPE_CHECKING:
    from econ.surfaces import Surfaces

app = typer.Typer(
    help="The laboratory: train grids of small models, fit response surfaces, show them.", no_args_is_help=True
)


@app.command("run")
def run(
    grid: Annotated[str, typer.Argument(metavar="GRID", help="A grid file, or the name of a shipped grid (econ shipped grids).", autocompletion=completion.grids)],
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    workers: Annotated[int, typer.Option(min=1, help="Processes on a CPU.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Directory of the result.", show_default="runs/lab-NAME")] = None,
    reuse: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="A finished result; runs that stand in it are not trained again."),
    ] = None,
    force: Force = False,
    csv: Csv = False,
    as_json: KeyFacts = False,
    quiet: Quiet = False,
) -> None:
    """Train a grid of small models and write their measurements; the same command resumes it."""
    from econ.core.errors import InputError
    from econ.lab.grid import load_grid
    from econ.lab.runner import run_grid

    if device not in ("auto", "cpu", "cuda"):
        raise InputError("unknown device", key="--device", found=device, allowed="auto, cpu, cuda")
    loaded = load_grid(grid)
    target = out or Path("runs") / f"lab-{loaded.name}"
    with show_phases(quiet) as progress:
        manifest = run_grid(
            loaded, target, device=device, workers=workers, force=force, reuse=reuse or [], progress=progress
        )
    if csv:
        _write_csv(target)
    facts = {key: manifest[key] for key in ("config_hash", "device", "runs", "rows", "wall_seconds", "status")}
    if as_json:
        print_json({"out": str(target)} | facts)
    elif not quiet:
        typer.echo(f"{target}: {facts['runs']} runs, {facts['rows']} rows, {facts['wall_seconds']:.0f} s; to see them: econ lab show {target}")


def _write_csv(folder: Path) -> None:
    from econ.core.csv_files import write_csv
    from econ.core.manifests import read_parquet

    for table in sorted(folder.glob("*.parquet")):
        write_csv(table.with_suffix(".csv"), read_parquet(table))


@app.command("fit")
def fit(
    measurements: Annotated[list[Path], typer.Argument(metavar="MEASUREMENTS...", help="Measurement tables, or directories that hold one.")],
    critic: Annotated[
        list[Path] | None,
        typer.Option(metavar="MEASUREMENTS", help="Measurements of labels that a critic wrote, for econ cost; the surfaces stay the same."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Directory of the surfaces.")] = Path("runs/surfaces"),
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of starts and bootstrap weights.")] = 1,
    force: Force = False,
    csv: Csv = False,
    as_json: KeyFacts = False,
    quiet: Quiet = False,
) -> None:
    """Fit response surfaces to measurements: posterior draws and what the data cannot tell."""
    from econ.surfaces.estimate import fit_files

    with busy(quiet, "reading") as say:
        surfaces = fit_files(measurements, out, critic=critic or (), force=force, seed=seed, say=say)
    if csv:
        _write_csv(out)
    from econ.report.laboratory.tables import corrected_sigma
    from econ.report.laboratory.text import key_facts, print_fit

    if as_json:
        print_json({"out": str(out)} | key_facts(surfaces))
    elif not quiet:
        print_fit(surfaces, measurements, console(), corrected_sigma(out))
        typer.echo(f"{out}: written; for the market: econ run baseline --set surfaces={out}{_stand_in(surfaces)}")


def _stand_in(surfaces: Surfaces) -> str:
    """What a run must be told where not all that it reads was fitted."""
    from econ.surfaces.posterior import OUTCOMES

    return "" if set(OUTCOMES) <= set(surfaces.outcomes) else " --set parameters.measured_quality=0"


@app.command("import")
def import_data(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Your table: CSV in UTF-8, or Parquet.")],
    mapping: Annotated[Path, typer.Option(help="YAML that says which column holds what, in which unit.")],
    descriptive: Annotated[bool, typer.Option("--descriptive", help="Take too few replicates or budgets; no fit will use them.")] = False,
    keep_extra: Annotated[bool, typer.Option("--keep-extra", help="Keep columns that the mapping does not use in `extra`.")] = False,
    out: Annotated[Path | None, typer.Option(help="Directory of the result.", show_default="runs/import-NAME")] = None,
    force: Force = False,
    csv: Csv = False,
    as_json: KeyFacts = False,
    quiet: Quiet = False,
) -> None:
    """Validate your own laboratory data into the measurement table; every fault is named, or all is written."""
    from econ.lab.importing.convert import import_file

    target, facts = import_file(file, mapping, out, descriptive=descriptive, keep_extra=keep_extra, force=force)
    if csv:
        _write_csv(target)
    shown = {key: facts[key] for key in ("config_hash", "rows", "worlds", "methods", "distributions", "descriptive", "notes")}
    if as_json:
        print_json({"out": str(target)} | shown)
    elif not quiet:
        typer.echo(f"{target}: {facts['rows']} rows, {len(facts['worlds'])} replicates, methods {', '.join(facts['methods'])}")
        for note in facts["notes"]:
            typer.echo(f"note: {note}")
        if not descriptive:
            typer.echo(f"to fit them: econ lab fit {target}")


@app.command("schema")
def schema(
    as_json: JsonAnyway = False,
) -> None:
    """Print the JSON Schema of mapping files, for editors."""
    from econ.lab.importing.mapping import json_schema

    print_json(json_schema())


@app.command("show")
def show(
    directory: Annotated[Path | None, typer.Argument(metavar="DIR", help="Directory of measurements, of surfaces, or both.", show_default="what is shipped")] = None,
    out: Annotated[Path | None, typer.Option(help="Write figures (PNG, SVG) and tables (CSV) here.")] = None,
    force: Force = False,
    as_json: KeyFacts = False,
    quiet: Quiet = False,
) -> None:
    """Show measurements and fits as tables and, with --out, as figures."""
    from econ.core.results import refuse_existing
    from econ.report.laboratory.tables import load_laboratory
    from econ.report.laboratory.text import key_facts, print_laboratory

    if out is not None:
        refuse_existing(out, force=force)
    laboratory = load_laboratory(directory)
    written: list[str] = []
    left_out: dict[str, str] = {}
    if out is not None:
        from econ.report.laboratory.write import write_laboratory

        written, without = write_laboratory(laboratory, out, force=force)
        left_out = {left.name: left.why for left in without}
    if as_json:
        facts = {} if laboratory.surfaces is None else key_facts(laboratory.surfaces)
        print_json({"source": laboratory.source, "files": written, "left_out": left_out} | facts)
    elif not quiet:
        print_laboratory(laboratory, console())
        for name, why in left_out.items():
            typer.echo(f"left out: {name}: {why}")
        if out is not None:
            typer.echo(f"{out}: {len(written)} files")
