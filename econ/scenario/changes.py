"""Laying one set of keys over another: `extends`, `--set` and the `with_…` methods share it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from econ.core.errors import InputError
from econ.scenario.lever_table import merged_setting

#: Tables that are merged key by key; everything else is replaced as a whole.
MERGED = ("population", "parameters", "levers")


def merged(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """`upper` laid over `lower`.

    Parameters, levers and population are merged by name. A prior or a schedule is never spliced from
    two files: the upper one replaces the lower. Levers that name places change those places alone.
    """
    result = {**lower, **upper}
    for table in MERGED:
        below, above = lower.get(table), upper.get(table)
        if not isinstance(below, Mapping) or not isinstance(above, Mapping):
            continue
        result[table] = {**below, **above}
        if table == "levers":
            for name in above:
                if name in below and isinstance(name, str):
                    result[table][name] = merged_setting(name, below[name], above[name])
    return result


def changed(raw: Mapping[str, Any], settings: Iterable[str | Mapping[str, object]]) -> dict[str, Any]:
    """A resolved scenario with some dotted keys changed, not yet checked; see `Scenario.with_settings`."""
    result = dict(raw)
    for setting in settings:
        pairs = [parse_assignment(setting)] if isinstance(setting, str) else list(setting.items())
        for key, value in pairs:
            result = merged(result, _nested(key, value))
    return result


def parse_assignment(text: str) -> tuple[str, object]:
    """Key and value of ``key=value``, the value read as YAML.

    Raises
    ------
    InputError
    """
    from econ.core.yaml_files import read_yaml_value

    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError("not an assignment", found=text, allowed="KEY=VALUE, such as levers.commons=0.1")
    return key.strip(), read_yaml_value(value, key.strip())


def _nested(key: str, value: object) -> dict[str, Any]:
    """``a.b`` and a value as ``{a: {b: value}}``; digits become quarters."""
    nested: Any = value
    for part in reversed(key.split(".")):
        nested = {int(part) if re.fullmatch(r"[0-9]{1,9}", part) else part: nested}
    return nested  # type: ignore[no-any-return]
