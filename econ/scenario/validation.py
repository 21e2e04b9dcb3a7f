"""What pydantic found wrong with a scenario or another file, told as faults: with the legal keys and the nearest name."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from econ.core.errors import nearest_name
from econ.core.pydantic_words import words_of
from econ.scenario.faults import Fault, Faults
from econ.scenario.lever_table import LEVERS
from econ.scenario.parameters import defaults
from econ.scenario.parts import CustomerLoss, Event, Population, VerticalTie


def faults_of(error: ValidationError, top: type[BaseModel]) -> list[Fault]:
    """All faults of a file with the whole paths of their keys; unknown keys, which may explain the others, come first.

    Parameters
    ----------
    error : ValidationError
    top : type of BaseModel
        What was validated: it knows the keys at the top.
    """
    found = sorted(error.errors(include_url=False), key=lambda each: each["type"] != "extra_forbidden")
    return [fault.below(*each["loc"]) for each in found for fault in _told(each, top)]


def _told(each: Any, top: type[BaseModel]) -> list[Fault]:
    """What pydantic found at one key, as faults below it."""
    cause = each.get("ctx", {}).get("error")
    if isinstance(cause, Fault | Faults):
        return cause.faults if isinstance(cause, Faults) else [cause]
    if each["type"] == "extra_forbidden":
        keys = tuple(each["loc"])
        legal = _legal_keys(keys, top)
        nearest = (_place_of(keys) if "levers" in legal else None) or nearest_name(keys[-1], legal)
        return [Fault("unknown key", allowed=", ".join(legal), nearest=nearest)]
    words = words_of(each)
    return [Fault(words.problem, found=words.found, allowed=words.allowed, nearest=words.nearest)]


def _place_of(keys: tuple[object, ...]) -> str | None:
    """Where a key at the top of a scenario belongs, if it is that of a lever, a parameter or a size."""
    tables = {"levers": LEVERS, "parameters": defaults(), "population": Population.model_fields}
    return next((f"{table}.{keys[0]}" for table, names in tables.items() if len(keys) == 1 and keys[0] in names), None)


def _legal_keys(keys: tuple[object, ...], top: type[BaseModel]) -> list[str]:
    """The keys that may stand where an unknown one was found."""
    models: dict[object, type[BaseModel]] = {
        "population": Population,
        "events": Event,
        "customer_loss": CustomerLoss,
        "vertical_tie": VerticalTie,
    }
    parents = [models[key] for key in keys[:-1] if key in models]
    return list((parents[-1] if parents else top).model_fields)
