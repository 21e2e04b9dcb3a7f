"""Recovery of known parameters from the moments of a market that has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from econ.analysis.calibration.fit import quantiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from econ.analysis.calibration.fit import Sample
    from econ.analysis.calibration.space import Space

    Floats = NDArray[np.float64]

#: Interval whose coverage is checked.
LEVELS = (0.05, 0.5, 0.95)


def truths(space: Space, count: int, seed: int) -> Floats:
    """Parameters drawn evenly from the prior: points of the cube [count, d]."""
    from scipy.stats import qmc

    return qmc.LatinHypercube(space.size, rng=seed).random(count)


def band_noise(facts: int, count: int, seed: int) -> Floats:
    """Errors of the facts, standard normal [count, M]: what the half bands are taken to say of the real ones."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    return np.asarray(ndtri(qmc.LatinHypercube(facts, rng=seed).random(count)))


def recovery_table(space: Space, sample: Sample, unit: Floats, observed: Floats, error: Floats) -> pd.DataFrame:
    """Posterior of each truth from its own simulated moments.

    Parameters
    ----------
    space : Space
    sample : Sample
    unit : ndarray, shape [n, d]
        True parameters, in the cube.
    observed : ndarray, shape [n, M]
        Their moments with the facts' errors, as distances from the real facts.
    error : ndarray, shape [n, M]
        Monte Carlo errors of these moments, in half bands.

    Returns
    -------
    DataFrame
        `truth`, `parameter`, `true`, `p05`, `p50`, `p95` in the parameters' own units, `inside` (of the 90 % interval).
    """
    rows = []
    for number, (true, target, noise) in enumerate(zip(unit, observed, error, strict=True)):
        found = quantiles(sample.unit, sample.weights(target, noise**2), LEVELS)
        low, middle, high = space.values(found)
        values = space.values(true[None])[0]
        for place, key in enumerate(space.keys):
            inside = bool(found[0, place] <= true[place] <= found[2, place])
            rows.append((number, key, values[place], low[place], middle[place], high[place], inside))
    return pd.DataFrame(rows, columns=["truth", "parameter", "true", "p05", "p50", "p95", "inside"])


def recovery_summary(space: Space, table: pd.DataFrame) -> pd.DataFrame:
    """By parameter: coverage of the 90 % interval, and correlation of the recovered median with the truth, in the cube."""
    rows = []
    for place, key in enumerate(space.keys):
        own = table[table["parameter"] == key]
        both = np.full((2, len(own), space.size), 0.5)
        values = space.values(both)
        values[0, :, place], values[1, :, place] = own["true"], own["p50"]
        true, found = space.unit(values)[:, :, place]
        spread = len(own) > 2 and true.std() > 0 and found.std() > 0
        rows.append((key, own["inside"].mean(), np.corrcoef(true, found)[0, 1] if spread else np.nan))
    return pd.DataFrame(rows, columns=["parameter", "coverage", "correlation"])
