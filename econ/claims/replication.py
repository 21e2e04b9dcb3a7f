"""H9 beside its verdict: as it was first run, and again on worlds that were held back. Exploratory, never in a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from econ.claims.amended import as_first_run
from econ.claims.arms import Missing
from econ.claims.context import HYBRID, Context, Measured
from econ.claims.hypotheses import BY_ID
from econ.claims.panels import REFERENCE_POINT, joint_gain
from econ.claims.verdicts import rule

COUNTED = "as counted in the verdict (rate x β at one weight of pairs)"
FIRST = "as first run (rate x weight of pairs at β 0.1)"
#: Helpfulness over the base model's above which an area counts: others than the registered one, to see what turns on it.
OTHER_REFERENCES = (0.3, 0.4, 0.6, 0.7)


@dataclass(frozen=True)
class Repeated:
    """H9's effect on some worlds with some of the hybrid's configurations.

    Attributes
    ----------
    where : str
        The table.
    configurations : str
        Which of the hybrid's.
    against : str
        The method beside the hybrid.
    measured : Measured
    verdict : str
        By the registered rule on this effect alone, unadjusted.
    by_reference : dict of float to Measured
        The same with the area above another helpfulness than the registered one.
    """

    where: str
    configurations: str
    against: str
    measured: Measured
    verdict: str
    by_reference: dict[float, Measured]

    @property
    def reversed_at(self) -> dict[float, Measured]:
        """Those of `by_reference` whose estimate has the other sign."""
        value = self.measured.effect.value
        return {at: other for at, other in self.by_reference.items() if other.effect.value * value < 0.0}

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "table": self.where, "configurations": self.configurations, "against": self.against, "verdict": self.verdict,
            "exploratory": True, "worlds": list(self.measured.worlds), "details": self.measured.details,
            **{key: x for key, x in self.measured.effect.plain().items() if key != "worlds"},
            "by_reference": [
                {"reference": at, "hypervolume": other.details["hypervolume"]} | other.effect.plain()
                for at, other in self.by_reference.items()
            ],
        }  # fmt: skip


def repeated(confirmatory: Context, held_back: Context | None) -> list[Repeated]:
    """H9 as first run on the shipped confirmatory worlds, then everything again on the held-back ones.

    Other evidence has neither (`held_back` is None); what a table lacks is left out.
    """
    if held_back is None:
        return []
    found = list(_gains(confirmatory, FIRST, confirmatory.preference))
    for against in (held_back.preference, held_back.negative):
        for which in (COUNTED, FIRST):
            found += _gains(held_back, which, against)
    return found


def _gains(context: Context, which: str, against: str) -> Iterator[Repeated]:
    chosen = as_first_run(context) if which == FIRST else context
    try:
        measured = joint_gain(chosen, HYBRID, against)
    except Missing:
        return
    statement = BY_ID["H9"].statements[0]
    name = context.evidence.sources[measured.sources[0]].name
    others = {at: joint_gain(chosen, HYBRID, against, (REFERENCE_POINT[0], at)) for at in OTHER_REFERENCES}
    yield Repeated(name, which, against, measured, rule(measured.effect, statement.delta, statement.limit), others)
