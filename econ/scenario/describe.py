"""Scenarios told and compared: what one changes against the defaults, how two differ, a new one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from econ.core.errors import InputError
from econ.core.files import content_hash
from econ.core.shipped import SCENARIOS, locate
from econ.core.texts import NAME_WORDS
from econ.scenario.loading import scenario_of_text
from econ.scenario.schema import SCHEMA_VERSION, Scenario

#: Keys that tell of a scenario and change no run.
TEXT_KEYS = ("schema_version", "name", "title", "question", "description", "expected_mechanism", "expected_signs", "sources")


def flat(scenario: Scenario) -> dict[str, Any]:
    """The resolved scenario by dotted key; a lever's setting and the list of events stay whole."""
    keys: dict[str, Any] = {}
    for key, value in scenario.resolved().items():
        if key in ("population", "parameters", "levers"):
            keys.update({f"{key}.{name}": setting for name, setting in value.items()})
        elif key == "events":
            # An event is of one kind; the others are null.
            keys[key] = [{kind: what for kind, what in event.items() if what is not None} for event in value]
        else:
            keys[key] = value
    return keys


def differences(first: Scenario, second: Scenario, *, text: bool = False) -> dict[str, tuple[Any, Any]]:
    """Dotted keys in which two scenarios differ, with both values.

    Parameters
    ----------
    text : bool
        Include the keys that change no run.

    Examples
    --------
    >>> differences(load_scenario("baseline"), load_scenario("public_commons"))
    {'levers.commons': (0.0, 0.1)}
    """
    left, right = flat(first), flat(second)
    return {
        key: (left[key], right[key])
        for key in left
        if left[key] != right[key] and (text or key not in TEXT_KEYS)
    }


def changes(scenario: Scenario) -> dict[str, tuple[Any, Any]]:
    """Dotted keys in which a scenario differs from the defaults: (default, value)."""
    return differences(Scenario(schema_version=1, name=scenario.name), scenario)


def facts(scenario: Scenario, *, complete: bool = False) -> dict[str, Any]:
    """A scenario as one JSON object: its texts, its hash and what it changes, or all of it."""
    resolved = scenario.resolved()
    told = resolved if complete else {key: resolved[key] for key in TEXT_KEYS}
    changed = {} if complete else {"changes": {key: value for key, (_, value) in changes(scenario).items()}}
    return {**told, **changed, "hash": content_hash(resolved)}


UNLINKED = (
    "# An editor completes keys after `econ scenario schema > {schema}`, if the first line of this file is\n"
    "#     # yaml-language-server: $schema=./{schema}\n"
)
TEMPLATE = """\
{header}# `econ scenario show baseline --resolved` lists every key with its default.
schema_version: {version}
name: {name}
title: {title}
question: What happens if ...?
description: What is changed against the scenario that it extends.
expected_mechanism: Which links are expected to respond, and in which direction; a guess, not a result.
# expected_signs: {{harm_rate: falls}}
extends: {extends}
levers:
  # One value from quarter 0, a schedule such as {{0: 0.05, 8: 0.1}}, or a prior such as {{uniform: [0, 0.2]}}.
  commons: 0.1
# parameters:
#   discount_rate: {{normal: [0.025, 0.005]}}
# events:
#   - customer_loss: {{quarter: 8, curator_rank: 1, share: 0.30}}
sources:
  - Where the numbers come from
"""


def new_text(path: Path, extends: str) -> str:
    """Text of a new scenario file, which loads as it stands.

    Raises
    ------
    InputError
        If the name of the file cannot be a scenario's name, or `extends` is no scenario that it can extend.
    """
    name = path.stem
    try:
        Scenario(schema_version=1, name=name)
    except ValueError:
        raise InputError("the name of the file becomes the scenario's", found=name, allowed=NAME_WORDS) from None
    if not (path.parent / extends).is_file():
        locate(extends, SCENARIOS)
    schema = "scenario.schema.json"
    linked, unlinked = f"# yaml-language-server: $schema=./{schema}\n", UNLINKED.format(schema=schema)
    header = linked if (path.parent / schema).is_file() else unlinked
    title = name.replace("_", " ").capitalize()
    # In quotes, for YAML reads `2024`, `1e5`, `on` and `null` as something else than text.
    quoted = {key: json.dumps(text, ensure_ascii=False) for key, text in {"name": name, "title": title, "extends": extends}.items()}
    text = TEMPLATE.format(header=header, version=SCHEMA_VERSION, **quoted)
    scenario_of_text(text, path)
    return text
