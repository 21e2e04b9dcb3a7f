"""World B: pass@k along training, and where methods have the same pass@1."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from econ.claims.names import arm_names
from econ.core.measurements import PASS_AT, extras
from econ.surfaces.cells import CONFIRMATORY

PASSES = [f"pass_{k}" for k in PASS_AT]
BASE_MODEL = "base"


def pass_table(measurements: pd.DataFrame, curves: pd.DataFrame | None, distribution: str) -> pd.DataFrame:
    """pass@k of world B by method, world and step, from the curves along training and the end of each run.

    The largest budget of each method is taken, and of several configurations the tuned one.

    Returns
    -------
    DataFrame
        `method`, `label_kind`, `world`, `step`, `pass_1` to `pass_256`, and `evaluated`: this is the policy that the run
        chose by its own validation labels, which need not be its last. Empty where there is no world B.
    """
    rows = measurements[(measurements["task"] == "B") & (measurements["distribution"] == distribution)]
    rows = rows[rows["stage"].isin(CONFIRMATORY) & rows["pass_1"].notna()]
    if rows.empty:
        return pd.DataFrame()
    rows = rows.assign(method=arm_names(rows, extras(rows)))
    chosen = rows[rows["n"] == rows.groupby("method")["n"].transform("max")]
    tuned = chosen["tuning_judgements"].fillna(0).groupby(chosen["method"]).transform("max") > 0
    chosen = chosen[~tuned | (chosen["tuning_judgements"].fillna(0) > 0)]
    ends = chosen.assign(step=chosen["best_step"].fillna(chosen["steps"]).fillna(0).astype(int), evaluated=True)
    parts = [ends[["run_id", "method", "label_kind", "world", "step", *PASSES, "evaluated"]]]
    if curves is not None and set(PASSES) <= set(curves.columns):
        along = curves[(curves["distribution"] == distribution) & curves["pass_1"].notna()]
        facts = ends[["run_id", "method", "label_kind", "world"]]
        parts.append(along[["run_id", "step", *PASSES]].merge(facts, on="run_id").assign(evaluated=False))
    table = pd.concat(parts, ignore_index=True)
    table[PASSES] = table[PASSES].astype("float64")
    # Several optimiser seeds or ends of one run at one step are averaged.
    named = {"label_kind": ("label_kind", "first"), "evaluated": ("evaluated", "max"), **{p: (p, "mean") for p in PASSES}}
    return table.groupby(["method", "world", "step"], observed=True).agg(**named).reset_index()


def at_matched_level(table: pd.DataFrame) -> tuple[pd.Series, dict[str, NDArray[np.float64]]]:
    """pass@k of each method where all have the same pass@1, world by world along training.

    In each world the level is the highest that every method reaches there, so that it is the same for all of them.

    Parameters
    ----------
    table : DataFrame
        As from `pass_table`; paths begin at the base model where it is known.

    Returns
    -------
    levels : Series
        pass@1 by world that all methods were run in, ascending.
    dict of str to ndarray, [W, K]
        pass@k of each method, in the order of `levels` and of `PASS_AT`.
    """
    trained = table[table["method"] != BASE_MODEL]
    levels = trained.groupby(["world", "method"], observed=True)["pass_1"].max().unstack().dropna().min(axis=1)
    base = table[table["method"] == BASE_MODEL].drop_duplicates("world").set_index("world")
    return levels, {
        str(method): np.array([_at_level(runs, base, world, levels[world]) for world, runs in own.groupby("world")])
        for method, own in trained[trained["world"].isin(levels.index)].groupby("method", observed=True)
    }


def _at_level(runs: pd.DataFrame, base: pd.DataFrame, world: object, level: float) -> NDArray[np.float64]:
    """All pass@k of one run where its pass@1 first reaches `level`, linear between steps."""
    path = runs.sort_values("step")[PASSES].to_numpy()
    if world in base.index:
        path = np.vstack([base.loc[[world], PASSES].to_numpy(), path])
    i = int(np.flatnonzero(path[:, 0] >= level - 1e-12)[0])
    if i == 0 or path[i, 0] == path[i - 1, 0]:
        return np.asarray(path[i])
    share = (level - path[i - 1, 0]) / (path[i, 0] - path[i - 1, 0])
    return np.asarray(path[i - 1] + share * (path[i] - path[i - 1]))
