"""Small ensembles of the fake market."""

from __future__ import annotations

import fake_market
import pytest

from econ.ensemble import design as design_module
from econ.ensemble.design import plan
from econ.ensemble.execute import execute


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Small enough that few replicates make several blocks."""
    monkeypatch.setattr(design_module, "BLOCK_CPU", 16)


@pytest.fixture
def make_design():
    def make(*scenarios, **options):
        return plan(list(scenarios) or [fake_market.FakeScenario()], fake_market.FakeSurfaces(), **options)

    return make


@pytest.fixture
def execute_fake(tmp_path):
    def run(design, name="work", function=fake_market.simulate, **options):
        directory = tmp_path / name
        directory.mkdir(exist_ok=True)
        return execute(design, fake_market.engine(function), directory, **options), directory

    return run
