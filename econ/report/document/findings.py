"""What the evidence says of the hypothesis: verdicts, links of the market, effects, in words.

Nothing here knows what the result should be: stances are computed, and results against the hypothesis
stand first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.claims.hypotheses import CONTRADICTED, REVERSED, SUPPORTED
from econ.claims.market import NOT_RUN, PROJECTION
from econ.claims.text import DEVIATES, evidence_lines
from econ.ensemble.comparison import DESCRIPTIVE
from econ.ensemble.effects import HEADLINES, window_effect
from econ.ensemble.expectations import AS_EXPECTED, CONTRARY, NOT_CLEAR, expectations_table, tally
from econ.report.decomposition import TITLES
from econ.report.document.counter_evidence import counter_evidence
from econ.report.document.model import Card, Cards, Stance, Table
from econ.report.document.numerals import with_interval
from econ.report.document.plain import plain_effect
from econ.report.effects_text import excludes_zero
from econ.report.numbers import compact, short

if TYPE_CHECKING:
    import pandas as pd

    from econ.claims.assess import Assessment, ClaimVerdict
    from econ.claims.market import Projection
    from econ.claims.verdicts import Verdict
    from econ.report.document.material import Material

STANCES: dict[str, Stance] = {REVERSED: "against", CONTRADICTED: "against", SUPPORTED: "for"}
HEADINGS: dict[Stance, str] = {
    "against": "Against the hypothesis", "for": "For the hypothesis", "open": "Not decided by what was measured",
}  # fmt: skip
#: Share of replicates from which a projected sign counts as settled within the model.
SETTLED = 0.9


def stance(verdict: str) -> Stance:
    """How a verdict stands to the hypothesis."""
    return STANCES.get(verdict, "open")


def verdict_cards(claims: Assessment) -> Cards:
    """The nine predictions by what the evidence says: against first, all cards of the same size."""
    cards = []
    for kind, heading in HEADINGS.items():
        own = [verdict for verdict in claims.verdicts if stance(verdict.verdict) == kind]
        items = [_prediction(verdict) for verdict in own] or ["None of the predictions as a whole."]
        tag = f"{len(own)} of {len(claims.verdicts)} predictions"
        if kind == "against" and (beside := counter_evidence(claims)):
            items, tag = [*items, *beside], f"{tag}, and {len(beside)} findings that stand against others"
        cards.append(Card(heading, items=items, stance=kind, tag=tag))
    return Cards(cards)


def _prediction(verdict: Verdict) -> str:
    """``H6 (claim 6), less sycophancy, steadier rules: supported. Agreement with …: 0.66 [0.62, 0.70] (probability).``."""
    hypothesis = verdict.hypothesis
    claims = f"claim{'s' if len(hypothesis.claims) > 1 else ''} {', '.join(map(str, hypothesis.claims))}"
    measured = [plain_effect(f) for f in verdict.counting if f.measured is not None]
    mark = DEVIATES if any(f.measured is not None and f.measured.deviations for f in verdict.counting) else ""
    return f"{hypothesis.id} ({claims}), {hypothesis.title}: {verdict.verdict}{mark}. {_capital('; '.join(measured))}."


def verdict_text(found: ClaimVerdict) -> str:
    """The verdict, marked where it was not measured exactly as registered."""
    verdict = found.hypothesis
    deviates = verdict is not None and any(f.measured is not None and f.measured.deviations for f in verdict.counting)
    return found.verdict + (DEVIATES if deviates else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def claims_table(claims: Assessment) -> Table:
    """All 15 claims with verdict and evidence: contradictions first, also those that adjustment for nine tests takes back."""
    rows = [
        [str(f.claim.id), f.claim.text, f"{f.claim.confidence}, {f.claim.score:g}", verdict_text(f), "; ".join(evidence_lines(f)) if f.hypothesis is not None else _market_evidence(f)]
        for f in claims.claims
    ]
    heads = ["Claim", "In short", "Stated confidence, score", "Verdict", "Evidence"]
    return Table("claims-table", "The 15 claims, contradictions first", heads, rows, words=frozenset(range(5)),
                 stances=["against" if f.contradicted_before else stance(f.verdict) for f in claims.claims], small=True)  # fmt: skip


def _market_evidence(found: ClaimVerdict) -> str:
    if found.verdict == NOT_RUN:
        return "needs a market run"
    return "see The links of the hypothesis, by scenario" if found.verdict == PROJECTION else found.verdict


def links_table(material: Material) -> Table | None:
    """Claims 11 to 14: what changes in every scenario, against the sign that the claim expects."""
    if material.claims is None or not material.claims.runs:
        return None
    found: dict[tuple[int, str], dict[str, Projection]] = {}
    there = [name for name in material.scenarios if name in material.places]
    preferred = [material.baseline, *(transfer_pair(material) or ())]
    scenarios = sorted(there, key=lambda name: name not in preferred)[:MOST_LINKS]
    left = [name for name in there if name not in scenarios]
    for label in scenarios:
        run, own = material.places[label]
        for p in material.claims.runs[run].projections:
            if p.scenario == own:
                found.setdefault((p.claim, p.outcome), {})[label] = p
    rows: list[tuple[int, Stance, list[str]]] = []
    for (claim, _), cells in found.items():
        first = next(iter(cells.values()))
        head = [str(claim), named_with_unit(first.outcome, first.unit), _EXPECTED[first.expected]]
        kinds = [link_stance(p) for p in cells.values()]
        rows.append((claim, _joint(kinds), head + [_link_cell(cells[name]) if name in cells else "–" for name in scenarios]))
    rows.sort(key=lambda row: (_order(row[1]), row[0]))
    note = (
        f"Change: mean over the {material.window} minus the status quo (quarter -1), with 90 % of replicates; below it the share of "
        f"replicates with the expected sign: from {SETTLED:.0%} 'as expected', to {1 - SETTLED:.0%} 'contrary'. Against the status quo, in a market "
        "that grows, so that a scenario's policy is only a part of the change. Conditional projections: neither measurements nor forecasts."
        + (f" Not shown: {', '.join(left)}; econ claims --run DIR has them." if left else "")
    )
    return Table(
        "links-table", "Links of the market hypothesis in these runs, contrary ones first", ["Claim", "Outcome", "Claim expects", *scenarios],
        [cells for _, _, cells in rows], note=note, words=frozenset({0, 1, 2}), stances=[kind for _, kind, _ in rows], small=True,
    )  # fmt: skip


#: Most scenarios whose columns stand side by side.
MOST_LINKS = 4
_EXPECTED = {1: "rises", -1: "falls", 0: "no sign"}


def _joint(kinds: Sequence[Stance]) -> Stance:
    """Contrary if any scenario is; as expected if all are."""
    if "against" in kinds:
        return "against"
    return "for" if all(kind == "for" for kind in kinds) else "plain" if all(kind == "plain" for kind in kinds) else "open"


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + compact(value)


def _link_cell(p: Projection) -> str:
    if not np.isfinite(p.change):
        return f"{short(p.level)}\nnone before"
    text = f"{_signed(p.change)}\n[{_signed(p.low)}, {_signed(p.high)}]"
    return text if not p.expected else f"{text}\n{_LINK_WORDS[link_stance(p)]} ({p.share:.0%})"


_LINK_WORDS: dict[Stance, str] = {"for": "as expected", "against": "contrary", "open": "sign open", "plain": "–"}


def _order(kind: Stance) -> int:
    return ("against", "for", "open", "plain").index(kind)


def link_stance(p: Projection) -> Stance:
    """Whether a projected change has the expected sign in enough replicates."""
    if p.expected == 0 or not np.isfinite(p.share):
        return "plain"
    return "for" if p.share >= SETTLED else "against" if p.share <= 1 - SETTLED else "open"


def outcome_name(variable: str) -> str:
    """An outcome as readers see it."""
    return _NAMES.get(variable, variable[:1].upper() + variable[1:].replace("_", " "))


def named_with_unit(variable: str, unit: str, million: bool = False) -> str:
    """An outcome as readers see it, with its unit where the name does not say it."""
    name = outcome_name(variable)
    said = unit in ("", *PLAIN_UNITS) or unit in name.lower() or (unit == "ratio" and "relative" in name)
    return name if said else f"{name}, {'mn ' if million else ''}{unit}"


_NAMES = {name: title for name, (title, divisor) in TITLES.items() if divisor == 1.0}
_NAMES |= {"norm_export": "Norms imposed from another jurisdiction", "norm_misfit": "Norms away from the public ideal"}
_NAMES |= {"employment_judge": "Employed, judging preferences", "employment_constrain": "Employed, writing constraints"}
_NAMES |= {
    "licence_spend": "Licence spending", "licence_price": "Posted licence fee", "curators_active": "Curators", "harm_damage": "Damage of harm",
    "cert_pass_rate": "Share of tests passed", "cert_false_pass": "Share of tests passed wrongly", "cert_false_fail": "Share of tests failed wrongly",
    "top_share_service": "Largest vendor's share of services", "label_spend": "Label spending",
}  # fmt: skip
#: Units that no reader misses: an HHI is called one, an index has none, and what is counted is named.
PLAIN_UNITS = ("HHI", "index", "count")


def summary_sentence(claims: Assessment) -> str:
    """How many of the predictions stand where, contradictions first."""
    kinds = [stance(verdict.verdict) for verdict in claims.verdicts]
    words: dict[Stance, str] = {"against": "contradicted", "for": "supported", "open": "not decided"}
    counts = ", ".join(f"{kinds.count(kind)} {word}" for kind, word in words.items())
    before = [verdict.hypothesis.id for verdict, kind in zip(claims.verdicts, kinds, strict=True) if stance(verdict.unadjusted) == "against" != kind]
    more = f" Contradicted before adjustment for nine tests: {', '.join(before)}." if before else ""
    return f"Of {len(kinds)} predictions that were registered before the confirmatory measurements: {counts}.{more}"


def transfer_pair(material: Material) -> tuple[str, str] | None:
    """Two scenarios that differ in nothing but `transfer`, both numbers: the lowest and the highest of them."""
    levels: dict[str, list[tuple[float, str]]] = {}
    for name, scenario in material.scenarios.items():
        level = scenario.get("levers", {}).get("transfer")
        if isinstance(level, int | float) and not isinstance(level, bool):
            levels.setdefault(_others(scenario), []).append((float(level), name))
    pairs = [sorted(found) for found in levels.values() if len(found) > 1]
    return (pairs[0][0][1], pairs[0][-1][1]) if pairs else None


def _others(scenario: Any) -> str:
    levers = {key: value for key, value in scenario["levers"].items() if key != "transfer"}
    kept = {key: value for key, value in scenario.items() if key not in DESCRIPTIVE | {"name", "levers"}}
    return repr((sorted(levers.items(), key=str), sorted(kept.items(), key=str)))


#: What the argument expects of more transfer: sign of each outcome's difference.
TRANSFER_EXPECTS = {"constraint_budget_share": 1, "harm_rate": -1, "hhi_licence": 1, "hhi_normative": 1, "capture_index": 1, "norm_export": 1}
#: Outcomes that a higher transfer moves before any firm has learnt of it, since the true potency of labels is in force from the burn-in on:
#: of these the change since quarter -1 counts, or an assumption would be shown as what the market does.
MOVED_BEFORE = frozenset({"harm_rate"})


def transfer_table(material: Material, pair: tuple[str, str]) -> Table:
    """What the laboratory's advantage itself does: high against low transfer, all else equal, replicate by replicate."""
    low, high = pair
    rows, stances = [], []
    for variable, expected in TRANSFER_EXPECTS.items():
        if variable not in material.outcomes.columns:
            continue
        before = variable in MOVED_BEFORE
        found = window_effect(_since_start(material.outcomes, variable) if before else material.outcomes, high, low, variable)
        signed = expected * found["mean_difference"]
        clear = found["low"] > 0 or found["high"] < 0
        kind: Stance = "open" if not clear else "for" if signed > 0 else "against"
        rows.append([outcome_name(variable) + before * ", since quarter -1", "rises" if expected > 0 else "falls", with_interval(found["mean_difference"], found["low"], found["high"]), _LINK_WORDS[kind]])
        stances.append(kind)
    order = sorted(range(len(rows)), key=lambda k: _order(stances[k]))
    note = f"Mean paired difference over the {material.window} with its 95 % interval, {material.manifest.replicates} replicates. 'As expected' and 'contrary': the interval excludes 0. Harm counts from quarter -1: how potent labels are is assumed, and differs before."
    return Table(
        "transfer-table", f"What the laboratory's advantage does: {high} minus {low}", ["Outcome", "The argument expects", "Difference [95 %]", "So"],
        [rows[k] for k in order], note=note, words=frozenset({0, 1, 3}), stances=[stances[k] for k in order],
    )  # fmt: skip


