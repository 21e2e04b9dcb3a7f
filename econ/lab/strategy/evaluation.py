"""Exact evaluation in World B: pass@k from π(y* | x), entropy and KL divergence over the tree of responses.

Nothing is sampled. Branches of the tree that have a probability below `NEGLIGIBLE` are left out, which
takes less than 0.003 nats of a response's entropy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from econ.core.measurements import PASS_AT
from econ.lab.model import PROMPT, Architecture, Decoder, token_log_probs
from econ.lab.strategy.pass_at_k import exact_pass_at_k

if TYPE_CHECKING:
    from torch import Tensor

    from econ.lab.strategy.world import StrategyWorld

#: P(branch | x) below which a branch counts nothing, and branches followed at once.
NEGLIGIBLE, BRANCHES = 1e-6, 4096
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
    prompts = [world.test_prompts(name) for name in distributions]
    thinned = [prompt[::every] for prompt in prompts]
    # One tree for the prompts of all distributions: its branches are the same.
    sizes = np.cumsum([len(prompt) for prompt in thinned])[:-1]
    entropy, kl = (np.split(x, sizes) for x in response_entropy(arch, flat, base, world, np.concatenate(thinned)))
    out = {}
    for i, distribution in enumerate(distributions):
        p = right_probability(arch, flat, world, prompts[i])
        out[distribution] = {f"pass_{k}": exact_pass_at_k(p, k) for k in PASS_AT} | {
            "entropy": float(entropy[i].mean()) / arch.shape.length,
            "kl": max(float(kl[i].mean()), 0.0),
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
    one = torch.ones(len(prompt), dtype=torch.float64, device=flat.device)
    root = _Beginnings(torch.arange(len(prompt), device=flat.device), one, decoder.first, decoder.prompt_cache)
    entropy, kl = (torch.zeros(len(prompt), dtype=torch.float64, device=flat.device) for _ in range(2))
    for found in _follow(decoder, root, 0, negligible):
        own, reference = found.log_probs.double()
        entropy.index_add_(0, found.prompt, -found.chance * (own.exp() * own).sum(-1))
        kl.index_add_(0, found.prompt, found.chance * (own.exp() * (own - reference)).sum(-1))
    return entropy.cpu().numpy(), kl.cpu().numpy()


@dataclass(frozen=True)
class _Beginnings:
    """Beginnings of responses, all of one length.

    Attributes
    ----------
    prompt : (M,) int64
        Row of the prompt of each.
    chance : (M,) float64
        P(beginning | x) under the first model.
    log_probs : (2, M, V)
        Of the next token under both models.
    cache : list of (key, value)
    """

    prompt: Tensor
    chance: Tensor
    log_probs: Tensor
    cache: list[tuple[Tensor, Tensor]]


def _follow(decoder: Decoder, begun: _Beginnings, length: int, negligible: float) -> Iterator[_Beginnings]:
    """These beginnings of `length` tokens and all longer ones that are not negligible."""
    yield begun
    if length + 1 == decoder.arch.shape.length:
        return
    chances = begun.chance[:, None] * begun.log_probs[0].double().exp()
    rows, tokens = torch.nonzero(chances > negligible, as_tuple=True)
    for start in range(0, len(rows), BRANCHES):
        row, token = rows[start : start + BRANCHES], tokens[start : start + BRANCHES]
        cache = [(_cached(key, row), _cached(value, row)) for key, value in begun.cache]
        log_probs = decoder.step(token.expand(2, -1), PROMPT + length, cache)
        longer = _Beginnings(begun.prompt[row], chances[row, token], log_probs, cache)
        yield from _follow(decoder, longer, length + 1, negligible)


def _cached(x: Tensor, row: Tensor) -> Tensor:
    """Rows of a cache (2 * M, heads, t, e) of two models, the same of each."""
    return x.view(2, -1, *x.shape[1:])[:, row].flatten(0, 1)


def collapsed(metrics: dict[str, float], base: dict[str, float], finite: bool) -> bool:
    """Whether a run has collapsed: entropy, pass@1, or a loss that is not finite."""
    return (
        not finite
        or metrics["entropy"] < COLLAPSE_ENTROPY * base["entropy"]
        or metrics["pass_1"] < COLLAPSE_PASS * base["pass_1"]
    )
