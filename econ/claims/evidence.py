"""Measurement tables as evidence: which arms were measured, under which knobs, on which worlds.

Tables keep their own rows: a curve comes from one table, never from two. Arms of two tables are paired
only on worlds whose base models are the same to the last digit that a table holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from econ.claims.resampling import MIN_WORLDS
from econ.core.errors import InputError
from econ.core.files import file_hash
from econ.core.measurements import extras, read_measurements
from econ.core.shipped import shipped_path
from econ.surfaces.cells import CONFIRMATORY

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MEASUREMENTS = "measurements.parquet"
#: Beside a measurement table: change of P(violation) between two trainings that differ in their half of the labels.
CHURN = "churn.parquet"
CHURN_COLUMNS = ("run_id", "compared", "stage", "method", "world", "n", "distribution", "churn", "churn_floor")
#: Knobs at which the predictions are registered.
REFERENCE: Mapping[str, float] = {
    "v": 0.93, "coverage": 8, "bias": 2.0, "flag_bias": 0.0, "confounding": 0.85, "comp": 0.5,
    "harm_weight": 2.0, "miss": 0.0501, "false_alarm": 0.0501,
}  # fmt: skip
#: Keys of column `extra` that say under which knobs or protocol a run was made, not how its method was configured.
SETTING_KEYS = frozenset(
    {
        "pair_flip", "pair_temperature", "base_rate", "refusal", "raters", "sampling", "verifier_error",
        "systematic", "base_accuracy", "match_bias", "half", "training",
    }
)  # fmt: skip
#: Where this is set, `flag_bias` was solved for world by world and is no knob of the setting.
MATCHED_BIAS = "match_bias"
#: Keys of `extra` that an import writes about the row.
ROW_KEYS = frozenset({"source_row", "trials", "violations"})
#: Worlds of development and smoke: in no headline, whatever stage a table gives them.
DEVELOPMENT_WORLDS = 1000
#: The registered share of pairs in a hybrid.
HYBRID_SHARE = 0.15
OUTCOMES = (
    "relative_harm", "helpfulness", "sycophancy", "over_refusal", "opinion_sensitivity", "entropy", "collapsed",
    "violation_drafted", "pass_1", "pass_256",
)  # fmt: skip
AXES = ("judgements", "human_minutes", "usd", "flops", "bits_total", "bits_harm", "completions_read")
COSTS = (*AXES, "fixed_minutes", "tuning_judgements", "verifications")
BASES = ("violation", "helpfulness", "sycophancy", "entropy")

#: A setting: the knobs that differ from the reference, with their values; empty at the reference.
Setting = tuple[tuple[str, Any], ...]


class Missing(Exception):
    """What a statement needs is not in the data; the text says what, by name."""


@dataclass(frozen=True)
class Source:
    """One measurement table.

    Attributes
    ----------
    name, path : str
    sha256 : str
        Of the file.
    config_hashes : tuple of str
    rows : int
    worlds : tuple of int
        Confirmatory or imported ones.
    device, versions : from its manifest, if there is one
    reductions : tuple of str
        What its manifest says was left out of the full design.
    """

    name: str
    path: str
    sha256: str
    config_hashes: tuple[str, ...]
    rows: int
    worlds: tuple[int, ...]
    device: str | None = None
    versions: Mapping[str, str | None] = field(default_factory=dict)
    reductions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Curve:
    """One arm at one setting over its budgets, from one table.

    Attributes
    ----------
    worlds : ndarray, [W]
    n : ndarray, [B]
        Budgets, ascending.
    values : dict of ndarray, [W, B]
        Outcomes, costs and `base_…` values; NaN where not recorded.
    """

    method: str
    source: int
    setting: Setting
    distribution: str
    worlds: Ints
    n: Floats
    values: Mapping[str, Floats]

    def restrict(self, worlds: Iterable[int] | None = None, n: Iterable[float] | None = None) -> Curve:
        """The same curve on some worlds and budgets, in ascending order."""
        rows = np.arange(len(self.worlds)) if worlds is None else np.searchsorted(self.worlds, sorted(worlds))
        columns = np.arange(len(self.n)) if n is None else np.searchsorted(self.n, sorted(n))
        values = {name: found[np.ix_(rows, columns)] for name, found in self.values.items()}
        return replace(self, worlds=self.worlds[rows], n=self.n[columns], values=values)

    def get(self, name: str) -> Floats:
        """One outcome or cost, [W, B].

        Raises
        ------
        Missing
            If it was not recorded in every world and at every budget.
        """
        found = self.values[name]
        if not np.isfinite(found).all():
            raise Missing(f"{name} of {self.method}")
        return found

    def has(self, name: str) -> bool:
        """Whether an outcome was recorded everywhere."""
        return bool(np.isfinite(self.values[name]).all())


class Evidence:
    """All tables together.

    Attributes
    ----------
    sources : list of Source
    frame : DataFrame
        Confirmatory and imported rows of trained runs, with `source`, `arm`, `setting`, `config`, `tuned`.
    churn : DataFrame
        `CHURN_COLUMNS` of confirmatory worlds, with `source` and `setting`.
    notes : list of str
        What was left out.
    """

    def __init__(
        self, sources: Sequence[Source], frame: pd.DataFrame, churn: pd.DataFrame, notes: Sequence[str] = ()
    ) -> None:
        self.sources, self.frame, self.churn, self.notes = list(sources), frame, churn, list(notes)
        self._curves: dict[tuple[Any, ...], list[Curve]] = {}
        #: What panels were made of the rows, kept by whoever makes them.
        self.memo: dict[tuple[Any, ...], Any] = {}
        self._groups = {
            (str(task), str(arm), str(distribution)): rows
            for (task, arm, distribution), rows in frame.groupby(["task", "arm", "distribution"], observed=True)
        }

    def methods(self, task: str = "A") -> list[str]:
        """Arms that were measured, by name."""
        return sorted({arm for kind, arm, _ in self._groups if kind == task})

    def distributions(self, method: str, task: str = "A") -> set[str]:
        """Distributions under which an arm was measured."""
        return {d for kind, arm, d in self._groups if (kind, arm) == (task, method)}

    def curves(self, method: str, distribution: str, task: str = "A") -> list[Curve]:
        """Curves of an arm, one for each table and setting, settings nearest to the reference first."""
        key = (task, method, distribution)
        if key not in self._curves:
            rows = self._groups.get(key)
            found = [] if rows is None else [
                curve
                for source, setting, own in blocks(rows)
                if (curve := _curve(own, method, source, setting, distribution)) is not None
            ]  # fmt: skip
            self._curves[key] = sorted(found, key=lambda c: (distance(c.setting), c.source))
        return self._curves[key]

    def rows(self, method: str, distribution: str, task: str = "A") -> pd.DataFrame:
        """Rows of an arm under one distribution; empty if there are none."""
        return self._groups.get((task, method, distribution), self.frame.iloc[:0])


def distance(setting: Setting) -> tuple[int, float]:
    """How far a setting is from the reference: knobs that differ, then by how much."""
    gaps = [abs(float(x) - REFERENCE[k]) for k, x in setting if k in REFERENCE]
    return len(setting), float(sum(gaps))


def decode_setting(text: str) -> Setting:
    """The setting that column `setting` holds as JSON."""
    return tuple((key, json.dumps(x) if isinstance(x, list | dict) else x) for key, x in json.loads(text))


def blocks(rows: pd.DataFrame) -> Iterator[tuple[int, Setting, pd.DataFrame]]:
    """Rows of each table and setting."""
    for _, own in rows.groupby(["source", "setting"], sort=False):
        yield int(own["source"].iloc[0]), decode_setting(str(own["setting"].iloc[0])), own


def _without_half(text: str) -> str:
    """The setting of both halves: all but which half it was."""
    return json.dumps([[key, x] for key, x in json.loads(text) if key != "half"])


def describe_setting(setting: Setting) -> list[str]:
    """Deviations of a setting from the registered knobs, in words."""
    return [f"{key} = {_text(x)} (registered: {_text(REFERENCE[key]) if key in REFERENCE else 'default'})" for key, x in setting]


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


# Reading -------------------------------------------------------------------------------------------
def shipped_measurements() -> list[Path]:
    """Measurement tables that the package ships."""
    return sorted(shipped_path("calibration", "lab").glob(f"*/{MEASUREMENTS}"))


def load_evidence(paths: Sequence[str | Path] = ()) -> Evidence:
    """Read measurement tables, or all shipped ones.

    Parameters
    ----------
    paths : sequence of path
        Files, or directories that hold a ``measurements.parquet``.

    Raises
    ------
    InputError
        If one is missing, is no measurement table, or is given twice.
    """
    files = [_file(Path(path)) for path in paths] or shipped_measurements()
    resolved = [file.resolve() for file in files]
    for file, real in zip(files, resolved, strict=True):
        if resolved.count(real) > 1:
            raise InputError("this measurement table is given twice", file=file)
    return evidence_of([(_source_name(file), file, read_measurements(file)) for file in files])


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    if not (path / MEASUREMENTS).is_file():
        raise InputError(
            "no measurements are here", file=path, allowed="a directory made by `econ lab run` or `econ lab import`, or its measurement table"
        )
    return path / MEASUREMENTS


def _source_name(file: Path) -> str:
    return file.resolve().parent.name if file.name == MEASUREMENTS else file.stem


def evidence_of(tables: Sequence[tuple[str, Path | None, pd.DataFrame]]) -> Evidence:
    """Evidence from checked tables, each with a name and, if it lies in one, its file."""
    notes: list[str] = []
    parts, sources, churns = [], [], []
    for number, (name, path, table) in enumerate(tables):
        rows = _confirmatory(table, name, notes)
        manifest = {} if path is None else _manifest(path.parent / "manifest.json")
        sources.append(
            Source(
                name, name if path is None else path.name, "" if path is None else file_hash(path),
                tuple(sorted(table["config_hash"].dropna().unique())) if len(tables) else (), len(table),
                tuple(sorted(int(w) for w in rows["world"].unique())),
                manifest.get("device"), manifest.get("versions") or {},
                tuple((manifest.get("grid") or {}).get("reductions") or ()),
            )
        )  # fmt: skip
        tidy = _tidy(rows).assign(source=number)
        churn = _read_churn(None if path is None else path.with_name(CHURN))
        settings = tidy[["run_id", "setting", "source"]].drop_duplicates("run_id")
        churns.append(churn.merge(settings.assign(setting=settings["setting"].map(_without_half)), on="run_id"))
        # Runs on half of the labels pool serve churn alone.
        halves = churn.loc[churn["compared"] == "half", ["run_id", "other_run_id"]].to_numpy().ravel()
        parts.append(tidy[~tidy["run_id"].isin(halves)])
    return Evidence(
        sources, pd.concat(parts, ignore_index=True), pd.concat(churns, ignore_index=True), notes
    )


def _read_churn(path: Path | None) -> pd.DataFrame:
    """The table of churn beside a measurement table; empty if there is none."""
    if path is None or not path.is_file():
        return pd.DataFrame(columns=[*CHURN_COLUMNS, "other_run_id"])
    try:
        return pd.read_parquet(path, columns=[*CHURN_COLUMNS, "other_run_id"])
    except (OSError, ValueError, KeyError):
        raise InputError("the file is no readable table of churn", file=path, allowed=", ".join(CHURN_COLUMNS)) from None


def _manifest(path: Path) -> dict[str, Any]:
    """A manifest beside a table, if there is a readable one; a table alone is enough."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _confirmatory(table: pd.DataFrame, name: str, notes: list[str]) -> pd.DataFrame:
    """Rows that may count: confirmatory and imported worlds, no tuning, no development."""
    kept = table["stage"].isin(CONFIRMATORY)
    early = (table["stage"] == "confirm") & (table["world"] < DEVELOPMENT_WORLDS)
    for rows, why in (
        (table["stage"] == "develop", "development runs"),
        (early, f"runs on worlds below {DEVELOPMENT_WORLDS}, which are for development"),
    ):
        if rows.any():
            notes.append(f"{name}: {int(rows.sum())} rows left out: {why}")
    return table[kept & ~early & (table["n"] > 0)]


