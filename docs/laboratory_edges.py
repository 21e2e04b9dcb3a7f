"""What lies beyond the edges of the tuning grids: a table of `docs/laboratory.md`, made from the grids full and edges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from laboratory_protocol import configuration

from econ.core.measurements import read_measurements
from econ.report.laboratory.pass_at_k import mean_interval

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
