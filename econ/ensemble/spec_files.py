"""Reading the files of studies (sweeps, calibrations): one pydantic model each, shipped ones by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from econ.core.errors import InputError
from econ.core.shipped import Kind, locate
from econ.core.yaml_files import YamlFile, read_yaml
from econ.scenario.faults import Fault, located
from econ.scenario.validation import faults_of

Model = TypeVar("Model", bound=BaseModel)
#: What only those know who know the meaning of a file's keys: its further faults.
Check = Callable[[Mapping[Any, Any]], list[Fault]]

#: Keys of scenarios alone, by which one is known that was given in place of a study.
SCENARIO_KEYS = {"extends", "levers"}


def read_spec(model: type[Model], source: str | Path, kind: Kind, also: Check = lambda raw: []) -> Model:
    """Read a file, or the shipped one of that name.

    Parameters
    ----------
    model : type of BaseModel
        What the file must hold.
    source : str or Path
        A file or a shipped name.
    kind : Kind
        What such a file is called and where the shipped ones lie.
    also : callable, optional
        Looks for further faults where there are some; a file without is not looked at twice.

    Raises
    ------
    InputError
        If there is no such file, or with all its faults if a key or value of it cannot be used.
    """
    file = spec_file(model, source, kind)
    try:
        return model.model_validate(file.data)
    except ValidationError as error:
        raise located(file, [*faults_of(error, model), *also(file.data)]) from None


def spec_file(model: type[BaseModel], source: str | Path, kind: Kind) -> YamlFile:
    """The keys and values of such a file, not yet checked.

    Raises
    ------
    InputError
        If there is no such file, or it is a scenario.
    """
    file = read_yaml(locate(source, kind))
    if SCENARIO_KEYS & file.data.keys() and not _needed(model) & file.data.keys():
        raise InputError(f"this is a scenario, not a {kind.name}; `econ run` takes it", file=file.path)
    return file


def _needed(model: type[BaseModel]) -> set[str]:
    """Keys that a file cannot do without, but for the name that every kind of file has."""
    return {key for key, field in model.model_fields.items() if field.is_required()} - {"name"}
