"""The same effects for every pair of a negative and a preference method: who has the predicted sign, who has not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from econ.claims.arms import Missing
from econ.claims.context import Context, Measured
from econ.claims.effects import diminishing_returns, drift
from econ.claims.evidence import Evidence
from econ.claims.hypotheses import HYPOTHESES, Measure
from econ.claims.panels import joint_gain

#: Arms that compare themselves with a method of their own kind, not with the other kind of label.
_CONTROL = re.compile(r"(_random|_shuffled|_bits|_k0|_penalty|_or)$|^(base|refuse_all|oracle)$")
FLAGS = ("flag", "flag_rule")


@dataclass(frozen=True)
class Signed:
    """One pair under one hypothesis.

    Attributes
    ----------
    hypothesis, effect, unit : str
    negative, preference : str
        Empty where the effect is of one arm alone.
    measured : Measured
    """

    hypothesis: str
    effect: str
    unit: str
    negative: str
    preference: str
    measured: Measured

    @property
    def sign(self) -> str:
        """``+`` or ``-`` where the 95 % interval is on one side of 0, ``0`` where it holds it."""
        low, high = self.measured.effect.interval
        return "+" if low > 0 else "-" if high < 0 else "0"

    @property
    def predicted(self) -> bool:
        """Whether the estimate has the sign that the claim predicts."""
        return self.measured.effect.value > 0

    @property
    def name(self) -> str:
        """The pair, or the arm where there is one."""
        return " against ".join(name for name in (self.negative, self.preference) if name)

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "hypothesis": self.hypothesis, "effect": self.effect, "unit": self.unit, "negative": self.negative,
            "preference": self.preference, **self.measured.effect.plain(), "sign": self.sign, "predicted": self.predicted,
            "measure": self.measured.details.get("measure", ""), "deviations": list(self.measured.deviations),
        }  # fmt: skip


def negative_methods(evidence: Evidence) -> list[str]:
    """Arms trained on flags that say what is wrong, controls left out."""
    return [
        name for name in evidence.methods()
        if not _CONTROL.search(name) and _labels(evidence, name) <= set(FLAGS) and _polarity(evidence, name) <= {"negative", None}
    ]  # fmt: skip


def preference_methods(evidence: Evidence) -> list[str]:
    """Arms trained on human pairs alone, controls left out."""
    return [n for n in evidence.methods() if not _CONTROL.search(n) and _labels(evidence, n) == {"preference"}]


def hybrid_methods(evidence: Evidence) -> list[str]:
    """Arms trained on both, by their share of pairs."""
    return [name for name in evidence.methods() if name.startswith("hybrid")]


def _labels(evidence: Evidence, arm: str) -> set[str]:
    # A hybrid without one kind of label is an arm of the other kind, whatever its rows say.
    own = {"npo_ret": "flag", "dpo": "preference"}
    kinds = set(_rows(evidence, arm, "label_kind"))
    return {own[arm]} if arm in own and "flag+preference" in kinds else kinds


def _polarity(evidence: Evidence, arm: str) -> set[str | None]:
    return {"negative"} if arm == "npo_ret" else set(_rows(evidence, arm, "polarity"))


def _rows(evidence: Evidence, arm: str, column: str) -> Sequence[Any]:
    frame = evidence.frame
    return [None if x is None or x != x else x for x in frame.loc[frame["arm"] == arm, column].unique()]


def sign_table(context: Context) -> list[Signed]:
    """Every effect that the data hold, for every pair of methods; what a pair lacks leaves it out."""
    evidence = context.evidence
    negatives, preferences = negative_methods(evidence), preference_methods(evidence)
    own: dict[Callable[..., Any], list[tuple[str, str]]] = {
        diminishing_returns: [(name, "") for name in negatives],
        drift: [("", name) for name in preferences],
        joint_gain: [(name, other) for name in hybrid_methods(evidence) for other in preferences],
    }
    every = [(n, p) for n in negatives for p in preferences]
    return [
        Signed(hypothesis.id, name, unit, first, second, measured)
        for hypothesis in HYPOTHESES
        for name, measure, unit in hypothesis.sign_table
        for first, second, measured in _measured(context, measure, own.get(measure, every))
    ]


def _measured(context: Context, measure: Measure, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, Measured]]:
    """The effect for each pair that the data hold."""
    for first, second in pairs:
        try:
            measured = measure(context, first, second)
        except Missing:
            continue
        if measured.effect.bound != "undefined":
            yield first, second, measured


def sign_summary(table: Sequence[Signed]) -> list[dict[str, Any]]:
    """By hypothesis and effect: number of pairs, share with the predicted sign, exceptions by name."""
    groups: dict[tuple[str, str], list[Signed]] = {}
    for row in table:
        groups.setdefault((row.hypothesis, row.effect), []).append(row)
    return [
        {
            "hypothesis": hypothesis, "effect": effect, "pairs": len(rows),
            "share_predicted": sum(row.predicted for row in rows) / len(rows),
            "clear": sum(row.sign == "+" for row in rows), "clearly_opposite": sum(row.sign == "-" for row in rows),
            "exceptions": [row.name for row in rows if not row.predicted],
        }
        for (hypothesis, effect), rows in groups.items()
    ]  # fmt: skip
