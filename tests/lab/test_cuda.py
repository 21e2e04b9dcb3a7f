"""The same grid on a GPU: metrics within 0.02 of the CPU's in every run, and within 0.005 on means over worlds."""

from __future__ import annotations

import pandas as pd
import pytest
import torch

from econ.core.measurements import read_measurements
from econ.lab.grid import Grid
from econ.lab.runner import run_grid
from tests.lab.conftest import TINY

METRICS = ("violation", "helpfulness", "sycophancy", "over_refusal")
#: Greatest gaps of a metric, in a run and between means over the worlds of a program.
PER_RUN, PER_MEAN = 0.02, 0.005


def disagreements(one: pd.DataFrame, other: pd.DataFrame) -> list[str]:
    """What two tables of the same runs measure too differently, in words."""
    keys = ["run_id", "distribution"]
    both = one.merge(other, on=keys, suffixes=("", "_other"), validate="one_to_one")
    assert len(both) == len(one) == len(other)
    found = []
    for metric in METRICS:
        gap = both[metric] - both[f"{metric}_other"]
        cells = gap.groupby([both["program"], both["distribution"]]).mean().abs()
        found += [f"{metric} of run {both.run_id[i]}, {both.distribution[i]}: {gap[i]:+.4f}" for i in gap.index[~(gap.abs() <= PER_RUN)]]
        found += [f"mean {metric} of {cell[0]}, {cell[1]}: {mean:.4f}" for cell, mean in cells.items() if not mean <= PER_MEAN]
    return found


def table(shifts: list[float], metric: str = "violation") -> pd.DataFrame:
    """One program in as many worlds as there are shifts, in one distribution."""
    plain = {"run_id": [f"r{i}" for i in range(len(shifts))], "program": "develop/dpo/preference160", "distribution": "ood"}
    made = pd.DataFrame(plain | dict.fromkeys(METRICS, 0.5))
    return made.assign(**{metric: made[metric] + shifts})


@pytest.mark.parametrize(
    "shifts, runs, means",
    [
        ([0.0, 0.0, 0.0, 0.0], 0, 0),
        ([0.019, -0.019, 0.019, -0.019], 0, 0),  # each within its own bound, and they cancel in the mean
        ([0.021, -0.021, 0.0, 0.0], 2, 0),  # the mean alone would not notice
        ([0.006, 0.006, 0.006, 0.006], 0, 1),  # each run alone would not notice
        ([0.0, 0.0, 0.0, 0.019], 0, 0),
        ([0.0, 0.0, 0.0, 0.0201], 1, 1),
        ([float("nan"), 0.0, 0.0, 0.0], 1, 0),
    ],
)
@pytest.mark.parametrize("metric", METRICS)
def test_runs_and_means_over_worlds_have_bounds_of_their_own(shifts, runs, means, metric):
    found = disagreements(table([0.0] * 4), table(shifts, metric))
    assert sum("of run" in line for line in found) == runs and sum(line.startswith("mean") for line in found) == means
    assert all(metric in line for line in found)


def test_means_are_taken_by_program_and_distribution():
    one = pd.concat([table([0.0] * 4), table([0.0] * 4).assign(distribution="id")])
    other = pd.concat([table([0.006] * 4), table([-0.006] * 4).assign(distribution="id")])
    assert len(disagreements(one, other)) == 2


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_agrees_with_cpu(tmp_path):
    spec = TINY | {"worlds": [0, 1, 2, 3], "evaluation": {"samples": 8, "curves": "losses"}}
    tables = {}
    for device in ("cpu", "cuda"):
        manifest = run_grid(Grid.model_validate(spec), tmp_path / device, device=device)
        assert (manifest["peak_device_bytes"] is None) == (device == "cpu")
        tables[device] = read_measurements(tmp_path / device / "measurements.parquet")
    assert disagreements(tables["cpu"], tables["cuda"]) == []
