"""Mapping files: which column of a user's table holds what, in which unit, under which names."""

from __future__ import annotations

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from econ.core.errors import nearest_name
from econ.core.measurements import BY_NAME, LABEL_KINDS, Column
from econ.core.pydantic_words import words_of
from econ.core.texts import LOOSE_NAME_PATTERN
from econ.core.yaml_files import YamlFile, read_yaml
from econ.lab.importing.faults import Faults, plain
from econ.lab.importing.units import units_of

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

#: Made by the import itself.
MADE = ("run_id", "config_hash", "program", "extra")
#: What a mapping may name beside the table's own columns.
ADDED = (
    Column("violations", "int64", "count", "responses that violated a rule, of `trials`", 0),
    Column("trials", "int64", "count", "responses that were judged", 1),
    Column("config", "string", "", "name of the method's configuration, where several were tried"),
)
TARGETS: dict[str, Column] = {c.name: c for c in (*BY_NAME.values(), *ADDED) if c.name not in MADE}
#: An imported row is no confirmatory world of ours.
STAGES = ("import", "tune", "develop")
#: Needed in every mapping, beside labels and violations, of which there are two ways to give each.
NEEDED = ("world", "method", "label_kind", "distribution")
#: Needed wherever a fit may follow: surfaces are fitted over it.
NEEDED_TO_FIT = ("v",)
#: Kinds of label that are counted; every one stands in `label_unit` unless one word holds for all.
COUNTED = tuple(kind for kind in LABEL_KINDS if kind not in ("none", "flag+preference"))
ALL = "*"


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, hide_input_in_errors=True
    )


def _names(value: object) -> object:
    """Keys as text; YAML reads a bare `no` as false and 0.10 as 0.1."""
    if not isinstance(value, dict):
        return value
    for key in value:
        if isinstance(key, bool) or not isinstance(key, str | int):
            raise ValueError(f"put the value {key!r} in quotes, as it stands in your file")
    return {str(key): word for key, word in value.items()}


class Entry(_Part):
    """Where one column comes from: a source column or a constant, and how it is converted."""

    column: str | None = Field(None, description="name of the column in your file")
    constant: str | bool | int | float | None = Field(None, description="the same value for every row")
    unit: str | None = Field(None, description="unit of your values, where it is not the table's own")
    multiply: float | None = Field(None, gt=0, description="factor from your values to the table's unit")
    values: Annotated[dict[str, str], BeforeValidator(_names)] | None = Field(
        None, description="your names of categories, each with the table's name"
    )


def _entry(value: object) -> object:
    """`v: 0.9` is a constant, `v: my_column` a source column."""
    if isinstance(value, str):
        return {"column": value}
    if isinstance(value, bool | int | float):
        return {"constant": value}
    return value


def _unit_by_kind(value: object) -> object:
    return {ALL: value} if isinstance(value, str) else value


class CsvFormat(_Part):
    """How a CSV file is written."""

    delimiter: Literal[",", ";", "\t", "|"] = Field(",", description="between fields")
    decimal: Literal[".", ","] = Field(".", description="decimal mark of numbers")


class Mapping(_Part):
    """A mapping file."""

    schema_version: Literal[1] = Field(1, description="version of this format")
    name: str = Field(
        pattern=LOOSE_NAME_PATTERN, description="short name, also of the result"
    )
    title: str = Field("", max_length=500, description="one line, shown above tables and figures")
    source: str = Field("", max_length=2000, description="who measured this, when and how")
    label_unit: Annotated[dict[str, Literal["judgement", "pair"]], BeforeValidator(_unit_by_kind)] = Field(
        description=(
            "what is counted as one label: `judgement`, one human decision, or `pair`, two responses; "
            "one word for all labels, or one for each label_kind"
        )
    )
    columns: dict[str, Annotated[Entry, BeforeValidator(_entry)]]
    configs_tried: dict[str, Annotated[int, Field(ge=1, le=10**6)]] = Field(
        default_factory=dict,
        description="configurations tried for each method, where methods had unequal numbers or the file holds only the best",
    )
    csv: CsvFormat = Field(CsvFormat(), description="how a CSV file is written; Parquet needs none")

    def resolved(self) -> dict[str, Any]:
        """Plain values, for hashes and manifests."""
        return self.model_dump(mode="json", exclude_none=True)


@dataclass(frozen=True)
class MappingFile:
    """A mapping and where its keys stand."""

    mapping: Mapping
    file: YamlFile

    def where(self, *keys: object) -> dict[str, Any]:
        """File, line and key, as `InputError` takes them."""
        path = tuple(keys)
        return {
            "file": self.file.path,
            "line": self.file.line(path),
            "key": ".".join(plain(k) for k in path) or None,
        }


_FIELDS: dict[str, Dictionary[str, Any]] = {"columns": Entry.model_fields, "csv": CsvFormat.model_fields}


def load_mapping(path: str | Path, *, descriptive: bool = False) -> MappingFile:
    """Read a mapping file; without what fits alone need, where the table is only to be looked at (`descriptive`).

    Raises
    ------
    InputError
        With all its faults at once.
    """
    file = read_yaml(path)
    faults = Faults(file.path)
    try:
        loaded = MappingFile(Mapping.model_validate(file.data), file)
    except ValidationError as error:
        for one in sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden"):
            _note(faults, file, one)
        faults.check()
        raise
    for target, entry in loaded.mapping.columns.items():
        _check_entry(loaded, target, entry, faults)
    _check_complete(loaded, NEEDED if descriptive else NEEDED + NEEDED_TO_FIT, faults)
    _check_label_unit(loaded, faults)
    faults.check()
    return loaded