def _tidy(rows: pd.DataFrame) -> pd.DataFrame:
    """Plain columns: keys as Python objects, numbers as float64."""
    found = pd.DataFrame(index=rows.index)
    for name in ("task", "label_kind", "polarity", "distribution"):
        found[name] = rows[name].astype(object).where(rows[name].notna(), None)
    numbers = (*OUTCOMES, *COSTS, *(f"{name}_base" for name in BASES), "a", "b")
    for name in numbers:
        found[name] = rows[name].astype("float64")
    found["run_id"] = rows["run_id"].astype(object)
    found["world"] = rows["world"].astype("int64")
    found["n"] = rows["n"].astype("float64")
    found["seed"] = rows["optimiser_seed"].fillna(0).astype("int64")
    found["tuned"] = found["tuning_judgements"].fillna(0) > 0
    found["arm"] = _arms(rows)
    details = extras(rows)
    found["setting"] = _settings(rows, details)
    found["config"] = _configs(rows, details)
    return found.reset_index(drop=True)


def _arms(rows: pd.DataFrame) -> list[str]:
    """Name of each arm: a hybrid without pairs is `npo_ret`, without flags `dpo`; other mixes carry their share."""
    names = []
    for method, a, b, n in zip(rows["method"], rows["a"], rows["b"], rows["n"], strict=True):
        if method != "hybrid":
            names.append(str(method))
        elif b == 0:
            names.append("npo_ret")
        elif a == 0:
            names.append("dpo")
        else:
            registered = abs(b - HYBRID_SHARE * n) <= 1
            names.append("hybrid" if registered else f"hybrid_{b / n:.2f}")
    return names


