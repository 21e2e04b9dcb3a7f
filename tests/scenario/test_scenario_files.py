"""Scenario files: what loads, what `extends` means, and what each fault says."""

from __future__ import annotations

import json
import os
import re

import jsonschema
import pytest
import yaml

from econ.core.errors import InputError
from econ.core.files import content_hash
from econ.core.shipped import SWEEPS, shipped_names, shipped_path
from econ.scenario import Prior, Scenario, defaults, load_scenario, shipped_scenarios
from econ.scenario.describe import changes
from econ.scenario.schema import json_schema

HEAD = "schema_version: 1\nname: trial\n"


@pytest.fixture
def write(tmp_path):
    """Write a scenario file and return its path; the head is added unless `bare`."""

    def _write(text: str, name: str = "trial.yaml", *, bare: bool = False):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if bare else HEAD + text)
        return path

    return _write


# What is shipped


def test_the_shipped_scenarios_are_those_of_the_contract():
    assert set(shipped_scenarios()) == {
        "baseline", "no_transfer", "full_transfer", "complements", "substitutes", "preference_price_shock",
        "ai_labels", "no_certification", "mandatory_certification", "expensive_certification",
        "strict_standards", "provenance_audits", "public_commons", "interoperability", "portability",
        "lobbying_cap", "strict_liability", "strict_liability_no_safe_harbour", "no_safe_harbour",
        "merger_waves", "merger_control", "local_norms", "minimum_wage", "training_subsidy",
        "captured_regulator", "large_market", "customer_loss", "vertical_tie", "stand_in_quality",
        "drifting_quality", "gradual_growth", "uncorrected_variety", "corrected_variety", "even_brands", "heavy_tailed_damage",
    }  # fmt: skip
    assert shipped_scenarios()[0] == "baseline"


@pytest.mark.parametrize("name", shipped_scenarios())
def test_a_shipped_scenario_loads_and_says_what_it_is_for(name):
    scenario = load_scenario(name)
    assert scenario.name == name
    for key in ("title", "question", "description", "expected_mechanism", "sources"):
        assert getattr(scenario, key), key
    assert bool(changes(scenario)) == (name != "baseline")
    text = shipped_path("scenarios", f"{name}.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=./scenario.schema.json\n")


@pytest.mark.parametrize(
    ("name", "moved"),
    [
        ("no_transfer", {"levers.transfer"}),
        ("strict_liability_no_safe_harbour", {"levers.strict", "levers.safe_harbour"}),
        ("merger_control", {"levers.merger_probability", "levers.merger_control"}),
        ("vertical_tie", {"events"}),
        ("captured_regulator", {"parameters.lobby_stake_curators", "parameters.lobby_stake_firms",
                                "parameters.lobby_stake_public", "parameters.regulator_capacity"}),
    ],
)  # fmt: skip
def test_a_shipped_scenario_moves_what_it_says(name, moved):
    assert set(changes(load_scenario(name))) == moved


def test_every_lever_is_moved_by_a_shipped_scenario_or_sweep():
    from econ.ensemble.sweeps.spec import load_sweep
    from econ.scenario.lever_table import LEVERS

    moved = {key for name in shipped_scenarios() for key in changes(load_scenario(name))}
    swept = {key for name in shipped_names(SWEEPS) for key in load_sweep(name).keys}
    assert {f"levers.{name}" for name in LEVERS} <= moved | swept


def test_sources_of_shipped_scenarios_name_rows_that_exist():
    from econ.scenario.parameters import parameters

    for name in shipped_scenarios():
        for source in load_scenario(name).sources:
            if source.startswith("calibration/parameters.csv: "):
                rows = re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", source.split(";")[0].partition(": ")[2])
                assert rows and set(rows) <= set(parameters()), (name, rows)


def test_the_committed_schema_is_the_generated_one():
    assert json.loads(shipped_path("scenarios", "scenario.schema.json").read_text()) == json_schema()


def test_the_schema_accepts_what_is_shipped_and_refuses_faults():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    for name in shipped_scenarios():
        raw = yaml.safe_load(shipped_path("scenarios", f"{name}.yaml").read_text())
        assert check.is_valid(json.loads(json.dumps(raw))), name
    for fault in ({"leverz": {}}, {"levers": {"commons": -1}}, {"parameters": {"wage_judge_expert": -3}},
                  {"levers": {"strict": {"j4": 1}}}, {"quarters": 0}):  # fmt: skip
        assert not check.is_valid({"schema_version": 1, "name": "trial"} | fault), fault


