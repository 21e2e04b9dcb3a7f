"""Configurations of one method on the same worlds: the best, the median and the others, by what tuning goes by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from econ.claims.names import arm_names
from econ.claims.settings import decode_setting, settings_of
from econ.core.measurements import extras
from econ.core.texts import first_few
from econ.report.laboratory.drawing import finish, legend_above, short_label
from econ.report.laboratory.forest import Dots, forest
from econ.report.laboratory.intervals import MINIMUM_WORLDS, outcome_means
from econ.report.laboratory.signs import setting_parts
from econ.report.laboratory.tables import (
    EFFORT,
    OUTCOMES,
    WITH_COLLAPSE,
    caveat,
    distribution_of,
    is_oracle,
    worlds_of,
)
from econ.report.numbers import interval
from econ.report.style import COLOURS, figure_style
from econ.surfaces.cells import CONFIRMATORY

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Stages in which configurations may be compared.
STAGES = ("tune", *CONFIRMATORY)
GROUP = ["stage", "method", "setting", "n"]
#: Configurations without which none is in the middle, and lines of a figure at most.
MINIMUM_CONFIGURATIONS, MOST_LINES = 3, 20
BEST, MEDIAN = "best", "median"


def configuration(rows: pd.DataFrame) -> pd.Series[str]:
    """What differs between configurations of a method, in words: rate, weights, or the name that an import gave."""
    found = []
    for lr, beta, detail in zip(rows["lr"], rows["beta"], extras(rows), strict=True):
        parts = [str(detail["config"])] if "config" in detail else []
        parts += [text for value, text in ((lr, f"{lr:g}"), (beta, f"β {beta:g}")) if pd.notna(value)]
        parts += [f"{name} {detail[key]:g}" for key, name in (("beta_kl", "β_KL"), ("w", "w")) if key in detail]
        found.append(" ".join(parts))
    return pd.Series(found, rows.index, dtype=object)


def configuration_table(measurements: pd.DataFrame, distribution: str) -> pd.DataFrame:
    """Configurations of World A that were run on the same worlds, with outcomes under one distribution.

    Returns
    -------
    DataFrame
        `distribution`, `GROUP`, `configuration`, `score` (helpfulness minus violation in distribution, on the same worlds: what
        tuning goes by), `role` ("best", "median": of two in the middle the lower one, or ""), `EFFORT`, `worlds`, and
        each outcome with `_low` and `_high`. Empty where no method has three configurations.
    """
    rows = measurements[(measurements["task"] == "A") & (measurements["n"] > 0) & measurements["stage"].isin(STAGES)]
    details = extras(rows)
    rows = rows.assign(
        method=arm_names(rows, details), setting=[", ".join(setting_parts(decode_setting(s))) or "reference" for s in settings_of(rows, details)],
        configuration=configuration(rows), stage=rows["stage"].astype(str),
        score=rows["helpfulness"].astype("float64") - rows["violation"].astype("float64"),
    )  # fmt: skip
    scores = {key: own.groupby("configuration")["score"].mean() for key, own in rows[rows["distribution"] == "id"].groupby(GROUP)}
    found: list[dict[str, Any]] = []
    for key, own in rows[rows["distribution"] == distribution].groupby(GROUP):
        if key not in scores or own["world"].nunique() < MINIMUM_WORLDS:
            continue
        counts = own.groupby("configuration")["world"].nunique()
        ranked = scores[key].reindex(counts.index[counts == own["world"].nunique()]).dropna().sort_values(ascending=False, kind="stable")
        for place, (name, score) in enumerate(ranked.items() if len(ranked) >= MINIMUM_CONFIGURATIONS else ()):
            at = own[own["configuration"] == name]
            role = BEST if place == 0 else MEDIAN if place == len(ranked) // 2 else ""
            effort = {axis: float(at[axis].astype("float64").mean()) for axis in EFFORT}
            facts = {"configuration": name, "score": score, "role": role, "label_kind": str(at["label_kind"].iloc[0])}
            found.append({"distribution": distribution, **dict(zip(GROUP, key, strict=True)), **facts, **effort, **outcome_means(at, OUTCOMES)})
    return pd.DataFrame(found)


def median_rows(table: pd.DataFrame, methods: pd.DataFrame) -> pd.DataFrame:
    """Median configurations of the methods of another table, tuned at the registered knobs."""
    if table.empty:
        return table
    kept = (table["role"] == MEDIAN) & (table["setting"] == "reference") & table["method"].isin(methods["method"])
    return table[kept].sort_values("stage").drop_duplicates(["method", "n"], keep="first")


def median_note(median: pd.DataFrame, marks: str) -> str:
    """What a figure says of configurations: which are drawn, on which worlds; or that there is no other one."""
    if median.empty:
        return "The chosen configuration of each method alone: the data have no others of these methods at the registered knobs under this distribution."
    places = " and ".join("tuning worlds" if stage == "tune" else "the same worlds" for stage in sorted(set(median["stage"])))
    n = first_few([f"{n:,}" for n in sorted(median["n"].unique())], 3)
    return f"Curves: the chosen configuration of each method; {marks}, tied to it: its median one, on {worlds_of(median)} {places} at {n} labels."


def median_alt_text(median: pd.DataFrame) -> str:
    """Harm and helpfulness of median configurations, in words; nothing if there are none."""
    if median.empty:
        return ""
    values = [f"{row['method']} {row['relative_harm']:.2f} and {row['helpfulness']:.2f}" for row in median.to_dict("records")]
    return f"Median configurations, relative harm and helpfulness: {', '.join(values)}."


def configuration_groups(table: pd.DataFrame) -> list[pd.DataFrame]:
    """Methods in groups that one figure can hold; upper bounds in groups of their own."""
    told = pd.Series([is_oracle(m, k) for m, k in zip(table["method"], table["label_kind"], strict=True)], table.index)
    parts = []
    for own in (table[~told], table[told]):
        lines = own[GROUP].drop_duplicates()
        parts += [lines.iloc[first : first + MOST_LINES].merge(table, on=GROUP) for first in range(0, len(lines), MOST_LINES)]
    return parts


def configuration_figure(table: pd.DataFrame) -> Figure:
    """A line for each method and budget: best and median configuration with intervals, the others as points.

    Parameters
    ----------
    table : DataFrame
        As from `configuration_groups`.
    """
    lines = list(table[GROUP].drop_duplicates().itertuples(index=False, name=None))
    rows = table.assign(line=[lines.index(key) for key in table[GROUP].itertuples(index=False, name=None)])
    of = {role: rows[rows["role"] == role] for role in (BEST, MEDIAN, "")}
    counts = table.groupby(GROUP).size()
    with figure_style():
        figure, axes = forest([_line(key) for key in lines], [
            Dots("other configurations", of[""], {"marker": ".", "markersize": 4.0, "color": "#8C8C8C"}, intervals=False),
            Dots("median configuration", of[MEDIAN], {"marker": "D", "markersize": 4.2, "color": COLOURS[1], "markerfacecolor": "white"}, 0.16),
            Dots("best configuration", of[BEST], {"marker": "o", "markersize": 4.4, "color": COLOURS[0]}, -0.16),
        ])  # fmt: skip
        many = str(counts.min()) if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
        hindsight = " On these worlds the best is so in hindsight." if set(table["stage"]) != {"tune"} else ""
        note = (
            f"{many} configurations of each method on the same worlds ({worlds_of(table)}); bars: 95 % intervals over worlds (of collapsed "
            "runs, Wilson). Best and median: by helpfulness minus violations in distribution on these worlds, what tuning goes "
            f"by; of two in the middle the lower.{hindsight} A label of one method carries other bits, minutes and reads than "
            f"one of another.{_bound(table)} {caveat(table)}"
        )
        where = distribution_of(table)
        stages = {"tune": "tuning worlds", "confirm": "confirmatory worlds", "import": "imported"}
        finish(figure, f"Best and median configuration, {where}, {' and '.join(stages[s] for s in sorted(set(table['stage'])))}", note)
        legend_above(figure, axes[0])
        return figure


def _bound(table: pd.DataFrame) -> str:
    told = [is_oracle(m, k) for m, k in zip(table["method"], table["label_kind"], strict=True)]
    return " UPPER BOUNDS: a program that knows every rule verifies each sample, which no human label does." if any(told) else ""


def _line(key: tuple[Any, ...]) -> str:
    _, method, setting, n = key
    return f"{method}\n{n:,} labels" + ("" if setting == "reference" else f", {setting}")


def configuration_alt_text(table: pd.DataFrame) -> str:
    """Alt text: both configurations of each method."""
    sentences = []
    for row in table[table["role"] != ""].to_dict("records"):
        values = ", ".join(f"{short_label(o).lower()} {interval(row[o], row[f'{o}_low'], row[f'{o}_high'])}" for o in WITH_COLLAPSE if row[o] == row[o])
        sentences.append(f"{row['method']}, {row['n']:,} labels, {row['role']} ({row['configuration']}): {values}.")
    where = distribution_of(table)
    return f"Outcomes of the best and the median configuration of each method, {where}; means [95 % intervals]. {' '.join(sentences)}"
