"""Rows in the table's terms: labels in judgements, violations as rates, and what must hold inside one row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from econ.lab.importing.cells import LARGEST, Cells, label_of
from econ.lab.importing.faults import Faults
from econ.lab.importing.mapping import ALL, NEEDED_TO_FIT, TARGETS, MappingFile
from econ.lab.importing.source import Source

if TYPE_CHECKING:
    import pandas as pd

Mask = NDArray[np.bool_]
#: Kinds of label whose budget is flags, pairs, or both.
FLAGS, BOTH = ("flag", "flag_rule"), "flag+preference"
#: Labels of which a human makes each, so that judgements cannot be fewer.
HUMAN = ("flag", "flag_rule", "preference", "desirability", "demonstration", BOTH)
#: Columns that every row needs, as they stand in the mapping.
NEEDED = (
    "world",
    "method",
    "label_kind",
    "distribution",
    "violation",
    "violations",
    "trials",
    "stage",
    "task",
)
#: Two numbers that should be equal may differ by this, which is more than rounding to float32.
TOLERANCE = 1e-6


@dataclass
class Rows:
    """Rows under inspection: the table so far, and which rows and columns are still without a fault."""

    loaded: MappingFile
    source: Source
    table: pd.DataFrame
    clean: Mask
    broken: set[str]
    faults: Faults

    def note(
        self, mask: Any, problem: str, target: str, allowed: str | None = None, nearest: str | None = None
    ) -> None:
        """One fault for each clean row in the mask, which is then no longer clean."""
        entry = self.loaded.mapping.columns.get(target)
        name = entry.column if entry is not None else None
        for row in np.flatnonzero(np.asarray(mask, bool) & self.clean):
            found = self.source.columns[name][row] if name in self.source.columns else None
            self.faults.add(
                f"row {row + 1}: {problem}", found=found, allowed=allowed, nearest=nearest,
                **self.source.where(int(row), label_of(target, name)),
            )  # fmt: skip
            self.clean[row] = False
            self.broken.add(target)

    def column(self, name: str) -> NDArray[np.float64]:
        """A numeric column, NaN where missing."""
        value: NDArray[np.float64] = self.table[name].to_numpy(np.float64)
        return value


def assemble(loaded: MappingFile, source: Source, cells: Cells, faults: Faults, *, descriptive: bool = False) -> Rows:
    """The table as given, numbers as float64 with NaN for missing, and what a row lacks."""
    import pandas as pd

    columns: dict[str, Any] = {}
    for name, column in TARGETS.items():
        values: list[Any] = cells.values.get(name, [None] * source.rows)
        if _is_text(name) or column.dtype == "bool":
            columns[name] = pd.Series(values, dtype=object)
        else:
            columns[name] = np.array([np.nan if x is None else x for x in values], np.float64)
    table = pd.DataFrame(columns)
    for name, default in (("stage", "import"), ("task", "A")):
        if name not in cells.values:
            table[name] = default
    clean = np.ones(source.rows, bool)
    clean[list(cells.bad_rows)] = False
    rows = Rows(loaded, source, table, clean, set(cells.bad_columns), faults)
    _note_missing(rows, NEEDED if descriptive else (*NEEDED, *NEEDED_TO_FIT))
    return rows


def _is_text(name: str) -> bool:
    return name == "world" or TARGETS[name].dtype in ("string", "category")


def _note_missing(rows: Rows, needed: tuple[str, ...]) -> None:
    given, table = rows.loaded.mapping.columns, rows.table
    base = (table["label_kind"] == "none").to_numpy()
    for name in needed:
        if name not in given or (name == "trials" and "violations" not in given):
            continue
        missing = table[name].isna().to_numpy()
        rows.note(missing & ~base if name == "v" else missing, "a value is missing", name)
    if table["v"].notna().any():
        # A model without labels has no use of verifiability.
        table["v"] = table["v"].where(table["v"].notna() | ~base, 1.0)


def complete(rows: Rows) -> None:
    """Labels, violations and costs of every row, with the sums that must hold."""
    _labels(rows)
    _violations(rows)
    _judgements(rows)


def _factor(rows: Rows, kind: str) -> float:
    """Judgements in one counted label: a pair of responses is one comparison but two flags."""
    units = rows.loaded.mapping.label_unit
    unit = units.get(kind, units.get(ALL))
    if unit is None:
        rows.faults.add(
            f"no unit is stated for labels of the kind '{kind}', which the file holds", allowed="judgement or pair",
            **rows.loaded.where("label_unit"),
        )  # fmt: skip
        rows.broken.add("n")
    return 2.0 if unit == "pair" and kind != "preference" else 1.0


@dataclass(frozen=True)
class _Counts:
    """Labels as the file counts them, and the kinds of the rows."""

    n: NDArray[np.float64]
    a: NDArray[np.float64]
    b: NDArray[np.float64]
    none: Mask
    flags: Mask
    pairs: Mask
    both: Mask

    @property
    def apart(self) -> Mask:
        """Rows whose flags and pairs are counted apart."""
        known: Mask = ~np.isnan(self.a)
        return known

    @property
    def joint(self) -> Mask:
        """Rows whose budget is flags, pairs, both or nothing."""
        return self.none | self.flags | self.pairs | self.both

    @property
    def total(self) -> NDArray[np.float64]:
        """All labels, whichever way they were counted."""
        total: NDArray[np.float64] = np.where(np.isnan(self.n), self.a + self.b, self.n)
        return total


def _labels(rows: Rows) -> None:
    """`n`, `a` and `b` in judgements."""
    table = rows.table
    kind = table["label_kind"].to_numpy(object)
    a, b = rows.column("a").copy(), rows.column("b").copy()
    # Where flags or pairs are counted apart, a blank cell beside a number means none of that kind.
    a[np.isnan(a) & ~np.isnan(b)] = 0.0
    b[np.isnan(b) & ~np.isnan(a)] = 0.0
    counts = _Counts(
        rows.column("n"), a, b, kind == "none", np.isin(kind, FLAGS), kind == "preference", kind == BOTH
    )
    _note_labels(rows, counts)
    _note_base(rows, counts)
    n, joint, both = counts.total, counts.joint, counts.both
    factors = {k: _factor(rows, k) for k in _kinds(kind)}
    own = np.array([factors.get(k, 1.0) if isinstance(k, str) else 1.0 for k in kind])
    flag = factors.get("flag", 1.0)
    table["a"] = np.where(counts.flags, n, np.where(both, a, 0.0)) * np.where(both, flag, own)
    table["b"] = np.where(counts.pairs, n, np.where(both, b, 0.0))
    table["n"] = np.where(joint, table["a"] + table["b"], n * own)
    held = rows.column("n_validation")
    rows.note(
        both & (flag > 1.0) & (held > 0),
        "validation labels of two kinds cannot be told apart",
        "n_validation",
    )
    table["n_validation"] = held * own
    rows.note(
        table["n"] > LARGEST["int32"], "too many labels", _labels_key(rows), f"at most {LARGEST['int32']:.0f}"
    )
    rows.note(
        table["n_validation"] > table["n"],
        "more validation labels than labels",
        "n_validation",
        "at most n; they are counted inside n",
    )


def _kinds(kind: NDArray[Any]) -> list[str]:
    """Kinds of label that the rows count."""
    kinds = {k for k in kind if isinstance(k, str)}
    if BOTH in kinds:
        kinds |= {"flag", "preference"}
    return sorted(kinds - {"none", BOTH})


def _labels_key(rows: Rows) -> str:
    return "n" if "n" in rows.loaded.mapping.columns else "a"


def _note_labels(rows: Rows, c: _Counts) -> None:
    rows.note(np.isnan(c.n) & ~c.apart, "the number of labels is missing", _labels_key(rows))
    rows.note(
        c.both & ~c.apart,
        "labels of two kinds need their numbers apart",
        "label_kind",
        "a (flags) and b (preference pairs)",
    )
    rows.note(
        c.joint & c.apart & ~np.isnan(c.n) & (c.n != c.a + c.b),
        "n is not a + b",
        "n",
        "n = a + b, all in the same unit",
    )
    rows.note(
        c.flags & c.apart & (c.b > 0),
        "a row of flags alone has preference pairs",
        "b",
        f"0, or label_kind {BOTH}",
    )
    rows.note(
        c.pairs & c.apart & (c.a > 0), "a row of preferences alone has flags", "a", f"0, or label_kind {BOTH}"
    )
    rows.note(
        ~c.joint & c.apart & (c.a + c.b > 0),
        "only flags and preference pairs are counted in a and b",
        "label_kind",
    )


def _note_base(rows: Rows, c: _Counts) -> None:
    """A row without labels is the base model and nothing else is."""
    base, n = (rows.table["method"] == "base").to_numpy(), c.total
    rows.note(
        c.none & (n > 0), "a row with labels has label_kind none", "label_kind", "the kind of its labels"
    )
    rows.note(
        ~c.none & (n == 0),
        "a row without labels is the base model",
        "label_kind",
        "label_kind none and method base",
    )
    rows.note(~base & (n == 0), "a row without labels is the base model", "method", "base")
    rows.note(base & (n > 0), "the base model has had no labels", "method", "another name than base")


def _violations(rows: Rows) -> None:
    """The rate, from counts where these are given."""
    table = rows.table
    violations, trials = rows.column("violations"), rows.column("trials")
    rows.note(violations > trials, "more violations than trials", "violations", "at most the row's trials")
    if "violations" in rows.loaded.mapping.columns:
        with np.errstate(divide="ignore", invalid="ignore"):
            table["violation"] = violations / trials


def _judgements(rows: Rows) -> None:
    """Human judgements: at least one for each human label, and just that where they were not counted."""
    table = rows.table
    human = table["label_kind"].isin(HUMAN).to_numpy()
    given = rows.column("judgements")
    rows.note(human & (given < rows.column("n")), "fewer judgements than labels", "judgements", "at least n")
    filled = np.where(human, rows.column("n"), np.where(table["label_kind"] == "none", 0.0, np.nan))
    table["judgements"] = np.where(np.isnan(given), filled, given)
