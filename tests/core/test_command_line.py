"""The command that a manifest records."""

from __future__ import annotations

import pytest

from econ.core.provenance import command_line


@pytest.mark.parametrize(
    ("typed", "recorded"),
    [
        (["/home/me/.venv/bin/econ", "lab", "run", "smoke", "--out", "runs/smoke"], "econ lab run smoke --out runs/smoke"),
        (["econ", "run", "/home/me/secret/mine.yaml", "--out=/tmp/x/answer"], "econ run mine.yaml --out=answer"),
        (["econ", "compare", "../runs/a", "./b", "--baseline=a"], "econ compare ../runs/a ./b --baseline=a"),
        (["econ", "run", "baseline", "--set", "levers.commons=0.1", "--out", "two words"], "econ run baseline --set levers.commons=0.1 --out 'two words'"),
        (["econ", "cost", "--target-harm", "80%", "--out", "/"], "econ cost --target-harm 80% --out /"),
    ],
)
def test_no_path_of_a_machine_is_recorded_and_the_rest_as_typed(monkeypatch, typed, recorded):
    monkeypatch.setattr("sys.argv", typed)
    assert command_line() == recorded
