"""Measurement tables from a known truth, in the laboratory's design and schema."""

import numpy as np
import pandas as pd

from econ.core.random import normal, uniform
from econ.core.streams import Stream
from econ.surfaces.forms import sigmoid
from econ.surfaces.recovery import BUDGETS, LEVELS, synthetic_rates

V = LEVELS


def measurements(
    truth="S1, sigma 1.5", worlds=16, seed=1, budgets=BUDGETS, v=V, world_sd=0.2, distributions=("ood",)
):
    """A table like the laboratory's; `world_sd` is the spread of worlds' responsiveness (0.2 is about 0.07 in H)."""
    grid = [(a, b, level) for level in v for a in budgets for b in budgets if a or b]
    a, b, level = (np.array(column, float) for column in zip(*grid, strict=True))
    parts = []
    for k, distribution in enumerate(distributions):
        rate, base = synthetic_rates(truth, seed, a, b, level, worlds, world_sd, k)
        parts += [_rows(i, distribution, a, b, level, rate[i], base[i], seed, k) for i in range(worlds)]
    return pd.concat(parts, ignore_index=True)


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


def critic_measurements(harm, worlds=8, seed=1, budgets=(16, 39, 95, 232, 565, 1378, 3360, 8192), distributions=("id", "ood"), world_sd=0.15):
    """A table of labels that a critic wrote, whose relative harm follows `harm(n)`; worlds differ in responsiveness."""
    n = np.array((0, *budgets))
    parts = []
    for k, distribution in enumerate(distributions):
        for i in range(worlds):
            base = 0.5 + 0.02 * normal(seed, Stream.SYNTHETIC, i, k, 5, 0)
            z = normal(seed, Stream.SYNTHETIC, i, k, 6, np.arange(len(n)))
            change = np.log(harm(np.maximum(n, 1e-9))) * (1.0 + world_sd * z[0])
            parts.append(
                pd.DataFrame(
                    {
                        "run_id": [f"critic-{i}-{j}" for j in range(len(n))], "task": "A", "method": np.where(n > 0, "cai_dpo", "base"),
                        "label_kind": np.where(n > 0, "critic", "none"), "stage": "confirm", "world": 1000 + i, "n": n, "a": 0, "b": 0,
                        "v": 0.93, "distribution": distribution,
                        "violation": np.where(n > 0, base * np.exp(change + 0.005 * z), base), "violation_base": base,
                        "helpfulness": 0.6 - 0.08 * n / (n + 900.0) + 0.002 * z, "helpfulness_base": 0.6, "ai_calls": 9 * n, "fixed_minutes": 600.0,
                        "judgements": 6 * n,
                    }
                )
            )  # fmt: skip
    table = pd.concat(parts, ignore_index=True)
    return table.assign(relative_harm=table["violation"] / table["violation_base"])
