"""Small posteriors with known shapes."""

from __future__ import annotations

import numpy as np

from econ.surfaces.forms import FORMS
from econ.surfaces.posterior import Draws, Surfaces

#: No ranges, no fixed costs: what a test does not speak of shall not move it.
PLAIN = {
    "price_preference_label": 4.0, "price_constraint_label": 20.0, "minutes_preference_label": 3.0,
    "minutes_constraint_label": 9.0, "price_ai_call": 0.01, "price_rule_draft": 0.0, "minutes_rule_draft": 0.0,
    "price_gpu_hour": 2.0, "scale_constraints": 1.0, "scale_preferences": 1.0, "transfer": 1.0,
}  # fmt: skip


def posterior(form, theta, outcomes=True, kind="measured"):
    """A posterior of one or several forms, [D, P] parameters each, under both distributions."""
    forms = np.atleast_1d(np.asarray(form, str))
    rows = np.atleast_2d(np.asarray(theta, float))
    count = max(len(rows), len(forms))
    wide = np.full((count, 12), np.nan)
    wide[:, : rows.shape[1]] = rows
    names = np.broadcast_to(forms, (count,)).copy()
    # base, u_a, u_av, u_b, u_ab, log n_a, log n_b: flags cost helpfulness, pairs give it and bring sycophancy.
    hill = {
        "helpfulness": [0.6, -0.15, 0.05, 0.10, 0.0, 6.0, 6.0],
        "sycophancy": [-0.4, 0.0, 0.0, 1.2, 0.0, 6.0, 6.0],
        "over_refusal": [-2.0, 1.0, -0.5, -0.3, 0.0, 6.0, 6.0],
    }
    draws = {}
    for distribution in ("id", "ood"):
        draws[("harm", distribution)] = Draws(names, wide)
        for outcome, values in hill.items() if outcomes else ():
            table = np.full((count, 12), np.nan)
            table[:, :7] = values
            draws[(outcome, distribution)] = Draws(np.full(count, "hill"), table)
    domain = {"a": 4096.0, "b": 4096.0, "v_low": 0.1, "v_high": 1.0}
    return Surfaces("test", "0" * 64, kind, draws, domain, {"id": 0.45, "ood": 0.65})


def ces(s=1.0, rho=0.6, a0=1e5, b0=5e5, kappa=0.6, floor=0.02):
    """Normalised CES with x = s·a/a0 and y = b/b0, the same at every verifiability."""
    odds = np.log(floor / (1.0 - floor))
    return posterior("S1n", [np.log(s / a0), 0.0, np.log(b0), rho, np.log(kappa), odds, 0.0])


#: Parameters of each form near which draws are made, with labels that matter inside the measured range.
NEAR = {
    "S1": [-6.2, 0.8, 6.6, -0.7, -0.7, -1.2, -0.8],
    "S2": [-0.3, 0.6, 6.2, 0.35, -1.0, 0.2, 5.8, 0.25, 0.0],
    "S3": [-6.0, 0.5, 0.1, -1.5, 0.3, 6.3, -0.2, 0.5, 0.0],
}


def mixed_posterior(each=6, sd=0.4):
    """Draws of all fitted forms around plausible parameters, by a fixed low-discrepancy sequence."""
    names, rows = [], []
    for name in NEAR:
        centre = np.array(NEAR[name])
        steps = np.arange(1, each + 1)[:, None] * np.sqrt(np.array([2, 3, 5, 7, 11, 13, 17, 19, 23])[: len(centre)])
        rows.append(np.pad(centre + sd * (2.0 * (steps % 1.0) - 1.0), ((0, 0), (0, 9 - len(centre))), constant_values=np.nan))
        names += [name] * each
        assert len(centre) == len(FORMS[name].parameter_names)
    return posterior(names, np.vstack(rows))
