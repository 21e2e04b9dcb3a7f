"""The mean firm of 2024 before its tastes are known: what it sells, which sizes stand around it, how it buys labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.streams import Stream
from econ.market import sources
from econ.market.exposure import class_levy, fine_rate, pass_through
from econ.market.setting import CATEGORIES, JURISDICTIONS, Setting, column

if TYPE_CHECKING:
    from econ.market.technology import Technology

Array = Any


@dataclass(frozen=True)
class Sales:
    """What the mean firm sells, USD per quarter.

    Attributes
    ----------
    users_start, weight : [S, J]
        Users of all firms and of none, and the jurisdictions' shares of them.
    users : [S]
        Of the firm.
    liable : [S]
        Share of the price that liability for damage takes.
    price, revenue, margin : [S]
    """

    users_start: Array
    weight: Array
    users: Array
    liable: Array
    price: Array
    revenue: Array
    margin: Array


def sales(s: Setting, harm: Array) -> Sales:
    """Sales at the price of logit demand with liability in marginal cost, and premiums and fines that take a share of sales.

    Parameters
    ----------
    s : Setting
    harm : [S, K]
        Relative harm of the mean firm's model, for which it is fined.
    """
    p, levers = s.p, s.lever(-1)
    users = p.vector("users", JURISDICTIONS) * column(levers.market_scale, 1)
    weight = users / users.sum(axis=1, keepdims=True)
    fined = (weight * fine_rate(p, levers, p.vector("verifiability", CATEGORIES), harm[:, None, None])[:, 0]).sum(axis=1)
    strict = (weight * levers.strict).sum(axis=1)
    per_firm = users.sum(axis=1) * (1 - p["outside_share"]) / s.firms
    slack = 1 - (1 - p["outside_share"]) / s.firms
    equal = np.full(s.size, 1 / s.firms)
    liable = strict * pass_through(p, equal) * p["damage_share_of_price"]
    kept = 1 - class_levy(p, equal, insured_claims(p, strict)) - fined
    price = (p["marginal_cost_per_user"] + kept / (p["price_sensitivity_users"] * slack)) / (kept - liable)
    return Sales(users, weight, per_firm, liable, price, per_firm * price, kept * per_firm / p["price_sensitivity_users"])


def insured_claims(p: Any, strict: Array) -> Array:
    """Insured claims per revenue of the mean firm [S]."""
    found: Array = p["insured_share"] * strict * p["damage_share_of_price"]
    return found


@dataclass(frozen=True)
class Brands:
    """Brands of the firms around the mean one.

    Attributes
    ----------
    brand, size : [S, F]
        As drawn, and the size that goes with it relative to the mean.
    concave : [S]
        What the mean firm's margin is multiplied by: outlays are concave in revenue, and would start well short of
        their share of it.
    """

    brand: Array
    size: Array
    concave: Array


def brands(s: Setting) -> Brands:
    """Brands as drawn, with the sizes that go with them."""
    p = s.p
    brand = p["brand_sd", 1] * s.normal(Stream.BRAND_START, 0, np.arange(s.firms))
    exponent = p["revenue_brand_exponent", 1]
    relative = np.exp(exponent * brand)
    size = relative / relative.mean(axis=1, keepdims=True)
    concave = relative.mean(axis=1) ** (1 / exponent[:, 0]) / np.exp(brand).mean(axis=1)
    return Brands(brand, size, concave)


@dataclass(frozen=True)
class Labels:
    """How labels are bought at the status quo.

    Attributes
    ----------
    weights : [S, 3]
        Unit shares of the sources.
    prices_preference : [S, 3]; prices_constraint : [S, K, 3]
        By source, USD.
    mix_preference, mix_constraint : Mix
    """

    weights: Array
    prices_preference: Array
    prices_constraint: Array
    mix_preference: sources.Mix
    mix_constraint: sources.Mix


def labels(s: Setting, tech: Technology) -> Labels:
    """Prices of labels by source, and the mix in which they are bought."""
    p = s.p
    weights = sources.status_quo_weights(p["ai_share"], p["outsourced_share"], p["inhouse_markup"])
    vendor_preference, vendor_constraint = vendor_prices(s, tech, weights)
    preference = _three_prices(vendor_preference, p["inhouse_markup"], p["ai_price_preference"])
    constraint = _three_prices(vendor_constraint, p["inhouse_markup", 1], p["ai_price_constraint", 1])
    mix_preference = sources.source_mix(weights, preference, preference, sources.effective_preference(s), 0.0)
    mix_constraint = sources.source_mix(
        np.broadcast_to(weights[:, None], constraint.shape), constraint, constraint, sources.effective_constraint(s), 0.0
    )  # fmt: skip
    return Labels(weights, preference, constraint, mix_preference, mix_constraint)


def vendor_prices(s: Setting, tech: Technology, weights: Array) -> tuple[Array, Array]:
    """Status-quo vendor prices of identical curators: [S] and [S, K] USD per label.

    Bertrand-logit markup 1/(α(1 - s) + ε_v·s) over marginal cost with the monopsony wedge, at s = 1/C0.
    """
    p, share = s.p, 1 / s.curators
    wedge = 1 + 1 / (p["curator_elasticity"] * (1 - share) + p["occupation_elasticity"] * share * (1 - p["participation_start"]))
    cost_preference = tech.hours_preference * tech.index_start[:, 0] * wedge + p["overhead_preference"]
    cost_constraint = tech.hours_constraint * (tech.index_start[:, 1] * wedge)[:, None] + p["overhead_constraint", 1]
    pull = p["source_substitution"] * (1 - weights[:, 0])
    own_preference, own_constraint = p["price_sensitivity_preference"] * (1 - share), p["price_sensitivity_constraint"] * (1 - share)
    preference, constraint = cost_preference + 1 / own_preference, cost_constraint + 1 / own_constraint[:, None]
    for _ in range(200):  # a contraction: the pull of other sources is small beside α
        preference = cost_preference + 1 / (own_preference + pull / preference * share)
        constraint = cost_constraint + (1 / (own_constraint + pull / constraint.mean(axis=1) * share))[:, None]
    return preference, constraint


def _three_prices(vendor: Array, markup: Array, ai: Array) -> Array:
    return np.stack([vendor, vendor * (1 + markup), np.broadcast_to(ai, vendor.shape)], axis=-1)
