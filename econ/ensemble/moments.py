"""Simulated counterparts of the stylised facts in ``calibration/moments.csv``: one table, `COUNTERPARTS`.

Calendar time: the status quo is 2024, so quarters -4 to -1 are 2024 and quarter 0 is the first of
2025. A fact without a counterpart among the outcomes keeps empty cells, and so does one whose years
lie beyond the horizon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from econ.core.shipped import shipped_path
from econ.ensemble.statistics import CONFIDENCE, mean_and_error
from econ.ensemble.tables import grid, quarters_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FIRST_YEAR = 2025
QUARTERS_PER_YEAR = 4
COLUMNS = ("id", "name", "use", "target", "low", "high", "simulated", "mc_error", "distance")


def year(first: int, last: int | None = None) -> range:
    """Quarters of a calendar year, or of the years from `first` to `last`.

    Examples
    --------
    >>> year(2024), year(2025, 2026)
    (range(-4, 0), range(0, 8))
    """
    end = first if last is None else last
    return range(QUARTERS_PER_YEAR * (first - FIRST_YEAR), QUARTERS_PER_YEAR * (end + 1 - FIRST_YEAR))


@dataclass(frozen=True)
class Paths:
    """Outcomes of one scenario: arrays with axes replicate S and quarter T."""

    quarters: NDArray[np.int64]
    columns: Mapping[str, Floats]

    def over(self, column: str, quarters: range) -> Floats | None:
        """Mean over some quarters by replicate, shape [S]; None where the run lacks column or quarters."""
        inside = np.isin(self.quarters, np.array(quarters))
        if column not in self.columns or inside.sum() != len(quarters):
            return None
        mean, *_ = mean_and_error(self.columns[column][:, inside].T)
        return mean


@dataclass(frozen=True)
class Estimate:
    """A simulated moment and its Monte Carlo error (NaN for a sign)."""

    value: float
    error: float


@dataclass(frozen=True)
class Counterpart:
    """How a fact is computed from outcomes: the columns that it needs and the function."""

    columns: tuple[str, ...]
    estimate: Callable[[Paths], Estimate | None]


def _mean(values: Floats) -> Estimate:
    mean, _, error, _ = mean_and_error(values[:, None])
    return Estimate(float(mean[0]), float(error[0]))


def level(
    column: str, quarters: range, transform: Callable[[Floats], Floats] = lambda values: values
) -> Counterpart:
    """Mean of an outcome over some quarters, perhaps in another unit."""

    def estimate(paths: Paths) -> Estimate | None:
        values = paths.over(column, quarters)
        return None if values is None else _mean(transform(values))

    return Counterpart((column,), estimate)


def ratio(above: str, below: str, quarters: range) -> Counterpart:
    """Ratio of two outcomes, each averaged over the same quarters."""

    def estimate(paths: Paths) -> Estimate | None:
        numerator, denominator = paths.over(above, quarters), paths.over(below, quarters)
        return None if numerator is None or denominator is None else _mean(numerator / denominator)

    return Counterpart((above, below), estimate)


def growth(column: str, early: range, late: range) -> Counterpart:
    """Annual growth rate of the ensemble mean; its error by the delta method.

    The ratio of means rather than the mean of ratios: a replicate without any incident in the first
    year has no ratio.
    """
    years = (late.start - early.start) / QUARTERS_PER_YEAR

    def estimate(paths: Paths) -> Estimate | None:
        before, after = paths.over(column, early), paths.over(column, late)
        if before is None or after is None or before.mean() <= 0 or after.mean() < 0:
            return None
        factor = after.mean() / before.mean()
        # d ln(factor) of replicate i, up to the mean: after_i/mean(after) - before_i/mean(before).
        relative = after / after.mean() - before / before.mean() if factor > 0 else after - before
        rate = float(factor ** (1 / years))
        return Estimate(rate - 1, rate / years * _mean(relative).error)

    return Counterpart((column,), estimate)


def sign_of_change(column: str, early: range, late: range) -> Counterpart:
    """Sign of the mean change: 0 while its 95 % interval holds 0."""

    def estimate(paths: Paths) -> Estimate | None:
        from scipy.special import stdtrit

        before, after = paths.over(column, early), paths.over(column, late)
        if before is None or after is None:
            return None
        mean, _, error, count = mean_and_error((after - before)[:, None])
        if count[0] < 2:
            return None
        half = float(stdtrit(float(count[0] - 1), 0.5 + CONFIDENCE / 2)) * error[0]
        return Estimate(float(np.sign(mean[0])) if abs(mean[0]) > half else 0.0, float("nan"))

    return Counterpart((column,), estimate)


def after_event(
    column: str, quarters: int, transform: Callable[[Floats], Floats] = lambda values: values
) -> Counterpart:
    """Mean of an outcome over the first quarters after an event; it has no value before one."""

    def estimate(paths: Paths) -> Estimate | None:
        known = paths.columns.get(column)
        if known is None or not np.isfinite(known).any():
            return None
        first = int(np.argmax(np.isfinite(known).any(axis=0)))
        if first + quarters > known.shape[1]:
            return None
        mean, *_ = mean_and_error(known[:, first : first + quarters].T)
        return _mean(transform(mean))

    return Counterpart((column,), estimate)


def within_a_year_after(column: str, event: str) -> Counterpart:
    """Level of an outcome in the fourth quarter of an event, which `event` tells by having values from then on."""

    def estimate(paths: Paths) -> Estimate | None:
        known = paths.columns.get(event)
        if known is None or column not in paths.columns or not np.isfinite(known).any():
            return None
        last = int(np.argmax(np.isfinite(known).any(axis=0))) + QUARTERS_PER_YEAR - 1
        return _mean(paths.columns[column][:, last]) if last < known.shape[1] else None

    return Counterpart((column, event), estimate)


def sign_after_event(column: str, quarters: int) -> Counterpart:
    """Sign of an outcome's ratio to its value before an event, less 1: 0 while its 95 % interval holds 0."""
    excess = after_event(column, quarters, lambda values: values - 1)

    def estimate(paths: Paths) -> Estimate | None:
        from scipy.special import stdtrit

        found, size = excess.estimate(paths), len(next(iter(paths.columns.values()), ()))
        if found is None or size < 2:
            return None
        half = float(stdtrit(float(size - 1), 0.5 + CONFIDENCE / 2)) * found.error
        return Estimate(float(np.sign(found.value)) if abs(found.value) > half else 0.0, float("nan"))

    return Counterpart((column,), estimate)