def _settings(rows: pd.DataFrame, details: list[dict[str, Any]]) -> list[str]:
    """Setting of each row as JSON, since many rows share one."""
    columns = {key: rows[key].astype("float64").round(6).to_numpy() for key in REFERENCE}
    known: dict[tuple[Any, ...], str] = {}
    found = []
    pairs = (rows["label_kind"] == "preference").to_numpy(bool)
    for i, detail in enumerate(details):
        # Pairs hold the raters' bias as it is: nothing was solved for.
        unusual = sorted((k, x) for k, x in detail.items() if k in SETTING_KEYS and not (pairs[i] and k == MATCHED_BIAS))
        knobs = {k: float(c[i]) for k, c in columns.items()}
        if detail.get(MATCHED_BIAS):
            knobs["flag_bias"] = REFERENCE["flag_bias"]
        key = (repr(knobs), json.dumps(unusual))
        if key not in known:
            known[key] = json.dumps([*_setting(knobs), *unusual])
        found.append(known[key])
    return found


def _setting(knobs: dict[str, float]) -> Setting:
    """Knobs that differ from the reference; noise that follows from verifiability is not listed besides it."""
    error = 0.02 + 0.43 * (1.0 - knobs["v"])
    implied = all(abs(knobs[name] - error) < 1e-4 for name in ("miss", "false_alarm"))
    return tuple(
        (key, round(x, 6))
        for key, x in knobs.items()
        if np.isfinite(x) and abs(x - REFERENCE[key]) > 1e-4 and not (implied and key in ("miss", "false_alarm"))
    )


