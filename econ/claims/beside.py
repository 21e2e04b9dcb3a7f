"""Tables beside a measurement table: churn, what runs do rule by rule, and pass@k of World B along training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from econ.claims.passes import BASE_MODEL, PASSES, pass_table
from econ.claims.settings import without_half
from econ.core.errors import InputError
from econ.core.manifests import read_parquet

CHURN_COLUMNS = ("run_id", "compared", "stage", "method", "world", "n", "distribution", "churn", "churn_floor", "other_run_id")
DETAIL_COLUMNS = ("run_id", "distribution", "entropy_compliant")
CURVE_COLUMNS = ("run_id", "step", "distribution", *PASSES)
PASS_COLUMNS = ["method", "world", "step", *PASSES, "distribution", "source"]
RULES = "violation_rule_"
#: What is known of a run besides its details.
_RUN = ["run_id", "source", "arm", "setting", "config", "world", "n", "distribution"]


@dataclass(frozen=True)
class Beside:
    """What lies beside measurement tables, of runs that may count; a table is empty where nothing does.

    Attributes
    ----------
    churn : DataFrame
        `CHURN_COLUMNS`, `source`, and `setting` without the half of the labels.
    details : DataFrame
        `arm`, `setting`, `config`, `world`, `n`, `distribution`, `source`, `entropy_compliant` and
        `entropy_compliant_base` (nats per token), `rule_sd` and `rule_mean`: sample SD and mean over rules of P(violation)
        of each, and the same of the base model as `…_base`.
    passes : DataFrame
        As from `pass_table`, of runs at the registered knobs, with `distribution` and `source`.
    """

    churn: pd.DataFrame
    details: pd.DataFrame
    passes: pd.DataFrame

    @property
    def halves(self) -> set[str]:
        """Runs on half of the labels' pool, which serve churn alone."""
        return _halves(self.churn)

    @classmethod
    def joined(cls, parts: Sequence[Beside]) -> Beside:
        """Those of several measurement tables together."""
        return cls(*(_joined([getattr(part, f.name) for part in parts]) for f in fields(cls)))


def read_beside(folder: Path | None, table: pd.DataFrame, tidy: pd.DataFrame) -> Beside:
    """What lies beside a measurement table.

    Parameters
    ----------
    folder : Path or None
        None for a table that lies in no file.
    table : DataFrame
        Its rows that may count, base models included.
    tidy : DataFrame
        Trained runs among them, as in `Evidence.frame`.

    Raises
    ------
    InputError
        If a file of that name is no such table.
    """
    churn = _read(folder, "churn.parquet", CHURN_COLUMNS, "a table of churn")
    settings = tidy[["run_id", "setting", "source"]].drop_duplicates("run_id")
    churn = churn.merge(settings.assign(setting=settings["setting"].map(without_half)), on="run_id")
    details = _read(folder, "details.parquet", DETAIL_COLUMNS, "a table of details")
    whole = tidy[~tidy["run_id"].isin(_halves(churn))]
    return Beside(churn, _details(details, table, whole), _passes(folder, table, whole))


def _joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One table; empty ones, whose columns have no types, do not take part."""
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def _halves(churn: pd.DataFrame) -> set[str]:
    return set(churn.loc[churn["compared"] == "half", ["run_id", "other_run_id"]].to_numpy().ravel())


def _read(folder: Path | None, name: str, columns: Sequence[str], what: str) -> pd.DataFrame:
    """A table with at least some columns; those alone, and empty, where there is no file."""
    if folder is None or not (folder / name).is_file():
        return pd.DataFrame(columns=[*columns])
    path = folder / name
    try:
        found = read_parquet(path)
    except InputError as error:
        raise InputError(f"{error.problem}: {what}", file=path, allowed=", ".join(columns)) from None
    if lacking := [column for column in columns if column not in found.columns]:
        raise InputError(f"this is not {what}: columns are missing", file=path, found=", ".join(map(str, found.columns)), allowed=", ".join(lacking))
    return found


def _details(details: pd.DataFrame, table: pd.DataFrame, tidy: pd.DataFrame) -> pd.DataFrame:
    """Details of trained runs, each beside its own base model's, which its rate of violation tells."""
    rules = details[[name for name in map(str, details.columns) if name.startswith(RULES)]].astype("float64")
    own = details[[*DETAIL_COLUMNS]].assign(rule_sd=rules.std(axis=1, ddof=1), rule_mean=rules.mean(axis=1))
    bases = table.loc[table["method"] == BASE_MODEL, ["run_id", "world", "distribution", "violation"]]
    bases = bases.merge(own, on=["run_id", "distribution"]).drop(columns="run_id").rename(columns={"violation": "violation_base"})
    bases = bases.astype({"world": "int64", "violation_base": "float64"})
    keys = ["world", "distribution", "violation_base"]
    runs = tidy[[*_RUN, "violation_base"]].merge(own, on=["run_id", "distribution"])
    return runs.merge(bases.drop_duplicates(keys), on=keys, how="left", suffixes=("", "_base")).drop(columns="violation_base")


def _passes(folder: Path | None, table: pd.DataFrame, tidy: pd.DataFrame) -> pd.DataFrame:
    if folder is None or tidy.empty or not (table["task"] == "B").any():
        return pd.DataFrame(columns=PASS_COLUMNS)
    curves = _read(folder, "curves.parquet", CURVE_COLUMNS, "a table of curves along training")
    plain = set(tidy.loc[tidy["setting"] == "[]", "run_id"])
    rows = table[table["run_id"].isin(plain) | (table["method"] == BASE_MODEL)]
    found = [pass_table(rows, curves, name).assign(distribution=name, source=tidy["source"].iloc[0]) for name in ("id", "ood")]
    return _joined(found).reindex(columns=PASS_COLUMNS)
