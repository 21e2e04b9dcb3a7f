"""The ledgers of three shipped runs, by arithmetic with nothing of the code's: `docs/laboratory.md` walks through two."""

from __future__ import annotations

import math

import pytest

from econ.core.measurements import read_measurements
from econ.core.shipped import shipped_path

#: Weights of the transformer.
N = 28_224
FLAGS = PAIRS = 1378
#: Every tenth label validates.
VALIDATE = 137


@pytest.fixture(scope="module")
def rows():
    table = read_measurements(shipped_path("calibration", "lab", "full", "measurements.parquet"))
    own = table[(table.stage == "confirm") & (table.world == 1000) & (table.n == 1378) & (table.distribution == "id")]
    return own.set_index("method")


def test_the_transformer_has_as_many_weights_as_are_counted():
    # 29 + 32 tokens and 10 positions of width 32; two layers of attention (4 x 32 x 32) and of a hidden layer of 128
    # with biases (2 x 4 x 32 x 32 + 128 + 32); a head of 32 x 32 with biases. Normalisation has no weights.
    assert N == (61 + 10) * 32 + 2 * (4 * 1024 + 8 * 1024 + 128 + 32) + 32 * 32 + 32


def test_negative_preference_optimisation_with_retain(rows):
    own = rows.loc["npo_ret"]
    assert (own.a, own.b, own.n_validation) == (FLAGS, 0, VALIDATE)
    assert (own.judgements, own.completions_read, own.ai_calls, own.verifications) == (FLAGS, FLAGS, 0, 0)
    # Eight rules are drafted at 60 minutes, without a verifier to test; then 0.7 minutes a flag.
    assert own.fixed_minutes == 480 and own.human_minutes == pytest.approx(480 + 0.7 * 1378)
    assert own.usd == pytest.approx(2 * 1444.6)
    # A flag through 5.01 % misses and false alarms: h(share flagged) - h(0.0501); the share is the pool's.
    per_flag = _entropy(own.positives / FLAGS) - _entropy(0.0501)
    assert own.bits_harm / FLAGS == pytest.approx(per_flag, abs=0.003) and own.bits_total == own.bits_harm
    assert own.steps == 180
    # A sequence takes 9 tokens through the network. Trained 64 at a time, validated at 10 checks, sampled once.
    token = 9 * N
    assert own.flops == 6 * token * 64 * 180 + 2 * token * VALIDATE * 10 + 2 * token * FLAGS == 18_953_657_856


def test_reward_model_and_ppo(rows):
    own = rows.loc["rm_ppo"]
    assert (own.a, own.b, own.n_validation) == (0, PAIRS, VALIDATE)
    assert (own.judgements, own.completions_read, own.ai_calls, own.verifications) == (PAIRS, 2 * PAIRS, 0, 0)
    assert own.fixed_minutes == 0 and own.human_minutes == PAIRS and own.usd == 2 * PAIRS
    # A pair says little about violations, however much it says about utility.
    assert 0.01 < own.bits_harm / PAIRS < 0.05 and 0.1 < own.bits_total / PAIRS < 0.2
    # The reward model reads 10 tokens of both responses: 700 steps of 64 pairs, 28 checks, every pair once.
    scorer = 10 * 2 * N * (6 * 64 * 700 + 2 * VALIDATE * 28 + 2 * PAIRS)
    # A sample: drawn, scored by the reference (2 x 9 tokens) and by the reward model (10); two epochs of
    # training (6 x 9 tokens each), and the critic's reading (2 x 9).
    look, train = 2 * 9 * N * 2 + 2 * 10 * N, 6 * 9 * N * 2 + 2 * 9 * N
    assert own.steps == 300
    policy = 300 * 64 * (look + train) + 128 * 16 * look
    assert own.flops == scorer + policy == 259_481_521_152


def test_comparisons_by_a_critic(rows):
    own = rows.loc["cai_dpo"]
    # Four rounds of critique and revision (two calls each) of one answer, then one call on a pair.
    assert own.ai_calls == 1378 * 9 and own.judgements == 1378 * (4 + 2) and own.completions_read == 1378 * (8 + 2)
    # Eight rules drafted at 60 minutes and tested at 15; no human judges.
    assert own.human_minutes == own.fixed_minutes == 8 * 75
    assert own.usd == pytest.approx(600 * 2 + 12_402 * 0.01)


def _entropy(p: float) -> float:
    return -p * math.log2(p) - (1 - p) * math.log2(1 - p)
