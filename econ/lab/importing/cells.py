"""Reading cells: text into numbers, truth values and categories, in the table's units."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from econ.core.errors import nearest_name
from econ.core.measurements import Column
from econ.lab.importing.faults import Faults, plain
from econ.lab.importing.mapping import TARGETS, Entry, MappingFile, categories
from econ.lab.importing.source import Source
from econ.lab.importing.units import units_of

#: One parsed cell; None where nothing was measured.
Cell = str | float | bool | None

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
LONGEST_TEXT = 200
#: Whole numbers that float64 and the column's type both hold exactly.
LARGEST = {"int32": 2.0**31 - 1, "int64": 2.0**53, "float32": 3.4e38, "float64": 1.7e308}


@dataclass(frozen=True)
class Problem:
    """Why a cell cannot be read."""

    problem: str
    allowed: str | None = None
    nearest: str | None = None


Parser = Callable[[str], "Cell | Problem"]


@dataclass
class Cells:
    """All mapped columns, parsed.

    Attributes
    ----------
    values : dict of str to list
        By the table's column names; None where missing or faulty.
    bad_rows : set of int
        Rows with a fault, counted from 0.
    bad_columns : set of str
        Columns with a fault.
    lost : bool
        Whether some column could not be read at all, so that rows cannot be judged.
    """

    values: dict[str, list[Cell]]
    bad_rows: set[int]
    bad_columns: set[str]
    lost: bool = False


def read_cells(loaded: MappingFile, source: Source, faults: Faults) -> Cells:
    """Parse every mapped column, noting what cannot be read."""
    cells = Cells({}, set(), set())
    for target, entry in loaded.mapping.columns.items():
        parse = _parser(TARGETS[target], entry, loaded.mapping.csv.decimal)
        if entry.column is None:
            constant = _constant(loaded, target, entry, parse, faults)
            cells.lost |= constant is None
            cells.values[target] = [constant] * source.rows
        elif entry.column not in source.columns:
            faults.add(
                f"the file has no column '{plain(entry.column)}'", nearest=nearest_name(entry.column, source.columns),
                allowed=_listed(source.columns), **loaded.where("columns", target),
            )  # fmt: skip
            cells.lost = True
        else:
            cells.values[target], rows = _column(source, target, entry.column, parse, faults)
            cells.bad_rows |= rows
            if rows:
                cells.bad_columns.add(target)
    return cells


def label_of(target: str, column: str | None) -> str:
    """The table's column, and the user's where its name is another."""
    return target if column in (None, target) else f"{target} (column '{plain(column)}')"


def _listed(columns: dict[str, list[str | None]]) -> str:
    names = [plain(name) for name in columns]
    return ", ".join(names[:30]) + (", …" if len(names) > 30 else "")


def _column(
    source: Source, target: str, name: str, parse: Parser, faults: Faults
) -> tuple[list[Cell], set[int]]:
    known: dict[str, Cell | Problem] = {}
    values: list[Cell] = []
    bad: set[int] = set()
    for row, text in enumerate(source.columns[name]):
        if text is None:
            values.append(None)
            continue
        if text not in known:
            known[text] = parse(text)
        value = known[text]
        if isinstance(value, Problem):
            faults.add(
                f"row {row + 1}: {value.problem}", found=text, allowed=value.allowed, nearest=value.nearest,
                **source.where(row, label_of(target, name)),
            )  # fmt: skip
            bad.add(row)
            value = None
        values.append(value)
    return values, bad


def _constant(loaded: MappingFile, target: str, entry: Entry, parse: Parser, faults: Faults) -> Cell:
    raw = entry.constant
    text = str(raw).lower() if isinstance(raw, bool) else str(raw).strip()
    # A number in YAML has a point whatever the decimal mark of the CSV file.
    value = parse(text.replace(".", loaded.mapping.csv.decimal) if isinstance(raw, float) else text)
    if isinstance(value, Problem):
        faults.add(
            value.problem,
            found=raw,
            allowed=value.allowed,
            nearest=value.nearest,
            **loaded.where("columns", target),
        )
        return None
    return value


def _parser(column: Column, entry: Entry, decimal: str) -> Parser:
    if column.dtype == "bool":
        return _truth
    if column.name == "world" or column.dtype in ("string", "category"):
        return _category_parser(column, entry)
    return _number_parser(column, entry, decimal)


def _truth(text: str) -> Cell | Problem:
    if text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    return Problem("neither true nor false", "true, yes, 1, false, no, 0")


def _category_parser(column: Column, entry: Entry) -> Parser:
    known = entry.values or {}
    ours = categories(column)
    # Where a user translates names, one that is not translated is more likely a slip than a new name.
    accepted = ours or tuple(dict.fromkeys(known.values()))
    listed = tuple(dict.fromkeys((*known, *accepted)))

    def parse(text: str) -> Cell | Problem:
        word = known.get(text, text)
        if accepted and word not in accepted:
            return Problem("unknown value", ", ".join(map(plain, listed)), nearest_name(text, listed))
        if len(word) > LONGEST_TEXT:
            return Problem("the text is too long", f"at most {LONGEST_TEXT} characters")
        if not word.isprintable():
            return Problem("the text holds control characters")
        return word

    return parse


def _number_parser(column: Column, entry: Entry, decimal: str) -> Parser:
    convert = units_of(column).get(entry.unit or "")
    whole = column.dtype.startswith("int")
    allowed = _allowed(column, entry)
    rate_without_unit = column.unit == "rate" and entry.unit is None and entry.multiply is None

    def parse(text: str) -> Cell | Problem:
        digits = text.removesuffix("%").rstrip() if (entry.unit or "").endswith("percent") else text
        number = _number(digits, decimal)
        if number is None:
            return Problem("not a number", allowed)
        value = number if convert is None else convert(number)
        value *= entry.multiply or 1.0
        if whole and math.isfinite(value) and abs(value - round(value)) <= 1e-9 * max(1.0, abs(value)):
            value = float(round(value))
        if rate_without_unit and value > 1.0:
            return Problem(
                "a rate outside 0 to 1", f"{allowed}; where the column is in percent, declare unit: percent"
            )
        if not math.isfinite(value) or (whole and value != math.floor(value)):
            return Problem("not a whole number" if whole else "outside the range of its unit", allowed)
        if value > LARGEST[column.dtype]:
            return Problem("too large a number", f"at most {LARGEST[column.dtype]:.10g}")
        if not (_low(column) <= value <= _high(column)):
            return Problem("outside its range", allowed)
        return value

    return parse


def _number(text: str, decimal: str) -> float | None:
    if decimal == ",":
        text = text.replace(".", "x").replace(",", ".")
    return float(text) if _NUMBER.fullmatch(text) else None


def _low(column: Column) -> float:
    return -LARGEST[column.dtype] if column.low is None else column.low


def _high(column: Column) -> float:
    return LARGEST[column.dtype] if column.high is None else column.high


def _allowed(column: Column, entry: Entry) -> str:
    kind = "a whole number" if column.dtype.startswith("int") else "a number"
    low, high = (
        "" if column.low is None else f" from {column.low:g}",
        "" if column.high is None else f" to {column.high:g}",
    )
    after = f" after conversion from {entry.unit}" if entry.unit else ""
    return f"{kind}{low}{high}{after}"
