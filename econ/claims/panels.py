"""Effects that need a designed panel: the factorial of H2, the halves of H3, World B for H1b, configurations for H9."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from econ.claims.arms import Curve, Ints, Missing, curve_of, join, where
from econ.claims.context import Context, Measured, budget_deviation
from econ.claims.curves import hypervolume
from econ.claims.evidence import Evidence, blocks
from econ.claims.resampling import MIN_WORLDS, Effect, Floats, finite
from econ.claims.settings import REFERENCE, Setting, decode_setting, distance
from econ.core.measurements import MATCHED_BIAS
from econ.surfaces.cells import CONFIRMATORY

# H2: polarity x format ------------------------------------------------------------------------------
#: Negative and positive method of each format.
FORMATS = {"binary": ("npo_ret", "pos_binary"), "pair": ("flag_dpo", "dpo")}
FACTORIAL = tuple(method for pair in FORMATS.values() for method in pair)
#: The one whose labels hold the raters' bias as it is.
PAIRS = "dpo"
#: Knobs that make up the confound.
CONFOUND = ("bias", "confounding")


def polarity_effect(context: Context, negative: str, preference: str) -> Measured:
    """Main effect of polarity, positive minus negative, on the change of sycophancy, out of distribution.

    Averages over formats and over the cells of the confound (raters' bias x confounding of opinion and
    truth) that were measured, where agreement weighs the same in every kind of label. Confounding is a
    registered factor: one level of it, or cells that do not cross it with bias, are named as a deviation.
    """
    del negative, preference
    cells = factorial_cells(context)
    measured = polarity_within(context, cells, tuple(FORMATS))
    levels = {key: len({dict(level)[key] for level in cells}) for key in CONFOUND}
    return replace(measured, deviations=measured.deviations + _of_confound(list(cells)), details=measured.details | {"levels": levels})


def polarity_within(context: Context, cells: Mapping[Setting, dict[str, Curve]], formats: Sequence[str]) -> Measured:
    """Positive minus negative on the change of sycophancy, mean over some cells and formats."""
    worlds = set.intersection(*(set(curve.worlds.tolist()) for cell in cells.values() for curve in cell.values()))
    if len(worlds) < MIN_WORLDS:
        raise Missing(f"the factorial of polarity and format on {MIN_WORLDS} common worlds")
    used, changes, total = [], {}, np.zeros(len(worlds))
    for level, cell in cells.items():
        said = ", ".join(f"{key} {x:g}" for key, x in level)
        for name in formats:
            for method, sign in zip(FORMATS[name], (-1.0, 1.0), strict=True):
                own = cell[method].restrict(worlds)
                change = own.get("sycophancy")[:, 0] - own.get("base_sycophancy")[:, 0]
                total += sign * change / (len(formats) * len(cells))
                changes[f"{method}, {said}"] = float(change.mean())
                used.append(own)
    said_worlds = context.deviations((), used[0].worlds)
    return Measured.of(context.effect(total, used[0].worlds), used, said_worlds, change_of_sycophancy=changes)


def factorial_cells(context: Context) -> dict[Setting, dict[str, Curve]]:
    """All four methods by level of bias and confounding, each at one common budget, agreement weighing the same.

    Raises
    ------
    Missing
        If no cell was measured.
    """
    distribution = context.distribution("ood", *FACTORIAL)
    cells = dict(_factorial_cells(context.evidence, distribution))
    if not cells:
        raise Missing(f"runs of {', '.join(FACTORIAL)} in which agreement weighs the same in every label ({MATCHED_BIAS}), {where(distribution)}")
    return cells


def _of_confound(cells: Sequence[Setting]) -> tuple[str, ...]:
    """How the cells fall short of confounding as a factor, crossed with the raters' bias, in words."""
    levels = {key: sorted({dict(level)[key] for level in cells}) for key in CONFOUND}
    bias, confounding = (" and ".join(f"{x:g}" for x in levels[key]) for key in CONFOUND)
    if len(levels["confounding"]) == 1:
        return (f"bias {bias}, one level of confounding, {confounding} (registered: confounding as a factor)",)
    if len(cells) < len(levels["bias"]) * len(levels["confounding"]):
        return (f"bias {bias} and confounding {confounding} are not crossed",)
    return ()


