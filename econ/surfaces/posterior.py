"""Posterior draws of the response surfaces, and one surface per replicate for the market."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import ArrayLike, NDArray

from econ.core.errors import InputError, nearest_name
from econ.surfaces.forms import FORMS, GUARD, Floats, Form
from econ.surfaces.secondary import SECONDARY, SecondaryBatch

if TYPE_CHECKING:
    from econ.surfaces.critic import CriticCurves

#: Verifiability of the categories at which slopes are tabulated.
V_LEVELS = (1.0, 0.75, 0.5, 0.25, 0.1)
#: Status quo on the measured curve, in half-saturations of constraints and of preferences.
STATUS_QUO = (1.0, 4.0)
OUTCOMES = ("harm", *SECONDARY)
KINDS = ("measured", "imposed", "prior")


@dataclass(frozen=True)
class Draws:
    """Posterior draws of one outcome under one test distribution.

    Attributes
    ----------
    form : ndarray of str, [D]
        Name of each draw's form.
    theta : ndarray, [D, 12]
        Its parameters on the unconstrained scale; unused columns are NaN.
    """

    form: NDArray[np.str_]
    theta: Floats


@dataclass(frozen=True)
class Surfaces:
    """Posterior draws of all outcomes, with what is known about them.

    Attributes
    ----------
    id : str
        Short name.
    hash : str
        SHA-256 over the draws and their description.
    kind : str
        "measured", "imposed" (an elasticity of substitution was imposed) or "prior" (it was not
        identified, and a prior stands in its place).
    draws : mapping from (outcome, distribution) to `Draws`
    domain : mapping
        Largest measured `a` and `b`, in labels, and the range of `v`.
    base_violation : mapping from distribution to float
        Mean violation rate of the base models: harm in absolute rates is H times this.
    diagnostics : mapping
        Of the fit: weights, comparison of forms, σ, refusals, worlds.
    critic : CriticCurves or None
        Learning curves of labels that a critic wrote, where they were measured; no part of `hash`.
    """

    id: str
    hash: str
    kind: str
    draws: Mapping[tuple[str, str], Draws]
    domain: Mapping[str, float]
    base_violation: Mapping[str, float]
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    critic: CriticCurves | None = None

    @property
    def count(self) -> int:
        """Number of draws."""
        return len(next(iter(self.draws.values())).form)

    @property
    def distributions(self) -> tuple[str, ...]:
        """Test distributions under which harm was fitted."""
        return tuple(sorted(d for outcome, d in self.draws if outcome == "harm"))

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Outcomes that were fitted, in the order of `OUTCOMES`."""
        found = {outcome for outcome, _ in self.draws}
        return tuple(o for o in OUTCOMES if o in found)

    def batch(self, draws: ArrayLike, distribution: str = "ood") -> SurfaceBatch:
        """One surface per replicate.

        Parameters
        ----------
        draws : array_like of int, [S]
            Which posterior draw each replicate uses; all outcomes of a replicate use the same one.
        distribution : str
            "ood" (prompts unlike those labelled) or "id".

        Raises
        ------
        InputError
            If the distribution was not measured or a draw does not exist.
        """
        if ("harm", distribution) not in self.draws:
            raise InputError(
                "this test distribution was not measured in these response surfaces", key="distribution", found=distribution,
                allowed=", ".join(self.distributions), nearest=nearest_name(distribution, self.distributions),
            )  # fmt: skip
        index = np.atleast_1d(np.asarray(draws, np.int64))
        if index.ndim != 1 or index.size == 0 or index.min() < 0 or index.max() >= self.count:
            raise InputError("no such posterior draw", key="draws", allowed=f"0 to {self.count - 1}")
        return SurfaceBatch(self, index, distribution)


@dataclass(frozen=True)
class _Group:
    """Replicates that share a form."""

    rows: NDArray[np.int64]
    form: Form
    theta: Floats


