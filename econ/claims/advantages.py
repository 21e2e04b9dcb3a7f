"""The headline contrast on all axes: labels to target, advantage and area, at all targets, floors and distributions."""

from __future__ import annotations

from typing import Any

import numpy as np

from econ.claims.arms import AXES, Missing, Pair
from econ.claims.context import Context
from econ.claims.curves import FLOOR, FLOORS, TARGETS, Reached
from econ.claims.effects import CURVE_BUDGETS, pair_advantage, pair_area, pair_reached
from econ.claims.evidence import find_pair
from econ.claims.resampling import Effect

#: Axes on which what tuning took can be told.
TUNED_AXES = ("judgements", "human_minutes", "usd", "completions_read")


def advantage_table(context: Context) -> list[dict[str, Any]]:
    """A and dAULC of the headline pair, one row per distribution, measure, axis, target and floor.

    Costs hold fixed and validation labels; rows with `tuning` add the labels of tuning worlds at the
    run's own cost per judgement. All floors stand beside each other on the axis of judgements.
    """
    rows = []
    for distribution in ("id", "ood"):
        try:
            pair = find_pair(
                context.evidence, context.negative, context.preference, distribution, budgets=CURVE_BUDGETS
            )
        except Missing:
            continue
        rows += _of_pair(context, pair)
    return rows


def _of_pair(context: Context, pair: Pair) -> list[dict[str, Any]]:
    axes = [(axis, tuning) for axis in AXES for tuning in (False, True) if not tuning or axis in TUNED_AXES]
    rows = [row for axis, tuning in axes for row in _area_row(context, pair, axis, tuning)]
    for target in TARGETS:
        for floor in FLOORS:
            try:
                labels = pair_reached(context, pair, target, floor)
            except Missing:
                continue
            for axis, tuning in axes if floor == FLOOR else axes[:1]:
                rows += _advantage_row(context, pair, labels, axis, tuning, {"target": target, "floor": floor})
    return rows


def _advantage_row(
    context: Context, pair: Pair, labels: dict[str, Reached], axis: str, tuning: bool, level: dict[str, float]
) -> list[dict[str, Any]]:
    try:
        effect, at = pair_advantage(context, pair, labels, axis, tuning)
    except Missing:
        return []
    found = {f"at_{name}": x if np.isfinite(x) else None for name, x in at.items()}
    return [_row(pair, "A", axis, tuning, effect) | level | found]


def _area_row(context: Context, pair: Pair, axis: str, tuning: bool) -> list[dict[str, Any]]:
    try:
        effect = pair_area(context, pair, axis, tuning)
    except Missing:
        return []
    nothing = {"target": None, "floor": None, "at_preference": None, "at_negative": None}
    return [_row(pair, "dAULC", axis, tuning, effect) | nothing]


def _row(pair: Pair, measure: str, axis: str, tuning: bool, effect: Effect) -> dict[str, Any]:
    return {
        "distribution": pair.negative.distribution, "negative": pair.negative.method,
        "preference": pair.preference.method, "measure": measure, "axis": axis, "with_tuning": tuning,
        "v": dict(pair.setting).get("v", 0.93), **effect.plain(),
    }  # fmt: skip
