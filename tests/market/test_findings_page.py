"""The page of findings: each table has its place, and only tables are rewritten."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def made():
    spec = importlib.util.spec_from_file_location("make_findings", DOCS / "make_findings.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_every_table_has_one_place_on_the_page(made):
    page = (DOCS / "market_findings.md").read_text(encoding="utf-8")
    places = re.findall(r"<!-- table: (\w+) -->\n(.*?)<!-- end -->", page, flags=re.DOTALL)
    assert sorted(name for name, _ in places) == sorted([*made.TABLES, "origin"])
    assert all(content.strip() for _, content in places), [name for name, content in places if not content.strip()]


def test_words_stay_and_tables_change(made):
    page = "A\n<!-- table: one -->\nold\n<!-- end -->\nB\n<!-- table: two -->\nkept\n<!-- end -->\nC\n"
    assert "".join(made.replaced(page, {"one": "new"})) == page.replace("old", "new")
    with pytest.raises(SystemExit, match="no place for three"):
        "".join(made.replaced(page, {"three": ""}))


def test_every_setting_of_the_tables_is_one_that_a_scenario_takes(made):
    from econ.scenario import load_scenario

    lab = made.Lab(1)
    for name, table in made.TABLES.items():
        assert table(lab) is not None, name
    assert len(lab.wanted) > 80
    baseline = load_scenario("baseline")
    for settings in lab.wanted:
        _, changes = made.drawn(settings)
        if changes:
            baseline.with_settings(*changes)
    assert made.drawn(("levers.strict=1", "seed=3")) == (3, ("levers.strict=1",))


def test_an_estimate_says_of_how_many_where_some_have_no_value(made):
    import numpy as np

    assert made.estimate(np.array([1.0, 2.0, 3.0]), 1, 1) == "2.0 ± 0.6"
    assert made.estimate(np.array([1.0, 2.0, 3.0, np.nan]), 1, 1) == "2.0 ± 0.6 (3 of 4)"
    assert made.estimate(np.array([1.0, np.nan]), 1, 1) == "–"


def test_intervals_of_correlations_are_fishers(made):
    assert made.correlation_interval(0.5, 28) == pytest.approx((0.1560, 0.7359), abs=5e-4)
    assert made.correlation_interval(0.5, 3) == (-1.0, 1.0)


@pytest.mark.parametrize("transfer", [0.0, 1.0])
def test_what_a_dollar_removes_is_what_the_surface_says_of_one_more(made, transfer):
    import numpy as np

    from econ.market.simulate import at_rest
    from econ.scenario import load_scenario
    from econ.surfaces import load_surfaces

    scenario = load_scenario("baseline").with_settings(f"levers.transfer={transfer:g}")
    s, quo, _, _ = at_rest(scenario, load_surfaces(), made.SEED, range(3), 1)
    rules, pairs = quo.response.constraints_reference, quo.response.preferences_reference
    weight = quo.request_frequency / quo.request_frequency.sum(axis=1, keepdims=True)

    def harm(more_rules, more_pairs):
        found = quo.response.harm((rules * (1 + more_rules))[:, None], (pairs * (1 + more_pairs))[:, None], np.ones(3))[0]
        return (weight * found[:, 0]).sum(axis=1)

    step = 1e-4
    removed = harm(-step, 0) - harm(step, 0), harm(0, -step) - harm(0, step)
    worth = quo.outlay_constraint.sum(axis=1) / s.p["depreciation_constraint"], quo.outlay_preference / s.p["depreciation_preference"]
    found, *falls = made.responses(transfer, 3)
    assert found == pytest.approx(harm(0, 0), rel=1e-6)
    assert falls == [pytest.approx(lost / (2 * step), rel=1e-3) for lost in removed]
    assert made.dollars(transfer, 3) == pytest.approx(removed[0] / worth[0] / (removed[1] / worth[1]), rel=1e-3)


def test_elasticity_where_a_replicate_stands_is_that_of_its_isoquant(made):
    import numpy as np

    _, quo = made.status_quo(3)
    at = quo.response
    found = made.elasticity_of_substitution(3, ())

    def slope(log_x, log_y):
        _, by_x, by_y = at.surface.evaluate(np.exp(log_x), np.exp(log_y))
        return np.log(by_x / by_y)

    x, y = np.log(at.position_x)[:, None], np.log(at.position_y)[:, None]
    m = np.exp(slope(x, y))
    step = 1e-3 / (1 + m)
    # Along the isoquant d ln y = -m d ln x; σ is the change of ln(y/x) per change of the log ratio of slopes in levels.
    ratio = (slope(x + step, y - m * step) - slope(x - step, y + m * step)) / (2 * step)
    sigma = np.median((1 + m) / (1 + m - ratio), axis=1)
    inside = np.isfinite(found)
    assert inside.any()
    assert found[inside] == pytest.approx(sigma[inside], rel=1e-2)


def test_share_at_the_bound_falls_where_the_bound_is_wider(made):
    shares = [made.bounded(3, (f"parameters.advantage_bound={bound}",)) for bound in (0.01, 4.6, 100)]
    assert shares[0] == 1.0
    assert shares[2] == 0.0
    assert shares[0] >= shares[1] >= shares[2]
