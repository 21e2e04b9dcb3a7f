"""Many small causal transformers at once: every tensor has a leading run axis, no run sees another.

All parameters of a run lie in one row of a matrix (R, P); weights are views of it. A run's numbers
do not depend on what else is in the batch (bit for bit on CPU).
"""

from __future__ import annotations

import math
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch.nn import functional as F

from econ.core.random import normal
from econ.core.streams import Stream

if TYPE_CHECKING:
    from torch import Tensor

PROMPT = 4


class Tokens(Protocol):
    """What a model must know of a world: its ids and the length of a response."""

    @property
    def prompt_tokens(self) -> int:
        """Prompt ids."""

    @property
    def vocabulary(self) -> int:
        """Response ids."""

    @property
    def length(self) -> int:
        """Tokens of a response."""

    @property
    def refuse(self) -> int:
        """Response id after which nothing counts; -1 where there is none."""


@dataclass(frozen=True)
class Architecture:
    """Sizes of a transformer: pre-LN without affine, learned positions, GELU of four widths, untied head.

    The default has 28,224 parameters on World A.
    """

    shape: Tokens
    layers: int = 2
    width: int = 32
    heads: int = 2

    @property
    def length(self) -> int:
        """Tokens of a prompt and its response."""
        return PROMPT + self.shape.length

    def sizes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every weight, in the order in which they lie in a row."""
        d, v = self.width, self.shape.vocabulary
        sizes: dict[str, tuple[int, ...]] = {
            "embed": (self.shape.prompt_tokens + v, d), "position": (self.length, d),
        }  # fmt: skip
        for i in range(self.layers):
            sizes |= {f"qkv{i}": (d, 3 * d), f"out{i}": (d, d), f"up{i}": (d, 4 * d), f"up_bias{i}": (4 * d,)}
            sizes |= {f"down{i}": (4 * d, d), f"down_bias{i}": (d,)}
        return sizes | {"head": (d, v), "head_bias": (v,)}

    @property
    def parameters(self) -> int:
        """Parameters of one run."""
        return sum(math.prod(size) for size in self.sizes().values())


def initial_parameters(arch: Architecture, seed: int, worlds: list[int]) -> Tensor:
    """Initial weights (R, P), one row per world: embeddings sd 0.3, weights fan-in^-1/2, biases 0.

    Projections back into the residual stream are also divided by sqrt(2 layers).
    """
    rows = []
    for world in worlds:
        parts = []
        for item, (name, size) in enumerate(arch.sizes().items()):
            draw = normal(seed, Stream.INITIAL_WEIGHTS, world, item, np.arange(math.prod(size)))
            parts.append(draw * _initial_scale(arch, name, size))
        rows.append(np.concatenate(parts))
    return torch.as_tensor(np.stack(rows), dtype=torch.float32)


def _initial_scale(arch: Architecture, name: str, size: tuple[int, ...]) -> float:
    if name in ("embed", "position"):
        return 0.3
    if "bias" in name:
        return 0.0
    into_residual = name.startswith(("out", "down"))
    return float(size[0] ** -0.5 / (math.sqrt(2 * arch.layers) if into_residual else 1.0))


def unpack(arch: Architecture, flat: Tensor) -> dict[str, Tensor]:
    """Weights as views of the rows, each (R, …); one split keeps the backward pass one concatenation."""
    sizes = arch.sizes()
    parts = torch.split(flat, [math.prod(size) for size in sizes.values()], dim=1)
    return {name: part.view(-1, *size) for part, (name, size) in zip(parts, sizes.items(), strict=True)}


def sequences(arch: Architecture, prompt: Tensor, response: Tensor) -> Tensor:
    """Input ids (…, 4 + L - 1): the prompt and all but the last token of the response."""
    return torch.cat([prompt, response[..., :-1] + arch.shape.prompt_tokens], -1)


def features(arch: Architecture, weights: dict[str, Tensor], tokens: Tensor, first: int) -> Tensor:
    """What the last layer says at the positions from `first` on, normalised.

    Parameters
    ----------
    tokens : (R, N, T) int64

    Returns
    -------
    (R, N * (T - first), d) float32
    """
    runs, count, length = tokens.shape
    x = _embed(weights, tokens.reshape(runs, -1)) + weights["position"][:, :length].repeat(1, count, 1)
    mask = torch.ones(length, length, dtype=torch.bool, device=x.device).tril()
    for i in range(arch.layers):
        query, key, value = _heads(arch, torch.bmm(_norm(x), weights[f"qkv{i}"]), runs * count, length)
        if i == arch.layers - 1:
            # Nothing reads the last layer at earlier positions.
            query, mask = query[:, :, first:], mask[first:]
            x = x.view(runs, count, length, -1)[:, :, first:].reshape(runs, count * (length - first), -1)
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = _after_attention(weights, i, x, seen.transpose(1, 2).reshape(x.shape))
    return _norm(x)


def response_logits(arch: Architecture, weights: dict[str, Tensor], tokens: Tensor) -> Tensor:
    """Logits of every response token.

    Parameters
    ----------
    tokens : (R, N, T) int64
        From `sequences`.

    Returns
    -------
    (R, N, T - 3, V) float32
    """
    return head_logits(weights, features(arch, weights, tokens, PROMPT - 1), tokens.shape[1])


def head_logits(weights: dict[str, Tensor], seen: Tensor, count: int) -> Tensor:
    """Logits (R, N, L, V) from the features (R, N * L, d) of N responses."""
    logits = torch.baddbmm(weights["head_bias"][:, None], seen, weights["head"])
    return logits.view(len(seen), count, -1, logits.shape[-1])


def _embed(weights: dict[str, Tensor], tokens: Tensor) -> Tensor:
    """Embedding by flattened index (token + r * V), (R, N) -> (R, N, d)."""
    table = weights["embed"]
    offset = torch.arange(table.shape[0], device=table.device)[:, None] * table.shape[1]
    return F.embedding(tokens + offset, table.reshape(-1, table.shape[2]))


def _norm(x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:])


def _heads(arch: Architecture, qkv: Tensor, batch: int, length: int) -> tuple[Tensor, Tensor, Tensor]:
    query, key, value = qkv.view(batch, length, 3, arch.heads, -1).permute(2, 0, 3, 1, 4)
    return query, key, value


def _after_attention(weights: dict[str, Tensor], i: int, x: Tensor, seen: Tensor) -> Tensor:
    x = torch.baddbmm(x, seen, weights[f"out{i}"])
    hidden = F.gelu(torch.baddbmm(weights[f"up_bias{i}"][:, None], _norm(x), weights[f"up{i}"]))
    return torch.baddbmm(x + weights[f"down_bias{i}"][:, None], hidden, weights[f"down{i}"])


def token_log_probs(arch: Architecture, flat: Tensor, prompt: Tensor, response: Tensor) -> Tensor:
    """Log π(y_t | x, y_<t) of responses (R, N, L), 0 after a refusal; prompts are (R, N, 4)."""
    logits = response_logits(arch, unpack(arch, flat), sequences(arch, prompt, response))
    return picked_log_probs(arch, logits, response)


def linear(x: Tensor, head: Tensor) -> Tensor:
    """One number for each row of x (R, M, d), from weights and a bias (R, d + 1), by sums.

    A product with a single column is another kernel for one run than for several, and rounds otherwise.
    """
    return (x * head[:, None, :-1]).sum(-1) + head[:, -1:]


def picked_log_probs(arch: Architecture, logits: Tensor, response: Tensor) -> Tensor:
    """Log-probabilities (…, L) of the tokens of responses under logits (…, L, V), 0 where masked."""
    picked = torch.gather(torch.log_softmax(logits, -1), -1, response[..., None])[..., 0]
    return torch.where(response_mask(arch.shape, response), picked, torch.zeros_like(picked))


def response_mask(shape: Tokens, response: Tensor) -> Tensor:
    """True at tokens that count: all, or the first alone where it is REFUSE."""
    mask = (response[..., :1] != shape.refuse).expand(response.shape).clone()
    mask[..., 0] = True
    return mask


class Decoder:
    """Sampling with a cache of keys and values, many samples from one reading of the prompts.

    Parameters
    ----------
    arch : Architecture
    flat : (R, P)
    prompt : (R, N, 4) int64
    """

    def __init__(self, arch: Architecture, flat: Tensor, prompt: Tensor) -> None:
        self.arch, self.weights = arch, unpack(arch, flat)
        self.runs, self.count = prompt.shape[:2]
        positions = self.weights["position"][:, :PROMPT].repeat(1, self.count, 1)
        x = _embed(self.weights, prompt.reshape(self.runs, -1)) + positions
        self.prompt_cache: list[tuple[Tensor, Tensor]] = []
        for i in range(arch.layers):
            qkv = torch.bmm(_norm(x), self.weights[f"qkv{i}"])
            query, key, value = _heads(arch, qkv, self.runs * self.count, PROMPT)
            self.prompt_cache.append((key.contiguous(), value.contiguous()))
            seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)
            x = _after_attention(self.weights, i, x, seen.transpose(1, 2).reshape(x.shape))
        last = x.view(self.runs, self.count, PROMPT, -1)[:, :, -1]
        #: log π(y_0 | x), exact, (R, N, V).
        self.first = self._log_probs(last)

    def repeat(self, times: int) -> Decoder:
        """The same decoder for `times` samples of each prompt, one after another, without reading again."""
        several = copy(self)
        several.count = self.count * times
        several.prompt_cache = [
            (key.repeat_interleave(times, 0), value.repeat_interleave(times, 0)) for key, value in self.prompt_cache
        ]
        several.first = self.first.repeat_interleave(times, 1)
        return several

    def _log_probs(self, x: Tensor) -> Tensor:
        logits = torch.baddbmm(self.weights["head_bias"][:, None], _norm(x), self.weights["head"])
        return torch.log_softmax(logits, -1)

    def sample(self, gumbel: Tensor) -> tuple[Tensor, Tensor]:
        """One response per prompt by the Gumbel-max trick.

        Parameters
        ----------
        gumbel : (R, N, L, V) float32
            Common noise.

        Returns
        -------
        responses : (R, N, L) int64
        log_probs : (R, N, L, V) float32
            Conditional log-probabilities at the states visited.
        """
        cache = list(self.prompt_cache)
        log_probs = [self.first]
        tokens = [torch.argmax(self.first + gumbel[:, :, 0], -1)]
        for t in range(1, self.arch.shape.length):
            log_probs.append(self.step(tokens[-1], PROMPT + t - 1, cache))
            tokens.append(torch.argmax(log_probs[-1] + gumbel[:, :, t], -1))
        return torch.stack(tokens, 2), torch.stack(log_probs, 2)

    def step(self, token: Tensor, position: int, cache: list[tuple[Tensor, Tensor]]) -> Tensor:
        """Log-probabilities (R, N, V) of the next token after `token` (R, N), which stands at `position`.

        `cache` holds keys and values of all before it, one pair per layer, and is moved on by one token.
        """
        x = _embed(self.weights, token + self.arch.shape.prompt_tokens) + self.weights["position"][:, position, None]
        for i in range(self.arch.layers):
            qkv = torch.bmm(_norm(x), self.weights[f"qkv{i}"])
            query, key, value = _heads(self.arch, qkv, token.numel(), 1)
            key, value = torch.cat([cache[i][0], key], 2), torch.cat([cache[i][1], value], 2)
            cache[i] = (key, value)
            x = _after_attention(self.weights, i, x, _attend_one(query, key, value).reshape(x.shape))
        return self._log_probs(x)


def _attend_one(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention of one query per sequence: (B, H, 1, e) on (B, H, t, e)."""
    score = (query * key).sum(-1) * query.shape[-1] ** -0.5
    return (torch.softmax(score, -1)[..., None] * value).sum(2)
