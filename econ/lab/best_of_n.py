"""Best-of-n sampling (Stiennon et al. 2020): of n base samples the one that a reward model likes best.

Nothing is trained. Metrics are exact means over which n of the sampled responses are drawn: the k-th
worst of S samples is the best of n with probability C(k - 1, n - 1) / C(S, n).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from econ.lab.accounting import Usage
from econ.lab.evaluation import all_prompts, evaluation_noise, sampled, summarise
from econ.lab.job import Job, Metrics, Trained
from econ.lab.learned import load_scorers
from econ.lab.model import Decoder, response_mask
from econ.lab.policies import with_scorers
from econ.lab.policy_gradient import best_of_n_kl
from econ.lab.scorers import score_in_blocks
from econ.lab.training import untrained
from econ.lab.world import prompt_weights

if TYPE_CHECKING:
    from torch import Tensor

    from econ.lab.evaluation import Setting
    from econ.lab.model import Architecture

#: Candidates among which the reward model chooses, and samples of which they are drawn, per prompt.
CANDIDATES, SAMPLES = 16, 32


def train_best_of_n(job: Job) -> Trained:
    """The base model filtered by the reward model of each run."""
    learned = load_scorers(job.arch, job.runs, job.base, job.context)
    distributions = tuple(job.context.settings["evaluation"]["distributions"])
    metrics: list[Metrics] = []
    for i, run in enumerate(job.runs):
        setting, base, scorer = job.context.setting(run), job.base[i : i + 1], learned.flat[i : i + 1]
        values = measure_best(job.arch, base, scorer, setting, job.context.settings["seed"])
        metrics.append(
            {
                d: summarise(setting.world, values, prompt_weights(setting.world, d, setting.confounding))
                for d in distributions
            }
        )
    trained = Trained(
        untrained(job.base), [Usage(flops) for flops in learned.flops], job.labels(), [{} for _ in job.runs], metrics
    )
    return with_scorers(job, trained, learned)


def rank_weights(samples: int, candidates: int) -> np.ndarray:
    """P(the k-th worst of `samples` is the best of `candidates` drawn without replacement), k from 1.

    Examples
    --------
    >>> rank_weights(3, 2).round(4).tolist()
    [0.0, 0.3333, 0.6667]
    """
    whole = math.comb(samples, candidates)
    return np.array([math.comb(k, candidates - 1) / whole for k in range(samples)])


@torch.no_grad()
def measure_best(arch: Architecture, base: Tensor, scorer: Tensor, setting: Setting, seed: int) -> dict[str, np.ndarray]:
    """Per-prompt means under best-of-n of one base model (1, P), for `summarise`.

    Its divergence from the base model is log n - (n - 1) / n, and its entropy the mean of -log π of the
    base model less that divergence.
    """
    world, device = setting.world, base.device.type
    combo, opinion = all_prompts(world)
    prompt = torch.as_tensor(world.prompt_tokens(combo, opinion), device=device)[None]
    decoder, combos = Decoder(arch, base, prompt), torch.as_tensor(combo, device=device)
    shape = (1, len(combo), arch.shape.length, arch.shape.vocabulary)
    liked, drawn = [], []
    for draw in range(SAMPLES):
        response, log_probs = decoder.sample(evaluation_noise(seed, world.number, draw, shape, device))
        liked.append(score_in_blocks(arch, scorer, prompt, response)[0])
        own = sampled(setting, combos, response[0], log_probs[0])
        picked = log_probs.gather(-1, response[..., None])[..., 0] * response_mask(arch.shape, response)
        own["entropy"], own["first"] = -picked[0].sum(-1), response[0, :, 0]
        drawn.append(own)
    rank = torch.stack(liked).argsort(dim=0, stable=True).argsort(dim=0)
    weight = torch.as_tensor(rank_weights(SAMPLES, CANDIDATES), device=device)[rank]
    divergence = best_of_n_kl(CANDIDATES)
    first = torch.nn.functional.one_hot(torch.stack([own.pop("first") for own in drawn]), arch.shape.vocabulary)
    values = {
        name: (weight * torch.stack([own[name] for own in drawn]).double()).sum(0).cpu().numpy() for name in drawn[0]
    }
    values["entropy"] = np.maximum(values["entropy"] - divergence, 0.0)
    values["kl"] = np.full(len(combo), divergence)
    return values | {"first": (weight[..., None] * first).sum(0).cpu().numpy()}
