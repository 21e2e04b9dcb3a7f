"""How on-policy algorithms turn the rewards of samples into a gradient: advantages and losses by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from econ.lab import policy_gradient as pg

if TYPE_CHECKING:
    from torch import Tensor

    from econ.lab.objectives import Config


@dataclass(frozen=True)
class Algorithm:
    """How rewards become a gradient.

    Attributes
    ----------
    advantage : callable
        (rewards (R, P, S) of S samples of each prompt, configuration) -> advantages (R, P, S).
    loss : callable
        (log π (R, N, L), log π_old, advantages (R, N, L), mask) -> (R,).
    epochs : int
        Gradient steps on each batch of samples.
    critic : bool
        Whether a value head is subtracted: advantage of token t = R - V(x, y_<t), generalised
        advantage estimation with λ = γ = 1.
    """

    advantage: Callable[[Tensor, Config], Tensor]
    loss: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
    epochs: int = 1
    critic: bool = False


def _clipped(log_probs: Tensor, old: Tensor, advantage: Tensor, mask: Tensor) -> Tensor:
    return pg.clipped_surrogate(log_probs, old, advantage, mask)


def _whole_response(log_probs: Tensor, old: Tensor, advantage: Tensor, mask: Tensor) -> Tensor:
    return pg.score_function(log_probs.sum(-1), advantage[..., 0])


def _weighted(reward: Tensor, weight_right: Tensor | float) -> Tensor:
    """W-REINFORCE; rewards other than ±1 count by their size."""
    return pg.weighted_advantage(reward > 0, weight_right) * reward.abs()


#: PPO (Schulman et al. 2017), RLOO (Ahmadian et al. 2024), GRPO (Shao et al. 2024), and NSR, PSR and
#: W-REINFORCE (Zhu et al. 2025), which take no baseline: it would cancel them.
ALGORITHMS: dict[str, Algorithm] = {
    "ppo": Algorithm(lambda reward, _: reward, _clipped, epochs=2, critic=True),
    "rloo": Algorithm(lambda reward, _: pg.leave_one_out_advantage(reward), _whole_response),
    "grpo": Algorithm(lambda reward, _: pg.group_advantage(reward), _clipped),
    "nsr": Algorithm(lambda reward, _: _weighted(reward, 0.0), _clipped),
    "psr": Algorithm(lambda reward, _: pg.psr_advantage(reward > 0), _clipped),
    "w_reinforce": Algorithm(lambda reward, config: _weighted(reward, config["lambda"][:, :, None]), _clipped),
}
