"""The contest of `econ.market.lobbying`, compiled: one contest after another."""

from __future__ import annotations

from typing import Any

import numpy as np

from econ.core import compiled


def _contests(stakes: Any, capacity: Any, effort: Any) -> None:
    contests, players = stakes.shape
    ordered = np.empty(players)
    for i in range(contests):
        # By insertion, the largest first; most have no stake at all.
        count = 0
        for n in range(players):
            stake = stakes[i, n]
            if stake > 0:
                place = count
                while place > 0 and ordered[place - 1] < stake:
                    ordered[place] = ordered[place - 1]
                    place -= 1
                ordered[place] = stake
                count += 1
        total, inverse = 0.0, 0.0
        for rivals in range(count):
            inverse += 1.0 / ordered[rivals]
            reached = (rivals + np.sqrt(rivals * rivals + 4.0 * inverse * capacity[i])) / (2.0 * inverse)
            if np.isfinite(inverse) and ordered[rivals] > reached:
                total = reached
        for n in range(players):
            stake = stakes[i, n]
            effort[i, n] = total * max(1.0 - total / stake, 0.0) if stake > 0 else stake * 0.0


#: Of stakes [n, players] and capacity [n] to efforts [n, players].
contests = compiled.kernel(_contests)
