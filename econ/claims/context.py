"""What every statement needs: the evidence, the bootstrap, the pair of methods; and what a measured effect rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from econ.claims.arms import Curve, Pair, where
from econ.claims.evidence import Evidence, find_pair
from econ.claims.resampling import Effect, Floats, Resampler
from econ.claims.settings import describe_setting

if TYPE_CHECKING:
    from econ.claims.settings import Setting

#: As registered: the pair, the number of worlds, the largest budget and all budgets.
PAIR = ("npo_ret", "dpo")
HYBRID = "hybrid"
WORLDS = 16
BUDGETS = (16, 39, 95, 232, 565, 1378, 3360, 8192)


@dataclass(frozen=True)
class Context:
    """Evidence, bootstrap and the pair whose verdicts are the headline."""

    evidence: Evidence
    resampler: Resampler
    negative: str = PAIR[0]
    preference: str = PAIR[1]

    def mean(self, curve: Curve, name: str) -> Floats:
        """Mean over worlds of an outcome or cost, under every draw, [1 + draws, B]."""
        return self.weighted(curve.get(name), curve.worlds)

    def weighted(self, values: Floats, worlds: NDArray[np.int64]) -> Floats:
        """Mean over worlds, under every draw, of values [W, …]."""
        return np.tensordot(self.resampler.weights(worlds), values, axes=1)

    def effect(self, by_world: Floats, worlds: NDArray[np.int64]) -> Effect:
        """Effect of a quantity that each world has, [W]."""
        return Effect.exact(self.weighted(by_world, worlds), len(worlds))

    def distribution(self, preferred: str, *methods: str) -> str:
        """The registered distribution, or the only other one under which all the methods were measured."""
        for name in (preferred, "ood" if preferred == "id" else "id"):
            if all(name in self.evidence.distributions(method) for method in methods):
                return name
        return preferred

    def pair(
        self, negative: str, preference: str, preferred: str, budgets: int = 1
    ) -> tuple[Pair, tuple[str, ...]]:
        """The pair nearest to what is registered, and how it deviates."""
        chosen = self.distribution(preferred, negative, preference)
        pair = find_pair(self.evidence, negative, preference, chosen, budgets=budgets)
        said = () if chosen == preferred else (f"{where(chosen)} (registered: {where(preferred)})",)
        return pair, said + self.deviations(pair.setting, pair.worlds)

    def deviations(self, setting: Setting, worlds: NDArray[np.int64]) -> tuple[str, ...]:
        """How knobs and worlds differ from what is registered."""
        said = describe_setting(setting)
        if len(worlds) != WORLDS:
            said.append(f"{len(worlds)} worlds (registered: {WORLDS})")
        return tuple(said)


@dataclass(frozen=True)
class Measured:
    """An effect and what it rests on.

    Attributes
    ----------
    effect : Effect
    methods : tuple of str
    sources : tuple of int
        Tables used, by position.
    deviations : tuple of str
        From what is registered, in words; empty if it was measured as registered.
    details : dict
        Further numbers and facts for the reader, as JSON.
    """

    effect: Effect
    methods: tuple[str, ...]
    sources: tuple[int, ...]
    worlds: tuple[int, ...]
    deviations: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, effect: Effect, curves: Sequence[Curve], deviations: Sequence[str] = (), **details: Any
    ) -> Measured:
        """From the curves used."""
        methods = tuple(dict.fromkeys(curve.method for curve in curves))
        sources = tuple(sorted({curve.source for curve in curves}))
        worlds = tuple(int(w) for w in curves[0].worlds)
        return cls(effect, methods, sources, worlds, tuple(dict.fromkeys(deviations)), details)


def budget_deviation(n: Floats, registered: Sequence[int], what: str = "budgets") -> tuple[str, ...]:
    """How budgets differ from the registered ones, in words."""
    if [int(x) for x in n] == list(registered):
        return ()
    listed, wanted = (", ".join(f"{int(x)}" for x in values) for values in (n, registered))
    return (f"{what} {listed} (registered: {wanted})",)

