"""World A, "governed assistant": prompts with a stated opinion, responses with content and rules.

A world is one draw of utilities and rules, keyed by its number alone; it is the replication unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from econ.core.random import normal, uniform
from econ.core.streams import Stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

#: P(no opinion is stated).
NO_OPINION = 0.10
#: P(opinion true) of pretraining prompts and of prompts out of distribution.
RHO_PRETRAIN, RHO_SHIFTED = 0.4, 0.15
#: Helpfulness of a refusal; weights of stance and of content in helpfulness.
HELP_REFUSAL, HELP_STANCE, HELP_CONTENT = 0.2, 0.4, 0.6
#: Severity points of the eight rules, in random order.
SEVERITIES = (1, 1, 1, 2, 2, 2, 4, 4)


@dataclass(frozen=True)
class Shape:
    """Sizes of a world; the defaults are World A, a micro-world for tests has fewer of everything.

    Token ids of a response: stances, then REFUSE, then content. Ids of a prompt: topic, context,
    request and opinion, one after another, the last opinion id meaning "none stated".
    """

    topics: int = 8
    contexts: int = 8
    requests: int = 8
    stances: int = 4
    content: int = 27
    length: int = 6
    context_rules: int = 3
    contexts_per_rule: int = 2
    conjunction_rules: int = 3
    topics_per_rule: int = 3
    requests_per_rule: int = 3
    forbidden: int = 3
    order_rules: int = 2
    severities: tuple[int, ...] = SEVERITIES
    unseen_combos: int = 153

    @property
    def combos(self) -> int:
        """Combinations of topic, context and request."""
        return self.topics * self.contexts * self.requests

    @property
    def refuse(self) -> int:
        """Response id of REFUSE."""
        return self.stances

    @property
    def vocabulary(self) -> int:
        """Response ids."""
        return self.stances + 1 + self.content

    @property
    def rules(self) -> int:
        """Number of rules."""
        return self.context_rules + self.conjunction_rules + self.order_rules

    @property
    def opinions(self) -> int:
        """Opinion values, "none" included (the last)."""
        return self.stances + 1

    @property
    def prompt_tokens(self) -> int:
        """Prompt ids."""
        return self.topics + self.contexts + self.requests + self.opinions


WORLD_A = Shape()


@dataclass(frozen=True)
class World:
    """One draw of World A: what is true, what helps, what is forbidden. Training code never sees it.

    Attributes
    ----------
    stance : (G,) int
        True stance of each combination of topic, context and request.
    appeal, utility : (G, V) float
        z and U = sigmoid(z / 1.5) of content ids; other ids hold -inf and 0.
    active : (G, K) bool
        Rules in force; order rules always are.
    forbidden, first, second : (K, V) bool
        Ids that a context or conjunction rule forbids; pairs (first then second) of an order rule.
    severity : (K,) int
        Points of a violation.
    unseen : (G,) bool
        Combinations held out of distribution.
    drafted_order : (K,) int
        Permutation by which rules are drafted; coverage c means the first c.
    """

    shape: Shape
    number: int
    stance: Ints
    appeal: Floats
    utility: Floats
    active: Bools
    forbidden: Bools
    first: Bools
    second: Bools
    severity: Ints
    unseen: Bools
    drafted_order: Ints
    refusal: bool = field(default=True)

    @cached_property
    def parts(self) -> tuple[Ints, Ints, Ints]:
        """Topic, context and request of each combination."""
        return _parts(self.shape)

    @cached_property
    def risk(self) -> Ints:
        """Active rules that are not order rules, for each combination."""
        rules = self.shape.context_rules + self.shape.conjunction_rules
        return np.asarray(self.active[:, :rules].sum(1), np.int64)

    @cached_property
    def rules_by_sort(self) -> dict[str, range]:
        """Numbers of the rules that forbid ids in a context, or in a conjunction; and of those of order."""
        first, second = self.shape.context_rules, self.shape.context_rules + self.shape.conjunction_rules
        return {"context": range(first), "conjunction": range(first, second), "order": range(second, self.shape.rules)}

    @cached_property
    def benign(self) -> Bools:
        """Combinations at which no context or conjunction rule is in force."""
        return np.asarray(self.risk == 0)

    def prompt_tokens(self, combo: Ints, opinion: Ints) -> Ints:
        """Token ids (…, 4) of prompts."""
        topic, context, request = (part[combo] for part in self.parts)
        s = self.shape
        offsets = (0, s.topics, s.topics + s.contexts, s.topics + s.contexts + s.requests)
        return np.stack([topic, offsets[1] + context, offsets[2] + request, offsets[3] + opinion], -1)


def _parts(shape: Shape) -> tuple[Ints, Ints, Ints]:
    combo = np.arange(shape.combos)
    topic, rest = np.divmod(combo, shape.contexts * shape.requests)
    context, request = np.divmod(rest, shape.requests)
    return topic, context, request


def draw_world(
    seed: int, number: int, *, base_rate: tuple[float, int] = (0.5, 4), refusal: bool = True, shape: Shape = WORLD_A
) -> World:
    """Draw a world.

    Parameters
    ----------
    seed, number : int
        Key of the draw; equal keys give equal worlds whatever else differs.
    base_rate : (float, int)
        Boost of forbidden content in the demonstrator's appeal, and size of the sets of order rules.
    refusal : bool
        Whether responses may refuse.
    shape : Shape
        Sizes.
    """
    draw = _Draws(seed, number)
    topic, context, request = _parts(shape)
    stance = np.floor(draw.uniform(0, shape.topics * shape.requests) * shape.stances).astype(np.int64)
    stance = stance.reshape(shape.topics, shape.requests)[topic, request]
    active, forbidden, first, second = _rules(draw, shape, base_rate[1])
    appeal = (
        draw.normal(1, shape.topics, shape.content)[topic]
        + draw.normal(2, shape.requests, shape.content)[request]
        + draw.normal(3, shape.contexts, shape.content)[context]
    )
    content = slice(shape.stances + 1, None)
    appeal += base_rate[0] * (active.astype(np.float64) @ forbidden[:, content].astype(np.float64))
    full = np.full((shape.combos, shape.vocabulary), -np.inf)
    full[:, content] = appeal
    unseen = np.zeros(shape.combos, bool)
    unseen[draw.permutation(4, shape.combos)[: shape.unseen_combos]] = True
    order = np.argsort(uniform(seed, Stream.OMITTED_RULES, number, 0, np.arange(shape.rules)), kind="stable")
    return World(
        shape=shape, number=number, stance=stance, appeal=full, utility=1.0 / (1.0 + np.exp(-full / 1.5)),
        active=active, forbidden=forbidden, first=first, second=second,
        severity=np.asarray(shape.severities)[draw.permutation(5, shape.rules)],
        unseen=unseen, drafted_order=order.astype(np.int64), refusal=refusal,
    )  # fmt: skip


@dataclass(frozen=True)
class _Draws:
    """Keyed draws of one world: counter (world, item, index, 0)."""

    seed: int
    number: int

    def uniform(self, item: int, count: int) -> Floats:
        return uniform(self.seed, Stream.WORLD, self.number, item, np.arange(count))

    def normal(self, item: int, rows: int, columns: int) -> Floats:
        draws = normal(self.seed, Stream.WORLD, self.number, item, np.arange(rows * columns))
        return draws.reshape(rows, columns)

    def permutation(self, item: int, count: int) -> Ints:
        return np.argsort(self.uniform(item, count), kind="stable").astype(np.int64)


def _rules(draw: _Draws, shape: Shape, order_size: int) -> tuple[Bools, Bools, Bools, Bools]:
    """Activity by combination, forbidden ids, and the two sets of order rules.

    Order rules take the first ids of one permutation per rule, so that smaller sets are nested.
    """
    topic, context, request = _parts(shape)
    active = np.ones((shape.combos, shape.rules), bool)
    forbidden, first, second = (np.zeros((shape.rules, shape.vocabulary), bool) for _ in range(3))
    content = shape.stances + 1
    for rule in range(shape.rules):
        item = 100 + 10 * rule
        ids = content + draw.permutation(item, shape.content)
        if rule < shape.context_rules:
            active[:, rule] = np.isin(context, draw.permutation(item + 1, shape.contexts)[: shape.contexts_per_rule])
            forbidden[rule, ids[: shape.forbidden]] = True
        elif rule < shape.context_rules + shape.conjunction_rules:
            topics = draw.permutation(item + 1, shape.topics)[: shape.topics_per_rule]
            requests = draw.permutation(item + 2, shape.requests)[: shape.requests_per_rule]
            active[:, rule] = np.isin(topic, topics) & np.isin(request, requests)
            forbidden[rule, ids[: shape.forbidden]] = True
        else:
            half = shape.content // 2
            first[rule, ids[:order_size]] = True
            second[rule, ids[half : half + order_size]] = True
    return active, forbidden, first, second


def demonstrate(world: World, combo: Ints, opinion: Ints, words: NDArray[np.uint32]) -> Ints:
    """Responses of the imperfect demonstrator from whom base models learn.

    Parameters
    ----------
    world : World
    combo, opinion : (N,) int
    words : (N * (3 + content),) uint32
        Random words: refusal, kind of stance, uniform stance, and one Gumbel draw per content id.

    Returns
    -------
    (N, length) int
    """
    shape, count = world.shape, len(combo)
    u = ((words.astype(np.float64) + 0.5) / 2.0**32).reshape(count, 3 + shape.content)
    true = world.stance[combo]
    agreeing = np.where(opinion == shape.stances, true, opinion)
    guess = np.minimum((u[:, 2] * shape.stances).astype(np.int64), shape.stances - 1)
    stance = np.where(u[:, 1] < 0.5, true, np.where(u[:, 1] < 0.75, agreeing, guess))
    if world.refusal:
        stance = np.where(u[:, 0] < 0.02 + 0.08 * (world.risk[combo] > 0), shape.refuse, stance)
    # Gumbel top-k: the largest perturbed logits are a sequential draw without replacement.
    perturbed = 1.2 * world.appeal[combo][:, shape.stances + 1 :] - np.log(-np.log(u[:, 3:]))
    slots = shape.length - 1
    content = np.argsort(-perturbed, axis=1, kind="stable")[:, :slots] + shape.stances + 1
    return np.concatenate([stance[:, None], content], 1)


def draw_opinions(world: World, combo: Ints, rho: float, u_stated: Floats, u_true: Floats, u_which: Floats) -> Ints:
    """Stated opinions: none with 0.1, else true with `rho`, else uniform on the wrong stances."""
    shape = world.shape
    true = world.stance[combo]
    step = 1 + np.minimum((u_which * (shape.stances - 1)).astype(np.int64), shape.stances - 2)
    opinion = np.where(u_true < rho, true, (true + step) % shape.stances)
    return np.where(u_stated < NO_OPINION, shape.stances, opinion)


def combo_weights(world: World, combos: str, risk_mix: str) -> Floats:
    """Weights of combinations, summing to 1.

    Parameters
    ----------
    combos : {"seen", "unseen", "all"}
    risk_mix : {"benign", "risky"}
        Weight 2 where benign else 1; or 1 + risk.
    """
    chosen = {"seen": ~world.unseen, "unseen": world.unseen, "all": np.ones_like(world.unseen)}[combos]
    mix = np.where(world.benign, 2.0, 1.0) if risk_mix == "benign" else 1.0 + world.risk
    weight = chosen * mix
    return np.asarray(weight / weight.sum(), np.float64)


def opinion_weights(world: World, rho: float) -> Floats:
    """P(opinion | combination), shape (G, opinions)."""
    shape = world.shape
    weights = np.full((shape.combos, shape.opinions), (1 - NO_OPINION) * (1 - rho) / (shape.stances - 1))
    weights[np.arange(shape.combos), world.stance] = (1 - NO_OPINION) * rho
    weights[:, shape.stances] = NO_OPINION
    return weights


def prompt_weights(world: World, distribution: str, confounding: float) -> Floats:
    """Exact probability of every prompt under a test distribution, shape (G * opinions,).

    Shift by strength s mixes the weights of both ends, and moves P(opinion true) linearly.

    Raises
    ------
    KeyError
        If the distribution is not one of the measurement table.
    """

    def ends(combos: str, mix: str, rho: float) -> Floats:
        return combo_weights(world, combos, mix)[:, None] * opinion_weights(world, rho)

    if distribution in ("s0.33", "s0.67"):
        s = {"s0.33": 1 / 3, "s0.67": 2 / 3}[distribution]
        rho = (1 - s) * confounding + s * RHO_SHIFTED
        mixed = (1 - s) * combo_weights(world, "seen", "benign") + s * combo_weights(world, "unseen", "risky")
        return np.asarray(mixed[:, None] * opinion_weights(world, rho)).ravel()
    combos, mix, rho = {
        "id": ("seen", "benign", confounding),
        "ood": ("unseen", "risky", RHO_SHIFTED),
        "ood_combos": ("unseen", "benign", confounding),
        "ood_risk": ("seen", "risky", confounding),
        "ood_opinion": ("seen", "benign", RHO_SHIFTED),
    }[distribution]
    return np.asarray(ends(combos, mix, rho)).ravel()
