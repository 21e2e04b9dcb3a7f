"""What must hold between rows: base models, replicates, budgets, tuning, and no row twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.errors import nearest_name
from econ.lab.importing.faults import plain
from econ.lab.importing.rows import TOLERANCE, Rows

if TYPE_CHECKING:
    import pandas as pd

MINIMUM_REPLICATES = 4
MINIMUM_BUDGETS = 4
#: What makes two rows of one method, budget and replicate different runs.
CONFIG = (
    "config", "lr", "beta", "optimiser_seed", "task", "v", "coverage", "bias", "flag_bias", "confounding", "comp",
    "harm_weight", "miss", "false_alarm", "shift",
)  # fmt: skip
#: What a tuning search varies.
TUNED = ("config", "lr", "beta")
#: Outcomes whose value for the base model has a column of its own.
OUTCOMES = ("violation", "helpfulness", "sycophancy", "over_refusal", "entropy")


def check_design(rows: Rows, *, descriptive: bool) -> None:
    """Note every fault between rows; their labels, replicates and categories are sound."""
    _no_row_twice(rows)
    _base_rows(rows)
    _stages(rows)
    _configs(rows)
    if not descriptive:
        _size(rows)


def _no_row_twice(rows: Rows) -> None:
    keys = ["world", "method", "label_kind", *CONFIG, "n", "a", "b", "distribution"]
    first: dict[Any, int] = {}
    groups = rows.table.groupby(keys, dropna=False, sort=False, observed=True).ngroup().to_numpy()
    for row, group in enumerate(groups):
        if first.setdefault(group, row) == row:
            continue
        rows.faults.add(
            f"row {row + 1}: the same as row {first[group] + 1} (replicate, method, configuration, labels, distribution)",
            allowed="one row each; tell configurations apart with config, lr, beta or optimiser_seed",
            **rows.source.where(row),
        )  # fmt: skip


def _base_rows(rows: Rows) -> None:
    """Every replicate has its base model under every distribution that it is tested on."""
    table = rows.table
    pairs = table.groupby(["world", "distribution"], sort=False)["n"].agg(lambda n: bool((n == 0).any()))
    for world, distribution in pairs.index[~pairs.to_numpy(bool)]:
        rows.faults.add(
            f"replicate '{plain(world)}' has no base row under '{distribution}'", file=rows.source.path, key="world",
            allowed="one row with method base, label_kind none and no labels, for each replicate and distribution",
        )  # fmt: skip


def _stages(rows: Rows) -> None:
    table = rows.table
    by_world = table.groupby("world", sort=False)["stage"].agg(set)
    for world, stages in by_world.items():
        if "tune" in stages and "import" in stages:
            rows.faults.add(
                f"replicate '{plain(world)}' has tuning and confirmatory rows; what chose a configuration cannot confirm it",
                file=rows.source.path, key="world", allowed="replicates of their own for tuning",
            )  # fmt: skip


def _configs(rows: Rows) -> None:
    """Methods that are compared had equally many tries, or the mapping says how many each had."""
    table, declared = rows.table, rows.loaded.mapping.configs_tried
    trained = table[table["n"] > 0]
    seen = {
        str(method): int(own.groupby(list(TUNED), dropna=False).ngroups)
        for method, own in trained.groupby("method", sort=False)
    }
    for method, tried in declared.items():
        where = rows.loaded.where("configs_tried", method)
        if method not in seen:
            rows.faults.add(
                "no row has this method",
                allowed=", ".join(map(plain, seen)),
                nearest=nearest_name(method, seen),
                **where,
            )
        elif tried < seen[method]:
            rows.faults.add(
                f"the file holds {seen[method]} configurations of this method",
                found=tried,
                allowed=f"{seen[method]} or more",
                **where,
            )
    if len(set((seen | declared).values())) > 1 and not seen.keys() <= declared.keys():
        listed = ", ".join(f"{plain(method)} {count}" for method, count in seen.items())
        rows.faults.add(
            f"methods had unequal numbers of configurations tried ({listed}), which favours those with more",
            allowed="equal numbers, or the true numbers of all methods under configs_tried in the mapping",
            file=rows.source.path, key="method",
        )  # fmt: skip


def _size(rows: Rows) -> None:
    own = rows.table[(rows.table["stage"] == "import") & (rows.table["n"] > 0)]
    remedy = "or --descriptive, which imports without fits and surfaces"
    if own.empty:
        rows.faults.add(
            "no row of a trained model is left for confirmation", file=rows.source.path, key="stage",
            allowed=f"rows with labels and stage import, {remedy}",
        )  # fmt: skip
    for method, part in own.groupby("method", sort=False):
        replicates = part["world"].nunique()
        budgets = len(part[["n", "a", "b"]].drop_duplicates())
        for count, minimum, what, key in (
            (replicates, MINIMUM_REPLICATES, "replicates", "world"),
            (budgets, MINIMUM_BUDGETS, "budgets", "n"),
        ):
            if count < minimum:
                rows.faults.add(
                    f"method '{plain(method)}' has too few {what}", file=rows.source.path, key=key, found=count,
                    allowed=f"{minimum} or more, {remedy}",
                )  # fmt: skip


def fill_bases(rows: Rows, *, descriptive: bool) -> None:
    """Outcomes of base models beside every row, and relative harm; what was given must agree."""
    for outcome in OUTCOMES:
        base = _base_of(rows.table, outcome)
        name = f"{outcome}_base"
        given = rows.column(name)
        rows.note(
            np.abs(given - base) > TOLERANCE, "differs from the replicate's base row", name, _expected(base)
        )
        rows.table[name] = np.where(np.isnan(base), given, base)
    violation, base = rows.column("violation"), rows.column("violation_base")
    if not descriptive:
        rows.note(
            (base == 0.0) & (rows.column("n") == 0), "the base model never violates a rule, so relative harm is not defined",
            "violations" if "violations" in rows.loaded.mapping.columns else "violation", "above 0 for a base model",
        )  # fmt: skip
    ratio = np.divide(violation, base, out=np.full(len(base), np.nan), where=base > 0)
    given = rows.column("relative_harm")
    rows.note(
        np.abs(given - ratio) > TOLERANCE, "is not violation / violation_base within 1e-6", "relative_harm",
        "leave the column out, and it is computed",
    )  # fmt: skip
    rows.table["relative_harm"] = ratio


def _expected(base: Any) -> str:
    known = {f"{x:.6g}" for x in base if np.isfinite(x)}
    return "the base row's value; leave the column out, and it is filled in" + (
        f" ({known.pop()})" if len(known) == 1 else ""
    )


def _base_of(table: pd.DataFrame, outcome: str) -> Any:
    """Mean of the base rows of each row's replicate and distribution; NaN where it was not measured."""
    bases = table[table["n"] == 0].groupby(["world", "distribution"])[outcome].mean().rename("base")
    return (
        table[["world", "distribution"]]
        .join(bases, on=["world", "distribution"])["base"]
        .to_numpy(np.float64)
    )
