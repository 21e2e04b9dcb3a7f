"""Tidy tables of what the laboratory measured and of the surfaces fitted to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.claims.evidence import Evidence
from econ.claims.reading import evidence_of
from econ.core.errors import InputError
from econ.core.manifests import MANIFEST, read_manifest, read_parquet
from econ.core.measurements import DISTRIBUTION_NAMES, SETTING_KEYS, extras, read_measurements
from econ.core.shipped import shipped_path
from econ.report.laboratory.intervals import LEVEL, wilson
from econ.surfaces.cells import CONFIRMATORY, KNOBS
from econ.surfaces.estimate import SIGMA
from econ.surfaces.files import DESCRIPTION, load_surfaces

if TYPE_CHECKING:
    from econ.surfaces.posterior import Surfaces

MEASUREMENTS, CURVES = "measurements.parquet", "curves.parquet"
#: Outcomes of a cell, harm first.
OUTCOMES = ("relative_harm", "helpfulness", "sycophancy", "over_refusal")
#: What stands in every figure of harm.
WITH_COLLAPSE = (*OUTCOMES, "collapsed")
CELL = ["distribution", "method", "label_kind", "v", "setting", "a", "b", "n"]
EFFORT = ("judgements", "human_minutes", "flops")
#: Arms with one kind of label: what trains them is known from the labels, not from the method's name.
PURE = {"flags": "flags alone", "pairs": "pairs alone"}
#: Arms that see the truth: upper bounds, in a panel of their own.
ORACLE_KINDS = ("verification",)
ORACLE_METHODS = ("oracle",)
KINDS = {
    "measured": "measured",
    "imposed": "IMPOSED elasticity of substitution, not measured",
    "prior": "elasticity of substitution from its PRIOR, not identified by the design",
}


@dataclass(frozen=True)
class Laboratory:
    """A measurement table, fitted surfaces, or both."""

    source: str
    measurements: pd.DataFrame | None
    surfaces: Surfaces | None
    curves: pd.DataFrame | None = None
    """Metrics along training, where they were kept."""
    corrected: Mapping[str, Any] = field(default_factory=dict)
    """Intervals of σ by BCa, by distribution, where the fit kept them."""

    def evidence(self) -> Evidence | None:
        """Confirmatory and imported runs by arm, setting and configuration; None without measurements."""
        if self.measurements is None:
            return None
        return evidence_of([(self.source, None, self.measurements)])


def load_laboratory(directory: Path | None = None) -> Laboratory:
    """What a directory holds; the shipped measurements and their surfaces unless given.

    Raises
    ------
    InputError
        If it holds neither.
    """
    if directory is None:
        directory = shipped_path("calibration", "lab", "surface")
        fitted = shipped_path("calibration", "surfaces", "default")
        return Laboratory("shipped", read_measurements(directory / MEASUREMENTS), load_surfaces(), corrected=corrected_sigma(fitted))
    has_table, has_surfaces = ((directory / name).is_file() for name in (MEASUREMENTS, DESCRIPTION))
    if not (has_table or has_surfaces):
        raise InputError(
            "neither measurements nor surfaces are here", file=directory,
            allowed="a directory made by `econ lab run`, `econ lab import` or `econ lab fit`",
        )  # fmt: skip
    table = read_measurements(directory / MEASUREMENTS) if has_table else None
    along = directory / CURVES
    curves = read_parquet(along) if along.is_file() else None
    if not has_surfaces:
        return Laboratory(directory.name, table, None, curves)
    return Laboratory(directory.name, table, load_surfaces(directory), curves, corrected_sigma(directory))


def corrected_sigma(directory: Path) -> dict[str, Any]:
    """Intervals of σ by BCa from the manifest of a fit, by distribution; empty if it has none."""
    manifest = directory / MANIFEST
    return dict(read_manifest(manifest).get(SIGMA) or {}) if manifest.is_file() else {}


def cell_table(measurements: pd.DataFrame) -> pd.DataFrame:
    """One row per stage, method, cell and distribution: means over worlds with 95 % intervals.

    Returns
    -------
    DataFrame
        `stage`, `CELL`, `arm` (see `arms`), `worlds`, `EFFORT`, and for each outcome its mean, `_low`
        and `_high`: Student t over worlds; for `collapsed`, the share of runs, the score interval of
        Wilson (1927), which does not vanish where no run collapsed.
    """
    from scipy.special import stdtrit

    rows = measurements[measurements["task"] == "A"].copy()
    rows["v"] = rows["v"].astype(float).round(6)
    rows["setting"] = _varied_knobs(rows)
    numbers = [*OUTCOMES, "collapsed", *EFFORT]
    for name in numbers:
        rows[name] = rows[name].astype("float64")
    keys = ["stage", *CELL]
    by_world = rows.groupby([*keys, "world"], observed=True, dropna=False)[numbers].mean()
    groups = by_world.groupby(level=keys, dropna=False)
    mean, sd = groups.mean(), groups.std(ddof=1)
    worlds = groups.size().rename("worlds")
    margin: pd.Series[float] = pd.Series(
        stdtrit(np.maximum(worlds - 1, 1), 0.5 + LEVEL / 2), index=worlds.index
    ) / np.sqrt(worlds)
    table = mean.join(worlds)
    for outcome in OUTCOMES:
        table[f"{outcome}_low"] = mean[outcome] - margin * sd[outcome]
        table[f"{outcome}_high"] = mean[outcome] + margin * sd[outcome]
    table["collapsed_low"], table["collapsed_high"] = wilson(table["collapsed"], table["worlds"])
    table = table.reset_index()
    table["stage"] = table["stage"].astype(str)
    table.insert(len(keys), "arm", arms(table))
    return table


def _varied_knobs(rows: pd.DataFrame) -> pd.Series[str]:
    """Knobs that the table varies besides v, with their values; empty where it varies none."""
    trained = rows[(rows["n"] > 0) & rows["stage"].isin(CONFIRMATORY)]
    varied = [k for k in KNOBS if trained[k].nunique() > 1]
    # Noise follows from v unless it is set for itself.
    varied += [k for k in ("miss", "false_alarm") if (trained.groupby("v", dropna=False)[k].nunique() > 1).any()]
    texts = pd.Series("", index=rows.index)
    for knob in varied:
        value = rows[knob].astype(float).map(lambda x: "" if np.isnan(x) else f"{x:.3g}")
        texts += (f"{knob} " + value + "; ").where(value != "", "")
    return (texts + _swept_in_details(rows)).str.removesuffix("; ")


#: Keys of column `extra` over which grids sweep one method: knobs without a column, and the weight of W-REINFORCE.
_SWEPT = (*sorted(SETTING_KEYS), "lambda")


def _swept_in_details(rows: pd.DataFrame) -> pd.Series[str]:
    """Values of `_SWEPT` where a method was run with several of them; rows with another value are other cells."""
    details = extras(rows)
    values = pd.DataFrame([[str(own.get(key, "")) for key in _SWEPT] for own in details], rows.index, _SWEPT)
    chosen = ((rows["n"] > 0) & rows["stage"].isin(CONFIRMATORY)).to_numpy(bool)
    several = values[chosen].groupby(rows["method"][chosen].astype(str)).nunique() > 1
    texts = pd.Series("", index=rows.index)
    for key in several.columns[several.any()]:
        own = rows["method"].astype(str).isin(several.index[several[key]]) & (values[key] != "")
        texts += (f"{key} " + values[key] + "; ").where(own, "")
    return texts


def is_oracle(method: str, kind: str) -> bool:
    """Whether an arm is told the truth by a program, or trained on it."""
    return kind in ORACLE_KINDS or method in ORACLE_METHODS or method.endswith("_or")


def arms(cells: pd.DataFrame) -> pd.Series[str]:
    """What each cell was trained on: `flags`, `pairs` or `both`.

    A cell with neither is the base model (`base`), a control (its method) or another kind of label; an AI judge's
    cell stays the judge's, with however few human pairs beside its own.
    """
    human = cells["label_kind"].astype(str) != "critic"
    flags, pairs = (cells["a"] > 0) & human, (cells["b"] > 0) & human
    names = cells["method"].astype(str).where(cells["n"] == 0, cells["label_kind"].astype(str))
    kinds = np.select([flags & pairs, flags, pairs], ["both", "flags", "pairs"], default="")
    return names.where(kinds == "", pd.Series(kinds, index=cells.index))


def reported_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells of worlds that chose no hyperparameter; where there are none, those of development worlds."""
    own = cells[cells["stage"].isin(CONFIRMATORY)]
    return own if (own["n"] > 0).any() else cells[cells["stage"] == "develop"]


