"""Steps 8 and 9: stocks, realised harm, and the market for the product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.streams import Stream
from econ.market.ledger import Ledger
from econ.market.libraries import Rules, licensed_rules
from econ.market.orders import blended_harm
from econ.market.setting import Setting, column, share_of, sum_over
from econ.market.state import Curators, Firms, Public, changed

if TYPE_CHECKING:
    from econ.market.quality import Levels
    from econ.market.status_quo import StatusQuo

Array = Any


@dataclass(frozen=True)
class Safety:
    """What users get and third parties suffer.

    Attributes
    ----------
    harm : [S, F, J, K]
        Relative harm where it happens.
    slope_a, slope_b : [S, F, J, K]
        -∂H/∂a, -∂H/∂b per effective label.
    quality : Levels
        Helpfulness, over-refusal and sycophancy [S, F].
    """

    harm: Array
    slope_a: Array
    slope_b: Array
    quality: Levels


def update_stocks(s: Setting, f: Firms, preference: Array, constraint: Array) -> Firms:
    """Stocks decay and grow by what was delivered: preference labels go stale with the policy they were collected on."""
    p = s.p
    return changed(
        f,
        preferences=f.preferences * (1 - p["depreciation_preference", 1]) + preference,
        constraints=f.constraints * (1 - p["depreciation_constraint", 2]) + constraint,
    )


def safety(s: Setting, quo: StatusQuo, f: Firms, c: Curators, public: Public, rules: Rules, library: Array) -> Safety:
    """Realised harm by jurisdiction, helpfulness, over-refusal and sycophancy, at the true transfer."""
    local = licensed_rules(s, c, public, rules, library)
    harm, slope_a, slope_b = blended_harm(s, quo, f.constraints, local, f.preferences, public.scale, None)
    licensed = sum_over(share_of(f.users)[..., None] * local, 2)
    quality = quo.response.quality.evaluate(quo.response, f.constraints + licensed, f.preferences, public.scale)
    return Safety(harm, slope_a, slope_b, quality)


def market_size(quo: StatusQuo, public: Public) -> Array:
    """Potential users [S, J]."""
    return quo.users_start * column(public.users, 1)


def utility(s: Setting, quo: StatusQuo, f: Firms, safe: Safety) -> Array:
    """Mean utility δ_fj of each product in each jurisdiction [S, F, J]."""
    common = f.brand + column(quo.users_help_taste, 1) * safe.quality.helpfulness
    common = common - column(quo.users_sycophancy_taste, 1) * safe.quality.sycophancy
    common = common - s.p["price_sensitivity_users", 1] * f.price - column(quo.outside_utility, 1)
    disliked = column(quo.users_harm_taste, 2) * sum_over(quo.user_weight[:, None, None] * safe.harm, 3)
    return common[:, :, None] - disliked


def sell(s: Setting, quo: StatusQuo, f: Firms, public: Public, safe: Safety, ledger: Ledger) -> tuple[Firms, Array]:
    """Logit demand over firms and an outside good (Berry 1994); consumer surplus is the log-sum [S], USD."""
    value = utility(s, quo, f, safe)
    top = np.maximum(value.max(axis=1, keepdims=True), 0.0)
    weight = np.exp(value - top)
    inclusive = np.exp(-top[:, 0]) + sum_over(weight, 1)
    size = market_size(quo, public)
    users = size[:, None] * weight / inclusive[:, None]
    surplus = (size / s.p["price_sensitivity_users", 1] * (top[:, 0] + np.log(inclusive))).sum(axis=1)
    revenue = users * f.price[:, :, None]
    ledger.post("product", sum_over(revenue, 1, 2), sum_over(revenue, 2))
    ledger.post("compute", sum_over(users, 2) * s.p["marginal_cost_per_user", 1])
    return changed(f, users=users, revenue=revenue), surplus


def post_product_prices(s: Setting, quo: StatusQuo, f: Firms, public: Public) -> Firms:
    """Bertrand-logit price over marginal cost and liability, p ← p + λ·[(mc + ul)/(1 - t) + Σq/(αΣq(1 - s)) - p].

    t is what class-rated premiums and fines take of sales, an ad valorem tax to the firm (Anderson, de Palma and Kreider 2001).
    """
    p = s.p
    share = f.users / market_size(quo, public)[:, None]
    markup = sum_over(f.users, 2) / (p["price_sensitivity_users", 1] * sum_over(f.users * (1 - share), 2))
    target = (p["marginal_cost_per_user", 1] + f.unit_liability) / (1 - f.levy) + markup
    return changed(f, price=f.price + p["product_price_adjustment", 1] * (target - f.price))


def drift_brands(s: Setting, f: Firms, quarter: int) -> Firms:
    """Brands follow a stationary AR(1) from quarter 0, so that their dispersion does not melt away."""
    if quarter < 0:
        return f
    keep = s.p["brand_persistence", 1]
    shock = s.normal(Stream.BRAND, quarter, np.arange(s.firms))
    return changed(f, brand=keep * f.brand + s.p["brand_sd", 1] * np.sqrt(1 - keep**2) * shock)
