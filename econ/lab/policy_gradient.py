"""On-policy losses and advantages as pure functions: REINFORCE with one-sided rewards, GRPO, RLOO, PPO.

Rewards are +1 where a verifier finds nothing wrong and -1 where it does. One-sided methods take no
group baseline and no normalisation of advantages: a constant advantage would vanish.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

#: Half-width of the ratio's clip (Schulman et al. 2017), and what keeps GRPO's division finite.
CLIP, GRPO_EPSILON = 0.2, 1e-4


# Advantages ----------------------------------------------------------------------------------------
def weighted_advantage(right: Tensor, weight_right: float | Tensor) -> Tensor:
    """W-REINFORCE (Zhu et al. 2025): λ on right samples, -1 on wrong ones; λ = 0 is NSR, 1 is REINFORCE."""
    return torch.where(right, weight_right, -1.0)


def psr_advantage(right: Tensor) -> Tensor:
    """Positive sample reinforcement (Zhu et al. 2025): 1 on right samples, 0 on wrong ones."""
    return torch.where(right, 1.0, 0.0)


def group_advantage(reward: Tensor) -> Tensor:
    """GRPO (Shao et al. 2024): (r - mean) / (std + 1e-4) within a group, the last axis."""
    centred = reward - reward.mean(-1, keepdim=True)
    return centred / (reward.std(-1, correction=0, keepdim=True) + GRPO_EPSILON)


def leave_one_out_advantage(reward: Tensor) -> Tensor:
    """RLOO (Ahmadian et al. 2024): r minus the mean of the others of its group, the last axis."""
    count = reward.shape[-1]
    return (reward - reward.mean(-1, keepdim=True)) * (count / (count - 1))


def kl_advantage(log_prob: Tensor, log_prob_reference: Tensor, beta_kl: float | Tensor) -> Tensor:
    """-β_KL (k1 - mean k1), k1 = log π - log π_ref of each sample; the batch is the last axis."""
    k1 = (log_prob - log_prob_reference).detach()
    return -beta_kl * (k1 - k1.mean(-1, keepdim=True))


# Losses --------------------------------------------------------------------------------------------
def score_function(log_prob: Tensor, advantage: Tensor) -> Tensor:
    """REINFORCE (Williams 1992), -mean A log π(y), over the last axis."""
    return -(advantage * log_prob).mean(-1)


def clipped_surrogate(
    token_log_probs: Tensor, old_log_probs: Tensor, advantage: Tensor, mask: Tensor, clip: float = CLIP
) -> Tensor:
    """PPO's clipped surrogate (Schulman et al. 2017), averaged over all tokens of the batch.

    Parameters
    ----------
    token_log_probs, old_log_probs, mask : (…, N, L)
    advantage : (…, N), of each response, or (…, N, L), of each token
    """
    if advantage.dim() < token_log_probs.dim():
        advantage = advantage[..., None]
    ratio = torch.exp(token_log_probs - old_log_probs)
    surrogate = torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
    weight = mask.to(ratio.dtype)
    return -(surrogate * weight).sum((-2, -1)) / weight.sum((-2, -1))


def nsr_probability(log_prob: Tensor, wrong: Tensor) -> Tensor:
    """NSR as a probability (Zhu et al. 2025, eq. 6): mean of π(y | x) over samples, wrong ones alone."""
    return (torch.exp(log_prob) * wrong.to(log_prob.dtype)).mean(-1)


# Over-optimisation ---------------------------------------------------------------------------------
def best_of_n_kl(n: int) -> float:
    """KL divergence of best-of-n from its base (Stiennon et al. 2020), log n - (n - 1) / n, nats."""
    return math.log(n) - (n - 1) / n


def best_of_n_peak(alpha: float, beta: float) -> tuple[float, float]:
    """Distance and gold reward at the peak of R(d) = d (α - β d) (Gao et al. 2022), d = sqrt(KL)."""
    return alpha / (2 * beta), alpha**2 / (4 * beta)


def rl_peak(alpha: float, beta: float) -> tuple[float, float]:
    """Distance and gold reward at the peak of R(d) = d (α - β log d) (Gao et al. 2022)."""
    distance = math.exp(alpha / beta - 1)
    return distance, beta * distance
