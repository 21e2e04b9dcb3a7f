"""Figures of one run: each a function from a tidy table to a Matplotlib figure, with its alt text beside it.

The tidy table of a fan chart has the columns `variable`, `quarter`, `mean`, `p05`, `p25`, `p50`,
`p75` and `p95`: the rows of ``summary.csv`` of one scenario. Money is real USD of 2025.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.ensemble.moments import missed
from econ.report.numbers import short
from econ.report.rendered import Rendered
from econ.report.style import (
    BAND_50,
    BAND_90,
    BASE_YEAR,
    COLOURS,
    GREY,
    LINES,
    figure_style,
    finish_figure,
    legend_below,
    new_figure,
    quarter_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Market counts as highly concentrated above this Herfindahl-Hirschman index (US Merger Guidelines 2023).
HIGHLY_CONCENTRATED = 1800.0
#: What happened in the two cases that scenarios replay (moments M17b, M18a and M19).
LOST_REVENUE, RIVALS_REDUCING, LARGE_ENTRANTS = -0.22, 0.75, 3.0
#: A regulator counts as captured above this capture index.
CAPTURED = 0.5
BANDS_NOTE = (
    "Line: median; bands: 50 % and 90 % of replicates. Grey: burn-in; levers act from the start of 2025. "
    "A conditional projection, not a forecast."
)
MILLION = 1e6
THOUSAND = 1e3
#: Most scenarios of one run that each get their own fan charts.
MOST_FANS = 4
#: Moments farther from their target than this many half bands are drawn at the edge, with an arrow.
FARTHEST = 4.0


@dataclass(frozen=True)
class Series:
    """One line of a fan chart: the outcome, its label, and what its values are divided by."""

    variable: str
    label: str
    divisor: float = 1.0


@dataclass(frozen=True)
class Panel:
    """One pair of axes of a fan chart."""

    title: str
    y_label: str
    series: tuple[Series, ...]
    limits: tuple[float | None, float | None] = (None, None)
    log: bool = False
    reference: float | None = None


@dataclass(frozen=True)
class FanFigure:
    """A named fan chart: panels from left to right and down."""

    name: str
    title: str
    panels: tuple[Panel, ...]
    columns: int
    note: str = ""

    @property
    def rows(self) -> int:
        """Rows of panels."""
        return -(-len(self.panels) // self.columns)

    @property
    def shared_legend(self) -> bool:
        """Whether all panels have the same lines, so that one legend serves them."""
        return len(self.panels) > 1 and len({tuple(series.label for series in panel.series) for panel in self.panels}) == 1

    @property
    def height(self) -> float:
        """Inches: the axes and one line for each entry of the longest legend."""
        if self.shared_legend:
            return 1.0 + 1.95 * self.rows
        lines = max(len(panel.series) for panel in self.panels)
        return 0.75 + self.rows * (2.0 + (0.17 * lines if lines > 1 else 0.0)) + (0.15 * (1 + self.note.count("\n")) if self.note else 0.0)

    @property
    def variables(self) -> list[str]:
        """Outcomes that it shows."""
        return [series.variable for panel in self.panels for series in panel.series]


BUDGET = FanFigure(
    "budget_shares",
    "Budgets for feedback",
    (
        Panel(
            "Shares of labels and licences",
            "Share of spending",
            (
                Series("preference_budget_share", "preference labels"),
                Series("constraint_budget_share", "constraints (bespoke and licensed)"),
                Series("bespoke_share", "bespoke constraints, of labels"),
            ),
            limits=(0.0, 1.0),
        ),
        Panel(
            "Spending",
            f"Million USD of {BASE_YEAR} a quarter",
            (
                Series("label_spend", "labels, all sources", MILLION),
                Series("vendor_spend", "labels, from vendors", MILLION),
                Series("licence_spend", "licences", MILLION),
            ),
            limits=(0.0, None),
        ),
    ),
    columns=2,
)
LABOR = FanFigure(
    "wages",
    "Labelers",
    (
        Panel(
            "Wages by region",
            f"{BASE_YEAR} USD per hour (log scale)",
            (
                Series("wage_expert", "expert"),
                Series("wage_us_generalist", "US generalist"),
                Series("wage_low_income", "low income"),
            ),
            log=True,
        ),
        Panel(
            "Wages by occupation",
            f"{BASE_YEAR} USD per hour",
            (Series("wage_constrain", "writing constraints"), Series("wage_judge", "judging preferences")),
            limits=(0.0, None),
        ),
        Panel(
            "Employment by occupation",
            "Thousand persons",
            (
                Series("employment_constrain", "writing constraints", THOUSAND),
                Series("employment_judge", "judging preferences", THOUSAND),
            ),
            limits=(0.0, None),
        ),
    ),
    columns=3,
)
_OF_PLACE = (("low_income", "Low income"), ("us_generalist", "US generalists"), ("expert", "Experts"))
_WORK = (("constrain", "writing constraints"), ("judge", "judging preferences"))
LABOR_BY_PLACE = FanFigure(
    "labor_by_place",
    "Wages and employment by skill and region",
    tuple(
        Panel(f"Wage: {name.lower() if name != 'US generalists' else name}", f"{BASE_YEAR} USD per hour", tuple(Series(f"wage_{kind}_{place}", label) for kind, label in _WORK), (0.0, None))
        for place, name in _OF_PLACE
    )
    + tuple(
        Panel(f"At work: {name.lower() if name != 'US generalists' else name}", "Thousand persons", tuple(Series(f"employment_{kind}_{place}", label, THOUSAND) for kind, label in _WORK), (0.0, None))
        for place, name in _OF_PLACE
    ),
    columns=3,
)
MARGINS = FanFigure(
    "cost_per_harm_avoided",
    "Cost and work of one more harmful request avoided",
    tuple(
        Panel(title, unit, tuple(Series(f"{what}_per_harm_avoided_{kind}", label) for kind, label in (("constraint", "constraints"), ("preference", "preference labels"))), (None, top), log=True)
        for what, title, unit, top in (("cost", "Cost", f"{BASE_YEAR} USD per request", MILLION), ("hours", "Labeling", "Hours per request", 10 * THOUSAND))
    ),
    columns=2,
)
CONCENTRATION = FanFigure(
    "concentration",
    "Concentration of curators",
    (
        Panel(
            "Labeling services",
            "HHI (0 to 10,000)",
            (Series("hhi_service", "services"),),
            (0.0, None),
            reference=HIGHLY_CONCENTRATED,
        ),
        Panel("Requests governed", "HHI (0 to 10,000)", (Series("hhi_normative", "requests"),), (0.0, None)),
        Panel("Licences", "HHI (0 to 10,000)", (Series("hhi_licence", "licences"),), (0.0, None)),
        Panel("Payers of licences", "Firms", (Series("licence_payers", "payers"),), (0.0, None)),
    ),
    columns=2,
    note=(
        "Dashed: 1,800, above which the US Merger Guidelines (2023) call a market highly concentrated; with so few\n"
        "payers the HHI of licences cannot be held against it, and below 4 payers it is left out."
    ),
)
CAPTURE = FanFigure(
    "capture",
    "Regulatory capture",
    (
        Panel(
            "Capture index",
            "Index, 0 to 1",
            (Series("capture_index", "capture index"),),
            (0.0, 1.0),
            reference=CAPTURED,
        ),
        Panel(
            "Part: displacement of the norm",
            "",
            (Series("capture_displacement", "displacement of the norm"),),
            (0.0, 1.0),
        ),
        Panel(
            "Part: industry's share of influence",
            "Index, 0 to 1",
            (Series("industry_influence", "industry's share"),),
            (0.0, 1.0),
        ),
        Panel("Part: inflation of fees", "", (Series("fee_inflation", "inflation of fees"),), (0.0, 1.0)),
    ),
    columns=2,
    note="Index: mean of the three parts, weighted by markets. Dashed: 0.5, above which a regulator counts as captured.",
)
HARM = FanFigure(
    "harm_helpfulness",
    "What users and third parties get",
    (
        Panel(
            "Harm",
            "Relative to untrained",
            (Series("harm_rate", "harm, by requests"),),
            (0.0, None),
        ),
        Panel(
            "Helpfulness and sycophancy",
            "Index, 0 to 1",
            (Series("helpfulness", "helpfulness"), Series("sycophancy", "sycophancy")),
            (0.0, 1.0),
        ),
    ),
    columns=2,
)
FAN_FIGURES = (BUDGET, LABOR, CONCENTRATION, CAPTURE, HARM)
REPLAY_LOSS = FanFigure(
    "replay_customer_loss",
    "A curator loses its largest customers",
    (
        Panel(
            "Its label revenue", "Over the quarter before", (Series("loss_revenue_ratio", "revenue"),), (0.0, None),
            reference=1.0 + LOST_REVENUE,
        ),
        Panel("Labeling services", "HHI (0 to 10,000)", (Series("hhi_service", "services"),), (0.0, None)),
    ),
    columns=2,
    note="Dashed: Appen's revenue in the year after a customer of 0.30 of it left in January 2024 (M17b, held out).",
)  # fmt: skip
REPLAY_TIE = FanFigure(
    "replay_vertical_tie",
    "A firm buys into a curator",
    (
        Panel("Label revenue of the curator", "Over the quarter before", (Series("tie_revenue_ratio", "revenue"),), (0.0, None)),
        Panel(
            "Four largest other customers", "Share that buys less", (Series("tie_rivals_reducing", "reducing"),), (0.0, 1.02),
            reference=RIVALS_REDUCING,
        ),
        Panel(
            "Label revenue of other curators", "Over the quarter before", (Series("tie_others_revenue_ratio", "others"),),
            (0.0, None), reference=1.0,
        ),
        Panel(
            "Large entrants of the last year", "Curators", (Series("large_entrants", "entrants"),), (0.0, 5.0),
            reference=LARGE_ENTRANTS,
        ),
    ),
    columns=2,
    note=(
        "Dashed: after Meta's stake in Scale, June 2025, at least 3 of 4 rival buyers turned away (M18a),\n"
        "rival vendors had more demand than before (M18b), and 3 entrants were large within a year (M19); all held out."
    ),
)  # fmt: skip
#: Shown where the scenario has the event.
REPLAY_FIGURES = (REPLAY_LOSS, REPLAY_TIE)


def fan_data(summary: pd.DataFrame, scenario: str, kind: FanFigure) -> pd.DataFrame:
    """The rows of a summary that a fan chart shows."""
    rows = summary[(summary["scenario"] == scenario) & summary["variable"].isin(kind.variables)]
    return rows.reset_index(drop=True)


def fan_figure(table: pd.DataFrame, kind: FanFigure) -> Figure:
    """Fan chart with the panels of `kind`.

    Parameters
    ----------
    table : DataFrame
        As from `fan_data`; outcomes that it lacks are left out.
    """
    with figure_style():
        figure, axes = new_figure(kind.height, kind.rows, kind.columns)
        for panel, pane in zip(kind.panels, axes, strict=True):
            bottom = pane in axes[-kind.columns :]
            _draw_panel(pane, panel, table)
            quarter_axis(pane, table, label=bottom)
            if not kind.shared_legend and len(panel.series) > 1:
                legend_below(pane, labelled=bottom)
        if kind.shared_legend and len(kind.panels[0].series) > 1:
            figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=2)
        finish_figure(figure, f"{kind.title}: {_scenario(table)}", f"{kind.note}\n{BANDS_NOTE}".strip())
        return figure


def fan_alt_text(table: pd.DataFrame, kind: FanFigure) -> str:
    """Alt text of a fan chart: first and last median of each line with the last 90 % interval."""
    sentences = [f"Fan chart of {kind.title.lower()} in scenario {_scenario(table)} over quarters."]
    for panel in kind.panels:
        for series in panel.series:
            rows = table[(table["variable"] == series.variable) & table["p50"].notna()].sort_values("quarter")
            if rows.empty:
                continue
            first, last = rows.iloc[0], rows.iloc[-1]
            low, middle, high = (short(last[name] / series.divisor) for name in ("p05", "p50", "p95"))
            sentences.append(
                f"{panel.title}, {series.label}: median {short(first['p50'] / series.divisor)} in quarter "
                f"{int(first['quarter'])}, {middle} in quarter {int(last['quarter'])} (90 % of replicates {low} to {high})."
            )
    return " ".join(sentences)


def _scenario(table: pd.DataFrame) -> str:
    return str(table["scenario"].iloc[0]) if len(table) else "none"


def _draw_panel(axes: Axes, panel: Panel, table: pd.DataFrame) -> None:
    for number, series in enumerate(panel.series):
        rows = table[table["variable"] == series.variable].sort_values("quarter")
        _draw_fan(axes, rows, series, COLOURS[number], LINES[number])
    axes.set_title(panel.title)
    axes.set_ylabel(panel.y_label)
    if panel.log:
        _log_axis(axes)
    axes.set_ylim(*panel.limits)
    if panel.reference is not None:
        axes.axhline(panel.reference, color=GREY, linestyle=(0, (3, 2)), linewidth=1.0)


def _draw_fan(axes: Axes, rows: pd.DataFrame, series: Series, colour: str, line: Any) -> None:
    values = {
        name: rows[name].to_numpy(dtype=float) / series.divisor
        for name in ("p05", "p25", "p50", "p75", "p95")
    }
    quarter = rows["quarter"].to_numpy()
    axes.fill_between(quarter, values["p05"], values["p95"], color=colour, alpha=BAND_90, linewidth=0)
    axes.fill_between(quarter, values["p25"], values["p75"], color=colour, alpha=BAND_50, linewidth=0)
    axes.plot(quarter, values["p50"], color=colour, linestyle=line, label=series.label)


def _log_axis(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


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


def moments_data(moments: pd.DataFrame) -> pd.DataFrame:
    """The facts that have a simulated counterpart."""
    return moments[moments["simulated"].notna()].reset_index(drop=True)


def moments_figure(table: pd.DataFrame) -> Figure:
    """Stylised facts: accepted band, target and simulated value, in half bands from the target.

    Parameters
    ----------
    table : DataFrame
        As from `moments_data`.
    """
    with figure_style():
        figure, (axes,) = new_figure(0.9 + 0.27 * len(table))
        half = ((table["high"] - table["low"]) / 2).where(lambda width: width != 0, 1.0)
        outside = set(missed(table)["id"])
        values = []
        for place, (_, row) in enumerate(table.iterrows()):
            height = len(table) - 1 - place
            width = float(half.iloc[place])
            band = f"{short(row['low'])} to {short(row['high'])}" if np.isfinite([row["low"], row["high"]]).any() else "none"
            values.append(f"{short(row['simulated'])}  ({band})")
            if not np.isfinite(row["distance"]):
                axes.text(0.0, height, _without_distance(row, row["id"] in outside), ha="center", va="center", fontsize=7.5, color=GREY)
                continue
            low, high = ((row[end] - row["target"]) / width for end in ("low", "high"))
            axes.barh(height, high - low, left=low, height=0.62, color="#D9E6F2", linewidth=0)
            axes.plot([0, 0], [height - 0.31, height + 0.31], color=COLOURS[0], linewidth=1.2)
            _draw_simulated(axes, height, row, width, row["id"] in outside)
        labels = [
            f"{row['id']}  {str(row['name']).replace('_', ' ')}  [{row['use']}]"
            for _, row in table.iterrows()
        ]
        axes.set_yticks(range(len(table) - 1, -1, -1), labels, fontsize=7.5)
        right = axes.twinx()
        right.set_yticks(range(len(table) - 1, -1, -1), values, fontsize=7.5)
        right.set_ylim(-0.7, len(table) - 0.3)
        right.tick_params(length=0)
        right.grid(visible=False)
        right.set_title("simulated (band)", loc="right", fontsize=7.5)
        axes.set_xlim(-FARTHEST - 0.4, FARTHEST + 0.4)
        axes.set_ylim(-0.7, len(table) - 0.3)
        axes.set_xlabel("Distance from the target, in half bands")
        axes.grid(axis="y", visible=False)
        axes.grid(axis="x", visible=True)
        note = "Bar: accepted band; tick: target; circle: simulated, inside; cross: outside. Signs have bands without width."
        finish_figure(figure, "Stylised facts and their simulated counterparts", note)
        return figure


def _without_distance(row: pd.Series[Any], outside: bool) -> str:
    """What stands in the row of a fact whose band lacks an end, so that there is no half band to measure in."""
    target = f"target {short(row['target'])}"
    for end, words in (("low", "at least"), ("high", "at most")):
        if np.isfinite(row[end]):
            return f"band: {words} {short(row[end])}, {'missed' if outside else 'met'}; {target}"
    return f"no band, so no distance; {target}"


def _draw_simulated(axes: Axes, height: float, row: pd.Series[Any], half: float, outside: bool) -> None:
    distance = float(row["distance"])
    drawn = float(np.clip(distance, -FARTHEST, FARTHEST))
    colour, marker = (COLOURS[1], "X") if outside else (COLOURS[2], "o")
    if np.isfinite(row["mc_error"]) and drawn == distance:
        axes.errorbar(
            drawn, height, xerr=1.96 * row["mc_error"] / half, color=colour, linewidth=1.0, capsize=2
        )
    axes.plot(drawn, height, marker=marker, color=colour, markersize=6, linestyle="none", clip_on=False)
    if drawn != distance:
        axes.annotate(
            "",
            (drawn + 0.35 * np.sign(distance), height),
            (drawn, height),
            arrowprops={"arrowstyle": "->", "color": colour},
        )


def moments_alt_text(table: pd.DataFrame) -> str:
    """Alt text of the moments plot: how many facts are met, and which are missed by how much."""
    outside = missed(table)
    misses = "; ".join(
        f"{row['id']} {row['name']}: simulated {short(row['simulated'])}, band {short(row['low'])} to {short(row['high'])}"
        for _, row in outside.iterrows()
    )
    free = table[table["low"].isna() & table["high"].isna()]
    met = len(table) - len(outside) - len(free)
    return (
        f"Dot plot of {len(table)} stylised facts with a simulated counterpart: {met} inside their bands, {len(outside)} outside"
        + (f" ({misses})" if misses else "")
        + (f", {len(free)} without a band ({', '.join(free['id'])})." if len(free) else ".")
    )
