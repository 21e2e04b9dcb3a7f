"""Feedback written by rules, in the manner of Constitutional AI (Bai et al. 2022).

Four arms. `cai_sl`: a base sample goes through rounds of critique and revision under drafted rules, and
the policy learns the end results. `cai_dpo`: two samples of that policy are judged under one rule, and
DPO with soft labels goes on from it; its reference is the policy of the first stage, not the base model.
`cai_dpo_base`: the same comparison of two base samples, without a first stage. In these three humans draft
the rules and judge nothing; `cai_rl` (`constitutional_rl`) adds their pairs about helpfulness.

The first stage is stored under what it depends on, so that configurations of the second and a resumed
grid share it. Responses are sampled in blocks of prompts of one size, so that budgets are nested bit for
bit. Everything the critic and the samplers draw is keyed by (seed, world): arms share prompts and noise.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from econ.core.files import content_hash
from econ.core.streams import Stream
from econ.lab import RESULTS_VERSION
from econ.lab.accounting import REVISION_ROUNDS, Usage
from econ.lab.critic import PAIR_ITEM, Critic
from econ.lab.evaluation import gumbel
from econ.lab.grid import Training
from econ.lab.job import Job, Trained
from econ.lab.label_sets import stack_labels
from econ.lab.labels import Labels
from econ.lab.methods import METHODS
from econ.lab.model import PROMPT, Decoder, response_mask
from econ.lab.offline import checks, curve_rows, training_flops
from econ.lab.programs import Run, base_hash, base_item
from econ.lab.training import Outcome, train
from econ.lab.training_state import Saver

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    Ints = NDArray[np.int64]

#: Prompts sampled at once; fixed, so that no result depends on the budget or on memory.
BLOCK = 256
#: Items of the critic's stream that hold Gumbel noise, by round or candidate and then by block.
_REVISION_NOISE, _SAMPLE_NOISE, _BLOCKS = 1_000, 2_000, 100


# Trainers ------------------------------------------------------------------------------------------
def train_revisions(job: Job) -> Trained:
    """`cai_sl`: the likelihood of base samples after all rounds of critique and revision."""
    labels = revise_samples(job)
    outcome = _train_on(job, job.base, labels, job.config())
    return _trained(job, outcome, labels, [_revision_flops(job, steps) for steps in outcome.steps.tolist()])


def train_base_comparisons(job: Job) -> Trained:
    """`cai_dpo_base`: DPO on two samples of the base model, judged under one rule."""
    labels = []
    for run in job.runs:
        pool, own = job.context.base(run).pool, slice(run.start, run.start + critic_budget(run))
        labels.append(_judged(job, run, pool.responses[own, :2], pool.reference[own, :2]))
    return _train_comparisons(job, job.base, labels, [0.0] * len(job.runs))


def train_comparisons(job: Job) -> Trained:
    """`cai_dpo`: DPO from the policy of `cai_sl` on two of its samples, judged under one rule."""
    first, flops = revised_policies(job)
    return _train_comparisons(job, first, compare_samples(job, first), flops)


def _train_comparisons(job: Job, start: Tensor, labels: list[Labels], spent: list[float]) -> Trained:
    noise = [[job.context.knobs(run).critic_noise] for run in job.runs]
    # The soft labels must know how far the critic can be trusted.
    config = job.config() | {"critic_noise": torch.tensor(noise, dtype=torch.float32, device=start.device)}
    outcome = _train_on(job, start, labels, config)
    flops = [
        before + training_flops(job.arch, critic_budget(run), 2, steps, training_of(job))
        for run, before, steps in zip(job.runs, spent, outcome.steps.tolist(), strict=True)
    ]
    return _trained(job, outcome, labels, flops)


def _train_on(
    job: Job, start: Tensor, labels: list[Labels], config: dict[str, Tensor], watched: bool = True
) -> Outcome:
    """Gradient steps from policies (R, P) on one kind of labels."""
    assert job.method.objective is not None
    return train(
        job.arch, start, {labels[0].kind: stack_labels(job.prompts(), labels, job.context.device)}, config,
        job.method.objective, [(run.optimiser_seed, run.world) for run in job.runs], training_of(job),
        checks(job) if watched else None, job.saver,
    )  # fmt: skip


def _trained(job: Job, outcome: Outcome, labels: list[Labels], flops: list[float]) -> Trained:
    by_kind = [{kind: own for kind in run.labels} for run, own in zip(job.runs, labels, strict=True)]
    usage = [Usage(own) for own in flops]
    return Trained(outcome, usage, by_kind, [{} for _ in job.runs], curves=curve_rows(job, outcome))


def training_of(job: Job) -> Training:
    """How a job is trained."""
    return Training(**job.context.settings["training"])


def critic_budget(run: Run) -> int:
    """Prompts on which a run buys labels of the critic."""
    return next(n for kind, n in run.labels.items() if kind.startswith("critic"))


# The first stage -----------------------------------------------------------------------------------
def revised_policies(job: Job) -> tuple[Tensor, list[float]]:
    """Policies (R, P) of `cai_sl` at the rate `sl_lr`, and the operations that each took.

    Each distinct one is trained once and stored.
    """
    store, names = job.context.store, [stage_name(job, run) for run in job.runs]
    rows = [i for i, name in enumerate(names) if name not in names[:i] and not store.has(name)]
    if rows:
        saver = Saver(job.saver.path.with_suffix(".first.npz"))
        first = replace(
            job, method=METHODS["cai_sl"], runs=[job.runs[i] for i in rows], base=job.base[rows], saver=saver
        )
        outcome = _train_on(first, first.base, revise_samples(first), {"lr": job.config()["sl_lr"][rows]}, watched=False)
        for row, i in enumerate(rows):
            flops = _revision_flops(job, int(outcome.steps[row]))
            store.save(names[i], {"flat": outcome.flat[row].cpu().numpy()}, {"flops": flops})
        saver.path.unlink(missing_ok=True)
    flat = np.stack([store.arrays(name)["flat"] for name in names])
    return torch.as_tensor(flat, device=job.base.device), [float(store.facts(name)["flops"]) for name in names]


def stage_name(job: Job, run: Run) -> str:
    """Hash of all that the first stage of a run depends on."""
    settings, knobs = job.context.settings, job.context.knobs(run)
    own = [
        run.start, critic_budget(run), dict(run.config)["sl_lr"], run.optimiser_seed, knobs.coverage, knobs.critic_noise
    ]  # fmt: skip
    base = base_hash(base_item(run.world, run.knobs), settings)
    return content_hash(["cai_sl", base, own, settings["training"], RESULTS_VERSION])[:24]


def _revision_flops(job: Job, steps: int) -> float:
    """A base sample, another for every round of revision, and training on the end result."""
    n = critic_budget(job.runs[0])
    resampled = 2.0 * (job.arch.length - 1) * job.arch.parameters * n * REVISION_ROUNDS
    return resampled + training_flops(job.arch, n, 1, steps, training_of(job))


# Critique and revision -----------------------------------------------------------------------------
def critic_of(job: Job, run: Run) -> Critic:
    """The AI judge of a run."""
    knobs = job.context.knobs(run)
    return Critic(job.context.world(run), job.context.settings["seed"], knobs.coverage, knobs.critic_noise)


@torch.no_grad()
def revise_samples(job: Job) -> list[Labels]:
    """The first base sample of every prompt of the budget after all rounds, for each run."""
    n, device, done = critic_budget(job.runs[0]), job.base.device, []
    critics, pools = [critic_of(job, run) for run in job.runs], [job.context.base(run).pool for run in job.runs]
    for block in _blocks(job):
        decoder = Decoder(job.arch, job.base, _prompts(job, block))
        response = torch.as_tensor(np.stack([pool.responses[block, 0] for pool in pools]), device=device)
        for round_ in range(REVISION_ROUNDS):
            named, masked = [], []
            for critic, pool, own in zip(critics, pools, response.cpu().numpy(), strict=True):
                rule = critic.rules(round_, block)
                named.append(critic.critique(pool.combo[block], own, rule, round_, block))
                masked.append(critic.masked(rule))
            noise = _noise(job, _REVISION_NOISE + _BLOCKS * round_, block)
            response = revise(decoder, response, _stack(named, device), _stack(masked, device), noise)
        done.append(response)
    nothing = np.zeros((n, 1))
    return [
        Labels("critic_revision", own[:n, None], nothing.astype(np.float32), nothing != 0, np.nan, np.nan)
        for own in torch.cat(done, 1).cpu().numpy()
    ]


def revise(decoder: Decoder, response: Tensor, named: Tensor, masked: Tensor, noise: Tensor) -> Tensor:
    """Draw the named positions of responses anew, in order, each given all that stands before it.

    Parameters
    ----------
    decoder : Decoder
        Having read the prompts (R, N).
    response, named : (R, N, L)
        Token ids; positions to draw anew, bool.
    masked : (R, N, V) bool
        Tokens that no position drawn anew may take.
    noise : (R, N, L, V) float32
        Gumbel noise.

    Returns
    -------
    (R, N, L) int64
    """
    cache, log_probs = list(decoder.prompt_cache), decoder.first
    tokens: list[Tensor] = []
    for t in range(response.shape[2]):
        if t > 0:
            log_probs = decoder.step(tokens[-1], PROMPT + t - 1, cache)
        drawn = torch.argmax((log_probs + noise[:, :, t]).masked_fill(masked, -torch.inf), -1)
        tokens.append(torch.where(named[:, :, t], drawn, response[:, :, t]))
    return torch.stack(tokens, 2)


# Comparisons ---------------------------------------------------------------------------------------
@torch.no_grad()
def compare_samples(job: Job, flat: Tensor) -> list[Labels]:
    """Two samples of policies (R, P) for every prompt of the budget, judged, for each run."""
    n, responses, reference = critic_budget(job.runs[0]), [], []
    for block in _blocks(job):
        decoder = Decoder(job.arch, flat, _prompts(job, block))
        for candidate in (0, 1):
            response, log_probs = decoder.sample(_noise(job, _SAMPLE_NOISE + _BLOCKS * candidate, block))
            picked = log_probs.gather(-1, response[..., None])[..., 0] * response_mask(job.arch.shape, response)
            responses.append(response)
            reference.append(picked.sum(-1))

    def pairs(parts: list[Tensor]) -> NDArray[np.generic]:
        """Blocks of either candidate to (R, n, 2, …)."""
        both = torch.stack([torch.cat(parts[0::2], 1), torch.cat(parts[1::2], 1)], 2)
        return np.asarray(both[:, :n].cpu().numpy())

    found = zip(job.runs, pairs(responses), pairs(reference), strict=True)
    return [_judged(job, run, own, log_prob) for run, own, log_prob in found]


def _judged(job: Job, run: Run, responses: Ints, reference: NDArray[np.float32]) -> Labels:
    """Pairs (n, 2, L) with the verdicts on both under one drafted rule each."""
    critic, index = critic_of(job, run), np.arange(run.start, run.start + len(responses))
    combo, rule = job.context.base(run).pool.combo[index], critic.rules(PAIR_ITEM, index)
    scorer = job.context.setting(run).scorer
    violates = np.stack(
        [scorer(*(torch.as_tensor(x, device=job.context.device) for x in (combo, responses[:, j]))).broken.cpu().numpy() != 0
         for j in (0, 1)], 1,
    )  # fmt: skip
    (kind,) = (kind for kind in run.labels if kind.startswith("critic"))
    bits = critic.comparison_bits(combo, responses, rule, violates)
    return Labels(kind, responses, reference, critic.compare(combo, responses, rule, index), *bits)


# Prompts and noise ---------------------------------------------------------------------------------
def _blocks(job: Job) -> list[Ints]:
    """Indices of the prompts in the pool, block by block: whole blocks, though the budget may end in the last."""
    run = job.runs[0]
    end = min(len(job.context.base(run).pool.combo), run.start + critic_budget(run) + (-critic_budget(run)) % BLOCK)
    return [np.arange(start, min(start + BLOCK, end)) for start in range(run.start, end, BLOCK)]


def _prompts(job: Job, block: Ints) -> Tensor:
    """Token ids (R, N, 4)."""
    start = job.runs[0].start
    return torch.as_tensor(np.stack([own[block - start] for own in job.prompts()]), device=job.base.device)


def _noise(job: Job, item: int, block: Ints) -> Tensor:
    """Gumbel noise (R, N, L, V) of a block, the same for all runs of a world."""
    shape = (len(block), job.arch.shape.length, job.arch.shape.vocabulary)
    item, seed, device = item + int(block[0]) // BLOCK, job.context.settings["seed"], job.base.device.type
    by_world = {
        world: gumbel(seed, Stream.LABEL_CRITIC, world, item, shape, device)
        for world in {run.world for run in job.runs}
    }
    return torch.stack([by_world[run.world] for run in job.runs])


def _stack(arrays: list[NDArray[np.bool_]], device: torch.device) -> Tensor:
    return torch.as_tensor(np.stack(arrays), device=device)
