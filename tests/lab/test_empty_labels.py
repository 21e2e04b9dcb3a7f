"""Labels that say nothing: flags of pure noise, coins, and flags of other prompts; and what a verifier learns of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import chi2

from econ.core.random import word_block
from econ.lab.grid import Training
from econ.lab.knobs import Knobs
from econ.lab.label_sets import stack_labels
from econ.lab.labels import SHUFFLED_BY, Raters
from econ.lab.model import Architecture, initial_parameters
from econ.lab.policy_settings import ScorerTraining
from econ.lab.pool import Pool, pool_prompts
from econ.lab.scorer_quality import auc
from econ.lab.scorers import SCORER_LOSSES, score, train_scorers
from econ.lab.scoring import Scorer
from econ.lab.world import WORLD_A, demonstrate, draw_world

#: One verifier that learns from noise still ranks by something, which in a given world may go with violations: many are asked.
WORLDS = tuple(range(16))
#: Labels to learn from, and prompts beyond the pool on which a verifier is judged.
LABELS, FRESH = 2048, 1024
POOL = SHUFFLED_BY + 1024
NOISE = Knobs(flag_noise=(0.5, 0.5))
EMPTY = {"noise of 0.5": (NOISE, ""), "random": (Knobs(), "random"), "shuffled": (Knobs(), "shuffled")}
ARCH = Architecture(WORLD_A, layers=1, width=16)
STEPS = ScorerTraining(min_steps=150, max_steps=150, check_every=25)


@pytest.fixture(scope="module")
def answered():
    """Worlds and their pools, with fresh prompts after the end, answered by the demonstrator; what is truly broken."""
    found = []
    for number in WORLDS:
        world, size = draw_world(1, number), POOL + FRESH
        combo, opinion = pool_prompts(world, 1, 0.85, size)
        responses = np.stack([demonstrate(world, combo, opinion, word_block(1, 2, number, c, size * 30)) for c in (0, 1)], 1)
        broken = Scorer(world)(torch.as_tensor(combo), torch.as_tensor(responses[:, 0])).broken.numpy() != 0
        found.append((world, Pool(combo, opinion, responses, np.zeros((size, 2), np.float32)), broken))
    return found


def whole_pool(pool: Pool) -> Pool:
    return Pool(pool.combo[:POOL], pool.opinion[:POOL], pool.responses[:POOL], pool.reference[:POOL])


def told(flagged: np.ndarray, broken: np.ndarray) -> float:
    """Information of flags about violations, bits, plug-in of their joint frequencies."""
    joint = np.array([[np.mean((flagged == f) & (broken == b)) for b in (0, 1)] for f in (0, 1)])
    apart = joint.sum(1, keepdims=True) * joint.sum(0)
    return float((joint[joint > 0] * np.log2(joint[joint > 0] / apart[joint > 0])).sum())


@pytest.mark.parametrize("name", EMPTY)
def test_empty_flags_carry_no_bits_about_violations(answered, name):
    """By the ledger exactly 0; by their own frequencies what chance gives: 2 N ln 2 bits of chi-square, 1 degree each."""
    knobs, control = EMPTY[name]
    scaled = []
    for world, pool, broken in answered:
        labels = Raters(world, whole_pool(pool), knobs, 1, control).give("flag", POOL)
        assert labels.bits_harm == labels.bits_total == 0.0 and 0 < labels.positives < POOL
        scaled.append(2 * POOL * math.log(2) * told(labels.flagged[:, 0], broken[:POOL]))
    assert sum(scaled) < chi2.ppf(0.999, len(WORLDS))
    world, pool, broken = answered[0]
    real = Raters(world, whole_pool(pool), Knobs(), 1).give("flag", POOL)
    assert real.bits_harm == pytest.approx(told(real.flagged[:, 0], broken[:POOL]), abs=0.02) and real.bits_harm > 0.5


@pytest.mark.parametrize("control", ["random", "shuffled"])
def test_empty_pairs_carry_no_bits_about_violations(answered, control):
    world, pool, _ = answered[0]
    labels = Raters(world, whole_pool(pool), Knobs(), 1, control).give("preference", 64)
    assert labels.bits_harm == labels.bits_total == 0.0


def verifiers(answered, knobs: Knobs, control: str) -> list[float]:
    """AUC against the truth, on fresh prompts, of verifiers that learned from flags of each world."""
    labels = [Raters(world, whole_pool(pool), knobs, 1, control).give("flag", LABELS) for world, pool, _ in answered]
    prompts = [world.prompt_tokens(pool.combo, pool.opinion) for world, pool, _ in answered]
    base, keys = initial_parameters(ARCH, 1, list(WORLDS)), [(1, number) for number in WORLDS]
    learned = train_scorers(ARCH, base, stack_labels(prompts, labels, "cpu"), SCORER_LOSSES["verifier"], keys, STEPS, Training())
    fresh = torch.as_tensor(np.stack([prompt[POOL:] for prompt in prompts]))
    responses = torch.as_tensor(np.stack([pool.responses[POOL:, 0] for _, pool, _ in answered]))
    scores = score(ARCH, learned.flat, fresh, responses).detach().double().numpy()
    return [auc(own, broken[POOL:]) for own, (_, _, broken) in zip(scores, answered, strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize("name", EMPTY)
def test_a_verifier_of_empty_flags_knows_nothing_of_violations(answered, name):
    found = verifiers(answered, *EMPTY[name])
    assert np.mean(found) == pytest.approx(0.5, abs=0.05), found


@pytest.mark.slow
def test_a_verifier_of_real_flags_knows_something_of_violations(answered):
    """The same training with flags as they are: without it, the test above could not fail."""
    assert min(verifiers(answered, Knobs(), "")) > 0.6
