"""Under which knobs a run was made, as what differs from the registered ones."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from econ.core.measurements import MATCHED_BIAS, given_settings
from econ.core.verifiability import label_error

#: Knobs at which the predictions are registered.
REFERENCE: Mapping[str, float] = {
    "v": 0.93, "coverage": 8, "bias": 2.0, "flag_bias": 0.0, "confounding": 0.85, "comp": 0.5,
    "harm_weight": 2.0, "miss": 0.0501, "false_alarm": 0.0501,
}  # fmt: skip
#: The method whose noise was solved for world by world, so that a flag carries a pair's bits: no knob either.
MATCHED_BITS = "flag_bits"
#: A setting: the knobs that differ from the reference, with their values; empty at the reference.
Setting = tuple[tuple[str, Any], ...]


def distance(setting: Setting) -> tuple[int, float]:
    """How far a setting is from the reference: knobs that differ, then by how much, as far as that is known."""
    gaps = [abs(float(x) - REFERENCE[k]) for k, x in setting if k in REFERENCE and x is not None]
    return len(setting), float(sum(gaps))


def describe_setting(setting: Setting) -> list[str]:
    """Deviations of a setting from the registered knobs, in words."""
    return [f"{key} = {knob_text(x)} (registered: {knob_text(REFERENCE[key]) if key in REFERENCE else 'default'})" for key, x in setting]


def knob_text(value: Any) -> str:
    """A knob's value in words."""
    if value is None:
        return "not recorded"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def decode_setting(text: str) -> Setting:
    """The setting that column `setting` holds as JSON."""
    return tuple((key, json.dumps(x) if isinstance(x, list | dict) else x) for key, x in json.loads(text))


def without_half(text: str) -> str:
    """The setting of both halves: all but which half it was."""
    return json.dumps([[key, x] for key, x in json.loads(text) if key != "half"])


def settings_of(rows: pd.DataFrame, details: list[dict[str, Any]]) -> list[str]:
    """Setting of each row as JSON, since many rows share one."""
    columns = rows[list(REFERENCE)].astype("float64").round(6).to_numpy()
    known: dict[tuple[Any, ...], str] = {}
    found = []
    solved = (rows["method"] == MATCHED_BITS).to_numpy(bool)
    kinds = rows["label_kind"].astype(str).tolist()
    for row, detail, kind, was_solved in zip(columns, details, kinds, solved, strict=True):
        # Rows of one text share one dictionary.
        key = (row.tobytes(), id(detail), kind, was_solved)
        if key not in known:
            knobs = dict(zip(REFERENCE, row.tolist(), strict=True))
            if detail.get(MATCHED_BIAS):
                knobs["flag_bias"] = REFERENCE["flag_bias"]
            if was_solved:
                knobs |= dict.fromkeys(("miss", "false_alarm"), math.nan)
            known[key] = json.dumps([*_setting(knobs), *given_settings(detail, kind).items()])
        found.append(known[key])
    return found


def _setting(knobs: dict[str, float]) -> Setting:
    """Knobs that differ from the reference; noise that follows from verifiability is not listed besides it.

    Verifiability that was not recorded is a difference, of None: what it was is not known.
    """
    error = label_error(knobs["v"])
    unknown: Setting = (("v", None),) if np.isnan(knobs["v"]) else ()
    implied = all(abs(knobs[name] - error) < 1e-4 for name in ("miss", "false_alarm"))
    return unknown + tuple(
        (key, round(x, 6))
        for key, x in knobs.items()
        if np.isfinite(x) and abs(x - REFERENCE[key]) > 1e-4 and not (implied and key in ("miss", "false_alarm"))
    )
