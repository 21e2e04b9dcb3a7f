"""Prices and transfers at which one kind of label is worth as much as the other, and how the cheapest mix moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

import numpy as np

from econ.cost.case import Case, Floats
from econ.cost.critic import Written, fixed_cost, written_for
from econ.cost.levels import Level
from econ.cost.mix import mix_for, pipeline_for
from econ.cost.pipelines import purchase_for
from econ.cost.preparation import Options, prepare
from econ.cost.purchase import NEGATIVE, NOTHING, PREFERENCE, Mix

if TYPE_CHECKING:
    from pathlib import Path

    from econ.cost.prices import PriceBook
    from econ.surfaces import Surfaces

#: Transfers between which the share of outlay is compared, and halvings of the interval in which it passes one half.
TRANSFERS = tuple(np.linspace(0.0, 1.0, 6))
EQUAL, HALVINGS = 0.5, 8


@dataclass(frozen=True)
class BreakEvenTransfer:
    """Transfer at which the cheapest mix spends equally on both kinds.

    Attributes
    ----------
    transfer : ndarray, [D]
        The lowest such transfer in [0, 1]; NaN where there is none.
    mostly_constraints, mostly_preferences : float
        Shares of draws whose cheapest mix spends more on the one kind at every transfer.
    """

    transfer: Floats
    mostly_constraints: float
    mostly_preferences: float


def break_even_price_ratio(
    surfaces: Surfaces,
    prices: str | Path | PriceBook | dict[str, object] | None = None,
    *,
    target_harm: Level,
    **options: Unpack[Options],
) -> Floats:
    """Price of a constraint over that of a preference label at which both pure pipelines cost the same, [D].

    Below it constraints alone are cheaper. Infinite where preferences alone never reach the target, 0
    where constraints never do or drafting alone costs more, NaN where neither does or nothing is to buy.
    """
    return price_ratio_for(prepare(surfaces, prices, **options), target_harm)


def price_ratio_for(case: Case, asked: Level) -> Floats:
    """As `break_even_price_ratio`, of a prepared case."""
    negative, preference = (pipeline_for(case, name, [asked]) for name in (NEGATIVE, PREFERENCE))
    a, b = negative.a[:, 0], preference.b[:, 0]
    reached_a, reached_b = negative.attainable[:, 0], preference.attainable[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.maximum((case.price_b * b - case.drafting) / (a * case.price_b), 0.0)
    ratio = np.where(reached_a & ~reached_b, np.inf, np.where(~reached_a & reached_b, 0.0, ratio))
    value: Floats = np.where((reached_a | reached_b) & ~(negative.place == NOTHING)[:, 0], ratio, np.nan)
    return value


def break_even_transfer(
    surfaces: Surfaces,
    prices: str | Path | PriceBook | dict[str, object] | None = None,
    *,
    target_harm: Level,
    **options: Unpack[Options],
) -> BreakEvenTransfer:
    """Transfer at which the cheapest mix for a target spends equally on both kinds of label."""
    return transfers_for(prepare(surfaces, prices, **options), [target_harm])[0]


def transfers_for(case: Case, asked: Sequence[Level]) -> list[BreakEvenTransfer]:
    """As `break_even_transfer`, of a prepared case and several targets."""
    share = np.stack([mix_for(case.with_transfer(t), asked).share for t in TRANSFERS], axis=2)
    return [_crossing(case, level, share[:, m]) for m, level in enumerate(asked)]


def _crossing(case: Case, level: Level, share: Floats) -> BreakEvenTransfer:
    """Where shares [D, T] at `TRANSFERS` first pass one half: by halving, since a share may jump between corners."""
    known = np.logical_and.reduce(np.isfinite(share), axis=1)
    over = share - EQUAL
    crossing = known[:, None] & (over[:, :-1] * over[:, 1:] <= 0.0)
    rows = np.flatnonzero(crossing.any(axis=1))
    transfer = np.full(len(case), np.nan)
    if len(rows):
        node = crossing[rows].argmax(axis=1)
        low, high = (np.asarray(TRANSFERS)[node + step] for step in (0, 1))
        sign, some = np.sign(over[rows, node]), case.take(rows)
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            same = (mix_for(some.with_transfer(middle), [level]).share[:, 0] - EQUAL) * sign > 0.0
            low, high = np.where(same, middle, low), np.where(same, high, middle)
        transfer[rows] = 0.5 * (low + high)
    count = max(int(known.sum()), 1)
    return BreakEvenTransfer(
        transfer,
        float((known & (over > 0.0).all(axis=1)).sum() / count),
        float((known & (over < 0.0).all(axis=1)).sum() / count),
    )


def share_by_price_ratio(
    surfaces: Surfaces,
    prices: str | Path | PriceBook | dict[str, object] | None = None,
    *,
    target_harm: Level,
    ratios: Sequence[float],
    **options: Unpack[Options],
) -> Floats:
    """Constraints' share of the outlay in the cheapest mix, [D, R], at price ratios of the two kinds of label."""
    case = prepare(surfaces, prices, **options)
    return np.stack([mix_for(case.with_price_ratio(r), [target_harm]).share[:, 0] for r in ratios], axis=1)


