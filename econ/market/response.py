"""What label stocks do: harm, helpfulness and sycophancy, and their slopes.

Harm is the laboratory's measured surface; market stocks enter it through one factor per kind of label,
set so that the status quo stands at (x0, y0) half-saturations when the laboratory's advantage does not
transfer. Helpfulness and sycophancy are stand-ins of one parameter each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.market.setting import column

if TYPE_CHECKING:
    from econ.surfaces import SurfaceAt

Array = Any
#: Keeps slopes finite at a stock of zero, in half-saturations.
GUARD = 1e-9


@dataclass(frozen=True)
class Response:
    """Harm as a function of market stocks, for one batch.

    Attributes
    ----------
    surface : SurfaceAt
        Measured surfaces at the categories' verifiabilities.
    advantage : [S, K]
        Log cost-effectiveness of a constraint against a preference label, L_k.
    transfer : [S]
        True share of the advantage that carries over, τ.
    position_x, position_y : [S]
        Status-quo position, half-saturations.
    constraints_reference : [S, K]
        Constraint stock of the mean firm at the status quo, a_ref.
    preferences_reference : [S]
        Preference stock of the mean firm at the status quo, b_ref.
    over_refusal : [S]
        Weight of over-refusal in helpfulness.
    """

    surface: SurfaceAt
    advantage: Array
    transfer: Array
    position_x: Array
    position_y: Array
    constraints_reference: Array
    preferences_reference: Array
    over_refusal: Array

    def harm(self, constraints: Array, preferences: Array, scale: Array, belief: Array | None = None) -> tuple[Array, Array, Array]:
        """Relative harm and its slopes, market.

        Parameters
        ----------
        constraints : [S, …, K]
            Effective constraint labels.
        preferences : [S, …]
            Effective preference labels.
        scale : [S]
            Growth of what a label stock must cover since the status quo.
        belief : [S, …], optional
            Believed transfer; the true one when omitted.

        Returns
        -------
        harm, slope_a, slope_b : [S, …, K]
            H, -∂H/∂a and -∂H/∂b per label.
        """
        axes = constraints.ndim - 2
        advantage = self.advantage.reshape((-1,) + (1,) * axes + (self.advantage.shape[-1],))
        transfer = column(self.transfer, axes + 1) if belief is None else belief[..., None]
        reference = (self.constraints_reference * column(scale, 1)).reshape(advantage.shape)
        per_a = column(self.position_x, axes + 1) * np.exp(transfer * advantage) / reference
        per_b = column(self.position_y / (self.preferences_reference * scale), axes + 1)
        x = per_a * constraints + GUARD
        y = per_b * preferences[..., None] + GUARD
        harm, e_x, e_y = self.surface.evaluate(x, y)
        return harm, e_x * per_a / x, e_y * per_b / y

    def helpfulness(self, preferences: Array, rules: Array, scale: Array) -> tuple[Array, Array, Array]:
        """Helpfulness U of firms and its slopes in preference labels and in rules.

        U = 1 - (1 + b/b_U)^(-1/2) - u_or·ln(1 + Σ_k a_k/a_U): concave in preference labels, with a loss
        from over-refusal that grows with all rules in force.

        Parameters
        ----------
        preferences, rules : [S, F]
            Preference stock; sum over categories of bespoke and licensed constraints.
        scale : [S]

        Returns
        -------
        value, per_preference, per_rule : [S, F]
        """
        half = column(self.preferences_reference * scale, 1) / 2
        total = column(self.constraints_reference.sum(axis=1) * scale, 1)
        weight = column(self.over_refusal, 1)
        gain = (1 + preferences / half) ** -0.5
        value = 1 - gain - weight * np.log1p(rules / total)
        return value, 0.5 / half * gain / (1 + preferences / half), -weight / (total + rules)

    def sycophancy(self, preferences: Array, scale: Array) -> tuple[Array, Array]:
        """Sycophancy Y = 1 - (1 + b/b_Y)^(-1/2) of firms [S, F] and its slope in preference labels."""
        reach = column(self.preferences_reference * scale, 1)
        gain = (1 + preferences / reach) ** -0.5
        return 1 - gain, 0.5 / reach * gain / (1 + preferences / reach)