def _per_year(per_quarter: Floats) -> Floats:
    """Share that leaves within a year, from the share that leaves within a quarter."""
    return 1 - (1 - per_quarter) ** QUARTERS_PER_YEAR


#: Fact -> its simulated counterpart. Facts not named here have none among the outcomes.
COUNTERPARTS: dict[str, Counterpart] = {
    "M1a": level("hhi_service", year(2024)),
    "M1b": level("hhi_service", year(2025, 2026)),
    "M2a": level("cr3_service", year(2024)),
    "M2b": level("cr3_service", year(2026)),
    "M3a": level("top_share_service", year(2024)),
    "M3b": level("top_share_service", year(2026)),
    "M4": growth("vendor_spend", year(2024), year(2030)),
    # The model's low-income region stands for Kenya and India alike.
    "M6a": ratio("wage_us_generalist", "wage_low_income", year(2024)),
    "M6b": ratio("wage_us_generalist", "wage_low_income", year(2024)),
    "M7": ratio("wage_expert", "wage_us_generalist", year(2025)),
    "M9a": sign_of_change("wage_us_generalist", year(2024), year(2025)),
    "M10": level("labeler_exit_rate", year(2024), _per_year),
    "M11a": level("hours_unpaid_share", year(2024)),
    "M16a": level("top_customer_share", year(2024)),
    "M16b": level("top5_customer_share", year(2024)),
    # Events of a replay: M17a needs a share price, which the market does not have.
    "M17b": after_event("loss_revenue_ratio", QUARTERS_PER_YEAR, lambda values: values - 1),
    "M18a": after_event("tie_rivals_reducing", QUARTERS_PER_YEAR),
    "M18b": sign_after_event("tie_others_revenue_ratio", QUARTERS_PER_YEAR),
    "M19": within_a_year_after("large_entrants", "tie_revenue_ratio"),
    "M22a": sign_of_change("leader_share_firms", year(2024), year(2026)),
    "M22b": sign_of_change("hhi_firms", year(2024), year(2026)),
    # A licence to a rule library stands for a hosted guardrail.
    "M23": sign_of_change("licence_price", year(2025), year(2026)),
    "M25": growth("incidents", year(2024), year(2025)),
    "M26": sign_of_change("lobby_spend", year(2024), year(2025)),
    # Effort of industry among all who lobby stands for its seats in a committee.
    "M27": level("industry_voice", year(2025)),
}
#: Outcome columns that the table of moments is computed from.
MOMENT_COLUMNS = frozenset(column for counterpart in COUNTERPARTS.values() for column in counterpart.columns)


def moments_file() -> Path:
    """The shipped table of facts."""
    return shipped_path("calibration", "moments.csv")


def moments_table(outcomes: pd.DataFrame, facts: pd.DataFrame | None = None) -> pd.DataFrame:
    """Facts beside their simulated counterparts, as ``moments.csv``.

    Parameters
    ----------
    outcomes : DataFrame
        Outcomes of one scenario.
    facts : DataFrame, optional
        Rows of ``calibration/moments.csv``; the shipped ones unless given.

    Returns
    -------
    DataFrame
        `distance` is (simulated - target) / half the band; where the band has no width (signs) it is
        simulated - target. It is empty where there is no counterpart or no band.
    """
    facts = pd.read_csv(moments_file()) if facts is None else facts
    columns = {name: grid(outcomes, name) for name in outcomes.columns if name in MOMENT_COLUMNS}
    paths = Paths(quarters_of(outcomes), columns)
    table = facts[["id", "name", "use", "target", "low", "high"]].copy()
    estimates = [COUNTERPARTS[name].estimate(paths) if name in COUNTERPARTS else None for name in table["id"]]
    table["simulated"] = [np.nan if estimate is None else estimate.value for estimate in estimates]
    table["mc_error"] = [np.nan if estimate is None else estimate.error for estimate in estimates]
    half = (table["high"] - table["low"]) / 2
    table["distance"] = (table["simulated"] - table["target"]) / half.where(half != 0, 1.0)
    return table[list(COLUMNS)]


def met(moments: pd.DataFrame) -> pd.DataFrame:
    """Facts whose simulated counterpart lies inside the accepted band; one without a band is neither met nor missed."""
    known = moments[moments["simulated"].notna() & moments[["low", "high"]].notna().any(axis=1)]
    return known[~known["id"].isin(missed(known)["id"])]


def missed(moments: pd.DataFrame) -> pd.DataFrame:
    """Facts whose simulated counterpart lies outside the accepted band; an absent end does not bind."""
    below = moments["simulated"] < moments["low"]
    above = moments["simulated"] > moments["high"]
    return moments[below | above]
