"""Which links of the market carry the difference between two scenarios.

Each link can be switched off in both scenarios. With the difference known for every subset of links,
the contribution of one is its Shapley value: its marginal effect averaged over all orders in which
the links could be switched on. Contributions and what is left with all links off ("direct") add up
to the whole difference, but for an outcome that has no value in some replicate under some subset: each
number is then the mean of the replicates that have it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from econ.core.errors import InputError, WorkError
from econ.core.files import make_directory
from econ.ensemble.blocks import BlockStore
from econ.ensemble.statistics import mean_and_error
from econ.ensemble.window import in_window
from econ.ensemble.workers import compute_missing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from econ.ensemble.design import Design
    from econ.ensemble.engine import Engine
    from econ.ensemble.workers import Progress
    from econ.scenario import Scenario

    Floats = NDArray[np.float64]

FOLDER = "decomposition"
#: Link -> the settings that switch it off.
LINKS: Mapping[str, Mapping[str, object]] = {
    # Without spread, prior uncertainty and drift the Kalman gain is 0: beliefs stay at their mean.
    "learning": {
        "parameters.belief_heterogeneity": 0, "parameters.belief_prior_sd": 0, "parameters.belief_drift": 0,
    },
    "lobbying": {
        "parameters.lobby_stake_curators": 0, "parameters.lobby_stake_firms": 0, "parameters.lobby_stake_public": 0,
    },
    "certification": {"levers.cert_mode": "none", "levers.safe_harbour": 0},
    "fee_inflation": {"parameters.fee_inflation": 0},
    "network": {"levers.interoperability": 1},
}  # fmt: skip
#: Outcomes whose differences are decomposed.
OUTCOMES = (
    "constraint_budget_share", "harm_rate", "hhi_service", "hhi_licence", "hhi_normative", "capture_index", "welfare",
)  # fmt: skip
#: What is left with every link off, and the whole difference.
DIRECT, TOTAL = "direct", "total"
COLUMNS = ("scenario", "baseline", "variable", "link", "contribution", "mc_error")


def decompose(
    design: Design, engine: Engine, directory: Path, *, workers: int, progress: Progress
) -> pd.DataFrame:
    """Shapley contributions of the links to the difference of the second scenario from the first.

    Parameters
    ----------
    design : Design
        Of two scenarios.
    engine : Engine
    directory : Path
        An existing directory, in which finished blocks are kept and stay (`FOLDER`).
    workers : int
    progress : callable
        Called with the numbers of finished and of all blocks.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, one row per variable and link, `direct` and `total`, in units of the variable;
        `mc_error` over replicates, each decomposed on its own with common random numbers.

    Raises
    ------
    InputError
        If the design has not two scenarios.
    WorkError
        If no replicate ends well under every subset of links.

    References
    ----------
    Shapley (1953), A value for n-person games; Shorrocks (2013), Journal of Economic Inequality 11.
    """
    check_pair(design)
    wide = replace(design, scenarios=tuple(_all_subsets(design.scenarios)))
    place = directory / FOLDER
    make_directory(place)
    store = BlockStore(place, wide)
    compute_missing(wide, engine, store, workers, progress)
    values = _final_values(wide, store)
    return _table(design.names, values)


def check_pair(design: Design) -> None:
    """Refuse to decompose anything but a pair of scenarios.

    Raises
    ------
    InputError
    """
    if len(design.scenarios) != 2:
        raise InputError(
            "a decomposition takes two scenarios, the first as the baseline",
            key="--decompose",
            found=", ".join(design.names),
        )


def shapley(worth: Floats) -> Floats:
    """Shapley values of n players.

    Parameters
    ----------
    worth : ndarray, shape [2**n, ...]
        Worth of each coalition; bit i of the index says whether player i is in it.

    Returns
    -------
    ndarray, shape [n, ...]
        They add up to ``worth[-1] - worth[0]``.
    """
    count = len(worth).bit_length() - 1
    coalitions = np.arange(len(worth))
    size = np.array([int(c).bit_count() for c in coalitions])
    weight = np.array([math.factorial(k) * math.factorial(count - k - 1) for k in range(count)])
    weight = weight / math.factorial(count)
    values = []
    for player in range(count):
        without = coalitions[coalitions & (1 << player) == 0]
        gain = worth[without | (1 << player)] - worth[without]
        values.append(np.tensordot(weight[size[without]], gain, axes=1))
    return np.stack(values)


def _all_subsets(scenarios: tuple[Scenario, ...]) -> list[Scenario]:
    """Both scenarios under every subset of links, named by position and by the subset's number."""
    every = []
    for scenario, letter in zip(scenarios, "ab", strict=True):
        for subset in range(1 << len(LINKS)):
            off = [link for i, link in enumerate(LINKS) if not subset & (1 << i)]
            settings = [dict(LINKS[link]) for link in off]
            changed = scenario.with_settings(*settings) if settings else scenario
            every.append(changed.model_copy(update={"name": f"{letter}{subset}"}))
    return every


def _final_values(design: Design, store: BlockStore) -> dict[str, Floats]:
    """Mean of each outcome over the last two years, [2, subsets, S]; replicates that failed anywhere are left out."""
    values = {name: np.full((len(design.scenarios), design.replicates), np.nan) for name in OUTCOMES}
    failed: set[int] = set()
    for block in design.blocks():
        data = store.read(block)
        failed |= set(data.failed)
        for name in OUTCOMES:
            last = data.outcomes[name][:, in_window(data.quarters)]
            values[name][block.scenario, data.replicates] = mean_and_error(last.T)[0]
    kept = np.setdiff1d(np.arange(design.replicates), sorted(failed))
    if not len(kept):
        raise WorkError("no replicate ended well with every subset of links; nothing can be decomposed")
    return {name: x[:, kept].reshape(2, 1 << len(LINKS), len(kept)) for name, x in values.items()}


def _table(names: list[str], values: Mapping[str, Floats]) -> pd.DataFrame:
    rows = []
    for variable, every in values.items():
        # The same replicates in every part, else these would not add up to the total where an outcome is null.
        x = every[..., np.isfinite(every).all(axis=(0, 1))]
        worth = x[1] - x[0]
        parts = dict(zip(LINKS, shapley(worth), strict=True)) | {DIRECT: worth[0], TOTAL: worth[-1]}
        for link, by_replicate in parts.items():
            mean, _, error, _ = mean_and_error(by_replicate[:, None])
            rows.append((names[1], names[0], variable, link, float(mean[0]), float(error[0])))
    return pd.DataFrame(rows, columns=list(COLUMNS))
