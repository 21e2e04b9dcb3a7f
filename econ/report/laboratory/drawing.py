"""What the laboratory's figures share: names, axes of effort, titles with their notes, and figures left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from econ.report.style import COLOURS, finish_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELS = {
    "relative_harm": "Relative harm",
    "helpfulness": "Helpfulness, 0 to 1",
    "sycophancy": "Sycophancy, rate",
    "over_refusal": "Over-refusal, rate",
    "collapsed": "Collapsed runs, share",
}
EFFORTS = {
    "judgements": "Human judgements",
    "human_minutes": "Human minutes,\nrule drafting included",
    "flops": "FLOPs of training,\nsampling and scoring",
    "verifications": "Calls of a program that knows every rule",
}
#: Markers tell methods of one arm apart, where there are several.
MARKERS = "osD^vP*X"
#: Colour by kind of label; marker and line tell methods of one kind apart.
KIND_COLOURS = {
    "flag": COLOURS[0], "flag_rule": COLOURS[0], "preference": COLOURS[1], "flag+preference": COLOURS[2],
    "desirability": COLOURS[3], "critic": COLOURS[4], "demonstration": COLOURS[5], "verification": COLOURS[6],
}  # fmt: skip
#: Labels and minutes are drawn at log(1 + x/FIRST), so that zero has a place.
FIRST = 8.0


@dataclass(frozen=True)
class LeftOut:
    """A figure that the data do not allow, and why."""

    name: str
    why: str


def effort_axis(axes: Axes, effort: str, values: pd.Series[float]) -> None:
    """An axis on which zero has a place: positions are log(1 + x/first)."""
    largest = float(values.max())
    first = FIRST if effort != "flops" else float(values[values > 0].min())
    axes.set_xscale("function", functions=(lambda x: np.log1p(x / first), lambda y: first * np.expm1(y)))
    end = float(np.log1p(largest / first))
    axes.set_xlim(first * np.expm1(-0.05 * end), first * np.expm1(1.05 * end))
    if effort == "flops":
        powers = range(int(np.ceil(np.log10(first))), int(np.floor(np.log10(largest))) + 1)
        axes.set_xticks([0.0, *(10.0**k for k in powers)], ["0", *(f"$10^{{{k}}}$" for k in powers)])
    else:
        ticks = label_ticks(largest)
        axes.set_xticks(ticks, [f"{t:,}" for t in ticks], fontsize=7.0)


def label_ticks(largest: float, most: int = 6) -> list[int]:
    """Zero and powers of four from 16 on, thinned from below until there are few."""
    powers = [4**k for k in range(2, 24) if 4**k <= largest * 1.001] or [int(largest)]
    step = -(-len(powers) // (most - 1))
    return [0, *powers[::-1][::step][::-1]]


def legend_above(figure: Figure, axes: Axes, columns: int = 3) -> None:
    """A legend between the title and the panes."""
    # The layout gives title and legend the same room: an empty title of the legend keeps them apart.
    room = "\n".join(" " * (figure.get_suptitle().count("\n") + 1))
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper left", ncols=columns, title=room, title_fontsize=10.5, alignment="left",
        borderaxespad=0.2,
    )  # fmt: skip


def finish(figure: Figure, title: str, note: str) -> None:
    """Title and note, broken into lines that fit the page's width."""
    import textwrap

    lines = [line for part in title.splitlines() for line in textwrap.wrap(part, 76)]
    finish_figure(figure, "\n".join(lines), "\n".join(textwrap.wrap(note, 130)))
    figure.align_ylabels()


def short_label(outcome: str) -> str:
    """An outcome's name without its unit."""
    return LABELS[outcome].split(",")[0]
