"""The market as the ensemble sees it: one function, the names of its flows, what it can compute on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from econ.core.devices import resolve_device
from econ.core.errors import InputError


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
    devices, precisions : tuple of str
        What the market can compute on and in; the first is the default.
    impossible : str, optional
        How the reason of a failed replicate begins where its parameters contradict each other.
    """

    simulate: Callable[..., Any]
    flows: Mapping[str, tuple[str, str]]
    devices: tuple[str, ...] = ("cpu",)
    precisions: tuple[str, ...] = ("float64",)
    impossible: str | None = None


def market_engine() -> Engine:
    """The project's own market."""
    from econ.market import simulate as market
    from econ.market.health import NO_STATUS_QUO
    from econ.market.ledger import FLOWS

    return Engine(
        simulate=market.simulate,
        flows={name: (flow.payer, flow.payee) for name, flow in FLOWS.items()},
        devices=getattr(market, "DEVICES", ("cpu",)),
        precisions=getattr(market, "PRECISIONS", ("float64",)),
        impossible=NO_STATUS_QUO,
    )


def choose_device(engine: Engine, choice: str) -> str:
    """The device for an ensemble; ``auto`` is the market's default.

    Parameters
    ----------
    engine : Engine
    choice : str
        ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    InputError
        If what is asked for is not there, or the market cannot use it.
    """
    if choice == "auto":
        return engine.devices[0]
    device = resolve_device(choice)
    if device not in engine.devices:
        raise InputError(
            "the market cannot run on it", key="device", found=device, allowed=", ".join(engine.devices)
        )
    return device


def check_precision(engine: Engine, precision: str) -> None:
    """Refuse a precision that the market does not compute in.

    Raises
    ------
    InputError
    """
    if precision not in engine.precisions:
        allowed = ", ".join(engine.precisions)
        raise InputError(
            "the market does not compute in it", key="precision", found=precision, allowed=allowed
        )
