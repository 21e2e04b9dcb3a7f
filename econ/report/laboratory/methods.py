"""Figures of all methods at one setting of the knobs: learning curves on three axes, the plane, oracle arms apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.claims.arms import Curve as MeasuredCurve
from econ.claims.evidence import Evidence
from econ.claims.settings import Setting, describe_setting, distance
from econ.core.measurements import DISTRIBUTION_NAMES
from econ.report.laboratory.arms import Curve, curve_panes, draw_plane_cells
from econ.report.laboratory.configurations import median_alt_text, median_note
from econ.report.laboratory.drawing import (
    EFFORTS,
    KIND_COLOURS,
    LABELS,
    MARKERS,
    finish,
    legend_above,
    short_label,
)
from econ.report.laboratory.intervals import LEVEL, wilson
from econ.report.laboratory.tables import EFFORT, WITH_COLLAPSE, caveat, is_oracle, worlds_of
from econ.report.numbers import interval, short
from econ.report.style import COLOURS, LINES, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Budgets that a learning curve needs to be drawn beside others.
MINIMUM_BUDGETS = 3
#: The pair of the registered predictions, and how many methods a figure can hold.
REGISTERED, MOST_METHODS = ("npo_ret", "dpo"), 12


def method_table(evidence: Evidence, measurements: pd.DataFrame, distribution: str) -> pd.DataFrame:
    """Methods at the setting of the knobs that most of them share, over their budgets, base models first.

    Returns
    -------
    DataFrame
        `distribution`, `stage`, `setting` (knobs that differ from the reference, in words), `method`, `label_kind`,
        `panel` ("human" or "oracle"), `n`, `worlds`, `EFFORT`, `verifications`, `scorer_weak` (share of runs), and each
        outcome with `_low` and `_high`. Empty where no method has enough budgets.
    """
    chosen = _shared_setting(evidence, distribution)
    if chosen is None:
        return pd.DataFrame()
    rows = measurements[measurements["distribution"] == distribution]
    parts = []
    for method in evidence.methods():
        for curve in evidence.curves(method, distribution):
            if curve.setting == chosen and len(curve.n) >= MINIMUM_BUDGETS:
                parts.append(_method_rows(evidence, curve, rows))
                break
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "setting", "; ".join(describe_setting(chosen)))
    table.insert(0, "distribution", distribution)
    return table


def _shared_setting(evidence: Evidence, distribution: str) -> Setting | None:
    found: Counter[Setting] = Counter()
    for method in evidence.methods():
        curves = evidence.curves(method, distribution)
        found.update({c.setting for c in curves if len(c.n) >= MINIMUM_BUDGETS})
    return max(found, key=lambda s: (found[s], tuple(-d for d in distance(s))), default=None)


def _method_rows(evidence: Evidence, curve: MeasuredCurve, rows: pd.DataFrame) -> pd.DataFrame:
    own = evidence.rows(curve.method, curve.distribution)
    own = own[own["world"].isin(curve.worlds) & own["n"].isin(curve.n)]
    runs = rows[rows["run_id"].isin(own["run_id"])]
    kind = _labels_of(own)
    facts: dict[str, Any] = {
        "stage": str(runs["stage"].iloc[0]), "method": curve.method, "label_kind": kind,
        "panel": "oracle" if is_oracle(curve.method, kind) else "human", "worlds": len(curve.worlds),
    }  # fmt: skip
    table = pd.DataFrame({"n": [0, *curve.n.astype(int)]})
    for name in (*EFFORT, "verifications"):
        table[name] = [0.0, *np.nanmean(curve.values[name], axis=0)] if _seen(curve, name) else np.nan
    for name in WITH_COLLAPSE:
        for end, values in zip(("", "_low", "_high"), _with_interval(curve, name, runs), strict=True):
            table[f"{name}{end}"] = values
    weak = runs.assign(weak=runs["scorer_weak"].astype("float64").fillna(0.0)).groupby("n")["weak"].mean()
    table["scorer_weak"] = weak.reindex(table["n"]).fillna(0.0).to_numpy()
    return table.assign(**facts)


def _labels_of(own: pd.DataFrame) -> str:
    """Kind of label of an arm: the joint method on one kind alone is that kind's, whatever its rows say."""
    flags, pairs = bool((own["a"] > 0).any()), bool((own["b"] > 0).any())
    kind = str(own["label_kind"].iloc[0])
    if kind == "flag+preference" and not (flags and pairs):
        return "flag" if flags else "preference"
    return kind


