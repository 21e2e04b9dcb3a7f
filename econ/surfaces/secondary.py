"""Helpfulness, sycophancy and over-refusal as functions of flags a, pairs b and verifiability v.

    g(outcome) = g0 + (u_a + u_av·v)·φ(a) + u_b·φ(b) + u_ab·φ(a)·φ(b) + u_t·t/(t + 4),   t = a + b
    φ(n) = m/(m + m50),   m = (n + 1)^q - 1,   m50 = (n50 + 1)^q - 1

g is the identity for helpfulness and the logit for the two rates; φ is a Hill (1910) curve of n + 1, so that its slope
at zero is finite for every exponent q, which each kind of label has of its own, as its half-saturation n50. The last
term is what any training does, however few the labels: in the laboratory helpfulness falls at the smallest budget
already. Nothing makes the outcome monotone: the signs of u_a, u_b, u_ab and u_t are findings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from econ.surfaces.forms import Floats, sigmoid

SECONDARY = ("helpfulness", "sycophancy", "over_refusal")
#: Name under which these draws are stored.
HILL = "hill"
PARAMETERS = ("base", "u_a", "u_av", "u_b", "u_ab", "log_n_a", "log_n_b", "log_q_a", "log_q_b", "u_t")
#: Whether an outcome is modelled on the logit scale.
ON_LOGIT = {"helpfulness": False, "sycophancy": True, "over_refusal": True}
#: Labels at which half of the effect of any training is there.
TRAINED_AT = 4.0


@dataclass(frozen=True)
class SecondaryBatch:
    """One outcome of S replicates.

    Attributes
    ----------
    outcome : str
        One of `SECONDARY`.
    theta : ndarray, [S, >= 7]
        Parameters in the order of `PARAMETERS`; the last three are 0 where they are left out or NaN.
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
        # Not broadcast to each other: what depends on pairs alone is not worked out for every category.
        flags, pairs, levels = (np.asarray(t, np.float64) for t in (a, b, v))
        axes = (1,) * (max(flags.ndim, pairs.ndim, levels.ndim) - 1)
        base, u_a, u_av, u_b, u_ab, log_n_a, log_n_b, log_q_a, log_q_b, u_t = (
            column.reshape(-1, *axes) for column in self.columns
        )
        phi_a, d_a = saturation(flags, np.exp(log_n_a), np.exp(log_q_a))
        phi_b, d_b = saturation(pairs, np.exp(log_n_b), np.exp(log_q_b))
        trained = flags + pairs
        pull_a = u_a + u_av * levels
        score = base + pull_a * phi_a + u_b * phi_b + u_ab * phi_a * phi_b + u_t * trained / (trained + TRAINED_AT)
        value, d_score = _link(score, ON_LOGIT[self.outcome])
        d_t = u_t * TRAINED_AT / (trained + TRAINED_AT) ** 2
        return (
            value,
            d_score * ((pull_a + u_ab * phi_b) * d_a + d_t),
            d_score * ((u_b + u_ab * phi_a) * d_b + d_t),
        )

    @cached_property
    def columns(self) -> list[Floats]:
        """The parameters one by one, each [S]; those that a draw lacks are zero."""
        count = self.theta.shape[1]
        lacking = np.zeros(len(self.theta))
        return [np.nan_to_num(self.theta[:, i]) if i < count else lacking for i in range(len(PARAMETERS))]


def saturation(labels: Floats, half: Floats, exponent: Floats) -> tuple[Floats, Floats]:
    """φ and its slope per label."""
    log_labels = np.log1p(labels)
    stock, middle = np.expm1(exponent * log_labels), np.expm1(exponent * np.log1p(half))
    phi: Floats = stock / (stock + middle)
    return phi, middle / (stock + middle) ** 2 * exponent * np.exp((exponent - 1.0) * log_labels)


def _link(score: Any, on_logit: bool) -> tuple[Floats, Floats]:
    """From the linear scale to the outcome, with its derivative."""
    if not on_logit:
        return score, np.ones_like(score)
    value = sigmoid(score)
    return value, value * (1.0 - value)
