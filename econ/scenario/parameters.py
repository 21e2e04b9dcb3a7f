"""Every number that the market model uses, with its unit, range, grade and source.

`calibration/parameters.csv` is the one place where numbers live. Its rows with the role `default`
are used by the model; those with the role `evidence` are what the literature and the press report,
for comparison. Grades: A paper or official text read, B reputable press or preprint, C vendor or
aggregator, D own derivation or assumption, R recalled and not verified.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from econ.core.errors import InputError
from econ.core.shipped import shipped_path
from econ.core.yaml_files import read_text
from econ.scenario.domains import domain_of

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS = (
    "name",
    "value",
    "low",
    "high",
    "unit",
    "year",
    "grade",
    "source",
    "address",
    "note",
    "role",
    "symbol",
)
GRADES = ("A", "B", "C", "D", "R")
ROLES = ("default", "evidence")

#: Default rows that a scenario sets through a key of its own, not through `parameters`.
SIZE_KEYS: Mapping[str, str] = MappingProxyType(
    {
        "horizon_quarters": "quarters",
        "labelers_simulated": "population.labelers",
        "curator_slots": "population.curator_slots",
        "curators_start": "population.curators",
        "firms_simulated": "population.firms",
    }
)


@dataclass(frozen=True)
class Parameter:
    """One row of the parameter table.

    Attributes
    ----------
    name : str
        What the number is, in words.
    value : float
        Central value, in `unit`.
    low, high : float or None
        Range to explore, where a source gives one.
    unit : str
    year : str
        Year or years that the number describes; empty for assumptions.
    grade : str
        Quality of the source, one of `GRADES`.
    source, address, note : str
        Where the number comes from and what to beware of.
    role : str
        ``default`` or ``evidence``.
    symbol : str
        Symbol in the model's equations.
    """

    name: str
    value: float
    low: float | None
    high: float | None
    unit: str
    year: str
    grade: str
    source: str
    address: str
    note: str
    role: str
    symbol: str


def read_parameters(path: Path) -> dict[str, Parameter]:
    """Read and check a parameter table.

    Raises
    ------
    InputError
        If the file cannot be read, or a row is incomplete, doubtful or stands twice.
    """
    reader = csv.reader(read_text(path).splitlines())
    table: dict[str, Parameter] = {}
    if tuple(next(reader, ())) != COLUMNS:
        raise InputError("wrong columns", file=path, line=1, allowed=", ".join(COLUMNS))
    for cells in reader:
        parameter = _row(path, reader.line_num, cells)
        if parameter.name in table:
            raise InputError(
                "this parameter stands twice", file=path, line=reader.line_num, key=parameter.name
            )
        table[parameter.name] = parameter
    return table


def _row(path: Path, line: int, cells: list[str]) -> Parameter:
    if len(cells) != len(COLUMNS):
        raise InputError(f"{len(cells)} cells instead of {len(COLUMNS)}", file=path, line=line)
    text = dict(zip(COLUMNS, cells, strict=True))

    def refuse(column: str, allowed: str) -> InputError:
        return InputError(
            f"unusable {column}", file=path, line=line, key=text["name"], found=text[column], allowed=allowed
        )

    def number(column: str) -> float:
        try:
            value = float(text[column])
        except ValueError:
            raise refuse(column, "a number") from None
        if not math.isfinite(value):
            raise refuse(column, "a finite number")
        return value

    value = number("value")
    low = number("low") if text["low"] else None
    high = number("high") if text["high"] else None
    if low is not None and high is not None and low > high:
        raise refuse("low", f"at most the high end, {high:g}")
    for column, legal in (("grade", GRADES), ("role", ROLES)):
        if text[column] not in legal:
            raise refuse(column, ", ".join(legal))
    for column in ("name", "unit", "source"):
        if not text[column].strip() and not (column == "source" and text["note"]):
            raise refuse(column, "not empty")
    keep = ("name", "unit", "year", "grade", "source", "address", "note", "role", "symbol")
    parameter = Parameter(value=value, low=low, high=high, **{key: text[key] for key in keep})
    if parameter.role == "default" and not domain_of(parameter.name, parameter.unit).contains(value):
        raise refuse("value", domain_of(parameter.name, parameter.unit).describe())
    return parameter


@cache
def parameters() -> Mapping[str, Parameter]:
    """The shipped table, by name: defaults and evidence."""
    return MappingProxyType(read_parameters(shipped_path("calibration", "parameters.csv")))


@cache
def defaults() -> Mapping[str, Parameter]:
    """The rows that the market model uses, by name.

    Examples
    --------
    >>> defaults()["discount_rate"].value
    0.025
    """
    return MappingProxyType({name: row for name, row in parameters().items() if row.role == "default"})
