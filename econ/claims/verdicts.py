"""From effects to verdicts: the registered rule, statements into hypotheses, Holm over the nine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from econ.claims.amended import first_result
from econ.claims.arms import Missing
from econ.claims.context import HYBRID, PAIR, Context, Measured
from econ.claims.hypotheses import (
    AFTERWARDS,
    CONTRADICTED,
    HYPOTHESES,
    INCONCLUSIVE,
    NOT_MEASURED,
    REVERSED,
    SUPPORTED,
    Hypothesis,
    Statement,
)
from econ.claims.market import NOT_RUN, PROJECTION
from econ.claims.panels import joint_gain
from econ.claims.resampling import FAMILY, TAIL, Effect, holm

#: Verdicts: contradictions first, then what stands, then what is open.
ORDER = (REVERSED, CONTRADICTED, AFTERWARDS, SUPPORTED, INCONCLUSIVE, PROJECTION, NOT_MEASURED, NOT_RUN)


@dataclass(frozen=True)
class Finding:
    """One statement with what was measured, or what is missing.

    Attributes
    ----------
    statement : Statement
    measured : Measured or None
    missing : str
        Named where nothing was measured.
    delta, limit : float
        On the scale of what was measured.
    verdict : str
        By its own interval, before Holm's adjustment.
    p_support, p_contradict, p_reverse : float
        One-sided p-values of the three rules; 1 where not measured.
    first : Finding or None
        As it was first run, where configurations were added after that result was seen.
    """

    statement: Statement
    measured: Measured | None
    missing: str
    delta: float
    limit: float
    verdict: str
    p_support: float = 1.0
    p_contradict: float = 1.0
    p_reverse: float = 1.0
    first: Finding | None = None


@dataclass(frozen=True)
class Verdict:
    """A hypothesis with its findings.

    Attributes
    ----------
    unadjusted, verdict : str
        Before and after Holm's adjustment over the nine.
    p_support, p_contradict, p_reverse : float
        Adjusted, one-sided; to be held against 0.025.
    """

    hypothesis: Hypothesis
    findings: tuple[Finding, ...]
    unadjusted: str
    verdict: str
    p_support: float
    p_contradict: float
    p_reverse: float

    @property
    def missing(self) -> tuple[str, ...]:
        """What the data lack, by name."""
        return tuple(f"{f.statement.id}: {f.missing}" for f in self.findings if f.measured is None)

    @property
    def counting(self) -> tuple[Finding, ...]:
        """Findings that decide."""
        return tuple(finding for finding in self.findings if finding.statement.counts)

    @property
    def told(self) -> tuple[Finding, ...]:
        """All findings for a reader, a first result above the one that came with other configurations."""
        return tuple(found for own in self.findings for found in (own.first, own) if found is not None)

    @property
    def contradicted_before(self) -> bool:
        """Whether it is contradicted before adjustment for nine tests, or was as it was first run."""
        first = [finding.first.verdict for finding in self.counting if finding.first is not None]
        return bool({REVERSED, CONTRADICTED} & {self.unadjusted, *first})

    @property
    def place(self) -> int:
        """By which verdicts are sorted: contradictions first, also those of `contradicted_before`."""
        own = ORDER.index(self.verdict)
        return min(own, ORDER.index(CONTRADICTED)) if self.contradicted_before else own


def rule(effect: Effect, delta: float, limit: float) -> str:
    """The registered verdict on one effect.

    Parameters
    ----------
    effect : Effect
    delta : float
        Smallest effect of interest.
    limit : float
        What the lower bound must exceed: 0, or minus the margin of "match".
    """
    low, high = effect.interval
    if low > limit and effect.value >= delta:
        return SUPPORTED
    if high < delta:
        return REVERSED if high < min(limit, 0.0) else CONTRADICTED
    return INCONCLUSIVE


def assess_statement(context: Context, statement: Statement) -> Finding:
    """Measure a statement on the headline pair."""
    first = HYBRID if statement.measure is joint_gain else context.negative
    try:
        measured = statement.measure(context, first, context.preference)
    except Missing as missing:
        return Finding(statement, None, str(missing), statement.delta, statement.limit, NOT_MEASURED)
    found = _judged(statement, _with_pair(context, measured))
    if (earlier := first_result(context, measured)) is None:
        return found
    return replace(found, first=_judged(replace(statement, id=f"{statement.id}, as first run"), earlier), verdict=AFTERWARDS if found.verdict == SUPPORTED else found.verdict)


def _judged(statement: Statement, measured: Measured) -> Finding:
    """The rule applied to what was measured."""
    delta, limit = statement.margins(measured)
    effect = measured.effect
    if effect.bound == "undefined":
        return Finding(statement, None, "an effect that is defined at the estimate", delta, limit, NOT_MEASURED)
    p_support = effect.p_above(limit) if effect.value >= delta else 1.0
    return Finding(
        statement, measured, "", delta, limit, rule(effect, delta, limit),
        p_support, effect.p_below(delta), effect.p_below(min(limit, 0.0)),
    )  # fmt: skip


def _with_pair(context: Context, measured: Measured) -> Measured:
    """A deviation is noted where the headline pair is not the registered one."""
    pair = (context.negative, context.preference)
    if pair == PAIR or not set(measured.methods) & (set(pair) - set(PAIR)):
        return measured
    said = (f"pair {', '.join(pair)} (registered: {', '.join(PAIR)})", *measured.deviations)
    return Measured(measured.effect, measured.methods, measured.sources, measured.worlds, said, measured.details)


def assess(context: Context) -> list[Verdict]:
    """All nine hypotheses, in their order."""
    found = [tuple(assess_statement(context, s) for s in h.statements) for h in HYPOTHESES]
    assert len(found) == FAMILY
    raw = [_raw_p_values([f for f in findings if f.statement.counts]) for findings in found]
    adjusted = list(zip(*(holm(column) for column in zip(*raw, strict=True)), strict=True))
    return [
        Verdict(h, findings, combine([f.verdict for f in findings if f.statement.counts]), _adjusted(findings, p), *p)
        for h, findings, p in zip(HYPOTHESES, found, adjusted, strict=True)
    ]


def _raw_p_values(findings: Sequence[Finding]) -> tuple[float, float, float]:
    """P-values of a hypothesis: all statements must hold (Berger 1982), one that fails is enough to contradict (Bonferroni)."""
    count = len(findings)
    return (
        max(f.p_support for f in findings),
        min(1.0, count * min(f.p_contradict for f in findings)),
        min(1.0, count * min(f.p_reverse for f in findings)),
    )


def combine(verdicts: Sequence[str]) -> str:
    """The weakest of the verdicts on statements that must all hold.

    A statement that was not measured keeps a hypothesis from being called supported or inconclusive,
    not from being contradicted.

    Examples
    --------
    >>> combine(["supported", "contradicted"]), combine(["supported", "not measured"])
    ('contradicted', 'not measured')
    """
    for weakest in (REVERSED, CONTRADICTED, NOT_MEASURED, INCONCLUSIVE, AFTERWARDS):
        if weakest in verdicts:
            return weakest
    return SUPPORTED


def _adjusted(findings: Sequence[Finding], p: tuple[float, float, float]) -> str:
    """The verdict with every rule at its adjusted p-value; what no longer passes is inconclusive."""
    p_support, p_contradict, p_reverse = p
    own = combine([f.verdict for f in findings if f.statement.counts])
    if own in (SUPPORTED, AFTERWARDS):
        return own if p_support <= TAIL else INCONCLUSIVE
    if own in (CONTRADICTED, REVERSED):
        if p_contradict > TAIL:
            missing = any(f.measured is None for f in findings if f.statement.counts)
            return NOT_MEASURED if missing else INCONCLUSIVE
        return REVERSED if own == REVERSED and p_reverse <= TAIL else CONTRADICTED
    return own


def plain_finding(finding: Finding) -> dict[str, Any]:
    """A finding as JSON."""
    statement, measured = finding.statement, finding.measured
    facts: dict[str, Any] = {
        "id": statement.id, "text": statement.text, "counts": statement.counts, "unit": statement.unit,
        "delta": finding.delta, "limit": finding.limit, "verdict": finding.verdict,
    }  # fmt: skip
    if measured is None:
        return facts | {"missing": finding.missing, "effect": None}
    return facts | {
        "effect": measured.effect.plain(),
        "p_support": finding.p_support, "p_contradict": finding.p_contradict, "p_reverse": finding.p_reverse,
        "methods": list(measured.methods), "sources": list(measured.sources), "worlds": list(measured.worlds),
        "deviations": list(measured.deviations), "as_registered": not measured.deviations, "details": measured.details,
        "first_result": None if finding.first is None else plain_finding(finding.first),
    }  # fmt: skip
