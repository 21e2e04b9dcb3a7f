"""One pure function per training loss, named as in its paper.

Arguments are summed log-probabilities log π(y|x) or log-ratios h_y = log π(y|x) - log π_ref(y|x),
shape (…, N); results are means over the last axis, shape (…). Coefficients broadcast against
(…, N). `keep` or `flagged` says of which samples the mean is taken. Nothing here divides by β; the
trainer does where a method asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import logsigmoid

if TYPE_CHECKING:
    from torch import Tensor

    Coefficient = float | Tensor


#: Soft labels stay this far from 0 and 1.
SOFT_LIMIT = 0.02


def mean_where(values: Tensor, keep: Tensor | None) -> Tensor:
    """Mean over the last axis of the values kept (all, if None); 0 where none is kept."""
    if keep is None:
        return values.mean(-1)
    weight = keep.to(values.dtype)
    return (values * weight).sum(-1) / weight.sum(-1).clamp_min(1.0)


# Likelihood ----------------------------------------------------------------------------------------
def likelihood(log_prob: Tensor, keep: Tensor | None = None) -> Tensor:
    """Negative log-likelihood, -log π(y), of demonstrations or of the responses kept."""
    return -mean_where(log_prob, keep)


# Pairs ---------------------------------------------------------------------------------------------
def dpo(h_chosen: Tensor, h_rejected: Tensor, beta: Coefficient) -> Tensor:
    """Direct preference optimisation (Rafailov et al. 2023), -log σ(β(h_w - h_l))."""
    return -logsigmoid(beta * (h_chosen - h_rejected)).mean(-1)


def cdpo(h_chosen: Tensor, h_rejected: Tensor, beta: Coefficient, e: Coefficient) -> Tensor:
    """Conservative DPO (Mitchell 2023): cross-entropy with labels smoothed by the flip rate e."""
    margin = beta * (h_chosen - h_rejected)
    return (-(1 - e) * logsigmoid(margin) - e * logsigmoid(-margin)).mean(-1)


def rdpo(h_chosen: Tensor, h_rejected: Tensor, beta: Coefficient, e: Coefficient) -> Tensor:
    """Robust DPO (Chowdhury et al. 2024): unbiased for DPO when labels flip at rate e < 1/2."""
    margin = beta * (h_chosen - h_rejected)
    return ((-(1 - e) * logsigmoid(margin) + e * logsigmoid(-margin)) / (1 - 2 * e)).mean(-1)


def soft_preference(broken_0: Tensor, broken_1: Tensor, noise: Coefficient) -> Tensor:
    """P(response 0 is better) of a judge whose verdicts "breaks the rule" err at a rate, within [0.02, 0.98].

    Each verdict is believed with 1 - noise, a tie counts half: 1/2 + (1 - 2 noise)(broken_1 - broken_0)/2.
    Clipped as in Bai et al. (2022), so that no label is taken for certain.
    """
    gap = broken_1.to(torch.float32) - broken_0.to(torch.float32)
    return (0.5 + 0.5 * (1 - 2 * noise) * gap).clamp(SOFT_LIMIT, 1 - SOFT_LIMIT)


def soft_dpo(h_0: Tensor, h_1: Tensor, beta: Coefficient, preferred_0: Tensor) -> Tensor:
    """DPO with soft labels: cross-entropy with P(response 0 is better), (…, N); cDPO with a rate per pair."""
    return cdpo(h_0, h_1, beta, 1 - preferred_0)


def ipo(h_chosen: Tensor, h_rejected: Tensor, beta: Coefficient) -> Tensor:
    """Identity preference optimisation (Azar et al. 2023), (h_w - h_l - 1/(2β))².

    Of summed log-ratios as in the paper, or of means over tokens, as TRL has it: another number.
    """
    return ((h_chosen - h_rejected - 1.0 / (2.0 * beta)) ** 2).mean(-1)


def hinge(h_chosen: Tensor, h_rejected: Tensor, beta: Coefficient) -> Tensor:
    """Sequence likelihood calibration (Zhao et al. 2023) on log-ratios, max(0, 1 - β(h_w - h_l))."""
    return torch.relu(1 - beta * (h_chosen - h_rejected)).mean(-1)


def simpo(mean_chosen: Tensor, mean_rejected: Tensor, beta: Coefficient, gamma: Coefficient) -> Tensor:
    """Simple preference optimisation (Meng et al. 2024) on mean log π per token; no reference model."""
    return -logsigmoid(beta * (mean_chosen - mean_rejected) - gamma).mean(-1)


def flag_dpo(h_0: Tensor, h_1: Tensor, flagged_0: Tensor, flagged_1: Tensor, beta: Coefficient) -> Tensor:
    """DPO on the pairs of which exactly one response was flagged; the flagged one is rejected."""
    sign = flagged_1.to(h_0.dtype) - flagged_0.to(h_0.dtype)
    return mean_where(-logsigmoid(beta * sign * (h_0 - h_1)), flagged_0 ^ flagged_1)


# Negatives -----------------------------------------------------------------------------------------
def gradient_ascent(log_prob: Tensor, keep: Tensor | None = None) -> Tensor:
    """Gradient ascent on rejected responses, +log π(y_l)."""
    return mean_where(log_prob, keep)


def unlikelihood(token_log_probs: Tensor, mask: Tensor, keep: Tensor | None = None) -> Tensor:
    """Unlikelihood (Welleck et al. 2019), -Σ_t log(1 - π(y_t)).

    Parameters
    ----------
    token_log_probs, mask : (…, N, L)
    keep : (…, N) bool, optional
    """
    # log(1 - π) from log π; a token of certainty would give -inf, so π is kept below 1 - 1e-6.
    complement = torch.log1p(-torch.exp(token_log_probs).clamp_max(1.0 - 1e-6))
    return mean_where(-(complement * mask).sum(-1), keep)


def npo(h_rejected: Tensor, beta: Coefficient, keep: Tensor | None = None) -> Tensor:
    """Negative preference optimisation (Zhang et al. 2024), -(2/β) log σ(-β h_l)."""
    return mean_where(-(2.0 / beta) * logsigmoid(-beta * h_rejected), keep)


def npo_retain(h: Tensor, log_prob: Tensor, flagged: Tensor, beta: Coefficient, eta: Coefficient) -> Tensor:
    """NPO on flagged responses plus η times the likelihood of the others (Zhang et al. 2024, grad-diff form)."""
    return npo(h, beta, flagged) + mean_where(-eta * log_prob, ~flagged)


def apo_zero_unpaired(h_rejected: Tensor, beta: Coefficient, keep: Tensor | None = None) -> Tensor:
    """Anchored preference optimisation, undesirable half (D'Oosterlinck et al. 2024), σ(β h_l)."""
    return mean_where(torch.sigmoid(beta * h_rejected), keep)


def d2o(
    h_anchors: Tensor, h_rejected: Tensor, beta: Coefficient, alpha: Coefficient, keep: Tensor | None = None
) -> Tensor:
    """Distributional dispreference optimisation (Duan et al. 2024).

    -log σ((β/K) Σ_i h_{y_i} - α h_l): anchors y_i sampled from the reference stand in for the chosen.

    Parameters
    ----------
    h_anchors : (…, N, K)
    h_rejected : (…, N)
    """
    return mean_where(-logsigmoid(beta * h_anchors.mean(-1) - alpha * h_rejected), keep)


# Binary, both polarities ---------------------------------------------------------------------------
def kto_reference(h_mismatched: Tensor) -> Tensor:
    """z0 of KTO, (…, 1): the batch mean of mismatched h, not below 0, without gradient."""
    return h_mismatched.detach().mean(-1, keepdim=True).clamp_min(0.0)


def kto(
    h: Tensor, desirable: Tensor, z0: Tensor | float, beta: Coefficient,
    weight_desirable: float = 1.0, weight_undesirable: float = 1.0, keep: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Kahneman-Tversky optimisation (Ethayarajh et al. 2024).

    1 - σ(β(h - z0)) on desirable responses, 1 - σ(β(z0 - h)) on undesirable ones, each times its weight.
    """
    gain = weight_desirable * (1 - torch.sigmoid(beta * (h - z0)))
    loss = weight_undesirable * (1 - torch.sigmoid(beta * (z0 - h)))
    return mean_where(torch.where(desirable, gain, loss), keep)


def bco(h_chosen: Tensor, h_rejected: Tensor, beta: Coefficient, delta: Coefficient) -> Tensor:
    """Binary classifier optimisation on pairs (Jung et al. 2024), -log σ(βh_w - Δ) - log σ(-(βh_l - Δ))."""
    return (-logsigmoid(beta * h_chosen - delta) - logsigmoid(-(beta * h_rejected - delta))).mean(-1)


def bco_unpaired(h: Tensor, desirable: Tensor, beta: Coefficient, delta: Coefficient) -> Tensor:
    """Binary classifier optimisation on thumbs (Jung et al. 2024): the mean of each polarity, summed.

    -log σ(βh - Δ) on desirable responses, -log σ(-(βh - Δ)) on the others.
    """
    reward = beta * h - delta
    return mean_where(-logsigmoid(reward), desirable) + mean_where(-logsigmoid(-reward), ~desirable)


def bco_shift(h: Tensor, desirable: Tensor, beta: Coefficient) -> Tensor:
    """What Δ is the running mean of, (…): mean reward βh midway between the polarities, without gradient.

    Where a batch holds one polarity alone, its own mean.
    """
    reward = (beta * h).detach()
    up, down = mean_where(reward, desirable), mean_where(reward, ~desirable)
    both = desirable.any(-1) & (~desirable).any(-1)
    return torch.where(both, 0.5 * (up + down), up + down)


def pmpo(
    log_prob: Tensor, flagged: Tensor, kl: Tensor, alpha: Coefficient, beta_kl: Coefficient
) -> Tensor:
    """Preference-based maximum a posteriori optimisation (Abdolmaleki et al. 2024).

    -α mean log π(y_ok) + (1 - α) mean log π(y_bad) + β_KL KL(π_ref || π).

    Parameters
    ----------
    log_prob, flagged : (…, N)
    kl : (…, N)
        log π_ref(y) - log π(y) of samples of the reference, whose mean estimates KL(π_ref || π).
    alpha, beta_kl : broadcastable to (…)
    """
    good, bad = mean_where(log_prob, ~flagged), mean_where(log_prob, flagged)
    return -alpha * good + (1 - alpha) * bad + beta_kl * kl.mean(-1)
