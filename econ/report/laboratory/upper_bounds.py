"""Arms of World A that are told the truth, at their largest budget: upper bounds, in a figure of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from econ.claims.names import arm_names
from econ.core.measurements import extras
from econ.report.laboratory.drawing import finish, short_label
from econ.report.laboratory.forest import Dots, forest
from econ.report.laboratory.intervals import MINIMUM_WORLDS, outcome_means
from econ.report.laboratory.tables import (
    OUTCOMES,
    WITH_COLLAPSE,
    caveat,
    distribution_of,
    is_oracle,
    worlds_of,
)
from econ.report.numbers import interval, short
from econ.report.style import COLOURS, figure_style
from econ.surfaces.cells import CONFIRMATORY

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def bound_table(measurements: pd.DataFrame, distribution: str) -> pd.DataFrame:
    """Outcomes of oracle arms at their largest budget of verifications.

    Returns
    -------
    DataFrame
        `distribution`, `stage`, `arm`, `weight` (of divergence), `verdicts` (how the program errs), `verifications`, `kl`, `worlds`, each outcome
        with `_low` and `_high`, and the base models' means as `base_…`. Empty without such arms on four worlds.
    """
    rows = measurements[(measurements["task"] == "A") & (measurements["distribution"] == distribution) & measurements["stage"].isin(CONFIRMATORY)]
    told = pd.Series([is_oracle(str(m), str(k)) for m, k in zip(rows["method"], rows["label_kind"], strict=True)], rows.index)
    rows = rows[told & (rows["verifications"] > 0)]
    details = extras(rows)
    rows = rows.assign(arm=arm_names(rows, details), weight=[_weight(detail) for detail in details], verdicts=[_verdicts(detail) for detail in details])
    found: list[dict[str, Any]] = []
    for (arm, weight, verdicts), own in rows.groupby(["arm", "weight", "verdicts"]):
        last = own[own["verifications"] == own["verifications"].max()]
        if last["world"].nunique() < MINIMUM_WORLDS:
            continue
        facts = {"stage": str(last["stage"].iloc[0]), "arm": arm, "weight": weight, "verdicts": verdicts, "verifications": int(last["verifications"].iloc[0])}
        found.append({"distribution": distribution, **facts, **outcome_means(last, ("kl", *OUTCOMES))})
    return pd.DataFrame(found)


def _weight(detail: dict[str, Any]) -> str:
    return f"β_KL {detail['beta_kl']:g}" if "beta_kl" in detail else ""


def _verdicts(detail: dict[str, Any]) -> str:
    """How the verifier errs; nothing where it does not."""
    if not detail.get("verifier_error"):
        return ""
    return f"{100 * detail['verifier_error']:g} % turned, {'at random' if detail.get('verifier_errors') == 'iid' else 'always alike'}"


def bound_figure(table: pd.DataFrame) -> Figure:
    """A line for each oracle arm: outcomes with intervals, base models dotted.

    Parameters
    ----------
    table : DataFrame
        As from `bound_table`.
    """
    rows = table.assign(line=range(len(table)))
    # Weight beside the name, errors of the verifier below it.
    labels = ["\n".join(filter(None, [f"{row['arm']}, {row['weight']}".strip(", "), row["verdicts"]])) for row in table.to_dict("records")]
    base = {name: float(table[f"base_{name}"].mean()) for name in OUTCOMES if f"base_{name}" in table}
    with figure_style():
        figure, _ = forest(labels, [Dots("upper bound", rows, {"marker": "o", "markersize": 4.4, "color": COLOURS[6]})], base)
        budgets = "; ".join(f"{count:,}: {', '.join(own['arm'].unique())}" for count, own in table.groupby("verifications"))
        note = (
            "Never to be held against arms on human labels: a program that knows every rule checks each sample, and `oracle` is trained on "
            "the true utility. β_KL: weight of divergence from the base model. Turned: share of verdicts that are wrong, to be held against the "
            f"same arm at the same weight alone. One budget each, in checks of a sample: {budgets}. Means over {worlds_of(table)} worlds; bars: 95 % intervals (Student t; of collapsed runs, Wilson); "
            f"dotted: base models. {caveat(table)}"
        )
        where = distribution_of(table)
        finish(figure, f"UPPER BOUNDS: arms that a program tells the truth, {where}", note)
        return figure


def bound_alt_text(table: pd.DataFrame) -> str:
    """Alt text: every arm with its intervals."""
    sentences = []
    for row in table.to_dict("records"):
        values = ", ".join(f"{short_label(o).lower()} {interval(row[o], row[f'{o}_low'], row[f'{o}_high'])}" for o in WITH_COLLAPSE if row[o] == row[o])
        facts = ", ".join(filter(None, [row["weight"], row["verdicts"]]))
        detail = f" ({facts})" if facts else ""
        sentences.append(f"{row['arm']}{detail}, {row['verifications']:,} checks: {values}.")
    where = distribution_of(table)
    start = f" Base models: helpfulness {short(float(table['base_helpfulness'].mean()))}." if "base_helpfulness" in table else ""
    return f"Upper bounds, {where}: outcomes of arms that are told the truth by a program; means [95 % intervals].{start} {' '.join(sentences)}"
