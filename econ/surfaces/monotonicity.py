"""Does more of a label always mean no more harm? Every form assumes it; this counts where the data object."""

from __future__ import annotations

from typing import Any

import numpy as np

from econ.surfaces.cells import Cells
from econ.surfaces.forms import Floats

#: A step counts as a rise or a fall beyond this many standard errors of the paired difference.
CLEAR = 2.0


def monotonicity(cells: Cells) -> dict[str, Any]:
    """Steps from one budget to the next, everything else equal, paired within worlds.

    Returns
    -------
    dict
        For flags and for pairs: number of `steps`, of clear `rises` and `falls` of relative harm, and the
        largest rise with its cell.
    """
    return {
        "flags": _steps(cells, cells.a, cells.b),
        "pairs": _steps(cells, cells.b, cells.a),
    }


def _steps(cells: Cells, own: Floats, other: Floats) -> dict[str, Any]:
    relative = cells.relative
    found = []
    for held in sorted({(o, v) for o, v in zip(other, cells.v, strict=True)}):
        line = np.flatnonzero((other == held[0]) & (cells.v == held[1]))
        line = line[np.argsort(own[line])]
        start = [np.ones(len(cells.worlds))] if held[0] == 0 else []
        levels = np.stack([*start, *relative[:, line].T])
        labels = [0.0] * len(start) + [float(own[i]) for i in line]
        for i, change in enumerate(np.diff(levels, axis=0)):
            seen = change[np.isfinite(change)]
            if len(seen) > 1:
                error = seen.std(ddof=1) / np.sqrt(len(seen))
                found.append((float(seen.mean()), float(error), labels[i], labels[i + 1], *held))
    rises = [step for step in found if step[0] > CLEAR * step[1]]
    falls = [step for step in found if step[0] < -CLEAR * step[1]]
    result: dict[str, Any] = {
        "steps": len(found),
        "rises": len(rises),
        "falls": len(falls),
        "largest_rise": None,
    }
    if rises:
        keys = ("rise", "standard_error", "from", "to", "other", "v")
        result["largest_rise"] = dict(zip(keys, map(float, max(rises)), strict=True))
    return result