def _factorial_cells(evidence: Evidence, distribution: str) -> Iterator[tuple[Setting, dict[str, Curve]]]:
    curves: dict[str, dict[Setting, list[Curve]]] = {}
    for method in FACTORIAL:
        found = curves.setdefault(method, {})
        for curve in evidence.curves(method, distribution):
            if (level := _factorial_level(curve.setting, method)) is not None:
                found.setdefault(level, []).append(curve)
    for level in sorted(set.intersection(*(set(found) for found in curves.values()))):
        options = {method: found[level] for method, found in curves.items()}
        shared = set.intersection(*({x for c in own for x in c.n.tolist()} for own in options.values()))
        if shared:
            n = max(shared)
            yield level, {m: next(c for c in own if n in c.n).restrict(n=[n]) for m, own in options.items()}


def _factorial_level(setting: Setting, method: str) -> Setting | None:
    """Bias and confounding of a cell; None where something else differs, or flags were not matched to pairs."""
    knobs = dict(setting)
    matched = knobs.pop(MATCHED_BIAS, False)
    level = tuple((key, float(knobs.pop(key, REFERENCE[key]))) for key in CONFOUND)
    return level if not knobs and (matched or method == PAIRS) else None


# H3: halves -----------------------------------------------------------------------------------------
HALVES_BUDGET = 3360


def churn_difference(context: Context, negative: str, preference: str) -> Measured:
    """Churn of preference minus negative training: models trained on disjoint halves of the labels, prompt by prompt."""
    return _churn_contrast(context, negative, preference, "half")


def seed_churn_difference(context: Context, negative: str, preference: str) -> Measured:
    """The same between optimiser seeds, on the same labels."""
    return _churn_contrast(context, negative, preference, "optimiser_seed")


def _churn_contrast(context: Context, negative: str, preference: str, compared: str) -> Measured:
    what = {"half": "on disjoint halves of the labels", "optimiser_seed": "with several optimiser seeds"}[compared]
    found = {name: _churn(context.evidence, compared, name) for name in (negative, preference)}
    for name, own in found.items():
        if own.empty:
            raise Missing(f"runs of {name} {what}, compared prompt by prompt")
    joint = found[negative].merge(found[preference], on=["source", "setting", "n", "distribution", "world"], suffixes=("", "_other"))
    keys = ["source", "setting", "n", "distribution"]
    found_blocks = [own for _, own in joint.groupby(keys) if len(own) >= MIN_WORLDS]
    if not found_blocks:
        raise Missing(f"runs of {negative} and {preference} {what} at the same knobs and budget, on {MIN_WORLDS} common worlds")
    rows = min(found_blocks, key=_nearness)
    source, setting, n, distribution = (rows[key].iloc[0] for key in keys)
    worlds = rows["world"].to_numpy(np.int64)
    said = context.deviations(decode_setting(setting), worlds)
    said += () if n == HALVES_BUDGET else (f"{n:g} labels (registered: {HALVES_BUDGET})",)
    said += () if distribution == "id" else (f"{where(distribution)} (registered: {where('id')})",)
    effect = context.effect((rows["churn_other"] - rows["churn"]).to_numpy(float), worlds)
    churn = {
        name: {"churn": float(rows[f"churn{end}"].mean()), "floor_of_sampling": float(rows[f"churn_floor{end}"].mean())}
        for name, end in ((negative, ""), (preference, "_other"))
    }
    return Measured(effect, (negative, preference), (int(source),), tuple(worlds.tolist()), said, {"churn": churn})


def _nearness(rows: pd.DataFrame) -> tuple[Any, ...]:
    """How far a block of churn is from what is registered."""
    first = rows.iloc[0]
    return distance(decode_setting(first["setting"])), first["distribution"] != "id", abs(np.log(first["n"] / HALVES_BUDGET))


def _churn(evidence: Evidence, compared: str, method: str) -> pd.DataFrame:
    """Churn of a method in each world, mean over the trainings that were compared; empty if there were none."""
    key = ("churn", compared, method)
    if key not in evidence.memo:
        table = evidence.beside.churn
        own = table[(table["compared"] == compared) & (table["method"] == method) & table["stage"].isin(CONFIRMATORY)]
        by = ["source", "setting", "n", "distribution", "world"]
        evidence.memo[key] = own.groupby(by, as_index=False)[["churn", "churn_floor"]].mean()
    found: pd.DataFrame = evidence.memo[key]
    return found


