"""Counts of `econ.market.liability`, compiled: the inverse of the Poisson distribution by search from zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from econ.core import compiled


def _search(uniform: Any, mean: Any, out: Any) -> None:
    for i in range(uniform.size):
        chance, count = np.exp(-mean[i]), 0
        reached = chance
        while uniform[i] > reached and count < mean[i] + 40.0 * np.sqrt(mean[i] + 1.0) + 40.0:
            count += 1
            chance *= mean[i] / count
            reached += chance
        out[i] = count


#: Of uniforms [n] and means [n] to counts [n].
search = compiled.kernel(_search)
