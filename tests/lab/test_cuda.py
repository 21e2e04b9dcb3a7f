"""The same grid on a GPU: equal random words, metrics within the stated tolerance."""

from __future__ import annotations

import pytest
import torch

from econ.core.measurements import read_measurements
from econ.lab.grid import Grid
from econ.lab.runner import run_grid
from tests.lab.conftest import TINY

pytestmark = [pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]


def test_cuda_agrees_with_cpu(tmp_path):
    spec = TINY | {"worlds": [0, 1, 2, 3], "evaluation": {"samples": 8, "curves": "losses"}}
    tables = {}
    for device in ("cpu", "cuda"):
        run_grid(Grid.model_validate(spec), tmp_path / device, device=device)
        table = read_measurements(tmp_path / device / "measurements.parquet")
        tables[device] = table.set_index(["run_id", "distribution"]).sort_index()
    for column in ("violation", "helpfulness", "sycophancy", "over_refusal"):
        gap = (tables["cpu"][column] - tables["cuda"][column]).abs()
        assert gap.max() <= 0.02, column
        assert gap.groupby(tables["cpu"]["program"]).mean().max() <= 0.005 + 0.02 / 4, column
