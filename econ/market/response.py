"""Where label stocks stand on the measured surface, and what harm they leave, with its slopes.

Harm is the laboratory's measured surface; market stocks enter it through one factor per kind of label,
set so that the status quo stands at (x0, y0) half-saturations when the laboratory's advantage does not
transfer. What users get beside safety, at the same position, is in `econ.market.quality`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.market.setting import column

if TYPE_CHECKING:
    from econ.market.quality import Measured, StandIn
    from econ.surfaces import SurfaceAt

Array = Any
#: Keeps slopes finite at a stock of zero, in half-saturations.
GUARD = 1e-9


@dataclass(frozen=True)
class Stocks:
    """Label stocks in half-saturations of the measured surface.

    Attributes
    ----------
    x : [S, …, K]
        Constraint labels.
    y : [S, …, 1]
        Preference labels.
    per_a, per_b
        Half-saturations per effective label, of the same axes.
    """

    x: Array
    y: Array
    per_a: Array
    per_b: Array


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
    quality : Measured or StandIn
        Helpfulness, over-refusal and sycophancy.
    """

    surface: SurfaceAt
    advantage: Array
    transfer: Array
    position_x: Array
    position_y: Array
    constraints_reference: Array
    preferences_reference: Array
    quality: Measured | StandIn

    def stocks(self, constraints: Array, preferences: Array, scale: Array, belief: Array | None = None) -> Stocks:
        """Where label stocks stand on the measured surface.

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
        """
        axes = constraints.ndim - 2
        advantage = self.advantage.reshape((-1,) + (1,) * axes + (self.advantage.shape[-1],))
        transfer = column(self.transfer, axes + 1) if belief is None else belief[..., None]
        reference = (self.constraints_reference * column(scale, 1)).reshape(advantage.shape)
        per_a = column(self.position_x, axes + 1) * np.exp(transfer * advantage) / reference
        per_b = column(self.position_y / (self.preferences_reference * scale), axes + 1)
        return Stocks(per_a * constraints + GUARD, per_b * preferences[..., None] + GUARD, per_a, per_b)

    def harm(self, constraints: Array, preferences: Array, scale: Array, belief: Array | None = None) -> tuple[Array, Array, Array]:
        """Relative harm and its slopes, market.

        Parameters
        ----------
        constraints : [S, F, K] or [S, F, M, K]
            Effective constraint labels, of M sets for each of F holders of preference labels.
        preferences : [S, F]
            Effective preference labels.
        scale : [S]
            As in `stocks`.
        belief : [S, F], optional
            Believed transfer; the true one when omitted.

        Returns
        -------
        harm, slope_a, slope_b : as `constraints`
            H, -∂H/∂a and -∂H/∂b per label.
        """
        from econ.market import harm_kernels

        found = np.empty((3, *constraints.shape))
        sets = constraints.shape if constraints.ndim == 4 else (*constraints.shape[:2], 1, constraints.shape[2])
        harm_kernels.harm(
            *self.compiled_arguments(scale, belief), preferences, constraints.reshape(sets), *found.reshape(3, *sets)
        )
        return found[0], found[1], found[2]

    def compiled_arguments(self, scale: Array, belief: Array | None) -> tuple[Any, ...]:
        """What compiled code needs to place labels on the surface, at the true or a believed transfer, before stocks themselves."""
        transfer = self.transfer[:, None] if belief is None else belief
        form, arguments = self._formulas
        scale_a = self.position_x[:, None] / (self.constraints_reference * scale[:, None])
        per_b = self.position_y / (self.preferences_reference * scale)
        return form, arguments, scale_a, self.advantage, transfer, per_b, GUARD

    @cached_property
    def _formulas(self) -> tuple[Array, Array]:
        """Code of each replicate's form [S] and what its formula takes [S, K, …], as compiled code reads them."""
        from econ.market.harm_kernels import CODE, WIDTH

        return np.array([CODE[name] for name in self.surface.form]), self.surface.arguments(WIDTH)
