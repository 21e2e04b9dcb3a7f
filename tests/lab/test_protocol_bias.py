"""Agreement weighs in flags what it weighs in pairs: the effect, its bisection, its use by flags alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from econ.core.errors import WorkError
from econ.core.random import word_block
from econ.lab import programs
from econ.lab.grid import Grid
from econ.lab.job import Context
from econ.lab.knobs import Knobs
from econ.lab.labels import Raters
from econ.lab.matching import matched_bias, matched_temperature
from econ.lab.pool import POOL_SIZE, Pool, pool_prompts
from econ.lab.pretraining import Base
from econ.lab.programs import Run
from econ.lab.scoring import Scorer
from econ.lab.store import Store
from econ.lab.world import demonstrate, draw_world

KINDS_OF = {"dpo": "preference", "npo_ret": "flag", "pos_binary": "flag", "flag_dpo": "flag_pair"}


@pytest.fixture(scope="module")
def world():
    return draw_world(1, 11)


@pytest.fixture(scope="module")
def pool(world):
    """A pool answered by the demonstrator, so that no model need be trained."""
    combo, opinion = pool_prompts(world, 1, 0.85)
    responses = [demonstrate(world, combo, opinion, word_block(1, 2, 11, c, POOL_SIZE * 30)) for c in (0, 1)]
    return Pool(combo, opinion, np.stack(responses, 1), np.zeros((POOL_SIZE, 2), np.float32))


def share_broken(world, pool) -> float:
    """Among the responses that could agree: an opinion is stated and the answer does not refuse."""
    scores = Scorer(world)(torch.as_tensor(pool.combo), torch.as_tensor(pool.responses[:, 0]))
    able = (pool.opinion < world.shape.stances) & ~scores.refused.numpy()
    return float((scores.broken.numpy() != 0)[able].mean())


def logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


@pytest.mark.parametrize("flag_bias", [0.0, 0.25, 0.8])
def test_effect_on_flags_in_closed_form(world, pool, flag_bias):
    knobs = Knobs(flag_noise=(0.1, 0.05), flag_bias=flag_bias)
    broken = share_broken(world, pool)
    kept = broken * 0.1 + (1 - broken) * 0.95
    expected = logit(kept + broken * flag_bias) - logit(kept)
    assert Raters(world, pool, knobs, 1).agreement_effect("flag") == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("bias, flip", [(2.0, 0.0), (1.0, 0.1), (0.0, 0.05)])
def test_effect_on_pairs_in_closed_form_where_choice_is_nearly_linear(world, pool, bias, flip):
    """At a high temperature T, P = 1/2 + (1 - 2f) Δu / 4T, so that the log-odds move by (1 - 2f) bias / T."""
    knobs = Knobs(bias=bias, pair_flip=flip, pair_temperature=1e4)
    effect = Raters(world, pool, knobs, 1).agreement_effect("preference")
    assert effect * 1e4 == pytest.approx((1 - 2 * flip) * bias, rel=1e-3, abs=1e-9)


@pytest.mark.parametrize("knobs", [Knobs(), Knobs(bias=4.0, v=0.5), Knobs(bias=1.0, coverage=5), Knobs(raters=4)])
def test_bisection_reaches_the_effect_of_the_pair(world, pool, knobs):
    bias = matched_bias(world, pool, knobs, 1)
    target = Raters(world, pool, knobs, 1).agreement_effect("preference")
    found = Raters(world, pool, knobs.model_copy(update={"flag_bias": bias}), 1).agreement_effect("flag")
    assert 0 < bias < 1 and target > 0.1
    assert found == pytest.approx(target, abs=1e-8)


def test_bisection_equals_the_closed_form(world, pool):
    knobs = Knobs()
    broken, error = share_broken(world, pool), knobs.noise[0]
    kept = broken * error + (1 - broken) * (1 - error)
    target = Raters(world, pool, knobs, 1).agreement_effect("preference")
    exact = (1 / (1 + np.exp(-logit(kept) - target)) - kept) / broken
    assert matched_bias(world, pool, knobs, 1) == pytest.approx(exact, abs=1e-9)


def test_no_bias_of_pairs_is_no_bias_of_flags(world, pool):
    assert matched_bias(world, pool, Knobs(bias=0.0), 1) == 0.0


@pytest.mark.parametrize("knobs", [Knobs(bias=-1.0), Knobs(coverage=0), Knobs(flag_noise=(0.95, 0.3), bias=4.0)])
def test_what_flags_cannot_carry_is_refused(world, pool, knobs):
    with pytest.raises(WorkError, match="to the log-odds of a preference in world 11"):
        matched_bias(world, pool, knobs, 1)


def test_matched_flags_miss_more_breaches_that_agree(world, pool):
    knobs = Knobs(flag_bias=matched_bias(world, pool, Knobs(), 1))
    flags = Raters(world, pool, knobs, 1).give("flag", POOL_SIZE).flagged[:, 0]
    plain = Raters(world, pool, Knobs(), 1).give("flag", POOL_SIZE).flagged[:, 0]
    first = pool.responses[:, 0, 0]
    agrees = (first == pool.opinion) & (first < world.shape.stances)
    assert flags[agrees].mean() < 0.7 * plain[agrees].mean()
    assert np.array_equal(flags[~agrees], plain[~agrees])


# Agreement of raters -------------------------------------------------------------------------------
@pytest.mark.parametrize("wanted", [0.63, 0.73, 0.80])
def test_raters_agree_as_often_as_asked(world, pool, wanted):
    temperature = matched_temperature(world, pool, Knobs(pair_agreement=wanted), 1)
    chance = Raters(world, pool, Knobs(pair_temperature=temperature), 1).preference_chances()
    assert float((chance**2 + (1 - chance) ** 2).mean()) == pytest.approx(wanted, abs=1e-6)


def test_two_raters_drawn_apart_agree_as_often_as_solved_for(world, pool):
    """Noise of channel and choice drawn anew for each of two raters, over the pool."""
    temperature = matched_temperature(world, pool, Knobs(pair_agreement=0.73), 1)
    chance = Raters(world, pool, Knobs(pair_temperature=temperature), 1).preference_chances()
    first, second = (np.random.default_rng(i).random(len(chance)) < chance for i in (1, 2))
    assert (first == second).mean() == pytest.approx(0.73, abs=0.02)


def test_more_agreement_than_flips_allow_is_refused(world, pool):
    with pytest.raises(WorkError, match=r"0\.99 is asked for"):
        matched_temperature(world, pool, Knobs(pair_agreement=0.99), 1)


@pytest.mark.parametrize("method", KINDS_OF)
def test_a_run_takes_the_matched_bias_where_it_has_flags(world, pool, method, tmp_path):
    grid = Grid.model_validate({"name": "x", "worlds": [11], "arms": [{"method": method, "n": [64]}]})
    settings = programs.result_settings(grid, 2)
    context = Context(settings, Store(tmp_path), "cpu")
    run = Run("develop", method, 11, 1, ((KINDS_OF[method], 64),), Knobs(match_bias=True), (("lr", 1e-3),))
    context._bases[programs.base_hash(programs.base_item(11, run.knobs), settings)] = Base(torch.zeros(1), pool)
    assert context.knobs(run).flag_bias == (0.0 if method == "dpo" else matched_bias(world, pool, Knobs(), 1))