class SurfaceBatch:
    """Harm surfaces of S replicates under one distribution."""

    def __init__(self, surfaces: Surfaces, index: NDArray[np.int64], distribution: str) -> None:
        self.surfaces = surfaces
        self.index = index
        self.distribution = distribution
        harm = surfaces.draws[("harm", distribution)]
        self.form = harm.form[index]
        self._groups = []
        for name in sorted(set(self.form)):
            rows = np.flatnonzero(self.form == name)
            form = FORMS[name]
            self._groups.append(_Group(rows, form, harm.theta[index[rows], : len(form.parameter_names)]))

    def __len__(self) -> int:
        return len(self.index)

    @property
    def base_violation(self) -> float:
        """Mean violation rate of the base models under this distribution: H times this is a rate."""
        return self.surfaces.base_violation[self.distribution]

    def at(self, v: ArrayLike) -> SurfaceAt:
        """The surfaces at given verifiabilities.

        Parameters
        ----------
        v : array_like, [K] or [S, K]
            Verifiability of each category, in [0, 1].
        """
        levels = np.atleast_1d(np.asarray(v, np.float64))
        if not np.all((levels >= 0.0) & (levels <= 1.0)):
            raise InputError("verifiability lies outside its range", key="v", allowed="0 to 1")
        return SurfaceAt(self, np.broadcast_to(levels, (len(self), levels.shape[-1])))

    def half_saturation(self, v: ArrayLike) -> tuple[Floats, Floats]:
        """Labels at half-saturation, per category and for preferences.

        Returns
        -------
        a_half : ndarray, [S, K]
            Flags at which s(v)·a = 1 (S1), or the form's own half-saturation.
        b_half : ndarray, [S]
            Pairs likewise.
        """
        at = self.at(v)
        return at.a_half, at.b_half

    def slopes(
        self, v: ArrayLike, x: ArrayLike = STATUS_QUO[0], y: ArrayLike = STATUS_QUO[1]
    ) -> tuple[Floats, Floats]:
        """-∂H/∂a and -∂H/∂b per laboratory label at stocks x and y in half-saturations.

        Parameters
        ----------
        v : array_like, [K]
        x, y : float or array_like, [S]
            The status-quo position unless given.

        Returns
        -------
        slope_a, slope_b : ndarray, [S, K]
        """
        at = self.at(v)
        column = (len(self), 1)
        xs = np.broadcast_to(np.asarray(x, np.float64).reshape(-1, 1), column) * np.ones_like(at.a_half)
        ys = np.broadcast_to(np.asarray(y, np.float64).reshape(-1, 1), column)
        _, e_x, e_y = at.evaluate(xs, np.ascontiguousarray(ys))
        return e_x / (xs * at.a_half), e_y / (ys * at.b_half[:, None])

    def secondary(self, outcome: str) -> SecondaryBatch:
        """Helpfulness, sycophancy or over-refusal of the same draws.

        Raises
        ------
        InputError
            If the outcome was not fitted, saying why where the fit says so.
        """
        key = (outcome, self.distribution)
        if outcome not in SECONDARY or key not in self.surfaces.draws:
            raise InputError(
                "this outcome was not fitted", key=outcome, allowed=", ".join(self.surfaces.outcomes[1:]) or "none",
                nearest=nearest_name(outcome, self.surfaces.outcomes),
            )  # fmt: skip
        return SecondaryBatch(outcome, self.surfaces.draws[key].theta[self.index])


