"""Cells of phase diagrams: where preference training leaves more of an outcome than negative training, over two knobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from econ.claims.arms import Curve, Pair, join
from econ.claims.evidence import Evidence
from econ.claims.resampling import Effect, Resampler
from econ.claims.settings import REFERENCE, Setting
from econ.report.laboratory.tables import WITH_COLLAPSE

#: The registered pair.
NEGATIVE, PREFERENCE = "npo_ret", "dpo"
#: Knobs that do not reach a kind of label, so that one run serves every value of them.
UNTOUCHED = {NEGATIVE: ("bias",), PREFERENCE: ("coverage",)}
#: Least number of values of a knob for a diagram.
MINIMUM_SIDE = 3
#: Bootstrap draws of worlds.
DRAWS = 1000


@dataclass(frozen=True)
class Diagram:
    """Which contrast is drawn over which knobs; what is not its outcome stands beside it, smaller."""

    name: str
    title: str
    outcome: str
    x: str
    y: str
    x_label: str
    y_label: str
    unknown: str

    @property
    def companions(self) -> list[str]:
        """Outcomes beside the one of the diagram."""
        return [name for name in WITH_COLLAPSE if name != self.outcome]


DIAGRAMS = (
    Diagram(
        "phase_harm", "Relative harm, preference minus negative training", "relative_harm", "miss", "coverage",
        "Flag noise: miss and false alarm rate (raters who compare see through the same noise)",
        "Rules drafted, of 8", "Real noise and coverage",
    ),
    Diagram(
        "phase_sycophancy", "Sycophancy, preference minus negative training", "sycophancy", "bias", "confounding",
        "Raters' utility of agreement (bias; enters pairs alone)",
        "P(stated opinion is true), in training", "Real bias and confounding",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """The contrasts at one point of a diagram, by outcome, with their bootstrap draws (the same worlds in all).

    `collapsed` has the shares of runs of the negative and of the preference arm: two that are alike have no contrast.
    """

    x: float
    y: float
    n: float
    effects: Mapping[str, Effect]
    collapsed: tuple[float, float]


def phase_cells(evidence: Evidence, diagram: Diagram, distribution: str) -> list[Cell]:
    """Points of a diagram at which both arms were measured, on common worlds and at one budget."""
    resampler = Resampler(draws=DRAWS)
    found = []
    for x, y, negative, preference in _pairs(evidence, diagram, distribution):
        pair = join(negative, preference)
        if pair is None:
            continue
        gaps = {name: (pair.preference.values[name] - pair.negative.values[name])[:, -1] for name in WITH_COLLAPSE}
        effects = {
            name: Effect.exact(resampler.weights(pair.worlds) @ gap, len(gap)) for name, gap in gaps.items() if np.isfinite(gap).all()
        }
        if diagram.outcome in effects:
            found.append(Cell(x, y, float(pair.n[-1]), effects, collapsed_shares(pair)))
    return found


def collapsed_shares(pair: Pair) -> tuple[float, float]:
    """Share of runs of either arm that collapsed at their largest budget, the negative one first."""
    negative, preference = (float(curve.values["collapsed"][:, -1].mean()) for curve in (pair.negative, pair.preference))
    return negative, preference


def _pairs(evidence: Evidence, diagram: Diagram, distribution: str) -> Iterator[tuple[float, float, Curve, Curve]]:
    """Both arms at each point, a knob that does not reach an arm being left at its reference for that arm."""
    negatives = {c.setting: c for c in reversed(evidence.curves(NEGATIVE, distribution))}
    preferences = {c.setting: c for c in reversed(evidence.curves(PREFERENCE, distribution))}
    knobs = (diagram.x, diagram.y)
    points = {
        (at[diagram.x], at[diagram.y])
        for settings in (_product(negatives, preferences, knobs),)
        for at in settings
    }
    for x, y in sorted(points):
        arms = [
            _at(curves, diagram, x, y, UNTOUCHED[method])
            for curves, method in ((negatives, NEGATIVE), (preferences, PREFERENCE))
        ]
        if arms[0] is not None and arms[1] is not None:
            yield x, y, arms[0], arms[1]


def _product(
    negatives: dict[Setting, Curve], preferences: dict[Setting, Curve], knobs: tuple[str, str]
) -> Iterator[dict[str, float]]:
    """Values of both knobs that either arm was measured at."""
    values = {
        knob: {_knobs(s)[knob] for curves in (negatives, preferences) for s in curves if _only(s, knobs)}
        for knob in knobs
    }
    for x in values[knobs[0]]:
        for y in values[knobs[1]]:
            yield {knobs[0]: x, knobs[1]: y}


def _knobs(setting: Setting) -> dict[str, float]:
    return {**REFERENCE, **{key: value for key, value in setting if key in REFERENCE}}


def _only(setting: Setting, knobs: tuple[str, ...]) -> bool:
    """Whether a setting differs from the reference in these knobs alone (a false alarm goes with a miss)."""
    return {key for key, _ in setting} <= {*knobs, *(("false_alarm",) if "miss" in knobs else ())}


def _at(curves: dict[Setting, Curve], diagram: Diagram, x: float, y: float, untouched: tuple[str, ...]) -> Curve | None:
    wanted = {
        knob: REFERENCE[knob] if knob in untouched else value
        for knob, value in ((diagram.x, x), (diagram.y, y))
    }
    for setting, curve in curves.items():
        at = _knobs(setting)
        same = all(abs(at[knob] - value) < 1e-4 for knob, value in wanted.items())
        if same and _only(setting, (diagram.x, diagram.y)) and _even_noise(at, diagram):
            return curve
    return None


def _even_noise(at: dict[str, float], diagram: Diagram) -> bool:
    """On the axis of flag noise misses and false alarms are equally frequent."""
    return diagram.x != "miss" or abs(at["miss"] - at["false_alarm"]) < 1e-4


def phase_table(cells: list[Cell], diagram: Diagram, distribution: str) -> pd.DataFrame:
    """The numbers of a diagram, its own outcome first: knobs, contrast with its 95 % interval, share of draws above 0."""
    rows = []
    for outcome in (diagram.outcome, *diagram.companions):
        for cell in cells:
            if (effect := cell.effects.get(outcome)) is None:
                continue
            low, high = effect.interval
            rows.append(
                {
                    "distribution": distribution, "outcome": outcome, diagram.x: cell.x, diagram.y: cell.y, "n": cell.n,
                    "worlds": effect.worlds, "difference": effect.value, "low": low, "high": high,
                    "share_positive": float((effect.low[1:] > 0).mean()),
                    "collapsed_negative": cell.collapsed[0], "collapsed_preference": cell.collapsed[1],
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def full_grid(cells: list[Cell]) -> tuple[list[float], list[float], list[Cell]] | None:
    """Values of both knobs whose every combination was measured, and the cells, x fastest; None if too few."""
    by_point = {(cell.x, cell.y): cell for cell in cells}
    xs, ys = sorted({c.x for c in cells}), sorted({c.y for c in cells})
    while xs and ys:
        holes = {
            **{("x", x): sum((x, y) not in by_point for y in ys) / len(ys) for x in xs},
            **{("y", y): sum((x, y) not in by_point for x in xs) / len(xs) for y in ys},
        }
        (axis, value), worst = max(holes.items(), key=lambda item: item[1])
        if worst == 0.0:
            break
        (xs if axis == "x" else ys).remove(value)
    if len(xs) < MINIMUM_SIDE or len(ys) < MINIMUM_SIDE:
        return None
    return xs, ys, [by_point[(x, y)] for y in ys for x in xs]