def _since_start(outcomes: pd.DataFrame, variable: str) -> pd.DataFrame:
    """The outcomes with one of them less its value in quarter -1, replicate by replicate."""
    keys = ["scenario", "replicate"]
    start = outcomes.loc[outcomes["quarter"] == -1, [*keys, variable]].rename(columns={variable: "start"})
    before = outcomes[keys].merge(start, how="left", on=keys)["start"].to_numpy()
    return outcomes.assign(**{variable: outcomes[variable].to_numpy() - before})


def transfer_cards(table: Table) -> Cards:
    """The rows of `transfer_table` as cards like those of the claims, so that neither kind of result stands smaller."""
    cards = []
    for kind, heading in _TRANSFER_HEADINGS.items():
        own = [row for row, found in zip(table.rows, table.stances, strict=True) if found == kind]
        items = [f"{outcome}: expected to {_VERBS[expected]}; {difference}." for outcome, expected, difference, _ in own]
        cards.append(Card(heading, items=items or ["None of the outcomes."], stance=kind, tag=f"{len(own)} of {len(table.rows)}"))
    return Cards(cards)


_VERBS = {"rises": "rise", "falls": "fall"}
_TRANSFER_HEADINGS: dict[Stance, str] = {"against": "Contrary to the argument", "for": "As the argument expects", "open": "Sign open"}


