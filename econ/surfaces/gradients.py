"""Relative harm with its derivatives in the parameters of a form: what a fit asks for.

Analytic; the chain runs from the unconstrained parameters (see `econ.surfaces.forms`) through the
stocks in half-saturations. Slopes on the axes use the same guards as the forms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from econ.core.verifiability import log_signal
from econ.surfaces.forms import GUARD, OVERLAP_RANGE, ROOT_GUARD, TINY, Floats, Form

LOG_GUARD = float(np.log(GUARD))
LOG_ROOT_GUARD = float(np.log(ROOT_GUARD))


def harm_and_gradient(
    form: Form, theta: Floats, a: Floats, b: Floats, levels: Floats, at_level: NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """Relative harm of D parameter vectors at C cells, and its derivatives.

    Parameters
    ----------
    form : Form
        S1, S2 or S3.
    theta : ndarray, [D, P]
    a, b : ndarray, [C]
        Flags and pairs.
    levels : ndarray, [K]
        The verifiabilities that occur.
    at_level : ndarray of int, [C]
        Which of them each cell has.

    Returns
    -------
    harm : ndarray, [D, C]
    gradient : ndarray, [D, P, C]
    """
    by_level = form.at(theta, np.broadcast_to(levels, (len(theta), len(levels))))
    p = {name: _at_cells(value, at_level) for name, value in by_level.items()}
    log_x = np.log(a / p["a_half"] + GUARD)
    log_y = np.log(b / p["b_half"] + GUARD)
    harm, columns = _GRADIENTS[form.name](p, log_x, log_y, levels[at_level])
    gradient = np.empty((len(theta), len(columns), len(a)))
    for i, column in enumerate(columns):
        gradient[:, i] = column
    return harm, gradient


def _at_cells(value: Floats, at_level: NDArray[np.intp]) -> Floats:
    """[D, K] at the cells' levels, [D, C]; [D, 1] where the parameter does not depend on v."""
    return value[:, :1] if value.strides[1] == 0 else value[:, at_level]


def _inside(log_stock: Floats) -> Floats:
    """D log(x + GUARD)/d log x."""
    value: Floats = -np.expm1(LOG_GUARD - log_stock)
    return value


def _s1(p: dict[str, Any], log_x: Floats, log_y: Floats, v: Floats) -> tuple[Floats, list[Floats]]:
    r, kappa, h, span = p["r"], p["kappa"], p["h"], p["span"]
    power_x, power_y = np.exp(r * log_x), np.exp(r * log_y)
    total = np.abs((power_x - p["guard"]) + (power_y - p["guard"])) + TINY
    log_total = np.log(total)
    z = np.exp(log_total / r)
    log_1z = np.log1p(z)
    kept = np.exp(-kappa * log_1z)
    in_log_z = -kappa * span * kept * z / (1.0 + z)
    in_log_s = in_log_z * power_x / total * _inside(log_x)
    in_log_b0 = -in_log_z * power_y / total * _inside(log_y)
    log_z_in_r = (power_x * log_x + power_y * log_y - 2.0 * p["guard"] * LOG_GUARD) / (r * total) - log_total / r**2
    in_logit_r = in_log_z * log_z_in_r * r * (1.0 - r)
    in_logit_h = h * (1.0 - h) * (1.0 - kept)
    columns = [
        in_log_s, in_log_s * log_signal(v), in_log_b0, in_logit_r, -kappa * span * kept * log_1z, in_logit_h, in_logit_h * v,
    ]  # fmt: skip
    return h + span * kept, columns


