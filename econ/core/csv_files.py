"""CSV files that a spreadsheet may open: every digit, and no cell that it would take for a formula."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from econ.core.files import atomic_file

if TYPE_CHECKING:
    import pandas as pd

#: Beginnings that spreadsheets take for a formula (OWASP, CSV injection).
BEGINNINGS = ("=", "+", "-", "@", "\t")


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: a number, or text that does not begin like one.

    Examples
    --------
    >>> harmless("=1+1"), harmless("-1.5"), harmless("plain")
    ("'=1+1", '-1.5', 'plain')
    """
    # pandas writes a carriage return bare, where many readers begin a new row.
    cell = cell.replace("\r\n", "\n").replace("\r", " ")
    if not cell.startswith(BEGINNINGS):
        return cell
    try:
        float(cell.replace(",", ""))
    except ValueError:
        return f"'{cell}"
    return cell


def defused(table: pd.DataFrame) -> pd.DataFrame:
    """The table with every text cell and column name harmless; numbers are untouched."""
    plain = table
    for name, kind in table.dtypes.items():
        if _is_number(kind):
            continue
        # A cell of text comes many times: each is looked at once. Columns of objects may hold lists, which have no hash.
        cells = table[name] if _is_object(kind) else table[name].unique()
        texts = {cell: harmless(cell) for cell in cells if isinstance(cell, str)}
        changes = {cell: text for cell, text in texts.items() if text != cell}
        if changes:
            safe = table[name].astype(object).map(lambda x, to=changes: to.get(x, x) if isinstance(x, str) else x)
            plain = plain.assign(**{str(name): safe})
    return plain.rename(columns={name: harmless(name) for name in table.columns if isinstance(name, str) and harmless(name) != name})


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table atomically."""
    with atomic_file(path) as temporary:
        defused(table).to_csv(temporary, index=False)


def _is_number(kind: object) -> bool:
    import pandas as pd

    return pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind)  # type: ignore[arg-type]


def _is_object(kind: object) -> bool:
    import pandas as pd

    return pd.api.types.is_object_dtype(kind)  # type: ignore[arg-type]
