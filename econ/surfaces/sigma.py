"""The elasticity of substitution at the status quo: what the draws say of it, and its prior where they cannot tell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.random import normal
from econ.core.streams import Stream
from econ.surfaces.bca import Correction, Part, correction, interval
from econ.surfaces.elasticity import with_sigma
from econ.surfaces.files import SIGMA_V
from econ.surfaces.fit import FormFit, HarmFit
from econ.surfaces.forms import FORMS, Floats, Form
from econ.surfaces.posterior import STATUS_QUO, V_LEVELS, Draws, Surfaces
from econ.surfaces.stored import WIDTH

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: σ counts as not identified where the 90 % interval of its logarithm is wider than this.
WIDEST_LOG_SIGMA = 2.0
#: Fitted surfaces span the prior of σ where 90 % of its draws find one within this distance in log σ.
LARGEST_GAP = 0.1
#: Reported σ lie in this range; an isoquant that bends the other way has the upper end.
REPORTED_SIGMA = (0.02, 50.0)
#: Prior of σ where it is not identified: median and the ends of its 90 % interval
#: (`elasticity_of_substitution_constraints_preferences` in the parameter table).
SIGMA_PRIOR = (1.5, 0.5, 3.0)
Z_95 = 1.6448536269514722
#: Levels of the ends of a 90 % interval.
ENDS = (0.05, 0.95)


def describe_sigma(surfaces: Surfaces, distribution: str) -> dict[str, Any]:
    """Elasticity of substitution at the status quo: quantiles over draws, and P(σ > 1), at each level of v."""
    at = surfaces.batch(np.arange(surfaces.count), distribution).at([*V_LEVELS, SIGMA_V])
    sigma = at.elasticity_of_substitution()
    headline = _quantiles(sigma[:, -1])
    width = float(np.log(headline["p95"] / headline["p05"]))
    by_v = {f"{v:.2f}": _quantiles(sigma[:, i]) for i, v in enumerate(V_LEVELS)}
    return {
        "v": SIGMA_V, "position": list(STATUS_QUO), **headline,
        "log_width": width, "identified": width <= WIDEST_LOG_SIGMA, "by_v": by_v,
    }  # fmt: skip


def sigma_inside(surfaces: Surfaces, distribution: str) -> list[dict[str, float]]:
    """σ at mixes that lie inside the measured labels: a quarter of the most of each kind, and the most itself."""
    at = surfaces.batch(np.arange(surfaces.count), distribution).at([SIGMA_V])
    found = []
    for part in (0.25, 1.0):
        a, b = (part * surfaces.domain[kind] for kind in ("a", "b"))
        sigma = at.elasticity_of_substitution(a / at.a_half, b / at.b_half[:, None])[:, 0]
        found.append({"a": a, "b": b, **_quantiles(sigma)})
    return found


def extrapolated_sigma(sigma: dict[str, Any], share: float, distribution: str) -> list[dict[str, str]]:
    """What has to be said of a σ whose position few draws have inside the measured labels."""
    if share <= 0.5:
        return []
    x, y = sigma["position"]
    inside = " and ".join(
        f"{one['p50']:.3g} [{one['p05']:.3g}, {one['p95']:.3g}] at {one['a']:,.0f} flags and {one['b']:,.0f} pairs" for one in sigma["inside"]
    )
    why = (
        f"{x:g} and {y:g} half-saturations lie beyond the measured labels in {share:.0%} of draws, where the form decides; inside them sigma is {inside} "
        f"(from {REPORTED_SIGMA[1]:g} on, isoquants are flat or bend outward, and no mix is cheapest)"
    )
    return [{"what": f"sigma, {distribution}", "reason": "extrapolated", "why": why}]


def _quantiles(sigma: Floats) -> dict[str, float]:
    shown = np.clip(sigma, *REPORTED_SIGMA)
    low, middle, high = (float(q) for q in np.quantile(shown, [0.05, 0.5, 0.95]))
    return {
        "p05": low, "p50": middle, "p95": high,
        "probability_above_1": float((sigma > 1.0).mean()),
        "share_without_interior_mix": float(np.isinf(sigma).mean()),
    }  # fmt: skip


def sigma_by_form(surfaces: Surfaces, distribution: str, fit: HarmFit) -> dict[str, Any]:
    """σ if one form had all the weight: how much the headline rests on the choice of form."""
    found = {}
    for fitted in fit.forms:
        theta = np.full((len(fitted.draws), WIDTH), np.nan)
        theta[:, : fitted.draws.shape[1]] = fitted.draws
        alone = Draws(np.full(len(theta), fitted.name), theta)
        only = replace(surfaces, draws={("harm", distribution): alone})
        at = only.batch(np.arange(len(theta)), distribution).at([SIGMA_V])
        found[fitted.name] = _quantiles(at.elasticity_of_substitution()[:, 0])
    return found


def log_sigma(form: Form, theta: Floats, v: float = SIGMA_V) -> Floats:
    """Logarithm of σ at the status quo of parameter vectors [D, P], within the range that is reported, [D]."""
    p = form.at(theta, np.full((len(theta), 1), v))
    x, y = (np.full((len(theta), 1), position) for position in STATUS_QUO)
    found: Floats = np.log(np.clip(form.elasticity_of_substitution(p, x, y)[:, 0], *REPORTED_SIGMA))
    return found


def bca_interval(fit: HarmFit, v: float = SIGMA_V) -> dict[str, Any]:
    """90 % interval of σ with the bootstrap's bias and skewness corrected by leaving worlds out (Efron 1987).

    It describes the measurement; the draws, which are handed over, stay as they are.

    Returns
    -------
    dict
        `low`, `high`; by form of some weight also z0 (`bias`) and a (`acceleration`). Where all draws of a
        form lie on one side of its estimate nothing can be corrected: both are zero, which gives percentiles.
    """
    parts = {
        fitted.name: Part(draws := log_sigma(FORMS[fitted.name], fitted.draws, v), float(share), _correction(fitted, draws, v))
        for fitted, share in zip(fit.forms, fit.weights, strict=True)
        if share > 0.0
    }
    low, high = np.exp(interval(list(parts.values()), ENDS))
    by_form = {}
    for name, part in parts.items():
        own = np.exp(interval([replace(part, share=1.0)], ENDS))
        by_form[name] = {
            "low": float(own[0]), "high": float(own[1]), "weight": part.share,
            "bias": part.correction.bias, "acceleration": part.correction.acceleration,
        }  # fmt: skip
    return {"v": v, "level": round(ENDS[1] - ENDS[0], 9), "low": float(low), "high": float(high), "by_form": by_form}


def _correction(fitted: FormFit, draws: Floats, v: float) -> Correction:
    form = FORMS[fitted.name]
    estimate = float(log_sigma(form, fitted.point[None], v)[0])
    found = correction(draws, estimate, log_sigma(form, fitted.comparison.left_out, v))
    return found if np.isfinite(found.bias) else Correction(0.0, 0.0)


def prior_sigma(seed: int, draws: int) -> Floats:
    """Draws of σ from its prior: log-normal on either side of the median, so that both ends of the interval hold."""
    middle, low, high = np.log(SIGMA_PRIOR)
    z = normal(seed, Stream.BOOTSTRAP, 0, 1, np.arange(draws))
    sigma: Floats = np.exp(middle + z * np.where(z < 0.0, middle - low, high - middle) / Z_95)
    return sigma


def with_prior_sigma(surfaces: Surfaces, distribution: str, seed: int) -> tuple[Surfaces, dict[str, Any]]:
    """Let σ follow its prior: on surfaces that were fitted where these span it, else by imposed curvature.

    The second result says how, and what σ came out.
    """
    wanted = prior_sigma(seed, surfaces.count)
    at = surfaces.batch(np.arange(surfaces.count), distribution).at([SIGMA_V])
    own = np.log(np.clip(at.elasticity_of_substitution()[:, 0], *REPORTED_SIGMA))
    nearest = np.abs(own[None] - np.log(wanted)[:, None]).argmin(axis=1)
    gap = float(np.quantile(np.abs(own[nearest] - np.log(wanted)), 0.9))
    if gap <= LARGEST_GAP:
        different = len(np.unique(nearest))
        how = f"fitted surfaces are drawn as often as the prior of sigma says ({different} different ones)"
        changed = _drawn_again(surfaces, distribution, nearest)
        return changed, {**_quantiles(np.exp(own[nearest])), "how": how, "different_draws": different}
    how = "the prior stands in its place, by curvature imposed at the status quo: fitted surfaces do not span it"
    only = replace(surfaces, draws={("harm", distribution): surfaces.draws[("harm", distribution)]})
    imposed = with_sigma(only, wanted, kind="prior")
    return replace(surfaces, kind="prior", draws={**surfaces.draws, **imposed.draws}), {**_quantiles(wanted), "how": how}


def _drawn_again(surfaces: Surfaces, distribution: str, rows: NDArray[np.int64]) -> Surfaces:
    """The same posterior with the draws of one distribution, all outcomes together, taken at `rows`."""
    draws = dict(surfaces.draws)
    for (outcome, measured), of in surfaces.draws.items():
        if measured == distribution:
            draws[(outcome, measured)] = Draws(of.form[rows], of.theta[rows])
    return replace(surfaces, kind="prior", draws=draws)
