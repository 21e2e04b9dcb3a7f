"""Measurement tables with known answers: every world is a list of outcomes, all the same but for a world effect."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from econ.claims.context import Context
from econ.claims.reading import evidence_of
from econ.claims.resampling import Resampler
from econ.core.measurements import check_measurements

WORLDS = tuple(range(1000, 1016))
BUDGETS = (16, 39, 95, 232, 565, 1378, 3360, 8192)
KINDS = {
    "npo_ret": ("flag", "negative"), "dpo": ("preference", "both"), "flag_dpo": ("flag", "both"),
    "pos_binary": ("flag", "positive"), "hybrid": ("flag+preference", "both"), "flag_bits": ("flag", "negative"),
    "d2o_clean3": ("flag", "negative"), "rm_ppo": ("preference", "both"),
}  # fmt: skip
BASE = 0.5


def world_effect(world: int, sd: float = 0.02) -> float:
    """Deviations that are different between worlds and cancel over the 16 of them."""
    return sd * np.cos(2.0 * np.pi * (world - 1000) / 16.0)


def arm(
    method, harm, *, n=BUDGETS, worlds=WORLDS, distributions=("id", "ood"), config=None, tuned=True, stage="confirm",
    spread=0.02, extra=None, task="A", **columns,
):  # fmt: skip
    """Rows of one arm.

    `harm` and every callable column is a function of (n, distribution) without world effects; `spread`
    is the size of the world effect on harm.
    """
    kind, polarity = KINDS.get(method, ("verification", None))
    rows = []
    for world in worlds:
        for budget in n:
            a, b = {"hybrid": (round(0.85 * budget), budget - round(0.85 * budget)), "dpo": (0, budget)}.get(method, (budget, 0))
            for distribution in distributions:
                own = {key: x(budget, distribution) if callable(x) else x for key, x in columns.items()}
                relative = max(0.0, harm(budget, distribution) + world_effect(world, spread))
                rows.append(
                    {
                        "run_id": f"{method}-{world}-{budget}-{json.dumps([config, extra, own.get('v')], default=str)}",
                        "task": task, "method": method, "label_kind": kind, "polarity": polarity, "stage": stage,
                        "world": world, "optimiser_seed": 1, "n": budget, "a": a, "b": b, "v": 0.93, "coverage": 8,
                        "tuning_judgements": 100 if tuned else 0, "distribution": distribution, "lr": 1e-3,
                        "beta": config if isinstance(config, float) else 0.1, "extra": json.dumps(extra or {}),
                        "collapsed": False, "violation": min(1.0, BASE * relative), "violation_base": BASE, "relative_harm": relative,
                        "helpfulness": 0.6, "helpfulness_base": 0.6, "sycophancy": 0.4, "sycophancy_base": 0.4,
                        "judgements": budget, "completions_read": budget * (2 if b else 1),
                        "human_minutes": 480.0 + 0.7 * budget if a else 1.0 * budget, "fixed_minutes": 480.0 if a else 0.0,
                        "usd": 2.0 * budget, "flops": 1e6 * budget, "bits_total": 0.5 * budget,
                        "bits_harm": (0.7 if a else 0.025) * budget, "config_hash": "abc",
                    } | own
                )  # fmt: skip
    return pd.DataFrame(rows)


def line(start, per_doubling, first=16):
    """Harm that falls by so much with every doubling of labels."""
    return lambda n, distribution: start - per_doubling * np.log2(n / first)


def constant(value):
    """An outcome that no budget changes."""
    return lambda n, distribution: value


def evidence(*frames, name="synthetic"):
    """Evidence from tables that are joined into one."""
    table = pd.concat(frames, ignore_index=True)
    return evidence_of([(name, None, check_measurements(table, name))])


def context(*frames, draws=1000, **options):
    """Context of one joined table, with few draws for speed."""
    return Context(evidence(*frames), Resampler(1, draws), **options)
