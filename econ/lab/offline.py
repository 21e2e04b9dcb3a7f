"""Trainers that need no sampling: controls, and every loss on a fixed set of labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from econ.lab.accounting import KINDS, Usage
from econ.lab.evaluation import refuse_all
from econ.lab.grid import Training
from econ.lab.job import Job, Metrics, Trained
from econ.lab.label_sets import LabelSet, split_validation, stack_labels, with_reference
from econ.lab.programs import run_id
from econ.lab.tables import CURVE_METRICS
from econ.lab.training import Outcome, steps_for, train, untrained

if TYPE_CHECKING:
    from collections.abc import Callable

    from econ.lab.labels import Labels
    from econ.lab.model import Architecture


def train_none(job: Job) -> Trained:
    """The base model as it is."""
    nothing: list[dict[str, Any]] = [{} for _ in job.runs]
    return Trained(untrained(job.base), [Usage()] * len(job.runs), [{} for _ in job.runs], nothing)


def train_refusal(job: Job) -> Trained:
    """The policy that refuses every prompt, in closed form."""
    names = tuple(job.context.settings["evaluation"]["distributions"])
    metrics: list[Metrics] = [
        refuse_all(job.arch, job.base[i : i + 1], job.context.setting(run), names) for i, run in enumerate(job.runs)
    ]
    trained = train_none(job)
    trained.metrics = metrics
    return trained


def train_offline(job: Job) -> Trained:
    """Gradient steps on the labels bought, by the method's objective."""
    if not job.runs[0].labels:
        return train_none(job)
    settings, labels = job.context.settings, job.labels()
    training, objective = Training(**settings["training"]), job.method.objective
    assert objective is not None
    sets = {kind: label_set(job, labels, kind) for kind in job.runs[0].labels}

    outcome = train(
        job.arch, job.base, sets, job.config(), objective, [(run.optimiser_seed, run.world) for run in job.runs],
        training, checks(job), job.saver, job.method.running,
    )  # fmt: skip
    usage = [
        Usage(sum(training_flops(job.arch, n, KINDS[kind].sequences, steps, training) for kind, n in run.labels.items()))
        for run, steps in zip(job.runs, outcome.steps.tolist(), strict=True)
    ]
    return Trained(outcome, usage, labels, [{} for _ in job.runs], curves=curve_rows(job, outcome))


def checks(job: Job) -> Callable[[int, torch.Tensor, torch.Tensor], None] | None:
    """What is done at every check of training: metrics into the saver's notes, where curves hold them."""
    if job.context.settings["evaluation"]["curves"] != "metrics":
        return None

    def on_check(step: int, index: torch.Tensor, flat: torch.Tensor) -> None:
        chosen = [job.runs[i] for i in index.tolist()]
        metrics = job.context.evaluate(job.arch, flat, job.base[index], chosen, samples=1)
        job.saver.notes += [[i, step, own] for i, own in zip(index.tolist(), metrics, strict=True)]

    return on_check


def label_set(job: Job, labels: list[dict[str, Labels]], kind: str) -> LabelSet:
    """Labels of one kind of all runs, every response scored by its base model."""
    stacked = stack_labels(job.prompts(), [own[kind] for own in labels], job.context.device)
    if not bool(torch.isnan(stacked.reference).any()):
        return stacked
    return with_reference(job.arch, job.base, stacked)


def curve_rows(job: Job, outcome: Outcome) -> list[dict[str, Any]]:
    """Rows of `curves.parquet`, with the metrics that the saver's notes hold as (run, step, metrics)."""
    measured: dict[tuple[int, int], Metrics] = {(i, step): own for i, step, own in job.saver.notes}
    ids = [run_id(run, job.context.settings) for run in job.runs]
    rows = []
    for run, step, train_loss, validation_loss in outcome.curves:
        losses = {"train_loss": _finite(train_loss), "validation_loss": _finite(validation_loss)}
        by_distribution: Metrics = measured.get((run, step), {"": {}})
        for distribution, metrics in by_distribution.items():
            row = {"run_id": ids[run], "step": step, "distribution": distribution or None}
            rows.append(row | {name: metrics.get(name) for name in CURVE_METRICS} | losses)
    return rows


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def training_flops(arch: Architecture, n: int, sequences: int, steps: int, training: Training) -> float:
    """Operations of training on n labels of some sequences each, those that validate among them.

    6 N per trained token, 2 N per sampled or scored one; the samples judged are charged too. A sequence
    takes the network through its prompt and all but the last token of its response.
    """
    held = len(split_validation(n, training)[1])
    tokens = (arch.length - 1) * sequences * arch.parameters
    trained = 6 * tokens * training.batch * min(steps_for(n - held, training), steps)
    return float(trained + 2 * tokens * held * (steps / training.check_every + 1) + 2 * tokens * n)
