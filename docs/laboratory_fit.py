"""The fitted surfaces beside the cells that they were fitted to: a table of `docs/laboratory.md`, made from the grid surface."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from econ.core.measurements import read_measurements
from econ.report.laboratory.intervals import LEVEL, mean_interval
from econ.surfaces import Surfaces

HEAD = ("distribution", "v", "cells", "RMSE", "fitted less measured [95 %]", "flags alone", "pairs alone", "both", "4,096 of either", "outside")
#: Budgets at which what a label of either kind does last is seen.
TOP = 4096


@dataclass(frozen=True)
class Beside:
    """Fitted and measured relative harm at the cells of one distribution and verifiability.

    Attributes
    ----------
    distribution : str
    v : float
    flags, pairs : array [C]
        Labels of each kind in the cells.
    fitted : array [C]
        Mean over the posterior's draws.
    measured : array [W, C]
        Relative harm by world.
    """

    distribution: str
    v: float
    flags: NDArray[np.float64]
    pairs: NDArray[np.float64]
    fitted: NDArray[np.float64]
    measured: NDArray[np.float64]

    @property
    def gap(self) -> NDArray[np.float64]:
        """Fitted less measured, mean over worlds, by cell."""
        found: NDArray[np.float64] = self.fitted - self.measured.mean(axis=0)
        return found

    @property
    def outside(self) -> int:
        """Cells whose fitted mean lies outside the interval of the measured one."""
        ends = [mean_interval(column)[1:] for column in self.measured.T]
        return sum(not low <= fitted <= high for fitted, (low, high) in zip(self.fitted, ends, strict=True))

    def over_cells(self) -> tuple[float, float, float]:
        """Mean gap over all cells with its interval over worlds."""
        return mean_interval((self.fitted - self.measured).mean(axis=1))


def beside(grid: Path, surfaces: Surfaces) -> list[Beside]:
    """Every distribution that is fitted and every verifiability that was measured, confirmatory worlds alone."""
    table = read_measurements(grid / "measurements.parquet")
    table = table[(table["stage"] == "confirm") & (table["a"] + table["b"] > 0)]
    table = table.assign(v=table["v"].astype(float).round(6), harm=table["relative_harm"].astype(float))
    found = []
    for distribution in ("id", "ood"):
        batch = surfaces.batch(np.arange(surfaces.count), distribution)
        own = table[table["distribution"].astype(str) == distribution]
        for v, rows in own.groupby("v", sort=True):
            cells = rows.pivot_table(index="world", columns=["a", "b"], values="harm")
            flags, pairs = (cells.columns.get_level_values(name).to_numpy(float) for name in ("a", "b"))
            harm = batch.at([float(str(v))]).evaluate_labels(flags[None, :, None], pairs[None, :, None])[0][:, :, 0]
            found.append(Beside(distribution, float(str(v)), flags, pairs, harm.mean(axis=0), cells.to_numpy(float)))
    return found


def rows(found: list[Beside]) -> Iterator[list[str]]:
    """Rows under `HEAD`."""
    for one in found:
        mean, low, high = one.over_cells()
        flags, pairs = one.flags > 0, one.pairs > 0
        groups = (flags & ~pairs, pairs & ~flags, flags & pairs, np.maximum(one.flags, one.pairs) == TOP)
        yield [
            one.distribution, f"{one.v:g}", str(len(one.flags)), f"{np.sqrt((one.gap**2).mean()):.3f}", f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]",
            *(f"{one.gap[group].mean():+.3f}" for group in groups), f"{one.outside} of {len(one.flags)}",
        ]  # fmt: skip


def in_words(found: list[Beside]) -> str:
    """In which direction the fit errs where that is resolved, and how far at most."""
    sides: dict[str, list[str]] = {"high": [], "low": []}
    for one in found:
        mean, low, high = one.over_cells()
        if low > 0 or high < 0:
            sides["high" if low > 0 else "low"].append(f"{one.distribution}, v = {one.v:g} ({mean:+.3f})")
    told = [f"too {side} for {', '.join(cells)}" for side, cells in sides.items() if cells]
    largest = max(found, key=lambda one: float(np.abs(one.gap).max()))
    cell = int(np.abs(largest.gap).argmax())
    outside, cells = sum(one.outside for one in found), sum(len(one.flags) for one in found)
    direction = (
        f"**On the average over all cells fitted harm is {'; '.join(told)}**: the forms let what a flag does change with v along a straight line, and the three levels do not lie on one."
        if told
        else "On the average over all cells no v has a gap that is resolved."
    )
    return (
        f"{direction} {outside} of {cells} fitted means lie outside the {LEVEL:.0%} interval of the measured one; chance would put about one in twenty there. The largest gap is {largest.gap[cell]:+.3f}: "
        f"{largest.flags[cell]:,.0f} flags and {largest.pairs[cell]:,.0f} pairs, {largest.distribution}, v = {largest.v:g}, "
        f"fitted {largest.fitted[cell]:.3f}, measured {largest.measured[:, cell].mean():.3f}. Between the measured levels, where most categories of the market lie, nothing checks the fit."
    )
