"""Adam for many runs at once, each a row of parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

ADAM_BETAS, ADAM_EPSILON = (0.9, 0.99), 1e-8


@dataclass
class Adam:
    """Adam (Kingma and Ba 2015) on rows of parameters, with its own rate and gradient clip per run.

    Attributes
    ----------
    first, second : (R, P)
        Moments.
    """

    first: Tensor
    second: Tensor

    @classmethod
    def start(cls, flat: Tensor) -> Adam:
        """Zero moments."""
        return cls(torch.zeros_like(flat), torch.zeros_like(flat))

    def step(self, flat: Tensor, gradient: Tensor, rate: Tensor, step: int, clip: float) -> tuple[Tensor, Tensor]:
        """New parameters, and which runs had a finite gradient; the others stand still.

        Parameters
        ----------
        rate : (R,)
        step : int
            From 0.
        """
        norm = torch.linalg.vector_norm(gradient, dim=1)
        finite = torch.isfinite(norm)
        scale = torch.where(finite, torch.clamp(clip / norm.clamp_min(1e-12), max=1.0), torch.zeros_like(norm))
        gradient = torch.where(finite[:, None], gradient, torch.zeros_like(gradient)) * scale[:, None]
        b1, b2 = ADAM_BETAS
        self.first.mul_(b1).add_(gradient, alpha=1 - b1)
        self.second.mul_(b2).addcmul_(gradient, gradient, value=1 - b2)
        denominator = (self.second / (1 - b2 ** (step + 1))).sqrt_().add_(ADAM_EPSILON)
        move = self.first / denominator * (rate / (1 - b1 ** (step + 1)))[:, None]
        return torch.where(finite[:, None], flat - move, flat), finite

    def runs(self, keep: Tensor) -> Adam:
        """The runs kept."""
        return Adam(self.first[keep], self.second[keep])
