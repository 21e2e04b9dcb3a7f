"""Helpfulness, sycophancy and over-refusal as functions of flags a, pairs b and verifiability v.

    g(outcome) = g0 + (u_a + u_av·v)·φ(a/n_a) + u_b·φ(b/n_b) + u_ab·φ(a/n_a)·φ(b/n_b),   φ(t) = t/(1 + t)

g is the identity for helpfulness and the logit for the two rates. Nothing makes the outcome monotone:
the signs of u_a, u_b and u_ab are findings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from econ.surfaces.forms import Floats, sigmoid

SECONDARY = ("helpfulness", "sycophancy", "over_refusal")
#: Name under which these draws are stored.
HILL = "hill"
PARAMETERS = ("base", "u_a", "u_av", "u_b", "u_ab", "log_n_a", "log_n_b")
#: Whether an outcome is modelled on the logit scale.
ON_LOGIT = {"helpfulness": False, "sycophancy": True, "over_refusal": True}


@dataclass(frozen=True)
class SecondaryBatch:
    """One outcome of S replicates.

    Attributes
    ----------
    outcome : str
        One of `SECONDARY`.
    theta : ndarray, [S, >= 7]
        Parameters in the order of `PARAMETERS`.
    """

    outcome: str
    theta: Floats

    def evaluate(self, a: ArrayLike, b: ArrayLike, v: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """Level and slopes at laboratory labels.

        Parameters
        ----------
        a, b : array_like, [S, …]
            Flags and pairs, in labels.
        v : array_like
            Verifiability, broadcast against `a`.

        Returns
        -------
        value, slope_a, slope_b : ndarray
            The outcome in its own units (rates and helpfulness in [0, 1]) and its change per label.
        """
        flags, pairs, levels = np.broadcast_arrays(*(np.asarray(t, np.float64) for t in (a, b, v)))
        base, u_a, u_av, u_b, u_ab, log_n_a, log_n_b = (
            self.theta[:, i].reshape(-1, *(1,) * (flags.ndim - 1)) for i in range(len(PARAMETERS))
        )
        phi_a, d_a = _saturation(flags, np.exp(log_n_a))
        phi_b, d_b = _saturation(pairs, np.exp(log_n_b))
        pull_a = u_a + u_av * levels
        score = base + pull_a * phi_a + u_b * phi_b + u_ab * phi_a * phi_b
        value, d_score = _link(score, ON_LOGIT[self.outcome])
        return value, d_score * (pull_a + u_ab * phi_b) * d_a, d_score * (u_b + u_ab * phi_a) * d_b


def _saturation(labels: Floats, half: Floats) -> tuple[Floats, Floats]:
    """φ and its slope per label."""
    phi: Floats = labels / (labels + half)
    return phi, half / (labels + half) ** 2


def _link(score: Any, on_logit: bool) -> tuple[Floats, Floats]:
    """From the linear scale to the outcome, with its derivative."""
    if not on_logit:
        return score, np.ones_like(score)
    value = sigmoid(score)
    return value, value * (1.0 - value)
