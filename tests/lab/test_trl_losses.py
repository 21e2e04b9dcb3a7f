"""Our losses and their gradients against those of TRL, which most users know; skipped where TRL is not installed.

TRL keeps most losses inside its trainers. The unbound methods run here on stubs: a `self` with the options
they read, and a model whose output is the token log-probabilities of the golden inputs. In float64 both
sides do the same arithmetic, so they agree to 1e-12.

`pip install -e .[test,test-trl]`, then `pytest tests/lab/test_trl_losses.py`.
"""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace

import pytest
import torch

from econ.lab import losses
from econ.lab import policy_gradient as pg
from tests.lab.golden import (
    DESIRABLE,
    KTO_KL,
    KTO_REFERENCE,
    KTO_REFERENCE_KL,
    LENGTH,
    OLD_TOKENS,
    REFERENCE_CHOSEN,
    REFERENCE_REJECTED,
    TOKENS,
)  # fmt: skip

pytest.importorskip("trl", minversion="1.16", reason="the extra test-trl is not installed")

BETA, FLIP, TOLERANCE = 0.3, 0.1, 1e-12
MASK = torch.tensor([[t < len(row) for t in range(4)] for row in TOKENS])
NONE_DESIRABLE = torch.zeros(8, dtype=torch.bool)


def padded(rows: list[list[float]]) -> torch.Tensor:
    out = torch.zeros(len(rows), 4, dtype=torch.float64)
    for i, row in enumerate(rows):
        out[i, : len(row)] = torch.tensor(row, dtype=torch.float64)
    return out


@pytest.fixture
def tokens() -> torch.Tensor:
    """Token log-probabilities (8, 4) of four chosen, then four rejected responses; 0 where there is no token."""
    return padded(TOKENS).requires_grad_(True)


class Accelerator:
    """One process: nothing to gather."""

    device, num_processes, sync_gradients = torch.device("cpu"), 1, True

    def gather(self, value):
        return value

    def gather_for_metrics(self, value):
        return value

    def reduce(self, value, reduction):
        return value


def stub(**options):
    metrics = {"train": defaultdict(list), "eval": defaultdict(list)}
    shared = {
        "accelerator": Accelerator(), "model": SimpleNamespace(training=True), "args": SimpleNamespace(delta=None),
        "aux_loss_enabled": False, "_metrics": metrics, "_total_train_tokens": 0, "_tp_size": 1,
    }  # fmt: skip
    return SimpleNamespace(**shared | options)


def model_of(log_probs: torch.Tensor):
    """A model that answers with these log-probabilities."""

    def forward(**_):
        nothing = torch.zeros_like(log_probs).detach()
        return SimpleNamespace(
            log_probs=log_probs * MASK, entropy=nothing, mean_logits=nothing, is_top1=nothing.bool()
        )

    return forward


def batch() -> dict[str, torch.Tensor]:
    """Inputs of one prompt token and up to four of a completion."""
    completion = torch.cat([torch.zeros(8, 1, dtype=torch.bool), MASK], 1).long()
    ids = torch.ones(8, 5, dtype=torch.int64)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "completion_mask": completion}


def dpo_trainer(tokens: torch.Tensor, loss_type: str, smoothing: float = 0.0) -> torch.Tensor:
    from trl import DPOTrainer

    own = stub(
        beta=BETA, label_smoothing=smoothing, loss_types=[loss_type], loss_weights=[1.0], ld_alpha=None,
        f_divergence_type="reverse_kl", precompute_ref_logps=True, use_weighting=False,
    )  # fmt: skip
    inputs = batch() | {"ref_chosen_logps": REFERENCE_CHOSEN, "ref_rejected_logps": REFERENCE_REJECTED}
    return DPOTrainer._compute_loss(own, model_of(tokens), inputs, False)


def cpo_trainer(
    first: torch.Tensor, second: torch.Tensor, loss_type: str, beta: float, **options
) -> torch.Tensor:
    from trl.experimental.cpo import CPOTrainer

    own = stub(
        beta=beta, loss_type=loss_type, alpha=0.0, **{"label_smoothing": 0.0, "simpo_gamma": 0.0} | options
    )
    return CPOTrainer.cpo_loss(own, first, second)[0].mean()


