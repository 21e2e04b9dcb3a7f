"""Three sources of a label, side by side: vendors, the firm itself, and AI.

Unit shares fall with a source's own price at a constant elasticity; effective labels are what AI labels
are worth in human ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from econ.market.setting import CATEGORIES, Setting, column

Array = Any
VENDOR, IN_HOUSE, AI = 0, 1, 2
#: No source is cheaper than this multiple of the vendors' price, or shares would be undefined.
LOWEST_PRICE = 1e-6


@dataclass(frozen=True)
class Mix:
    """How one kind of label is bought.

    Attributes
    ----------
    shares : [..., 3]
        Unit shares of vendors, in-house and AI.
    prices : [..., 3]
        USD per unit.
    effective : [..., 3]
        Effective labels per unit.
    """

    shares: Array
    prices: Array
    effective: Array

    @cached_property
    def price_per_unit(self) -> Array:
        """Mean USD per unit bought."""
        return (self.shares * self.prices).sum(axis=-1)

    @cached_property
    def effective_per_unit(self) -> Array:
        """Mean effective labels per unit bought."""
        return (self.shares * self.effective).sum(axis=-1)

    @cached_property
    def effective_price(self) -> Array:
        """USD per effective label."""
        return self.price_per_unit / self.effective_per_unit


def status_quo_weights(ai_share: Array, outsourced: Array, inhouse_markup: Array) -> Array:
    """Status-quo unit shares [S, 3] such that vendors get `outsourced` of the outlay on human labels."""
    dear = outsourced * (1 + inhouse_markup)
    vendor = (1 - ai_share) * dear / (1 - outsourced + dear)
    return np.stack([vendor, 1 - ai_share - vendor, ai_share], axis=-1)


def source_mix(weights: Array, prices: Array, prices_start: Array, effective: Array, elasticity: Array) -> Mix:
    """Unit shares u_m = θ_m (p_m/p_m0)^(-ς)/Σ at current prices.

    Parameters
    ----------
    weights, prices, prices_start, effective : [..., 3]
    elasticity : broadcastable to [..., 3]
    """
    lowest = LOWEST_PRICE * prices[..., :1]
    prices = np.maximum(prices, lowest)
    attraction = weights * (prices / np.maximum(prices_start, LOWEST_PRICE * prices_start[..., :1])) ** -elasticity
    return Mix(attraction / attraction.sum(axis=-1, keepdims=True), prices, np.broadcast_to(effective, prices.shape))


def effective_preference(s: Setting, quality: Array | float = 1.0) -> Array:
    """Effective labels per unit of a preference label by source [S, 3]."""
    one = np.ones(s.size)
    return np.stack([one, one, s.p["ai_effectiveness_preference"] * quality], axis=-1)


def effective_constraint(s: Setting, quality: Array | None = None) -> Array:
    """Effective labels per unit of a constraint label by category and source [S, K, 3]."""
    v = s.p.vector("verifiability", CATEGORIES)
    ai = s.p["ai_effectiveness_verifiable", 1] * v + s.p["ai_effectiveness_contested", 1] * (1 - v)
    return np.stack([np.ones_like(v), np.ones_like(v), ai * (1.0 if quality is None else column(quality, 1))], axis=-1)
