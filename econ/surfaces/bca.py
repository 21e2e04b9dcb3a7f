"""Bias-corrected and accelerated intervals from bootstrap draws and a jackknife over worlds (Efron 1987)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from econ.surfaces.forms import Floats

#: Normal quantile that stands for the first and the last draw.
FARTHEST = 40.0


@dataclass(frozen=True)
class Correction:
    """What BCa corrects of one statistic's bootstrap distribution.

    Attributes
    ----------
    bias : float
        z0, the normal quantile of the share of draws below the estimate; infinite where all lie on one side.
    acceleration : float
        a, a sixth of the skewness of the statistic's influence.
    """

    bias: float
    acceleration: float

    def levels(self, percentiles: Floats) -> Floats:
        """Confidence that the quantity lies below a quantile of the draws: the inverse of equation 6.8 of Efron (1987)."""
        from scipy.special import ndtr, ndtri

        z = np.clip(ndtri(percentiles), -FARTHEST, FARTHEST) - self.bias
        room = 1.0 + self.acceleration * z
        # Beyond the pole of the map lie draws in which BCa has no confidence at all.
        inside = np.where(room > 0.0, z / np.where(room > 0.0, room, 1.0), np.sign(z) * FARTHEST)
        found: Floats = ndtr(inside - self.bias)
        return found


def correction(draws: Floats, estimate: float, left_out: Floats) -> Correction:
    """Bias and acceleration of a statistic.

    Parameters
    ----------
    draws : ndarray, [D]
        Bootstrap draws.
    estimate : float
        With equal weights of worlds.
    left_out : ndarray, [W]
        With each world left out.
    """
    from scipy.special import ndtri

    below = ((draws < estimate).mean() + (draws <= estimate).mean()) / 2.0
    influence = left_out.mean() - left_out
    spread = float((influence**2).sum())
    acceleration = float((influence**3).sum()) / (6.0 * spread**1.5) if spread > 0.0 else 0.0
    return Correction(float(ndtri(below)), acceleration)


@dataclass(frozen=True)
class Part:
    """Draws of one form, its share of the mixture, and their correction."""

    draws: Floats
    share: float
    correction: Correction


def interval(parts: Sequence[Part], levels: Sequence[float]) -> tuple[float, ...]:
    """Ends with the given confidence below them, of one statistic or of a mixture of forms by weight.

    Each form's draws become a distribution of confidence by its own correction; shares add these up. With
    one form the ends are those of BCa, read off the draws as its percentiles say.
    """
    support = np.sort(np.concatenate([part.draws for part in parts]))
    below = np.zeros(len(support))
    for part in parts:
        ordered = np.sort(part.draws)
        # Percentiles of draws as `numpy.quantile` has them, first at 0 and last at 1.
        own = np.interp(support, ordered, np.linspace(0.0, 1.0, len(ordered)))
        below += part.share * part.correction.levels(own)
    return tuple(float(np.interp(level, below, support)) for level in levels)