# H1b: World B --------------------------------------------------------------------------------------
NSR, RIVALS = "nsr_or", ("ppo_or", "grpo_or")


def reasoning(context: Context, negative: str, preference: str) -> Measured:
    """Least of pass@1(NSR) - pass@1(PPO or GRPO) at equal verifications, programmatic verifier."""
    del negative, preference
    methods = set(context.evidence.methods("B"))
    lacking = [method for method in (NSR, *RIVALS) if method not in methods]
    if lacking:
        raise Missing(f"World B runs of {', '.join(lacking)}")
    differences, used = [], []
    for rival in RIVALS:
        own, other = _world_b(context.evidence, NSR, rival)
        differences.append(own.get("pass_1")[:, -1] - other.get("pass_1")[:, -1])
        used += [own, other]
    worlds = sorted(set.intersection(*(set(curve.worlds.tolist()) for curve in used)))
    kept = [np.isin(used[2 * i].worlds, worlds) for i in range(len(RIVALS))]
    if len(worlds) < MIN_WORLDS:
        raise Missing(f"World B runs of all three methods on {MIN_WORLDS} common worlds")
    array = np.array(worlds, np.int64)
    draws = np.min([context.weighted(d[k], array) for d, k in zip(differences, kept, strict=True)], axis=0)
    means = {r: float(d.mean()) for r, d in zip(RIVALS, differences, strict=True)}
    return Measured.of(
        Effect.exact(draws, len(worlds)), [used[0].restrict(worlds), *used[1:]],
        context.deviations(used[0].setting, array), pass_1_difference=means,
    )  # fmt: skip


def _world_b(evidence: Evidence, first: str, second: str) -> tuple[Curve, Curve]:
    for own in evidence.curves(first, "id", "B"):
        for other in evidence.curves(second, "id", "B"):
            pair = join(own, other) if own.setting == other.setting else None
            if pair is None:
                continue
            spent = [curve.get("verifications")[:, -1].mean() for curve in (pair.negative, pair.preference)]
            if abs(np.log(spent[0] / spent[1])) < 0.01:
                return pair.negative, pair.preference
    raise Missing(f"World B runs of {first} and {second} with equal verifications")


# H9: configurations at equal minutes ----------------------------------------------------------------
CONFIGURATIONS = 6
REFERENCE_POINT = (0.0, 0.5)
REGISTERED_BUDGET = 3360
#: How much human minutes may differ between arms that are called equal in them.
MINUTES_TOLERANCE = 0.02


@dataclass(frozen=True)
class Panel:
    """Configurations of one arm at one budget, on the same worlds.

    Attributes
    ----------
    curves : tuple of Curve
        One for each configuration, of one budget.
    minutes : float
        Human minutes, fixed ones included.
    part : str or None
        Which of the arm's configurations these are; None for all.
    """

    curves: tuple[Curve, ...]
    minutes: float
    part: str | None = None

    @property
    def setting(self) -> Setting:
        """Knobs that differ from the reference."""
        return self.curves[0].setting

    @property
    def worlds(self) -> Ints:
        """Worlds of all configurations."""
        return self.curves[0].worlds

    @property
    def collapsed(self) -> float | None:
        """Share of runs that collapsed; None where it was not recorded."""
        return finite(float(np.mean([curve.values["collapsed"].mean() for curve in self.curves])))

    def points(self, context: Context, worlds: list[int]) -> Floats:
        """(1 - relative harm, helpfulness over the base model's) of every configuration, [1 + draws, K, 2]."""
        found = []
        for curve in self.curves:
            own = curve.restrict(worlds)
            safety = 1.0 - own.get("relative_harm")[:, 0]
            use = own.get("helpfulness")[:, 0] / own.get("base_helpfulness")[:, 0]
            found.append(context.weighted(np.stack([safety, use], axis=-1), own.worlds))
        return np.stack(found, axis=1)


