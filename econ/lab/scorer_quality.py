"""How good a learned scorer is: against fresh labels of the same raters, and against the truth.

Measured on prompts beyond the pool, each with two fresh base samples, so that nothing judged has
trained anything. Written for every run, and never read by training.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from econ.core.streams import Stream
from econ.lab.evaluation import gumbel
from econ.lab.labels import HELP_SCALE
from econ.lab.pool import POOL_SIZE, Pool, pool_prompts
from econ.lab.pretraining import sample_candidates
from econ.lab.scorers import score_heads, score_in_blocks
from econ.lab.truth import Fresh

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from econ.lab.model import Architecture
    from econ.lab.programs import Run
    from econ.lab.truth import Judges, Truth

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

#: Prompts judged; number of their noise, beyond any step; bins of the calibration error.
PROMPTS, _NOISE, BINS = 1024, 1_000_000, 10
#: Scorers below these are weak: AUC of a verifier against violations, pair accuracy against labels.
WEAK_AUC, WEAK_ACCURACY = 0.70, 0.55


def auc(score: Floats, positive: Bools) -> float:
    """Area under the ROC curve: P(score of a positive > score of a negative), ties a half; NaN without both.

    Examples
    --------
    >>> auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    0.75
    """
    from scipy.stats import rankdata

    count = int(positive.sum())
    if count in (0, len(positive)):
        return float("nan")
    ranks = rankdata(score)[positive].sum()
    return float((ranks - count * (count + 1) / 2) / (count * (len(positive) - count)))


def calibration_error(probability: Floats, happened: Bools, bins: int = BINS) -> float:
    """Expected calibration error (Guo et al. 2017): mean over equal-width bins of |mean p - frequency|."""
    which = np.minimum((probability * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(which, probability - happened, bins)
    return float(np.abs(gaps).sum() / len(probability))


def fresh_answers(arch: Architecture, base: Tensor, run: Run, truth: Truth) -> Fresh:
    """Fresh prompts in distribution, and what the base model (1, P) answers to them."""
    world, pool, seed = truth.world(run), truth.base(run).pool, truth.settings["seed"]
    combo, opinion = pool_prompts(world, seed, run.knobs.confounding, POOL_SIZE + PROMPTS, run.knobs.sampling)
    prompt = world.prompt_tokens(combo[POOL_SIZE:], opinion[POOL_SIZE:])
    whole = extended(arch, base, pool, combo, opinion, prompt, partial(gumbel, seed, Stream.SCORER, world.number))
    violations, utility, scorer = [], [], truth.setting(run).scorer
    for candidate in (0, 1):
        responses = torch.as_tensor(whole.responses[POOL_SIZE:, candidate], device=truth.device)
        scores = scorer(torch.as_tensor(combo[POOL_SIZE:], device=truth.device), responses)
        broken = scores.broken.cpu().numpy()
        violations.append(broken)
        utility.append(HELP_SCALE * scores.helpfulness.double().cpu().numpy() - run.knobs.harm_weight * (broken != 0))
    codes = np.stack(violations, 1)
    return Fresh(whole, prompt, codes != 0, np.stack(utility, 1), codes)


def extended(
    arch: Architecture, base: Tensor, pool: Pool, combo: NDArray[np.int64], opinion: NDArray[np.int64],
    prompt: NDArray[np.int64], noise_of: Callable[[int, tuple[int, ...], str], Tensor],
) -> Pool:  # fmt: skip
    """A pool with prompts (of tokens `prompt`) and two samples of each after its end."""
    tokens = torch.as_tensor(prompt, device=base.device)
    responses, reference = sample_candidates(arch, base, tokens, noise_of, _NOISE, 2)
    return Pool(
        combo, opinion, np.concatenate([pool.responses[:, :2], responses]),
        np.concatenate([pool.reference[:, :2], reference]),
    )  # fmt: skip


def scorer_quality(
    kind: str, arch: Architecture, scorer: Tensor, base: Tensor, run: Run, truth: Truth
) -> dict[str, float | None]:
    """Columns of `scorers.parquet` for one scorer (1, P + d + 1) trained for a run."""
    fresh = truth.fresh(arch, base, run)
    prompt = torch.as_tensor(fresh.prompt, device=scorer.device)[None]
    by_candidate = [
        score_in_blocks(arch, scorer, prompt, torch.as_tensor(fresh.responses[None, :, c], device=scorer.device))[0]
        for c in (0, 1)
    ]
    scores = torch.stack(by_candidate, 1).double().cpu().numpy()
    first = fresh.utility[:, 0] > fresh.utility[:, 1]
    differ = fresh.utility[:, 0] != fresh.utility[:, 1]
    # A verifier scores what is wrong, a reward model what is right.
    sign = 1 if kind == "reward" else -1
    gap = sign * (scores[:, 0] - scores[:, 1])
    found: dict[str, float | None] = {
        "auc_truth": auc((-sign * scores).ravel(), fresh.violates.ravel()),
        "pair_accuracy_truth": _accuracy(gap[differ], first[differ]),
    }
    against = _against_pairs if kind == "reward" else _against_flags
    found |= against(scores, fresh, truth.raters(run, fresh.pool))
    return found | _by_rule(arch, scorer, prompt, fresh, run, truth) if kind == "rule_verifier" else found


def _by_rule(
    arch: Architecture, scorer: Tensor, prompt: Tensor, fresh: Fresh, run: Run, truth: Truth
) -> dict[str, float | None]:
    """AUC of the drafted rules' own heads against the truth, the mean over the rules of each sort."""
    responses = torch.as_tensor(fresh.responses[None, :, 0], device=scorer.device)
    scores = score_in_blocks(arch, scorer, prompt, responses, score_heads)[0, :, 1:].double().cpu().numpy()
    drafted = truth.setting(run).scorer.drafted(run.knobs.coverage)
    found: dict[str, float | None] = {}
    for sort, rules in truth.world(run).rules_by_sort.items():
        own = [auc(scores[:, k], fresh.broken[:, 0] >> k & 1 == 1) for k in rules if drafted >> k & 1]
        known = [value for value in own if np.isfinite(value)]
        found[f"auc_{sort}"] = float(np.mean(known)) if known else None
    return found


