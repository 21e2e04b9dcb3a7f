"""What a firm answers for: liability that its insurance passes through, what premiums take of sales, and audits that find violations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from econ.market.setting import sum_over

if TYPE_CHECKING:
    from econ.scenario.levers import Levers

Array = Any


def pass_through(p: Any, revenue_share: Array) -> Array:
    """Liability that reaches a firm per unit of liable damage, λ_I = 1 - q + q(1 + load)(Z + (1 - Z)·share)."""
    extra = revenue_share.ndim - 1
    insured = p["insured_share", extra]
    own = p["credibility_own_claims", extra]
    return 1 - insured + insured * (1 + p["premium_loading", extra]) * (own + (1 - own) * revenue_share)


def class_levy(p: Any, revenue_share: Array, class_rate: Array) -> Array:
    """Share of a further dollar of sales that premiums rated by the class take, (1 + load)(1 - Z)(1 - share)·class rate.

    The rest of the premium follows the firm's own claims and stands in `pass_through`; together a class of equal firms
    pays its expected claims, loaded.
    """
    extra = revenue_share.ndim - 1
    own = p["credibility_own_claims", extra]
    return (1 + p["premium_loading", extra]) * (1 - own) * (1 - revenue_share) * class_rate


def detection(p: Any, audit: Array, verifiability: Array) -> Array:
    """Power of audits by category, 1 - exp(-slope·audit·v_k): [S, J, K] for audit [S, J]."""
    return 1 - np.exp(-p["detection_slope", 2] * audit[..., None] * verifiability[:, None, :])


def over_standard(p: Any, levers: Levers, verifiability: Array, harm: Array) -> Array:
    """Whether relative harm [S, F, J, K] exceeds the standard where the standard applies [S, F, J, K]."""
    finable = verifiability > p["standard_verifiability_cut", 1]
    return (harm > levers.max_harm[:, None, :, None]) & finable[:, None, None]


def fine_rate(p: Any, levers: Levers, verifiability: Array, harm: Array) -> Array:
    """Fines per dollar of sales [S, F, J] at relative harm [S, F, J, K]: detection times excess harm, capped (Becker 1968)."""
    excess = np.where(over_standard(p, levers, verifiability, harm), harm - levers.max_harm[:, None, :, None], 0.0)
    found = sum_over(detection(p, levers.audit, verifiability)[:, None] * excess, 3)
    return np.minimum(levers.fine[:, None] * found, p["fine_cap", 2])
