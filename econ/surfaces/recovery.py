"""Does the fit find what is there? Synthetic worlds from a known surface, and whether intervals hold the truth.

The design is the laboratory's: flags and pairs in {0, 16, 64, 256, 1024, 4096}, five verifiabilities, 16 worlds
whose responsiveness differs by 0.2, which is about 0.07 in relative harm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from econ.core.errors import InputError
from econ.core.random import normal
from econ.core.streams import Stream
from econ.surfaces.bootstrap import world_weights
from econ.surfaces.cells import Cells
from econ.surfaces.fit import fit_harm
from econ.surfaces.forms import FORMS, Floats, logit, sigmoid
from econ.surfaces.least_squares import harm_at
from econ.surfaces.posterior import STATUS_QUO, Surfaces
from econ.surfaces.refusals import refuse_flat
from econ.surfaces.sigma import ENDS, REPORTED_SIGMA, bca_interval

BUDGETS = (0, 16, 64, 256, 1024, 4096)
LEVELS = (1.0, 0.75, 0.5, 0.25, 0.1)
#: Form and parameters. At the status quo and v = 0.5 the local elasticities of S2 are 0.70 and 1.50.
TRUTHS: dict[str, tuple[str, tuple[float, ...]]] = {
    "S1, sigma 1.5": ("S1", (-5.4, 0.7, 6.6, float(logit(1 / 3)), -0.7, -1.2, -0.8)),
    "S1, sigma 3": ("S1", (-5.4, 0.7, 6.6, float(logit(2 / 3)), -0.4, -1.2, -0.8)),
    "S2, complements": ("S2", (0.5, 0.5, 6.2, 0.0, -0.8, 0.17, 5.8, 0.0, 0.4)),
    "S2, substitutes": ("S2", (0.5, 0.5, 6.2, 0.0, -0.4, 0.17, 5.8, -0.223, 2.6)),
    "S3": ("S3", (-5.4, 0.7, 0.1, -0.8, -0.6, 5.8, 0.0, -0.3, -0.2)),
    "flat": ("S2", (-12.0, 0.0, 6.2, 0.0, -12.0, 0.0, 6.0, 0.0, 0.0)),
}
RECOVERED = tuple(name for name in TRUTHS if name not in ("flat", "S3"))
#: Cells (flags, pairs) at v = 0.5 whose harm is looked at: both arms, mixes, and the ends of the design.
POINTS = ((256, 0), (0, 256), (256, 256), (1024, 1024), (4096, 256), (64, 1024))
QUANTITIES = (*(f"H({a}, {b})" for a, b in POINTS), "log n50 of flags", "log sigma", "log sigma, BCa")
MIDDLE_V = 0.5


@dataclass(frozen=True)
class Recovered:
    """One repetition: which 90 % intervals held the truth, and whether the true form predicted best."""

    covered: NDArray[np.bool_]
    won: bool


def synthetic_cells(
    truth: str, seed: int, *, worlds: int = 16, v: tuple[float, ...] = LEVELS, world_sd: float = 0.2
) -> Cells:
    """Violation rates of worlds drawn about a true surface; the same as a table of that design would give.

    Parameters
    ----------
    truth : str
        One of `TRUTHS`.
    seed : int
        Of the worlds and of the cells' noise.
    worlds : int
    v : tuple of float
        Verifiabilities of the design.
    world_sd : float
        Standard deviation of worlds' responsiveness to labels.
    """
    grid = [(a, b, level) for level in v for a in BUDGETS for b in BUDGETS if a or b]
    a, b, level = np.array(grid, np.float64).T
    return Cells(a, b, level, np.arange(1000, 1000 + worlds), *synthetic_rates(truth, seed, a, b, level, worlds, world_sd))


def synthetic_rates(
    truth: str, seed: int, a: Floats, b: Floats, v: Floats, worlds: int = 16, world_sd: float = 0.2, stream: int = 0
) -> tuple[Floats, Floats]:
    """Rates [W, C] and base rates [W] of worlds about a true surface; `stream` tells distributions apart."""
    harm = true_harm(truth, a, b, v)
    world = np.arange(worlds)
    base = sigmoid(0.5 + 0.3 * normal(seed, Stream.SYNTHETIC, world, stream, 0, 0))
    response = 1.0 + world_sd * normal(seed, Stream.SYNTHETIC, world, stream, 1, 0)
    noise = 0.05 * normal(seed, Stream.SYNTHETIC, world[:, None], stream, 2, np.arange(len(a)))
    change = logit(base[:, None] * harm) - logit(base)[:, None]
    return sigmoid(logit(base)[:, None] + response[:, None] * change + noise), base


def true_harm(truth: str, a: Floats, b: Floats, v: Floats) -> Floats:
    """True relative harm at cells [C]."""
    name, theta = TRUTHS[truth]
    value: Floats = harm_at(FORMS[name], np.array([theta]), a, b, v)[0]
    return value


def true_position(truth: str, v: float = MIDDLE_V) -> tuple[float, float]:
    """True half-saturation of flags and true σ at the status quo."""
    name, theta = TRUTHS[truth]
    p = FORMS[name].at(np.array([theta]), np.array([[v]]))
    x, y = (np.array([[position]]) for position in STATUS_QUO)
    return float(p["a_half"].item()), float(FORMS[name].elasticity_of_substitution(p, x, y).item())


def recover(truth: str, repetition: int, draws: int, v: tuple[float, ...] = LEVELS) -> Recovered:
    """Fit one synthetic data set and compare the 90 % intervals of `QUANTITIES` with the truth."""
    cells = synthetic_cells(truth, repetition, v=v)
    fit = fit_harm(cells, world_weights(1, draws, cells.worlds))
    surfaces = Surfaces("", "", "measured", {("harm", "ood"): fit.draws}, {"a": 4096.0, "b": 4096.0}, {"ood": 0.6})
    at = surfaces.batch(np.arange(draws)).at([MIDDLE_V])
    harm = [at.evaluate(a / at.a_half, b / at.b_half[:, None])[0][:, 0] for a, b in POINTS]
    # Where an isoquant bends the other way σ is infinite; it is reported at the upper end.
    sigma_drawn = np.clip(at.elasticity_of_substitution()[:, 0], *REPORTED_SIGMA)
    drawn = np.stack([*harm, np.log(at.a_half[:, 0]), np.log(sigma_drawn)])
    half, sigma = true_position(truth)
    points = np.array(POINTS, np.float64)
    middle = np.full(len(points), MIDDLE_V)
    true = np.array([*true_harm(truth, points[:, 0], points[:, 1], middle), np.log(half), np.log(sigma), np.log(sigma)])
    ends = np.quantile(drawn, ENDS, axis=1)
    corrected = bca_interval(fit, MIDDLE_V)
    low, high = np.column_stack([ends, np.log([corrected["low"], corrected["high"]])])
    scores = {form.name: form.comparison.log_score.sum() for form in fit.forms}
    return Recovered((low <= true) & (true <= high), max(scores, key=lambda name: scores[name]) == TRUTHS[truth][0])


def flat_is_refused(repetition: int, v: tuple[float, ...] = LEVELS) -> bool:
    """Whether labels that do nothing are refused."""
    try:
        refuse_flat(synthetic_cells("flat", repetition, v=v))
    except InputError:
        return True
    return False
