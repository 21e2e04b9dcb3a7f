"""Step 1, continued: what a scenario lets happen, a curator's loss of customers and a firm's stake in a curator.

Both are replays of cases: Appen, which lost a customer worth 0.30 of its revenue in January 2024, and
Meta's stake of 0.49 in Scale in June 2025, after which rival buyers turned away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from econ.market.ledger import Ledger
from econ.market.setting import CONSTRAIN, JUDGE, Setting
from econ.market.state import Curators, Firms, changed

if TYPE_CHECKING:
    from econ.market.orders import Orders
    from econ.market.work import Work
    from econ.scenario.parts import CustomerLoss, VerticalTie

Array = Any
QUARTERS_PER_YEAR = 4
#: Of the revenue that goes; above the error of a sum over firms, below any customer that matters.
ROUNDING = 1e-12


def apply_events(s: Setting, f: Firms, c: Curators, quarter: int, ledger: Ledger) -> tuple[Firms, Curators]:
    """Let the scenario's events of this quarter happen, in the order of its list."""
    for event in s.events:
        if event.quarter != quarter:
            continue
        if event.customer_loss is not None:
            f, c = _mark(f, c, "lost", "before_loss", event.customer_loss.curator_rank)
            f = lose_customers(f, c, event.customer_loss)
        if event.vertical_tie is not None:
            f, c = _mark(f, c, "tied", "before_tie", event.vertical_tie.curator_rank)
            f = buy_stake(s, f, c, event.vertical_tie, ledger)
    return f, c


def _mark(f: Firms, c: Curators, mark: str, before: str, rank: int) -> tuple[Firms, Curators]:
    """Remember whom the first event of a kind hits, and what was bought until then."""
    if getattr(f, before).any():
        return f, c
    curator, exists = _ranked(c.service_revenue, c.active, rank)
    hit = (np.arange(c.active.shape[1]) == curator[:, None]) & exists[:, None]
    return changed(f, **{before: f.purchases * exists[:, None, None]}), changed(c, **{mark: hit})


def lose_customers(f: Firms, c: Curators, loss: CustomerLoss) -> Firms:
    """Withdraw the largest customers of a curator until a share of its last service revenue is gone, for good.

    The last to leave withdraws in part. Customers are firms: what governments order stays, so that less
    is lost where firms buy less than the share. Nothing happens in a replicate with fewer curators than
    the rank.
    """
    rows = np.arange(len(c.active))
    curator, exists = _ranked(c.service_revenue, c.active, loss.curator_rank)
    bought = f.purchases[rows, :, curator]
    order = np.argsort(-bought, axis=1, kind="stable")
    largest = np.take_along_axis(bought, order, axis=1)
    to_go = (exists * loss.share * c.service_revenue[rows, curator])[:, None]
    left = to_go - (np.cumsum(largest, axis=1) - largest)
    # Rounding of the sums must neither keep a crumb of a customer nor take one of the next.
    left = np.where(np.abs(left) <= ROUNDING * to_go, 0.0, left)
    part = np.clip(np.divide(left, largest, out=np.zeros_like(largest), where=largest > 0), 0.0, 1.0)
    part = np.where((largest > 0) & (left > 0) & (left >= largest - ROUNDING * to_go), 1.0, part)
    leaving = np.empty_like(part)
    np.put_along_axis(leaving, order, part, axis=1)
    withdrawn = f.withdrawn.copy()
    # Purchases are what an earlier withdrawal left, so the new part is of the rest.
    withdrawn[rows, :, curator] = 1 - (1 - withdrawn[rows, :, curator]) * (1 - leaving)
    return changed(f, withdrawn=withdrawn)


def buy_stake(s: Setting, f: Firms, c: Curators, tie: VerticalTie, ledger: Ledger) -> Firms:
    """A firm buys a stake in a curator; every other firm turns away from it (Ordover, Saloner and Salop 1990).

    The price, stake × valuation × annual revenue, goes to the owners who sell. What the firm's cash does
    not cover is new equity. Annual revenue is four times that of the last quarter, services and licences.
    No more is sold than other firms have left. Nothing happens in a replicate with fewer curators than
    the rank.
    """
    rows = np.arange(len(c.active))
    curator, exists = _ranked(c.service_revenue, c.active, tie.curator_rank)
    revenue = f.revenue.sum(axis=2)
    firm, _ = _ranked(revenue, np.ones(revenue.shape, bool), tie.firm_rank)
    buyer = np.arange(s.firms) == firm[:, None]
    bought = exists * np.minimum(tie.stake, 1 - f.owned[rows, :, curator].sum(axis=1))
    annual = QUARTERS_PER_YEAR * (c.service_revenue + c.licence_revenue)[rows, curator]
    price = buyer * (bought * s.p["tie_valuation"] * annual)[:, None]
    ledger.post("tie_price", price)
    ledger.post("equity_tie", payee=np.maximum(price - np.maximum(f.cash, 0.0), 0.0))
    avoided, owned = f.tie.copy(), f.owned.copy()
    rivals = np.where(~buyer & exists[:, None], tie.nu, 0.0)
    avoided[rows, :, curator] = np.maximum(avoided[rows, :, curator], rivals)
    owned[rows, :, curator] += buyer * bought[:, None]
    return changed(f, tie=avoided, owned=owned)


def purchases(c: Curators, orders: Orders, work: Work) -> Array:
    """What each firm paid each curator for labels this quarter, USD [S, F, C], at the prices of `c`."""
    preference = orders.vendor_preference * work.fill[:, None, :, JUDGE] * c.price_preference[:, None]
    constraint = orders.bespoke_bill(c.price_constraint)
    return preference + constraint * work.fill[:, None, :, CONSTRAIN]


def _ranked(size: Array, eligible: Array, rank: int) -> tuple[Array, Array]:
    """Place of the agent of a rank by size, 1 the largest, ties by place [S]; and whether there is one [S]."""
    order = np.argsort(np.where(eligible, -size, np.inf), axis=1, kind="stable")
    return order[:, rank - 1], eligible.sum(axis=1) >= rank
