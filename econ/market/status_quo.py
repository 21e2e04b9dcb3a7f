"""The state of 2024, as a fixed point of the model for the mean firm at belief 0.

What firms are seen to spend reveals what they value: the stakes in harm (β_H) and in helpfulness (β_U)
follow from outlays, prices and the laboratory's elasticities, never from a guess. Everything here uses
fixed reference values, never ensemble means, so that a replicate alone equals itself in a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.streams import Stream
from econ.market import sources
from econ.market.exposure import detection, pass_through
from econ.market.health import NoStatusQuo
from econ.market.quality import quality
from econ.market.response import Response
from econ.market.setting import CATEGORIES, JURISDICTIONS, Setting, column
from econ.market.settle import settle
from econ.market.technology import Technology, technology

if TYPE_CHECKING:
    from econ.market.state import Firms

Array = Any
#: Redraws of a position that revealed preference cannot rationalise, before the replicate is given up.
MOST_REDRAWS = 100


@dataclass(frozen=True)
class StatusQuo:
    """Reference values of one batch, USD per quarter unless said.

    Attributes
    ----------
    technology : Technology
    response : Response
    verifiability, request_frequency, user_weight : [S, K]
        v_k, f_k, and the weight ν_k that users give to harm (sums to 1).
    users_start : [S, J]
    price, revenue, users_per_firm, margin : [S]
        Of the mean firm; price in USD per user and quarter.
    damage_per_user : [S, J, K]
        Expected damage per user and quarter at relative harm 1, n_req·f_k·d_jk scaled.
    users_harm_taste, users_help_taste, users_sycophancy_taste : [S]
        β_H, β_U, β_Y.
    outlay_preference : [S]; outlay_constraint : [S, K]
    vendor_revenue : [S]
        V0, the unit of the curators' constants.
    outside_utility : [S]
        δ_0.
    weights : [S, 3]
        Status-quo unit shares of the sources.
    prices_preference : [S, 3]; prices_constraint : [S, K, 3]
        Status-quo prices by source, USD.
    hours_wanted : [S, G, O]
        Vendors' status-quo demand for labor, from what firms order once they have settled.
    firms : Firms, optional
        Firms at rest, with their drawn brands; none before they have settled.
    brand, size : [S, F]
        Drawn brands, and firm size relative to the mean.
    redraws : [S] int
        Positions that were rejected before this one.
    """

    technology: Technology
    response: Response
    verifiability: Array
    request_frequency: Array
    user_weight: Array
    users_start: Array
    price: Array
    revenue: Array
    users_per_firm: Array
    margin: Array
    damage_per_user: Array
    users_harm_taste: Array
    users_help_taste: Array
    users_sycophancy_taste: Array
    outlay_preference: Array
    outlay_constraint: Array
    vendor_revenue: Array
    outside_utility: Array
    weights: Array
    prices_preference: Array
    prices_constraint: Array
    hours_wanted: Array
    firms: Firms | None
    brand: Array
    size: Array
    redraws: Array


def status_quo(s: Setting) -> StatusQuo:
    """Calibrate a batch, and let firms of unequal brands settle at it.

    Raises
    ------
    NoStatusQuo
        As in `mean_status_quo`.
    """
    return settle(s, mean_status_quo(s))


def mean_status_quo(s: Setting) -> StatusQuo:
    """Calibrate the mean firm of each replicate.

    Raises
    ------
    NoStatusQuo
        If no position on a replicate's measured surface rationalises the status quo, with all such replicates.
    """
    p, levers = s.p, s.lever(-1)
    users = p.vector("users", JURISDICTIONS) * column(levers.market_scale, 1)
    weight = users / users.sum(axis=1, keepdims=True)
    strict = (weight * levers.strict).sum(axis=1)
    tech = technology(p)
    verifiability = p.vector("verifiability", CATEGORIES)

    per_firm = users.sum(axis=1) * (1 - p["outside_share"]) / s.firms
    slack = 1 - (1 - p["outside_share"]) / s.firms
    liable = strict * pass_through(p, np.full(s.size, 1 / s.firms)) * p["damage_share_of_price"]
    price = (p["marginal_cost_per_user"] + 1 / (p["price_sensitivity_users"] * slack)) / (1 - liable)
    revenue = per_firm * price
    margin = per_firm / p["price_sensitivity_users"]

    weights = sources.status_quo_weights(p["ai_share"], p["outsourced_share"], p["inhouse_markup"])
    vendor_preference, vendor_constraint = vendor_prices(s, tech, weights)
    prices_preference = _three_prices(vendor_preference, p["inhouse_markup"], p["ai_price_preference"])
    prices_constraint = _three_prices(vendor_constraint, p["inhouse_markup", 1], p["ai_price_constraint", 1])
    mix_preference = sources.source_mix(weights, prices_preference, prices_preference, sources.effective_preference(s), 0.0)
    mix_constraint = sources.source_mix(
        np.broadcast_to(weights[:, None], prices_constraint.shape), prices_constraint, prices_constraint, sources.effective_constraint(s), 0.0
    )  # fmt: skip

    outlay = p["alignment_share_of_revenue"] * revenue
    outlay_preference = (1 - p["constraint_share_start"]) * outlay
    outlay_constraint = p["constraint_share_start"] * outlay
    brand = p["brand_sd", 1] * s.normal(Stream.BRAND_START, 0, np.arange(s.firms))
    exponent = p["revenue_brand_exponent", 1]
    relative = np.exp(exponent * brand)
    size = relative / relative.mean(axis=1, keepdims=True)
    # Outlays are concave in revenue: without this factor they start well short of their share of it.
    concave = relative.mean(axis=1) ** (1 / exponent[:, 0]) / np.exp(brand).mean(axis=1)

    frequency = p.vector("request_frequency", CATEGORIES)
    raw = frequency * p.vector("damage_per_violation", CATEGORIES)
    taste = p.vector("user_harm_weight", CATEGORIES)
    taste = taste / taste.sum(axis=1, keepdims=True)
    power = (weight[:, :, None] * detection(p, levers.audit, verifiability)).sum(axis=1)
    fine = (weight * levers.fine).sum(axis=1)
    standard = (weight * levers.max_harm).sum(axis=1)
    finable = verifiability > p["standard_verifiability_cut", 1]

    at = s.surface.at(verifiability)
    curves = quality(s, verifiability)
    need_constraint = outlay_constraint * (1 + p["discount_rate"] / p["depreciation_constraint"])
    need_preference = outlay_preference * (1 + p["discount_rate"] / p["depreciation_preference"])
    scaled_margin = margin * concave

    def solve(x: Array, y: Array, outlays: float = 1.0) -> tuple[Any, ...]:
        """Stakes, tastes and damages at a position (x, y), by the linear pair of first-order conditions.

        `outlays` multiplies what firms spend, to say what they would have to spend where there is no solution.
        """
        harm, e_x, e_y = at.evaluate(np.broadcast_to(x[:, None], taste.shape).copy(), y[:, None])
        factor = p["damage_share_of_price"] * price / (p["requests_per_user"] * (raw * harm).sum(axis=1))
        damage = p["requests_per_user", 1] * raw * factor[:, None]
        given = per_firm[:, None] * concave[:, None] * liable[:, None] / p["damage_share_of_price", 1] * damage
        given = given + ((fine * revenue * concave)[:, None] * power * ((harm > standard[:, None]) & finable))
        rest = curves.rest(x, y)
        a11, a12 = scaled_margin * (taste * e_x).sum(axis=1), scaled_margin * (rest.help_a.sum(axis=1) - rest.crowding)
        a21, a22 = scaled_margin * (taste * e_y).sum(axis=1), scaled_margin * rest.help_b
        disliked = scaled_margin * p["sycophancy_taste"]
        b1 = outlays * need_constraint - (given * e_x).sum(axis=1) + disliked * rest.flattery_a.sum(axis=1)
        b2 = outlays * need_preference - (given * e_y).sum(axis=1) + disliked * rest.flattery_b
        determinant = a11 * a22 - a12 * a21
        with np.errstate(divide="ignore", invalid="ignore"):
            harm_taste = (b1 * a22 - a12 * b2) / determinant
            help_taste = (a11 * b2 - a21 * b1) / determinant
        stake = given + scaled_margin[:, None] * harm_taste[:, None] * taste
        return harm_taste, help_taste, stake, damage, harm, e_x, e_y, rest

    x, y, solution, redraws = _draw_positions(s, solve)
    harm_taste, help_taste, stake, damage, harm, e_x, e_y, rest = solution

    liked = column(help_taste, 1) * rest.help_a - p["sycophancy_taste", 1] * rest.flattery_a
    value = stake * e_x + column(scaled_margin, 1) * liked
    outlays = _by_category(value, scaled_margin * help_taste * rest.crowding, outlay_constraint, 1 + p["discount_rate"] / p["depreciation_constraint"], mix_constraint.effective_price)
    constraints_reference = outlays / (mix_constraint.effective_price * p["depreciation_constraint", 1])
    preferences_reference = outlay_preference / (mix_preference.effective_price * p["depreciation_preference"])

    a_half, b_half = s.surface.half_saturation(verifiability)
    advantage = log_advantage(e_x / (column(x, 1) * a_half), e_y / column(y * b_half, 1), mix_constraint.effective_price, mix_preference.effective_price, p["advantage_bound"])
    response = Response(at, advantage, draw_transfer(s), x, y, constraints_reference, preferences_reference, curves)

    units_preference = s.firms * outlay_preference / mix_preference.price_per_unit * weights[:, 0]
    units_constraint = s.firms * outlays / mix_constraint.price_per_unit * weights[:, :1]
    hours = np.stack([units_preference * tech.hours_preference, (units_constraint * tech.hours_constraint).sum(axis=1)], axis=1)
    utility = help_taste * rest.helpfulness - p["sycophancy_taste"] * rest.sycophancy
    utility = utility - harm_taste * (taste * harm).sum(axis=1) - p["price_sensitivity_users"] * price
    inside = np.log(np.exp(brand).sum(axis=1)) + utility
    return StatusQuo(
        technology=tech, response=response, verifiability=verifiability, request_frequency=frequency, user_weight=taste,
        users_start=users, price=price, revenue=revenue, users_per_firm=per_firm, margin=margin,
        damage_per_user=damage[:, None, :] * p.vector("damage_factor", JURISDICTIONS)[:, :, None],
        users_harm_taste=harm_taste, users_help_taste=help_taste, users_sycophancy_taste=p["sycophancy_taste"],
        outlay_preference=outlay_preference, outlay_constraint=outlays,
        vendor_revenue=p["outsourced_share"] * p["alignment_share_of_revenue"] * s.firms * revenue / levers.market_scale,
        outside_utility=inside - np.log((1 - p["outside_share"]) / p["outside_share"]),
        weights=weights, prices_preference=prices_preference, prices_constraint=prices_constraint,
        hours_wanted=hours[:, None, :] * tech.hours_share, firms=None, brand=brand, size=size, redraws=redraws,
    )  # fmt: skip


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


def log_advantage(slope_a: Array, slope_b: Array, price_a: Array, price_b: Array, bound: Array) -> Array:
    """L_k = log[(slope_a/p_a)/(slope_b/p_b)], slopes per laboratory label, prices per effective label [S, K].

    Bounded: where a label hardly moves harm the ratio of slopes diverges, and its size means nothing.

    Parameters
    ----------
    slope_a, slope_b, price_a : [S, K]
    price_b, bound : [S]
    """
    smallest = np.finfo(float).tiny
    logs = np.log(np.maximum(slope_a, smallest)) - np.log(np.maximum(slope_b, smallest)) + np.log(price_b[:, None] / price_a)
    return np.clip(logs, -bound[:, None], bound[:, None])


def draw_transfer(s: Setting) -> Array:
    """Transfer τ [S]: the lever where it is set, else its Beta prior."""
    from scipy.special import betaincinv

    imposed = s.lever(-1).transfer
    drawn = betaincinv(s.p["transfer_prior_a"], s.p["transfer_prior_b"], s.uniform(Stream.POSITION, 1, 0))
    return np.where(np.isnan(imposed), drawn, imposed)


def _three_prices(vendor: Array, markup: Array, ai: Array) -> Array:
    return np.stack([vendor, vendor * (1 + markup), np.broadcast_to(ai, vendor.shape)], axis=-1)


def _draw_positions(s: Setting, solve: Any) -> tuple[Array, Array, tuple[Array, ...], Array]:
    """Positions on the surface, redrawn alone (never the surface) where they cannot be rationalised."""
    p = s.p
    redraws = np.zeros(s.size, np.int64)
    while True:
        noise = np.stack(
            [s.normal(Stream.POSITION, 0, redraws.reshape(-1, 1), draw)[:, 0] for draw in (0, 1)], axis=1
        )  # fmt: skip
        factor = np.exp(p["position_log_sd", 1] * noise)
        x, y = p["position_constraints"] * factor[:, 0], p["position_preferences"] * factor[:, 1]
        solution = solve(x, y)
        bad = ~((solution[0] > 0) & (solution[1] > 0))
        if not bad.any():
            return x, y, solution, redraws
        given_up = bad & (redraws == MOST_REDRAWS)
        if given_up.any() and (given_up | ~bad).all():
            reasons = _why_not(solution, solve(x, y, outlays=2.0), p["alignment_share_of_revenue"], p["outlay_cap"])
            raise NoStatusQuo({int(s.replicates[place]): reasons[place] for place in np.flatnonzero(given_up)})
        redraws = redraws + (bad & ~given_up)


def _why_not(once: tuple[Any, ...], twice: tuple[Any, ...], spent: Array, most: Array) -> list[str]:
    """Why a position has no status quo, and what firms would have to spend for it to have one.

    Tastes are linear in outlays, so that two solutions give the outlays at which both are positive.

    Parameters
    ----------
    once, twice : tuple
        Solutions at the stated outlays and at twice these, tastes first.
    spent, most : [S]
        Outlays and their cap as shares of revenue.
    """
    reasons = []
    for place in range(len(spent)):
        low, high, wrong = 0.0, float(most[place]), []
        for name, one, two in (("safety", once[0][place], twice[0][place]), ("helpfulness", once[1][place], twice[1][place])):
            if not one > 0:
                wrong.append(name)
            slope = (two - one) / spent[place]
            root = spent[place] - one / slope if slope else np.nan
            low, high = (max(low, root), high) if slope > 0 else (low, min(high, root))
        nearest = (
            f"alignment_share_of_revenue would have to be {'above' if spent[place] <= low else 'below'} {low if spent[place] <= low else high:.3g}"
            if low < high
            else "no alignment_share_of_revenue up to outlay_cap would do"
        )
        reasons.append(
            f"no position on its response surface makes the status-quo outlays worth their cost in {MOST_REDRAWS + 1} draws; "
            f"at the last, users' taste for {' and '.join(wrong)} would not be positive, and {nearest} (found {spent[place]:.3g})"
        )
    return reasons


def _by_category(value: Array, penalty: Array, total: Array, user_cost: Array, price: Array) -> Array:
    """Split the constraint outlay [S, K]: E_k(1 + r/δ) = value_k - penalty·a_k/Σa, a fixed point in a."""
    least = 1e-4 * total[:, None] / value.shape[1]
    outlay = np.maximum(value, least)
    outlay = outlay / outlay.sum(axis=1, keepdims=True) * total[:, None]
    for _ in range(200):
        stock = outlay / price
        wanted = (value - penalty[:, None] * stock / stock.sum(axis=1, keepdims=True)) / user_cost[:, None]
        wanted = np.maximum(wanted, least)
        outlay = wanted / wanted.sum(axis=1, keepdims=True) * total[:, None]
    return outlay
