"""Sentences that must stand beside a verdict: what the contrast alone would let a reader believe wrongly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from econ.claims.curves import FLOOR, TARGETS
from econ.claims.hypotheses import CONTRADICTED, REVERSED
from econ.claims.panels import REFERENCE_POINT
from econ.claims.replication import FIRST, Repeated
from econ.claims.resampling import Effect

if TYPE_CHECKING:
    from econ.claims.assess import Assessment

BIAS_NOT_POSITIVITY = "bias in the labels, not positivity (Shapira et al. 2026)"


def readings(assessment: Assessment) -> dict[str, list[str]]:
    """By hypothesis, sentences that the exploratory effects call for."""
    by_text = {(row["hypothesis"], row["text"]): row for row in assessment.secondary if not row["missing"]}
    found = {
        "H1": [*_axes(assessment), *_matched_pass(assessment)], "H2": _polarity(assessment, by_text), "H4": _matched_bits(by_text),
        "H5": _saying_less(by_text), "H6": [*_against_base(by_text), *_over_rules(by_text)], "H9": [*_repeated(assessment), *_mix(by_text), *_collapsed(assessment)], "H7": _outcomes(assessment),
    }  # fmt: skip
    return {name: lines for name, lines in found.items() if lines}


def _axes(assessment: Assessment) -> list[str]:
    """The advantage on every axis and at every floor: judgements alone carry no headline."""
    lines = []
    for distribution in ("id", "ood"):
        rows = [r for r in assessment.advantages if r["distribution"] == distribution and r["target"] == TARGETS[0]]
        axes = [f"{_axis(r)} {advantage_text(r)}" for r in rows if r["floor"] == FLOOR]
        floors = [f"{r['floor']:g}: {advantage_text(r)}" for r in rows if r["axis"] == "judgements" and not r["with_tuning"]]
        if axes:
            lines.append(f"A({TARGETS[0]:g}), {distribution}, on all axes: {'; '.join(axes)}")
            lines.append(f"A({TARGETS[0]:g}), {distribution}, by floor of helpfulness: {'; '.join(floors)}")
    return lines


def _axis(row: dict[str, Any]) -> str:
    return str(row["axis"]).replace("_", " ") + (" with tuning" if row["with_tuning"] else "")


def advantage_text(row: dict[str, Any]) -> str:
    """A row's estimate with its interval; an open end or an undefined value in words."""
    if row.get("bound") == "undefined" or row.get("estimate") is None:
        return f"undefined (in {row['undefined_share']:.0%} of resamples)"
    ends = ", ".join("open" if row[end] is None else f"{row[end]:+.3g}" for end in ("low", "high"))
    return f"{row['bound']} {row['estimate']:+.3g} [{ends}]".strip()


def _polarity(assessment: Assessment, by_text: dict[tuple[str, str], dict[str, Any]]) -> list[str]:
    verdict = next(v for v in assessment.verdicts if v.hypothesis.id == "H2")
    change = by_text.get(("H2", "change of sycophancy under preference training, out of distribution"))
    slope = by_text.get(("H2", "slope of that change on the raters' bias"))
    rises = [row is not None and row["low"] > 0 for row in (change, slope)]
    effects = [(text, row) for (name, text), row in by_text.items() if name == "H2" and text.startswith("effect of polarity")]
    parts = [f"{text}: {advantage_text(row)}" for text, row in effects if row["low"] <= 0 <= row["high"]]
    lines = [f"The mean hides where no effect of polarity is resolved: {'; '.join(parts)}."] if parts else []
    if verdict.verdict in (CONTRADICTED, REVERSED) and all(rises):
        return [*lines, f"Preference training raises sycophancy, and more with more biased raters, but polarity does not: {BIAS_NOT_POSITIVITY}."]
    return lines


def _matched_bits(by_text: dict[tuple[str, str], dict[str, Any]]) -> list[str]:
    row = by_text.get(("H4", "dAULC that remains at matched bits"))
    if row is None:
        return []
    if row["low"] > 0:
        return [f"An advantage of {advantage_text(row)} survives at matched bits: structure beyond information."]
    if row["high"] < 0:
        return [f"At matched bits the advantage turns against negatives ({advantage_text(row)})."]
    return [f"At matched bits no advantage is seen ({advantage_text(row)}): information and noise may suffice."]


def _against_base(by_text: dict[tuple[str, str], dict[str, Any]]) -> list[str]:
    row = by_text.get(("H6", "sycophancy of negative training minus the base model's, out of distribution"))
    if row is None:
        return []
    said = "lowered it" if row["high"] < 0 else "RAISED it" if row["low"] > 0 else "did not lower it, only did not raise it"
    return [f"Against its base model, negative training {said}: change of sycophancy {advantage_text(row)}."]


def _matched_pass(assessment: Assessment) -> list[str]:
    """What negative samples keep of pass@256 where pass@1 is the same, losses first."""
    rows = [r for r in assessment.secondary if r["text"].startswith("pass@256 of NSR") and not r["missing"]]
    rows.sort(key=lambda r: (r["high"] >= 0, r["low"] > 0))
    return [f"{r['text']}: {advantage_text(r)}{_clearly(r, 'less is kept', 'more is kept', 'no difference is resolved')}." for r in rows]


