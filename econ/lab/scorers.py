"""Learned scorers: reward models from pairs, verifiers from flags; many in one batch.

A scorer is the base model with a scalar head on the mean of its features over the response, all of it
trained: a reward model on -log σ(r_w - r_l) (Bradley and Terry 1952, Stiennon et al. 2020), a verifier
on the binary cross-entropy of "was it flagged?". A verifier of flags with rules has a head for each
rule beside that one. What it learns depends on the world's base model, its
labels, the optimiser's seed and the settings, so methods that ask for the same scorer share it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from econ.core.random import word_block
from econ.core.streams import Stream
from econ.lab.adam import Adam
from econ.lab.label_sets import LabelSet, split_validation
from econ.lab.model import PROMPT, Architecture, features, linear, response_mask, unpack

if TYPE_CHECKING:
    from torch import Tensor

    from econ.lab.grid import Training
    from econ.lab.policy_settings import ScorerTraining

#: Labels scored at once when validating, and responses when judging; no effect on results.
_BLOCK = 256
#: (scores (R, B, S), flagged (R, B, S)) -> loss of each label (R, B); with heads of rules both end in
#: their axis, scores with the head of any violation first.
ScorerLoss = Callable[["Tensor", "Tensor"], "Tensor"]


def reward_loss(scores: Tensor, flagged: Tensor) -> Tensor:
    """-log σ(r_w - r_l) of pairs whose first response was preferred."""
    return softplus(scores[..., 1] - scores[..., 0])


def verifier_loss(scores: Tensor, flagged: Tensor) -> Tensor:
    """Cross-entropy of flags; a score is the log-odds of a flag."""
    return binary_cross_entropy_with_logits(scores, flagged.to(scores.dtype), reduction="none").mean(-1)


def rule_verifier_loss(scores: Tensor, flagged: Tensor) -> Tensor:
    """Cross-entropy of "was it flagged?" and of each rule's "was it named?", the mean over all heads."""
    targets = torch.cat([flagged.any(-1, keepdim=True), flagged], -1).to(scores.dtype)
    return binary_cross_entropy_with_logits(scores, targets, reduction="none").mean((-2, -1))


#: Losses by kind of scorer.
SCORER_LOSSES: dict[str, ScorerLoss] = {
    "reward": reward_loss, "verifier": verifier_loss, "rule_verifier": rule_verifier_loss
}  # fmt: skip


def score(arch: Architecture, flat: Tensor, prompt: Tensor, response: Tensor) -> Tensor:
    """Scores (R, N) of responses, by the first head.

    Parameters
    ----------
    flat : (R, P + H (d + 1))
        A transformer, then the weights and bias of each head.
    prompt : (R, N, 4) int64
    response : (R, N, L) int64
    """
    return linear(_pooled(arch, flat, prompt, response), flat[:, arch.parameters :][:, : arch.width + 1])


def score_heads(arch: Architecture, flat: Tensor, prompt: Tensor, response: Tensor) -> Tensor:
    """Scores (R, N, H) of responses, by every head."""
    pooled, heads = _pooled(arch, flat, prompt, response), torch.split(flat[:, arch.parameters :], arch.width + 1, dim=1)
    return torch.stack([linear(pooled, head) for head in heads], -1)


def _pooled(arch: Architecture, flat: Tensor, prompt: Tensor, response: Tensor) -> Tensor:
    """Mean features (R, N, d) over the positions of responses."""
    weights = unpack(arch, flat[:, : arch.parameters])
    tokens = torch.cat([prompt, response + arch.shape.prompt_tokens], -1)
    seen = features(arch, weights, tokens, PROMPT).view(*response.shape, arch.width)
    weight = response_mask(arch.shape, response).to(seen.dtype)[..., None]
    return (seen * weight).sum(2) / weight.sum(2)


@torch.no_grad()
def score_in_blocks(
    arch: Architecture, flat: Tensor, prompt: Tensor, response: Tensor, of: Callable[..., Tensor] = score
) -> Tensor:  # fmt: skip
    """Scores (R, N) of many responses, or (R, N, H) by `score_heads`, a block at a time."""
    parts = [
        of(arch, flat, prompt[:, start : start + _BLOCK], response[:, start : start + _BLOCK])
        for start in range(0, prompt.shape[1], _BLOCK)
    ]
    return torch.cat(parts, 1)


@dataclass(frozen=True)
class Scorers:
    """Trained scorers: parameters (R, P + H (d + 1)), and the steps (R,) at which they were taken and stopped."""

    flat: Tensor
    best_step: Tensor
    steps: Tensor


@dataclass
class _State:
    """The scorers still training; `index` says which of all they are."""

    index: Tensor
    flat: Tensor
    adam: Adam
    train: LabelSet
    validation: LabelSet
    best: Tensor
    waited: Tensor

    def keep(self, keep: Tensor) -> _State:
        return _State(
            self.index[keep], self.flat[keep], self.adam.runs(keep), self.train.runs(keep),
            self.validation.runs(keep), self.best[keep], self.waited[keep],
        )  # fmt: skip


