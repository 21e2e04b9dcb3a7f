"""Posterior draws on disk: a table beside a description that vouches for both.

The description holds the SHA-256 of the table and of itself, so that damaged or edited draws are refused instead of
being run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.errors import InputError
from econ.core.files import content_hash, file_hash, write_json
from econ.surfaces.forms import Floats
from econ.surfaces.posterior import Draws

if TYPE_CHECKING:
    import pandas as pd

#: Columns p01 to p12 hold the parameters.
WIDTH = 12
COLUMNS = tuple(f"p{i:02d}" for i in range(1, WIDTH + 1))


def draw_columns(outcome: str, distribution: str, drawn: Draws, forms: Sequence[str]) -> dict[str, Any]:
    """Columns of one outcome under one distribution, one row per draw; `forms` are the names that may occur."""
    import pandas as pd

    columns: dict[str, Any] = {
        "draw": np.arange(len(drawn.form), dtype=np.int32),
        "outcome": outcome,
        "distribution": distribution,
        "form": pd.Categorical(drawn.form, categories=list(forms)),
    }
    return columns | {name: drawn.theta[:, i] for i, name in enumerate(COLUMNS)}


def draws_of(table: pd.DataFrame) -> dict[tuple[str, str], Draws]:
    """Draws by outcome and distribution."""
    draws = {}
    for (outcome, distribution), rows in table.groupby(
        ["outcome", "distribution"], observed=True, sort=False
    ):
        ordered = rows.sort_values("draw")
        theta: Floats = ordered[list(COLUMNS)].to_numpy(np.float64)
        draws[(str(outcome), str(distribution))] = Draws(ordered["form"].astype(str).to_numpy(str), theta)
    return draws


def write_description(path: Path, description: dict[str, Any]) -> dict[str, Any]:
    """Write a description, which names the hash of its draws, with its own, and return it."""
    sealed = {**description, "hash": content_hash(description)}
    write_json(path, sealed)
    return sealed


def read_description(path: Path, what: str, version: int) -> dict[str, Any]:
    """A description of `what`, after a check of its version and hash.

    Raises
    ------
    InputError
        If it is damaged, was edited, describes something else or has another schema version.
    """
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise InputError("the file is not valid JSON", file=path) from None
    if not isinstance(description, dict) or "draws_sha256" not in description or "hash" not in description:
        raise InputError(f"the file does not describe {what}", file=path)
    if description.get("schema_version") != version:
        raise InputError(
            "the posterior has another schema version; fit it again with `econ lab fit`", file=path, key="schema_version",
            found=description.get("schema_version"), allowed=str(version),
        )  # fmt: skip
    claimed = description.pop("hash")
    if content_hash(description) != claimed:
        raise InputError(
            "the description is damaged or was changed; fit it again with `econ lab fit`", file=path
        )
    return {**description, "hash": claimed}


def read_draws(path: Path, description: dict[str, Any]) -> pd.DataFrame:
    """The table of draws that a description vouches for.

    Raises
    ------
    InputError
        If it is missing or damaged.
    """
    import pandas as pd
    import pyarrow as pa

    if not path.is_file():
        raise InputError("the posterior lacks its draws; fit it again with `econ lab fit`", file=path)
    if file_hash(path) != description["draws_sha256"]:
        raise InputError("the draws are damaged or were changed; fit them again with `econ lab fit`", file=path)
    try:
        return pd.read_parquet(path)
    except (pa.lib.ArrowException, OSError, ValueError):
        raise InputError("the draws are not readable Parquet", file=path) from None
