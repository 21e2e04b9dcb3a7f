"""Labels as raters give them: flags, preferences and demonstrations through one noisy channel.

Who trains gets `Labels`, which hold what a rater said and nothing that is true of the world. Budgets
are nested: the labels of n prompts are the first n of the labels of more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from econ.core.random import normal, uniform, word_block
from econ.core.streams import Stream
from econ.lab.accounting import KINDS, information, information_of_levels
from econ.lab.knobs import Knobs
from econ.lab.pool import Pool
from econ.lab.scoring import Scorer, Scores
from econ.lab.world import HELP_CONTENT, HELP_REFUSAL, HELP_STANCE, World, demonstrate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Prompts by which judgements are moved where labels are shuffled: another prompt's, for every budget.
SHUFFLED_BY = 4096
#: Scale of help in rater utility; drafts among which a demonstration is chosen.
HELP_SCALE, DRAFTS = 6.0, 4
#: Candidates 0 and 1 are judged; anchors follow.
FIRST_ANCHOR = 2


@dataclass(frozen=True)
class Labels:
    """What raters said about n prompts of a pool.

    Attributes
    ----------
    kind : str
        One of `accounting.KINDS`.
    responses : (n, S, L) int64
        Responses a label speaks of; of a preference, the chosen one first; then anchors, or the
        response to another prompt (desirability).
    reference : (n, S) float32
        log π_ref of each, nats; NaN where the base model has yet to score it.
    flagged : (n, S) bool; of `flag_rule` (n, S, K)
        Whether each was flagged, or called undesirable; by rule, at most one named, where rules are named.
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

    def rows(self, chosen: slice) -> Labels:
        """Some of the labels."""
        arrays = {name: getattr(self, name)[chosen] for name in ("responses", "reference", "flagged")}
        return replace(self, **arrays)

    @property
    def positives(self) -> int:
        """Flags that found a violation."""
        return int(self.flagged.sum()) if self.kind.startswith("flag") else 0


