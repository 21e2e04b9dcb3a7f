"""What it is worth to know which draw is true before the mix is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

import numpy as np

from econ.cost.case import Case, Floats
from econ.cost.outlays import harm_on_ray, logistic
from econ.cost.preparation import Options, prepare

if TYPE_CHECKING:
    from pathlib import Path

    from econ.cost.prices import PriceBook
    from econ.surfaces import Surfaces

#: Shares of the outlay among which a buyer chooses: both corners and log-odds between them.
SHARES = np.concatenate([[0.0], logistic(np.linspace(-6.0, 6.0, 33)), [1.0]])
#: Halvings of the interval in which the outlay of an informed buyer lies.
HALVINGS = 16


@dataclass(frozen=True)
class Information:
    """Value of perfect information for one budget (Raiffa and Schlaifer 1961).

    Attributes
    ----------
    budget : float
        USD.
    share : float
        Constraints' share of the outlay that has the least expected harm over all draws.
    harm, informed_harm : float
        Expected harm of a buyer who does not know the draw, and of one who does.
    saving : float
        USD by which the informed buyer's budget can be cut at the uninformed buyer's expected harm.
    """

    budget: float
    share: float
    harm: float
    informed_harm: float
    saving: float


def value_of_information(
    surfaces: Surfaces,
    prices: str | Path | PriceBook | dict[str, object] | None = None,
    *,
    budget: float | Sequence[float],
    **options: Unpack[Options],
) -> list[Information]:
    """Expected saving from knowing the draw (surface, prices, scale, transfer) before the mix is chosen.

    Both buyers spend the same budget. Who does not know the draw chooses one share of it for
    constraints; who does chooses the best share in each draw.
    """
    case = prepare(surfaces, prices, **options)
    budgets = budget if isinstance(budget, Sequence) else [budget]
    return [information_for(case, float(each)) for each in budgets]


def information_for(case: Case, budget: float) -> Information:
    """As `value_of_information`, of a prepared case and one budget."""
    harm = _harm(case, budget)
    expected = harm.mean(axis=0)
    best = int(expected.argmin())
    informed = float(harm.min(axis=1).mean())
    low, high = 0.0, budget
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        enough = _harm(case, middle).min(axis=1).mean() <= expected[best]
        low, high = (low, middle) if enough else (middle, high)
    return Information(budget, float(SHARES[best]), float(expected[best]), informed, budget - high)


def _harm(case: Case, budget: float) -> Floats:
    """Harm in each draw after a budget is spent at each share, [D, R]; a sum that fixed costs eat buys nothing."""
    harm = np.empty((len(case), len(SHARES)))
    for rows, part in case.blocks(len(SHARES)):
        drafting = np.where(SHARES > 0.0, part.drafting[:, None], 0.0)
        left = budget - part.training[:, None] - drafting
        h = harm_on_ray(part, np.log(np.maximum(left, 1e-300)), np.broadcast_to(SHARES, left.shape))[0]
        harm[rows] = np.where(left > 0.0, h, part.start_harm[:, None])
    return harm
