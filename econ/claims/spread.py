"""Exploratory effects on what means hide: spread over optimiser seeds, worlds and rules, and entropy where models comply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from econ.claims.arms import Curve, Missing, where
from econ.claims.context import BUDGETS, Context, Measured, budget_deviation
from econ.claims.panels import HALVES_BUDGET
from econ.claims.resampling import MIN_WORLDS, Effect
from econ.claims.settings import decode_setting, distance

#: What rows must share to be one arm at one budget.
BLOCK = ["source", "setting", "n", "config"]
LARGEST = BUDGETS[-1:]
#: Of a block: source, setting, budget.
Key = tuple[int, str, float]


def spread_over_worlds(context: Context, curve: Curve, outcome: str) -> Measured:
    """Standard deviation over worlds of an outcome at the largest budget.

    The sample SD, sqrt(W/(W - 1) Σ w (x - Σ w x)²), under every draw's weights w.
    """
    x = curve.get(outcome)[:, -1]
    mean = context.weighted(x, curve.worlds)
    variance = context.weighted(x**2, curve.worlds) - mean**2
    effect = Effect.exact(np.sqrt(np.maximum(variance, 0.0) * len(x) / (len(x) - 1)), len(x))
    said = context.deviations(curve.setting, curve.worlds) + budget_deviation(curve.n[-1:], LARGEST, "budget")
    return Measured.of(effect, (curve,), said, mean=float(x.mean()))


def spread_over_seeds(context: Context, negative: str, preference: str) -> Measured:
    """SD over optimiser seeds in a world of relative harm, preference minus negative, mean over worlds."""

    def of_world(rows: pd.DataFrame) -> pd.DataFrame:
        per_seed = rows.groupby(["world", "seed"])["relative_harm"].mean()
        seeds = per_seed.groupby("world").agg(["std", "size"])
        return seeds[seeds["size"] > 1].rename(columns={"std": "spread"})

    needed = "with several optimiser seeds"
    blocks = {name: _blocks(context.evidence.rows(name, "id"), of_world) for name in (negative, preference)}
    key, (own, other) = _nearest(blocks, f"{needed}, {where('id')}")
    levels = {name: {"spread": float(t["spread"].mean()), "seeds": int(t["size"].max())} for name, t in ((negative, own), (preference, other))}
    return _measured(context, (negative, preference), key, other["spread"] - own["spread"], (HALVES_BUDGET,), {"over_seeds": levels})


def compliant_entropy(context: Context, method: str) -> Measured:
    """Entropy of a token over responses that break no rule and do not refuse, minus the base model's."""
    return _of_one(context, method, "id", "entropy_compliant")


def rule_spread_against_base(context: Context, method: str) -> Measured:
    """SD over rules of P(violation), minus the base model's."""
    return _of_one(context, method, "ood", "rule_sd")


def rule_spread(context: Context, negative: str, preference: str) -> Measured:
    """SD over rules of P(violation), preference minus negative."""
    return _rules(context, negative, preference, lambda table: table["rule_sd"])


def relative_rule_spread(context: Context, negative: str, preference: str) -> Measured:
    """The same over the mean of the rules: a lower rate alone lowers the SD, not this."""
    return _rules(context, negative, preference, lambda table: table["rule_sd"] / table["rule_mean"])


def _rules(context: Context, negative: str, preference: str, of: Callable[[pd.DataFrame], Any]) -> Measured:
    columns = ["rule_sd", "rule_mean"]
    blocks = {name: _detail_blocks(context, name, "ood", columns) for name in (negative, preference)}
    key, (own, other) = _nearest(blocks, f"measured rule by rule, {where('ood')}")
    levels = {name: {column: float(t[column].mean()) for column in columns} for name, t in ((negative, own), (preference, other))}
    return _measured(context, (negative, preference), key, of(other) - of(own), LARGEST, {"over_rules": levels})


def _of_one(context: Context, method: str, distribution: str, name: str) -> Measured:
    columns = [name, f"{name}_base"]
    found = _detail_blocks(context, method, distribution, columns)
    key, (own,) = _nearest({method: found}, f"with details of single runs and their base models, {where(distribution)}")
    levels = {column: float(own[column].mean()) for column in columns}
    return _measured(context, (method,), key, own[columns[0]] - own[columns[1]], LARGEST, levels)


def _measured(
    context: Context, methods: tuple[str, ...], key: Key, by_world: pd.Series[float], registered: tuple[int, ...], details: dict[str, Any]
) -> Measured:  # fmt: skip
    """Effect of a quantity that each world has, with how the setting, the worlds and the budget deviate from what is registered."""
    source, setting, n = key
    worlds = by_world.index.to_numpy(np.int64)
    said = context.deviations(decode_setting(setting), worlds) + budget_deviation(np.array([n]), registered, "budget")
    return Measured(context.effect(np.asarray(by_world, np.float64), worlds), methods, (source,), tuple(worlds.tolist()), said, details)


# Blocks --------------------------------------------------------------------------------------------
def _blocks(rows: pd.DataFrame, of_world: Callable[[pd.DataFrame], pd.DataFrame]) -> dict[Key, pd.DataFrame]:
    """Table by world of each setting and budget of an arm, of the configuration that was run in most worlds."""
    found: dict[Key, pd.DataFrame] = {}
    for _, own in rows.groupby(BLOCK, sort=True):
        table, first = of_world(own), own.iloc[0]
        key = int(first["source"]), str(first["setting"]), float(first["n"])
        if len(table) >= MIN_WORLDS and len(table) > len(found.get(key, ())):
            found[key] = table
    return found


def _detail_blocks(context: Context, method: str, distribution: str, columns: list[str]) -> dict[Key, pd.DataFrame]:
    details = context.evidence.beside.details
    rows = details[(details["arm"] == method) & (details["distribution"] == distribution)].dropna(subset=columns)
    return _blocks(rows, lambda own: own.groupby("world")[columns].mean())


def _nearest(blocks: dict[str, dict[Key, pd.DataFrame]], lacking: str) -> tuple[Key, list[pd.DataFrame]]:
    """Tables of all arms on common worlds, at the setting nearest to the reference, then at the largest budget."""
    keys = sorted(set.intersection(*map(set, blocks.values())), key=lambda key: (distance(decode_setting(key[1])), -key[2], key[0]))
    for key in keys:
        tables = [own[key] for own in blocks.values()]
        worlds = sorted(set.intersection(*(set(table.index) for table in tables)))
        if len(worlds) >= MIN_WORLDS:
            return key, [table.loc[worlds] for table in tables]
    raise Missing(f"runs of {' and '.join(blocks)} {lacking}, on {MIN_WORLDS} common worlds")
