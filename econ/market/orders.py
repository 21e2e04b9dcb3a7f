"""Step 5c: how much firms spend on each kind of label, from which source, and with which vendor.

Outlays follow marginal value at the stock that they would sustain; evaluated at the current stock,
spending oscillates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.market import sources
from econ.market.libraries import generic_share, licensed_rules
from econ.market.setting import Setting, column, share_of, sum_over
from econ.market.state import Curators, Firms, Public, changed

if TYPE_CHECKING:
    from econ.market.libraries import Rules
    from econ.market.status_quo import StatusQuo
    from econ.scenario.levers import Levers

Array = Any
#: Keeps the power of a worthless label finite; the step is capped long before.
LEAST_WORTH = 1e-9


@dataclass(frozen=True)
class Orders:
    """Orders of a quarter, in units.

    Attributes
    ----------
    preference : [S, F]
        Preference labels ordered from all sources.
    constraint : [S, F, K]
    mix_preference, mix_constraint : sources.Mix
        [S, F, 3] and [S, F, K, 3]; one row for all firms before the first event.
    split_preference, split_constraint : [S, F, C]
        How a firm's vendor units are divided over curators; again one row for all before the first event.
    commons : [S, C, K]
        Units ordered by governments.
    shock : [S]
        Multiple of human preference-label prices.
    """

    preference: Array
    constraint: Array
    mix_preference: sources.Mix
    mix_constraint: sources.Mix
    split_preference: Array
    split_constraint: Array
    commons: Array
    shock: Array

    @cached_property
    def outsourced(self) -> Array:
        """Vendor units of preference labels by firm [S, F]."""
        return self.preference * self.mix_preference.shares[..., sources.VENDOR]

    @cached_property
    def vendor_preference(self) -> Array:
        """Vendor units by firm and curator [S, F, C]."""
        return self.outsourced[:, :, None] * self.split_preference

    @cached_property
    def preference_by_curator(self) -> Array:
        """Vendor units by curator [S, C]."""
        return sum_over(self.vendor_preference, 1)

    @cached_property
    def cost_preference(self) -> Array:
        """Outlay by firm and source, USD, if all is delivered [S, F, 3]."""
        return self.preference[..., None] * self.mix_preference.shares * self.mix_preference.prices

    @cached_property
    def cost_constraint(self) -> Array:
        """Outlay by firm, category and source, USD, if all is delivered [S, F, K, 3]."""
        return self.constraint[..., None] * self.mix_constraint.shares * self.mix_constraint.prices

    @cached_property
    def vendor_constraint(self) -> Array:
        """Vendor units by firm, curator and category [S, F, C, K]."""
        return self.bespoke[:, :, None] * self.split_constraint[..., None]

    @cached_property
    def bespoke(self) -> Array:
        """Vendor units by firm and category [S, F, K]."""
        return self.constraint * self.mix_constraint.shares[..., sources.VENDOR]

    @cached_property
    def bespoke_by_curator(self) -> Array:
        """Vendor units by curator and category [S, C, K]."""
        split = np.broadcast_to(self.split_constraint, (*self.bespoke.shape[:2], self.split_constraint.shape[2]))
        return np.swapaxes(split, 1, 2) @ self.bespoke

    def bespoke_bill(self, price: Array) -> Array:
        """What firms owe curators for bespoke labels at prices [S, C, K] if all is delivered, USD [S, F, C]."""
        return self.split_constraint * (self.bespoke @ np.swapaxes(price, 1, 2))


def logit_split(odds: Array, active: Array, firm_odds: Array) -> Array:
    """Shares over curators [S, F, C] from log odds [S, C] and firm-specific odds [S, F, C]."""
    log_odds = np.where(active, odds, -np.inf)
    weight = np.exp(log_odds - log_odds.max(axis=1, keepdims=True))[:, None] * firm_odds
    return weight / weight.sum(axis=2, keepdims=True)


def without_withdrawn(split: Array, withdrawn: Array, active: Array) -> Array:
    """Shares over curators [S, F, C] after a firm has withdrawn a part of its orders from some of them.

    The part goes to the curators from which it has withdrawn nothing, in proportion; so a curator loses
    exactly that part. Where all is withdrawn this is the logit with odds of zero.
    """
    kept = split * (1 - withdrawn)
    takers = np.where(withdrawn > 0, 0.0, split)
    # Labels must be made: without an untouched curator those left in part take the rest, else all take it evenly.
    for fallback in (kept, np.broadcast_to(active[:, None].astype(float), split.shape)):
        takers = np.where(takers.sum(axis=2, keepdims=True) > 0, takers, fallback)
    freed = (split * withdrawn).sum(axis=2, keepdims=True)
    return kept + freed * takers / takers.sum(axis=2, keepdims=True)


def vendor_odds(s: Setting, quo: StatusQuo, c: Curators, levers: Levers, scale: Array) -> tuple[Array, Array]:
    """Log odds of each vendor for preference and constraint orders [S, C]."""
    p = s.p
    reference = quo.response.constraints_reference
    basket = sum_over(c.price_constraint * reference[:, None], 2) / reference.sum(axis=1)[:, None]
    stock = sum_over(c.library, 2) / (reference.sum(axis=1) * scale)[:, None]
    pull = (p["library_pull"] * (1 - levers.portability))[:, None] * np.log1p(stock)
    preference = c.quality_preference - p["price_sensitivity_preference", 1] * c.price_preference
    return preference, c.quality_constraint + pull - p["price_sensitivity_constraint", 1] * basket


def place_orders(
    s: Setting, quo: StatusQuo, f: Firms, c: Curators, public: Public, rules: Rules, library: Array, levers: Levers, quarter: int
) -> tuple[Firms, Orders]:  # fmt: skip
    """Adjust outlays and turn them into orders."""
    odds_preference, odds_constraint = vendor_odds(s, quo, c, levers, public.scale)
    # Events alone set firms apart; until one happens all see the same vendors at the same prices.
    firm_odds = np.exp(-f.tie if s.eventful(quarter) else -f.tie[:, :1])
    split_preference = logit_split(odds_preference, c.active, firm_odds)
    split_constraint = logit_split(odds_constraint, c.active, firm_odds)
    if f.withdrawn.any():
        split_preference = without_withdrawn(split_preference, f.withdrawn, c.active)
        split_constraint = without_withdrawn(split_constraint, f.withdrawn, c.active)
    mix_preference, mix_constraint = _mixes(s, quo, c, levers, split_preference, split_constraint)
    f = _adjust_outlays(s, quo, f, c, public, rules, library, mix_preference, mix_constraint)
    everyone = logit_split(odds_constraint, c.active, np.ones((s.size, 1, s.slots)))[:, 0]
    public_units = (levers.commons * public.scale)[:, None] * quo.response.constraints_reference * (quarter >= 0)
    orders = Orders(
        f.outlay_preference / mix_preference.price_per_unit, f.outlay_constraint / mix_constraint.price_per_unit,
        mix_preference, mix_constraint, split_preference, split_constraint,
        everyone[:, :, None] * public_units[:, None], levers.pref_price_shock,
    )  # fmt: skip
    bought = sum_over(f.outlay_constraint, 2)
    return changed(f, use=bought / (bought + f.outlay_preference)), orders


def _mixes(s: Setting, quo: StatusQuo, c: Curators, levers: Levers, split_preference: Array, split_constraint: Array) -> tuple[sources.Mix, sources.Mix]:
    """Sources of both kinds at this quarter's prices, by firm."""
    p = s.p
    shock = column(levers.pref_price_shock, 1)
    vendor = sum_over(split_preference * c.price_preference[:, None], 2) * shock
    in_house = np.broadcast_to(quo.prices_preference[:, 1:2] * shock, vendor.shape)
    ai = np.broadcast_to((p["ai_price_preference"] * levers.ai_price[:, 0])[:, None], vendor.shape)
    prices = np.stack([vendor, in_house, ai], axis=-1)
    effective = effective_ai(s, levers)
    weights = quo.weights[:, None]
    elasticity = p["source_substitution", 2]
    preference = sources.source_mix(weights, prices, quo.prices_preference[:, None], effective[0][:, None], elasticity)
    vendor_k = split_constraint @ c.price_constraint
    in_house_k = np.broadcast_to(quo.prices_constraint[:, None, :, 1], vendor_k.shape)
    ai_k = np.broadcast_to(column(p["ai_price_constraint"] * levers.ai_price[:, 1], 2), vendor_k.shape)
    prices_k = np.stack([vendor_k, in_house_k, ai_k], axis=-1)
    constraint = sources.source_mix(
        weights[:, :, None], prices_k, quo.prices_constraint[:, None], effective[1][:, None], column(elasticity[..., 0], 2)
    )  # fmt: skip
    return preference, constraint


