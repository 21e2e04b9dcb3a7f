"""How labels of the price book stand on the measured surface: half-saturations per label, and the categories of requests.

Labels enter the surface as x = e_a·a and y = e_b·b half-saturations. In laboratory units e_a = 1/a_half(v)
and e_b = 1/b_half. In commercial units, as in the market, the stocks that one developer holds today stand
at the status-quo position (x0, y0) of the curve, moved by one log-normal factor for each kind (`scale_…`),
and the laboratory's advantage L_k of constraints carries over by the share τ (`transfer`):

    e_a,k = x0·scale_a·exp(τ·L_k)/A,   e_b = y0·scale_b/B,   L_k = ln[(slope_a/p_a)/(slope_b/p_b)]

with slopes per laboratory label at the status quo and p the central prices of the parameter table. In
laboratory units τ = 1, or the factor exp((τ - 1)·L_k) where another transfer is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from econ.core.errors import InputError
from econ.cost.prices import status_quo_prices
from econ.scenario.parameters import parameters
from econ.surfaces.posterior import STATUS_QUO

if TYPE_CHECKING:
    from econ.surfaces import SurfaceBatch

Floats = NDArray[np.float64]
Units = Literal["commercial", "laboratory"]
UNITS = ("commercial", "laboratory")
#: Slopes per laboratory label below this count as this, so that a flat curve has a finite advantage.
LEAST_SLOPE = 1e-12


def position(prices: dict[str, Floats], units: str) -> tuple[Floats, Floats]:
    """Status-quo position on the measured curve, half-saturations, each [D]."""
    x0, y0 = STATUS_QUO
    if units == "laboratory":
        one = np.ones_like(prices["scale_constraints"])
        return x0 * one, y0 * one
    return x0 * prices["scale_constraints"], y0 * prices["scale_preferences"]


def advantage(batch: SurfaceBatch, v: Floats, at: tuple[Floats, Floats]) -> Floats:
    """L_k, log of how much more a constraint label's dollar did in the laboratory, at the status quo, [D, K]."""
    price_a, price_b = status_quo_prices()
    slope_a, slope_b = batch.slopes(v, *at)
    value: Floats = np.log(
        np.maximum(slope_a, LEAST_SLOPE) / np.maximum(slope_b, LEAST_SLOPE) * price_b / price_a
    )
    return value


def effects(batch: SurfaceBatch, v: Floats, drawn: dict[str, Floats], units: str) -> tuple[Floats, Floats]:
    """Half-saturations per label: [D, K] and [D]."""
    place = position(drawn, units)
    gain = advantage(batch, v, place)
    transfer = drawn["transfer"][:, None]
    if units == "laboratory":
        a_half, b_half = batch.half_saturation(v)
        return np.exp((transfer - 1.0) * gain) / a_half, 1.0 / b_half
    per_a = place[0][:, None] * np.exp(transfer * gain) / drawn["status_quo_constraints"][:, None]
    return per_a, place[1] / drawn["status_quo_preferences"]


def categories(verifiability: float | Sequence[tuple[float, float]] | None) -> tuple[Floats, Floats]:
    """Verifiability of the categories and their shares of requests, each [K].

    Raises
    ------
    InputError
        If a level lies outside [0, 1] or the frequencies are no weights.
    """
    if verifiability is None:
        table = parameters()
        count = sum(name.startswith("verifiability_k") for name in table)
        pairs = [
            (table[f"verifiability_k{k}"].value, table[f"request_frequency_k{k}"].value)
            for k in range(1, count + 1)
        ]
    elif isinstance(verifiability, int | float):
        pairs = [(float(verifiability), 1.0)]
    else:
        pairs = [(float(v), float(f)) for v, f in verifiability]
    levels, frequency = (np.array(column, np.float64) for column in zip(*pairs, strict=True))
    if not np.all((levels >= 0.0) & (levels <= 1.0)):
        raise InputError(
            "verifiability lies outside its range",
            key="verifiability",
            found=levels.tolist(),
            allowed="0 to 1",
        )
    if not (np.all(frequency >= 0.0) and np.isfinite(frequency.sum()) and frequency.sum() > 0.0):
        raise InputError(
            "not frequencies of requests",
            key="verifiability",
            found=frequency.tolist(),
            allowed="numbers from 0 up, not all 0",
        )
    return levels, frequency / frequency.sum()