def train_scorers(
    arch: Architecture,
    base: Tensor,
    labels: LabelSet,
    loss: ScorerLoss,
    keys: list[tuple[int, int]],
    spec: ScorerTraining,
    training: Training,
    on_check: Callable[[int, Tensor, Tensor], None] | None = None,
) -> Scorers:
    """Train R scorers on equal budgets of labels.

    Parameters
    ----------
    base : (R, P)
        Base models from which they start; the heads start at zero, one, and one for each rule where
        labels name rules.
    labels : LabelSet
        Before validation labels are set aside, as in every method (`split_validation`).
    keys : list of (optimiser seed, world)
        Of each; the keys of its minibatches.
    on_check : callable, optional
        Called at every check with (step, indices of the scorers, their parameters).

    Returns
    -------
    Scorers
        At the step of the least held-out loss; at the last one where a budget holds none out.
    """
    chosen, held = split_validation(labels.count, training)
    heads = 1 + (labels.flagged.shape[3] if labels.flagged.dim() == 4 else 0)
    flat = torch.cat([base, torch.zeros(len(base), heads * (arch.width + 1), device=base.device)], 1)
    out = Scorers(flat.clone(), *(torch.full((len(base),), spec.max_steps) for _ in range(2)))
    state = _State(
        torch.arange(len(base)), flat, Adam.start(flat), labels.rows(chosen), labels.rows(held),
        torch.full((len(base),), torch.inf), torch.zeros(len(base), dtype=torch.int64),
    )  # fmt: skip
    total = spec.max_steps if len(held) else spec.min_steps
    for step in range(total):
        _step(arch, state, loss, [keys[i] for i in state.index.tolist()], step, spec)
        if (step + 1) % spec.check_every == 0 or step + 1 == total:
            if on_check is not None:
                on_check(step + 1, state.index, state.flat)
            state = _check(arch, state, loss, out, step + 1, spec)
        if len(state.index) == 0:
            break
    return out


def _step(
    arch: Architecture, state: _State, loss: ScorerLoss, keys: list[tuple[int, int]], step: int, spec: ScorerTraining
) -> None:
    words = {key: word_block(key[0], Stream.SCORER, key[1], step, spec.batch) for key in dict.fromkeys(keys)}
    # floor(count * u) in integers: the same on every device.
    count = np.uint64(state.train.count)
    drawn = np.stack([words[key].astype(np.uint64) * count >> np.uint64(32) for key in keys])
    batch = state.train.at(torch.as_tensor(drawn.astype(np.int64), device=state.flat.device))
    flat = state.flat.requires_grad_(True)
    total = loss(label_scores(arch, flat, batch), batch.flagged).mean(-1).sum()
    (gradient,) = torch.autograd.grad(total, flat)
    rate = torch.full((len(flat),), spec.lr * min(1.0, (step + 1) / spec.warm_up), device=flat.device)
    with torch.no_grad():
        state.flat, _ = state.adam.step(flat.detach(), gradient, rate, step, spec.clip)


def label_scores(arch: Architecture, flat: Tensor, labels: LabelSet) -> Tensor:
    """Scores (R, B, S) of the responses that labels speak of, or (R, B, S, H) where they name rules."""
    runs, count, sequences, length = labels.response.shape
    prompt = labels.prompt[:, :, None].expand(-1, -1, sequences, -1).reshape(runs, count * sequences, -1)
    own = score if labels.flagged.dim() == 3 else score_heads
    found = own(arch, flat, prompt, labels.response.reshape(runs, -1, length))
    return found.view(runs, count, sequences, *found.shape[2:])


@torch.no_grad()
def _check(arch: Architecture, state: _State, loss: ScorerLoss, out: Scorers, step: int, spec: ScorerTraining) -> _State:
    """Remember the best scorers, and drop those that have stopped improving."""
    if state.validation.count == 0:
        better = torch.ones(len(state.index), dtype=torch.bool)
    else:
        blocks = [
            state.validation.rows(slice(start, start + _BLOCK)) for start in range(0, state.validation.count, _BLOCK)
        ]
        held = torch.cat([loss(label_scores(arch, state.flat, block), block.flagged) for block in blocks], 1)
        now = held.mean(-1).cpu()
        better = now < state.best
        state.best = torch.where(better, now, state.best)
    state.waited = torch.where(better, torch.zeros_like(state.waited), state.waited + 1)
    chosen = state.index[better]
    out.flat[chosen], out.best_step[chosen], out.steps[state.index] = state.flat[better], step, step
    going = (state.waited < spec.patience) | torch.tensor(step < spec.min_steps)
    return state if bool(going.all()) else state.keep(going)
