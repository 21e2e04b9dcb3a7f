"""Every payment of the market: who pays whom, what for, and the proof that nothing is lost.

A flow has one payer and one payee sector. Amounts are posted by agent where the sector has agents
(firms, curators), so that sums over agents can be checked against the sector: three identities, each
quarter and replicate, to 1e-9 of the largest flow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.errors import WorkError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SECTORS = (
    "consumers", "firms", "curators", "labelers", "insurers", "victims", "governments", "lobbyists", "outside",
)  # fmt: skip
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Flow:
    """One kind of payment.

    Attributes
    ----------
    payer, payee : str
        Sectors.
    real : bool
        True for goods, work, damages and taxes (class R), False for financing (class F).
    meaning : str
    """

    name: str
    payer: str
    payee: str
    real: bool
    meaning: str


FLOWS: dict[str, Flow] = {
    flow.name: flow
    for flow in (
        Flow("product", "consumers", "firms", True, "price of the product times users"),
        Flow("compute", "firms", "outside", True, "marginal cost of serving users"),
        Flow("pref_labels", "firms", "curators", True, "preference labels delivered"),
        Flow("bespoke", "firms", "curators", True, "bespoke constraint labels delivered"),
        Flow("inhouse_labels", "firms", "outside", True, "labels made in-house, at resource cost"),
        Flow("ai_labels", "firms", "outside", True, "labels by AI, at resource cost"),
        Flow("pref_shock", "firms", "outside", True, "surcharge of the preference-price lever"),
        Flow("pref_shock_tax", "firms", "governments", True, "the same, where the lever is a tax"),
        Flow("licence", "firms", "curators", True, "fees for rule libraries"),
        Flow("switching", "firms", "outside", True, "cost of changing libraries"),
        Flow("commons", "governments", "curators", True, "public rules bought from curators"),
        Flow("wages", "curators", "labelers", True, "pay of labelers"),
        Flow("overhead", "curators", "outside", True, "overhead of labels, investment and the firm"),
        Flow("licence_support", "curators", "outside", True, "support of licensees"),
        Flow("local_norm_cost", "curators", "outside", True, "adapting rules to foreign norms"),
        Flow("entry_cost", "curators", "outside", True, "sunk cost of entry"),
        Flow("cert_fees", "curators", "governments", True, "certification fees"),
        Flow("provenance_claims", "curators", "victims", True, "damages for undocumented examples"),
        Flow("provenance_audits", "governments", "outside", True, "cost of provenance audits"),
        Flow("audit_cost", "governments", "outside", True, "cost of auditing harm"),
        Flow("training", "governments", "outside", True, "subsidised retraining of movers"),
        Flow("premium", "firms", "insurers", True, "liability insurance"),
        Flow("claims", "insurers", "victims", True, "insured damages"),
        Flow("retained_liability", "firms", "victims", True, "damages that firms bear"),
        Flow("fines", "firms", "governments", True, "fines for harm above the standard"),
        Flow("lobby_curators", "curators", "lobbyists", True, "lobbying by curators"),
        Flow("lobby_firms", "firms", "lobbyists", True, "lobbying by firms"),
        Flow("lobby_public", "consumers", "lobbyists", True, "lobbying by public groups"),
        Flow("lobby_spend", "lobbyists", "outside", True, "what lobbyists spend"),
        Flow("income", "outside", "consumers", False, "consumers' income for product and lobbying"),
        Flow("consumption", "labelers", "outside", False, "labelers spend their wages"),
        Flow("dividends_curators", "curators", "outside", False, "payouts"),
        Flow("dividends_firms", "firms", "outside", False, "payouts"),
        Flow("dividends_tie", "curators", "firms", False, "payouts to a firm that holds a stake"),
        Flow("equity_entry", "outside", "curators", False, "capital of entrants"),
        Flow("equity_merger", "outside", "curators", False, "capital raised for a merger"),
        Flow("equity_tie", "outside", "firms", False, "capital raised for a stake"),
        Flow("merger_price", "curators", "outside", False, "paid to the owners of a curator bought"),
        Flow("tie_price", "firms", "outside", False, "paid to the owners who sell a stake"),
        Flow("write_off_exit", "outside", "curators", False, "debts written off at exit"),
    )
}


class Ledger:
    """The payments of one quarter.

    Parameters
    ----------
    replicates, firms, curators : int
        Sizes S, F and C.
    """

    def __init__(self, replicates: int, firms: int, curators: int) -> None:
        self.totals: dict[str, NDArray[np.float64]] = {}
        self.firms = np.zeros((replicates, firms))
        self.curators = np.zeros((replicates, curators))
        self._zero = np.zeros(replicates)

    def post(self, name: str, payer: Any = None, payee: Any = None) -> None:
        """Post a flow, by agent of the paying or receiving sector.

        Parameters
        ----------
        name : str
            A key of `FLOWS`.
        payer, payee : ndarray, optional
            USD by agent ([S, F] for firms, [S, C] for curators) or in all ([S]) for a sector without
            agents. One side suffices; the other is then its sum.
        """
        flow = FLOWS[name]
        total = self._zero
        for amount in (payee, payer):
            if amount is not None:
                total = amount if amount.ndim == 1 else amount.sum(axis=1)
        for sector, amount, sign in ((flow.payer, payer, -1.0), (flow.payee, payee, 1.0)):
            if sector in ("firms", "curators"):
                assert amount is not None, f"{name}: amounts by agent of {sector} are missing"
                if sector == "firms":
                    self.firms = self.firms + sign * amount
                else:
                    self.curators = self.curators + sign * amount
        self.totals[name] = self.totals.get(name, self._zero) + total

    def total(self, name: str) -> NDArray[np.float64]:
        """USD of a flow [S]; zero where nothing was posted."""
        return self.totals.get(name, self._zero)

    def matrix(self) -> NDArray[np.float64]:
        """Flow matrix [S, payer, payee]."""
        matrix = np.zeros((len(self._zero), len(SECTORS), len(SECTORS)))
        for name, total in self.totals.items():
            flow = FLOWS[name]
            matrix[:, SECTORS.index(flow.payer), SECTORS.index(flow.payee)] += total
        return matrix

    def net(self, *, real_only: bool = False) -> NDArray[np.float64]:
        """Net receipts of every sector [S, sectors], of all flows or of class R alone."""
        net = np.zeros((len(SECTORS), len(self._zero)))
        by_sector = dict(zip(SECTORS, net, strict=True))
        for name, total in self.totals.items():
            flow = FLOWS[name]
            if flow.real or not real_only:
                by_sector[flow.payer] -= total
                by_sector[flow.payee] += total
        return np.ascontiguousarray(net.T)


def check(
    ledger: Ledger,
    balances_before: NDArray[np.float64],
    balances_after: NDArray[np.float64],
    firm_cash: NDArray[np.float64],
    curator_cash: NDArray[np.float64],
    quarter: int,
) -> NDArray[np.float64]:
    """Check the three identities of a quarter and give the largest relative residual by replicate.

    Net receipts of all sectors sum to zero; every sector's change of cash equals its net receipts; and
    the cash of firms and curators sums to their sector's.

    Returns
    -------
    ndarray [S]
        Largest residual over the identities, relative to the largest flow of the quarter.

    Raises
    ------
    WorkError
        If one exceeds `TOLERANCE`, naming quarter, replicate's place, row and amount. A replicate whose flows are not
        finite has no residual (NaN): it is noted as failed, and says nothing of the books of the others.
    """
    net = ledger.net()
    largest = np.maximum(np.max(np.stack([np.abs(t) for t in ledger.totals.values()]), axis=0), 1.0)
    rows = {
        "sum over sectors": net.sum(axis=1),
        **{f"cash of {name}": (balances_after - balances_before - net)[:, i] for i, name in enumerate(SECTORS)},
        "cash by firm": firm_cash.sum(axis=1) - balances_after[:, SECTORS.index("firms")],
        "cash by curator": curator_cash.sum(axis=1) - balances_after[:, SECTORS.index("curators")],
    }
    # Balances grow over decades, so cash is compared on the scale of the balance as well as of the flow.
    scale = np.maximum(largest, np.abs(balances_after).max(axis=1) * 1e-3)
    residual = np.stack([np.abs(row) for row in rows.values()]) / scale
    worst: NDArray[np.float64] = residual.max(axis=0)
    if np.any(worst > TOLERANCE):
        place = int(np.nanargmax(worst))
        row = int(np.argmax(residual[:, place]))
        name, amounts = list(rows.items())[row]
        raise WorkError(f"the ledger does not close in quarter {quarter}: {name} is off by {amounts[place]:.6g} USD (replicate at place {place})")
    return worst
