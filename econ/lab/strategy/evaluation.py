"""Exact evaluation in World B: pass@k from π(y* | x), entropy and KL divergence over the tree of responses.

Nothing is sampled. Branches of the tree that no prompt reaches with a probability above `NEGLIGIBLE`
are left out, which takes less than 0.003 nats of a response's entropy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch

from econ.core.measurements import PASS_AT
from econ.lab.model import PROMPT, Architecture, Decoder, token_log_probs
from econ.lab.strategy.pass_at_k import exact_pass_at_k

if TYPE_CHECKING:
    from torch import Tensor

    from econ.lab.strategy.world import StrategyWorld

#: P(branch | x) below which a branch counts nothing.
NEGLIGIBLE = 1e-6
#: Every how many-th test prompt the tree is followed from, at the end and along training; pass@k takes all.
EVERY, EVERY_ON_CURVES = 4, 16
#: A run has collapsed below these shares of its base model's entropy and pass@1.
COLLAPSE_ENTROPY, COLLAPSE_PASS = 0.25, 0.60


def right_answers(world: StrategyWorld, prompt: Tensor, response: Tensor) -> Tensor:
    """The programmatic verifier: whether responses (…, 3) are right at prompts of these numbers (…)."""
    right = torch.as_tensor(world.right, device=response.device)
    return (response == right[prompt]).all(-1)


@torch.no_grad()
def right_probability(arch: Architecture, flat: Tensor, world: StrategyWorld, prompt: np.ndarray) -> np.ndarray:
    """π(y* | x) of one policy (1, P) at prompts (N,), float64."""
    tokens = torch.as_tensor(world.prompt_tokens(prompt), device=flat.device)[None]
    right = torch.as_tensor(world.right[prompt], device=flat.device)[None]
    log_probs = token_log_probs(arch, flat, tokens, right)[0].double()
    return np.asarray(log_probs.sum(-1).exp().cpu().numpy(), np.float64)


def evaluate(
    arch: Architecture, flat: Tensor, base: Tensor, world: StrategyWorld, *, every: int = EVERY,
    distributions: tuple[str, ...] = ("id", "ood"),
) -> dict[str, dict[str, float]]:  # fmt: skip
    """Metrics of one policy (1, P) beside its base model (1, P), on each distribution.

    Returns
    -------
    dict
        `pass_1` … `pass_256` on all test prompts; `entropy` in nats per token and `kl` in nats per
        response on every `every`-th of them.
    """
    out = {}
    for distribution in distributions:
        prompt = world.test_prompts(distribution)
        p = right_probability(arch, flat, world, prompt)
        entropy, kl = response_entropy(arch, flat, base, world, prompt[::every])
        out[distribution] = {f"pass_{k}": exact_pass_at_k(p, k) for k in PASS_AT} | {
            "entropy": float(entropy.mean()) / arch.shape.length,
            "kl": max(float(kl.mean()), 0.0),
        }
    return out


@torch.no_grad()
def response_entropy(
    arch: Architecture, flat: Tensor, base: Tensor, world: StrategyWorld, prompt: np.ndarray, negligible: float = NEGLIGIBLE
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Entropy of the response and KL(π || π_ref), nats, of one policy (1, P) at each prompt (N,).

    The chain rule, H = Σ_t E[H(y_t | x, y_<t)], over every beginning of a response.
    """
    tokens = torch.as_tensor(world.prompt_tokens(prompt), device=flat.device)[None]
    both = torch.cat([flat, base])
    decoder = Decoder(arch, both, tokens.expand(2, -1, -1))
    entropy, kl = (torch.zeros(len(prompt), dtype=torch.float64, device=flat.device) for _ in range(2))
    for weight, log_probs in _states(decoder, negligible):
        own, reference = log_probs.double()
        entropy -= weight * (own.exp() * own).sum(-1)
        kl += weight * (own.exp() * (own - reference)).sum(-1)
    return entropy.cpu().numpy(), kl.cpu().numpy()


def _states(decoder: Decoder, negligible: float) -> Iterator[tuple[Tensor, Tensor]]:
    """P(y_<t | x) under the first model (N,), and log-probabilities of y_t under each (2, N, V), for all y_<t."""
    one = torch.ones(decoder.count, dtype=torch.float64, device=decoder.first.device)
    todo = [(one, decoder.first, decoder.prompt_cache, 1)]
    while todo:
        weight, log_probs, cache, length = todo.pop()
        yield weight, log_probs
        if length == decoder.arch.shape.length:
            continue
        chances = weight[:, None] * log_probs[0].double().exp()
        for token in torch.nonzero((chances > negligible).any(0))[:, 0].tolist():
            extended = list(cache)
            chosen = torch.full(log_probs.shape[:2], token, device=log_probs.device)
            following = decoder.step(chosen, PROMPT + length - 1, extended)
            todo.append((chances[:, token], following, extended, length + 1))


def collapsed(metrics: dict[str, float], base: dict[str, float], finite: bool) -> bool:
    """Whether a run has collapsed: entropy, pass@1, or a loss that is not finite."""
    return (
        not finite
        or metrics["entropy"] < COLLAPSE_ENTROPY * base["entropy"]
        or metrics["pass_1"] < COLLAPSE_PASS * base["pass_1"]
    )
