"""The market as the ensemble sees it: one function, the names of its flows, the units of its outcomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Engine:
    """What the ensemble needs from a market.

    Attributes
    ----------
    simulate : callable
        ``simulate(scenario, surfaces, *, seed, replicates, quarters, device, precision)``, a function
        at the top of a module, so that worker processes can import it by name.
    flows : mapping of str to (str, str)
        Payer and payee of each flow of the ledger.
    units : mapping of str to str
        Unit of each outcome column.
    """

    simulate: Callable[..., Any]
    flows: Mapping[str, tuple[str, str]]
    units: Mapping[str, str]


def market_engine() -> Engine:
    """The project's own market."""
    from econ.market.ledger import FLOWS
    from econ.market.outcomes import OUTCOMES
    from econ.market.simulate import simulate

    return Engine(
        simulate=simulate,
        flows={name: (flow.payer, flow.payee) for name, flow in FLOWS.items()},
        units={name: outcome.unit for name, outcome in OUTCOMES.items()},
    )
