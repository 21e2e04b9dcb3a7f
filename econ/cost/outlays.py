"""Least outlays and best mixes: H as a function of an outlay C and the share θ of it spent on constraints.

    a = a0 + C·θ/p_a,   b = b0 + C·(1 - θ)/p_b

H falls in C along every ray (θ fixed), so a target fixes C(θ), the isoquant, and a root is found by
bisection with Newton steps. Along an isoquant, and at a fixed outlay too, cost or harm is least where
the marginal costs are equal, gap(θ) = ln[(slope_a/p_a)/(slope_b/p_b)] = 0 with the gap falling in θ, or
at a corner. Isoquants need not be convex (a form with thresholds, or a sum over categories), so a scan over
rays and outlays finds the neighbourhood of the lowest point first. All draws are solved at once.

Fixed costs are not part of C; those who compare corners add them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from econ.cost.case import BLOCK, Case, Floats, along

#: Log-odds of θ on the rays of the scan; beyond the ends a mix counts as its corner.
RAYS = np.linspace(-12.0, 12.0, 25)
#: Outlays of the scan for each draw.
OUTLAYS = 44
#: Ends of the scan in logarithms of half-saturations: the cheaper label's below, the dearer's above.
REACH = (-14.0, 20.8)
#: Blocks are at least this wide, so that the scan, which is wider, still fits the cache nearly.
LEAST_WIDTH = 32
#: A target met at the first outlay of the scan is sought this far below it, in ln C.
BELOW = 60.0
#: Newton and bisection steps for a root, and steps for equal marginal costs; most need a third of them.
ROOT_STEPS, GAP_STEPS = 80, 60
#: Newton steps that all draws and targets take together, before those that are not at rest go on alone.
STEPS_OF_ALL = 2
#: Roots are found to this precision in ln C or in H, equal marginal costs in log-odds of θ.
TOLERANCE, HARM_TOLERANCE, GAP_TOLERANCE = 1e-11, 1e-14, 1e-10
#: A gap is used at most this times itself away from the isoquant, in ln C; longest Newton step there.
NEAR, LONGEST_STEP = 0.02, 1.5


@dataclass(frozen=True)
class Solution:
    """Outlays C and shares θ, each [D, M]; both NaN where the target is not attainable.

    Attributes
    ----------
    log_outlay : ndarray
        ln C, without fixed costs.
    theta : ndarray
    """

    log_outlay: Floats
    theta: Floats


def harm_on_ray(case: Case, log_outlay: Floats, theta: Floats) -> tuple[Floats, Floats, Floats]:
    """H, -∂H/∂ln C and the gap of log marginal products per USD, [D, …]."""
    outlay, ndim = np.exp(log_outlay), log_outlay.ndim
    price_a, price_b = along(case.price_a, ndim), along(case.price_b, ndim)
    h, slope_a, slope_b = case.harm(*held_after(case, outlay, theta))
    per_usd_a, per_usd_b = slope_a / price_a, slope_b / price_b
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.log(per_usd_a) - np.log(per_usd_b)
    return h, outlay * (theta * per_usd_a + (1.0 - theta) * per_usd_b), gap


def level_on_ray(case: Case, log_outlay: Floats, theta: Floats) -> Floats:
    """H without the slopes of `harm_on_ray`, [D, …]."""
    return case.level(*held_after(case, np.exp(log_outlay), theta))


def held_after(case: Case, outlay: Floats, theta: Floats) -> tuple[Floats, Floats]:
    """Labels held after an outlay, [D, …] each."""
    a, b, price_a, price_b = (along(x, outlay.ndim) for x in (case.start_a, case.start_b, case.price_a, case.price_b))
    return a + outlay * theta / price_a, b + outlay * (1.0 - theta) / price_b


def logistic(t: Floats) -> Floats:
    """θ from its log-odds."""
    value: Floats = 1.0 / (1.0 + np.exp(-t))
    return value


def outlay_grid(case: Case) -> Floats:
    """Logarithms of the scan's outlays, [D, N]: from far below one half-saturation of either label to far above both."""
    half_a = np.log(case.price_a[:, None] / case.per_a)
    half_b = np.log(case.price_b / case.per_b)
    low = np.minimum(half_a.min(axis=1), half_b) + REACH[0]
    high = np.maximum(half_a.max(axis=1), half_b) + REACH[1]
    steps = np.linspace(0.0, 1.0, OUTLAYS)
    grid: Floats = low[:, None] + (high - low)[:, None] * steps
    return grid


