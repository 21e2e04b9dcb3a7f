"""Tidy tables of what the laboratory measured and of the surfaces fitted to it, and their text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.core.errors import InputError
from econ.core.measurements import read_measurements
from econ.core.shipped import shipped_path
from econ.report.numbers import interval, short
from econ.surfaces.files import DESCRIPTION, load_surfaces

if TYPE_CHECKING:
    from rich.console import Console

    from econ.surfaces.posterior import Surfaces

MEASUREMENTS = "measurements.parquet"
#: Outcomes of a cell, harm first.
OUTCOMES = ("relative_harm", "helpfulness", "sycophancy", "over_refusal")
CELL = ["distribution", "method", "label_kind", "v", "a", "b", "n"]
LEVEL = 0.95
KINDS = {
    "measured": "measured",
    "imposed": "IMPOSED elasticity of substitution, not measured",
    "prior": "elasticity of substitution from its PRIOR: the design did not identify it",
}


@dataclass(frozen=True)
class Laboratory:
    """A measurement table, fitted surfaces, or both."""

    source: str
    measurements: pd.DataFrame | None
    surfaces: Surfaces | None


def load_laboratory(directory: Path | None = None) -> Laboratory:
    """What a directory holds; the shipped measurements and their surfaces unless given.

    Raises
    ------
    InputError
        If it holds neither.
    """
    if directory is None:
        shipped = read_measurements(shipped_path("calibration", "lab", "surface", MEASUREMENTS))
        return Laboratory("shipped", shipped, load_surfaces())
    has_table, has_surfaces = ((directory / name).is_file() for name in (MEASUREMENTS, DESCRIPTION))
    if not (has_table or has_surfaces):
        raise InputError(
            "neither measurements nor surfaces are here", file=directory,
            allowed="a directory made by `econ lab run`, `econ lab import` or `econ lab fit`",
        )  # fmt: skip
    table = read_measurements(directory / MEASUREMENTS) if has_table else None
    return Laboratory(directory.name, table, load_surfaces(directory) if has_surfaces else None)


def cell_table(measurements: pd.DataFrame) -> pd.DataFrame:
    """One row per method, cell and distribution: means over worlds with 95 % intervals.

    Returns
    -------
    DataFrame
        `CELL`, `stage`, `worlds`, `human_minutes`, `judgements`, `collapsed` (share of runs), and for
        each outcome its mean, `_low` and `_high` (Student t over worlds).
    """
    from scipy.special import stdtrit

    rows = measurements[measurements["task"] == "A"].copy()
    rows["v"] = rows["v"].astype(float).round(6)
    for name in (*OUTCOMES, "collapsed", "human_minutes", "judgements"):
        rows[name] = rows[name].astype("float64")
    keys = ["stage", *CELL]
    by_world = rows.groupby([*keys, "world"], observed=True)[
        [*OUTCOMES, "collapsed", "human_minutes", "judgements"]
    ].mean()
    groups = by_world.groupby(level=keys)
    mean, sd = groups.mean(), groups.std(ddof=1)
    worlds = groups.size().rename("worlds")
    margin: pd.Series[float] = pd.Series(
        stdtrit(np.maximum(worlds - 1, 1), 0.5 + LEVEL / 2), index=worlds.index
    ) / np.sqrt(worlds)
    table = mean.join(worlds)
    for outcome in OUTCOMES:
        table[f"{outcome}_low"] = mean[outcome] - margin * sd[outcome]
        table[f"{outcome}_high"] = mean[outcome] + margin * sd[outcome]
    return table.reset_index()


def form_table(surfaces: Surfaces) -> pd.DataFrame:
    """One row per distribution and form: weight, predictive accuracy."""
    rows = [
        {"distribution": distribution, "form": name, **{k: v for k, v in form.items() if k != "point"}}
        for distribution, fit in surfaces.diagnostics.get("harm", {}).items()
        for name, form in fit["forms"].items()
    ]
    return pd.DataFrame(rows)


def sigma_table(surfaces: Surfaces) -> pd.DataFrame:
    """Elasticity of substitution at the status-quo position, by distribution and v, and by form at one v."""
    rows = []
    for distribution, fit in surfaces.diagnostics.get("harm", {}).items():
        sigma = fit["sigma"]
        rows += [
            {"distribution": distribution, "form": "all, by weight", "v": float(v), **q}
            for v, q in sigma["by_v"].items()
        ]
        rows += [
            {"distribution": distribution, "form": f, "v": sigma["v"], **q}
            for f, q in sigma["by_form"].items()
        ]
    return pd.DataFrame(rows)


def arm_curve_table(surfaces: Surfaces) -> pd.DataFrame:
    """Hill curve of each kind of label alone, by distribution and v; a refused parameter is empty."""
    rows = []
    for distribution, fit in surfaces.diagnostics.get("harm", {}).items():
        for kind, by_v in fit.get("arms", {}).items():
            for v, curve in by_v.items():
                row = {
                    "distribution": distribution,
                    "labels": kind,
                    "v": float(v),
                    "refused": curve["refused"],
                }
                for name in ("half_saturation", "floor", "exponent"):
                    values = curve[name] or dict.fromkeys(("point", "p05", "p95"), np.nan)
                    row |= {
                        name: values["point"],
                        f"{name}_low": values["p05"],
                        f"{name}_high": values["p95"],
                    }
                rows.append(row)
    return pd.DataFrame(rows)


def print_laboratory(laboratory: Laboratory, console: Console) -> None:
    """Measurements and fits on a terminal."""
    if laboratory.measurements is not None:
        _print_cells(cell_table(laboratory.measurements), console)
    if laboratory.surfaces is not None:
        print_surfaces(laboratory.surfaces, console)


def _print_cells(cells: pd.DataFrame, console: Console) -> None:
    from rich.table import Table

    shown = cells[cells["distribution"] == "ood"]
    shown = cells if shown.empty else shown
    table = Table(
        title="Measurements, out of distribution: means over worlds [95 % interval]", title_justify="left",
        caption="Relative harm: violation rate / the base model's. Toy worlds: signs and mechanisms may carry over, "
        "magnitudes do not.", caption_justify="left", box=None,
    )  # fmt: skip
    for name in (
        "method",
        "v",
        "flags",
        "pairs",
        "worlds",
        "relative harm",
        "helpfulness",
        "sycophancy",
        "over-refusal",
        "collapsed",
    ):
        table.add_column(name, justify="left" if name == "method" else "right")
    for _, row in shown.iterrows():
        outcomes = [interval(row[o], row[f"{o}_low"], row[f"{o}_high"]) for o in OUTCOMES]
        collapsed = "–" if pd.isna(row["collapsed"]) else f"{row['collapsed']:.0%}"
        table.add_row(
            str(row["method"]),
            f"{row['v']:g}",
            str(row["a"]),
            str(row["b"]),
            str(row["worlds"]),
            *outcomes,
            collapsed,
        )
    console.print(table)


def print_surfaces(surfaces: Surfaces, console: Console) -> None:
    """Fit, elasticity of substitution and refusals on a terminal."""
    from rich.table import Table

    console.print(
        f"Response surfaces {surfaces.id}: {surfaces.count} draws, {KINDS[surfaces.kind]}", highlight=False
    )
    forms = Table(title="Forms of relative harm", title_justify="left", box=None)
    for name in (
        "distribution",
        "form",
        "weight",
        "log score",
        "AICc",
        "RMSE",
        "RMSE, largest budgets held out",
    ):
        forms.add_column(name, justify="left" if name in ("distribution", "form") else "right")
    for _, row in form_table(surfaces).iterrows():
        accuracy = [short(row[key]) for key in ("log_score", "aicc", "rmse", "rmse_top_budgets")]
        forms.add_row(row["distribution"], row["form"], f"{row['weight']:.3f}", *accuracy)
    console.print(forms)
    sigma = Table(
        title="Elasticity of substitution of flags and pairs at the status-quo position (1 and 4 half-saturations)",
        title_justify="left", box=None,
    )  # fmt: skip
    for name in ("distribution", "form", "v", "median [90 % interval]", "P(sigma > 1)", "no interior mix"):
        sigma.add_column(name, justify="left" if name in ("distribution", "form") else "right")
    for _, row in sigma_table(surfaces).iterrows():
        middle = interval(row["p50"], row["p05"], row["p95"])
        shares = (f"{row['probability_above_1']:.2f}", f"{row['share_without_interior_mix']:.0%}")
        sigma.add_row(row["distribution"], row["form"], f"{row['v']:g}", middle, *shares)
    console.print(sigma)
    _print_arms(arm_curve_table(surfaces), console)
    for line in _remarks(surfaces):
        console.print(line, highlight=False)


def _print_arms(curves: pd.DataFrame, console: Console) -> None:
    from rich.table import Table

    if curves.empty:
        return
    table = Table(
        title="One kind of label alone: Hill curves of relative harm [90 % interval]",
        title_justify="left",
        box=None,
    )
    for name in ("distribution", "labels", "v", "half-saturation, labels", "floor", "refused"):
        table.add_column(name, justify="left" if name in ("distribution", "labels", "refused") else "right")
    for _, row in curves.iterrows():
        half, floor = (
            interval(row[n], row[f"{n}_low"], row[f"{n}_high"]) for n in ("half_saturation", "floor")
        )
        refused = row["refused"] if isinstance(row["refused"], str) else ""
        table.add_row(row["distribution"], row["labels"], f"{row['v']:g}", half, floor, refused)
    console.print(table)


def _remarks(surfaces: Surfaces) -> list[str]:
    lines = []
    for distribution, fit in surfaces.diagnostics.get("harm", {}).items():
        lines.append(
            f"{distribution}: a form without error would still have an RMSE of {short(fit['noise_of_cell_means'])}, "
            "the noise of the cells' means."
        )
        share = fit["extrapolated_share"]
        if share > 0:
            lines.append(
                f"{distribution}: the status-quo position lies outside the measured budgets in {share:.0%} of draws."
            )
    refused = surfaces.diagnostics.get("refusals", [])
    lines += [f"Refused: {r['what']} ({r['reason']}): {r['why']}." for r in refused]
    return lines


def key_facts(surfaces: Surfaces) -> dict[str, Any]:
    """What a script wants to know about a fit."""
    harm = surfaces.diagnostics.get("harm", {})
    return {
        "id": surfaces.id,
        "hash": surfaces.hash,
        "kind": surfaces.kind,
        "draws": surfaces.count,
        "weights": {
            d: {name: form["weight"] for name, form in fit["forms"].items()} for d, fit in harm.items()
        },
        "sigma": {
            d: {key: fit["sigma"][key] for key in ("p05", "p50", "p95", "probability_above_1", "identified")}
            for d, fit in harm.items()
        },
        "refusals": surfaces.diagnostics.get("refusals", []),
    }
