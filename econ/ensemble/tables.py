"""The tables of a result: `outcomes`, `ledger` and `replicates` as Parquet, `summary` and `differences` from them.

Outcomes have one row per scenario, replicate and quarter, in this order, so each column of a
scenario is an array with axes replicate and quarter.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from econ.core.files import atomic_file
from econ.ensemble.statistics import QUANTILES, mean_and_error, paired_difference, quantiles, wilson_bound

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from econ.ensemble.blocks import BlockData

KEYS = ("scenario", "replicate", "quarter")
SUMMARY_COLUMNS = ("scenario", "variable", "quarter", "mean", "sd", "mc_error", *QUANTILES)
DIFFERENCE_COLUMNS = (
    "scenario", "baseline", "variable", "quarter", "mean_difference", "mc_error", "low", "high", "share_positive", "pairs",
)  # fmt: skip
#: Columns of statistics that hold names.
TEXT_COLUMNS = ("baseline", "variable", "link", "expected", "found", "id", "name", "use")
#: Ensemble probability -> the 0/1 outcome of which it is the share of replicates ever at 1 since quarter 0.
PROBABILITIES = {"p_tipping": "tipped", "p_captured": "captured"}
#: Outcome columns that are held in memory at once when a stored table is summarised.
COLUMNS_AT_ONCE = 8


class TableWriter:
    """Appends blocks to the three Parquet files, one row group per block; use as a context manager."""

    def __init__(
        self, directory: Path, scenarios: Sequence[str], flows: Mapping[str, tuple[str, str]]
    ) -> None:
        self._directory = directory
        self._scenarios = list(scenarios)
        self._flows = flows
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def append(self, scenario: int, data: BlockData) -> None:
        """Append one block of the scenario with this index."""
        self._write("outcomes", self._outcomes(scenario, data))
        self._write("ledger", self._ledger(scenario, data))
        self._write("replicates", self._replicates(scenario, data))

    def _write(self, name: str, table: pa.Table) -> None:
        if name not in self._writers:
            path = self._stack.enter_context(atomic_file(self._directory / f"{name}.parquet"))
            writer = pq.ParquetWriter(path, table.schema, compression="zstd")
            self._writers[name] = self._stack.enter_context(writer)
        self._writers[name].write_table(table)

    def _name(self, index: int, rows: int) -> pa.Array:
        return pa.DictionaryArray.from_arrays(
            pa.array(np.full(rows, index, dtype=np.int32)), pa.array(self._scenarios)
        )

    def _outcomes(self, scenario: int, data: BlockData) -> pa.Table:
        replicate, quarter = _grid(data.replicates, data.quarters)
        columns = {
            "scenario": self._name(scenario, len(replicate)),
            "replicate": replicate,
            "quarter": quarter,
        }
        for name, values in data.outcomes.items():
            columns[name] = pa.array(values.reshape(-1), type=pa.float64(), from_pandas=True)
        return pa.table(columns)

    def _ledger(self, scenario: int, data: BlockData) -> pa.Table:
        names = list(data.ledger)
        replicate, quarter = _grid(data.replicates, data.quarters)
        rows, flows = len(replicate), len(names)
        code = np.tile(np.arange(flows, dtype=np.int32), rows)
        usd = np.stack([values.reshape(-1) for values in data.ledger.values()], axis=1)
        columns = {
            "scenario": self._name(scenario, rows * flows),
            "replicate": np.repeat(replicate, flows),
            "quarter": np.repeat(quarter, flows),
            "flow": _dictionary(code, names),
            "payer": _dictionary(code, [self._flows[name][0] for name in names]),
            "payee": _dictionary(code, [self._flows[name][1] for name in names]),
            "usd": usd.reshape(-1),
        }
        return pa.table(columns)

    def _replicates(self, scenario: int, data: BlockData) -> pa.Table:
        columns = {
            "scenario": self._name(scenario, len(data.replicates)),
            "replicate": data.replicates.astype(np.int64),
        }
        return pa.table(
            {**columns, **{name: pa.array(values.tolist()) for name, values in data.facts.items()}}
        )


def _grid(
    replicates: NDArray[np.int64], quarters: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int16]]:
    replicate = np.repeat(replicates.astype(np.int64), len(quarters))
    return replicate, np.tile(quarters.astype(np.int16), len(replicates))


def _dictionary(code: NDArray[np.int32], names: list[str]) -> pa.Array:
    """A column of repeated names; equal names (payers of several flows) share one entry."""
    entries = list(dict.fromkeys(names))
    index = np.array([entries.index(name) for name in names], dtype=np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(index[code]), pa.array(entries))


def read_table(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A Parquet table of a result; names are categories in the order of the scenarios."""
    frame: pd.DataFrame = pq.read_table(path, columns=None if columns is None else list(columns)).to_pandas()
    return frame


def read_statistics(path: Path) -> pd.DataFrame:
    """A CSV table of statistics with every digit; what is empty is NaN, also where a whole column is."""
    names = pd.read_csv(path, nrows=0).columns
    types = {name: pa.float64() for name in names if name not in (*KEYS, *TEXT_COLUMNS)}
    frame: pd.DataFrame = pa_csv.read_csv(
        path, convert_options=pa_csv.ConvertOptions(column_types=types)
    ).to_pandas()
    return frame


def outcome_columns(path: Path) -> list[str]:
    """Names of the outcomes in a stored table."""
    return [name for name in pq.read_schema(path).names if name not in KEYS]


