"""Rows of the measurement table for one batch of runs, without what only the grid knows."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from econ.lab.accounting import label_ledger
from econ.lab.grid import ModelSize, Training
from econ.lab.knobs import KNOBS_OF, Knobs
from econ.lab.label_sets import split_validation
from econ.lab.pool import POOL_SIZE, risky_share
from econ.lab.programs import base_hash, base_item, differing, run_id

if TYPE_CHECKING:
    from econ.lab.job import Job, Metrics, Trained
    from econ.lab.programs import Run

_BASE_METRICS: dict[tuple[str, str, int], Metrics] = {}
#: Knobs with a column of their own in the measurement table.
_KNOB_COLUMNS = ("v", "coverage", "bias", "flag_bias", "confounding", "comp", "harm_weight")


def table_rows(job: Job, trained: Trained) -> list[dict[str, Any]]:
    """One row per run and test distribution."""
    samples = job.context.settings["evaluation"]["samples"]
    base_metrics = _base_metrics(job, samples)
    metrics = trained.metrics
    if job.method.trainer == "none":
        metrics = base_metrics
    elif metrics is None:
        metrics = job.context.evaluate(job.arch, trained.outcome.flat, job.base, job.runs, samples)
    rows = []
    for i, run in enumerate(job.runs):
        shared = _run_columns(job, run, trained, i)
        for distribution, own in metrics[i].items():
            before = base_metrics[i][distribution]
            rows.append(
                shared | own | {
                    "distribution": distribution,
                    **job.context.verdicts(own, before, bool(trained.outcome.finite[i])),
                    **{f"{name}_base": before[name] for name in job.context.base_columns},
                }
            )  # fmt: skip
    return rows


def _base_metrics(job: Job, samples: int) -> list[Metrics]:
    """Metrics of the base models, kept for the process: every batch of a world asks for the same."""
    context, out = job.context, []
    for i, run in enumerate(job.runs):
        evaluation = json.dumps(context.settings["evaluation"])
        key = (base_hash(base_item(run.world, run.knobs, context.task), context.settings), evaluation, run.knobs.coverage)
        if key not in _BASE_METRICS:
            base = job.base[i : i + 1]
            _BASE_METRICS[key] = context.evaluate(job.arch, base, base, [run], samples)[0]
        out.append(_BASE_METRICS[key])
    return out


def _run_columns(job: Job, run: Run, trained: Trained, i: int) -> dict[str, Any]:
    settings, method, outcome = job.context.settings, job.method, trained.outcome
    training, knobs, config = Training(**settings["training"]), job.context.knobs(run), dict(run.config)
    bought, labels = run.labels, trained.labels[i]
    held = sum(len(split_validation(len(own), training)[1]) for own in labels.values())
    steps, improving = int(outcome.steps[i]), bool(outcome.improving[i])
    miss, false_alarm = knobs.noise
    extra = {key: x for key, x in config.items() if key not in ("lr", "beta")}
    extra |= _unusual(knobs) | _protocol(run, training, settings["model"])
    task, known = job.context.task, KNOBS_OF[job.context.task]
    costs = label_ledger(
        bought, sum(x.positives for x in labels.values()),
        {kind: (x.bits_total, x.bits_harm) for kind, x in labels.items()},
        knobs.coverage if "coverage" in known else 0, trained.usage[i], _searched(job, run),
    )  # fmt: skip
    return {
        "run_id": run_id(run, settings), "program": run.program, "task": task, "method": run.method,
        "label_kind": method.label_kind, "loss_family": method.loss_family, "polarity": method.polarity,
        "format": method.format, "stage": run.stage, "world": run.world, "optimiser_seed": run.optimiser_seed,
        "n": sum(bought.values()), "a": sum(n for kind, n in bought.items() if kind.startswith("flag")),
        "b": bought.get("preference", 0), "n_validation": held, "tuning_judgements": run.tuning_judgements,
        **{key: getattr(knobs, key) for key in _KNOB_COLUMNS if key in known}, "miss": miss, "false_alarm": false_alarm,
        "lr": config.get("lr"), "beta": config.get("beta"), "extra": json.dumps(extra, sort_keys=True),
        "steps": steps, "best_step": int(outcome.best_step[i]), "edge": run.edge, "scorer_weak": False,
        "capped": improving and steps == training.max_steps,
        "under_trained": improving and steps < training.max_steps,
        **{key: None if isinstance(x, float) and not math.isfinite(x) else x for key, x in asdict(costs).items()},
        **trained.columns[i],
    }  # fmt: skip


def _searched(job: Job, run: Run) -> float:
    """Prompts looked at for those judged: as they come in distribution, until enough of them are risky.

    All kinds of labels are of the same prompts, so these are searched for once.
    """
    if run.knobs.sampling == "passive" or not run.labels:
        return 0.0
    return min(max(run.labels.values()), POOL_SIZE) / risky_share(job.context.world(run))


def _protocol(run: Run, training: Training, model: dict[str, Any]) -> dict[str, Any]:
    """The half of the pool that was labelled, where there are halves; training and model that are not as usual."""
    own = differing(training.model_dump(mode="json"), Training().model_dump(mode="json"))
    size = differing(model, ModelSize().model_dump(mode="json"))
    facts = (("half", run.half), ("training", own or None), ("model", size or None))
    return {key: x for key, x in facts if x is not None}


def _unusual(knobs: Knobs) -> dict[str, Any]:
    """Knobs that differ from the reference and have no column of their own."""
    reference, named = Knobs(), (*_KNOB_COLUMNS, "flag_noise")
    values = {key: getattr(knobs, key) for key in Knobs.model_fields if key not in named}
    return {key: value for key, value in values.items() if value != getattr(reference, key)}