def _configs(rows: pd.DataFrame, details: list[dict[str, Any]]) -> list[str]:
    """Configuration of each run's method, as text."""
    own = [
        {k: x for k, x in detail.items() if k not in SETTING_KEYS and k not in ROW_KEYS} for detail in details
    ]
    rates = zip(rows["lr"].astype(float).round(9), rows["beta"].astype(float).round(9), own, strict=True)
    return [f"{lr:.6g} {beta:.6g} {json.dumps(detail, sort_keys=True)}" for lr, beta, detail in rates]


# Curves --------------------------------------------------------------------------------------------
def _curve(rows: pd.DataFrame, method: str, source: int, setting: Setting, distribution: str) -> Curve | None:
    """Worlds by budgets of one arm; the largest block without holes, None if it has too few worlds."""
    rows = pd.concat([own for _, own in (_one_configuration(r) for r in rows.groupby("n"))])
    if rows.empty:
        return None
    return curve_of(rows, method, source, setting, distribution)


def _one_configuration(group: tuple[Any, pd.DataFrame]) -> tuple[float, pd.DataFrame]:
    """Rows of a budget if it has one configuration, or one that was tuned; else none."""
    n, rows = group
    for candidates in (rows, rows[rows["tuned"]]):
        if candidates.groupby("world")["config"].nunique().eq(1).all() and len(candidates):
            return float(n), candidates
    return float(n), rows.iloc[:0]


