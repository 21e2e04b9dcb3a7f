"""Fit of helpfulness, sycophancy and over-refusal to cell means, with the error that the form itself has.

No form passes through every cell: what is left beyond the worlds' noise is a discrepancy of each cell
(Kennedy and O'Hagan 2001), estimated by moments. Every bootstrap draw perturbs the cells by it, so that
intervals hold what the form misses, and no cell with little noise pulls the surface away from the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from econ.core.random import normal
from econ.core.streams import Stream
from econ.surfaces.bootstrap import widening
from econ.surfaces.cells import EVALUATION_RESPONSES, Cells
from econ.surfaces.forms import Floats, logit
from econ.surfaces.least_squares import Prior, levenberg_marquardt
from econ.surfaces.posterior import Draws
from econ.surfaces.secondary import HILL, ON_LOGIT, PARAMETERS, SECONDARY, TRAINED_AT
from econ.surfaces.stored import WIDTH

#: Weak priors: coefficients in units of the link scale; logarithms of half-saturations and of exponents.
COEFFICIENT, HALF, EXPONENT = (0.0, 5.0), (6.0, 1.5), (0.0, 0.7)
STARTS = 16
#: Rounds in which the fit and its discrepancy are brought into agreement.
ROUNDS = 6
#: First of the bootstrap stream's items that hold discrepancies, one for each outcome.
DISCREPANCY = 2
#: A cell counts as missed beyond this many standard errors of its mean.
CLEAR = 2.0


def _priors() -> Prior:
    kinds = {"u": COEFFICIENT, "log_n": HALF, "log_q": EXPONENT}
    centre, sd = np.array([kinds[name.rpartition("_")[0]] for name in PARAMETERS[1:]]).T
    return Prior(centre, sd)


@dataclass(frozen=True)
class _Problem:
    """Cell means [rows, C] with one variance [C]; parameters without the base, which is measured."""

    cells: Cells
    mean: Floats
    variance: Floats

    def equations(self, rows: NDArray[np.intp], theta: Floats) -> tuple[Floats, Floats, Floats]:
        predicted, gradient = change_and_gradient(self.cells, theta)
        residual = self.mean[rows] - predicted
        scaled = gradient / self.variance
        normal_matrix = np.matmul(scaled, gradient.transpose(0, 2, 1))
        descent = np.matmul(scaled, residual[:, :, None])[:, :, 0]
        return (residual**2 / self.variance).sum(axis=1), normal_matrix, descent


def change_and_gradient(cells: Cells, theta: Floats) -> tuple[Floats, Floats]:
    """Change against the base on the link scale at the cells [D, C], and its derivatives [D, P, C]."""
    u_a, u_av, u_b, u_ab, log_n_a, log_n_b, log_q_a, log_q_b, u_t = (theta[:, i, None] for i in range(9))
    phi_a, a_in_n, a_in_q = _saturation_slopes(cells.a, log_n_a, log_q_a)
    phi_b, b_in_n, b_in_q = _saturation_slopes(cells.b, log_n_b, log_q_b)
    pull_a, pull_b = u_a + u_av * cells.v + u_ab * phi_b, u_b + u_ab * phi_a
    trained = np.broadcast_to((cells.a + cells.b) / (cells.a + cells.b + TRAINED_AT), phi_a.shape)
    value = (u_a + u_av * cells.v) * phi_a + pull_b * phi_b + u_t * trained
    columns = [
        phi_a, cells.v * phi_a, phi_b, phi_a * phi_b,
        pull_a * a_in_n, pull_b * b_in_n, pull_a * a_in_q, pull_b * b_in_q, trained,
    ]  # fmt: skip
    return value, np.stack(columns, axis=1)


def _saturation_slopes(labels: Floats, log_half: Floats, log_q: Floats) -> tuple[Floats, Floats, Floats]:
    """φ of `econ.surfaces.secondary` and its derivatives in log half-saturation and log exponent, [D, C]."""
    q, half = np.exp(log_q), np.exp(log_half)
    log_labels, log_middle = np.log1p(labels), np.log1p(half)
    stock, middle = np.expm1(q * log_labels), np.expm1(q * log_middle)
    total = stock + middle
    in_half = -stock / total**2 * q * np.exp((q - 1.0) * log_middle) * half
    in_q = (middle * (stock + 1.0) * log_labels - stock * (middle + 1.0) * log_middle) / total**2 * q
    return stock / total, in_half, in_q


def fit_secondary(
    cells: Cells, outcome: str, weights: Floats, seed: int = 1, item: int = DISCREPANCY
) -> tuple[Draws, dict[str, Any]]:
    """Point fit and bootstrap draws of one outcome.

    Parameters
    ----------
    cells : Cells
        Of that outcome.
    outcome : str
    weights : ndarray, [D, W]
        The weights of worlds that the harm draws use.
    seed, item : int
        Of starts and of the cells' discrepancies; the discrepancies of other cells need another item.

    Returns
    -------
    draws : Draws
    description : dict
        Point parameters with their 90 % intervals; `explained`, the share of variance of cell means; `fit`, what the
        form misses.
    """
    on_logit, base = ON_LOGIT[outcome], cells.base
    (equal,), noise = _change(cells, np.ones((1, len(base))), on_logit), _noise(cells, on_logit)
    point, discrepancy = _point(cells, equal, noise, seed)
    mean = _change(cells, weights, on_logit)
    index = SECONDARY.index(outcome)
    jitter = normal(seed, Stream.BOOTSTRAP, np.arange(len(weights))[:, None], item + index, np.arange(len(equal)))
    problem = _Problem(cells, mean + np.sqrt(discrepancy) * jitter, noise + discrepancy)
    refits, _ = levenberg_marquardt(problem, _priors(), np.tile(point, (len(weights), 1)), 60)
    fitted = np.column_stack([_link(weights @ base / len(base), on_logit), refits])
    whole = np.concatenate([_link(base.mean(keepdims=True), on_logit), point])
    draws = np.full((len(weights), WIDTH), np.nan)
    draws[:, : len(PARAMETERS)] = whole + widening(len(base)) * (fitted - whole)
    low, high = np.quantile(draws[:, : len(PARAMETERS)], [0.05, 0.95], axis=0)
    parameters = {
        name: {"point": float(p), "p05": float(lo), "p95": float(hi)}
        for name, p, lo, hi in zip(PARAMETERS, whole, low, high, strict=True)
    }
    missed = equal - change_and_gradient(cells, point[None])[0][0]
    return Draws(np.full(len(draws), HILL), draws), {
        "parameters": parameters,
        "explained": float(1.0 - np.var(missed) / np.var(equal)),
        "fit": _misses(cells, missed, noise, discrepancy, on_logit),
    }


def _point(cells: Cells, mean: Floats, noise: Floats, seed: int) -> tuple[Floats, float]:
    """Best fit to cell means [C] from many starts, and the variance of the cells' discrepancies."""
    priors = _priors()
    jitter = normal(seed, Stream.MULTISTART, np.arange(STARTS)[:, None], 1, np.arange(len(priors.centre)))
    starts = priors.centre + priors.sd * np.where(priors.sd == COEFFICIENT[1], 0.1, 1.0) * jitter
    discrepancy = float(noise.mean())
    freedom = len(mean) - free_parameters(cells)
    for _ in range(ROUNDS):
        problem = _Problem(cells, np.tile(mean, (len(starts), 1)), noise + discrepancy)
        ends, objective = levenberg_marquardt(problem, priors, starts, 200)
        starts = ends[[objective.argmin()]]
        squares = (mean - change_and_gradient(cells, starts)[0][0]) ** 2
        discrepancy = _excess(squares, noise, max(freedom, 1))
    return starts[0], discrepancy