def joint_gain(
    context: Context, hybrid: str, preference: str, reference: tuple[float, float] = REFERENCE_POINT
) -> Measured:
    """Hypervolume of safety and helpfulness above `reference`, hybrid minus preference-only, at equal human minutes."""
    distribution = context.distribution("ood", hybrid, preference)
    mixes, plains = (_panels(context.evidence, name, distribution) for name in (hybrid, preference))
    found = [
        (first, second)
        for second in plains
        for first in mixes
        if _comparable(first, second)
    ]
    if not found:
        raise Missing(
            f"equally many configurations of {hybrid} and {preference} at equal human minutes (within "
            f"{MINUTES_TOLERANCE:.0%}) on the same worlds, {where(distribution)}"
        )
    mixed, plain = min(found, key=lambda p: (distance(p[1].setting), -len(p[1].curves), -p[1].minutes))
    worlds = np.intersect1d(mixed.worlds, plain.worlds)
    points = [panel.points(context, worlds.tolist()) for panel in (mixed, plain)]
    volumes = [hypervolume(own, reference) for own in points]
    use = [own[0, :, 1] for own in points]
    said = context.deviations(plain.setting, worlds)
    said += budget_deviation(plain.curves[0].n, (REGISTERED_BUDGET,), "pairs")
    if len(plain.curves) != CONFIGURATIONS:
        said += (f"{len(plain.curves)} configurations of each arm (registered: {CONFIGURATIONS})",)
    said += tuple(f"of {hybrid}, {panel.part} alone, others were run too" for panel in (mixed,) if panel.part)
    if distribution != "ood":
        said += (f"{where(distribution)} (registered: {where('ood')})",)
    used = [curve.restrict(worlds.tolist()) for curve in (*mixed.curves, *plain.curves)]
    return Measured.of(
        Effect.exact(volumes[0] - volumes[1], len(worlds)), used, said,
        hypervolume={hybrid: float(volumes[0][0]), preference: float(volumes[1][0])},
        helpfulness={name: [float(own.min()), float(own.max())] for name, own in zip((hybrid, preference), use, strict=True)},
        human_minutes={hybrid: mixed.minutes, preference: plain.minutes},
        configurations=len(plain.curves), collapsed={hybrid: mixed.collapsed, preference: plain.collapsed},
    )  # fmt: skip


def _comparable(first: Panel, second: Panel) -> bool:
    near = abs(first.minutes / second.minutes - 1.0) <= MINUTES_TOLERANCE
    same = first.setting == second.setting and len(first.curves) == len(second.curves)
    return near and same and join(first.curves[0], second.curves[0], same_budgets=False) is not None


def _panels(evidence: Evidence, method: str, distribution: str) -> list[Panel]:
    key = ("panels", method, distribution)
    if key in evidence.memo:
        return list(evidence.memo[key])
    rows = evidence.rows(method, distribution)
    panels: list[Panel] = evidence.memo.setdefault(key, [])
    for source, setting, own in blocks(rows):
        for _, at_budget in own.groupby("n", sort=False):
            for part, rows_of_part in _parts(at_budget).items():
                panel = _panel(rows_of_part, method, source, setting, distribution)
                if panel is not None:
                    panels.append(replace(panel, part=part))
    return panels


def _parts(rows: pd.DataFrame) -> dict[str | None, pd.DataFrame]:
    """All configurations of a budget, and those of one weight of pairs where a hybrid has several."""
    if rows["mix_weight"].nunique() < 2:
        return {None: rows}
    parts: dict[str | None, pd.DataFrame] = {None: rows}
    for weight, own in rows.groupby("mix_weight", sort=True):
        parts[f"configurations with w {weight:g}"] = own
    return parts


def _panel(rows: pd.DataFrame, method: str, source: int, setting: Setting, distribution: str) -> Panel | None:
    curves = [
        curve
        for _, own in rows.groupby("config", sort=True)
        if (curve := curve_of(own, method, source, setting, distribution)) is not None
    ]
    if not curves or not all(c.has("human_minutes") and c.has("helpfulness") for c in curves):
        return None
    worlds = sorted(set.intersection(*(set(curve.worlds.tolist()) for curve in curves)))
    if len(worlds) < MIN_WORLDS:
        return None
    kept = tuple(curve.restrict(worlds) for curve in curves)
    return Panel(kept, float(np.mean([curve.get("human_minutes").mean() for curve in kept])))
