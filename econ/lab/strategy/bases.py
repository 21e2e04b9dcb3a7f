"""Base models of World B and the prompts and samples that raters judge there."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from econ.core.random import uniform
from econ.core.streams import Stream
from econ.lab.evaluation import gumbel
from econ.lab.pool import Pool
from econ.lab.pretraining import fit_demonstrations, sample_candidates
from econ.lab.strategy.world import StrategyWorld, demonstrate

if TYPE_CHECKING:
    from torch import Tensor

    from econ.lab.grid import Pretraining
    from econ.lab.model import Architecture

#: Draws of the demonstrations' stream and items of the pool's; smaller numbers are World A's.
_PROMPT, _RIGHT, _HABIT = 20, 21, 22
_POOL_PROMPT, _FIRST_CANDIDATE = 1000, 1010


def pretrain(
    arch: Architecture, worlds: list[StrategyWorld], seed: int, spec: Pretraining, device: str = "cpu"
) -> Tensor:
    """Base models (R, P), one per world, trained together on the demonstrator's responses to all prompts alike."""

    def batch(world: StrategyWorld, step: int) -> tuple[np.ndarray, np.ndarray]:
        prompt, right, habit = (
            uniform(seed, Stream.PRETRAIN, world.number, step, np.arange(spec.batch), draw)
            for draw in (_PROMPT, _RIGHT, _HABIT)
        )
        chosen = (prompt * world.shape.prompts).astype(np.int64)
        return world.prompt_tokens(chosen), demonstrate(world, chosen, right, habit)

    numbers = [world.number for world in worlds]
    return fit_demonstrations(
        arch, numbers, lambda step: [batch(world, step) for world in worlds], seed, spec, device
    )


def fill_pool(
    arch: Architecture, flat: Tensor, world: StrategyWorld, seed: int, candidates: int, count: int
) -> Pool:
    """The pool of one world: training prompts with replacement, base samples y0, y1 … and their log π_ref.

    A prompt's number takes the place of World A's combination; there is no opinion.
    """
    eligible = np.flatnonzero(world.training)
    u = uniform(seed, Stream.POOL, world.number, _POOL_PROMPT, np.arange(count))
    prompt = eligible[(u * len(eligible)).astype(np.int64)]
    tokens = torch.as_tensor(world.prompt_tokens(prompt), device=flat.device)
    noise = partial(gumbel, seed, Stream.POOL, world.number)
    return Pool(prompt, np.zeros_like(prompt), *sample_candidates(arch, flat, tokens, noise, _FIRST_CANDIDATE, candidates))
