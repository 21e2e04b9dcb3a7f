"""Fit of relative harm: three forms, their weights, and posterior draws by bootstrapping worlds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from econ.core.random import normal
from econ.core.streams import Stream
from econ.surfaces.bootstrap import allot, widening
from econ.surfaces.cells import Cells
from econ.surfaces.comparison import Comparison, compare, stacking_weights
from econ.surfaces.forms import FITTED, FORMS, Floats, Form
from econ.surfaces.least_squares import Target, fit_batch, make_target
from econ.surfaces.posterior import Draws
from econ.surfaces.refusals import refuse_flat
from econ.surfaces.stored import WIDTH
from econ.surfaces.variance import Spread, spread_of

STARTS = 24
#: Spread of starts, in prior standard deviations.
START_SPREAD = 0.7
#: A form's r below this is on its way to zero, where S1 has no effect of either label alone.
SMALL_R = 0.05


@dataclass(frozen=True)
class FormFit:
    """One form fitted to one distribution.

    Attributes
    ----------
    name : str
    point : ndarray, [P]
        With equal weights of worlds.
    draws : ndarray, [D, P]
        Bootstrap draws, widened.
    starts_agreeing : int
        Starts that ended at the same optimum, of `STARTS`.
    comparison : Comparison
    """

    name: str
    point: Floats
    draws: Floats
    starts_agreeing: int
    comparison: Comparison


@dataclass(frozen=True)
class HarmFit:
    """All forms fitted to one distribution, with weights and the allotted draws."""

    cells: Cells
    spread: Spread
    forms: tuple[FormFit, ...]
    weights: Floats
    draws: Draws


def fit_harm(cells: Cells, weights: Floats, seed: int = 1) -> HarmFit:
    """Fit relative harm under one distribution.

    Parameters
    ----------
    cells : Cells
    weights : ndarray, [D, W]
        Bootstrap weights of the worlds, in the cells' order.
    seed : int
        Of the starts.

    Raises
    ------
    InputError
        If labels did not change violations by two standard errors: there is no surface.
    """
    refuse_flat(cells)
    spread = spread_of(cells)
    target = make_target(cells, spread.cell)
    points = [_fit_point(FORMS[name], target, seed) for name in FITTED]
    compared = [
        compare(FORMS[name], cells, target, spread, point)
        for name, (point, _) in zip(FITTED, points, strict=True)
    ]
    stacked = stacking_weights(np.stack([comparison.log_score for comparison in compared], axis=1))
    which = allot(stacked, len(weights))
    # A form without weight lends no draw; a few tell how its σ would spread.
    few = weights[: max(2, len(weights) // 5)]
    forms = tuple(
        FormFit(
            name,
            point,
            _bootstrap(FORMS[name], target, weights if share > 0 else few, point),
            agreeing,
            comparison,
        )
        for name, (point, agreeing), share, comparison in zip(FITTED, points, stacked, compared, strict=True)
    )
    theta = np.full((len(weights), WIDTH), np.nan)
    for i, fitted in enumerate(forms):
        rows = np.flatnonzero(which == i)
        theta[rows, : fitted.draws.shape[1]] = fitted.draws[rows]
    names = np.array([f.name for f in forms])
    return HarmFit(cells, spread, forms, stacked, Draws(names[which], theta))


def _fit_point(form: Form, target: Target, seed: int) -> tuple[Floats, int]:
    """Best of many starts with equal weights of worlds, and how many starts ended there."""
    centre, sd = np.array(form.prior).T
    count = len(centre)
    jitter = normal(seed, Stream.MULTISTART, np.arange(STARTS)[:, None], 0, np.arange(count))
    jitter[0] = 0.0
    equal = np.ones((STARTS, len(target.base)))
    ends, objective = fit_batch(form, target, equal, centre + START_SPREAD * sd * jitter, iterations=300)
    best = int(objective.argmin())
    return ends[best], int((objective < objective[best] + 0.1).sum())


def _bootstrap(form: Form, target: Target, weights: Floats, point: Floats) -> Floats:
    """Refits under weights of worlds, warm-started at the point fit, deviations widened."""
    refits, _ = fit_batch(form, target, weights, np.repeat(point[None], len(weights), axis=0))
    draws: Floats = point + widening(len(target.base)) * (refits - point)
    return draws


def s1_refusal(fit: HarmFit) -> list[dict[str, str]]:
    """S1 with r <= 0 has no effect of either label alone, which the pure arms contradict."""
    fitted = fit.forms[FITTED.index("S1")]
    r = float(FORMS["S1"].at(fitted.point[None], np.array([[0.5]]))["r"].item())
    if r >= SMALL_R:
        return []
    why = f"its best r is {r:.3f}; r <= 0 makes H = 1 without labels of the other kind, against the pure arms"
    return [{"what": "form S1", "reason": "contradicted", "why": why}]


def describe_forms(fit: HarmFit) -> dict[str, Any]:
    """Comparison of the forms, as plain numbers."""
    return {
        f.name: {
            "weight": float(weight),
            "log_score": float(f.comparison.log_score.sum()),
            "aicc": f.comparison.aicc,
            "rmse": f.comparison.rmse,
            "rmse_top_budgets": f.comparison.rmse_top,
            "starts_agreeing": f.starts_agreeing,
            "starts": STARTS,
            "point": dict(zip(FORMS[f.name].parameter_names, map(float, f.point), strict=True)),
        }
        for f, weight in zip(fit.forms, fit.weights, strict=True)
    }