def curve_of(
    rows: pd.DataFrame, method: str, source: int, setting: Setting, distribution: str
) -> Curve | None:
    """Rows of one configuration per budget as arrays; optimiser seeds of a world are averaged.

    Takes the largest block without holes: budgets that most worlds have, and the worlds that have them all.
    """
    numbers = [*OUTCOMES, *COSTS, *(f"{name}_base" for name in BASES)]
    data = rows[numbers].to_numpy()
    seen = np.isfinite(data[:, [numbers.index("relative_harm"), numbers.index("pass_1")]]).any(axis=1)
    worlds, at = np.unique(rows["world"].to_numpy()[seen], return_inverse=True)
    n, when = np.unique(rows["n"].to_numpy()[seen], return_inverse=True)
    count = np.zeros((len(worlds), len(n)))
    np.add.at(count, (at, when), 1.0)
    if not len(n):
        return None
    coverage = (count > 0).sum(axis=0)
    budgets = coverage == coverage.max()
    complete = (count[:, budgets] > 0).all(axis=1)
    if complete.sum() < MIN_WORLDS:
        return None
    total = np.zeros((*count.shape, len(numbers)))
    np.add.at(total, (at, when), data[seen])
    block = total[np.ix_(complete, budgets)] / count[np.ix_(complete, budgets)][..., None]
    values = {name: block[..., numbers.index(name)] for name in (*OUTCOMES, *COSTS)}
    values |= {f"base_{name}": block[..., numbers.index(f"{name}_base")] for name in BASES}
    return Curve(method, source, setting, distribution, worlds[complete], n[budgets], values)


# Pairs ---------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Pair:
    """Two curves on the same worlds and budgets."""

    negative: Curve
    preference: Curve

    @property
    def worlds(self) -> Ints:
        """Worlds that both have, [W]."""
        return self.negative.worlds

    @property
    def n(self) -> Floats:
        """Budgets that both have, [B]."""
        return self.negative.n

    @property
    def setting(self) -> Setting:
        """Knobs that differ from the reference, of the negative arm."""
        return self.negative.setting


def find_pair(
    evidence: Evidence, negative: str, preference: str, distribution: str, *, budgets: int = 1,
    accepts: Callable[[Setting], bool] | None = None,
) -> Pair:  # fmt: skip
    """The pair of curves nearest to the reference knobs, then with most budgets, then with most worlds.

    Raises
    ------
    Missing
        If an arm was not measured, or the two share no setting with enough worlds and budgets.
    """
    for method in (negative, preference):
        if not evidence.curves(method, distribution):
            raise Missing(f"runs of {method}, {where(distribution)}, on at least {MIN_WORLDS} confirmatory worlds")
    found = [
        pair
        for first in evidence.curves(negative, distribution)
        for second in evidence.curves(preference, distribution)
        if first.setting == second.setting
        and (accepts is None or accepts(first.setting))
        and (pair := join(first, second)) is not None
        and len(pair.n) >= budgets
    ]
    if not found:
        raise Missing(
            f"{negative} and {preference} at the same knobs, on at least {MIN_WORLDS} worlds they share "
            f"and {budgets} common budget{'s' if budgets > 1 else ''}, {where(distribution)}"
        )
    return min(
        found,
        key=lambda p: (distance(p.setting), -len(p.n), -len(p.worlds), p.negative.source != p.preference.source),
    )


def join(first: Curve, second: Curve, *, same_budgets: bool = True) -> Pair | None:
    """Two curves on their common worlds (and budgets), or None if those are too few or other base models'."""
    worlds = np.intersect1d(first.worlds, second.worlds)
    n = np.intersect1d(first.n, second.n) if same_budgets else None
    if len(worlds) < MIN_WORLDS or (n is not None and len(n) == 0):
        return None
    pair = Pair(first.restrict(worlds, n), second.restrict(worlds, n))
    bases = [curve.values["base_violation"][:, 0] for curve in (pair.negative, pair.preference)]
    same = first.source == second.source or np.allclose(bases[0], bases[1], rtol=0.0, atol=1e-6, equal_nan=True)
    return pair if same else None


def where(distribution: str) -> str:
    """A distribution in words."""
    return {"id": "in distribution", "ood": "out of distribution"}.get(distribution, f"under {distribution}")
