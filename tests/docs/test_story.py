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


def _effect(outcomes: pd.DataFrame, name: str) -> dict[str, float]:
    return window_effect(outcomes, "public_commons", "baseline", name)


def _gain_of(outcomes: pd.DataFrame, name: str) -> str:
    """The page's words on a part of welfare, in millions."""
    found = _effect(outcomes, name)
    value, low, high = (found[part] / 1e6 for part in ("mean_difference", "low", "high"))
    return f"`{name}` by {value:.1f} ({low:.1f} to {high:.1f})"


def _cost_of(outcomes: pd.DataFrame) -> str:
    """The sentence's numbers on what governments pay."""
    found = _effect(outcomes, "public_cost")
    value, low, high = (found[name] / 1e6 for name in ("mean_difference", "low", "high"))
    assert found["sign_stability"] == 1.0, "the page says: in all replicates"
    return f"rise by {value:.1f} million USD a quarter ({low:.1f} to {high:.1f}), in all replicates"


def _with_net(outcomes: pd.DataFrame) -> pd.DataFrame:
    return outcomes.assign(net=outcomes["consumer_surplus"] + outcomes["firm_profit"] - outcomes["public_cost"])


def _net_of(outcomes: pd.DataFrame) -> str:
    """What users and firms gain beyond what governments pay, and in how many replicates they do."""
    found = _effect(_with_net(outcomes), "net")
    value, low, high = (found[name] / 1e6 for name in ("mean_difference", "low", "high"))
    times = round(found["share_positive"] * found["pairs"])
    return f"by {value:.1f} million USD a quarter ({low:.1f} to {high:.1f}) on average, but in {times} of the {found['pairs']:.0f} replicates only"


def _against(outcomes: pd.DataFrame) -> str:
    """In how many replicates capture and harm go against their mean."""
    capture, harm = (_effect(outcomes, name) for name in ("capture_index", "harm_rate"))
    against = [round(found["share_positive"] * found["pairs"]) for found in (capture, harm)]
    return f"capture does in {against[0]} of the {capture['pairs']:.0f} replicates, harm in {against[1]}"


def _fall_of(outcomes: pd.DataFrame, name: str) -> str:
    """A part of capture that falls."""
    found = _effect(outcomes, name)
    return f"by {-found['mean_difference']:.3f} ({-found['high']:.3f} to {-found['low']:.3f})"


def _fees_of(outcomes: pd.DataFrame) -> str:
    """The rise of posted fees, against expectation."""
    found = _effect(outcomes, "licence_price")
    assert found["sign_stability"] == 1.0, "the page says: in all replicates"
    value, low, high = (found[name] / 1e6 for name in ("mean_difference", "low", "high"))
    return f"by {value:.1f} million USD a quarter ({low:.1f} to {high:.1f}), in all replicates, where they were expected to fall"


def _influence_of(outcomes: pd.DataFrame) -> str:
    """The part of capture that does not move."""
    found = _effect(outcomes, "industry_influence")
    assert found["low"] < 0 < found["high"], "the page says: not told from 0"
    return f"({found['mean_difference']:.3f}, −{-found['low']:.3f} to {found['high']:.3f})"


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
    said_of = [_gain_of(outcomes, name) for name in ("consumer_surplus", "firm_profit")]
    said_of += [_fall_of(outcomes, name) for name in ("fee_inflation", "capture_displacement")]
    said_of += [words(outcomes) for words in (_cost_of, _net_of, _against, _fees_of, _influence_of)]
    assert [words for words in said_of if words not in page] == []


def _millions(found: dict[str, float]) -> tuple[str, str]:
    """An effect in millions and its interval, with the page's minus sign."""
    value, low, high = (f"{found[part] / 1e6:.1f}".replace("-", "−") for part in ("mean_difference", "low", "high"))
    return value, f"({low} to {high})"


@pytest.mark.slow
@pytest.mark.timeout(1200)  # half a minute of CPU each
@pytest.mark.parametrize("sigma", ["0.5", "1.5"])
def test_what_hangs_on_the_elasticity_is_what_runs_with_an_imposed_one_give(tmp_path, request, sigma):
    _output(COMMANDS[2].replace(" --out", f" --set levers.sigma={sigma} --out"), tmp_path)
    outcomes = _with_net(pd.read_parquet(tmp_path / "runs" / "half" / "outcomes.parquet"))
    net, interval = _millions(_effect(outcomes, "net"))
    work, around = _millions(_effect(outcomes, "labeler_surplus"))
    page = _words((request.config.rootpath / PAGE).read_text(encoding="utf-8"))
    said = page[page.index(f"at {sigma} capture falls") :].partition(";" if sigma == "0.5" else " Posted fees")[0]
    assert said.startswith(f"at {sigma} capture falls {_fall_of(outcomes, 'capture_index')}, users and firms gain {net} million USD a quarter {interval} more than")
    assert f"labelers {work} {around}" in said
    assert _effect(outcomes, "licence_price")["low"] > 0 and _effect(outcomes, "harm_rate")["high"] < 0, "the page says: in both"
