"""Labels as raters give them: flags, preferences and demonstrations through one noisy channel.

Who trains gets `Labels`, which hold what a rater said and nothing that is true of the world. Budgets
are nested: the labels of n prompts are the first n of the labels of more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from econ.core.random import normal, uniform, word_block
from econ.core.streams import Stream
from econ.lab.accounting import information
from econ.lab.knobs import Knobs
from econ.lab.pool import Pool
from econ.lab.scoring import Scorer, Scores
from econ.lab.world import HELP_CONTENT, HELP_REFUSAL, HELP_STANCE, World, demonstrate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Scale of help in rater utility; drafts among which a demonstration is chosen.
HELP_SCALE, DRAFTS = 6.0, 4


@dataclass(frozen=True)
class Labels:
    """What raters said about the first n prompts of a pool.

    Attributes
    ----------
    kind : str
        `flag`, `flag_pair`, `preference` or `demonstration`.
    responses : (n, S, L) int64
        Responses a label speaks of; of a preference, the chosen one first.
    reference : (n, S) float32
        log π_ref of each, nats (0 for demonstrations, which no reference is asked for).
    flagged : (n, S) bool
        Whether each was flagged (flags alone; else False).
    bits_total, bits_harm : float
        Information per label, bits: about the noise-free label, about the violations judged.
    """

    kind: str
    responses: NDArray[np.int64]
    reference: NDArray[np.float32]
    flagged: NDArray[np.bool_]
    bits_total: float
    bits_harm: float

    def __len__(self) -> int:
        return len(self.responses)

    @property
    def positives(self) -> int:
        """Flags that found a violation."""
        return int(self.flagged.sum())


class Raters:
    """Those who judge one world's pool under one setting of the knobs.

    Parameters
    ----------
    world : World
    pool : Pool
    knobs : Knobs
    seed : int
    """

    def __init__(self, world: World, pool: Pool, knobs: Knobs, seed: int) -> None:
        self._world, self._pool, self._knobs, self._seed = world, pool, knobs, seed
        self._scorer = Scorer(world)
        self._scores: dict[int, Scores] = {}

    def give(self, kind: str, n: int) -> Labels:
        """The first n labels of a kind."""
        makers: dict[str, Callable[[int], Labels]] = {
            "flag": self._flags, "flag_pair": self._flag_pairs,
            "preference": self._preferences, "demonstration": self._demonstrations,
        }  # fmt: skip
        return makers[kind](n)

    def _truth(self, candidate: int) -> Scores:
        if candidate not in self._scores:
            self._scores[candidate] = self._score(self._pool.responses[:, candidate])
        return self._scores[candidate]

    def _score(self, responses: NDArray[np.int64]) -> Scores:
        return self._scorer(torch.as_tensor(self._pool.combo[: len(responses)]), torch.as_tensor(responses))

    def _channel(self, candidate: int, count: int) -> Floats:
        """The shared draw of one prompt and response: raters who flag and who compare see the same."""
        return uniform(self._seed, Stream.LABEL_CHANNEL, self._world.number, candidate, np.arange(count))

    def _agrees(self, responses: NDArray[np.int64]) -> NDArray[np.bool_]:
        # "None stated" is the id after the last stance, which is REFUSE among responses: never agreement.
        return (responses[:, 0] == self._pool.opinion[: len(responses)]) & (responses[:, 0] < self._world.shape.stances)

    # Flags -----------------------------------------------------------------------------------
    @cached_property
    def _drafted(self) -> int:
        return self._scorer.drafted(self._knobs.coverage)

    def _flag_probability(self, candidate: int) -> tuple[Floats, NDArray[np.bool_]]:
        """P(flag) for the whole pool, and whether a drafted rule is truly broken."""
        miss, false_alarm = self._knobs.noise
        broken = (self._truth(candidate).broken & self._drafted).numpy() != 0
        missed = np.minimum(miss + self._knobs.flag_bias * self._agrees(self._pool.responses[:, candidate]), 1.0)
        return np.where(broken, 1.0 - missed, false_alarm), broken

    def _flag(self, candidate: int, n: int) -> NDArray[np.bool_]:
        return self._channel(candidate, n) < self._flag_probability(candidate)[0][:n]

    def _flags(self, n: int) -> Labels:
        probability, broken = self._flag_probability(0)
        any_rule = self._truth(0).broken.numpy() != 0
        return Labels(
            "flag", self._pool.responses[:n, :1], self._pool.reference[:n, :1], self._flag(0, n)[:, None],
            information(probability, broken.astype(np.int64)), information(probability, any_rule.astype(np.int64)),
        )  # fmt: skip

    def _flag_pairs(self, n: int) -> Labels:
        flags = np.stack([self._flag(0, n), self._flag(1, n)], 1)
        bits = np.zeros(2)
        for candidate in (0, 1):
            probability, broken = self._flag_probability(candidate)
            any_rule = self._truth(candidate).broken.numpy() != 0
            bits += [information(probability, c.astype(np.int64)) for c in (broken, any_rule)]
        return Labels("flag_pair", self._pool.responses[:n, :2], self._pool.reference[:n, :2], flags, *map(float, bits))

    # Utility, preferences, demonstrations ------------------------------------------------------
    def _merit(self, scores: Scores) -> Floats:
        """6 times what a rater can see of helpfulness."""
        stance = HELP_STANCE * self._knobs.comp * scores.correct.numpy()
        value = HELP_CONTENT * scores.content.numpy().astype(np.float64) + stance
        return HELP_SCALE * np.where(scores.refused.numpy(), HELP_REFUSAL, value)

    def _biases(self, count: int) -> Floats:
        """Utility of agreement for the rater of each prompt; sd 1 between raters where there are several."""
        if self._knobs.raters == 1:
            return np.full(count, self._knobs.bias)
        number, stream = self._world.number, Stream.RATER_POOL
        own = normal(self._seed, stream, number, 0, np.arange(self._knobs.raters))
        chosen = np.floor(uniform(self._seed, stream, number, 1, np.arange(count)) * self._knobs.raters)
        return self._knobs.bias + own[chosen.astype(np.int64)]

    def _seen_probability(self, scores: Scores) -> Floats:
        miss, false_alarm = self._knobs.noise
        return np.where(scores.broken.numpy() != 0, 1.0 - miss, false_alarm)

    def _choice_probability(self, u_0: Floats, u_1: Floats) -> Floats:
        flip = self._knobs.pair_flip
        return (1 - 2 * flip) / (1 + np.exp((u_1 - u_0) / self._knobs.pair_temperature)) + flip

    def _preferences(self, n: int) -> Labels:
        count = len(self._pool.combo)
        bias = self._biases(count)
        fixed = [self._merit(self._truth(c)) + bias * self._agrees(self._pool.responses[:, c]) for c in (0, 1)]
        seen = [self._channel(c, count) < self._seen_probability(self._truth(c)) for c in (0, 1)]
        weight = self._knobs.harm_weight
        prefers_0 = self._choice_probability(fixed[0] - weight * seen[0], fixed[1] - weight * seen[1])
        draw = uniform(self._seed, Stream.LABEL_PREFERENCE, self._world.number, 0, np.arange(n))
        chosen = (draw >= prefers_0[:n]).astype(np.int64)
        order = np.stack([chosen, 1 - chosen], 1)
        return Labels(
            "preference", np.take_along_axis(self._pool.responses[:n], order[:, :, None], 1),
            np.take_along_axis(self._pool.reference[:n], order, 1), np.zeros((n, 2), bool),
            *self._preference_bits(fixed),
        )  # fmt: skip

    def _preference_bits(self, fixed: list[Floats]) -> tuple[float, float]:
        """Bits per pair, with the channel's noise summed out."""
        weight, truths = self._knobs.harm_weight, [self._truth(c) for c in (0, 1)]
        q = [self._seen_probability(t) for t in truths]
        mean = np.zeros_like(fixed[0])
        for seen_0 in (0, 1):
            for seen_1 in (0, 1):
                chance = (q[0] if seen_0 else 1 - q[0]) * (q[1] if seen_1 else 1 - q[1])
                mean += chance * self._choice_probability(fixed[0] - weight * seen_0, fixed[1] - weight * seen_1)
        broken = [(t.broken.numpy() != 0).astype(np.int64) for t in truths]
        gap = fixed[0] - weight * broken[0] - fixed[1] + weight * broken[1]
        return information(mean, np.sign(gap).astype(np.int64) + 1), information(mean, 2 * broken[0] + broken[1])

    def _demonstrations(self, n: int) -> Labels:
        """The best of four drafts of the demonstrator under the labeller's utility."""
        bias, best, chosen = self._biases(n), np.full(n, -np.inf), None
        shape, number = self._world.shape, self._world.number
        for draft in range(DRAFTS):
            words = word_block(self._seed, Stream.LABEL_DEMONSTRATION, number, draft, n * (3 + shape.content))
            responses = demonstrate(self._world, self._pool.combo[:n], self._pool.opinion[:n], words)
            scores = self._score(responses)
            # Drafts are numbered after the pool's candidates, so that no draw is used twice.
            seen = self._channel(1000 + draft, n) < self._seen_probability(scores)
            utility = self._merit(scores) + bias * self._agrees(responses) - self._knobs.harm_weight * seen
            chosen = responses if chosen is None else np.where((utility > best)[:, None], responses, chosen)
            best = np.maximum(best, utility)
        assert chosen is not None
        nothing = np.zeros((n, 1))
        return Labels("demonstration", chosen[:, None], nothing.astype(np.float32), nothing != 0, np.nan, np.nan)
