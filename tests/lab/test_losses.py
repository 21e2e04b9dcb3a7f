"""Golden numbers of the losses, and identities between them."""

from __future__ import annotations

import math

import pytest
import torch

from econ.lab import losses
from tests.lab.golden import H_CHOSEN, H_REJECTED, LOG_PROB, REJECTED

BETA = 0.3


def test_golden_dpo():
    assert float(losses.dpo(H_CHOSEN, H_REJECTED, BETA)) == pytest.approx(0.678781, abs=1e-6)


def test_golden_npo():
    value = float(losses.npo(H_REJECTED, BETA))
    assert value == pytest.approx(5.099995, abs=1e-6)
    assert value - 2 / BETA * math.log(2) == pytest.approx(0.479014, abs=1e-6)


def test_npo_tends_to_gradient_ascent_as_beta_vanishes():
    h = H_REJECTED.clone().requires_grad_(True)
    beta = 1e-6
    value = losses.npo(h, beta) - 2 / beta * math.log(2)
    assert float(value) == pytest.approx(float(H_REJECTED.mean()), abs=1e-5)
    (gradient,) = torch.autograd.grad(value, h)
    assert gradient.numpy() == pytest.approx([0.25] * 4, abs=1e-6)


def test_npo_gradient_weight_is_self_damping():
    h = H_REJECTED.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(losses.npo(h, BETA) * 4, h)
    ratio = torch.exp(BETA * H_REJECTED)
    assert gradient.numpy() == pytest.approx((2 * ratio / (ratio + 1)).numpy(), abs=1e-9)


def test_npo_retain_splits_flagged_from_unflagged():
    flagged = torch.tensor([False] * 4 + [True] * 4)
    h = torch.cat([H_CHOSEN, H_REJECTED])
    value = losses.npo_retain(h, LOG_PROB, flagged, BETA, 0.3)
    expected = losses.npo(H_REJECTED, BETA) - 0.3 * LOG_PROB[:4].mean()
    assert float(value) == pytest.approx(float(expected), abs=1e-9)
    nothing = losses.npo_retain(h, LOG_PROB, torch.ones_like(flagged), BETA, 0.3)
    assert float(nothing) == pytest.approx(float(losses.npo(h, BETA)), abs=1e-9)


def test_flag_dpo_is_dpo_where_flags_differ_and_nothing_elsewhere():
    no, yes = torch.zeros(4, dtype=torch.bool), torch.ones(4, dtype=torch.bool)
    dpo = float(losses.dpo(H_CHOSEN, H_REJECTED, BETA))
    assert float(losses.flag_dpo(H_CHOSEN, H_REJECTED, no, yes, BETA)) == pytest.approx(dpo, abs=1e-12)
    assert float(losses.flag_dpo(H_REJECTED, H_CHOSEN, yes, no, BETA)) == pytest.approx(dpo, abs=1e-12)
    assert float(losses.flag_dpo(H_CHOSEN, H_REJECTED, yes, yes, BETA)) == 0.0


def test_likelihood_is_the_mean_negative_log_probability():
    assert float(losses.likelihood(REJECTED)) == pytest.approx(1.344951, abs=1e-6)
