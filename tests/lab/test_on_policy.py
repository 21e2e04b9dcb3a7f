"""On-policy training: batches, interruptions, and what the advantages of each algorithm imply."""

from __future__ import annotations

import pytest
import torch

from econ.lab.algorithms import ALGORITHMS
from econ.lab.model import Architecture, initial_parameters, token_log_probs
from econ.lab.on_policy import train_policies
from econ.lab.policy_settings import OnPolicy
from econ.lab.rollouts import Problem, sample
from econ.lab.training_state import Saver
from econ.lab.world import WORLD_A

ARCH = Architecture(WORLD_A, layers=1, width=16)
SHORT = OnPolicy(prompts=8, steps=12, check_every=4, held_out=16, patience=50)
PROMPTS = torch.stack([torch.arange(60) % k + start for k, start in ((8, 0), (7, 8), (5, 16), (3, 24))], -1)


def wrong(response: torch.Tensor) -> torch.Tensor:
    return (response[..., 1:] < 12).any(-1)


def right_or_wrong(runs, prompt, response):
    return torch.where(wrong(response), -1.0, 1.0)


def go(algorithm: str, worlds: list[int], *, spec=SHORT, reward=right_or_wrong, beta_kl=0.1, held_out=16, lr=1e-3, **keys):
    def column(value: float) -> torch.Tensor:
        return torch.full((len(worlds), 1), value)

    problem = Problem(PROMPTS.expand(len(worlds), -1, -1), reward, [(1, w) for w in worlds], held_out)
    config = {"lr": column(lr) * (1 + torch.tensor(worlds)[:, None]), "beta_kl": column(beta_kl)}
    config["lambda"] = column(keys.pop("weight", 0.1))
    return train_policies(
        ARCH, initial_parameters(ARCH, 1, worlds), problem, ALGORITHMS[algorithm], config, spec, **keys
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_run_alone_equals_the_run_in_a_batch_in_any_order(algorithm):
    whole = go(algorithm, [0, 1, 2], held_out=0)
    assert torch.isfinite(whole.flat).all() and not torch.equal(whole.flat[0], whole.flat[1])
    assert (whole.flat != initial_parameters(ARCH, 1, [0, 1, 2])).any(1).all()
    turned = go(algorithm, [2, 0], held_out=0)
    assert torch.equal(turned.flat[0], whole.flat[2]) and torch.equal(turned.flat[1], whole.flat[0])
    assert [c[2] for c in turned.curves if c[0] == 1][1:] == [c[2] for c in whole.curves if c[0] == 0][1:]


def test_runs_that_stop_early_leave_the_others_alone():
    hasty = OnPolicy(prompts=8, steps=24, check_every=2, held_out=16, patience=1)
    whole = go("ppo", [0, 1, 2, 3], spec=hasty, lr=3e-3)
    assert len(set(whole.steps.tolist())) > 1
    for world in range(4):
        alone = go("ppo", [world], spec=hasty, lr=3e-3)
        assert torch.equal(alone.flat[0], whole.flat[world]) and alone.steps[0] == whole.steps[world]


@pytest.mark.parametrize("algorithm", ["ppo", "nsr"])
def test_an_interrupted_batch_ends_as_it_would_have(algorithm, tmp_path):
    whole, path = go(algorithm, [0, 1]), tmp_path / "state.npz"

    def stop(step, index, flat):
        if step == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go(algorithm, [0, 1], on_check=stop, saver=Saver(path, interval=0.0))
    assert path.exists()
    seen: list[int] = []
    resumed = go(
        algorithm, [0, 1], on_check=lambda step, *_: seen.append(step), saver=Saver(path, interval=1e9)
    )
    assert seen == [8, 12]
    assert torch.equal(resumed.flat, whole.flat) and torch.equal(resumed.best_step, whole.best_step)
    assert resumed.curves[2:] == whole.curves[2:]


def constant(value: float):
    return lambda runs, prompt, response: torch.full(prompt.shape, value)


@pytest.mark.parametrize(
    "algorithm, reward",
    [
        ("nsr", constant(1.0)),
        ("psr", constant(-1.0)),
        ("grpo", lambda runs, prompt, response: prompt.float()),
        ("rloo", lambda runs, prompt, response: -prompt.float()),
    ],
)
def test_where_an_algorithm_sees_no_signal_nothing_moves(algorithm, reward):
    """NSR without errors, PSR without successes, group baselines on equal groups."""
    out = go(algorithm, [0, 1], reward=reward, beta_kl=0.0, held_out=0)
    assert torch.equal(out.flat, initial_parameters(ARCH, 1, [0, 1]))


def test_a_constant_reward_moves_one_sided_methods():
    """No baseline takes their signal away, as it would that of GRPO."""
    base = initial_parameters(ARCH, 1, [0])
    assert not torch.equal(go("nsr", [0], reward=constant(-1.0), beta_kl=0.0, held_out=0).flat, base)
    assert not torch.equal(go("psr", [0], reward=constant(1.0), beta_kl=0.0, held_out=0).flat, base)


def test_w_reinforce_without_weight_on_the_right_is_nsr():
    none = go("w_reinforce", [0, 1], weight=0.0, beta_kl=0.0)
    assert torch.equal(none.flat, go("nsr", [0, 1], beta_kl=0.0).flat)
    assert not torch.equal(go("w_reinforce", [0, 1], weight=1.0, beta_kl=0.0).flat, none.flat)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_learns_what_is_rewarded(algorithm):
    spec = OnPolicy(prompts=16, steps=40, held_out=16)
    out = go(algorithm, [0], spec=spec, beta_kl=0.0, held_out=0, lr=3e-3)
    noise = -torch.log(-torch.log(torch.rand(1, 240, 6, 32, generator=torch.Generator().manual_seed(1))))

    def rate(flat):
        return float(wrong(sample(ARCH, flat, PROMPTS[None], noise, 4)[0]).float().mean())

    before = rate(initial_parameters(ARCH, 1, [0]))
    assert before > 0.8 and rate(out.flat) < before - 0.15


def test_divergence_is_held_by_its_weight():
    spec = OnPolicy(prompts=16, steps=30, held_out=16)
    base = initial_parameters(ARCH, 1, [0])
    moved = []
    for beta in (0.0, 1.0):
        flat = go("grpo", [0], spec=spec, beta_kl=beta, held_out=0, lr=3e-3).flat
        noise = torch.zeros(1, 60, 6, 32)
        response, log_probs = sample(ARCH, flat, PROMPTS[None], noise)
        moved.append(float((log_probs.sum(-1) - token_log_probs(ARCH, base, PROMPTS[None], response).sum(-1)).mean()))
    assert moved[1] < 0.7 * moved[0]


def test_held_out_prompts_never_train():
    seen: list[torch.Tensor] = []

    def watch(runs, prompt, response):
        seen.append(prompt)
        return right_or_wrong(runs, prompt, response)

    go("nsr", [0], reward=watch)
    trained = torch.cat([p.flatten() for p in seen if p.shape[1] == SHORT.rollouts])
    checked = torch.cat([p.flatten() for p in seen if p.shape[1] == 16])
    assert int(trained.max()) < 44 <= int(checked.min()) and int(checked.max()) == 59


def test_samples_and_their_probabilities_are_those_of_one_pass():
    flat = initial_parameters(ARCH, 1, [0, 1])
    noise = -torch.log(-torch.log(torch.rand(2, 180, 6, 32, generator=torch.Generator().manual_seed(2))))
    response, log_probs = sample(ARCH, flat, PROMPTS.expand(2, -1, -1), noise, 3)
    prompt = PROMPTS.repeat_interleave(3, 0).expand(2, -1, -1)
    assert torch.allclose(log_probs, token_log_probs(ARCH, flat, prompt, response), atol=1e-5)
