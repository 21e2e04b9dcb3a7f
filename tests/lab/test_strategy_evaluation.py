"""pass@k and entropy are exact: against brute force, against samples, against each other."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from econ.core.measurements import PASS_AT
from econ.lab.grid import Pretraining
from econ.lab.model import Architecture, initial_parameters, token_log_probs
from econ.lab.strategy import bases
from econ.lab.strategy.evaluation import collapsed, evaluate, response_entropy, right_probability
from econ.lab.strategy.pass_at_k import estimate_pass_at_k, exact_pass_at_k
from econ.lab.strategy.world import WORLD_B, draw_strategy_world

ARCH = Architecture(WORLD_B, layers=1, width=16)


@pytest.fixture(scope="module")
def world():
    return draw_strategy_world(1, 7)


@pytest.fixture(scope="module")
def policies() -> torch.Tensor:
    """Two models whose probabilities are far from equal."""
    return 3 * initial_parameters(ARCH, 1, [0, 1])


# pass@k --------------------------------------------------------------------------------------------
@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_the_estimator_is_the_share_of_subsets_with_a_right_sample(case):
    n, c, k = case
    subsets = list(itertools.combinations(range(n), k))
    brute = sum(min(subset) < c for subset in subsets) / len(subsets)
    assert estimate_pass_at_k(c, n, k) == pytest.approx(brute, abs=1e-12)
    assert estimate_pass_at_k(c, n, k) == pytest.approx(1 - math.comb(n - c, k) / math.comb(n, k), abs=1e-12)


@given(st.floats(0, 1), st.integers(1, 20), st.data())
def test_the_estimator_is_unbiased_for_the_exact_value(p, n, data):
    k = data.draw(st.integers(1, n))
    counts = np.arange(n + 1)
    chance = np.array([math.comb(n, c) * p**c * (1 - p) ** (n - c) for c in counts])
    assert chance @ estimate_pass_at_k(counts, n, k) == pytest.approx(exact_pass_at_k([p], k), abs=1e-9)


def test_pass_at_k_at_its_ends():
    assert exact_pass_at_k([0.0, 1.0], 7) == 0.5
    assert exact_pass_at_k([0.25, 0.75], 1) == 0.5
    assert exact_pass_at_k([1e-12], 256) == pytest.approx(2.56e-10, rel=1e-6)
    large = estimate_pass_at_k([0, 1, 10_000], 10_000, 256)
    assert large == pytest.approx([0, 0.0256, 1], abs=1e-12)
    for bad in ((3, 2, 1), (1, 2, 3), (1, 2, 0), (-1, 2, 1)):
        with pytest.raises(ValueError, match=r"found"):
            estimate_pass_at_k(*bad)
    with pytest.raises(ValueError, match="found 0"):
        exact_pass_at_k([0.5], 0)


# Policies ------------------------------------------------------------------------------------------
def enumerated(flat: torch.Tensor, world, prompt: int) -> tuple[np.ndarray, np.ndarray]:
    """All 6,859 responses, and the log-probability of each."""
    responses = torch.tensor(list(itertools.product(range(WORLD_B.vocabulary), repeat=3)))
    tokens = torch.as_tensor(world.prompt_tokens(np.array([prompt]))).expand(len(responses), -1)
    with torch.no_grad():
        log_probs = token_log_probs(ARCH, flat, tokens[None], responses[None])[0].double().sum(-1)
    return responses.numpy(), log_probs.numpy()


def test_probability_entropy_and_divergence_equal_the_enumeration(world, policies):
    prompts = np.array([0, 1234])
    p = right_probability(ARCH, policies[:1], world, prompts)
    entropy, kl = response_entropy(ARCH, policies[:1], policies[1:], world, prompts, negligible=0.0)
    thin, thin_kl = response_entropy(ARCH, policies[:1], policies[1:], world, prompts, negligible=1e-6)
    for i, prompt in enumerate(prompts):
        responses, own = enumerated(policies[:1], world, prompt)
        _, reference = enumerated(policies[1:], world, prompt)
        mass = np.exp(own)
        assert mass.sum() == pytest.approx(1, abs=1e-5)
        assert p[i] == pytest.approx(mass[(responses == world.right[prompt]).all(1)].sum(), rel=1e-5)
        assert entropy[i] == pytest.approx(-(mass * own).sum(), abs=1e-4)
        assert kl[i] == pytest.approx((mass * (own - reference)).sum(), abs=1e-4)
        assert 0 <= entropy[i] - thin[i] < 0.003 and thin_kl[i] == pytest.approx(kl[i], abs=0.01)


def test_exact_pass_at_k_agrees_with_the_estimator_on_samples(world, policies):
    """256 samples of the base's chance on every prompt, over 333 prompts: within five standard errors."""
    p = np.clip(right_probability(ARCH, policies[:1], world, world.test_prompts("id")) * 200, 0, 1)
    counts = np.random.Generator(np.random.PCG64(1)).binomial(256, p)
    for k in PASS_AT:
        estimates = estimate_pass_at_k(counts, 256, k)
        error = estimates.std() / np.sqrt(len(p))
        assert abs(estimates.mean() - exact_pass_at_k(p, k)) < 5 * error + 1e-3


