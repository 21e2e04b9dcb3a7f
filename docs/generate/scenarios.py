"""Pages of the scenario format and of the scenarios that ship."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from generate.markdown import code, records, table, text, wide

if TYPE_CHECKING:
    from econ.scenario import Scenario


def format_page() -> str:
    """Keys of a scenario file, from the JSON Schema."""
    from econ.scenario.schema import json_schema

    schema = json_schema()
    parts = [
        "# Scenario files\n\n"
        "A scenario is a YAML file. `econ scenario new NAME` starts one, `econ scenario check FILE` finds every fault in it, "
        "`econ scenario schema` prints the JSON Schema from which this page is made, for editors that complete and check.\n\n"
        "A value is a number or a prior, from which each replicate draws once: `{normal: [mean, sd]}`, `{lognormal: [median, "
        "log_sd]}`, `{uniform: [low, high]}` or `{beta: [a, b]}`. Names of [levers](levers.md) and "
        "[parameters](parameters.md) are on pages of their own.\n\n",
        "## Keys\n\n" + _keys(schema) + "\n",
    ]
    for name, title in (("Population", "population"), ("CustomerLoss", "events: customer_loss"), ("VerticalTie", "events: vertical_tie")):
        part = schema["$defs"][name]
        parts.append(f"## {text(title)}\n\n{text(part['description'])}\n\n{_keys(part)}\n")
    return "".join(parts)


def levers_page() -> str:
    """The levers, from their table."""
    from econ.scenario.lever_table import LEVERS, PLACES

    head = (
        "# Levers\n\n"
        "What a policy can move, under `levers:` in a scenario file or by `--set levers.NAME=VALUE`. A lever takes a value, a "
        "schedule `{quarter: value}` of which each entry holds until the next, or, where the last column names one, a map "
        "from places to either. Calibration and burn-in use the defaults, except that *static* levers hold throughout and take no "
        "schedule. What each shipped lever did is on the page [What each shipped lever does](../levers.md).\n\n"
    )
    places = table(("by", "places"), ([by, ", ".join(code(place) for place in names)] for by, names in PLACES.items()))
    rows = (
        [code(x.name), text(x.description), text(x.unit), text(x.allowed()), _default(x.default, x.null), x.by or ("static" if x.static else "")]
        for x in LEVERS.values()
    )
    return wide(head) + records(("lever", "what it is", "unit", "allowed", "default", "by"), rows) + "\n" + places


def shipped_page() -> str:
    """Title, question, mechanism, changes and sources of every shipped scenario."""
    from econ.scenario import load_scenario, shipped_scenarios

    names = sorted(shipped_scenarios(), key=lambda name: (name != "baseline", name))
    head = (
        f"# Shipped scenarios\n\nThe {len(names)} files of `scenarios/`. `econ run baseline NAME` compares one with the baseline. "
        "A mechanism is what theory or the hypothesis expects, written before any run: a guess, not a result. "
        "What came out is on [What each shipped lever does](../levers.md).\n\n"
    )
    return head + "\n".join(_scenario(load_scenario(name)) for name in names)


def _scenario(scenario: Scenario) -> str:
    from econ.scenario.describe import changes

    parts = [f"## {code(scenario.name)}\n", f"**{text(scenario.title)}.** {text(scenario.question)}\n", f"{text(scenario.description)}\n"]
    if scenario.expected_mechanism:
        parts.append(f"*Expected:* {text(scenario.expected_mechanism)}\n")
    if scenario.expected_signs:
        signs = ", ".join(f"{code(name)} {sign}" for name, sign in scenario.expected_signs.items())
        parts.append(f"*Directions checked in every run:* {signs}.\n")
    changed = {key: value for key, (_, value) in changes(scenario).items() if key not in ("quarters", "replicates")}
    if changed:
        parts.append("*Changes:* " + ", ".join(code(f"{key} = {_short(value)}") for key, value in changed.items()) + ".\n")
    if scenario.sources:
        parts.append("*Sources:*\n\n" + "\n".join(f"- {text(source)}" for source in scenario.sources) + "\n")
    return "\n".join(parts)


def _short(value: Any) -> str:
    if isinstance(value, dict) and value and all(v == next(iter(value.values())) for v in value.values()) and set(value) <= {"j1", "j2", "j3"}:
        return f"{_short(next(iter(value.values())))} everywhere"
    return json.dumps(value, default=str) if isinstance(value, dict | list | bool) else str(value)


def _keys(schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = []
    for name, part in schema["properties"].items():
        default = "must be given" if name in required else code(json.dumps(part["default"])) if part.get("default") not in (None, "", [], {}) else ""
        rows.append([code(name), text(_meaning(part, schema)), text(_kind(part)), default])
    return table(("key", "meaning", "type and range", "default"), rows)


def _meaning(part: dict[str, Any], schema: dict[str, Any]) -> str:
    if "$ref" in part:
        part = schema["$defs"][part["$ref"].rpartition("/")[2]]
    return str(part["description"])


def _kind(part: dict[str, Any]) -> str:
    if "const" in part:
        return str(part["const"])
    if "anyOf" in part:
        return " or ".join(_kind(option) for option in part["anyOf"])
    words: str = {"integer": "integer", "number": "number", "string": "text", "array": "list", "object": "keys", "null": "null"}[part.get("type", "object")]
    low, high = part.get("minimum"), part.get("maximum")
    if low is not None and high is not None:
        return f"{words} from {low} to {high}"
    return f"{words}, at least {low}" if low is not None else words


def _default(value: object, null: str | None) -> str:
    if value is None:
        return text(null)
    return code(json.dumps(value) if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else value)
