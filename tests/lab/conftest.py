"""Small settings on which the laboratory's tests train in seconds."""

from __future__ import annotations

import pytest
import torch

from econ.lab.grid import Grid

TINY = {
    "schema_version": 1,
    "name": "tiny",
    "stage": "develop",
    "worlds": [0, 1],
    "model": {"layers": 1, "width": 16},
    "pretraining": {"steps": 20, "batch": 64},
    "training": {"max_steps": 30},
    "evaluation": {"samples": 1, "curves": "losses"},
    "runs_per_batch": 4,
    "arms": [
        {"method": "base"},
        {"method": "refuse_all"},
        {"method": "hybrid", "a": [0, 160], "b": [0, 160]},
        {"method": "dpo", "n": [160]},
        {"method": "npo_ret", "n": [160]},
    ],
}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def tiny() -> Grid:
    return Grid.model_validate(TINY)
