"""Sign map: pairs of methods at settings of the knobs; +, 0 or - with interval for each outcome, none left out."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.claims.arms import Curve, Pair, join
from econ.claims.evidence import Evidence
from econ.claims.resampling import Effect, Resampler
from econ.claims.settings import REFERENCE, Setting, knob_text
from econ.claims.signs import negative_methods
from econ.core.texts import first_few
from econ.report.laboratory.drawing import LABELS, finish, short_label
from econ.report.laboratory.maps import UNTOUCHED, collapsed_shares
from econ.report.laboratory.tables import WITH_COLLAPSE, caveat, distribution_of, is_oracle, worlds_of
from econ.report.style import COLOURS, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DRAWS = 1000
#: Endings of names of controls: no training method that a user could choose.
CONTROLS = ("base", "refuse_all", "_random", "_shuffled", "_bits", "_k0", "_penalty")
SYMBOLS = {"+": COLOURS[1], "0": "#BFBFBF", "-": COLOURS[0]}
#: What makes a line of a figure, and lines of one at most.
LINE, MOST_LINES = ["negative", "other", "setting", "knobs"], 28
#: Exceptions that the alt text names at most.
MOST_NAMED = 4
#: Outcomes that lie in [0, 1], so that no difference is beyond 1, whatever its interval was widened to.
SHARES = WITH_COLLAPSE[1:]
#: Knobs beside which `UNTOUCHED` holds: where flags are biased too, bias does reach them.
PLAIN = REFERENCE.keys() - {"flag_bias"}
#: Characters of a setting on an axis that names pairs too.
LONGEST = 34
SHORT = {"miss": "miss", "false_alarm": "false alarm", "confounding": "confounding", "flag_bias": "flag bias"}


def sign_table(evidence: Evidence, distribution: str) -> pd.DataFrame:
    """Other minus negative method at their largest common budget, for each pair, setting of the knobs and outcome.

    A knob that does not reach an arm (`UNTOUCHED`) may be at its reference for that arm: one run serves all its values.

    Returns
    -------
    DataFrame
        `distribution`, `negative`, `other`, `setting`, `knobs` (how many differ from the registered ones), `outcome`,
        `n`, `worlds`, `difference`, `low`, `high` (95 %, worlds resampled together), `sign`, `collapsed_negative`,
        `collapsed_other` (share of runs).
    """
    negatives = negative_methods(evidence)
    others = [m for m in evidence.methods() if m not in negatives and not m.endswith(CONTROLS) and not is_oracle(m, "")]
    resampler = Resampler(draws=DRAWS)
    rows = []
    for negative in negatives:
        for other in others:
            for setting, pair in _pairs(evidence.curves(negative, distribution), evidence.curves(other, distribution)).items():
                rows += _signs(setting, pair, resampler)
    return pd.DataFrame(rows)


def _pairs(negatives: list[Curve], others: list[Curve]) -> dict[Setting, Pair]:
    """Pairs of curves by the setting at which they are compared; runs at that very setting come first."""
    found: dict[Setting, Pair] = {}
    alike = [(first, second) for first in negatives for second in others]
    for first, second in sorted(alike, key=lambda pair: pair[0].setting != pair[1].setting):
        setting = _common(first, second)
        if setting is not None and setting not in found and (pair := join(first, second)) is not None:
            found[setting] = pair
    return found


def _common(first: Curve, second: Curve) -> Setting | None:
    """The setting at which both curves stand, each at the reference of knobs that do not reach it; None if there is none."""
    if first.setting == second.setting:
        return first.setting
    one, two = dict(first.setting), dict(second.setting)
    if not one.keys() | two.keys() <= PLAIN or any(one[knob] != two[knob] for knob in one.keys() & two.keys()):
        return None
    for knob in one.keys() ^ two.keys():
        lacking = second if knob in one else first
        if knob not in UNTOUCHED.get(lacking.method, ()):
            return None
    both = {**one, **two}
    return tuple((knob, both[knob]) for knob in REFERENCE if knob in both)


def _signs(setting: Setting, pair: Pair, resampler: Resampler) -> list[dict[str, object]]:
    """One row an outcome."""
    negative, other = pair.negative, pair.preference
    parts, collapsed = setting_parts(setting), collapsed_shares(pair)
    found = []
    for outcome in WITH_COLLAPSE:
        gap = (other.values[outcome] - negative.values[outcome])[:, -1]
        if not np.isfinite(gap).all():
            continue
        effect = Effect.exact(resampler.weights(pair.worlds) @ gap, len(gap))
        low, high = effect.interval
        if outcome in SHARES:
            low, high = max(low, -1.0), min(high, 1.0)
        found.append(
            {
                "distribution": negative.distribution, "negative": negative.method, "other": other.method,
                "setting": ", ".join(parts) or "reference", "knobs": len(parts), "outcome": outcome,
                "n": float(pair.n[-1]), "worlds": effect.worlds, "difference": effect.value, "low": low, "high": high,
                "sign": "+" if low > 0 else "-" if high < 0 else "0",
                "collapsed_negative": collapsed[0], "collapsed_other": collapsed[1],
            }
        )  # fmt: skip
    return found


def setting_parts(setting: Setting) -> list[str]:
    """Knobs that differ from the registered ones, briefly; equal misses and false alarms are one noise."""
    knobs = dict(setting)
    parts = []
    if "miss" in knobs and abs(knobs["miss"] - knobs.get("false_alarm", REFERENCE["false_alarm"])) < 1e-4:
        parts.append(f"noise {knobs.pop('miss'):g}")
        knobs.pop("false_alarm", None)
    return parts + [f"{SHORT.get(k, k.replace('_', ' ')) if isinstance(x, int | float) else k} {knob_text(x)}" for k, x in knobs.items()]


def sign_groups(table: pd.DataFrame) -> list[pd.DataFrame]:
    """Pairs and settings in groups that one figure can hold, those with fewest changed knobs first; none is left out."""
    lines = table[LINE].drop_duplicates().sort_values(["knobs", "setting"], kind="stable")
    size = -(-len(lines) // -(-len(lines) // MOST_LINES))
    parts = [lines.iloc[first : first + size] for first in range(0, len(lines), size)]
    return [part.merge(table, on=LINE, how="left") for part in parts]


def sign_map(table: pd.DataFrame, part: str = "") -> Figure:
    """A line for each pair and setting, a column for each outcome; squares say which method leaves more of it.

    Parameters
    ----------
    table : DataFrame
        As from `sign_groups`.
    part : str
        Which of several figures this one is, as "1 of 2".
    """
    lines = list(table[LINE].drop_duplicates().itertuples(index=False, name=None))
    pairs, settings = table[["negative", "other"]].drop_duplicates(), table["setting"].nunique()
    with figure_style():
        figure, (axes,) = new_figure(0.29 * len(lines) + 2.0)
        _draw_signs(axes, table, lines)
        labels = [
            _pair_name(other, negative) if settings == 1 else setting if len(pairs) == 1
            else f"{_pair_name(other, negative)}\n{shorten(setting, LONGEST, placeholder=' …')}"
            for negative, other, setting, _ in lines
        ]  # fmt: skip
        axes.set_yticks(range(len(lines)), labels, fontsize=7.0 if settings == 1 or len(pairs) == 1 else 6.0)
        which = f"{_pair_name(*pairs[['other', 'negative']].iloc[0])}" if len(pairs) == 1 else "Method on the left minus the one on the right"
        note = (
            f"{which}; the one on the right learns from flags of what is wrong. At their largest common budget in labels, means and 95 % intervals over "
            f"{worlds_of(table)} worlds. +: the left one has clearly more of the outcome (of harm: worse); −: less; 0: the interval "
            "holds 0; blank: not measured. Cross on the left or right of a square: the left or right method collapsed in half the "
            f"worlds or more. A label of one method carries other bits, minutes and reads than one of another. {caveat(None)}"
        )
        where = distribution_of(table)
        what = f"Signs of {which} by knobs" if len(pairs) == 1 else "Signs by pair of methods" + (" and knobs" if settings > 1 else "")
        finish(figure, f"{what}, {where}" + (f" ({part})" if part else ""), note)
        return figure


def _pair_name(other: str, negative: str) -> str:
    return f"{other} − {negative}"


def _draw_signs(axes: Axes, table: pd.DataFrame, lines: list[tuple[Any, ...]]) -> None:
    from matplotlib.patches import Rectangle

    for row in table.to_dict("records"):
        column, line = WITH_COLLAPSE.index(row["outcome"]), lines.index(tuple(row[key] for key in LINE))
        axes.add_patch(
            Rectangle((column - 0.48, line - 0.46), 0.96, 0.92, facecolor=SYMBOLS[row["sign"]], alpha=0.35, edgecolor="none")
        )
        axes.text(column, line, _cell_text(row), ha="center", va="center", fontsize=6.3, linespacing=0.95)
        ends = [(end, row[f"collapsed_{arm}"]) for end, arm in ((-0.42, "other"), (0.42, "negative"))]
        broken = [column + end for end, share in ends if share >= 0.5]
        axes.scatter(broken, [line - 0.22] * len(broken), s=13, marker="x", c="black", linewidths=0.9, zorder=3)
    axes.set_xlim(-0.5, len(WITH_COLLAPSE) - 0.5)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_xticks(range(len(WITH_COLLAPSE)), [LABELS[o].replace(", ", ",\n") for o in WITH_COLLAPSE], fontsize=8.0)
    axes.xaxis.tick_top()
    axes.spines["bottom"].set_visible(False)
    axes.grid(False)
    axes.tick_params(length=0)


def _cell_text(row: Mapping[Any, Any]) -> str:
    """Sign, estimate and interval; nothing but the 0 where no run differs."""
    if row["low"] == row["high"] == 0.0:
        return "0"
    first = f"0 ({row['difference']:+.2f})" if row["sign"] == "0" else f"{row['difference']:+.2f}"
    return f"{first}\n[{row['low']:+.2f}, {row['high']:+.2f}]".replace("-", "−")


def signs_alt_text(table: pd.DataFrame) -> str:
    """Alt text: signs counted by outcome, those against the majority by name; what collapsed."""
    sentences = []
    for outcome, rows in table.groupby("outcome", sort=False):
        counts = {sign: int((rows["sign"] == sign).sum()) for sign in SYMBOLS}
        most = max(counts, key=lambda sign: counts[sign])
        others = [f"{_line_name(row)} {row['sign']} {_cell_text(row).splitlines()[-1]}" for row in rows[rows["sign"] != most].to_dict("records")]
        named = f" Not {most}: {first_few(others, MOST_NAMED)}." if others else ""
        sentences.append(f"{short_label(str(outcome))}: + in {counts['+']}, 0 in {counts['0']}, - in {counts['-']} of {len(rows)}.{named}")
    at_all = table[[*LINE, "collapsed_negative", "collapsed_other"]].drop_duplicates()
    broken = int((at_all[["collapsed_negative", "collapsed_other"]] >= 0.5).any(axis=1).sum())
    where = distribution_of(table)
    return (
        f"Signs with 95 % intervals of other minus negative methods by pair and setting of the knobs, {where}. {' '.join(sentences)} An arm "
        f"collapsed in half the worlds or more in {broken} of {len(at_all)} lines."
    )


def _line_name(row: Mapping[Any, Any]) -> str:
    pair = _pair_name(row["other"], row["negative"])
    return pair if row["setting"] == "reference" else f"{pair} at {row['setting']}"
