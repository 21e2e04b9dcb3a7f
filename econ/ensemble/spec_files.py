"""Reading the files of studies (sweeps, calibrations): one pydantic model each, shipped ones by name."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from econ.core.errors import InputError, nearest_name
from econ.core.shipped import Kind, locate
from econ.core.yaml_files import YamlFile, read_yaml

Model = TypeVar("Model", bound=BaseModel)

#: Keys of scenarios alone, by which one is known that was given in place of a study.
SCENARIO_KEYS = {"extends", "levers"}


def read_spec(model: type[Model], source: str | Path, kind: Kind) -> Model:
    """Read a file, or the shipped one of that name.

    Parameters
    ----------
    model : type of BaseModel
        What the file must hold.
    source : str or Path
        A file or a shipped name.
    kind : Kind
        What such a file is called and where the shipped ones lie.

    Raises
    ------
    InputError
        If there is no such file, or a key or value of it cannot be used.
    """
    file = read_yaml(locate(source, kind))
    if SCENARIO_KEYS & file.data.keys() and not _needed(model) & file.data.keys():
        raise InputError(f"this is a scenario, not a {kind.name}; `econ run` takes it", file=file.path)
    try:
        return model.model_validate(file.data)
    except ValidationError as error:
        raise _fault(model, file, error) from None


def _needed(model: type[BaseModel]) -> set[str]:
    """Keys that a file cannot do without, but for the name that every kind of file has."""
    return {key for key, field in model.model_fields.items() if field.is_required()} - {"name"}


def _fault(model: type[BaseModel], file: YamlFile, error: ValidationError) -> InputError:
    # An unknown key is told first: what is then missing is often its misspelling.
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    keys = tuple(first["loc"])
    unknown = first["type"] == "extra_forbidden"
    known = list(model.model_fields)
    return InputError(
        "unknown key" if unknown else first["msg"].removeprefix("Value error, "),
        file=file.path, key=".".join(map(str, keys)) or None, line=file.line(keys),
        found=None if unknown or not keys or isinstance(first["input"], dict) else first["input"],
        allowed=", ".join(known) if unknown else None, nearest=nearest_name(str(keys[-1]), known) if unknown else None,
    )  # fmt: skip
