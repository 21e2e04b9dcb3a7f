"""The market as a Mesa model: the same numbers, and sets of agents that answer like Mesa's own."""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
import weakref
from dataclasses import replace

import mesa
import numpy as np
import pytest
import small_market as small

import econ
from econ.core.errors import InputError
from econ.market.agent_sets import Curator, Firm, Labeler, Regulator
from econ.market.outcomes import OUTCOMES

QUARTERS = 3
SCENARIO = small.baseline(quarters=QUARTERS, firms=5)
EVENTFUL = SCENARIO.with_settings(
    {"events": [{"customer_loss": {"quarter": 1}}, {"vertical_tie": {"quarter": 2, "curator_rank": 2}}]}
)
SURFACES = small.surfaces()


def build(scenario=SCENARIO, **options):
    return econ.MarketModel(scenario, surfaces=SURFACES, seed=small.SEED, **options)


@pytest.fixture(scope="module")
def built():
    """A model at the end of quarter -1; states never change in place, so it can be set back."""
    model = build()
    return model, model.state, model.outcomes


@pytest.fixture
def model(built):
    model, model.state, model.outcomes = built
    model.quarter, model.steps, model.running = -1, 0, True
    model.reset_randomizer()
    return model


@pytest.mark.parametrize("scenario", [SCENARIO, EVENTFUL], ids=["baseline", "events"])
def test_one_replicate_stepped_by_hand_is_that_replicate_of_an_ensemble(scenario):
    model = build(scenario, replicate=2)
    assert (model.quarter, model.running, model.steps) == (-1, True, 0)
    while model.running:
        model.step()
    assert (model.quarter, model.steps) == (QUARTERS - 1, QUARTERS)
    ensemble = small.run(scenario, SURFACES, replicates=[0, 1, 2])
    frame = model.datacollector.get_model_vars_dataframe()
    assert list(frame.columns) == list(OUTCOMES) and list(frame.index) == list(range(-1, QUARTERS))
    reported = ensemble.quarters >= -1
    for name in OUTCOMES:
        expected = ensemble.outcomes[name][2, reported]
        np.testing.assert_allclose(frame[name], expected, rtol=1e-12, atol=0, err_msg=name)