def pure_arms(cells: pd.DataFrame, distribution: str) -> pd.DataFrame:
    """Reported cells with one kind of label, and their base models, under one distribution.

    Parameters
    ----------
    cells : DataFrame
        As from `cell_table`.
    """
    rows = reported_cells(cells)
    return rows[(rows["distribution"] == distribution) & rows["arm"].isin([*PURE, "base"])].reset_index(
        drop=True
    )


def form_table(surfaces: Surfaces) -> pd.DataFrame:
    """One row per distribution and form: weight, predictive accuracy; the benchmark S4 has no weight."""
    rows = []
    for distribution, fit in surfaces.diagnostics.get("harm", {}).items():
        both = {**fit["forms"], **fit.get("benchmark", {})}
        rows += [
            {"distribution": distribution, "form": name, **{k: v for k, v in form.items() if k != "point"}}
            for name, form in both.items()
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


def caveat(cells: pd.DataFrame | None) -> str:
    """What does not carry over from the worlds of the cells, ours or a user's own."""
    if cells is not None and (cells["stage"] == "import").any():
        return "Imported data: what carries over is for whoever imported them to say."
    return "Toy worlds: signs and mechanisms may carry over; magnitudes, thresholds and label counts do not."


def distribution_of(table: pd.DataFrame) -> str:
    """The distribution of a table that holds one, in words."""
    return DISTRIBUTION_NAMES.get(str(table["distribution"].iloc[0]), "")


def worlds_of(cells: pd.DataFrame) -> str:
    """Number of worlds of the cells, or its range."""
    low, high = int(cells["worlds"].min()), int(cells["worlds"].max())
    return str(low) if low == high else f"{low} to {high}"
