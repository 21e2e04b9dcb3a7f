"""Step 4: what curators charge for labels, with the monopsony wedge below and the logit markup above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from econ.market.setting import Setting, column, sum_over
from econ.market.state import Curators, changed
from econ.market.technology import Technology

Array = Any


@dataclass(frozen=True)
class LaborCosts:
    """Costs of labor in a quarter.

    Attributes
    ----------
    elasticity : [S, C, G, O]
        Elasticity of labor supply that a curator faces.
    factor : [S, C, G, O]
        Relative prices of hours at which regions are mixed: wages, less the part of the monopsony wedge that a legal
        minimum takes away. That supply is more elastic in one region than in another is in the status quo's shares.
    factor_index : [S, C, O]
        The same of an hour of composite labor.
    index : [S, C, O]
        Wage cost of an hour of composite labor, USD.
    wedge_index : [S, C, O]
        The same with wages raised by the monopsony wedge 1 + 1/ε, or by less where a legal minimum binds.
    """

    elasticity: Array
    factor: Array
    factor_index: Array
    index: Array
    wedge_index: Array


@dataclass(frozen=True)
class Costs(LaborCosts):
    """Costs and markups of a quarter, those of labor among them.

    Attributes
    ----------
    preference, constraint : [S, C], [S, C, K]
        Marginal cost of a label, wedge included, USD.
    markup_preference, markup_constraint : [S, C]
        USD per label.
    hours_constraint : [S, C, K]
        Hours per constraint example, documentation included.
    """

    preference: Array
    constraint: Array
    markup_preference: Array
    markup_constraint: Array
    hours_constraint: Array


def markup(own_sensitivity: Array, share: Array, pull: Array) -> Array:
    """Bertrand-logit markup 1/(α(1 - s) + ε_v·s), USD per label.

    The second term is the pull of in-house and AI labels; it is zero when they are off, which gives the
    logit markup of Berry (1994).
    """
    slope = own_sensitivity * (1 - share) + pull * share
    # A lone vendor without rivals in any source has no finite markup: leave its price to the outlay response.
    return 1 / np.maximum(slope, 1e-3 * own_sensitivity)


def pull_of_other_sources(elasticity: Array, vendor_units: Array, vendor_price: Array) -> Array:
    """ε_v = ς(1 - u_v)/p_v, in 1/USD."""
    return elasticity * (1 - vendor_units) / vendor_price


def supply_elasticity(s: Setting, split: Array, participation: Array) -> Array:
    """Elasticity of labor supply to a curator, ε = η(1 - s_c) + μ·s_c(1 - P), s_c = P(c | o, g) [S, C, G, O].

    Card, Cardoso, Heining and Kline (2018) for the logit form; P [S, G, O] is the share of the region's
    labelers in the occupation.
    """
    eta, mu = s.p["curator_elasticity", 3], s.p["occupation_elasticity", 3]
    return eta * (1 - split) + mu * split * (1 - participation[:, None])


def labor_costs(s: Setting, tech: Technology, c: Curators, split: Array, participation: Array) -> LaborCosts:
    """Costs of labor at the curators' wages, splits over them [S, C, G, O] and participation [S, G, O]."""
    elasticity = supply_elasticity(s, split, participation)
    marginal = c.wage * (1 + c.wedge / elasticity)
    factor = np.where(c.wedge < 1, marginal / (1 + 1 / elasticity), c.wage)
    index = factor_index = tech.wage_index(factor)
    bound = (c.wedge < 1).any(axis=2)
    if bound.any():
        # Where the mix does not follow wages, an hour costs what its own mix is paid.
        mix = tech.wanted(np.ones_like(factor_index), factor, factor_index)
        index = np.where(bound, sum_over(mix * c.wage, 2), factor_index)
    return LaborCosts(elasticity, factor, factor_index, index, tech.wage_index(marginal))


def costs(s: Setting, tech: Technology, c: Curators, labor: LaborCosts, vendor_units: Array) -> Costs:
    """Costs and markups at current wages and last quarter's unit shares.

    Parameters
    ----------
    labor : LaborCosts
    vendor_units : [S, 2]
        Vendors' share of all units of preference and constraint labels.
    """
    p = s.p
    wedge_index = labor.wedge_index
    hours = tech.hours_constraint[:, None] * (1 + p["documentation_cost", 2] * c.documents[:, :, None])
    mean_price = [mean_active(price, c.active) for price in (c.price_preference, c.price_constraint.mean(axis=2))]
    pull = [pull_of_other_sources(p["source_substitution"], vendor_units[:, i], mean_price[i])[:, None] for i in (0, 1)]
    return Costs(
        labor.elasticity, labor.factor, labor.factor_index, labor.index, wedge_index,
        tech.hours_preference[:, None] * wedge_index[:, :, 0] + p["overhead_preference", 1],
        hours * wedge_index[:, :, 1, None] + p["overhead_constraint", 2],
        markup(p["price_sensitivity_preference", 1], c.unit_share_preference, pull[0]),
        markup(p["price_sensitivity_constraint", 1], c.unit_share_constraint, pull[1]),
        hours,
    )  # fmt: skip


def mean_active(value: Array, active: Array) -> Array:
    """Mean over active curators [S] of a value [S, C]."""
    return np.where(active, value, 0.0).sum(axis=1) / np.maximum(active.sum(axis=1), 1)


def post_prices(s: Setting, c: Curators, cost: Costs) -> Curators:
    """Move posted prices towards cost plus markup, p ← p + λ_p·[c + m(s) - p]."""
    speed = s.p["price_adjustment", 1]
    preference = c.price_preference + speed * (cost.preference + cost.markup_preference - c.price_preference)
    target = cost.constraint + cost.markup_constraint[:, :, None]
    constraint = c.price_constraint + column(speed, 1) * (target - c.price_constraint)
    return changed(c, price_preference=preference, price_constraint=constraint)