def effective_ai(s: Setting, levers: Levers) -> tuple[Array, Array]:
    """Effective labels per unit by source, at this quarter's AI quality: [S, 3] and [S, K, 3]."""
    return sources.effective_preference(s, levers.ai_quality[:, 0]), sources.effective_constraint(s, levers.ai_quality[:, 1])


def _adjust_outlays(
    s: Setting, quo: StatusQuo, f: Firms, c: Curators, public: Public, rules: Rules, library: Array,
    mix_preference: sources.Mix, mix_constraint: sources.Mix,
) -> Firms:  # fmt: skip
    """Move outlays towards equality of marginal value and user cost, E ← E·clip((MV/p̄)^γ, …), then cap them."""
    p = s.p
    plan_preference = f.outlay_preference / (mix_preference.effective_price * p["depreciation_preference", 1])
    plan_constraint = f.outlay_constraint / (mix_constraint.effective_price * p["depreciation_constraint", 2])
    licensed = sum_over(share_of(f.users)[..., None] * licensed_rules(s, c, public, rules, library), 2)
    slopes = blended_harm(s, quo, plan_constraint, licensed[:, :, None], plan_preference, public.scale, f.belief)[1:]
    slope_a, slope_b = slopes[0][:, :, 0], slopes[1][:, :, 0]
    got = quo.response.quality.evaluate(quo.response, plan_constraint + licensed, plan_preference, public.scale, f.belief)
    taste_help, taste_sycophancy = column(quo.users_help_taste, 1), column(quo.users_sycophancy_taste, 1)
    value_preference = sum_over(f.stake * slope_b, 2) + f.margin * (taste_help * got.help_b - taste_sycophancy * got.flattery_b)
    value_preference = value_preference / (p["discount_rate"] + p["depreciation_preference"])[:, None]
    liked = taste_help[..., None] * got.help_a - taste_sycophancy[..., None] * got.flattery_a
    value_constraint = f.stake * slope_a + f.margin[..., None] * liked
    value_constraint = value_constraint / (p["discount_rate"] + p["depreciation_constraint"])[:, None, None]
    revenue = sum_over(f.revenue, 2)
    preference = _step(p, f.outlay_preference, value_preference / mix_preference.effective_price)
    constraint = _step(p, f.outlay_constraint, value_constraint / mix_constraint.effective_price)
    preference = np.maximum(preference, p["outlay_floor", 1] * revenue)
    constraint = np.maximum(constraint, p["outlay_floor", 2] * revenue[:, :, None])
    fit = np.minimum(1.0, p["outlay_cap", 1] * revenue / (preference + sum_over(constraint, 2)))
    return changed(f, outlay_preference=preference * fit, outlay_constraint=constraint * fit[:, :, None])


def _step(p: Any, outlay: Array, worth: Array) -> Array:
    axes = outlay.ndim - 1
    cap = p["outlay_step_cap", axes]
    return outlay * np.clip(np.maximum(worth, LEAST_WORTH) ** p["outlay_adjustment", axes], 1 / cap, cap)


def blended_harm(
    s: Setting, quo: StatusQuo, constraints: Array, rules: Array, preferences: Array, scale: Array, belief: Array | None
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Harm with a library that serves generic traffic only, and slopes in bespoke and preference labels, [S, F, M, K].

    Parameters
    ----------
    constraints : [S, F, K]
    rules : [S, F, M, K]
        Rules of the library at M places.
    preferences : [S, F]
    belief : [S, F], optional
        Believed transfer; the true one when omitted.
    """
    from econ.market import library_kernels

    found = np.empty((3, *rules.shape))
    library_kernels.blended(
        *quo.response.compiled_arguments(scale, belief), preferences, constraints, rules, generic_share(s, quo), *found
    )
    return found[0], found[1], found[2]
