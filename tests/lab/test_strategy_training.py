"""Policies and scorers of World B: bit for bit the same alone and in a batch, and they learn what is right."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from econ.lab.algorithms import ALGORITHMS
from econ.lab.grid import Pretraining, Training
from econ.lab.label_sets import LabelSet
from econ.lab.model import Architecture, initial_parameters
from econ.lab.on_policy import train_policies
from econ.lab.policy_settings import OnPolicy, ScorerTraining
from econ.lab.rewards import by_run
from econ.lab.rollouts import Problem
from econ.lab.scorers import SCORER_LOSSES, train_scorers
from econ.lab.strategy import bases
from econ.lab.strategy.evaluation import right_answers, right_probability
from econ.lab.strategy.world import WORLD_B, draw_strategy_world

ARCH = Architecture(WORLD_B, layers=1, width=16)
WORLDS = [draw_strategy_world(1, number) for number in (0, 1, 2)]
TRAINED = [np.flatnonzero(world.training) for world in WORLDS]
PROMPTS = torch.as_tensor(np.stack([w.prompt_tokens(t) for w, t in zip(WORLDS, TRAINED, strict=True)]))


def problem(which: list[int]) -> Problem:
    def of_run(i: int, prompt: torch.Tensor, response: torch.Tensor) -> torch.Tensor:
        world = which[i]
        return torch.where(right_answers(WORLDS[world], torch.as_tensor(TRAINED[world])[prompt], response), 1.0, -1.0)

    return Problem(PROMPTS[which], by_run(of_run), [(1, world) for world in which])


def policies(which: list[int], base: torch.Tensor, name: str, steps: int, lr: float = 5e-4) -> torch.Tensor:
    values = {"lr": lr, "beta_kl": 0.1 if name in ("ppo", "grpo") else 0.0, "lambda": 0.1}
    config = {key: torch.full((len(which), 1), value) for key, value in values.items()}
    spec = OnPolicy(prompts=8, samples=4, check_every=100)
    return train_policies(ARCH, base[which], problem(which), ALGORITHMS[name], config, spec, steps=steps).flat


@pytest.mark.parametrize("name", ["nsr", "w_reinforce", "ppo", "grpo"])
def test_a_policy_alone_equals_the_policy_in_a_batch_in_any_order(name):
    base = initial_parameters(ARCH, 1, [0, 1, 2])
    whole = policies([0, 1, 2], base, name, 5)
    assert torch.isfinite(whole).all() and not torch.equal(whole, base)
    assert torch.equal(policies([1], base, name, 5)[0], whole[1])
    assert torch.equal(policies([2, 0], base, name, 5), whole[[2, 0]])


# World B has one rule, so no verifier by rule.
@pytest.mark.parametrize("kind", ["reward", "verifier"])
def test_a_scorer_alone_equals_the_scorer_in_a_batch(kind):
    base, count = initial_parameters(ARCH, 1, [0, 1, 2]), 160
    draws = torch.Generator().manual_seed(0)
    labels = LabelSet(
        PROMPTS[:, :count], torch.randint(0, 19, (3, count, 2, 3), generator=draws), torch.zeros(3, count, 2),
        torch.rand(3, count, 2, generator=draws) < 0.5,
    )  # fmt: skip

    def fit(which: list[int]) -> torch.Tensor:
        chosen, spec = labels.runs(torch.tensor(which)), ScorerTraining(batch=32, min_steps=4, max_steps=8)
        keys = [(1, world) for world in which]
        return train_scorers(ARCH, base[which], chosen, SCORER_LOSSES[kind], keys, spec, Training()).flat

    whole = fit([0, 1, 2])
    assert torch.equal(fit([1])[0], whole[1]) and torch.equal(fit([2, 0]), whole[[2, 0]])


@pytest.mark.slow
def test_a_verifier_makes_right_answers_likelier():
    """Sanity with a wide margin: what is rewarded must gain on the prompts that train."""
    arch = Architecture(WORLD_B)
    base = bases.pretrain(arch, WORLDS[:1], 1, Pretraining(steps=900))
    config = {key: torch.full((1, 1), value) for key, value in {"lr": 1e-3, "beta_kl": 0.0}.items()}
    spec = OnPolicy(prompts=24, samples=8, check_every=1000)
    trained = train_policies(arch, base, problem([0]), ALGORITHMS["grpo"], config, spec, steps=100).flat
    before, after = (right_probability(arch, flat, WORLDS[0], TRAINED[0]).mean() for flat in (base, trained))
    assert after > before + 0.05
