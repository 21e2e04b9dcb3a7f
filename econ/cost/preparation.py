"""Surfaces, prices and options made into a case: the draws, whose labels are priced, and what is held at the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.typing import NDArray

from econ.core.errors import InputError, nearest_name
from econ.cost.case import Case
from econ.cost.prices import PriceBook, load_prices
from econ.cost.scale import UNITS, Units, categories, effects
from econ.surfaces.posterior import STATUS_QUO

if TYPE_CHECKING:
    from pathlib import Path

    from econ.surfaces import SurfaceBatch, Surfaces

Floats = NDArray[np.float64]
STARTS = ("status-quo", "untrained")


class Options(TypedDict, total=False):
    """What every question shares.

    Attributes
    ----------
    distribution : str
        "ood" unless given, or "id".
    start : str or (float, float)
        "status-quo" unless given, "untrained" (no labels), or constraint and preference labels held
        already, in laboratory labels.
    units : str
        "commercial" unless given, or "laboratory": whose labels the price book prices.
    transfer : float
        Share of the laboratory's advantage that carries over; else the price book's, or 1 in
        laboratory units.
    verifiability : float or sequence of (v, f)
        One level, or levels with their shares of requests; the market's categories unless given.
    seed : int
        Of the draws from the price book's priors; 1 unless given.
    draws : int
        How many posterior draws to use; all unless given.
    """

    distribution: str
    start: str | tuple[float, float]
    units: Units
    transfer: float
    verifiability: float | Sequence[tuple[float, float]]
    seed: int
    draws: int


def prepare(
    surfaces: Surfaces,
    prices: str | Path | PriceBook | dict[str, object] | None = None,
    *,
    distribution: str = "ood",
    start: str | tuple[float, float] = "status-quo",
    units: Units = "commercial",
    transfer: float | None = None,
    verifiability: float | Sequence[tuple[float, float]] | None = None,
    seed: int = 1,
    draws: int | None = None,
) -> Case:
    """Put surfaces and prices on one footing; the options are described at `Options`.

    Raises
    ------
    InputError
        If an option or a price cannot be used.
    """
    book = load_prices(prices)
    _one_of("units", units, UNITS)
    if transfer is not None and not 0.0 <= transfer <= 1.0:
        raise InputError("transfer lies outside its range", key="transfer", found=transfer, allowed="0 to 1")
    index = np.arange(_count(surfaces, draws), dtype=np.int64)
    v, share = categories(verifiability)
    batch = surfaces.batch(index, distribution)
    drawn = book.draw(seed, index)
    if transfer is not None:
        drawn["transfer"] = np.full(len(index), float(transfer))
    elif units == "laboratory":
        drawn["transfer"] = np.ones(len(index))
    per_a, per_b = effects(batch, v, drawn, units)
    start_a, start_b = _start(start, batch, v, share, drawn, (per_a, per_b), units)
    return Case(
        surfaces, book, distribution, units, index, v, share, per_a, per_b, drawn, start_a, start_b,
        start if isinstance(start, str) else f"{start[0]:g}, {start[1]:g}", drawn["transfer"]
    )  # fmt: skip


def _count(surfaces: Surfaces, draws: int | None) -> int:
    if draws is None:
        return surfaces.count
    if not 1 <= draws <= surfaces.count:
        raise InputError(
            "no such number of posterior draws", key="draws", found=draws, allowed=f"1 to {surfaces.count}"
        )
    return draws


def _one_of(key: str, found: object, allowed: Sequence[str]) -> None:
    if found not in allowed:
        raise InputError(
            "unknown choice",
            key=key,
            found=found,
            allowed=", ".join(allowed),
            nearest=nearest_name(found, allowed),
        )


def _start(
    start: str | tuple[float, float],
    batch: SurfaceBatch,
    v: Floats,
    share: Floats,
    drawn: dict[str, Floats],
    per: tuple[Floats, Floats],
    units: str,
) -> tuple[Floats, Floats]:
    """Labels held at the start, [D] each, in the units of the case."""
    zero = np.zeros(len(batch))
    a_half, b_half = batch.half_saturation(v)
    if isinstance(start, str):
        _one_of("start", start, STARTS)
        if start == "untrained":
            return zero, zero
        if units == "commercial":
            return drawn["status_quo_constraints"], drawn["status_quo_preferences"]
        return STATUS_QUO[0] * (a_half @ share), STATUS_QUO[1] * b_half
    flags, pairs = start
    if not (np.isfinite(flags) and np.isfinite(pairs) and flags >= 0.0 and pairs >= 0.0):
        raise InputError("not a number of labels", key="start", found=start, allowed="two numbers from 0 up")
    if units == "laboratory":
        return zero + flags, zero + pairs
    # A laboratory label and a commercial one with the same effect, on average over requests.
    return flags / (per[0] * a_half @ share), pairs / (per[1] * b_half)