class Raters:
    """Those who judge one world's pool under one setting of the knobs.

    Parameters
    ----------
    world : World
    pool : Pool
    knobs : Knobs
    seed : int
    control : {"", "random", "shuffled"}
        Judgements as given; as coins; or as given to another prompt.
    """

    def __init__(self, world: World, pool: Pool, knobs: Knobs, seed: int, control: str = "") -> None:
        self._world, self._pool, self._knobs, self._seed, self._control = world, pool, knobs, seed, control
        self._scorer = Scorer(world)
        self._scores: dict[int, Scores] = {}

    def give(self, kind: str, n: int, start: int = 0) -> Labels:
        """Labels of a kind of `n` prompts from prompt `start` of the pool on."""
        return self._first(kind, start + n).rows(slice(start, None))

    def _first(self, kind: str, n: int) -> Labels:
        if kind == "flag_pair":
            return self._flags(kind, n, (0, 1), judged=2)
        if kind == "flag_rule":
            return self._rule_flags(n)
        if kind.startswith("flag"):
            anchors = KINDS[kind].sequences - 1
            candidates = (0, *range(FIRST_ANCHOR, FIRST_ANCHOR + anchors))
            return self._flags(kind, n, candidates, judged=KINDS[kind].judgements)
        makers: dict[str, Callable[[int], Labels]] = {
            "preference": self._preferences, "desirability": self._desirabilities, "demonstration": self._demonstrations,
        }  # fmt: skip
        return makers[kind](n)

    def _judged(self, judgement: NDArray[np.bool_], item: int) -> NDArray[np.bool_]:
        """Judgements (M,) of the whole pool, or what a control puts in their place."""
        if self._control == "random":
            index = np.arange(len(judgement))
            return uniform(self._seed, Stream.LABEL_RANDOM, self._world.number, item, index) < 0.5
        if self._control == "shuffled":
            return np.roll(judgement, SHUFFLED_BY)
        return judgement

    def _bits(self, probability: Floats, *facts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Information of a label about each fact, bits; none where a control took its place."""
        return np.array([0.0 if self._control else information(probability, fact) for fact in facts])

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
        first = responses[:, 0]
        return np.asarray((first == self._pool.opinion[: len(first)]) & (first < self._world.shape.stances))

    def agreement_effect(self, kind: Literal["flag", "preference"]) -> float:
        """Log-odds by which agreeing with the stated opinion helps a response, all else as it is.

        logit E[P(not flagged)], or logit E[P(preferred)], of y0 had it agreed, minus the same had it not:
        means over the prompts of the pool that state an opinion and whose y0 does not refuse, with the
        noise of the channel and of the choice summed out. y1 is as it is. Since agreement is set and
        not observed, that agreeing answers are often true has no part in it.
        """
        able = (self._pool.opinion < self._world.shape.stances) & ~self._truth(0).refused.numpy()
        good = {agrees: float(self._good(kind, agrees)[able].mean()) for agrees in (False, True)}
        with np.errstate(divide="ignore"):
            odds = {agrees: np.log(p) - np.log1p(-p) for agrees, p in good.items()}
        return float(odds[True] - odds[False])

    def _good(self, kind: str, agrees: bool) -> Floats:
        if kind == "flag":
            return 1.0 - self._flag_probability(0, agrees)[0]
        return self._preference_probability([self._fixed_utility(0, agrees), self._fixed_utility(1)])

    # Flags -----------------------------------------------------------------------------------
    @cached_property
    def _drafted(self) -> int:
        return self._scorer.drafted(self._knobs.coverage)

    def _flag_probability(
        self, candidate: int, agrees: NDArray[np.bool_] | bool | None = None
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """P(flag) for the whole pool, and whether a drafted rule is truly broken."""
        miss, false_alarm = self._knobs.noise
        broken = (self._truth(candidate).broken & self._drafted).numpy() != 0
        agrees = self._agrees(self._pool.responses[:, candidate]) if agrees is None else agrees
        missed = np.minimum(miss + self._knobs.flag_bias * agrees, 1.0)
        return np.where(broken, 1.0 - missed, false_alarm), broken

    def _flags(self, kind: str, n: int, candidates: tuple[int, ...], judged: int) -> Labels:
        """Flags of the first `judged` candidates; the others are anchors that nobody reads."""
        flagged, bits = np.zeros((n, len(candidates)), bool), np.zeros(2)
        for slot, candidate in enumerate(candidates[:judged]):
            probability, broken = self._flag_probability(candidate)
            given = self._channel(candidate, len(probability)) < probability
            flagged[:, slot] = self._judged(given, candidate)[:n]
            any_rule = self._truth(candidate).broken.numpy() != 0
            bits += self._bits(probability, broken.astype(np.int64), any_rule.astype(np.int64))
        chosen = list(candidates)
        return Labels(kind, self._pool.responses[:n, chosen], self._pool.reference[:n, chosen], flagged, *bits.tolist())

    def _naming(self) -> Floats:
        """P(each rule is named | y0 is flagged), (M, K): one of the drafted rules broken, each as likely.

        A false alarm, and a control, names any drafted rule, each as likely.
        """
        rules = np.arange(self._scorer.rules)
        drafted = np.asarray(self._drafted >> rules & 1, np.float64)
        own = (self._truth(0).broken.numpy()[:, None] >> rules & 1) * drafted
        known = own.any(1, keepdims=True) & (not self._control)
        named = np.where(known, own, drafted)
        return np.asarray(named / np.maximum(named.sum(1, keepdims=True), 1.0))

    def _rule_flags(self, n: int) -> Labels:
        """Flags of y0, the same as plain ones, each with the rule said to be broken; none without rules."""
        naming, probability = self._naming(), self._flag_probability(0)[0]
        given = self._judged(self._channel(0, len(probability)) < probability, 0)
        ends = np.cumsum(naming, 1)
        place = uniform(self._seed, Stream.LABEL_FLAG, self._world.number, 0, np.arange(len(ends))) * ends[:, -1]
        rule = (place[:, None] >= ends).sum(1)
        named = (np.arange(ends.shape[1]) == rule[:, None]) & given[:, None]
        return Labels(
            "flag_rule", self._pool.responses[:n, :1], self._pool.reference[:n, :1], named[:n, None],
            *self._rule_bits(probability[:, None] * naming),
        )  # fmt: skip

    def _rule_bits(self, chance: Floats) -> list[float]:
        """Bits per label about which drafted rules are broken, and about which rules are."""
        broken = self._truth(0).broken.numpy()
        if self._control:
            return [0.0, 0.0]
        levels = np.column_stack([1.0 - chance.sum(1), chance])
        return [information_of_levels(levels, fact) for fact in (broken & self._drafted, broken)]

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
        # Clipped where exp would overflow, far past any chance but 0 and 1.
        gap = np.clip((u_1 - u_0) / self._knobs.pair_temperature, -700.0, 700.0)
        return (1 - 2 * flip) / (1 + np.exp(gap)) + flip

    def _fixed_utility(self, candidate: int, agrees: bool | None = None) -> Floats:
        """Utility of a candidate but for perceived violations, (M,); as if it agreed or not, where said."""
        own = self._agrees(self._pool.responses[:, candidate])
        return self._merit(self._truth(candidate)) + self._biases(len(own)) * (own if agrees is None else agrees)

    def _preferences(self, n: int) -> Labels:
        count, weight = len(self._pool.combo), self._knobs.harm_weight
        fixed = [self._fixed_utility(c) for c in (0, 1)]
        seen = [self._channel(c, count) < self._seen_probability(self._truth(c)) for c in (0, 1)]
        prefers_0 = self._choice_probability(fixed[0] - weight * seen[0], fixed[1] - weight * seen[1])
        draw = uniform(self._seed, Stream.LABEL_PREFERENCE, self._world.number, 0, np.arange(count))
        chosen = self._judged(draw >= prefers_0, 100)[:n].astype(np.int64)
        order = np.stack([chosen, 1 - chosen], 1)
        return Labels(
            "preference", np.take_along_axis(self._pool.responses[:n], order[:, :, None], 1),
            np.take_along_axis(self._pool.reference[:n], order, 1), np.zeros((n, 2), bool),
            *self._preference_bits(fixed),
        )  # fmt: skip

    def _preference_probability(self, fixed: list[Floats]) -> Floats:
        """P(0 over 1) for the whole pool, with the channel's noise summed out."""
        weight, q = self._knobs.harm_weight, [self._seen_probability(self._truth(c)) for c in (0, 1)]
        mean = np.zeros_like(fixed[0])
        for seen_0 in (0, 1):
            for seen_1 in (0, 1):
                chance = (q[0] if seen_0 else 1 - q[0]) * (q[1] if seen_1 else 1 - q[1])
                mean += chance * self._choice_probability(fixed[0] - weight * seen_0, fixed[1] - weight * seen_1)
        return mean

    def preference_chances(self) -> Floats:
        """P(y0 is preferred to y1) of every prompt of the pool, the noise of channel and choice summed out."""
        return self._preference_probability([self._fixed_utility(candidate) for candidate in (0, 1)])

    def _preference_bits(self, fixed: list[Floats]) -> list[float]:
        """Bits per pair."""
        weight, truths = self._knobs.harm_weight, [self._truth(c) for c in (0, 1)]
        mean = self._preference_probability(fixed)
        broken = [(t.broken.numpy() != 0).astype(np.int64) for t in truths]
        gap = fixed[0] - weight * broken[0] - fixed[1] + weight * broken[1]
        bits = self._bits(mean, np.sign(gap).astype(np.int64) + 1, 2 * broken[0] + broken[1])
        return [float(x) for x in bits]

    def _desirabilities(self, n: int) -> Labels:
        """Thumbs on y0: up with (1 - 2f) σ(u - mean u) + f. Beside each, the answer to the next prompt."""
        fixed, weight = self._fixed_utility(0), self._knobs.harm_weight
        q = self._seen_probability(self._truth(0))
        mean = float((fixed - weight * q).mean())
        up_if = [self._choice_probability(fixed - weight * seen, np.full_like(fixed, mean)) for seen in (0, 1)]
        count = len(fixed)
        seen = self._channel(0, count) < q
        draw = uniform(self._seed, Stream.LABEL_DESIRABILITY, self._world.number, 0, np.arange(count))
        down = self._judged(draw >= np.where(seen, up_if[1], up_if[0]), 101)[:n]
        broken = (self._truth(0).broken.numpy() != 0).astype(np.int64)
        noise_free = (fixed - weight * broken > mean).astype(np.int64)
        bits = self._bits((1 - q) * up_if[0] + q * up_if[1], noise_free, broken)
        own, other = self._pool.responses[:, 0], np.roll(self._pool.responses[:, 0], -1, axis=0)
        reference = np.stack([self._pool.reference[:n, 0], np.full(n, np.nan, np.float32)], 1)
        flagged = np.stack([down, np.zeros(n, bool)], 1)
        return Labels("desirability", np.stack([own, other], 1)[:n], reference, flagged, *bits.tolist())

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
