"""The registry of methods: which labels a method takes, and the loss it makes of them.

To add one that learns from a fixed set of labels: write its loss in `losses`, a small objective in
`objectives`, and an entry in `METHODS`. One that is trained otherwise names its trainer (`trainers.TRAINERS`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from econ.lab import objectives
from econ.lab.objectives import Objective, Running

Source = Literal["given", "random", "shuffled", "matched_bits", "unbiased"]


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
        name, (kind,), "flag", "pair", "negative", "binary", objectives.d2o(kind), {"lr": 1e-3, "beta": 0.1},
        candidates=2 + anchors,
    )  # fmt: skip


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        _control("base", "none"),
        _control("refuse_all", "refusal"),
        Method("sft", ("demonstration",), "demonstration", "likelihood", "positive", "sequence", objectives.sft, {"lr": 1e-3}),
        _preference("dpo", objectives.dpo),
        _preference("cdpo", objectives.cdpo, e=0.05),
        _preference("rdpo", objectives.rdpo, e=0.05),
        _preference("ipo", objectives.ipo),
        _preference("ipo_token", objectives.ipo_token),
        _preference("hinge", objectives.hinge),
        _preference("simpo", objectives.simpo, beta=2.0, gamma_ratio=0.5),
        _preference("dpo_random", objectives.dpo, "random"),
        _preference("pref_k0", objectives.dpo, "unbiased"),
        _preference("dpo_shuffled", objectives.dpo, "shuffled"),
        Method("flag_dpo", ("flag_pair",), "flag", "pair", "both", "pair", objectives.flag_dpo, {"lr": 1e-3, "beta": 0.1}),
        Method("kto", ("desirability",), "desirability", "binary", "both", "binary", objectives.kto, {"lr": 1e-3, "beta": 0.1}),
        Method(
            "bco", ("desirability",), "desirability", "binary", "both", "binary", objectives.bco, {"lr": 1e-3, "beta": 0.1},
            running=Running({"delta": 0.0, "batches": 0.0}, objectives.bco_update),
        ),
        _flag("pos_binary", objectives.pos_binary, "positive"),
        _flag("ga", objectives.ga, lr=2e-4, beta_kl=0.0),
        _flag("ul", objectives.ul, lr=2e-4, beta_kl=0.0),
        _flag("npo", objectives.npo, beta=0.1),
        _flag("npo_ret", objectives.npo_ret, beta=0.1, eta=0.3),
        _flag("npo_ret_no_refusals", objectives.npo_ret_no_refusals, beta=0.1, eta=0.3),
        _flag("npo_ret_random", objectives.npo_ret, labels="random", beta=0.1, eta=0.3),
        _flag("npo_ret_shuffled", objectives.npo_ret, labels="shuffled", beta=0.1, eta=0.3),
        _flag("flag_bits", objectives.npo_ret, labels="matched_bits", beta=0.1, eta=0.3),
        _flag("apo_neg", objectives.apo_neg, beta=0.1),
        _flag("kto_neg", objectives.kto_neg, beta=0.1),
        _flag("pmpo_negative", objectives.pmpo, alpha=0.0, beta_kl=0.1),
        _flag("pmpo", objectives.pmpo, "both", alpha=0.5, beta_kl=0.1),
        _anchored("d2o_raw1", "flag_raw1", 1),
        _anchored("d2o_raw3", "flag_raw3", 3),
        _anchored("d2o_raw11", "flag_raw11", 11),
        _anchored("d2o_clean1", "flag_clean1", 1),
        _anchored("d2o_clean3", "flag_clean3", 3),
        _anchored("d2o_clean11", "flag_clean11", 11),
        _critic("cai_sl", "critic_revision", objectives.revisions, "revisions"),
        _critic(
            "cai_dpo_base", "critic_base_pair", objectives.critic_dpo("critic_base_pair"), "base_comparisons", beta=0.1
        ),
        _critic("cai_dpo", "critic_pair", objectives.critic_dpo("critic_pair"), "comparisons", beta=0.1, sl_lr=2.5e-4),
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
            "hybrid", ("flag", "preference"), "flag+preference", "mixed", "both", "binary", objectives.hybrid,
            {"lr": 1e-3, "beta": 0.1, "beta_flag": 0.1, "eta": 0.3, "w": 0.5},
        ),
    )
}  # fmt: skip