def column_chunks(path: Path) -> Iterator[pd.DataFrame]:
    """A stored table of outcomes a few columns at a time, so that any number of replicates fits in memory."""
    names = outcome_columns(path)
    for start in range(0, len(names), COLUMNS_AT_ONCE):
        yield read_table(path, [*KEYS, *names[start : start + COLUMNS_AT_ONCE]])


def by_scenario(outcomes: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Rows of each scenario, in the order in which the scenarios stand."""
    return {str(name): rows for name, rows in outcomes.groupby("scenario", sort=False, observed=True)}


def grid(rows: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """One outcome of one scenario as an array with axes replicate S, quarter T."""
    quarters = int(rows["quarter"].nunique())
    return rows[column].to_numpy(dtype=np.float64).reshape(-1, quarters)


def cube(rows: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.float64]:
    """Several outcomes of one scenario as an array with axes replicate S, quarter T, outcome V."""
    quarters = int(rows["quarter"].nunique())
    return rows[list(columns)].to_numpy(dtype=np.float64).reshape(-1, quarters, len(columns))


def paired_rows(here: pd.DataFrame, there: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of two scenarios without the replicates that one of them lacks, because they failed."""
    shared = np.intersect1d(here["replicate"].to_numpy(), there["replicate"].to_numpy())
    return here[here["replicate"].isin(shared)], there[there["replicate"].isin(shared)]


def quarters_of(rows: pd.DataFrame) -> NDArray[np.int64]:
    """Quarters of one scenario, ascending; shape [T]."""
    return np.unique(rows["quarter"].to_numpy()).astype(np.int64)


def summary_table(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Statistics over replicates, as ``summary.csv``.

    Rows of the ensemble probabilities ``p_tipping`` and ``p_captured`` (share of replicates ever
    tipped or captured from quarter 0 on) have the share as mean and median and the ends of its 90 %
    and 50 % Wilson intervals as p05, p95, p25 and p75.
    """
    parts = []
    for scenario, rows in by_scenario(outcomes).items():
        quarters = quarters_of(rows)
        for column in rows.columns.drop(list(KEYS)):
            values = grid(rows, column)
            mean, sd, error, _ = mean_and_error(values)
            statistics = {
                "mean": mean,
                "sd": sd,
                "mc_error": error,
                **dict(zip(QUANTILES, quantiles(values), strict=True)),
            }
            parts.append(_labelled(scenario, column, quarters, statistics))
        for name, column in PROBABILITIES.items():
            if column in rows.columns:
                parts.append(_labelled(scenario, name, quarters, _probability(grid(rows, column), quarters)))
    return pd.concat(parts, ignore_index=True)[list(SUMMARY_COLUMNS)]


def summary_of_file(path: Path) -> pd.DataFrame:
    """As `summary_table`, of a stored table that need not fit in memory."""
    parts = [summary_table(chunk) for chunk in column_chunks(path)]
    return _in_scenario_order(pd.concat(parts, ignore_index=True))


def difference_table(outcomes: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Paired differences of every scenario against the baseline, as ``differences.csv``.

    Replicates that one of the two lacks (because they failed) are left out.
    """
    scenarios = by_scenario(outcomes)
    reference = scenarios[baseline]
    variables, quarters = [name for name in outcomes.columns if name not in KEYS], quarters_of(reference)
    parts = []
    for scenario, rows in scenarios.items():
        if scenario == baseline:
            continue
        here, there = paired_rows(rows, reference)
        statistics = paired_difference(cube(here, variables), cube(there, variables))
        names = {"baseline": baseline, "variable": np.repeat(variables, len(quarters))}
        columns = {name: values.T.reshape(-1) for name, values in statistics.items()}
        parts.append(pd.DataFrame({"scenario": scenario, **names, "quarter": np.tile(quarters, len(variables)), **columns}))
    if not parts:
        return pd.DataFrame(columns=list(DIFFERENCE_COLUMNS))
    return pd.concat(parts, ignore_index=True)[list(DIFFERENCE_COLUMNS)]


def differences_of_file(path: Path, baseline: str) -> pd.DataFrame:
    """As `difference_table`, of a stored table that need not fit in memory."""
    parts = [difference_table(chunk, baseline) for chunk in column_chunks(path)]
    return _in_scenario_order(pd.concat(parts, ignore_index=True))


def _labelled(
    scenario: str, variable: str, quarters: NDArray[np.int64], statistics: Mapping[str, Any]
) -> pd.DataFrame:
    return pd.DataFrame({"scenario": scenario, "variable": variable, "quarter": quarters, **statistics})


def _probability(states: NDArray[np.float64], quarters: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Share of replicates whose 0/1 state was 1 in any quarter from 0 to this one."""
    reported = np.where(quarters >= 0, np.nan_to_num(states), 0.0)
    ever = np.maximum.accumulate(reported, axis=1) > 0
    count = np.full(len(quarters), float(len(states)))
    successes = ever.sum(axis=0).astype(np.float64)
    mean, sd, error, _ = mean_and_error(ever.astype(np.float64))
    bounds = {
        name: mean if level == 0.5 else wilson_bound(successes, count, level)
        for name, level in QUANTILES.items()
    }
    return {"mean": mean, "sd": sd, "mc_error": error, **bounds}


def _in_scenario_order(table: pd.DataFrame) -> pd.DataFrame:
    """Chunks of columns joined: scenario first, then the variables in their order."""
    order = {name: position for position, name in enumerate(table["scenario"].unique())}
    return table.sort_values("scenario", key=lambda names: names.map(order), kind="stable", ignore_index=True)
