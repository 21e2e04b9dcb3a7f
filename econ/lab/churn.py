"""Churn: how much P(violation) changes at a prompt between two trainings that differ in one respect."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.lab.world import prompt_weights

if TYPE_CHECKING:
    from econ.lab.programs import Run
    from econ.lab.world import World


@dataclass(frozen=True)
class Trace:
    """One run's P(violation) at every prompt.

    Attributes
    ----------
    run : Run
    run_id : str
    protocol : str
        Hash of how it was trained and measured; only runs with one protocol are compared.
    violation : (2, N) float32
        From two independent sets of samples.
    """

    run: Run
    run_id: str
    protocol: str
    violation: np.ndarray


def compare(one: np.ndarray, other: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """Churn between two models, with what sampling alone can do to it.

    Parameters
    ----------
    one, other : (2, N)
        P(violation) of each model from two independent sets of samples, which the models share.
    weight : (N,)
        Probability of each prompt.

    Returns
    -------
    dict
        `churn`: mean over prompts of |P - P'|, both sets pooled. Sampling can only add to it, in
        expectation at most `churn_floor`: the churn that models with no difference would show if they
        did not share their noise, from the difference between sets of one model, which is wider than
        that between pooled models by √2. `churn_squared`: mean over prompts of (P - P')², as the
        product of the differences in the two sets, in which independent noise has mean zero.
    """
    difference = one.astype(np.float64) - other
    noise = [float(weight @ np.abs(x[0].astype(np.float64) - x[1])) for x in (one, other)]
    return {
        "churn": float(weight @ np.abs(difference.mean(0))),
        "churn_floor": math.hypot(*noise) / 2,
        "churn_squared": float(weight @ (difference[0] * difference[1])),
    }


#: Fields of a run in which two may differ, and the run without them.
_COMPARED: dict[str, Callable[[Run], Run]] = {
    "half": lambda run: replace(run, half=None),
    "optimiser_seed": lambda run: replace(run, optimiser_seed=0),
}


def churn_rows(
    traces: list[Trace], world_of: Callable[[Run], World], distributions: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Rows of `churn.parquet`: every two runs that differ in their half of the pool alone, or in their seed."""
    rows = []
    for compared, without in _COMPARED.items():
        alike: dict[tuple[Run, str], list[Trace]] = {}
        for trace in traces:
            if getattr(trace.run, compared) is not None:
                alike.setdefault((without(trace.run), trace.protocol), []).append(trace)
        for group in alike.values():
            ordered = sorted(group, key=lambda trace: getattr(trace.run, compared))
            for one, other in itertools.combinations(ordered, 2):
                rows += _pair_rows(one, other, compared, world_of(one.run), distributions)
    return rows


def _pair_rows(
    one: Trace, other: Trace, compared: str, world: World, distributions: tuple[str, ...]
) -> list[dict[str, Any]]:
    run = one.run
    shared = {
        "run_id": one.run_id, "other_run_id": other.run_id, "compared": compared, "stage": run.stage,
        "method": run.method, "world": run.world, "n": sum(run.labels.values()),
    }  # fmt: skip
    return [
        shared | {"distribution": distribution}
        | compare(one.violation, other.violation, prompt_weights(world, distribution, run.knobs.confounding))
        for distribution in distributions
    ]  # fmt: skip
