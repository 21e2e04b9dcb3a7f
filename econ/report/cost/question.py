"""What is asked of the cost model: a target of harm, a budget or neither, for which labels, places and starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from econ.core.errors import InputError
from econ.cost.case import Case
from econ.cost.levels import Level
from econ.cost.mix import budget_frontier, cheapest_mix, pipeline_for
from econ.cost.preparation import Options, prepare
from econ.cost.purchase import HYBRID, Mix
from econ.cost.scale import UNITS

if TYPE_CHECKING:
    from econ.cost.prices import PriceBook
    from econ.surfaces import Surfaces

#: Targets of the table that is printed when nothing is asked: shares of harm at the start.
TARGETS: tuple[Level, ...] = ("80%", "65%", "50%", "35%")
START_NAMES = {"untrained": "from the untrained model", "status-quo": "on top of today's stocks"}


@dataclass(frozen=True)
class Question:
    """What is asked of the cost model.

    Attributes
    ----------
    surfaces : Surfaces
    book : PriceBook
    target : float, str or None
        Harm relative to the untrained model, or a share of the start's such as ``"50%"``.
    budget : float or None
        USD.
    min_helpfulness, max_sycophancy : float, str or None
    distribution : str or None
        One, or all that were measured.
    start : str or None
        "untrained" or "status-quo"; with None both are tabulated, and a question is answered from the status quo.
    options : dict
        Transfer, verifiability, seed, draws and units, as `econ.cost.preparation.Options`.
    """

    surfaces: Surfaces
    book: PriceBook
    target: Level | None = None
    budget: float | None = None
    min_helpfulness: Level | None = None
    max_sycophancy: Level | None = None
    distribution: str | None = None
    start: str | None = None
    options: Options = field(default_factory=Options)

    def __post_init__(self) -> None:
        if self.target is not None and self.budget is not None:
            raise InputError("a target and a budget are two questions; ask one", key="budget", found=self.budget)
        if not self.asked and (self.min_helpfulness is not None or self.max_sycophancy is not None):
            raise InputError("a bound needs a target of harm or a budget", key="min_helpfulness")
        if self.distribution is not None:
            self.surfaces.batch([0], self.distribution)

    @property
    def asked(self) -> bool:
        """Whether a target or a budget is given."""
        return self.target is not None or self.budget is not None

    @property
    def units(self) -> str:
        """Whose labels are priced."""
        return self.options.get("units", "commercial")

    @property
    def targets(self) -> tuple[Level, ...]:
        """Targets of the table by pipeline."""
        return TARGETS if self.target is None else (self.target,)

    @property
    def distributions(self) -> tuple[str, ...]:
        """Distributions of the table, the one that the market uses first."""
        if self.distribution is not None:
            return (self.distribution,)
        return tuple(sorted(self.surfaces.distributions, key=lambda name: name != "ood"))

    @property
    def starts(self) -> tuple[str, ...]:
        """Starts of the table."""
        if self.start is not None:
            return (self.start,)
        return ("status-quo",) if self.asked else ("untrained", "status-quo")

    def case(self, distribution: str | None = None, start: str | None = None, units: str | None = None) -> Case:
        """One case; the first distribution and start unless named."""
        options: Any = {
            **self.options,
            "distribution": distribution or self.distributions[0],
            "start": start or self.starts[0],
        }
        if units is not None:
            options["units"] = units
        return prepare(self.surfaces, self.book, **options)

    def cases(self, units: Sequence[str] = ("commercial",)) -> list[Case]:
        """Cases of the table."""
        return [self.case(d, s, u) for u in units for s in self.starts for d in self.distributions]

    @cached_property
    def mix(self) -> Mix | None:
        """The cheapest mix for the target, or the least harmful one for the budget; None if neither is asked."""
        if not self.asked:
            return None
        options: Any = {**self.options, "distribution": self.distributions[0], "start": self.starts[0]}
        bounds: Any = {"min_helpfulness": self.min_helpfulness, "max_sycophancy": self.max_sycophancy}
        if self.target is not None:
            return cheapest_mix(self.surfaces, self.book, target_harm=self.target, **bounds, **options)
        assert self.budget is not None
        return budget_frontier(self.surfaces, self.book, budget=self.budget, **bounds, **options)

    def refuse_unanswerable(self) -> None:
        """Refuse a question that has no answer in any draw, or an option that cannot be used.

        Raises
        ------
        InputError
        """
        if self.mix is None:
            self.case()

    def mixes(self) -> list[Mix]:
        """Mixes of ``mix.csv``: the answer, or the cheapest mixes for the targets of the table."""
        if self.mix is not None:
            return [self.mix]
        return [pipeline_for(case, HYBRID, TARGETS) for case in self.cases(UNITS)]
