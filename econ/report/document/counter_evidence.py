"""What the laboratory measured against the hypothesis although a verdict is for it: computed, never chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from econ.claims.curves import FLOOR, TARGETS
from econ.claims.hypotheses import CONTRADICTED, REVERSED
from econ.claims.readings import advantage_text
from econ.claims.signs import sign_summary
from econ.core.measurements import DISTRIBUTION_NAMES
from econ.core.texts import first_few
from econ.report.document.numerals import with_interval
from econ.report.document.plain import plain_effect

if TYPE_CHECKING:
    from econ.claims.assess import Assessment


def _number(row: dict[str, Any]) -> str:
    """A row's estimate with its interval; bounds and open ends as the claims write them."""
    if row.get("bound") or None in (row["estimate"], row["low"], row["high"]):
        return advantage_text(row).replace("<=", "≤").replace(">=", "≥")
    return with_interval(row["estimate"], row["low"], row["high"])


def counter_evidence(claims: Assessment) -> list[str]:
    """Sentences, in the order of the predictions."""
    return [*_statements(claims), *_reversed_advantages(claims), *_bits(claims), *_matched_bits(claims), *_seeds(claims), *_runs_again(claims), *_pairs_of_methods(claims)]


def _statements(claims: Assessment) -> list[str]:
    """Statements that are contradicted on their own, in predictions that are not after adjustment."""
    found = [f for v in claims.verdicts if v.verdict not in (CONTRADICTED, REVERSED) for f in v.counting if f.verdict in (CONTRADICTED, REVERSED) and f.measured is not None]
    return [f"{f.statement.id}: {f.verdict}, before adjustment for nine tests. {plain_effect(f)[:1].upper()}{plain_effect(f)[1:]}." for f in found]


def _reversed_advantages(claims: Assessment) -> list[str]:
    """Floors of helpfulness at which preferences need fewer labels."""
    rows = [r for r in claims.advantages if r["axis"] == "judgements" and not r["with_tuning"] and r["target"] == TARGETS[0] and r.get("high") is not None and r["high"] < 0]
    return [
        f"H1: where helpfulness must stay at {r['floor']:g} of the base model's, the advantage per label is reversed ({DISTRIBUTION_NAMES[r['distribution']]}): {_number(r)} doublings."
        for r in rows
    ]


def _bits(claims: Assessment) -> list[str]:
    """Whether an advantage remains per bit about violations."""
    rows = [r for r in claims.advantages if r["axis"] == "bits_harm" and r["target"] == TARGETS[0] and r["floor"] == FLOOR and r["distribution"] == "id"]
    return [
        f"H1: per bit of information about violations there is no clear advantage ({DISTRIBUTION_NAMES['id']}): {_number(r)} doublings."
        for r in rows
        if r.get("low") is not None and r["low"] <= 0
    ]


def _matched_bits(claims: Assessment) -> list[str]:
    rows = [r for r in claims.secondary if r["text"] == "dAULC that remains at matched bits" and not r["missing"] and r["low"] <= 0]
    return [f"H4: with flags made as uninformative as pairs, no clear advantage remains: {_number(r)} of relative harm." for r in rows]


def _seeds(claims: Assessment) -> list[str]:
    rows = [r for r in claims.secondary if r["text"] == "churn between optimiser seeds, preference minus negative" and not r["missing"] and r["low"] <= 0]
    return [f"H3: between two seeds on the same labels, training on negatives is not clearly steadier (preferences minus negatives): {_number(r)} in P(violation)." for r in rows]


def _runs_again(claims: Assessment) -> list[str]:
    """The registered effect as it was first run and on worlds held back, and hybrids against the better half, where no gain is clear."""
    rows = [r for r in claims.repeated if r.verdict in (CONTRADICTED, REVERSED) or r.measured.effect.interval[0] <= 0.0]
    return [
        f"H9 {row.configurations}, worlds {min(row.measured.worlds)} to {max(row.measured.worlds)}, hybrid minus {row.against}: "
        f"{with_interval(row.measured.effect.value, *row.measured.effect.interval)} (hypervolume); {row.verdict}, exploratory."
        for row in rows
    ]


#: Pairs of methods named in a card.
_NAMED = 4


def _pairs_of_methods(claims: Assessment) -> list[str]:
    """Effects whose sign is clearly opposite for other pairs of methods than the registered one."""
    found = []
    for row in sign_summary(claims.signs):
        key = row["hypothesis"], row["effect"]
        names = [one.name for one in claims.signs if (one.hypothesis, one.effect) == key and one.sign == "-"]
        if names:
            found.append(
                f"{row['hypothesis']}: {row['effect']} has the predicted sign in {row['share_predicted']:.0%} of {row['pairs']} pairs of "
                f"methods, clearly so in {row['clear']}, and is clearly opposite in {len(names)} ({first_few(names, _NAMED, separator='; ')})."
            )
    return found
