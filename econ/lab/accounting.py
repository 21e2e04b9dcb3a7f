"""What a run costs: judgements, reading, minutes, money, bits and floating-point operations.

Each axis has its own column; nothing is summed into one "n".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class LabelKind:
    """What one label costs and shows.

    Attributes
    ----------
    minutes : float
        Human minutes (assumed).
    reads, judgements : int
        Completions read and judgements made.
    sequences : int
        Responses that training puts through the network for it, anchors included.
    drafts_rules, tests_rules : bool
        Whether rules must be drafted before the first label; and a verifier of each tested.
    ai_calls : int
        Calls of an AI judge.
    """

    minutes: float
    reads: int
    judgements: int
    sequences: int
    drafts_rules: bool = False
    tests_rules: bool = False
    ai_calls: int = 0


#: Rounds of critique and revision of one response (Bai et al. 2022).
REVISION_ROUNDS = 4
#: Kinds of labels. `flag_rawK` adds K unlabelled base samples as anchors; `flag_cleanK` flags those too.
#: `critic_revision` is one response after all rounds, each a critique that judges it and a revision, both of
#: which read it; `critic_base_pair` two responses under one rule, one call and two judgements; `critic_pair`
#: is both: the revision from which a policy learnt, and a pair of that policy's own answers to the prompt.
KINDS = {
    "preference": LabelKind(1.0, 2, 1, 2),
    "flag": LabelKind(0.7, 1, 1, 1, drafts_rules=True),
    "flag_rule": LabelKind(0.8, 1, 1, 1, drafts_rules=True, tests_rules=True),
    "flag_pair": LabelKind(1.4, 2, 2, 2, drafts_rules=True),
    "flag_raw1": LabelKind(0.7, 1, 1, 2, drafts_rules=True),
    "flag_raw3": LabelKind(0.7, 1, 1, 4, drafts_rules=True),
    "flag_raw11": LabelKind(0.7, 1, 1, 12, drafts_rules=True),
    "flag_clean1": LabelKind(1.4, 2, 2, 2, drafts_rules=True),
    "flag_clean3": LabelKind(2.8, 4, 4, 4, drafts_rules=True),
    "flag_clean11": LabelKind(8.4, 12, 12, 12, drafts_rules=True),
    "desirability": LabelKind(0.5, 1, 1, 2),
    "demonstration": LabelKind(5.0, 4, 1, 1),
    "verification": LabelKind(0.0, 0, 0, 1, drafts_rules=True, tests_rules=True),
    "critic_revision": LabelKind(
        0.0, 2 * REVISION_ROUNDS, REVISION_ROUNDS, 1, drafts_rules=True, tests_rules=True, ai_calls=2 * REVISION_ROUNDS
    ),
    "critic_base_pair": LabelKind(0.0, 2, 2, 2, drafts_rules=True, tests_rules=True, ai_calls=1),
    "critic_pair": LabelKind(
        0.0, 2 * REVISION_ROUNDS + 2, REVISION_ROUNDS + 2, 2, drafts_rules=True, tests_rules=True,
        ai_calls=2 * REVISION_ROUNDS + 1,
    ),
}
#: Minutes of drafting one rule, and of testing its verifier; flags need no verifier.
DRAFT_MINUTES, TEST_MINUTES = 60.0, 15.0
#: Minutes of looking at one prompt to see whether its context is risky (assumed: a glance of six seconds).
SEARCH_MINUTES = 0.1
#: USD of one human minute: the price of a crowd preference label, whose reading is the unit of minutes.
USD_PER_MINUTE = 2.0
#: USD of one AI judgement: the price of an AI preference label in the shipped parameters.
USD_PER_AI_CALL = 0.01


def entropy_bits(p: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy of a coin, bits; 0 at 0 and 1."""
    p = np.clip(np.asarray(p, np.float64), 0.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [np.where(x > 0, -x * np.log2(np.where(x > 0, x, 1.0)), 0.0) for x in (p, 1 - p)]
    return np.asarray(terms[0] + terms[1])


def information(probability: NDArray[np.float64], group: NDArray[np.int64]) -> float:
    """Mutual information between a binary label and a discrete fact, bits per label.

    The label's probability is known for every item, so nothing is estimated but the mix of items:
    I = h(E[p]) - E_g[h(E[p | g])]. With symmetric noise on a binary fact this is the closed form
    h(p') - p h(miss) - (1 - p) h(false alarm).

    Parameters
    ----------
    probability : (M,) float
        P(label = 1) for each item of the pool.
    group : (M,) int
        Value of the fact, from 0.
    """
    size = np.bincount(group).astype(np.float64)
    mean = np.bincount(group, probability) / np.maximum(size, 1.0)
    share = size / size.sum()
    bits = float(entropy_bits(float(share @ mean)) - share @ entropy_bits(mean))
    # A difference below rounding is no information.
    return bits if bits > 1e-12 else 0.0


def information_of_levels(probability: NDArray[np.float64], group: NDArray[np.int64]) -> float:
    """Mutual information between a label of several values and a discrete fact, bits per label.

    Parameters
    ----------
    probability : (M, K) float
        P(label = k) for each item; rows sum to 1.
    group : (M,) int
        Value of the fact, from 0.
    """
    size = np.bincount(group).astype(np.float64)
    sums = np.stack([np.bincount(group, column) for column in probability.T], 1)
    share, mean = size / size.sum(), sums / np.maximum(size, 1.0)[:, None]

    def entropy(p: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(-(p * np.log2(np.where(p > 0, p, 1.0))).sum(-1))

    bits = float(entropy(share @ mean) - share @ entropy(mean))
    return bits if bits > 1e-12 else 0.0


@dataclass(frozen=True)
class Usage:
    """What training one run took besides human labels.

    Attributes
    ----------
    flops : float
        Floating-point operations of sampling, scoring and training, scorers included.
    verifications, ai_calls : int
        Calls of a programmatic verifier, and of an AI judge beyond those of the labels bought; every
        call counts.
    """

    flops: float = 0.0
    verifications: int = 0
    ai_calls: int = 0


@dataclass(frozen=True)
class Ledger:
    """Costs of one run; labels used over several epochs count once, validation labels are charged."""

    judgements: int
    completions_read: int
    ai_calls: int
    verifications: int
    positives: int
    human_minutes: float
    fixed_minutes: float
    usd: float
    bits_total: float
    bits_harm: float
    flops: float


def label_ledger(
    budgets: dict[str, int], positives: int, bits: dict[str, tuple[float, float]], coverage: int, usage: Usage,
    prompts_searched: float = 0.0,
) -> Ledger:  # fmt: skip
    """Ledger of a run.

    Parameters
    ----------
    budgets : dict
        Labels bought by kind, validation included.
    positives : int
        Flags that found a violation.
    bits : dict
        Information per label (total, about violations) by kind; unknown, NaN, for kinds left out.
    coverage : int
        Rules drafted; charged where flags are used, and their tests where verifiers are.
    usage : Usage
    prompts_searched : float
        Prompts looked at to find those that are judged.
    """
    bought = {kind: n for kind, n in budgets.items() if n > 0}
    drafts, tests = (any(getattr(KINDS[kind], name) for kind in bought) for name in ("drafts_rules", "tests_rules"))
    fixed = coverage * (DRAFT_MINUTES * drafts + TEST_MINUTES * tests)
    minutes = fixed + sum(n * KINDS[kind].minutes for kind, n in bought.items()) + prompts_searched * SEARCH_MINUTES
    calls = usage.ai_calls + sum(n * KINDS[kind].ai_calls for kind, n in bought.items())
    known = {kind: bits.get(kind, (math.nan, math.nan)) for kind in bought}
    return Ledger(
        judgements=sum(n * KINDS[kind].judgements for kind, n in bought.items()),
        completions_read=sum(n * KINDS[kind].reads for kind, n in bought.items()),
        ai_calls=calls, verifications=usage.verifications, positives=positives,
        human_minutes=minutes, fixed_minutes=fixed,
        usd=minutes * USD_PER_MINUTE + calls * USD_PER_AI_CALL,
        bits_total=float(sum(n * known[kind][0] for kind, n in bought.items())),
        bits_harm=float(sum(n * known[kind][1] for kind, n in bought.items())),
        flops=usage.flops,
    )  # fmt: skip
