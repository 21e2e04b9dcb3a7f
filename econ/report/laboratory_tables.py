"""Tidy tables of what the laboratory measured and of the surfaces fitted to it, and their text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.claims.evidence import Evidence
from econ.claims.reading import evidence_of, load_evidence
from econ.core.errors import InputError
from econ.core.measurements import read_measurements
from econ.core.shipped import shipped_path
from econ.report.laboratory_fits import curve_table, print_curves
from econ.report.numbers import interval, short
from econ.surfaces.cells import CONFIRMATORY, KNOBS
from econ.surfaces.files import DESCRIPTION, load_surfaces

if TYPE_CHECKING:
    from rich.console import Console

    from econ.surfaces.posterior import Surfaces

MEASUREMENTS, CURVES = "measurements.parquet", "curves.parquet"
#: Outcomes of a cell, harm first.
OUTCOMES = ("relative_harm", "helpfulness", "sycophancy", "over_refusal")
CELL = ["distribution", "method", "label_kind", "v", "setting", "a", "b", "n"]
EFFORT = ("judgements", "human_minutes", "flops")
#: Arms with one kind of label: what trains them is known from the labels, not from the method's name.
PURE = {"flags": "flags alone", "pairs": "pairs alone"}
LEVEL = 0.95
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
        return Laboratory("shipped", read_measurements(directory / MEASUREMENTS), load_surfaces())
    has_table, has_surfaces = ((directory / name).is_file() for name in (MEASUREMENTS, DESCRIPTION))
    if not (has_table or has_surfaces):
        raise InputError(
            "neither measurements nor surfaces are here", file=directory,
            allowed="a directory made by `econ lab run`, `econ lab import` or `econ lab fit`",
        )  # fmt: skip
    table = read_measurements(directory / MEASUREMENTS) if has_table else None
    along = directory / CURVES
    curves = pd.read_parquet(along) if along.is_file() else None
    return Laboratory(directory.name, table, load_surfaces(directory) if has_surfaces else None, curves)


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
    by_world = rows.groupby([*keys, "world"], observed=True)[numbers].mean()
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
    varied += [k for k in ("miss", "false_alarm") if (trained.groupby("v")[k].nunique() > 1).any()]
    texts = pd.Series("", index=rows.index)
    for knob in varied:
        value = rows[knob].astype(float).map(lambda x: "" if np.isnan(x) else f"{x:.3g}")
        texts += (f"{knob} " + value + "; ").where(value != "", "")
    return texts.str.removesuffix("; ")


def wilson(share: pd.Series[float], n: pd.Series[int]) -> tuple[pd.Series[float], pd.Series[float]]:
    """Score interval of a share of `n` worlds."""
    from scipy.special import ndtri

    z2 = float(ndtri(0.5 + LEVEL / 2)) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * share * (1 - share) / n + (z2 / (2 * n)) ** 2) / (1 + z2 / n)
    return (middle - half).clip(lower=0.0), (middle + half).clip(upper=1.0)


def arms(cells: pd.DataFrame) -> pd.Series[str]:
    """What each cell was trained on: `flags`, `pairs` or `both`.

    A cell with neither is the base model (`base`), a control (its method) or another kind of label.
    """
    flags, pairs = cells["a"] > 0, cells["b"] > 0
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


def print_laboratory(laboratory: Laboratory, console: Console) -> None:
    """Measurements and fits on a terminal."""
    if laboratory.measurements is not None:
        _print_cells(cell_table(laboratory.measurements), console)
    if laboratory.surfaces is not None:
        print_surfaces(laboratory.surfaces, console)
    evidence = laboratory.evidence()
    if evidence is not None:
        print_curves(curve_table(evidence), console)


def print_fit(surfaces: Surfaces, paths: Sequence[Path], console: Console) -> None:
    """A fit on a terminal, with the learning curves in the tables that it was made from."""
    print_surfaces(surfaces, console)
    print_curves(curve_table(load_evidence(paths)), console)


def _print_cells(cells: pd.DataFrame, console: Console) -> None:
    from rich.table import Table

    cells = reported_cells(cells)
    distribution = "ood" if (cells["distribution"] == "ood").any() else "id"
    shown = _terminal_rows(cells[cells["distribution"] == distribution])
    if shown.empty:
        console.print("No confirmatory, imported or development cells of world A were measured.")
        return
    name = {"ood": "out of distribution", "id": "in distribution"}[distribution]
    stages = {"confirm": "confirmatory worlds", "import": "imported worlds", "develop": "DEVELOPMENT worlds"}
    places = " and ".join(f"{worlds_of(rows)} {stages[str(s)]}" for s, rows in shown.groupby("stage"))
    table = Table(
        title=f"Measured {name}, {places}: means, 95 % intervals", title_justify="left", box=None, pad_edge=False,
        collapse_padding=True,
    )  # fmt: skip
    several = bool(shown.groupby("arm")["method"].nunique().gt(1).any())
    columns = [c for c in _TERMINAL if c != "method" or several]
    columns = [c for c in columns if c != "knobs" or (shown["setting"] != "").any()]
    for column in columns:
        table.add_column(column, justify="left" if column in ("labels", "method", "knobs") else "right")
    for _, row in shown.iterrows():
        texts = dict(zip(_TERMINAL, _terminal_cells(row), strict=True))
        table.add_row(*(texts[c] for c in columns))
    console.print(table)
    both = int(((cells["distribution"] == distribution) & (cells["arm"] == "both")).sum())
    console.print(_reading(shown, both), highlight=False)


_TERMINAL = ("v", "labels", "n", "minutes", "harm", "help", "sycoph.", "over-ref.", "collapsed %", "method", "knobs")


def _terminal_rows(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells in the order of the printed table: base model, then by v and budget; mixes and controls are left out.

    A base model that is the same at every v stands once, with no v.
    """
    base = cells[cells["arm"] == "base"].drop_duplicates(list(OUTCOMES))
    if len(base) == 1:
        base = base.assign(v=np.nan)
    trained = cells[(cells["n"] > 0) & (cells["arm"] != "both")]
    order = {"v": False, "n": True, "arm": True, "method": True}
    parts = [part.sort_values(list(order), ascending=list(order.values())) for part in (base, trained)]
    return pd.concat(parts, ignore_index=True)


