"""A user's table, CSV or Parquet, as columns of text; what is broken is refused before anything is believed."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from econ.core.errors import InputError
from econ.core.yaml_files import read_text
from econ.lab.importing.faults import Faults, plain
from econ.lab.importing.mapping import CsvFormat

if TYPE_CHECKING:
    import pyarrow as pa

#: Larger files are refused before they are read (bytes), as are longer and wider tables.
LARGEST_FILE = 50_000_000
LARGEST_UNPACKED = 200_000_000
MOST_ROWS = 200_000
MOST_COLUMNS = 500
SEPARATORS = get_args(CsvFormat.model_fields["delimiter"].annotation)
#: Texts that mean "not measured".
MISSING = frozenset({"", "NA", "N/A", "na", "n/a", "NaN", "nan", "null", "NULL", "<NA>"})


@dataclass(frozen=True)
class Source:
    """A table as text.

    Attributes
    ----------
    path : Path
    columns : dict of str to list of (str or None)
        By name, in the file's order; None where a value is missing.
    lines : list of int, or None
        Line of each row in a text file, counted from 1.
    rows : int
    """

    path: Path
    columns: dict[str, list[str | None]]
    lines: list[int] | None
    rows: int

    def where(self, row: int, key: str | None = None) -> dict[str, Any]:
        """File, line and key of a row counted from 0, as `InputError` takes them."""
        return {"file": self.path, "line": None if self.lines is None else self.lines[row], "key": key}


def read_source(path: str | Path, form: CsvFormat) -> Source:
    """Read a table.

    Raises
    ------
    InputError
        If it is missing, too large, empty, neither CSV in UTF-8 nor Parquet, or broken: rows of
        unequal length, columns without a name or of the same name.
    """
    path = Path(path)
    found = _read_parquet(path) if _is_parquet(path) else _read_csv(path, form)
    if not found.rows:
        raise InputError("the table has no rows", file=path)
    return found


def _is_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(4) == b"PAR1" or path.suffix.lower() in (".parquet", ".pq")
    except (OSError, ValueError):
        return False  # the sentence about an unreadable file comes from reading it as text


def _read_csv(path: Path, form: CsvFormat) -> Source:
    try:
        text = read_text(path, LARGEST_FILE).removeprefix("\ufeff")
    except InputError as error:
        if "UTF-8" not in error.problem:
            raise
        raise InputError(
            error.problem, file=path, allowed="CSV in UTF-8, or Parquet; a spreadsheet can save either"
        ) from None
    if "\x00" in text:
        raise InputError("the file holds null bytes, so it is no CSV file", file=path)
    # csv.reader splits on \n and \r alone; other Unicode line ends stay inside a field.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=form.delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    line = 1
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                rows.append(fields)
                lines.append(line)
            line = reader.line_num + 1
            if len(rows) > MOST_ROWS + 1:
                raise InputError("the table has too many rows", file=path, allowed=f"at most {MOST_ROWS:,}")
    except csv.Error as error:
        raise InputError(f"the CSV is broken ({error})", file=path, line=line) from None
    if not rows:
        raise InputError("the file is empty", file=path)
    _check_delimiter(rows[0], path, form)
    names = _names([name.strip() for name in rows[0]], path)
    _check_lengths(path, rows, lines, form)
    cells = list(zip(*rows[1:], strict=True)) if len(rows) > 1 else [()] * len(names)
    columns = {name: [_cell(text) for text in column] for name, column in zip(names, cells, strict=True)}
    return Source(path, columns, lines[1:], len(rows) - 1)


def _check_delimiter(header: list[str], path: Path, form: CsvFormat) -> None:
    """One column whose name holds another separator: the file is written with that one."""
    other = next((mark for mark in SEPARATORS if mark in header[0]), None) if len(header) == 1 else None
    if other is not None:
        raise InputError(
            f"the header is one column and holds {other!r}, so its fields are not separated by {form.delimiter!r}", file=path, line=1,
            allowed=f"`csv: {{delimiter: {json.dumps(other)}}}` in the mapping says so",
        )  # fmt: skip


def _check_lengths(path: Path, rows: list[list[str]], lines: list[int], form: CsvFormat) -> None:
    faults, width = Faults(path), len(rows[0])
    for index, fields in enumerate(rows[1:], start=1):
        if len(fields) != width:
            faults.add(
                f"row {index}: {len(fields)} fields where the header has {width}", file=path, line=lines[index],
                allowed=f"fields separated by {form.delimiter!r} (csv.delimiter of the mapping)",
            )  # fmt: skip
    faults.check()


def _names(names: list[str], path: Path) -> list[str]:
    faults = Faults(path)
    if len(names) > MOST_COLUMNS:
        faults.add(
            "the table has too many columns", file=path, found=len(names), allowed=f"at most {MOST_COLUMNS}"
        )
    seen: set[str] = set()
    for place, name in enumerate(names, start=1):
        if not name:
            faults.add(f"column {place} has no name", file=path)
        elif name in seen:
            faults.add("two columns have this name", file=path, key=plain(name))
        seen.add(name)
    faults.check()
    return names


def _cell(text: str) -> str | None:
    stripped = text.strip()
    return None if stripped in MISSING else stripped


def _read_parquet(path: Path) -> Source:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise InputError(
                f"the file is too large ({size:,} bytes)",
                file=path,
                allowed=f"at most {LARGEST_FILE:,} bytes",
            )
        with pq.ParquetFile(path) as file:
            _check_size(path, file.metadata)
            names = _names([str(name).strip() for name in file.schema_arrow.names], path)
            table = file.read()
        columns = {name: _texts(path, name, table.column(place)) for place, name in enumerate(names)}
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        if isinstance(error, FileNotFoundError):
            raise InputError("there is no such file", file=path) from None
        raise InputError("the file is not readable Parquet", file=path) from None
    return Source(path, columns, None, table.num_rows)


def _check_size(path: Path, metadata: Any) -> None:
    """Refuse what would unpack to far more than it weighs."""
    unpacked = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if metadata.num_rows > MOST_ROWS or unpacked > LARGEST_UNPACKED:
        raise InputError(
            f"the table is too large ({metadata.num_rows:,} rows, {unpacked:,} bytes)", file=path,
            allowed=f"at most {MOST_ROWS:,} rows and {LARGEST_UNPACKED:,} bytes",
        )  # fmt: skip


def _texts(path: Path, name: str, column: pa.ChunkedArray) -> list[str | None]:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise InputError(
            "a column of this type cannot be read",
            file=path,
            key=plain(name),
            found=str(kind),
            allowed="numbers or text",
        )
    return [_text(value) for value in column.to_pylist()]


def _text(value: object) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2.0**53:
        return str(int(value))
    return _cell(repr(value) if isinstance(value, float) else str(value))
