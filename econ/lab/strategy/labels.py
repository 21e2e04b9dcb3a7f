"""Labels in World B: pairs in which the right response beats the wrong one, and flags on wrong responses.

Only whether a response is right is judged, through noise: pairs are flipped, flags miss and alarm
falsely. Of two right or two wrong responses either is preferred, by a fair coin.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from econ.core.random import uniform
from econ.core.streams import Stream
from econ.lab.accounting import information
from econ.lab.labels import Labels

if TYPE_CHECKING:
    from collections.abc import Callable

    from econ.lab.knobs import Knobs
    from econ.lab.pool import Pool
    from econ.lab.strategy.world import Bools, Floats, StrategyWorld

#: Kinds of labels given in World B.
KINDS = ("preference", "flag")


class StrategyRaters:
    """Those who judge one world's pool; budgets are nested: n labels are the first n of more.

    Parameters
    ----------
    world : StrategyWorld
    pool : Pool
        Its `combo` holds prompts.
    knobs : Knobs
        `pair_flip`, and the noise of flags.
    seed : int
    """

    def __init__(self, world: StrategyWorld, pool: Pool, knobs: Knobs, seed: int) -> None:
        self._world, self._pool, self._knobs, self._seed = world, pool, knobs, seed

    def give(self, kind: str, n: int, start: int = 0) -> Labels:
        """Labels of a kind of `KINDS`: n of them, from a prompt of the pool on."""
        makers: dict[str, Callable[[], Labels]] = {"preference": self._preferences, "flag": self._flags}
        return makers[kind]().rows(slice(start, start + n))

    def _right(self, candidate: int) -> Bools:
        return np.asarray((self._pool.responses[:, candidate] == self._world.right[self._pool.combo]).all(1))

    def _draw(self, stream: Stream, item: int) -> Floats:
        return uniform(self._seed, stream, self._world.number, item, np.arange(len(self._pool.combo)))

    def _preferences(self) -> Labels:
        right, flip = [self._right(c) for c in (0, 1)], self._knobs.pair_flip
        gap = right[0].astype(np.int64) - right[1]
        prefers_0: Floats = 0.5 + (0.5 - flip) * gap.astype(np.float64)
        chosen = (self._draw(Stream.LABEL_PREFERENCE, 1000) >= prefers_0).astype(np.int64)
        order = np.stack([chosen, 1 - chosen], 1)
        return Labels(
            "preference", np.take_along_axis(self._pool.responses[:, :2], order[:, :, None], 1),
            np.take_along_axis(self._pool.reference[:, :2], order, 1), np.zeros(order.shape, bool),
            information(prefers_0, gap + 1), math.nan,
        )  # fmt: skip

    def _flags(self) -> Labels:
        miss, false_alarm = self._knobs.noise
        wrong = ~self._right(0)
        probability = np.where(wrong, 1.0 - miss, false_alarm)
        flagged = (self._draw(Stream.LABEL_FLAG, 1000) < probability)[:, None]
        bits = information(probability, wrong.astype(np.int64))
        return Labels("flag", self._pool.responses[:, :1], self._pool.reference[:, :1], flagged, bits, math.nan)
