"""Which of the drawn inputs go with which outcomes over the replicates of one scenario.

Squared rank correlations of single inputs: what a run that is there already can say. They miss
interactions and inputs that the run does not draw, so they are no substitute for a design of
experiments.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from econ.ensemble.statistics import mean_and_error
from econ.ensemble.tables import grid, quarters_of
from econ.ensemble.window import in_window

#: Drawn inputs among a replicate's facts and, for the last, among the outcomes.
INPUTS = {
    "transfer": "transfer", "advantage": "advantage of flags", "position_constraint": "position, constraints",
    "position_preference": "position, preferences", "stake_ratio": "stakes of lobbying",
}  # fmt: skip
#: Fewest replicates for a correlation.
FEWEST = 8
COLUMNS = ("variable", "input", "correlation", "low", "high", "replicates")
NORMAL_95 = 1.959964


def drivers_table(rows: pd.DataFrame, facts: pd.DataFrame, variables: Sequence[str]) -> pd.DataFrame:
    """Spearman correlations of outcomes over the last two years with the drawn inputs, and their 95 % intervals.

    Parameters
    ----------
    rows : DataFrame
        Outcomes of one scenario.
    facts : DataFrame
        Facts of its replicates, columns `replicate` and inputs.
    variables : sequence of str

    Returns
    -------
    DataFrame
        Columns `COLUMNS`; empty with fewer than `FEWEST` replicates. Inputs that do not vary are left out.

    References
    ----------
    Interval by Fisher's z with the variance 1.06/(n - 3) of Fieller, Hartley and Pearson (1957), Biometrika 44.
    """
    last = in_window(quarters_of(rows))
    replicates = np.unique(rows["replicate"])
    known = facts.set_index("replicate").reindex(replicates)
    inputs = {name: known[name].to_numpy(float) for name in INPUTS if name in known.columns}
    if "stake_ratio" in rows.columns:
        inputs["stake_ratio"] = grid(rows, "stake_ratio")[:, -1]
    found = []
    for variable in (name for name in variables if name in rows.columns):
        value, *_ = mean_and_error(grid(rows, variable)[:, last].T)
        for name, drawn in inputs.items():
            there = np.isfinite(value) & np.isfinite(drawn)
            if there.sum() >= FEWEST and np.ptp(drawn[there]) > 0 and np.ptp(value[there]) > 0:
                found.append((variable, name, *spearman(value[there], drawn[there]), int(there.sum())))
    return pd.DataFrame(found, columns=list(COLUMNS))


def spearman(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """Spearman's rank correlation [-1, 1] of two samples of equal size, and its 95 % interval as of `drivers_table`."""
    ranks = pd.DataFrame({"a": first, "b": second}).rank()
    rho = float(ranks["a"].corr(ranks["b"]))
    z, error = np.arctanh(np.clip(rho, -0.999999, 0.999999)), np.sqrt(1.06 / (len(first) - 3))
    return rho, float(np.tanh(z - NORMAL_95 * error)), float(np.tanh(z + NORMAL_95 * error))