def test_the_schema_tells_units_and_defaults():
    schema = json_schema()
    wage = schema["properties"]["parameters"]["properties"]["wage_judge_expert"]
    assert "USD/h" in wage["description"] and wage["default"] == 110
    assert schema["$defs"]["Population"]["properties"]["labelers"]["default"] == 3000
    assert set(schema["properties"]["parameters"]["properties"]) == set(load_scenario("baseline").parameters)
    for table in ("parameters", "levers"):
        for name, entry in schema["properties"][table]["properties"].items():
            assert re.search(r"\[[^]]+\]$", entry["description"]) and "default" in entry, f"{table}.{name} tells no unit"
    for name, entry in schema["properties"].items():
        assert entry.get("description") or "$ref" in entry, name


# What loads


def test_the_shortest_file_is_the_baseline(write):
    scenario = load_scenario(write(""))
    baseline = load_scenario("baseline").resolved()
    told = ("name", "title", "question", "description", "expected_mechanism", "expected_signs", "sources")
    assert {k: v for k, v in scenario.resolved().items() if k not in told} == {
        k: v for k, v in baseline.items() if k not in told
    }
    assert len(scenario.parameters) == len(defaults()) - 5


def test_numbers_priors_schedules_and_places(write):
    scenario = load_scenario(
        write(
            """
quarters: 20
population: {labelers: 500}
parameters:
  discount_rate: 3e-2
  incident_probability: {uniform: [1.0e-7, 3.0e-7]}
levers:
  commons: {8: 0.1, 2: 0.05}
  strict: {j1: 1, j2: {4: 0.5}}
  lobby_cap: null
events:
  - customer_loss: {quarter: 3}
"""
        )
    )
    assert scenario.parameters["discount_rate"] == 0.03
    assert scenario.parameters["incident_probability"] == Prior("uniform", 1e-7, 3e-7)
    assert list(scenario.levers["commons"].items()) == [(2, 0.05), (8, 0.1)]
    assert scenario.levers["strict"] == {"j1": 1.0, "j2": {4: 0.5}, "j3": 0.3}
    assert scenario.events[0].customer_loss.share == 0.30
    assert scenario.population.labelers == 500 and scenario.population.firms == 16


def test_extends_merges_by_name(write):
    write("quarters: 30\nparameters: {reuse: 0.1, discount_rate: 0.03}\nlevers: {commons: {0: 0.1}, strict: 1}\n"
          "title: Parent\nsources: [first]\n", "parent.yaml")  # fmt: skip
    scenario = load_scenario(
        write(
            "extends: parent.yaml\nparameters: {reuse: 0.3}\nlevers: {commons: {8: 0.2}, strict: {j2: 0.5}}\n"
            "sources: [second]\n"
        )
    )
    assert scenario.quarters == 30 and scenario.title == ""
    assert scenario.parameters["reuse"] == 0.3 and scenario.parameters["discount_rate"] == 0.03
    assert scenario.levers["commons"] == {8: 0.2}  # a schedule replaces a schedule
    assert scenario.levers["strict"] == {"j1": 1.0, "j2": 0.5, "j3": 1.0}  # places are merged
    assert scenario.sources == ("first", "second")


def test_a_child_may_take_a_cap_away(write):
    write("levers: {lobby_cap: 0.1, sigma: 3}\n", "parent.yaml")
    scenario = load_scenario(write("extends: parent.yaml\nlevers: {lobby_cap: null, sigma: null}\n"))
    assert scenario.levers["lobby_cap"] is None and scenario.levers["sigma"] is None


def test_a_shipped_scenario_may_be_extended_by_name(write):
    scenario = load_scenario(write("extends: strict_liability_no_safe_harbour\n"))
    assert scenario.levers["strict"] == 1 and scenario.levers["safe_harbour"] == 0


def test_extends_may_go_down_but_not_up(write):
    write("levers: {commons: 0.1}\n", "parts/parent.yaml")
    assert load_scenario(write("extends: parts/parent.yaml\n")).levers["commons"] == 0.1
    write("", "above.yaml")
    inner = write("extends: ../above.yaml\n", "parts/inner.yaml")
    with pytest.raises(InputError, match="outside the folder of the first scenario"):
        load_scenario(inner)
    # The folder of the first file counts, so a parent below may come up again, as far as that.
    assert load_scenario(write("extends: parts/inner.yaml\n")).name == "trial"


