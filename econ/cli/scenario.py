"""`econ scenario …`."""

from __future__ import annotations

import typer

app = typer.Typer(help="placeholder", no_args_is_help=True)
