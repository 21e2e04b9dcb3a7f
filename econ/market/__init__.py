"""The market: labelers, curators, firms, regulators, and the quarter in which they meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from econ.market.mesa_model import MarketModel

__all__ = ["MarketModel"]


def __getattr__(name: str) -> Any:
    """Import the Mesa model, and with it Mesa, when it is first asked for."""
    if name == "MarketModel":
        from econ.market.mesa_model import MarketModel

        return MarketModel
    raise AttributeError(f"module 'econ.market' has no attribute {name!r}")
