"""Learning curves of labels that a critic wrote: harm and its companions against their number, alone and from the untrained model.

Relative harm follows a form of `econ.surfaces.curves` in each draw; helpfulness, sycophancy and over-refusal follow
`econ.surfaces.secondary` with the critic's labels in the place of flags. Nothing is known of them beside flags and pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from econ.core.errors import InputError
from econ.surfaces.curves import CurveForm
from econ.surfaces.forms import Floats
from econ.surfaces.posterior import Draws
from econ.surfaces.secondary import SECONDARY, SecondaryBatch

#: Labels fewer than these count as these where a logarithm is taken.
LEAST_LABELS = 1e-12


@dataclass(frozen=True)
class CriticCurves:
    """Posterior draws of the curves.

    Attributes
    ----------
    hash : str
        SHA-256 over the draws and their description.
    draws : mapping from (outcome, distribution) to `Draws`
        As many as the surfaces have; parameters on the unconstrained scale of their forms.
    largest : float
        Largest budget that was measured, in labels.
    base_violation : mapping from distribution to float
        Mean violation rate of the base models of the critic's worlds: floors are relative to it.
    ai_calls : float
        Calls of an AI judge per label.
    diagnostics : mapping
        Of the fit: method, worlds, setting, fixed minutes of the critic and of flags, measured harm, weights of forms, refusals.
    """

    hash: str
    draws: Mapping[tuple[str, str], Draws]
    largest: float
    base_violation: Mapping[str, float]
    ai_calls: float
    diagnostics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def distributions(self) -> tuple[str, ...]:
        """Test distributions under which harm was fitted."""
        return tuple(sorted(d for outcome, d in self.draws if outcome == "harm"))

    @property
    def drafting(self) -> float:
        """Fixed work of the critic, rules drafted and tried, over that of flags; 1 where either was not recorded."""
        own, flags = (self.diagnostics.get(name) for name in ("fixed_minutes", "flag_fixed_minutes"))
        return 1.0 if own is None or not flags else float(own / flags)

    @property
    def verifiability(self) -> float | None:
        """At which the critic was measured; None where the measurements do not say."""
        value: float | None = self.diagnostics.get("setting", {}).get("v")
        return value

    def least_measured(self, distribution: str) -> float:
        """Least mean relative harm that was measured with any number of labels; NaN where that was not recorded."""
        measured = self.diagnostics.get("harm", {}).get(distribution, {}).get("measured", [np.nan])
        return float(min(measured))

    def floor_refused(self, distribution: str) -> bool:
        """Whether the measurements do not identify how low labels can bring harm."""
        return any(refused["what"] == f"floor, {distribution}" for refused in self.diagnostics.get("refusals", ()))

    def batch(self, draws: NDArray[np.int64], distribution: str) -> CriticBatch:
        """The curves of some draws [S] under a distribution that was measured."""
        return CriticBatch(self, draws, distribution)


class CriticBatch:
    """Curves of S draws under one distribution.

    Attributes
    ----------
    ai_calls : float
        Calls of an AI judge per label.
    drafting : float
        Fixed work over that of flags.
    largest : float
        Largest budget that was measured, in labels.
    """

    def __init__(self, curves: CriticCurves, index: NDArray[np.int64], distribution: str) -> None:
        self.ai_calls, self.drafting, self.largest = curves.ai_calls, curves.drafting, curves.largest
        self._curves, self._index, self._distribution = curves, index, distribution
        harm, base = curves.draws[("harm", distribution)], curves.base_violation[distribution]
        names = harm.form[index]
        self._groups = []
        for name in sorted(set(names)):
            rows, form = np.flatnonzero(names == name), CurveForm(name, base)
            self._groups.append((rows, form, harm.theta[index[rows], : len(form.prior.centre)]))

    @property
    def rows_by_form(self) -> dict[str, NDArray[np.intp]]:
        """Places of the draws that follow each form of harm."""
        return {form.name: rows for rows, form, _ in self._groups}

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Outcomes beside harm that were fitted."""
        return tuple(name for name in SECONDARY if (name, self._distribution) in self._curves.draws)

    def harm(self, labels: Floats) -> tuple[Floats, Floats]:
        """Relative harm at labels [S, M] and what one more label takes off it."""
        n = np.maximum(labels, LEAST_LABELS)
        h, fall = np.empty(n.shape), np.empty(n.shape)
        for rows, form, theta in self._groups:
            h[rows], fall[rows] = form.harm_and_gradient(theta, n[rows])[0], form.fall(theta, n[rows])
        return h, fall

    def labels(self, harm: Floats) -> Floats:
        """Labels with which relative harm is `harm`, [S, M]: 0 from 1 upwards, NaN where no number of them suffices."""
        out = np.empty(harm.shape)
        for rows, form, theta in self._groups:
            out[rows] = form.labels(theta, harm[rows])
        return out

    def floor(self) -> Floats:
        """Lowest relative harm that labels lead to, [S]: 1 where they raise it."""
        out = np.empty(len(self._index))
        for rows, form, theta in self._groups:
            out[rows] = np.minimum(form.floor(theta), 1.0)
        return out

    def secondary(self, outcome: str, labels: Floats, base: Floats) -> Floats:
        """Helpfulness, sycophancy or over-refusal at labels [S, M].

        Parameters
        ----------
        outcome : str
        labels : ndarray, [S, M]
        base : ndarray, [S]
            Of the untrained model on the outcome's linear scale, so that all labels start from one model.

        Raises
        ------
        InputError
            If the outcome was not fitted.
        """
        key = (outcome, self._distribution)
        if outcome not in SECONDARY or key not in self._curves.draws:
            raise InputError("this outcome was not fitted for labels that a critic wrote", key=outcome)
        theta = self._curves.draws[key].theta[self._index].copy()
        theta[:, 0] = base
        return SecondaryBatch(outcome, theta).evaluate(labels, 0.0, 0.0)[0]
