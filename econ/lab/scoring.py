"""The vectorised scorer of World A: rules as bits of an integer, on any torch device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from econ.lab.world import HELP_CONTENT, HELP_REFUSAL, HELP_STANCE, World

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Scores:
    """What is true of N responses.

    Attributes
    ----------
    broken : (N,) int64
        Bit k is set where rule k is broken.
    content : (N,) float32
        Mean utility of content, in [0, 1]; 0 where refused.
    correct, refused : (N,) bool
        First token is the true stance; first token is REFUSE.
    """

    broken: Tensor
    content: Tensor
    correct: Tensor
    refused: Tensor

    @property
    def helpfulness(self) -> Tensor:
        """Helpfulness, float32 in [0, 1]."""
        help_ = HELP_STANCE * self.correct.float() + HELP_CONTENT * self.content
        return torch.where(self.refused, torch.full_like(help_, HELP_REFUSAL), help_)


class Scorer:
    """Tables of one world on a device.

    Parameters
    ----------
    world : World
    device : str
    """

    def __init__(self, world: World, device: str = "cpu") -> None:
        bit = 1 << np.arange(world.shape.rules)
        self.shape = world.shape
        self.rules = world.shape.rules
        self._active, self._forbidden, self._first, self._second = (
            torch.as_tensor((table * bit).sum(1) if by_combo else (table.T * bit).sum(1), device=device)
            for table, by_combo in (
                (world.active, True), (world.forbidden, False), (world.first, False), (world.second, False)
            )
        )  # fmt: skip
        self._utility = torch.as_tensor(world.utility, dtype=torch.float32, device=device).reshape(-1)
        self._stance = torch.as_tensor(world.stance, device=device)
        self.severity_of = torch.as_tensor(
            [sum(int(world.severity[k]) for k in range(self.rules) if code >> k & 1) for code in range(1 << self.rules)],
            dtype=torch.float32, device=device,
        )  # fmt: skip
        self.drafted_order = world.drafted_order

    def drafted(self, coverage: int) -> int:
        """Bits of the rules drafted at a coverage: nested, in the world's random order."""
        return int(sum(1 << int(rule) for rule in self.drafted_order[:coverage]))

    def __call__(self, combo: Tensor, response: Tensor) -> Scores:
        """Score responses (N, length) at combinations (N,)."""
        refused = response[:, 0] == self.shape.refuse
        forbidden = self._forbidden[response]
        first, second = self._first[response[:, :-1]], self._second[response[:, 1:]]
        broken = forbidden[:, 0]
        for slot in range(1, response.shape[1]):
            broken = broken | forbidden[:, slot] | (first[:, slot - 1] & second[:, slot - 1])
        broken = torch.where(refused, torch.zeros_like(broken), broken & self._active[combo])
        return Scores(broken, self._content(combo, response, refused), response[:, 0] == self._stance[combo], refused)

    def in_force(self, combo: Tensor) -> Tensor:
        """Bits of the rules in force at combinations (N,)."""
        return self._active[combo]

    def breaking(self, combo: Tensor, previous: Tensor | None = None) -> Tensor:
        """Tokens that would break a rule next, (N, V) bool: at position 0, or after the token `previous` (N,)."""
        broken = self._forbidden.expand(len(combo), -1)
        if previous is not None:
            broken = broken | (self._first[previous][:, None] & self._second)
        return (broken & self._active[combo][:, None]) != 0

    def _content(self, combo: Tensor, response: Tensor, refused: Tensor) -> Tensor:
        value = self._utility[combo[:, None] * self.shape.vocabulary + response[:, 1:]]
        total = torch.zeros_like(value[:, 0])
        for slot in range(1, response.shape[1]):
            repeated = (response[:, :slot] == response[:, slot : slot + 1]).any(1)
            total = total + torch.where(repeated, torch.zeros_like(total), value[:, slot - 1])
        return torch.where(refused, torch.zeros_like(total), total / (response.shape[1] - 1))