def share_by_elasticity(
    surfaces: Surfaces,
    prices: str | Path | PriceBook | dict[str, object] | None = None,
    *,
    target_harm: Level,
    sigmas: Sequence[float],
    ratio_factor: float = 1.0,
    **options: Unpack[Options],
) -> Floats:
    """Constraints' share of the outlay in the cheapest mix, [D, R], at imposed elasticities of substitution.

    Parameters
    ----------
    sigmas : sequence of float
        Elasticities; all else that was measured at the status quo is kept (`econ.surfaces.imposed`).
    ratio_factor : float
        Multiplies the price of constraint labels.
    """
    from econ.surfaces import imposed

    columns = []
    for sigma in sigmas:
        case = prepare(imposed(sigma, surfaces), prices, **options)
        moved = case.with_price_ratio(ratio_factor * case.price_a / case.price_b)
        columns.append(mix_for(moved, [target_harm]).share[:, 0])
    return np.stack(columns, axis=1)


def break_even_call_price(
    surfaces: Surfaces,
    prices: str | Path | PriceBook | dict[str, object] | None = None,
    *,
    target_harm: Level,
    rival: str,
    **options: Unpack[Options],
) -> Floats:
    """USD per call of an AI judge at which labels that a critic wrote cost as much as a rival pipeline, [D].

    Below it the critic is cheaper. Infinite where the rival never reaches the target, 0 where the critic never does
    or drafting alone costs more, NaN where neither does or nothing is to buy. `transfer` and `verifiability` move the
    rival alone: at 1 and the critic's own verifiability (`at_critics_setting`) neither side is discounted.

    Raises
    ------
    InputError
        If the critic or the rival was not measured or is unknown, or the target is no level.
    """
    return call_price_for(prepare(surfaces, prices, **options), rival, target_harm)


def call_price_for(case: Case, rival: str, asked: Level) -> Floats:
    """As `break_even_call_price`, of a prepared case."""
    return call_prices(written_for(case, [asked]), purchase_for(case, rival, [asked]))[:, 0]


def call_prices(written: Written, other: Mix | Written) -> Floats:
    """As `break_even_call_price`, of what was bought in one case for the same targets, [D, M]."""
    reached, reached_other = written.attainable, other.attainable
    with np.errstate(divide="ignore", invalid="ignore"):
        price = np.maximum((other.cost - fixed_cost(written.case)[:, None]) / written.calls, 0.0)
    price = np.where(reached & ~reached_other, np.inf, np.where(~reached & reached_other, 0.0, price))
    value: Floats = np.where((reached | reached_other) & ~written.nothing, price, np.nan)
    return value
