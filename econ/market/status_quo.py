"""The state of 2024, as a fixed point of the model for the mean firm at belief 0.

What firms are seen to spend reveals what they value (`econ.market.positions`). Everything here uses
fixed reference values, never ensemble means, so that a replicate alone equals itself in a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.streams import Stream
from econ.market.exposure import detection
from econ.market.mean_firm import Brands, Labels, Sales, brands, labels, sales
from econ.market.positions import Incentives, Position, draw_positions
from econ.market.quality import quality
from econ.market.response import Response
from econ.market.setting import CATEGORIES, JURISDICTIONS, Setting, column
from econ.market.settle import settle
from econ.market.technology import Technology, technology

if TYPE_CHECKING:
    from econ.market.state import Firms

Array = Any


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
    p, tech = s.p, technology(s.p)
    around, bought = brands(s), labels(s, tech)

    def solve(x: Array, y: Array, outlays: float = 1.0) -> Position:
        # Fines fall with harm, and prices hold them: what is sold depends on the position.
        return _incentives(s, sales(s, _harm(s, x, y)), around).solve(x, y, outlays)

    at, redraws = draw_positions(s, solve)
    sold = sales(s, at.harm)
    incentives = _incentives(s, sold, around)
    outlay_preference, total = _outlays(s, sold)
    outlay_constraint = _by_category(
        incentives.worth_of_constraints(at), incentives.margin * at.help_taste * at.rest.crowding, total,
        1 + p["discount_rate"] / p["depreciation_constraint"], bought.mix_constraint.effective_price,
    )  # fmt: skip
    units_preference = s.firms * outlay_preference / bought.mix_preference.price_per_unit * bought.weights[:, 0]
    units_constraint = s.firms * outlay_constraint / bought.mix_constraint.price_per_unit * bought.weights[:, :1]
    hours = np.stack([units_preference * tech.hours_preference, (units_constraint * tech.hours_constraint).sum(axis=1)], axis=1)
    return StatusQuo(
        technology=tech, response=_response(s, incentives, at, bought, outlay_preference, outlay_constraint),
        verifiability=p.vector("verifiability", CATEGORIES), request_frequency=p.vector("request_frequency", CATEGORIES),
        user_weight=incentives.user_weight,
        users_start=sold.users_start, price=sold.price, revenue=sold.revenue, users_per_firm=sold.users, margin=sold.margin,
        damage_per_user=at.damage[:, None, :] * p.vector("damage_factor", JURISDICTIONS)[:, :, None],
        users_harm_taste=at.harm_taste, users_help_taste=at.help_taste, users_sycophancy_taste=p["sycophancy_taste"],
        outlay_preference=outlay_preference, outlay_constraint=outlay_constraint,
        vendor_revenue=p["outsourced_share"] * p["alignment_share_of_revenue"] * s.firms * sold.revenue / s.lever(-1).market_scale,
        outside_utility=_outside_utility(s, sold, around, incentives, at),
        weights=bought.weights, prices_preference=bought.prices_preference, prices_constraint=bought.prices_constraint,
        hours_wanted=hours[:, None, :] * tech.hours_share, firms=None, brand=around.brand, size=around.size, redraws=redraws,
    )  # fmt: skip


def _harm(s: Setting, x: Array, y: Array) -> Array:
    """Relative harm at a position [S, K]."""
    at = s.surface.at(s.p.vector("verifiability", CATEGORIES))
    found: Array = at.evaluate(np.repeat(x[:, None], len(CATEGORIES), axis=1), y[:, None])[0]
    return found


def _outlays(s: Setting, sold: Sales) -> tuple[Array, Array]:
    """What the mean firm spends on preferences and on constraints [S], USD."""
    outlay, share = s.p["alignment_share_of_revenue"] * sold.revenue, s.p["constraint_share_start"]
    return (1 - share) * outlay, share * outlay


def _incentives(s: Setting, sold: Sales, around: Brands) -> Incentives:
    """What the mean firm's outlays must be worth, and what it answers for, at the status quo's rules."""
    p, levers = s.p, s.lever(-1)
    outlay_preference, outlay_constraint = _outlays(s, sold)
    verifiability = p.vector("verifiability", CATEGORIES)
    taste = p.vector("user_harm_weight", CATEGORIES)
    power = (sold.weight[:, :, None] * detection(p, levers.audit, verifiability)).sum(axis=1)
    fine = (sold.weight * levers.fine).sum(axis=1)
    return Incentives(
        surface=s.surface.at(verifiability), quality=quality(s, verifiability), user_weight=taste / taste.sum(axis=1, keepdims=True),
        damage_weight=p.vector("request_frequency", CATEGORIES) * p.vector("damage_per_violation", CATEGORIES),
        damage_per_user=p["damage_share_of_price"] * sold.price, requests_per_user=p["requests_per_user"],
        liability=sold.users[:, None] * around.concave[:, None] * sold.liable[:, None] / p["damage_share_of_price", 1],
        fines=(fine * sold.revenue * around.concave)[:, None] * power, standard=(sold.weight * levers.max_harm).sum(axis=1),
        finable=verifiability > p["standard_verifiability_cut", 1], margin=sold.margin * around.concave,
        sycophancy_taste=p["sycophancy_taste"],
        need_constraint=outlay_constraint * (1 + p["discount_rate"] / p["depreciation_constraint"]),
        need_preference=outlay_preference * (1 + p["discount_rate"] / p["depreciation_preference"]),
    )  # fmt: skip


def _response(s: Setting, incentives: Incentives, at: Position, bought: Labels, outlay_preference: Array, outlay_constraint: Array) -> Response:
    """Harm as a function of stocks, through the position and the stocks that the outlays keep up."""
    p, price_a, price_b = s.p, bought.mix_constraint.effective_price, bought.mix_preference.effective_price
    a_half, b_half = s.surface.half_saturation(p.vector("verifiability", CATEGORIES))
    slope_a, slope_b = at.slope_x / (column(at.x, 1) * a_half), at.slope_y / column(at.y * b_half, 1)
    return Response(
        incentives.surface, log_advantage(slope_a, slope_b, price_a, price_b, p["advantage_bound"]), draw_transfer(s), at.x, at.y,
        outlay_constraint / (price_a * p["depreciation_constraint", 1]), outlay_preference / (price_b * p["depreciation_preference"]),
        incentives.quality,
    )  # fmt: skip


def _outside_utility(s: Setting, sold: Sales, around: Brands, incentives: Incentives, at: Position) -> Array:
    """Utility δ_0 [S] of using no firm's model at which as many do as are seen to."""
    p = s.p
    utility = at.help_taste * at.rest.helpfulness - p["sycophancy_taste"] * at.rest.sycophancy
    utility = utility - at.harm_taste * (incentives.user_weight * at.harm).sum(axis=1) - p["price_sensitivity_users"] * sold.price
    inside = np.log(np.exp(around.brand).sum(axis=1)) + utility
    return inside - np.log((1 - p["outside_share"]) / p["outside_share"])


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
