"""Trainers that sample: on-policy algorithms on learned, programmatic or true rewards, and best-of-n."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from econ.lab.accounting import Usage
from econ.lab.algorithms import ALGORITHMS
from econ.lab.job import Job, Trained
from econ.lab.learned import Learned, load_scorers
from econ.lab.offline import checks, curve_rows
from econ.lab.on_policy import train_policies
from econ.lab.policy_settings import OnPolicy
from econ.lab.programs import run_id
from econ.lab.rollouts import Problem, Reward
from econ.lab.scorer_quality import is_weak
from econ.lab.scorers import score, score_in_blocks

if TYPE_CHECKING:
    from torch import Tensor

    from econ.lab.algorithms import Algorithm
    from econ.lab.model import Architecture

#: Pairs on whose responses a reward model has mean zero (Stiennon et al. 2020).
_CENTRED_ON = 512


def train_on_policy(job: Job) -> Trained:
    """Policies trained on their own samples, from labels through a learned scorer or from a program."""
    settings, runs = job.context.settings, job.runs
    spec, algorithm = OnPolicy(**settings["on_policy"]), ALGORITHMS[job.method.algorithm]
    learned = load_scorers(job.arch, runs, job.base, job.context) if job.method.scorer else None
    prompts = torch.as_tensor(np.stack(job.prompts()), device=job.base.device)
    reward = _reward(job, learned, prompts)
    keys = [(run.optimiser_seed, run.world) for run in runs]
    problem = Problem(prompts, reward, keys, spec.held_out if learned else 0)
    bought = runs[0].labels.get("verification")
    outcome = train_policies(
        job.arch, job.base, problem, algorithm, job.config(), spec,
        steps=None if bought is None else bought // spec.rollouts, on_check=checks(job), saver=job.saver,
    )  # fmt: skip
    labels = job.labels() if learned else [{} for _ in runs]
    usage, columns = [], []
    for i in range(len(runs)):
        steps, held_to_base = int(outcome.steps[i]), dict(runs[i].config)["beta_kl"] > 0
        flops = policy_flops(job.arch, algorithm, spec, steps, held_to_base, learned is not None)
        usage.append(
            Usage(flops + (learned.flops[i] if learned else 0.0), 0 if learned else steps * spec.rollouts)
        )
        columns.append({"capped": bool(outcome.improving[i]) and steps == spec.steps, "under_trained": False})
    trained = Trained(outcome, usage, labels, columns, curves=curve_rows(job, outcome))
    return trained if learned is None else with_scorers(job, trained, learned)


def with_scorers(job: Job, trained: Trained, learned: Learned) -> Trained:
    """The same with rows about the scorers, and the mark of weak ones."""
    for run, columns, facts in zip(job.runs, trained.columns, learned.facts, strict=True):
        columns["scorer_weak"] = is_weak(job.method.scorer, facts)
        trained.scorers.append({"run_id": run_id(run, job.context.settings)} | facts)
    return trained


# Rewards -------------------------------------------------------------------------------------------
def _reward(job: Job, learned: Learned | None, prompts: Tensor) -> Reward:
    """What the method's samples are worth."""
    if learned is None:
        return job.context.true_reward(job.method.reward, job.runs)
    if job.method.reward in ("verifier", "rule_verifier"):
        return _verdicts(job.arch, learned.flat, prompts)
    utilities = centred(job.arch, learned.flat, prompts, [own["preference"].responses for own in job.labels()])
    return utilities if job.method.reward == "reward_model" else _penalised(job, utilities)


def _scores(arch: Architecture, flat: Tensor, prompts: Tensor) -> Reward:
    def reward(runs: Tensor, prompt: Tensor, response: Tensor) -> Tensor:
        with torch.no_grad():
            return score(arch, flat[runs], prompts[runs[:, None], prompt], response)

    return reward


def _verdicts(arch: Architecture, flat: Tensor, prompts: Tensor) -> Reward:
    """-1 where the verifier thinks a violation likelier than not, else +1."""
    scores = _scores(arch, flat, prompts)
    return lambda runs, prompt, response: torch.where(scores(runs, prompt, response) > 0, -1.0, 1.0)


def centred(arch: Architecture, flat: Tensor, prompts: Tensor, responses: list[np.ndarray]) -> Reward:
    """Reward models (R, P + d + 1) less their mean over some responses, in log-odds.

    Parameters
    ----------
    prompts : (R, M, 4) int64
    responses : list of (n, S, L)
        By run, to its first n prompts; of the first ones the mean is taken.
    """
    scores, centres = _scores(arch, flat, prompts), []
    for i, own in enumerate(responses):
        first = torch.as_tensor(own[:_CENTRED_ON], device=prompts.device)
        count, sequences = first.shape[:2]
        prompt = prompts[i, :count].repeat_interleave(sequences, 0)
        found = score_in_blocks(arch, flat[i : i + 1], prompt[None], first.reshape(1, count * sequences, -1))
        centres.append(found.mean())
    centre = torch.stack(centres)[:, None]
    return lambda runs, prompt, response: scores(runs, prompt, response) - centre[runs]


def _penalised(job: Job, utilities: Reward) -> Reward:
    """The reward model less a penalty for agreeing with a false opinion, known to be false."""
    agrees = job.context.true_reward("penalty", job.runs)
    weight = job.config()["penalty"]
    return lambda runs, prompt, response: (
        utilities(runs, prompt, response) - weight[runs] * agrees(runs, prompt, response)
    )


# Costs ---------------------------------------------------------------------------------------------
def policy_flops(
    arch: Architecture, algorithm: Algorithm, spec: OnPolicy, steps: int, held_to_base: bool, scored: bool
) -> float:
    """Sampling, reference and scorer 2 N per token, training 6 N per token and inner epoch, checks included."""
    token = arch.parameters * (arch.length - 1)
    # A scorer reads the last token too.
    look = 2 * token * (1 + held_to_base) + scored * 2 * arch.parameters * arch.length
    train = 6 * token * algorithm.epochs + algorithm.critic * 2 * token
    checked = spec.held_out * (steps // spec.check_every + 1) if scored else 0
    return float(steps * spec.rollouts * (look + train) + checked * look)

