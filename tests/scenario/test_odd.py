"""The ODD page names what exists, and all of it."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from econ.core.shipped import shipped_path
from econ.market.outcomes import OUTCOMES
from econ.scenario.lever_table import LEVERS

PAGE = Path(__file__).parents[2] / "docs" / "odd.md"
#: Names in code font that are neither parameter, lever nor outcome.
OTHERS = {"customer_loss", "vertical_tie", "low_income", "us_generalist", "expert"}


def _named() -> set[str]:
    return set(re.findall(r"`([a-z][a-z0-9_]*)`", PAGE.read_text(encoding="utf-8")))


def _parameters() -> set[str]:
    """Parameters of the model: the rows of the table that hold a default."""
    with shipped_path("calibration", "parameters.csv").open(encoding="utf-8") as file:
        return {row["name"] for row in csv.DictReader(file) if row["role"] == "default"}


@pytest.mark.parametrize("kind, known", [("parameter", _parameters()), ("lever", set(LEVERS)), ("outcome", set(OUTCOMES))])
def test_everything_of_the_model_is_described(kind, known):
    assert sorted(known - _named()) == []


def test_nothing_is_described_that_does_not_exist():
    assert sorted(_named() - _parameters() - set(LEVERS) - set(OUTCOMES) - OTHERS) == []
