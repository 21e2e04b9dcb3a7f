"""Labor of three regions combined with constant elasticity, compiled: what `econ.market.technology` writes as formulas."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from econ.core import compiled

_LEAST = np.finfo(np.float64).tiny


@numba.njit(inline="always", error_model="numpy")
def _power(x: Any, exponent: Any) -> Any:
    """X to a power; the compiled logarithm and exponential take numbers that are neither zero nor infinite."""
    return compiled.exp(exponent * compiled.log(x)) if _LEAST <= x < np.inf else x**exponent


def _index(wage: Any, wage_start: Any, cost_share: Any, index_start: Any, substitution: Any, out: Any) -> None:
    size, curators, regions, occupations = wage.shape
    for i in range(size):
        power = 1.0 - substitution[i]
        for c in range(curators):
            for o in range(occupations):
                total = 0.0
                for g in range(regions):
                    total += cost_share[i, g, o] * _power(wage[i, c, g, o] / wage_start[i, g, o], power)
                out[i, c, o] = index_start[i, o] * _power(total, 1.0 / power)


def _wanted(hours: Any, wage: Any, index: Any, wage_start: Any, hours_share: Any, index_start: Any, substitution: Any, out: Any) -> None:
    size, curators, regions, occupations = wage.shape
    for i in range(size):
        for c in range(curators):
            for o in range(occupations):
                level = index[i, c, o] / index_start[i, o]
                for g in range(regions):
                    relative = wage[i, c, g, o] / wage_start[i, g, o] / level
                    out[i, c, g, o] = hours[i, c, o] * hours_share[i, g, o] * _power(relative, -substitution[i])


def _output(used: Any, hours_share: Any, cost_share: Any, substitution: Any, out: Any) -> None:
    size, curators, regions, occupations = used.shape
    for i in range(size):
        power = (substitution[i] - 1.0) / substitution[i]
        for c in range(curators):
            for o in range(occupations):
                total = 0.0
                for g in range(regions):
                    total += cost_share[i, g, o] * _power(used[i, c, g, o] / hours_share[i, g, o], power)
                out[i, c, o] = _power(total, 1.0 / power)


#: Axes as in `econ.market.technology.Technology`; the last array is filled.
index, wanted, output = (compiled.kernel(function) for function in (_index, _wanted, _output))
