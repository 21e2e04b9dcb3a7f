"""On-policy training: many runs in one batch sample, are rewarded, and step; generic in the problem.

A step samples several responses to some prompts, asks the problem for their rewards, makes advantages
of them as the algorithm says, and takes one or more gradient steps. Divergence from the base model
enters as an advantage, -β_KL (k1 - mean k1), k1 = log π - log π_ref of a sample. Prompts and Gumbel
noise are keyed by (optimiser seed, world, step) alone: all methods see the same ones.

To train on another world, give a `Problem` of it; nothing here knows what a response means.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from econ.lab import policy_gradient as pg
from econ.lab.adam import Adam
from econ.lab.algorithms import Algorithm
from econ.lab.model import (
    PROMPT,
    Architecture,
    features,
    head_logits,
    linear,
    picked_log_probs,
    response_mask,
    sequences,
    token_log_probs,
    unpack,
)
from econ.lab.rollouts import Draws, Problem, sample
from econ.lab.training import Outcome, untrained

if TYPE_CHECKING:
    from torch import Tensor

    from econ.lab.objectives import Config
    from econ.lab.policy_settings import OnPolicy
    from econ.lab.training_state import Saver

#: The value head learns at so many times the policy's rate, as in Zhu et al. (2025), appendix C.
CRITIC_RATE = 10.0
#: Number of the noise of held-out prompts, beyond any step; the same at every check.
_HELD_OUT_NOISE = 1_000_000


@dataclass
class _State:
    """The runs still training; `index` says which of all runs they are."""

    index: Tensor
    flat: Tensor
    adam: Adam
    value: Tensor
    value_adam: Adam
    base: Tensor
    config: Config
    best: Tensor
    waited: Tensor

    def keep(self, keep: Tensor) -> _State:
        whole = {name: getattr(self, name)[keep] for name in ("index", "flat", "value", "base", "best", "waited")}
        return replace(
            self, **whole, adam=self.adam.runs(keep), value_adam=self.value_adam.runs(keep),
            config={key: x[keep] for key, x in self.config.items()},
        )  # fmt: skip


@dataclass(frozen=True)
class _Rollout:
    """Samples of one step under the policy that made them; token-wise quantities are (A, N, L)."""

    prompt: Tensor
    response: Tensor
    mask: Tensor
    old: Tensor
    advantage: Tensor
    reward: Tensor


@dataclass
class _Loop:
    """What stays the same over the steps of a batch; `out` is filled in place."""

    arch: Architecture
    problem: Problem
    algorithm: Algorithm
    spec: OnPolicy
    draws: Draws
    out: Outcome
    on_check: Callable[[int, Tensor, Tensor], None] | None
    total: int


def train_policies(
    arch: Architecture,
    base: Tensor,
    problem: Problem,
    algorithm: Algorithm,
    config: Config,
    spec: OnPolicy,
    *,
    steps: int | None = None,
    on_check: Callable[[int, Tensor, Tensor], None] | None = None,
    saver: Saver | None = None,
) -> Outcome:
    """Train R runs from their base models.

    Parameters
    ----------
    arch : Architecture
    base : (R, P)
        Where the runs start, and what they are held to.
    problem : Problem
    algorithm : Algorithm
    config : dict of (R, 1) tensors
        `lr`, `beta_kl`, and what the algorithm reads.
    spec : OnPolicy
        Prompts, samples, checks.
    steps : int, optional
        Steps of the policy, in place of those of `spec`.
    on_check : callable, optional
        Called at every check with (step, indices of the runs, their parameters).
    saver : Saver, optional
        Keeps the state on the way, and gives it back after an interruption.

    Returns
    -------
    Outcome
        In `curves` the training loss is minus the mean reward of the step's samples, and the validation
        loss minus the held-out objective.
    """
    total = spec.steps if steps is None else steps
    draws = Draws(problem, spec, arch, base.device.type)
    loop = _Loop(arch, problem, algorithm, spec, draws, untrained(base, total), on_check, total)
    start, state = _begin(loop, _first_state(arch, base, config), saver)
    for step in range(start, total):
        rollout = _roll_out(loop, state, step)
        for epoch in range(algorithm.epochs):
            _update(loop, state, rollout, step, epoch)
        last = step + 1 == total
        if (step + 1) % spec.check_every == 0 or last:
            state = _check(loop, state, step + 1, -rollout.reward.mean(-1))
            if saver is not None and not last:
                saver.save(partial(_saved, state, loop.out, step + 1))
        if len(state.index) == 0:
            break
    if not problem.held_out:
        loop.out.flat[state.index] = state.flat
    return loop.out


def _first_state(arch: Architecture, base: Tensor, config: Config) -> _State:
    """All runs at their base models, the value heads at zero."""
    runs = len(base)
    value = torch.zeros(runs, arch.width + 1, device=base.device)
    return _State(
        torch.arange(runs), base.clone(), Adam.start(base), value, Adam.start(value), base, config,
        torch.full((runs,), -torch.inf), torch.zeros(runs, dtype=torch.int64),
    )  # fmt: skip


def _begin(loop: _Loop, state: _State, saver: Saver | None) -> tuple[int, _State]:
    """First step and state: as saved by what was interrupted, else checked as they are."""
    saved = saver.load() if saver is not None else None
    if saved is not None:
        return _restore(saved, state, loop.out)
    return 0, _check(loop, state, 0, torch.full((len(state.index),), torch.nan))


@torch.no_grad()
def _roll_out(loop: _Loop, state: _State, step: int) -> _Rollout:
    """Sample, reward, and turn rewards into advantages of tokens."""
    spec, arch = loop.spec, loop.arch
    number = loop.draws.prompts(step, state.index)
    read = _prompts(loop.problem, state.index, number)
    noise = loop.draws.noise(step, spec.prompts * spec.samples, state.index)
    response, old = sample(arch, state.flat, read, noise, spec.samples)
    number = number.repeat_interleave(spec.samples, 1)
    prompt = read.repeat_interleave(spec.samples, 1)
    reward = loop.problem.reward(state.index, number, response)
    mask = response_mask(arch.shape, response)
    grouped = loop.algorithm.advantage(reward.view(-1, spec.prompts, spec.samples), state.config)
    advantage = grouped.reshape(reward.shape) + _divergence(arch, state, prompt, response, old)
    tokens = advantage[..., None].expand_as(old)
    if loop.algorithm.critic:
        tokens = tokens - _policy_and_value(arch, state.flat, state.value, prompt, response)[1]
    return _Rollout(prompt, response, mask, old, tokens, reward)


def _prompts(problem: Problem, runs: Tensor, number: Tensor) -> Tensor:
    return problem.prompts[runs[:, None].to(number.device), number]


def _divergence(arch: Architecture, state: _State, prompt: Tensor, response: Tensor, old: Tensor) -> Tensor:
    """The divergence from the base model as an advantage (A, N)."""
    if not bool((state.config["beta_kl"] > 0).any()):
        return torch.zeros(old.shape[:2], device=old.device)
    reference = token_log_probs(arch, state.base, prompt, response).sum(-1)
    return pg.kl_advantage(old.sum(-1), reference, state.config["beta_kl"])


def _policy_and_value(
    arch: Architecture, flat: Tensor, value: Tensor, prompt: Tensor, response: Tensor
) -> tuple[Tensor, Tensor]:
    """Log-probabilities of tokens and values of the states before them, (A, N, L) each.

    The value head reads the policy's features without moving them.
    """
    weights, count = unpack(arch, flat), prompt.shape[1]
    seen = features(arch, weights, sequences(arch, prompt, response), PROMPT - 1)
    log_probs = picked_log_probs(arch, head_logits(weights, seen, count), response)
    values = linear(seen.detach(), value)
    return log_probs, values.view(log_probs.shape)


def _update(loop: _Loop, state: _State, rollout: _Rollout, step: int, epoch: int) -> None:
    """One gradient step of the policy, and of the value head where there is a critic."""
    flat, value = state.flat.requires_grad_(True), state.value.requires_grad_(True)
    log_probs, values = _policy_and_value(loop.arch, flat, value, rollout.prompt, rollout.response)
    loss = loop.algorithm.loss(log_probs, rollout.old, rollout.advantage, rollout.mask)
    squared = (values - rollout.reward[..., None]) ** 2 * rollout.mask
    value_loss = squared.sum((-2, -1)) / rollout.mask.sum((-2, -1))
    gradient, value_gradient = torch.autograd.grad((loss + value_loss).sum(), (flat, value))
    rate = state.config["lr"][:, 0] * min(1.0, (step + 1) / loop.spec.warm_up)
    count = step * loop.algorithm.epochs + epoch
    with torch.no_grad():
        state.flat, finite = state.adam.step(flat.detach(), gradient, rate, count, loop.spec.clip)
        loop.out.finite[state.index] &= (finite & torch.isfinite(loss)).cpu()
        state.value = value.detach()
        if loop.algorithm.critic:
            state.value, _ = state.value_adam.step(
                state.value, value_gradient, CRITIC_RATE * rate, count, loop.spec.clip
            )


@torch.no_grad()
def _check(loop: _Loop, state: _State, step: int, train_loss: Tensor) -> _State:
    """Measure the held-out objective, remember the best parameters, drop runs that no longer improve."""
    out, held_out = loop.out, loop.problem.held_out
    if loop.on_check is not None:
        loop.on_check(step, state.index, state.flat)
    objective = _held_out_objective(loop, state) if held_out else torch.full((len(state.index),), torch.nan)
    better = objective > state.best
    state.best = torch.where(better, objective, state.best)
    state.waited = torch.where(better, torch.zeros_like(state.waited), state.waited + 1)
    chosen = state.index[better]
    out.flat[chosen] = state.flat[better.to(state.flat.device)]
    out.best_step[chosen] = step
    out.improving[state.index] = better
    for run, own, held in zip(state.index.tolist(), train_loss.tolist(), (-objective).tolist(), strict=True):
        out.curves.append((run, step, own, held))
    stopped = state.waited >= loop.spec.patience
    if not held_out or step == loop.total or not bool(stopped.any()):
        return state
    out.steps[state.index[stopped]] = step
    return state.keep(~stopped)


def _held_out_objective(loop: _Loop, state: _State) -> Tensor:
    """Mean reward less β_KL k1 on the held-out prompts, with the same noise at every check, (A,)."""
    problem, arch = loop.problem, loop.arch
    count = problem.prompts.shape[1]
    number = torch.arange(count - problem.held_out, count, device=state.flat.device).expand(len(state.index), -1)
    prompt = _prompts(problem, state.index, number)
    noise = loop.draws.noise(_HELD_OUT_NOISE, problem.held_out, state.index)
    response, log_probs = sample(arch, state.flat, prompt, noise)
    objective = problem.reward(state.index, number, response).mean(-1)
    beta = state.config["beta_kl"][:, 0]
    if bool((beta > 0).any()):
        reference = token_log_probs(arch, state.base, prompt, response).sum(-1)
        objective = objective - beta * (log_probs.sum(-1) - reference).mean(-1)
    return objective.cpu()


# State on the way ----------------------------------------------------------------------------------
_OUTCOME = ("flat", "steps", "best_step", "improving", "finite")


def _saved(state: _State, out: Outcome, step: int) -> dict[str, np.ndarray]:
    """Everything that the next step reads and that is not drawn or given anew."""
    now = {"index": state.index, "now": state.flat, "value": state.value, "best": state.best, "waited": state.waited}
    for name, adam in (("adam", state.adam), ("value_adam", state.value_adam)):
        now |= {f"{name}_first": adam.first, f"{name}_second": adam.second}
    now |= {name: getattr(out, name) for name in _OUTCOME}
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
    state.flat, state.value = tensors["now"].to(device), tensors["value"].to(device)
    for name in ("adam", "value_adam"):
        setattr(state, name, Adam(tensors[f"{name}_first"].to(device), tensors[f"{name}_second"].to(device)))
    state.best, state.waited = tensors["best"], tensors["waited"]
    return int(saved["step"]), state
