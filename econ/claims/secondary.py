"""Exploratory effects beside the registered ones: not adjusted, they decide nothing, they can overturn a reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from econ.claims.arms import Curve, Missing, join, where
from econ.claims.context import HYBRID, Context, Measured
from econ.claims.effects import diminishing_returns, drift, level, surviving_bits
from econ.claims.evidence import find_pair
from econ.claims.panels import (
    FORMATS,
    NSR,
    RIVALS,
    factorial_cells,
    joint_gain,
    polarity_within,
    seed_churn_difference,
)
from econ.claims.passes import BASE_MODEL, at_matched_level
from econ.claims.resampling import MIN_WORLDS, Effect
from econ.claims.spread import (
    compliant_entropy,
    relative_rule_spread,
    rule_spread,
    rule_spread_against_base,
    spread_over_seeds,
    spread_over_worlds,
)

SHIFT_PARTS = {"ood_combos": "combinations", "ood_risk": "risk", "ood_opinion": "opinion"}
STRENGTHS = (("id", 0.0), ("s0.33", 1 / 3), ("s0.67", 2 / 3), ("ood", 1.0))
#: Outcomes of the table of three regimes.
REGIME_OUTCOMES = ("relative_harm", "helpfulness", "sycophancy", "over_refusal", "collapsed")


@dataclass(frozen=True)
class Secondary:
    """One exploratory effect: what it is, or what it lacks."""

    hypothesis: str
    text: str
    unit: str
    measured: Measured | None
    missing: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        facts = {"hypothesis": self.hypothesis, "text": self.text, "unit": self.unit, "missing": self.missing}
        if self.measured is None:
            return facts
        more = {"deviations": list(self.measured.deviations), "details": self.measured.details}
        return facts | self.measured.effect.plain() | more


def secondary_effects(context: Context) -> list[Secondary]:
    """Every exploratory effect, in the order of the hypotheses."""
    found = []
    for hypothesis, text, unit, measure in _table(context):
        try:
            found.append(Secondary(hypothesis, text, unit, measure()))
        except Missing as missing:
            found.append(Secondary(hypothesis, text, unit, None, str(missing)))
    return found


def _table(context: Context) -> Iterator[tuple[str, str, str, Callable[[], Measured]]]:
    negative, preference = context.negative, context.preference
    rate = "P(agree | opinion wrong)"
    for rival in RIVALS:
        for distribution in ("id", "ood"):
            yield "H1", f"pass@256 of NSR minus {rival} at matched pass@1 along training, {where(distribution)}", "pass@256", partial(_matched_pass, context, rival, distribution)
    yield "H2", "change of sycophancy under preference training, out of distribution", rate, partial(_change, context, preference, ())
    yield "H2", "the same without bias of raters (confounding alone)", rate, partial(_change, context, preference, (("bias", 0.0),))
    yield "H2", "slope of that change on the raters' bias", f"{rate} per unit of bias", partial(_bias_slope, context, preference)
    yield from _polarity_rows(context, rate)
    yield "H3", "violations of drafted rules that remain under negative training, in distribution", "rate", partial(_remaining, context, negative)
    for name, method in (("negative", negative), ("preference", preference)):
        yield "H3", f"change of relative harm from T to 2T steps of {name} training, in distribution", "relative harm", partial(_longer, context, method)
    yield "H3", "churn between optimiser seeds, preference minus negative", "probability", partial(seed_churn_difference, context, negative, preference)
    yield "H3", "SD of relative harm over optimiser seeds in a world, preference minus negative, in distribution", "relative harm", partial(spread_over_seeds, context, negative, preference)
    yield "H4", "dAULC that remains at matched bits", "relative harm", partial(surviving_bits, context, negative, preference)
    for name, method in (("negative", negative), ("preference", preference)):
        yield "H5", f"SD over worlds of the sensitivity to an irrelevant opinion, {name} training, in distribution", "total variation", partial(_over_worlds, context, method, "opinion_sensitivity")
        yield "H5", f"entropy over compliant responses of {name} training minus the base model's, in distribution", "nats per token", partial(compliant_entropy, context, method)
        yield "H5", f"entropy of {name} training minus the base model's, in distribution", "nats per token", partial(_against_base, context, method, "entropy", "id")
    yield "H6", "sycophancy of negative training minus the base model's, out of distribution", rate, partial(_against_base, context, negative, "sycophancy", "ood")
    yield "H6", "SD of P(violation) over rules, preference minus negative, out of distribution", "probability", partial(rule_spread, context, negative, preference)
    yield "H6", "SD over rules relative to their mean (a lower rate alone lowers the SD), preference minus negative, out of distribution", "ratio", partial(relative_rule_spread, context, negative, preference)
    for name, method in (("negative", negative), ("preference", preference)):
        yield "H6", f"SD of P(violation) over rules, {name} training minus the base model's, out of distribution", "probability", partial(rule_spread_against_base, context, method)
    for part, said in SHIFT_PARTS.items():
        yield "H7", f"relative harm where only {said} shifts, preference minus negative", "relative harm", partial(level("relative_harm", part), context, negative, preference)
    yield "H7", "slope of the difference in relative harm on the strength of the shift", "relative harm per unit", partial(_shift_slope, context, negative, preference)
    yield "H7", "retention (1 - H_OOD)/(1 - H_ID), negative minus preference", "ratio", partial(_retention, context, negative, preference)
    for method in ("rm_ppo", "kto", negative):
        yield "H8", f"rise of sycophancy per doubling, last two budgets: {method}", f"{rate} per doubling", partial(drift, context, "", method)
    yield "H8", "rise of sycophancy per doubling, 3360 to 8192: preference training without bias of raters", f"{rate} per doubling", partial(_unbiased_drift, context, preference)
    yield "H8", "fall of harm per doubling, early minus late: preference training", "relative harm per doubling", partial(diminishing_returns, context, preference, "")
    yield "H9", "hypervolume of the hybrid minus negative-only", "area", partial(joint_gain, context, HYBRID, negative)
    for mix in sorted(m for m in context.evidence.methods() if m.startswith(f"{HYBRID}_")):
        if mix in (f"{HYBRID}_0.05", f"{HYBRID}_0.50"):
            yield "H9", f"hypervolume with {float(mix.removeprefix(f'{HYBRID}_')):.0%} pairs minus preference-only", "area", partial(joint_gain, context, mix, preference)


def _polarity_rows(context: Context, rate: str) -> Iterator[tuple[str, str, str, Callable[[], Measured]]]:
    """H2's effect by format and by cell of the confound: who carries the mean."""
    try:
        cells = factorial_cells(context)
    except Missing:
        return
    for name, (negative, positive) in FORMATS.items():
        yield "H2", f"effect of polarity, format {name} alone ({positive} minus {negative})", rate, partial(polarity_within, context, cells, (name,))
    for setting, cell in cells.items():
        said = ", ".join(f"{key} {x:g}" for key, x in setting)
        yield "H2", f"effect of polarity at {said}", rate, partial(polarity_within, context, {setting: cell}, tuple(FORMATS))


