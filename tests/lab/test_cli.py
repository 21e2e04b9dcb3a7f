"""`econ lab run`: what it prints and how it ends."""

from __future__ import annotations

import json

import pandas as pd
import yaml
from typer.testing import CliRunner

from econ.cli.lab import app
from econ.core.errors import InputError
from tests.lab.conftest import TINY

RUNNER = CliRunner()


def test_run_prints_key_facts_as_one_json_object(tmp_path):
    grid = tmp_path / "g.yaml"
    grid.write_text(yaml.safe_dump(TINY | {"worlds": [0], "arms": [{"method": "base"}]}))
    out = tmp_path / "result"
    result = RUNNER.invoke(app, ["run", str(grid), "--out", str(out), "--json", "--csv"])
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["runs"] == 1 and facts["rows"] == 2 and facts["status"] == "finished"
    assert len(pd.read_csv(out / "measurements.csv")) == 2
    again = RUNNER.invoke(app, ["run", str(grid), "--out", str(out)])
    assert isinstance(again.exception, InputError) and "exists already" in str(again.exception)


def test_an_unknown_device_and_an_unknown_grid_are_input_errors(tmp_path):
    for arguments in (["run", "smoke", "--device", "tpu"], ["run", str(tmp_path / "none.yaml")]):
        result = RUNNER.invoke(app, arguments)
        assert isinstance(result.exception, InputError)
