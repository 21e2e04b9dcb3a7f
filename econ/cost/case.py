"""One case: posterior draws of harm as a function of labels bought, with their prices and a starting point.

Labels are spread over the categories as requests are, so one number a stands for all of them, and
H = Σ f_k·H_k with f_k the shares of requests. How labels enter the measured surface says `econ.cost.scale`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from econ.cost.scale import Units, advantage, categories, effects, position

if TYPE_CHECKING:
    from typing import Any

    from econ.cost.prices import PriceBook
    from econ.surfaces import SurfaceAt, SurfaceBatch, Surfaces
    from econ.surfaces.critic import CriticBatch

Floats = NDArray[np.float64]
#: Numbers evaluated at a time: temporaries of this size stay in the second cache of a core.
BLOCK = 32_000
#: A stock of zero enters as this, far below the guard of the surfaces, so that slopes are finite.
LEAST_STOCK = 1e-25


@dataclass(frozen=True)
class Case:
    """Draws of surfaces and prices on one footing.

    Attributes
    ----------
    surfaces : Surfaces
    book : PriceBook
    distribution : str
    units : str
    index : ndarray of int, [D]
        Posterior draws.
    v, share : ndarray, [K]
        Verifiability of the categories and their shares of requests, which sum to 1.
    per_a : ndarray, [D, K]
        Half-saturations per constraint label.
    per_b : ndarray, [D]
        Half-saturations per preference label.
    prices : dict of str to ndarray, [D]
        Drawn from the price book, by its names.
    start_a, start_b : ndarray, [D]
        Labels held already, in the units of the case.
    start_name : str
        "untrained", "status-quo" or the laboratory labels given.
    transfer : ndarray, [D]
    """

    surfaces: Surfaces
    book: PriceBook
    distribution: str
    units: Units
    index: NDArray[np.int64]
    v: Floats
    share: Floats
    per_a: Floats
    per_b: Floats
    prices: dict[str, Floats]
    start_a: Floats
    start_b: Floats
    start_name: str
    transfer: Floats

    def __len__(self) -> int:
        return len(self.index)

    @property
    def price_a(self) -> Floats:
        """USD per constraint label, [D]."""
        return self.prices["price_constraint_label"]

    @property
    def price_b(self) -> Floats:
        """USD per preference label, [D]."""
        return self.prices["price_preference_label"]

    @cached_property
    def training(self) -> Floats:
        """USD of computing, which every pipeline pays once, [D]."""
        return self.prices["gpu_hours"] * self.prices["price_gpu_hour"]

    @cached_property
    def drafting(self) -> Floats:
        """USD of drafting rules, paid once with the first constraint label, [D]; 0 where labels are held already."""
        return np.where(self.start_a > 0.0, 0.0, self.prices["rules"] * self.prices["price_rule_draft"])

    @cached_property
    def drafting_hours(self) -> Floats:
        """Hours of drafting rules, [D]."""
        hours = self.prices["rules"] * self.prices["minutes_rule_draft"] / 60.0
        return np.where(self.start_a > 0.0, 0.0, hours)

    def hours(self, a: Floats, b: Floats) -> Floats:
        """Hours of work on a constraint and b preference labels added, [D, …], without drafting."""
        minutes_a, minutes_b = (
            along(self.prices[f"minutes_{kind}_label"], a.ndim) for kind in ("constraint", "preference")
        )
        value: Floats = (minutes_a * a + minutes_b * b) / 60.0
        return value

    @cached_property
    def batch(self) -> SurfaceBatch:
        """The surfaces of the draws."""
        return self.surfaces.batch(self.index, self.distribution)

    @cached_property
    def critic(self) -> CriticBatch:
        """Curves of labels that a critic wrote; `econ.cost.critic.why_unmeasured` says whether there are any."""
        curves = self.surfaces.critic
        if curves is None:
            raise ValueError("no critic was measured")
        return curves.batch(self.index, self.distribution)

    @cached_property
    def at(self) -> SurfaceAt:
        """The surfaces of the draws at the categories' verifiability."""
        return self.batch.at(self.v)

    def harm(self, a: Floats, b: Floats) -> tuple[Floats, Floats, Floats]:
        """Relative harm and what one more label takes off it.

        Parameters
        ----------
        a, b : ndarray, [D, …]
            Constraint and preference labels held.

        Returns
        -------
        h, slope_a, slope_b : ndarray, [D, …]
            H, -∂H/∂a and -∂H/∂b per label.
        """
        stock_a, stock_b = self._stocks(a, b)
        h, e_x, e_y = self._evaluated(stock_a, stock_b)
        return h @ self.share, (e_x @ self.share) / stock_a, (e_y @ self.share) / stock_b

    def level(self, a: Floats, b: Floats) -> Floats:
        """Relative harm without its slopes, which the surfaces work out all the same, [D, …]."""
        value: Floats = self._evaluated(*self._stocks(a, b))[0] @ self.share
        return value

    def _stocks(self, a: Floats, b: Floats) -> tuple[Floats, Floats]:
        """Labels held, with the least stock in the place of none."""
        stock_a = np.maximum(a, LEAST_STOCK / along(self.per_a.max(axis=1), a.ndim))
        return stock_a, np.maximum(b, LEAST_STOCK / along(self.per_b, b.ndim))

    def _evaluated(self, stock_a: Floats, stock_b: Floats) -> tuple[Floats, Floats, Floats]:
        """Relative harm and its elasticities by category, [D, …, K]."""
        per_a = self.per_a.reshape(len(self), *(1,) * (stock_a.ndim - 1), -1)
        per_b = along(self.per_b, stock_b.ndim + 1)
        h, e_x, e_y = self.at.evaluate(per_a * stock_a[..., None], per_b * stock_b[..., None])
        return h, e_x, e_y

    @cached_property
    def start_harm(self) -> Floats:
        """Relative harm at the start, [D]."""
        return self.harm(self.start_a[:, None], self.start_b[:, None])[0][:, 0]

    def laboratory_labels(self, a: Floats, b: Floats) -> tuple[Floats, Floats]:
        """Laboratory labels that have the same effect: flags [D, …, K] and pairs [D, …]."""
        flags = (self.per_a * self.at.a_half).reshape(len(self), *(1,) * (a.ndim - 1), -1) * a[..., None]
        pairs: Floats = along(self.per_b * self.at.b_half, b.ndim) * b
        return flags, pairs

    def secondary(self, outcome: str, a: Floats, b: Floats) -> tuple[Floats, Floats, Floats]:
        """Helpfulness, sycophancy or over-refusal and its slopes per label, [D, …], mean over requests.

        All outcomes are read at the same laboratory labels as harm, so that what a reduction of harm
        did to them in the laboratory is kept, whatever the units.

        Raises
        ------
        InputError
            If the surfaces hold no such outcome.
        """
        flags, pairs = self.laboratory_labels(a, b)
        value, slope_a, slope_b = self.batch.secondary(outcome).evaluate(flags, pairs[..., None], self.v)
        scale_a = (self.per_a * self.at.a_half).reshape(len(self), *(1,) * (a.ndim - 1), -1)
        scale_b = along(self.per_b * self.at.b_half, b.ndim)
        return value @ self.share, (slope_a * scale_a) @ self.share, (slope_b @ self.share) * scale_b

    def extrapolated(self, a: Floats, b: Floats) -> NDArray[np.bool_]:
        """Whether a mix lies outside what the laboratory measured, [D, …]."""
        flags, pairs = self.laboratory_labels(a, b)
        domain = self.surfaces.domain
        outside: NDArray[np.bool_] = (flags.max(axis=-1) > domain["a"]) | (pairs > domain["b"])
        return outside

    def take(self, rows: NDArray[np.int64]) -> Case:
        """The case of some of the draws."""
        names = ("index", "per_a", "per_b", "start_a", "start_b", "transfer")
        kept: dict[str, Any] = {name: getattr(self, name)[rows] for name in names}
        return replace(self, prices={name: value[rows] for name, value in self.prices.items()}, **kept)

    def blocks(self, width: int) -> Iterator[tuple[NDArray[np.int64], Case]]:
        """Parts of the case whose draws share a form, small enough that `width` mixes of each fit a block.

        Yields
        ------
        rows : ndarray of int
            Places of the draws in this case.
        part : Case
        """
        size = max(1, BLOCK // (width * len(self.v)))
        for form in np.unique(self.batch.form):
            rows = np.flatnonzero(self.batch.form == form)
            for first in range(0, len(rows), size):
                part = rows[first : first + size]
                yield part, self.take(part)

    def with_transfer(self, transfer: float | Floats) -> Case:
        """The same case with another transfer, one or [D], from the same start in labels."""
        wanted = np.broadcast_to(np.asarray(transfer, np.float64), (len(self),))
        factor = np.exp((wanted - self.transfer)[:, None] * advantage(self.batch, self.v, position(self.prices, self.units)))
        return replace(self, per_a=self.per_a * factor, transfer=wanted)

    def in_setting(self, transfer: float, verifiability: float | Sequence[tuple[float, float]]) -> Case:
        """The same draws and prices at another transfer and verifiability, with the same labels held."""
        v, share = categories(verifiability)
        prices = {**self.prices, "transfer": np.full(len(self), float(transfer))}
        per_a, per_b = effects(self.batch, v, prices, self.units)
        return replace(self, v=v, share=share, per_a=per_a, per_b=per_b, prices=prices, transfer=prices["transfer"])

    def with_price_ratio(self, ratio: float | Floats) -> Case:
        """The same case with constraint labels at `ratio` times the price of preference labels."""
        return replace(self, prices={**self.prices, "price_constraint_label": self.price_b * ratio})


def along(value: Floats, ndim: int) -> Floats:
    """[D] as [D, 1, …] with `ndim` axes."""
    return value.reshape(-1, *(1,) * (ndim - 1))
