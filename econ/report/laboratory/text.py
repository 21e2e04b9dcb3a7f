"""What `econ lab show` and `econ lab fit` print: cells, fits, what was refused, learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.claims.reading import load_evidence
from econ.core.measurements import DISTRIBUTION_NAMES
from econ.report.laboratory.fits import curve_table, print_curves
from econ.report.laboratory.tables import (
    KINDS,
    OUTCOMES,
    Laboratory,
    caveat,
    cell_table,
    form_table,
    reported_cells,
    sigma_table,
    worlds_of,
)
from econ.report.numbers import interval, short

if TYPE_CHECKING:
    from rich.console import Console

    from econ.surfaces.posterior import Surfaces


def print_laboratory(laboratory: Laboratory, console: Console) -> None:
    """Measurements and fits on a terminal."""
    if laboratory.measurements is not None and (laboratory.measurements["task"] == "A").any():
        _print_cells(cell_table(laboratory.measurements), console)
    if laboratory.surfaces is not None:
        print_surfaces(laboratory.surfaces, console, laboratory.corrected)
    if laboratory.measurements is not None and (laboratory.measurements["task"] == "B").any():
        from econ.report.laboratory.pass_at_k import print_pass_rates

        print_pass_rates(laboratory.measurements, console)
    evidence = laboratory.evidence()
    if evidence is not None:
        print_curves(curve_table(evidence), console)


def print_fit(surfaces: Surfaces, paths: Sequence[Path], console: Console, corrected: Mapping[str, Any]) -> None:
    """A fit on a terminal, with the learning curves in the tables that it was made from."""
    print_surfaces(surfaces, console, corrected)
    print_curves(curve_table(load_evidence(paths)), console)


def _print_cells(cells: pd.DataFrame, console: Console) -> None:
    from rich.table import Table

    cells = reported_cells(cells)
    distribution = "ood" if (cells["distribution"] == "ood").any() else "id"
    shown = _terminal_rows(cells[cells["distribution"] == distribution])
    if shown.empty:
        console.print("No confirmatory, imported or development cells of world A were measured.")
        return
    name = DISTRIBUTION_NAMES[distribution]
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
    """Cells in the order of the printed table: base model, controls, then by v and budget; mixes are left out.

    A base model that is the same at every v stands once, with no v.
    """
    base = cells[cells["arm"] == "base"].drop_duplicates(list(OUTCOMES))
    if len(base) == 1:
        base = base.assign(v=np.nan)
    trained = cells[(cells["n"] > 0) & (cells["arm"] != "both")]
    controls = cells[(cells["n"] == 0) & (cells["arm"] != "base")]
    order = {"v": False, "n": True, "arm": True, "method": True}
    parts = [part.sort_values(list(order), ascending=list(order.values())) for part in (base, controls, trained)]
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
    mixes = f" {both} cells trained on both: cells.csv of --out." if both else ""
    return (
        "harm: violation rate / the base model's; ±: half of the interval over worlds (Student t); collapsed: share of runs "
        "[Wilson, %]; minutes: human, rule drafting included; v: verifiability. A flag and a pair carry different bits, "
        f"minutes and reads.{mixes} {caveat(shown)}"
    )


def print_surfaces(surfaces: Surfaces, console: Console, corrected: Mapping[str, Any]) -> None:
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
    for line in (*_corrected_lines(corrected), *_remarks(surfaces)):
        console.print(line, highlight=False)


def _corrected_lines(corrected: Mapping[str, Any]) -> list[str]:
    """Intervals of σ by BCa over worlds, beside those of the draws above."""
    return [
        f"{distribution}: sigma at v = {found['v']:g} with bias and skewness corrected (BCa over worlds), 90 %: "
        + "; ".join(
            f"{name} [{short(own['low'])}, {short(own['high'])}]" for name, own in (("all, by weight", found), *found["by_form"].items())
        )
        for distribution, found in corrected.items()
    ]


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
    lines += _critic_remarks(surfaces)
    refused = surfaces.diagnostics.get("refusals", [])
    lines += [f"Refused: {r['what']} ({r['reason']}): {r['why']}." for r in refused]
    return lines


def _critic_remarks(surfaces: Surfaces) -> list[str]:
    """What was fitted to labels that a critic wrote, where there are any."""
    critic = surfaces.critic
    if critic is None:
        return []
    facts = critic.diagnostics
    fitted = "; ".join(
        f"{distribution}: " + ", ".join(f"{name} {form['weight']:.2f}" for name, form in fit["forms"].items())
        for distribution, fit in facts["harm"].items()
    )
    return [
        f"Labels that a critic wrote ({facts['method']}, {len(facts['worlds'])} worlds, up to {critic.largest:,.0f} labels, "
        f"{critic.ai_calls:g} calls each), for econ cost alone: weights of forms {fitted}.",
        *(f"Refused: critic's {r['what']} ({r['reason']}): {r['why']}." for r in facts["refusals"]),
    ]


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
        "critic": None if surfaces.critic is None else {"hash": surfaces.critic.hash, "refusals": surfaces.critic.diagnostics["refusals"]},
    }
