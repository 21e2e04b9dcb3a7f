"""Claims: every claim of the hypothesis paper with its evidence, effect, interval and verdict.

`econ.claims(...)` holds the 15 claims against measurement tables and market runs; the module itself can be
called, so that the same name is the function and the package. The hypothesis is tested, never assumed: a null
or a contrary result stands first.

Examples
--------
>>> import econ
>>> found = econ.claims()                          # all shipped measurements  # doctest: +SKIP
>>> found.verdicts[5].verdict                      # H6                        # doctest: +SKIP
>>> found = econ.claims("runs/import-mine", runs="runs/baseline")              # doctest: +SKIP
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from econ.claims.assess import Assessment

__all__ = ["Assessment", "assess_claims"]


def assess_claims(*arguments: Any, **options: Any) -> Assessment:
    """Hold the 15 claims against measurements and market runs; see `econ.claims.assess.assess_claims`."""
    from econ.claims.assess import assess_claims

    return assess_claims(*arguments, **options)


class _CallableModule(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Assessment:
        return assess_claims(*arguments, **options)


sys.modules[__name__].__class__ = _CallableModule


def __getattr__(name: str) -> Any:
    """The class of results, imported when it is first asked for."""
    if name == "Assessment":
        from econ.claims.assess import Assessment

        return Assessment
    raise AttributeError(f"module 'econ.claims' has no attribute {name!r}")
