"""From measurement tables to a directory of response surfaces: what `econ lab fit` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.errors import InputError
from econ.core.files import file_hash, result_directory, write_json
from econ.core.measurements import read_measurements
from econ.core.provenance import now, provenance
from econ.core.random import normal
from econ.core.streams import Stream
from econ.surfaces.bootstrap import widening, world_weights
from econ.surfaces.cells import Cells, harm_cells, secondary_cells, select_rows
from econ.surfaces.elasticity import with_sigma
from econ.surfaces.files import SIGMA_V, WIDTH, write_surfaces
from econ.surfaces.fit import HarmFit, describe_forms, fit_harm
from econ.surfaces.fit_secondary import fit_secondary
from econ.surfaces.forms import Floats
from econ.surfaces.monotonicity import monotonicity
from econ.surfaces.posterior import STATUS_QUO, V_LEVELS, Draws, Surfaces
from econ.surfaces.secondary import SECONDARY

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

DRAWS = 1000
#: σ counts as not identified where the 90 % interval of its logarithm is wider than this.
WIDEST_LOG_SIGMA = 2.0
#: Fitted surfaces span the prior of σ where 90 % of its draws find one within this distance in log σ.
LARGEST_GAP = 0.1
#: Reported σ lie in this range; an isoquant that bends the other way has the upper end.
REPORTED_SIGMA = (0.02, 50.0)
#: Prior of σ where it is not identified: median and the ends of its 90 % interval
#: (`elasticity_of_substitution_constraints_preferences` in the parameter table).
SIGMA_PRIOR = (1.5, 0.5, 3.0)
Z_95 = 1.6448536269514722


@dataclass(frozen=True)
class Estimate:
    """A posterior that is not written yet, with the tables it came from."""

    surfaces: Surfaces
    measurements: list[dict[str, Any]]


def fit_files(
    paths: Sequence[Path], out: Path, *, force: bool = False, seed: int = 1, draws: int = DRAWS,
    say: Callable[[str], None] = lambda line: None,
) -> Surfaces:  # fmt: skip
    """Fit response surfaces to measurement tables and write them.

    Parameters
    ----------
    paths : sequence of Path
        Measurement tables, or directories that hold `measurements.parquet`; their rows are joined.
    out : Path
        Directory to make.
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
    if out.exists() and not force:
        raise InputError(
            "this result exists already; choose another --out, or give --force to replace it", file=out
        )
    estimate = estimate_surfaces(paths, seed=seed, draws=draws, say=say)
    with result_directory(out, force=force, resume=False) as directory:
        surfaces = write_surfaces(directory, estimate.surfaces, estimate.measurements)
        manifest = provenance() | {
            "surfaces": {"id": surfaces.id, "hash": surfaces.hash, "kind": surfaces.kind},
            "measurements": estimate.measurements, "seed": seed, "draws": draws,
            "started": started, "finished": now(), "status": "finished",
        }  # fmt: skip
        write_json(directory / "manifest.json", manifest)
    return surfaces


def estimate_surfaces(
    paths: Sequence[Path],
    *,
    seed: int = 1,
    draws: int = DRAWS,
    say: Callable[[str], None] = lambda line: None,
) -> Estimate:
    """Fit without writing; see `fit_files`."""
    files = [path / "measurements.parquet" if path.is_dir() else path for path in paths]
    table, measurements = _joined(files)
    name = ", ".join(path.name for path in files)
    rows = select_rows(table, name)
    return Estimate(fit_rows(rows, name, seed=seed, draws=draws, say=say), measurements)


def _joined(files: Sequence[Path]) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    import pandas as pd

    if not files:
        raise InputError("no measurements were given")
    tables = [read_measurements(path) for path in files]
    used = [
        {"file": path.name, "sha256": file_hash(path), "rows": len(table)}
        for path, table in zip(files, tables, strict=True)
    ]
    return pd.concat(tables, ignore_index=True), used


def fit_rows(
    rows: pd.DataFrame, source: str, *, seed: int = 1, draws: int = DRAWS,
    say: Callable[[str], None] = lambda line: None,
) -> Surfaces:  # fmt: skip
    """Fit all outcomes under each distribution that the rows hold; see `econ.surfaces.cells.select_rows`."""
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
            posterior[(outcome, distribution)], described = fit_secondary(own, outcome, weights)
            companions.setdefault(outcome, {})[distribution] = described
    domain = _domain([fit.cells for fit in harm.values()])
    base = {name: float(fit.cells.base.mean()) for name, fit in harm.items()}
    surfaces = Surfaces(_name(rows), "", "measured", posterior, domain, base)
    return _with_diagnostics(surfaces, harm, companions, missing, seed)


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
            "by_form": _sigma_by_form(surfaces, distribution, fit)
        }
        described[distribution] = {
            "sigma": sigma,
            "forms": describe_forms(fit),
            "arms": fit.arms,
            "monotonicity": monotonicity(fit.cells),
            "noise_of_cell_means": float(np.sqrt(_variance_of_means(fit.cells).mean())),
            "world_sd": float(np.sqrt(fit.spread.world)),
            "cell_sd": float(np.sqrt(fit.spread.cell).mean()),
            "extrapolated_share": _extrapolated_share(surfaces, distribution),
        }
        refusals += [{**r, "what": f"{r['what']}, {distribution}"} for r in fit.refusals]
        refusals += _objections(described[distribution]["monotonicity"], distribution)
        if not sigma["identified"]:
            result, sigma["handed_over"] = _with_prior_sigma(result, distribution, seed)
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