class SurfaceAt:
    """Harm surfaces of S replicates at the verifiability of K categories.

    Attributes
    ----------
    a_half : ndarray, [S, K]
        Flags per unit of x.
    b_half : ndarray, [S]
        Pairs per unit of y.
    """

    def __init__(self, batch: SurfaceBatch, v: Floats) -> None:
        self.v = v
        self._domain = batch.surfaces.domain
        self._parts = [(g.rows, g.form, g.form.at(g.theta, v[g.rows])) for g in batch._groups]
        self._spread: dict[Any, list[dict[str, Any]]] = {}
        self.a_half = self._gather("a_half")
        self.b_half = self._gather("b_half")[:, 0].copy()

    @cached_property
    def form(self) -> NDArray[np.str_]:
        """Name of each replicate's form [S]."""
        out = np.empty(len(self.v), "U8")
        for rows, form, _ in self._parts:
            out[rows] = form.name
        return out

    def arguments(self, width: int) -> Floats:
        """What each replicate's formula takes, in the order of `Form.used`, filled up with zeros: [S, K, width]."""
        out = np.zeros((*self.v.shape, width))
        for rows, form, p in self._parts:
            out[rows, :, : len(form.used)] = np.stack([p[name] for name in form.used], axis=-1)
        return out

    def _gather(self, key: str) -> Floats:
        out = np.empty(self.v.shape)
        for rows, _, p in self._parts:
            out[rows] = p[key]
        return out

    def evaluate(self, x: Any, y: Any) -> tuple[Any, Any, Any]:
        """Relative harm and its elasticities.

        Parameters
        ----------
        x : array, [S, …, K]
            Constraint stock in half-saturations, numpy or torch.
        y : array, [S, …, 1]
            Preference stock in half-saturations; broadcasts against x.

        Returns
        -------
        h : array
            Relative harm, in (0, 1].
        e_x, e_y : array
            -∂H/∂ln x and -∂H/∂ln y, not negative; of the broadcast shape, as `h`.
        """
        xp = array_namespace(x, y)
        h, d_x, d_y = self._evaluate_logs(xp, xp.log(x + GUARD), xp.log(y + GUARD))
        return h, d_x * (x / (x + GUARD)), d_y * (y / (y + GUARD))

    def _evaluate_logs(self, xp: Any, log_x: Any, log_y: Any) -> tuple[Any, Any, Any]:
        """H and minus its slopes in the guarded logarithms, by groups of replicates that share a form."""
        parameters = self._spread_to(xp, log_x)
        if len(self._parts) == 1:
            return self._parts[0][1].evaluate(xp, parameters[0], log_x, log_y)
        shape = np.broadcast_shapes(tuple(log_x.shape), tuple(log_y.shape))
        h, d_x, d_y = (xp.empty(shape, dtype=log_x.dtype, device=device(log_x)) for _ in range(3))
        for (rows, form, _), p in zip(self._parts, parameters, strict=True):
            index = xp.asarray(rows, device=device(log_x))
            h[index], d_x[index], d_y[index] = form.evaluate(xp, p, log_x[index], log_y[index])
        return h, d_x, d_y

    def _spread_to(self, xp: Any, like: Any) -> list[dict[str, Any]]:
        """Parameters as arrays of the caller's kind, with axes for those between S and K."""
        key = (xp.__name__, str(like.dtype), str(device(like)), like.ndim)
        if key not in self._spread:
            middle = (1,) * (like.ndim - 2)
            self._spread[key] = [
                {
                    name: xp.asarray(_lean(value, middle), dtype=like.dtype, device=device(like))
                    for name, value in p.items()
                }
                for _, _, p in self._parts
            ]
        return self._spread[key]

    def evaluate_labels(self, a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats, Floats, Floats]:
        """H, ∂H/∂a, ∂H/∂b and ∂H/∂v at a flags [S, …, K] and b pairs [S, …, 1], per laboratory label."""
        flags, pairs = np.asarray(a, np.float64), np.asarray(b, np.float64)
        flags, pairs = np.broadcast_arrays(flags, pairs)
        a_half = _axes(self.a_half, flags.ndim)
        b_half = _axes(self.b_half[:, None], flags.ndim)
        x, y = flags / a_half, pairs / b_half
        h, d_x, d_y = self._evaluate_logs(np, np.log(x + GUARD), np.log(y + GUARD))
        slope_a, slope_b = -d_x / ((x + GUARD) * a_half), -d_y / ((y + GUARD) * b_half)
        slope_v = np.empty_like(h)
        for (rows, form, _), p in zip(self._parts, self._spread_to(np, flags), strict=True):
            slope_v[rows] = form.slope_v(p, x[rows], y[rows])
        return h, slope_a, slope_b, slope_v

    def floor(self) -> Floats:
        """Limit of H as both stocks grow, [S, K]."""
        out = np.empty(self.v.shape)
        for rows, form, p in self._parts:
            out[rows] = form.floor(p)
        return out

    def elasticity_of_substitution(self, x: Any = STATUS_QUO[0], y: Any = STATUS_QUO[1]) -> Floats:
        """Local σ at stocks x and y in half-saturations (broadcast to [S, K]); the status quo unless given."""
        xs, ys = (np.broadcast_to(np.asarray(u, np.float64), self.v.shape) for u in (x, y))
        out = np.empty(self.v.shape)
        for rows, form, p in self._parts:
            out[rows] = form.elasticity_of_substitution(p, xs[rows], ys[rows])
        return out

    def extrapolated(self, x: Any, y: Any) -> Any:
        """True where a position in half-saturations lies outside what was measured."""
        xp = array_namespace(x, y)
        a_top = xp.asarray(self._domain["a"] / _axes(self.a_half, x.ndim), dtype=x.dtype, device=device(x))
        b_top = xp.asarray(
            self._domain["b"] / _axes(self.b_half[:, None], x.ndim), dtype=x.dtype, device=device(x)
        )
        return (x > a_top) | (y > b_top)


def _axes(value: Floats, ndim: int) -> Floats:
    """[S, K] as [S, 1, …, K] with `ndim` axes."""
    return value.reshape(value.shape[0], *(1,) * (ndim - 2), value.shape[1])


def _lean(value: Floats, middle: tuple[int, ...]) -> Floats:
    """[S, K] as [S, 1, …, K], or [S, 1, …, 1] where all categories agree (cheaper to broadcast)."""
    if np.all(value == value[:, :1]):
        value = value[:, :1]
    return value.copy().reshape(value.shape[0], *middle, value.shape[1])