def test_metrics_of_a_policy(world, policies):
    found = evaluate(ARCH, policies[:1], policies[1:], world, every=64)
    assert set(found) == {"id", "ood"}
    for distribution, metrics in found.items():
        p = right_probability(ARCH, policies[:1], world, world.test_prompts(distribution))
        assert metrics["pass_1"] == pytest.approx(p.mean()) and metrics["kl"] > 0
        assert metrics["pass_8"] == pytest.approx((1 - (1 - p) ** 8).mean())
        assert 0 < metrics["entropy"] < math.log(WORLD_B.vocabulary)
    same = evaluate(ARCH, policies[:1], policies[:1], world, every=64, distributions=("id",))
    assert same["id"]["kl"] == pytest.approx(0, abs=1e-6)


def test_collapse():
    base = {"entropy": 1.0, "pass_1": 0.4}
    assert not collapsed(base, base, True) and collapsed(base, base, False)
    assert collapsed({"entropy": 0.2, "pass_1": 0.9}, base, True)
    assert collapsed({"entropy": 1.0, "pass_1": 0.2}, base, True)


# Bases ---------------------------------------------------------------------------------------------
def test_a_base_alone_equals_the_base_in_a_batch_bit_for_bit():
    worlds = [draw_strategy_world(1, number) for number in (0, 1, 2)]
    spec = Pretraining(steps=6, batch=32)
    whole = bases.pretrain(ARCH, worlds, 1, spec)
    assert torch.equal(bases.pretrain(ARCH, worlds[1:2], 1, spec)[0], whole[1])
    assert torch.equal(bases.pretrain(ARCH, worlds[::-1], 1, spec)[0], whole[2])
    pool, more = (bases.fill_pool(ARCH, whole[:1], worlds[0], 1, 2, count) for count in (50, 80))
    assert np.array_equal(pool.combo, more.combo[:50]) and worlds[0].training[more.combo].all()
    log_probs = token_log_probs(
        ARCH, whole[:1], torch.as_tensor(worlds[0].prompt_tokens(pool.combo))[None],
        torch.as_tensor(pool.responses[:, 1])[None],
    )  # fmt: skip
    assert np.allclose(log_probs.sum(-1)[0].detach(), pool.reference[:, 1], atol=1e-4)


@pytest.mark.slow
def test_a_trained_base_computes_well_and_is_as_accurate_as_its_demonstrator():
    worlds = [draw_strategy_world(1, 0, p_easy=p_easy) for p_easy in (0.25, 0.60, 0.85)]
    arch = Architecture(WORLD_B)
    flat = bases.pretrain(arch, worlds, 1, Pretraining(steps=900))
    every = np.arange(WORLD_B.prompts)
    for row, world in enumerate(worlds):
        easy = world.p_easy + (1 - world.p_easy) * world.prior[world.strategy]
        p = right_probability(arch, flat[row : row + 1], world, every)
        assert p.mean() == pytest.approx(np.where(world.hard, 0.012, easy).mean(), abs=0.03)
        right = torch.as_tensor(world.right)[None]
        tokens = torch.as_tensor(world.prompt_tokens(every))[None]
        with torch.no_grad():
            log_probs = token_log_probs(arch, flat[row : row + 1], tokens, right)[0]
        assert (log_probs[:, 1:].exp().mean(0) > 0.95).all()
