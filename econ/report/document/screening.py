"""What the test for certification can tell apart: operating characteristic and receiver operating characteristic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.ensemble.window import in_window
from econ.report.document.drawing import fitted
from econ.report.document.numerals import percent
from econ.report.style import COLOURS, GREY, LINES, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

#: Test sizes that are drawn beside the scenario's own, as multiples of it.
MULTIPLES = (0.25, 1.0, 4.0)
#: Points of each curve.
POINTS = 101


def own_test(scenario: Mapping[str, Any]) -> tuple[float, float] | None:
    """Prompts and largest share of violations that passes, where both are single numbers; None otherwise."""
    levers = scenario.get("levers", {})
    found = levers.get("cert_test_size"), levers.get("cert_max_violation")
    if any(isinstance(x, bool) or not isinstance(x, int | float) for x in found):
        return None
    return float(found[0]), float(found[1])


def tested_violations(outcomes: pd.DataFrame) -> NDArray[np.float64]:
    """True rates of violation of what was tested: means by scenario, replicate and quarter of the last two years."""
    if "cert_violation" not in outcomes:
        return np.empty(0)
    values: NDArray[np.float64] = outcomes.loc[in_window(outcomes["quarter"]), "cert_violation"].to_numpy(float)
    found: NDArray[np.float64] = values[np.isfinite(values)]
    return found


def power_data(outcomes: pd.DataFrame, prompts: float, limit: float) -> pd.DataFrame | None:
    """Curves of both characteristics and the test's own point; None where nothing was tested.

    Columns ``curve`` (``pass`` or ``roc``), ``prompts``, ``x``, ``y``, ``own`` (whether the point is that of the limit). For
    ``pass``, x is the true rate of violations and y the chance of passing; for ``roc``, x is the share of compliant and y of
    violating subjects that fail, over the true rates that the runs have, as the share that may be violated varies.
    """
    from econ.market.certification import pass_chance

    violations = tested_violations(outcomes)
    if not len(violations):
        return None
    rates, violating = np.linspace(0.0, 1.0, POINTS), violations > limit
    rows = []
    for size in (round(prompts * multiple) for multiple in MULTIPLES):
        rows += [("pass", size, rate, float(chance), False) for rate, chance in zip(rates, pass_chance(rates, size, limit), strict=True)]
        if violating.any() and not violating.all():
            for allowed in np.unique(np.append(rates, limit)):
                failing = 1.0 - pass_chance(violations, size, allowed)
                rows.append(("roc", size, failing[~violating].mean(), failing[violating].mean(), bool(np.isclose(allowed, limit))))
    return pd.DataFrame(rows, columns=["curve", "prompts", "x", "y", "own"])


def power_figure(data: pd.DataFrame, violations: NDArray[np.float64], limit: float, *, narrow: bool) -> Figure:
    """Left: chance of passing by true rate, with the rates that the runs have. Right: false alarms against detection."""
    both = _both(data)
    with figure_style():
        shape = (1, 1) if not both else (2, 1) if narrow else (1, 2)
        figure, axes = new_figure(2.6 * shape[0] + 0.5, *shape, share_x=False)
        counts, edges = np.histogram(violations, bins=20, range=(0, 1))
        axes[0].bar(edges[:-1], counts / counts.max(), width=np.diff(edges), align="edge", color="#DDDDDD", label="true rates in these runs")
        axes[0].axvline(limit, color=GREY, linestyle=(0, (3, 2)), linewidth=1.0)
        for number, (size, part) in enumerate(data.groupby("prompts")):
            style: dict[str, Any] = {"color": COLOURS[number], "linestyle": LINES[number]}
            chance = part[part["curve"] == "pass"]
            axes[0].plot(chance["x"], chance["y"], label=f"{size} prompts", **style)
            if both:
                curve = part[part["curve"] == "roc"]
                axes[1].plot(curve["x"], curve["y"], **style)
                own = curve[curve["own"]]
                axes[1].plot(own["x"], own["y"], marker="o", color=COLOURS[number], markersize=5, clip_on=False)
        axes[0].set(title="Chance of passing", xlabel="True share of prompts violated", ylabel="Probability", xlim=(0, 1), ylim=(0, 1.02))
        if both:
            axes[1].plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
            axes[1].set(title="Violators caught against false alarms", xlabel="Share of compliant that fail", ylabel="Share of violators that fail", xlim=(-0.01, 1), ylim=(0, 1.02))
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=2 if narrow else 4, columnspacing=1.2)
        return fitted(figure, narrow=narrow, height=figure.get_figheight())


def power_title(data: pd.DataFrame) -> str:
    """What the figure is, by the characteristics that it holds."""
    kinds = "operating and receiver operating characteristic" if _both(data) else "operating characteristic"
    return f"What the test for certification tells apart, by its size ({kinds})"


def power_note(data: pd.DataFrame, limit: float, window: str) -> str:
    """How the figure is read; of the second pane only where it is drawn."""
    second = " Violators caught against false alarms: as the share that may be violated varies; dot: the limit in force." if _both(data) else ""
    return (
        f"The test passes what violates at most {percent(limit)} of the prompts asked (dashed); computed from the test's own rule. Grey: true rates of "
        f"violation of what was tested in these runs, means by replicate and quarter over the {window}, not single tests; as high as they are frequent, "
        f"the most frequent 1.{second} Size stands for the intensity of audit; the lever audit acts on firms, not on certificates."
    )


def _both(data: pd.DataFrame) -> bool:
    """Whether the rates lie on both sides of the limit, so that errors of both kinds can be said."""
    return bool((data["curve"] == "roc").any())


def power_finding(data: pd.DataFrame, prompts: float) -> str:
    """The two errors of the scenario's own test, or that one of them cannot be said."""
    own = data[(data["curve"] == "roc") & data["own"] & (data["prompts"] == round(prompts))]
    if own.empty:
        return f"A test of {prompts:g} prompts: in these runs all that is tested lies on one side of the limit, so that only the chance of passing can be drawn."
    point = own.iloc[0]
    return (
        f"A test of {prompts:g} prompts fails {percent(float(point['y']))} of what violates the limit and {percent(float(point['x']))} of what "
        "keeps it, given the true rates in these runs."
    )


def power_alt(data: pd.DataFrame, prompts: float, limit: float) -> str:
    """Alt text: chance of passing around the limit, by size of the test."""
    chances = data[data["curve"] == "pass"]
    said = []
    for size, part in chances.groupby("prompts"):
        near = np.interp([limit - 0.05, limit + 0.05], part["x"], part["y"])
        said.append(f"{size} prompts: {percent(near[0])} at a rate of {limit - 0.05:.2f}, {percent(near[1])} at {limit + 0.05:.2f}")
    return f"Curves of the chance to pass a test that allows {limit:g} of prompts to be violated: {'; '.join(said)}. {power_finding(data, prompts)}"
