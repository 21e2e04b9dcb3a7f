"""What becomes of tests for certification, by scenario, and the two errors that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from econ.ensemble.statistics import mean_and_error, quantiles
from econ.ensemble.tables import by_scenario, grid, quarters_of
from econ.ensemble.window import in_window
from econ.report.document.drawing import fitted
from econ.report.document.numerals import percent
from econ.report.numbers import short
from econ.report.style import COLOURS, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Outcome -> label; the first four are parts of all tests.
FATES = {
    "cert_pass_rate": "passed",
    "cert_refused_position": "refused: rules too far off",
    "cert_refused_documents": "refused: documents",
    "cert_refused_test": "refused: failed the test",
}
ERRORS = {"cert_false_fail": "false fails", "cert_false_pass": "false passes"}
HATCHES = ("", "//", "\\\\", "xx")
MARKERS = "oX"


def certification_data(outcomes: pd.DataFrame) -> pd.DataFrame | None:
    """Means over the last two years and 90 % of replicates, by scenario; None where nothing was tested."""
    if any(name not in outcomes.columns for name in ("cert_pass_rate", *ERRORS)):
        return None
    rows = []
    for scenario, own in by_scenario(outcomes).items():
        last = in_window(quarters_of(own))
        for name in (name for name in (*FATES, *ERRORS) if name in own.columns):
            mean, *_ = mean_and_error(grid(own, name)[:, last].T)
            if np.isfinite(mean).any():
                low, high = quantiles(mean[:, None], (0.05, 0.95))[:, 0]
                rows.append((scenario, name, float(np.nanmean(mean)), low, high))
    return pd.DataFrame(rows, columns=["scenario", "variable", "mean", "p05", "p95"]) if rows else None


def certification_figure(data: pd.DataFrame, *, narrow: bool) -> Figure:
    """Fates of tests as stacked bars; false fails and false passes with 90 % of replicates, by scenario."""
    scenarios = list(dict.fromkeys(data["scenario"]))
    height = 1.0 + 0.24 * len(scenarios)
    with figure_style():
        figure, (left, right) = new_figure(
            2 * height + 1.8 if narrow else height + 0.8, *((2, 1) if narrow else (1, 2)), share_x=False
        )
        _draw_fates(left, data, scenarios)
        _draw_errors(right, data, scenarios, names=narrow)
        handles, labels = (a + b for a, b in zip(*(p.get_legend_handles_labels() for p in (left, right)), strict=True))
        figure.legend(handles, labels, loc="outside lower left", ncols=1 if narrow else 3, columnspacing=1.2)
        return fitted(figure, narrow=narrow, height=figure.get_figheight())


def _draw_fates(pane: Axes, data: pd.DataFrame, scenarios: list[str]) -> None:
    place = np.arange(len(scenarios))[::-1]
    start = np.zeros(len(scenarios))
    for number, (name, label) in enumerate(FATES.items()):
        part = data[data["variable"] == name].set_index("scenario")["mean"].reindex(scenarios).fillna(0.0).to_numpy()
        pane.barh(place, part, 0.65, left=start, color=COLOURS[number], alpha=0.7, hatch=HATCHES[number], edgecolor="white", label=label)
        start = start + part
    pane.set_yticks(place, scenarios)
    pane.set_xlim(0.0, 1.0)
    pane.set_xlabel("Share of tests")
    pane.set_title("What becomes of tests")
    pane.grid(axis="y", visible=False)


def _draw_errors(pane: Axes, data: pd.DataFrame, scenarios: list[str], *, names: bool) -> None:
    place = np.arange(len(scenarios))[::-1]
    for number, (name, label) in enumerate(ERRORS.items()):
        part = data[data["variable"] == name].set_index("scenario").reindex(scenarios)
        height = place + (0.14 if number == 0 else -0.14)
        colour = COLOURS[number + len(FATES)]
        pane.hlines(height, part["p05"], part["p95"], color=colour, linewidth=1.2)
        pane.plot(part["mean"], height, marker=MARKERS[number], linestyle="none", color=colour, markersize=4.5, label=label, clip_on=False)
    pane.set_yticks(place, scenarios if names else [])
    pane.set_ylim(-0.6, len(scenarios) - 0.4)
    pane.set_xlim(0.0, max(0.02, 1.1 * float(data.loc[data["variable"].isin(list(ERRORS)), "p95"].max())))
    pane.locator_params(axis="x", nbins=4)
    pane.set_xlabel("Share of tests;\nline: 90 % of replicates" if names else "Share of tests; line: 90 % of replicates")
    pane.set_title("Errors of the test")
    pane.grid(axis="y", visible=False)
    pane.grid(axis="x", visible=True)


def certification_alt(data: pd.DataFrame) -> str:
    """Alt text: pass rate and both errors by scenario."""
    wide = data.pivot(index="scenario", columns="variable", values="mean")
    names = {"cert_pass_rate": "passed", **ERRORS}
    said = [
        f"{scenario}: " + ", ".join(f"{label} {short(float(wide.loc[scenario, name]))}" for name, label in names.items() if name in wide)
        for scenario in dict.fromkeys(data["scenario"])
    ]
    return "Bars of what becomes of tests for certification, and dots of the two errors. Shares of tests: " + "; ".join(said) + "."


def certification_finding(data: pd.DataFrame, baseline: str) -> str:
    """Pass rate and false passes of the baseline, and the scenario with the most false passes."""
    mean = {(str(r["scenario"]), str(r["variable"])): float(r["mean"]) for _, r in data.iterrows()}
    said = []
    if (baseline, "cert_pass_rate") in mean:
        wrongly = percent(mean.get((baseline, "cert_false_pass"), float("nan")))
        said.append(f"In {baseline}, {percent(mean[baseline, 'cert_pass_rate'])} of tests pass, {wrongly} of all tests wrongly")
    wrong = {scenario: value for (scenario, name), value in mean.items() if name == "cert_false_pass"}
    if len(wrong) > 1:
        worst = max(wrong, key=lambda scenario: wrong[scenario])
        if percent(wrong[worst]) != percent(0.0):
            said.append(f"most false passes: {percent(wrong[worst])} in {worst}")
    return "; ".join(said) + "."