def test_surfaces_are_found_beside_the_file(write, tmp_path):
    (tmp_path / "fits").mkdir()
    assert load_scenario(write("surfaces: fits\n")).surfaces == (tmp_path / "fits").as_posix()
    assert load_scenario(write("surfaces: shipped_id\n")).surfaces == "shipped_id"


def test_python_changes_are_checked_like_a_file():
    base = load_scenario("baseline")
    changed = base.with_levers(commons=0.1).with_parameters(reuse=0.3).with_population(firms=20)
    assert (changed.levers["commons"], changed.parameters["reuse"], changed.population.firms) == (
        0.1,
        0.3,
        20,
    )
    assert base.levers["commons"] == 0 and base.population.firms == 16
    with pytest.raises(InputError, match=r"levers\.commonz: unknown lever.*did you mean 'commons'"):
        base.with_levers(commonz=1)


@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("levers.commons=0.1", "levers.commons", 0.1),
        ("levers.commons=1e-2", "levers.commons", 0.01),
        ("levers.commons={4: 0.1}", "levers.commons", {"4": 0.1}),
        ("levers.commons.4=0.1", "levers.commons", {"4": 0.1}),
        ("levers.strict.j1=1", "levers.strict", {"j1": 1.0, "j2": 0.3, "j3": 0.3}),
        ("levers.lobby_cap=null", "levers.lobby_cap", None),
        ("parameters.reuse={beta: [2, 3]}", "parameters.reuse", {"beta": [2.0, 3.0]}),
        ("population.labelers=500", "population.labelers", 500),
        ("quarters=8", "quarters", 8),
        ("name=other", "name", "other"),
        ("events=[{customer_loss: {quarter: 1}}]", "events",
         [{"customer_loss": {"quarter": 1, "curator_rank": 1, "share": 0.3}, "vertical_tie": None}]),
    ],
)  # fmt: skip
def test_settings_of_the_command_line(setting, key, value):
    found = load_scenario("baseline").with_settings(setting).resolved()
    for part in key.split("."):
        found = found[part]
    assert found == value


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("levers.commons", "KEY=VALUE"),
        ("=1", "KEY=VALUE"),
        ("levers.comons=1", "did you mean 'commons'"),
        ("levers.commons=[", "not valid YAML"),
        ("levers.commons=", "no value is given"),
        ("levers=3", "not a list of levers"),
        ("levers..commons=3", "unknown lever"),
        ("parameters.discount_rate.x=3", "not a number or prior|unknown kind of prior"),
        ("levers.strict.j4=1", "unknown key"),
        ("population=3", "population"),
    ],
)
def test_unusable_settings(setting, said):
    with pytest.raises(InputError, match=said):
        load_scenario("baseline").with_settings(setting)


# What is refused: text of the file, line of the fault, key, words of the sentence


