"""Options that several commands share, each with one meaning and one help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Workers = Annotated[int | None, typer.Option(help="Processes.", show_default="all cores")]
Memory = Annotated[float | None, typer.Option(metavar="GB", help="Memory that may be used.", show_default="what is free")]
Out = Annotated[Path | None, typer.Option(help="Directory of the result.", show_default="runs/NAME")]
Force = Annotated[bool, typer.Option("--force", help="Replace a finished result; discard other unfinished work.")]
Csv = Annotated[bool, typer.Option("--csv", help="Write tables as CSV beside Parquet.")]
CsvAnyway = Annotated[bool, typer.Option("--csv", help="The tables of --out are CSV in any case.")]
KeyFacts = Annotated[bool, typer.Option("--json", help="Print key facts as one JSON object.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
JsonAnyway = Annotated[bool, typer.Option("--json", help="It is JSON in any case.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]
