"""Replicates that cannot go on are named; the others are what they would be without them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import small_market as small

from econ.core.errors import WorkError
from econ.market import certification, positions, product, status_quo
from econ.market import ledger as books
from econ.market.ledger import FLOWS, SECTORS, Ledger
from econ.market.outcomes import OUTCOMES


@pytest.fixture(scope="module")
def healthy():
    return small.run(small.baseline(3), replicates=range(4))


def others(simulation, without):
    return small.rows(simulation, [place for place in range(4) if place != without])


@pytest.mark.parametrize(("value", "quarter"), [(np.nan, 1), (np.inf, -3), (np.nan, -20)])
def test_a_replicate_that_turns_non_finite_is_named_and_the_others_kept(healthy, monkeypatch, value, quarter):
    drift = product.drift_brands

    def broken(s, f, now):
        f = drift(s, f, now)
        if now == quarter:
            brand = f.brand.copy()
            brand[s.replicates == 2, 1] = value
            f = replace(f, brand=brand)
        return f

    monkeypatch.setattr(product, "drift_brands", broken)
    with np.errstate(all="ignore"):
        got = small.run(small.baseline(3), replicates=range(4))
    assert got.failed == {2: f"firms.brand is not finite in quarter {quarter}"}
    small.same(others(got, 2), others(healthy, 2))


def test_a_replicate_whose_harm_cannot_be_is_named_and_the_others_kept(healthy, monkeypatch):
    # Finite nonsense, as from code that was compiled for other arrays.
    violation = certification.violation_probability

    def broken(s, *given):
        found = violation(s, *given)
        return np.where((s.replicates == 2)[:, None], 1e6, found)

    monkeypatch.setattr(certification, "violation_probability", broken)
    with np.errstate(all="ignore"):
        got = small.run(small.baseline(3), replicates=range(4))
    assert list(got.failed) == [2] and got.failed[2].startswith("cert_violation is 1e+06, outside 0 to 1, in quarter 0")
    small.same(others(got, 2), others(healthy, 2))


def test_replicates_without_a_status_quo_are_named_and_the_others_kept(healthy, monkeypatch):
    draw = status_quo.draw_positions

    def hopeless(s, solve):
        def refused(x, y, **outlays):
            found = solve(x, y, **outlays)
            return replace(found, harm_taste=np.where(s.replicates == 1, -1.0, found.harm_taste))

        return draw(s, refused)

    monkeypatch.setattr(status_quo, "draw_positions", hopeless)
    got = small.run(small.baseline(3), replicates=range(4))
    assert list(got.failed) == [1] and "101 draws" in got.failed[1] and "taste for safety" in got.failed[1]
    assert list(got.replicates) == [0, 1, 2, 3]
    assert all(np.isnan(values[1]).all() for values in got.outcomes.values())
    small.same(others(got, 1), others(healthy, 1))
    alone = small.run(small.baseline(3), replicates=[1])
    assert list(alone.failed) == [1] and alone.outcomes.keys() == OUTCOMES.keys() and alone.ledger.keys() == FLOWS.keys()


def test_a_labor_market_without_intercepts_is_named(monkeypatch):
    from econ.market import labelers

    solve = labelers._solve_region
    calls = []

    def sometimes(values, *rest):
        calls.append(values)
        return (np.full(2, np.nan), np.full(2, np.nan)) if len(calls) == 2 else solve(values, *rest)

    monkeypatch.setattr(labelers, "_solve_region", sometimes)
    got = small.run(small.baseline(1), replicates=range(2))
    assert list(got.failed) == [0] and got.failed[0].startswith("no status quo: no intercepts of the labor market") and "us_generalist" in got.failed[0]


def test_the_books_of_a_broken_replicate_do_not_hide_those_of_another():
    before, after = np.zeros((2, len(SECTORS))), np.zeros((2, len(SECTORS)))
    ledger = Ledger(2, 1, 1)
    ledger.post("wages", np.array([[np.nan], [5.0]]))
    after[1, SECTORS.index("curators")] = -5.0
    after[1, SECTORS.index("labelers")] = 4.0
    with pytest.raises(WorkError, match="cash of labelers"):
        books.check(ledger, before, after, np.zeros((2, 1)), np.array([[0.0], [-5.0]]), 3)
    after[1, SECTORS.index("labelers")] = 5.0
    worst = books.check(ledger, before, after, np.zeros((2, 1)), np.array([[0.0], [-5.0]]), 3)
    assert np.isnan(worst[0]) and worst[1] <= books.TOLERANCE


def test_outlays_that_would_do_are_named():
    # Taste for safety is 10·outlay - 1 in one replicate and 1 - 10·outlay in the other; for helpfulness 1.
    spent, most = np.array([0.05, 0.2]), np.array([0.15, 0.3])
    one = np.array([-0.5, -1.0]), np.ones(2)
    two = np.array([0.0, -3.0]), np.ones(2)
    above, below = positions.why_not(one, two, spent, most)
    assert "taste for safety" in above and "above 0.1 (found 0.05)" in above
    assert "below 0.1 (found 0.2)" in below
    none = positions.why_not((np.array([-2.0]), np.ones(1)), (np.array([-1.9]), np.ones(1)), spent[:1], most[:1])
    assert "no alignment_share_of_revenue" in none[0]


def test_a_set_of_parameters_without_a_status_quo_is_refused_with_what_would_do():
    got = small.run(small.baseline(1).with_parameters(alignment_share_of_revenue=0.004), replicates=range(2))
    assert list(got.failed) == [0, 1]
    assert all("alignment_share_of_revenue would have to be above 0.0" in reason for reason in got.failed.values())
