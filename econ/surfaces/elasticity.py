"""Surfaces with an elasticity of substitution that was not measured: imposed by a scenario, or from a prior.

Only curvature is put in from outside. The normalised CES keeps, draw by draw, what was measured at
the status-quo position: the level of harm, the floors, the ratio of the slopes per label and the
half-saturations of preferences (de La Grandville 1989; Klump, McAdam and Willman 2012).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from econ.core.errors import InputError
from econ.core.files import content_hash
from econ.core.verifiability import log_signal
from econ.surfaces.files import SIGMA_V, load_surfaces
from econ.surfaces.forms import FORMS, TINY, Floats, logit
from econ.surfaces.posterior import STATUS_QUO, V_LEVELS, Draws, Surfaces
from econ.surfaces.stored import WIDTH

#: Range of σ that the normalised CES evaluates without overflow.
SIGMA_RANGE = (0.05, 50.0)
#: Range of the exponent κ; level and floors are kept exactly inside it.
KAPPA_RANGE = (0.02, 20.0)
#: Largest log ratio of the slopes of the two labels; beyond it one of them does nothing.
STEEPEST = 20.0
#: Floors are kept inside this range so that their log-odds are finite.
FLOOR_RANGE = (1e-6, 1.0 - 1e-6)


def imposed(sigma: float, measured: Surfaces | None = None) -> Surfaces:
    """Surfaces with a given elasticity of substitution, marked "imposed".

    Parameters
    ----------
    sigma : float
        Elasticity of substitution of constraint and preference labels, 0.05 to 50.
    measured : Surfaces, optional
        The posterior whose level, floors and slopes are kept; the shipped one unless given.

    Raises
    ------
    InputError
        If `sigma` lies outside its range.
    """
    low, high = SIGMA_RANGE
    if not (np.isfinite(sigma) and low <= sigma <= high):
        raise InputError(
            "the elasticity lies outside its range", key="sigma", found=sigma, allowed=f"{low} to {high}"
        )
    base = load_surfaces() if measured is None else measured
    surfaces = with_sigma(base, sigma, kind="imposed")
    mark = content_hash({"surfaces": base.hash, "sigma": float(sigma)})
    return replace(surfaces, id=f"{base.id}, sigma = {sigma:g}", hash=mark)


def with_sigma(surfaces: Surfaces, sigma: ArrayLike, kind: str) -> Surfaces:
    """The same posterior with the curvature of harm replaced by that of elasticity `sigma`, [D] or a number."""
    values = np.broadcast_to(np.asarray(sigma, np.float64), (surfaces.count,))
    draws = dict(surfaces.draws)
    for distribution in surfaces.distributions:
        draws[("harm", distribution)] = _normalised(surfaces, distribution, values)
    return replace(surfaces, kind=kind, draws=draws)


def _normalised(surfaces: Surfaces, distribution: str, sigma: Floats) -> Draws:
    count = surfaces.count
    batch = surfaces.batch(np.arange(count), distribution)
    slope_a, slope_b = batch.slopes(V_LEVELS)
    at = batch.at(V_LEVELS)
    x0, y0 = STATUS_QUO
    r = 1.0 - 1.0 / sigma
    # With weights 1/2 the slope ratio per label is s·b0·(x/y)^(r - 1): this gives s at each level of v.
    ratio = np.clip(np.log(slope_a + TINY) - np.log(slope_b + TINY), -STEEPEST, STEEPEST)
    log_s = ratio - np.log(at.b_half)[:, None] + ((1.0 - r) * np.log(x0 / y0))[:, None]
    # What labels do follows their signal, floors v itself.
    log_s_1, log_s_signal = _lines(log_s, log_signal(V_LEVELS))
    floor = np.clip(at.floor(), *FLOOR_RANGE)
    logit_h_0, logit_h_v = _lines(logit(floor), np.asarray(V_LEVELS))
    theta = np.full((count, WIDTH), np.nan)
    theta[:, :7] = np.stack(
        [log_s_1, log_s_signal, np.log(at.b_half), r, np.zeros(count), logit_h_0, logit_h_v], axis=1
    )  # fmt: skip
    theta[:, 4] = np.log(_kappa(surfaces, distribution, theta))
    return Draws(np.full(count, "S1n"), theta)


def _lines(values: Floats, along: Floats) -> tuple[Floats, Floats]:
    """Intercept and slope of each row of values [D, K] along [K], by least squares."""
    away = along - along.mean()
    slope = (values * away).sum(axis=1) / (away**2).sum()
    return values.mean(axis=1) - slope * along.mean(), slope


def _kappa(surfaces: Surfaces, distribution: str, theta: Floats) -> Floats:
    """κ at which the new curve passes through the measured level of harm at the status quo."""
    count = surfaces.count
    x, y = (np.full((count, 1), position) for position in STATUS_QUO)
    level = surfaces.batch(np.arange(count), distribution).at([SIGMA_V]).evaluate(x, y)[0]
    form = FORMS["S1n"]
    p = form.at(theta[:, :7], np.full((count, 1), SIGMA_V))
    h_one = form.evaluate(np, p, np.log(x), np.log(y))[0]  # at κ = 1: h + (1 - h)/(1 + z)
    log_base = np.log((h_one - p["h"]) / p["span"])
    remaining = np.clip((level - p["h"]) / p["span"], 1e-9, 1.0 - 1e-9)
    kappa: Floats = np.clip((np.log(remaining) / log_base)[:, 0], *KAPPA_RANGE)
    return kappa