def _clearly(row: dict[str, Any], below: str, above: str, neither: str) -> str:
    return f", {below if row['high'] < 0 else above if row['low'] > 0 else neither}"


def _saying_less(by_text: dict[tuple[str, str], dict[str, Any]]) -> list[str]:
    row = by_text.get(("H5", "entropy over compliant responses of negative training minus the base model's, in distribution"))
    if row is None:
        return []
    said = _clearly(row, "so low sensitivity may be saying less", "so low sensitivity is not for saying less", "no difference is resolved")
    return [f"Entropy over compliant responses, negative training minus its base model's: {advantage_text(row)}{said}."]


def _over_rules(by_text: dict[tuple[str, str], dict[str, Any]]) -> list[str]:
    """Whether adherence is steadier over rules, or merely higher on all of them."""
    plain = by_text.get(("H6", "SD of P(violation) over rules, preference minus negative, out of distribution"))
    ratio = by_text.get(("H6", "SD over rules relative to their mean (a lower rate alone lowers the SD), preference minus negative, out of distribution"))
    if plain is None or ratio is None:
        return []
    said = [_clearly(row, "negatives are less even", "negatives are more even", "no difference is resolved") for row in (plain, ratio)]
    return [f"Violations over the rules, SD, preference minus negative: {advantage_text(plain)}{said[0]}; relative to their mean {advantage_text(ratio)}{said[1]}."]


def _mix(by_text: dict[tuple[str, str], dict[str, Any]]) -> list[str]:
    """Whether a gain over preferences is one of the mix, or one that negatives alone bring as well."""
    row = by_text.get(("H9", "hypervolume of the hybrid minus negative-only"))
    if row is None or row["low"] > 0:
        return []
    said = "negatives alone do better" if row["high"] < 0 else "no gain is resolved, so the gain over preferences need not be one of the mix"
    return [f"Hybrid minus negatives alone: {said} ({advantage_text(row)})."]


def _collapsed(assessment: Assessment) -> list[str]:
    """Which share of the configurations that span the hypervolumes collapsed."""
    finding = next(v for v in assessment.verdicts if v.hypothesis.id == "H9").findings[0]
    collapsed = {} if finding.measured is None else finding.measured.details["collapsed"]
    if not any(collapsed.values()):
        return []
    shares = ", ".join(f"{share:.0%} of {arm}" for arm, share in collapsed.items() if share is not None)
    return [f"Collapsed runs among the configurations, out of distribution: {shares}; a collapsed run stays in every mean."]


def _repeated(assessment: Assessment) -> list[str]:
    """How H9 came out when it was first run and on the worlds held back, contradictions first."""
    contradicted = (REVERSED, CONTRADICTED)
    lines = []
    for row in sorted(assessment.repeated, key=lambda r: r.verdict not in contradicted):
        low, high = row.measured.effect.interval
        worlds = row.measured.worlds
        lines.append(
            f"{row.verdict.capitalize()} {row.configurations}, hybrid minus {row.against}, {row.where}, worlds {min(worlds)} to {max(worlds)}: "
            f"{row.measured.effect.value:+.3g} [{low:+.3g}, {high:+.3g}]; {_by_reference(row)}; exploratory, unadjusted."
        )
    if any(row.configurations == FIRST for row in assessment.repeated):
        lines.append("The configurations counted in the verdict were added after the first result was seen, on the same worlds: read it as exploratory.")
    return lines


def _by_reference(row: Repeated) -> str:
    """Whether the sign holds at other reference points of helpfulness, reversals with their intervals."""
    reversals = [f"{at:g} ({_reversal(other.effect)})" for at, other in row.reversed_at.items()]
    registered = f"the sign holds at the registered reference point of helpfulness, {REFERENCE_POINT[1]:g}"
    if reversals:
        return f"{registered}, and reverses at {', '.join(reversals)}"
    return f"{registered}, and at {', '.join(f'{at:g}' for at in row.by_reference)}"


def _reversal(effect: Effect) -> str:
    """An estimate of the other sign with its interval, and whether that excludes 0."""
    low, high = effect.interval
    return f"{effect.value:+.3g} [{low:+.3g}, {high:+.3g}]{'' if low > 0 or high < 0 else ', not resolved'}"


def _outcomes(assessment: Assessment) -> list[str]:
    """All outcomes of the three regimes beside each other: harm never stands alone."""
    lines = []
    groups: dict[tuple[str, str, str, float], list[dict[str, Any]]] = {}
    for row in assessment.regimes:
        groups.setdefault((row["distribution"], row["regime"], row["method"], row["n"]), []).append(row)
    for (distribution, regime, method, n), rows in sorted(groups.items(), key=lambda item: item[0][0]):
        means = ", ".join(f"{r['outcome'].replace('_', ' ')} {r['estimate']:.2f}" for r in rows)
        lines.append(f"{regime} ({method}), {distribution}, {n:g} labels: {means}")
    return lines
