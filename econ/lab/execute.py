"""One task in one process: pretrain the bases of some worlds, or train and evaluate a batch of runs."""

from __future__ import annotations

import json
import resource
import time
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from econ.lab.accounting import KINDS, Ledger, label_ledger
from econ.lab.evaluation import Setting, collapsed, evaluate, refuse_all
from econ.lab.grid import Pretraining, Training
from econ.lab.knobs import BASE_RATES, Knobs
from econ.lab.labels import Labels, Raters, matched_noise
from econ.lab.methods import METHODS
from econ.lab.model import Architecture
from econ.lab.pool import POOL_SIZE, Pool
from econ.lab.pretraining import Base, fill_pool, pretrain
from econ.lab.programs import Run, Task, base_hash, base_item, run_id
from econ.lab.scoring import Scorer
from econ.lab.store import Store
from econ.lab.training import (
    LabelSet,
    Outcome,
    split_validation,
    stack_labels,
    steps_for,
    train,
    untrained,
    with_reference,
)
from econ.lab.training_state import Saver
from econ.lab.world import WORLD_A, World, draw_world

#: Tokens through which a sequence takes the network: a prompt and all but the last of its response.
TOKENS = 9


def execute(task: Task, folder: Path, device: str = "cpu") -> None:
    """Do a task and store what it gave."""
    store = Store(folder)
    if task.kind == "pretrain":
        _pretrain(task, store, device)
    else:
        _train(task, store, device)


def architecture(settings: dict[str, Any]) -> Architecture:
    """The transformer of a grid."""
    return Architecture(WORLD_A, **settings["model"])


@lru_cache(maxsize=64)
def _world(seed: int, number: int, base_rate: str, refusal: str) -> World:
    return draw_world(seed, number, base_rate=BASE_RATES[base_rate], refusal=refusal == "on")


def _world_of(settings: dict[str, Any], item: dict[str, Any]) -> World:
    return _world(settings["seed"], item["world"], item["base_rate"], item["refusal"])


def _pretrain(task: Task, store: Store, device: str) -> None:
    started, settings = time.perf_counter(), task.settings
    arch, seed = architecture(settings), settings["seed"]
    worlds = [_world_of(settings, item) for item in task.items]
    flat = pretrain(arch, worlds, seed, Pretraining(**settings["pretraining"]), device)
    for row, (world, item) in enumerate(zip(worlds, task.items, strict=True)):
        pool = fill_pool(
            arch, flat[row : row + 1], world, seed, float(item["confounding"]), settings["candidates"], POOL_SIZE
        )
        arrays = {
            "flat": flat[row].cpu().numpy(), "combo": pool.combo.astype(np.int16), "opinion": pool.opinion.astype(np.int8),
            "responses": pool.responses.astype(np.int8), "reference": pool.reference,
        }  # fmt: skip
        store.save(base_hash(item, settings), arrays, {})
    store.save(task.hash, {}, _facts(task, started, len(worlds)))


def load_base(store: Store, item: dict[str, Any], settings: dict[str, Any], device: str = "cpu") -> Base:
    """A stored base model with its pool."""
    arrays = store.arrays(base_hash(item, settings))
    whole = {name: arrays[name].astype(np.int64) for name in ("combo", "opinion", "responses")}
    pool = Pool(whole["combo"], whole["opinion"], whole["responses"], arrays["reference"])
    return Base(torch.as_tensor(arrays["flat"], device=device), pool)


def _facts(task: Task, started: float, runs: int) -> dict[str, Any]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "program": task.program, "kind": task.kind, "runs": runs,
        "seconds": round(time.perf_counter() - started, 3), "peak_bytes": peak,
    }  # fmt: skip


def _train(task: Task, store: Store, device: str) -> None:
    started, settings = time.perf_counter(), task.settings
    arch, runs = architecture(settings), [Run.from_plain(item) for item in task.items]
    context = _Context(settings, store, device)
    base = torch.stack([context.base(run).flat for run in runs])
    curves: list[dict[str, Any]] = []
    method = METHODS[runs[0].method]
    if method.objective is None or not runs[0].labels:
        outcome = untrained(base)
        labels: list[dict[str, Labels]] = [{} for _ in runs]
    else:
        labels = [context.labels(run) for run in runs]
        saver = Saver(store.folder / f"{task.hash}.training.npz")
        outcome = _train_batch(arch, runs, base, labels, context, curves, saver)
    rows = _rows(arch, runs, base, labels, outcome, context)
    facts = _facts(task, started, len(runs))
    for row in rows:
        row["seconds"] = facts["seconds"] / len(runs)
    store.save(task.hash, {}, facts | {"rows": rows, "curves": curves})
    (store.folder / f"{task.hash}.training.npz").unlink(missing_ok=True)


