"""Verifiers and reward models trained far beyond the usual steps: a section of `docs/laboratory.md`, made from the grids full and plateau."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from econ.claims.assess import Assessment, assess_claims
from econ.claims.reading import MEASUREMENTS, shipped_measurements
from econ.core.measurements import read_measurements, write_measurements
from econ.report.laboratory.intervals import mean_interval

#: Outcomes of the policies, and what is said of them.
OUTCOMES = {"relative_harm": "relative harm", "helpfulness": "helpfulness", "sycophancy": "sycophancy", "over_refusal": "over-refusal"}
#: Scorers by their kind in `scorers.parquet`: in words, the columns that say how often they are right, and what these are called.
KINDS = {"verifier": ("verifiers", "auc", "AUC"), "reward": ("reward models", "pair_accuracy", "accuracy on pairs")}
STEPS_HEAD = ("scorer", "world", "best step, `full`", "stopped at", "best step of {most:,}", "right, truth, `full`", "right, truth, `plateau`", "right, labels, `full`", "right, labels, `plateau`")
OUT_HEAD = ("method", "distribution", "outcome", "`full`", "`plateau`", "difference [95 %]", "collapsed, `full`", "collapsed, `plateau`")


@dataclass(frozen=True)
class Longer:
    """The same scorers and policies, stopped as usual and trained on.

    Attributes
    ----------
    scorers : DataFrame
        A row a kind of scorer and world: `best_step`, `steps`, `truth`, `labels` (how often it is right, as `KINDS` has it for
        the kind), each with the suffixes `_full` and `_plateau`.
    rows : DataFrame
        A row a method, distribution and world with `OUTCOMES` and `collapsed`, with the same suffixes.
    most : int
        Steps of the longer training.
    usual : dict
        The settings of the usual one, as the manifest of `full` has them.
    """

    scorers: pd.DataFrame
    rows: pd.DataFrame
    most: int
    usual: dict[str, int]


def longer(plateau: Path, full: Path, most: int, usual: dict[str, int]) -> Longer:
    """Both grids beside each other where they have the same method, budget and world."""
    tables = {folder.name: (_confirmed(folder), pd.read_parquet(folder / "scorers.parquet")) for folder in (full, plateau)}
    keys, columns = ["method", "distribution", "world"], [*OUTCOMES, "collapsed"]
    own = tables[plateau.name][0]
    trained = own[own["n"] > 0]
    both = []
    for table, scorers in tables.values():
        rows = table[table["method"].isin(trained["method"].unique()) & table["n"].isin(trained["n"].unique()) & table["distribution"].isin(trained["distribution"].unique())]
        scored = scorers.merge(rows[["run_id", "world"]].drop_duplicates(), on="run_id")
        both.append((_by_kind(scored), rows.set_index(keys)[columns].astype(float).sort_index()))
    (usual_scorers, usual_rows), (long_scorers, long_rows) = both
    suffixes = ("_full", "_plateau")
    beside = [pd.merge(left, right, left_index=True, right_index=True, suffixes=suffixes) for left, right in ((usual_scorers, long_scorers), (usual_rows, long_rows))]
    return Longer(*beside, most, usual)


def _by_kind(scored: pd.DataFrame) -> pd.DataFrame:
    """A row a kind and world, since methods share the scorer of a world."""
    found = []
    for kind, (_, right, _) in KINDS.items():
        own = scored[scored["kind"] == kind].assign(truth=scored[f"{right}_truth"], labels=scored[f"{right}_labels"])
        found.append(own.assign(kind=kind).groupby(["kind", "world"])[["best_step", "steps", "truth", "labels"]].mean().astype(float))
    return pd.concat(found)


def _confirmed(folder: Path) -> pd.DataFrame:
    table = read_measurements(folder / MEASUREMENTS)
    table = table[table["stage"] == "confirm"]
    return table.assign(method=table["method"].astype(str), distribution=table["distribution"].astype(str))


def step_rows(found: Longer) -> Iterator[list[str]]:
    """Rows under `STEPS_HEAD`."""
    for (kind, world), own in found.scorers.iterrows():
        steps = [f"{own[name]:,.0f}" for name in ("best_step_full", "steps_full", "best_step_plateau")]
        yield [KINDS[kind][0].removesuffix("s"), str(world), *steps, *(f"{own[f'{of}_{name}']:.3f}" for of in ("truth", "labels") for name in ("full", "plateau"))]


def outcome_rows(found: Longer) -> Iterator[list[str]]:
    """Rows under `OUT_HEAD`."""
    for (method, distribution), own in found.rows.groupby(level=["method", "distribution"]):
        fallen = [f"{own[f'collapsed_{name}'].mean():.0%}" for name in ("full", "plateau")]
        for name, text in OUTCOMES.items():
            before, after = own[f"{name}_full"], own[f"{name}_plateau"]
            yield [f"`{method}`", str(distribution), text, f"{before.mean():.3f}", f"{after.mean():.3f}", _text((after - before).to_numpy()), *fallen]


def in_words(found: Longer) -> str:
    """What the tables say, in sentences made of their numbers."""
    kinds = [kind for kind in KINDS if kind in found.scorers.index.get_level_values("kind")]
    return " ".join(_of_scorers(found, kind) for kind in kinds) + "\n\n" + _of_policies(found)


def _of_scorers(found: Longer, kind: str) -> str:
    """How far the scorers of one kind are from their plateau, and what it is worth to them."""
    name, _, right = KINDS[kind]
    own, usual = found.scorers.loc[kind], found.usual
    worlds = len(own)
    patience = usual["patience"] * usual["check_every"]
    later = int((own["best_step_plateau"] > own["best_step_full"]).sum())
    settled = int((found.most - own["best_step_plateau"] >= patience).sum())
    limit = int((own["steps_full"] >= usual["max_steps"]).sum())
    half = found.most // 2
    gain = own["truth_plateau"] - own["truth_full"]
    return (
        f"**As usual, {name} stop below their plateau in {later} of {worlds} worlds.** Training ends when {usual['patience']} checks of {usual['check_every']} steps brought "
        f"no lower held-out loss, from {usual['min_steps']:,} steps on, and at {usual['max_steps']:,} at the latest (reached in {limit} of {worlds}); the best step was "
        f"{own['best_step_full'].min():,.0f} to {own['best_step_full'].max():,.0f}. Trained on, the same {name} have their least held-out loss at "
        f"{own['best_step_plateau'].min():,.0f} to {own['best_step_plateau'].max():,.0f} of {found.most:,} steps; none lower comes in the last {patience} steps in {settled} of {worlds} worlds, "
        f"which is a plateau by the same patience; {half:,} steps would hold the best one in {int((own['best_step_plateau'] <= half).sum())}. Their {right} against the truth becomes "
        f"{own['truth_plateau'].mean():.3f} instead of {own['truth_full'].mean():.3f} ({_text(gain.to_numpy())})."
    )  # fmt: skip


def _of_policies(found: Longer) -> str:
    """What the longer training of scorers changes in the policies that learn from them."""
    changed = [
        f"{text} of `{method}` ({distribution}: {_text(by_world)})"
        for (method, distribution), rows in found.rows.groupby(level=["method", "distribution"]) for name, text in OUTCOMES.items()
        for by_world in [(rows[f"{name}_plateau"] - rows[f"{name}_full"]).to_numpy()] if not _holds_zero(by_world)
    ]  # fmt: skip
    fallen = [
        f"{own['collapsed_full'].mean():.0%} of `{method}` with the usual scorers and {own['collapsed_plateau'].mean():.0%} with these"
        for method, own in found.rows.groupby(level="method")
    ]  # fmt: skip
    said = f"**What changes in the policies**: {'; '.join(changed)}." if changed else "**Of the policies no change is resolved**, on no outcome and no distribution."
    return f"{said} Collapsed: {'; '.join(fallen)}."


def verdicts_with(plateau: Path, full: Path, assessment: Assessment) -> str:
    """Which verdicts and signs differ when the rows of `plateau` take the place of those of `full`."""
    usual, long = read_measurements(full / MEASUREMENTS), read_measurements(plateau / MEASUREMENTS)
    long = long[long["n"] > 0]
    keys = ["stage", "method", "n", "world", "distribution"]
    replaced = pd.MultiIndex.from_frame(usual[keys].astype(object)).isin(pd.MultiIndex.from_frame(long[keys].astype(object)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / full.name
        folder.mkdir()
        write_measurements(pd.concat([usual[~replaced], long], ignore_index=True).astype(usual.dtypes), folder / MEASUREMENTS, {})
        other = assess_claims([folder if path.parent == full else path for path in shipped_measurements()])
    verdicts = [
        f"{was.hypothesis.id} ({was.verdict}, then {now.verdict})"
        for was, now in zip(assessment.verdicts, other.verdicts, strict=True) if (was.verdict, was.unadjusted) != (now.verdict, now.unadjusted)
    ]  # fmt: skip
    signs = {(s.hypothesis, s.effect, s.name): (s.sign, s.measured.effect.value) for s in assessment.signs}
    then = {(s.hypothesis, s.effect, s.name): (s.sign, s.measured.effect.value) for s in other.signs}
    turned = [f"{h} {effect}, {pair}" for (h, effect, pair), (sign, _) in then.items() if signs[h, effect, pair][0] != sign]
    moved = sum(signs[key] != value for key, value in then.items())
    return (
        f"With these {int(replaced.sum())} rows in place of those of `full`, {'**verdicts change**: ' + '; '.join(verdicts) if verdicts else 'no verdict changes (the registered pairs learn from no scorer)'}, "
        f"and of the {len(then)} signs over pairs of methods {moved} estimates move and {'**these turn or resolve otherwise**: ' + '; '.join(turned) if turned else 'none turns or resolves otherwise'}."
    )  # fmt: skip


def _holds_zero(by_world: np.ndarray) -> bool:
    _, low, high = mean_interval(by_world)
    return bool(low <= 0 <= high)


def _text(by_world: np.ndarray) -> str:
    mean, low, high = mean_interval(by_world)
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"
