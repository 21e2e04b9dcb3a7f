"""`cai_rl`: reinforcement learning from AI feedback (Bai et al. 2022).

A preference model learns from the pairs of `cai_dpo`, with their soft labels, and from human pairs about
helpfulness on base samples of the first prompts: those raters weigh no violations. Then the policy of
`cai_sl` is trained on its own samples against that model by PPO, held to where it started.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import softplus

from econ.core.files import content_hash
from econ.lab.accounting import Usage
from econ.lab.algorithms import ALGORITHMS
from econ.lab.constitutional import compare_samples, revised_policies, stage_name, training_of
from econ.lab.job import Job, Trained
from econ.lab.label_sets import LabelSet, split_validation
from econ.lab.labels import Labels, Raters
from econ.lab.learned import finite, scorer_flops
from econ.lab.losses import soft_preference
from econ.lab.offline import checks, curve_rows
from econ.lab.on_policy import train_policies
from econ.lab.policies import centred, policy_flops
from econ.lab.policy_settings import OnPolicy, ScorerTraining
from econ.lab.programs import Run, run_id
from econ.lab.rollouts import Problem
from econ.lab.scorer_quality import is_weak, scorer_quality
from econ.lab.scorers import train_scorers

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Pairs:
    """What the preference model of one run learns from: AI pairs, then human ones; P(the first is better)."""

    ai: Labels
    human: Labels
    prompt: np.ndarray
    preferred: np.ndarray

    @property
    def responses(self) -> np.ndarray:
        """Both, (n, 2, L)."""
        return np.concatenate([self.ai.responses, self.human.responses])


def train_ai_feedback(job: Job) -> Trained:
    """PPO from the policies of the first stage on a preference model of AI and human pairs."""
    first, spent = revised_policies(job)
    spec, algorithm = OnPolicy(**job.context.settings["on_policy"]), ALGORITHMS[job.method.algorithm]
    pairs = [pairs_of(job, run, ai) for run, ai in zip(job.runs, compare_samples(job, first), strict=True)]
    model, facts = _preference_models(job, pairs)
    prompts = torch.as_tensor(np.stack(job.prompts()), device=job.base.device)
    reward = centred(job.arch, model, prompts, [own.ai.responses for own in pairs])
    problem = Problem(prompts, reward, [(run.optimiser_seed, run.world) for run in job.runs], spec.held_out)
    outcome = train_policies(
        job.arch, first, problem, algorithm, job.config(), spec, on_check=checks(job), saver=job.saver
    )
    usage, columns, scorers = [], [], []
    for i, run in enumerate(job.runs):
        steps, held_to_first = int(outcome.steps[i]), dict(run.config)["beta_kl"] > 0
        trained = policy_flops(job.arch, algorithm, spec, steps, held_to_first, scored=True)
        usage.append(Usage(spent[i] + facts[i]["flops"] + trained))
        held = len(split_validation(len(pairs[i].preferred), training_of(job))[1])
        columns.append({
            "capped": bool(outcome.improving[i]) and steps == spec.steps, "under_trained": False,
            "n_validation": held, "scorer_weak": is_weak("reward", facts[i]["quality"]),
        })  # fmt: skip
        scorers.append({"run_id": run_id(run, job.context.settings)} | facts[i]["quality"])
    labels = [{own.ai.kind: own.ai, own.human.kind: own.human} for own in pairs]
    return Trained(outcome, usage, labels, columns, curves=curve_rows(job, outcome), scorers=scorers)


def pairs_of(job: Job, run: Run, ai: Labels) -> Pairs:
    """AI pairs and human pairs of the same prompts, from the first on."""
    knobs, context = job.context.knobs(run), job.context
    helpfulness = knobs.model_copy(update={"harm_weight": 0.0})
    raters = Raters(context.world(run), context.base(run).pool, helpfulness, context.settings["seed"])
    human = raters.give("preference", run.labels["preference"], run.start)
    verdicts = torch.as_tensor(ai.flagged)
    soft = soft_preference(verdicts[:, 0], verdicts[:, 1], knobs.critic_noise).numpy()
    tokens = context.prompts(run)
    return Pairs(
        ai, human, np.concatenate([tokens[: len(ai)], tokens[: len(human)]]),
        np.concatenate([soft, np.ones(len(human), np.float32)]),
    )  # fmt: skip


def preference_loss(scores: Tensor, preferred: Tensor) -> Tensor:
    """Cross-entropy (R, B) of P(the first of a pair is better), (R, B, 1), under σ(r_0 - r_1) of scores (R, B, 2)."""
    gap, soft = scores[..., 0] - scores[..., 1], preferred[..., 0]
    return soft * softplus(-gap) + (1 - soft) * softplus(gap)


def _preference_models(job: Job, pairs: list[Pairs]) -> tuple[Tensor, list[dict[str, Any]]]:
    """Preference models (R, P + d + 1) with their quality and operations; each is trained once and stored."""
    store, names = job.context.store, [_name(job, run) for run in job.runs]
    rows = [i for i, name in enumerate(names) if name not in names[:i] and not store.has(name)]
    if rows:
        spec, training = ScorerTraining(**job.context.settings["scorer"]), training_of(job)
        fitted = train_scorers(
            job.arch, job.base[rows], _label_set([pairs[i] for i in rows], job.base.device), preference_loss,
            [(job.runs[i].optimiser_seed, job.runs[i].world) for i in rows], spec, training,
        )  # fmt: skip
        for row, i in enumerate(rows):
            quality = scorer_quality(
                "reward", job.arch, fitted.flat[row : row + 1], job.base[i : i + 1], job.runs[i], job.context
            )
            steps = int(fitted.steps[row])
            facts = {
                "quality": {"kind": "reward", "steps": steps, "best_step": int(fitted.best_step[row])} | finite(quality),
                "flops": scorer_flops(job.arch, len(pairs[i].preferred), 2, steps, spec, training),
            }  # fmt: skip
            store.save(names[i], {"flat": fitted.flat[row].cpu().numpy()}, facts)
    flat = np.stack([store.arrays(name)["flat"] for name in names])
    return torch.as_tensor(flat, device=job.base.device), [store.facts(name) for name in names]


def _name(job: Job, run: Run) -> str:
    """Hash of all that the preference model of a run depends on."""
    own = [stage_name(job, run), run.labels["preference"], job.context.knobs(run).model_dump(mode="json")]
    return content_hash(["cai_rl", own, job.context.settings["scorer"]])[:24]


def _label_set(pairs: list[Pairs], device: torch.device) -> LabelSet:
    """Pairs of R runs as labels; in place of flags P(the first is better), (R, n, 1)."""

    def stack(arrays: list[np.ndarray]) -> Tensor:
        return torch.as_tensor(np.stack(arrays), device=device)

    preferred = stack([own.preferred for own in pairs])
    responses = stack([own.responses for own in pairs])
    unread = torch.zeros(responses.shape[:3], device=device)
    return LabelSet(stack([own.prompt for own in pairs]), responses, unread, preferred[..., None])
