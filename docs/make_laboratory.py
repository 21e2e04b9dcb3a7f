"""Write docs/laboratory.md and its figures from the shipped measurements: `make laboratory`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from earlier_study import HEAD as EARLIER
from earlier_study import SHIPPED, table_of
from laboratory_edges import HEAD as EDGES
from laboratory_edges import OUT, beyond, edge_rows, held_out, in_words
from laboratory_fit import HEAD as FIT
from laboratory_fit import beside
from laboratory_fit import in_words as fit_in_words
from laboratory_fit import rows as fit_rows
from laboratory_plateau import OUT_HEAD, STEPS_HEAD, longer, outcome_rows, step_rows, verdicts_with
from laboratory_plateau import in_words as of_plateau
from laboratory_protocol import (
    CHANGES,
    against_base,
    against_base_rows,
    divergence_rows,
    drop_rows,
    price_rows,
    tuning_rows,
    without_collapsed,
)
from laboratory_settings import HEAD as SETTINGS
from laboratory_settings import Measured, measured, setting_rows, summary

from econ.claims.assess import Assessment, assess_claims
from econ.claims.context import HYBRID
from econ.claims.hypotheses import CONTRADICTED, REVERSED
from econ.claims.panels import REFERENCE_POINT
from econ.claims.reading import REPLICATION
from econ.claims.replication import Repeated
from econ.claims.signs import sign_summary
from econ.claims.text import effect_text
from econ.claims.verdicts import Verdict
from econ.core.files import write_text
from econ.core.measurements import read_measurements
from econ.core.shipped import shipped_path
from econ.core.texts import first_few
from econ.report.laboratory.divergence import divergence_table
from econ.report.laboratory.tables import corrected_sigma, form_table, load_laboratory
from econ.report.laboratory.write import laboratory_figures, laboratory_tables
from econ.report.numbers import interval, short
from econ.report.style import save_figure
from econ.surfaces.files import load_surfaces

DOCS = Path(__file__).parent
RESULTS = DOCS.parent / "benchmarks" / "results"
#: Figures of the page: grid, name among its figures, and what to look at.
FIGURES = (
    ("full", "methods_ood", "Learning curves on three axes: judgements, human minutes with fixed costs, operations."),
    ("full", "methods_plane_ood", "Harm against helpfulness at each budget; collapsed and over-refusing methods are marked."),
    ("full", "methods_plane_id", "The same in distribution, where other configurations were run too: plus signs are the median one of each method."),
    ("full", "configurations_id", "Best, median and other configurations of each method on the tuning worlds; these were measured in distribution alone."),
    ("maps", "configurations_ood", "The configurations of H9, out of distribution on confirmatory worlds: there the best is so in hindsight."),
    ("maps", "phase_harm_ood", "Harm, preference minus negative, over flag noise and coverage, with the contour of zero; beside it helpfulness, sycophancy, over-refusal and collapse."),
    ("maps", "phase_sycophancy_ood", "Sycophancy, preference minus negative, over the raters' bias and confounding; beside it harm, helpfulness, over-refusal and collapse."),
    ("stress", "divergence_ood", "Outcomes against divergence from the base model, by its weight in the objective; hollow where most runs collapsed."),
    ("full", "signs_ood", "Signs over pairs of methods with intervals; a minus is as prominent as a plus. Crosses: arms that collapsed."),
    ("maps", "signs_ood", "The same of the registered pair over knobs: bias, confounding, noise, verifiability, coverage."),
    ("zoo", "upper_bounds_ood", "Upper bounds in world A: arms that a program tells the truth, never to be held against arms on human labels. One budget each, so no curves."),
    ("zoo_b", "pass_at_k_ood", "World B: pass@k against pass@1 along training, and at matched pass@1."),
    ("surface", "surface_ood_v0.50", "A slice of the fitted surface with isoquants of harm, its companions, and the share of runs that collapsed in the cells measured."),
)


OUTCOMES = ("arm", "label", "labels", "KL to the base, nats per response", "relative harm", "helpfulness", "sycophancy", "over-refusal", "collapsed")


def main() -> None:
    """Assess, draw, write."""
    assessment = assess_claims()
    parts = [
        _head(), _verdicts(assessment), _replication(assessment), _signs(assessment), _sigma(), _ledger(), _protocol(), _edges(),
        _divergence(), _settings(), _zoo(), _scorers(), _longer(assessment), _recovery(), _speed(), _published(), _earlier(assessment), _grids(), _figures(), _transfer(),
    ]  # fmt: skip
    write_text(DOCS / "laboratory.md", "\n\n".join(part.strip() for part in parts if part) + "\n")


def grid(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in (head, *rows)]
    lines.insert(1, "|" + "---|" * len(head))
    return "\n".join(lines)


def _head() -> str:
    return (
        "# What the laboratory measured\n\n"
        "`make laboratory` made this page from `calibration/lab/` and `calibration/surfaces/default/`; do not edit. Small "
        "models, trained from scratch on a CPU, in toy worlds: signs and mechanisms may carry over, magnitudes, thresholds and "
        "label counts do not. A flag and a pair carry different bits, minutes and reads, so every comparison names its axis. "
        "Violations never stand without helpfulness and over-refusal."
    )


# Verdicts and signs --------------------------------------------------------------------------------
def _verdicts(assessment: Assessment) -> str:
    ordered = sorted(assessment.verdicts, key=lambda v: (v.place, v.hypothesis.id))
    rows = [row for verdict in ordered for row in _statements(verdict)]
    text = (
        "## The nine registered predictions\n\nθ > 0 is what the claim predicts; δ is the smallest effect of interest; intervals are "
        "95 %, Bayesian bootstrap of worlds, widened for their number; Holm over the nine; contradictions first. One statement "
        "a row.\n\n" + grid(("", "statement", "θ [95 %]", "δ", "unit", "alone", "hypothesis, after Holm", "worlds"), rows)
    )
    beside = [
        f"- **{v.hypothesis.id}** {line}" for v in ordered for line in assessment.readings.get(v.hypothesis.id, [])
    ]
    deviations = [
        f"- {f.statement.id}: {'; '.join(f.measured.deviations)}"
        for v in ordered for f in v.told if f.measured is not None and f.measured.deviations
    ]  # fmt: skip
    text += "\n\nWhat must be read beside them:\n\n" + "\n".join(beside)
    return text + "\n\nDeviations from what was registered:\n\n" + "\n".join(deviations)


def _statements(verdict: Verdict) -> Iterable[list[str]]:
    for finding in verdict.told:
        measured = finding.measured
        yield [
            finding.statement.id, finding.statement.text,
            f"not measured: {finding.missing}" if measured is None else effect_text(measured.effect),
            f"{finding.delta:g}", finding.statement.unit, finding.verdict, f"**{verdict.verdict}**",
            "" if measured is None else str(len(measured.worlds)),
        ]  # fmt: skip


def _replication(assessment: Assessment) -> str:
    """H9 as first run and on the worlds held back, contradictions first."""
    if not assessment.repeated:
        return ""
    first = {REVERSED: 0, CONTRADICTED: 1}
    rows = []
    for row in sorted(assessment.repeated, key=lambda r: first.get(r.verdict, 2)):
        details, worlds = row.measured.details, row.measured.worlds
        volumes = [f"{details['hypervolume'][name]:.3f}" for name in (HYBRID, row.against)]
        collapsed = [f"{details['collapsed'][name]:.0%}" for name in (HYBRID, row.against)]
        use = [" to ".join(f"{x:.2f}" for x in details["helpfulness"][name]) for name in (HYBRID, row.against)]
        rows.append(
            [f"`{row.where}`, {min(worlds)} to {max(worlds)}", row.configurations, f"`{row.against}`", *volumes, effect_text(row.measured.effect), f"**{row.verdict}**", *collapsed, *use]
        )
    head = ("table, worlds", "configurations of the hybrid", "against", "area, hybrid", "area, other", "θ [95 %]", "by the rule alone", "collapsed, hybrid", "collapsed, other",
            "helpfulness over the base's, hybrid", "the same, other")  # fmt: skip
    return (
        "## H9 again: as first run, and on worlds that were held back\n\n**Exploratory.** H9 was first run with six configurations of "
        "the hybrid, rate x weight of pairs at β 0.1; the six that its verdict above counts, rate x β at one weight, were added after that result "
        "was seen and on the same worlds. The grid `replication` runs both again on eight of the sixteen worlds that were held back (3000 to 3007), "
        "with its comparisons written down before. **This is the one use of those eight worlds**; 3008 to 3015 are still untouched. The same rule "
        "and smallest effect of interest (0.02), nothing adjusted, and no verdict above rests on it.\n\n" + grid(head, rows) + "\n\n" + _references(assessment.repeated)
    )  # fmt: skip


def _references(repeated: Sequence[Repeated]) -> str:
    """Areas of the replication by the helpfulness from which they count, and what its signs do."""
    held_back = [row for row in repeated if row.where == REPLICATION]
    if not held_back:
        return ""
    at = sorted({REFERENCE_POINT[1], *held_back[0].by_reference})
    areas, gains = {}, []
    for row in held_back:
        found = {REFERENCE_POINT[1]: row.measured} | row.by_reference
        which = row.configurations.partition(" (")[0]
        for arm, name in ((row.against, f"`{row.against}`"), (HYBRID, f"hybrid, {which}")):
            areas[name] = [f"{found[x].details['hypervolume'][arm]:.3f}" for x in at]
        gains.append([f"hybrid, {which}, minus `{row.against}`", *(effect_text(found[x].effect) for x in at)])
    said = [
        f"{row.configurations.partition(' (')[0]} against `{row.against}` at {', '.join(f'{x:g} ({effect_text(other.effect)})' for x, other in row.reversed_at.items())}"
        for row in held_back if row.reversed_at
    ]
    holds = "reverses: " + "; ".join(said) if said else "holds at all of them"
    return (
        f"**By the reference point.** An area counts what lies above {REFERENCE_POINT[1]:g} of the base model's helpfulness, as registered; configurations "
        f"below it have none, so an area of 0 says where the cut lies as well as how good they are. The same runs of `{REPLICATION}` with the cut elsewhere, "
        f"unregistered; the sign of the estimate at the registered cut {holds}.\n\n"
        + grid(("area, by reference point of helpfulness", *(f"{x:g}" for x in at)), [[name, *own] for name, own in areas.items()])
        + "\n\n" + grid(("θ [95 %]", *(f"{x:g}" for x in at)), gains)
    )  # fmt: skip


def _signs(assessment: Assessment) -> str:
    summary = [
        [r["hypothesis"], r["effect"], r["pairs"], f"{r['share_predicted']:.0%}", r["clear"], r["clearly_opposite"], _named(r["exceptions"])]
        for r in sign_summary(assessment.signs)
    ]
    effects = list(dict.fromkeys((s.hypothesis, s.effect) for s in assessment.signs))
    by_pair: dict[str, dict[tuple[str, str], str]] = {}
    for s in assessment.signs:
        value = f"{s.measured.effect.value:+.2f}"
        by_pair.setdefault(s.name, {})[(s.hypothesis, s.effect)] = f"0 ({value})" if s.sign == "0" else f"**{value}**"
    short_names = [f"{h} ({i})" for i, (h, _) in enumerate(effects, start=1)]
    rows = [[name, *(own.get(effect, "") for effect in effects)] for name, own in sorted(by_pair.items())]
    return (
        "## The same effects for every pair of methods\n\nAs predicted: the estimate has the predicted sign; +, −: the interval "
        "lies on that side of 0. All pairs of a method on flags that say what is wrong with a method on human pairs; a pair is "
        "shown where both were measured at the same knobs on the same worlds.\n\n"
        + grid(("", "effect", "pairs", "as predicted", "clearly +", "clearly −", "exceptions"), summary)
        + "\n\nEvery pair, estimates; bold: the interval excludes 0; 0 (…): it holds 0. Columns: "
        + "; ".join(f"({i}) {effect}" for i, (_, effect) in enumerate(effects, start=1))
        + ".\n\n" + grid(("pair", *short_names), rows)
    )  # fmt: skip


def _named(exceptions: list[str], most: int = 6) -> str:
    """Exceptions by name, the first ones where there are many: the table of all pairs has the rest."""
    return first_few(exceptions, most, rest=", in the table below")


# Surfaces ------------------------------------------------------------------------------------------
def _sigma() -> str:
    surfaces = load_surfaces()
    rows = []
    for distribution, fit in surfaces.diagnostics["harm"].items():
        sigma = fit["sigma"]
        rows.append([distribution, "all, by weight", "as fitted", *_quantiles(sigma)])
        rows += [
            [distribution, form, f"weight {fit['forms'][form]['weight']:.2f}", *_quantiles(own)]
            for form, own in sigma["by_form"].items()
        ]
        if handed := sigma.get("handed_over"):
            rows.append([distribution, "handed to the market", "prior", *_quantiles(handed)])
    corrected = [
        [distribution, name, *("" if name == "all, by weight" else f"{own[key]:+.3f}" for key in ("bias", "acceleration")), f"[{short(own['low'])}, {short(own['high'])}]"]
        for distribution, found in corrected_sigma(shipped_path("calibration", "surfaces", "default")).items()
        for name, own in (("all, by weight", found), *found["by_form"].items())
    ]
    forms = [
        [r["distribution"], r["form"], "benchmark" if pd.isna(r["weight"]) else f"{r['weight']:.2f}", short(r["log_score"]), short(r["aicc"]), short(r["rmse"])]
        for _, r in form_table(surfaces).iterrows()
    ]
    fitted = beside(SHIPPED / "surface", surfaces)
    refused = [[r["what"], r["reason"], r["why"]] for r in surfaces.diagnostics["refusals"]]
    return (
        "## The elasticity of substitution, and what was refused\n\nσ between flags and pairs at the status quo (1 and 4 "
        "half-saturations), v = 0.5; at other v: `econ lab show`. σ beyond 50 is reported as 50.\n\n"
        + grid(("distribution", "form", "", "median [90 %]", "P(σ > 1)"), rows)
        + "\n\nThe same 90 % intervals with the bootstrap's bias and skewness corrected by leaving out one world at a time (BCa, Efron 1987; z0 and a "
        "are its two corrections). They are reported and change no draw; how often either holds the truth is [below](#does-the-fit-find-what-is-there).\n\n"
        + grid(("distribution", "form", "z0", "a", "σ [90 %], BCa"), corrected)
        + "\n\nForms (log score of left-out worlds; the spline is a benchmark of fit and never handed over):\n\n"
        + grid(("distribution", "form", "weight", "log score", "AICc", "RMSE"), forms)
        + "\n\n### The fit beside its own cells\n\nRelative harm as the shipped draws have it on the average, beside the means of the 16 worlds that they were fitted to; "
        "the interval is over worlds. " + fit_in_words(fitted) + "\n\n" + grid(FIT, fit_rows(fitted))
        + "\n\nRefused, not identified or contradicted:\n\n" + grid(("what", "reason", "why"), refused)
    )  # fmt: skip


def _quantiles(found: dict[str, Any]) -> list[str]:
    return [interval(found["p50"], found["p05"], found["p95"]), f"{found['probability_above_1']:.2f}"]


# The ledger by hand --------------------------------------------------------------------------------
def _ledger() -> str:
    table = read_measurements(shipped_path("calibration", "lab", "full", "measurements.parquet"))
    own = table[(table["stage"] == "confirm") & (table["world"] == 1000) & (table["n"] == 1378) & (table["distribution"] == "id")]
    flags, pairs = (own[own["method"] == method].iloc[0] for method in ("npo_ret", "rm_ppo"))
    columns = ("judgements", "completions_read", "fixed_minutes", "human_minutes", "usd", "bits_harm", "flops")
    rows = [
        [name.replace("_", " "), _by_hand_flags(flags)[name], f"{flags[name]:,.6g}", _by_hand_pairs(pairs)[name], f"{pairs[name]:,.6g}"]
        for name in columns
    ]
    return (
        "## Two ledgers by hand\n\n`npo_ret` on 1,378 flags and `rm_ppo` on 1,378 pairs in world 1000, as `full` holds them. The "
        "transformer has N = 28,224 weights; a token costs 6 N operations in training and 2 N in sampling or scoring; every tenth "
        "label (137) validates and is charged. `tests/lab/test_ledger_by_hand.py` asserts the same arithmetic, and that of "
        "`cai_dpo`.\n\n" + grid(("", "`npo_ret`, by hand", "measured", "`rm_ppo`, by hand", "measured"), rows)
        + "\n\nA sequence of 4 + 6 tokens takes 9 through the policy (the last predicts nothing) and 10 through a scorer. Bits of a "
        "flag: h(share flagged) − h(noise); the share of the 1,378 is not that of the whole pool, hence the last digits. Bits of a "
        "pair have no closed form: the chance of every label of the pool is known, and the information is summed over it."
    )  # fmt: skip


def _by_hand_flags(row: pd.Series[Any]) -> dict[str, str]:
    from math import log2

    share, noise = row["positives"] / 1378, 0.0501
    bits = 1378 * sum(s * (-p * log2(p) - (1 - p) * log2(1 - p)) for s, p in ((1, share), (-1, noise)))
    steps, token = int(row["steps"]), 9 * 28_224
    flops = 6 * token * 64 * steps + 2 * token * 137 * (steps // 20 + 1) + 2 * token * 1378
    return {
        "judgements": "1,378", "completions_read": "1,378 × 1", "fixed_minutes": "8 rules × 60 = 480",
        "human_minutes": f"480 + 1,378 × 0.7 = {480 + 1378 * 0.7:,.1f}", "usd": f"1,444.6 × 2 = {1444.6 * 2:,.1f}",
        "bits_harm": f"1,378 × (h({share:.4f}) − h({noise})) = {bits:,.1f}",
        "flops": f"9 N × (6 × 64 × {steps} + 2 × 137 × {steps // 20 + 1} + 2 × 1,378) = {flops:,.6g}",
    }  # fmt: skip


def _by_hand_pairs(row: pd.Series[Any]) -> dict[str, str]:
    weights, steps = 28_224, int(row["steps"])
    scorer = 10 * 2 * weights * (6 * 64 * 700 + 2 * 137 * 28 + 2 * 1378)
    look, train = (2 * 9 * 2 + 2 * 10) * weights, (6 * 9 * 2 + 2 * 9) * weights
    flops = scorer + steps * 64 * (look + train) + 128 * (steps // 20 + 1) * look
    return {
        "judgements": "1,378", "completions_read": "1,378 × 2 = 2,756", "fixed_minutes": "no rules: 0",
        "human_minutes": "1,378 × 1.0 = 1,378", "usd": "1,378 × 2 = 2,756",
        "bits_harm": f"1,378 × {row['bits_harm'] / 1378:.4f} a pair, over the pool",
        "flops": (
            "reward model 20 N × (6 × 64 × 700 + 2 × 137 × 28 + 2 × 1,378), policy "
            f"{steps} × 64 × (56 N + 126 N) + 128 × {steps // 20 + 1} × 56 N = {flops:,.6g}"
        ),
    }  # fmt: skip


# Protocol ------------------------------------------------------------------------------------------
def _protocol() -> str:
    full, text = SHIPPED / "full", "## Protocol: tuning, prices, divergence, steadiness\n\n"
    text += (
        "Six configurations each were tried on worlds of their own (2000 to 2003), in distribution, and chosen by helpfulness minus "
        "violations; the table shows what half or twice the weight of violations would have chosen (`full`).\n\n"
        + grid(("method", "labels", "chosen (rate, rest)", "weight 0.5", "weight 2", "best score", "median score", "tried"), tuning_rows(full))
    )
    text += (
        "\n\nUSD at the first budget that reaches relative harm 0.8 out of distribution with three quarters of the base model's "
        "helpfulness, at a third, once and three times the price of a human minute (an AI judgement at 0.01); fixed costs and "
        "validation included, tuning not.\n\n"
        + grid(("method", "labels", "÷ 3", "as charged", "× 3"), price_rows(full))
    )
    text += "\n\nDivergence from the base model beside everything else, largest budget of each, out of distribution.\n\n"
    text += grid(OUTCOMES, divergence_rows(full))
    text += (
        "\n\nLargest drop of helpfulness along training, out of distribution, for twice the usual steps (`stability`).\n\n"
        + grid(("method", "labels", "runs", "mean drop [95 %]", "largest"), drop_rows(SHIPPED / "stability"))
    )
    return text


def _edges() -> str:
    folder = SHIPPED / "edges"
    if not _measured(folder):
        return ""
    found = beyond(folder, SHIPPED / "full")
    changed = [one.method for one in found if one.changes]
    text = (
        "## Beyond the edges of the tuning grids\n\nWhere the configuration that `full` chose lies on the edge of the values tried, one or two steps "
        "further out were tried on the same four tuning worlds, at 1,378 labels, in distribution, by the same score (helpfulness minus violations) "
        "(`edges`). Differences are paired by world; four worlds tell little. "
    )
    text += (
        f"**The choice would change for {len(changed)} of {len(found)} methods**: {', '.join(f'`{name}`' for name in changed)}; not for the others, whose "
        "choice lies on an edge and is no worse than what lies beyond." if changed else f"The choice would change for none of {len(found)} methods."
    )  # fmt: skip
    text += "\n\n" + grid(EDGES, edge_rows(found))
    if changed and _measured(SHIPPED / "beyond"):
        tried = held_out(SHIPPED / "beyond", SHIPPED / "full")
        text += (
            "\n\nExploratory: those methods with the other choice on confirmatory worlds, 1,378 labels, out of distribution, beside the choice of `full` on the "
            f"same worlds (`beyond`); no verdict rests on them. {in_words(tried)}\n\n" + grid(OUT, [one.row for one in tried])
        )
    return text


# Stress: divergence, raters, size, base rates ---------------------------------------------------------
def _measured(folder: Path) -> bool:
    return (folder / "measurements.parquet").is_file()


def _divergence() -> str:
    folder = SHIPPED / "stress"
    if not _measured(folder):
        return ""
    table = divergence_table(read_measurements(folder / "measurements.parquet"), "ood")
    rows, lines = [], []
    for method, own in table.groupby("method"):
        for _, row in own.iterrows():
            cells = [interval(row[c], row[f"{c}_low"], row[f"{c}_high"]) for c in ("kl", "relative_harm", "helpfulness", "sycophancy", "over_refusal", "collapsed")]
            rows.append([f"`{method}`", row["label_kind"], f"{row['beta_kl']:g}", *cells])
        lines.append(_divergence_line(str(method), own))
    lines.append(_largest_budget("rm_ppo"))
    head = ("arm", "label", "weight of divergence", *OUTCOMES[3:])
    return (
        "## Divergence from the base model\n\nOut of distribution, 1,378 labels each, eight worlds; collapsed: share of runs with Wilson's interval "
        f"(`stress`). {' '.join(lines)}\n\n" + grid(head, rows)
    )


def _largest_budget(method: str) -> str:
    """What a method does at its largest budget, with and without collapsed runs."""
    n, harm, standing, runs, collapsed = without_collapsed(SHIPPED / "full", method)
    return (
        f"At {n:,} labels (`full`) the relative harm of `{method}` at the weight it was tuned to is {harm}; without the {collapsed} of {runs} runs that "
        f"collapsed it is {standing}."
    )


def _divergence_line(method: str, own: pd.DataFrame) -> str:
    """Where an arm lowers harm and stands, or that it does so nowhere."""
    standing = own[own["collapsed"] <= 0.5]
    fallen = own[own["collapsed"] > 0.5]
    lower = standing[standing["relative_harm_high"] < 1]
    text = f"Most runs of `{method}` collapse at weights {', '.join(f'{w:g}' for w in fallen['beta_kl'])}. " if len(fallen) else ""
    if lower.empty:
        raised = standing[standing["relative_harm_low"] > 1]
        text += f"**At no weight at which `{method}` stands is its relative harm at 1,378 labels clearly below 1**"
        return text + (f"; it is above 1 at {', '.join(f'{w:g}' for w in raised['beta_kl'])}." if len(raised) else ".")
    best = lower.loc[lower["relative_harm"].idxmin()]
    return text + (
        f"`{method}` stands and lowers harm at weight {best['beta_kl']:g}: relative harm {interval(best['relative_harm'], best['relative_harm_low'], best['relative_harm_high'])}, "
        f"helpfulness {best['helpfulness']:.2f} (base {best['base_helpfulness']:.2f}), over-refusal {best['over_refusal']:.2f} (base {best['base_over_refusal']:.2f})."
    )


def _settings() -> str:
    """Knobs of raters, a larger model, other base rates."""
    parts = []
    if _measured(SHIPPED / "stress"):
        found = measured(SHIPPED / "stress", 1378)
        parts.append(("Raters of other kinds", "One knob at a time; knobs of those who compare reach no flag, and the bias of those who flag reaches no pair (`stress`).", found, found))
    if _measured(SHIPPED / "capacity"):
        usual = [one for one in measured(SHIPPED / "full", 1378) if not one.setting]
        parts.append(("A model four times as large", "Width 64 instead of 32, base models of its own, the same worlds and configurations (`capacity`); changes are against width 32 in `full`.", measured(SHIPPED / "capacity", 1378), usual))
    if _measured(SHIPPED / "rates"):
        found = measured(SHIPPED / "rates", 1378)
        parts.append(("Other base rates, no refusals, prompts searched for", "Base models that break rules less often, a world without REFUSE, and risky prompts alone judged, search charged (`rates`); changes are against the usual base models.", found, found))
    return "\n\n".join(_settings_part(*part) for part in parts)


def _settings_part(title: str, text: str, found: list[Measured], references: list[Measured]) -> str:
    return (
        f"## {title}\n\n{text} Out of distribution, 1,378 labels, means [95 % over worlds], differences paired by world; pairs are `dpo`, flags `npo_ret`, and a flag carries other bits and minutes than a pair. {summary(found, references)}"
        "\n\n" + grid(SETTINGS, setting_rows(found, references))
    )


def _zoo() -> str:
    folder = SHIPPED / "zoo"
    if not (folder / "measurements.parquet").is_file():
        return ""
    return (
        "## All other methods at one budget\n\nOut of distribution, means [95 % interval over worlds] (`zoo`); W-REINFORCE is named by its "
        "weight of right samples, `_lv` is a learned verifier, `_lv_rule` one with a head for each rule.\n\n"
        + grid(OUTCOMES, divergence_rows(folder, oracle=False))
        + "\n\n**Upper bounds**, never to be held against arms on human labels: a program verifies every sample (in brackets the share "
        "of its verdicts that are turned, always alike unless iid; these at one configuration, the others tuned), or the truth is known.\n\n"
        + grid(OUTCOMES, divergence_rows(folder, oracle=True)) + "\n\n" + _controls(folder)
    )  # fmt: skip


#: Labels that say nothing, and flags whose loss does not retain refusals.
CONTROLS = ("npo_ret_random", "npo_ret_shuffled", "dpo_random", "dpo_shuffled")
NO_REFUSALS = "npo_ret_no_refusals"


def _controls(folder: Path) -> str:
    """What labels that say nothing do to the policy, and what not retaining refusals does: changes from the base model."""
    worlds = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["worlds"]
    found = against_base(folder, (*CONTROLS, NO_REFUSALS), 1378, worlds)
    real = against_base(SHIPPED / "full", ("npo_ret", "dpo"), 1378, worlds)
    moved = [
        f"`{name}` ({', '.join(c.replace('_', '-') for c in CHANGES if own[c][1] > 0 or own[c][2] < 0)})"
        for name, own in found.items() if name in CONTROLS and any(own[c][1] > 0 or own[c][2] < 0 for c in CHANGES)
    ]
    text = "**Changes from the base model**, paired by world, of controls whose labels say nothing, of flags whose loss leaves refusals out of what it retains, and beside them of flags and pairs as they are (`full`, the same eight worlds). "
    if moved:
        text += f"**Labels that say nothing still move the policy**: the interval excludes 0 for {', '.join(moved)}. "
    if found[NO_REFUSALS]["sycophancy"][1] > 0:
        text += f"**`{NO_REFUSALS}` raises sycophancy**, in a world where the model can refuse. "
    head = ("arm", "KL, nats per response", *(c.replace("_", "-") for c in CHANGES))
    return text.strip() + "\n\n" + grid(head, against_base_rows(found | real))


# Benchmarks ----------------------------------------------------------------------------------------
def _stored(name: str) -> dict[str, Any] | None:
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else short(value) if isinstance(value, float) else str(value)


def _tables(stored: dict[str, Any]) -> str:
    return "\n\n".join(
        f"*{t['title']}*\n\n" + grid(t["columns"], [[_cell(x) for x in row] for row in t["rows"]]) for t in stored["tables"]
    )


def _scorers() -> str:
    stored, quality = _stored("scorers"), _measured_scorers()
    text = (
        "## How good the scorers are\n\nMeans over the confirmatory worlds of `full`, on 1,024 fresh prompts each. Truth: "
        "of a verifier whether a rule is broken (AUC), of a reward model which of two answers has the higher utility.\n\n" + quality
    )
    if stored is None:
        return text
    return text + (
        "\n\n`python -m benchmarks.scorers` asks on development worlds how good they could be, and whether more steps help. Columns: "
        "share of labels that agree with the truth; accuracy, against labels and against the truth, of whoever knows the chance of "
        "every label (the Bayes-optimal order).\n\n" + _plateau(stored) + "\n\n" + _tables(stored)
    )  # fmt: skip


def _measured_scorers() -> str:
    table = read_measurements(SHIPPED / "full" / "measurements.parquet")
    rows = table[(table["stage"] == "confirm") & (table["distribution"] == "id") & table["method"].isin(["nsr_lv", "rm_ppo"])]
    names = ["steps", "best_step", "auc_truth", "auc_labels", "pair_accuracy_truth", "pair_accuracy_labels", "calibration_error"]
    merged = pd.read_parquet(SHIPPED / "full" / "scorers.parquet").merge(rows[["run_id", "method", "n", "scorer_weak"]], on="run_id")
    merged["scorer_weak"] = merged["scorer_weak"].astype(float)
    means = merged.groupby(["kind", "n"])[[*names, "scorer_weak"]].mean()
    head = ("scorer", "labels", "steps", "best step", "AUC, truth", "AUC, labels", "pairs, truth", "pairs, labels", "calibration error", "weak")
    body = [
        [kind, f"{n:,}", *(f"{row[c]:.0f}" for c in names[:2]), *("" if pd.isna(row[c]) else f"{row[c]:.2f}" for c in names[2:]), f"{row['scorer_weak']:.0%}"]
        for (kind, n), row in means.iterrows()
    ]
    return grid(head, body)


def _plateau(stored: dict[str, Any]) -> str:
    """What the tables say, in sentences made of their numbers."""
    bounds, rows = stored["tables"][0]["rows"], stored["tables"][1]["rows"]
    as_they_are, lines = bounds[0], []
    lines.append(
        f"- A label agrees with the truth in {as_they_are[1]:.0%} of pairs. Whoever knew every label's chance would order "
        f"{as_they_are[2]:.0%} of fresh labels right, and {as_they_are[3]:.0%} of true orders: the noise of labels bounds the "
        "accuracy against labels, not what could be learnt of the truth."
    )
    for method, n in dict.fromkeys((row[0], row[1]) for row in rows):
        own = [row for row in rows if row[:2] == [method, n]]
        best, last = min(own, key=lambda row: row[3]), own[-1]
        lines.append(
            f"- `{method}`, {n:,} labels: held-out loss is least at {best[2]:,} steps ({best[3]:.3f}; {best[4]:.2f} against labels, "
            f"{best[5]:.2f} against the truth) and {last[3]:.3f} at {last[2]:,} ({last[4]:.2f}, {last[5]:.2f})." + _reached(own)
        )
    return "\n".join(lines)


def _reached(rows: list[list[Any]]) -> str:
    """Whether loss and accuracy against the truth settle within the steps tried, and at the same step."""
    by_loss, by_truth, last = min(rows, key=lambda row: row[3]), max(rows, key=lambda row: row[5]), rows[-1]
    if by_loss is last and by_truth is last:
        return f" Both still improve there: **no plateau within {last[2]:,} steps**."
    if by_truth[5] - by_loss[5] > 0.01:
        return f" **Whoever stops where the loss is least stops too early**: against the truth it is best at {by_truth[2]:,} steps ({by_truth[5]:.2f})."
    return f" Against the truth it is best at {by_truth[2]:,} steps ({by_truth[5]:.2f})."


def _longer(assessment: Assessment) -> str:
    """Scorers trained on to their plateau, and the policies that learn from them."""
    plateau, full = SHIPPED / "plateau", SHIPPED / "full"
    if not _measured(plateau):
        return ""
    most, usual = (json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["grid"]["scorer"] for folder in (plateau, full))
    found = longer(plateau, full, most["max_steps"], usual)
    steps = tuple(text.format(most=found.most) for text in STEPS_HEAD)
    return (
        "### Scorers trained to their plateau\n\nExploratory. The verifiers of `nsr_lv` and `wr_lv` and the reward models of `rm_ppo` at 8,192 labels on the confirmatory worlds that `full` has for them, trained "
        f"for {found.most:,} steps without early stopping; as always the one of the least held-out loss is taken, and the policies are trained as in `full` (`plateau`). "
        + of_plateau(found) + " " + verdicts_with(plateau, full, assessment) + "\n\n" + grid(steps, step_rows(found)) + "\n\n" + grid(OUT_HEAD, outcome_rows(found))
    )  # fmt: skip


def _recovery() -> str:
    stored = _stored("recovery")
    if stored is None:
        return ""
    said = [line for line in (DOCS / "recovery.md").read_text(encoding="utf-8").splitlines() if line.startswith(("- outside", "- BCa", "- untested"))]
    return (
        "## Does the fit find what is there?\n\nShare of 90 % intervals that hold the truth of synthetic laboratories "
        "([recovery.md](recovery.md), `make recovery`):\n\n" + _tables(stored) + "\n\n" + "\n".join(said)
    )


def _speed() -> str:
    parts = [_tables(stored) for name in ("lab_batching", "lab_trl") if (stored := _stored(name)) is not None]
    return (
        "## Speed\n\nMeasured in one call each on a CPU (`make benchmarks`, [benchmarks.md](benchmarks.md)). **On a GPU nothing is "
        "measured: none was there**, so neither the ratio of batched to single runs (30 is expected) nor the time of the `full` "
        "grid on one is known.\n\n" + "\n\n".join(parts)
    )


# Published numbers, earlier study ------------------------------------------------------------------
def _published() -> str:
    found = []
    for name in ("zoo_b", "full"):
        if (SHIPPED / name / "measurements.parquet").is_file():
            table = laboratory_tables(load_laboratory(SHIPPED / name)).get("published")
            found += [] if table is None else [table]
    if not found:
        return ""
    return (
        "## Published numbers beside ours\n\nOther models, tasks and scales: to see whether orders agree, never to be put on one "
        "axis. Arms with `_or` are upper bounds (a program verifies every sample). Ours: World B, out of distribution, in percent; "
        "World A, relative harm out of distribution at the largest budget. Other k: `econ lab show` writes them.\n\n"
        + _pass_rates(pd.concat(found)) + "\n\n" + _harmfulness(pd.concat(found))
    )  # fmt: skip


def _pass_rates(rows: pd.DataFrame) -> str:
    """One row a benchmark and method, published beside ours at three k."""
    shown, body = (1, 16, 256), []
    for (paper, benchmark, method), own in rows[rows["metric"] == "pass_at_k"].groupby(["paper", "benchmark", "method"], sort=False):
        at = own.drop_duplicates("k").set_index("k")
        published = [f"{at.loc[k, 'published']:g}" if k in at.index else "" for k in shown]
        ours = [interval(*at.loc[k, ["ours", "ours_low", "ours_high"]].astype(float)) if k in at.index else "" for k in shown]
        body.append([paper, benchmark, method, *published, f"`{own['our_method'].iloc[0]}`", *ours])
    head = ("paper", "benchmark", "method", "pass@1", "@16", "@256", "ours", "pass@1 [95 %]", "@16", "@256")
    return grid(head, body)


def _harmfulness(rows: pd.DataFrame) -> str:
    own = rows[rows["metric"] == "harmfulness"]
    body = [
        [r["paper"], r["method"], f"{r['published']:g}", f"`{r['our_method']}`", interval(r["ours"], r["ours_low"], r["ours_high"])]
        for _, r in own.iterrows()
    ]
    return grid(("paper", "method", "harmfulness (lower is better)", "ours", "relative harm [95 %]"), body)


def _earlier(assessment: Assessment) -> str:
    return (
        "## What differs from an earlier numerical study, and why\n\n" + EARLIER + "\n\n"
        + grid(("quantity", "earlier", "ours", "reason"), table_of(assessment))
    )  # fmt: skip


# Grids and figures ---------------------------------------------------------------------------------
def _grids() -> str:
    rows = []
    for path in sorted(SHIPPED.glob("*.yaml")):
        manifest = SHIPPED / path.stem / "manifest.json"
        if not manifest.is_file():
            rows.append([f"`{path.stem}`", "not run", "", "", ""])
            continue
        facts = json.loads(manifest.read_text(encoding="utf-8"))
        rows.append(
            [f"`{path.stem}`", f"{facts['runs']:,}", str(len(facts["worlds"])), facts["device"], "; ".join(facts["reductions"])]
        )
    head = ("grid", "runs", "worlds", "device", "left out of the full design")
    return "## Which grids were run\n\n`econ lab run NAME` makes each again." + _smoke() + "\n\n" + grid(head, rows)


def _smoke() -> str:
    """How long the smallest grid took where it was shipped, and where it was measured as a benchmark."""
    manifest, stored = SHIPPED / "smoke" / "manifest.json", _stored("lab_smoke")
    if not manifest.is_file() or stored is None:
        return ""
    facts, asked = json.loads(manifest.read_text(encoding="utf-8")), stored["tables"][0]["rows"][0][-1]
    # A result that was taken over whole took its time where it was trained.
    while facts.get("compute_seconds") == 0 and facts["reused"]:
        facts = facts["reused"][0]
    seconds = facts["wall_seconds"]
    return (
        f" Asked of `smoke`: 60 s on two cores. The shipped run took {seconds:.0f} s on cores that had other work too ({'met' if seconds <= 60 else '**not met**'}); as a benchmark, "
        f"start-up included, it took {asked:.0f} s ({'met' if asked <= 60 else '**not met**'}; the state of that machine: [benchmarks.md](benchmarks.md)). It is on development worlds and in no finding."
    )


def _figures() -> str:
    lines, drawn = [], {}
    for name in dict.fromkeys(grid_name for grid_name, _, _ in FIGURES):
        folder = SHIPPED / name
        if (folder / "measurements.parquet").is_file():
            laboratory = load_laboratory(None if name == "surface" else folder)
            drawn[name] = {drawing.name: drawing for drawing in laboratory_figures(laboratory)[0]}
    for name, figure, text in FIGURES:
        for found in sorted(key for key in drawn.get(name, {}) if key == figure or key.startswith(f"{figure}_")):
            # Two grids may have a figure of one name.
            again = next(g for g, n, _ in FIGURES if n == figure) != name
            drawing, target = drawn[name][found], f"laboratory_{name}_{found}" if again else f"laboratory_{found}"
            save_figure(drawing.draw(), DOCS / "figures", target, {"Title": found, "Description": drawing.alt_text})
            (DOCS / "figures" / f"{target}.svg").unlink()
            lines.append(f"![{drawing.alt_text}](figures/{target}.png)\n\n*{text}* (`econ lab show` on `{name}`)")
    return "## Figures\n\n" + "\n\n".join(lines)


def _transfer() -> str:
    return (
        "## What does not transfer\n\nMagnitudes, thresholds, label counts, asymptotes and prices. What may, as mechanism: signs and "
        "their dependence on noise, coverage, bias, confounding, the content of labels, anchoring and the quality of scorers. The "
        "market takes the size through `transfer`, never as a fact. Real noise, coverage and bias are unknown: the knobs are "
        "settings, none of them is called realistic. Nothing is said beyond 8,192 labels."
    )


if __name__ == "__main__":
    main()
