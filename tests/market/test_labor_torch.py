"""Passes over labelers by torch against the compiled ones: same draws, same choices, sums to rounding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import small_market as small

from econ.core.errors import InputError
from econ.ensemble import engine
from econ.market import labelers, labor_torch


@pytest.fixture(scope="module")
def torch_passes():
    import torch

    torch.set_num_threads(1)
    return labor_torch.Passes("cpu")


def test_torch_and_compiled_code_agree(torch_passes, monkeypatch):
    s = small.build(small.baseline(labelers=900), replicates=(3, 11, 4))
    quo, intercepts, state = small.at_start(s)
    value = labelers.start_pay(s, quo) + intercepts.taste
    compiled = by_torch = state.labelers
    hours = np.linspace(100, 400, 18).reshape(3, 3, 2)
    for quarter in range(-24, -16):
        shifted = value + 0.2 * np.sin(quarter + np.arange(18).reshape(3, 3, 2))
        compiled, supply = labelers.choose(s, compiled, shifted, s.p["retraining_cost"], quarter, everyone=quarter == -24)
        compiled = labelers.learn(s, compiled, hours)
        with monkeypatch.context() as patch:
            patch.setattr(labelers, "passes", lambda device: torch_passes)
            by_torch, other = labelers.choose(s, by_torch, shifted, s.p["retraining_cost"], quarter, everyone=quarter == -24)
            by_torch = labelers.learn(s, by_torch, hours)
        np.testing.assert_array_equal(by_torch.occupation, compiled.occupation)
        np.testing.assert_array_equal(by_torch.last, compiled.last)
        np.testing.assert_allclose(by_torch.experience, compiled.experience, rtol=1e-12)
        for name in ("ability", "heads", "movers_ability", "leavers", "worked_before", "reservation"):
            np.testing.assert_allclose(getattr(other, name), getattr(supply, name), rtol=1e-10, atol=1e-9, err_msg=name)
        efficiency = small.by_labeler(compiled, supply.efficiency)
        np.testing.assert_allclose(small.by_labeler(by_torch, other.efficiency), efficiency, rtol=1e-12)
    assert supply.leavers.sum() > 0 and supply.movers_ability.sum() > 0


def test_sums_on_a_device_do_not_depend_on_the_batch(torch_passes, monkeypatch):
    monkeypatch.setattr(labelers, "passes", lambda device: torch_passes)
    supplies, abilities = [], []
    for ids in ((5,), (2, 5, 9)):
        s = small.build(replicates=ids)
        quo, intercepts, state = small.at_start(s)
        value = labelers.start_pay(s, quo) + intercepts.taste
        people, supply = labelers.choose(s, state.labelers, value, s.p["retraining_cost"], -24, everyone=True)
        supplies.append(supply)
        abilities.append(small.by_labeler(people, supply.efficiency))
    np.testing.assert_array_equal(abilities[1][1], abilities[0][0])
    for name in ("ability", "heads", "reservation"):
        np.testing.assert_array_equal(getattr(supplies[1], name)[1], getattr(supplies[0], name)[0], err_msg=name)


def test_the_device_of_the_setting_decides(monkeypatch):
    made = []
    monkeypatch.setattr(labor_torch, "Passes", lambda device: made.append(device))
    labelers.passes(replace(small.build(), device="cuda").device)
    assert made == ["cuda"]


def test_cuda_is_used_only_where_it_is_asked_for(monkeypatch):
    market = engine.market_engine()
    monkeypatch.setattr(engine, "resolve_device", lambda choice: "cuda")
    assert engine.choose_device(market, "auto") == "cpu"
    assert engine.choose_device(market, "cuda") == "cuda"
    with pytest.raises(InputError):
        engine.choose_device(replace(market, devices=("cpu",)), "cuda")