def _seen(curve: MeasuredCurve, name: str) -> bool:
    return bool(np.isfinite(curve.values[name]).any())


def _with_interval(
    curve: MeasuredCurve, name: str, runs: pd.DataFrame
) -> tuple[list[float], list[float], list[float]]:
    """Base and budgets: mean over worlds with its Student t interval, or a share with Wilson's."""
    from scipy.special import stdtrit

    values, worlds = curve.values[name], len(curve.worlds)
    base = {"relative_harm": 1.0, "collapsed": 0.0}.get(name)
    if base is None:
        base = float(runs[f"{name}_base"].astype("float64").mean())
    mean = values.mean(axis=0)
    if name == "collapsed":
        low, high = wilson(pd.Series(mean), pd.Series(np.full(len(mean), worlds)))
    else:
        margin = stdtrit(worlds - 1, 0.5 + LEVEL / 2) * values.std(axis=0, ddof=1) / np.sqrt(worlds)
        low, high = pd.Series(mean - margin), pd.Series(mean + margin)
    return [base, *mean], [base, *low], [base, *high]


def method_groups(table: pd.DataFrame) -> list[pd.DataFrame]:
    """Methods in groups that one figure can hold, the registered pair in each."""
    methods = sorted(set(table["method"]))
    if len(methods) <= MOST_METHODS:
        return [table]
    kinds = dict(zip(table["method"], table["label_kind"], strict=True))
    pair = [m for m in REGISTERED if m in methods]
    rest = sorted((m for m in methods if m not in pair), key=lambda m: (kinds[m], m))
    size = MOST_METHODS - len(pair)
    return [
        table[table["method"].isin([*pair, *rest[first : first + size]])] for first in range(0, len(rest), size)
    ]


def method_curves(table: pd.DataFrame) -> list[Curve]:
    """One curve per method, kinds of label together: colour is the kind (the method where all are of one kind).

    Marker and line tell methods of one colour apart.
    """
    order = list(KIND_COLOURS)
    found = []
    keys = table[["label_kind", "method"]].drop_duplicates()
    keys = keys.sort_values(["label_kind", "method"], key=lambda c: c.map(order.index) if c.name == "label_kind" else c)
    seen: Counter[str] = Counter()
    one_kind = keys["label_kind"].nunique() == 1
    for number, (kind, method) in enumerate(keys.itertuples(index=False)):
        colour = COLOURS[number % len(COLOURS)] if one_kind else KIND_COLOURS[kind]
        style = {
            "color": colour, "linestyle": LINES[seen[colour] % len(LINES)], "marker": MARKERS[seen[colour] % len(MARKERS)],
        }  # fmt: skip
        seen[colour] += 1
        rows = table[table["method"] == method].reset_index(drop=True)
        found.append(Curve(kind, f"{method} ({kind.replace('_', ' ')})", rows, style))
    return found


def with_median(table: pd.DataFrame, median: pd.DataFrame) -> pd.DataFrame:
    """The chosen configurations of a figure, and the median ones that it shows beside them, in one table."""
    return pd.concat([table.assign(role="chosen"), median], ignore_index=True) if len(median) else table.assign(role="chosen")


def method_learning_curves(table: pd.DataFrame, median: pd.DataFrame) -> Figure:
    """Outcomes of all methods against what they cost, or of oracle arms against verifications.

    Parameters
    ----------
    table : DataFrame
        Rows of `method_table` of one panel.
    median : DataFrame
        As from `median_rows`: what else was run of these methods; may be empty.
    """
    oracle = bool((table["panel"] == "oracle").all())
    with figure_style():
        efforts = ["verifications"] if oracle else [e for e in EFFORT if (table[e] > 0).any()]
        curves = method_curves(table)
        figure, axes = curve_panes(curves, efforts, table)
        for i, pane in enumerate(axes if len(median) else ()):
            row, column = divmod(i, len(efforts))
            _draw_median(pane, curves, median, efforts[column], WITH_COLLAPSE[row])
        what = (
            "UPPER BOUNDS: arms that are told the truth by a program, which no human label does"
            if oracle
            else "Learning curves of the methods"
        )
        weak = " Hollow: reward model or verifier poor." if (table["scorer_weak"] >= 0.5).any() else ""
        note = (
            f"{_setting_note(table)} Means over {worlds_of(table)} worlds; bars: 95 % intervals (Student t; of collapsed "
            f"runs, Wilson). Every curve starts at the base model, at 0. Axes are logarithmic away from 0.{weak} {median_note(median, 'dashes')} "
            f"One label of one method carries other bits, minutes and reads than one of another. {caveat(table)}"
        )
        finish(figure, f"{what}, {_where(table)}", note)
        legend_above(figure, axes[0])
        return figure