def expectations(material: Material) -> Table | None:
    """What the author of each scenario expected beside what came out, contrary ones first."""
    found = expectations_table(material.outcomes, material.scenarios, material.baseline)
    if found.empty:
        return None
    rows: list[tuple[Stance, list[str]]] = []
    for _, row in found.iterrows():
        name, divisor = HEADLINES.get(row["variable"]) or _scaled(row["variable"], row["mean_difference"])
        difference = with_interval(row["mean_difference"], row["low"], row["high"], divisor)
        rows.append((_EXPECTATION[row["found"]], [row["scenario"], name, row["expected"], difference, row["found"]]))
    rows.sort(key=lambda row: _order(row[0]))
    counts = ", ".join(f"{count} {word}" for word, count in tally(found).items())
    note = "Expected directions were written into the scenarios before these runs; they are guesses about this model, not claims of the hypothesis."
    return Table(
        "expectations-table", f"What was expected of each scenario, contrary first: {counts}",
        ["Scenario", "Outcome", "Expected", "Mean difference [95 %]", "Found"], [cells for _, cells in rows], note=note,
        words=frozenset({0, 1, 2, 4}), stances=[kind for kind, _ in rows], small=True,
    )  # fmt: skip


def _scaled(variable: str, value: float) -> tuple[str, float]:
    """Name with unit and divisor of an outcome that is no headline: large sums in millions."""
    from econ.market.outcomes import OUTCOMES

    unit = OUTCOMES[variable].unit if variable in OUTCOMES else ""
    million = unit.startswith("USD") and abs(value) >= 1e6
    return named_with_unit(variable, unit, million), 1e6 if million else 1.0