class _Context:
    """What the runs of a batch share: settings, bases, worlds and labels, each loaded once."""

    def __init__(self, settings: dict[str, Any], store: Store, device: str) -> None:
        self.settings, self.device, self._store = settings, device, store
        self._bases: dict[str, Base] = {}
        self._scorers: dict[int, Scorer] = {}

    def base(self, run: Run) -> Base:
        item = base_item(run.world, run.knobs)
        key = base_hash(item, self.settings)
        if key not in self._bases:
            self._bases[key] = load_base(self._store, item, self.settings, self.device)
        return self._bases[key]

    def world(self, run: Run) -> World:
        return _world_of(self.settings, base_item(run.world, run.knobs))

    def labels(self, run: Run) -> dict[str, Labels]:
        source = METHODS[run.method].labels
        control = source if source in ("random", "shuffled") else ""
        raters = Raters(self.world(run), self.base(run).pool, self.knobs(run), self.settings["seed"], control)
        return {kind: raters.give(kind, n) for kind, n in run.labels.items()}

    def knobs(self, run: Run) -> Knobs:
        """Knobs as run: those of the grid, but for the flag noise of an arm with matched bits."""
        if METHODS[run.method].labels != "matched_bits":
            return run.knobs
        noise = matched_noise(self.world(run), self.base(run).pool, run.knobs, self.settings["seed"])
        return run.knobs.model_copy(update={"flag_noise": (noise, noise)})

    def setting(self, run: Run) -> Setting:
        world = self.world(run)
        if id(world) not in self._scorers:
            self._scorers[id(world)] = Scorer(world, self.device)
        return Setting(world, self._scorers[id(world)], run.knobs.confounding, run.knobs.coverage)

    def evaluate(
        self, arch: Architecture, flat: torch.Tensor, base: torch.Tensor, runs: list[Run], samples: int
    ) -> list[dict[str, dict[str, float]]]:
        return evaluate(
            arch, flat, base, [self.setting(run) for run in runs], seed=self.settings["seed"], samples=samples,
            distributions=tuple(self.settings["evaluation"]["distributions"]),
        )  # fmt: skip


def _train_batch(
    arch: Architecture, runs: list[Run], base: torch.Tensor, labels: list[dict[str, Labels]],
    context: _Context, curves: list[dict[str, Any]], saver: Saver,
) -> Outcome:  # fmt: skip
    settings, device = context.settings, context.device
    sets = {kind: _label_set(runs, labels, kind, context) for kind in runs[0].labels}
    config = {
        key: torch.tensor([[dict(run.config)[key]] for run in runs], dtype=torch.float32, device=device)
        for key, _ in runs[0].config
    }
    objective = METHODS[runs[0].method].objective
    assert objective is not None

    def on_check(step: int, index: torch.Tensor, flat: torch.Tensor) -> None:
        chosen = [runs[i] for i in index.tolist()]
        metrics = context.evaluate(arch, flat, base[index], chosen, samples=1)
        saver.notes += [[i, step, own] for i, own in zip(index.tolist(), metrics, strict=True)]

    outcome = train(
        arch, base, sets, config, objective, [(run.optimiser_seed, run.world) for run in runs],
        Training(**settings["training"]), on_check if settings["evaluation"]["curves"] == "metrics" else None,
        saver,
    )  # fmt: skip
    measured = {(i, step): own for i, step, own in saver.notes}
    curves += _curve_rows(runs, outcome, measured, settings)
    return outcome


def _label_set(runs: list[Run], labels: list[dict[str, Labels]], kind: str, context: _Context) -> LabelSet:
    prompts = []
    for run in runs:
        pool = context.base(run).pool
        prompts.append(context.world(run).prompt_tokens(pool.combo, pool.opinion))
    stacked = stack_labels(prompts, [own[kind] for own in labels], context.device)
    if not bool(torch.isnan(stacked.reference).any()):
        return stacked
    base = torch.stack([context.base(run).flat for run in runs])
    return with_reference(architecture(context.settings), base, stacked)


def _curve_rows(
    runs: list[Run], outcome: Outcome, measured: dict[tuple[int, int], dict[str, dict[str, float]]], settings: dict[str, Any]
) -> list[dict[str, Any]]:  # fmt: skip
    wanted = ("violation", "helpfulness", "sycophancy", "over_refusal", "entropy", "kl")
    ids = [run_id(run, settings) for run in runs]
    rows = []
    for run, step, train_loss, validation_loss in outcome.curves:
        losses = {"train_loss": _finite(train_loss), "validation_loss": _finite(validation_loss)}
        by_distribution = measured.get((run, step), {"": {}})
        for distribution, metrics in by_distribution.items():
            row = {"run_id": ids[run], "step": step, "distribution": distribution or None}
            rows.append(row | {name: metrics.get(name) for name in wanted} | losses)
    return rows


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _rows(
    arch: Architecture, runs: list[Run], base: torch.Tensor, labels: list[dict[str, Labels]],
    outcome: Outcome, context: _Context,
) -> list[dict[str, Any]]:  # fmt: skip
    """Rows of the measurement table, without what only the grid knows."""
    settings, samples = context.settings, context.settings["evaluation"]["samples"]
    base_metrics = _base_metrics(arch, runs, base, context, samples)
    if runs[0].method == "refuse_all":
        names = tuple(settings["evaluation"]["distributions"])
        metrics = [refuse_all(arch, base[i : i + 1], context.setting(run), names) for i, run in enumerate(runs)]
    elif runs[0].method == "base":
        metrics = base_metrics
    else:
        metrics = context.evaluate(arch, outcome.flat, base, runs, samples)
    rows = []
    for i, run in enumerate(runs):
        shared = _run_columns(arch, run, context.knobs(run), labels[i], outcome, i, settings)
        for distribution, own in metrics[i].items():
            before = base_metrics[i][distribution]
            rows.append(
                shared | own | {
                    "distribution": distribution,
                    "collapsed": collapsed(own, before, bool(outcome.finite[i])),
                    "relative_harm": own["violation"] / before["violation"],
                    **{f"{name}_base": before[name] for name in _BASE_COLUMNS},
                }
            )  # fmt: skip
    return rows


