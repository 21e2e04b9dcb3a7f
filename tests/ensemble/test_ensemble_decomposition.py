"""Shapley contributions: closed forms, brute force over orders, and a market whose links are known."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from fake_market import FLOWS, FakeSimulation, FakeSurfaces

from econ.core.errors import InputError
from econ.ensemble import decomposition
from econ.ensemble.decomposition import DIRECT, LINKS, OUTCOMES, TOTAL, check_pair, decompose, shapley
from econ.ensemble.design import Design
from econ.ensemble.engine import Engine
from econ.ensemble.execute import silent

OFF = {key: value for link in LINKS.values() for key, value in link.items()}


@dataclass(frozen=True)
class LinkedScenario:
    """Remembers which settings were changed."""

    name: str
    size: float
    changed: dict = field(default_factory=dict)

    def with_settings(self, *settings):
        return replace(self, changed={k: v for one in settings for k, v in one.items()})

    def model_copy(self, update):
        return replace(self, **update)

    def resolved(self):
        return {"name": self.name, "size": self.size, "levers": {"sigma": None}, "changed": self.changed}


def simulate(scenario, surfaces, *, seed, replicates, quarters, device, precision):
    """Size times (1 + learning + 2 network + 4 lobbying x certification), with a replicate's own scale."""
    on = {link: not set(settings) <= set(scenario.changed) for link, settings in LINKS.items()}
    level = 1 + on["learning"] + 2 * on["network"] + 4 * (on["lobbying"] and on["certification"])
    replicates = np.asarray(list(replicates))
    reported = np.arange(-8, quarters)
    value = scenario.size * level * (1.0 + replicates)[:, None] * (reported >= 0)
    failed = {1: "broke"} if scenario.size == 3.0 and not any(on.values()) and 1 in replicates else {}
    return FakeSimulation(reported, replicates, dict.fromkeys(OUTCOMES, value), {}, {}, failed)


def _design(*sizes: float, quarters: int = 10) -> Design:
    scenarios = tuple(LinkedScenario(f"s{i}", size) for i, size in enumerate(sizes))
    return Design(scenarios, FakeSurfaces(), 1, 3, quarters, "cpu", "float64", 2)


def _table(tmp_path, *sizes: float, quarters: int = 10):
    return decompose(_design(*sizes, quarters=quarters), Engine(simulate, FLOWS), tmp_path, workers=1, progress=silent)


def test_contributions_are_those_of_the_market_that_made_them(tmp_path):
    table = _table(tmp_path, 0.0, 1.0)
    found = table[table["variable"] == "welfare"].set_index("link")["contribution"]
    # Mean over replicates of their scale 1, 2, 3; an interaction is shared equally.
    expected = {"learning": 2, "network": 4, "lobbying": 4, "certification": 4, "fee_inflation": 0}
    assert found.to_dict() == pytest.approx(expected | {DIRECT: 2, TOTAL: 16})
    error = table.set_index(["variable", "link"])["mc_error"]
    assert error["welfare", "learning"] == pytest.approx(np.std([1, 2, 3], ddof=1) / np.sqrt(3))
    # A kill before the result stands loses none of this.
    assert (tmp_path / decomposition.FOLDER).is_dir()


@pytest.mark.parametrize("quarters", [1, 3])
def test_the_burn_in_of_a_short_run_is_not_averaged(tmp_path, quarters):
    found = _table(tmp_path, 0.0, 1.0, quarters=quarters).set_index(["variable", "link"])["contribution"]
    assert found["welfare", TOTAL] == pytest.approx(16)


def test_a_replicate_that_failed_anywhere_is_left_out(tmp_path):
    found = _table(tmp_path, 0.0, 3.0).set_index(["variable", "link"])["contribution"]
    assert found["welfare", TOTAL] == pytest.approx(3 * 8 * (1 + 3) / 2)


def test_the_difference_is_of_the_second_from_the_first(tmp_path):
    found = _table(tmp_path, 1.0, 0.0).set_index(["variable", "link"])["contribution"]
    assert found["welfare", TOTAL] == pytest.approx(-16)


@pytest.mark.parametrize("sizes", [(1.0,), (1.0, 2.0, 4.0)])
def test_anything_but_a_pair_is_refused(sizes):
    with pytest.raises(InputError, match="takes two scenarios"):
        check_pair(_design(*sizes))


def test_shapley_of_the_glove_game():
    # One left and two right gloves: a pair is worth 1. Values 4/6, 1/6, 1/6.
    worth = np.array([float(c & 1 and c & 6) and 1.0 for c in range(8)])
    assert shapley(worth) == pytest.approx([4 / 6, 1 / 6, 1 / 6])


def test_shapley_is_the_mean_over_all_orders():
    worth = np.random.default_rng(0).normal(size=(16, 5))
    by_order = []
    for order in itertools.permutations(range(4)):
        gains, inside = np.zeros((4, 5)), 0
        for player in order:
            gains[player] = worth[inside | 1 << player] - worth[inside]
            inside |= 1 << player
        by_order.append(gains)
    assert shapley(worth) == pytest.approx(np.mean(by_order, axis=0))
    assert shapley(worth).sum(axis=0) == pytest.approx(worth[-1] - worth[0])


def test_every_link_is_a_setting_that_a_scenario_takes():
    from econ.scenario import load_scenario

    resolved = load_scenario("baseline").with_settings(OFF).resolved()
    assert resolved["parameters"]["fee_inflation"] == 0
    assert resolved["levers"]["cert_mode"] == "none"


def test_parts_add_up_where_an_outcome_is_null_in_some_replicate():
    values = np.random.default_rng(1).normal(size=(2, 1 << len(LINKS), 12))
    # Null under the last subset alone, in another replicate of each scenario.
    values[0, 5, 3] = values[1, -1, 7] = np.nan
    table = decomposition._table(["a", "b"], {"x": values}).set_index("link")
    total = table.loc[TOTAL, table.columns[-2]]
    assert table.drop(TOTAL)[table.columns[-2]].sum() == pytest.approx(total) and np.isfinite(total)
