"""World B against its slow scorer, its demonstrator against closed forms, its labels against their noise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from econ.core.random import uniform
from econ.lab.knobs import Knobs
from econ.lab.pool import Pool
from econ.lab.strategy.evaluation import right_answers
from econ.lab.strategy.labels import StrategyRaters
from econ.lab.strategy.reference import is_right
from econ.lab.strategy.world import (
    TRAINED_CELLS,
    WORLD_B,
    demonstrate,
    draw_strategy_world,
    solve,
)

ALL = np.arange(WORLD_B.prompts)


@pytest.fixture(scope="module")
def world():
    return draw_strategy_world(1, 7)


def expected_accuracy(world) -> float:
    """P(right) of the demonstrator on all prompts."""
    easy = world.p_easy + (1 - world.p_easy) * world.prior[world.strategy]
    return float(np.where(world.hard, 0.012, easy).mean())


def test_tensors_and_the_slow_scorer_agree_and_one_response_is_right(world):
    responses = np.array(list(itertools.product(range(12), range(12, 19), range(12, 19))))
    digits = world.digits.tolist()
    by_tensor = right_answers(world, torch.as_tensor(ALL)[:, None], torch.as_tensor(responses)[None])
    assert (by_tensor.sum(1) == 1).all()
    for prompt in ALL:
        assert is_right(world, digits[prompt], world.right[prompt].tolist())
    # Every response of some prompts, one of every kind of error among them.
    for prompt in ALL[::97]:
        slow = [is_right(world, digits[prompt], response) for response in responses.tolist()]
        assert slow == by_tensor[prompt].tolist()


def test_prompt_tokens_tell_place_and_digit(world):
    tokens = world.prompt_tokens(ALL)
    assert len(np.unique(tokens, axis=0)) == 2401 and tokens.min() == 0 and tokens.max() == 27
    assert (tokens // 7 == np.arange(4)).all()
    assert world.prompt_tokens(np.array([[5 * 343 + 2]])).tolist() == [[[2, 7, 14, 26]]]


def test_splits_share_no_prompt_and_cover_all(world):
    trained, id_, ood = np.flatnonzero(world.training), world.test_prompts("id"), world.test_prompts("ood")
    assert sorted([*trained, *id_, *ood]) == ALL.tolist()
    assert (len(trained), len(id_), len(ood)) == (1333, 333, 735)
    cells = {name: set(world.cell[x]) for name, x in (("trained", trained), ("id", id_), ("ood", ood))}
    assert len(cells["trained"]) == TRAINED_CELLS and not cells["ood"] & (cells["trained"] | cells["id"])
    with pytest.raises(KeyError):
        world.test_prompts("s0.33")


def test_a_world_is_its_number_and_the_knob_changes_the_demonstrator_alone(world):
    other = draw_strategy_world(1, 7, p_easy=0.25)
    for name in ("strategy", "hard", "prior", "training"):
        assert np.array_equal(getattr(world, name), getattr(other, name))
    assert not np.array_equal(draw_strategy_world(1, 8).strategy, world.strategy)


def test_base_accuracy_by_knob():
    worlds = range(1000, 1100)
    for p_easy, accuracy in ((0.25, 0.22), (0.60, 0.44), (0.85, 0.61)):
        mean = np.mean([expected_accuracy(draw_strategy_world(1, number, p_easy=p_easy)) for number in worlds])
        assert mean == pytest.approx(accuracy, abs=0.02)


def test_the_demonstrator_computes_well_and_knows_what_it_should(world):
    draws = [uniform(3, 1, 0, 0, np.arange(200_000), draw) for draw in range(3)]
    prompt = (draws[0] * 2401).astype(np.int64)
    shown = demonstrate(world, prompt, draws[1], draws[2])
    assert np.array_equal(shown, solve(world, prompt, shown[:, 0]))
    right = (shown == world.right[prompt]).all(1)
    assert right.mean() == pytest.approx(expected_accuracy(world), abs=0.005)
    hard = world.hard[world.cell[prompt]]
    assert right[hard].mean() == pytest.approx(0.012, abs=0.002)
    wrong = hard & ~right & (world.cell[prompt] == world.cell[prompt[hard][0]])
    habits = world.prior.copy()
    habits[world.strategy[world.cell[prompt[hard][0]]]] = 0
    share = np.bincount(shown[wrong, 0], minlength=12) / wrong.sum()
    assert np.abs(share - habits / habits.sum()).max() < 0.03


def make_pool(world, count: int = 6000) -> Pool:
    """Responses right with 0.5, else with another strategy."""
    index = np.arange(count)
    prompt = np.flatnonzero(world.training)[index % 1333]
    responses = np.stack([world.right[prompt]] * 2, 1)
    for candidate in (0, 1):
        spoiled = uniform(4, 1, 0, candidate, index) < 0.5
        responses[spoiled, candidate, 0] = (responses[spoiled, candidate, 0] + 1) % 12
    return Pool(prompt, np.zeros_like(prompt), responses, np.tile(np.float32([-1.0, -2.0]), (count, 1)))


def test_right_beats_wrong_but_for_flips_and_ties_are_coins(world):
    pool = make_pool(world)
    right = (pool.responses == world.right[pool.combo][:, None]).all(2)
    labels = StrategyRaters(world, pool, Knobs(), 1).give("preference", 6000)
    chosen_right = (labels.responses[:, 0] == world.right[pool.combo]).all(1)
    differ = right[:, 0] != right[:, 1]
    assert chosen_right[differ].mean() == pytest.approx(0.95, abs=0.015)
    assert (labels.reference[~differ, 0] == -1).mean() == pytest.approx(0.5, abs=0.04)
    assert (np.sort(labels.reference, 1) == [-2, -1]).all()
    # Half of the pairs tell, at the capacity of a channel that flips 5 %.
    assert labels.bits_total == pytest.approx(differ.mean() * (1 - 0.2864), abs=0.01)
    clean = StrategyRaters(world, pool, Knobs(pair_flip=0.0), 1).give("preference", 6000)
    assert (clean.responses[differ, 0] == world.right[pool.combo][differ]).all()


def test_flags_fall_on_wrong_responses_through_noise_and_budgets_are_nested(world):
    pool = make_pool(world)
    wrong = (pool.responses[:, 0] != world.right[pool.combo]).any(1)
    raters = StrategyRaters(world, pool, Knobs(flag_noise=(0.2, 0.1)), 1)
    labels = raters.give("flag", 6000)
    assert labels.flagged[wrong, 0].mean() == pytest.approx(0.8, abs=0.03)
    assert labels.flagged[~wrong, 0].mean() == pytest.approx(0.1, abs=0.02)
    for kind in ("flag", "preference"):
        whole, part, later = raters.give(kind, 600), raters.give(kind, 100), raters.give(kind, 100, 100)
        assert np.array_equal(part.responses, whole.responses[:100])
        assert np.array_equal(later.responses, whole.responses[100:200])
        assert np.array_equal(part.flagged, whole.flagged[:100])
