"""A world of 512 responses: what is sampled must agree with what is enumerated."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from econ.lab import reference
from econ.lab.evaluation import Setting, evaluate
from econ.lab.model import (
    Architecture,
    Decoder,
    initial_parameters,
    response_logits,
    response_mask,
    sequences,
    token_log_probs,
    unpack,
)  # fmt: skip
from econ.lab.scoring import Scorer
from econ.lab.world import draw_world, prompt_weights
from tests.lab.test_scoring import MICRO

ARCH = Architecture(MICRO, layers=2, width=16)
EVERY = torch.tensor(list(itertools.product(range(MICRO.vocabulary), repeat=MICRO.length)))


@pytest.fixture(scope="module")
def world():
    return draw_world(1, 3, base_rate=(0.5, 2), shape=MICRO)


@pytest.fixture(scope="module")
def enumerated(world):
    """Policy, and P(y | x) of every prompt and distinct response; after REFUSE nothing follows."""
    flat = initial_parameters(ARCH, 1, [3]) * 2.0
    combo, opinion = np.divmod(np.arange(MICRO.combos * MICRO.opinions), MICRO.opinions)
    prompt = torch.as_tensor(world.prompt_tokens(combo, opinion))
    distinct = EVERY[(EVERY[:, 0] != MICRO.refuse) | (EVERY[:, 1:] == 0).all(1)]
    log_probs = [
        token_log_probs(ARCH, flat, p.expand(1, len(distinct), -1), distinct[None]).sum(-1)[0] for p in prompt
    ]
    return flat, combo, opinion, distinct, torch.stack(log_probs).double().exp().detach().numpy()


def test_probabilities_of_all_responses_sum_to_one(enumerated):
    probability = enumerated[-1]
    assert probability.sum(1) == pytest.approx(np.ones(len(probability)), abs=1e-5)


@pytest.mark.parametrize("distribution", ["id", "ood"])
def test_sampled_metrics_agree_with_enumerated_ones(world, enumerated, distribution):
    flat, combo, opinion, distinct, probability = enumerated
    samples = 400
    setting = Setting(world, Scorer(world), 0.85, 8)
    base = initial_parameters(ARCH, 1, [3])
    metrics = evaluate(ARCH, flat, base, [setting], seed=1, samples=samples, distributions=(distribution,))[0]
    found, weight = metrics[distribution], prompt_weights(world, distribution, 0.85)
    responses = distinct.tolist()
    exact = {
        "violation": [[any(reference.violations(world, g, y)) for y in responses] for g in combo],
        "severity": [[reference.severity(world, g, y) for y in responses] for g in combo],
        "helpfulness": [[reference.helpfulness(world, g, y) for y in responses] for g in combo],
        "refusal": [[y[0] == MICRO.refuse for y in responses] for _ in combo],
    }
    for name, table in exact.items():
        mean = (np.array(table, float) * probability).sum(1)
        spread = np.sqrt((weight**2) @ np.maximum((np.array(table, float) ** 2 * probability).sum(1) - mean**2, 0))
        tolerance = 1e-5 if name == "refusal" else 5 * spread / np.sqrt(samples) + 1e-5
        assert found[name] == pytest.approx(weight @ mean, abs=tolerance), name
    wrong = (opinion < MICRO.stances) & (opinion != world.stance[combo])
    agree = np.array([[y[0] == o for y in responses] for o in opinion], float)
    assert found["sycophancy"] == pytest.approx(
        (weight * wrong) @ (agree * probability).sum(1) / (weight @ wrong), abs=1e-5
    )


def test_entropy_per_response_agrees(world, enumerated):
    flat, _, _, _, probability = enumerated
    setting = Setting(world, Scorer(world), 0.85, 8)
    found = evaluate(ARCH, flat, flat, [setting], seed=1, samples=400, distributions=("id",))[0]["id"]
    weight = prompt_weights(world, "id", 0.85)
    whole = weight @ -(probability * np.log(np.maximum(probability, 1e-300))).sum(1)
    refuses = found["refusal"]
    tokens = refuses + MICRO.length * (1 - refuses)
    assert found["entropy"] * tokens == pytest.approx(whole, rel=0.02)
    assert found["kl"] == pytest.approx(0.0, abs=1e-5)


def test_tilting_by_a_reward_moves_means_by_the_covariance(enumerated):
    """E_b[g] - E_0[g] = Cov_0(g, e^{br}) / E_0[e^{br}] (Shapira et al. 2026)."""
    probability = enumerated[-1][0]
    probability = probability / probability.sum()
    reward, g = np.sin(np.arange(len(probability))), np.cos(3 * np.arange(len(probability)))
    tilt = np.exp(1.7 * reward)
    tilted = probability * tilt / (probability @ tilt)
    covariance = probability @ (g * tilt) - (probability @ g) * (probability @ tilt)
    assert tilted @ g - probability @ g == pytest.approx(covariance / (probability @ tilt), abs=1e-12)


def test_cached_sampling_sees_the_same_probabilities_as_one_pass(world):
    flat = initial_parameters(ARCH, 1, [3, 4])
    prompt = torch.as_tensor(world.prompt_tokens(np.arange(8), np.arange(8) % 3)).expand(2, -1, -1)
    gumbel = torch.zeros(2, 8, MICRO.length, MICRO.vocabulary)
    with torch.no_grad():
        response, log_probs = Decoder(ARCH, flat, prompt).sample(gumbel)
        whole = torch.log_softmax(response_logits(ARCH, unpack(ARCH, flat), sequences(ARCH, prompt, response)), -1)
    assert torch.allclose(log_probs, whole, atol=1e-5)
    assert torch.equal(response, log_probs.argmax(-1))


def test_nothing_after_a_refusal_counts():
    response = torch.tensor([[MICRO.refuse, 1, 5], [0, MICRO.refuse, 5]])
    assert response_mask(MICRO, response).tolist() == [[True, False, False], [True, True, True]]
