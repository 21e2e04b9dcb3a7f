"""Which facts a calibration may use: those marked calibrate, with a band and a simulated counterpart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.core.errors import InputError, nearest_name
from econ.ensemble.design import REPORTED_BURN_IN
from econ.ensemble.moments import COUNTERPARTS, Paths, moments_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

USE = "calibrate"


@dataclass(frozen=True)
class Facts:
    """All facts, and which of them the distance is made of.

    Attributes
    ----------
    table : DataFrame
        Rows of ``calibration/moments.csv``.
    used : tuple of str
        Ids of the facts that are fitted.
    """

    table: pd.DataFrame
    used: tuple[str, ...]

    @property
    def target(self) -> Floats:
        """Targets of the facts used [M]."""
        return self._column("target")

    @property
    def half(self) -> Floats:
        """Half bands of the facts used [M]."""
        return (self._column("high") - self._column("low")) / 2

    def _column(self, name: str) -> Floats:
        return self.table.set_index("id").loc[list(self.used), name].to_numpy(dtype=float)


def choose_facts(asked: Sequence[str] | None, quarters: int, table: pd.DataFrame | None = None) -> Facts:
    """The facts that a calibration fits.

    Parameters
    ----------
    asked : sequence of str, optional
        Ids; every fact that can be used unless given.
    quarters : int
        Quarters that are simulated after the burn-in.
    table : DataFrame, optional
        Rows of ``calibration/moments.csv``; the shipped ones unless given.

    Raises
    ------
    InputError
        If a fact does not exist, is held out, or cannot be computed or has no band; or none is left.
    """
    table = pd.read_csv(moments_file()) if table is None else table
    rows = {str(row["id"]): row for _, row in table.iterrows()}
    if asked is None:
        used = [name for name, row in rows.items() if _objection(row, name, quarters) is None]
        if not used:
            raise InputError("no fact marked calibrate can be computed over these quarters", key="quarters", found=quarters)
        return Facts(table, tuple(used))
    for place, name in enumerate(asked):
        key = f"moments.{place}"
        if name not in rows:
            raise InputError("there is no such fact", key=key, found=name, nearest=nearest_name(name, list(rows)))
        objection = _objection(rows[name], name, quarters)
        if objection is not None:
            raise InputError(objection, key=key, found=name)
    return Facts(table, tuple(asked))


def _objection(row: pd.Series[Any], name: str, quarters: int) -> str | None:
    """Why a fact cannot be fitted, or None."""
    if row["use"] != USE:
        return f"this fact is marked {row['use']}, so it is held out and only reported"
    if name not in COUNTERPARTS:
        return "this fact has no counterpart among the outcomes"
    if not np.isfinite([row["low"], row["high"]]).all() or row["low"] >= row["high"]:
        return "this fact has no band, so no distance"
    counterpart = COUNTERPARTS[name]
    ends = np.arange(-REPORTED_BURN_IN, quarters)
    flat = Paths(ends, {column: np.ones((2, ends.size)) for column in counterpart.columns})
    if counterpart.estimate(flat) is None:
        return f"this fact needs more than {quarters} quarters"
    return None
