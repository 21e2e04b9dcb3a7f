"""The memory bound by which batches are cut holds for what autograd really keeps."""

from __future__ import annotations

import torch

from econ.lab.model import Architecture, initial_parameters, token_log_probs
from econ.lab.programs import BYTES_PER_TOKEN
from econ.lab.world import WORLD_A


def test_bytes_kept_per_token_are_within_the_bound():
    arch, runs, count = Architecture(WORLD_A), 2, 64
    flat = initial_parameters(arch, 1, list(range(runs))).requires_grad_(True)
    prompt = torch.zeros(runs, count, 4, dtype=torch.int64)
    response = torch.ones(runs, count, 6, dtype=torch.int64)
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        log_probs = token_log_probs(arch, flat, prompt, response)
    kept.pop(flat.untyped_storage().data_ptr(), None)
    per_token = sum(kept.values()) / (runs * count * 9)
    assert log_probs.shape == (runs, count, 6)
    assert BYTES_PER_TOKEN / 4 < per_token <= BYTES_PER_TOKEN
