"""One kind of label alone: its Hill curve in each category, and what the data do not identify."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from econ.core.errors import InputError
from econ.surfaces.bootstrap import widening
from econ.surfaces.cells import Cells
from econ.surfaces.forms import FORMS, Floats
from econ.surfaces.least_squares import fit_batch, make_target

#: Bootstrap draws of a curve: its interval is reported, not handed to the market.
CURVE_DRAWS = 200


def refuse_flat(cells: Cells) -> None:
    """Refuse a table in which labels did nothing: no curve, no half-saturation, no elasticity.

    Raises
    ------
    InputError
        If mean relative harm over the two largest budgets differs from 1 by less than two standard errors.
    """
    change, error = mean_change(cells, _large(cells.a) | _large(cells.b))
    if abs(change) < 2.0 * error:
        raise InputError(
            f"flat: at the largest budgets relative harm differs from 1 by {change:+.3f} with standard error "
            f"{error:.3f}; there is no surface to fit",
            key="violation",
        )


def _large(labels: Floats) -> NDArray[np.bool_]:
    """Cells at the two largest budgets of one kind."""
    large: NDArray[np.bool_] = labels >= np.unique(labels)[-2]
    return large


def mean_change(cells: Cells, where: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean over worlds of relative harm - 1 in these cells, and its standard error."""
    by_world = np.nanmean(cells.relative[:, where], axis=1) - 1.0
    return float(by_world.mean()), float(by_world.std(ddof=1) / np.sqrt(len(by_world)))


def arm_refusals(cells: Cells) -> list[dict[str, str]]:
    """What one kind of label alone does not identify, over all v: a half-saturation ("flat") or a floor ("open")."""
    return [
        {"what": f"{what} of {kind} alone", "reason": reason, "why": why}
        for kind, own, alone in _arms(cells)
        for what, reason, why in _refusal(cells, own, alone)
    ]


def _arms(cells: Cells) -> list[tuple[str, Floats, NDArray[np.bool_]]]:
    """Name, budgets and cells of each pure arm."""
    return [("flags", cells.a, cells.b == 0), ("pairs", cells.b, cells.a == 0)]


def _refusal(cells: Cells, own: Floats, where: NDArray[np.bool_]) -> list[tuple[str, str, str]]:
    """Zero or one triple (what, reason, why) for the arm in the cells `where`."""
    budgets = np.unique(own[where])
    change, error = mean_change(cells, where & (own >= budgets[-2]))
    if abs(change) < 2.0 * error:
        why = f"relative harm differs from 1 by {change:+.3f} (standard error {error:.3f}) at the top budgets"
        return [("half-saturation", "flat", why)]
    top, below = (
        np.nanmean(cells.relative[:, where & (own == n)], axis=1) for n in (budgets[-1], budgets[-2])
    )
    gap = top - below
    if abs(gap.mean()) > 2.0 * gap.std(ddof=1) / np.sqrt(len(gap)):
        why = f"relative harm still moved by {gap.mean():+.3f} between {budgets[-2]:g} and {budgets[-1]:g} labels"
        return [("floor", "open", why)]
    return []


def arm_curves(cells: Cells, variance: Floats, weights: Floats) -> dict[str, Any]:
    """Hill curve of each kind of label alone at each v, y = y_inf + (1 - y_inf)/(1 + (n/n50)^q) of the base rate.

    Parameters
    ----------
    cells : Cells
    variance : ndarray, [C]
        Of an observation, on the log-odds scale.
    weights : ndarray, [D, W]
        Bootstrap weights of worlds; the first `CURVE_DRAWS` are used.

    Returns
    -------
    dict
        By kind and v: `half_saturation` (labels), `floor` (relative harm) and `exponent`, each with point,
        p05 and p95 or None where refused, and `refused`: the reason or None.
    """
    found: dict[str, Any] = {}
    for kind, own, alone in _arms(cells):
        for v in sorted(set(cells.v[alone])):
            where = alone & (cells.v == v)
            refused = _refusal(cells, own, where)
            found.setdefault(kind, {})[f"{v:.2f}"] = _curve(cells, kind, where, variance, weights) | {
                "refused": refused[0][1] if refused else None
            }
            if refused:
                found[kind][f"{v:.2f}"][refused[0][0].replace("-", "_")] = None
    return found


def _curve(
    cells: Cells, kind: str, where: NDArray[np.bool_], variance: Floats, weights: Floats
) -> dict[str, Any]:
    """Fit one arm at one v: the Hill curve of S3 for that kind, everything else left at its prior."""
    form = FORMS["S3"]
    own = Cells(
        cells.a[where], cells.b[where], cells.v[where], cells.worlds, cells.rate[:, where], cells.base
    )
    target = make_target(own, variance[where])
    start = np.array(form.prior)[None, :, 0]
    point, _ = fit_batch(form, target, np.ones((1, len(cells.worlds))), start, iterations=300)
    some = weights[:CURVE_DRAWS]
    refits, _ = fit_batch(form, target, some, np.repeat(point, len(some), axis=0))
    theta = np.vstack([point, point + widening(len(cells.worlds)) * (refits - point)])
    p = form.at(theta, np.full((len(theta), 1), own.v[0]))
    names = {"flags": ("a_half", "ha", "p"), "pairs": ("b_half", "hb", "q")}[kind]
    described = {}
    for label, name in zip(("half_saturation", "floor", "exponent"), names, strict=True):
        values = p[name][:, 0]
        low, high = np.quantile(values[1:], [0.05, 0.95])
        described[label] = {"point": float(values[0]), "p05": float(low), "p95": float(high)}
    return described
