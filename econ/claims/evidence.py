"""Measurement tables as evidence: which arms were measured, under which knobs, on which worlds.

Tables keep their own rows: a curve comes from one table, never from two. Arms of two tables are paired
only on worlds whose base models are the same to the last digit that a table holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from econ.claims.arms import Curve, Missing, Pair, curve_of_rows, join, where
from econ.claims.beside import Beside
from econ.claims.resampling import MIN_WORLDS
from econ.claims.settings import Setting, decode_setting, distance


@dataclass(frozen=True)
class Source:
    """One measurement table.

    Attributes
    ----------
    name, path : str
    sha256 : str
        Of the file.
    config_hashes : tuple of str
    rows : int
    worlds : tuple of int
        Confirmatory or imported ones.
    device, versions : from its manifest, if there is one
    reductions : tuple of str
        What its manifest says was left out of the full design.
    """

    name: str
    path: str
    sha256: str
    config_hashes: tuple[str, ...]
    rows: int
    worlds: tuple[int, ...]
    device: str | None = None
    versions: Mapping[str, str | None] = field(default_factory=dict)
    reductions: tuple[str, ...] = ()


class Evidence:
    """All tables together.

    Attributes
    ----------
    sources : list of Source
    frame : DataFrame
        Confirmatory and imported rows of trained runs, with `source`, `arm`, `setting`, `config`, `tuned`.
    beside : Beside
        What lies beside the tables: churn, details, pass@k along training.
    notes : list of str
        What was left out.
    """

    def __init__(
        self, sources: Sequence[Source], frame: pd.DataFrame, beside: Beside, notes: Sequence[str] = ()
    ) -> None:
        self.sources, self.frame, self.beside, self.notes = list(sources), frame, beside, list(notes)
        self._curves: dict[tuple[Any, ...], list[Curve]] = {}
        #: What panels were made of the rows, kept by whoever makes them.
        self.memo: dict[tuple[Any, ...], Any] = {}
        self._groups = {
            (str(task), str(arm), str(distribution)): rows
            for (task, arm, distribution), rows in frame.groupby(["task", "arm", "distribution"], observed=True)
        }

    def methods(self, task: str = "A") -> list[str]:
        """Arms that were measured, by name."""
        return sorted({arm for kind, arm, _ in self._groups if kind == task})

    def distributions(self, method: str, task: str = "A") -> set[str]:
        """Distributions under which an arm was measured."""
        return {d for kind, arm, d in self._groups if (kind, arm) == (task, method)}

    def curves(self, method: str, distribution: str, task: str = "A") -> list[Curve]:
        """Curves of an arm, one for each table and setting, settings nearest to the reference first."""
        key = (task, method, distribution)
        if key not in self._curves:
            rows = self._groups.get(key)
            found = [] if rows is None else [
                curve
                for source, setting, own in blocks(rows)
                if (curve := curve_of_rows(own, method, source, setting, distribution)) is not None
            ]  # fmt: skip
            self._curves[key] = sorted(found, key=lambda c: (distance(c.setting), c.source))
        return self._curves[key]

    def rows(self, method: str, distribution: str, task: str = "A") -> pd.DataFrame:
        """Rows of an arm under one distribution; empty if there are none."""
        return self._groups.get((task, method, distribution), self.frame.iloc[:0])


def blocks(rows: pd.DataFrame) -> Iterator[tuple[int, Setting, pd.DataFrame]]:
    """Rows of each table and setting."""
    for _, own in rows.groupby(["source", "setting"], sort=False):
        yield int(own["source"].iloc[0]), decode_setting(str(own["setting"].iloc[0])), own


def find_pair(
    evidence: Evidence, negative: str, preference: str, distribution: str, *, budgets: int = 1,
    accepts: Callable[[Setting], bool] | None = None,
) -> Pair:  # fmt: skip
    """The pair of curves nearest to the reference knobs, then with most budgets, then with most worlds.

    Raises
    ------
    Missing
        If an arm was not measured, or the two share no setting with enough worlds and budgets.
    """
    for method in (negative, preference):
        if not evidence.curves(method, distribution):
            raise Missing(f"runs of {method}, {where(distribution)}, on at least {MIN_WORLDS} confirmatory worlds")
    key = ("pairs", negative, preference, distribution)
    if key not in evidence.memo:
        evidence.memo[key] = [
            pair
            for first in evidence.curves(negative, distribution)
            for second in evidence.curves(preference, distribution)
            if first.setting == second.setting and (pair := join(first, second)) is not None
        ]
    every: list[Pair] = evidence.memo[key]
    found = [pair for pair in every if len(pair.n) >= budgets and (accepts is None or accepts(pair.setting))]
    if not found:
        raise Missing(
            f"{negative} and {preference} at the same knobs, on at least {MIN_WORLDS} worlds they share "
            f"and {budgets} common budget{'s' if budgets > 1 else ''}, {where(distribution)}"
        )
    return min(
        found,
        key=lambda p: (distance(p.setting), -len(p.n), -len(p.worlds), p.negative.source != p.preference.source),
    )
