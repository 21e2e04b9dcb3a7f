"""Parameters drawn from a scenario's priors, one value per replicate.

The uniform behind a draw depends on the seed, the replicate and the name alone. So a parameter has
the same quantile in every scenario with the same seed (common random numbers), whatever the prior
and whichever other parameters have one.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from econ.core.errors import InputError
from econ.core.random import uniform
from econ.core.streams import Stream
from econ.scenario.domains import Domain, domain_of
from econ.scenario.lever_table import REGIONS
from econ.scenario.parameters import SIZE_KEYS, defaults
from econ.scenario.values import Prior

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from econ.scenario.schema import Scenario

#: Groups of shares of one whole, scaled to sum to 1 in every replicate.
SHARES_OF_ONE: tuple[tuple[str, ...], ...] = tuple(
    tuple(f"{stem}_{region}" for region in REGIONS)
    for stem in ("hours_share_judge", "hours_share_constrain", "pool_share")
)


def parameter_draws(scenario: Scenario, seed: int, replicates: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """Every number of the market model, for each replicate.

    Parameters
    ----------
    scenario : Scenario
    seed : int
        0 to 2**32 - 1.
    replicates : array_like of int, shape (S,)
        Numbers of the replicates; a replicate's values do not depend on the others.

    Returns
    -------
    dict of str to ndarray, shape (S,)
        By name, for each default row of `calibration/parameters.csv`, in its unit. The shares of
        `SHARES_OF_ONE` are scaled to sum to 1.

    Raises
    ------
    InputError
        If the priors of the two labor supply elasticities overlap.
    """
    index = np.asarray(replicates, np.int64)
    sizes = scenario.sizes()
    drawn: dict[str, NDArray[np.float64]] = {}
    for name, row in defaults().items():
        if name in SIZE_KEYS:
            drawn[name] = np.full(index.shape, float(sizes[name]))
        else:
            drawn[name] = value_draws(scenario.parameters[name], domain_of(name, row.unit), seed, index, name)
    _check_elasticities(drawn, index)
    for group in SHARES_OF_ONE:
        _scale_to_one(drawn, group)
    return drawn


def _check_elasticities(drawn: dict[str, NDArray[np.float64]], replicates: NDArray[np.int64]) -> None:
    """Random utility needs an elasticity facing one curator that is no lower than the occupation's."""
    wrong = drawn["curator_elasticity"] < drawn["occupation_elasticity"]
    if wrong.any():
        raise InputError(
            f"replicate {replicates[wrong][0]} draws a value below occupation_elasticity",
            key="parameters.curator_elasticity",
            found=float(drawn["curator_elasticity"][wrong][0]),
            allowed="priors of the two elasticities that do not overlap",
        )


def value_draws(
    value: float | Prior,
    domain: Domain,
    seed: int,
    replicates: NDArray[np.int64],
    name: str,
    quarter: int = 0,
) -> NDArray[np.float64]:
    """A number or prior for each replicate, shape (S,), by inverse distribution function.

    `name` and `quarter` choose the uniforms; `domain` truncates normal and log-normal priors.
    """
    if not isinstance(value, Prior):
        return np.full(replicates.shape, float(value))
    chance = uniform(seed, Stream.PRIOR, replicates, quarter, zlib.crc32(name.encode()), 0)
    drawn = _quantiles(value, chance, domain)
    drawn = np.rint(drawn) if domain.integer else drawn
    # Rounding in the last place may touch or pass a bound that the exact quantile does not.
    low = np.nextafter(domain.low, np.inf) if domain.low_open else domain.low
    high = np.nextafter(domain.high, -np.inf) if domain.high_open else domain.high
    return np.clip(drawn, low, high)


def _quantiles(prior: Prior, chance: NDArray[np.float64], domain: Domain) -> NDArray[np.float64]:
    from scipy import special

    first, second = prior.first, prior.second
    if prior.kind == "uniform":
        return first + (second - first) * chance
    if prior.kind == "beta":
        return np.asarray(special.betaincinv(first, second, chance), np.float64)
    below, above = prior.mass_below(domain.low), prior.mass_below(domain.high)
    z = np.asarray(special.ndtri(below + (above - below) * chance), np.float64)
    return first + second * z if prior.kind == "normal" else first * np.exp(second * z)


def quantile(prior: Prior, chance: float, domain: Domain) -> float:
    """One quantile of a prior, truncated to its domain where it is normal or log-normal."""
    return float(_quantiles(prior, np.array([chance]), domain)[0])


def _scale_to_one(drawn: dict[str, NDArray[np.float64]], group: Sequence[str]) -> None:
    total = sum(drawn[name] for name in group)
    for name in group:
        drawn[name] = drawn[name] / total
