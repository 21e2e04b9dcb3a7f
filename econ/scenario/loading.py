"""Reading scenario files: `extends` resolved, faults told with file, line and key."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from econ.core.errors import InputError, nearest_name
from econ.core.shipped import SCENARIOS, locate, shipped_names
from econ.core.texts import NAME_WORDS
from econ.core.yaml_files import YamlFile, parse_yaml, read_yaml
from econ.scenario.changes import merged
from econ.scenario.faults import Fault
from econ.scenario.schema import SCHEMA_VERSION, Scenario
from econ.scenario.validation import faults_of

#: Keys that speak of one file alone and are not taken from the scenario that it extends.
OWN_KEYS = ("name", "title", "question", "description", "expected_mechanism", "expected_signs", "extends")
#: Keys of sweeps alone, by which one is known that was given in place of a scenario.
SWEEP_KEYS = {"design", "keys"}
#: More scenarios than any study stacks.
LONGEST_CHAIN = 20


def shipped_scenarios() -> list[str]:
    """Names of the shipped scenarios, the baseline first."""
    return shipped_names(SCENARIOS)


def load_scenario(source: str | Path) -> Scenario:
    """A scenario from a file or by the name of a shipped one.

    Parameters
    ----------
    source : str or Path
        ``scenarios/baseline.yaml`` or ``baseline``.

    Raises
    ------
    InputError
        With file, line and key, if anything in it or in what it extends cannot be used.

    Examples
    --------
    >>> load_scenario("baseline").name
    'baseline'
    """
    return _loaded(_read_chain(_read_one(locate(source, SCENARIOS))))


def as_scenarios(sources: Iterable[Any]) -> list[Scenario]:
    """Scenarios given as such, as files or by the names of shipped ones, one by one or in a list.

    Raises
    ------
    InputError
        If something is none of these, or cannot be loaded.
    """
    found: list[Scenario] = []
    for source in sources:
        if isinstance(source, str | Path):
            found.append(load_scenario(source))
        elif isinstance(source, list | tuple):
            found += as_scenarios(source)
        elif hasattr(source, "resolved") and hasattr(source, "levers"):
            found.append(source)
        else:
            allowed = "what econ.load_scenario returns, a file, or the name of a shipped scenario"
            raise InputError("not a scenario", found=source, allowed=allowed)
    return found


def scenario_of_text(text: str, path: Path) -> Scenario:
    """The scenario that a file at `path` with this text would hold, before it is written.

    Raises
    ------
    InputError
        As `load_scenario`.
    """
    return _loaded(_read_chain(_checked(parse_yaml(text, path))))


def _loaded(chain: list[YamlFile]) -> Scenario:
    try:
        return Scenario.model_validate(_laid_over(chain))
    except ValidationError as error:
        raise _located(chain, faults_of(error, Scenario)[0]) from None


def check_scenario(source: str | Path) -> list[InputError]:
    """All that is wrong with a scenario, as far as one pass can tell; empty if it can be used.

    What depends on the whole (levers against the horizon, say) is looked at when every key is known.
    """
    try:
        chain = _read_chain(_read_one(locate(source, SCENARIOS)))
    except InputError as error:
        return [error]
    try:
        Scenario.model_validate(_laid_over(chain))
    except ValidationError as error:
        return [_located(chain, fault) for fault in faults_of(error, Scenario)]
    return []


def _laid_over(chain: list[YamlFile]) -> dict[str, Any]:
    """A file laid over all that it extends."""
    raw: dict[str, Any] = {}
    for number, file in enumerate(reversed(chain), start=1):
        last = number == len(chain)
        kept = {key: value for key, value in file.data.items() if last or key not in OWN_KEYS}
        sources = _joined_sources(raw.get("sources"), file.data.get("sources"))
        raw = merged(raw, _located_surfaces(kept, file.path))
        if sources is not None:
            raw["sources"] = sources
    raw.pop("extends", None)
    return raw


def _joined_sources(lower: object, upper: object) -> Any:
    """Sources of both scenarios, each once; as given where they are not lists, for validation to refuse."""
    if isinstance(lower, list) and isinstance(upper, list):
        return [*lower, *(source for source in upper if source not in lower)]
    return upper if upper is not None else lower


def _located_surfaces(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """A directory of surfaces is given relative to the file that names it; anything else is an id."""
    surfaces = data.get("surfaces")
    if isinstance(surfaces, str):
        # A text that the file system cannot even look up (too long, a null byte) names no directory.
        with contextlib.suppress(OSError, ValueError):
            if (path.parent / surfaces).is_dir():
                return {**data, "surfaces": (path.parent / surfaces).as_posix()}
    return data


def _read_chain(first: YamlFile) -> list[YamlFile]:
    """The file and all that it extends, nearest first."""
    chain = [first]
    root = first.path.resolve().parent
    seen = {first.path.resolve()}
    while chain[-1].data.get("extends") is not None:
        child = chain[-1]
        try:
            parent, root = _parent(child.path, child.data["extends"], root)
            if parent.resolve() in seen:
                raise Fault("the scenarios extend each other in a circle")
            if len(chain) == LONGEST_CHAIN:
                raise Fault(f"more than {LONGEST_CHAIN} scenarios extend each other")
        except Fault as fault:
            line, found = child.line(("extends",)), child.data["extends"]
            raise InputError(
                fault.problem, file=child.path, line=line, key="extends", found=found, allowed=fault.allowed, nearest=fault.nearest
            ) from None
        seen.add(parent.resolve())
        chain.append(_read_one(parent))
    return chain


def _parent(child: Path, extends: object, root: Path) -> tuple[Path, Path]:
    """File of the scenario that `child` extends, and the folder that its own parents must lie in."""
    allowed = "a relative path within the folder of the first scenario, or the name of a shipped one"
    if not isinstance(extends, str) or not extends:
        raise Fault("not the path of a scenario", allowed=allowed)
    try:
        beside = child.parent / extends
        bare = Path(extends).suffix == "" and len(Path(extends).parts) == 1
        if bare and not beside.exists() and extends in shipped_scenarios():
            shipped = locate(extends, SCENARIOS)
            return shipped, shipped.resolve().parent
        if Path(extends).is_absolute() or not beside.resolve().is_relative_to(root):
            raise Fault("outside the folder of the first scenario", allowed=allowed)
        if not beside.is_file():
            raise Fault("there is no such scenario", allowed=allowed, nearest=nearest_name(extends, shipped_scenarios()) if bare else None)
    except (OSError, RuntimeError):
        raise Fault("not a usable path", allowed=allowed) from None
    except ValueError as error:
        raise (error if isinstance(error, Fault) else Fault("not a usable path", allowed=allowed)) from None
    return beside, root


def _read_one(path: Path) -> YamlFile:
    return _checked(read_yaml(path))


def _checked(file: YamlFile) -> YamlFile:
    """A file of which holds what must hold of each file of a chain, not of the whole alone."""
    path = file.path
    if file.data.keys() >= SWEEP_KEYS:
        raise InputError("this is a sweep, not a scenario; `econ sweep` takes it", file=path)
    for key in ("schema_version", "name"):
        if key not in file.data:
            allowed = (
                str(SCHEMA_VERSION) if key == "schema_version" else NAME_WORDS
            )
            raise InputError("this key is missing", file=path, key=key, allowed=allowed)
    version = file.data["schema_version"]
    if type(version) is not int or version != SCHEMA_VERSION:
        line = file.line(("schema_version",))
        raise InputError(
            "this version of the format is not known",
            file=path,
            line=line,
            key="schema_version",
            found=version,
            allowed="1",
        )
    return file


def _located(chain: list[YamlFile], fault: Fault) -> InputError:
    """The fault with the file and line where its key stands: the nearest file that has it."""
    keys = fault.keys
    place, depth = chain[0], 0
    for file in chain:
        known = max((end for end in range(len(keys) + 1) if keys[:end] in file.lines), default=0)
        if known > depth:
            place, depth = file, known
    return fault.input_error(file=place.path, line=place.line(keys))
