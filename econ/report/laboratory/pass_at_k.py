"""World B: pass@k against pass@1 along training, and pass@k over k where all methods have the same pass@1."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.claims import passes
from econ.claims.passes import PASSES
from econ.core.measurements import DISTRIBUTION_NAMES, PASS_AT
from econ.report.laboratory.drawing import MARKERS, finish, legend_above
from econ.report.laboratory.intervals import LEVEL, MINIMUM_WORLDS, mean_interval
from econ.report.laboratory.tables import is_oracle
from econ.report.numbers import interval
from econ.report.style import COLOURS, LINES, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console

#: Largest k is what the claim is about; one in the middle shows the way there.
SHOWN_K = (16, 256)
#: Methods in a panel whose intervals are drawn at every k.
MOST_BARRED = 6


def pass_table(measurements: pd.DataFrame, curves: pd.DataFrame | None, distribution: str) -> pd.DataFrame:
    """pass@k along training, as `econ.claims.passes.pass_table`, with the panel of each method ("human", "oracle", "base").

    Methods run in too few worlds for an interval are left out.
    """
    means = passes.pass_table(measurements, curves, distribution)
    if means.empty:
        return means
    kinds = [
        "base" if m == passes.BASE_MODEL else "oracle" if is_oracle(str(m), str(k)) else "human"
        for m, k in zip(means["method"], means["label_kind"], strict=True)
    ]
    means.insert(0, "panel", kinds)
    worlds = means.groupby("method")["world"].transform("nunique")
    return means[worlds >= MINIMUM_WORLDS].sort_values(["panel", "method", "world", "step"]).reset_index(drop=True)


def path_of(table: pd.DataFrame, method: str) -> pd.DataFrame:
    """Mean over worlds at each step that all of a method's worlds have, the base model first where it is known."""
    own = table[table["method"] == method]
    worlds = own["world"].nunique()
    steps = own.groupby("step").agg(seen=("world", "nunique"), **{p: (p, "mean") for p in PASSES})
    path = steps[steps["seen"] == worlds].reset_index()
    if own["step"].nunique() > 1 and (steps["seen"] < worlds).any():
        # Runs that stop early keep their last policy.
        wide = own.pivot_table(index="step", columns="world", values=PASSES).ffill()
        path = wide.T.groupby(level=0).mean().T.reset_index()
    base = table[table["panel"] == "base"]
    if method != "base" and len(base) and not (path["step"] == 0).any():
        start = base[base["world"].isin(own["world"])][PASSES].mean()
        path = pd.concat([pd.DataFrame([{"step": 0, **start}]), path], ignore_index=True)
    return path[["step", *PASSES]].dropna()


def matched(table: pd.DataFrame) -> tuple[float, pd.DataFrame]:
    """pass@k of each method where all have the same pass@1, world by world along training.

    In each world the level is the highest that every method reaches there, so that it is the same for all of them.

    Returns
    -------
    level : float
        Mean over worlds.
    DataFrame
        `panel`, `method`, `k`, `mean`, `low`, `high` (95 %, Student t over worlds), `worlds`.
    """
    from scipy.special import stdtrit

    panels = table.drop_duplicates("method").set_index("method")["panel"]
    levels, at = passes.at_matched_level(table)
    rows: list[dict[str, Any]] = []
    for method, values in sorted(at.items(), key=lambda item: (panels[item[0]], item[0])):
        margin = stdtrit(len(values) - 1, 0.5 + LEVEL / 2) * values.std(axis=0, ddof=1) / np.sqrt(len(values))
        for i, k in enumerate(PASS_AT):
            mean = float(values[:, i].mean())
            ends = {"mean": mean, "low": mean - margin[i], "high": mean + margin[i]}
            rows.append({"panel": panels[method], "method": method, "k": k, **ends, "worlds": len(values)})
    return float(levels.mean()), pd.DataFrame(rows)


