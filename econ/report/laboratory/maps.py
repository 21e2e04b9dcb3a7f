"""Phase diagrams: where preference training leaves more of an outcome than negative training, over two knobs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from econ.claims.arms import Curve, join
from econ.claims.evidence import Evidence
from econ.claims.resampling import LEVEL, Effect, Resampler
from econ.claims.settings import REFERENCE, Setting
from econ.core.measurements import DISTRIBUTION_NAMES
from econ.report.laboratory.drawing import finish
from econ.report.laboratory.tables import caveat
from econ.report.numbers import short
from econ.report.style import figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
#: The registered pair.
NEGATIVE, PREFERENCE = "npo_ret", "dpo"
#: Knobs that do not reach a kind of label, so that one run serves every value of them.
UNTOUCHED = {NEGATIVE: ("bias",), PREFERENCE: ("coverage",)}
#: Least number of values of a knob for a diagram.
MINIMUM_SIDE = 3
#: Bootstrap draws of worlds, and points per axis on which the zero contour's band is drawn.
DRAWS, FINE = 1000, 81


@dataclass(frozen=True)
class Diagram:
    """Which contrast is drawn over which knobs."""

    name: str
    title: str
    outcome: str
    x: str
    y: str
    x_label: str
    y_label: str
    unknown: str


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
    """The contrast at one point of a diagram, with its bootstrap draws."""

    x: float
    y: float
    n: float
    effect: Effect


def phase_cells(evidence: Evidence, diagram: Diagram, distribution: str) -> list[Cell]:
    """Points of a diagram at which both arms were measured, on common worlds and at one budget."""
    resampler = Resampler(draws=DRAWS)
    found = []
    for x, y, negative, preference in _pairs(evidence, diagram, distribution):
        pair = join(negative, preference)
        if pair is None:
            continue
        gap = (pair.preference.values[diagram.outcome] - pair.negative.values[diagram.outcome])[:, -1]
        if np.isfinite(gap).all():
            effect = Effect.exact(resampler.weights(pair.worlds) @ gap, len(gap))
            found.append(Cell(x, y, float(pair.n[-1]), effect))
    return found


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
    """The numbers of a diagram: knobs, contrast with its 95 % interval, and P(contrast > 0) over the bootstrap."""
    rows = []
    for cell in cells:
        low, high = cell.effect.interval
        rows.append(
            {
                "distribution": distribution, "outcome": diagram.outcome, diagram.x: cell.x, diagram.y: cell.y, "n": cell.n,
                "worlds": cell.effect.worlds, "difference": cell.effect.value, "low": low, "high": high,
                "share_positive": float((cell.effect.low[1:] > 0).mean()),
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


def phase_diagram(cells: list[Cell], diagram: Diagram, distribution: str) -> Figure:
    """Squares coloured by the contrast, hatched where its interval holds 0, with the zero contour and its band.

    Raises
    ------
    ValueError
        If the cells form no grid.
    """
    grid = full_grid(cells)
    if grid is None:
        raise ValueError("these cells form no grid")
    xs, ys, ordered = grid
    shape = (len(ys), len(xs))
    mean = np.array([cell.effect.value for cell in ordered]).reshape(shape)
    with figure_style():
        figure, (axes,) = new_figure(5.6)
        reach = float(np.abs(mean).max()) or 1e-6
        mesh = axes.pcolormesh(
            np.arange(len(xs) + 1) - 0.5, np.arange(len(ys) + 1) - 0.5, mean, cmap="PuOr", vmin=-reach, vmax=reach,
            edgecolors="white", linewidth=1.0,
        )  # fmt: skip
        hatched = _draw_cells(axes, ordered, shape, reach)
        crossed = _draw_zero(axes, ordered, shape)
        axes.set_xticks(range(len(xs)), [f"{x:g}" for x in xs])
        axes.set_yticks(range(len(ys)), [f"{y:g}" for y in ys])
        axes.set_xlabel(diagram.x_label)
        axes.set_ylabel(diagram.y_label)
        axes.grid(False)
        figure.colorbar(mesh, ax=axes, fraction=0.05, label=f"{PREFERENCE} minus {NEGATIVE}")
        budgets = " to ".join(f"{n:,.0f}" for n in sorted({c.n for c in ordered})[:: max(1, len({c.n for c in ordered}) - 1)])
        line = (
            "Black line: no difference; grey: its 95 % band over worlds, interpolated between cells. "
            if crossed
            else "The difference has one sign in all cells: no zero contour. "
        )
        note = (
            f"{PREFERENCE} minus {NEGATIVE} at {budgets} labels, means over {_worlds(ordered)} worlds; hatched "
            f"({hatched} of {len(ordered)}): the 95 % interval holds 0. {line}A label of one kind carries other bits, minutes "
            f"and reads than one of the other. {diagram.unknown} are unknown: they must come from the literature or from "
            f"you. {caveat(None)}"
        )
        finish(figure, f"{diagram.title}, {DISTRIBUTION_NAMES.get(distribution, distribution)}", note)
        return figure


def _worlds(cells: list[Cell]) -> str:
    low, high = min(c.effect.worlds for c in cells), max(c.effect.worlds for c in cells)
    return str(low) if low == high else f"{low} to {high}"


def _draw_cells(axes: Axes, cells: list[Cell], shape: tuple[int, int], reach: float) -> int:
    """Numbers in the squares, hatches where the interval holds 0; returns how many are hatched."""
    from matplotlib.patches import Rectangle

    hatched = 0
    for i, cell in enumerate(cells):
        row, column = divmod(i, shape[1])
        low, high = cell.effect.interval
        if low <= 0.0 <= high:
            hatched += 1
            axes.add_patch(
                Rectangle((column - 0.5, row - 0.5), 1.0, 1.0, fill=False, hatch="////", edgecolor="#808080", linewidth=0.0)
            )
        dark = abs(cell.effect.value) > 0.65 * reach
        text = axes.text(
            column, row, f"{cell.effect.value:+.2f}\n[{low:+.2f}, {high:+.2f}]", ha="center", va="center", fontsize=7.0,
            color="white" if dark else "black", zorder=5,
        )  # fmt: skip
        if not dark:
            text.set_bbox({"facecolor": "white", "alpha": 0.6, "edgecolor": "none", "pad": 1.0})
    return hatched


def _draw_zero(axes: Axes, cells: list[Cell], shape: tuple[int, int]) -> bool:
    """The zero contour of the mean and the band in which bootstrap draws disagree about the sign; whether there is one."""
    values = np.stack([cell.effect.low for cell in cells]).reshape(*shape, -1)
    fine = _interpolated(values)
    x, y = (np.linspace(0.0, size - 1.0, FINE) for size in (shape[1], shape[0]))
    positive = (fine[:, :, 1:] > 0).mean(axis=2)
    tail = (1.0 - LEVEL) / 2.0
    if positive.min() < 1.0 - tail and positive.max() > tail:
        axes.contourf(x, y, positive, levels=[tail, 1.0 - tail], colors=["#404040"], alpha=0.25, zorder=3)
    if not fine[:, :, 0].min() < 0.0 < fine[:, :, 0].max():
        return False
    axes.contour(x, y, fine[:, :, 0], levels=[0.0], colors="black", linewidths=1.8, zorder=4)
    return True


def _interpolated(values: Floats) -> Floats:
    """Bilinear interpolation of [rows, columns, draws] onto FINE x FINE points."""
    for axis in (0, 1):
        size = values.shape[axis]
        at = np.linspace(0.0, size - 1.0, FINE)
        below = np.minimum(at.astype(int), size - 2)
        share = (at - below).reshape([-1 if i == axis else 1 for i in range(3)])
        values = (1.0 - share) * values.take(below, axis) + share * values.take(below + 1, axis)
    return values


def phase_alt_text(cells: list[Cell], diagram: Diagram, distribution: str) -> str:
    """Alt text: how many cells are on either side, and the extremes."""
    intervals = [cell.effect.interval for cell in cells]
    above, below = sum(low > 0 for low, _ in intervals), sum(high < 0 for _, high in intervals)
    most, least = (pick(cells, key=lambda c: c.effect.value) for pick in (max, min))
    ends = "; ".join(
        f"{which} {short(c.effect.value)} at {diagram.x} {c.x:g}, {diagram.y} {c.y:g}"
        for which, c in (("largest", most), ("smallest", least))
    )
    return (
        f"Phase diagram, {DISTRIBUTION_NAMES.get(distribution, distribution)}: {diagram.title.lower()} over {diagram.x} and "
        f"{diagram.y}. Clearly positive in {above} of {len(cells)} cells, clearly negative in {below}, undecided in "
        f"{len(cells) - above - below}; {ends}."
    )
