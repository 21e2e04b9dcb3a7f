"""Golden numbers and identities of the on-policy losses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from econ.lab import policy_gradient as pg
from tests.lab.golden import DESIRABLE, LOG_PROB, OLD_TOKENS, TOKENS


def padded(rows: list[list[float]]) -> torch.Tensor:
    out = torch.zeros(len(rows), 4, dtype=torch.float64)
    for i, row in enumerate(rows):
        out[i, : len(row)] = torch.tensor(row, dtype=torch.float64)
    return out


NEW, OLD = padded(TOKENS), padded(OLD_TOKENS)
MASK = torch.tensor([[t < len(row) for t in range(4)] for row in TOKENS])


@pytest.mark.parametrize(
    "advantage, value",
    [
        (pg.weighted_advantage(DESIRABLE, 0.0), 0.614131),
        (pg.psr_advantage(DESIRABLE), -0.392908),
        (pg.weighted_advantage(DESIRABLE, 0.1), 0.574840),
    ],
    ids=["NSR", "PSR", "W-REINFORCE 0.1"],
)
def test_golden_clipped_surrogates(advantage, value):
    assert float(pg.clipped_surrogate(NEW, OLD, advantage, MASK)) == pytest.approx(value, abs=1e-6)


def test_golden_nsr_probability_form():
    assert float(pg.nsr_probability(LOG_PROB, ~DESIRABLE)) == pytest.approx(0.152087, abs=1e-6)


@pytest.mark.parametrize("weight", [0.0, 0.1, 1.0])
def test_w_reinforce_is_a_weighted_sum_of_psr_and_nsr(weight):
    log_prob = LOG_PROB.clone().requires_grad_(True)

    def gradient(advantage: torch.Tensor) -> torch.Tensor:
        return torch.autograd.grad(pg.score_function(log_prob, advantage), log_prob)[0]

    nsr, psr = gradient(pg.weighted_advantage(DESIRABLE, 0.0)), gradient(pg.psr_advantage(DESIRABLE))
    assert torch.allclose(gradient(pg.weighted_advantage(DESIRABLE, weight)), weight * psr + nsr)


def test_w_reinforce_at_one_is_reinforce_on_signed_rewards():
    reward = torch.where(DESIRABLE, 1.0, -1.0)
    assert torch.equal(pg.weighted_advantage(DESIRABLE, 1.0), reward)


def test_both_logit_gradients_of_nsr():
    """Score form: -(1 - π_y) at the sampled token, +π_v at the others; probability form: times π_y."""
    logits = torch.tensor([0.3, -1.0, 0.8, 0.1], dtype=torch.float64, requires_grad=True)
    probability = torch.softmax(logits, 0).detach()
    for y in range(4):
        own = torch.eye(4, dtype=torch.float64)[y]
        log_prob = torch.log_softmax(logits, 0)[y][None]
        (score,) = torch.autograd.grad(pg.score_function(log_prob, torch.tensor([-1.0])), logits)
        assert torch.allclose(-score, probability - own)
        log_prob = torch.log_softmax(logits, 0)[y][None]
        (whole,) = torch.autograd.grad(pg.nsr_probability(log_prob, torch.tensor([True])), logits)
        assert torch.allclose(-whole, probability[y] * (probability - own))


def test_the_expected_score_gradient_is_the_gradient_of_the_probability_form():
    logits = torch.tensor([0.3, -1.0, 0.8, 0.1], dtype=torch.float64, requires_grad=True)
    wrong = torch.tensor([True, False, True, False])
    log_prob = torch.log_softmax(logits, 0)
    (exact,) = torch.autograd.grad(pg.nsr_probability(log_prob, wrong) * 4, logits, retain_graph=True)
    expected = torch.zeros_like(exact)
    for y in range(4):
        advantage = pg.weighted_advantage(~wrong[y : y + 1], 0.0)
        (score,) = torch.autograd.grad(pg.score_function(log_prob[y : y + 1], advantage), logits, retain_graph=True)
        expected += torch.softmax(logits, 0)[y].detach() * score
    assert torch.allclose(expected, exact)


def test_nsr_stops_when_nothing_is_wrong_and_groups_of_equals_teach_nothing():
    log_prob = LOG_PROB.clone().requires_grad_(True)
    right = torch.ones(8, dtype=torch.bool)
    (gradient,) = torch.autograd.grad(pg.score_function(log_prob, pg.weighted_advantage(right, 0.0)), log_prob)
    assert gradient.abs().sum() == 0
    for reward in (torch.ones(3, 4), -torch.ones(3, 4)):
        assert pg.group_advantage(reward).abs().sum() == 0
        assert pg.leave_one_out_advantage(reward).abs().sum() == 0


def test_leave_one_out_compares_with_the_others():
    reward = torch.tensor([1.0, -1.0, -1.0, 0.5])
    expected = [r - np.mean(np.delete(reward.numpy(), i)) for i, r in enumerate(reward.tolist())]
    assert pg.leave_one_out_advantage(reward).numpy() == pytest.approx(expected)


def test_group_advantage_has_mean_zero_and_unit_scale():
    advantage = pg.group_advantage(torch.tensor([[1.0, -1.0, -1.0, 1.0], [1.0, 1.0, 1.0, -1.0]], dtype=torch.float64))
    assert advantage.mean(-1).numpy() == pytest.approx([0, 0], abs=1e-12)
    assert advantage.std(-1, correction=0).numpy() == pytest.approx([1, 1], abs=1e-3)


def test_surrogate_at_the_old_policy_has_the_score_gradient_per_token():
    tokens = NEW.clone().requires_grad_(True)
    advantage = pg.weighted_advantage(DESIRABLE, 0.1).double()
    (gradient,) = torch.autograd.grad(pg.clipped_surrogate(tokens, NEW, advantage, MASK), tokens)
    expected = -(advantage[:, None] * MASK) / MASK.sum()
    assert torch.allclose(gradient, expected)


def test_kl_advantage_is_centred_and_detached():
    log_prob = LOG_PROB.clone().requires_grad_(True)
    advantage = pg.kl_advantage(log_prob, LOG_PROB - torch.arange(8.0), 0.1)
    assert not advantage.requires_grad and float(advantage.mean()) == pytest.approx(0, abs=1e-12)
    assert advantage[0] > advantage[-1]


@pytest.mark.parametrize("alpha, beta", [(1.0, 0.2), (0.7, 0.5)])
def test_peaks_of_over_optimisation(alpha, beta):
    d = np.linspace(1e-3, 400, 4_000_001)
    for form, (distance, reward) in (
        (d * (alpha - beta * d), pg.best_of_n_peak(alpha, beta)),
        (d * (alpha - beta * np.log(d)), pg.rl_peak(alpha, beta)),
    ):
        assert d[form.argmax()] == pytest.approx(distance, abs=1e-3)
        assert form.max() == pytest.approx(reward, abs=1e-6)
    assert pg.best_of_n_kl(1) == 0.0 and pg.best_of_n_kl(16) == pytest.approx(1.8351, abs=1e-4)
