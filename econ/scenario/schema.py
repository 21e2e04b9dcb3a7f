"""What a scenario is: the keys of its file, their units, legal values and defaults.

A validated `Scenario` is complete: it holds a value for every parameter and every lever, those that
the file does not name at their defaults. So its `resolved()` form says all that a run depends on,
beside the seed and the response surfaces.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError, WithJsonSchema, model_validator

from econ.core.errors import nearest_name
from econ.core.texts import NAME_PATTERN, NAME_WORDS
from econ.scenario.changes import changed
from econ.scenario.domains import Domain, domain_of
from econ.scenario.faults import Fault, Faults
from econ.scenario.lever_table import LEVERS, resolved_setting
from econ.scenario.parameters import SIZE_KEYS, defaults, parameters
from econ.scenario.parts import Event, Population, Table, default_size
from econ.scenario.together import check_population, check_together
from econ.scenario.validation import faults_of
from econ.scenario.values import Value, parse_value, prior_json_schema, resolved_value, value_json_schema

SCHEMA_VERSION = 1


def _check_parameters(raw: object) -> dict[str, Value]:
    """Every parameter with the value given or its default."""
    if not isinstance(raw, Mapping):
        raise Fault("not a list of parameters", found=raw, allowed="name: value")
    free = _free_parameters()
    faults = [fault for name in raw if (fault := _name_fault(name)) is not None]
    checked: dict[str, Value] = {}
    for name, (default, domain) in free.items():
        given = raw.get(name, default)
        try:
            # The default itself needs no second check; a sweep meets it two hundred times a point.
            checked[name] = default if given is default else parse_value(given, domain)
        except Fault as fault:
            faults.append(fault.below(name))
    if faults:
        raise Faults(faults)
    check_together(checked)
    return checked


@cache
def _free_parameters() -> Mapping[str, tuple[Value, Domain]]:
    """Default and domain of each parameter that has no key of its own."""
    rows = ((name, row, domain_of(name, row.unit)) for name, row in defaults().items() if name not in SIZE_KEYS)
    return MappingProxyType({name: (parse_value(row.value, domain), domain) for name, row, domain in rows})


def _name_fault(name: object) -> Fault | None:
    """What is wrong with the name of a parameter, if anything is."""
    if isinstance(name, str) and name in SIZE_KEYS:
        return Fault("this number has a key of its own", (name,), allowed=SIZE_KEYS[name])
    if name in _free_parameters():
        return None
    problem = "this row is evidence, which the model does not read" if name in parameters() else "unknown parameter"
    allowed = "default rows of calibration/parameters.csv"
    return Fault(problem, (name,), allowed=allowed, nearest=nearest_name(name, _free_parameters()))


def _parameters_json_schema() -> dict[str, Any]:
    properties = {}
    for name, row in defaults().items():
        if name not in SIZE_KEYS:
            symbol = f", symbol {row.symbol}" if row.symbol else ""
            properties[name] = {
                "description": f"{row.note or row.source} [{row.unit}{symbol}; grade {row.grade}]",
                "default": row.value,
                **value_json_schema(domain_of(name, row.unit)),
            }
    return {
        "type": "object",
        "description": "Numbers of the market model that differ from calibration/parameters.csv.",
        "additionalProperties": False,
        "properties": properties,
    }


def _levers_json_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "What policies and events move.",
        "additionalProperties": False,
        "properties": {name: lever.json_schema() for name, lever in LEVERS.items()},
    }


def _raw_levers(raw: object) -> dict[str, Any]:
    """The levers' names; their settings are checked when the horizon is known."""
    if not isinstance(raw, Mapping):
        raise Fault("not a list of levers", found=raw, allowed="name: setting")
    unknown = [name for name in raw if name not in LEVERS]
    if unknown:
        names = ", ".join(LEVERS)
        raise Faults([Fault("unknown lever", (name,), allowed=names, nearest=nearest_name(name, LEVERS)) for name in unknown])
    return {name: raw.get(name, lever.default) for name, lever in LEVERS.items()}


_Parameters = Annotated[
    dict[str, Any],
    BeforeValidator(_check_parameters),
    PlainSerializer(lambda values: {name: resolved_value(value) for name, value in values.items()}),
    WithJsonSchema({"type": "object"}),
]
_Levers = Annotated[
    dict[str, Any],
    BeforeValidator(_raw_levers),
    PlainSerializer(lambda settings: {name: resolved_setting(setting) for name, setting in settings.items()}),
    WithJsonSchema({"type": "object"}),
]


