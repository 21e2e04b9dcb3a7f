"""The passes over labelers of a quarter on a torch device, with the contract of `econ.market.labor_kernels`.

Draws are the same integers. Choices can differ where a draw lies within rounding of a threshold, sums by the
rounding to `UNIT`: they are added as integers, so that no order of additions on a device can change them. Arrays
come from and return to the host in every call.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch

from econ.core.random import MASK_32, philox_torch
from econ.market.labor_kernels import ABILITY, HEADS, LEAVERS, MOVERS, RESERVATION

if TYPE_CHECKING:
    from collections.abc import Iterable

Array = Any
#: Sums are whole multiples of this: 10^6 labelers of ability 100 stay below 2^63.
UNIT = 2.0**-36


class Passes:
    """Choice and experience on a device.

    Parameters
    ----------
    device : str
        Of torch: ``cpu`` or ``cuda``.
    """

    def __init__(self, device: str) -> None:
        self.device = device

    def choose(
        self, log_ability: Array, experience: Array, reservation: Array, occupation: Array, last: Array, bounds: Array, value: Array, mu: Array,
        retraining: Array, chance: Array, exponent: Array, scale: Array, seed: Any, stream: Any, replicates: Array, quarter: Any,
        sums: Array, efficiency: Array,
    ) -> None:  # fmt: skip
        """Labelers reconsider with some chance, choose by nested logit and work; as the compiled pass of this name."""
        theta, hours, rent, old, before, pay = self._take((log_ability, experience.swapaxes(1, 2), reservation, occupation, last, value))
        rows = self._take(x[:, None] for x in (mu, retraining, chance, exponent, scale))
        each_mu, fee, each_chance, power, unit = rows
        region = self._regions(bounds)
        again, drawn = self._uniforms(int(seed), int(stream), replicates, int(quarter), old.shape[1])
        grown = theta + power[..., None] * torch.log1p(hours / unit[..., None])
        wage = torch.take_along_dim(pay, region[..., None].expand(-1, -1, 2), dim=1)
        moves = torch.stack([before != 1, before != 2], dim=-1) * fee[..., None]
        liked = each_mu[..., None] * torch.cat([grown + wage - moves, rent[..., None]], dim=-1)
        weight = torch.exp(liked - liked.amax(dim=-1, keepdim=True))
        drawn = drawn * weight.sum(dim=-1)
        first, second = weight[..., 0], weight[..., 0] + weight[..., 1]
        chosen = torch.where(drawn < first, 1, torch.where(drawn < second, 2, 0)).to(old.dtype)
        now = torch.where(again < each_chance, chosen, old)
        works = now > 0
        place = torch.clamp(now.long() - 1, min=0)
        ability = torch.exp(torch.take_along_dim(grown, place[..., None], dim=-1)[..., 0]) * works
        moved = works & (before != now)
        cell = (torch.arange(len(now), device=self.device)[:, None] * pay.shape[1] + region, place)
        for start, amount in ((ABILITY, ability), (HEADS, works), (MOVERS, ability * moved)):
            self._add(sums, start, cell, amount)
        self._add(sums, LEAVERS, (cell[0], None), (old > 0) & ~works)
        self._add(sums, RESERVATION, (cell[0], None), torch.exp(rent) * works)
        occupation[:], last[:] = now.cpu().numpy(), torch.where(works, now, before).cpu().numpy()
        self._gather(ability.cpu().numpy(), occupation, bounds, efficiency)

    def learn(self, experience: Array, occupation: Array, bounds: Array, keep: Array, paid_hours: Array, out: Array) -> None:
        """Experience after a quarter, into `out`; as the compiled pass of this name."""
        hours, now, kept, paid = self._take((experience, occupation, keep, paid_hours.swapaxes(1, 2)))
        gained = torch.take_along_dim(paid, self._regions(bounds)[:, None].expand(-1, 2, -1), dim=2)
        at_work = torch.stack([now == 1, now == 2], dim=1)
        out[:] = (hours * kept[:, None, None] + gained * at_work).cpu().numpy()

    def _gather(self, ability: Array, occupation: Array, bounds: Array, efficiency: Array) -> None:
        """Ability of those who work in the order of `econ.market.labelers.Supply`."""
        for row, now, ends, out in zip(ability, occupation, bounds, efficiency, strict=True):
            for first, end in pairwise(ends):
                judges, others = row[first:end][now[first:end] == 1], row[first:end][now[first:end] == 2]
                out[first : first + len(judges)], out[end - len(others) : end] = judges, others[::-1]

    def _take(self, arrays: Iterable[Array]) -> list[torch.Tensor]:
        return [torch.as_tensor(array, device=self.device) for array in arrays]

    def _regions(self, bounds: Array) -> torch.Tensor:
        """Region of every labeler [S, N]."""
        ends = torch.as_tensor(bounds[:, 1:], device=self.device).contiguous()
        places = torch.arange(int(bounds[0, -1]), device=self.device).expand(len(bounds), -1).contiguous()
        return torch.searchsorted(ends, places, right=True)

    def _uniforms(self, seed: int, stream: int, replicates: Array, quarter: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Two uniforms [S, N] from one call of Philox for each labeler."""
        rows = torch.as_tensor(replicates, dtype=torch.int64, device=self.device)[:, None]
        ids = torch.arange(count, dtype=torch.int64, device=self.device)
        words = philox_torch((rows, quarter & MASK_32, ids, 0), (seed, stream), self.device)
        pairs = ((words[0], words[1]), (words[2], words[3]))
        first, second = ((((high >> 5) * (1 << 26) + (low >> 6)).double() + 0.5) * 2.0**-53 for high, low in pairs)
        return first.clamp(max=1.0 - 2.0**-53), second.clamp(max=1.0 - 2.0**-53)

    def _add(self, sums: Array, start: int, cell: tuple[torch.Tensor, torch.Tensor | None], amount: torch.Tensor) -> None:
        """Add amounts [S, N] to sums [S, G, start…] by replicate and region and, where there is one, occupation."""
        region, place = cell
        kinds = 1 if place is None else 2
        index = region if place is None else region * 2 + place
        total = torch.zeros(sums.shape[0] * sums.shape[1] * kinds, dtype=torch.int64, device=self.device)
        whole = torch.round(amount.double() / UNIT).long()
        total.index_add_(0, index.reshape(-1), whole.reshape(-1))
        sums[..., start : start + kinds] += (total.double() * UNIT).reshape(*sums.shape[:2], kinds).cpu().numpy()
