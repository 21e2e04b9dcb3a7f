"""Targeted sampling: risky contexts alone are judged, and the search for them is paid for."""

from __future__ import annotations

import numpy as np
import pytest

from econ.lab import programs
from econ.lab.accounting import SEARCH_MINUTES, Usage, label_ledger
from econ.lab.execute import execute
from econ.lab.grid import Grid
from econ.lab.job import Context
from econ.lab.knobs import Knobs
from econ.lab.pool import pool_prompts, risky_share
from econ.lab.store import Store
from econ.lab.world import draw_world
from tests.lab.conftest import TINY

TARGETED = Knobs(sampling="targeted")


@pytest.fixture(scope="module")
def world():
    return draw_world(1, 11)


def test_targeted_prompts_are_risky_and_as_likely_among_themselves_as_before(world):
    passive, _ = pool_prompts(world, 1, 0.85, 8192)
    targeted, _ = pool_prompts(world, 1, 0.85, 8192, "targeted")
    risky = world.risk > 0
    assert risky[targeted].all() and not world.unseen[targeted].any()
    assert risky[passive].mean() == pytest.approx(risky_share(world), abs=0.02)
    assert 0.2 < risky_share(world) < 0.8
    few, _ = pool_prompts(world, 1, 0.85, 100, "targeted")
    assert np.array_equal(few, targeted[:100])
    by_risk = [
        np.bincount(world.risk[x][risky[x]], minlength=8)[1:4] / risky[x].sum() for x in (passive, targeted)
    ]
    assert by_risk[0] == pytest.approx(by_risk[1], abs=0.03)


def test_search_is_charged_once_per_prompt_and_nothing_else_changes():
    bits = {"flag": (0.5, 0.4), "preference": (0.3, 0.02)}
    bought = {"flag": 100, "preference": 50}
    plain, searched = (label_ledger(bought, 40, bits, 8, Usage(1.0), prompts) for prompts in (0.0, 250.0))
    assert searched.human_minutes == pytest.approx(plain.human_minutes + 250 * SEARCH_MINUTES)
    assert searched.usd == pytest.approx(plain.usd + 2 * 250 * SEARCH_MINUTES)
    for name in ("judgements", "completions_read", "fixed_minutes", "bits_harm", "flops", "ai_calls"):
        assert getattr(searched, name) == getattr(plain, name)


def test_passive_sampling_names_nothing_new_and_targeted_has_a_pool_of_its_own():
    assert "sampling" not in Knobs().of_world("A") and "sampling" not in TARGETED.of_world("B")
    assert programs.base_item(3, TARGETED) == programs.base_item(3, Knobs()) | {"sampling": "targeted"}


def test_a_targeted_grid_finds_more_violations_and_charges_the_search(tmp_path):
    """Same base model, other prompts; the row says how they were found."""
    arms = [
        {"method": "npo_ret", "n": [400]},
        {"method": "npo_ret", "n": [400], "knobs": {"sampling": "targeted"}},
    ]
    grid = Grid.model_validate(TINY | {"worlds": [0], "training": {"max_steps": 10}, "arms": arms})
    settings, rows = programs.result_settings(grid, 2), []
    for knobs in (Knobs(), TARGETED):
        for task in programs.pretraining_tasks([knobs], grid.worlds, settings):
            execute(task, tmp_path)
        runs = programs.plain_runs(grid, grid.arms[0], "develop", grid.worlds, {"flag": 400}, {}, knobs)
        (task,) = programs.batches(runs, settings, 4)
        execute(task, tmp_path)
        rows.append(Store(tmp_path).facts(task.hash)["rows"][0])
    passive, targeted = rows
    context = Context(settings, Store(tmp_path), "cpu")
    looked = 400 / risky_share(context.world(runs[0]))
    assert targeted["human_minutes"] == pytest.approx(passive["human_minutes"] + SEARCH_MINUTES * looked)
    assert targeted["positives"] > passive["positives"]
    assert targeted["violation_base"] == passive["violation_base"]
    assert "targeted" in targeted["extra"] and "sampling" not in passive["extra"]
