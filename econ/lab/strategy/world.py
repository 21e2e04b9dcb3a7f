"""World B, "strategy table": choose the cell's strategy, then compute with it; one response is right.

A prompt is four digits x0 .. x3 modulo 7. Digits x3 and x0 choose a cell of the world's table, which
names the right strategy s; then m is an operation of s on x1 and x2, and the answer r is m + x0. A
world is one draw of the table, of which cells are hard, and of the demonstrator's habits.
"""

from __future__ import annotations

from dataclasses import dataclass
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

#: Share of cells that are hard, and P(right strategy) of the demonstrator there.
HARD_SHARE, P_HARD = 0.3, 0.012
#: P(the demonstrator knows the right strategy) in easy cells; 0.25 and 0.85 give pass@1 near 0.22 and 0.61.
P_EASY = 0.60
#: Cells of the reinforcement learning prompts, and the share of their prompts that trains.
TRAINED_CELLS, TRAINED_SHARE = 34, 0.8
#: Test distributions: prompts of trained cells kept out of training, and the other cells.
DISTRIBUTIONS = ("id", "ood")
#: Items of the world's stream; those below 1000 draw World A.
_STRATEGY, _HARD, _PRIOR, _CELLS, _PROMPTS = range(1000, 1005)


@dataclass(frozen=True)
class StrategyShape:
    """Sizes of World B. Response ids: strategies, then digits; prompt ids: a digit at each of four places.

    `refuse` is an id that no response holds: there is no refusal here.
    """

    base: int = 7
    strategies: int = 12
    length: int = 3
    refuse: int = -1

    @property
    def cells(self) -> int:
        """Cells of the table, (x3, x0)."""
        return self.base**2

    @property
    def prompts(self) -> int:
        """Prompts."""
        return self.base**4

    @property
    def vocabulary(self) -> int:
        """Response ids."""
        return self.strategies + self.base

    @property
    def prompt_tokens(self) -> int:
        """Prompt ids."""
        return 4 * self.base


WORLD_B = StrategyShape()


@dataclass(frozen=True)
class StrategyWorld:
    """One draw of World B. Training code never sees it; a verifier does.

    Attributes
    ----------
    strategy : (cells,) int
        Right strategy of cell 7 x3 + x0.
    hard : (cells,) bool
    prior : (strategies,) float
        The demonstrator's habits, where it does not know the right strategy.
    p_easy : float
        P(it knows it) in easy cells.
    trained_cells : (cells,) bool
    training : (prompts,) bool
        Prompts of reinforcement learning and of labels.
    """

    shape: StrategyShape
    number: int
    strategy: Ints
    hard: Bools
    prior: Floats
    p_easy: float
    trained_cells: Bools
    training: Bools

    @cached_property
    def digits(self) -> Ints:
        """x0 .. x3 of every prompt, (prompts, 4); the prompt's number reads x3 x2 x1 x0 in base 7."""
        index = np.arange(self.shape.prompts)
        return np.stack([index // self.shape.base**place % self.shape.base for place in range(4)], 1)

    @cached_property
    def cell(self) -> Ints:
        """Cell of every prompt."""
        return np.asarray(self.digits[:, 3] * self.shape.base + self.digits[:, 0], np.int64)

    @cached_property
    def right(self) -> Ints:
        """The right response to every prompt, (prompts, 3) token ids."""
        return solve(self, np.arange(self.shape.prompts), self.strategy[self.cell])

    def prompt_tokens(self, prompt: Ints) -> Ints:
        """Token ids (…, 4) of prompts."""
        return np.asarray(self.digits[prompt] + self.shape.base * np.arange(4), np.int64)

    def test_prompts(self, distribution: str) -> Ints:
        """Prompts of a test distribution, all equally likely.

        Raises
        ------
        KeyError
            If the distribution is neither `id` nor `ood`.
        """
        trained = self.trained_cells[self.cell]
        return np.flatnonzero({"id": trained & ~self.training, "ood": ~trained}[distribution])


def solve(world: StrategyWorld, prompt: Ints, strategy: Ints) -> Ints:
    """Responses (N, 3) that follow given strategies without an error of computation."""
    x0, x1, x2, _ = world.digits[prompt].T
    by_kind = np.stack([x1 + x2, x1 * x2, x1 - x2, x2 - x1])
    middle = by_kind[strategy % 4, np.arange(len(prompt))] % world.shape.base
    answer = (middle + x0) % world.shape.base
    digits = np.stack([middle, answer], 1) + world.shape.strategies
    return np.concatenate([np.asarray(strategy)[:, None], digits], 1).astype(np.int64)


def draw_strategy_world(
    seed: int, number: int, *, p_easy: float = P_EASY, shape: StrategyShape = WORLD_B
) -> StrategyWorld:
    """Draw a world; equal keys give equal worlds, whatever `p_easy` is.

    Parameters
    ----------
    seed, number : int
        Key of the draw.
    p_easy : float
        P(the demonstrator knows the right strategy) in easy cells.
    shape : StrategyShape
        Sizes.
    """

    def u(item: int, count: int) -> Floats:
        return uniform(seed, Stream.WORLD, number, item, np.arange(count))

    habits = np.exp(normal(seed, Stream.WORLD, number, _PRIOR, np.arange(shape.strategies)))
    world = StrategyWorld(
        shape=shape, number=number, strategy=np.floor(u(_STRATEGY, shape.cells) * shape.strategies).astype(np.int64),
        hard=u(_HARD, shape.cells) < HARD_SHARE, prior=habits / habits.sum(), p_easy=p_easy,
        trained_cells=_first(u(_CELLS, shape.cells), TRAINED_CELLS),
        training=np.zeros(shape.prompts, bool),
    )  # fmt: skip
    eligible = np.flatnonzero(world.trained_cells[world.cell])
    order = eligible[np.argsort(u(_PROMPTS, shape.prompts)[eligible], kind="stable")]
    world.training[order[: round(TRAINED_SHARE * len(order))]] = True
    return world


def _first(draws: Floats, count: int) -> Bools:
    """The `count` positions with the smallest draws."""
    chosen = np.zeros(len(draws), bool)
    chosen[np.argsort(draws, kind="stable")[:count]] = True
    return chosen


def demonstrate(world: StrategyWorld, prompt: Ints, u_right: Floats, u_habit: Floats) -> Ints:
    """Responses (N, 3) of the imperfect demonstrator from whom base models learn.

    In an easy cell it takes the right strategy with `p_easy`, else one of its habits; in a hard cell
    the right one with 0.012, else a habit that is not right. It always computes well.
    """
    cell = world.cell[prompt]
    right, hard = world.strategy[cell], world.hard[cell]
    knows = u_right < np.where(hard, P_HARD, world.p_easy)
    habits = np.tile(world.prior, (len(prompt), 1))
    habits[np.flatnonzero(hard), right[hard]] = 0.0
    cumulative = np.cumsum(habits, 1)
    draw = u_habit * cumulative[:, -1]
    # Counting the totals not above the draw skips the habits of no weight.
    habit = np.minimum((cumulative <= draw[:, None]).sum(1), world.shape.strategies - 1)
    return solve(world, prompt, np.where(knows, right, habit))
