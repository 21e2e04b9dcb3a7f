"""From measurement tables to a directory of response surfaces: what `econ lab fit` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.errors import InputError
from econ.core.files import file_hash
from econ.core.manifests import write_manifest
from econ.core.measurements import read_measurements
from econ.core.provenance import now, provenance
from econ.core.results import refuse_existing, result_directory
from econ.surfaces.bootstrap import widening, world_weights
from econ.surfaces.cells import Cells, harm_cells, secondary_cells, select_rows
from econ.surfaces.critic import CriticCurves
from econ.surfaces.critic_files import write_critic
from econ.surfaces.files import write_surfaces
from econ.surfaces.fit import HarmFit, describe_forms, fit_harm, s1_refusal
from econ.surfaces.fit_critic import critic_rows, fit_critic, refuse_other_setting
from econ.surfaces.fit_secondary import fit_secondary
from econ.surfaces.forms import Floats
from econ.surfaces.monotonicity import monotonicity
from econ.surfaces.posterior import STATUS_QUO, V_LEVELS, Draws, Surfaces
from econ.surfaces.refusals import arm_refusals
from econ.surfaces.robustness import student_t_check
from econ.surfaces.secondary import SECONDARY
from econ.surfaces.sigma import (
    bca_interval,
    describe_sigma,
    extrapolated_sigma,
    sigma_by_form,
    sigma_inside,
    with_prior_sigma,
)
from econ.surfaces.spline import spline_benchmark

if TYPE_CHECKING:
    import pandas as pd

DRAWS = 1000
#: Key of the manifest: intervals of σ by distribution.
SIGMA = "sigma"


@dataclass(frozen=True)
class Estimate:
    """A posterior that is not written yet, with the tables it came from and intervals of σ by distribution.

    The intervals (`bca_interval`) are reported, not handed over: they stand in the manifest, so that
    the identity of the posterior rests on its draws. `of_critic` are the tables of its critic's curves.
    """

    surfaces: Surfaces
    measurements: list[dict[str, Any]]
    sigma: dict[str, dict[str, Any]]
    of_critic: list[dict[str, Any]] = field(default_factory=list)


def fit_files(
    paths: Sequence[Path], out: Path, *, critic: Sequence[Path] = (), force: bool = False, seed: int = 1, draws: int = DRAWS,
    say: Callable[[str], None] = lambda line: None,
) -> Surfaces:  # fmt: skip
    """Fit response surfaces to measurement tables and write them.

    Parameters
    ----------
    paths : sequence of Path
        Measurement tables, or directories that hold `measurements.parquet`; their rows are joined.
    out : Path
        Directory to make.
    critic : sequence of Path
        Tables of labels that a critic wrote; their curves are written beside the surfaces, which stay the same.
    force : bool
        Replace a finished result.
    seed : int
        Of starts and bootstrap weights.
    draws : int
        Posterior draws.
    say : callable
        Told what is being done.

    Raises
    ------
    InputError
        If the tables cannot carry a surface, saying why; nothing is written.
    """
    started = now()
    refuse_existing(out, force=force)
    estimate = estimate_surfaces(paths, critic=critic, seed=seed, draws=draws, say=say)
    curves, written = estimate.surfaces.critic, {}
    with result_directory(out, force=force, resume=False) as directory:
        surfaces = write_surfaces(directory, estimate.surfaces, estimate.measurements)
        if curves is not None:
            described = write_critic(directory, surfaces, curves, estimate.of_critic)
            curves = replace(curves, hash=described["hash"])
            written = {"critic": {"hash": curves.hash, "measurements": estimate.of_critic}}
        manifest = provenance() | {
            "surfaces": {"id": surfaces.id, "hash": surfaces.hash, "kind": surfaces.kind},
            "measurements": estimate.measurements, **written, "seed": seed, "draws": draws, SIGMA: estimate.sigma,
            "started": started, "finished": now(), "status": "finished",
        }  # fmt: skip
        write_manifest(directory, manifest)
    return replace(surfaces, critic=curves)


def estimate_surfaces(
    paths: Sequence[Path],
    *,
    critic: Sequence[Path] = (),
    seed: int = 1,
    draws: int = DRAWS,
    say: Callable[[str], None] = lambda line: None,
) -> Estimate:
    """Fit without writing; see `fit_files`."""
    table, measurements, name = _joined(paths)
    rows = select_rows(table, name)
    curves: CriticCurves | None = None
    of_critic: list[dict[str, Any]] = []
    if critic:
        own, of_critic, source = _joined(critic)
        written = critic_rows(own, source)
        refuse_other_setting(written, rows, source)
        curves = fit_critic(written, source, seed=seed, draws=draws, flag_minutes=_flag_minutes(rows), say=say)
    surfaces, harm = _fit_rows(rows, name, seed, draws, say)
    sigma = {distribution: bca_interval(fit) for distribution, fit in harm.items()}
    return Estimate(replace(surfaces, critic=curves), measurements, sigma, of_critic)


def _flag_minutes(rows: pd.DataFrame) -> float | None:
    """Fixed minutes of rows trained on flags; None where they do not say."""
    minutes = rows.loc[rows["a"] > 0, "fixed_minutes"]
    return None if minutes.isna().any() or minutes.empty else float(minutes.mean())


def _joined(paths: Sequence[Path]) -> tuple[pd.DataFrame, list[dict[str, Any]], str]:
    """Rows of all tables, what each is, and their names."""
    import pandas as pd

    files = [path / "measurements.parquet" if path.is_dir() else path for path in paths]
    if not files:
        raise InputError("no measurements were given")
    for file in files:
        if file.suffix.lower() in (".csv", ".tsv", ".txt") or not file.is_file():
            raise InputError("there are no measurements here; `econ lab run` makes them, `econ lab import` takes yours", file=file)
    tables = [read_measurements(path) for path in files]
    used = [
        {"file": path.name, "sha256": file_hash(path), "rows": len(table)}
        for path, table in zip(files, tables, strict=True)
    ]
    return pd.concat(tables, ignore_index=True), used, ", ".join(path.name for path in files)


def fit_rows(
    rows: pd.DataFrame, source: str, *, seed: int = 1, draws: int = DRAWS,
    say: Callable[[str], None] = lambda line: None,
) -> Surfaces:  # fmt: skip
    """Fit all outcomes under each distribution that the rows hold; see `econ.surfaces.cells.select_rows`."""
    return _fit_rows(rows, source, seed, draws, say)[0]


def _fit_rows(
    rows: pd.DataFrame, source: str, seed: int, draws: int, say: Callable[[str], None]
) -> tuple[Surfaces, dict[str, HarmFit]]:
    posterior: dict[tuple[str, str], Draws] = {}
    harm: dict[str, HarmFit] = {}
    companions: dict[str, dict[str, Any]] = {}
    missing: list[dict[str, str]] = []
    for distribution in sorted(rows["distribution"].unique()):
        cells = harm_cells(rows, distribution, source)
        weights = world_weights(seed, draws, cells.worlds)
        say(f"relative harm, {distribution}: {len(cells.worlds)} worlds, {len(cells.a)} cells, {draws} draws")
        harm[distribution] = fit_harm(cells, weights, seed)
        posterior[("harm", distribution)] = harm[distribution].draws
        for outcome in SECONDARY:
            own = secondary_cells(rows, distribution, outcome, source)
            if own is None or not np.array_equal(own.worlds, cells.worlds):
                why = "the table lacks it in some rows"
                missing.append({"what": f"{outcome}, {distribution}", "reason": "missing", "why": why})
                continue
            say(f"{outcome}, {distribution}")
            posterior[(outcome, distribution)], described = fit_secondary(own, outcome, weights, seed)
            companions.setdefault(outcome, {})[distribution] = described
    domain = _domain([fit.cells for fit in harm.values()])
    base = {name: float(fit.cells.base.mean()) for name, fit in harm.items()}
    surfaces = Surfaces(_name(rows), "", "measured", posterior, domain, base)
    return _with_diagnostics(surfaces, harm, companions, missing, seed), harm


def _name(rows: pd.DataFrame) -> str:
    worlds = rows["world"].nunique()
    imported = ", imported" if (rows["stage"] == "import").any() else ""
    return f"{worlds} worlds, {rows['run_id'].nunique()} runs{imported}"


def _domain(cells: Sequence[Cells]) -> dict[str, float]:
    return {
        "a": float(max(c.a.max() for c in cells)),
        "b": float(max(c.b.max() for c in cells)),
        "v_low": float(min(c.v.min() for c in cells)),
        "v_high": float(max(c.v.max() for c in cells)),
    }


def _with_diagnostics(
    surfaces: Surfaces,
    harm: dict[str, HarmFit],
    companions: dict[str, Any],
    missing: list[dict[str, str]],
    seed: int,
) -> Surfaces:
    """Describe the fit, and put the prior in the place of a σ that it did not identify."""
    described: dict[str, Any] = {}
    refusals = list(missing)
    result = surfaces
    for distribution, fit in harm.items():
        sigma = describe_sigma(surfaces, distribution) | {
            "by_form": sigma_by_form(surfaces, distribution, fit), "inside": sigma_inside(surfaces, distribution),
        }  # fmt: skip
        described[distribution] = {
            "sigma": sigma,
            "forms": describe_forms(fit),
            "benchmark": {"S4": spline_benchmark(fit.cells, fit.spread)},
            "likelihood": "binomial" if fit.cells.counted else "Gaussian log-odds",
            "student_t": student_t_check(fit),
            "monotonicity": monotonicity(fit.cells),
            "noise_of_cell_means": float(np.sqrt(_variance_of_means(fit.cells).mean())),
            "world_sd": float(np.sqrt(fit.spread.world)),
            "cell_sd": float(np.sqrt(fit.spread.cell).mean()),
            "extrapolated_share": _extrapolated_share(surfaces, distribution),
        }
        refused = (*arm_refusals(fit.cells), *s1_refusal(fit))
        refusals += [{**r, "what": f"{r['what']}, {distribution}"} for r in refused]
        refusals += _objections(described[distribution]["monotonicity"], distribution)
        refusals += extrapolated_sigma(sigma, described[distribution]["extrapolated_share"], distribution)
        if not sigma["identified"]:
            result, sigma["handed_over"] = with_prior_sigma(result, distribution, seed)
            why = f"the 90 % interval of log sigma is {sigma['log_width']:.2f} wide; {sigma['handed_over']['how']}"
            refusals.append({"what": f"sigma, {distribution}", "reason": "not identified", "why": why})
    first = next(iter(harm.values())).cells
    diagnostics = {
        "worlds": [int(w) for w in first.worlds],
        "widening": widening(len(first.worlds)),
        "seed": seed,
        "design": {
            "a": sorted({float(x) for x in first.a}),
            "b": sorted({float(x) for x in first.b}),
            "v": sorted({float(x) for x in first.v}),
            "cells": len(first.a),
        },
        "harm": described,
        "secondary": companions,
        "refusals": refusals,
    }
    return replace(result, diagnostics=diagnostics)


def _variance_of_means(cells: Cells) -> Floats:
    """Squared standard errors of mean relative harm, [C]: what a perfect form would still miss."""
    value: Floats = np.nanvar(cells.relative, axis=0, ddof=1) / len(cells.worlds)
    return value


def _objections(steps: dict[str, Any], distribution: str) -> list[dict[str, str]]:
    """Where harm clearly rose with more labels, although every form lets it fall alone."""
    found = []
    for kind, counts in steps.items():
        # One clear rise in forty steps is what noise alone would give.
        if counts["rises"] > max(1, counts["steps"] // 20):
            most = counts["largest_rise"]
            why = (
                f"harm rose beyond two standard errors in {counts['rises']} of {counts['steps']} steps, most by "
                f"{most['rise']:+.3f} from {most['from']:g} to {most['to']:g} at {most['other']:g} of the other label, "
                f"v = {most['v']:g}; the fitted surfaces can only fall"
            )
            found.append(
                {"what": f"monotone harm in {kind}, {distribution}", "reason": "contradicted", "why": why}
            )
    return found


def _extrapolated_share(surfaces: Surfaces, distribution: str) -> float:
    at = surfaces.batch(np.arange(surfaces.count), distribution).at(V_LEVELS)
    x, y = (np.full((surfaces.count, 1), position) for position in STATUS_QUO)
    return float(at.extrapolated(x, y).any(axis=1).mean())
