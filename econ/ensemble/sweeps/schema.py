"""JSON Schema of sweep files, from which editors complete keys and check values."""

from __future__ import annotations

from typing import Any

from econ.ensemble.sweeps.spec import FILLED, LISTED, Sweep

#: Tables of a scenario whose keys a sweep moves; surfaces and horizon are shared by all points.
TABLES = ("levers", "parameters", "population")


def json_schema() -> dict[str, Any]:
    """JSON Schema of sweep files: every dotted key of a scenario, with description, unit and legal values."""
    from econ.scenario.schema import json_schema as scenario_schema

    scenario = scenario_schema()
    schema = Sweep.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "econ sweep"
    schema["description"] = "A design of experiments over dotted keys of a scenario."
    schema["$defs"] = {**schema.get("$defs", {}), "Prior": scenario["$defs"]["Prior"]}
    keys = {name: _values(value) for name, value in _dotted(scenario).items()}
    described = {"description": schema["properties"]["keys"]["description"], "minProperties": 1}
    # A schedule's quarter or a place may follow a lever's name.
    deeper = {rf"^levers\.{name}\.": {"type": "array", "minItems": 1} for name in scenario["properties"]["levers"]["properties"]}
    schema["properties"]["keys"] = {
        "type": "object", **described, "properties": keys, "patternProperties": deeper, "additionalProperties": False,
    }  # fmt: skip
    schema["allOf"] = [_filled(), _listed()]
    return schema


def _dotted(scenario: dict[str, Any]) -> dict[str, Any]:
    """Schema of the value of every dotted key of a scenario."""
    found: dict[str, Any] = {}
    for table in TABLES:
        whole = scenario["properties"][table]
        properties = whole.get("properties") or scenario["$defs"]["Population"]["properties"]
        found |= {f"{table}.{name}": value for name, value in properties.items()}
    return found


def _values(value: dict[str, Any]) -> dict[str, Any]:
    """A list of values of a key, or the ends of an interval."""
    told = f"{value.get('description', '')} Default {value['default']}." if "default" in value else value.get("description", "")
    return {"type": "array", "description": told, "minItems": 1, "items": {k: v for k, v in value.items() if k != "description"}}


def _design(names: tuple[str, ...]) -> dict[str, Any]:
    return {"properties": {"design": {"enum": list(names)}}, "required": ["design"]}


def _filled() -> dict[str, Any]:
    interval = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    return {"if": _design(FILLED), "then": {"required": ["points"], "properties": {"keys": {"additionalProperties": interval}}}}


def _listed() -> dict[str, Any]:
    return {"if": _design(LISTED), "then": {"properties": {"points": {"type": "null"}}}}
