"""What a report is about: runs paired by replicate, the claims, the cost model, and what could not be had."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from econ.core.errors import EconError, InputError
from econ.ensemble.comparison import DESCRIPTIVE, distinct_scenarios, pooled_outcomes
from econ.ensemble.effects import effects_data
from econ.ensemble.moments import moments_table
from econ.ensemble.results import EnsembleResult, check_complete, design_differences
from econ.ensemble.tables import by_scenario, summary_table
from econ.ensemble.window import window_length, window_words

if TYPE_CHECKING:
    from econ.claims.assess import Assessment
    from econ.ensemble.manifest import Manifest
    from econ.report.cost.question import Question

#: Keys of a scenario that are no settings.
NO_SETTINGS = DESCRIPTIVE | {"schema_version", "name"}
#: Values that are shown as text of at most this many characters.
LONGEST_VALUE = 90
#: From here on thousands are set apart.
LARGE = 10_000
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Material:
    """All that the sections are made from.

    Attributes
    ----------
    results : tuple of EnsembleResult
    outcomes : DataFrame
        Of all scenarios, paired, the baseline first.
    baseline : str
    scenarios : mapping of str to mapping
        Resolved scenarios by label, the baseline first.
    claims : Assessment or None
    question : Question or None
        What the cost model is asked.
    places : mapping of str to (int, str)
        Where each label's scenario is: position of the run, name in it.
    missing : dict of str to str
        What is not in the report, with the reason.
    apart : tuple of EnsembleResult
        Decomposed runs of another size, of which the contributions alone are used.
    """

    results: tuple[EnsembleResult, ...]
    outcomes: pd.DataFrame
    baseline: str
    scenarios: Mapping[str, Mapping[str, Any]]
    claims: Assessment | None
    question: Question | None
    places: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    apart: tuple[EnsembleResult, ...] = ()

    @property
    def manifest(self) -> Manifest:
        """Of the first run; the others share seed, replicates, horizon and surfaces."""
        return self.results[0].manifest

    @property
    def window(self) -> str:
        """The quarters over which outcomes are averaged, in words."""
        return window_words(window_length(self.manifest.quarters))

    @property
    def policies(self) -> list[str]:
        """The scenarios other than the baseline."""
        return [name for name in self.scenarios if name != self.baseline]

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Statistics over replicates, of all scenarios."""
        return summary_table(self.outcomes)

    @cached_property
    def effects(self) -> pd.DataFrame:
        """Paired differences of the headline outcomes against the baseline over the last two years."""
        return effects_data(self.outcomes, self.baseline)

    @cached_property
    def moments(self) -> pd.DataFrame:
        """Stylised facts beside their counterparts in the baseline."""
        return moments_table(by_scenario(self.outcomes)[self.baseline])

    @cached_property
    def decompositions(self) -> list[pd.DataFrame]:
        """Contributions of the market's links, of every run that has them."""
        return [table for result, table in self._decomposed]

    @property
    def decomposed(self) -> list[EnsembleResult]:
        """The runs of `decompositions`."""
        return [result for result, _ in self._decomposed]

    @cached_property
    def _decomposed(self) -> list[tuple[EnsembleResult, pd.DataFrame]]:
        return [(result, table) for result in (*self.results, *self.apart) if (table := result.decomposition()) is not None]

    def changes(self, name: str) -> dict[str, tuple[Any, Any]]:
        """Dotted keys in which a scenario differs from the baseline, with both values."""
        return _changes(self.scenarios[self.baseline], self.scenarios[name])