def test_levers_are_keywords_and_the_horizon_may_be_shorter():
    model = build(quarters=1, commons=np.float64(0.2), strict={"j1": 1})
    model.run_model()
    scenario = SCENARIO.with_levers(commons=0.2, strict={"j1": 1})
    expected = small.run(scenario, SURFACES, replicates=[0], quarters=1)
    assert model.quarter == 0
    assert model.outcomes["harm_rate"] == pytest.approx(expected.outcomes["harm_rate"][0, -1], rel=1e-12)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"comons": 0.1}, "did you mean 'commons'"),
        ({"commons": -1}, "levers.commons"),
        ({"replicate": -1}, "replicate"),
        ({"quarters": 0}, "quarters"),
        ({"quarters": 1.5}, "quarters"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(options, words):
    with pytest.raises(InputError, match=words):
        build(**options)


@pytest.mark.parametrize("seed", [-1, 2**32, None, "one"])
def test_seeds_are_whole_numbers_of_32_bits(seed):
    with pytest.raises(InputError, match="seed"):
        econ.MarketModel(SCENARIO, surfaces=SURFACES, seed=seed)


def test_the_market_draws_nothing_from_mesas_generators(model):
    model.datacollector = mesa.DataCollector()
    before = model.random.getstate(), model.rng.bit_generator.state
    model.step()
    assert (model.random.getstate(), model.rng.bit_generator.state) == before


def test_batch_run_gives_every_quarter_of_every_combination():
    swept = {
        "scenario": [SCENARIO],
        "surfaces": [SURFACES],
        "replicate": [0, 1],
        "commons": np.array([0.0, 0.1]),
    }
    rows = mesa.batch_run(
        econ.MarketModel, {**swept, "seed": [small.SEED]}, data_collection_period=1, display_progress=False
    )
    assert len(rows) == 4 * QUARTERS
    for commons in (0.0, 0.1):
        expected = small.run(SCENARIO.with_levers(commons=commons), SURFACES, replicates=[0, 1])
        found = [row for row in rows if row["commons"] == commons]
        assert [(row["replicate"], row["Step"]) for row in found] == [
            (r, q) for r in (0, 1) for q in range(QUARTERS)
        ]
        harm = expected.outcomes["harm_rate"][:, expected.quarters >= 0].ravel()
        np.testing.assert_allclose([row["harm_rate"] for row in found], harm, rtol=1e-12)


def test_batch_run_by_default_gives_the_last_quarter_and_with_max_steps_that_quarter():
    fixed = {"scenario": [SCENARIO], "surfaces": [SURFACES], "seed": [small.SEED]}
    expected = small.run(SCENARIO, SURFACES, replicates=[0])
    for options, quarter in (({}, QUARTERS - 1), ({"max_steps": 1}, 1)):
        (row,) = mesa.batch_run(econ.MarketModel, fixed, display_progress=False, **options)
        assert row["Step"] == quarter
        harm = expected.outcomes["harm_rate"][0, expected.quarters == quarter]
        assert row["harm_rate"] == pytest.approx(harm[0], rel=1e-12)


def test_collected_agents_stand_in_the_row_of_their_quarter():
    model = build()
    prices = {-1: model.firms.get("price")}
    for quarter in range(2):
        model.step()
        prices[quarter] = model.firms.get("price")
    firms = model.datacollector.get_agenttype_vars_dataframe(Firm)
    curators = model.datacollector.get_agenttype_vars_dataframe(Curator)
    for quarter, price in prices.items():
        assert firms.loc[quarter, "price"].tolist() == price
    assert curators.loc[1, "service_revenue"].tolist() == model.curators.get("service_revenue")
    assert curators.loc[1].index.tolist() == model.curators.get("unique_id")


def test_a_users_own_collector_works(model):
    model.datacollector = mesa.DataCollector(
        model_reporters={"cash": lambda m: m.firms.agg("cash", sum), "quarter": "quarter"},
        agent_reporters={"cash": "cash"},
    )
    model.step()
    frame = model.datacollector.get_model_vars_dataframe()
    agents = model.datacollector.get_agent_vars_dataframe()
    assert frame["quarter"].tolist() == [0]
    assert agents["cash"].notna().sum() == len(model.firms) + len(model.curators)
    assert agents.xs(1, level="Step")["cash"][model.firms.get("unique_id")].sum() == pytest.approx(
        frame["cash"][0]
    )


# The verbs, each beside Mesa's own on real agents with the same attributes.


class Plain(mesa.Agent):
    def __init__(self, model, **values):
        super().__init__(model)
        for name, value in values.items():
            setattr(self, name, value)


def twin(agents, names):
    """Mesa's AgentSet with the same attributes, under a model with the same seed."""
    model = mesa.Model(seed=small.SEED)
    for agent in agents:
        Plain(model, **{name: getattr(agent, name) for name in names})
    return model.agents


def in_order(agents, verb):
    seen = []
    getattr(agents, verb)(lambda agent, much: seen.append(agent.price + much), 1.0)
    return seen


def kind_of_price(agent):
    return agent.price > 18


VERBS = {
    "len": len,
    "iteration": lambda agents: [agent.price for agent in agents],
    "index": lambda agents: [agents[0].price, agents[-1].price, agents[1].library],
    "slice": lambda agents: [agent.price for agent in agents[1:4]],
    "contains": lambda agents: [agents[2] in agents, object() in agents, agents[0] in agents.select(at_most=0)],
    "get": lambda agents: agents.get("price"),
    "get several": lambda agents: agents.get(["price", "library"]),
    "get missing": lambda agents: agents.get("colour", handle_missing="default", default_value=3),
    "select": lambda agents: agents.select(lambda agent: agent.price > 18).get("price"),
    "select at most": lambda agents: agents.select(kind_of_price, at_most=2).get("price"),
    "select a fraction": lambda agents: agents.select(at_most=0.5).get("price"),
    "select in place": lambda agents: len(agents.select(kind_of_price, inplace=True)) == len(agents),
    "select by type": lambda agents: len(agents.select(agent_type=type(agents[0]))),
    "select none": lambda agents: len(agents.select(agent_type=str)),
    "agg": lambda agents: agents.agg("price", max),
    "agg several": lambda agents: agents.agg("price", [min, np.mean]),
    "map": lambda agents: agents.map(lambda agent, more: agent.price + more, more=2),
    "map by name": lambda agents: agents.map("__getattribute__", "unique_id") == agents.get("unique_id"),
    "do": lambda agents: in_order(agents, "do"),
    "shuffle_do": lambda agents: in_order(agents, "shuffle_do"),
    "do gives the set": lambda agents: len(agents.do(id).shuffle_do(id)),
    "groupby count": lambda agents: agents.groupby("library").count(),
    "groupby function": lambda agents: agents.groupby(kind_of_price).agg("price", sum),
    "groupby list": lambda agents: {k: type(v) for k, v in agents.groupby("library", result_type="list")},
    "groupby map": lambda agents: agents.groupby("library").map(len),
    "groupby map by name": lambda agents: agents.groupby("library").map("get", "price"),
    "groupby do": lambda agents: [len(agents.groupby("library").do("set", "price", 1.0)), agents.get("price")],
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_do_what_mesas_do(model, verb):
    model.firms.map(lambda firm: setattr(firm, "library", firm.unique_id % 2))
    plain = twin(model.firms, ("price", "library"))
    assert VERBS[verb](model.firms) == VERBS[verb](plain)


def test_set_on_all_and_on_groups(model):
    assert model.firms.set("belief", 0.25).get("belief") == [0.25] * 5
    model.firms[0].library = 3
    model.firms.groupby("library").do("set", "belief", 0.5)
    assert model.firms.get("belief") == [0.5] * 5
    model.agents.select(agent_type=Firm).groupby(lambda firm: firm.library == 3).do(
        lambda group: group.set("price", len(group))
    )
    assert model.firms.get("price") == [1.0, 4.0, 4.0, 4.0, 4.0]


def test_shuffle_do_visits_each_once_in_an_order_of_the_models_generator(model):
    def visited():
        model.reset_randomizer()
        seen = []
        model.labelers.shuffle_do(lambda labeler: seen.append(labeler.unique_id))
        return seen

    ids = model.labelers.get("unique_id")
    assert visited() == visited() != ids and sorted(visited()) == ids


def test_sets_hold_who_is_in_the_market(model):
    assert [len(s) for s in (model.labelers, model.firms, model.regulators)] == [200, 5, 3]
    assert len(model.curators) == model.outcomes["curators_active"] > 1
    assert len(model.agents) == sum(len(agents) for agents in model.agents_by_type.values())
    ids = model.agents.get("unique_id")
    assert len(set(ids)) == len(ids) and min(ids) == 1
    assert set(model.agent_types) == {Labeler, Firm, Regulator, Curator}
    assert model.regulators.get("name") == ["j1", "j2", "j3"]
    bounds = model.state.labelers.bounds[0]
    sizes = dict(zip(("low_income", "us_generalist", "expert"), np.diff(bounds).tolist(), strict=True))
    assert model.labelers.groupby("region").count() == sizes
    work = model.labelers.groupby("occupation").count()
    assert [work.get(o, 0) for o in range(3)] == np.bincount(
        model.state.labelers.occupation[0], minlength=3
    ).tolist()


def test_what_is_set_is_what_the_next_quarter_starts_from(model):
    before, curator, firm = model.state, model.curators[1], model.firms[2]
    curator.quality_preference = curator.quality_preference + 20
    curator.library = 2 * curator.library
    firm.price *= 1.5
    np.testing.assert_array_equal(
        model.state.curators.library[0, curator.place], 2 * before.curators.library[0, curator.place]
    )
    others = np.arange(5) != firm.place
    np.testing.assert_array_equal(model.state.firms.price[0, others], before.firms.price[0, others])
    served = firm.users.sum()
    assert curator.unit_share_preference < 0.9
    model.step()
    assert curator.unit_share_preference > 0.99
    assert firm.users.sum() < 0.5 * served


def test_what_the_ledger_keeps_cannot_be_set_and_values_are_no_handles(model):
    firm = model.firms[0]
    with pytest.raises(AttributeError, match="ledger"):
        firm.cash = 1.0
    with pytest.raises(AttributeError, match="colour"):
        firm.colour = "red"
    with pytest.raises(AttributeError, match="unique_id"):
        firm.unique_id = 7
    with pytest.raises(AttributeError, match="colour"):
        model.firms.get("colour")
    with pytest.raises(ValueError, match="read-only"):
        firm.constraints[0] = 1.0
    assert isinstance(firm.price, float) and isinstance(model.curators[0].active, bool)


def test_who_has_left_is_not_taken_for_who_came_after(model):
    old, group = model.curators[0], model.curators
    c = model.state.curators
    occupants = c.occupants + (np.arange(c.occupants.shape[1]) == old.place)
    model.state = replace(model.state, curators=replace(c, occupants=occupants))
    assert model.curators[0].unique_id == old.unique_id + occupants.shape[1]
    assert old not in model.curators and model.curators[0] != old and model.curators[1] == group[1]
    for read in (lambda: old.home, lambda: group.get("home"), lambda: setattr(old, "home", 1)):
        with pytest.raises(AttributeError, match="has left the market"):
            read()


def test_a_model_that_is_let_go_is_freed():
    model = build()
    model.step()
    model.agents.do(hash)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_a_pickled_model_goes_on_alike():
    model = build()
    other = pickle.loads(pickle.dumps(model))
    model.step()
    other.step()
    assert other.outcomes == pytest.approx(model.outcomes, rel=0, abs=0, nan_ok=True)
    assert pickle.loads(pickle.dumps(model.firms[1])).price == model.firms[1].price


def test_mesa_is_imported_for_the_model_alone():
    code = "import sys, econ, econ.market.simulate; assert 'mesa' not in sys.modules; econ.MarketModel; assert 'mesa' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
