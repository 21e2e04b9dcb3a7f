"""The JSON Schema of sweep files: that of the code, true of every sweep that is shipped or shown, and telling."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from econ.core.errors import InputError
from econ.core.shipped import SWEEPS, shipped_names, shipped_path
from econ.ensemble.sweeps.points import scenarios_of
from econ.ensemble.sweeps.schema import json_schema
from econ.ensemble.sweeps.spec import Sweep
from econ.scenario import load_scenario
from econ.scenario.lever_table import LEVERS
from econ.scenario.schema import json_schema as scenario_json_schema

DOCS = Path(__file__).parents[2] / "docs"
MODELINE = "# yaml-language-server: $schema=./sweep.schema.json\n"
SOUND = {"name": "trial", "design": "grid", "keys": {"levers.commons": [0, 0.1]}}


@pytest.fixture(scope="module")
def check():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def _shown() -> dict[str, str]:
    """Sweep files that the documentation shows."""
    blocks = {page.name: re.findall(r"```yaml[^\n]*\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL) for page in DOCS.glob("*.md")}
    return {f"{page}, block {n}": text for page, found in blocks.items() for n, text in enumerate(found) if re.search(r"(?m)^design:", text)}


def test_the_committed_schema_is_the_generated_one():
    assert json.loads(shipped_path("scenarios", "sweeps", "sweep.schema.json").read_text()) == json_schema()


def test_every_shipped_and_every_shown_sweep_is_valid(check):
    texts = {name: shipped_path("scenarios", "sweeps", f"{name}.yaml").read_text() for name in shipped_names(SWEEPS)}
    assert all(text.startswith(MODELINE) for text in texts.values())
    shown = _shown()
    assert len(texts) >= 3 and shown
    for name, text in (texts | shown).items():
        raw = yaml.safe_load(text)
        assert not list(check.iter_errors(json.loads(json.dumps(raw)))), name
        sweep = Sweep.model_validate(raw)
        assert scenarios_of(sweep, load_scenario(sweep.scenario))


@pytest.mark.parametrize(
    "fault",
    [
        {"desing": "grid"}, {"design": "factorial"}, {"keys": {}}, {"keys": {"levers.commens": [0]}}, {"keys": {"levers.commons": 0.1}},
        {"keys": {"levers.commons": [-1]}}, {"keys": {"parameters.wage_judge_expert": [-3]}}, {"replicates": 0}, {"points": 8},
        {"design": "sobol"}, {"design": "sobol", "points": 8, "keys": {"levers.commons": [0, 0.1, 0.2]}}, {"keys": {"levers.commons": []}}, {"keys": {"quarters": [4, 8]}},
    ],
    ids=json.dumps,
)  # fmt: skip
def test_what_the_schema_refuses_the_loader_refuses_too(check, fault):
    raw = SOUND | fault
    assert check.is_valid(SOUND) and not check.is_valid(raw)
    with pytest.raises((InputError, ValueError)):
        scenarios_of(Sweep.model_validate(raw), load_scenario("baseline"))


@pytest.mark.parametrize("key", ["levers.strict.j1", "levers.strict", "levers.transfer", "population.firms", "parameters.occupation_elasticity"])
def test_every_kind_of_key_is_known(check, key):
    assert check.is_valid(SOUND | {"keys": {key: [1]}})


def _undescribed(node, path=()):
    """Keys that an editor would show without a word."""
    if isinstance(node, dict):
        for name, value in node.get("properties", {}).items() if isinstance(node.get("properties"), dict) else ():
            if path[:1] != ("allOf",) and "description" not in value:
                yield (*path, name)
        for name, value in node.items():
            yield from _undescribed(value, (*path, name))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _undescribed(value, (*path, number))


@pytest.mark.parametrize("make", [json_schema, scenario_json_schema])
def test_an_editor_shows_words_for_every_key_places_and_priors_too(make):
    schema = make()
    assert list(_undescribed(schema)) == []
    if make is scenario_json_schema:
        places = schema["properties"]["levers"]["properties"]["strict"]["anyOf"][-1]["properties"]
        assert places["j3"]["description"] == "Share of damage for which firms are liable. Here in the jurisdiction of low capacity alone. [share of damage]"
        assert schema["properties"]["population"]["description"].endswith("[agents].")


def test_keys_tell_meaning_unit_and_default():
    keys = json_schema()["properties"]["keys"]["properties"]
    assert {f"levers.{name}" for name in LEVERS} <= set(keys)
    for name, entry in keys.items():
        assert "Default" in entry["description"] and (name.startswith("population.") or re.search(r"\[[^]]+\]", entry["description"])), name
    for name, entry in json_schema()["properties"].items():
        assert entry["description"], name
