"""The analyst's story: fewer than five commands, whose output is what the page quotes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from blocks import blocks, commands

from econ.ensemble.effects import HEADLINES, window_effect

PAGE = "docs/story_commons.md"
NUMBERS = {2: "Two", 3: "Three", 4: "Four"}
COMMANDS = [line for block in blocks(PAGE) if block.language == "bash" for line in commands(block.text)]
OUTPUTS = [block.text for block in blocks(PAGE) if block.language == "text"]


def _words(text: str) -> str:
    return " ".join(text.split())


def _output(line: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(["bash", "-c", line], cwd=folder, env={**os.environ, "PATH": path, "MPLBACKEND": "agg"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_takes_fewer_than_five_commands(request):
    text = (request.config.rootpath / PAGE).read_text(encoding="utf-8")
    assert 1 < len(COMMANDS) < 5 and f"{NUMBERS[len(COMMANDS)]} commands" in text
    assert [line.split()[1] for line in COMMANDS] == ["scenario", "outcomes", "run", "report"]
    assert all(word.startswith("runs/") for line in COMMANDS for word, before in zip(line.split()[1:], line.split(), strict=False) if before == "--out")


def test_what_it_shows_of_a_commons_is_what_is_printed(tmp_path):
    said = _words("\n".join(_output(line, tmp_path) for line in COMMANDS[:2]))
    missing = [line for line in OUTPUTS[0].splitlines() if _words(line) not in said]
    assert len(OUTPUTS[0].splitlines()) > 5 and not missing, missing


def _gain_of(outcomes: pd.DataFrame, name: str) -> str:
    """The page's words on a part of welfare, in millions."""
    found = window_effect(outcomes, "public_commons", "baseline", name)
    value, low, high = (found[part] / 1e6 for part in ("mean_difference", "low", "high"))
    return f"`{name}` by {value:.1f} ({low:.1f} to {high:.1f})"


def _cost_of(outcomes: pd.DataFrame) -> str:
    """The sentence's numbers on what governments pay."""
    found = window_effect(outcomes, "public_commons", "baseline", "public_cost")
    value, low, high = (found[name] / 1e6 for name in ("mean_difference", "low", "high"))
    assert found["sign_stability"] == 1.0, "the page says: in all replicates"
    return f"rise by {value:.1f} million USD a quarter ({low:.1f} to {high:.1f}), in all replicates"


@pytest.mark.slow
@pytest.mark.timeout(1200)  # half a minute of CPU
def test_its_numbers_are_those_of_the_run(tmp_path, request):
    said = {_words(line) for line in _output(COMMANDS[2], tmp_path).splitlines()}
    quoted = [_words(line) for line in OUTPUTS[1].splitlines()]
    table = [line for line in quoted if line.startswith(tuple(label for label, _ in HEADLINES.values()))]
    assert len(table) == len(HEADLINES)
    missing = [line for line in [*table, *(line for line in quoted if line.startswith(("Directions", "contrary")))] if line not in said]
    assert not missing, missing
    outcomes = pd.read_parquet(tmp_path / "runs" / "half" / "outcomes.parquet")
    page = _words((request.config.rootpath / PAGE).read_text(encoding="utf-8"))
    assert _cost_of(outcomes) in page
    for name in ("consumer_surplus", "firm_profit"):
        assert _gain_of(outcomes, name) in page
