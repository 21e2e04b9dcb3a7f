"""Levers: the table of the public contract, and the arrays by quarter."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from econ.scenario import load_scenario
from econ.scenario.lever_table import LEVERS
from econ.scenario.levers import CERT_MANDATORY, CERT_NONE, CERT_VOLUNTARY, Levers, lever_paths

#: name: (default, places, a value out of range or of a wrong type)
CONTRACT = {
    "cert_mode": ("voluntary", 3, "compulsory"),
    "cert_fee": (1, 3, -1),
    "cert_tolerance": (1.2, 3, 0),
    "cert_test_size": (200, 3, 0.5),
    "cert_max_violation": (0.45, 3, 1.2),
    "cert_min_documented": (0, 3, -0.1),
    "conform": (0.5, 3, 1.1),
    "provenance_audit": (0.02, 0, 1.2),
    "legal_risk": (0.01, 0, -0.1),
    "audit": (1, 3, -1),
    "fine": (0.01, 3, -0.01),
    "max_harm": (0.25, 3, 2),
    "strict": (0.30, 3, 1.5),
    "safe_harbour": (0.4, 3, -1),
    "commons": (0, 0, -0.1),
    "interoperability": (0, 0, 1.1),
    "portability": (0, 0, True),
    "lobby_cap": (None, 3, -1),
    "merger_control": (False, 0, 1),
    "merger_probability": (0.04, 0, 7),
    "local_norms": (0, 3, 1.5),
    "minimum_wage": (1, 3, -2),
    "training_subsidy": (0, 0, 1.01),
    "pref_price_shock": (1, 0, 0),
    "shock_is_tax": (False, 0, "yes"),
    "ai_price": (1, 2, -1),
    "ai_quality": (1, 2, float("nan")),
    "transfer": (None, 0, 1.5),
    "sigma": (None, 0, 0),
    "market_scale": (1, 0, 0),
}


@pytest.fixture(scope="module")
def baseline():
    return load_scenario("baseline")


def test_the_table_is_the_contract():
    assert list(LEVERS) == list(CONTRACT) == [field.name for field in fields(Levers)]
    for name, (default, places, _) in CONTRACT.items():
        lever = LEVERS[name]
        assert lever.default == default and len(lever.places) == places
        assert lever.unit and lever.description
        assert lever.static == (name in ("transfer", "sigma", "market_scale"))


@pytest.mark.parametrize("name", CONTRACT)
def test_values_out_of_range_are_refused(baseline, name):
    from econ.core.errors import InputError

    with pytest.raises(InputError, match=f"levers.{name}: .*; allowed: "):
        baseline.with_levers(**{name: CONTRACT[name][2]})


def test_defaults_as_arrays(baseline):
    now = lever_paths(baseline, 1, np.arange(4)).at(0)
    for name, (default, places, _) in CONTRACT.items():
        array = getattr(now, name)
        assert array.shape == ((4, places) if places else (4,)), name
        if isinstance(default, int | float):
            assert np.all(array == default), name
    assert now.cert_mode.dtype == np.int64 and np.all(now.cert_mode == CERT_VOLUNTARY)
    assert now.merger_control.dtype == np.bool_ and now.shock_is_tax.dtype == np.bool_
    assert np.all(np.isinf(now.lobby_cap)) and np.all(np.isnan(now.transfer)) and np.all(np.isnan(now.sigma))


def test_a_bare_value_holds_from_quarter_zero(baseline):
    path = lever_paths(baseline.with_levers(commons=0.1, strict=1), 1, [0, 1])
    assert path.at(-24).commons[0] == path.at(-1).commons[0] == 0
    assert path.at(0).commons[0] == path.at(39).commons[0] == 0.1
    assert np.all(path.at(-1).strict == 0.3) and np.all(path.at(0).strict == 1)


def test_a_schedule_holds_until_its_next_entry(baseline):
    path = lever_paths(baseline.with_levers(merger_control={4: True, 9: False}), 1, [0])
    assert [bool(path.at(quarter).merger_control[0]) for quarter in (-1, 0, 3, 4, 8, 9, 39)] == [
        False, False, False, True, True, False, False,
    ]  # fmt: skip


def test_schedules_differ_by_place(baseline):
    scenario = baseline.with_levers(
        cert_mode={"j1": {2: "mandatory"}, "j3": "none"}, lobby_cap={"j2": {5: 0.1, 7: None}}
    )
    path = lever_paths(scenario, 1, [0])
    assert path.at(1).cert_mode[0].tolist() == [CERT_VOLUNTARY, CERT_VOLUNTARY, CERT_NONE]
    assert path.at(2).cert_mode[0].tolist() == [CERT_MANDATORY, CERT_VOLUNTARY, CERT_NONE]
    assert [path.at(quarter).lobby_cap[0, 1] for quarter in (4, 5, 6, 7)] == [np.inf, 0.1, 0.1, np.inf]
    assert np.all(np.isinf(path.at(5).lobby_cap[0, [0, 2]]))


def test_regions_and_kinds(baseline):
    path = lever_paths(baseline.with_levers(minimum_wage={"expert": 3}, ai_price={"constraint": 0.5}), 1, [0])
    assert path.at(0).minimum_wage[0].tolist() == [1, 1, 3]
    assert path.at(0).ai_price[0].tolist() == [1, 0.5]


def test_static_levers_hold_throughout(baseline):
    path = lever_paths(baseline.with_levers(transfer=0, sigma=3, market_scale=8), 1, [0])
    for quarter in (-24, -1, 0, 39):
        now = path.at(quarter)
        assert (now.transfer[0], now.sigma[0], now.market_scale[0]) == (0, 3, 8)


def test_the_same_object_between_changes(baseline):
    path = lever_paths(baseline.with_levers(commons={3: 0.1}), 1, [0])
    assert path.at(3) is path.at(20) and path.at(2) is not path.at(3)
    with pytest.raises(ValueError, match="read-only"):
        path.at(3).commons[0] = 1


def test_priors_on_levers(baseline):
    prior = {"uniform": [0, 1]}
    one = lever_paths(baseline.with_levers(strict=prior), 1, np.arange(50))
    also = lever_paths(baseline.with_levers(strict={0: prior}), 1, np.arange(50))
    each = lever_paths(baseline.with_levers(strict={"j1": prior, "j2": prior}), 1, np.arange(50))
    assert np.array_equal(one.at(0).strict, also.at(0).strict)
    assert np.array_equal(one.at(0).strict[:, 0], one.at(0).strict[:, 2])  # one value for all places
    assert abs(np.corrcoef(each.at(0).strict[:, 0], each.at(0).strict[:, 1])[0, 1]) < 0.5
    assert np.array_equal(
        lever_paths(baseline.with_levers(strict=prior), 1, [7]).at(0).strict[0], one.at(0).strict[7]
    )


def test_a_prior_at_a_later_quarter_is_a_draw_of_its_own(baseline):
    prior = {"uniform": [0, 1]}
    path = lever_paths(baseline.with_levers(commons={0: prior, 8: prior}), 1, np.arange(20))
    assert not np.any(path.at(0).commons == path.at(8).commons)


def test_a_shorter_horizon_leaves_later_changes_out(baseline):
    path = lever_paths(baseline.with_levers(commons={3: 0.1, 30: 0.2}), 1, [0], quarters=8)
    assert path.at(7).commons[0] == 0.1 and path.at(35).commons[0] == 0.1


@pytest.mark.parametrize("name", ["transfer", "sigma", "market_scale"])
def test_static_levers_take_no_schedule(baseline, name):
    from econ.core.errors import InputError

    with pytest.raises(InputError, match="static"):
        baseline.with_levers(**{name: {0: 1}})