def _styles(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    count: Counter[str] = Counter()
    styles = {}
    for number, method in enumerate(sorted(set(table.loc[table["panel"] != "base", "method"]))):
        colour = COLOURS[number % len(COLOURS)]
        styles[str(method)] = {
            "color": colour, "linestyle": LINES[(number + count[colour]) % len(LINES)], "marker": MARKERS[number % len(MARKERS)],
        }  # fmt: skip
        count[colour] += 1
    return styles


def pass_at_k_figure(table: pd.DataFrame, distribution: str) -> Figure:
    """Left: pass@k against pass@1 along training; right: pass@k over k at the same pass@1. Oracle arms in a row of their own.

    Parameters
    ----------
    table : DataFrame
        As from `pass_table`.
    """
    panels = [p for p in ("human", "oracle") if (table["panel"] == p).any()]
    with figure_style():
        figure, axes = new_figure(
            2.9 * len(panels) + 1.6, rows=len(panels), columns=len(SHOWN_K) + 1, share_x=False
        )
        notes = []
        styles = _styles(table)
        for row, panel in enumerate(panels):
            own = table[table["panel"].isin([panel, "base"])]
            level = _draw_row(axes[3 * row : 3 * row + 3], own, styles)
            name = {"human": "human labels", "oracle": "UPPER BOUNDS: a program checks every sample"}[panel]
            axes[3 * row].set_title(name, loc="left")
            notes.append(f"{level:.3f} ({name.lower().split(':')[0]})")
        note = (
            "Each path begins at the base model (star); a path above another has more pass@k at the same pass@1. Right: "
            f"pass@k where every method has the same pass@1, {' and '.join(notes)} on the average: in each world the highest that all "
            "reach; bars: 95 % intervals over worlds (of each method, not of differences). Exact, not sampled. One verification is not one human label, "
            "so the rows must not be compared at equal n. Toy world: signs may carry over, magnitudes do not."
        )
        where = DISTRIBUTION_NAMES.get(distribution, distribution)
        finish(figure, f"World B: pass@k along training and at matched pass@1, {where}", note)
        _legend(figure, axes, styles)
        return figure


def _legend(figure: Figure, axes: list[Any], styles: dict[str, dict[str, Any]]) -> None:
    """All methods once, in the order of their styles."""
    for method, style in styles.items():
        axes[0].plot([], [], label=method, markersize=3.5, **style)
    legend_above(figure, axes[0], columns=5)


def _draw_row(axes: list[Any], table: pd.DataFrame, styles: dict[str, dict[str, Any]]) -> float:
    methods = sorted(set(table.loc[table["panel"] != "base", "method"]))
    base = table[table["panel"] == "base"][PASSES].mean()
    for pane, k in zip(axes, SHOWN_K, strict=False):
        for method in methods:
            path = path_of(table, method)
            style = styles[method]
            pane.plot(
                path["pass_1"], path[f"pass_{k}"], linewidth=1.2, color=style["color"], linestyle=style["linestyle"]
            )
            pane.plot(path["pass_1"].iloc[-1:], path[f"pass_{k}"].iloc[-1:], marker=style["marker"], color=style["color"], markersize=4.5)
        if np.isfinite(base["pass_1"]):
            pane.plot(base["pass_1"], base[f"pass_{k}"], marker="*", color="black", markersize=8, linestyle="none")
        pane.set_xlabel("pass@1")
        pane.set_ylabel(f"pass@{k}")
    level, at = matched(table)
    last = axes[-1]
    for number, method in enumerate(methods):
        own = at[at["method"] == method]
        shift = 2.0 ** (min(0.12, 0.8 / len(methods)) * (number - (len(methods) - 1) / 2))
        last.plot(own["k"] * shift, own["mean"], markersize=2.6, linewidth=1.0, **styles[method])
        # Of many methods bars stand at the values of k that the other panels show.
        barred = own if len(methods) <= MOST_BARRED else own[own["k"].isin(SHOWN_K)]
        last.vlines(barred["k"] * shift, barred["low"], barred["high"], color=styles[method]["color"], linewidth=0.7)
    last.set_xscale("log", base=2)
    last.set_xticks([1, 4, 16, 64, 256], ["1", "4", "16", "64", "256"])
    last.minorticks_off()
    last.set_xlabel("k")
    last.set_ylabel("pass@k, matched pass@1")
    return level


def pass_alt_text(table: pd.DataFrame, distribution: str) -> str:
    """Alt text: where each method ends, and its pass@256 at matched pass@1."""
    sentences = []
    for panel in ("human", "oracle"):
        own = table[table["panel"].isin([panel, "base"])]
        if (own["panel"] == panel).any():
            level, at = matched(own)
            last = at[at["k"] == PASS_AT[-1]]
            values = ", ".join(
                f"{row['method']} {interval(row['mean'], row['low'], row['high'])}" for _, row in last.iterrows()
            )
            kind = {"human": "human labels", "oracle": "oracle arms, upper bounds"}[panel]
            sentences.append(f"{kind}: pass@256 at pass@1 = {level:.3f}, means [95 % intervals]: {values}.")
    where = DISTRIBUTION_NAMES.get(distribution, distribution)
    return f"Paths of pass@16 and pass@256 against pass@1 along training in world B, {where}, and pass@k over k at matched pass@1. {' '.join(sentences)}"


def print_pass_rates(measurements: pd.DataFrame, console: Console) -> None:
    """World B on a terminal: pass@k of the policy that each run chose, by method, oracle arms marked."""
    from rich.table import Table

    distribution = "ood"
    rates = pass_table(measurements, None, distribution)
    if rates.empty:
        return
    table = Table(
        title=f"World B {DISTRIBUTION_NAMES[distribution]}, confirmatory worlds: mean pass@k, 95 % intervals over worlds",
        title_justify="left", box=None,
    )  # fmt: skip
    table.add_column("method")
    shown = (PASS_AT[0], *SHOWN_K)
    for name in ("worlds", *(f"pass@{k}" for k in shown)):
        table.add_column(name, justify="right")
    for (panel, method), own in rates.groupby(["panel", "method"]):
        cells = [mean_interval(own[f"pass_{k}"].to_numpy(float)) for k in shown]
        mark = " (upper bound: a program verifies)" if panel == "oracle" else ""
        table.add_row(f"{method}{mark}", str(len(own)), *(interval(*cell) for cell in cells))
    console.print(table)
