"""Golden numbers of the losses, and identities between them."""

from __future__ import annotations

import math

import pytest
import torch

from econ.lab import losses
from tests.lab.golden import (
    CHOSEN,
    DESIRABLE,
    H_CHOSEN,
    H_REJECTED,
    KTO_KL,
    KTO_REFERENCE,
    KTO_REFERENCE_KL,
    LENGTH,
    LOG_PROB,
    REJECTED,
    TOKENS,
)  # fmt: skip

BETA, FLIP = 0.3, 0.1
PAIR = (H_CHOSEN, H_REJECTED, BETA)
FIRST_FOUR = torch.tensor([True] * 4 + [False] * 4)
KTO_H = LOG_PROB - KTO_REFERENCE
NONE_DESIRABLE = torch.zeros(8, dtype=torch.bool)


def padded() -> tuple[torch.Tensor, torch.Tensor]:
    """Token log-probabilities of the rejected sequences with their mask, (4, 4)."""
    tokens, mask = torch.zeros(4, 4, dtype=torch.float64), torch.zeros(4, 4, dtype=torch.bool)
    for i, own in enumerate(TOKENS[4:]):
        tokens[i, : len(own)], mask[i, : len(own)] = torch.tensor(own, dtype=torch.float64), True
    return tokens, mask


def anchors(k: int) -> torch.Tensor:
    """Chosen sequences i, i+1 … mod 4 as anchors of pair i, (4, k)."""
    return torch.stack([H_CHOSEN.roll(-shift) for shift in range(k)], -1)


