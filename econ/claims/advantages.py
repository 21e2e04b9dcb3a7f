"""The headline contrast on all axes: labels to target, advantage and area, at all targets, floors and distributions."""

from __future__ import annotations

from typing import Any

import numpy as np

from econ.claims.context import Context
from econ.claims.curves import FLOOR, FLOORS, TARGETS
from econ.claims.effects import CURVE_BUDGETS, pair_advantage, pair_area
from econ.claims.evidence import AXES, Missing, Pair, find_pair
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
    rows = []
    for axis in AXES:
        for tuning in (False, True) if axis in TUNED_AXES else (False,):
            rows += _area_row(context, pair, axis, tuning)
            for target in TARGETS:
                floors = FLOORS if axis == "judgements" and not tuning else (FLOOR,)
                for floor in floors:
                    rows += _advantage_row(context, pair, axis, tuning, target, floor)
    return rows


def _advantage_row(
    context: Context, pair: Pair, axis: str, tuning: bool, target: float, floor: float
) -> list[dict[str, Any]]:
    try:
        effect, at = pair_advantage(context, pair, target, floor=floor, axis=axis, tuning=tuning)
    except Missing:
        return []
    found = {f"at_{name}": x if np.isfinite(x) else None for name, x in at.items()}
    return [_row(pair, "A", axis, tuning, effect) | {"target": target, "floor": floor} | found]


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