def _changes(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    ours, theirs = _flat(first), _flat(second)
    keys = dict.fromkeys([*ours, *theirs])
    return {key: (ours.get(key), theirs.get(key)) for key in keys if ours.get(key) != theirs.get(key)}


def _flat(scenario: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by dotted key; a lever's schedule, a prior and the list of events stay whole."""
    keys: dict[str, Any] = {}
    for key, value in scenario.items():
        if key in NO_SETTINGS:
            continue
        keys.update({f"{key}.{name}": setting for name, setting in value.items()} if isinstance(value, dict) else {key: value})
    return keys


def change_text(key: str, before: Any, after: Any) -> str:
    """A change in words: ``commons 0.1 (baseline 0)``."""
    short = key.removeprefix("levers.").removeprefix("parameters.")
    return f"{short}: {value_text(after)} (baseline: {value_text(before)})"


def number_text(value: float) -> str:
    """A number as it stands in a scenario, without an exponent that only a programmer reads.

    Examples
    --------
    >>> number_text(1.8e8), number_text(0.125), number_text(-2e-07)
    ('180,000,000', '0.125', '-2 × 10⁻⁷')
    """
    if abs(value) >= LARGE:
        return f"{value:,.9g}"
    mantissa, _, exponent = f"{value:g}".partition("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(RAISED)}" if exponent else mantissa


def value_text(value: Any) -> str:
    """A value of a scenario as text; priors as ``normal(0.3, 0.1)``."""
    if value is None:
        return "not set"
    if isinstance(value, list):
        return "; ".join(_event_text(event) for event in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | int):
        return number_text(value)
    if isinstance(value, dict) and len(value) == 1 and isinstance(ends := next(iter(value.values())), list):
        return f"{next(iter(value))}({', '.join(f'{end:g}' for end in ends)})"
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _event_text(event: Any) -> str:
    """An event of a scenario: ``customer loss (quarter 4, share 0.3)``."""
    if not isinstance(event, dict):
        return str(event)
    said = []
    for kind, facts in event.items():
        if isinstance(facts, dict):
            inner = ", ".join(f"{key.replace('_', ' ')} {value_text(value)}" for key, value in facts.items())
            said.append(f"{kind.replace('_', ' ')} ({inner})")
    return ", ".join(said)


def gather(directories: Sequence[Path], *, baseline: str | None = None) -> Material:
    """Read finished runs, hold the claims against them and the shipped measurements, and say what is missing.

    Parameters
    ----------
    directories : sequence of Path
        Finished runs that can be paired: same seed, replicates, horizon, surfaces and precision.
    baseline : str, optional
        The scenario against which the others are held; the first unless given.

    Raises
    ------
    InputError
        If a directory is no finished run, or the runs cannot be paired.
    """
    if not directories:
        raise InputError("a report needs at least one finished run", key="DIR")
    missing: dict[str, str] = {}
    results, apart = _sorted_out([_read(directory) for directory in directories])
    distinct = distinct_scenarios(results)
    if len(distinct) > 1:
        outcomes, label = pooled_outcomes(results, baseline)
    else:
        label = next(iter(distinct))
        outcomes = results[0].outcomes
    resolved = {name: results[run].manifest.scenarios[own] for name, (run, own) in distinct.items()}
    scenarios = {label: resolved[label], **resolved}
    claims = _claims([result.directory for result in results if result.directory is not None], missing)
    question = _question(results[0].manifest, missing)
    return Material(results, outcomes, label, scenarios, claims, question, distinct, missing, apart)


def _sorted_out(found: Sequence[EnsembleResult]) -> tuple[tuple[EnsembleResult, ...], tuple[EnsembleResult, ...]]:
    """The runs to be paired, and decomposed runs that cannot be paired with the first: a decomposition may be of fewer replicates."""
    first = found[0]
    apart = [r for r in found[1:] if r.decomposition() is not None and design_differences(first.manifest, r.manifest)]
    return tuple(r for r in found if r not in apart), tuple(apart)


def _read(directory: Path) -> EnsembleResult:
    with warnings.catch_warnings():
        # Failed replicates are told in the report itself.
        warnings.simplefilter("ignore")
        return EnsembleResult(check_complete(directory), directory)


def _claims(directories: Sequence[Path], missing: dict[str, str]) -> Assessment | None:
    from econ.claims.assess import assess_claims

    try:
        return assess_claims(runs=list(directories))
    except EconError as error:
        missing["Claims"] = f"the shipped measurements cannot be used ({error})"
        return None


def _question(manifest: Manifest, missing: dict[str, str]) -> Question | None:
    """What the cost model is asked: out of distribution, from the untrained model, with the run's surfaces."""
    from econ.cost.prices import load_prices
    from econ.report.cost.question import Question
    from econ.surfaces import load_surfaces

    try:
        surfaces = load_surfaces(next(iter(manifest.scenarios.values())).get("surfaces"))
        if surfaces.hash != manifest.surfaces.hash:
            missing["F4 what less harm costs"] = "the runs used other surfaces than those that are now found under their name"
            return None
        return Question(surfaces, load_prices(None), distribution="ood" if "ood" in surfaces.distributions else None, start="untrained")
    except EconError as error:
        missing["F4 what less harm costs"] = f"the cost model cannot be asked ({error})"
        return None