@pytest.mark.parametrize(
    ("text", "line", "key", "said"),
    [
        ("levers:\n  comons: 0.1\n", 4, "levers.comons", "unknown lever; allowed: .*did you mean 'commons'"),
        ("lever: {}\n", 3, "lever", "unknown key; allowed: .*did you mean 'levers'"),
        ("parameters:\n  wage_judge_expert: -3\n", 4, "parameters.wage_judge_expert", "out of range, found -3; allowed: a number above 0"),
        ("parameters:\n  wage_judge_experts: 3\n", 4, "parameters.wage_judge_experts", "did you mean 'wage_judge_expert'"),
        ("parameters:\n  wage_kenya: 3\n", 4, "parameters.wage_kenya", "evidence"),
        ("parameters:\n  labelers_simulated: 3\n", 4, "parameters.labelers_simulated", "allowed: population.labelers"),
        ("parameters:\n  incident_probability: 1.2\n", 4, "parameters.incident_probability", "found 1.2; allowed: .*at most 1"),
        ("levers:\n  merger_probability: 1.2\n", 4, "levers.merger_probability", "from 0 to 1"),
        ("parameters:\n  reuse: {normal: [0.2, -0.1]}\n", 4, "parameters.reuse.normal.1", "sd is out of range, found -0.1"),
        ("parameters:\n  reuse: {normal: [0.2, 0.3]}\n", 4, "parameters.reuse.normal", "of the prior lies in the legal range"),
        ("parameters:\n  reuse: {uniform: [0.2, 1.3]}\n", 4, "parameters.reuse.uniform", "beyond the legal range"),
        ("parameters:\n  reuse: {uniform: [0.3, 0.2]}\n", 4, "parameters.reuse.uniform", "low must be below high"),
        ("parameters:\n  marginal_cost_per_user: {lognormal: [-1, 1]}\n", 4, "parameters.marginal_cost_per_user.lognormal.0", "median"),
        ("parameters:\n  outlay_step_cap: {beta: [1, 1]}\n", 4, "parameters.outlay_step_cap.beta", "beyond the legal range"),
        ("parameters:\n  reuse: {gamma: [1, 2]}\n", 4, "parameters.reuse.gamma", "unknown kind of prior"),
        ("parameters:\n  reuse: {beta: [1, 2, 3]}\n", 4, "parameters.reuse.beta", "two numbers"),
        ("parameters:\n  reuse: {beta: [1, 2], normal: [0, 1]}\n", 4, "parameters.reuse", "not a number or prior"),
        ("parameters:\n  reuse: [1]\n", 4, "parameters.reuse", "not a number"),
        ("parameters:\n  reuse: true\n", 4, "parameters.reuse", "not a number, found True"),
        ("parameters:\n  reuse:\n", 4, "parameters.reuse", "no value is given"),
        ("parameters:\n  reuse: .nan\n", 4, "parameters.reuse", "not a finite number"),
        ("parameters:\n  wage_judge_expert: .inf\n", 4, "parameters.wage_judge_expert", "not a finite number"),
        ("parameters:\n  burn_in_quarters: {uniform: [8, 24]}\n", 4, "parameters.burn_in_quarters", "cannot be a prior"),
        ("parameters:\n  exit_patience: 2.5\n", 4, "parameters.exit_patience", "an integer"),
        ("parameters:\n  curator_elasticity: 1\n", 4, "parameters.curator_elasticity", "random utility.*at least 1.5"),
        ("parameters:\n  occupation_elasticity: {uniform: [1, 8]}\n", 3, "parameters.curator_elasticity", "found 6.*at least 8"),
        ("parameters:\n  alignment_share_of_revenue: 0.2\n", 4, "parameters.alignment_share_of_revenue", "outlay_cap.*at most 0.15"),
        ("parameters:\n  ai_share: 1\n", 4, "parameters.ai_share", "no labor market.*below 1"),
        ("parameters:\n  outsourced_share: 0\n", 4, "parameters.outsourced_share", "above 0"),
        ("parameters:\n  legal_minimum_expert: 120\n", 3, "parameters.wage_judge_expert", "legal minimum.*at least 120"),
        ("parameters:\n  damage_share_of_price: {uniform: [0.1, 0.9]}\n  premium_loading: 5\n", 4,
         "parameters.damage_share_of_price", "found 0.9.*below 0.74"),
        ("population:\n  curators: 1\n", 4, "population.curators", "no optimal price.*at least 2"),
        ("parameters:\n  generic_share_base: 0.7\n", 3, "parameters.generic_share_slope", "at most 0.3"),
        ("parameters: [1]\n", 3, "parameters", "not a list of parameters"),
        ("levers:\n  commons: {0.5: 1}\n", 4, "levers.commons.0.5", "unknown key"),
        ("levers:\n  commons: {40: 1}\n", 4, "levers.commons.40", "beyond the horizon, found 40; allowed: an integer from 0 to 39"),
        ("levers:\n  commons: {-1: 1}\n", 4, "levers.commons.-1", "beyond the horizon"),
        ("quarters: 8\nlevers:\n  commons:\n    3: 0.1\n    8: 1\n", 7, "levers.commons.8", "from 0 to 7"),
        ("levers:\n  commons: {3: -1}\n", 4, "levers.commons.3", "out of range"),
        ("levers:\n  commons: {j1: 1}\n", 4, "levers.commons.j1", "unknown key"),
        ("levers:\n  commons: {}\n", 4, "levers.commons", "nothing is set"),
        ("levers:\n  strict: {j4: 1}\n", 4, "levers.strict.j4", "allowed: .*j1, j2, j3"),
        ("levers:\n  strict: {j1: {99: 1}}\n", 4, "levers.strict.j1.99", "beyond the horizon"),
        ("levers:\n  cert_mode: compulsory\n", 4, "levers.cert_mode", "allowed: none, voluntary, mandatory"),
        ("levers:\n  cert_mode: mandatry\n", 4, "levers.cert_mode", "did you mean 'mandatory'"),
        ("levers:\n  merger_control: 1\n", 4, "levers.merger_control", "not a switch, found 1"),
        ("levers:\n  transfer: {0: 1}\n", 4, "levers.transfer", "static"),
        ("levers:\n  commons: null\n", 4, "levers.commons", "no value is given"),
        ("quarters: 0\n", 3, "quarters", "allowed: at least 1$"),
        ("quarters: true\n", 3, "quarters", "found True"),
        ("quarters: many\n", 3, "quarters", "found 'many'"),
        ("quarters: 2024-01-01\n", 3, "quarters", "not a usable value"),
        ("replicates: 1.5\n", 3, "replicates", "found 1.5"),
        ("population: {labellers: 4}\n", 3, "population.labellers", "did you mean 'labelers'"),
        ("population: {curators: 30}\n", 3, "population.curators", "more curators than slots"),
        ("events:\n  - customer_loss: {quarter: 40}\n", 4, "events.0.customer_loss.quarter", "beyond the horizon, found 40"),
        ("events:\n  - customer_loss: {quarter: -1}\n", 4, "events.0.customer_loss.quarter", "found -1"),
        ("events:\n  - customer_loss: {quarter: 1, share: 1.5}\n", 4, "events.0.customer_loss.share", "found 1.5"),
        ("events:\n  - vertical_tie: {quarter: 1, firm_rank: 17}\n", 4, "events.0.vertical_tie.firm_rank", "no agent has this rank"),
        ("events:\n  - vertical_tie: {quarters: 1}\n", 4, "events.0.vertical_tie.quarters", "unknown key.*did you mean 'quarter'"),
        ("events:\n  - earthquake: {quarter: 1}\n", 4, "events.0.earthquake", "allowed: customer_loss, vertical_tie"),
        ("events:\n  - {}\n", 4, "events.0", "exactly one kind"),
        ("events: {customer_loss: {quarter: 1}}\n", 3, "events", "not a usable value"),
        ("sources: [1]\n", 3, "sources.0", "found 1"),
        ("title: 3\n", 3, "title", "found 3"),
        ("extends: 3\n", 3, "extends", "not the path"),
        ("extends: nowhere.yaml\n", 3, "extends", "there is no such scenario"),
        ("extends: /etc/passwd\n", 3, "extends", "outside the folder"),
        ("extends: ../trial.yaml\n", 3, "extends", "outside the folder"),
        ("extends: trial.yaml\n", 3, "extends", "in a circle"),
        (f"extends: {'x' * 5000}.yaml\n", 3, "extends", "not a usable path"),
        ("quarters: 4\nquarters: 5\n", 4, "quarters", "stands twice"),
        ("levers: *nothing\n", 3, None, "not valid YAML"),
        ("levers: &a {commons: 1}\nparameters: *a\n", None, None, "anchors and aliases"),
        ("events:\n  - customer_loss: {share: 0.1}\n", 4, "events.0.customer_loss.quarter", "this key is missing"),
        ("levers: !!python/object:os.system {}\n", 3, None, "YAML type"),
        ("title: !!python/name:os.system x\n", 3, None, "YAML type"),
        (f"quarters: 0x{'f' * 6000}\n", 3, None, "too large"),
    ],
)  # fmt: skip
def test_a_fault_names_file_line_and_key(write, text, line, key, said):
    path = write(text)
    with pytest.raises(InputError) as caught:
        load_scenario(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}:{line}: " if line else str(path)), sentence
    if key:
        assert f": {key}: " in sentence, sentence
    assert re.search(said, sentence), sentence
    assert "\n" not in sentence and len(sentence) < 1500 + len(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds nothing"),
        ("- a\n- b\n", "holds a list"),
        ("name: trial\n", "schema_version: this key is missing"),
        ("schema_version: 1\n", "name: this key is missing"),
        ("schema_version: 2\nname: trial\n", "version of the format is not known, found 2"),
        ("schema_version: true\nname: trial\n", "found True"),
        ("schema_version: 1\nname: A Trial!\n", "name: not a usable value, found 'A Trial!'; allowed: small letters, digits, underscores$"),
        ("schema_version: 1\nname: ../trial\n", "name: not a usable value"),
        ("a: [1\n", "not valid YAML"),
        ("\t- : :\n", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_scenario(write, text, said):
    with pytest.raises(InputError, match=said):
        load_scenario(write(text, bare=True))


def test_a_missing_file_a_folder_and_an_unknown_name(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        load_scenario(tmp_path / "nothing.yaml")
    with pytest.raises(InputError, match="not a file"):
        load_scenario(tmp_path)
    with pytest.raises(InputError, match="did you mean 'baseline'"):
        load_scenario("basline")
    for odd in ("x" * 5000, "a\0b"):
        with pytest.raises(InputError, match="there is no such scenario"):
            load_scenario(odd)


def test_a_huge_file_is_refused_unread(tmp_path):
    path = tmp_path / "huge.yaml"
    with path.open("wb") as stream:
        os.truncate(stream.fileno(), 100_000_000)
    with pytest.raises(InputError, match="too large"):
        load_scenario(path)


def test_bytes_that_are_not_text(tmp_path):
    path = tmp_path / "bytes.yaml"
    path.write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(InputError, match="not UTF-8"):
        load_scenario(path)


def test_a_circle_of_three(write):
    write("extends: b.yaml\n", "a.yaml")
    write("extends: c.yaml\n", "b.yaml")
    write("extends: a.yaml\n", "c.yaml")
    with pytest.raises(InputError, match=r"c\.yaml:3: extends: the scenarios extend each other in a circle"):
        load_scenario(write("", "unused.yaml").with_name("a.yaml"))


def test_a_chain_without_end_is_refused(write):
    for number in range(30):
        write(f"extends: s{number + 1}.yaml\n", f"s{number}.yaml")
    write("", "s30.yaml")
    with pytest.raises(InputError, match="more than 20"):
        load_scenario(write("extends: s0.yaml\n"))


def test_a_link_that_leads_outside_is_refused(write, tmp_path_factory, tmp_path):
    outside = tmp_path_factory.mktemp("outside") / "other.yaml"
    outside.write_text(HEAD)
    (tmp_path / "link.yaml").symlink_to(outside)
    with pytest.raises(InputError, match="outside the folder"):
        load_scenario(write("extends: link.yaml\n"))


def test_a_fault_of_the_parent_names_the_parent(write):
    parent = write("levers:\n  commons: -1\n", "parent.yaml")
    with pytest.raises(InputError, match=re.escape(f"{parent}:4: levers.commons")):
        load_scenario(write("extends: parent.yaml\nlevers: {strict: 1}\n"))


def test_a_horizon_shorter_than_the_parents_schedule_names_the_schedule(write):
    parent = write("levers:\n  commons: {30: 0.1}\n", "parent.yaml")
    with pytest.raises(InputError, match=re.escape(f"{parent}:4: levers.commons.30: beyond the horizon")):
        load_scenario(write("extends: parent.yaml\nquarters: 20\n"))


# Hashes


def test_the_hash_tells_scenarios_apart():
    hashes = {content_hash(load_scenario(name).resolved()) for name in shipped_scenarios()}
    assert len(hashes) == len(shipped_scenarios())


def test_the_hash_does_not_depend_on_the_order_of_keys(write):
    first = load_scenario(write("levers: {commons: 0.1, strict: {j2: 1, j1: 0.5}}\nquarters: 8\n"))
    second = load_scenario(write("quarters: 8\nlevers: {strict: {j1: 0.5, j2: 1}, commons: 0.1}\n"))
    assert content_hash(first.resolved()) == content_hash(second.resolved())


def test_the_hash_is_that_of_the_resolved_scenario_validated_again(write):
    first = load_scenario(write("levers: {cert_test_size: {j1: 100}}\n"))
    assert content_hash(Scenario.model_validate(first.resolved()).resolved()) == content_hash(first.resolved())


def test_a_scenario_is_frozen():
    scenario = Scenario(schema_version=1, name="trial")
    with pytest.raises(ValueError, match="frozen"):
        scenario.quarters = 3
