"""Learning curves of every method as fitted forms, in a table and on a terminal; what is not identified is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.claims.arms import Curve
from econ.claims.evidence import Evidence
from econ.claims.settings import describe_setting
from econ.report.numbers import interval
from econ.surfaces.bootstrap import world_weights
from econ.surfaces.cells import Cells
from econ.surfaces.curves import CURVE_DRAWS, MINIMUM_CURVE_BUDGETS, curve_refusal, fit_curve

if TYPE_CHECKING:
    from rich.console import Console

DISTRIBUTIONS = ("id", "ood")
_COLUMNS = ("distribution", "method", "setting", "form", "half-saturation, labels", "floor", "refused")


def curve_table(evidence: Evidence, seed: int = 1) -> pd.DataFrame:
    """Hill, exponential and power curves of relative harm, of every method at every setting of the knobs.

    Parameters
    ----------
    evidence : Evidence
        Confirmatory or imported rows; a curve needs four worlds and four budgets.
    seed : int
        Of the bootstrap weights of worlds.

    Returns
    -------
    DataFrame
        One row per curve and form: `distribution`, `method`, `setting` (knobs that differ from the registered ones),
        `worlds`, `budgets`, `largest`, `form`, `best` (highest leave-one-world-out score), `log_score`, `aicc`, `rmse`,
        `refused` (what, or ""), `reason`, `why`; `half_saturation` (labels), `floor` (relative harm) and `exponent` with
        `_low` and `_high` (90 %), NaN where refused; `extrapolated`: the half-saturation lies beyond the budgets.
    """
    rows: list[dict[str, Any]] = []
    for distribution in DISTRIBUTIONS:
        for method in evidence.methods():
            for curve in evidence.curves(method, distribution):
                if len(curve.n) >= MINIMUM_CURVE_BUDGETS:
                    rows += _fitted(curve, seed)
    return pd.DataFrame(rows)


def _fitted(curve: Curve, seed: int) -> list[dict[str, Any]]:
    cells = _cells(curve)
    fits = fit_curve(cells, world_weights(seed, CURVE_DRAWS, cells.worlds))
    best = max(fits, key=lambda fit: fit.log_score)
    what, reason, why = curve_refusal(cells) or ("", "", "")
    found = []
    for fit in fits:
        described = fit.described()
        if what:
            described |= {f"{what}{end}": float("nan") for end in ("", "_low", "_high")}
        found.append(
            {
                "distribution": curve.distribution, "method": curve.method,
                "setting": "; ".join(text.partition(" (")[0] for text in describe_setting(curve.setting)),
                "worlds": len(cells.worlds), "budgets": len(cells.a), "largest": float(cells.a.max()),
                "form": fit.form.name, "best": fit is best, "log_score": fit.log_score, "aicc": fit.aicc,
                "rmse": fit.rmse, "refused": what, "reason": reason, "why": why, **described,
                "extrapolated": described["half_saturation"] > cells.a.max(),
            }
        )  # fmt: skip
    return found


def _cells(curve: Curve) -> Cells:
    base = curve.values["base_violation"][:, 0]
    rate = curve.values["relative_harm"] * base[:, None]
    nothing = np.zeros(len(curve.n))
    return Cells(curve.n, nothing, nothing, curve.worlds, rate, base)


def print_curves(curves: pd.DataFrame, console: Console) -> None:
    """Of each curve the form that predicts a left-out world best."""
    from rich.table import Table

    if curves.empty:
        return
    table = Table(
        title="Learning curves of relative harm, form that predicts best [90 % interval]", title_justify="left", box=None
    )
    numbers = _COLUMNS[4:6]
    for name in _COLUMNS:
        table.add_column(name, justify="right" if name in numbers else "left")
    for _, row in curves[curves["best"]].iterrows():
        half, floor = (
            interval(row[n], row[f"{n}_low"], row[f"{n}_high"]) for n in ("half_saturation", "floor")
        )
        table.add_row(
            row["distribution"], row["method"], row["setting"], row["form"],
            f"> {row['largest']:,.0f}" if row["extrapolated"] else half,
            "0 (by form)" if row["form"] == "power" and row["refused"] != "floor" else floor,
            f"{row['refused'].replace('_', '-')}: {row['reason']}" if row["refused"] else "",
        )  # fmt: skip
    console.print(table)
