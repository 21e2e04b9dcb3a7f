"""Where firms stand on their surfaces: positions at which what they are seen to spend is worth its cost.

The stakes in harm (β_H) and in helpfulness (β_U) follow from outlays, prices and the laboratory's
elasticities, never from a guess. A position at which one of them would not be positive is drawn again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.streams import Stream
from econ.market.health import NoStatusQuo
from econ.market.setting import Setting, column

if TYPE_CHECKING:
    from econ.market.quality import Measured, Rest, StandIn
    from econ.surfaces import SurfaceAt

Array = Any
#: Redraws of a position that revealed preference cannot rationalise, before the replicate is given up.
MOST_REDRAWS = 100


@dataclass(frozen=True)
class Position:
    """A position with what it reveals of the mean firm and its users.

    Attributes
    ----------
    x, y : [S]
        Constraint and preference labels, half-saturations.
    harm_taste, help_taste : [S]
        β_H, β_U.
    stake : [S, K]
        Value of a unit of relative harm less, USD.
    damage : [S, K]
        Expected damage per user and quarter at relative harm 1, USD.
    harm, slope_x, slope_y : [S, K]
        Relative harm, and -∂H/∂ln x and -∂H/∂ln y.
    rest : Rest
        What users get beside safety.
    """

    x: Array
    y: Array
    harm_taste: Array
    help_taste: Array
    stake: Array
    damage: Array
    harm: Array
    slope_x: Array
    slope_y: Array
    rest: Rest

    @property
    def tastes(self) -> tuple[Array, Array]:
        """Users' tastes for safety and for helpfulness, both positive where the position makes sense."""
        return self.harm_taste, self.help_taste


@dataclass(frozen=True)
class Incentives:
    """What the mean firm spends on labels, and what it earns and answers for.

    Attributes
    ----------
    surface : SurfaceAt
        Measured surfaces at the categories' verifiabilities.
    quality : Measured or StandIn
    user_weight, damage_weight : [S, K]
        Weights of the categories in users' dislike of harm (they sum to 1), and in damage.
    damage_per_user : [S]
        Expected damage per user and quarter, USD.
    requests_per_user : [S]
    liability : [S, K]
        Liability per unit of damage per user.
    fines : [S, K]
        Expected fine, USD, where harm is above the standard and `finable`.
    standard : [S]
    finable : [S, K] bool
    margin : [S]
        USD per unit of users' utility.
    sycophancy_taste : [S]
    need_constraint, need_preference : [S]
        What the outlays on either kind of label must be worth, USD.
    """

    surface: SurfaceAt
    quality: Measured | StandIn
    user_weight: Array
    damage_weight: Array
    damage_per_user: Array
    requests_per_user: Array
    liability: Array
    fines: Array
    standard: Array
    finable: Array
    margin: Array
    sycophancy_taste: Array
    need_constraint: Array
    need_preference: Array

    def solve(self, x: Array, y: Array, outlays: float = 1.0) -> Position:
        """Stakes, tastes and damages at a position, by the linear pair of first-order conditions.

        `outlays` multiplies what firms spend, to say what they would have to spend where there is no solution.
        """
        taste = self.user_weight
        harm, e_x, e_y = self.surface.evaluate(np.broadcast_to(x[:, None], taste.shape).copy(), y[:, None])
        factor = self.damage_per_user / (self.requests_per_user * (self.damage_weight * harm).sum(axis=1))
        damage = self.requests_per_user[:, None] * self.damage_weight * factor[:, None]
        given = self.liability * damage + self.fines * ((harm > self.standard[:, None]) & self.finable)
        rest = self.quality.rest(x, y)
        a11, a12 = self.margin * (taste * e_x).sum(axis=1), self.margin * (rest.help_a.sum(axis=1) - rest.crowding)
        a21, a22 = self.margin * (taste * e_y).sum(axis=1), self.margin * rest.help_b
        disliked = self.margin * self.sycophancy_taste
        b1 = outlays * self.need_constraint - (given * e_x).sum(axis=1) + disliked * rest.flattery_a.sum(axis=1)
        b2 = outlays * self.need_preference - (given * e_y).sum(axis=1) + disliked * rest.flattery_b
        determinant = a11 * a22 - a12 * a21
        with np.errstate(divide="ignore", invalid="ignore"):
            harm_taste = (b1 * a22 - a12 * b2) / determinant
            help_taste = (a11 * b2 - a21 * b1) / determinant
        stake = given + self.margin[:, None] * harm_taste[:, None] * taste
        return Position(x, y, harm_taste, help_taste, stake, damage, harm, e_x, e_y, rest)

    def worth_of_constraints(self, position: Position) -> Array:
        """Marginal value of constraint labels by category [S, K], before they crowd each other out."""
        rest = position.rest
        liked = column(position.help_taste, 1) * rest.help_a - column(self.sycophancy_taste, 1) * rest.flattery_a
        return position.stake * position.slope_x + column(self.margin, 1) * liked


def draw_positions(s: Setting, solve: Callable[..., Position]) -> tuple[Position, Array]:
    """Positions, redrawn alone (never the surface) where they cannot be rationalised, and the number of redraws [S].

    Raises
    ------
    NoStatusQuo
        If some replicates have none after `MOST_REDRAWS` redraws, with all such replicates.
    """
    p = s.p
    redraws = np.zeros(s.size, np.int64)
    while True:
        noise = np.stack(
            [s.normal(Stream.POSITION, 0, redraws.reshape(-1, 1), draw)[:, 0] for draw in (0, 1)], axis=1
        )  # fmt: skip
        factor = np.exp(p["position_log_sd", 1] * noise)
        x, y = p["position_constraints"] * factor[:, 0], p["position_preferences"] * factor[:, 1]
        found = solve(x, y)
        bad = ~((found.harm_taste > 0) & (found.help_taste > 0))
        if not bad.any():
            return found, redraws
        given_up = bad & (redraws == MOST_REDRAWS)
        if given_up.any() and (given_up | ~bad).all():
            reasons = why_not(found.tastes, solve(x, y, outlays=2.0).tastes, p["alignment_share_of_revenue"], p["outlay_cap"])
            raise NoStatusQuo({int(s.replicates[place]): reasons[place] for place in np.flatnonzero(given_up)})
        redraws = redraws + (bad & ~given_up)


def why_not(once: tuple[Array, Array], twice: tuple[Array, Array], spent: Array, most: Array) -> list[str]:
    """Why a position has no status quo, and what firms would have to spend for it to have one.

    Tastes are linear in outlays, so that two solutions give the outlays at which both are positive.

    Parameters
    ----------
    once, twice : (Array, Array)
        Tastes for safety and for helpfulness [S] at the stated outlays and at twice these.
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