def describe_sigma(surfaces: Surfaces, distribution: str) -> dict[str, Any]:
    """Elasticity of substitution at the status quo: quantiles over draws, and P(σ > 1), at each level of v."""
    at = surfaces.batch(np.arange(surfaces.count), distribution).at([*V_LEVELS, SIGMA_V])
    sigma = at.elasticity_of_substitution()
    headline = _quantiles(sigma[:, -1])
    width = float(np.log(headline["p95"] / headline["p05"]))
    by_v = {f"{v:.2f}": _quantiles(sigma[:, i]) for i, v in enumerate(V_LEVELS)}
    return {
        "v": SIGMA_V, "position": list(STATUS_QUO), **headline,
        "log_width": width, "identified": width <= WIDEST_LOG_SIGMA, "by_v": by_v,
    }  # fmt: skip


def _quantiles(sigma: Floats) -> dict[str, float]:
    shown = np.clip(sigma, *REPORTED_SIGMA)
    low, middle, high = (float(q) for q in np.quantile(shown, [0.05, 0.5, 0.95]))
    return {
        "p05": low, "p50": middle, "p95": high,
        "probability_above_1": float((sigma > 1.0).mean()),
        "share_without_interior_mix": float(np.isinf(sigma).mean()),
    }  # fmt: skip


def _sigma_by_form(surfaces: Surfaces, distribution: str, fit: HarmFit) -> dict[str, Any]:
    """σ if one form had all the weight: how much the headline rests on the choice of form."""
    found = {}
    for fitted in fit.forms:
        theta = np.full((len(fitted.draws), WIDTH), np.nan)
        theta[:, : fitted.draws.shape[1]] = fitted.draws
        alone = Draws(np.full(len(theta), fitted.name), theta)
        only = replace(surfaces, draws={("harm", distribution): alone})
        at = only.batch(np.arange(len(theta)), distribution).at([SIGMA_V])
        found[fitted.name] = _quantiles(at.elasticity_of_substitution()[:, 0])
    return found


def _extrapolated_share(surfaces: Surfaces, distribution: str) -> float:
    at = surfaces.batch(np.arange(surfaces.count), distribution).at(V_LEVELS)
    x, y = (np.full((surfaces.count, 1), position) for position in STATUS_QUO)
    return float(at.extrapolated(x, y).any(axis=1).mean())


def prior_sigma(seed: int, draws: int) -> Floats:
    """Draws of σ from its prior: log-normal on either side of the median, so that both ends of the interval hold."""
    middle, low, high = np.log(SIGMA_PRIOR)
    z = normal(seed, Stream.BOOTSTRAP, 0, 1, np.arange(draws))
    sigma: Floats = np.exp(middle + z * np.where(z < 0.0, middle - low, high - middle) / Z_95)
    return sigma


def _with_prior_sigma(surfaces: Surfaces, distribution: str, seed: int) -> tuple[Surfaces, dict[str, Any]]:
    """Let σ follow its prior: on surfaces that were fitted where these span it, else by imposed curvature.

    The second result says how, and what σ came out.
    """
    wanted = prior_sigma(seed, surfaces.count)
    at = surfaces.batch(np.arange(surfaces.count), distribution).at([SIGMA_V])
    own = np.log(np.clip(at.elasticity_of_substitution()[:, 0], *REPORTED_SIGMA))
    nearest = np.abs(own[None] - np.log(wanted)[:, None]).argmin(axis=1)
    gap = float(np.quantile(np.abs(own[nearest] - np.log(wanted)), 0.9))
    if gap <= LARGEST_GAP:
        different = len(np.unique(nearest))
        how = f"fitted surfaces are drawn as often as the prior of sigma says ({different} different ones)"
        changed = _drawn_again(surfaces, distribution, nearest)
        return changed, {**_quantiles(np.exp(own[nearest])), "how": how, "different_draws": different}
    how = "the prior stands in its place, by curvature imposed at the status quo: fitted surfaces do not span it"
    only = replace(surfaces, draws={("harm", distribution): surfaces.draws[("harm", distribution)]})
    imposed = with_sigma(only, wanted, kind="prior")
    return replace(surfaces, kind="prior", draws={**surfaces.draws, **imposed.draws}), {**_quantiles(wanted), "how": how}


def _drawn_again(surfaces: Surfaces, distribution: str, rows: NDArray[np.int64]) -> Surfaces:
    """The same posterior with the draws of one distribution, all outcomes together, taken at `rows`."""
    draws = dict(surfaces.draws)
    for (outcome, measured), of in surfaces.draws.items():
        if measured == distribution:
            draws[(outcome, measured)] = Draws(of.form[rows], of.theta[rows])
    return replace(surfaces, kind="prior", draws=draws)
