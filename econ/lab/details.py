"""Violations prompt by prompt and rule by rule, for what the means of the measurement table cannot say.

P(violation | prompt) is estimated by survival: a response is sampled that keeps to every rule, token by
token, and the probabilities of keeping to them multiply. The product's mean is P(no violation), with no
noise of violations happening or not, so that a few samples tell two models apart prompt by prompt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from econ.lab.evaluation import Setting, all_prompts, evaluation_noise
from econ.lab.grid import Evaluation
from econ.lab.model import PROMPT, Architecture, Decoder
from econ.lab.programs import run_id
from econ.lab.world import prompt_weights

if TYPE_CHECKING:
    from torch import Tensor

    from econ.lab.job import Job, Trained

#: Sets into which the samples are cut, so that two of one model show the noise of sampling.
SETS = 2


@dataclass(frozen=True)
class Details:
    """What one policy does at every prompt, in the order of `evaluation.all_prompts`.

    Attributes
    ----------
    violation : (2, N) float64
        P(violation), from either half of the samples.
    rules : (N, rules) float64
        Share of sampled responses that break each rule.
    entropy, survival : (N,) float64
        Entropy of a token, nats, averaged over responses that break no rule and do not refuse, and the
        probability of such a response.
    """

    violation: np.ndarray
    rules: np.ndarray
    entropy: np.ndarray
    survival: np.ndarray

    def summary(self, weight: np.ndarray) -> dict[str, float]:
        """Means under a test distribution's probabilities of the prompts (N,)."""
        compliant = weight * self.survival
        means = {
            "violation": float(weight @ self.violation.mean(0)),
            "entropy_compliant": float(compliant @ self.entropy / compliant.sum()) if compliant.any() else float("nan"),
        }
        rates = weight @ self.rules
        return means | {f"violation_rule_{k}": float(rate) for k, rate in enumerate(rates, start=1)}


@torch.no_grad()
def measure_details(arch: Architecture, flat: Tensor, setting: Setting, seed: int, samples: int) -> Details:
    """Details of one policy (1, P) from an even number of samples per prompt, under the noise of evaluation."""
    world, device = setting.world, flat.device.type
    combo, opinion = all_prompts(world)
    decoder = Decoder(arch, flat, torch.as_tensor(world.prompt_tokens(combo, opinion), device=device)[None])
    combos = torch.as_tensor(combo, device=device)
    shape = (1, len(combo), arch.shape.length, arch.shape.vocabulary)
    bits = 1 << torch.arange(world.shape.rules, device=device)
    violation = torch.zeros(SETS, len(combo), dtype=torch.float64, device=device)
    rules = torch.zeros(len(combo), world.shape.rules, dtype=torch.float64, device=device)
    weighted, survival = torch.zeros_like(violation[0]), torch.zeros_like(violation[0])
    for sample in range(samples):
        noise = evaluation_noise(seed, world.number, sample, shape, device)
        kept, refuses, entropy = keep_to_rules(decoder, setting, combos, noise)
        violation[sample * SETS // samples] += (1.0 - refuses - kept) * SETS / samples
        weighted, survival = weighted + kept * entropy / samples, survival + kept / samples
        response, _ = decoder.sample(noise)
        rules += ((setting.scorer(combos, response[0]).broken[:, None] & bits) != 0).double() / samples
    mean = torch.where(survival > 0, weighted / survival.clamp_min(1e-300), torch.zeros_like(survival))
    return Details(*(x.cpu().numpy() for x in (violation.clamp(0.0, 1.0), rules, mean, survival)))


def keep_to_rules(
    decoder: Decoder, setting: Setting, combo: Tensor, gumbel: Tensor
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """One response per prompt that breaks no rule and does not refuse, and how likely such responses are.

    Parameters
    ----------
    combo : (N,) int64
    gumbel : (1, N, L, V) float32

    Returns
    -------
    kept : (N,) float64
        Product over positions of P(keeping to the rules, and at first not refusing | tokens so far): its
        mean over samples is the probability of a compliant answer.
    refuses : (N,) float64
        P(refusal), exact.
    entropy : (N,) float64
        Mean entropy of the policy's tokens along the response, nats.
    """
    cache, log_probs = list(decoder.prompt_cache), decoder.first
    refuse, length = decoder.arch.shape.refuse, decoder.arch.shape.length
    kept = torch.ones(len(combo), dtype=torch.float64, device=combo.device)
    entropy, token = torch.zeros_like(kept), None
    for t in range(length):
        if token is not None:
            log_probs = decoder.step(token[None], PROMPT + t - 1, cache)
        barred = setting.scorer.breaking(combo, token)
        if t == 0:
            barred = barred | (torch.arange(barred.shape[1], device=barred.device) == refuse)
        probability = log_probs[0].double().exp()
        kept = kept * (probability * ~barred).sum(-1)
        entropy = entropy - (probability * log_probs[0]).sum(-1) / length
        token = torch.argmax((log_probs[0] + gumbel[0, :, t]).masked_fill(barred, -torch.inf), -1)
    return kept, decoder.first[0, :, refuse].double().exp(), entropy


def detail_rows(job: Job, trained: Trained) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """Rows of `details.parquet`, and what the store keeps: P(violation) of every run, (R, 2, N) float32.

    Nothing where the grid asks for no details, or where the policy is not the transformer.
    """
    settings = job.context.settings
    spec = Evaluation.model_validate(settings["evaluation"])
    if not spec.details or trained.metrics is not None:
        return [], {}
    rows, kept = [], []
    for i, run in enumerate(job.runs):
        setting = job.context.setting(run)
        own = measure_details(job.arch, trained.outcome.flat[i : i + 1], setting, settings["seed"], spec.details)
        kept.append(own.violation.astype(np.float32))
        shared = {
            "run_id": run_id(run, settings), "stage": run.stage, "method": run.method, "world": run.world,
            "optimiser_seed": run.optimiser_seed, "half": run.half, "n": sum(run.labels.values()),
            "samples": spec.details,
        }  # fmt: skip
        for distribution in spec.distributions:
            weight = prompt_weights(setting.world, distribution, setting.confounding)
            rows.append(shared | {"distribution": distribution} | own.summary(weight))
    return rows, {"violation": np.stack(kept)}
