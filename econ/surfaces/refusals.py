"""What a surface cannot tell: labels that did nothing, and arms whose half-saturation or floor is not identified."""

from __future__ import annotations

import numpy as np

from econ.core.errors import InputError
from econ.surfaces.cells import Cells
from econ.surfaces.curves import curve_refusal
from econ.surfaces.forms import Floats

NAMES = {"half_saturation": "half-saturation", "floor": "floor"}


def refuse_flat(cells: Cells) -> None:
    """Refuse a table in which labels did nothing: no curve, no half-saturation, no elasticity.

    Raises
    ------
    InputError
        If mean relative harm over the two largest budgets differs from 1 by less than two standard errors.
    """
    large = np.zeros(len(cells.a), bool)
    for labels in (cells.a, cells.b):
        large |= labels >= np.unique(labels)[-2]
    by_world = np.nanmean(cells.relative[:, large], axis=1) - 1.0
    change, error = by_world.mean(), by_world.std(ddof=1) / np.sqrt(len(by_world))
    if abs(change) < 2.0 * error:
        raise InputError(
            f"flat: at the largest budgets relative harm differs from 1 by {change:+.3f} with standard error "
            f"{error:.3f}; there is no surface to fit",
            key="violation",
        )


def arm_refusals(cells: Cells) -> list[dict[str, str]]:
    """What one kind of label alone does not identify, over all v: a half-saturation ("flat") or a floor ("open")."""
    found = []
    for kind, own, other in (("flags", cells.a, cells.b), ("pairs", cells.b, cells.a)):
        refused = curve_refusal(_alone(cells, own, other == 0))
        if refused is not None:
            what, reason, why = refused
            found.append({"what": f"{NAMES[what]} of {kind} alone", "reason": reason, "why": why})
    return found


def _alone(cells: Cells, own: Floats, where: np.ndarray) -> Cells:
    """The cells with one kind of label, its number in the place of `a`."""
    return Cells(
        own[where], np.zeros(where.sum()), cells.v[where], cells.worlds, cells.rate[:, where], cells.base
    )