_BASE_COLUMNS = ("violation", "helpfulness", "sycophancy", "over_refusal", "entropy")
_BASE_METRICS: dict[tuple[str, str, int], dict[str, dict[str, float]]] = {}


def _base_metrics(
    arch: Architecture, runs: list[Run], base: torch.Tensor, context: _Context, samples: int
) -> list[dict[str, dict[str, float]]]:
    """Metrics of the base models, kept for the process: every batch of a world asks for the same."""
    out = []
    for i, run in enumerate(runs):
        evaluation = json.dumps(context.settings["evaluation"])
        key = (base_hash(base_item(run.world, run.knobs), context.settings), evaluation, run.knobs.coverage)
        if key not in _BASE_METRICS:
            _BASE_METRICS[key] = context.evaluate(arch, base[i : i + 1], base[i : i + 1], [run], samples)[0]
        out.append(_BASE_METRICS[key])
    return out


def _run_columns(
    arch: Architecture, run: Run, knobs: Knobs, labels: dict[str, Labels], outcome: Outcome, i: int,
    settings: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    method, training = METHODS[run.method], Training(**settings["training"])
    config, bought = dict(run.config), run.labels
    held = {kind: len(split_validation(n, training)[1]) for kind, n in bought.items()}
    steps, improving = int(outcome.steps[i]), bool(outcome.improving[i])
    pairs = bought.get("preference", 0)
    miss, false_alarm = knobs.noise
    flags = sum(n for kind, n in bought.items() if kind.startswith("flag"))
    extra = {key: x for key, x in config.items() if key not in ("lr", "beta")} | _unusual(knobs)
    costs: Ledger = label_ledger(
        bought, sum(x.positives for x in labels.values()),
        {kind: (x.bits_total, x.bits_harm) for kind, x in labels.items()}, knobs.coverage,
        _flops(arch, bought, held, steps, training),
    )  # fmt: skip
    return {
        "run_id": run_id(run, settings), "program": run.program, "task": "A", "method": run.method,
        "label_kind": method.label_kind, "loss_family": method.loss_family, "polarity": method.polarity,
        "format": method.format, "stage": run.stage, "world": run.world, "optimiser_seed": run.optimiser_seed,
        "n": sum(bought.values()), "a": flags, "b": pairs,
        "n_validation": sum(held.values()), "tuning_judgements": run.tuning_judgements,
        "v": knobs.v, "coverage": knobs.coverage, "bias": knobs.bias, "flag_bias": knobs.flag_bias,
        "confounding": knobs.confounding, "comp": knobs.comp, "harm_weight": knobs.harm_weight,
        "miss": miss, "false_alarm": false_alarm,
        "lr": config.get("lr"), "beta": config.get("beta"), "extra": json.dumps(extra, sort_keys=True),
        "steps": steps, "best_step": int(outcome.best_step[i]), "edge": run.edge, "scorer_weak": False,
        "capped": improving and steps == training.max_steps,
        "under_trained": improving and steps < training.max_steps,
        **{key: None if isinstance(x, float) and not np.isfinite(x) else x for key, x in asdict(costs).items()},
    }  # fmt: skip


def _unusual(knobs: Knobs) -> dict[str, Any]:
    """Knobs that differ from the reference and have no column of their own."""
    own = ("pair_flip", "pair_temperature", "base_rate", "refusal", "raters")
    reference = Knobs()
    return {key: getattr(knobs, key) for key in own if getattr(knobs, key) != getattr(reference, key)}


def _flops(arch: Architecture, bought: dict[str, int], held: dict[str, int], steps: int, training: Training) -> float:
    """6 N per trained token, 2 N per sampled or scored one; base samples judged are charged too."""
    own = {kind: steps_for(n - held[kind], training) for kind, n in bought.items()}
    total = 0.0
    for kind, n in bought.items():
        tokens = TOKENS * KINDS[kind].sequences * arch.parameters
        total += 6 * tokens * training.batch * min(own[kind], steps)
        total += 2 * tokens * held[kind] * (steps / training.check_every + 1)
        total += 2 * tokens * n
    return total
