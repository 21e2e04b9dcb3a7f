"""What the replays of two cases show of the curator that was hit, its customers and its rivals.

The first is Appen's loss of a customer in January 2024, the second Meta's stake in Scale in June 2025. Revenue
here is what firms pay for labels, against the quarter before the event; it is zero once the curator is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from econ.market.setting import Setting, ratio

if TYPE_CHECKING:
    from econ.market.state import State

Array = Any
#: Customers of whom the case says that most turned away: the largest rivals of the firm that bought the stake.
NAMED_RIVALS = 4
COLUMNS = ("loss_revenue_ratio", "tie_revenue_ratio", "tie_rivals_reducing", "tie_others_revenue_ratio")


def replay_columns(s: Setting, state: State) -> dict[str, Array]:
    """Outcomes of the replays [S each]; NaN before an event of the kind and where there was nobody to hit."""
    if not s.events:
        return dict.fromkeys(COLUMNS, np.full(s.size, np.nan))
    f, c = state.firms, state.curators
    kinds = [(happened, hit) for happened, hit in ((f.before_loss, c.lost), (f.before_tie, c.tied))]
    loss, tie = (_of_curator(f.purchases, then, hit) for then, hit in kinds)
    then, hit = kinds[1]
    happened = then.any(axis=(1, 2))
    others = ratio((f.purchases * ~hit[:, None]).sum(axis=(1, 2)), (then * ~hit[:, None]).sum(axis=(1, 2)), np.nan)
    return {
        "loss_revenue_ratio": loss, "tie_revenue_ratio": tie, "tie_rivals_reducing": _reducing(s, state),
        "tie_others_revenue_ratio": np.where(happened & hit.any(axis=1), others, np.nan),
    }  # fmt: skip


def _of_curator(now: Array, then: Array, hit: Array) -> Array:
    """Revenue of the curator hit over that of the quarter before; 0 when it is gone, NaN before the event."""
    left = ratio((now * hit[:, None]).sum(axis=(1, 2)), (then * hit[:, None]).sum(axis=(1, 2)), 0.0)
    return np.where(then.any(axis=(1, 2)), left, np.nan)


def _reducing(s: Setting, state: State) -> Array:
    """Share of the curator's largest customers, the buyer of the stake apart, who buy less from it than before."""
    f, hit = state.firms, state.curators.tied[:, None]
    then, now = (np.where(hit, x, 0.0).sum(axis=2) for x in (f.before_tie, f.purchases))
    rivals = np.where((f.owned > 0).any(axis=2), 0.0, then)
    largest = np.argsort(-rivals, axis=1, kind="stable")[:, :NAMED_RIVALS]
    bought, buys = (np.take_along_axis(x, largest, axis=1) for x in (rivals, now))
    customers = bought > 0
    return ratio((customers & (buys < bought)).sum(axis=1), customers.sum(axis=1))