def _terminal_cells(row: pd.Series[Any]) -> list[str]:
    v = "" if pd.isna(row["v"]) else f"{row['v']:g}"
    minutes = "–" if pd.isna(row["human_minutes"]) else f"{row['human_minutes']:,.0f}"
    share = "–"
    if np.isfinite(row["collapsed"]):
        share, low, high = (f"{100 * row[f'collapsed{end}']:.0f}" for end in ("", "_low", "_high"))
        share = f"{share} [{low}, {high}]"
    outcomes = [_with_margin(row[o], row[f"{o}_high"]) for o in OUTCOMES]
    return [v, str(row["arm"]), f"{row['n']:,}", minutes, *outcomes, share, str(row["method"]), row["setting"]]


def _with_margin(mean: float, high: float) -> str:
    """A mean with half of its interval: ``0.47 ±.05``."""
    if not np.isfinite(mean):
        return "–"
    return f"{mean:.2f} ±{f'{high - mean:.2f}'.lstrip('0')}" if np.isfinite(high) else f"{mean:.2f}"


def _reading(shown: pd.DataFrame, both: int) -> str:
    mixes = f" {both} cells trained on both and all controls: cells.csv of --out." if both else ""
    return (
        "harm: violation rate / the base model's; ±: half of the interval over worlds (Student t); collapsed: share of runs "
        "[Wilson, %]; minutes: human, rule drafting included; v: verifiability. A flag and a pair carry different bits, "
        f"minutes and reads.{mixes} {caveat(shown)}"
    )


def caveat(cells: pd.DataFrame | None) -> str:
    """What does not carry over from the worlds of the cells, ours or a user's own."""
    if cells is not None and (cells["stage"] == "import").any():
        return "Imported data: what carries over is for whoever imported them to say."
    return "Toy worlds: signs and mechanisms may carry over; magnitudes, thresholds and label counts do not."


def worlds_of(cells: pd.DataFrame) -> str:
    """Number of worlds of the cells, or its range."""
    low, high = int(cells["worlds"].min()), int(cells["worlds"].max())
    return str(low) if low == high else f"{low} to {high}"


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
        weight = "benchmark" if pd.isna(row["weight"]) else f"{row['weight']:.3f}"
        forms.add_row(row["distribution"], row["form"], weight, *accuracy)
    console.print(forms)
    sigma = Table(
        title="Elasticity of substitution at the status quo (1 and 4 half-saturations)",
        title_justify="left", box=None,
    )  # fmt: skip
    for name in ("distribution", "form", "v", "median [90 % interval]", "P(sigma > 1)", "no interior mix"):
        sigma.add_column(name, justify="left" if name in ("distribution", "form") else "right")
    for _, row in sigma_table(surfaces).iterrows():
        middle = interval(row["p50"], row["p05"], row["p95"])
        shares = (f"{row['probability_above_1']:.2f}", f"{row['share_without_interior_mix']:.0%}")
        sigma.add_row(row["distribution"], row["form"], f"{row['v']:g}", middle, *shares)
    console.print(sigma)
    for line in _remarks(surfaces):
        console.print(line, highlight=False)


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
        lines += _robust_remark(distribution, fit)
    lines += [
        f"{outcome}, {distribution}: the form explains {fit['explained']:.0%} of the variance of cell means; it misses "
        f"{fit['fit']['cells_beyond_noise']} of {fit['fit']['cells']} by more than two standard errors of noise, which its "
        f"intervals allow for in all but {fit['fit']['cells_beyond_intervals']}."
        for outcome, by_distribution in surfaces.diagnostics.get("secondary", {}).items()
        for distribution, fit in by_distribution.items()
        if "fit" in fit
    ]
    refused = surfaces.diagnostics.get("refusals", [])
    lines += [f"Refused: {r['what']} ({r['reason']}): {r['why']}." for r in refused]
    return lines


def _robust_remark(distribution: str, fit: dict[str, Any]) -> list[str]:
    """How much the fit moves with heavier tails, where it was looked at."""
    if "student_t" not in fit:
        return []
    t = fit["student_t"]
    weights = ", ".join(f"{name} {weight:.2f}" for name, weight in t["weights"].items())
    at = t["at"]
    return [
        f"{distribution}: with Student t({t['df']:g}) errors harm at the cells moves by {short(t['rms_change'])} (root mean "
        f"square), most by {t['largest_change']:+.3f} at {at['a']:g} flags, {at['b']:g} pairs, v = {at['v']:g}; weights: {weights}."
    ]


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
