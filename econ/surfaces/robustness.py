"""How much a fit rests on its Gaussian errors: the same with Student t ones, by form and after weighting."""

from __future__ import annotations

from typing import Any

import numpy as np

from econ.surfaces.cells import Cells
from econ.surfaces.comparison import left_out_weights, stacking_weights
from econ.surfaces.fit import HarmFit
from econ.surfaces.forms import FORMS, Floats
from econ.surfaces.least_squares import Target, fit_batch, harm_at, make_target, predicted_log_odds
from econ.surfaces.likelihoods import ROBUST_DF, StudentT, gaussian
from econ.surfaces.variance import Spread

#: Points and reach (in standard deviations) of the sum over a world's responsiveness.
NODES, NODE_REACH = 1201, 8.0


def student_t_check(fit: HarmFit, df: float = ROBUST_DF) -> dict[str, Any]:
    """Refit every form with Student t errors, weigh the forms anew, and compare relative harm at the cells.

    Returns
    -------
    dict
        `df`, `weights` by form, `rms_change` and `largest_change` of relative harm at the cells of the design (forms
        averaged by their weights), with the cell (`at`) of the largest.
    """
    cells = fit.cells
    target = make_target(cells, fit.spread.total, StudentT(gaussian(cells, fit.spread.total), df))
    worlds = len(cells.worlds)
    harm, scores = [], []
    for fitted in fit.forms:
        form = FORMS[fitted.name]
        theta, _ = fit_batch(form, target, np.ones((1, worlds)), fitted.point[None], iterations=200)
        left_out, _ = fit_batch(form, target, left_out_weights(worlds), np.repeat(theta, worlds, axis=0))
        harm.append(_harm(form.name, theta, target)[0])
        scores.append(student_scores(_harm(form.name, left_out, target), cells, fit.spread, df))
    weights = stacking_weights(np.stack(scores, axis=1))
    before = fit.weights @ np.stack([_harm(f.name, f.point[None], target)[0] for f in fit.forms])
    change = weights @ np.stack(harm) - before
    most = int(np.abs(change).argmax())
    return {
        "df": df,
        "weights": {f.name: float(w) for f, w in zip(fit.forms, weights, strict=True)},
        "rms_change": float(np.sqrt((change**2).mean())),
        "largest_change": float(change[most]),
        "at": {"a": float(cells.a[most]), "b": float(cells.b[most]), "v": float(cells.v[most])},
    }


def _harm(name: str, theta: Floats, target: Target) -> Floats:
    return harm_at(FORMS[name], theta, target.a, target.b, target.v)


def student_scores(harm: Floats, cells: Cells, spread: Spread, df: float) -> Floats:
    """Log density of each world [W] with t errors of the cells and a normal responsiveness, which is summed over.

    As `econ.surfaces.comparison.world_log_scores`, whose limit it has as `df` grows.
    """
    worlds = len(cells.worlds)
    own = np.arange(worlds)
    log_odds, _ = cells.log_odds()
    residual = log_odds - predicted_log_odds(harm, cells.base)[own, own]
    sd = np.sqrt(spread.world * (1.0 + 1.0 / worlds))
    nodes = np.linspace(-NODE_REACH, NODE_REACH, NODES) if sd > 0 else np.zeros(1)
    log_weight = -0.5 * nodes**2
    log_weight -= np.log(np.exp(log_weight).sum())
    found = np.empty(worlds)
    for w in range(worlds):
        seen = np.isfinite(residual[w])
        gap = residual[w][seen] - sd * nodes[:, None] * spread.shift[seen]
        total = _log_t(gap, spread.cell[seen], df).sum(axis=1) + log_weight
        found[w] = total.max() + np.log(np.exp(total - total.max()).sum())
    return found


def _log_t(residual: Floats, variance: Floats, df: float) -> Floats:
    """Log density of a Student t with that variance, whatever its degrees of freedom."""
    from scipy.special import gammaln

    scale2 = variance * (df - 2.0) / df
    constant = gammaln(0.5 * (df + 1.0)) - gammaln(0.5 * df) - 0.5 * np.log(df * np.pi * scale2)
    value: Floats = constant - 0.5 * (df + 1.0) * np.log1p(residual**2 / (df * scale2))
    return value
