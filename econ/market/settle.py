"""Firms that differ, brought to rest before anything else moves: what they order is what labor is calibrated to.

The status quo is one of the mean firm. Firms of unequal brands charge unequal prices, so that together they earn and
spend several per cent more than as many mean firms; labor calibrated to the mean firm would be short from the first
quarter, and wages would rise through the burn-in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.market import certification, liability, orders, product, start
from econ.market.ledger import Ledger

if TYPE_CHECKING:
    from econ.market.setting import Setting
    from econ.market.status_quo import StatusQuo

Array = Any
#: Quarters in which firms alone settle, at status-quo vendor prices and with all orders delivered.
QUARTERS = 12


def settle(s: Setting, quo: StatusQuo) -> StatusQuo:
    """The status quo with firms at rest, and the hours of labor that their orders need."""
    levers, c = s.lever(-1), start.curators(s, quo)
    public = start.public(s, quo, c)
    rules = certification.rules_in_force(s, quo, c, public, levers)
    f = start.mean_firms(s, quo)
    liable = liability.liable_share(s, rules, f.library, levers)
    for _ in range(QUARTERS):
        f, ordered = orders.place_orders(s, quo, f, c, public, rules, f.library, levers, -1)
        f = product.update_stocks(
            s, f, ordered.preference * ordered.mix_preference.effective_per_unit,
            ordered.constraint * ordered.mix_constraint.effective_per_unit,
        )  # fmt: skip
        safe = product.safety(s, quo, f, c, public, rules, f.library)
        f, _ = product.sell(s, quo, f, public, safe, Ledger(s.size, s.firms, s.slots))
        f = product.post_product_prices(s, quo, f, public)
        f = liability.stakes(s, quo, f, public, safe, liable, levers)
    tech = quo.technology
    judging = ordered.preference_by_curator.sum(axis=1) * tech.hours_preference
    constraining = (ordered.bespoke.sum(axis=1) * tech.hours_constraint).sum(axis=1)
    hours = np.stack([judging, constraining], axis=1)
    return replace(quo, firms=f, hours_wanted=hours[:, None, :] * tech.hours_share)
