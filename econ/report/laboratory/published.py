"""Published numbers beside ours, in a table: other models, tasks and scales, so never on one axis."""

from __future__ import annotations

import pandas as pd

from econ.claims.passes import PASSES
from econ.core.shipped import shipped_path
from econ.report.laboratory.intervals import mean_interval

REFERENCE_TABLES = "lab_reference_tables.csv"
#: Our arm for each published one, where there is one that its authors would recognise.
OUR_NAMES = {
    "base": "base", "Alpaca base": "base", "NSR": "nsr_or", "W-REINFORCE(lambda=0)": "nsr_or", "PSR": "psr_or",
    "GRPO": "grpo_or", "PPO": "ppo_or", "W-REINFORCE(lambda=0.1)": "wr_or", "D2O": "d2o_clean11", "GA": "ga",
    "SimPO": "simpo", "DPO-Ori": "dpo",
}  # fmt: skip
#: A variant of an arm that stands for it where it is the only one measured.
VARIANTS = {"d2o_clean11": ("d2o_raw11", "d2o_clean3", "d2o_raw3")}
OURS_IS = {
    "pass_at_k": "World B, pass@k in percent, out of distribution",
    "harmfulness": "World A, relative harm, out of distribution, largest budget",
}


def published_table(pass_rates: pd.DataFrame, methods: pd.DataFrame) -> pd.DataFrame:
    """Published values with ours in columns of their own; rows without a counterpart are left out.

    Parameters
    ----------
    pass_rates : DataFrame
        As from `pass_table`, may be empty.
    methods : DataFrame
        As from `method_table`, may be empty.

    Returns
    -------
    DataFrame
        `paper`, `benchmark`, `method`, `metric`, `k`, `published`, `grade`, `our_method`, `ours`, `ours_low`, `ours_high`
        (95 %), `ours_is`.
    """
    published = pd.read_csv(shipped_path("calibration", REFERENCE_TABLES)).rename(columns={"value": "published"})
    known: Values = _pass_values(pass_rates)
    known.update(_harm_values(methods))
    rows = []
    for _, line in published.iterrows():
        row: dict[str, object] = {str(name): value for name, value in line.items()}
        metric = str(row["metric"])
        name = OUR_NAMES.get(str(row["method"]))
        for candidate in () if name is None else (name, *VARIANTS.get(name, ())):
            key = (metric, candidate, int(line["k"]) if metric == "pass_at_k" else 0)
            if key in known:
                mean, low, high = known[key]
                ours = {"our_method": candidate, "ours": mean, "ours_low": low, "ours_high": high, "ours_is": OURS_IS[metric]}
                rows.append({**row, **ours})
                break
    return pd.DataFrame(rows)


Values = dict[tuple[str, str, int], tuple[float, float, float]]


def _pass_values(table: pd.DataFrame) -> Values:
    """Percent by method and k of the policies that the runs chose."""
    found: Values = {}
    chosen = table[table["evaluated"]] if len(table) else table
    for method, own in chosen.groupby("method") if len(chosen) else ():
        for name in PASSES:
            key = ("pass_at_k", str(method), int(name.removeprefix("pass_")))
            found[key] = mean_interval(100.0 * own[name].to_numpy(float))
    return found


def _harm_values(table: pd.DataFrame) -> Values:
    """Relative harm by method at the largest budget; 1 for the base model."""
    if table.empty:
        return {}
    found: Values = {("harmfulness", "base", 0): (1.0, 1.0, 1.0)}
    for method, own in table.groupby("method"):
        last = own.sort_values("n").iloc[-1]
        values = (last["relative_harm"], last["relative_harm_low"], last["relative_harm_high"])
        found[("harmfulness", str(method), 0)] = (float(values[0]), float(values[1]), float(values[2]))
    return found
