"""Replicates that cannot go on: each is named with quarter, variable and reason, and the others are kept.

A replicate that turned non-finite stays in its row of every array, where it touches no other; its outcomes
are dropped when the run ends.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.errors import WorkError
from econ.market.outcomes import NULLABLE, PROPORTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from econ.market.state import State

Array = Any
#: Parts of the state that never change within a run.
CONSTANT = frozenset({"bounds", "log_ability", "reservation"})


#: How far a proportion may lie outside 0 to 1.
ROUNDING = 1e-9
#: How the reason of a replicate begins whose parameters admit no status quo.
NO_STATUS_QUO = "no status quo: "


class NoStatusQuo(WorkError):
    """Replicates whose status quo has no equilibrium.

    Attributes
    ----------
    reasons : dict of int to str
        By number of the replicate.
    """

    def __init__(self, reasons: dict[int, str]) -> None:
        self.reasons = {number: NO_STATUS_QUO + reason.removeprefix(NO_STATUS_QUO) for number, reason in reasons.items()}
        replicate, reason = next(iter(self.reasons.items()))
        super().__init__(f"replicate {replicate}: {reason}")


def note_faults(
    failed: dict[int, str], replicates: Array, state: State, columns: Mapping[str, Array], quarter: int
) -> None:
    """Note the first variable of each replicate that is not finite, or a proportion outside 0 to 1; an outcome that may be null may be NaN.

    Parameters
    ----------
    failed : dict of int to str
        Reasons by number of the replicate, added to.
    replicates : [S]
    state : State
    columns : mapping of str to [S]
        Outcomes of the quarter.
    quarter : int
    """
    for name, values in _floats(state):
        # One pass over memory: the sum is finite unless an entry is not (or it overflows, which the next line sorts out).
        if not np.isfinite(values.sum()):
            _note(failed, replicates, ~np.isfinite(values).reshape(len(values), -1).all(axis=1), name, quarter)
    if columns:
        table, may_be_null, proportion = np.stack(list(columns.values())), _among(columns, NULLABLE), _among(columns, PROPORTIONS)
        bad = ~(np.isfinite(table) | (np.isnan(table) & may_be_null[:, None]))
        outside = (np.abs(table - 0.5) > 0.5 + ROUNDING) & proportion[:, None]
        if bad.any() or outside.any():
            for name, values, row, out in zip(columns, table, bad, outside, strict=True):
                _note(failed, replicates, row, name, quarter)
                for place in np.flatnonzero(out):
                    failed.setdefault(int(replicates[place]), f"{name} is {values[place]:.6g}, outside 0 to 1, in quarter {quarter}")


def _among(names: Iterable[str], chosen: frozenset[str]) -> Array:
    return np.fromiter((name in chosen for name in names), bool)


def _floats(state: State) -> Iterator[tuple[str, Array]]:
    """Every floating-point array of the state by name."""
    for part in fields(state):
        agents = getattr(state, part.name)
        for field in fields(agents):
            values = getattr(agents, field.name)
            if field.name not in CONSTANT and values.dtype.kind == "f":
                yield f"{part.name}.{field.name}", values


def _note(failed: dict[int, str], replicates: Array, bad: Array, name: str, quarter: int) -> None:
    for place in np.flatnonzero(bad):
        failed.setdefault(int(replicates[place]), f"{name} is not finite in quarter {quarter}")
