"""What lies beyond the edges of the tuning grids: a table of `docs/laboratory.md`, made from the grids full and edges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from laboratory_protocol import rate

from econ.core.measurements import read_measurements
from econ.report.laboratory.configurations import configuration
from econ.report.laboratory.intervals import mean_interval

HEAD = ("method", "chosen, on the edge", "score", "best beyond it", "score", "difference [95 %]", "tried beyond", "would be chosen")


@dataclass(frozen=True)
class Beyond:
    """Scores by world of the configuration that a method was given, and of the best one beyond its grid."""

    method: str
    chosen: str
    best: str
    scores: pd.DataFrame

    @property
    def changes(self) -> bool:
        """Whether the one beyond would have been chosen."""
        return bool(self.scores[self.best].mean() > self.scores[self.chosen].mean())


def beyond(edges: Path, full: Path) -> list[Beyond]:
    """For each method of `edges`, against what stands in `full`."""
    table = read_measurements(edges / "measurements.parquet")
    known = set(read_measurements(full / "measurements.parquet")["run_id"])
    table = table[(table["stage"] == "tune") & (table["distribution"] == "id")]
    table = table.assign(configuration=configuration(table), score=table["helpfulness"].astype(float) - table["violation"].astype(float))
    found = []
    for method, own in table.groupby("method", observed=True):
        scores = own.pivot_table(index="world", columns="configuration", values="score")
        chosen = sorted(set(own.loc[own["run_id"].isin(known), "configuration"]))
        assert len(chosen) == 1, f"{method}: one configuration stands in both tables"
        best = str(scores.drop(columns=chosen).mean().idxmax())
        found.append(Beyond(str(method), chosen[0], best, scores))
    return found


def edge_rows(found: list[Beyond]) -> Iterator[list[str]]:
    """Rows under `HEAD`, those whose choice would change first."""
    for one in sorted(found, key=lambda b: not b.changes):
        at, past = one.scores[one.chosen], one.scores[one.best]
        mean, low, high = mean_interval((past - at).to_numpy())
        yield [
            f"`{one.method}`", one.chosen, f"{at.mean():.3f}", one.best, f"{past.mean():.3f}", f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]",
            str(one.scores.shape[1] - 1), "**the one beyond**" if one.changes else "the same",
        ]  # fmt: skip


OUT = ("method", "choice of `full`", "relative harm", "helpfulness", "over-refusal", "choice beyond", "relative harm", "helpfulness", "over-refusal", "relative harm, change [95 %]")
OUTCOMES = ("relative_harm", "helpfulness", "over_refusal")


@dataclass(frozen=True)
class HeldOut:
    """Both choices of a method on confirmatory worlds: cells of the table, and the change of relative harm."""

    method: str
    cells: list[str]
    change: tuple[float, float, float]

    @property
    def row(self) -> list[str]:
        """A row under `OUT`."""
        mean, low, high = self.change
        return [f"`{self.method}`", *self.cells, f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]"]


def held_out(folder: Path, full: Path) -> list[HeldOut]:
    """Both choices on the confirmatory worlds of `folder`, out of distribution, paired by world."""
    tables = {}
    for name, path in (("before", full), ("beyond", folder)):
        table = read_measurements(path / "measurements.parquet")
        rows = table[(table["stage"] == "confirm") & (table["distribution"] == "ood") & (table["n"] > 0)]
        tables[name] = rows.assign(configuration=configuration(rows))
    found = []
    for (method, n), own in tables["beyond"].groupby(["method", "n"], observed=True):
        rows = tables["before"]
        same = rows[(rows["method"] == method) & (rows["n"] == n) & rows["world"].isin(own["world"])]
        cells, harms = [], []
        for at in (same, own):
            by_world = at.set_index("world")[list(OUTCOMES)].astype(float).sort_index()
            cells += [str(at["configuration"].iloc[0]), *(rate(by_world[name].to_numpy()) for name in OUTCOMES)]
            harms.append(by_world["relative_harm"])
        found.append(HeldOut(str(method), cells, mean_interval((harms[1] - harms[0]).to_numpy())))
    return found


def in_words(found: list[HeldOut]) -> str:
    """What the other choices change."""
    groups = (
        ("leaves clearly more harm", [one for one in found if one.change[1] > 0]),
        ("leaves clearly less harm", [one for one in found if one.change[2] < 0]),
        ("changes harm by nothing that is resolved", [one for one in found if one.change[1] <= 0 <= one.change[2]]),
    )
    return " ".join(f"The other choice {said} for {', '.join(f'`{one.method}`' for one in own)}." for said, own in groups if own)