def _draw_median(pane: Axes, curves: Sequence[Curve], median: pd.DataFrame, x: str, y: str, marker: str = "_") -> None:
    """Median configurations in the colours of their methods, tied to the chosen ones' points at the same budgets."""
    for curve in curves:
        rows = median[median["method"] == curve.rows["method"].iloc[0]]
        chosen = curve.rows.set_index("n").reindex(rows["n"])
        ends = zip(zip(chosen[x], rows[x], strict=True), zip(chosen[y], rows[y], strict=True), strict=True)
        for across, up in ends:
            pane.plot(across, up, color=curve.style["color"], linestyle=":", linewidth=0.9, zorder=len(curves) + 3)
        pane.plot(
            rows[x], rows[y], linestyle="none", marker=marker, markersize=7.0, markeredgewidth=1.6, zorder=len(curves) + 4,
            color=curve.style["color"], markerfacecolor="none",
        )  # fmt: skip


def method_plane(table: pd.DataFrame, median: pd.DataFrame) -> Figure:
    """Methods in the plane of harm and helpfulness, each over its budgets; fill is sycophancy and over-refusal.

    `median` is as for `method_learning_curves`.
    """
    curves = method_curves(table)
    filled = [o for o in ("sycophancy", "over_refusal") if table[o].notna().any()]
    with figure_style():
        figure, axes = new_figure(5.6, columns=len(filled))
        for pane, outcome in zip(axes, filled, strict=True):
            for curve in curves:
                style = curve.style | {"markersize": 3.5}
                pane.plot(
                    curve.rows["relative_harm"], curve.rows["helpfulness"], linewidth=0.9, zorder=1,
                    label=curve.label, **style,
                )  # fmt: skip
            marks = [(curve.rows, curve.style["marker"]) for curve in curves]
            draw_plane_cells(figure, pane, marks, table, outcome)
            if len(median):
                _draw_median(pane, curves, median, "relative_harm", "helpfulness", "+")
            pane.set_xlabel("Relative harm (lower is better)")
            pane.set_ylabel("Helpfulness (higher is better)" if pane is axes[0] else "")
            pane.set_title(f"Fill: {LABELS[outcome].lower()}")
        note = (
            f"One point a budget, larger with more labels; all start at the base model. Crosses: collapsed in half the "
            f"worlds or more. {median_note(median, 'plus signs')} {_setting_note(table)} Means over {worlds_of(table)} worlds; intervals in the table beside "
            f"the figure. {caveat(table)}"
        )
        finish(figure, f"Harm and helpfulness by method, {_where(table)}", note)
        legend_above(figure, axes[0])
        return figure


def _setting_note(table: pd.DataFrame) -> str:
    setting = str(table["setting"].iloc[0])
    return f"Knobs: {setting}." if setting else "All knobs at their registered values."


def _where(table: pd.DataFrame) -> str:
    name = str(table["distribution"].iloc[0])
    mark = ", imported" if (table["stage"] == "import").any() else ""
    return f"{DISTRIBUTION_NAMES.get(name, name)}{mark}"


def methods_alt_text(table: pd.DataFrame, median: pd.DataFrame, *, plane: bool = False) -> str:
    """Alt text: what is drawn, where each method ends, and its median configuration."""
    sentences = []
    for curve in method_curves(table):
        last = curve.rows.iloc[-1]
        values = [
            f"{short_label(o).lower()} {interval(last[o], last[f'{o}_low'], last[f'{o}_high'])}"
            for o in WITH_COLLAPSE
            if np.isfinite(last[o])
        ]
        sentences.append(f"{curve.label}, {last['n']:,} labels: {', '.join(values)}.")
    if plane:
        what = "Scatter of relative harm and helpfulness of methods over their budgets"
    else:
        shown = [e for e in (*EFFORT, "verifications") if (table[e] > 0).any()]
        efforts = ", ".join(EFFORTS[e].split(",")[0].lower().replace("\n", " ") for e in shown)
        what = f"Learning curves of methods against {efforts}"
    start = short(float(table.loc[table["n"] == 0, "helpfulness"].iloc[0]))
    return (
        f"{what}, {_where(table)}. Base model: relative harm 1, helpfulness {start}. At the largest budgets, means "
        f"[95 % intervals]: {' '.join(sentences)} {median_alt_text(median)}".strip()
    )
