"""Replicates that cannot go on: each is named with quarter, variable and reason, and the others are kept.

A replicate that turned non-finite stays in its row of every array, where it touches no other; its outcomes
are dropped when the run ends.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.errors import WorkError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from econ.market.state import State

Array = Any
#: Parts of the state that never change within a run.
CONSTANT = frozenset({"bounds", "log_ability", "reservation"})


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
    failed: dict[int, str], replicates: Array, state: State, columns: Mapping[str, Array], nullable: frozenset[str], quarter: int
) -> None:
    """Note the first variable of each replicate that is not finite; an outcome that may be null may be NaN.

    Parameters
    ----------
    failed : dict of int to str
        Reasons by number of the replicate, added to.
    replicates : [S]
    state : State
    columns : mapping of str to [S]
        Outcomes of the quarter.
    nullable : frozenset of str
    quarter : int
    """
    for name, values in _floats(state):
        # One pass over memory: the sum is finite unless an entry is not (or it overflows, which the next line sorts out).
        if not np.isfinite(values.sum()):
            _note(failed, replicates, ~np.isfinite(values).reshape(len(values), -1).all(axis=1), name, quarter)
    if columns:
        table, may_be_null = np.stack(list(columns.values())), np.fromiter((name in nullable for name in columns), bool)
        bad = ~(np.isfinite(table) | (np.isnan(table) & may_be_null[:, None]))
        if bad.any():
            for name, row in zip(columns, bad, strict=True):
                _note(failed, replicates, row, name, quarter)


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
