"""One pure function per training loss, named as in its paper.

Arguments are summed log-probabilities or log-ratios h_y = log π(y|x) - log π_ref(y|x), shape (…, N);
results are means over the last axis, shape (…). Coefficients broadcast against (…, N). Nothing here
divides by β; the trainer does where a method asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING


from torch.nn.functional import logsigmoid

if TYPE_CHECKING:
    from torch import Tensor

    Coefficient = float | Tensor


def mean_where(values: Tensor, keep: Tensor) -> Tensor:
    """Mean over the last axis of the values kept; 0 where none is kept."""
    weight = keep.to(values.dtype)
    return (values * weight).sum(-1) / weight.sum(-1).clamp_min(1.0)


def likelihood(log_prob: Tensor) -> Tensor:
    """Negative log-likelihood of demonstrations, -log π(y)."""
    return -log_prob.mean(-1)


def dpo(h_chosen: Tensor, h_rejected: Tensor, beta: Coefficient) -> Tensor:
    """Direct preference optimisation (Rafailov et al. 2023), -log σ(β(h_w - h_l))."""
    return -logsigmoid(beta * (h_chosen - h_rejected)).mean(-1)


def npo(h_rejected: Tensor, beta: Coefficient, keep: Tensor | None = None) -> Tensor:
    """Negative preference optimisation (Zhang et al. 2024), -(2/β) log σ(-β h_l), over the samples kept."""
    values = -(2.0 / beta) * logsigmoid(-beta * h_rejected)
    return values.mean(-1) if keep is None else mean_where(values, keep)


def npo_retain(h: Tensor, log_prob: Tensor, flagged: Tensor, beta: Coefficient, eta: Coefficient) -> Tensor:
    """NPO on flagged responses plus η times the likelihood of the others (Zhang et al. 2024, grad-diff form).

    Parameters
    ----------
    h, log_prob : (…, N)
    flagged : (…, N) bool
    beta : broadcastable to (…, N)
    eta : broadcastable to (…, N)
    """
    retain = mean_where(-eta * log_prob, ~flagged)
    return npo(h, beta, flagged) + retain


def flag_dpo(h_0: Tensor, h_1: Tensor, flagged_0: Tensor, flagged_1: Tensor, beta: Coefficient) -> Tensor:
    """DPO on the pairs of which exactly one response was flagged; the flagged one is rejected."""
    sign = flagged_1.to(h_0.dtype) - flagged_0.to(h_0.dtype)
    return mean_where(-logsigmoid(beta * sign * (h_0 - h_1)), flagged_0 ^ flagged_1)
