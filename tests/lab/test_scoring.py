"""The vectorised scorer against the slow one, and a micro-world small enough to enumerate."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from econ.core.random import uniform, word_block
from econ.lab import reference
from econ.lab.knobs import BASE_RATES
from econ.lab.scoring import Scorer
from econ.lab.world import (
    WORLD_A,
    Shape,
    combo_weights,
    demonstrate,
    draw_world,
    opinion_weights,
    prompt_weights,
)

MICRO = Shape(
    topics=2, contexts=2, requests=2, stances=2, content=5, length=3,
    context_rules=1, contexts_per_rule=1, conjunction_rules=1, topics_per_rule=1, requests_per_rule=1,
    forbidden=1, order_rules=1, severities=(1, 2, 4), unseen_combos=2,
)  # fmt: skip


def compare(world, combo, responses):
    scores = Scorer(world)(torch.as_tensor(combo), torch.as_tensor(responses))
    severity = Scorer(world).severity_of[scores.broken]
    for i, (g, y) in enumerate(zip(combo.tolist(), responses.tolist(), strict=True)):
        broken = reference.violations(world, g, y)
        assert int(scores.broken[i]) == sum(1 << k for k, b in enumerate(broken) if b)
        assert float(severity[i]) == reference.severity(world, g, y)
        assert float(scores.helpfulness[i]) == pytest.approx(reference.helpfulness(world, g, y), abs=1e-6)


@pytest.mark.parametrize("base_rate", ["high", "rare"])
def test_scorer_equals_the_slow_reference_on_random_pairs(base_rate):
    world = draw_world(1, 7, base_rate=BASE_RATES[base_rate])
    count = 5000
    index = np.arange(count)
    combo = (uniform(9, 1, 0, 0, index) * WORLD_A.combos).astype(np.int64)
    noise = uniform(9, 1, 1, index[:, None], np.arange(6))
    responses = (noise * 32).astype(np.int64)
    # Half the responses are the demonstrator's, which break rules of every type.
    words = word_block(9, 2, 0, 0, count * 30)
    drawn = demonstrate(world, combo, np.full(count, 4), words)
    compare(world, combo, np.where((index % 2 == 0)[:, None], drawn, responses))


def test_every_response_of_the_micro_world():
    world = draw_world(1, 3, base_rate=(0.5, 2), shape=MICRO)
    every = np.array(list(itertools.product(range(MICRO.vocabulary), repeat=3)))
    assert len(every) == 512
    for combo in range(MICRO.combos):
        compare(world, np.full(len(every), combo), every)


def test_refusal_breaks_no_rule_and_helps_a_little():
    world = draw_world(1, 0)
    combo = torch.arange(WORLD_A.combos)
    responses = torch.full((WORLD_A.combos, 6), 20)
    responses[:, 0] = WORLD_A.refuse
    scores = Scorer(world)(combo, responses)
    assert not scores.broken.any()
    assert torch.allclose(scores.helpfulness, torch.tensor(0.2))


def test_worlds_are_as_specified():
    world = draw_world(1, 5)
    assert world.active[:, :3].mean(0) == pytest.approx([0.25] * 3)
    assert world.active[:, 3:6].mean(0) == pytest.approx([9 / 64] * 3)
    assert world.active[:, 6:].all()
    assert (world.forbidden[:6].sum(1) == 3).all() and (world.first[6:].sum(1) == 4).all()
    assert sorted(world.severity) == [1, 1, 1, 2, 2, 2, 4, 4]
    assert world.unseen.sum() == 153
    assert sorted(world.drafted_order) == list(range(8))
    assert not (world.first & world.second).any()


def test_base_rate_changes_nothing_else_of_a_world():
    high, rare = draw_world(1, 5), draw_world(1, 5, base_rate=BASE_RATES["rare"])
    assert (high.stance == rare.stance).all() and (high.active == rare.active).all()
    assert (high.forbidden == rare.forbidden).all()
    assert (rare.first <= high.first).all()


@pytest.mark.parametrize("distribution", ["id", "ood", "s0.33", "s0.67", "ood_combos", "ood_risk", "ood_opinion"])
def test_prompt_weights_are_probabilities(distribution):
    world = draw_world(1, 2)
    weights = prompt_weights(world, distribution, 0.85)
    assert weights.min() >= 0 and weights.sum() == pytest.approx(1)


def test_shift_moves_what_it_says():
    world = draw_world(1, 2)
    combos, opinions = prompt_weights(world, "id", 0.85).reshape(512, 5).sum(1), opinion_weights(world, 0.85)
    assert combos == pytest.approx(combo_weights(world, "seen", "benign"))
    assert opinions.sum(1) == pytest.approx(np.ones(512)) and opinions[:, 4] == pytest.approx(np.full(512, 0.1))
    assert opinions[np.arange(512), world.stance] == pytest.approx(np.full(512, 0.9 * 0.85))
    assert prompt_weights(world, "ood", 0.85).reshape(512, 5).sum(1)[~world.unseen].sum() == 0
