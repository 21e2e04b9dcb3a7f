"""Claims 11 to 14: what stored market runs say, as conditional projections and never as verdicts.

A run is conditional on measured curves, assumed transfer, assumed prices and a model of the market. How an
outcome changes in it says what would follow from those, not what is the case.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from econ.claims.catalogue import CLAIMS, Claim
from econ.claims.resampling import finite
from econ.ensemble.results import EnsembleResult, check_complete
from econ.ensemble.statistics import mean_and_error, quantiles
from econ.ensemble.tables import by_scenario, grid, quarters_of
from econ.ensemble.window import in_window

PROJECTION, NOT_RUN = "conditional projection", "conditional projection, not run"
MARKET_CLAIMS = tuple(claim for claim in CLAIMS if claim.outcomes)


@dataclass(frozen=True)
class Projection:
    """Change of one outcome in one scenario: mean over the last two years minus the status quo (quarter -1).

    Attributes
    ----------
    claim : int
    run, scenario, outcome, unit : str
    expected : int
        Sign of the change that the claim expects; 0 where it says none.
    level : float
        Mean over the last two years and over replicates.
    change, mc_error : float
        Mean over replicates and its Monte Carlo error; NaN where the status quo has no value.
    low, high : float
        5th and 95th percentile of the change over replicates: uncertainty of all that is drawn.
    share : float
        Share of replicates whose change has the expected sign; NaN where none is expected.
    """

    claim: int
    run: str
    scenario: str
    outcome: str
    unit: str
    expected: int
    level: float
    change: float
    mc_error: float
    low: float
    high: float
    share: float

    def plain(self) -> dict[str, Any]:
        """As JSON; null where there is no value."""
        return {k: finite(x) if isinstance(x, float) else x for k, x in self.__dict__.items()}


@dataclass(frozen=True)
class MarketRun:
    """Provenance of a run."""

    name: str
    config_hash: str
    seed: int
    replicates: int
    surfaces: dict[str, Any]
    econ_version: str
    status: str
    projections: tuple[Projection, ...]
    warnings: tuple[str, ...] = field(default=())

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return self.__dict__ | {
            "projections": [p.plain() for p in self.projections], "warnings": list(self.warnings)
        }


def read_run(directory: str | Path) -> MarketRun:
    """Outcomes of claims 11 to 14 in a stored run.

    Raises
    ------
    InputError
        If the directory is no finished run.
    """
    path = Path(directory)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = EnsembleResult(check_complete(path), path)
    names = [name for claim in MARKET_CLAIMS for name, _ in claim.outcomes]
    rows = by_scenario(result.outcome_columns(names))
    projections = [
        projection
        for scenario, own in rows.items()
        for claim in MARKET_CLAIMS
        for projection in _of_claim(claim, path.name, scenario, own)
    ]
    manifest = result.manifest
    return MarketRun(
        path.name, manifest.config_hash, manifest.seed, manifest.replicates, manifest.surfaces.model_dump(),
        manifest.econ_version, manifest.status, tuple(projections), tuple(str(w.message) for w in caught),
    )  # fmt: skip


def _of_claim(claim: Claim, run: str, scenario: str, rows: Any) -> list[Projection]:
    from econ.market.outcomes import OUTCOMES

    quarters = quarters_of(rows)
    return [
        Projection(
            claim.id, run, scenario, name, OUTCOMES[name].unit, expected,
            **project(grid(rows, name), quarters, expected),
        )
        for name, expected in claim.outcomes
        if name in rows.columns
    ]  # fmt: skip


def project(values: NDArray[np.float64], quarters: NDArray[np.int64], expected: int) -> dict[str, float]:
    """Level and change of one outcome.

    Parameters
    ----------
    values : ndarray, [S, T]
        Replicates by quarters; NaN where an outcome has no value.
    quarters : ndarray, [T]
        Holding -1, the status quo.
    """
    level, _, _, _ = mean_and_error(values[:, in_window(quarters)].T)
    start = values[:, quarters == -1]
    change = level[:, None] - (start if start.shape[1] else np.full((len(level), 1), np.nan))
    mean, _, error, count = mean_and_error(change)
    spread = quantiles(change, (0.05, 0.95))[:, 0]
    share = float("nan")
    if expected and count[0]:
        share = float((np.sign(change[np.isfinite(change)]) == expected).mean())
    overall, _, _, _ = mean_and_error(level[:, None])
    return {
        "level": float(overall[0]), "change": float(mean[0]), "mc_error": float(error[0]),
        "low": float(spread[0]), "high": float(spread[1]), "share": share,
    }  # fmt: skip


def projections_of(claim: Claim, runs: Sequence[MarketRun]) -> list[Projection]:
    """What the runs say on one claim."""
    return [p for run in runs for p in run.projections if p.claim == claim.id]
