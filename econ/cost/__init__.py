"""What a reduction of harm costs, for each kind of label, before any market reacts.

The same measured surfaces as the market, prices of its own, and no agents: for someone with a budget, with
a target, or with a question about prices. Every answer is computed for each posterior draw and given as
a median with its intervals; "not attainable", "not measured" and "not identified" are answers too.

Examples
--------
>>> import econ
>>> surfaces = econ.load_surfaces()                                             # doctest: +SKIP
>>> mix = econ.cost.cheapest_mix(surfaces, target_harm=0.5, start="untrained")  # doctest: +SKIP
>>> mix.table()                                                                 # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from econ.cost.breakeven import (
        break_even_call_price,
        break_even_price_ratio,
        break_even_transfer,
        share_by_elasticity,
        share_by_price_ratio,
    )
    from econ.cost.case import Case
    from econ.cost.critic import Written
    from econ.cost.information import value_of_information
    from econ.cost.mix import budget_frontier, cheapest_mix, marginal_cost
    from econ.cost.pipelines import pipeline_cost
    from econ.cost.preparation import prepare
    from econ.cost.prices import PriceBook, load_prices, shipped_price_books
    from econ.cost.purchase import Mix

_HOME = {
    "PriceBook": "prices",
    "load_prices": "prices",
    "shipped_price_books": "prices",
    "Case": "case",
    "prepare": "preparation",
    "Mix": "purchase",
    "cheapest_mix": "mix",
    "budget_frontier": "mix",
    "Written": "critic",
    "pipeline_cost": "pipelines",
    "break_even_call_price": "breakeven",
    "marginal_cost": "mix",
    "break_even_price_ratio": "breakeven",
    "break_even_transfer": "breakeven",
    "share_by_price_ratio": "breakeven",
    "share_by_elasticity": "breakeven",
    "value_of_information": "information",
}

__all__ = [
    "Case",
    "Mix",
    "PriceBook",
    "Written",
    "break_even_call_price",
    "break_even_price_ratio",
    "break_even_transfer",
    "budget_frontier",
    "cheapest_mix",
    "load_prices",
    "marginal_cost",
    "pipeline_cost",
    "prepare",
    "share_by_elasticity",
    "share_by_price_ratio",
    "shipped_price_books",
    "value_of_information",
]


def __getattr__(name: str) -> Any:
    """Load the submodule of a public name when it is first asked for."""
    import importlib

    if name not in _HOME:
        raise AttributeError(f"module 'econ.cost' has no attribute '{name}'")
    return getattr(importlib.import_module(f"econ.cost.{_HOME[name]}"), name)
