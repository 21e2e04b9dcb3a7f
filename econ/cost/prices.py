"""Price books: what a label costs in USD and in minutes, each a number or a prior.

A book is a YAML file. By kind of label it holds `usd` and `minutes`; rules have `fixed_usd` and
`fixed_minutes` each. What it leaves out comes from the parameter table, whose ranges become priors: a
log-normal with the central value as its median and the range as its 90 % interval.

The same prices may be given flat (`price_preference_label: 2`), the spelling in which results name them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from econ.core.errors import InputError, nearest_name
from econ.core.measurements import LABEL_KINDS
from econ.core.shipped import PRICE_BOOKS, locate, shipped_names
from econ.core.yaml_files import YamlFile, read_yaml
from econ.scenario.domains import NON_NEGATIVE, POSITIVE, SHARE, Domain
from econ.scenario.faults import Fault, Faults, located
from econ.scenario.parameters import Parameter, parameters
from econ.scenario.values import Prior, Value, parse_value, resolved_value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCHEMA_VERSION = 1
#: Half-width of a 90 % interval in standard deviations of a normal.
Z_90 = 1.6448536269514722


@dataclass(frozen=True)
class Entry:
    """One number of a price book.

    Attributes
    ----------
    keys : tuple of str
        Where a book holds it.
    domain : Domain
        Legal values.
    unit : str
    rows : tuple of str
        Rows of the parameter table from which its default comes; empty where `default` gives it.
    default : float
        Used where no row does.
    """

    keys: tuple[str, ...]
    domain: Domain
    unit: str
    rows: tuple[str, ...] = ()
    default: float = 0.0


#: Every number of a book by its flat name. Prices that divide must be positive.
ENTRIES: Mapping[str, Entry] = MappingProxyType(
    {
        "price_preference_label": Entry(("preference", "usd"), POSITIVE, "USD/label", ("price_preference_label_crowd",)),
        "minutes_preference_label": Entry(("preference", "minutes"), NON_NEGATIVE, "minutes/label", ("minutes_per_preference_label_crowd",)),
        "price_constraint_label": Entry(("flag", "usd"), POSITIVE, "USD/label", ("price_constraint_example_crowd",)),
        "minutes_constraint_label": Entry(("flag", "minutes"), NON_NEGATIVE, "minutes/label", ("minutes_per_constraint_example_crowd",)),
        "price_ai_call": Entry(("critic", "usd"), POSITIVE, "USD/call", ("price_preference_label_ai",)),
        "minutes_ai_call": Entry(("critic", "minutes"), NON_NEGATIVE, "minutes/call"),
        "price_rule_draft": Entry(("fixed_usd",), NON_NEGATIVE, "USD/rule", ("price_rule_drafting",)),
        "minutes_rule_draft": Entry(("fixed_minutes",), NON_NEGATIVE, "minutes/rule", ("hours_per_rule",)),
        "rules": Entry(("rules",), NON_NEGATIVE, "rules", (), 8.0),
        "price_gpu_hour": Entry(("gpu_hour", "usd"), NON_NEGATIVE, "USD/GPU-hour", ("gpu_hour_price_h100",)),
        "gpu_hours": Entry(("gpu_hour", "hours"), NON_NEGATIVE, "GPU-hours"),
        "status_quo_constraints": Entry(("commercial", "constraints"), POSITIVE, "labels"),
        "status_quo_preferences": Entry(("commercial", "preferences"), POSITIVE, "labels", ("preference_labels_llama2",)),
        "scale_constraints": Entry(("commercial", "scale_constraints"), POSITIVE, "ratio", ("position_log_sd",)),
        "scale_preferences": Entry(("commercial", "scale_preferences"), POSITIVE, "ratio", ("position_log_sd",)),
        "transfer": Entry(("commercial", "transfer"), SHARE, "share", ("transfer_prior_a", "transfer_prior_b")),
    }
)  # fmt: skip
#: Where a book may hold each number; drafting is a kind of label too.
BY_KEYS: Mapping[tuple[str, ...], str] = MappingProxyType(
    {
        **{entry.keys: name for name, entry in ENTRIES.items()},
        ("rule_draft", "usd"): "price_rule_draft",
        ("rule_draft", "minutes"): "minutes_rule_draft",
    }
)
#: Kinds of label that a book may price although no response surface is measured for them.
UNUSED_KINDS = tuple(
    kind
    for kind in LABEL_KINDS
    if kind not in ("none", "flag+preference", "preference", "flag", "critic", "rule_draft")
)
HEADER = ("schema_version", "name", "title", "description", "sources")


def default_value(name: str) -> Value:
    """Default of an entry, from the parameter table.

    Examples
    --------
    >>> default_value("price_preference_label").first
    2.0
    """
    table, entry = parameters(), ENTRIES[name]
    if name == "status_quo_constraints":
        return _status_quo_constraints()
    if name == "transfer":
        return Prior("beta", *(table[row].value for row in entry.rows))
    if name.startswith("scale_"):
        return Prior("lognormal", 1.0, table["position_log_sd"].value)
    if not entry.rows:
        return entry.default
    per = 60.0 if name == "minutes_rule_draft" else 1.0
    return range_prior(table[entry.rows[0]], per)


def range_prior(row: Parameter, factor: float = 1.0) -> Value:
    """A log-normal with the row's value as median and its range as 90 % interval; a number without a range."""
    if row.low is None or row.high is None or not 0.0 < row.low < row.high:
        return row.value * factor
    return Prior("lognormal", row.value * factor, math.log(row.high / row.low) / (2.0 * Z_90))


