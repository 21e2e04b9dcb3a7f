"""H9 as it was first run: its configurations were chosen anew after a first result, which must stand beside the later one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from econ.claims.arms import Missing
from econ.claims.context import HYBRID, Context, Measured
from econ.claims.evidence import Evidence
from econ.claims.panels import joint_gain

#: β of all six configurations (rate x weight of pairs) with which the hybrid was first run.
FIRST_BETA = 0.1
#: Tables that hold configurations of the hybrid which were added after a first result on the same worlds, by the hash of
#: their grid: `maps` as shipped.
AMENDED = ("eec1b9839cf17c5b93ec160f46697f9d9ab76c815facef3dc91d34a7c1665b54",)


def as_first_run(context: Context) -> Context:
    """The same evidence with those of the hybrid's configurations alone that were run first."""
    evidence = context.evidence
    frame = evidence.frame
    kept = frame[(frame["arm"] != HYBRID) | np.isclose(frame["beta"], FIRST_BETA)]
    return replace(context, evidence=Evidence(evidence.sources, kept, evidence.beside, evidence.notes))


def first_result(context: Context, measured: Measured) -> Measured | None:
    """H9's effect as it was first run, where `measured` rests on configurations that were added after it was seen."""
    if HYBRID not in measured.methods:
        return None
    hashes = {own for i in measured.sources for own in context.evidence.sources[i].config_hashes}
    if not hashes & set(AMENDED):
        return None
    try:
        return joint_gain(as_first_run(context), HYBRID, context.preference)
    except Missing:
        return None
