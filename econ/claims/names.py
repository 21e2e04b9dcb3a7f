"""Names of arms: a run's method, and what makes it another arm than the method alone."""

from __future__ import annotations

from typing import Any

import pandas as pd

#: The registered share of pairs in a hybrid.
HYBRID_SHARE = 0.15
#: Weight of right samples in W-REINFORCE (Zhu et al. 2025) that its name alone stands for.
W_REINFORCE_WEIGHT = 0.1


def arm_names(rows: pd.DataFrame, details: list[dict[str, Any]]) -> list[str]:
    """Name of each arm: its method, and what makes it another one.

    A hybrid without pairs is `npo_ret`, without flags `dpo`; other mixes carry their share, and W-REINFORCE
    its weight of right samples where that is not the usual one.

    Parameters
    ----------
    rows : DataFrame
        With `method`, `a`, `b`, `n`.
    details : list of dict
        Column `extra` of each row, decoded.
    """
    names = []
    for method, a, b, n, detail in zip(rows["method"], rows["a"], rows["b"], rows["n"], details, strict=True):
        if method != "hybrid":
            weight = detail.get("lambda", W_REINFORCE_WEIGHT) if str(method).startswith("wr_") else W_REINFORCE_WEIGHT
            names.append(str(method) if weight == W_REINFORCE_WEIGHT else f"{method}_{weight:g}")
        elif b == 0:
            names.append("npo_ret")
        elif a == 0:
            names.append("dpo")
        else:
            registered = abs(b - HYBRID_SHARE * n) <= 1
            names.append("hybrid" if registered else f"hybrid_{b / n:.2f}")
    return names
