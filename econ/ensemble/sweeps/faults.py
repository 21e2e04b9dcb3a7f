"""All that is wrong with the keys of a sweep and their values, told where each stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from econ.core.errors import InputError
from econ.scenario import Scenario, load_scenario
from econ.scenario.changes import changed
from econ.scenario.faults import Fault
from econ.scenario.validation import faults_of


def faults_of_keys(raw: Mapping[Any, Any]) -> list[Fault]:
    """What is wrong with the scenario of a sweep, its keys and their values, each fault once; empty if nothing is.

    Parameters
    ----------
    raw : mapping
        The sweep as its file holds it, which may have other faults too; of what is no key with a list, nothing is said.

    Returns
    -------
    list of Fault
        Below `keys`, the dotted key and, where one value is at fault, its number in the list.
    """
    source, keys = raw.get("scenario", "baseline"), raw.get("keys")
    if not isinstance(source, str) or not isinstance(keys, Mapping):
        return []
    lists = {key: values for key, values in keys.items() if isinstance(key, str) and isinstance(values, list) and values}
    try:
        base = load_scenario(source)
    except InputError as error:
        return [Fault(error.problem, ("scenario",), found=error.found or source, allowed=error.allowed, nearest=error.nearest)]
    found: list[Fault] = []
    probes = _one_at_a_time if raw.get("design") == "one_at_a_time" else _side_by_side
    while lists:
        more = _found(lists, base, probes(lists))
        found += more
        # A faulty parameter hides faulty levers: the keys that are left are looked at again.
        bad = {fault.keys[1] for fault in more if len(fault.keys) > 1}
        if not bad:
            break
        lists = {key: values for key, values in lists.items() if key not in bad}
    return found


def _found(lists: Mapping[str, list[Any]], base: Scenario, points: Iterable[Mapping[str, int]]) -> list[Fault]:
    """The faults of some keys at points that hold every value once, as its number in its list; each fault once."""
    found: dict[tuple[object, ...], Fault] = {}
    resolved = base.resolved()
    for chosen in points:
        settings = {key: lists[key][number] for key, number in chosen.items()}
        try:
            Scenario.model_validate(changed(resolved, [settings]))
        except ValidationError as error:
            for fault in faults_of(error, Scenario):
                here = _placed(fault, chosen)
                found.setdefault((*here.keys, here.problem), here)
    return list(found.values())


def _one_at_a_time(lists: Mapping[str, list[Any]]) -> Iterator[dict[str, int]]:
    """Every value alone, as such a design has it."""
    yield from ({key: number} for key, values in lists.items() for number in range(len(values)))


def _side_by_side(lists: Mapping[str, list[Any]]) -> Iterator[dict[str, int]]:
    """All keys together, their first values, their second ones and so on: few points, even of a large design."""
    for number in range(max(map(len, lists.values()), default=0)):
        yield {key: min(number, len(values) - 1) for key, values in lists.items()}


def _placed(fault: Fault, chosen: Mapping[str, int]) -> Fault:
    """The fault where the sweep's file has it: at a value, at a key that does not exist, or at the keys together."""
    path = tuple(map(str, fault.keys))
    above = [key for key in chosen if path[: len(key.split("."))] == tuple(key.split("."))]
    # Or the other way round: a schedule's quarter is set where the lever as a whole is at fault.
    below = [key for key in chosen if tuple(key.split("."))[: len(path)] == path]
    own = max(above or below, key=len, default=None)
    keys: tuple[object, ...] = ("keys",) if own is None else ("keys", own) if fault.found is None else ("keys", own, chosen[own])
    problem = fault.problem if own is not None else f"{'.'.join(path)}: {fault.problem}"
    return Fault(problem, keys, found=fault.found, allowed=fault.allowed, nearest=fault.nearest)
