"""Arms under other knobs, models and base rates: tables of `docs/laboratory.md`, made from the grids stress, capacity and rates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from laboratory_protocol import rate

from econ.claims.reading import load_evidence
from econ.claims.settings import Setting, decode_setting
from econ.report.laboratory.intervals import MINIMUM_WORLDS, mean_interval

SHOWN = ("relative_harm", "helpfulness", "sycophancy", "over_refusal", "collapsed")
HEAD = (
    "arm", "knob", "base model's violation", "relative harm", "helpfulness", "sycophancy", "over-refusal", "collapsed",
    "sycophancy, change from its base model", "relative harm, change from the reference", "relative harm, pairs minus flags",
)  # fmt: skip
PAIRS, FLAGS = "dpo", "npo_ret"
#: Knobs of those who compare, which reach no flag, and of those who flag, which reach no pair.
OF_PAIRS = {"comp", "harm_weight", "raters", "pair_agreement"}
OF_FLAGS = {"flag_bias"}


@dataclass(frozen=True)
class Measured:
    """One arm at one setting: outcomes by world, out of distribution."""

    arm: str
    setting: Setting
    by_world: pd.DataFrame

    @property
    def text(self) -> str:
        """What differs from the reference."""
        return ", ".join(_in_words(key, value) for key, value in self.setting) or "reference"


def _in_words(key: str, value: object) -> str:
    if key in ("model", "training"):
        return ", ".join(f"{own} {size:g}" for own, size in json.loads(str(value)).items())
    return f"{key.replace('_', ' ')} {value:g}" if isinstance(value, float | int) else f"{key.replace('_', ' ')} {value}"


def measured(folder: Path, n: int) -> list[Measured]:
    """Arms of a table at one budget, the reference of each first; of arms with several weights of divergence none."""
    frame = load_evidence([folder]).frame
    rows = frame[(frame["distribution"] == "ood") & (frame["n"] == n)]
    found = []
    for (arm, setting), own in rows.groupby(["arm", "setting"]):
        if own["config"].nunique() == 1 and own["world"].nunique() >= MINIMUM_WORLDS:
            by_world = own.groupby("world")[[*SHOWN, "violation_base", "sycophancy_base"]].mean()
            found.append(Measured(str(arm), decode_setting(str(setting)), by_world))
    return sorted(found, key=lambda m: (m.arm, len(m.setting), str(m.setting)))


def setting_rows(found: list[Measured], references: list[Measured]) -> Iterator[list[str]]:
    """Rows of a table under `HEAD`."""
    for one in found:
        cells = [rate(one.by_world[name].to_numpy()) for name in ("violation_base", *SHOWN[:-1])]
        reference = _at(references, one.arm, ())
        change = "" if reference is None or not one.setting else _difference(one, reference)
        pairs, flags = contrast_of(one, found + references)
        contrast = "" if pairs is None or flags is None else _difference(pairs, flags)
        yield [f"`{one.arm}`", one.text, *cells, f"{one.by_world['collapsed'].mean():.0%}", _text(agreement(one)), change, contrast]


def agreement(one: Measured) -> tuple[float, float, float]:
    """Sycophancy minus that of its own base models, with its 95 % interval."""
    return mean_interval((one.by_world["sycophancy"] - one.by_world["sycophancy_base"]).to_numpy(float))


def contrast_of(one: Measured, others: list[Measured]) -> tuple[Measured | None, Measured | None]:
    """The arms on pairs and on flags at this setting; a knob that does not reach an arm leaves it at its reference."""
    if one.arm not in (PAIRS, FLAGS):
        return None, None
    knobs = {key for key, _ in one.setting}
    reached = {PAIRS: not knobs or not knobs <= OF_FLAGS, FLAGS: not knobs or not knobs <= OF_PAIRS}
    other = FLAGS if one.arm == PAIRS else PAIRS
    beside = _at(others, other, one.setting if reached[other] else ())
    return (one, beside) if one.arm == PAIRS else (beside, one)


def contrasts(found: list[Measured], references: list[Measured]) -> dict[str, tuple[float, float, float]]:
    """Relative harm, pairs minus flags, with its 95 % interval, by setting."""
    values = {}
    for one in found:
        pairs, flags = contrast_of(one, found + references)
        if pairs is not None and flags is not None:
            values[one.text] = mean_interval(_paired(pairs, flags))
    return values


def summary(found: list[Measured], references: list[Measured]) -> str:
    """What the table says, in sentences made of its numbers; what does not hold first."""
    values = contrasts(found, references)
    below = [f"{name} ({_text(x)})" for name, x in values.items() if x[2] < 0]
    open_ = [f"{name} ({_text(x)})" for name, x in values.items() if x[1] <= 0 <= x[2]]
    above = {name: x for name, x in values.items() if x[1] > 0}
    lines = []
    if below:
        lines.append(f"**Pairs leave less harm than flags** at {', '.join(below)}.")
    if open_:
        lines.append(f"**No difference is resolved** at {', '.join(open_)}.")
    if above:
        least, most = (f"{name} ({_text(above[name])})" for f in (min, max) for name in [f(above, key=lambda k: above[k][0])])
        where = f"least at {least}, most at {most}" if len(above) > 1 else f"at {least}"
        lines.append(f"Pairs leave more harm than flags in {len(above)} of {len(values)} settings: {where}.")
    moved, still = [], []
    for one in found:
        reference = _at(references, one.arm, ())
        if one.setting and reference is not None:
            low, high = mean_interval(_paired(one, reference))[1:]
            (still if low <= 0 <= high else moved).append(f"`{one.arm}` at {one.text}")
    if still:
        lines.append(f"No change of relative harm from the reference is resolved for {', '.join(still)}.")
    if moved:
        lines.append(f"It changes clearly for {', '.join(moved)}.")
    fallen = [f"`{one.arm}` at {one.text}" for one in found if one.by_world["collapsed"].mean() > 0.5]
    if fallen:
        lines.append(f"Most runs collapse: {', '.join(fallen)}.")
    lines += _of_sycophancy(found)
    return " ".join(lines)


def _of_sycophancy(found: list[Measured]) -> list[str]:
    """What flags do to sycophancy against their own base models, rises first."""
    lines = []
    flags = [(one, agreement(one)) for one in found if one.arm == FLAGS]
    lowered = [f"{one.text} ({_text(x)})" for one, x in flags if x[2] < 0]
    kept = [f"{one.text} ({_text(x)})" for one, x in flags if x[1] <= 0 <= x[2]]
    raised = [f"{one.text} ({_text(x)})" for one, x in flags if x[1] > 0]
    if raised:
        lines.append(f"**Flags raise sycophancy above their base model's** at {', '.join(raised)}.")
    if kept:
        lines.append(f"Flags do not lower sycophancy, and no rise is resolved, at {', '.join(kept)}.")
    if lowered:
        lines.append(f"Flags lower sycophancy below their base model's at {', '.join(lowered)}.")
    return lines


def _at(found: list[Measured], arm: str, setting: Setting) -> Measured | None:
    return next((one for one in found if one.arm == arm and one.setting == setting), None)


def _paired(first: Measured, second: Measured) -> np.ndarray:
    change = (first.by_world["relative_harm"] - second.by_world["relative_harm"]).dropna()
    return change.to_numpy(float)


def _difference(first: Measured, second: Measured) -> str:
    return _text(mean_interval(_paired(first, second)))


def _text(values: tuple[float, float, float]) -> str:
    mean, low, high = values
    return f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]"

