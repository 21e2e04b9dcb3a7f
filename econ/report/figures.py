"""All figures of one run: fan charts of its scenarios, and stylised facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from econ.report.fans import FanFigure, fan_alt_text, fan_data, fan_figure
from econ.report.moments import moments_alt_text, moments_data, moments_figure
from econ.report.outcome_fans import FAN_FIGURES, REPLAY_FIGURES
from econ.report.rendered import Rendered

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

#: Most scenarios of one run that each get their own fan charts.
MOST_FANS = 4


def run_figures(summary: pd.DataFrame, moments: pd.DataFrame, scenarios: Sequence[str]) -> list[Rendered]:
    """All figures of a run; those of the first scenario have the plain names.

    With more than `MOST_FANS` scenarios only the first has fan charts: the others are shown by their
    paired differences.
    """
    rendered = []
    shown_scenarios = scenarios if len(scenarios) <= MOST_FANS else scenarios[:1]
    for number, scenario in enumerate(shown_scenarios):
        for kind in (*FAN_FIGURES, *REPLAY_FIGURES):
            data = fan_data(summary, scenario, kind)
            first = data[data["variable"] == kind.variables[0]] if kind in REPLAY_FIGURES else data
            if first["p50"].notna().any():
                name = kind.name if number == 0 else f"{kind.name}__{scenario}"
                rendered.append(Rendered(name, data, _fan_drawing(data, kind), fan_alt_text(data, kind)))
    shown = moments_data(moments)
    if len(shown):
        rendered.append(Rendered("moments", shown, lambda: moments_figure(shown), moments_alt_text(shown)))
    return rendered


def _fan_drawing(data: pd.DataFrame, kind: FanFigure) -> Callable[[], Figure]:
    return lambda: fan_figure(data, kind)