def _note(faults: Faults, file: YamlFile, error: ErrorDetails) -> None:
    keys = tuple(error["loc"])
    where: dict[str, Any] = {"file": file.path, "line": file.line(keys)}
    where["key"] = ".".join(plain(k) for k in keys if k not in (ALL, "str", "bool", "int", "float", "[key]")) or None
    if error["type"] == "extra_forbidden":
        part = str(keys[0]) if len(keys) > 1 else ""
        valid = list(_FIELDS.get(part, Mapping.model_fields))
        faults.add("unknown key", allowed=", ".join(valid), nearest=nearest_name(keys[-1], valid), **where)
    elif keys == ("label_unit",) and error["type"] == "missing":
        faults.add(
            "say what is counted as one label",
            allowed="judgement or pair, or one of them for each label_kind",
            **where,
        )
    else:
        faults.add(**words_of(error)._asdict(), **where)


def _check_entry(loaded: MappingFile, target: str, entry: Entry, faults: Faults) -> None:
    where = loaded.where("columns", target)
    if target not in TARGETS:
        made = "; the import makes this column itself" if target in MADE else ""
        faults.add(
            f"no column of the measurement table has this name{made}",
            nearest=nearest_name(target, TARGETS),
            **where,
        )
        return
    if (entry.column is None) == (entry.constant is None):
        faults.add(
            "needs either a source column or a constant", allowed="column: NAME or constant: VALUE", **where
        )
    column, units = TARGETS[target], units_of(TARGETS[target])
    if entry.unit is not None and entry.unit not in units:
        own = "none, this column is taken as it stands" if not units else ", ".join(units)
        faults.add(
            "unknown unit", found=entry.unit, allowed=own, nearest=nearest_name(entry.unit, units), **where
        )
    if (entry.multiply is not None and column.dtype not in ("float32", "float64", "int32", "int64")) or (
        target == "world" and entry.multiply
    ):
        faults.add("only numbers can be multiplied", **where)
    if entry.values is None:
        return
    if column.dtype not in ("string", "category"):
        faults.add("only categories have values to translate", **where)
    allowed = categories(column)
    for ours in entry.values.values():
        if allowed and ours not in allowed:
            faults.add(
                "unknown value",
                found=ours,
                allowed=", ".join(allowed),
                nearest=nearest_name(ours, allowed),
                **where,
            )


def categories(column: Column) -> tuple[str, ...]:
    """Values that an imported column may have; empty where any text will do."""
    return STAGES if column.name == "stage" else column.values


def _check_complete(loaded: MappingFile, needed: tuple[str, ...], faults: Faults) -> None:
    given, where = loaded.mapping.columns, loaded.where("columns")
    for name in needed:
        if name not in given:
            faults.add(
                f"'{name}' is missing ({TARGETS[name].meaning})",
                allowed=_HINTS.get(name, "a source column or a constant"),
                **where,
            )
    if "n" not in given and not {"a", "b"} <= given.keys():
        faults.add("'n' is missing (labels); or give both 'a' (flags) and 'b' (preference pairs)", **where)
    counted = "violations" in given
    if counted == ("violation" in given):
        faults.add("give either 'violation' (a rate), or 'violations' and 'trials' (counts)", **where)
    if counted and "trials" not in given:
        faults.add("'violations' needs 'trials', the number of responses that were judged", **where)


_HINTS = {
    "world": "the column that names the replicate, say a seed or a site",
    "v": (
        "a column or a constant from 0 to 1, or the share of cases in which two raters agree whether a rule is "
        "violated, with unit: rater_agreement; only --descriptive, which fits nothing, does without"
    ),
    "distribution": "a column, or constant: ood where the test prompts are unlike those labelled, constant: id where they are like them",
}


def _check_label_unit(loaded: MappingFile, faults: Faults) -> None:
    for kind in loaded.mapping.label_unit:
        if kind not in (ALL, *COUNTED):
            faults.add(
                "unknown kind of label", allowed=", ".join(COUNTED), nearest=nearest_name(kind, COUNTED),
                **loaded.where("label_unit", kind),
            )  # fmt: skip


def json_schema() -> dict[str, Any]:
    """JSON Schema of mapping files, for editors."""
    schema = Mapping.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "econ laboratory mapping"
    unit = {"enum": ["judgement", "pair"], "description": "what is counted as one label: one human decision, or two responses"}
    schema["properties"]["label_unit"] = {
        "description": schema["properties"]["label_unit"]["description"],
        "anyOf": [
            unit,
            {"type": "object", "properties": dict.fromkeys(COUNTED, unit), "additionalProperties": False},
        ],
    }
    schema["properties"]["columns"] = {
        "description": "where each column of the measurement table comes from: the name of one of yours, a constant, or an entry that converts",
        "type": "object",
        "properties": {name: _target_schema(column) for name, column in TARGETS.items()},
        "required": list(NEEDED),
        "additionalProperties": False,
    }
    return schema


def _target_schema(column: Column) -> Dictionary[str, Any]:
    unit, units = f" [{column.unit}]" if column.unit else "", units_of(column)
    own: dict[str, Any] = {"$ref": "#/$defs/Entry"}
    if units:
        means = f"unit of your values; the first is the table's own: {', '.join(units)}"
        own = {"allOf": [own, {"properties": {"unit": {"enum": list(units), "description": means}}}]}
    return {
        "description": f"{column.meaning}{unit}",
        "anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}, own],
    }
