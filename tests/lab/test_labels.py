"""Labels: one noisy channel, nested budgets, and information that matches its closed form."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from econ.core.random import word_block
from econ.lab.accounting import Usage, entropy_bits, information, label_ledger
from econ.lab.knobs import Knobs
from econ.lab.labels import Labels, Raters
from econ.lab.pool import Pool, pool_prompts
from econ.lab.reference import rule_flag_chances
from econ.lab.scoring import Scorer
from econ.lab.world import demonstrate, draw_world

SIZE = 2000


@pytest.fixture(scope="module")
def world():
    return draw_world(1, 11)


@pytest.fixture(scope="module")
def pool(world):
    """A pool answered by the demonstrator, so that no model need be trained."""
    combo, opinion = pool_prompts(world, 1, 0.85, SIZE)
    responses = [demonstrate(world, combo, opinion, word_block(1, 2, 11, c, SIZE * 30)) for c in (0, 1)]
    return Pool(combo, opinion, np.stack(responses, 1), np.zeros((SIZE, 2), np.float32))


def broken(world, pool, candidate=0, coverage=8):
    scorer = Scorer(world)
    scores = scorer(torch.as_tensor(pool.combo), torch.as_tensor(pool.responses[:, candidate]))
    return (scores.broken & scorer.drafted(coverage)).numpy() != 0


@pytest.mark.parametrize("kind", ["flag", "flag_rule", "preference", "flag_pair", "demonstration"])
def test_budgets_are_nested(world, pool, kind):
    raters = Raters(world, pool, Knobs(), 1)
    small, large = raters.give(kind, 50), raters.give(kind, 200)
    for field in ("responses", "reference", "flagged"):
        assert np.array_equal(getattr(small, field), getattr(large, field)[:50])
    assert len(small) == 50


def test_labels_hold_no_truth():
    names = {field.name for field in dataclasses.fields(Labels)}
    assert names == {"kind", "responses", "reference", "flagged", "bits_total", "bits_harm"}


def test_flags_miss_and_false_alarm_at_their_rates(world, pool):
    flags = Raters(world, pool, Knobs(flag_noise=(0.3, 0.1)), 1).give("flag", SIZE).flagged[:, 0]
    true = broken(world, pool)
    assert flags[true].mean() == pytest.approx(0.7, abs=0.05)
    assert flags[~true].mean() == pytest.approx(0.1, abs=0.04)


def test_noise_follows_verifiability():
    assert Knobs(v=1.0).noise == (0.02, 0.02)
    assert Knobs(v=0.5).noise == pytest.approx((0.235, 0.235))
    assert Knobs(v=0.93).noise[0] == pytest.approx(0.05, abs=2e-4)
    assert Knobs(v=0.5, flag_noise=(0.1, 0.2)).noise == (0.1, 0.2)


def test_more_noise_flips_more_of_the_same_flags(world, pool):
    def wrong(v: float) -> np.ndarray:
        return Raters(world, pool, Knobs(v=v), 1).give("flag", SIZE).flagged[:, 0] != broken(world, pool)

    assert (wrong(1.0) <= wrong(0.5)).all() and wrong(0.5).sum() > wrong(1.0).sum()


def test_bits_of_flags_have_the_closed_form(world, pool):
    miss, false_alarm = 0.1, 0.05
    labels = Raters(world, pool, Knobs(flag_noise=(miss, false_alarm)), 1).give("flag", 10)
    p = broken(world, pool).mean()
    positive = p * (1 - miss) + (1 - p) * false_alarm
    closed = entropy_bits(positive) - p * entropy_bits(miss) - (1 - p) * entropy_bits(false_alarm)
    assert labels.bits_harm == pytest.approx(float(closed), abs=1e-9)
    assert labels.bits_total == pytest.approx(float(closed), abs=1e-9)


# Flags with the rule ------------------------------------------------------------------------------
def test_flags_with_rules_flag_what_plain_flags_do_and_name_one_drafted_rule(world, pool):
    raters, scorer = Raters(world, pool, Knobs(coverage=5, v=0.75), 1), Scorer(world)
    plain, named = raters.give("flag", SIZE), raters.give("flag_rule", SIZE)
    assert named.flagged.shape == (SIZE, 1, 8) and np.array_equal(named.flagged.any(-1), plain.flagged)
    assert named.positives == plain.positives and named.flagged.sum(-1).max() == 1
    drafted = scorer.drafted(5)
    assert all((drafted >> k & 1 == 1) or not named.flagged[..., k].any() for k in range(8))
    codes = scorer(torch.as_tensor(pool.combo), torch.as_tensor(pool.responses[:, 0])).broken.numpy() & drafted
    breach = (codes != 0) & plain.flagged[:, 0]
    right = (codes[:, None] >> np.arange(8) & 1) * named.flagged[:, 0]
    assert (right[breach].sum(1) == 1).all()
    alarms = named.flagged[plain.flagged[:, 0] & (codes == 0), 0].sum(0)
    assert (alarms > 0).sum() == 5


def test_flags_without_rules_name_none(world, pool):
    labels = Raters(world, pool, Knobs(coverage=0), 1).give("flag_rule", SIZE)
    assert labels.positives == 0 and labels.bits_total == labels.bits_harm == 0.0


@pytest.mark.parametrize(("coverage", "miss", "false_alarm"), [(8, 0.1, 0.05), (5, 0.3, 0.2), (3, 0.0, 0.0)])
def test_flags_with_rules_have_the_chances_and_bits_of_the_slow_reference(world, pool, coverage, miss, false_alarm):
    """I(label; rules broken) = H(label) - E[H(label | rules broken)], by loops over the pool."""
    drafted = [int(rule) for rule in world.drafted_order[:coverage]]
    chances = np.array(
        [
            rule_flag_chances(world, int(combo), response.tolist(), drafted, miss, false_alarm)
            for combo, response in zip(pool.combo, pool.responses[:, 0], strict=True)
        ]
    )
    raters = Raters(world, pool, Knobs(coverage=coverage, flag_noise=(miss, false_alarm)), 1)
    assert np.allclose(raters._flag_probability(0)[0][:, None] * raters._naming(), chances, atol=1e-12)
    levels = np.column_stack([1 - chances.sum(1), chances])

    def entropy(p):
        return -sum(x * math.log2(x) for x in p if x > 1e-15)

    closed = entropy(levels.mean(0)) - np.mean([entropy(p) for p in levels])
    labels = raters.give("flag_rule", 10)
    assert labels.bits_harm == pytest.approx(closed, abs=1e-9) and labels.bits_total == pytest.approx(closed, abs=1e-9)
    plain = raters.give("flag", 10)
    assert labels.bits_harm > plain.bits_harm


def test_flags_with_rules_of_pure_noise_carry_no_bits_about_violations(world, pool):
    """A coin that is a miss as often as an alarm; what rule a found breach names still says something."""
    noise = Knobs(flag_noise=(1.0, 0.0))
    labels = Raters(world, pool, noise, 1).give("flag_rule", SIZE)
    assert labels.positives == 0 and labels.bits_total == labels.bits_harm == 0.0
    for control in ("random", "shuffled"):
        labels = Raters(world, pool, Knobs(), 1, control).give("flag_rule", SIZE)
        assert labels.positives > 0 and labels.bits_total == labels.bits_harm == 0.0


def test_flags_of_pure_noise_carry_no_bits(world, pool):
    labels = Raters(world, pool, Knobs(flag_noise=(0.5, 0.5)), 1).give("flag", 10)
    assert labels.bits_harm == 0.0 and labels.bits_total == 0.0


def test_bits_of_pairs_fall_with_noise_and_vanish_when_labels_are_coins(world, pool):
    def bits(**knobs: float) -> Labels:
        return Raters(world, pool, Knobs(**knobs), 1).give("preference", 10)

    clear, blurred, coin = bits(v=1.0), bits(v=0.1), bits(pair_flip=0.5)
    assert clear.bits_harm > blurred.bits_harm > 0
    assert coin.bits_harm == 0.0 and coin.bits_total == 0.0
    assert 0 < clear.bits_total < 1
    assert bits(harm_weight=0.0, v=1.0).bits_harm < clear.bits_harm


def test_raters_who_compare_see_what_raters_who_flag_see(world, pool):
    """With a huge weight on perceived violations a pair is decided by the two flags alone."""
    knobs = Knobs(v=0.5, harm_weight=1000.0, pair_flip=0.0)
    raters = Raters(world, pool, knobs, 1)
    flags = raters.give("flag_pair", SIZE).flagged
    pairs = raters.give("preference", SIZE)
    differ = flags[:, 0] != flags[:, 1]
    same = np.array([np.array_equal(y[0], y[1]) for y in pool.responses])
    first_chosen = (pairs.responses[:, 0] == pool.responses[:, 0]).all(1)
    decided = differ & ~same
    assert decided.sum() > 100
    assert np.array_equal(first_chosen[decided], flags[decided, 1])


def test_biased_raters_prefer_agreement(world, pool):
    def agreement(bias: float) -> float:
        chosen = Raters(world, pool, Knobs(bias=bias), 1).give("preference", SIZE).responses[:, 0, 0]
        return float((chosen == pool.opinion).mean())

    assert agreement(4.0) > agreement(0.0) + 0.05


def test_flag_bias_spares_what_agrees(world, pool):
    spared = Raters(world, pool, Knobs(flag_bias=0.5), 1).give("flag", SIZE).flagged[:, 0]
    plain = Raters(world, pool, Knobs(), 1).give("flag", SIZE).flagged[:, 0]
    agrees = pool.responses[:, 0, 0] == pool.opinion
    assert np.array_equal(spared[~agrees], plain[~agrees])
    assert spared[agrees].sum() < plain[agrees].sum()


def test_omitted_rules_are_nested_and_unflagged(world, pool):
    scorer = Scorer(world)
    for coverage in range(8):
        assert scorer.drafted(coverage) & scorer.drafted(coverage + 1) == scorer.drafted(coverage)
    labels = Raters(world, pool, Knobs(coverage=0, flag_noise=(0.0, 0.0)), 1).give("flag", SIZE)
    assert labels.positives == 0 and labels.bits_harm == 0.0
    orders = {tuple(draw_world(1, number).drafted_order) for number in range(6)}
    assert len(orders) > 1


def test_demonstrations_are_better_than_a_draft(world, pool):
    chosen = Raters(world, pool, Knobs(bias=0.0, v=1.0), 1).give("demonstration", SIZE).responses[:, 0]
    scorer, combo = Scorer(world), torch.as_tensor(pool.combo)
    best, any_draft = scorer(combo, torch.as_tensor(chosen)), scorer(combo, torch.as_tensor(pool.responses[:, 0]))
    assert best.helpfulness.mean() > any_draft.helpfulness.mean()
    assert (best.broken != 0).float().mean() < (any_draft.broken != 0).float().mean()


def test_information_of_an_independent_fact_is_zero():
    assert information(np.full(8, 0.3), np.array([0, 1] * 4)) == 0.0
    assert information(np.array([0.0, 1.0] * 4), np.array([0, 1] * 4)) == pytest.approx(1.0)


def test_ledger_in_closed_form():
    bits = {"flag": (0.5, 0.4), "preference": (0.3, 0.02)}
    ledger = label_ledger({"flag": 100, "preference": 50}, 40, bits, 8, Usage(1e9))
    assert ledger.judgements == 150 and ledger.completions_read == 200 and ledger.positives == 40
    assert ledger.fixed_minutes == 480 and ledger.human_minutes == pytest.approx(480 + 70 + 50)
    assert ledger.usd == pytest.approx(2 * 600)
    assert ledger.bits_total == pytest.approx(65) and ledger.bits_harm == pytest.approx(41)
    pairs = label_ledger({"flag": 0, "preference": 50}, 0, bits, 8, Usage())
    assert pairs.fixed_minutes == 0 and pairs.human_minutes == 50
    ruled = label_ledger({"flag_rule": 100}, 40, {"flag_rule": (1.5, 1.4)}, 6, Usage())
    assert ruled.judgements == ruled.completions_read == 100 and ruled.fixed_minutes == 6 * 75
    assert ruled.human_minutes == pytest.approx(450 + 80) and ruled.bits_harm == pytest.approx(140)
    both = label_ledger({"flag_pair": 10}, 3, {"flag_pair": (1.0, 1.0)}, 4, Usage())
    assert both.judgements == 20 and both.completions_read == 20 and both.fixed_minutes == 240