def _arm(context: Context, method: str, distribution: str, setting: tuple[Any, ...] | None = None) -> Curve:
    curves = [
        c for c in context.evidence.curves(method, distribution) if setting is None or c.setting == setting
    ]
    if not curves:
        raise Missing(f"runs of {method}{_knobs(setting)}, {where(distribution)}")
    return min(curves, key=lambda c: (len(c.setting), -c.n[-1]))


def _knobs(setting: tuple[Any, ...] | None) -> str:
    return "" if not setting else " at " + ", ".join(f"{key} = {x:g}" for key, x in setting)


def _single(context: Context, curve: Curve, values: Any) -> Measured:
    return Measured.of(context.effect(values, curve.worlds), (curve,), context.deviations(curve.setting, curve.worlds), n=float(curve.n[-1]))


def _change(context: Context, method: str, setting: tuple[Any, ...]) -> Measured:
    curve = _arm(context, method, "ood", setting or None)
    return _single(context, curve, (curve.get("sycophancy") - curve.get("base_sycophancy"))[:, -1])


def _bias_slope(context: Context, method: str) -> Measured:
    found = {
        float(dict(c.setting).get("bias", 2.0)): c
        for c in reversed(context.evidence.curves(method, "ood"))
        if set(dict(c.setting)) <= {"bias"}
    }
    shared = [set(c.n.tolist()) for c in found.values()]
    worlds = [set(c.worlds.tolist()) for c in found.values()]
    if len(found) < 3 or not (n := set.intersection(*shared)) or len(kept := set.intersection(*worlds)) < MIN_WORLDS:
        raise Missing(f"{method} at three or more biases of raters, out of distribution")
    at = [found[bias].restrict(kept, [max(n)]) for bias in sorted(found)]
    changes = np.stack([(c.get("sycophancy") - c.get("base_sycophancy"))[:, 0] for c in at], axis=-1)
    biases = np.array(sorted(found)) - np.mean(sorted(found))
    return _single(context, at[0], changes @ biases / (biases @ biases))


def _remaining(context: Context, method: str) -> Measured:
    curve = _arm(context, method, "id")
    return _single(context, curve, curve.get("violation_drafted")[:, -1])


