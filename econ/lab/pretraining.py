"""Base models and pools: every world's model learns from an imperfect demonstrator, then answers the pool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from econ.core.random import uniform, word_block
from econ.core.streams import Stream
from econ.lab.adam import Adam
from econ.lab.evaluation import gumbel
from econ.lab.losses import likelihood
from econ.lab.model import Architecture, Decoder, initial_parameters, response_mask, token_log_probs
from econ.lab.pool import Pool, pool_prompts
from econ.lab.world import RHO_PRETRAIN, World, demonstrate, draw_opinions

if TYPE_CHECKING:
    from torch import Tensor

    from econ.lab.grid import Pretraining

#: Draw numbers of the pool's stream: prompts use 0-3, candidate c has the noise of item 10 + c.
FIRST_CANDIDATE = 10
#: Prompts sampled at once; fixed, so that no result depends on memory.
SAMPLE_BLOCK = 2048


@dataclass(frozen=True)
class Base:
    """A world's base model and its pool."""

    flat: Tensor
    pool: Pool


def pretrain(arch: Architecture, worlds: list[World], seed: int, spec: Pretraining, device: str = "cpu") -> Tensor:
    """Base models (R, P), one per world, trained together on the demonstrator's responses.

    Adam with the rate falling linearly to a tenth; every combination is equally likely and a stated
    opinion is true with 0.4.
    """
    return fit_demonstrations(
        arch, [world.number for world in worlds],
        lambda step: [_demonstration_batch(world, seed, step, spec.batch) for world in worlds], seed, spec, device,
    )  # fmt: skip


def fit_demonstrations(
    arch: Architecture, numbers: list[int], batches: Callable[[int], list[tuple[np.ndarray, np.ndarray]]],
    seed: int, spec: Pretraining, device: str = "cpu",
) -> Tensor:  # fmt: skip
    """Base models (R, P) of worlds with these numbers, trained on demonstrations.

    `batches` gives the prompts (B, 4) and responses (B, L) of a step, one pair per world.
    """
    flat = initial_parameters(arch, seed, numbers).to(device)
    adam = Adam.start(flat)
    for step in range(spec.steps):
        prompt, response = (torch.as_tensor(np.stack(x), device=device) for x in zip(*batches(step), strict=True))
        flat.requires_grad_(True)
        loss = likelihood(token_log_probs(arch, flat, prompt, response).sum(-1))
        (gradient,) = torch.autograd.grad(loss.sum(), flat)
        rate = spec.lr * (1.0 - 0.9 * step / spec.steps)
        with torch.no_grad():
            flat, _ = adam.step(flat.detach(), gradient, torch.full_like(loss, rate), step, spec.clip)
    return flat.detach()


def _demonstration_batch(world: World, seed: int, step: int, batch: int) -> tuple[np.ndarray, np.ndarray]:
    index, shape, number = np.arange(batch), world.shape, world.number

    def u(draw: int) -> np.ndarray:
        return uniform(seed, Stream.PRETRAIN, number, step, index, draw)

    combo = (u(1) * shape.combos).astype(np.int64)
    opinion = draw_opinions(world, combo, RHO_PRETRAIN, u(2), u(3), u(4))
    words = word_block(seed, Stream.PRETRAIN, number, step, batch * (3 + shape.content), draw=5)
    return world.prompt_tokens(combo, opinion), demonstrate(world, combo, opinion, words)


@torch.no_grad()
def fill_pool(
    arch: Architecture, flat: Tensor, world: World, seed: int, confounding: float, candidates: int, count: int,
    sampling: str = "passive",
) -> Pool:  # fmt: skip
    """The pool of one world: prompts, base samples y0, y1 … and their log π_ref.

    Parameters
    ----------
    flat : (1, P)
    candidates : int
        Samples per prompt; fewer leave the first ones as they are.
    sampling : {"passive", "targeted"}
        Prompts as they come, or risky ones alone.
    """
    combo, opinion = pool_prompts(world, seed, confounding, count, sampling)
    tokens = torch.as_tensor(world.prompt_tokens(combo, opinion), device=flat.device)
    noise = partial(gumbel, seed, Stream.POOL, world.number)
    return Pool(combo, opinion, *sample_candidates(arch, flat, tokens, noise, FIRST_CANDIDATE, candidates))


@torch.no_grad()
def sample_candidates(
    arch: Architecture, flat: Tensor, prompts: Tensor, noise_of: Callable[[int, tuple[int, ...], str], Tensor],
    first: int, candidates: int,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Responses (M, C, L) of one model (1, P) to prompts (M, 4), and their log π (M, C) in float32.

    `noise_of` gives the Gumbel noise of item `first` + c, of a shape, on a device.
    """
    tokens, count, device = prompts[None], len(prompts), flat.device.type
    shape = (1, count, arch.shape.length, arch.shape.vocabulary)
    responses = torch.empty(count, candidates, arch.shape.length, dtype=torch.int64)
    reference = torch.empty(count, candidates)
    for candidate in range(candidates):
        noise = noise_of(first + candidate, shape, device)
        for start in range(0, count, SAMPLE_BLOCK):
            block = slice(start, start + SAMPLE_BLOCK)
            response, log_probs = Decoder(arch, flat, tokens[:, block]).sample(noise[:, block])
            picked = log_probs.gather(-1, response[..., None])[..., 0] * response_mask(arch.shape, response)
            responses[block, candidate] = response[0].cpu()
            reference[block, candidate] = picked[0].sum(-1).cpu()
    return responses.numpy(), reference.numpy()
