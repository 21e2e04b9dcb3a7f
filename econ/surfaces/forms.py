"""Forms of relative harm H(a, b; v): a flags, b preference pairs, v verifiability of the category.

Every form is separable, H = Φ(X(x) + Y(y)), on the stocks x = a / a_half(v) and y = b / b_half in
units of the form's own half-saturations. Stocks enter as x + GUARD, and what the guard adds at zero
is taken off again, so that H(0, 0) = 1 exactly, and values and slopes are finite on both axes.

====  =======================================================================================
S1    H = h(v) + (1 - h(v))·(1 + z)^-κ,  z = (x^r + y^r)^(1/r),  0 < r < 1: constant elasticity
      of substitution σ = 1/(1 - r) > 1 between labels (Arrow, Chenery, Minhas and Solow 1961)
S1n   the same with weights 1/2, z = 2·[(x^r + y^r)/2]^(1/r), so that r may have any value below 1
      (normalised CES, de La Grandville 1989): for an elasticity that is imposed, not measured
S2    H = exp(-z), z = (A^r + B^r)^(1/r), A = A_max(v)·x^p/(1 + x^p), B = B_max(v)·y^q/(1 + y^q): each
      label has its own ceiling, A_max = A_1·(signal)^α with the signal 1 - 2e(v) relative to v = 1; r = 1 independent (Bliss 1939), r > 1 overlapping, r < 1 complementary
S3    H = H_a(x; v)·H_b(y; v), each a Hill (1910) curve with its own floor
====  =======================================================================================

Parameters are stored on unconstrained scales. What labels do follows their signal, of which
`econ.core.verifiability` gives the logarithm by v: log s (s = 1/a_half) of S1 and S3 and log A_max and
log B_max of S2 are linear in it, so that s and ceilings are powers of the signal. Floors, logit h of S1 and
logit h_a and h_b of S3, are linear in v. Pairs depend on v because raters who compare see violations
through the same noisy channel as raters who flag.
"""

# ruff: noqa: D102  (the methods are documented on `Form`)
from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from econ.core.verifiability import log_signal, log_signal_slope

Floats = NDArray[np.float64]
Formula = Callable[..., tuple[Any, Any, Any]]
#: Added to stocks (in half-saturations), so that slopes on the axes are finite.
GUARD = 1e-12
#: Keeps the outer root of S2 finite at the origin for r > 1.
ROOT_GUARD = 1e-6
#: Keeps logarithms of zero sums finite without changing any other number.
TINY = 1e-300
#: Range of the overlap exponent r of S2.
OVERLAP_RANGE = (0.2, 5.0)
#: Below this |r| the normalised CES is evaluated at this r; the limit differs by less than 1e-6.
SMALLEST_R = 1e-6


def sigmoid(u: Any) -> Floats:
    """1/(1 + exp(-u)) without overflow."""
    value: Floats = 0.5 * (1.0 + np.tanh(0.5 * np.asarray(u, np.float64)))
    return value


def logit(p: Any) -> Floats:
    """Log-odds of p."""
    value: Floats = np.log(p) - np.log1p(-np.asarray(p, np.float64))
    return value