GOLDEN = {
    "dpo": (lambda: losses.dpo(*PAIR), 0.678781),
    "cdpo": (lambda: losses.cdpo(*PAIR, FLIP), 0.683550),
    "rdpo": (lambda: losses.rdpo(*PAIR, FLIP), 0.672819),
    "ipo": (lambda: losses.ipo(*PAIR), 3.095933),
    "ipo per token": (lambda: losses.ipo(H_CHOSEN / LENGTH[:4], H_REJECTED / LENGTH[4:], BETA), 3.180035),
    "hinge": (lambda: losses.hinge(*PAIR), 0.952304),
    "simpo": (lambda: losses.simpo(CHOSEN / LENGTH[:4], REJECTED / LENGTH[4:], 2.0, 0.5), 0.932926),
    "z0": (lambda: losses.kto_reference(KTO_KL - KTO_REFERENCE_KL), 0.729464),
    "kto": (lambda: losses.kto(KTO_H, DESIRABLE, 0.729464, BETA, 1.2, 0.8), 0.443060),
    "kto all undesirable": (lambda: losses.kto(KTO_H, NONE_DESIRABLE, 0.729464, BETA), 0.440624),
    "apo all undesirable": (lambda: losses.apo_zero_unpaired(KTO_H, BETA), 0.492819),
    "npo": (lambda: losses.npo(H_REJECTED, BETA), 5.099995),
    "npo centred": (lambda: losses.npo(H_REJECTED, BETA) - 2 / BETA * math.log(2), 0.479014),
    "ga": (lambda: losses.gradient_ascent(REJECTED), -1.344951),
    "ul": (lambda: losses.unlikelihood(*padded()), 2.681044),
    "d2o K=1": (lambda: losses.d2o(anchors(1), H_REJECTED, BETA, BETA), 0.678781),
    "d2o K=3": (lambda: losses.d2o(anchors(3), H_REJECTED, BETA, BETA), 0.680447),
    "d2o K=3, alpha=.1": (lambda: losses.d2o(anchors(3), H_REJECTED, BETA, 0.1), 0.633689),
    "bco unpaired": (lambda: losses.bco_unpaired(torch.cat(PAIR[:2]), FIRST_FOUR, BETA, 0.0), 1.381015),
    "bco": (lambda: losses.bco(*PAIR, 0.0), 1.381015),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_number(name):
    compute, value = GOLDEN[name]
    assert float(compute()) == pytest.approx(value, abs=1e-6)


def test_npo_tends_to_gradient_ascent_as_beta_vanishes():
    h, beta = H_REJECTED.clone().requires_grad_(True), 1e-6
    value = losses.npo(h, beta) - 2 / beta * math.log(2)
    assert float(value.detach()) == pytest.approx(float(H_REJECTED.mean()), abs=1e-5)
    (gradient,) = torch.autograd.grad(value, h)
    (ascent,) = torch.autograd.grad(losses.gradient_ascent(h), h)
    assert gradient.numpy() == pytest.approx(ascent.numpy(), abs=1e-6)


def test_npo_gradient_weight_is_self_damping():
    """W = 2 π^β / (π^β + π_ref^β) (Zhang et al. 2024)."""
    h = H_REJECTED.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(losses.npo(h, BETA) * 4, h)
    ratio = torch.exp(BETA * H_REJECTED)
    assert gradient.numpy() == pytest.approx((2 * ratio / (ratio + 1)).numpy(), abs=1e-9)


def test_npo_retain_splits_flagged_from_unflagged():
    flagged = torch.tensor([False] * 4 + [True] * 4)
    h = torch.cat([H_CHOSEN, H_REJECTED])
    value = losses.npo_retain(h, LOG_PROB, flagged, BETA, 0.3)
    assert float(value) == pytest.approx(float(losses.npo(H_REJECTED, BETA) - 0.3 * CHOSEN.mean()), abs=1e-9)
    nothing = losses.npo_retain(h, LOG_PROB, torch.ones_like(flagged), BETA, 0.3)
    assert float(nothing) == pytest.approx(float(losses.npo(h, BETA)), abs=1e-9)


def test_flag_dpo_is_dpo_where_flags_differ_and_nothing_elsewhere():
    no, yes = torch.zeros(4, dtype=torch.bool), torch.ones(4, dtype=torch.bool)
    dpo = float(losses.dpo(*PAIR))
    assert float(losses.flag_dpo(H_CHOSEN, H_REJECTED, no, yes, BETA)) == pytest.approx(dpo, abs=1e-12)
    assert float(losses.flag_dpo(H_REJECTED, H_CHOSEN, yes, no, BETA)) == pytest.approx(dpo, abs=1e-12)
    assert float(losses.flag_dpo(H_CHOSEN, H_REJECTED, yes, yes, BETA)) == 0.0


def test_d2o_with_one_anchor_is_dpo():
    assert torch.equal(losses.d2o(anchors(1), H_REJECTED, BETA, BETA), losses.dpo(*PAIR))


def test_robust_dpo_is_unbiased_under_flips():
    flipped = losses.rdpo(H_REJECTED, H_CHOSEN, BETA, FLIP)
    mean = (1 - FLIP) * losses.rdpo(*PAIR, FLIP) + FLIP * flipped
    assert float(mean) == pytest.approx(float(losses.dpo(*PAIR)), abs=1e-12)


def test_without_flips_robust_and_conservative_dpo_are_dpo():
    assert torch.equal(losses.rdpo(*PAIR, 0.0), losses.dpo(*PAIR))
    assert torch.equal(losses.cdpo(*PAIR, 0.0), losses.dpo(*PAIR))


def test_kto_reference_is_detached_clamped_and_blind_to_order():
    h = KTO_H.clone().requires_grad_(True)
    z0 = losses.kto_reference(h)
    assert not z0.requires_grad
    assert float(losses.kto_reference(-KTO_H.abs())) == 0.0
    assert float(losses.kto_reference(KTO_H.flip(0))) == pytest.approx(float(z0), abs=1e-12)


def test_kto_on_undesirable_alone_is_its_half():
    whole = losses.kto(KTO_H, DESIRABLE, 0.5, BETA, keep=~DESIRABLE)
    half = losses.kto(KTO_H[~DESIRABLE], NONE_DESIRABLE[:5], 0.5, BETA)
    assert float(whole) == pytest.approx(float(half), abs=1e-12)


def test_pmpo_at_alpha_zero_sees_negatives_alone():
    flagged = torch.tensor([False] * 4 + [True] * 4)
    zero = torch.zeros(8, dtype=torch.float64)
    assert float(losses.pmpo(LOG_PROB, flagged, zero, 0.0, 0.1)) == pytest.approx(float(REJECTED.mean()))
    both = losses.pmpo(LOG_PROB, flagged, zero + 2.0, 0.5, 0.1)
    assert float(both) == pytest.approx(float(0.5 * (REJECTED.mean() - CHOSEN.mean()) + 0.2))


def test_likelihood_is_the_mean_negative_log_probability():
    assert float(losses.likelihood(REJECTED)) == pytest.approx(1.344951, abs=1e-6)


def test_bco_shift_lies_midway_between_the_polarities_and_has_no_gradient():
    h = torch.tensor([3.0, 1.0, -5.0], dtype=torch.float64, requires_grad=True)
    mixed = losses.bco_shift(h, torch.tensor([True, True, False]), 0.5)
    assert float(mixed) == pytest.approx(0.5 * 0.5 * (2.0 - 5.0)) and not mixed.requires_grad
    for one in (torch.ones(3, dtype=torch.bool), torch.zeros(3, dtype=torch.bool)):
        assert float(losses.bco_shift(h, one, 0.5)) == pytest.approx(0.5 * -1 / 3)


def test_bco_sees_rewards_relative_to_the_shift():
    moved = losses.bco(H_CHOSEN + 0.7 / BETA, H_REJECTED + 0.7 / BETA, BETA, 0.7)
    assert float(moved) == pytest.approx(1.381015, abs=1e-6)


def test_hinge_is_flat_beyond_its_margin():
    far = torch.tensor([10.0, 50.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(losses.hinge(far, torch.zeros(2), BETA), far)
    assert gradient.abs().sum() == 0
