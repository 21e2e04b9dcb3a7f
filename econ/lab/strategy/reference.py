"""The slow scorer of World B: one prompt, one response, plain arithmetic. The oracle of the tests, nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from econ.lab.strategy.world import StrategyWorld


def is_right(world: StrategyWorld, digits: Sequence[int], response: Sequence[int]) -> bool:
    """Whether a response (strategy, m, r as token ids) answers the prompt x0, x1, x2, x3."""
    x0, x1, x2, x3 = digits
    strategy, middle, answer = response
    if strategy != world.strategy[7 * x3 + x0]:
        return False
    kind = strategy % 4
    if kind == 0:
        expected = (x1 + x2) % 7
    elif kind == 1:
        expected = (x1 * x2) % 7
    elif kind == 2:
        expected = (x1 - x2) % 7
    else:
        expected = (x2 - x1) % 7
    return middle == 12 + expected and answer == 12 + (expected + x0) % 7