class Scenario(Table):
    """A scenario: which levers move and when, on which parameters, for how long.

    Attributes
    ----------
    parameters : dict of str to float or Prior
        One entry for each default row of `calibration/parameters.csv` that has no key of its own.
    levers : dict of str to Setting
        One entry for each lever of `LEVERS`.

    Examples
    --------
    >>> scenario = Scenario(schema_version=1, name="trial", levers={"commons": 0.1})
    >>> scenario.levers["commons"], scenario.levers["merger_probability"]
    (0.1, 0.04)
    """

    schema_version: Literal[1] = Field(description="Version of this format.")
    name: str = Field(
        pattern=NAME_PATTERN,
        max_length=60,
        description=f"Short name, used for files: {NAME_WORDS}.",
    )
    title: str = Field(default="", description="Title for figures and reports.")
    question: str = Field(default="", description="The question that the scenario answers.")
    description: str = Field(default="", description="What is changed against the scenario that it extends.")
    expected_mechanism: str = Field(
        default="",
        description="What theory or the hypothesis expects to happen and through which links; a guess, not a result.",
    )
    expected_signs: dict[str, Literal["rises", "falls"]] = Field(
        default_factory=dict,
        description="Outcomes that the expected mechanism moves one way against the baseline, checked in every run of several scenarios.",
    )
    extends: str | None = Field(
        default=None,
        description="Scenario from which all that is not said here is taken: a relative path, or the name of a shipped one.",
    )
    quarters: int = Field(
        default_factory=default_size("horizon_quarters"), ge=1, le=400, description="Horizon [quarters]."
    )
    replicates: int = Field(default=64, ge=1, le=1_000_000, description="Replicates of the ensemble.")
    population: Population = Field(default_factory=Population, description="How many agents are simulated.")
    parameters: _Parameters = Field(default_factory=dict)
    levers: _Levers = Field(default_factory=dict)
    events: tuple[Event, ...] = Field(default=(), strict=False, description="One-off events.")
    surfaces: str | None = Field(
        default=None,
        min_length=1,
        description="Response surfaces: a directory, relative to this file, or the id of shipped ones; null is the shipped default.",
    )
    sources: tuple[str, ...] = Field(default=(), strict=False, description="Where the scenario comes from.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Check what depends on the horizon and the sizes."""
        if self.extends is not None:
            raise Fault(
                "extends is resolved when a file is loaded",
                ("extends",),
                found=self.extends,
                allowed="load_scenario(path)",
            )
        settings, faults = {}, []
        for name, lever in LEVERS.items():
            try:
                settings[name] = lever.parse(self.levers[name], self.quarters)
            except Fault as fault:
                faults.append(fault.below("levers", name))
        if faults:
            raise Faults(faults)
        self.levers.update(settings)
        check_population(self.parameters, self.population.curators)
        for index, event in enumerate(self.events):
            self._check_event(event, ("events", index))
        return self

    def _check_event(self, event: Event, keys: tuple[object, ...]) -> None:
        for kind, happening in (("customer_loss", event.customer_loss), ("vertical_tie", event.vertical_tie)):
            if happening is None:
                continue
            limits = {
                "quarter": self.quarters - 1,
                "curator_rank": self.population.curator_slots,
                "firm_rank": self.population.firms,
            }
            for key, most in limits.items():
                found = getattr(happening, key, 0)
                if found > most:
                    problem = "beyond the horizon" if key == "quarter" else "no agent has this rank"
                    raise Fault(problem, (*keys, kind, key), found=found, allowed=f"at most {most}")

    def sizes(self) -> dict[str, int]:
        """The numbers of `SIZE_KEYS` by the name of their row in the parameter table."""
        return {
            "horizon_quarters": self.quarters,
            "labelers_simulated": self.population.labelers,
            "curator_slots": self.population.curator_slots,
            "curators_start": self.population.curators,
            "firms_simulated": self.population.firms,
        }

    def resolved(self) -> dict[str, Any]:
        """The complete scenario as plain JSON, for hashes and manifests.

        Validating it again gives an equal scenario, also after a passage through JSON.
        """
        return self.model_dump(mode="json", exclude={"extends"}, exclude_none=False)

    def with_settings(self, *settings: str | Mapping[str, object]) -> Scenario:
        """A copy with some keys changed, each checked like a file.

        Parameters
        ----------
        *settings : str or mapping
            ``"levers.commons=0.1"`` with the value in YAML, or ``{"levers.commons": 0.1}``.

        Raises
        ------
        InputError

        Examples
        --------
        >>> base = Scenario(schema_version=1, name="trial")
        >>> base.with_settings("levers.strict.j1=1", "quarters=8").levers["strict"]
        {'j1': 1.0, 'j2': 0.3, 'j3': 0.3}
        """
        try:
            return Scenario.model_validate(changed(self.resolved(), settings))
        except ValidationError as error:
            raise faults_of(error, Scenario)[0].input_error() from None

    def with_levers(self, **levers: object) -> Scenario:
        """A copy with some levers changed: ``scenario.with_levers(commons=0.1, strict={"j1": 1})``.

        Raises
        ------
        InputError
        """
        return self.with_settings({f"levers.{name}": setting for name, setting in levers.items()})

    def with_parameters(self, **values: object) -> Scenario:
        """A copy with some parameters changed: a number or a prior for each.

        Raises
        ------
        InputError
        """
        return self.with_settings({f"parameters.{name}": value for name, value in values.items()})

    def with_population(self, **sizes: object) -> Scenario:
        """A copy with other sizes: ``scenario.with_population(labelers=500, firms=16)``.

        Raises
        ------
        InputError
        """
        return self.with_settings({f"population.{name}": size for name, size in sizes.items()})


def json_schema() -> dict[str, Any]:
    """JSON Schema of scenario files, for editors."""
    schema = Scenario.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "econ scenario"
    # pydantic leaves out a description that repeats the class's own.
    schema["properties"]["population"]["description"] = "How many agents of each kind are simulated [agents]."
    schema["$defs"]["Prior"] = prior_json_schema()
    schema["properties"].update(parameters=_parameters_json_schema(), levers=_levers_json_schema())
    for row, key in SIZE_KEYS.items():
        parts = key.split(".")
        place = schema["properties"] if len(parts) == 1 else schema["$defs"]["Population"]["properties"]
        place[parts[-1]]["default"] = int(defaults()[row].value)
    return schema