_EXPECTATION: dict[str, Stance] = {CONTRARY: "against", AS_EXPECTED: "for", NOT_CLEAR: "open"}


#: Outcomes of the table at a glance.
GLANCE = ("harm_rate", "constraint_budget_share", "capture_index", "hhi_licence", "wage_constrain")


def glance_table(material: Material) -> Table:
    """What each scenario changes in a few outcomes, in words and numbers; what is unclear is said to be so."""
    rows = []
    for name in material.policies:
        own = material.effects[material.effects["scenario"] == name]
        effects = {row["variable"]: row for _, row in own.iterrows()}
        rows.append([name, *(_glance(effects[v], HEADLINES[v][1]) if v in effects else "–" for v in GLANCE)])
    heads = ["Scenario", *(HEADLINES[v][0] for v in GLANCE)]
    note = (
        f"Mean paired difference against {material.baseline} over the {material.window} with its 95 % interval; 'unclear': the interval holds 0. "
        "All outcomes are in T4. No scenario is better or worse than another without weights on these outcomes, and this report sets none."
    )
    return Table("glance-table", "What each scenario changes, at a glance", heads, rows, note=note)


def _glance(row: pd.Series[Any], divisor: float) -> str:
    text = with_interval(row["mean_difference"], row["low"], row["high"], divisor)
    middle, _, ends = text.partition(" ")
    if not np.isfinite(row["mean_difference"]):
        return "–"
    if not excludes_zero(row):
        return f"unclear\n{ends}" if ends else "none"
    return f"{'rises' if row['mean_difference'] > 0 else 'falls'} {middle}\n{ends}"
