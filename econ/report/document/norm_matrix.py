"""Whose rules cost whom: the loss from norms by where rules come from and where they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from econ.ensemble.statistics import mean_and_error, quantiles
from econ.ensemble.tables import by_scenario, grid, quarters_of
from econ.ensemble.window import in_window
from econ.report.document.drawing import fitted
from econ.report.numbers import short
from econ.report.style import cells, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Jurisdictions of the model, as readers see them.
PLACES = {"j1": "EU-like", "j2": "US-like", "j3": "low capacity"}
ORIGINS = {**PLACES, "commons": "public commons"}


def matrix_data(outcomes: pd.DataFrame) -> pd.DataFrame | None:
    """Mean over the last two years and 90 % of replicates, by scenario, origin and jurisdiction; None without these outcomes."""
    names = {(h, j): f"norm_loss_{h}_{j}" for h in ORIGINS for j in PLACES}
    if not set(names.values()) <= set(outcomes.columns):
        return None
    rows = []
    for scenario, own in by_scenario(outcomes).items():
        last = in_window(quarters_of(own))
        for (origin, place), name in names.items():
            mean, *_ = mean_and_error(grid(own, name)[:, last].T)
            low, high = quantiles(mean[:, None], (0.05, 0.95))[:, 0]
            rows.append((scenario, origin, place, float(np.nanmean(mean)), low, high))
    return pd.DataFrame(rows, columns=["scenario", "origin", "jurisdiction", "mean", "p05", "p95"])


def most_changed(data: pd.DataFrame, baseline: str) -> str | None:
    """The scenario whose matrix differs most from the baseline's; None if there is no other."""
    wide = data.pivot(index=["origin", "jurisdiction"], columns="scenario", values="mean")
    distance = wide.drop(columns=baseline).sub(wide[baseline], axis=0).abs().sum()
    return str(distance.idxmax()) if len(distance) else None


def matrix_figure(data: pd.DataFrame, scenarios: list[str], *, narrow: bool) -> Figure:
    """One heat map for each scenario."""
    top = float(data.loc[data["scenario"].isin(scenarios), "mean"].max()) or 1.0
    with figure_style():
        rows, columns = (len(scenarios), 1) if narrow else (1, len(scenarios))
        figure, axes = new_figure(2.5 * rows + 0.4, rows, columns, share_x=False)
        for number, (pane, scenario) in enumerate(zip(axes, scenarios, strict=True)):
            _draw(pane, data[data["scenario"] == scenario], top, names=narrow or number == 0)
            pane.set_title(scenario)
        return fitted(figure, narrow=narrow, height=figure.get_figheight())


def _draw(pane: Axes, part: pd.DataFrame, top: float, *, names: bool) -> None:
    value, low, high = (part.pivot(index="origin", columns="jurisdiction", values=k).loc[list(ORIGINS), list(PLACES)].to_numpy() for k in ("mean", "p05", "p95"))
    cells(pane, value, cmap="Blues", vmin=0.0, vmax=1.25 * top)
    pane.invert_yaxis()
    for i, j in np.ndindex(*value.shape):
        dark = value[i, j] > 0.7 * top
        text = f"{value[i, j]:.2f}\n{low[i, j]:.2f}–{high[i, j]:.2f}"
        pane.text(j, i, text, ha="center", va="center", fontsize=7.0, color="white" if dark else "black", linespacing=1.3)
    pane.set_xticks(range(len(PLACES)), list(PLACES.values()))
    pane.set_yticks(range(len(ORIGINS)), list(ORIGINS.values()) if names else [])
    pane.set_xlabel("Where the rules hold")
    if names:
        pane.set_ylabel("Where they come from")
    pane.grid(visible=False)
    pane.tick_params(length=0)


def matrix_finding(data: pd.DataFrame, baseline: str) -> str:
    """The largest loss that another jurisdiction's rules cause in the baseline, beside the largest of the home's own."""
    own = data[(data["scenario"] == baseline) & (data["origin"] != "commons")]
    foreign, home = own[own["origin"] != own["jurisdiction"]], own[own["origin"] == own["jurisdiction"]]
    far, near = (part.sort_values("mean").iloc[-1] for part in (foreign, home))
    return (
        f"The largest loss across a border: rules from {PLACES[far['origin']]} libraries in force in the {PLACES[far['jurisdiction']]} jurisdiction, "
        f"{far['mean']:.2f} norm units (90 % of replicates {far['p05']:.2f} to {far['p95']:.2f}); the largest at home, {near['mean']:.2f} in the {PLACES[near['jurisdiction']]} one."
    )


def matrix_alt(data: pd.DataFrame, scenarios: list[str]) -> str:
    """Alt text: all cells of the first scenario."""
    own = data[data["scenario"] == scenarios[0]]
    said = [f"from {ORIGINS[r['origin']]} in {PLACES[r['jurisdiction']]} {short(r['mean'])}" for _, r in own.iterrows()]
    return f"Heat maps of the loss from norms by origin of the rules and jurisdiction. Scenario {scenarios[0]}: {'; '.join(said)}."
