"""The tables of a calibration: parameters, moments before and after, identification, recovery, emulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.analysis.calibration.fit import effective, objective_of, quantiles
from econ.analysis.calibration.identification import directions_table, profiles_table
from econ.analysis.calibration.recovery import recovery_summary, recovery_table

if TYPE_CHECKING:
    from econ.analysis.calibration.execute import CalibrationResult

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
QUANTILES = ("p05", "p25", "p50", "p75", "p95")
#: A parameter nearer than this to an end of its interval, in the cube, is said to lie there.
AT_END = 0.01


def parameters_table(result: CalibrationResult) -> pd.DataFrame:
    """One row per parameter: own value, interval, point, posterior quantiles, contraction, whether the point lies at an end.

    `contraction` is 1 less the ratio of the posterior's to the prior's standard deviation, in the cube: 0 where the
    facts say nothing.
    """
    planned, space = result.plan, result.plan.space
    levels = space.values(quantiles(result.sample.unit, result.weights, LEVELS))
    mean = result.weights @ result.sample.unit
    sd = np.sqrt(result.weights @ (result.sample.unit - mean) ** 2)
    point = result.after.settings[0]
    rows = []
    for place, (key, box) in enumerate(space.boxes.items()):
        at = float(result.minimum.point[place])
        rows.append(
            {
                "parameter": key, "own": planned.own[key], "low": box.low, "high": box.high, "point": point[key],
                **dict(zip(QUANTILES, levels[:, place], strict=True)), "contraction": 1 - sd[place] * np.sqrt(12),
                "at_end": at < AT_END or at > 1 - AT_END,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def fitted_moments_table(result: CalibrationResult) -> pd.DataFrame:
    """Every fact with a counterpart: before and after, on fresh random numbers, and what the whole box reaches.

    `fitted` says whether the distance is made of it; `lowest` and `highest` are its extremes over all simulated points,
    `met_share` the share of them at which it lies inside its band.
    """
    facts = result.plan.facts.table
    half = ((facts["high"] - facts["low"]) / 2).where(lambda width: width != 0, 1.0)
    table = facts[["id", "name", "use", "target", "low", "high"]].copy()
    table["fitted"] = table["id"].isin(result.plan.facts.used)
    for name, points in (("before", result.before), ("after", result.after)):
        table[name] = points.simulated[0]
        table[f"{name}_error"] = points.error[0]
        table[f"{name}_distance"] = (table[name] - table["target"]) / half
        table[f"{name}_met"] = _met(table[name], table)
    simulated = result.design.simulated
    known = np.flatnonzero(np.isfinite(simulated).any(axis=0))
    table, simulated = table.iloc[known], simulated[:, known]
    inside = [_met(pd.Series(row, index=table.index), table) for row in simulated]
    return table.assign(
        lowest=np.nanmin(simulated, axis=0), highest=np.nanmax(simulated, axis=0), met_share=np.mean(inside, axis=0)
    ).reset_index(drop=True)


def _met(values: pd.Series[Any], facts: pd.DataFrame) -> pd.Series[Any]:
    """Whether a fact lies inside its band; an absent end does not bind, an absent value is no miss."""
    return ~((values < facts["low"]) | (values > facts["high"]))


def design_table(result: CalibrationResult) -> pd.DataFrame:
    """Every simulated point: wave, parameters, J as simulated, failed replicates, every fact."""
    planned, points = result.plan, result.design
    table = pd.DataFrame({"wave": result.waves})
    for key in planned.space.keys:
        table[key] = [one.get(key, planned.own[key]) for one in points.settings]
    table["objective"] = objective_of(planned.distances(points.simulated))
    table["failed_replicates"] = points.failed
    for place, name in enumerate(planned.facts.table["id"]):
        if np.isfinite(points.simulated[:, place]).any():
            table[name] = points.simulated[:, place]
    return table


def emulation_table(result: CalibrationResult) -> pd.DataFrame:
    """How well each fact is emulated, each point predicted from all others: errors in half bands, share explained, coverage.

    `coverage` is the share of points inside the predicted 95 % interval.
    """
    rows = []
    actual = result.plan.distances(result.design.simulated)
    for name, process, y in zip(result.plan.facts.used, result.emulator.processes, actual.T, strict=True):
        predicted, sd = process.leaving_one_out()
        error = y - predicted
        explained = 1 - (error**2).mean() / y.var() if y.var() > 0 else np.nan
        rows.append((name, np.sqrt((error**2).mean()), y.std(), explained, (np.abs(error) < 1.96 * sd).mean()))
    return pd.DataFrame(rows, columns=["id", "error", "sd", "explained", "coverage"])


def all_tables(result: CalibrationResult) -> dict[str, pd.DataFrame]:
    """Every table of a calibration by its file name, without ending."""
    planned = result.plan
    recovered = recovery_table(planned.space, result.sample, result.truths, result.observed, result.observed_error)
    return {
        "parameters": parameters_table(result),
        "moments": fitted_moments_table(result),
        "directions": directions_table(result.emulator, planned.space, result.minimum.point),
        "profiles": profiles_table(result.emulator, planned.space, result.sample),
        "recovery": recovered,
        "recovery_summary": recovery_summary(planned.space, recovered),
        "emulation": emulation_table(result),
        "design": design_table(result),
    }


def key_numbers(result: CalibrationResult) -> dict[str, Any]:
    """The objective before and after, its degrees of freedom and probability, and the effective number of draws.

    J of the point on fresh random numbers is a J statistic (Hansen 1982) only if the facts' errors are independent
    normals with the half band as standard deviation and the point minimises it; its probability says that.
    """
    from scipy.special import chdtrc

    planned, facts = result.plan, len(result.plan.facts.used)
    found = {}
    for name, points in (("before", result.before), ("after", result.after)):
        found[name] = float(objective_of(planned.distances(points.simulated)[0]))
    freedom = facts - planned.space.size
    return {
        "facts": facts, "parameters": planned.space.size, "objective_before": found["before"], "objective_after": found["after"],
        "objective_least": result.minimum.free_j, "objective_point_emulated": result.minimum.j,
        "freedom": freedom, "probability": float(chdtrc(freedom, found["after"])) if freedom > 0 else None,
        "effective_draws": effective(result.weights),
        "simulated_points": len(result.design.settings) + len(result.truths), "failed_replicates": sum(result.design.failed),
    }  # fmt: skip
