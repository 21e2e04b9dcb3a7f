"""Learned scorers of a batch of runs: trained once each, kept in the store, shared by all who ask.

A scorer depends on the world's base model, the labels, the optimiser's seed and the settings, and on
nothing else of a run: `scorer_run` is a run without the rest, and its hash names the stored scorer. Two
processes that train one at the same time write the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from econ.lab.grid import Training
from econ.lab.label_sets import split_validation, stack_labels
from econ.lab.methods import METHODS
from econ.lab.policy_settings import ScorerTraining
from econ.lab.programs import Run, scorer_hash, scorer_run
from econ.lab.scorer_quality import scorer_quality
from econ.lab.scorers import SCORER_LOSSES, train_scorers

if TYPE_CHECKING:
    from torch import Tensor

    from econ.lab.job import Context
    from econ.lab.model import Architecture


@dataclass(frozen=True)
class Learned:
    """The scorers of R runs.

    Attributes
    ----------
    flat : (R, P + d + 1)
    facts : list of dict
        Steps and quality of each, columns of `scorers.parquet`.
    flops : list of float
        Floating-point operations of training each.
    """

    flat: Tensor
    facts: list[dict[str, Any]]
    flops: list[float]


def load_scorers(arch: Architecture, runs: list[Run], base: Tensor, context: Context) -> Learned:
    """The scorers that runs of one method learn from; those not yet stored are trained."""
    needed = [scorer_run(run) for run in runs]
    make_scorers(arch, needed, base, context)
    names = [scorer_hash(run, context.settings) for run in needed]
    flat = torch.stack([torch.as_tensor(context.store.arrays(name)["flat"], device=context.device) for name in names])
    stored = [context.store.facts(name) for name in names]
    return Learned(flat, [own["quality"] for own in stored], [own["flops"] for own in stored])


def make_scorers(arch: Architecture, runs: list[Run], base: Tensor, context: Context) -> None:
    """Train and store the scorers of runs of `scorer_run` that are not stored, or damaged."""
    missing = {}
    for row, run in enumerate(runs):
        name = scorer_hash(run, context.settings)
        if name not in missing and not context.store.has(name):
            missing[name] = row
    if missing:
        rows = list(missing.values())
        _make(arch, [runs[row] for row in rows], base[rows], list(missing), context)


def _make(arch: Architecture, runs: list[Run], base: Tensor, names: list[str], context: Context) -> None:
    kind, spec = METHODS[runs[0].method].scorer, ScorerTraining(**context.settings["scorer"])
    training = Training(**context.settings["training"])
    labels = [next(iter(context.labels(run).values())) for run in runs]
    prompts = [context.prompts(run) for run in runs]
    stacked = stack_labels(prompts, labels, context.device)
    keys = [(run.optimiser_seed, run.world) for run in runs]
    fitted = train_scorers(arch, base, stacked, SCORER_LOSSES[kind], keys, spec, training)
    for i, (run, name) in enumerate(zip(runs, names, strict=True)):
        quality = scorer_quality(kind, arch, fitted.flat[i : i + 1], base[i : i + 1], run, context)
        steps = int(fitted.steps[i])
        facts = {
            "quality": {"kind": kind, "steps": steps, "best_step": int(fitted.best_step[i])} | finite(quality),
            "flops": scorer_flops(arch, len(labels[i]), labels[i].responses.shape[1], steps, spec, training),
        }  # fmt: skip
        context.store.save(name, {"flat": fitted.flat[i].cpu().numpy()}, facts)


def finite(values: dict[str, float | None]) -> dict[str, float | None]:
    """The same with None for what is not a number."""
    return {key: None if x is None or not np.isfinite(x) else float(x) for key, x in values.items()}


def scorer_flops(
    arch: Architecture, n: int, sequences: int, steps: int, spec: ScorerTraining, training: Training
) -> float:
    """6 N per trained token, 2 N per scored one of held-out labels; the samples judged are charged too."""
    tokens = arch.length * sequences * arch.parameters
    held = len(split_validation(n, training)[1])
    return float(tokens * (6 * spec.batch * steps + 2 * held * (steps // spec.check_every) + 2 * n))