def _longer(context: Context, method: str) -> Measured:
    """Relative harm after twice the steps minus that after the usual ones, same labels."""
    usual = _arm(context, method, "id", ())
    long = [c for c in context.evidence.curves(method, "id") if set(dict(c.setting)) == {"training"}]
    for curve in long:
        pair = join(usual, curve)
        if pair is not None:
            change = pair.preference.get("relative_harm")[:, -1] - pair.negative.get("relative_harm")[:, -1]
            return _single(context, pair.negative, change)
    raise Missing(f"runs of {method} for twice the steps, in distribution")


def _unbiased_drift(context: Context, method: str) -> Measured:
    curve = _arm(context, method, "ood", (("bias", 0.0),))
    if len(curve.n) < 2:
        raise Missing(f"runs of {method} at bias = 0 at two budgets, out of distribution")
    rise = (curve.get("sycophancy")[:, -1] - curve.get("sycophancy")[:, -2]) / np.log2(curve.n[-1] / curve.n[-2])
    return _single(context, curve, rise)


def _against_base(context: Context, method: str, outcome: str, distribution: str) -> Measured:
    curve = _arm(context, method, distribution)
    return _single(context, curve, (curve.get(outcome) - curve.get(f"base_{outcome}"))[:, -1])


def _over_worlds(context: Context, method: str, outcome: str) -> Measured:
    return spread_over_worlds(context, _arm(context, method, "id"), outcome)


def _shift_slope(context: Context, negative: str, preference: str) -> Measured:
    pairs = [find_pair(context.evidence, negative, preference, d, accepts=None) for d, _ in STRENGTHS]
    first = pairs[0]
    same = [np.array_equal(p.worlds, first.worlds) and p.n[-1] == first.n[-1] and p.setting == first.setting for p in pairs]
    if not all(same):
        raise Missing("all strengths of the shift on the same runs")
    gaps = np.stack([(p.preference.get("relative_harm") - p.negative.get("relative_harm"))[:, -1] for p in pairs], axis=-1)
    strengths = np.array([s for _, s in STRENGTHS]) - 0.5
    return _single(context, first.negative, gaps @ strengths / (strengths @ strengths))


def _retention(context: Context, negative: str, preference: str) -> Measured:
    retained = []
    for method in (negative, preference):
        inside = _arm(context, method, "id")
        outside = _arm(context, method, "ood", inside.setting)
        kept = [1.0 - context.mean(curve, "relative_harm")[:, -1] for curve in (outside, inside)]
        retained.append(np.where(kept[1] > 0.02, kept[0] / np.where(kept[1] > 0.02, kept[1], 1.0), np.nan))
        if not np.array_equal(inside.worlds, outside.worlds):
            raise Missing("both distributions on the same worlds")
    if np.isnan(retained[0][0] + retained[1][0]):
        raise Missing("a fall of harm in distribution that could be retained")
    return Measured.of(Effect.exact(retained[0] - retained[1], len(inside.worlds)), (inside,), context.deviations(inside.setting, inside.worlds))


def _matched_pass(context: Context, rival: str, distribution: str) -> Measured:
    """pass@256 where both have the same pass@1 along training, world by world."""
    passes = context.evidence.beside.passes
    rows = passes[(passes["distribution"] == distribution) & passes["method"].isin((NSR, rival, BASE_MODEL))]
    for _, table in rows.groupby("source", sort=True):
        steps = table[table["method"] != BASE_MODEL].groupby("method")["step"].nunique()
        levels, at = at_matched_level(table)
        if len(steps) == 2 and steps.min() > 1 and len(levels) >= MIN_WORLDS:
            worlds = levels.index.to_numpy(np.int64)
            last = {name: values[:, -1] for name, values in at.items()}
            effect = context.effect(last[NSR] - last[rival], worlds)
            details = {"pass_1": float(levels.mean()), "pass_256": {name: float(x.mean()) for name, x in last.items()}}
            return Measured(effect, (NSR, rival), (int(table["source"].iloc[0]),), tuple(worlds.tolist()), context.deviations((), worlds), details)
    raise Missing(f"World B runs of {NSR} and {rival} with pass@k along training, at the registered knobs on {MIN_WORLDS} common worlds, {where(distribution)}")


def regimes(context: Context) -> list[dict[str, Any]]:
    """Claim 15: preference-only, negative-only and hybrid at the largest budget, all outcomes, in and out of distribution."""
    rows = []
    for regime, method in (("preference-only", context.preference), ("negative-only", context.negative), ("hybrid", HYBRID)):
        for distribution in ("id", "ood"):
            try:
                curve = _arm(context, method, distribution)
            except Missing:
                continue
            for outcome in REGIME_OUTCOMES:
                if curve.has(outcome):
                    effect = context.effect(curve.get(outcome)[:, -1], curve.worlds)
                    facts = {"regime": regime, "method": method, "distribution": distribution, "n": float(curve.n[-1]), "outcome": outcome}
                    rows.append(facts | effect.plain() | {"knobs": dict(curve.setting)})
    return rows