def kto_trainer(tokens, loss_type, desirable, weights=(1.0, 1.0)) -> torch.Tensor:
    from trl import KTOTrainer

    own = stub(
        beta=BETA, loss_type=loss_type, calculate_KL=loss_type == "kto", precompute_ref_logps=True,
        desirable_weight=weights[0], undesirable_weight=weights[1], _compute_kl_logps=lambda *_: KTO_KL,
    )  # fmt: skip
    inputs = batch() | {"label": desirable, "ref_logps": KTO_REFERENCE, "ref_KL_logps": KTO_REFERENCE_KL}
    return KTOTrainer._compute_loss(own, model_of(tokens), inputs, False)


def grpo_trainer(tokens: torch.Tensor, advantage: torch.Tensor) -> torch.Tensor:
    from trl import GRPOTrainer

    own = stub(
        beta=0.0, loss_type="dapo", epsilon_low=0.2, epsilon_high=0.2, importance_sampling_level="token",
        top_entropy_quantile=1.0, off_policy_mask_threshold=None, use_vllm=False, _entropy_bonus_enabled=False,
        current_gradient_accumulation_steps=1,
        args=SimpleNamespace(delta=None, steps_per_generation=1),
        _get_per_token_logps_and_entropies=lambda *_, **__: (tokens, torch.zeros_like(tokens).detach(), None),
    )  # fmt: skip
    ones = torch.ones(8, 1, dtype=torch.int64)
    inputs = {
        "prompt_ids": ones, "prompt_mask": ones, "completion_ids": torch.ones(8, 4, dtype=torch.int64),
        "completion_mask": MASK.long(), "advantages": advantage, "old_per_token_logps": padded(OLD_TOKENS),
        "num_items_in_batch": MASK.sum(),
    }  # fmt: skip
    return GRPOTrainer._compute_loss(own, None, inputs)


