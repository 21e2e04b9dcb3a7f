"""The training loop: many runs in one batch, each with its own Adam, validation and stopping.

Steps follow the labels: every kind is visited about `epochs` times, as it would be alone. Where a run
has two kinds, both take part in every step until the smaller one has had its visits; then the other
goes on alone. So few labels are not learnt by heart, and stopping early costs neither kind its share.
Minibatch positions are keyed by (seed, world, step) alone: all methods see the same ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from econ.core.random import word_block
from econ.core.streams import Stream
from econ.lab.adam import Adam
from econ.lab.label_sets import LabelSet, score, score_in_blocks, split_validation
from econ.lab.model import Architecture
from econ.lab.objectives import Config, Objective, Running

if TYPE_CHECKING:
    from torch import Tensor

    from econ.lab.grid import Training
    from econ.lab.training_state import Saver


def steps_for(count: int, training: Training) -> int:
    """Gradient steps for a number of training labels: clip(12 n / B, 10, 600)."""
    return int(np.clip(training.epochs * count // training.batch, training.min_steps, training.max_steps))


@dataclass
class Outcome:
    """What training gave, by run.

    Attributes
    ----------
    flat : (R, P)
        Parameters at the best step.
    steps, best_step : (R,) int64
    improving : (R,) bool
        The last check was the best one.
    finite : (R,) bool
    curves : list of (run, step, train_loss, validation_loss)
    """

    flat: Tensor
    steps: Tensor
    best_step: Tensor
    improving: Tensor
    finite: Tensor
    curves: list[tuple[int, int, float, float]] = field(default_factory=list)


def untrained(base: Tensor, steps: int = 0) -> Outcome:
    """The outcome of runs that stay with their base models (R, P), or start from them."""
    runs = len(base)
    return Outcome(
        base.clone(), torch.full((runs,), steps), torch.full((runs,), steps),
        torch.zeros(runs, dtype=torch.bool), torch.ones(runs, dtype=torch.bool),
    )  # fmt: skip


@dataclass
class _State:
    """The runs still training; `index` says which of all runs they are."""

    index: Tensor
    flat: Tensor
    adam: Adam
    train: dict[str, LabelSet]
    validation: dict[str, LabelSet]
    config: Config
    best: Tensor
    waited: Tensor

    def keep(self, keep: Tensor) -> _State:
        return replace(
            self, index=self.index[keep], flat=self.flat[keep], adam=self.adam.runs(keep),
            train={k: x.runs(keep) for k, x in self.train.items()},
            validation={k: x.runs(keep) for k, x in self.validation.items()},
            config={k: x[keep] for k, x in self.config.items()}, best=self.best[keep], waited=self.waited[keep],
        )  # fmt: skip


@dataclass(frozen=True)
class _Loop:
    """What stays the same over the steps of a batch; `out` is filled in place."""

    arch: Architecture
    objective: Objective
    training: Training
    running: Running | None
    out: Outcome
    on_check: Callable[[int, Tensor, Tensor], None] | None
    total: int


def train(
    arch: Architecture,
    base: Tensor,
    labels: dict[str, LabelSet],
    config: Config,
    objective: Objective,
    keys: list[tuple[int, int]],
    training: Training,
    on_check: Callable[[int, Tensor, Tensor], None] | None = None,
    saver: Saver | None = None,
    running: Running | None = None,
) -> Outcome:
    """Train R runs from their base models.

    Parameters
    ----------
    arch : Architecture
    base : (R, P)
    labels : dict of LabelSet
        By kind, before validation labels are set aside.
    config : dict of (R, 1) tensors
        `lr` and what the objective reads.
    objective : callable
    keys : list of (optimiser seed, world)
        Of each run; the keys of its minibatches.
    training : Training
    on_check : callable, optional
        Called at every check with (step, indices of the runs, their parameters).
    saver : Saver, optional
        Keeps the state on the way, and gives it back after an interruption.
    running : Running, optional
        What the objective carries from step to step.

    Returns
    -------
    Outcome
    """
    state = _first_state(base, labels, config, training, running)
    own_steps = {kind: steps_for(x.count, training) for kind, x in state.train.items()}
    total = max(own_steps.values())
    loop = _Loop(arch, objective, training, running, untrained(base, total), on_check, total)
    positions = _Positions(keys, training.batch, base.device.type)
    start, state = _begin(loop, state, saver)
    for step in range(start, total):
        active = {
            kind: x.at(positions(step, x.count, state.index))
            for kind, x in state.train.items() if step < own_steps[kind]
        }  # fmt: skip
        loss = _step(loop, state, active, step)
        last = step + 1 == total
        if (step + 1) % training.check_every == 0 or last:
            state = _check(loop, state, step + 1, loss)
            if saver is not None and not last:
                saver.save(partial(_saved, state, loop.out, step + 1))
        if len(state.index) == 0:
            break
    if not state.validation:
        loop.out.flat[state.index] = state.flat
    return loop.out


def _first_state(
    base: Tensor, labels: dict[str, LabelSet], config: Config, training: Training, running: Running | None
) -> _State:
    """All runs at their base models, some of their labels set aside for validation."""
    parts = {kind: split_validation(x.count, training) for kind, x in labels.items()}
    train_sets = {kind: x.rows(parts[kind][0]) for kind, x in labels.items()}
    validation = {kind: x.rows(held) for kind, x in labels.items() if len(held := parts[kind][1])}
    if running is not None:
        config = config | {key: torch.full_like(config["lr"], value) for key, value in running.start.items()}
    runs = len(base)
    return _State(
        torch.arange(runs), base.clone(), Adam.start(base), train_sets, validation, config,
        torch.full((runs,), torch.inf), torch.zeros(runs, dtype=torch.int64),
    )  # fmt: skip


def _begin(loop: _Loop, state: _State, saver: Saver | None) -> tuple[int, _State]:
    """First step and state: as saved by what was interrupted, else checked as they are."""
    saved = saver.load() if saver is not None else None
    if saved is not None:
        return _restore(saved, state, loop.out)
    return 0, _check(loop, state, 0, torch.full((len(state.index),), torch.nan))


_OUTCOME = ("flat", "steps", "best_step", "improving", "finite")
_CONFIG = "config."


def _saved(state: _State, out: Outcome, step: int) -> dict[str, np.ndarray]:
    """Everything that the next step reads and that is not drawn or given anew."""
    now = {"index": state.index, "now": state.flat, "first": state.adam.first, "second": state.adam.second}
    now |= {f"{_CONFIG}{key}": x for key, x in state.config.items()}
    now |= {"best": state.best, "waited": state.waited} | {name: getattr(out, name) for name in _OUTCOME}
    arrays = {name: x.detach().cpu().numpy() for name, x in now.items()}
    return arrays | {"step": np.array(step), "curves": np.array(out.curves, np.float64).reshape(-1, 4)}


def _restore(saved: dict[str, np.ndarray], state: _State, out: Outcome) -> tuple[int, _State]:
    """Step and state as saved; `out` is filled in place."""
    device = state.flat.device
    tensors = {name: torch.as_tensor(x) for name, x in saved.items() if name not in ("step", "curves")}
    for name in _OUTCOME:
        getattr(out, name).copy_(tensors[name])
    out.curves += [(int(run), int(step), own, held) for run, step, own, held in saved["curves"].tolist()]
    kept = torch.zeros(len(state.index), dtype=torch.bool)
    kept[tensors["index"]] = True
    state = state.keep(kept)
    state.flat = tensors["now"].to(device)
    state.adam = Adam(tensors["first"].to(device), tensors["second"].to(device))
    state.best, state.waited = tensors["best"].to(device), tensors["waited"]
    state.config = state.config | {
        name.removeprefix(_CONFIG): x.to(device) for name, x in tensors.items() if name.startswith(_CONFIG)
    }
    return int(saved["step"]), state


class _Positions:
    """Minibatch positions (R, B) of a step, common to all runs of one (seed, world)."""

    def __init__(self, keys: list[tuple[int, int]], batch: int, device: str) -> None:
        self._keys, self._batch, self._device = keys, batch, device
        self._step, self._words = -1, {(0, 0): np.zeros(0, np.uint32)}

    def __call__(self, step: int, count: int, runs: Tensor) -> Tensor:
        if step != self._step:
            self._step, self._words = step, {}
        rows = []
        for run in runs.tolist():
            key = self._keys[run]
            if key not in self._words:
                self._words[key] = word_block(key[0], Stream.MINIBATCH, key[1], step, self._batch)
            # floor(count * u) in integers: the same on every device.
            rows.append(self._words[key].astype(np.uint64) * np.uint64(count) >> np.uint64(32))
        return torch.as_tensor(np.stack(rows).astype(np.int64), device=self._device)


def _step(loop: _Loop, state: _State, batch: dict[str, LabelSet], step: int) -> Tensor:
    """One gradient step of the runs still training; the loss of each."""
    training, running = loop.training, loop.running
    flat = state.flat.requires_grad_(True)
    scored = score(loop.arch, flat, batch)
    loss = loop.objective(scored, state.config)
    (gradient,) = torch.autograd.grad(loss.sum(), flat)
    rate = state.config["lr"][:, 0] * min(1.0, (step + 1) / training.warm_up)
    with torch.no_grad():
        state.flat, finite = state.adam.step(flat.detach(), gradient, rate, step, training.clip)
        loop.out.finite[state.index] &= (finite & torch.isfinite(loss)).cpu()
        if running is not None:
            state.config = state.config | running.update(scored, state.config)
    return loss.detach()


@torch.no_grad()
def _check(loop: _Loop, state: _State, step: int, train_loss: Tensor) -> _State:
    """Validate, remember the best parameters, and drop the runs that have stopped improving."""
    out = loop.out
    if loop.on_check is not None:
        loop.on_check(step, state.index, state.flat)
    if not state.validation:
        losses = torch.full_like(train_loss, torch.nan)
    else:
        losses = loop.objective(score_in_blocks(loop.arch, state.flat, state.validation), state.config)
        better = losses < state.best.to(losses.device)
        state.best = torch.where(better, losses, state.best.to(losses.device))
        state.waited = torch.where(better.cpu(), torch.zeros_like(state.waited), state.waited + 1)
        chosen = state.index[better.cpu()]
        out.flat[chosen] = state.flat[better]
        out.best_step[chosen] = step
        out.improving[state.index] = better.cpu()
    for run, own, held in zip(state.index.tolist(), train_loss.tolist(), losses.tolist(), strict=True):
        out.curves.append((run, step, own, held))
    stopped = state.waited >= loop.training.patience
    if not state.validation or step == loop.total or not bool(stopped.any()):
        return state
    out.steps[state.index[stopped]] = step
    return state.keep(~stopped)
