"""An AI judge that holds drafted rules against responses: verdicts, critiques and soft preferences.

It knows the rules that were drafted and no others, and errs at the rate `critic_noise`, each time anew.
As with human raters, what it says is all that training gets to see.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from econ.core.random import uniform
from econ.core.streams import Stream
from econ.lab.accounting import information_of_levels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from econ.lab.world import World

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

#: Item of the critic's stream under which pairs are judged; critiques have the number of their round.
PAIR_ITEM = 100
#: Draws of one (item, prompt): the rule, whether the verdict on a response errs, the slot of a false alarm.
_RULE, _ERROR, _SLOT = 0, 1, 3
#: No rule was drafted.
NO_RULE = -1


@dataclass(frozen=True)
class Critic:
    """The judge of one world.

    Attributes
    ----------
    world : World
    seed, coverage : int
        Key of its draws; rules drafted.
    noise : float
        P(verdict is wrong).
    """

    world: World
    seed: int
    coverage: int
    noise: float

    def _draw(self, item: int, prompt: Ints, draw: int) -> Floats:
        return uniform(self.seed, Stream.LABEL_CRITIC, self.world.number, item, prompt, draw)

    @cached_property
    def _tokens(self) -> Bools:
        """Tokens that each rule names, (K + 1, V); the last row, for no rule, is empty."""
        own = self.world.forbidden | self.world.first | self.world.second
        return np.concatenate([own, np.zeros_like(own[:1])])

    def rules(self, item: int, prompt: Ints) -> Ints:
        """The drafted rule drawn for each prompt (N,), whether or not it is in force there."""
        if self.coverage == 0:
            return np.full(len(prompt), NO_RULE)
        chosen = np.floor(self._draw(item, prompt, _RULE) * self.coverage).astype(np.int64)
        return np.asarray(self.world.drafted_order[chosen])

    def masked(self, rule: Ints) -> Bools:
        """Tokens that a revision under these rules may not use, (N, V)."""
        return np.asarray(self._tokens[rule])

    def offending(self, combo: Ints, response: Ints, rule: Ints) -> Bools:
        """Positions (N, L) at which responses break the rule: forbidden ids, or both of an ordered pair."""
        world, own = self.world, np.maximum(rule, 0)[:, None]
        at = world.forbidden[own, response]
        ordered = world.first[own, response][:, :-1] & world.second[own, response][:, 1:]
        at[:, :-1] |= ordered
        at[:, 1:] |= ordered
        in_force = (rule != NO_RULE) & world.active[combo, own[:, 0]] & (response[:, 0] != world.shape.refuse)
        return np.asarray(at & in_force[:, None])

    def verdict(self, broken: Bools, rule: Ints, item: int, prompt: Ints, which: int = 0) -> Bools:
        """Whether the critic says that the rule is broken, (N,); nothing where there is no rule."""
        errs = self._draw(item, prompt, _ERROR + which) < self.noise
        return np.asarray((broken ^ errs) & (rule != NO_RULE))

    def critique(self, combo: Ints, response: Ints, rule: Ints, item: int, prompt: Ints) -> Bools:
        """Positions (N, L) that the critic would have revised.

        Where it sees a violation that is there, the positions that make it; where it is mistaken, one
        slot of content at random. A refusal gives it nothing to revise.
        """
        length, at = response.shape[1], self.offending(combo, response, rule)
        broken = np.any(at, axis=1)
        says = self.verdict(broken, rule, item, prompt) & (response[:, 0] != self.world.shape.refuse)
        slot = 1 + np.floor(self._draw(item, prompt, _SLOT) * (length - 1)).astype(np.int64)
        mistaken = np.arange(length) == slot[:, None]
        return np.asarray(np.where(broken[:, None], at, mistaken) & says[:, None])

    def broken(self, combo: Ints, responses: Ints, rule: Ints) -> Bools:
        """Whether each of two responses (N, 2, L) breaks the rule, (N, 2)."""
        return np.stack([np.any(self.offending(combo, responses[:, j], rule), axis=1) for j in (0, 1)], 1)

    def compare(self, combo: Ints, responses: Ints, rule: Ints, prompt: Ints) -> Bools:
        """Verdicts (N, 2) on two responses to each prompt under one rule."""
        truth = self.broken(combo, responses, rule)
        return np.stack([self.verdict(truth[:, j], rule, PAIR_ITEM, prompt, which=j) for j in (0, 1)], 1)

    def comparison_bits(self, combo: Ints, responses: Ints, rule: Ints, violates: Bools) -> tuple[float, float]:
        """Bits per pair: about the noise-free verdicts, and about violations of any rule, `violates` (N, 2)."""
        truth = self.broken(combo, responses, rule)
        says = np.where(truth, 1.0 - self.noise, self.noise) * (rule != NO_RULE)[:, None]
        first, second = says.T
        # The label has three values: the first is better, the second is, neither is.
        levels = np.stack([(1 - first) * second, first * (1 - second)], 1)
        levels = np.concatenate([levels, 1 - levels.sum(1, keepdims=True)], 1)
        noise_free = (truth[:, 0].astype(np.int64) - truth[:, 1]) + 1
        return (
            information_of_levels(levels, noise_free),
            information_of_levels(levels, 2 * violates[:, 0].astype(np.int64) + violates[:, 1]),
        )