def status_quo_prices() -> tuple[float, float]:
    """Central prices of a constraint and of a preference label, USD: those at which today's stocks were bought."""
    table = parameters()
    return table["price_constraint_example_crowd"].value, table["price_preference_label_crowd"].value


def _status_quo_constraints() -> float:
    """Constraint labels held today, from preference labels and shares of outlay.

    Outlays sustain stocks, E = p·δ·A, so A_C = share/(1 - share)·(p_P δ_P)/(p_C δ_C)·A_P, as in the
    market's status quo.
    """
    table = parameters()
    price_constraint, price_preference = status_quo_prices()
    share = table["constraint_share_start"].value
    depreciation = table["depreciation_preference"].value / table["depreciation_constraint"].value
    stock = share / (1.0 - share) * depreciation * price_preference / price_constraint
    return float(round(stock * table["preference_labels_llama2"].value))


@dataclass(frozen=True)
class PriceBook:
    """A complete price book.

    Attributes
    ----------
    name : str
    values : mapping from str to float or Prior
        By the names of `ENTRIES`.
    unused : tuple of str
        Kinds of label that the book prices and no pipeline buys.
    """

    name: str
    values: Mapping[str, Value]
    unused: tuple[str, ...] = ()

    def draw(self, seed: int, draws: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """Each number for each posterior draw, [D]; a draw's prices do not depend on the others."""
        from econ.scenario.draws import value_draws

        return {
            name: value_draws(value, ENTRIES[name].domain, seed, draws, f"price book: {name}")
            for name, value in self.values.items()
        }

    def with_values(self, **values: object) -> PriceBook:
        """A copy with some numbers changed, by the names of `ENTRIES`.

        Raises
        ------
        InputError
        """
        return PriceBook(self.name, {**self.values, **_checked(values)}, self.unused)

    def resolved(self) -> dict[str, Any]:
        """The book as plain JSON, flat."""
        return {"name": self.name, **{name: resolved_value(value) for name, value in self.values.items()}}


@cache
def default_book() -> PriceBook:
    """The book that the parameter table implies."""
    return PriceBook("default", MappingProxyType({name: default_value(name) for name in ENTRIES}))


def shipped_price_books() -> list[str]:
    """Names of the shipped price books."""
    return shipped_names(PRICE_BOOKS)


def load_prices(source: str | Path | Mapping[str, object] | PriceBook | None = None) -> PriceBook:
    """A price book from a file, the name of a shipped one, or numbers by name.

    Parameters
    ----------
    source : str, Path, mapping or PriceBook, optional
        The defaults of the parameter table unless given.

    Raises
    ------
    InputError
        With file, line and key of every fault, if something in it is unknown or not a usable number or prior.

    Examples
    --------
    >>> load_prices({"price_constraint_label": 0.6}).values["price_constraint_label"]
    0.6
    """
    if source is None:
        return default_book()
    if isinstance(source, PriceBook):
        return source
    if isinstance(source, Mapping):
        return default_book().with_values(**source)
    return _read(read_yaml(locate(source, PRICE_BOOKS)))


def _read(file: YamlFile) -> PriceBook:
    try:
        return _book(file.data, file.path.stem)
    except Faults as error:
        raise located(file, error.faults) from None


def _book(data: Mapping[Any, Any], stem: str) -> PriceBook:
    name = data.get("name", stem)
    faults = _header_faults(data, name)
    given: dict[str, Value] = {}
    unused = []
    leaves, unknown = _leaves(data)
    faults += unknown
    for keys, raw in leaves:
        entry = BY_KEYS.get(keys) or (keys[0] if len(keys) == 1 and keys[0] in ENTRIES else None)
        try:
            value = _parse(raw, NON_NEGATIVE if entry is None else ENTRIES[entry].domain, keys)
        except Fault as fault:
            faults.append(fault)
            continue
        if entry is None:
            unused.append(keys[0])
        elif entry in given:
            faults.append(Fault(f"'{entry}' and '{'.'.join(ENTRIES[entry].keys)}' are the same price", keys))
        else:
            given[entry] = value
    if faults:
        raise Faults(faults)
    return PriceBook(name, {**default_book().values, **given}, tuple(dict.fromkeys(unused)))


def _header_faults(data: Mapping[Any, Any], name: object) -> list[Fault]:
    """What is wrong with the version of a book and its name."""
    faults, version = [], data.get("schema_version")
    if version is not None and (type(version) is not int or version != SCHEMA_VERSION):
        faults.append(Fault("this version of the format is not known", ("schema_version",), found=version, allowed="1"))
    if not isinstance(name, str) or not name:
        faults.append(Fault("not a name", ("name",), found=name, allowed="a word"))
    return faults


def _leaves(data: Mapping[Any, Any]) -> tuple[list[tuple[tuple[str, ...], object]], list[Fault]]:
    """All prices of a book with their keys, and what is wrong with the other keys."""
    sections = _sections()
    single = [keys[0] for keys in BY_KEYS if len(keys) == 1]
    found: list[tuple[tuple[str, ...], object]] = []
    faults: list[Fault] = []
    for key, raw in data.items():
        if key in HEADER:
            continue
        if (key,) in BY_KEYS or key in ENTRIES:
            found.append(((key,), raw))
        elif key not in sections:
            names = [*sections, *single]
            faults.append(_unknown((key,), names, [*names, *ENTRIES]))
        elif not isinstance(raw, Mapping):
            faults.append(Fault("this key holds prices by name", (key,), found=raw, allowed=", ".join(sections[key])))
        else:
            legal = sections[key]
            found += [((key, inner), value) for inner, value in raw.items() if inner in legal]
            faults += [_unknown((key, inner), legal, legal) for inner in raw if inner not in legal]
    return found, faults


def _unknown(keys: tuple[object, ...], told: Sequence[str], names: Sequence[str]) -> Fault:
    return Fault("unknown price", keys, allowed=", ".join(told), nearest=nearest_name(keys[-1], names))


def _sections() -> dict[str, tuple[str, ...]]:
    """Keys that hold further keys, with those."""
    sections: dict[str, tuple[str, ...]] = {}
    for keys in BY_KEYS:
        if len(keys) == 2:
            sections[keys[0]] = (*sections.get(keys[0], ()), keys[1])
    return {**sections, **dict.fromkeys(UNUSED_KINDS, ("usd", "minutes"))}


def _parse(raw: object, domain: Domain, keys: tuple[object, ...]) -> Value:
    try:
        return parse_value(raw, domain)
    except Fault as fault:
        raise fault.below(*keys) from None


def _checked(values: Mapping[str, object]) -> dict[str, Value]:
    checked = {}
    for name, raw in values.items():
        if name not in ENTRIES:
            raise InputError(
                "unknown price",
                key=str(name),
                allowed=", ".join(ENTRIES),
                nearest=nearest_name(name, ENTRIES),
            )
        try:
            checked[name] = parse_value(raw, ENTRIES[name].domain)
        except Fault as fault:
            raise InputError(fault.problem, key=name, found=fault.found, allowed=fault.allowed) from None
    return checked
