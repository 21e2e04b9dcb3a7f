"""Shares of label vendors by rank, and the concentration of their market."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from econ.ensemble.statistics import QUANTILES, mean_and_error, quantiles
from econ.ensemble.tables import grid, quarters_of
from econ.report.document.drawing import fitted
from econ.report.numbers import short
from econ.report.outcome_fans import HIGHLY_CONCENTRATED
from econ.report.style import BAND_50, BAND_90, COLOURS, GREY, figure_style, new_figure, quarter_axis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NEEDED = ("top_share_service", "cr3_service", "hhi_service")
RANKS = {"largest": "largest", "next_two": "second and third", "others": "all others"}
HATCHES = ("", "//", "\\\\")


def vendor_data(rows: pd.DataFrame) -> pd.DataFrame | None:
    """Mean shares by rank and quantiles of the HHI by quarter, in one scenario; None without these outcomes."""
    if any(name not in rows.columns or rows[name].isna().all() for name in NEEDED):
        return None
    top, three, hhi = (grid(rows, name) for name in NEEDED)
    quarters = quarters_of(rows)
    parts = [
        pd.DataFrame({"what": what, "quarter": quarters, "mean": mean_and_error(values)[0]})
        for what, values in (("largest", top), ("next_two", three - top), ("others", 1.0 - three))
    ]
    spread = dict(zip(QUANTILES, quantiles(hhi), strict=True))
    parts.append(pd.DataFrame({"what": "hhi", "quarter": quarters, "mean": mean_and_error(hhi)[0], **spread}))
    return pd.concat(parts, ignore_index=True)


def vendor_figure(data: pd.DataFrame, *, narrow: bool) -> Figure:
    """Left: shares as areas. Right: the HHI with its bands and the line of 1,800."""
    with figure_style():
        figure, (left, right) = new_figure(5.6 if narrow else 2.9, *((2, 1) if narrow else (1, 2)), share_x=False)
        quarter = data.loc[data["what"] == "hhi", "quarter"].to_numpy()
        base = np.zeros(len(quarter))
        for number, (what, label) in enumerate(RANKS.items()):
            share = data.loc[data["what"] == what, "mean"].to_numpy(float)
            left.fill_between(quarter, base, base + share, facecolor=COLOURS[number], alpha=0.55, hatch=HATCHES[number],
                              edgecolor="white", linewidth=0.4, label=label)  # fmt: skip
            base = base + share
        left.set_title("Shares of label revenue")
        left.set_ylabel("Share, mean over replicates")
        left.set_ylim(0.0, 1.0)
        hhi = data[data["what"] == "hhi"]
        for low, high, opacity in (("p05", "p95", BAND_90), ("p25", "p75", BAND_50)):
            right.fill_between(quarter, hhi[low], hhi[high], color=COLOURS[0], alpha=opacity, linewidth=0)
        right.plot(quarter, hhi["p50"], color=COLOURS[0])
        right.axhline(HIGHLY_CONCENTRATED, color=GREY, linestyle=(0, (3, 2)), linewidth=1.0)
        right.set_title("Concentration")
        right.set_ylabel("HHI (0 to 10,000)")
        right.set_ylim(bottom=0.0)
        for pane in (left, right):
            quarter_axis(pane, hhi)
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=3, columnspacing=1.2)
        return fitted(figure, narrow=narrow, height=figure.get_figheight())


def vendor_alt(data: pd.DataFrame) -> str:
    """Alt text: shares and HHI before the first quarter and at the end."""
    said = []
    for quarter in (-1, int(data["quarter"].max())):
        part = {row["what"]: row for _, row in data[data["quarter"] == quarter].iterrows()}
        if part:
            shares = ", ".join(f"{label} {short(part[what]['mean'])}" for what, label in RANKS.items())
            middle, low, high = (short(part["hhi"][name]) for name in ("p50", "p05", "p95"))
            said.append(f"quarter {quarter}: {shares}; HHI median {middle} (90 % of replicates {low} to {high})")
    return "Areas of the shares of label revenue by rank of the vendor, and a fan chart of the HHI. " + "; ".join(said) + "."
