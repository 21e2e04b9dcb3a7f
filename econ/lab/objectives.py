"""Objectives: labels under the policy to one loss of each run; what methods on a fixed set of labels train on.

Losses with an effective rate of β are divided by it, so that the gradient has one scale over β.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from econ.lab import losses

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Scored:
    """A batch of labels under the policy.

    Attributes
    ----------
    token_log_probs : (R, B, S, L)
        log π of each token, 0 where masked.
    mask : (R, B, S, L) bool
        Tokens that count.
    reference : (R, B, S)
        log π_ref of each response.
    flagged : (R, B, S) bool
    """

    token_log_probs: Tensor
    mask: Tensor
    reference: Tensor
    flagged: Tensor

    @property
    def log_prob(self) -> Tensor:
        """Log π(y | x), (R, B, S)."""
        return self.token_log_probs.sum(-1)

    @property
    def h(self) -> Tensor:
        """Log π(y | x) - log π_ref(y | x), (R, B, S)."""
        return self.log_prob - self.reference

    @property
    def refused(self) -> Tensor:
        """Responses that refuse, (R, B, S) bool: the tokens after the first do not count."""
        return ~self.mask[..., 1]


Batch = dict[str, Scored]
Config = dict[str, "Tensor"]
Objective = Callable[[Batch, Config], "Tensor"]


@dataclass(frozen=True)
class Running:
    """Numbers of each run that its objective reads and that its steps carry on.

    Attributes
    ----------
    start : dict
        Value of each before the first step; they join the configuration, each (R, 1).
    update : callable
        (batch, configuration) -> the values for the next step.
    """

    start: dict[str, float]
    update: Callable[[Batch, Config], Config]


def _pair(batch: Batch) -> tuple[Tensor, Tensor]:
    return batch["preference"].h[..., 0], batch["preference"].h[..., 1]


def sft(batch: Batch, config: Config) -> Tensor:
    """Likelihood of demonstrations."""
    return losses.likelihood(batch["demonstration"].log_prob[..., 0])


def dpo(batch: Batch, config: Config) -> Tensor:
    """DPO on pairs (Rafailov et al. 2023)."""
    return losses.dpo(*_pair(batch), config["beta"]) / config["beta"][:, 0]


def cdpo(batch: Batch, config: Config) -> Tensor:
    """DPO with smoothed labels, of which a share `e` is taken to be flipped."""
    return losses.cdpo(*_pair(batch), config["beta"], config["e"]) / config["beta"][:, 0]


def rdpo(batch: Batch, config: Config) -> Tensor:
    """DPO made unbiased by flips of rate `e` (Chowdhury et al. 2024)."""
    return losses.rdpo(*_pair(batch), config["beta"], config["e"]) / config["beta"][:, 0]


def ipo(batch: Batch, config: Config) -> Tensor:
    """IPO on log-ratios of whole responses (Azar et al. 2024)."""
    return losses.ipo(*_pair(batch), config["beta"])


def ipo_token(batch: Batch, config: Config) -> Tensor:
    """IPO on means over tokens, as TRL has it."""
    pairs = batch["preference"]
    mean = pairs.h / pairs.mask.sum(-1)
    return losses.ipo(mean[..., 0], mean[..., 1], config["beta"])


def hinge(batch: Batch, config: Config) -> Tensor:
    """Hinge loss on pairs (Zhao et al. 2023)."""
    return losses.hinge(*_pair(batch), config["beta"]) / config["beta"][:, 0]


def simpo(batch: Batch, config: Config) -> Tensor:
    """SimPO (Meng et al. 2024), without a reference; margin `gamma_ratio` β."""
    pairs = batch["preference"]
    mean = pairs.log_prob / pairs.mask.sum(-1)
    return losses.simpo(mean[..., 0], mean[..., 1], config["beta"], config["beta"] * config["gamma_ratio"])


def flag_dpo(batch: Batch, config: Config) -> Tensor:
    """DPO on pairs whose flags differ."""
    pairs = batch["flag_pair"]
    h, flagged = pairs.h, pairs.flagged
    loss = losses.flag_dpo(h[..., 0], h[..., 1], flagged[..., 0], flagged[..., 1], config["beta"])
    return loss / config["beta"][:, 0]


def pos_binary(batch: Batch, config: Config) -> Tensor:
    """Likelihood of what was not flagged."""
    flags = batch["flag"]
    return losses.likelihood(flags.log_prob[..., 0], ~flags.flagged[..., 0])


def _reference_kl(flags: Scored, config: Config) -> Tensor:
    """β_KL times KL(π_ref || π), estimated on the batch, whose responses are samples of the reference."""
    return -config["beta_kl"][:, 0] * flags.h[..., 0].mean(-1)


def ga(batch: Batch, config: Config) -> Tensor:
    """Gradient ascent on what was flagged, with KL to the reference."""
    flags = batch["flag"]
    return losses.gradient_ascent(flags.log_prob[..., 0], flags.flagged[..., 0]) + _reference_kl(flags, config)


def ul(batch: Batch, config: Config) -> Tensor:
    """Unlikelihood of flagged responses (Welleck et al. 2020), with KL to the reference."""
    flags = batch["flag"]
    loss = losses.unlikelihood(flags.token_log_probs[..., 0, :], flags.mask[..., 0, :], flags.flagged[..., 0])
    return loss + _reference_kl(flags, config)


def npo(batch: Batch, config: Config) -> Tensor:
    """NPO on flagged responses (Zhang et al. 2024)."""
    return losses.npo(batch["flag"].h[..., 0], config["beta"], batch["flag"].flagged[..., 0])


def npo_ret(batch: Batch, config: Config) -> Tensor:
    """NPO with η times the likelihood of what was not flagged."""
    flags = batch["flag"]
    return losses.npo_retain(
        flags.h[..., 0], flags.log_prob[..., 0], flags.flagged[..., 0], config["beta"], config["eta"]
    )


def npo_ret_no_refusals(batch: Batch, config: Config) -> Tensor:
    """The same, with refusals left out of what is retained."""
    flags = batch["flag"]
    flagged = flags.flagged[..., 0]
    retain = losses.mean_where(-config["eta"] * flags.log_prob[..., 0], ~flagged & ~flags.refused[..., 0])
    return losses.npo(flags.h[..., 0], config["beta"], flagged) + retain


def apo_neg(batch: Batch, config: Config) -> Tensor:
    """The negative half of APO-zero on unpaired labels (D'Oosterlinck et al. 2024)."""
    flags = batch["flag"]
    loss = losses.apo_zero_unpaired(flags.h[..., 0], config["beta"], flags.flagged[..., 0])
    return loss / config["beta"][:, 0]


def kto(batch: Batch, config: Config) -> Tensor:
    """KTO on thumbs (Ethayarajh et al. 2024)."""
    thumbs = batch["desirability"]
    z0 = losses.kto_reference(thumbs.h[..., 1])
    return losses.kto(thumbs.h[..., 0], ~thumbs.flagged[..., 0], z0, config["beta"]) / config["beta"][:, 0]


def bco(batch: Batch, config: Config) -> Tensor:
    """BCO on thumbs (Jung et al. 2024), its Δ carried from step to step."""
    thumbs = batch["desirability"]
    h, desirable = thumbs.h[..., 0], ~thumbs.flagged[..., 0]
    return losses.bco_unpaired(h, desirable, config["beta"], config["delta"]) / config["beta"][:, 0]


def bco_update(batch: Batch, config: Config) -> Config:
    """Δ as the mean over all batches so far."""
    thumbs = batch["desirability"]
    shift = losses.bco_shift(thumbs.h[..., 0], ~thumbs.flagged[..., 0], config["beta"])[:, None]
    batches = config["batches"] + 1
    return {"delta": config["delta"] + (shift - config["delta"]) / batches, "batches": batches}


def kto_neg(batch: Batch, config: Config) -> Tensor:
    """The undesirable half of KTO, on flags."""
    # z0 from the batch's own unflagged responses: flags buy no mismatched samples.
    flags = batch["flag"]
    h, flagged = flags.h[..., 0], flags.flagged[..., 0]
    z0 = losses.mean_where(h.detach(), ~flagged)[..., None].clamp_min(0.0)
    return losses.kto(h, ~flagged, z0, config["beta"], keep=flagged) / config["beta"][:, 0]


def pmpo(batch: Batch, config: Config) -> Tensor:
    """PMPO (Abdolmaleki et al. 2024): α on what was not flagged, 1 - α on what was."""
    flags = batch["flag"]
    return losses.pmpo(
        flags.log_prob[..., 0], flags.flagged[..., 0], -flags.h[..., 0],
        config["alpha"][:, 0], config["beta_kl"][:, 0],
    )  # fmt: skip


def d2o(kind: str) -> Objective:
    """D2O with α = β on one kind of anchored flags; an anchor that was itself flagged is left out."""

    def objective(batch: Batch, config: Config) -> Tensor:
        flags, beta = batch[kind], config["beta"]
        clean = ~flags.flagged[..., 1:]
        mean = losses.mean_where(flags.h[..., 1:], clean)
        keep = flags.flagged[..., 0] & clean.any(-1)
        return losses.d2o(mean[..., None], flags.h[..., 0], beta, beta, keep) / beta[:, 0]

    return objective


def hybrid(batch: Batch, config: Config) -> Tensor:
    """NPO with retain on flags plus w times DPO on pairs; on a step with one kind, that kind alone.

    A run without flags has w = 1, so that it is plain DPO (`programs.plain_runs`).
    """
    total: Tensor | None = None
    if "flag" in batch:
        total = npo_ret(batch, {"beta": config["beta_flag"], "eta": config["eta"]})
    if "preference" in batch:
        pairs = config["w"][:, 0] * dpo(batch, {"beta": config["beta"]})
        total = pairs if total is None else total + pairs
    assert total is not None
    return total


def revisions(batch: Batch, config: Config) -> Tensor:
    """Likelihood of revised responses."""
    return losses.likelihood(batch["critic_revision"].log_prob[..., 0])


def critic_dpo(kind: str) -> Objective:
    """DPO on pairs of which a critic judged both; `critic_noise` says how far its verdicts are believed."""

    def objective(batch: Batch, config: Config) -> Tensor:
        pairs, beta = batch[kind], config["beta"]
        preferred = losses.soft_preference(pairs.flagged[..., 0], pairs.flagged[..., 1], config["critic_noise"])
        return losses.soft_dpo(pairs.h[..., 0], pairs.h[..., 1], beta, preferred) / beta[:, 0]

    return objective
