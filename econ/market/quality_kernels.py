"""Helpfulness, over-refusal and sycophancy at many stocks, compiled: means over categories, and slopes.

The formulas are those of `econ.surfaces.secondary`, which computes them one outcome at a time on arrays; tests hold the
two together.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from econ.core import compiled
from econ.surfaces import secondary
from econ.surfaces.secondary import TRAINED_AT

#: Rows of what `means` gives: levels, and slopes in preference labels.
HELP, REFUSED, FLATTERY, HELP_B, FLATTERY_B = range(5)
#: Outcomes in the order of the table; the first stands on its own scale, the others on the logit's.
OUTCOMES = ("helpfulness", "over_refusal", "sycophancy")


def table(*batches: secondary.SecondaryBatch) -> Any:
    """Parameters of the outcomes as compiled code reads them [S, 3, 10], half-saturations as (n50 + 1)^q - 1."""
    columns = np.stack([np.stack(batch.columns, axis=1) for batch in batches], axis=1)
    out = columns.copy()
    out[:, :, 7:9] = np.exp(columns[:, :, 7:9])
    out[:, :, 5:7] = np.expm1(out[:, :, 7:9] * np.log1p(np.exp(columns[:, :, 5:7])))
    return out


def _means(p: Any, v: Any, credit: Any, flags: Any, pairs: Any, level: Any, help_a: Any, flattery_a: Any) -> None:
    kinds = flags.shape[2]
    value, slope_a, slope_b, phi_b, d_b = np.empty((5, 3))
    for i in range(flags.shape[0]):
        for f in range(flags.shape[1]):
            b = pairs[i, f]
            log_b = compiled.log(1.0 + b)
            for o in range(3):
                stock = compiled.exp(p[i, o, 8] * log_b) - 1.0
                share = 1.0 / (stock + p[i, o, 6])
                phi_b[o] = stock * share
                d_b[o] = p[i, o, 6] * share * share * p[i, o, 8] * (stock + 1.0) / (1.0 + b)
            level[:, i, f] = 0.0
            for k in range(kinds):
                a = flags[i, f, k]
                # Divisions take most of the time: one for each denominator.
                log_a, per_a, room = compiled.log(1.0 + a), 1.0 / (1.0 + a), 1.0 / (a + b + TRAINED_AT)
                trained, d_trained = (a + b) * room, TRAINED_AT * room * room
                for o in range(3):
                    stock = compiled.exp(p[i, o, 7] * log_a) - 1.0
                    share = 1.0 / (stock + p[i, o, 5])
                    phi_a = stock * share
                    d_a = p[i, o, 5] * share * share * p[i, o, 7] * (stock + 1.0) * per_a
                    pull_a, u_b, u_ab, u_t = p[i, o, 1] + p[i, o, 2] * v[i, k], p[i, o, 3], p[i, o, 4], p[i, o, 9]
                    score = p[i, o, 0] + pull_a * phi_a + u_b * phi_b[o] + u_ab * phi_a * phi_b[o] + u_t * trained
                    value[o], d_score = score, 1.0
                    if o > 0:
                        value[o] = 1.0 / (1.0 + compiled.exp(-score))
                        d_score = value[o] * (1.0 - value[o])
                    d_t = u_t * d_trained
                    slope_a[o] = d_score * ((pull_a + u_ab * phi_b[o]) * d_a + d_t)
                    slope_b[o] = d_score * ((u_b + u_ab * phi_a) * d_b[o] + d_t)
                for o in range(3):
                    level[o, i, f] += value[o] / kinds
                level[HELP_B, i, f] += (slope_b[0] - credit[i] * slope_b[1]) / kinds
                level[FLATTERY_B, i, f] += slope_b[2] / kinds
                help_a[i, f, k] = (slope_a[0] - credit[i] * slope_a[1]) / kinds
                flattery_a[i, f, k] = slope_a[2] / kinds


#: Of a table [S, 3, 10], verifiability [S, K], credit [S], flags [S, F, K] and pairs [S, F] to levels [5, S, F] and the
#: slopes of help, less the credit for refusals, and of flattery in flags [S, F, K].
means = compiled.kernel(_means, secondary.__file__)
