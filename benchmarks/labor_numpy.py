"""The labor step in plain numpy, in place, over whole arrays or cache-sized blocks of them.

Written as a user of numpy would who wants it fast: only those who reconsider are evaluated, arrays of
the two occupations are contiguous, and draws come from numpy's own generator unless equality is tested.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core import random as keyed
from econ.core.streams import Stream

if TYPE_CHECKING:
    from benchmarks.labor_start import Start

Array = Any
#: Who reconsiders (positions within the block) and a uniform for each of them.
Draws = Callable[[int, int, int, float], tuple[Array, Array]]


def own_draws(seed: int) -> Draws:
    """Draws from numpy's default generator, PCG64."""
    generator = np.random.default_rng(seed)

    def draw(quarter: int, first: int, last: int, chance: float) -> tuple[Array, Array]:
        chosen = np.flatnonzero(generator.random(last - first) < chance)
        return chosen, generator.random(chosen.size)

    return draw


def keyed_draws(seed: int, replicate: int) -> Draws:
    """The draws of `econ.market.labelers`: Philox by replicate, quarter and labeler."""

    def draw(quarter: int, first: int, last: int, chance: float) -> tuple[Array, Array]:
        counter = (replicate, quarter + keyed.QUARTER_ORIGIN, np.arange(first, last), 0)
        w0, w1, w2, w3 = keyed.philox(counter, (seed, Stream.LABELER_CHOICE))
        chosen = np.flatnonzero(keyed.unit_interval(w0, w1) < chance)
        return chosen, keyed.unit_interval(w2[chosen], w3[chosen])

    return draw


class NumpyLabor:
    """Labelers of one replicate.

    Parameters
    ----------
    start : Start
        Values and the population at the start.
    draws : callable
    block : int, optional
        Labelers per pass; all of them if absent.
    """

    def __init__(self, start: Start, draws: Draws, block: int | None = None) -> None:
        people = start.people
        self.at, self.draws = start, draws
        self.count = people.occupation.shape[1]
        self.block = block or self.count
        self.region = np.repeat(np.arange(3), np.diff(people.bounds[0]))
        # Copies: what econ keeps by occupation would else be overwritten in place.
        self.log_ability = people.log_ability[0].T.copy()
        self.experience = people.experience[0].T.copy()
        self.reservation = people.reservation[0].copy()
        self.occupation = people.occupation[0].copy()
        self.last = people.last[0].copy()
        self.efficiency = np.zeros(self.experience.shape)

    def step(self, quarter: int) -> tuple[Array, Array]:
        """One quarter; heads and ability supplied, both [G, O]."""
        heads, ability, movers = np.zeros(6), np.zeros(6), np.zeros(6)
        self.leavers, self.rent, self.movers = np.zeros(3), np.zeros(3), movers.reshape(3, 2)
        for first in range(0, self.count, self.block):
            part = slice(first, min(first + self.block, self.count))
            self._reconsider(quarter, part)
            self._work(part, heads, ability, movers)
        return heads.reshape(3, 2), ability.reshape(3, 2)

    def _reconsider(self, quarter: int, part: slice) -> None:
        at = self.at
        chosen, drawn = self.draws(quarter, part.start, part.stop, at.reconsideration)
        region, last = self.region[part][chosen], self.last[part][chosen]
        utility = [
            at.mu * (self._grown(o, part, chosen) + at.value[region, o] - at.retraining * (last != o + 1))
            for o in (0, 1)
        ]
        outside = at.mu * self.reservation[part][chosen]
        top = np.maximum(np.maximum(utility[0], utility[1]), outside)
        judge, constrain = np.exp(utility[0] - top), np.exp(utility[1] - top)
        total = judge + constrain + np.exp(outside - top)
        judge /= total
        constrain /= total
        now = np.where(drawn < judge, 1, np.where(drawn < judge + constrain, 2, 0))
        left = (self.occupation[part][chosen] > 0) & (now == 0)
        self.leavers += np.bincount(region[left], minlength=3)
        self.occupation[part][chosen] = now

    def _grown(self, o: int, part: slice, who: Array) -> Array:
        at = self.at
        return self.log_ability[o, part][who] + at.exponent * np.log1p(
            self.experience[o, part][who] / at.scale
        )

    def _work(self, part: slice, heads: Array, ability: Array, movers: Array) -> None:
        at, occupation = self.at, self.occupation[part]
        workers = [np.flatnonzero(occupation == o + 1) for o in (0, 1)]
        efficiency = [np.exp(self._grown(o, part, workers[o])) for o in (0, 1)]
        self.efficiency[:, part] = 0.0
        self.experience[:, part] *= at.keep
        for o in (0, 1):
            region = self.region[part][workers[o]]
            heads[o::2] += np.bincount(region, minlength=3)
            ability[o::2] += np.bincount(region, efficiency[o], minlength=3)
            movers[o::2] += np.bincount(region, efficiency[o] * (self.last[part][workers[o]] != o + 1), minlength=3)
            self.rent += np.bincount(region, np.exp(self.reservation[part][workers[o]]), minlength=3)
            self.efficiency[o, part][workers[o]] = efficiency[o]
            self.last[part][workers[o]] = o + 1
            self.experience[o, part][workers[o]] += at.paid_hours[region, o]
