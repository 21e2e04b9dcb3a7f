"""Sign map: pairs of methods against settings of the knobs; +, 0 or - for each outcome, none left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from econ.claims.arms import Curve, join
from econ.claims.evidence import Evidence
from econ.claims.resampling import Effect, Resampler
from econ.claims.settings import REFERENCE, Setting, distance
from econ.claims.signs import negative_methods
from econ.core.measurements import DISTRIBUTION_NAMES
from econ.report.laboratory.drawing import LABELS, finish, short_label
from econ.report.laboratory.tables import OUTCOMES, caveat, is_oracle
from econ.report.style import COLOURS, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DRAWS = 1000
#: Endings of names of controls: no training method that a user could choose.
CONTROLS = ("base", "refuse_all", "_random", "_shuffled", "_bits", "_k0", "_penalty")
SYMBOLS = {"+": COLOURS[1], "0": "#BFBFBF", "-": COLOURS[0]}
#: Columns of a figure at most; the table beside it has all.
MOST_SETTINGS = 12
SHORT = {"miss": "miss", "false_alarm": "false alarm", "confounding": "confounding", "flag_bias": "flag bias"}


def sign_table(evidence: Evidence, distribution: str) -> pd.DataFrame:
    """Other minus negative method at their largest common budget, for each pair, setting of the knobs and outcome.

    Returns
    -------
    DataFrame
        `distribution`, `negative`, `other`, `setting`, `knobs` (how many differ from the registered ones), `outcome`,
        `n`, `worlds`, `difference`, `low`, `high` (95 %, worlds resampled together), `sign`.
    """
    negatives = negative_methods(evidence)
    others = [m for m in evidence.methods() if m not in negatives and not m.endswith(CONTROLS) and not is_oracle(m, "")]
    resampler = Resampler(draws=DRAWS)
    rows = []
    for negative in negatives:
        for other in others:
            for first in evidence.curves(negative, distribution):
                for second in evidence.curves(other, distribution):
                    if first.setting == second.setting:
                        rows += _signs(first, second, resampler)
    return pd.DataFrame(rows)


def _signs(negative: Curve, other: Curve, resampler: Resampler) -> list[dict[str, object]]:
    pair = join(negative, other)
    if pair is None:
        return []
    found = []
    for outcome in OUTCOMES:
        gap = (pair.preference.values[outcome] - pair.negative.values[outcome])[:, -1]
        if not np.isfinite(gap).all():
            continue
        effect = Effect.exact(resampler.weights(pair.worlds) @ gap, len(gap))
        low, high = effect.interval
        found.append(
            {
                "distribution": negative.distribution, "negative": negative.method, "other": other.method,
                "setting": setting_name(negative.setting), "knobs": distance(negative.setting)[0], "outcome": outcome,
                "n": float(pair.n[-1]), "worlds": effect.worlds, "difference": effect.value, "low": low, "high": high,
                "sign": "+" if low > 0 else "-" if high < 0 else "0",
            }
        )  # fmt: skip
    return found


def setting_name(setting: Setting) -> str:
    """Knobs that differ from the registered ones, briefly; equal misses and false alarms are one noise."""
    knobs = dict(setting)
    parts = []
    if "miss" in knobs and abs(knobs["miss"] - knobs.get("false_alarm", REFERENCE["false_alarm"])) < 1e-4:
        parts.append(f"noise {knobs.pop('miss'):g}")
        knobs.pop("false_alarm", None)
    parts += [f"{SHORT.get(k, k.replace('_', ' '))} {x:g}" if isinstance(x, int | float) else f"{k} {x}" for k, x in knobs.items()]
    return ", ".join(parts) or "reference"


def shown_settings(table: pd.DataFrame) -> list[str]:
    """Settings in the figure: the reference first, then those with fewest changed knobs and most pairs."""
    counts = table.groupby("setting").agg(knobs=("knobs", "min"), pairs=("difference", "size")).reset_index()
    ordered = counts.sort_values(["knobs", "pairs", "setting"], ascending=[True, False, True], kind="stable")
    return list(ordered["setting"])[:MOST_SETTINGS]


def sign_map(table: pd.DataFrame) -> Figure:
    """One panel an outcome: rows are pairs, columns settings, squares say which method leaves more of it.

    Parameters
    ----------
    table : DataFrame
        As from `sign_table`, one distribution.
    """
    settings = shown_settings(table)
    pairs = table[["negative", "other"]].drop_duplicates().apply(tuple, axis=1).tolist()
    outcomes = [o for o in OUTCOMES if (table["outcome"] == o).any()]
    per_row = 4 if len(settings) <= 3 else 2
    rows = -(-len(outcomes) // per_row)
    with figure_style():
        height = rows * (0.27 * len(pairs) + (1.0 if len(settings) > 1 else 0.6)) + 1.5
        figure, axes = new_figure(height, rows=rows, columns=min(per_row, len(outcomes)), share_x=False)
        for i, pane in enumerate(axes):
            if i >= len(outcomes):
                pane.set_visible(False)
                continue
            own = table[table["outcome"] == outcomes[i]]
            _draw_signs(pane, own, pairs, settings)
            pane.set_title(short_label(outcomes[i]))
            pane.tick_params(labelleft=i % per_row == 0)
        left = table["setting"].nunique() - len(settings)
        rest = f" Settings in the table beside the figure alone: {left}." if left else ""
        note = (
            "Method on the left minus the one on the right, which learns from flags of what is wrong, at their largest common budget in "
            "labels. +: the left one leaves clearly more of the outcome (of harm: worse); -: less; 0: the 95 % interval over "
            f"worlds holds 0; blank: not measured. Numbers: the difference.{rest} A label of one method carries other bits, "
            f"minutes and reads than one of another. {caveat(None)}"
        )
        where = DISTRIBUTION_NAMES.get(str(table["distribution"].iloc[0]), "")
        finish(figure, f"Signs by pair of methods and knobs, {where}", note)
        return figure


def _draw_signs(axes: Axes, table: pd.DataFrame, pairs: list[tuple[str, str]], settings: list[str]) -> None:
    from matplotlib.patches import Rectangle

    for _, row in table[table["setting"].isin(settings)].iterrows():
        column, line = settings.index(row["setting"]), pairs.index((row["negative"], row["other"]))
        axes.add_patch(
            Rectangle(
                (column - 0.48, line - 0.46), 0.96, 0.92, facecolor=SYMBOLS[row["sign"]], alpha=0.35, edgecolor="none"
            )
        )
        axes.text(column, line, _cell_text(row["sign"], row["difference"], len(settings)), ha="center", va="center", fontsize=6.5)
    axes.set_xlim(-0.5, len(settings) - 0.5)
    axes.set_ylim(len(pairs) - 0.5, -0.5)
    axes.set_xticks(range(len(settings)), settings, fontsize=7.0)
    if len(settings) > 1:
        for label in axes.get_xticklabels():
            label.set(rotation=35.0, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(pairs)), [f"{second} − {first}" for first, second in pairs], fontsize=7.0)
    axes.grid(False)
    axes.tick_params(length=0)


def _cell_text(sign: str, difference: float, columns: int) -> str:
    """Sign and size; where columns are narrow, no number beside a 0 and none before the point."""
    if columns <= 3:
        return f"0 ({difference:+.2f})" if sign == "0" else f"{sign} {abs(difference):.2f}".replace("-", "−")
    return "0" if sign == "0" else f"{difference:+.2f}".replace("0.", ".").replace("-", "−")


def signs_alt_text(table: pd.DataFrame) -> str:
    """Alt text: signs counted by outcome, exceptions from the majority by name."""
    sentences = []
    for outcome, rows in table.groupby("outcome", sort=False):
        counts = {sign: int((rows["sign"] == sign).sum()) for sign in SYMBOLS}
        sentences.append(
            f"{LABELS[str(outcome)].split(',')[0]}: + in {counts['+']}, 0 in {counts['0']}, - in {counts['-']} of {len(rows)}."
        )
    where = DISTRIBUTION_NAMES.get(str(table["distribution"].iloc[0]), "")
    return f"Signs of other minus negative methods by pair and setting of the knobs, {where}. {' '.join(sentences)}"