def log_probs(tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    whole = (tokens * MASK).sum(-1)
    return whole[:4], whole[4:]


def ratios(tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    chosen, rejected = log_probs(tokens)
    return chosen - REFERENCE_CHOSEN, rejected - REFERENCE_REJECTED


def means(tokens: torch.Tensor, of=ratios) -> tuple[torch.Tensor, torch.Tensor]:
    chosen, rejected = of(tokens)
    return chosen / LENGTH[:4], rejected / LENGTH[4:]


def kto_h(tokens: torch.Tensor) -> torch.Tensor:
    return (tokens * MASK).sum(-1) - KTO_REFERENCE


def ours_kto(tokens, desirable, weights=(1.0, 1.0)):
    return losses.kto(
        kto_h(tokens), desirable, losses.kto_reference(KTO_KL - KTO_REFERENCE_KL), BETA, *weights
    )


def ours_apo_pair(tokens):
    chosen, rejected = ratios(tokens)
    return 1 - losses.apo_zero_unpaired(chosen, BETA) + losses.apo_zero_unpaired(rejected, BETA)


def ours_surrogate(tokens, advantage):
    return pg.clipped_surrogate(tokens, padded(OLD_TOKENS), advantage, MASK)


NSR, PSR = pg.weighted_advantage(DESIRABLE, 0.0).double(), pg.psr_advantage(DESIRABLE).double()
WEIGHTED = pg.weighted_advantage(DESIRABLE, 0.1).double()

#: Name: (theirs, ours), each a function of the token log-probabilities.
CASES = {
    "dpo": (lambda t: dpo_trainer(t, "sigmoid"), lambda t: losses.dpo(*ratios(t), BETA)),
    "dpo on means over tokens": (
        lambda t: dpo_trainer(t, "sigmoid_norm"), lambda t: losses.dpo(*means(t), BETA)
    ),
    "cdpo": (
        lambda t: cpo_trainer(*ratios(t), "sigmoid", BETA, label_smoothing=FLIP),
        lambda t: losses.cdpo(*ratios(t), BETA, FLIP),
    ),
    "rdpo": (lambda t: dpo_trainer(t, "robust", FLIP), lambda t: losses.rdpo(*ratios(t), BETA, FLIP)),
    "hinge": (lambda t: dpo_trainer(t, "hinge"), lambda t: losses.hinge(*ratios(t), BETA)),
    "ipo": (lambda t: cpo_trainer(*ratios(t), "ipo", BETA), lambda t: losses.ipo(*ratios(t), BETA)),
    "ipo per token": (lambda t: dpo_trainer(t, "ipo"), lambda t: losses.ipo(*means(t), BETA)),
    "simpo": (
        lambda t: cpo_trainer(*means(t, log_probs), "simpo", 2.0, simpo_gamma=0.5),
        lambda t: losses.simpo(*means(t, log_probs), 2.0, 0.5),
    ),
    "bco on pairs": (lambda t: dpo_trainer(t, "bco_pair"), lambda t: losses.bco(*ratios(t), BETA, 0.0)),
    "apo zero on pairs": (lambda t: dpo_trainer(t, "apo_zero"), ours_apo_pair),
    "likelihood of the chosen": (
        # Theirs is a mean over tokens, ours over responses.
        lambda t: dpo_trainer(t, "sft") * LENGTH[:4].mean(), lambda t: losses.likelihood(log_probs(t)[0])
    ),
    "kto": (
        lambda t: kto_trainer(t, "kto", DESIRABLE, (1.2, 0.8)), lambda t: ours_kto(t, DESIRABLE, (1.2, 0.8))
    ),
    "kto all undesirable": (
        lambda t: kto_trainer(t, "kto", NONE_DESIRABLE), lambda t: ours_kto(t, NONE_DESIRABLE)
    ),
    "apo zero all undesirable": (
        lambda t: kto_trainer(t, "apo_zero_unpaired", NONE_DESIRABLE),
        lambda t: losses.apo_zero_unpaired(kto_h(t), BETA),
    ),
    "nsr": (lambda t: grpo_trainer(t, NSR), lambda t: ours_surrogate(t, NSR)),
    "psr": (lambda t: grpo_trainer(t, PSR), lambda t: ours_surrogate(t, PSR)),
    "w-reinforce": (lambda t: grpo_trainer(t, WEIGHTED), lambda t: ours_surrogate(t, WEIGHTED)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_loss_and_gradient_agree_with_trl(tokens, name):
    theirs, ours = (make(tokens) for make in CASES[name])
    assert float(ours.detach()) == pytest.approx(float(theirs.detach()), abs=TOLERANCE, rel=0)
    gradients = [torch.autograd.grad(loss, tokens)[0] for loss in (theirs, ours)]
    assert gradients[0].abs().max() > 0
    assert torch.allclose(*gradients, atol=TOLERANCE, rtol=0)


def test_a_bradley_terry_reward_model_is_dpo_on_rewards():
    from trl import RewardTrainer

    rewards = torch.tensor([0.3, -1.0, 2.0, 0.1], dtype=torch.float64, requires_grad=True)
    own = stub(args=SimpleNamespace(center_rewards_coefficient=None))
    inputs = {"attention_mask": torch.ones(4, 1)}
    theirs = RewardTrainer.compute_loss(own, lambda **_: SimpleNamespace(logits=rewards[:, None]), inputs)
    ours = losses.dpo(rewards[:2], rewards[2:], 1.0)
    assert float(ours.detach()) == pytest.approx(float(theirs.detach()), abs=TOLERANCE, rel=0)


def test_what_trl_computes_otherwise(tokens):
    """Its `sigmoid` takes no notice of label smoothing, so it is no cDPO; its IPO is per token alone."""
    tokens = tokens.detach()
    smoothed = float(dpo_trainer(tokens, "sigmoid", FLIP))
    assert smoothed == pytest.approx(float(losses.dpo(*ratios(tokens), BETA)), abs=TOLERANCE)
    assert abs(smoothed - float(losses.cdpo(*ratios(tokens), BETA, FLIP))) > 1e-3
    assert abs(float(dpo_trainer(tokens, "ipo")) - float(losses.ipo(*ratios(tokens), BETA))) > 1e-3
