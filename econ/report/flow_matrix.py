"""The flow matrix of one quarter: which sector pays which, and each sector's balance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from econ.core.errors import InputError
from econ.report.numbers import short

if TYPE_CHECKING:
    from rich.console import Console

    from econ.ensemble.results import EnsembleResult

MILLION = 1e6


def flow_matrix(result: EnsembleResult, quarter: int, scenario: str | None = None) -> pd.DataFrame:
    """Mean payments (million USD) from the sectors in the rows to those in the columns, and their balances.

    Parameters
    ----------
    result : EnsembleResult
    quarter : int
    scenario : str, optional
        The first unless given.

    Returns
    -------
    DataFrame
        Sectors by sectors, with a column `paid` and a row `received`; the last row, `net`, is what
        each sector received less what it paid, which over all sectors is 0.

    Raises
    ------
    InputError
        If the run has no such quarter.
    """
    name = result.scenarios[0] if scenario is None else scenario
    ledger = result.ledger
    rows = ledger[(ledger["scenario"] == name) & (ledger["quarter"] == quarter)]
    if rows.empty:
        quarters = ledger["quarter"]
        raise InputError(
            "no such quarter", key="ledger", found=quarter, allowed=f"{quarters.min()} to {quarters.max()}"
        )
    replicates = rows["replicate"].nunique()
    mean = rows.groupby(["payer", "payee"], observed=True)["usd"].sum() / replicates / MILLION
    sectors = list(dict.fromkeys([*rows["payer"].astype(str), *rows["payee"].astype(str)]))
    matrix = mean.unstack().reindex(index=sectors, columns=sectors).fillna(0.0)
    matrix.columns = matrix.columns.astype(str)
    received = matrix.sum(axis=0)
    paid = matrix.sum(axis=1)
    matrix["paid"] = paid
    matrix.loc["received"] = [*received, paid.sum()]
    matrix.loc["net"] = [*(received - paid), (received - paid).sum()]
    return matrix


def print_flow_matrix(result: EnsembleResult, quarter: int, console: Console) -> None:
    """Print the flow matrix of the first scenario."""
    console.print(
        _grid(
            flow_matrix(result, quarter),
            f"{result.scenarios[0]}, quarter {quarter}: mean payments, million 2025 USD",
        )
    )


def _grid(matrix: pd.DataFrame, title: str) -> Any:
    from rich.table import Table

    grid = Table(title=title, title_justify="left", box=None, pad_edge=False)
    grid.add_column("from \\ to")
    for name in matrix.columns:
        grid.add_column(str(name), justify="right", overflow="fold")
    largest = matrix.abs().to_numpy().max()
    for sector, row in matrix.iterrows():
        # What is below rounding of the largest payment is shown as nothing.
        grid.add_row(str(sector), *["" if abs(value) <= 1e-9 * largest else short(value) for value in row])
    return grid
