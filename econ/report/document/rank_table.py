"""Whether the order of scenarios holds from replicate to replicate, outcome by outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from econ.ensemble.effects import HEADLINES
from econ.ensemble.ranking import ranking_tables
from econ.report.document.model import Table
from econ.report.document.numerals import percent

if TYPE_CHECKING:
    from econ.report.document.material import Material

#: Share of replicates in which a leader leads from which an order counts as stable.
STABLE = 0.9
WORDS = {"lower": "lowest", "higher": "highest", "": "highest"}


def rank_table(material: Material) -> Table | None:
    """Leader and runner-up of each headline outcome; None with fewer than three scenarios."""
    if len(material.scenarios) < 3:
        return None
    present = [name for name in HEADLINES if name in material.outcomes.columns]
    _, stability = ranking_tables(material.outcomes, present)
    if stability.empty:
        return None
    rows = [
        [
            HEADLINES[r["variable"]][0], f"{r['leader']}, {WORDS.get(r['better'], r['better'])}", percent(r["leads"]), r["runner_up"], percent(r["ahead"]),
            f"{r['tau']:.2f}\n[{r['tau_p05']:.2f}, {r['tau_p95']:.2f}]",
        ]
        for r in stability.to_dict("records")
    ]  # fmt: skip
    stable = int((stability["leads"] >= STABLE).sum())
    note = (
        f"By means over the {material.window}, the baseline among the scenarios. Leads: share of replicates in which the first by the means is first; ahead: in which "
        "it is ahead of the second; Kendall's tau between the order in a replicate and that of the means, mean and 90 % of replicates. An order by one outcome is no "
        "order of merit."
    )
    finding = f"In {stable} of {len(rows)} outcomes the same scenario stands first in at least {percent(STABLE)} of replicates."
    heads = ["Outcome", "First by the means", "Leads in", "Second", "Ahead in", "Tau"]
    return Table("T4b", "Stability of the order of scenarios", heads, rows, note=note, finding=finding, words=frozenset({0, 1, 3}), small=True)