def least_outlay(case: Case, theta: float, targets: Floats) -> Floats:
    """Logarithm of the outlay that brings harm down to `targets` [D, M] with a fixed share θ.

    -inf where the start is low enough already, NaN where no outlay of the scan suffices.
    """
    out = np.full(targets.shape, np.nan)
    met = targets >= case.start_harm[:, None]
    for rows, part in case.blocks(max(OUTLAYS, targets.shape[1])):
        grid = outlay_grid(part)
        harm = level_on_ray(part, grid, np.full(grid.shape, theta))
        low, high = _bracket(grid, harm, targets[rows])
        out[rows] = _root(part, theta, targets[rows], low, np.where(met[rows], np.nan, high))
    return np.where(met, -np.inf, out)


def lowest_harm(case: Case, theta: float | None = None) -> Floats:
    """Lowest attainable harm, [D]: on the ray θ, or with any mix."""
    if theta is None:
        floor: Floats = case.at.floor() @ case.share
        return floor
    high = outlay_grid(case)[:, -1:]
    return level_on_ray(case, high, np.full(high.shape, theta))[:, 0]


def _bracket(grid: Floats, harm: Floats, targets: Floats) -> tuple[Floats, Floats]:
    """Neighbouring nodes of ln C between which harm [D, N] passes each target [D, M]; NaN where it never does."""
    node = (harm[:, None, :] > targets[:, :, None]).sum(axis=2)
    last = grid.shape[1] - 1
    high = np.take_along_axis(grid, np.minimum(node, last), axis=1)
    low = np.take_along_axis(grid, np.clip(node - 1, 0, last), axis=1)
    # A target met at the first node is passed somewhere below it.
    low = np.where(node == 0, grid[:, :1] - BELOW, low)
    return low, np.where(node > last, np.nan, high)


def _root(
    case: Case, theta: float | Floats, targets: Floats, low: Floats, high: Floats, guess: Floats | None = None
) -> Floats:
    """Logarithm of the outlay with H = target, between `low` (H above it) and `high` (H not above it): Newton, else halving."""
    shares = np.broadcast_to(np.asarray(theta, np.float64), targets.shape)
    open_ = np.isfinite(high)
    low, high = np.where(open_, low, 0.0), np.where(open_, high, 0.0)
    s = 0.5 * (low + high) if guess is None else np.clip(guess, low, high)
    left = open_
    for _ in range(STEPS_OF_ALL):
        s, low, high, done = _root_step(case, shares, targets, low, high, s)
        left = open_ & ~done
    if left.any():
        (s[left],) = _of_those(case, left, _root_of_few, shares, targets, low, high, s)
    return np.where(open_, s, np.nan)


def _root_step(case: Case, shares: Floats, targets: Floats, low: Floats, high: Floats, s: Floats) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
    """Logarithm of the outlay and its bracket after one step, and whether it has come to rest."""
    h, fall, _ = harm_on_ray(case, s, shares)
    above = h > targets
    low, high = np.where(above, s, low), np.where(above, high, s)
    with np.errstate(divide="ignore", invalid="ignore"):
        newton = s + (h - targets) / fall
    inside = (newton > low) & (newton < high)
    following = np.where(inside, newton, 0.5 * (low + high))
    following = np.where(np.abs(h - targets) <= HARM_TOLERANCE, s, following)
    return following, low, high, np.abs(following - s) <= TOLERANCE


