"""What users get beside safety: helpfulness, over-refusal and sycophancy, and their slopes in labels.

Two sources, chosen by the parameter ``measured_quality``:

*Measured*. The laboratory's curves U, O and Y of the replicate's own posterior draw, at the laboratory's
labels behind the market's stocks, mean over categories. Nothing makes U rise with preference labels there, and
at the budgets of an industry it is flat, so U alone cannot explain what firms spend on them. What they pay
beyond it is attributed, by revealed preference, to a value V(b) of preference labels that the
laboratory does not measure:

    helpfulness = V(b) + [U(a, b) - U(0, 0)] - credit·[O(a, b) - O(0, 0)],   V = 1 - (1 + b/b_U)^(-1/2)

One taste weighs all three, so that a unit of measured help counts as much as a unit of the unmeasured.
`credit` is the help that the laboratory's index still gives a refusal; a user who is refused gets none.

*Stand-in*. No measurement: V(b) less u_or·ln(1 + Σa/a_U) for over-refusal, and Y = 1 - (1 + b/b_Y)^(-1/2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.errors import InputError
from econ.market.setting import column, sum_over

if TYPE_CHECKING:
    from econ.market.response import Response
    from econ.market.setting import Setting
    from econ.surfaces.secondary import SecondaryBatch

Array = Any


@dataclass(frozen=True)
class Levels:
    """Levels of firms and their slopes per effective label.

    Attributes
    ----------
    helpfulness, over_refusal, sycophancy : [S, F]
    measured : [S, F]
        The laboratory's helpfulness alone; NaN in the stand-in.
    help_b, flattery_b : [S, F]
        Slopes of helpfulness and sycophancy in preference labels.
    help_a, flattery_a : [S, F, K]
        Slopes in rules of each category.
    """

    helpfulness: Array
    over_refusal: Array
    sycophancy: Array
    measured: Array
    help_b: Array
    flattery_b: Array
    help_a: Array
    flattery_a: Array


@dataclass(frozen=True)
class Rest:
    """The status quo of the mean firm: levels [S] and slopes times stocks.

    Attributes
    ----------
    helpfulness, sycophancy : [S]
    help_b, flattery_b : [S]
        b·∂/∂b.
    help_a, flattery_a : [S, K]
        a_k·∂/∂a_k.
    crowding : [S]
        Loss of helpfulness per relative rise of all rules together, shared by categories as their stocks.
    """

    helpfulness: Array
    sycophancy: Array
    help_b: Array
    flattery_b: Array
    help_a: Array
    flattery_a: Array
    crowding: Array


def unmeasured_value(b: Array, half: Array) -> tuple[Array, Array]:
    """V = 1 - (1 + b/b_U)^(-1/2), concave in preference labels, and its slope."""
    gain = (1 + b / half) ** -0.5
    return 1 - gain, 0.5 / half * gain / (1 + b / half)


@dataclass(frozen=True)
class StandIn:
    """Curves of one parameter each, from no measurement.

    Attributes
    ----------
    weight : [S]
        Over-refusal at e - 1 status-quo stocks of rules.
    half, flattery_half : [S]
        Preference labels, in status-quo stocks, of which value and sycophancy are 1 - 2^(-1/2).
    categories : int
    """

    weight: Array
    half: Array
    flattery_half: Array
    categories: int

    def rest(self, x: Array, y: Array) -> Rest:
        """At the status quo, whatever its position (x, y) on the measured surface."""
        one = np.ones(len(self.weight))
        value, slope = unmeasured_value(one, self.half)
        flattery, flattery_slope = unmeasured_value(one, self.flattery_half)
        none = np.zeros((len(one), self.categories))
        return Rest(value - self.weight * np.log(2.0), flattery, slope, flattery_slope, none, none, self.weight / 2)

    def evaluate(self, r: Response, rules: Array, preferences: Array, scale: Array, belief: Array | None = None) -> Levels:
        """Levels and slopes at rules [S, F, K] and preference labels [S, F]; beliefs do not matter."""
        reference = column(r.preferences_reference * scale, 1)
        value, help_b = unmeasured_value(preferences, column(self.half, 1) * reference)
        flattery, flattery_b = unmeasured_value(preferences, column(self.flattery_half, 1) * reference)
        total = column(r.constraints_reference.sum(axis=1) * scale, 1)
        all_rules, weight = sum_over(rules, 2), column(self.weight, 1)
        refused = weight * np.log1p(all_rules / total)
        help_a = np.repeat((-weight / (total + all_rules))[..., None], self.categories, axis=2)
        return Levels(
            value - refused, refused, flattery, np.full_like(value, np.nan), help_b, flattery_b, help_a, np.zeros_like(help_a)
        )


@dataclass(frozen=True)
class Measured:
    """The laboratory's curves, one posterior draw per replicate.

    Attributes
    ----------
    help, refusal, flattery : SecondaryBatch
    verifiability, a_half : [S, K]
        Laboratory flags per half-saturation.
    b_half : [S]
        Laboratory pairs per half-saturation.
    credit : [S]
        Helpfulness that the laboratory gives a refusal.
    half : [S]
        Preference labels, in status-quo stocks, of which the unmeasured value is 1 - 2^(-1/2).
    """

    help: SecondaryBatch
    refusal: SecondaryBatch
    flattery: SecondaryBatch
    verifiability: Array
    a_half: Array
    b_half: Array
    credit: Array
    half: Array

    def rest(self, x: Array, y: Array) -> Rest:
        """At position x, y [S] in half-saturations."""
        flags, pairs = self.a_half * x[:, None], (self.b_half * y)[:, None]
        value, slope = unmeasured_value(np.ones(len(x)), self.half)
        m = self._mean(flags[:, None], pairs)
        help_b, flattery_b = m.help_b * pairs, m.flattery_b * pairs
        return Rest(
            value + m.change[:, 0], m.flattery[:, 0], slope + help_b[:, 0], flattery_b[:, 0], m.help_a[:, 0] * flags,
            m.flattery_a[:, 0] * flags, np.zeros(len(x)),
        )  # fmt: skip

    def evaluate(self, r: Response, rules: Array, preferences: Array, scale: Array, belief: Array | None = None) -> Levels:
        """Levels and slopes at rules [S, F, K] and preference labels [S, F], at the true or a believed transfer [S, F]."""
        at = r.stocks(rules, preferences, scale, belief)
        a_half, b_half = self.a_half[:, None], column(self.b_half, 2)
        m = self._mean(at.x * a_half, (at.y * b_half)[..., 0])
        value, slope = unmeasured_value(preferences, column(self.half * r.preferences_reference * scale, 1))
        per_flag, per_pair = at.per_a * a_half, (at.per_b * b_half)[..., 0]
        return Levels(
            value + m.change, m.refused, m.flattery, m.help, slope + m.help_b * per_pair, m.flattery_b * per_pair,
            m.help_a * per_flag, m.flattery_a * per_flag,
        )  # fmt: skip

    @cached_property
    def _untrained(self) -> list[Array]:
        """Helpfulness and over-refusal before any training, mean over categories [S]."""
        v = self.verifiability
        return [batch.evaluate(0.0 * v, 0.0 * v, v)[0].mean(axis=-1) for batch in (self.help, self.refusal)]

    @cached_property
    def _table(self) -> Array:
        from econ.market.quality_kernels import table

        return table(self.help, self.refusal, self.flattery)

    def _mean(self, flags: Array, pairs: Array) -> _Mean:
        """Mean over categories at laboratory flags [S, F, K] and pairs [S, F]."""
        from econ.market import quality_kernels as kernels

        level, help_a, flattery_a = np.empty((5, *pairs.shape)), np.empty(flags.shape), np.empty(flags.shape)
        kernels.means(self._table, self.verifiability, self.credit, flags, pairs, level, help_a, flattery_a)
        help_, refused = level[kernels.HELP], level[kernels.REFUSED]
        untrained = [column(level, 1) for level in self._untrained]
        change = help_ - untrained[0] - column(self.credit, 1) * (refused - untrained[1])
        return _Mean(
            help_, change, refused, level[kernels.FLATTERY], level[kernels.HELP_B], level[kernels.FLATTERY_B], help_a, flattery_a
        )


@dataclass(frozen=True)
class _Mean:
    """What the laboratory measured, mean over categories [S, F]; slopes in flags by category [S, F, K].

    `change` is helpfulness against the untrained model, less the credit for refusals.
    """

    help: Array
    change: Array
    refused: Array
    flattery: Array
    help_b: Array
    flattery_b: Array
    help_a: Array
    flattery_a: Array


def quality(s: Setting, verifiability: Array) -> StandIn | Measured:
    """The curves that the scenario asks for.

    Parameters
    ----------
    s : Setting
    verifiability : [S, K]

    Raises
    ------
    InputError
        If measured curves are asked for and these response surfaces hold none.
    """
    if s.p["measured_quality"][0] == 0:
        return StandIn(s.p["over_refusal_weight"], s.p["preference_value_half"], s.p["sycophancy_half"], verifiability.shape[1])
    from econ.market.quality_kernels import OUTCOMES

    lacking = [name for name in OUTCOMES if name not in s.surface.surfaces.outcomes]
    if lacking:
        raise InputError(
            f"these response surfaces hold no measured {' and '.join(lacking)}", key="parameters.measured_quality", found=1,
            allowed="1 where all of helpfulness, over_refusal and sycophancy were fitted; 0 for stand-in curves", nearest="0",
        )  # fmt: skip
    help_, refusal, flattery = (s.surface.secondary(name) for name in OUTCOMES)
    a_half, b_half = s.surface.half_saturation(verifiability)
    return Measured(help_, refusal, flattery, verifiability, a_half, b_half, s.p["refusal_credit"], s.p["preference_value_half"])
