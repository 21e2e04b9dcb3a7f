"""`econ shipped`: what can be named in place of a file."""

from __future__ import annotations

from typing import Annotated

import typer

from econ.cli.options import Json
from econ.cli.terminal import print_columns, print_json
from econ.core.errors import InputError, nearest_name
from econ.core.shipped import KINDS, shipped_names, shipped_path


def shipped(
    kind: Annotated[
        str | None,
        typer.Argument(metavar=f"[{'|'.join(KINDS)}]", help="One kind alone.", show_default="all", autocompletion=lambda: list(KINDS)),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the scenarios, sweeps, grids, price books and calibrations that are shipped, each with its title."""
    from econ.core.yaml_files import read_yaml

    if kind is not None and kind not in KINDS:
        raise InputError("no such kind of file", found=kind, allowed=", ".join(KINDS), nearest=nearest_name(kind, KINDS))
    chosen = KINDS if kind is None else {kind: KINDS[kind]}
    titles = {
        many: {name: str(read_yaml(shipped_path(*one.folder, f"{name}.yaml")).data.get("title", "")) for name in shipped_names(one)}
        for many, one in chosen.items()
    }
    if as_json:
        print_json({many: {"command": KINDS[many].command, "titles": found} for many, found in titles.items()})
        return
    for many, found in titles.items():
        typer.echo(f"{many}, for {KINDS[many].command}")
        print_columns([(f"  {name}", title) for name, title in found.items()])
