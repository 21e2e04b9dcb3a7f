"""The registry of methods: which labels a method takes, and the loss it makes of them.

To add one: write its loss in `losses`, a small objective here, and an entry in `METHODS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
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
        """log π(y | x), (R, B, S)."""
        return self.token_log_probs.sum(-1)

    @property
    def h(self) -> Tensor:
        """log π(y | x) - log π_ref(y | x), (R, B, S)."""
        return self.log_prob - self.reference


Batch = dict[str, Scored]
Config = dict[str, "Tensor"]
Objective = Callable[[Batch, Config], "Tensor"]


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
        (labels under the policy by kind, configuration) -> loss of each run (R,); None for controls.
    config : dict
        Every configuration key with its default.
    candidates : int
        Base samples of each prompt that it needs.
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


def _sft(batch: Batch, config: Config) -> Tensor:
    return losses.likelihood(batch["demonstration"].log_prob[..., 0])


def _dpo(batch: Batch, config: Config) -> Tensor:
    pairs = batch["preference"]
    return losses.dpo(pairs.h[..., 0], pairs.h[..., 1], config["beta"]) / config["beta"][:, 0]


def _npo_ret(batch: Batch, config: Config) -> Tensor:
    flags = batch["flag"]
    return losses.npo_retain(
        flags.h[..., 0], flags.log_prob[..., 0], flags.flagged[..., 0], config["beta"], config["eta"]
    )


def _flag_dpo(batch: Batch, config: Config) -> Tensor:
    pairs = batch["flag_pair"]
    loss = losses.flag_dpo(*pairs.h.unbind(-1), *pairs.flagged.unbind(-1), config["beta"])
    return loss / config["beta"][:, 0]


def _hybrid(batch: Batch, config: Config) -> Tensor:
    """NPO with retain on flags plus w times DPO on pairs; on a step with one kind, that kind alone.

    A run without flags has w = 1, so that it is plain DPO (`grid.hybrid_config`).
    """
    total: Tensor | None = None
    if "flag" in batch:
        total = _npo_ret(batch, {"beta": config["beta_flag"], "eta": config["eta"]})
    if "preference" in batch:
        pairs = _dpo(batch, {"beta": config["beta"]})
        total = config["w"][:, 0] * pairs if total is None else total + config["w"][:, 0] * pairs
    assert total is not None
    return total


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("base", (), "none", "none", "none", "none"),
        Method("refuse_all", (), "none", "none", "none", "none"),
        Method(
            "sft", ("demonstration",), "demonstration", "likelihood", "positive", "sequence", _sft, {"lr": 1e-3},
        ),
        Method("dpo", ("preference",), "preference", "pair", "both", "pair", _dpo, {"lr": 1e-3, "beta": 0.1}),
        Method(
            "npo_ret", ("flag",), "flag", "binary", "negative", "binary", _npo_ret,
            {"lr": 1e-3, "beta": 0.1, "eta": 0.3},
        ),
        Method("flag_dpo", ("flag_pair",), "flag", "pair", "both", "pair", _flag_dpo, {"lr": 1e-3, "beta": 0.1}),
        Method(
            "hybrid", ("flag", "preference"), "flag+preference", "mixed", "both", "binary", _hybrid,
            {"lr": 1e-3, "beta": 0.1, "beta_flag": 0.1, "eta": 0.3, "w": 0.5},
        ),
    )
}  # fmt: skip
