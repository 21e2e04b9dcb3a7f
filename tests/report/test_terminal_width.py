"""Tables in narrow windows: no number is cut off, no name of a scenario is broken in mid-word."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from econ.ensemble.effects import HEADLINES
from econ.report.comparison.text import print_comparison, turning_lines
from econ.report.effects_text import print_effects
from econ.report.text import broken, table_width

NAMES = ["strict_liability_no_safe_harbour", "public_commons", "mandatory_certification"]


def _effects() -> pd.DataFrame:
    rows = [
        {
            "scenario": name, "baseline": "baseline", "variable": variable, "mean_difference": -0.000319 * divisor, "low": -0.00123 * divisor,
            "high": 0.000595 * divisor, "sign_stability": 0.87, "pairs": 16, "quarters": 8,
        }
        for name in NAMES for variable, (_, divisor) in HEADLINES.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _stability() -> pd.DataFrame:
    rows = [
        {
            "variable": variable, "better": "lower", "leader": NAMES[0], "leads": 0.5, "runner_up": NAMES[2], "ahead": 0.6, "tau": 0.5,
            "tau_p05": -0.11, "tau_p95": 0.8, "turns_with": "transfer" if variable == "harm_rate" else None, "turned_median": 0.2,
            "kept_median": 0.6, "turns_p": 0.01,
        }
        for variable in HEADLINES
    ]  # fmt: skip
    return pd.DataFrame(rows)


COMPARISON = SimpleNamespace(effects=_effects(), stability=_stability(), scenarios=["baseline", *NAMES], note=None)


def _printed(width: int, show) -> str:
    stream = io.StringIO()
    show(Console(width=width, file=stream, markup=False, emoji=False))
    return stream.getvalue()


@pytest.mark.parametrize("width", [60, 72, 80, 100, 140, 200])
def test_effects_are_whole_in_every_window(width):
    text = _printed(width, lambda console: print_effects(_effects(), console))
    assert "…" not in text and len(re.findall(r"\[-0\.00123, 0\.000595\]   87%", text)) == len(NAMES) * len(HEADLINES)
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("width", [80, 100, 140, 200])
def test_names_of_scenarios_are_broken_after_underscores_alone(width):
    text = _printed(width, lambda console: print_comparison(COMPARISON, console, None))
    table = text.partition("means (5 % to 95 %).")[2].partition("Turned")[0]
    words = set(re.findall(r"[a-z]{4,}", " ".join(NAMES)))
    legal = words | set(re.findall(r"[a-z]{4,}", " ".join(label for label, _ in HEADLINES.values()))) | {"better", "leads", "ahead", "lower"}
    assert {word for word in re.findall(r"[a-z]{4,}", table)} <= legal and "liability" in table
    assert "…" not in text


def test_what_turns_with_nothing_is_not_told():
    """A missing state is None in one version of pandas and NaN in another."""
    (line,) = turning_lines(COMPARISON)
    assert "where transfer is lower" in line
    assert turning_lines(SimpleNamespace(stability=_stability().assign(turns_with=float("nan")))) == []


@given(st.from_regex(r"[a-z]{1,12}([_ ][a-z]{1,12}){0,5}", fullmatch=True), st.integers(1, 40))
def test_a_broken_name_is_the_name(name, width):
    lines = broken(name, width).split("\n")
    assert re.sub(r"[\n ]", "", broken(name, width)) == name.replace(" ", "")
    assert all(len(line) <= width or not re.search(r"[_ ].", line) for line in lines)


def test_the_width_of_a_table_is_that_of_rich():
    from rich.table import Table

    columns = [("a", "bb\nccccc"), ("dd", "e"), ("", "fff")]
    grid = Table(box=None, pad_edge=False)
    for head, *_ in columns:
        grid.add_column(head)
    grid.add_row(*(cell for _, cell in columns))
    console = Console(width=100)
    assert console.measure(grid).maximum == table_width(columns)
