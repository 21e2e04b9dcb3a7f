"""Fit of the curves of labels that a critic wrote: forms weighed by stacking, draws by bootstrapping worlds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.errors import InputError
from econ.core.measurements import PROTOCOL_KEYS, WORLD_KEYS
from econ.surfaces.bootstrap import allot, widening, world_weights
from econ.surfaces.cells import (
    CONFIRMATORY,
    KNOBS,
    MINIMUM_WORLDS,
    Cells,
    curve_cells,
    refuse_descriptive,
    refuse_mixed_settings,
    setting_values,
)
from econ.surfaces.comparison import stacking_weights
from econ.surfaces.critic import CriticCurves
from econ.surfaces.curves import MINIMUM_CURVE_BUDGETS, CurveFit, curve_refusal, fit_curve
from econ.surfaces.fit_secondary import DISCREPANCY, fit_secondary
from econ.surfaces.forms import Floats
from econ.surfaces.posterior import Draws
from econ.surfaces.secondary import SECONDARY
from econ.surfaces.stored import WIDTH

if TYPE_CHECKING:
    import pandas as pd

KIND = "critic"
#: Median floors of forms that differ by more than this are not one floor.
FLOORS_APART = 0.1


@dataclass(frozen=True)
class CriticFit:
    """All forms fitted to harm under one distribution, with weights and the allotted draws."""

    cells: Cells
    forms: list[CurveFit]
    weights: Floats
    draws: Draws


def critic_rows(table: pd.DataFrame, source: str) -> pd.DataFrame:
    """Rows of one method that learns from a critic's labels, on confirmatory worlds at one setting of the knobs, with base models.

    Raises
    ------
    InputError
        If there are none, they mix methods or settings, or do not count the judge's calls.
    """
    refuse_descriptive(table, source)
    table = table[(table["task"] == "A") & table["distribution"].isin(("id", "ood")) & table["stage"].isin(CONFIRMATORY)]
    trained = table[table["label_kind"] == KIND]
    if trained.empty:
        raise InputError(
            "no labels that a critic wrote are here", file=source, key="label_kind", found=", ".join(sorted(table["label_kind"].unique())),
            allowed=f"{KIND}, on confirmatory or imported worlds, distribution id or ood",
        )  # fmt: skip
    for key in ("method", "v"):
        settings = sorted(trained[key].dropna().unique())
        if len(settings) > 1:
            raise InputError(
                "a critic's curve needs one setting of this", file=source, key=key, found=", ".join(map(str, settings))
            )
    if trained["ai_calls"].isna().any():
        raise InputError(
            "the critic's labels do not say how many calls of an AI judge they took", file=source, key="ai_calls"
        )
    rows = table[(table["label_kind"] == KIND) | ((table["method"] == "base") & table["world"].isin(trained["world"]))]
    refuse_mixed_settings(rows, source)
    return rows


def refuse_other_setting(rows: pd.DataFrame, surface: pd.DataFrame, source: str) -> None:
    """Refuse a critic measured in another setting than the surfaces whose prices and targets it is held against.

    Raises
    ------
    InputError
    """
    for knob in KNOBS:
        own, other = (set(part.loc[part["n"] > 0, knob].dropna()) for part in (rows, surface))
        if own and other and own != other:
            raise InputError(
                "the critic was measured in another setting than the surfaces", file=source, key=knob,
                found=", ".join(f"{x:g}" for x in sorted(own)), allowed=", ".join(f"{x:g}" for x in sorted(other)),
            )  # fmt: skip
    given, expected = (setting_values(part[part["n"] > 0]) for part in (rows, surface))
    for key in sorted(WORLD_KEYS | PROTOCOL_KEYS):
        if given[key] != expected[key]:
            raise InputError(
                "the critic was measured in another setting than the surfaces", file=source, key=key,
                found=", ".join(sorted(given[key])), allowed=", ".join(sorted(expected[key])),
            )  # fmt: skip


def fit_critic(
    rows: pd.DataFrame, source: str, *, seed: int, draws: int, flag_minutes: float | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> CriticCurves:  # fmt: skip
    """Fit all outcomes under each distribution that the rows of `critic_rows` hold.

    Parameters
    ----------
    flag_minutes : float or None
        Fixed minutes of flags, to which those of the critic are related.

    Raises
    ------
    InputError
        With fewer than four worlds or budgets, or if the labels did not change harm by two standard errors.
    """
    posterior: dict[tuple[str, str], Draws] = {}
    harm: dict[str, CriticFit] = {}
    companions: dict[str, dict[str, Any]] = {}
    missing: list[dict[str, str]] = []
    for distribution in sorted(rows["distribution"].unique()):
        cells = curve_cells(rows, distribution, "violation", source)
        _refuse_little(cells, source)
        say(f"critic's labels, {distribution}: {len(cells.worlds)} worlds, {len(cells.a)} budgets, {draws} draws")
        weights = world_weights(seed, draws, cells.worlds)
        harm[distribution] = _fit_harm(cells, weights)
        posterior[("harm", distribution)] = harm[distribution].draws
        for outcome in SECONDARY:
            if rows.loc[rows["distribution"] == distribution, outcome].isna().any():
                missing.append({"what": f"{outcome}, {distribution}", "reason": "missing", "why": "the table lacks it in some rows"})
                continue
            own = curve_cells(rows, distribution, outcome, source)
            posterior[(outcome, distribution)], described = fit_secondary(
                own, outcome, weights, seed, DISCREPANCY + len(SECONDARY)
            )
            companions.setdefault(outcome, {})[distribution] = described
    trained = rows[rows["label_kind"] == KIND]
    return CriticCurves(
        "", posterior, float(trained["n"].max()), {name: float(fit.cells.base.mean()) for name, fit in harm.items()},
        float(trained["ai_calls"].sum() / trained["n"].sum()), _diagnostics(trained, harm, companions, missing, flag_minutes, seed),
    )  # fmt: skip


def _refuse_little(cells: Cells, source: str) -> None:
    for key, found, least in (("world", len(cells.worlds), MINIMUM_WORLDS), ("n", len(cells.a), MINIMUM_CURVE_BUDGETS)):
        if found < least:
            raise InputError("too few for a critic's curve", file=source, key=key, found=found, allowed=f"{least} or more")
    refused = curve_refusal(cells)
    if refused is not None and refused[1] == "flat":
        raise InputError(f"the critic's labels did nothing: {refused[2]}; there is no curve", file=source, key="violation")


def _fit_harm(cells: Cells, weights: Floats) -> CriticFit:
    forms = fit_curve(cells, weights)
    stacked = stacking_weights(np.stack([fit.scores for fit in forms], axis=1))
    which = allot(stacked, len(weights))
    theta = np.full((len(weights), WIDTH), np.nan)
    for i, fit in enumerate(forms):
        rows = np.flatnonzero(which == i)
        theta[rows, : fit.draws.shape[1]] = fit.draws[rows]
    return CriticFit(cells, forms, stacked, Draws(np.array([fit.form.name for fit in forms])[which], theta))


def _diagnostics(
    trained: pd.DataFrame, harm: dict[str, CriticFit], companions: dict[str, Any], missing: list[dict[str, str]],
    flag_minutes: float | None, seed: int,
) -> dict[str, Any]:  # fmt: skip
    """What was fitted to what, as plain numbers."""
    first = next(iter(harm.values())).cells
    setting = {knob: trained[knob].dropna().unique() for knob in (*KNOBS, "v")}
    refusals = []
    for distribution, fit in harm.items():
        refused = curve_refusal(fit.cells) or floor_refusal(fit)
        if refused is not None:
            refusals.append({"what": f"{refused[0]}, {distribution}", "reason": refused[1], "why": refused[2]})
    return {
        "method": str(trained["method"].iloc[0]),
        "worlds": [int(world) for world in first.worlds],
        "widening": widening(len(first.worlds)),
        "seed": seed,
        "budgets": [float(n) for n in first.a],
        "setting": {knob: float(found[0]) for knob, found in setting.items() if len(found)},
        "fixed_minutes": None if trained["fixed_minutes"].isna().any() else float(trained["fixed_minutes"].mean()),
        "flag_fixed_minutes": flag_minutes,
        "harm": {distribution: _described(fit) for distribution, fit in harm.items()},
        "secondary": companions,
        "refusals": refusals + missing,
    }


def floor_refusal(fit: CriticFit) -> tuple[str, str, str] | None:
    """Why the floor is not identified, (quantity, reason, why), or None.

    Where a form puts half of the effect beyond the largest budget, or the forms that were drawn differ in their median
    floors by more than `FLOORS_APART`, a form decides how low labels can bring harm, and no measurement.
    """
    median: dict[str, tuple[float, float]] = {}
    for form in (fitted.form for fitted in fit.forms):
        drawn = fit.draws.theta[fit.draws.form == form.name, : len(form.prior.centre)]
        if len(drawn):
            described = form.describe(drawn)
            median[form.name] = float(np.median(described["floor"])), float(np.median(described["half_saturation"]))
    floors, halves = zip(*median.values(), strict=True)
    largest = float(fit.cells.a.max())
    if max(halves) <= largest and max(floors) - min(floors) <= FLOORS_APART:
        return None
    said = "; ".join(f"{name} {floor:.2f} with half of its effect at {half:,.0f} labels" for name, (floor, half) in median.items())
    return "floor", "not identified", f"its median by form is {said}, of {largest:,.0f} measured"


def _described(fit: CriticFit) -> dict[str, Any]:
    error = np.nanstd(fit.cells.relative, axis=0, ddof=1) / np.sqrt(np.isfinite(fit.cells.relative).sum(axis=0))
    return {
        "measured": [float(h) for h in np.nanmean(fit.cells.relative, axis=0)],
        "standard_error": [float(e) for e in error],
        "forms": {
            form.form.name: {
                "weight": float(weight), "log_score": form.log_score, "aicc": None if np.isnan(form.aicc) else form.aicc, "rmse": form.rmse,
                "point": [float(x) for x in form.point],
            }
            for form, weight in zip(fit.forms, fit.weights, strict=True)
        },
    }  # fmt: skip