def pair_ceilings(chance: Floats, utility: Floats, differ: Bools) -> dict[str, float]:
    """How well pairs can be ordered at all, by the labels themselves and by who knows their chances.

    Parameters
    ----------
    chance : (N,) float
        P(the first is preferred).
    utility : (N, 2) float
        True utilities; pairs of equal ones are left out where the truth is asked.
    differ : (N,) bool
        Pairs of two different responses; the others are left out where labels are asked.

    Returns
    -------
    dict
        `labels_truth`: share of labels that agree with the truth; `best_labels`, `best_truth`: accuracy
        against labels and against the truth of the order that is likelier to be given.

    Examples
    --------
    >>> pair_ceilings(np.array([0.9, 0.4]), np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([True, True]))
    {'labels_truth': 0.65, 'best_labels': 0.75, 'best_truth': 0.5}
    """
    told = utility[:, 0] != utility[:, 1]
    first = utility[told, 0] > utility[told, 1]
    return {
        "labels_truth": float(np.where(first, chance[told], 1.0 - chance[told]).mean()),
        "best_labels": float(np.maximum(chance, 1.0 - chance)[differ].mean()),
        "best_truth": _accuracy(chance[told] - 0.5, first),
    }


def _accuracy(gap: Floats, first: Bools) -> float:
    """Share of pairs ordered right, ties a half; NaN without pairs."""
    if len(gap) == 0:
        return float("nan")
    return float(np.where(gap == 0, 0.5, (gap > 0) == first).mean())


def _against_flags(scores: Floats, fresh: Fresh, raters: Judges) -> dict[str, float | None]:
    flagged = raters.give("flag", len(scores), POOL_SIZE).flagged[:, 0]
    return {
        "auc_labels": auc(scores[:, 0], flagged), "pair_accuracy_labels": None,
        "calibration_error": calibration_error(_sigmoid(scores[:, 0]), flagged),
    }  # fmt: skip


def _against_pairs(scores: Floats, fresh: Fresh, raters: Judges) -> dict[str, float | None]:
    chosen = raters.give("preference", len(scores), POOL_SIZE).responses[:, 0]
    first = (chosen == fresh.responses[:, 0]).all(-1)
    differ = (fresh.responses[:, 0] != fresh.responses[:, 1]).any(-1)
    gap = (scores[:, 0] - scores[:, 1])[differ]
    return {
        "auc_labels": None, "pair_accuracy_labels": _accuracy(gap, first[differ]),
        "calibration_error": calibration_error(_sigmoid(gap), first[differ]),
    }  # fmt: skip


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -500, 500))))


def is_weak(kind: str, quality: dict[str, float | None]) -> bool:
    """Whether a scorer is too poor to stand for what its labels could teach."""
    name, least = ("pair_accuracy_labels", WEAK_ACCURACY) if kind == "reward" else ("auc_truth", WEAK_AUC)
    found = quality[name]
    return found is None or not found >= least