def free_parameters(cells: Cells) -> int:
    """How many parameters the cells depend on: all where both kinds of label were trained on, fewer with one alone."""
    # At coefficients of zero half-saturations and exponents would not matter.
    away = _priors().centre + _priors().sd
    return int((change_and_gradient(cells, away[None])[1][0] != 0.0).any(axis=1).sum())


def _excess(squares: Floats, noise: Floats, freedom: int) -> float:
    """Variance beyond `noise` at which standardised squares sum to the degrees of freedom; 0 where none is needed."""
    from scipy.optimize import brentq

    def surplus(extra: float) -> float:
        return float((squares / (noise + extra)).sum()) - freedom

    return 0.0 if surplus(0.0) <= 0.0 else float(brentq(surplus, 0.0, squares.sum() + 1e-12))


def _misses(cells: Cells, missed: Floats, noise: Floats, discrepancy: float, on_logit: bool) -> dict[str, Any]:
    """What the form misses of cell means, on its scale: beyond the worlds' noise, most, and in how many cells."""
    most = int(np.abs(missed).argmax())
    return {
        "scale": "log-odds" if on_logit else "outcome",
        "noise_sd": float(np.sqrt(noise.mean())),
        "discrepancy_sd": float(np.sqrt(discrepancy)),
        "cells": len(missed),
        "cells_beyond_noise": int((np.abs(missed) > CLEAR * np.sqrt(noise)).sum()),
        "cells_beyond_intervals": int((np.abs(missed) > CLEAR * np.sqrt(noise + discrepancy)).sum()),
        "largest": {
            "gap": float(missed[most]), "a": float(cells.a[most]), "b": float(cells.b[most]), "v": float(cells.v[most]),
        },
    }  # fmt: skip


def _change(cells: Cells, weights: Floats, on_logit: bool) -> Floats:
    """Weighted mean outcome over worlds against the base models' of the same worlds, on the link scale, [rows, C].

    The link is applied to mean rates: the log-odds of a mean, not the mean of log-odds, which worlds without a single
    refusal would pull far down.
    """
    seen = np.isfinite(cells.rate)
    total = weights @ seen
    mean, base = (weights @ np.where(seen, x, 0.0) / total for x in (cells.rate, cells.base[:, None]))
    value: Floats = _link(mean, on_logit) - _link(base, on_logit)
    return value


def _noise(cells: Cells, on_logit: bool) -> Floats:
    """Variance of `_change` from having few worlds, [C], by the delta method."""
    seen = np.isfinite(cells.rate)
    mean, base = np.nanmean(cells.rate, axis=0), cells.base.mean()
    slope, base_slope = (_link_slope(x, on_logit) for x in (mean, base))
    spread = np.nanvar(slope * cells.rate - base_slope * cells.base[:, None], axis=0, ddof=1)
    # The variance of a cell's own few worlds is uncertain: half of it is the average cell's.
    value: Floats = np.maximum(0.5 * spread + 0.5 * spread.mean(), 1e-10) / seen.sum(axis=0)
    return value


def _link(value: Floats, on_logit: bool) -> Floats:
    """From an outcome to its linear scale, finite at rates of 0 and 1 (half a response is added to each side)."""
    n = EVALUATION_RESPONSES
    return logit((value * n + 0.5) / (n + 1.0)) if on_logit else value


def _link_slope(value: Any, on_logit: bool) -> Any:
    n = EVALUATION_RESPONSES
    rate = (value * n + 0.5) / (n + 1.0)
    return n / (n + 1.0) / (rate * (1.0 - rate)) if on_logit else np.ones_like(value)
