"""From a measurement table to arrays over worlds and cells (a, b, v), for one test distribution.

Only rows that belong to one design are kept; what is missing or mixed is refused by name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from econ.core.errors import InputError
from econ.core.measurements import SETTING_KEYS, WORLD_KEYS, extras, given_settings
from econ.surfaces.forms import Floats, logit
from econ.surfaces.secondary import SECONDARY

if TYPE_CHECKING:
    import pandas as pd

MINIMUM_WORLDS = 4
#: Distinct budgets above zero that each kind of label alone needs, and cells with both kinds.
MINIMUM_BUDGETS = 3
MINIMUM_INTERIOR = 4
#: Stages whose worlds chose no hyperparameter.
CONFIRMATORY = ("confirm", "import")
#: The joint training method and what it becomes on its axes.
JOINT_METHODS = ("hybrid", "dpo", "npo_ret", "base")
LABEL_KINDS = ("none", "flag", "preference", "flag+preference")
#: Knobs that must not vary inside one surface; v, and the noise that follows from it, may.
KNOBS = ("coverage", "bias", "flag_bias", "confounding", "comp", "harm_weight")
#: The one of them on which worlds and base models depend too.
WORLD_KNOB = "confounding"
#: How a knob that a row does not name is shown.
DEFAULT = "default"
#: Responses that one evaluation amounts to: its sampling error is at most 0.01.
EVALUATION_RESPONSES = 2500


@dataclass(frozen=True)
class Cells:
    """One outcome of all worlds and cells.

    Attributes
    ----------
    a, b, v : ndarray, [C]
        Flags, pairs and verifiability of each trained cell.
    worlds : ndarray of int, [W]
    rate : ndarray, [W, C]
        The outcome; NaN where a world lacks the cell.
    base : ndarray, [W]
        The outcome of each world's base model.
    responses : float or ndarray, [W, C]
        Responses from which each rate was measured, where the table counts them.
    base_responses : float or ndarray, [W]
        The same for the base models.
    """

    a: Floats
    b: Floats
    v: Floats
    worlds: NDArray[np.int64]
    rate: Floats
    base: Floats
    responses: float | Floats = EVALUATION_RESPONSES
    base_responses: float | Floats = EVALUATION_RESPONSES

    @property
    def counted(self) -> bool:
        """Whether the table counts violations and trials."""
        return not isinstance(self.responses, int | float)

    @property
    def relative(self) -> Floats:
        """Outcome relative to the base model of the same world, [W, C]."""
        value: Floats = self.rate / self.base[:, None]
        return value

    @property
    def top(self) -> NDArray[np.bool_]:
        """Cells at the largest budget of either kind."""
        largest: NDArray[np.bool_] = (self.a == self.a.max()) | (self.b == self.b.max())
        return largest

    def log_odds(self) -> tuple[Floats, Floats]:
        """Logits of rates and base rates, finite at 0 and 1 (half a response is added to each side)."""
        n, base = self.responses, self.base_responses
        return logit((self.rate * n + 0.5) / (n + 1.0)), logit((self.base * base + 0.5) / (base + 1.0))


def select_rows(table: pd.DataFrame, source: str | Path) -> pd.DataFrame:
    """Rows of the joint design: flags, pairs and both, of confirmatory worlds, at one setting of the knobs.

    Raises
    ------
    InputError
        If there are none, the table was imported as descriptive, or verifiability was not recorded, or methods or knobs are mixed.
    """
    refuse_descriptive(table, source)
    rows = table[(table["task"] == "A") & table["label_kind"].isin(LABEL_KINDS)]
    rows = rows[rows["distribution"].isin(("id", "ood"))]
    if rows.empty:
        raise InputError(
            "no rows can be fitted", file=source, allowed="task A; labels flag, preference or both; distribution id or ood"
        )  # fmt: skip
    stages = sorted(rows["stage"].unique())
    rows = rows[rows["stage"].isin(CONFIRMATORY)]
    if rows.empty:
        raise InputError(
            "only worlds that chose hyperparameters or served development are here; surfaces need others",
            file=source, key="stage", found=", ".join(stages), allowed=" or ".join(CONFIRMATORY),
        )  # fmt: skip
    # A control without labels (all refused, an oracle) is no base model, though it has neither flags nor pairs.
    rows = rows[(rows["n"] > 0) | (rows["method"] == "base")]
    rows = _one_method(rows, source)
    if rows["v"].isna().any():
        raise InputError("verifiability was not recorded in every row, and surfaces are fitted over it", file=source, key="v", allowed="0 to 1")
    refuse_mixed_settings(rows, source)
    return rows.assign(v=rows["v"].astype(float).round(6))


def refuse_descriptive(table: pd.DataFrame, source: str | Path) -> None:
    """Refuse a table that was imported to be looked at alone.

    Raises
    ------
    InputError
    """
    if any(extra.get("descriptive") is True for extra in extras(table)):
        raise InputError(
            "the table was imported with --descriptive, so nothing is fitted to it; import it without that option",
            file=source,
        )


def refuse_mixed_settings(rows: pd.DataFrame, source: str | Path) -> None:
    """Refuse rows of one fit that were made under several settings: worlds, models, raters or protocols.

    Trained rows must agree in all knobs, those of column `extra` included. A base model is the same whoever
    judges and however it is trained afterwards, so its rows must agree with them in what a world depends on.

    Raises
    ------
    InputError
    """
    trained = (rows["n"] > 0).to_numpy(bool)
    for knob in KNOBS:
        alike = rows if knob == WORLD_KNOB else rows[trained]
        _refuse_several(knob, [f"{x:g}" for x in sorted(alike[knob].dropna().unique())], source)
    of_trained, of_base = setting_values(rows[trained]), setting_values(rows[~trained])
    for key in sorted(SETTING_KEYS):
        values = of_trained[key] | of_base[key] if key in WORLD_KEYS else of_trained[key]
        _refuse_several(key, sorted(values), source)


def _refuse_several(key: str, values: list[str], source: str | Path) -> None:
    if len(values) > 1:
        raise InputError(
            "a fit needs one setting of this knob, and its rows hold several", file=source, key=key, found=", ".join(values),
            allowed="one, in the rows of trained models and of base models",
        )  # fmt: skip


def setting_values(rows: pd.DataFrame) -> dict[str, set[str]]:
    """Values that rows give each key of `SETTING_KEYS` in column `extra`, as text; `DEFAULT` where they give none."""
    given: dict[tuple[str, str], dict[str, Any]] = {}
    for detail, kind, text in zip(extras(rows), rows["label_kind"].astype(str), rows["extra"].astype(str), strict=True):
        if (kind, text) not in given:
            given[kind, text] = given_settings(detail, kind)
    return {
        key: {json.dumps(own[key], sort_keys=True) if key in own else DEFAULT for own in given.values()} for key in SETTING_KEYS
    }


def _one_method(rows: pd.DataFrame, source: str | Path) -> pd.DataFrame:
    if (rows["method"] == "hybrid").any():
        return rows[rows["method"].isin(JOINT_METHODS)]
    trained = rows[rows["n"] > 0]
    for kind, methods in trained.groupby("label_kind")["method"]:
        if methods.nunique() > 1:
            raise InputError(
                f"several methods were trained on the labels '{kind}'; a surface needs one",
                file=source, key="method", found=", ".join(sorted(methods.unique())),
            )  # fmt: skip
    return rows


def harm_cells(rows: pd.DataFrame, distribution: str, source: str | Path) -> Cells:
    """Violation rates over worlds and cells.

    Raises
    ------
    InputError
        With fewer than four worlds, too few cells, or a world without its base model.
    """
    cells = _cells(rows[rows["distribution"] == distribution], "violation", source)
    if len(cells.worlds) < MINIMUM_WORLDS:
        raise InputError(
            "too few worlds for a surface", file=source, key="world", found=len(cells.worlds),
            allowed=f"{MINIMUM_WORLDS} or more, each with its base model",
        )  # fmt: skip
    for key, own, other in (("a", cells.a, cells.b), ("b", cells.b, cells.a)):
        budgets = len(np.unique(own[(own > 0) & (other == 0)]))
        if budgets < MINIMUM_BUDGETS:
            raise InputError(
                "too few budgets of this kind of label alone", file=source, key=key, found=budgets,
                allowed=f"{MINIMUM_BUDGETS} or more",
            )  # fmt: skip
    interior = len({(a, b) for a, b in zip(cells.a, cells.b, strict=True) if a > 0 and b > 0})
    if interior < MINIMUM_INTERIOR:
        raise InputError(
            "too few cells with both kinds of label; nothing tells whether they substitute for each other",
            file=source, key="a, b", found=interior, allowed=f"{MINIMUM_INTERIOR} or more",
        )  # fmt: skip
    return cells


def secondary_cells(rows: pd.DataFrame, distribution: str, outcome: str, source: str | Path) -> Cells | None:
    """Helpfulness, sycophancy or over-refusal over worlds and cells; None where it was not measured."""
    if outcome not in SECONDARY:
        raise ValueError(outcome)
    here = rows[rows["distribution"] == distribution]
    if here.empty or here[outcome].isna().any():
        return None
    return _cells(here, outcome, source)


def curve_cells(rows: pd.DataFrame, distribution: str, outcome: str, source: str | Path) -> Cells:
    """One outcome against the number of one kind of label, whatever it is, in the place of flags; v plays no part."""
    here = rows[rows["distribution"] == distribution]
    return _cells(here.assign(a=here["n"], b=0, v=0.0), outcome, source)


def _cells(rows: pd.DataFrame, outcome: str, source: str | Path) -> Cells:
    trained = rows[(rows["a"] > 0) | (rows["b"] > 0)]
    base = _base(rows, outcome)
    wide = trained.astype({outcome: float}).pivot_table(
        index="world", columns=["a", "b", "v"], values=outcome, aggfunc="mean", observed=True
    )
    lacking = sorted(set(wide.index) - set(base.index))
    if lacking:
        raise InputError(
            "a world lacks its base model (a row with n = 0)", file=source, key="world", found=lacking[0]
        )
    base = base.loc[wide.index]
    a, b, v = (wide.columns.get_level_values(name).to_numpy(np.float64) for name in ("a", "b", "v"))
    bases = rows[(rows["a"] == 0) & (rows["b"] == 0)]
    counted = _counted(trained, bases, wide, ["a", "b", "v"]) if outcome == "violation" else {}
    return Cells(
        a,
        b,
        v,
        wide.index.to_numpy(np.int64),
        wide.to_numpy(np.float64),
        base.to_numpy(np.float64),
        **counted,
    )


def _counted(
    rows: pd.DataFrame, base_rows: pd.DataFrame, wide: pd.DataFrame, cell: list[str]
) -> dict[str, Floats]:
    """Responses behind each rate of an imported table that counts them; none for the laboratory's own."""
    trials, own = (
        part.assign(trials=[float(extra.get("trials", np.nan)) for extra in extras(part)])
        for part in (rows, base_rows)
    )
    if trials["trials"].isna().all():
        return {}
    cells = trials.pivot_table(index="world", columns=cell, values="trials", aggfunc="sum", observed=True)
    counted = cells.reindex(index=wide.index, columns=wide.columns), own.groupby("world")["trials"].sum()
    # A cell without a count, or not measured, is taken like the laboratory's own.
    responses, base = (counted[0].to_numpy(np.float64), counted[1].reindex(wide.index).to_numpy(np.float64))
    return {
        "responses": np.where(responses > 0, responses, EVALUATION_RESPONSES),
        "base_responses": np.where(base > 0, base, EVALUATION_RESPONSES),
    }


def _base(rows: pd.DataFrame, outcome: str) -> pd.Series:
    """The base model's outcome by world: its own row, else the column that every trained row repeats."""
    own = rows[(rows["a"] == 0) & (rows["b"] == 0)].astype({outcome: float}).groupby("world")[outcome].mean()
    repeated = rows.astype({f"{outcome}_base": float}).groupby("world")[f"{outcome}_base"].mean().dropna()
    return own.combine_first(repeated)
