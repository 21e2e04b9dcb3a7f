"""Measurement tables from a known truth, in the laboratory's design and schema."""

import numpy as np
import pandas as pd

from econ.core.random import normal, uniform
from econ.core.streams import Stream
from econ.surfaces.forms import FORMS, logit, sigmoid
from econ.surfaces.least_squares import harm_at

BUDGETS = (0, 16, 64, 256, 1024, 4096)
V = (1.0, 0.75, 0.5, 0.25, 0.1)
#: Form and parameters. At the status quo and v = 0.5 the local elasticities of S2 are 0.70 and 1.51.
TRUTHS = {
    "S1, sigma 1.5": ("S1", [-6.2, 0.8, 6.6, logit(1 / 3), -0.7, -1.2, -0.8]),
    "S1, sigma 3": ("S1", [-6.2, 0.8, 6.6, logit(2 / 3), -0.4, -1.2, -0.8]),
    "S2, complements": ("S2", [-0.1, 0.6, 6.2, 0.0, -1.0, 0.2, 5.8, 0.0, 0.4]),
    "S2, substitutes": ("S2", [-0.1, 0.6, 6.2, 0.0, -0.6, 0.2, 5.8, -0.223, 2.6]),
    "S3": ("S3", [-6.2, 0.8, 0.1, -0.8, -0.6, 5.8, 0.0, -0.3, -0.2]),
    "flat": ("S2", [-12.0, 0.0, 6.2, 0.0, -12.0, 0.0, 6.0, 0.0, 0.0]),
}


def measurements(
    truth="S1, sigma 1.5", worlds=16, seed=1, budgets=BUDGETS, v=V, world_sd=0.2, distributions=("ood",)
):
    """A table like the laboratory's; `world_sd` is the spread of worlds' responsiveness (0.2 is about 0.07 in H)."""
    form, theta = FORMS[TRUTHS[truth][0]], np.array([TRUTHS[truth][1]])
    grid = [(a, b, level) for level in v for a in budgets for b in budgets if a or b]
    a, b, level = (np.array(column, float) for column in zip(*grid, strict=True))
    harm = harm_at(form, theta, a, b, level)[0]
    parts = []
    for k, distribution in enumerate(distributions):
        world = np.arange(worlds)
        base = sigmoid(0.5 + 0.3 * normal(seed, Stream.SYNTHETIC, world, k, 0, 0))
        response = 1.0 + world_sd * normal(seed, Stream.SYNTHETIC, world, k, 1, 0)
        noise = 0.05 * normal(seed, Stream.SYNTHETIC, world[:, None], k, 2, np.arange(len(a)))
        change = logit(base[:, None] * harm) - logit(base)[:, None]
        rate = sigmoid(logit(base)[:, None] + response[:, None] * change + noise)
        parts += [_rows(i, distribution, a, b, level, rate[i], base[i], seed, k) for i in world]
    return pd.concat(parts, ignore_index=True)


def truth_at(truth, a, b, v):
    """True relative harm at labels a and b."""
    form, theta = TRUTHS[truth]
    return harm_at(FORMS[form], np.array([theta]), *(np.asarray(t, float) for t in (a, b, v)))[0]


def truth_position(truth, v=0.5):
    """True half-saturation of flags and true σ at the status quo."""
    form, theta = FORMS[TRUTHS[truth][0]], np.array([TRUTHS[truth][1]])
    p = form.at(theta, np.array([[v]]))
    sigma = form.elasticity_of_substitution(p, np.array([[1.0]]), np.array([[4.0]]))
    return p["a_half"].item(), sigma.item()


def _rows(world, distribution, a, b, v, rate, base, seed, k):
    a, b, v, rate = (
        np.concatenate([[first], rest]) for first, rest in ((0, a), (0, b), (1.0, v), (base, rate))
    )
    phi_a, phi_b = a / (a + 300), b / (b + 300)
    jitter = 0.01 * normal(seed, Stream.SYNTHETIC, world, k, 3, np.arange(len(a)))
    kind = np.select([(a > 0) & (b > 0), a > 0, b > 0], ["flag+preference", "flag", "preference"], "none")
    frame = pd.DataFrame(
        {
            "run_id": [f"{world}-{i}" for i in range(len(a))],
            "task": "A",
            "method": np.where(kind == "none", "base", "hybrid"),
            "label_kind": kind,
            "stage": "confirm",
            "world": 1000 + world,
            "n": a + b,
            "a": a,
            "b": b,
            "v": v,
            "distribution": distribution,
            "violation": rate,
            "violation_base": base,
            "relative_harm": rate / base,
            "helpfulness": 0.6 - 0.08 * phi_a + 0.1 * phi_b + jitter,
            "sycophancy": sigmoid(-0.4 + 1.2 * phi_b + 4 * jitter),
            "over_refusal": sigmoid(-2.0 + (0.5 + 0.8 * (1 - v)) * phi_a - 0.5 * phi_b + 4 * jitter),
            "collapsed": uniform(seed, Stream.SYNTHETIC, world, k, 4, np.arange(len(a))) < 0.02,
            "human_minutes": 0.7 * a + 1.0 * b + 600.0 * (a > 0),
            "judgements": (a + b).astype(int),
        }
    )
    return frame.assign(helpfulness_base=0.6, sycophancy_base=sigmoid(-0.4), over_refusal_base=sigmoid(-2.0))
