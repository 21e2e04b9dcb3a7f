"""Properties over generated scenarios: the round trip, and that bad files end in one kind of error."""

from __future__ import annotations

import json

import yaml
from fuzzing import PIECES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from econ.core.errors import InputError
from econ.core.files import content_hash
from econ.scenario import Scenario, defaults, load_scenario
from econ.scenario.domains import Domain, domain_of
from econ.scenario.draws import parameter_draws
from econ.scenario.lever_table import LEVERS, Lever
from econ.scenario.levers import lever_paths
from econ.scenario.parameters import SIZE_KEYS

QUARTERS = 12
#: Parameters that stand in a condition with others, which drawn values would mostly break.
BOUND = ("occupation_elasticity", "curator_elasticity", "generic_share", "ai_share", "outsourced_share", "wage_", "legal_minimum",
         "alignment_share_of_revenue", "outlay_cap", "damage_share_of_price", "insured_share", "premium_loading")  # fmt: skip
FREE = sorted(name for name in set(defaults()) - set(SIZE_KEYS) if not name.startswith(BOUND))


def numbers(domain: Domain) -> st.SearchStrategy[float]:
    low, high = max(domain.low, -1e6), min(domain.high, 1e6)
    if domain.integer:
        return st.integers(int(low), int(high))
    return st.floats(low, high, exclude_min=domain.low_open, exclude_max=domain.high_open).filter(
        domain.contains
    )


def values(domain: Domain) -> st.SearchStrategy[object]:
    if domain.constant:
        return numbers(domain)
    pair = st.tuples(numbers(domain), numbers(domain)).filter(lambda ends: ends[0] < ends[1])
    return numbers(domain) | pair.map(lambda ends: {"uniform": list(ends)})


def lever_settings(lever: Lever) -> st.SearchStrategy[object]:
    if isinstance(lever.legal, Domain):
        one = values(lever.legal)
    else:
        one = st.sampled_from(lever.legal) if isinstance(lever.legal, tuple) else st.booleans()
    one = one | st.none() if lever.null else one
    if lever.static:
        return one
    schedule = st.dictionaries(st.integers(0, QUARTERS - 1), one, min_size=1, max_size=3)
    if not lever.places:
        return one | schedule
    return one | schedule | st.dictionaries(st.sampled_from(lever.places), one | schedule, min_size=1)


@st.composite
def scenarios(draw: st.DrawFn) -> dict[str, object]:
    chosen = draw(st.lists(st.sampled_from(sorted(LEVERS)), max_size=4, unique=True))
    named = draw(st.lists(st.sampled_from(FREE), max_size=4, unique=True))
    quarter = st.integers(0, QUARTERS - 1)
    event = st.fixed_dictionaries({"quarter": quarter}, optional={"curator_rank": st.integers(1, 3)})
    return {
        "schema_version": 1,
        "name": "trial",
        "title": draw(st.text(st.characters(codec="utf-8"), max_size=10)),
        "quarters": QUARTERS,
        "parameters": {name: draw(values(domain_of(name, defaults()[name].unit))) for name in named},
        "levers": {name: draw(lever_settings(LEVERS[name])) for name in chosen},
        "events": draw(
            st.lists(
                st.builds(lambda e, k: {k: e}, event, st.sampled_from(["customer_loss", "vertical_tie"])),
                max_size=2,
            )
        ),
        "population": {"labelers": draw(st.integers(10, 5000))},
    }


@given(scenarios())
@settings(max_examples=50, deadline=None)
def test_the_round_trip_is_the_identity(raw):
    scenario = Scenario.model_validate(raw)
    resolved = scenario.resolved()
    assert Scenario.model_validate(resolved) == scenario
    through_json = Scenario.model_validate(json.loads(json.dumps(resolved)))
    assert through_json == scenario and content_hash(through_json.resolved()) == content_hash(resolved)


@given(scenarios(), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_whatever_loads_can_be_drawn_within_its_legal_range(raw, seed):
    scenario = Scenario.model_validate(raw)
    drawn = parameter_draws(scenario, seed, range(3))
    for name in raw["parameters"]:
        # A whole number of a prior is rounded, and shares of one whole are scaled.
        domain = domain_of(name, defaults()[name].unit)
        assert all(domain.contains(value) for value in drawn[name]), name
    path = lever_paths(scenario, seed, range(3))
    for quarter in (-24, 0, QUARTERS - 1):
        now = path.at(quarter)
        for name, lever in LEVERS.items():
            if isinstance(lever.legal, Domain) and not lever.null:
                assert all(lever.legal.contains(value) for value in getattr(now, name).ravel()), name


VALID = yaml.safe_dump(
    {
        "schema_version": 1,
        "name": "trial",
        "extends": "baseline",
        "quarters": 20,
        "population": {"labelers": 100, "curators": 4},
        "parameters": {"reuse": 0.1, "discount_rate": {"normal": [0.03, 0.005]}},
        "levers": {
            "commons": {0: 0.1, 8: 0.2},
            "strict": {"j1": 1, "j2": {3: 0.5}},
            "cert_mode": "none",
            "sigma": None,
        },
        "events": [{"customer_loss": {"quarter": 3, "share": 0.2}}],
        "sources": ["somewhere"],
    },
    sort_keys=False,
)

@st.composite
def mutations(draw: st.DrawFn) -> str:
    """A valid file after a few cuts, insertions and repetitions."""
    text = VALID
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(text)))
        end = draw(st.integers(begin, min(len(text), begin + 30)))
        piece = draw(
            st.sampled_from(PIECES)
            | st.text(st.characters(codec="utf-8"), max_size=8)
            | st.just(text[begin:end] * 2)
        )
        text = text[:begin] + piece + text[end:]
    return text


@given(mutations())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_loads_or_is_refused_in_one_sentence(tmp_path, text):
    path = tmp_path / "trial.yaml"
    path.write_bytes(text.encode())
    try:
        scenario = load_scenario(path)
    except InputError as error:
        sentence = str(error)
        assert sentence.startswith(str(tmp_path)) and "\n" not in sentence
    else:
        assert Scenario.model_validate(scenario.resolved()) == scenario


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
                    max_leaves=6),
       st.sampled_from(["levers.strict", "levers.sigma", "levers.cert_mode", "parameters.reuse", "population", "population.firms",
                        "events", "quarters", "levers", "parameters", "sources", "name", "surfaces"]))  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_any_value_from_python_is_taken_or_refused(value, key):
    try:
        load_scenario("baseline").with_settings({key: value})
    except InputError as error:
        assert "\n" not in str(error)
