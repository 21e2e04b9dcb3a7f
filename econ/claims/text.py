"""Claims and verdicts as text: a terminal table, Markdown, and HTML for notebooks."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from econ.claims.catalogue import CLAIMS, NOT_MODELLED
from econ.claims.readings import advantage_text
from econ.claims.signs import sign_summary
from econ.core.texts import first_few

if TYPE_CHECKING:
    from rich.console import Console

    from econ.claims.assess import Assessment, ClaimVerdict
    from econ.claims.market import Projection
    from econ.claims.resampling import Effect
    from econ.claims.verdicts import Finding, Verdict

DEVIATES = "*"
#: What every table of claims says below it.
READING = (
    "θ is oriented so that the claim predicts it above 0; intervals are 95 %, Bayesian bootstrap of worlds, widened for few "
    "worlds. Verdicts follow the registered rule after Holm's adjustment over nine predictions; * not measured exactly as "
    "registered (see the deviations). All at the reference knobs (verifiability 0.93, raters' bias 2, confounding 0.85, all 8 rules "
    "drafted), none of which is known to be realistic. Toy worlds of one transformer size and assumed raters: signs and mechanisms may carry "
    "over; magnitudes, thresholds and label counts do not. A label of one arm carries other bits, minutes and reads than a "
    "label of the other: see the advantages on all axes."
)
PROJECTIONS = (
    "Claims 11 to 14 are conditional projections of the market model: conditional on laboratory curves, assumed transfer and "
    "assumed prices; neither measurements nor forecasts."
)
SCORES = "The paper's claims carry scores of 0.01 to 0.07 (the assessor's weight of evidence): all of them low."


def print_claims(assessment: Assessment, console: Console) -> None:
    """The table of claims, contradictions first, and what the verdicts rest on."""
    from rich.table import Table

    table = Table(
        title="Claims of the hypothesis paper, contradictions first", title_justify="left", box=None, pad_edge=False, expand=True
    )
    # Verdicts are as wide as their longest word, so that no terminal breaks it; the rest is shared.
    verdict = max(len(word) for found in assessment.claims for word in _verdict_cell(found).split())
    table.add_column("claim", justify="right", width=len("claim"))
    table.add_column("", ratio=5, overflow="fold")
    table.add_column("verdict", width=verdict, overflow="fold")
    table.add_column("evidence", ratio=7, overflow="fold")
    for found in assessment.claims:
        text = f"{found.claim.text} ({found.claim.confidence}, {found.claim.score:g})"
        table.add_row(str(found.claim.id), text, _verdict_cell(found), "\n".join(evidence_lines(found)))
    console.print(table, highlight=False, markup=False)
    lines = [f"{name}: {line}" for name, said in assessment.readings.items() for line in said]
    lines += [_sign_line(row) for row in sign_summary(assessment.signs)]
    for line in (*lines, *_source_lines(assessment), SCORES, READING, PROJECTIONS):
        console.print(line, highlight=False, markup=False)


def print_catalogue(console: Console) -> None:
    """The 15 claims without data."""
    from rich.table import Table

    table = Table(title="The 15 claims", title_justify="left", box=None, pad_edge=False)
    for name in ("claim", "text", "direction", "confidence", "score", "tested by", "measured"):
        table.add_column(name, justify="right" if name in ("claim", "score") else "left", overflow="fold")
    for claim in CLAIMS:
        by = claim.hypothesis or "market run"
        table.add_row(str(claim.id), claim.text, claim.direction, claim.confidence, f"{claim.score:g}", by, claim.test)
    console.print(table, highlight=False, markup=False)
    console.print(SCORES, highlight=False)


def _deviates(verdict: Verdict) -> bool:
    return any(f.measured is not None and f.measured.deviations for f in verdict.counting)


def _verdict_cell(found: ClaimVerdict) -> str:
    return found.verdict + (DEVIATES if found.hypothesis is not None and _deviates(found.hypothesis) else "")


def evidence_lines(found: ClaimVerdict) -> list[str]:
    """What a verdict rests on, one line for each statement or projection."""
    if found.hypothesis is not None:
        return [_finding_line(finding) for finding in found.hypothesis.told] + _adjusted_line(found.hypothesis)
    if found.projections:
        return [_projection_line(p) for p in found.projections]
    return [f"needs a market run (--run DIR): {', '.join(name for name, _ in found.claim.outcomes)}"]


def _adjusted_line(verdict: Verdict) -> list[str]:
    if verdict.unadjusted == verdict.verdict:
        return []
    return [f"{verdict.hypothesis.id}: {verdict.unadjusted} before Holm's adjustment over nine"]


def _finding_line(finding: Finding) -> str:
    name = finding.statement.id
    if finding.measured is None:
        return f"{name}: not measured; it needs {finding.missing}"
    measure = finding.measured.details.get("measure", "θ")
    limit = f" > {finding.limit:g}," if finding.limit else ""
    return f"{name}: {finding.verdict}; {measure} {effect_text(finding.measured.effect)},{limit} δ {finding.delta:g}, {len(finding.measured.worlds)} worlds"


def effect_text(effect: Effect) -> str:
    """An effect with its interval: ``+0.31 [+0.27, +0.35]``, ``>= +2.1 [+1.5, open]``."""
    low, high = (f"{x:+.3g}" if abs(x) != float("inf") else "open" for x in effect.interval)
    return f"{effect.bound + ' ' if effect.bound else ''}{effect.value:+.3g} [{low}, {high}]"


def _projection_line(p: Projection) -> str:
    where = p.run if p.run == p.scenario else f"{p.run}, {p.scenario}"
    text = f"{where}: {p.outcome} {p.level:.4g} {p.unit}"
    if p.change == p.change:
        text += f", change {p.change:+.3g} [{p.low:+.3g}, {p.high:+.3g}]"
    if p.share == p.share:
        text += f", {'rises' if p.expected > 0 else 'falls'} in {p.share:.0%} of replicates"
    return text


#: Exceptions named on a line of signs.
_NAMED = 6


def _sign_line(row: dict[str, Any]) -> str:
    pairs = "pair" if row["pairs"] == 1 else "pairs"
    text = f"{row['hypothesis']} {row['effect']}: {row['share_predicted']:.0%} of {row['pairs']} {pairs} of methods have the predicted sign"
    text += f" ({row['clear']} clearly, {row['clearly_opposite']} clearly the opposite)"
    return text + (f"; exceptions: {first_few(row['exceptions'], _NAMED, rest=' (`--format json`)')}" if row["exceptions"] else "")


def _source_lines(assessment: Assessment) -> list[str]:
    lines = []
    for source in assessment.sources:
        hashes = ", ".join(h[:12] for h in source.config_hashes) or "none"
        lines.append(f"Measurements '{source.name}': {source.rows} rows, {len(source.worlds)} confirmatory worlds, config {hashes}")
    return lines + [f"Note: {note}" for note in assessment.context.evidence.notes]


# Markdown ------------------------------------------------------------------------------------------
def markdown(assessment: Assessment) -> str:
    """The whole assessment as one Markdown page."""
    parts = [
        "# Claims of the hypothesis paper, and what the evidence says",
        f"{SCORES} The paper reports no experiments; what follows tests it.",
        READING, PROJECTIONS,
        "## All 15 claims, contradictions first", _claims_table(assessment),
        "## Predictions H1 to H9", *(_hypothesis_section(assessment, v) for v in _contradictions_first(assessment)),
        "## The same effects for every pair of methods", _sign_section(assessment),
        "## Labels and costs to a level of harm", _advantage_section(assessment),
        "## Exploratory effects (not adjusted)", _secondary_section(assessment),
        "## Three regimes under shift (claim 15)", _regime_section(assessment),
        "## What rests on what", _provenance_section(assessment),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _contradictions_first(assessment: Assessment) -> list[Verdict]:
    return sorted(assessment.verdicts, key=lambda v: (v.place, v.hypothesis.id))


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def cells(row: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"

    return "\n".join([cells(head), "|" + " --- |" * len(head), *(cells(row) for row in rows)])


def _claims_table(assessment: Assessment) -> str:
    rows = [
        (
            str(f.claim.id), f.claim.text, f.claim.direction, f"{f.claim.confidence}, {f.claim.score:g}",
            f"**{_verdict_cell(f)}**", "<br>".join(evidence_lines(f)),
        )
        for f in assessment.claims
    ]  # fmt: skip
    return _grid(("claim", "in short", "direction", "stated confidence, score", "verdict", "evidence"), rows)


def _hypothesis_section(assessment: Assessment, verdict: Verdict) -> str:
    hypothesis = verdict.hypothesis
    claims = ", ".join(map(str, hypothesis.claims))
    rows = [
        (
            f.statement.id, f.statement.text, f.verdict,
            f"not measured: {f.missing}" if f.measured is None else effect_text(f.measured.effect),
            f"{f.delta:g}", f.statement.unit, "; ".join(f.measured.deviations) if f.measured else "",
        )
        for f in verdict.told
    ]  # fmt: skip
    head = ("", "statement", "verdict", "θ [95 %]", "δ", "unit", "deviations from what is registered")
    lines = [
        f"### {hypothesis.id}: {hypothesis.title} (claims {claims}): {verdict.verdict}",
        _grid(head, rows),
        f"Before Holm's adjustment: {verdict.unadjusted}. Adjusted one-sided p: supported {verdict.p_support:.3g}, "
        f"contradicted {verdict.p_contradict:.3g}; level 0.025.",
        f"What would overturn the reading: {hypothesis.overturn}",
    ]
    if beside := assessment.readings.get(hypothesis.id):
        lines.append("Beside it:\n" + "\n".join(f"- {line}" for line in beside))
    if said := assessment.reductions(verdict):
        lines.append("Reductions of the data behind it:\n" + "\n".join(f"- {line}" for line in said))
    return "\n\n".join(lines)


def _sign_section(assessment: Assessment) -> str:
    if not assessment.signs:
        return "No pair of a negative and a preference method was measured."
    rows = [
        (s.hypothesis, s.effect, s.name, effect_text(s.measured.effect), s.sign, "yes" if s.predicted else "no")
        for s in assessment.signs
    ]
    lines = "\n".join(f"- {_sign_line(row)}" for row in sign_summary(assessment.signs))
    return lines + "\n\n" + _grid(("", "effect", "pair", "θ [95 %]", "sign", "as predicted"), rows)


def _advantage_section(assessment: Assessment) -> str:
    if not assessment.advantages:
        return "No learning curves of the headline pair were measured."
    rows = [
        (
            r["distribution"], r["axis"] + (", tuning included" if r["with_tuning"] else ""), r["measure"],
            _number(r["target"], ""), _number(r["floor"], ""), _number(r["at_negative"], _never(r)),
            _number(r["at_preference"], _never(r)), advantage_text(r),
        )
        for r in assessment.advantages
    ]  # fmt: skip
    head = ("distribution", "axis", "measure", "harm", "floor of help", "negative needs", "preference needs", "advantage [95 %]")
    note = (
        "A: log2 of what preferences need over what negatives need; dAULC: mean relative harm with preferences minus with "
        "negatives over the range of the axis that both cover. \"never\": not reached at the largest budget (censored there)."
    )
    return note + "\n\n" + _grid(head, rows)


def _never(row: dict[str, Any]) -> str:
    return "never" if row["measure"] == "A" else ""


def _number(value: float | None, otherwise: str) -> str:
    return otherwise if value is None else f"{value:.4g}"


def _secondary_section(assessment: Assessment) -> str:
    rows = [
        (r["hypothesis"], r["text"], f"not measured: {r['missing']}" if r["missing"] else advantage_text(r), r["unit"])
        for r in assessment.secondary
    ]
    return _grid(("", "effect", "estimate [95 %]", "unit"), rows)


def _regime_section(assessment: Assessment) -> str:
    if not assessment.regimes:
        return "None of the three regimes was measured."
    rows = [
        (r["regime"], r["method"], r["distribution"], f"{r['n']:g}", r["outcome"], advantage_text(r).replace("+", ""))
        for r in assessment.regimes
    ]
    return _grid(("regime", "method", "distribution", "labels", "outcome", "mean [95 %]"), rows)


def _provenance_section(assessment: Assessment) -> str:
    lines = _source_lines(assessment)
    lines += [f"Market run '{run.name}': config {run.config_hash[:12]}, {run.replicates} replicates, seed {run.seed}, surfaces {run.surfaces['id']}" for run in assessment.runs]
    lines += [f"{run.name}: {said}" for run in assessment.runs for said in run.warnings]
    lines.append(f"Not modelled, so not seen here: {'; '.join(NOT_MODELLED)}.")
    return "\n".join(f"- {line}" for line in lines)


def html_table(assessment: Assessment) -> str:
    """The table of claims for a notebook."""
    rows = "".join(
        f"<tr><td>{f.claim.id}</td><td>{html.escape(f.claim.text)}</td><td><b>{html.escape(_verdict_cell(f))}</b></td>"
        f"<td>{'<br>'.join(html.escape(line) for line in evidence_lines(f))}</td></tr>"
        for f in assessment.claims
    )
    head = "".join(f"<th>{name}</th>" for name in ("claim", "in short", "verdict", "evidence"))
    return f"<table><tr>{head}</tr>{rows}</table><p>{html.escape(READING)}</p>"
