"""How every figure of the package looks, and how it is saved: colour-blind-safe and byte for byte reproducible."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from econ.core.files import atomic_file
from econ.ensemble.moments import FIRST_YEAR, QUARTERS_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import QuadMesh
    from matplotlib.colorbar import Colorbar
    from numpy.typing import NDArray

#: Okabe and Ito (2008), without the yellow; purple, sky blue and orange darkened to a contrast of 3 on white and on
#: the burn-in, which WCAG 2.2 asks of graphics (1.4.11).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#C0679A", "#3A8FC7", "#B37700", "#000000")
#: Colour never carries meaning alone.
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 3)))
GREY = "#666666"
#: Background of the quarters before any lever acts.
BURN_IN = "#F1F1F1"
WIDTH = 7.0
#: Opacity of the 90 % and of the 50 % band.
BAND_90, BAND_50 = 0.16, 0.30
DPI = 160
POINTS_PER_INCH = 72.0
#: Room below axes (points) for ticks, their labels and the axis label; for ticks alone.
LABELLED, UNLABELLED = 34.0, 8.0
BASE_YEAR = 2025

_RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "legend.handlelength": 2.6,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "figure.dpi": 100,
    "savefig.dpi": DPI,
    "svg.hashsalt": "econ",
    "svg.fonttype": "path",
    "axes.formatter.useoffset": False,
}


@contextlib.contextmanager
def figure_style() -> Iterator[None]:
    """Matplotlib settings of this package's figures, inside a ``with`` block alone."""
    with mpl.rc_context():
        # A user's own matplotlibrc must not change a published figure.
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)
        yield


def new_figure(
    height: float, rows: int = 1, columns: int = 1, *, share_x: bool = True
) -> tuple[Figure, list[Axes]]:
    """A figure of the page's width with a grid of axes, free of the global pyplot state.

    Parameters
    ----------
    height : float
        Inches.
    """
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=share_x, squeeze=False)
    return figure, list(axes.flat)


def new_mosaic(height: float, mosaic: str, height_ratios: list[float]) -> tuple[Figure, dict[str, Axes]]:
    """A figure of the page's width whose axes lie as their letters do in the mosaic ("aa;bc": one above two).

    Parameters
    ----------
    height : float
        Inches.
    height_ratios : list of float
        Of the mosaic's rows.
    """
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplot_mosaic(mosaic, height_ratios=height_ratios)


def with_minus(text: str) -> str:
    """A number with a true minus, as Matplotlib writes the labels of its own ticks."""
    return text.replace("-", "\N{MINUS SIGN}")


def quarter_axis(axes: Axes, table: pd.DataFrame, *, label: bool = True) -> None:
    """An axis of quarters, marked in years, with the burn-in, in which no lever acts, in grey."""
    first, last = int(table["quarter"].min()), int(table["quarter"].max())
    if first < 0:
        axes.axvspan(first, -0.5, color=BURN_IN, zorder=0, linewidth=0)
    axes.set_xlim(first, max(last + 1, first + 1))
    years = [quarter for quarter in range(first, last + 2) if quarter % (QUARTERS_PER_YEAR * (2 if last - first > 20 else 1)) == 0]
    axes.set_xticks(years, [with_minus(str(quarter // QUARTERS_PER_YEAR)) for quarter in years])
    if label:
        axes.set_xlabel(f"Years from the start of {FIRST_YEAR}")


def cells(axes: Axes, values: NDArray[np.float64], **colours: Any) -> QuadMesh:
    """A heat map whose cells are vectors, centred on whole numbers, the first row at the bottom; empty where a value is NaN.

    Parameters
    ----------
    values : array [rows, columns]
    **colours
        ``cmap``, ``vmin`` and ``vmax``, as matplotlib's ``pcolormesh`` takes them.
    """
    edges = (np.arange(count + 1) - 0.5 for count in reversed(values.shape))
    # Edges of the cells' own colour, else viewers show white seams between neighbours.
    return axes.pcolormesh(*edges, values, edgecolors="face", linewidth=0.2, **colours)


def colour_bar(figure: Figure, mesh: ScalarMappable, axes: Axes) -> Colorbar:
    """A colour bar of vectors: matplotlib makes an image of more than 50 colours."""
    bar = figure.colorbar(mesh, ax=axes, shrink=0.9)
    assert bar.solids is not None, "a mesh has colours to show"
    bar.solids.set(rasterized=False, edgecolor="face", linewidth=0.2)
    return bar


def legend_below(axes: Axes, *, labelled: bool) -> None:
    """A legend below the axes, clear of tick labels and axis label whatever the size of the figure.

    Parameters
    ----------
    labelled : bool
        Whether the axes have tick labels and an axis label at the bottom; others of a shared axis have neither.
    """
    from matplotlib.transforms import ScaledTranslation

    down = (LABELLED if labelled else UNLABELLED) / POINTS_PER_INCH
    place = axes.transAxes + ScaledTranslation(-0.1, -down, axes.get_figure(root=True).dpi_scale_trans)  # type: ignore[union-attr]
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, 0.0), bbox_transform=place, borderaxespad=0.0)


def finish_figure(figure: Figure, title: str, note: str) -> None:
    """Title above and the reading note below, both at the left."""
    figure.suptitle(title, x=0.008, ha="left", fontsize=10.5, fontweight="bold")
    figure.supxlabel(note, x=0.008, ha="left", fontsize=7.2, color=GREY)


def save_figure(figure: Figure, directory: Path, name: str, facts: dict[str, str] | None = None) -> None:
    """Write ``NAME.png`` and ``NAME.svg``, the same bytes for the same figure.

    `facts` go into both files' metadata under the keys Title, Description and Source.

    The layout is solved and then frozen, at the resolution of the PNG: the solver moves on every draw,
    and the second file would differ from the first. The canvases are asked directly, since
    ``savefig`` draws everything twice.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    with figure_style():
        figure.set_dpi(DPI)
        layout = figure.get_layout_engine()
        if layout is not None:
            # Twice: the axes' new size may change their tick labels, and with them the room they need.
            layout.execute(figure)
            layout.execute(figure)
            figure.set_layout_engine("none")
        with atomic_file(directory / f"{name}.png") as temporary:
            FigureCanvasAgg(figure).print_png(temporary, metadata={"Software": None, **(facts or {})})  # type: ignore[no-untyped-call]
        with atomic_file(directory / f"{name}.svg") as temporary:
            FigureCanvasSVG(figure).print_svg(temporary, metadata={"Date": None, **(facts or {})})  # type: ignore[no-untyped-call]
