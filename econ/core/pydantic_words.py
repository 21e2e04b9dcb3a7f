"""What pydantic found wrong with one value, in our words: problem, what was found, what is allowed, the nearest valid name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from econ.core.errors import nearest_name
from econ.core.texts import LOOSE_NAME_PATTERN, LOOSE_NAME_WORDS, NAME_PATTERN, NAME_WORDS

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class Words(NamedTuple):
    """Arguments of an `InputError` or a `Fault`."""

    problem: str
    found: object = None
    allowed: str | None = None
    nearest: str | None = None


#: Patterns in words.
PATTERNS = {NAME_PATTERN: NAME_WORDS, LOOSE_NAME_PATTERN: LOOSE_NAME_WORDS}
#: What is allowed, by the type of pydantic's error; its context fills the gaps.
ALLOWED: Mapping[str, str] = MappingProxyType(
    {
        "string_type": "text", "bool_type": "true or false", "bool_parsing": "true or false", "int_type": "a whole number",
        "int_parsing": "a whole number", "int_from_float": "a whole number", "float_type": "a number", "float_parsing": "a number",
        "finite_number": "a finite number", "list_type": "a list", "tuple_type": "a list", "dict_type": "keys and values",
        "model_type": "keys and values", "greater_than_equal": "at least {ge}", "greater_than": "more than {gt}",
        "less_than_equal": "at most {le}", "less_than": "less than {lt}", "string_too_long": "at most {max_length} characters",
        "string_too_short": "at least {min_length} characters",
    }
)  # fmt: skip


def words_of(error: ErrorDetails) -> Words:
    """One of a `ValidationError`'s errors in our words; unknown keys are the caller's, who knows the legal ones.

    Examples
    --------
    >>> words_of({"type": "int_type", "loc": ("seed",), "msg": "Input should be a valid integer", "input": "x"})
    Words(problem='not a usable value', found='x', allowed='a whole number', nearest=None)
    """
    told, context = _TOLD.get(error["type"]), error.get("ctx", {})
    if told is not None:
        return told(error, context)
    found = "nothing" if error["input"] is None else error["input"]
    allowed = ALLOWED.get(error["type"])
    if allowed is not None:
        return Words("not a usable value", found, allowed.format(**context))
    return Words("not a usable value", found, re.sub(r"^\w+ should (be |have )?", "", error["msg"]))


def _choice(error: ErrorDetails, context: dict[str, Any]) -> Words:
    choices = re.findall(r"'([^']*)'", context["expected"])
    found = error["input"]
    nearest = nearest_name(found, choices) if isinstance(found, str) else None
    return Words("unknown choice", "nothing" if found is None else found, ", ".join(choices) or context["expected"], nearest)


def _pattern(error: ErrorDetails, context: dict[str, Any]) -> Words:
    return Words("not a usable value", error["input"], PATTERNS.get(context["pattern"], f"text of the form {context['pattern']}"))


def _few(error: ErrorDetails, context: dict[str, Any]) -> Words:
    return Words("nothing stands here" if context["actual_length"] == 0 else "too few entries", None, _entries("at least", context["min_length"]))


def _many(error: ErrorDetails, context: dict[str, Any]) -> Words:
    return Words("too many entries", context["actual_length"], _entries("at most", context["max_length"]))


def _entries(bound: str, number: int) -> str:
    return f"{bound} {number} {'entry' if number == 1 else 'entries'}"


def _missing(error: ErrorDetails, context: dict[str, Any]) -> Words:
    return Words("this key is missing")


def _own(error: ErrorDetails, context: dict[str, Any]) -> Words:
    """A check of ours says itself what is wrong."""
    # At the top the input is the whole file.
    return Words(str(context["error"]), error["input"] if error["loc"] else None)


_TOLD: Mapping[str, Callable[[ErrorDetails, dict[str, Any]], Words]] = MappingProxyType(
    {
        "literal_error": _choice, "string_pattern_mismatch": _pattern, "too_short": _few, "too_long": _many, "missing": _missing,
        "value_error": _own,
    }
)  # fmt: skip
