"""Learning curves of one method: relative harm against its own labels, with what the data do not identify.

    Hill          H = h + (1 - h)/(1 + (n/n50)^q)       (Hill 1910)
    exponential   H = h + (1 - h)·2^(-n/n50)
    power         H = (1 + n/n0)^(-p), whose floor is 0; n50 is where H = 1/2

h = y_inf/y_0 is the floor relative to the measured base rate y_0. Parameters are fitted on (logit y_inf,
log n50, log q), so that a curve may also rise. n50 is refused as "flat" where harm differs from the base
by less than two standard errors at the two largest budgets, h as "open" where it still moves by more
than two between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from econ.surfaces.bootstrap import widening
from econ.surfaces.cells import Cells
from econ.surfaces.comparison import corrected_akaike, error_of, left_out_weights, world_log_scores
from econ.surfaces.forms import Floats, logit, sigmoid
from econ.surfaces.least_squares import Prior, harm_equations, levenberg_marquardt, predicted_log_odds
from econ.surfaces.likelihoods import Likelihood, likelihood_of
from econ.surfaces.variance import Spread, spread_of

#: Bootstrap draws of a curve whose interval is reported alone.
CURVE_DRAWS = 200
#: Budgets that a curve needs.
MINIMUM_CURVE_BUDGETS = 4
LOG_2 = float(np.log(2.0))
DESCRIBED = ("half_saturation", "floor", "exponent")


@dataclass(frozen=True)
class CurveForm:
    """A form of a learning curve, given the mean base rate."""

    name: str
    base: float

    @property
    def prior(self) -> Prior:
        """Weak prior of the parameters."""
        floor, half, exponent = (float(logit(self.base)) - 1.0, 2.0), (6.0, 3.0), (0.0, 1.0)
        chosen = {"hill": (floor, half, exponent), "exponential": (floor, half), "power": (half, exponent)}
        centre, sd = np.array(chosen[self.name]).T
        return Prior(centre, sd)

    def harm_and_gradient(self, theta: Floats, n: Floats) -> tuple[Floats, Floats]:
        """Relative harm at n labels [C] of D parameter vectors, [D, C], and its derivatives, [D, P, C]."""
        if self.name == "power":
            return _power(theta, n)
        y_inf = sigmoid(theta[:, :1])
        floor, in_logit = y_inf / self.base, y_inf * (1.0 - y_inf) / self.base
        if self.name == "hill":
            room, columns = _hill_room(theta[:, 1:2], theta[:, 2:3], n)
        else:
            room, columns = _exponential_room(theta[:, 1:2], n)
        gradient = np.stack([in_logit * (1.0 - room), *((1.0 - floor) * c for c in columns)], axis=1)
        return floor + (1.0 - floor) * room, gradient

    def fall(self, theta: Floats, n: Floats) -> Floats:
        """-dH/dn at n > 0 labels [D, M], per label: H depends on n/n50 alone, so it is dH/d(log n50)/n."""
        scale = 0 if self.name == "power" else 1
        _, gradient = self.harm_and_gradient(theta, n)
        value: Floats = gradient[:, scale] / n
        return value

    def floor(self, theta: Floats) -> Floats:
        """Limit of relative harm as labels grow, [D]."""
        return np.zeros(len(theta)) if self.name == "power" else sigmoid(theta[:, 0]) / self.base

    def labels(self, theta: Floats, harm: Floats) -> Floats:
        """Labels n at which H = harm, [D, M]: 0 where harm is 1 or more, NaN at or below the floor and on a curve that rises."""
        floor = self.floor(theta)[:, None]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            room = np.where((harm > floor) & (floor < 1.0), (harm - floor) / (1.0 - floor), np.nan)
            if self.name == "power":
                n = np.exp(theta[:, :1]) * np.expm1(-np.log(room) * np.exp(-theta[:, 1:2]))
            elif self.name == "hill":
                n = np.exp(theta[:, 1:2] + (np.log1p(-room) - np.log(room)) * np.exp(-theta[:, 2:3]))
            else:
                n = -np.exp(theta[:, 1:2]) * np.log2(room)
        return np.where(harm >= 1.0, 0.0, np.where(np.isfinite(n), n, np.nan))

    def describe(self, theta: Floats) -> dict[str, Floats]:
        """Half-saturation in labels, floor relative to the base, and exponent, each [D]."""
        if self.name == "power":
            exponent = np.exp(theta[:, 1])
            half = np.exp(theta[:, 0]) * np.expm1(np.minimum(LOG_2 / exponent, 500.0))
            return {"half_saturation": half, "floor": self.floor(theta), "exponent": exponent}
        exponent = np.exp(theta[:, 2]) if self.name == "hill" else np.full(len(theta), np.nan)
        return {
            "half_saturation": np.exp(theta[:, 1]),
            "floor": self.floor(theta),
            "exponent": exponent,
        }


FORMS = ("hill", "exponential", "power")


def _hill_room(log_half: Floats, log_q: Floats, n: Floats) -> tuple[Floats, list[Floats]]:
    q, log_ratio = np.exp(log_q), np.log(n) - log_half
    room = sigmoid(-q * log_ratio)
    steep = room * (1.0 - room) * q
    return room, [steep * np.ones_like(log_ratio), -steep * log_ratio]


def _exponential_room(log_half: Floats, n: Floats) -> tuple[Floats, list[Floats]]:
    ratio = n * np.exp(-log_half) * LOG_2
    room = np.exp(-ratio)
    return room, [room * ratio]


def _power(theta: Floats, n: Floats) -> tuple[Floats, Floats]:
    ratio, exponent = n * np.exp(-theta[:, :1]), np.exp(theta[:, 1:2])
    log_1 = np.log1p(ratio)
    harm = np.exp(-exponent * log_1)
    return harm, np.stack([harm * exponent * ratio / (1.0 + ratio), -harm * exponent * log_1], axis=1)


@dataclass(frozen=True)
class _CurveProblem:
    form: CurveForm
    n: Floats
    base: Floats
    likelihood: Likelihood
    weights: Floats

    def equations(self, rows: NDArray[np.intp], theta: Floats) -> tuple[Floats, Floats, Floats]:
        harm, gradient = self.form.harm_and_gradient(theta, self.n)
        return harm_equations(harm, gradient, self.base, self.likelihood, self.weights[rows])


@dataclass(frozen=True)
class CurveFit:
    """One form fitted to one curve: point and widened bootstrap draws of its parameters, and how well it predicts.

    `scores` [W] are the log densities of each world's cells, from the other worlds.
    """

    form: CurveForm
    point: Floats
    draws: Floats
    scores: Floats
    aicc: float
    rmse: float

    @property
    def log_score(self) -> float:
        """Sum over worlds."""
        return float(self.scores.sum())

    def described(self) -> dict[str, float]:
        """`DESCRIBED` quantities with the ends of their 90 % intervals (`_low`, `_high`)."""
        point, draws = (self.form.describe(theta) for theta in (self.point[None], self.draws))
        found: dict[str, float] = {}
        for name in DESCRIBED:
            low, high = np.quantile(draws[name], [0.05, 0.95])
            found |= {name: float(point[name][0]), f"{name}_low": float(low), f"{name}_high": float(high)}
        return found


def fit_curve(cells: Cells, weights: Floats) -> list[CurveFit]:
    """All forms fitted to one curve.

    Parameters
    ----------
    cells : Cells
        `a` holds the labels, whatever they are.
    weights : ndarray, [D, W]
        Bootstrap weights of the worlds.
    """
    spread = spread_of(cells)
    likelihood = likelihood_of(cells, spread.cell)
    return [
        _fit_form(CurveForm(name, float(cells.base.mean())), cells, spread, likelihood, weights)
        for name in FORMS
    ]


def _fit_form(
    form: CurveForm, cells: Cells, spread: Spread, likelihood: Likelihood, weights: Floats
) -> CurveFit:
    def fit(rows: Floats, start: Floats, iterations: int) -> tuple[Floats, Floats]:
        problem = _CurveProblem(form, cells.a, cells.base, likelihood, rows)
        return levenberg_marquardt(problem, form.prior, start, iterations)

    worlds = len(cells.worlds)
    starts = np.tile(form.prior.centre, (5, 1))
    starts[:, 0 if form.name == "power" else 1] = np.log(np.geomspace(cells.a.min(), 4.0 * cells.a.max(), 5))
    ends, objective = fit(np.ones((5, worlds)), starts, 200)
    point = ends[objective.argmin()]
    refits, _ = fit(weights, np.tile(point, (len(weights), 1)), 60)
    left_out, _ = fit(left_out_weights(worlds), np.tile(point, (worlds, 1)), 60)
    harm, _ = form.harm_and_gradient(point[None], cells.a)
    log_odds, _ = cells.log_odds()
    mean = np.nanmean(log_odds - predicted_log_odds(harm, cells.base)[0], axis=0)
    scores = world_log_scores(form.harm_and_gradient(left_out, cells.a)[0], cells, spread)
    enough = len(mean) > len(point) + 2
    return CurveFit(
        form,
        point,
        point + widening(worlds) * (refits - point),
        scores,
        corrected_akaike(mean**2 / spread.total, len(point) + 1) if enough else float("nan"),
        error_of(harm[0], cells, np.ones(len(cells.a), bool)),
    )


def curve_refusal(cells: Cells) -> tuple[str, str, str] | None:
    """What a curve does not identify: (quantity, reason, why), or None."""
    budgets = np.unique(cells.a)
    by_world = np.nanmean(cells.relative[:, cells.a >= budgets[-2]], axis=1) - 1.0
    change, error = float(np.nanmean(by_world)), _standard_error(by_world)
    if abs(change) < 2.0 * error:
        why = f"relative harm differs from 1 by {change:+.3f} (standard error {error:.3f}) at the top budgets"
        return "half_saturation", "flat", why
    top, below = (np.nanmean(cells.relative[:, cells.a == n], axis=1) for n in (budgets[-1], budgets[-2]))
    gap = float(np.nanmean(top - below))
    if abs(gap) > 2.0 * _standard_error(top - below):
        why = f"relative harm still moved by {gap:+.3f} between {budgets[-2]:g} and {budgets[-1]:g} labels"
        return "floor", "open", why
    return None


def _standard_error(by_world: Floats) -> float:
    seen = by_world[np.isfinite(by_world)]
    return float(seen.std(ddof=1) / np.sqrt(len(seen)))
