"""The pool of a world: prompts in distribution, and what the base model answered to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from econ.core.random import uniform
from econ.core.streams import Stream
from econ.lab.world import World, combo_weights, draw_opinions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

#: Prompts in the pool of a world; the largest budget.
POOL_SIZE = 8192


@dataclass(frozen=True)
class Pool:
    """Prompts and candidate responses; what training may read.

    Attributes
    ----------
    combo, opinion : (M,) int64
    responses : (M, C, L) int64
        Base samples y0, y1, then anchors.
    reference : (M, C) float32
        log π_ref(y | x), nats per response.
    """

    combo: Ints
    opinion: Ints
    responses: Ints
    reference: NDArray[np.float32]


def risky_share(world: World) -> float:
    """Share of prompts in distribution at which a context or conjunction rule is in force."""
    return float(combo_weights(world, "seen", "benign") @ (world.risk > 0))


def pool_prompts(
    world: World, seed: int, confounding: float, count: int = POOL_SIZE, sampling: str = "passive"
) -> tuple[Ints, Ints]:
    """Combinations and opinions of the pool's prompts, drawn in distribution.

    With `sampling` "targeted" only those at which a context or conjunction rule is in force, drafted or
    not: whoever searches is taken to know a risky context.
    """
    index = np.arange(count)

    def u(item: int) -> NDArray[np.float64]:
        return uniform(seed, Stream.POOL, world.number, item, index)

    weight = combo_weights(world, "seen", "benign")
    cumulative = np.cumsum(weight if sampling == "passive" else weight * (world.risk > 0))
    # The last weights may be zero: searching below the total keeps the draw on a seen combination.
    combo = np.searchsorted(cumulative, u(0) * cumulative[-1], side="right").astype(np.int64)
    return combo, draw_opinions(world, combo, confounding, u(1), u(2), u(3))
