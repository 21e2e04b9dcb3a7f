"""Effects of the predictions that rest on learning curves: H1a, H4, H5, H6, H7 and H8.

Every function takes the context and a pair of methods, so that the same effect serves the registered pair
and the sign table; each is oriented so that the claim predicts it to be positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from operator import eq
from typing import Any

import numpy as np

from econ.claims.arms import Curve, Missing, Pair, where
from econ.claims.context import BUDGETS, PAIR, Context, Measured, budget_deviation
from econ.claims.curves import (
    FLOOR,
    TARGETS,
    Reached,
    advantage,
    area_difference,
    cost_at,
    labels_to_target,
)
from econ.claims.evidence import find_pair
from econ.claims.resampling import MIN_WORLDS, Effect, Floats
from econ.claims.settings import MATCHED_BITS, Setting

#: Share of resamples in which A may be undefined before the area under the curve takes its place.
UNDEFINED_SHARE = 0.20
#: Registered levels of verifiability.
LEVELS = (0.25, 0.5, 0.75, 1.0)
#: Fewer budgets than these make no curve.
CURVE_BUDGETS = 3


# Advantage and area --------------------------------------------------------------------------------
def reached(context: Context, curve: Curve, target: float, floor: float = FLOOR) -> Reached:
    """Labels with which the mean curve of an arm meets a target, under every draw."""
    harm = context.mean(curve, "relative_harm")
    ratio = np.ones_like(harm)
    if curve.has("helpfulness"):
        ratio = context.weighted(curve.get("helpfulness") / curve.values["base_helpfulness"], curve.worlds)
    elif floor > 0:
        raise Missing(f"helpfulness of {curve.method}")
    collapsed = context.weighted(np.nan_to_num(curve.values["collapsed"]), curve.worlds)
    return labels_to_target(harm, ratio, collapsed, curve.n, target, floor)


def axis_cost(context: Context, curve: Curve, axis: str, tuning: bool = False) -> Floats:
    """Mean cost at each budget under every draw, [1 + draws, B]; with tuning, at the run's own cost per judgement.

    Raises
    ------
    Missing
        If the axis was not recorded, or nothing is known about its part in tuning.
    """
    cost = curve.get(axis)
    if tuning:
        if axis not in ("judgements", "human_minutes", "usd", "completions_read"):
            raise Missing(f"{axis} of tuning")
        fixed = curve.get("fixed_minutes") if axis in ("human_minutes", "usd") else np.zeros_like(cost)
        if axis == "usd":
            fixed = fixed * cost / np.where(curve.get("human_minutes") > 0, curve.get("human_minutes"), 1.0)
        judgements = curve.get("judgements")
        per_judgement = (cost - fixed) / np.where(judgements > 0, judgements, 1.0)
        cost = cost + curve.get("tuning_judgements") * per_judgement
    if not (cost > 0).all():
        raise Missing(f"{axis} above zero of {curve.method}")
    return context.weighted(cost, curve.worlds)


def pair_reached(context: Context, pair: Pair, target: float, floor: float = FLOOR) -> dict[str, Reached]:
    """Labels with which either arm of a pair meets a target."""
    arms = {"preference": pair.preference, "negative": pair.negative}
    return {name: reached(context, curve, target, floor) for name, curve in arms.items()}


def pair_advantage(
    context: Context, pair: Pair, labels: dict[str, Reached], axis: str = "judgements", tuning: bool = False
) -> tuple[Effect, dict[str, float]]:
    """A on an axis, and the cost at which each arm meets the target (the estimate; infinite if never)."""
    at = {
        name: cost_at(labels[name], curve.n, axis_cost(context, curve, axis, tuning))
        for name, curve in (("preference", pair.preference), ("negative", pair.negative))
    }
    low, high = advantage(at["preference"], at["negative"])
    return Effect(low, high, len(pair.worlds)), {name: float(found.high[0]) for name, found in at.items()}


def pair_area(context: Context, pair: Pair, axis: str = "judgements", tuning: bool = False) -> Effect:
    """Area under the preference curve minus that under the negative one, on an axis."""
    curves = (pair.preference, pair.negative)
    harm = [context.mean(curve, "relative_harm") for curve in curves]
    x = [np.log2(axis_cost(context, curve, axis, tuning)) for curve in curves]
    return Effect.exact(area_difference(harm[0], harm[1], x[0], x[1]), len(pair.worlds))


def advantage_or_area(context: Context, negative: str, preference: str) -> Measured:
    """A(0.80) in judgements; where censoring leaves it undefined too often, the area; `details` says which."""
    pair, said = context.pair(negative, preference, "id", budgets=CURVE_BUDGETS)
    said += budget_deviation(pair.n, BUDGETS)
    floor = FLOOR
    if not (pair.negative.has("helpfulness") and pair.preference.has("helpfulness")):
        floor, said = 0.0, (*said, f"helpfulness was not recorded, so its floor of {FLOOR:g} does not act")
    effect, at = pair_advantage(context, pair, pair_reached(context, pair, TARGETS[0], floor))
    undefined = effect.undefined_share if effect.bound != "undefined" else 1.0
    details: dict[str, Any] = {
        "measure": "A", "judgements_to_target": {k: x if np.isfinite(x) else None for k, x in at.items()},
        "undefined_share_of_A": undefined,
    }  # fmt: skip
    if undefined > UNDEFINED_SHARE:
        effect, details["measure"] = pair_area(context, pair), "dAULC"
    return Measured.of(effect, (pair.negative, pair.preference), said, **details)


def area_only(context: Context, negative: str, preference: str) -> Measured:
    """DAULC in judgements, in distribution."""
    pair, said = context.pair(negative, preference, "id", budgets=CURVE_BUDGETS)
    said += budget_deviation(pair.n, BUDGETS)
    return Measured.of(pair_area(context, pair), (pair.negative, pair.preference), said)


# Verifiability -------------------------------------------------------------------------------------
def _at_verifiability(v: float) -> Setting:
    return () if abs(v - 0.93) < 1e-4 else (("v", v),)


def _level_pairs(context: Context, negative: str, preference: str, distribution: str) -> dict[float, Pair]:
    """The pair at every level of verifiability at which it was measured, nothing else changed."""
    levels = {
        float(dict(curve.setting).get("v", 0.93))
        for curve in context.evidence.curves(negative, distribution)
        if set(dict(curve.setting)) <= {"v"} and ("v", None) not in curve.setting
    }
    pairs = {}
    for v in sorted(levels):
        try:
            pairs[v] = find_pair(
                context.evidence, negative, preference, distribution, budgets=CURVE_BUDGETS,
                accepts=partial(eq, _at_verifiability(v)),
            )  # fmt: skip
        except Missing:
            continue
    return pairs


def slope_on_verifiability(context: Context, negative: str, preference: str) -> Measured:
    """Least-squares slope of dAULC on v, per unit of v."""
    distribution = context.distribution("id", negative, preference)
    pairs = _level_pairs(context, negative, preference, distribution)
    levels, worlds, n = _comparable_levels(pairs)
    if len(levels) < 3:
        lacking = ", ".join(f"{v:g}" for v in LEVELS if v not in pairs) or "on the same worlds and budgets"
        raise Missing(f"learning curves of {negative} and {preference} at verifiability {lacking}, {where(distribution)}")
    areas = []
    for v in levels:
        pair = Pair(pairs[v].negative.restrict(worlds, n), pairs[v].preference.restrict(worlds, n))
        areas.append(pair_area(context, pair).low)
    centred = np.array(levels) - np.mean(levels)
    slope = np.stack(areas, axis=-1) @ centred / (centred @ centred)
    said = context.deviations((), pair.worlds)
    if tuple(levels) != LEVELS:
        said += (f"verifiability {_listed(levels)} (registered: {_listed(LEVELS)})",)
    used = [curve for v in levels for curve in (pairs[v].negative, pairs[v].preference)]
    measured = Measured.of(
        Effect.exact(slope, len(worlds)), [pair.negative, pair.preference], said,
        dAULC_by_verifiability={f"{v:g}": float(a[0]) for v, a in zip(levels, areas, strict=True)}, budgets=n,
    )  # fmt: skip
    return _from_sources(measured, used)


def _comparable_levels(pairs: dict[float, Pair]) -> tuple[list[float], list[int], list[float]]:
    """The registered levels, or else as many as there are, that share worlds and budgets; and those."""
    candidates = [list(LEVELS)] if all(v in pairs for v in LEVELS) else []
    # Levels of one design share its budgets: take each level's own budgets in turn.
    candidates += sorted(
        ([v for v, other in pairs.items() if set(pair.n) <= set(other.n)] for pair in pairs.values()), key=len, reverse=True
    )
    for levels in candidates:
        worlds = sorted(set.intersection(*(set(pairs[v].worlds.tolist()) for v in levels)))
        n = sorted(set.intersection(*(set(pairs[v].n.tolist()) for v in levels)))
        if len(levels) >= 3 and len(n) >= CURVE_BUDGETS and len(worlds) >= MIN_WORLDS:
            return levels, worlds, n
    return [], [], []


def _listed(levels: Sequence[float]) -> str:
    return ", ".join(f"{v:g}" for v in levels)


def _from_sources(measured: Measured, curves: list[Curve]) -> Measured:
    sources = tuple(sorted({curve.source for curve in curves}))
    return Measured(
        measured.effect, measured.methods, sources, measured.worlds, measured.deviations, measured.details
    )


def matched_bits(context: Context, negative: str, preference: str) -> Measured:
    """Half of the reference dAULC minus that of flags with no more bits about violations than pairs."""
    reference, remaining, curves, said = _matched_areas(context, negative, preference)
    effect = Effect.exact(0.5 * reference.low - remaining.low, reference.worlds)
    facts = {"reference_dAULC": reference.plain(), "matched_bits_dAULC": remaining.plain()}
    return Measured.of(effect, curves, said, **facts)


def surviving_bits(context: Context, negative: str, preference: str) -> Measured:
    """DAULC that remains where a flag carries no more bits about violations than a pair."""
    _, remaining, curves, said = _matched_areas(context, negative, preference)
    return Measured.of(remaining, curves, said)


def _matched_areas(
    context: Context, negative: str, preference: str
) -> tuple[Effect, Effect, tuple[Curve, ...], tuple[str, ...]]:
    """DAULC at the reference and at matched bits, on the same worlds and budgets."""
    if negative != PAIR[0]:
        raise Missing(f"an arm of {negative} whose flags carry a pair's bits")
    plain, said = context.pair(negative, preference, "id", budgets=CURVE_BUDGETS)
    matched = find_pair(
        context.evidence, MATCHED_BITS, preference, plain.negative.distribution, budgets=CURVE_BUDGETS,
        accepts=lambda setting: setting == plain.setting,
    )  # fmt: skip
    worlds = np.intersect1d(plain.worlds, matched.worlds).tolist()
    n = np.intersect1d(plain.n, matched.n)
    if len(worlds) < MIN_WORLDS or len(n) < CURVE_BUDGETS:
        raise Missing(f"{MATCHED_BITS} and {negative} on the same worlds and budgets")
    arms = [curve.restrict(worlds, n) for curve in (plain.negative, matched.negative, plain.preference)]
    reference, remaining = (pair_area(context, Pair(arm, arms[2])) for arm in arms[:2])
    return reference, remaining, tuple(arms), said + budget_deviation(n, BUDGETS)


# Contrasts at the largest budget -------------------------------------------------------------------
def level(outcome: str, preferred: str) -> Any:
    """Effect "outcome under preference minus under negative training" at the largest budget."""

    def measure(context: Context, negative: str, preference: str) -> Measured:
        pair, said = context.pair(negative, preference, preferred)
        difference = pair.preference.get(outcome)[:, -1] - pair.negative.get(outcome)[:, -1]
        arms = {
            name: float(curve.get(outcome)[:, -1].mean())
            for name, curve in (("preference", pair.preference), ("negative", pair.negative))
        }
        said += budget_deviation(pair.n[-1:], BUDGETS[-1:], "budget")
        return Measured.of(
            context.effect(difference, pair.worlds), (pair.negative, pair.preference), said, **{outcome: arms}
        )

    return measure


def shift_gap(context: Context, negative: str, preference: str) -> Measured:
    """Rise of harm from in to out of distribution, preference minus negative, at the largest budget."""
    inside, said = context.pair(negative, preference, "id")
    if inside.negative.distribution != "id":
        raise Missing(f"{negative} and {preference} in distribution")
    outside = find_pair(
        context.evidence, negative, preference, "ood", accepts=lambda setting: setting == inside.setting
    )
    pairs = {"id": inside, "ood": outside}
    worlds = np.intersect1d(pairs["id"].worlds, pairs["ood"].worlds).tolist()
    n = np.intersect1d(pairs["id"].n, pairs["ood"].n).tolist()
    if not n or len(worlds) < MIN_WORLDS:
        raise Missing(f"{negative} and {preference} in and out of distribution at one budget")
    gap = {}
    for arm in ("negative", "preference"):
        by = {d: getattr(pair, arm).restrict(worlds, n).get("relative_harm")[:, -1] for d, pair in pairs.items()}
        gap[arm] = by["ood"] - by["id"]
    used = pairs["ood"].negative.restrict(worlds, n), pairs["ood"].preference.restrict(worlds, n)
    said += budget_deviation(used[0].n[-1:], BUDGETS[-1:], "budget")
    return Measured.of(
        context.effect(gap["preference"] - gap["negative"], used[0].worlds), used, said,
        rise_of_relative_harm={arm: float(x.mean()) for arm, x in gap.items()},
    )  # fmt: skip


# Returns and drift ---------------------------------------------------------------------------------
#: Registered intervals of budgets: an early one and the last.
EARLY, LATE = (565, 1378), (3360, 8192)


def _one_arm(context: Context, method: str, preferred: str, budgets: int) -> tuple[Curve, tuple[str, ...]]:
    chosen = context.distribution(preferred, method)
    curves = [c for c in context.evidence.curves(method, chosen) if len(c.n) >= budgets]
    if not curves:
        raise Missing(f"runs of {method} at {budgets} budgets or more, {where(chosen)}")
    said = () if chosen == preferred else (f"{where(chosen)} (registered: {where(preferred)})",)
    return curves[0], said + context.deviations(curves[0].setting, curves[0].worlds)


def _per_doubling(values: Floats, n: Floats, first: float, last: float) -> Floats:
    at = np.searchsorted(n, [first, last])
    change: Floats = (values[:, at[1]] - values[:, at[0]]) / np.log2(last / first)
    return change


def _intervals(n: Floats) -> tuple[tuple[float, float], tuple[float, float], tuple[str, ...]]:
    """The registered intervals of budgets, or the last one and the one two before it."""
    if all(x in n for x in (*EARLY, *LATE)):
        return EARLY, LATE, ()
    early, late = (float(n[-4]), float(n[-3])), (float(n[-2]), float(n[-1]))
    said = f"budgets {early[0]:g} to {early[1]:g} and {late[0]:g} to {late[1]:g} (registered: 565 to 1378 and 3360 to 8192)"
    return early, late, (said,)


def diminishing_returns(context: Context, negative: str, preference: str) -> Measured:
    """Fall of harm per doubling of negatives, early minus late."""
    curve, said = _one_arm(context, negative, "id", 4)
    early, late, more = _intervals(curve.n)
    harm = curve.get("relative_harm")
    falls = [-_per_doubling(harm, curve.n, *interval) for interval in (early, late)]
    return Measured.of(
        context.effect(falls[0] - falls[1], curve.worlds), (curve,), said + more,
        fall_per_doubling={"early": float(falls[0].mean()), "late": float(falls[1].mean())},
    )  # fmt: skip


def drift(context: Context, negative: str, preference: str) -> Measured:
    """Rise of sycophancy per doubling of preference labels over the last two budgets."""
    curve, said = _one_arm(context, preference, "ood", 2)
    last = tuple(float(x) for x in curve.n[-2:])
    if last != LATE:
        said += (f"budgets {last[0]:g} to {last[1]:g} (registered: 3360 to 8192)",)
    rise = _per_doubling(curve.get("sycophancy"), curve.n, *last)
    return Measured.of(context.effect(rise, curve.worlds), (curve,), said)
