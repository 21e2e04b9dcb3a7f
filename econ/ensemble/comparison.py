"""Comparing scenarios of several runs, replicate by replicate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from econ.core.errors import InputError, nearest_name
from econ.ensemble.results import EnsembleResult, design_differences
from econ.ensemble.tables import by_scenario, difference_table

if TYPE_CHECKING:
    from econ.ensemble.manifest import Manifest

#: Changed keys that a label names before it says how many more there are.
KEYS_IN_LABEL = 2
#: Keys of a scenario that describe it and change no number.
DESCRIPTIVE = frozenset(
    {"title", "question", "description", "expected_mechanism", "expected_signs", "extends", "sources", "quarters", "replicates"}
)


def distinct_scenarios(results: Sequence[EnsembleResult]) -> dict[str, tuple[int, str]]:
    """The distinct scenarios of some runs under distinct labels: position of the run, name in it.

    Raises
    ------
    InputError
        If the runs cannot be paired.
    """
    for other in results[1:]:
        _check_pairable(results[0], other)
    found: dict[str, tuple[int, str]] = {}
    contents: dict[str, dict[str, Any]] = {}
    for number, result in enumerate(results):
        for name, scenario in result.manifest.scenarios.items():
            content = {key: value for key, value in scenario.items() if key not in DESCRIPTIVE}
            if content in contents.values():
                continue
            label = _label(name, content, contents)
            contents[label], found[label] = content, (number, name)
    return found


def pooled_outcomes(
    results: Sequence[EnsembleResult], baseline: str | None = None
) -> tuple[pd.DataFrame, str]:
    """Outcomes of all scenarios of some runs under distinct labels, and the label of the baseline.

    A scenario that two runs hold with the same content counts once; one that shares its name but
    not its content is labelled by what it changes.

    Raises
    ------
    InputError
        If the runs cannot be paired, hold but one scenario, or lack the baseline asked for.
    """
    distinct = distinct_scenarios(results)
    rows = [by_scenario(result.outcomes) for result in results]
    parts = {label: rows[run][name].assign(scenario=label) for label, (run, name) in distinct.items()}
    if len(parts) < 2:
        raise InputError("there is nothing to compare: the runs hold one scenario", found=next(iter(parts)))
    baseline = next(iter(parts)) if baseline is None else baseline
    if baseline not in parts:
        raise InputError(
            "no such scenario in these runs",
            key="baseline",
            found=baseline,
            allowed=", ".join(parts),
            nearest=nearest_name(baseline, parts),
        )
    return pd.concat(
        [parts.pop(baseline).assign(scenario=baseline), *parts.values()], ignore_index=True
    ), baseline


def compare_results(
    results: Sequence[EnsembleResult], baseline: str | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Pooled outcomes, baseline first, the table of paired differences, and the baseline's label."""
    outcomes, label = pooled_outcomes(results, baseline)
    return outcomes, difference_table(outcomes, label), label


def facts_of(results: Sequence[EnsembleResult], label: str) -> pd.DataFrame:
    """States of the world by replicate, as ``replicates.parquet``, of the scenario with a label of `distinct_scenarios`."""
    run, name = distinct_scenarios(results)[label]
    facts = results[run].replicates
    return facts[facts["scenario"].astype(str) == name].drop(columns="scenario")


def code_note(results: Sequence[EnsembleResult]) -> str | None:
    """A warning where the code of two runs differs, since a difference may then be its doing; None if it does not."""
    used = dict.fromkeys(_code(result.manifest) for result in results)
    if len(used) < 2:
        return None
    return f"these runs were made by different code ({', '.join(used)}): a part of the differences may be its doing; run them again to be sure"


def _code(manifest: Manifest) -> str:
    commit = f" at {manifest.git_commit[:10]}" if manifest.git_commit else ""
    return f"econ {manifest.econ_version}{commit}"


def _check_pairable(first: EnsembleResult, second: EnsembleResult) -> None:
    unlike = design_differences(first.manifest, second.manifest)
    if unlike:
        said = "; ".join(f"{key}: {ours} and {theirs}" for key, (ours, theirs) in unlike.items())
        places = f" ({first.directory} and {second.directory})" if first.directory and second.directory else ""
        raise InputError(f"these runs cannot be paired, they differ in {said}{places}; run one of them again as the other")


def _label(name: str, content: dict[str, Any], contents: dict[str, dict[str, Any]]) -> str:
    """The scenario's name, with what it changes if another scenario has that name."""
    if name not in contents:
        return name
    changed = [
        f"{key.removeprefix('levers.')}={value}"
        for key, value in leaves(content).items()
        if leaves(contents[name]).get(key) != value
    ]
    more = f" and {len(changed) - KEYS_IN_LABEL} more" if len(changed) > KEYS_IN_LABEL else ""
    label = f"{name} ({', '.join(changed[:KEYS_IN_LABEL])}{more})"
    number = 2
    while label in contents:
        label, number = f"{label.removesuffix(f' #{number - 1}')} #{number}", number + 1
    return label


def leaves(value: Any, key: str = "") -> dict[str, Any]:
    """Nested mappings flattened to dotted paths."""
    if not isinstance(value, dict):
        return {key: value}
    return {
        leaf: found
        for name, inner in value.items()
        for leaf, found in leaves(inner, f"{key}.{name}" if key else str(name)).items()
    }
