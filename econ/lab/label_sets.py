"""Labels of many runs as tensors: stacked, split into those that train and that validate, scored by policies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from econ.lab.model import Architecture, response_mask, token_log_probs
from econ.lab.objectives import Batch, Scored

if TYPE_CHECKING:
    from torch import Tensor

    from econ.lab.grid import Training
    from econ.lab.labels import Labels

#: Labels scored at once when validating: keeps activations in cache; no effect on results.
VALIDATION_BLOCK = 128


@dataclass(frozen=True)
class LabelSet:
    """Labels of one kind of R runs, as tensors: prompts (R, n, 4), responses (R, n, S, L) and so on."""

    prompt: Tensor
    response: Tensor
    reference: Tensor
    flagged: Tensor

    @property
    def count(self) -> int:
        """Labels per run."""
        return self.prompt.shape[1]

    def at(self, position: Tensor) -> LabelSet:
        """Labels at positions (R, B)."""
        run = torch.arange(position.shape[0], device=position.device)[:, None]
        return LabelSet(*(x[run, position] for x in self._fields()))

    def runs(self, keep: Tensor) -> LabelSet:
        """The runs kept."""
        return LabelSet(*(x[keep] for x in self._fields()))

    def rows(self, chosen: slice | Tensor) -> LabelSet:
        """The labels chosen, the same in each run."""
        return LabelSet(*(x[:, chosen] for x in self._fields()))

    def _fields(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.prompt, self.response, self.reference, self.flagged


def stack_labels(prompts: list[np.ndarray], labels: list[Labels], device: str) -> LabelSet:
    """The labels of R runs with equal budgets; `prompts` are the token ids (n, 4) of each."""

    def stack(arrays: list[np.ndarray]) -> Tensor:
        return torch.as_tensor(np.stack(arrays), device=device)

    return LabelSet(
        stack([p[: len(x)] for p, x in zip(prompts, labels, strict=True)]), stack([x.responses for x in labels]),
        stack([x.reference for x in labels]), stack([x.flagged for x in labels]),
    )  # fmt: skip


def split_validation(count: int, training: Training) -> tuple[Tensor, Tensor]:
    """Indices that train and that validate: every tenth label validates from a budget of 128 on."""
    index = torch.arange(count)
    if count < training.validation_from:
        return index, index[:0]
    held_out = index % training.validation_every == training.validation_every - 1
    return index[~held_out], index[held_out]


def score(arch: Architecture, flat: Tensor, batch: dict[str, LabelSet]) -> Batch:
    """Log-probabilities of all kinds of labels in one pass."""
    runs = flat.shape[0]
    prompts, responses = [], []
    for part in batch.values():
        sequences = part.response.shape[2]
        prompts.append(part.prompt[:, :, None].expand(-1, -1, sequences, -1).reshape(runs, -1, part.prompt.shape[-1]))
        responses.append(part.response.reshape(runs, -1, part.response.shape[-1]))
    log_probs = token_log_probs(arch, flat, torch.cat(prompts, 1), torch.cat(responses, 1))
    pieces = torch.split(log_probs, [r.shape[1] for r in responses], dim=1)
    return {
        kind: Scored(
            piece.reshape(part.response.shape), response_mask(arch.shape, part.response), part.reference, part.flagged
        )
        for (kind, part), piece in zip(batch.items(), pieces, strict=True)
    }


@torch.no_grad()
def with_reference(arch: Architecture, base: Tensor, labels: LabelSet) -> LabelSet:
    """Labels with log π_ref of every response, where some were not scored when they were sampled."""
    scored = score_in_blocks(arch, base, {"": labels})[""]
    missing = torch.isnan(labels.reference)
    return replace(labels, reference=torch.where(missing, scored.log_prob, labels.reference))


def score_in_blocks(arch: Architecture, flat: Tensor, labels: dict[str, LabelSet]) -> Batch:
    """The same of many labels, a block at a time and kind by kind."""
    whole: Batch = {}
    for kind, x in labels.items():
        blocks = [
            score(arch, flat, {kind: x.rows(slice(start, start + VALIDATION_BLOCK))})[kind].token_log_probs
            for start in range(0, x.count, VALIDATION_BLOCK)
        ]
        whole[kind] = Scored(torch.cat(blocks, 1), response_mask(arch.shape, x.response), x.reference, x.flagged)
    return whole
