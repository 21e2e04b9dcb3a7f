"""What policies are trained on by themselves: prompts and rewards of a problem, common draws, samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from econ.core.random import word_block
from econ.core.streams import Stream
from econ.lab.evaluation import gumbel
from econ.lab.model import Architecture, Decoder, response_mask

if TYPE_CHECKING:
    from torch import Tensor

    from econ.lab.policy_settings import OnPolicy


class Reward(Protocol):
    """What responses are worth."""

    def __call__(self, runs: Tensor, prompt: Tensor, response: Tensor) -> Tensor:
        """Rewards (A, N) float32 of responses (A, N, L) to prompts (A, N), numbers in `Problem.prompts`.

        `runs` (A,) says which of the runs they are: those that have stopped are asked no more.
        """


@dataclass(frozen=True)
class Problem:
    """What R runs are to learn.

    Attributes
    ----------
    prompts : (R, M, 4) int64
        Token ids, by run.
    reward : Reward
    keys : list of (optimiser seed, world)
        Of each run; the keys of its prompts and noise.
    held_out : int
        So many of the last prompts never train; the best step is chosen on them, by mean reward less
        β_KL times divergence, and a run that has not improved for `patience` checks stops. 0: the last
        step is kept, as where every look at a reward is to be paid for.
    """

    prompts: Tensor
    reward: Reward
    keys: list[tuple[int, int]]
    held_out: int = 0


class Draws:
    """Prompts and Gumbel noise of a step, common to all runs of one (optimiser seed, world)."""

    def __init__(self, problem: Problem, spec: OnPolicy, arch: Architecture, device: str) -> None:
        self._keys, self._spec, self._device = problem.keys, spec, device
        self._count = problem.prompts.shape[1] - problem.held_out
        self._held_out = problem.held_out
        self._shape = (arch.shape.length, arch.shape.vocabulary)

    def prompts(self, step: int, runs: Tensor) -> Tensor:
        """Numbers (A, P) of the prompts of a step."""

        def draw(key: tuple[int, int]) -> Tensor:
            words = word_block(key[0], Stream.ROLLOUT, key[1], step, self._spec.prompts)
            # floor(count * u) in integers: the same on every device.
            chosen = words.astype(np.uint64) * np.uint64(self._count) >> np.uint64(32)
            return torch.as_tensor(chosen.astype(np.int64), device=self._device)

        return self._by_world(draw, runs)

    def noise(self, step: int, count: int, runs: Tensor) -> Tensor:
        """Gumbel noise (A, count, L, V)."""

        def draw(key: tuple[int, int]) -> Tensor:
            return gumbel(key[0], Stream.GUMBEL, key[1], step, (count, *self._shape), self._device)

        return self._by_world(draw, runs)

    def _by_world(self, draw: Callable[[tuple[int, int]], Tensor], runs: Tensor) -> Tensor:
        keys = [self._keys[run] for run in runs.tolist()]
        drawn = {key: draw(key) for key in dict.fromkeys(keys)}
        return torch.stack([drawn[key] for key in keys])


@torch.no_grad()
def sample(
    arch: Architecture, flat: Tensor, prompts: Tensor, noise: Tensor, samples: int = 1
) -> tuple[Tensor, Tensor]:
    """Responses (R, P * samples, L) to prompts (R, P, 4), and log π of their tokens, 0 where masked.

    The samples of one prompt stand one after another.
    """
    decoder = Decoder(arch, flat, prompts)
    response, log_probs = (decoder if samples == 1 else decoder.repeat(samples)).sample(noise)
    return response, log_probs.gather(-1, response[..., None])[..., 0] * response_mask(arch.shape, response)
