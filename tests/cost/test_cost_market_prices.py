"""The cost model's prices are not the market's: what its page says of both is what the code does."""

from pathlib import Path

import numpy as np
import pytest

from econ.cost import scale
from econ.cost.mix import pipeline_for
from econ.cost.preparation import prepare
from econ.cost.prices import status_quo_prices
from econ.market import sources
from econ.market.simulate import at_rest
from econ.scenario import load_scenario
from econ.surfaces import load_surfaces

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "cost.md"


@pytest.fixture(scope="module")
def market():
    """USD per effective label at the status quo: of a pair, and of a constraint example by category with its share of requests."""
    s, quo, _, _ = at_rest(load_scenario("baseline"), load_surfaces(), 1, [0], 1)
    pair = sources.source_mix(quo.weights, quo.prices_preference, quo.prices_preference, sources.effective_preference(s), 0.0)
    weights = np.broadcast_to(quo.weights[:, None], quo.prices_constraint.shape)
    rule = sources.source_mix(weights, quo.prices_constraint, quo.prices_constraint, sources.effective_constraint(s), 0.0)
    share = quo.request_frequency[0] / quo.request_frequency[0].sum()
    return pair.effective_price[0], rule.effective_price[0], share, s.p["advantage_bound"][0]


def test_the_page_names_both_prices(market):
    page = PAGE.read_text(encoding="utf-8")
    constraint, pair = status_quo_prices()
    own, rules, _, _ = market
    assert f"{pair:g} USD for a pair and {constraint:g} USD for a constraint example" in page
    assert f"{own:.1f} USD for a pair and {rules.min():.1f} to {rules.max():.1f} USD for a constraint example" in page
    assert f"{constraint / pair:g} times a pair here and {rules.min() / own:.0f} to {rules.max() / own:.0f} times there" in page


def test_at_the_markets_prices_negative_only_costs_as_much_more_as_the_page_says(market, monkeypatch):
    own, rules, share, bound = market
    surfaces, targets = load_surfaces(), ["80%", "65%", "50%"]
    case = prepare(surfaces, start="untrained")

    def median(case, pipeline):
        found = pipeline_for(case, pipeline, targets)
        return np.median(np.where(found.attainable, found.cost, np.inf), axis=0)

    booked, pairs = median(case, "negative-only"), median(case, "preference-only")
    constraint, pair = status_quo_prices()
    dear = float(rules @ share)
    # Today's stock is worth a share of outlays, so it falls with its own price and rises with that of pairs.
    stock = float(np.median(prepare(surfaces).start_a)) * (constraint / dear) * (own / pair)
    measured = scale.advantage
    monkeypatch.setattr(scale, "status_quo_prices", lambda: (dear, own))
    monkeypatch.setattr(scale, "advantage", lambda *given: np.clip(measured(*given), -bound, bound))
    prices = {"price_constraint_label": dear, "price_preference_label": own, "status_quo_constraints": stock}
    moved = prepare(surfaces, prices, start="untrained")
    dearer = median(moved, "negative-only") / booked
    assert f"negative-only costs {dearer.min():.1f} to {dearer.max():.1f} times what the tables say" in PAGE.read_text(encoding="utf-8")
    assert np.all(median(moved, "negative-only") < median(moved, "preference-only"))
    assert np.all(booked < pairs)
