"""Where capture is high: over the concentration of governed requests and the rate of lobbying."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from econ.ensemble.statistics import mean_and_error
from econ.ensemble.tables import by_scenario, grid, quarters_of
from econ.ensemble.window import in_window
from econ.report.document.drawing import fitted
from econ.report.numbers import short
from econ.report.style import cells, colour_bar, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

NEEDED = ("capture_index", "hhi_normative", "lobby_spend", "label_spend", "licence_spend", "spend_per_revenue")
#: Bins of each axis: equally many replicates in each, so that the edges are quantiles.
BINS = 4
#: Fewest replicates, of all scenarios, for a map.
FEWEST = 4 * BINS


def replicate_data(outcomes: pd.DataFrame) -> pd.DataFrame | None:
    """One row for each scenario and replicate: means over the last two years; None without these outcomes.

    The rate of lobbying is lobbying over product revenue; revenue is spending on labels and licences over
    its share of revenue.
    """
    if any(name not in outcomes.columns for name in NEEDED):
        return None
    parts = []
    for scenario, rows in by_scenario(outcomes).items():
        last = in_window(quarters_of(rows))
        mean = {name: mean_and_error(grid(rows, name)[:, last].T)[0] for name in NEEDED}
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = mean["lobby_spend"] * mean["spend_per_revenue"] / (mean["label_spend"] + mean["licence_spend"])
        parts.append(
            pd.DataFrame({"scenario": scenario, "hhi": mean["hhi_normative"], "rate": rate, "capture": mean["capture_index"]})
        )
    found = pd.concat(parts, ignore_index=True).dropna()
    return found if len(found) >= FEWEST else None


def capture_data(points: pd.DataFrame) -> pd.DataFrame:
    """Mean capture and number of replicates by cell; columns ``hhi_low`` … ``replicates``."""
    edges = {name: np.unique(np.quantile(points[name], np.linspace(0, 1, BINS + 1))) for name in ("hhi", "rate")}
    place = {name: _bin(points[name].to_numpy(float), edges[name]) for name in edges}
    rows = []
    for i in range(len(edges["hhi"]) - 1):
        for j in range(len(edges["rate"]) - 1):
            inside = points["capture"].to_numpy()[(place["hhi"] == i) & (place["rate"] == j)]
            rows.append((*edges["hhi"][i : i + 2], *edges["rate"][j : j + 2], inside.mean() if len(inside) else np.nan, len(inside)))
    return pd.DataFrame(rows, columns=["hhi_low", "hhi_high", "rate_low", "rate_high", "capture", "replicates"])


def _bin(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    found: NDArray[np.int64] = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return found


def capture_figure(data: pd.DataFrame, *, narrow: bool) -> Figure:
    """Heat map of the cells, the mean written in each."""
    hhi = [*dict.fromkeys(data["hhi_low"]), data["hhi_high"].max()]
    rate = [*dict.fromkeys(data["rate_low"]), data["rate_high"].max()]
    shape = (len(hhi) - 1, len(rate) - 1)
    value, count = (data[name].to_numpy(float).reshape(shape) for name in ("capture", "replicates"))
    with figure_style():
        figure, (pane,) = new_figure(3.3)
        mesh = cells(pane, value, cmap="cividis", vmin=0.0, vmax=max(0.5, float(np.nanmax(value))))
        for i in range(shape[0]):
            for j in range(shape[1]):
                dark = np.isfinite(value[i, j]) and value[i, j] < 0.55 * mesh.get_clim()[1]
                text = f"{value[i, j]:.2f}\n({count[i, j]:.0f})" if count[i, j] else "none"
                pane.text(j, i, text, ha="center", va="center", fontsize=7.5, color="white" if dark else "black")
        _edges(pane.set_yticks, hhi, short)
        _edges(pane.set_xticks, [1e3 * x for x in rate], short)
        pane.set_xlabel("Lobbying, USD per 1,000 USD of product revenue")
        pane.set_ylabel("HHI of requests governed")
        pane.grid(visible=False)
        colour_bar(figure, mesh, pane).set_label("Mean capture index")
        return fitted(figure, narrow=narrow, height=3.1 if narrow else 3.3)


def _edges(set_ticks: object, edges: Sequence[float], text: object) -> None:
    set_ticks([k - 0.5 for k in range(len(edges))], [text(x) for x in edges])  # type: ignore[operator]


def _rank_correlations(points: pd.DataFrame) -> tuple[float, float]:
    """Of capture with the HHI and with the rate of lobbying."""
    ranks = points[["hhi", "rate", "capture"]].rank()
    return float(ranks["hhi"].corr(ranks["capture"])), float(ranks["rate"].corr(ranks["capture"]))


def capture_finding(points: pd.DataFrame) -> str:
    """How capture goes with each axis."""
    hhi, rate = _rank_correlations(points)
    return f"Over {len(points)} replicates of all scenarios, capture's rank correlation is {rate:.2f} with the rate of lobbying and {hhi:.2f} with concentration."


def capture_alt(points: pd.DataFrame, data: pd.DataFrame) -> str:
    """Alt text: extremes of the map and the rank correlations over replicates."""
    with_hhi, with_rate = _rank_correlations(points)
    known = data.dropna(subset="capture")
    ordered = known.sort_values("capture")
    low, high = ordered.iloc[0], ordered.iloc[-1]
    return (
        f"Heat map of the mean capture index over {len(points)} replicates of all scenarios. Lowest {short(low['capture'])} at "
        f"HHI {short(low['hhi_low'])} to {short(low['hhi_high'])}; highest {short(high['capture'])} at HHI {short(high['hhi_low'])} to "
        f"{short(high['hhi_high'])}. Rank correlation of capture with HHI {with_hhi:.2f}, with the "
        f"rate of lobbying {with_rate:.2f}."
    )