def _root_of_few(case: Case, shares: Floats, targets: Floats, low: Floats, high: Floats, s: Floats) -> tuple[Floats]:
    """The root of each, by steps of all until all rest."""
    for _ in range(ROOT_STEPS):
        s, low, high, done = _root_step(case, shares, targets, low, high, s)
        if done.all():
            break
    return (s,)


def _of_those(case: Case, which: NDArray[np.bool_], solve: Callable[..., tuple[Floats, ...]], *parts: Floats | None) -> list[Floats]:
    """What `solve` finds for some draws and targets [D, M], each handed to it as a draw of one target.

    Most draws settle most targets at once, at a corner; steps of all would be taken for the sake of a few.
    """
    few = (None if part is None else part[which][:, None] for part in parts)
    return [found[:, 0] for found in solve(case.take(which.nonzero()[0]), *few)]


def least_cost_mix(case: Case, targets: Floats) -> Solution:
    """Cheapest interior mix for each target [D, M], fixed costs apart.

    At the ends of `RAYS` it is a corner in all but name; where the start suffices, or no mix does, it is NaN.
    """
    log_outlay, theta = np.full(targets.shape, np.nan), np.full(targets.shape, np.nan)
    for rows, part in case.blocks(max(targets.shape[1], LEAST_WIDTH)):
        wanted = targets[rows] < part.start_harm[:, None]
        along_rays = _outlays_on_rays(part, np.where(wanted, targets[rows], np.nan))
        first, second = _lowest_rays(along_rays)
        s, t = _refined(part, targets[rows], along_rays, first)
        # Isoquants that are not convex may have a second lowest point; it is rare, so only those draws are solved again.
        again = np.flatnonzero((second >= 0).any(axis=1))
        if len(again):
            other_s, other_t = _refined(
                part.take(again), targets[rows][again], along_rays[again], second[again]
            )
            better = other_s < s[again]
            s[again], t[again] = np.where(better, other_s, s[again]), np.where(better, other_t, t[again])
        log_outlay[rows], theta[rows] = s, logistic(t)
    return Solution(log_outlay, np.where(np.isfinite(log_outlay), theta, np.nan))


