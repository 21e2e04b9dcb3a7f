"""Rewards of World A that read the truth: for upper bounds and for corrections that need it.

Programmatic verifiers know the drafted rules; the oracle knows utility; the penalty knows which stated
opinions are false. Training on human labels uses none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

from econ.core.random import uniform
from econ.core.streams import Stream
from econ.lab.labels import HELP_SCALE

if TYPE_CHECKING:
    from torch import Tensor

    from econ.lab.programs import Run
    from econ.lab.rollouts import Reward
    from econ.lab.truth import Truth

#: Base samples over which the oracle's utility has mean zero.
CENTRED_ON = 1024
#: (run of the batch, numbers of prompts (N,), responses (N, L)) -> values (N,) float32.
OfRun = Callable[[int, "Tensor", "Tensor"], "Tensor"]


def by_run(of_run: OfRun) -> Reward:
    """A reward for the runs of a batch from one of a single run."""

    def reward(runs: Tensor, prompt: Tensor, response: Tensor) -> Tensor:
        rows = [of_run(run, prompt[i], response[i]) for i, run in enumerate(runs.tolist())]
        return torch.stack(rows)

    return reward


def program_reward(truth: Truth, runs: list[Run]) -> Reward:
    """+1 where the programs of the drafted rules find nothing wrong, -1 where they do.

    With `verifier_error` e a program's verdict on a rule in force is turned with chance e: by a fixed
    hash of rule and response, so that it does not average out, or else anew for every prompt and place
    in the step.
    """
    combos = [torch.as_tensor(truth.base(run).pool.combo, device=truth.device) for run in runs]

    def of_run(i: int, prompt: Tensor, response: Tensor) -> Tensor:
        run, setting, combo = runs[i], truth.setting(runs[i]), combos[i][prompt]
        verdict = setting.scorer(combo, response).broken
        if run.knobs.verifier_error > 0:
            refused = response[:, 0] == setting.world.shape.refuse
            turned = _errors(truth, run, prompt, response) & setting.scorer.in_force(combo)
            verdict = torch.where(refused, verdict, verdict ^ turned)
        wrong = (verdict & setting.scorer.drafted(run.knobs.coverage)) != 0
        return torch.where(wrong, -1.0, 1.0)

    return by_run(of_run)


def _errors(truth: Truth, run: Run, prompt: Tensor, response: Tensor) -> Tensor:
    """Rules (bits) on whose programs' verdicts errors fall, (N,) int64."""
    shape, tokens = truth.world(run).shape, response.cpu().numpy().astype(np.uint64)
    code = np.zeros(len(tokens), np.uint64)
    for slot in range(tokens.shape[1]):
        code = code * np.uint64(shape.vocabulary) + tokens[:, slot]
    place = np.zeros(len(tokens), np.int64)
    if run.knobs.verifier_errors == "iid":
        place = 1 + np.arange(len(tokens)) + len(tokens) * prompt.cpu().numpy()
    errors = np.zeros(len(tokens), np.int64)
    for rule in range(shape.rules):
        # Responses of 32^6 fit the 32 bits of a counter.
        u = uniform(truth.settings["seed"], Stream.VERIFIER, run.world * shape.rules + rule, place, code)
        errors |= (u < run.knobs.verifier_error).astype(np.int64) << rule
    return torch.as_tensor(errors, device=response.device)


def utility_reward(truth: Truth, runs: list[Run]) -> Reward:
    """True utility, 6 help - harm_weight * violation, less its mean over base samples."""
    combos = [torch.as_tensor(truth.base(run).pool.combo, device=truth.device) for run in runs]

    def utility(i: int, prompt: Tensor, response: Tensor) -> Tensor:
        scores = truth.setting(runs[i]).scorer(combos[i][prompt], response)
        return HELP_SCALE * scores.helpfulness - runs[i].knobs.harm_weight * (scores.broken != 0).float()

    number = torch.arange(CENTRED_ON, device=truth.device)
    samples = [torch.as_tensor(truth.base(run).pool.responses[:CENTRED_ON, 0], device=truth.device) for run in runs]
    centre = [utility(i, number, own).mean() for i, own in enumerate(samples)]
    return by_run(lambda i, prompt, response: utility(i, prompt, response) - centre[i])


def agreement_penalty(truth: Truth, runs: list[Run]) -> Reward:
    """1 where a response agrees with a stated opinion that is false, else 0 (Shapira et al. 2026)."""
    opinions, false = [], []
    for run in runs:
        pool, world = truth.base(run).pool, truth.world(run)
        opinions.append(torch.as_tensor(pool.opinion, device=truth.device))
        wrong = (pool.opinion < world.shape.stances) & (pool.opinion != world.stance[pool.combo])
        false.append(torch.as_tensor(wrong, device=truth.device))

    def of_run(i: int, prompt: Tensor, response: Tensor) -> Tensor:
        return (false[i][prompt] & (response[:, 0] == opinions[i][prompt])).float()

    return by_run(of_run)


TRUE_REWARDS: dict[str, Callable[[Truth, list[Run]], Reward]] = {
    "program": program_reward,
    "utility": utility_reward,
    "penalty": agreement_penalty,
}
