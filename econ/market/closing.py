"""Step 13: payouts, and the books of the quarter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from econ.market import ledger as books
from econ.market.ledger import Ledger
from econ.market.setting import Setting, sum_over
from econ.market.state import Curators, Firms, Public, changed

if TYPE_CHECKING:
    from econ.market.status_quo import StatusQuo
    from econ.market.work import Work

Array = Any


def pay_out(s: Setting, quo: StatusQuo, f: Firms, c: Curators, work: Work, ledger: Ledger) -> None:
    """Pay out part of the cash above a buffer; hoards would finance libraries without bound."""
    p = s.p
    cash = c.cash + ledger.curators
    buffer = work.wage_bill + (p["cash_buffer_curators"] * quo.vendor_revenue)[:, None]
    paid = c.active * p["payout_curators", 1] * np.maximum(cash - buffer, 0.0)
    to_owners = f.owned * paid[:, None]
    ledger.post("dividends_tie", sum_over(to_owners, 1), sum_over(to_owners, 2))
    ledger.post("dividends_curators", paid - sum_over(to_owners, 1))
    cash = f.cash + ledger.firms
    paid = p["payout_firms", 1] * np.maximum(cash - p["cash_buffer_firms", 1] * sum_over(f.revenue, 2), 0.0)
    ledger.post("dividends_firms", paid)


def close(
    s: Setting, f: Firms, c: Curators, public: Public, ledger: Ledger, operating: Array, quarter: int
) -> tuple[Firms, Curators, Public, Array]:  # fmt: skip
    """Balance consumers and labelers, book cash, and check that the ledger closes.

    Parameters
    ----------
    operating : [S, C]
        Net receipts before dividends, equity and sunk costs, USD.

    Returns
    -------
    Firms, Curators, Public
    residual : [S]
        Largest relative residual of the ledger's identities.

    Raises
    ------
    WorkError
        If the ledger does not close.
    """
    ledger.post("income", payee=ledger.total("product") + ledger.total("lobby_public"))
    ledger.post("consumption", ledger.total("wages"))
    firm_cash, curator_cash = f.cash + ledger.firms, c.cash + ledger.curators
    balances = public.balances + ledger.net()
    residual = books.check(ledger, public.balances, balances, firm_cash, curator_cash, quarter)
    memory = s.p["profit_memory", 1]
    profit = memory * c.profit + (1 - memory) * operating
    in_debt = np.where(c.active & (curator_cash < 0), c.quarters_in_debt + 1, 0)
    c = changed(c, cash=curator_cash, profit=np.where(c.active, profit, 0.0), quarters_in_debt=in_debt)
    return changed(f, cash=firm_cash), c, changed(public, balances=balances), residual
