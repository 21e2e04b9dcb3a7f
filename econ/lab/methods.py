"""The registry of methods: which labels a method takes, and the loss it makes of them.

To add one that learns from a fixed set of labels: write its loss in `losses`, a small objective here,
and an entry in `METHODS`. One that is trained otherwise names its trainer (`trainers.TRAINERS`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

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


Source = Literal["given", "random", "shuffled", "matched_bits", "unbiased"]
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


@dataclass(frozen=True)
class Method:
    """A method of training.

    Attributes
    ----------
    name : str
    kinds : tuple of str
        Kinds of labels bought, in the order flags, pairs where there are both.
    label_kind, loss_family, polarity, format : str
        As in the measurement table.
    objective : callable
        (labels under the policy by kind, configuration) -> loss of each run (R,), for `offline`.
    config : dict
        Every configuration key with its default.
    candidates : int
        Base samples of each prompt that it needs.
    labels : {"given", "random", "shuffled", "matched_bits", "unbiased"}
        Labels of raters; of coins; given to another prompt; flags as noisy as makes their bits about
        violations equal to a pair's; or of raters without a bias for agreement.
    trainer : str
        Key of `trainers.TRAINERS`.
    reward, algorithm : str
        Of what samples the policy: what they are worth (`policies`), and what is made of it (a key of
        `on_policy.ALGORITHMS`).
    running : Running, optional
        What the objective carries from step to step.
    share : float
        Of the labels in all, those of the first kind, where there are two and a grid gives no share.
    """

    name: str
    kinds: tuple[str, ...]
    label_kind: str
    loss_family: str
    polarity: str
    format: str
    objective: Objective | None = None
    config: dict[str, float] = field(default_factory=dict)
    candidates: int = 2
    labels: Source = "given"
    trainer: str = "offline"
    reward: str = ""
    algorithm: str = ""
    running: Running | None = None
    share: float = 0.85

    @property
    def scorer(self) -> str:
        """Kind of learned scorer that it needs: `reward`, `verifier`, or none."""
        return SCORER_OF.get(self.reward, "")


# Objectives: labels under the policy to one loss per run. Losses with an effective rate of β are
# divided by it, so that the gradient has one scale over β.
def _pair(batch: Batch) -> tuple[Tensor, Tensor]:
    return batch["preference"].h[..., 0], batch["preference"].h[..., 1]


def _sft(batch: Batch, config: Config) -> Tensor:
    return losses.likelihood(batch["demonstration"].log_prob[..., 0])


def _dpo(batch: Batch, config: Config) -> Tensor:
    return losses.dpo(*_pair(batch), config["beta"]) / config["beta"][:, 0]


def _cdpo(batch: Batch, config: Config) -> Tensor:
    return losses.cdpo(*_pair(batch), config["beta"], config["e"]) / config["beta"][:, 0]


def _rdpo(batch: Batch, config: Config) -> Tensor:
    return losses.rdpo(*_pair(batch), config["beta"], config["e"]) / config["beta"][:, 0]


def _ipo(batch: Batch, config: Config) -> Tensor:
    return losses.ipo(*_pair(batch), config["beta"])


def _ipo_token(batch: Batch, config: Config) -> Tensor:
    pairs = batch["preference"]
    mean = pairs.h / pairs.mask.sum(-1)
    return losses.ipo(mean[..., 0], mean[..., 1], config["beta"])


def _hinge(batch: Batch, config: Config) -> Tensor:
    return losses.hinge(*_pair(batch), config["beta"]) / config["beta"][:, 0]


def _simpo(batch: Batch, config: Config) -> Tensor:
    pairs = batch["preference"]
    mean = pairs.log_prob / pairs.mask.sum(-1)
    return losses.simpo(mean[..., 0], mean[..., 1], config["beta"], config["beta"] * config["gamma_ratio"])


def _flag_dpo(batch: Batch, config: Config) -> Tensor:
    pairs = batch["flag_pair"]
    h, flagged = pairs.h, pairs.flagged
    loss = losses.flag_dpo(h[..., 0], h[..., 1], flagged[..., 0], flagged[..., 1], config["beta"])
    return loss / config["beta"][:, 0]


def _pos_binary(batch: Batch, config: Config) -> Tensor:
    flags = batch["flag"]
    return losses.likelihood(flags.log_prob[..., 0], ~flags.flagged[..., 0])


def _reference_kl(flags: Scored, config: Config) -> Tensor:
    """β_KL times KL(π_ref || π), estimated on the batch, whose responses are samples of the reference."""
    return -config["beta_kl"][:, 0] * flags.h[..., 0].mean(-1)


def _ga(batch: Batch, config: Config) -> Tensor:
    flags = batch["flag"]
    return losses.gradient_ascent(flags.log_prob[..., 0], flags.flagged[..., 0]) + _reference_kl(flags, config)


def _ul(batch: Batch, config: Config) -> Tensor:
    flags = batch["flag"]
    loss = losses.unlikelihood(flags.token_log_probs[..., 0, :], flags.mask[..., 0, :], flags.flagged[..., 0])
    return loss + _reference_kl(flags, config)


def _npo(batch: Batch, config: Config) -> Tensor:
    return losses.npo(batch["flag"].h[..., 0], config["beta"], batch["flag"].flagged[..., 0])


def _npo_ret(batch: Batch, config: Config) -> Tensor:
    flags = batch["flag"]
    return losses.npo_retain(
        flags.h[..., 0], flags.log_prob[..., 0], flags.flagged[..., 0], config["beta"], config["eta"]
    )


def _npo_ret_no_refusals(batch: Batch, config: Config) -> Tensor:
    flags = batch["flag"]
    flagged = flags.flagged[..., 0]
    retain = losses.mean_where(-config["eta"] * flags.log_prob[..., 0], ~flagged & ~flags.refused[..., 0])
    return losses.npo(flags.h[..., 0], config["beta"], flagged) + retain


def _apo_neg(batch: Batch, config: Config) -> Tensor:
    flags = batch["flag"]
    loss = losses.apo_zero_unpaired(flags.h[..., 0], config["beta"], flags.flagged[..., 0])
    return loss / config["beta"][:, 0]


def _kto(batch: Batch, config: Config) -> Tensor:
    thumbs = batch["desirability"]
    z0 = losses.kto_reference(thumbs.h[..., 1])
    return losses.kto(thumbs.h[..., 0], ~thumbs.flagged[..., 0], z0, config["beta"]) / config["beta"][:, 0]


def _bco(batch: Batch, config: Config) -> Tensor:
    thumbs = batch["desirability"]
    h, desirable = thumbs.h[..., 0], ~thumbs.flagged[..., 0]
    return losses.bco_unpaired(h, desirable, config["beta"], config["delta"]) / config["beta"][:, 0]


def _bco_update(batch: Batch, config: Config) -> Config:
    """Δ as the mean over all batches so far."""
    thumbs = batch["desirability"]
    shift = losses.bco_shift(thumbs.h[..., 0], ~thumbs.flagged[..., 0], config["beta"])[:, None]
    batches = config["batches"] + 1
    return {"delta": config["delta"] + (shift - config["delta"]) / batches, "batches": batches}


def _kto_neg(batch: Batch, config: Config) -> Tensor:
    # z0 from the batch's own unflagged responses: flags buy no mismatched samples.
    flags = batch["flag"]
    h, flagged = flags.h[..., 0], flags.flagged[..., 0]
    z0 = losses.mean_where(h.detach(), ~flagged)[..., None].clamp_min(0.0)
    return losses.kto(h, ~flagged, z0, config["beta"], keep=flagged) / config["beta"][:, 0]


def _pmpo(batch: Batch, config: Config) -> Tensor:
    flags = batch["flag"]
    return losses.pmpo(
        flags.log_prob[..., 0], flags.flagged[..., 0], -flags.h[..., 0],
        config["alpha"][:, 0], config["beta_kl"][:, 0],
    )  # fmt: skip


def _d2o(kind: str) -> Objective:
    """D2O with α = β on one kind of anchored flags; an anchor that was itself flagged is left out."""

    def objective(batch: Batch, config: Config) -> Tensor:
        flags, beta = batch[kind], config["beta"]
        clean = ~flags.flagged[..., 1:]
        mean = losses.mean_where(flags.h[..., 1:], clean)
        keep = flags.flagged[..., 0] & clean.any(-1)
        return losses.d2o(mean[..., None], flags.h[..., 0], beta, beta, keep) / beta[:, 0]

    return objective


def _hybrid(batch: Batch, config: Config) -> Tensor:
    """NPO with retain on flags plus w times DPO on pairs; on a step with one kind, that kind alone.

    A run without flags has w = 1, so that it is plain DPO (`programs.plain_runs`).
    """
    total: Tensor | None = None
    if "flag" in batch:
        total = _npo_ret(batch, {"beta": config["beta_flag"], "eta": config["eta"]})
    if "preference" in batch:
        pairs = config["w"][:, 0] * _dpo(batch, {"beta": config["beta"]})
        total = pairs if total is None else total + pairs
    assert total is not None
    return total


def _revisions(batch: Batch, config: Config) -> Tensor:
    return losses.likelihood(batch["critic_revision"].log_prob[..., 0])


def _critic_dpo(kind: str) -> Objective:
    """DPO on pairs of which a critic judged both; `critic_noise` says how far its verdicts are believed."""

    def objective(batch: Batch, config: Config) -> Tensor:
        pairs, beta = batch[kind], config["beta"]
        preferred = losses.soft_preference(pairs.flagged[..., 0], pairs.flagged[..., 1], config["critic_noise"])
        return losses.soft_dpo(pairs.h[..., 0], pairs.h[..., 1], beta, preferred) / beta[:, 0]

    return objective


# Methods that sample ------------------------------------------------------------------------------
#: Kind of scorer that a reward needs, if any.
SCORER_OF = {
    "reward_model": "reward", "penalised": "reward", "verifier": "verifier", "rule_verifier": "rule_verifier"
}  # fmt: skip
#: What one-sided algorithms reinforce; the others take both sides.
_SIDES = {"nsr": "negative", "psr": "positive"}


# The registry --------------------------------------------------------------------------------------
def _control(name: str, trainer: str) -> Method:
    return Method(name, (), "none", "none", "none", "none", trainer=trainer)


def _preference(name: str, objective: Objective, labels: Source = "given", **config: float) -> Method:
    return Method(
        name, ("preference",), "preference", "pair", "both", "pair", objective,
        {"lr": 1e-3, "beta": 0.1} | config, labels=labels,
    )  # fmt: skip


def _flag(
    name: str, objective: Objective, polarity: str = "negative", labels: Source = "given", **config: float
) -> Method:
    family = "likelihood" if polarity == "positive" else "binary"
    return Method(
        name, ("flag",), "flag", family, polarity, "binary", objective, {"lr": 1e-3} | config, labels=labels
    )


def _critic(name: str, kind: str, objective: Objective, trainer: str, **config: float) -> Method:
    family, polarity, format_ = ("pair", "both", "pair") if "beta" in config else ("likelihood", "positive", "sequence")
    return Method(name, (kind,), "critic", family, polarity, format_, objective, {"lr": 1e-3} | config, trainer=trainer)


def _sampled(name: str, kind: str, reward: str, algorithm: str, **config: float) -> Method:
    return Method(
        name, (kind,), kind, "on_policy", _SIDES.get(algorithm, "both"), "pair" if kind == "preference" else "binary",
        config={"lr": 5e-4, "beta_kl": 0.0} | config, trainer="on_policy", reward=reward, algorithm=algorithm,
    )  # fmt: skip


def _anchored(name: str, kind: str, anchors: int) -> Method:
    return Method(
        name, (kind,), "flag", "pair", "negative", "binary", _d2o(kind), {"lr": 1e-3, "beta": 0.1},
        candidates=2 + anchors,
    )  # fmt: skip


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        _control("base", "none"),
        _control("refuse_all", "refusal"),
        Method("sft", ("demonstration",), "demonstration", "likelihood", "positive", "sequence", _sft, {"lr": 1e-3}),
        _preference("dpo", _dpo),
        _preference("cdpo", _cdpo, e=0.05),
        _preference("rdpo", _rdpo, e=0.05),
        _preference("ipo", _ipo),
        _preference("ipo_token", _ipo_token),
        _preference("hinge", _hinge),
        _preference("simpo", _simpo, beta=2.0, gamma_ratio=0.5),
        _preference("dpo_random", _dpo, "random"),
        _preference("pref_k0", _dpo, "unbiased"),
        _preference("dpo_shuffled", _dpo, "shuffled"),
        Method("flag_dpo", ("flag_pair",), "flag", "pair", "both", "pair", _flag_dpo, {"lr": 1e-3, "beta": 0.1}),
        Method("kto", ("desirability",), "desirability", "binary", "both", "binary", _kto, {"lr": 1e-3, "beta": 0.1}),
        Method(
            "bco", ("desirability",), "desirability", "binary", "both", "binary", _bco, {"lr": 1e-3, "beta": 0.1},
            running=Running({"delta": 0.0, "batches": 0.0}, _bco_update),
        ),
        _flag("pos_binary", _pos_binary, "positive"),
        _flag("ga", _ga, lr=2e-4, beta_kl=0.0),
        _flag("ul", _ul, lr=2e-4, beta_kl=0.0),
        _flag("npo", _npo, beta=0.1),
        _flag("npo_ret", _npo_ret, beta=0.1, eta=0.3),
        _flag("npo_ret_no_refusals", _npo_ret_no_refusals, beta=0.1, eta=0.3),
        _flag("npo_ret_random", _npo_ret, labels="random", beta=0.1, eta=0.3),
        _flag("npo_ret_shuffled", _npo_ret, labels="shuffled", beta=0.1, eta=0.3),
        _flag("flag_bits", _npo_ret, labels="matched_bits", beta=0.1, eta=0.3),
        _flag("apo_neg", _apo_neg, beta=0.1),
        _flag("kto_neg", _kto_neg, beta=0.1),
        _flag("pmpo_negative", _pmpo, alpha=0.0, beta_kl=0.1),
        _flag("pmpo", _pmpo, "both", alpha=0.5, beta_kl=0.1),
        _anchored("d2o_raw1", "flag_raw1", 1),
        _anchored("d2o_raw3", "flag_raw3", 3),
        _anchored("d2o_raw11", "flag_raw11", 11),
        _anchored("d2o_clean3", "flag_clean3", 3),
        _critic("cai_sl", "critic_revision", _revisions, "revisions"),
        _critic(
            "cai_dpo_base", "critic_base_pair", _critic_dpo("critic_base_pair"), "base_comparisons", beta=0.1
        ),
        _critic("cai_dpo", "critic_pair", _critic_dpo("critic_pair"), "comparisons", beta=0.1, sl_lr=2.5e-4),
        Method(
            # As many human pairs about helpfulness as a quarter of the AI pairs.
            "cai_rl", ("critic_pair", "preference"), "critic", "on_policy", "both", "pair",
            config={"lr": 5e-4, "beta_kl": 0.1, "sl_lr": 2.5e-4}, trainer="ai_feedback", algorithm="ppo", share=0.8,
        ),
        *(
            _sampled(f"rm_{name}", "preference", "reward_model", name, beta_kl=0.1) for name in ("ppo", "rloo", "grpo")
        ),
        _sampled("pref_penalty", "preference", "penalised", "ppo", beta_kl=0.1, penalty=2.0),
        Method("bon", ("preference",), "preference", "none", "both", "pair", trainer="best_of_n", reward="reward_model"),
        *(
            method
            for kind, reward, short in (
                ("flag", "verifier", "lv"), ("flag_rule", "rule_verifier", "lv_rule"), ("verification", "program", "or")
            )
            for method in (
                _sampled(f"nsr_{short}", kind, reward, "nsr"),
                _sampled(f"psr_{short}", kind, reward, "psr"),
                _sampled(f"wr_{short}", kind, reward, "w_reinforce", **{"lambda": 0.1}),
                _sampled(f"grpo_{short}", kind, reward, "grpo", beta_kl=0.1),
            )
        ),
        _sampled("rloo_or", "verification", "program", "rloo", beta_kl=0.1),
        _sampled("ppo_or", "verification", "program", "ppo", beta_kl=0.1),
        Method(
            # Utility has a size besides a sign, so both signs count alike.
            "oracle", (), "none", "on_policy", "both", "none", config={"lr": 2e-3, "beta_kl": 0.0, "lambda": 1.0},
            trainer="on_policy", reward="utility", algorithm="w_reinforce",
        ),
        Method(
            "hybrid", ("flag", "preference"), "flag+preference", "mixed", "both", "binary", _hybrid,
            {"lr": 1e-3, "beta": 0.1, "beta_flag": 0.1, "eta": 0.3, "w": 0.5},
        ),
    )
}  # fmt: skip