class Form:
    """A form of H: parameters from unconstrained numbers, value and elasticities from stocks.

    Shapes: S surfaces (replicates or draws), K categories. `theta` is [S, P], `v` is [K] or [S, K];
    parameters at v are [S, K]; stocks are [S, …, K] with the parameters' axes spread to match.
    """

    name: ClassVar[str]
    parameter_names: ClassVar[tuple[str, ...]]
    #: Centre and standard deviation of the weak normal prior of a fit, on the unconstrained scale.
    prior: ClassVar[tuple[tuple[float, float], ...]] = ()

    def at(self, theta: Floats, v: Floats) -> dict[str, Floats]:
        """Parameters at verifiability v, each [S, K]."""
        raise NotImplementedError

    @staticmethod
    def formula(exp: Any, log: Any, log1p: Any) -> Formula:
        """From exp, log and log1p of some array library or of compiled code to H, -∂H/∂log_x and -∂H/∂log_y.

        A function of the parameters that its signature names, and of log_x = ln(x + GUARD), log_y likewise.
        """
        raise NotImplementedError

    def evaluate(self, xp: Any, p: dict[str, Any], log_x: Any, log_y: Any) -> tuple[Any, Any, Any]:
        """H and its slopes by `formula`; `xp` is the namespace of the stocks."""
        return self.formula(xp.exp, xp.log, xp.log1p)(*(p[name] for name in self.used), log_x, log_y)

    #: Names of the parameters at v that `formula` takes, in its order.
    used: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls.used = tuple(signature(cls.formula(np.exp, np.log, np.log1p)).parameters)[:-2]

    def slope_v(self, p: dict[str, Floats], x: Floats, y: Floats) -> Floats:
        """∂H/∂v at fixed labels a and b."""
        raise NotImplementedError

    def floor(self, p: dict[str, Floats]) -> Floats:
        """Limit of H as both stocks grow, [S, K]."""
        raise NotImplementedError

    def curvature(self, p: dict[str, Floats], x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
        """What the elasticity of substitution needs: X'/Y', X''/X' and Y''/Y' in logarithms of the stocks."""
        raise NotImplementedError

    def elasticity_of_substitution(self, p: dict[str, Floats], x: Floats, y: Floats) -> Floats:
        """Local σ of the isoquant through (x, y), both positive.

        For separable H, with primes in ln x and ln y and m = X'/Y',
        σ = (1 + m)/[(1 + m) - X''/X' - m·Y''/Y']; infinite where the isoquant is flat or bends the
        other way, so that no interior mix is cheapest.
        """
        m, bend_x, bend_y = self.curvature(p, x, y)
        denominator = (1.0 + m) - bend_x - m * bend_y
        with np.errstate(divide="ignore"):
            return np.where(denominator > 0.0, (1.0 + m) / denominator, np.inf)


def _columns(theta: Floats) -> list[Floats]:
    """The parameters one by one, each [S, 1]."""
    return [theta[:, i, None] for i in range(theta.shape[1])]


class S1(Form):
    """Constant elasticity of substitution in labels, one floor for both kinds."""

    name = "S1"
    parameter_names = ("log_s", "log_s_signal", "log_b0", "logit_r", "log_kappa", "logit_h_0", "logit_h_v")
    prior: ClassVar[tuple[tuple[float, float], ...]] = (
        (-6.0, 3.0),
        (0.0, 2.0),
        (6.0, 3.0),
        (-0.7, 1.5),
        (0.0, 1.5),
        (-1.0, 2.0),
        (0.0, 2.0),
    )

    def at(self, theta: Floats, v: Floats) -> dict[str, Floats]:
        c0, c1, log_b0, logit_r, log_kappa, d0, d1 = _columns(theta)
        return self._parameters(c0, c1, v, log_b0, sigmoid(logit_r), log_kappa, d0, d1)

    def _parameters(
        self, c0: Any, c1: Any, v: Any, log_b0: Any, r: Any, log_kappa: Any, d0: Any, d1: Any
    ) -> dict[str, Floats]:
        log_s, h = c0 + c1 * log_signal(v), sigmoid(d0 + d1 * v)
        shape = np.broadcast_shapes(log_s.shape, log_b0.shape)
        values = {
            "a_half": np.exp(-log_s), "b_half": np.exp(log_b0), "r": r, "inverse_r": 1.0 / r,
            "guard": GUARD**r, "kappa": np.exp(log_kappa), "h": h, "span": 1.0 - h,
            "log_a_slope": c1 * log_signal_slope(v), "h_slope": h * (1.0 - h) * d1,
        }  # fmt: skip
        return {k: np.broadcast_to(value, shape) for k, value in values.items()}

    @staticmethod
    def formula(exp: Any, log: Any, log1p: Any) -> Formula:
        def at(
            r: Any, inverse_r: Any, guard: Any, kappa: Any, h: Any, span: Any, log_x: Any, log_y: Any
        ) -> tuple[Any, Any, Any]:  # fmt: skip
            power_x, power_y = exp(r * log_x), exp(r * log_y)
            # At the origin the difference is zero up to rounding, of either sign.
            total = abs((power_x - guard) + (power_y - guard)) + TINY
            z = exp(inverse_r * log(total))
            slope_z = z / total
            gap = span * exp(-kappa * log1p(z))
            slope = kappa * gap / (1.0 + z)
            return h + gap, slope * (slope_z * power_x), slope * (slope_z * power_y)

        return at

    def slope_v(self, p: dict[str, Floats], x: Floats, y: Floats) -> Floats:
        h, slope_x, _ = self.evaluate(np, p, np.log(x + GUARD), np.log(y + GUARD))
        lifted: Floats = (1.0 - h) / p["span"]
        value: Floats = p["h_slope"] * lifted - slope_x * (x / (x + GUARD)) * p["log_a_slope"]
        return value

    def floor(self, p: dict[str, Floats]) -> Floats:
        return p["h"]

    def curvature(self, p: dict[str, Floats], x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
        return (x / y) ** p["r"], p["r"], p["r"]


class NormalisedS1(S1):
    """S1 with weights 1/2, for any σ > 0; r itself is the fourth parameter."""

    name = "S1n"
    parameter_names = ("log_s", "log_s_signal", "log_b0", "r", "log_kappa", "logit_h_0", "logit_h_v")
    prior = ()

    def at(self, theta: Floats, v: Floats) -> dict[str, Floats]:
        c0, c1, log_b0, r, log_kappa, d0, d1 = _columns(theta)
        r = np.where(np.abs(r) < SMALLEST_R, SMALLEST_R, r)
        return self._parameters(c0, c1, v, log_b0, r, log_kappa, d0, d1)

    @staticmethod
    def formula(exp: Any, log: Any, log1p: Any) -> Formula:
        def at(
            r: Any, inverse_r: Any, guard: Any, kappa: Any, h: Any, span: Any, log_x: Any, log_y: Any
        ) -> tuple[Any, Any, Any]:  # fmt: skip
            power_x, power_y = exp(r * log_x), exp(r * log_y)
            half = 0.5 * (power_x + power_y)
            whole = 2.0 * exp(inverse_r * log(half))
            slope_z = 0.5 * whole / half
            z = whole - 2.0 * GUARD
            gap = span * exp(-kappa * log1p(z))
            slope = kappa * gap / (1.0 + z)
            return h + gap, slope * (slope_z * power_x), slope * (slope_z * power_y)

        return at



class S2(Form):
    """CES of two contributions, each with its own ceiling and half-saturation."""

    name = "S2"
    parameter_names = (
        "log_a_max", "log_a_max_signal", "log_a50", "log_p", "log_b_max", "log_b_max_signal", "log_b50", "log_q", "overlap",
    )  # fmt: skip
    # The prior of the overlap is wide: with a standard deviation of 1.5 it pulled σ of strong substitutes towards 1,
    # and 90 % intervals of σ held the truth in half of the synthetic laboratories.
    prior = (
        (0.0, 2.0), (0.0, 2.0), (6.0, 3.0), (0.0, 1.0), (0.0, 2.0), (0.0, 2.0), (6.0, 3.0), (0.0, 1.0), (0.0, 4.0),
    )  # fmt: skip

    def at(self, theta: Floats, v: Floats) -> dict[str, Floats]:
        a0, a1, log_a50, log_p, b0, b1, log_b50, log_q, overlap = _columns(theta)
        low, high = np.log(OVERLAP_RANGE)
        r = np.exp(low + (high - low) * sigmoid(overlap))
        signal, steepness = log_signal(v), log_signal_slope(v)
        p, q, log_a_max, log_b_max = np.exp(log_p), np.exp(log_q), a0 + a1 * signal, b0 + b1 * signal
        root = ROOT_GUARD ** np.maximum(r, 1.0)
        values = {
            "a_half": np.exp(log_a50), "b_half": np.exp(log_b50), "r": r, "inverse_r": 1.0 / r, "p": p, "q": q,
            "weight_a": np.exp(r * log_a_max), "weight_b": np.exp(r * log_b_max),
            "guard_a": np.exp(r * log_a_max) * (GUARD**p / (1.0 + GUARD**p)) ** r,
            "guard_b": np.exp(r * log_b_max) * (GUARD**q / (1.0 + GUARD**q)) ** r,
            "root": root, "offset": root ** (1.0 / r), "log_a_slope": a1 * steepness, "log_b_slope": b1 * steepness,
        }  # fmt: skip
        shape = np.broadcast_shapes(log_a_max.shape, log_a50.shape)
        return {k: np.broadcast_to(value, shape) for k, value in values.items()}

    def _part(self, r: Any, exponent: Any, weight: Any, log_stock: Any) -> tuple[Any, Any]:
        """One label's contribution to z^r, and 1/(1 + stock^p), the room left below its ceiling."""
        power = np.exp(exponent * log_stock)
        share = r * (exponent * log_stock - np.log1p(power))
        return weight * np.exp(share), 1.0 / (1.0 + power)

    @staticmethod
    def formula(exp: Any, log: Any, log1p: Any) -> Formula:
        def at(
            r: Any, inverse_r: Any, p: Any, q: Any, weight_a: Any, weight_b: Any, guard_a: Any,
            guard_b: Any, root: Any, offset: Any, log_x: Any, log_y: Any,
        ) -> tuple[Any, Any, Any]:  # fmt: skip
            power_a, power_b = exp(p * log_x), exp(q * log_y)
            part_a = weight_a * exp(r * (p * log_x - log1p(power_a)))
            part_b = weight_b * exp(r * (q * log_y - log1p(power_b)))
            room_a, room_b = 1.0 / (1.0 + power_a), 1.0 / (1.0 + power_b)
            total = (part_a - guard_a) + (part_b - guard_b) + root
            z = exp(inverse_r * log(total))
            h = exp(offset - z)
            slope = h * z / total
            return h, slope * (p * part_a * room_a), slope * (q * part_b * room_b)

        return at

    def slope_v(self, p: dict[str, Floats], x: Floats, y: Floats) -> Floats:
        part_a, _ = self._part(p["r"], p["p"], p["weight_a"], np.log(x + GUARD))
        part_b, _ = self._part(p["r"], p["q"], p["weight_b"], np.log(y + GUARD))
        own_a, own_b = part_a - p["guard_a"], part_b - p["guard_b"]
        total = own_a + own_b + p["root"]
        z = total ** p["inverse_r"]
        lift = own_a * p["log_a_slope"] + own_b * p["log_b_slope"]
        value: Floats = -np.exp(p["offset"] - z) * (z / total) * lift
        return value

    def floor(self, p: dict[str, Floats]) -> Floats:
        value: Floats = np.exp(-((p["weight_a"] + p["weight_b"]) ** p["inverse_r"]))
        return value

    def curvature(self, p: dict[str, Floats], x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
        part_a, room_a = self._part(p["r"], p["p"], p["weight_a"], np.log(x))
        part_b, room_b = self._part(p["r"], p["q"], p["weight_b"], np.log(y))
        m = (p["p"] * part_a * room_a) / (p["q"] * part_b * room_b)
        bend_a = p["p"] * (p["r"] * room_a - (1.0 - room_a))
        bend_b = p["q"] * (p["r"] * room_b - (1.0 - room_b))
        return m, bend_a, bend_b


class S3(Form):
    """Product of two Hill curves: each kind removes its share of what the other leaves."""

    name = "S3"
    parameter_names = (
        "log_s", "log_s_signal", "log_p", "logit_ha_0", "logit_ha_v", "log_b50", "log_q", "logit_hb_0",
        "logit_hb_v",
    )  # fmt: skip
    prior = (
        (-6.0, 3.0), (0.0, 2.0), (0.0, 1.0), (-1.0, 2.0), (0.0, 2.0), (6.0, 3.0), (0.0, 1.0), (0.0, 2.0), (0.0, 2.0),
    )  # fmt: skip

    def at(self, theta: Floats, v: Floats) -> dict[str, Floats]:
        c0, c1, log_p, d0, d1, log_b50, log_q, e0, e1 = _columns(theta)
        p, q, ha, hb = np.exp(log_p), np.exp(log_q), sigmoid(d0 + d1 * v), sigmoid(e0 + e1 * v)
        values = {
            "a_half": np.exp(-c0 - c1 * log_signal(v)), "b_half": np.exp(log_b50), "p": p, "q": q,
            "guard_a": GUARD**p, "guard_b": GUARD**q, "ha": ha, "hb": hb,
            "log_a_slope": c1 * log_signal_slope(v), "ha_slope": ha * (1.0 - ha) * d1, "hb_slope": hb * (1.0 - hb) * e1,
        }  # fmt: skip
        shape = np.broadcast_shapes(values["a_half"].shape, values["b_half"].shape)
        return {k: np.broadcast_to(value, shape) for k, value in values.items()}

    def _hill(self, floor: Any, exponent: Any, guard: Any, log_stock: Any) -> tuple[Any, Any]:
        """A Hill curve from 1 to its floor, and minus its slope in `log_stock`."""
        power = np.exp(exponent * log_stock)
        room = 1.0 / (1.0 + (power - guard))
        drop = (1.0 - floor) * room
        return floor + drop, exponent * drop * room * power

    @staticmethod
    def formula(exp: Any, log: Any, log1p: Any) -> Formula:
        def at(
            p: Any, q: Any, guard_a: Any, guard_b: Any, ha: Any, hb: Any, log_x: Any, log_y: Any
        ) -> tuple[Any, Any, Any]:  # fmt: skip
            power_a, power_b = exp(p * log_x), exp(q * log_y)
            room_a, room_b = 1.0 / (1.0 + (power_a - guard_a)), 1.0 / (1.0 + (power_b - guard_b))
            drop_a, drop_b = (1.0 - ha) * room_a, (1.0 - hb) * room_b
            h_a, h_b = ha + drop_a, hb + drop_b
            return h_a * h_b, p * drop_a * room_a * power_a * h_b, q * drop_b * room_b * power_b * h_a

        return at

    def slope_v(self, p: dict[str, Floats], x: Floats, y: Floats) -> Floats:
        h_a, slope_a = self._hill(p["ha"], p["p"], p["guard_a"], np.log(x + GUARD))
        h_b, _ = self._hill(p["hb"], p["q"], p["guard_b"], np.log(y + GUARD))
        lifted_a, lifted_b = (1.0 - h_a) / (1.0 - p["ha"]), (1.0 - h_b) / (1.0 - p["hb"])
        scale = slope_a * (x / (x + GUARD)) * p["log_a_slope"]
        value: Floats = h_b * (p["ha_slope"] * lifted_a - scale) + h_a * p["hb_slope"] * lifted_b
        return value

    def floor(self, p: dict[str, Floats]) -> Floats:
        return p["ha"] * p["hb"]

    def curvature(self, p: dict[str, Floats], x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
        pull_a, bend_a = self._log_curve(p["ha"], p["p"], x)
        pull_b, bend_b = self._log_curve(p["hb"], p["q"], y)
        return pull_a / pull_b, bend_a, bend_b

    def _log_curve(self, floor: Floats, exponent: Floats, stock: Floats) -> tuple[Floats, Floats]:
        """X' and X''/X' of X = -ln(Hill curve) in the logarithm of the stock."""
        power = stock**exponent
        room = 1.0 / (1.0 + power)
        pull = exponent * (1.0 - floor) * power * room * room / (floor + (1.0 - floor) * room)
        return pull, exponent * (1.0 - power) * room + pull


FORMS: dict[str, Form] = {form.name: form for form in (S1(), S2(), S3(), NormalisedS1())}
#: Forms that a fit tries; S1n only ever carries an elasticity that was not measured.
FITTED = ("S1", "S2", "S3")
