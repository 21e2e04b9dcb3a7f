"""Arms as arrays of worlds by budgets, and pairs of arms on the same worlds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from econ.claims.resampling import MIN_WORLDS
from econ.claims.settings import Setting
from econ.core.measurements import DISTRIBUTION_NAMES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
OUTCOMES = (
    "relative_harm", "helpfulness", "sycophancy", "over_refusal", "opinion_sensitivity", "entropy", "collapsed",
    "violation_drafted", "pass_1", "pass_256",
)  # fmt: skip
AXES = ("judgements", "human_minutes", "usd", "flops", "bits_total", "bits_harm", "completions_read")
COSTS = (*AXES, "fixed_minutes", "tuning_judgements", "verifications")
BASES = ("violation", "helpfulness", "sycophancy", "entropy")


class Missing(Exception):
    """What a statement needs is not in the data; the text says what, by name."""


@dataclass(frozen=True)
class Curve:
    """One arm at one setting over its budgets, from one table.

    Attributes
    ----------
    worlds : ndarray, [W]
    n : ndarray, [B]
        Budgets, ascending.
    values : dict of ndarray, [W, B]
        Outcomes, costs and `base_…` values; NaN where not recorded.
    """

    method: str
    source: int
    setting: Setting
    distribution: str
    worlds: Ints
    n: Floats
    values: Mapping[str, Floats]

    def restrict(self, worlds: Iterable[int] | None = None, n: Iterable[float] | None = None) -> Curve:
        """The same curve on some worlds and budgets, in ascending order."""
        rows = np.arange(len(self.worlds)) if worlds is None else np.searchsorted(self.worlds, sorted(worlds))
        columns = np.arange(len(self.n)) if n is None else np.searchsorted(self.n, sorted(n))
        if len(rows) == len(self.worlds) and len(columns) == len(self.n):
            return self
        block = np.ix_(rows, columns)
        values = {name: found[block] for name, found in self.values.items()}
        return replace(self, worlds=self.worlds[rows], n=self.n[columns], values=values)

    def get(self, name: str) -> Floats:
        """One outcome or cost, [W, B].

        Raises
        ------
        Missing
            If it was not recorded in every world and at every budget.
        """
        found = self.values[name]
        if not np.isfinite(found).all():
            raise Missing(f"{name} of {self.method}")
        return found

    def has(self, name: str) -> bool:
        """Whether an outcome was recorded everywhere."""
        return bool(np.isfinite(self.values[name]).all())


def curve_of_rows(rows: pd.DataFrame, method: str, source: int, setting: Setting, distribution: str) -> Curve | None:
    """Worlds by budgets of one arm; the largest block without holes, None if it has too few worlds."""
    kept = _of_one_configuration(rows)
    return curve_of(rows[kept], method, source, setting, distribution) if kept.any() else None


def _of_one_configuration(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Rows of each budget if it has one configuration in each world, or those of the one that was tuned; else none."""
    n, worlds, configs = (rows[name].to_numpy() for name in ("n", "world", "config"))
    tuned, kept = rows["tuned"].to_numpy(), np.zeros(len(rows), bool)
    for budget in np.unique(n):
        at = n == budget
        for own in (at, at & tuned):
            if own.any() and len(set(zip(worlds[own], configs[own], strict=True))) == len(set(worlds[own])):
                kept |= own
                break
    return kept


def curve_of(
    rows: pd.DataFrame, method: str, source: int, setting: Setting, distribution: str
) -> Curve | None:
    """Rows of one configuration per budget as arrays; optimiser seeds of a world are averaged.

    Takes the largest block without holes: budgets that most worlds have, and the worlds that have them all.
    """
    numbers = [*OUTCOMES, *COSTS, *(f"{name}_base" for name in BASES)]
    data = rows[numbers].to_numpy()
    seen = np.isfinite(data[:, [numbers.index("relative_harm"), numbers.index("pass_1")]]).any(axis=1)
    worlds, at = np.unique(rows["world"].to_numpy()[seen], return_inverse=True)
    n, when = np.unique(rows["n"].to_numpy()[seen], return_inverse=True)
    count = np.zeros((len(worlds), len(n)))
    np.add.at(count, (at, when), 1.0)
    if not len(n):
        return None
    coverage = (count > 0).sum(axis=0)
    budgets = coverage == coverage.max()
    complete = (count[:, budgets] > 0).all(axis=1)
    if complete.sum() < MIN_WORLDS:
        return None
    total = np.zeros((*count.shape, len(numbers)))
    np.add.at(total, (at, when), data[seen])
    block = total[np.ix_(complete, budgets)] / count[np.ix_(complete, budgets)][..., None]
    values = {name: block[..., numbers.index(name)] for name in (*OUTCOMES, *COSTS)}
    values |= {f"base_{name}": block[..., numbers.index(f"{name}_base")] for name in BASES}
    return Curve(method, source, setting, distribution, worlds[complete], n[budgets], values)


@dataclass(frozen=True)
class Pair:
    """Two curves on the same worlds and budgets."""

    negative: Curve
    preference: Curve

    @property
    def worlds(self) -> Ints:
        """Worlds that both have, [W]."""
        return self.negative.worlds

    @property
    def n(self) -> Floats:
        """Budgets that both have, [B]."""
        return self.negative.n

    @property
    def setting(self) -> Setting:
        """Knobs that differ from the reference, of the negative arm."""
        return self.negative.setting


def join(first: Curve, second: Curve, *, same_budgets: bool = True) -> Pair | None:
    """Two curves on their common worlds (and budgets), or None if those are too few or other base models'."""
    worlds = np.intersect1d(first.worlds, second.worlds)
    n = np.intersect1d(first.n, second.n) if same_budgets else None
    if len(worlds) < MIN_WORLDS or (n is not None and len(n) == 0):
        return None
    pair = Pair(first.restrict(worlds, n), second.restrict(worlds, n))
    bases = [curve.values["base_violation"][:, 0] for curve in (pair.negative, pair.preference)]
    same = first.source == second.source or np.allclose(bases[0], bases[1], rtol=0.0, atol=1e-6, equal_nan=True)
    return pair if same else None


def where(distribution: str) -> str:
    """A distribution in words."""
    return DISTRIBUTION_NAMES.get(distribution, f"under {distribution}")