def _s2(p: dict[str, Any], log_x: Floats, log_y: Floats, v: Floats) -> tuple[Floats, list[Floats]]:
    r = p["r"]
    part_a, room_a, guard_a = _contribution(p, "a", log_x)
    part_b, room_b, guard_b = _contribution(p, "b", log_y)
    own_a, own_b = part_a - guard_a, part_b - guard_b
    # Parts of very different size may cancel to a rounding error of either sign.
    total = np.maximum(own_a + own_b, 0.0) + p["root"]
    log_total = np.log(total)
    z = np.exp(log_total / r)
    h = np.exp(p["offset"] - z)
    in_total = -h * z / (r * total)
    in_log_a, in_log_b = in_total * r * own_a, in_total * r * own_b
    p_a, p_b = p["p"], p["q"]
    in_log_a50 = -in_total * part_a * r * p_a * room_a * _inside(log_x)
    in_log_b50 = -in_total * part_b * r * p_b * room_b * _inside(log_y)
    # Where the guard's own share of a part is not nil (small exponents), it moves too.
    in_log_p = in_total * r * p_a * (part_a * log_x * room_a - guard_a * LOG_GUARD / (1.0 + GUARD**p_a))
    in_log_q = in_total * r * p_b * (part_b * log_y * room_b - guard_b * LOG_GUARD / (1.0 + GUARD**p_b))
    total_in_r = sum(
        (part * np.log(part + TINY) - guard * np.log(guard + TINY)) / r
        for part, guard in ((part_a, guard_a), (part_b, guard_b))
    ) + np.where(r > 1.0, p["root"] * LOG_ROOT_GUARD, 0.0)
    offset_in_r = np.where(r < 1.0, -p["offset"] * LOG_ROOT_GUARD / r**2, 0.0)
    in_r = in_total * total_in_r + h * (offset_in_r + z * log_total / r**2)
    low, high = np.log(OVERLAP_RANGE)
    share = (np.log(r) - low) / (high - low)
    in_overlap = in_r * r * (high - low) * share * (1.0 - share)
    signal = log_signal(v)
    columns = [
        in_log_a, in_log_a * signal, in_log_a50, in_log_p, in_log_b, in_log_b * signal, in_log_b50, in_log_q, in_overlap,
    ]  # fmt: skip
    return h, columns


def _contribution(p: dict[str, Any], kind: str, log_stock: Floats) -> tuple[Floats, Floats, Floats]:
    """One label's part of z^r, the room below its ceiling, and what the guard adds to the part."""
    exponent = p["p"] if kind == "a" else p["q"]
    power = np.exp(exponent * log_stock)
    share = p["r"] * (exponent * log_stock - np.log1p(power))
    return p[f"weight_{kind}"] * np.exp(share), 1.0 / (1.0 + power), p[f"guard_{kind}"]


def _s3(p: dict[str, Any], log_x: Floats, log_y: Floats, v: Floats) -> tuple[Floats, list[Floats]]:
    h_a, in_log_s, in_log_p, in_logit_a = _hill(p["ha"], p["p"], p["guard_a"], log_x)
    h_b, in_log_y, in_log_q, in_logit_b = _hill(p["hb"], p["q"], p["guard_b"], log_y)
    columns = [
        h_b * in_log_s, h_b * in_log_s * log_signal(v), h_b * in_log_p, h_b * in_logit_a, h_b * in_logit_a * v,
        -h_a * in_log_y, h_a * in_log_q, h_a * in_logit_b, h_a * in_logit_b * v,
    ]  # fmt: skip
    return h_a * h_b, columns


def _hill(floor: Any, exponent: Any, guard: Any, log_stock: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """A Hill curve from 1 to its floor; derivatives in log stock, log exponent and logit floor."""
    power = np.exp(exponent * log_stock)
    room = 1.0 / (1.0 + (power - guard))
    drop = (1.0 - floor) * room
    in_power = -drop * room
    in_log_stock = in_power * exponent * power * _inside(log_stock)
    in_log_exponent = in_power * exponent * (power * log_stock - guard * LOG_GUARD)
    return floor + drop, in_log_stock, in_log_exponent, floor * (1.0 - floor) * (1.0 - room)


_GRADIENTS: dict[str, Callable[..., tuple[Floats, list[Floats]]]] = {"S1": _s1, "S2": _s2, "S3": _s3}
