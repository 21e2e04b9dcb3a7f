"""Drawing of phase diagrams: the contrast over two knobs, and beside it what else changed at the same points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from econ.claims.resampling import LEVEL, Effect
from econ.core.measurements import DISTRIBUTION_NAMES
from econ.report.laboratory.drawing import LABELS, finish, short_label
from econ.report.laboratory.maps import NEGATIVE, PREFERENCE, Cell, Diagram, full_grid
from econ.report.laboratory.tables import caveat
from econ.report.numbers import short
from econ.report.style import COLOURS, figure_style, new_mosaic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
#: Points per axis on which the zero contour's band is drawn.
FINE = 81
#: Least end of a colour scale, so that differences of no size look like none.
LEAST_REACH = 0.05
#: Which way an outcome is good, since colours of differences cannot say it.
GOOD = {"helpfulness": "higher is better"}
MAIN_SIZE, SMALL_SIZE = 7.0, 6.3


def phase_diagram(cells: list[Cell], diagram: Diagram, distribution: str) -> Figure:
    """Squares coloured by the contrast, hatched where its interval holds 0, with the zero contour and its band.

    The outcome of the diagram is large, with its intervals; its companions are smaller, drawn in the same way.

    Raises
    ------
    ValueError
        If the cells form no grid.
    """
    grid = full_grid(cells)
    if grid is None:
        raise ValueError("these cells form no grid")
    xs, ys, ordered = grid
    with figure_style():
        figure, axes = new_mosaic(9.2, "aa;bc;de", [1.75, 1.0, 1.0])
        main, *small = axes.values()
        hatched, crossed = _draw_pane(figure, main, ordered, (xs, ys), diagram.outcome, large=True)
        main.set_xlabel(diagram.x_label)
        main.set_ylabel(diagram.y_label)
        for pane, outcome in zip(small, diagram.companions, strict=True):
            _draw_pane(figure, pane, ordered, (xs, ys), outcome)
            pane.set_xlabel(diagram.x_label.partition(":")[0].partition(" (")[0], fontsize=7.5)
            pane.set_ylabel(diagram.y_label.partition(",")[0], fontsize=7.5)
        budgets = " to ".join(f"{n:,.0f}" for n in sorted({c.n for c in ordered})[:: max(1, len({c.n for c in ordered}) - 1)])
        line = "" if crossed else f" {short_label(diagram.outcome)}: one sign in all cells, no zero contour."
        worst = max(share for cell in ordered for share in cell.collapsed)
        collapse = "Cross: an arm collapsed in half the worlds or more." if worst > 0.0 else "No run of either arm collapsed."
        note = (
            f"{PREFERENCE} minus {NEGATIVE} at {budgets} labels, means over {_worlds(ordered)} worlds. Hatched (of {short_label(diagram.outcome).lower()} "
            f"{hatched} of {len(ordered)} cells): the 95 % interval holds 0. Black line: no difference; grey: its 95 % band over worlds, "
            f"interpolated between cells.{line} {collapse} Each pane has its own scale of colours; intervals of the small ones are in the table beside "
            f"the figure. A label of one kind carries other bits, minutes and reads than one of the other. {diagram.unknown} are unknown: "
            f"they must come from the literature or from you. {caveat(None)}"
        )
        finish(figure, f"{diagram.title}, {DISTRIBUTION_NAMES.get(distribution, distribution)}", note)
        return figure


def _worlds(cells: list[Cell]) -> str:
    counts = [effect.worlds for cell in cells for effect in cell.effects.values()]
    return str(min(counts)) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def _draw_pane(
    figure: Figure, axes: Axes, cells: list[Cell], values: tuple[list[float], list[float]], outcome: str, *, large: bool = False
) -> tuple[int, bool]:
    """One outcome over both knobs; how many cells are hatched, and whether there is a zero contour."""
    xs, ys = values
    shape = (len(ys), len(xs))
    axes.set_title(f"{LABELS[outcome]} ({GOOD.get(outcome, 'lower is better')})", fontsize=9.5 if large else 8.0)
    axes.set_xticks(range(len(xs)), [f"{x:g}" for x in xs])
    axes.set_yticks(range(len(ys)), [f"{y:g}" for y in ys])
    axes.grid(False)
    axes.set_xlim(-0.5, len(xs) - 0.5)
    axes.set_ylim(-0.5, len(ys) - 0.5)
    if not all(outcome in cell.effects for cell in cells):
        axes.text(0.5, 0.5, "not measured at every point", transform=axes.transAxes, ha="center")
        return 0, False
    effects = [cell.effects[outcome] for cell in cells]
    mean = np.array([effect.value for effect in effects]).reshape(shape)
    reach = max(float(np.abs(mean).max()), LEAST_REACH)
    mesh = axes.pcolormesh(
        np.arange(len(xs) + 1) - 0.5, np.arange(len(ys) + 1) - 0.5, mean, cmap="PuOr", vmin=-reach, vmax=reach,
        edgecolors="white", linewidth=1.0,
    )  # fmt: skip
    hatched = _draw_numbers(axes, effects, shape, reach, large=large)
    crossed = _draw_zero(axes, effects, shape, 1.8 if large else 1.3)
    broken = [divmod(i, len(xs)) for i, cell in enumerate(cells) if max(cell.collapsed) >= 0.5]
    axes.scatter(
        [column + 0.38 for _, column in broken], [row + 0.3 for row, _ in broken], s=22, marker="x", c=COLOURS[1], linewidths=1.2, zorder=6
    )
    bar = figure.colorbar(mesh, ax=axes, fraction=0.05, label=f"{PREFERENCE} minus {NEGATIVE}" if large else "difference")
    if not large:
        bar.ax.tick_params(labelsize=7.0)
    return hatched, crossed


def _draw_numbers(axes: Axes, effects: list[Effect], shape: tuple[int, int], reach: float, *, large: bool) -> int:
    """Numbers in the squares, with intervals where there is room; hatches where they hold 0; how many are hatched."""
    from matplotlib.patches import Rectangle

    hatched = 0
    for i, effect in enumerate(effects):
        row, column = divmod(i, shape[1])
        low, high = effect.interval
        if low <= 0.0 <= high:
            hatched += 1
            axes.add_patch(
                Rectangle((column - 0.5, row - 0.5), 1.0, 1.0, fill=False, hatch="////", edgecolor="#808080", linewidth=0.0)
            )
        dark = abs(effect.value) > 0.65 * reach
        value = f"{effect.value:+.2f}" if np.any(effect.low) else "0"
        words = f"{value}\n[{low:+.2f}, {high:+.2f}]" if large else value
        text = axes.text(
            column, row, words.replace("-", "−"), ha="center", va="center", fontsize=MAIN_SIZE if large else SMALL_SIZE,
            color="white" if dark else "black", zorder=5,
        )  # fmt: skip
        if not dark:
            text.set_bbox({"facecolor": "white", "alpha": 0.6, "edgecolor": "none", "pad": 1.0})
    return hatched


def _draw_zero(axes: Axes, effects: list[Effect], shape: tuple[int, int], width: float) -> bool:
    """The zero contour of the mean and the band in which bootstrap draws disagree about the sign; whether there is one."""
    values = np.stack([effect.low for effect in effects]).reshape(*shape, -1)
    fine = _interpolated(values)
    x, y = (np.linspace(0.0, size - 1.0, FINE) for size in (shape[1], shape[0]))
    # A draw without any difference (no run collapsed) is on neither side.
    positive = ((fine[:, :, 1:] > 0) + 0.5 * (fine[:, :, 1:] == 0)).mean(axis=2)
    tail = (1.0 - LEVEL) / 2.0
    if positive.min() < 1.0 - tail and positive.max() > tail and not (positive == 0.5).all():
        axes.contourf(x, y, positive, levels=[tail, 1.0 - tail], colors=["#404040"], alpha=0.25, zorder=3)
    if not fine[:, :, 0].min() < 0.0 < fine[:, :, 0].max():
        return False
    axes.contour(x, y, fine[:, :, 0], levels=[0.0], colors="black", linewidths=width, zorder=4)
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
    """Alt text: for each outcome how many cells are on either side, and the extremes."""
    sentences = [
        _sides(cells, diagram, outcome)
        for outcome in (diagram.outcome, *diagram.companions)
        if all(outcome in cell.effects for cell in cells)
    ]
    return (
        f"Phase diagram, {DISTRIBUTION_NAMES.get(distribution, distribution)}: {diagram.title.lower()} over {diagram.x} and "
        f"{diagram.y}, and smaller the other outcomes over the same knobs. {' '.join(sentences)}"
    )


def _sides(cells: list[Cell], diagram: Diagram, outcome: str) -> str:
    intervals = [cell.effects[outcome].interval for cell in cells]
    above, below = sum(low > 0 for low, _ in intervals), sum(high < 0 for _, high in intervals)
    most, least = (pick(cells, key=lambda c: c.effects[outcome].value) for pick in (max, min))
    ends = "; ".join(
        f"{which} {short(c.effects[outcome].value)} at {diagram.x} {c.x:g}, {diagram.y} {c.y:g}"
        for which, c in (("largest", most), ("smallest", least))
    )
    return (
        f"{short_label(outcome)}: clearly positive in {above} of {len(cells)} cells, clearly negative in {below}, undecided in "
        f"{len(cells) - above - below}; {ends}."
    )
