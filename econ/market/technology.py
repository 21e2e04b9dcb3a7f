"""How labels are made: hours per label, and labor of three regions combined with constant elasticity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from econ.market.setting import CATEGORIES, JUDGE, OCCUPATIONS, REGIONS, Parameters

Array = Any


@dataclass(frozen=True)
class Technology:
    """Constants of production, by occupation o where it has an axis for it.

    Attributes
    ----------
    hours_preference : [S]
        Hours of judging per preference label.
    hours_constraint : [S, K]
        Hours of drafting per constraint example.
    wage_start : [S, G, O]
        Status-quo wage, USD per hour.
    hours_share : [S, G, O]
        Status-quo share of the hours.
    cost_share : [S, G, O]
        Status-quo share of the wage bill.
    index_start : [S, O]
        Status-quo cost of an hour, USD.
    substitution : [S]
        Elasticity of substitution between regions.
    """

    hours_preference: Array
    hours_constraint: Array
    wage_start: Array
    hours_share: Array
    cost_share: Array
    index_start: Array
    substitution: Array

    @property
    def wage_unit(self) -> Array:
        """Status-quo wage of judging [S, G], the unit of logarithms of pay, which then depend on no currency."""
        return self.wage_start[:, :, JUDGE]

    def wage_index(self, wage: Array) -> Array:
        """Cost of an hour of composite labor, W(w) = W0·[Σ_g θ_g (w_g/w0_g)^(1-ε)]^(1/(1-ε)).

        The calibrated-share form of the CES unit cost (Rutherford 2002).

        Parameters
        ----------
        wage : [S, C, G, O]

        Returns
        -------
        [S, C, O]
        """
        from econ.market import technology_kernels as kernels

        out = np.empty((*wage.shape[:2], wage.shape[3]))
        kernels.index(wage, self.wage_start, self.cost_share, self.index_start, self.substitution, out)
        return out

    def wanted(self, hours: Array, wage: Array, index: Array) -> Array:
        """Hours wanted by region at least cost, h·s_g·[(w_g/w0_g)/(W/W0)]^(-ε).

        Parameters
        ----------
        hours, index : [S, C, O]
            Hours of composite labor, and the cost W of one at these wages.
        wage : [S, C, G, O]

        Returns
        -------
        [S, C, G, O]
        """
        from econ.market import technology_kernels as kernels

        out = np.empty(wage.shape)
        kernels.wanted(hours, wage, index, self.wage_start, self.hours_share, self.index_start, self.substitution, out)
        return out

    def output(self, used: Array) -> Array:
        """Hours of composite labor [S, C, O] from hours used by region [S, C, G, O], [Σ_g θ_g (u_g/s_g)^ρ]^(1/ρ) with ρ = 1 - 1/ε."""
        from econ.market import technology_kernels as kernels

        out = np.empty((*used.shape[:2], used.shape[3]))
        kernels.output(used, self.hours_share, self.cost_share, self.substitution, out)
        return out


def technology(p: Parameters) -> Technology:
    """Constants of production from the parameters.

    Raises
    ------
    InputError
        Never; parameters are checked when a scenario is read.
    """
    shares = np.stack([p.vector(f"hours_share_{o}", REGIONS) for o in OCCUPATIONS], axis=2)
    shares = shares / shares.sum(axis=1, keepdims=True)
    wages = np.stack([p.vector(f"wage_{o}", REGIONS) for o in OCCUPATIONS], axis=2)
    bill = shares * wages
    verifiability = p.vector("verifiability", CATEGORIES)
    return Technology(
        hours_preference=p["minutes_preference_label"] / 60,
        hours_constraint=p["minutes_constraint_example", 1] / 60 * (1 + p["minutes_contested_slope", 1] * (1 - verifiability)),
        wage_start=wages,
        hours_share=shares,
        cost_share=bill / bill.sum(axis=1, keepdims=True),
        index_start=bill.sum(axis=1),
        substitution=p["substitution_between_regions"],
    )
