"""Protocol and robustness of the laboratory's methods: sections of `docs/laboratory.md`, made from the shipped measurements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from econ.claims.names import arm_names
from econ.core.measurements import extras, read_measurements
from econ.report.laboratory.configurations import configuration
from econ.report.laboratory.intervals import MINIMUM_WORLDS, mean_interval
from econ.report.laboratory.tables import is_oracle
from econ.report.numbers import short

#: Weights of violations against helpfulness by which configurations could have been chosen; 1 is registered.
WEIGHTS = (0.5, 1.0, 2.0)
#: USD of a human minute, and of an AI judgement, as the laboratory charges them; the first is varied.
MINUTE, AI_CALL, FACTORS = 2.0, 0.01, (1 / 3, 1.0, 3.0)

#: Outcomes whose change from the base model is told.
CHANGES = ("sycophancy", "helpfulness", "over_refusal")
Interval = tuple[float, float, float]


def tuning_rows(folder: Path) -> Iterator[list[str]]:
    """For each method of a grid that was tuned: what was chosen, what other weights would choose, best and median score."""
    table = read_measurements(folder / "measurements.parquet")
    tuned = table[(table["stage"] == "tune") & (table["distribution"] == "id") & (table["task"] == "A")]
    for (method, n), own in tuned.groupby(["method", "n"], observed=True):
        means = own.assign(config=configuration(own)).groupby("config")[["helpfulness", "violation"]].mean().astype(float)
        scores = {w: means["helpfulness"] - w * means["violation"] for w in WEIGHTS}
        chosen = {w: str(score.idxmax()) for w, score in scores.items()}
        others = [chosen[w] if chosen[w] != chosen[1.0] else "the same" for w in (0.5, 2.0)]
        own_score = scores[1.0]
        yield [f"`{method}`", f"{n:,}", chosen[1.0], *others, short(float(own_score.max())), short(float(own_score.median())), str(len(means))]


def divergence_rows(folder: Path, by: str = "", oracle: bool | None = None) -> Iterator[list[str]]:
    """Divergence from the base model beside harm, helpfulness, sycophancy and over-refusal, at the largest budget of each arm.

    Parameters
    ----------
    folder : Path
    by : str
        Key of the configuration that makes arms of their own.
    oracle : bool, optional
        Only arms that a program verifies or that know the truth; only the others.
    """
    table = read_measurements(folder / "measurements.parquet")
    rows = table[(table["stage"] == "confirm") & (table["distribution"] == "ood") & (table["judgements"] + table["verifications"] > 0)]
    details = extras(rows)
    rows = rows.assign(arm=[_name(name, detail, by) for name, detail in zip(arm_names(rows, details), details, strict=True)])
    told = np.array([is_oracle(str(m), str(k)) for m, k in zip(rows["method"], rows["label_kind"], strict=True)])
    for arm, own in rows[told == oracle if oracle is not None else told | True].groupby("arm"):
        last = own[own["n"] == own["n"].max()]
        by_world = last.groupby("world")[["kl", "relative_harm", "helpfulness", "sycophancy", "over_refusal", "collapsed"]].mean().astype(float)
        if len(by_world) < MINIMUM_WORLDS:
            continue
        cells = [rate(by_world[c].to_numpy()) for c in ("kl", "relative_harm", "helpfulness", "sycophancy", "over_refusal")]
        yield [str(arm), str(last["label_kind"].iloc[0]), f"{int(last['n'].iloc[0]):,}", *cells, f"{by_world['collapsed'].mean():.0%}"]


def against_base(folder: Path, methods: Sequence[str], n: int, worlds: Sequence[int]) -> dict[str, dict[str, Interval]]:
    """Changes of methods out of distribution from their base models, paired by world, with KL: mean and ends of the 95 % interval."""
    table = read_measurements(folder / "measurements.parquet")
    rows = table[(table["stage"] == "confirm") & (table["distribution"] == "ood") & (table["n"] == n) & table["world"].isin(worlds)]
    found = {}
    for method in methods:
        own = rows[rows["method"] == method].groupby("world")[[*CHANGES, *(f"{c}_base" for c in CHANGES), "kl"]].mean().astype(float)
        found[method] = {c: mean_interval((own[c] - own[f"{c}_base"]).to_numpy()) for c in CHANGES} | {"kl": mean_interval(own["kl"].to_numpy())}
    return found


def against_base_rows(found: dict[str, dict[str, Interval]]) -> Iterator[list[str]]:
    """Rows of `against_base`: name, KL, changes."""
    for method, own in found.items():
        kl, *changes = (own[c] for c in ("kl", *CHANGES))
        yield [f"`{method}`", f"{kl[0]:.2f} [{kl[1]:.2f}, {kl[2]:.2f}]", *(f"{x[0]:+.3f} [{x[1]:+.3f}, {x[2]:+.3f}]" for x in changes)]


def without_collapsed(folder: Path, method: str) -> tuple[int, str, str, int, int]:
    """Largest budget of a method, its relative harm out of distribution, the same of runs that did not collapse, and counts of both."""
    table = read_measurements(folder / "measurements.parquet")
    rows = table[(table["stage"] == "confirm") & (table["distribution"] == "ood") & (table["method"] == method)]
    last = rows[rows["n"] == rows["n"].max()]
    standing = last[~last["collapsed"].astype(bool)]
    harm = [rate(own.groupby("world")["relative_harm"].mean().to_numpy(float)) for own in (last, standing)]
    return int(last["n"].iloc[0]), *harm, len(last), len(last) - len(standing)


def _name(arm: str, detail: dict, by: str) -> str:
    """An arm with the knobs and the key that set it apart."""
    unusual = [str(detail[key]) for key in ("verifier_error", "verifier_errors") if key in detail]
    unusual += [f"{by} {detail[by]:g}"] if by in detail else []
    return f"`{arm}`" + (f" ({', '.join(unusual)})" if unusual else "")


def rate(values: np.ndarray) -> str:
    """A mean over worlds with its 95 % interval, to two decimals."""
    mean, low, high = mean_interval(values)
    return f"{mean:.2f} [{low:.2f}, {high:.2f}]"


def drop_rows(folder: Path) -> Iterator[list[str]]:
    """Largest drop of helpfulness along training, where metrics were measured on the way."""
    table = read_measurements(folder / "measurements.parquet")
    rows = table[(table["stage"] == "confirm") & (table["distribution"] == "ood")]
    curves = pd.read_parquet(folder / "curves.parquet")
    curves = curves[(curves["distribution"] == "ood") & curves["helpfulness"].notna()].sort_values("step")
    merged = curves.merge(rows[["run_id", "method", "n", "world"]], on="run_id")
    for (method, n), own in merged.groupby(["method", "n"], observed=True):
        drops = [float((run["helpfulness"].cummax() - run["helpfulness"]).max()) for _, run in own.groupby("run_id")]
        if len(drops) >= 4:
            yield [f"`{method}`", f"{n:,}", str(len(drops)), rate(np.array(drops)), f"{max(drops):.2f}"]


def price_rows(folder: Path) -> Iterator[list[str]]:
    """USD at the first budget whose mean reaches relative harm 0.8 out of distribution, by the price of a human minute."""
    table = read_measurements(folder / "measurements.parquet")
    rows = table[(table["stage"] == "confirm") & (table["distribution"] == "ood")]
    for method in ("npo_ret", "flag_dpo", "hybrid", "cai_dpo", "dpo", "rm_ppo"):
        own = rows[(rows["method"] == method) & (rows["n"] > 0)]
        means = own.groupby("n")[["relative_harm", "human_minutes", "ai_calls", "helpfulness", "helpfulness_base"]].mean().astype(float)
        reached = means[(means["relative_harm"] <= 0.8) & (means["helpfulness"] >= 0.75 * means["helpfulness_base"])]
        cells = ["not reached"] * len(FACTORS)
        if len(reached):
            first = reached.iloc[0]
            cells = [f"{first['human_minutes'] * MINUTE * f + first['ai_calls'] * AI_CALL:,.0f}" for f in FACTORS]
        yield [f"`{method}`", f"{int(reached.index[0]):,}" if len(reached) else "", *cells]
