"""econ: from small training experiments to policy figures about the market for AI feedback.

Data goes one way: a scenario meets measured response surfaces, the market runs, outcomes come out,
figures show them. Importing the package loads none of torch, pandas, mesa and matplotlib; a public
name is imported when it is first used (PEP 562).

Examples
--------
>>> import econ
>>> scenario = econ.load_scenario("baseline")                          # doctest: +SKIP
>>> run = econ.run(scenario, replicates=64, seed=1)                    # doctest: +SKIP
>>> more = econ.run(scenario.with_levers(commons=0.1), replicates=64)  # doctest: +SKIP
>>> econ.compare(run, more).table                                      # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

#: Public name -> the module that defines it.
_PUBLIC = {
    "Scenario": "econ.scenario",
    "load_scenario": "econ.scenario",
    "Surfaces": "econ.surfaces",
    "load_surfaces": "econ.surfaces",
    "MarketModel": "econ.market",
    "Run": "econ.report.runs",
    "Comparison": "econ.report.comparison.compared",
    "run": "econ.report.runs",
    "compare": "econ.report.comparison.compared",
    "open_run": "econ.report.runs",
    "SweepResult": "econ.report.sweep_results",
    "open_sweep": "econ.report.sweep_results",
}
#: Subpackages that ``import econ`` alone makes reachable, such as ``econ.cost``.
_SUBPACKAGES = ("claims", "cost", "ensemble", "lab", "market", "report", "scenario", "surfaces")

__all__ = [*_PUBLIC, "__version__"]


def __getattr__(name: str) -> Any:
    """Import a public name or a subpackage when it is first asked for."""
    if name in _PUBLIC:
        value = getattr(importlib.import_module(_PUBLIC[name]), name)
        globals()[name] = value
        return value
    if name in _SUBPACKAGES:
        return importlib.import_module(f"econ.{name}")
    raise AttributeError(f"module 'econ' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, for completion in a shell or notebook."""
    return sorted({*globals(), *_PUBLIC, *_SUBPACKAGES})