def _refined(
    case: Case, targets: Floats, along_rays: Floats, ray: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Exact ln C and log-odds of θ of the lowest point near a ray [D, M]; NaN where the ray is -1 or has no point."""
    guess = np.take_along_axis(along_rays, np.maximum(ray, 0)[:, None, :], axis=1)[:, 0]
    wanted = np.isfinite(guess) & (ray >= 0)
    last = len(RAYS) - 1
    t_low, t_high = (RAYS[np.clip(ray + step, 0, last)] for step in (-2, 2))
    aim = np.where(wanted, targets, np.nan)
    t, s = _equal_marginal_cost(case, t_low, t_high, np.where(wanted, guess, 0.0), aim)
    grid = outlay_grid(case)
    low, high = (np.where(wanted, end, np.nan) for end in (grid[:, :1] - BELOW, grid[:, -1:]))
    return _root(case, logistic(t), targets, low, high, guess=s), t


def least_harm_mix(case: Case, log_outlay: Floats) -> Solution:
    """Interior mix with the least harm for each outlay, ln C [D, M], fixed costs apart."""
    theta = np.full(log_outlay.shape, np.nan)
    for rows, part in case.blocks(len(RAYS) * log_outlay.shape[1]):
        s = log_outlay[rows]
        harm = _scan(part, s)
        best = harm.argmin(axis=1)
        t_low, t_high = (RAYS[np.clip(best + step, 0, len(RAYS) - 1)] for step in (-1, 1))
        theta[rows] = logistic(_equal_marginal_cost(part, t_low, t_high, s, None)[0])
    return Solution(log_outlay, theta)


def _scan(case: Case, log_outlay: Floats) -> Floats:
    """Harm on every ray at outlays [D, N]: [D, R, N]."""
    theta = logistic(RAYS)[None, :, None]
    shape = (len(case), len(RAYS), log_outlay.shape[1])
    return level_on_ray(case, np.broadcast_to(log_outlay[:, None, :], shape), np.broadcast_to(theta, shape))


def _outlays_on_rays(case: Case, targets: Floats) -> Floats:
    """Approximate ln C of each target on each ray, [D, R, M], between the outlays of the scan; infinite where none suffices."""
    grid = outlay_grid(case)
    harm = np.empty((len(case), len(RAYS), OUTLAYS))
    step = max(1, BLOCK // (len(case) * len(RAYS) * len(case.v)))
    for first in range(0, OUTLAYS, step):
        harm[:, :, first : first + step] = _scan(case, grid[:, first : first + step])
    node = (harm[:, :, None, :] > targets[:, None, :, None]).sum(axis=3)
    right = np.clip(node, 1, OUTLAYS - 1)
    above, below = (np.take_along_axis(harm, place, axis=2) for place in (right - 1, right))
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.clip((above - targets[:, None, :]) / (above - below), 0.0, 1.0)
    spacing = (grid[:, 1] - grid[:, 0])[:, None, None]
    found = grid[:, :1, None] + spacing * (right - 1 + np.nan_to_num(part))
    return np.where((node < OUTLAYS) & np.isfinite(targets)[:, None, :], found, np.inf)


def _lowest_rays(along_rays: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The ray with the lowest outlay, and that of the next local minimum apart from it, [D, M]; -1 where there is none."""
    first = along_rays.argmin(axis=1)
    edge = np.full_like(along_rays[:, :1], np.inf)
    before = np.concatenate([edge, along_rays[:, :-1]], axis=1)
    after = np.concatenate([along_rays[:, 1:], edge], axis=1)
    apart = np.abs(np.arange(len(RAYS))[None, :, None] - first[:, None, :]) > 1
    local = np.where((along_rays <= before) & (along_rays < after) & apart, along_rays, np.inf)
    second = local.argmin(axis=1)
    none = np.isinf(np.take_along_axis(local, second[:, None], axis=1)[:, 0])
    return np.where(np.isinf(along_rays.min(axis=1)), -1, first), np.where(none, -1, second)


def _equal_marginal_cost(
    case: Case, t_low: Floats, t_high: Floats, s: Floats, targets: Floats | None
) -> tuple[Floats, Floats]:
    """Log-odds of θ with gap 0 between the ends of a bracket, and ln C there.

    With targets the isoquant is followed; without them the outlay is fixed. Where the gap has one sign,
    the end towards which it points is returned.
    """
    bracket = _bracket_of_root(case, t_low, t_high, s, targets)
    t_low, s_low, gap_low, t_high, s_high, gap_high = bracket
    up = gap_high >= 0.0
    t, s = np.where(up, t_high, t_low), np.where(up, s_high, s_low)
    inner = (gap_low > 0.0) & (gap_high < 0.0)
    if inner.any():
        t[inner], s[inner] = _of_those(case, inner, _root_of_gap, *bracket, targets)
    return t, s


def _root_of_gap(
    case: Case, t_low: Floats, s_low: Floats, gap_low: Floats, t_high: Floats, s_high: Floats, gap_high: Floats,
    targets: Floats | None,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Log-odds of θ with gap 0 and ln C there, inside brackets with one each: regula falsi after Anderson and Björck (1973)."""
    t = _regula_falsi(t_low, t_high, gap_low, gap_high)
    s = s_low + (t - t_low) / (t_high - t_low) * (s_high - s_low)
    settled, side = np.zeros(t.shape, bool), np.zeros(t.shape, np.int64)
    for _ in range(GAP_STEPS):
        s, gap, near = _step_to_isoquant(case, t, s, targets)
        settled |= near & ((np.abs(gap) <= GAP_TOLERANCE) | (t_high - t_low <= GAP_TOLERANCE))
        if settled.all():
            break
        right, left = near & (gap > 0.0) & ~settled, near & (gap <= 0.0) & ~settled
        gap_high = np.where(right & (side > 0), gap_high * _weight(gap, gap_low), gap_high)
        gap_low = np.where(left & (side < 0), gap_low * _weight(gap, gap_high), gap_low)
        side = np.where(right, 1, np.where(left, -1, side))
        t_low, gap_low = np.where(right, t, t_low), np.where(right, gap, gap_low)
        t_high, gap_high = np.where(left, t, t_high), np.where(left, gap, gap_high)
        t = np.where(right | left, _regula_falsi(t_low, t_high, gap_low, gap_high), t)
    return t, s


def _bracket_of_root(
    case: Case, t_low: Floats, t_high: Floats, s: Floats, targets: Floats | None
) -> tuple[Floats, ...]:
    """Log-odds, ln C and gap at both ends of a bracket, moved towards the last ray where it holds no root."""
    s_low, gap_low = _on_isoquant(case, t_low, s, targets)
    s_high, gap_high = _on_isoquant(case, t_high, s, targets)
    # A root beyond an end of the bracket is sought between that end and the last ray.
    under, over = (gap_low <= 0.0) & (t_low > RAYS[0]), (gap_high >= 0.0) & (t_high < RAYS[-1])
    if np.any(under | over):
        t_end = np.where(under, RAYS[0], np.where(over, RAYS[-1], t_low))
        s_end, gap_end = _on_isoquant(case, t_end, np.where(over, s_high, s_low), targets)
        t_low, s_low, gap_low, t_high, s_high, gap_high = (
            np.where(under, below, np.where(over, above, same))
            for below, above, same in (
                (t_end, t_high, t_low), (s_end, s_high, s_low), (gap_end, gap_high, gap_low),
                (t_low, t_end, t_high), (s_low, s_end, s_high), (gap_low, gap_end, gap_high),
            )
        )  # fmt: skip
    return t_low, s_low, gap_low, t_high, s_high, gap_high


def _weight(gap: Floats, replaced: Floats) -> Floats:
    """Factor on the gap at an end that stays twice, given the new gap and the one that it replaces."""
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = 1.0 - gap / replaced
    return np.where(weight > 0.0, weight, 0.5)


def _regula_falsi(t_low: Floats, t_high: Floats, gap_low: Floats, gap_high: Floats) -> Floats:
    """Where a line between the ends crosses 0; the middle where that is no inner point."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = t_low + (t_high - t_low) * gap_low / (gap_low - gap_high)
    return np.where((t > t_low) & (t < t_high), t, 0.5 * (t_low + t_high))


def _step_to_isoquant(
    case: Case, t: Floats, s: Floats, targets: Floats | None
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Logarithm of the outlay after a Newton step to the isoquant, the gap before it, and whether it may be used."""
    h, fall, gap = harm_on_ray(case, s, logistic(t))
    if targets is None:
        return s, gap, np.ones(t.shape, bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.nan_to_num((h - targets) / fall)
    near = np.abs(step) <= np.maximum(NEAR * np.abs(gap), GAP_TOLERANCE)
    near |= np.abs(h - targets) <= HARM_TOLERANCE
    return s + np.clip(step, -LONGEST_STEP, LONGEST_STEP), gap, near


def _on_isoquant(case: Case, t: Floats, s: Floats, targets: Floats | None) -> tuple[Floats, Floats]:
    """Logarithm of the outlay on the isoquant near `s` (or `s` itself without targets), and the gap there."""
    s, gap, near = _step_to_isoquant(case, t, s, targets)
    left = ~near & np.isfinite(gap)
    if left.any():
        s[left], gap[left] = _of_those(case, left, _on_isoquant_of_few, t, s, targets)
    return s, gap


def _on_isoquant_of_few(case: Case, t: Floats, s: Floats, targets: Floats | None) -> tuple[Floats, Floats]:
    """As `_on_isoquant`, by steps of all until all are near."""
    for _ in range(GAP_STEPS):
        s, gap, near = _step_to_isoquant(case, t, s, targets)
        if np.all(near | ~np.isfinite(gap)):
            break
    return s, gap
