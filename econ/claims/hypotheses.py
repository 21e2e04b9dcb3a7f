"""The nine pre-registered predictions: statements, margins, the rule of verdicts, and what would overturn a reading.

θ is oriented so that the claim predicts θ > 0; δ is the smallest effect of interest. A statement is

- supported if the lower bound of the 95 % interval is above its limit (0, or minus a margin where it says
  "match") and the estimate is at least δ;
- contradicted if the upper bound is below δ, and reversed if it is below the limit too;
- inconclusive otherwise; and not measured where the data lack what it needs.

A statement that would be supported, by configurations that were added after a first result, is said to be so in
its verdict; the first result stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from econ.claims import effects, panels
from econ.claims.context import HYBRID, Context, Measured

Measure = Callable[[Context, str, str], Measured]

SUPPORTED, CONTRADICTED, REVERSED = "supported", "contradicted", "contradicted (reversed)"
INCONCLUSIVE, NOT_MEASURED = "inconclusive", "not measured"
AFTERWARDS = "supported, with configurations added after the first result"


@dataclass(frozen=True)
class Statement:
    """One registered statement about an effect.

    Attributes
    ----------
    id : str
    text : str
        What is measured and compared.
    measure : callable
        (context, negative, preference) -> `Measured`; raises `Missing`.
    delta : float
        Smallest effect of interest.
    limit : float
        Value that the lower bound must exceed.
    unit : str
    alternative : tuple of (float, float), optional
        (δ, limit) on the area under the curve, used where the advantage is undefined.
    counts : bool
        Whether it decides the hypothesis; a stricter variant of another statement does not.
    """

    id: str
    text: str
    measure: Measure
    delta: float
    limit: float = 0.0
    unit: str = ""
    alternative: tuple[float, float] | None = None
    counts: bool = True

    def margins(self, measured: Measured) -> tuple[float, float]:
        """(δ, limit) on the scale of what was measured."""
        if self.alternative is not None and measured.details.get("measure") == "dAULC":
            return self.alternative
        return self.delta, self.limit


@dataclass(frozen=True)
class Hypothesis:
    """One registered prediction: all its statements that count must hold.

    Attributes
    ----------
    id, title : str
    claims : tuple of int
    statements : tuple of Statement
    overturn : str
        What would overturn the reading of a verdict.
    sign_table : tuple of (name, callable, unit)
        Effects that are repeated for every pair of a negative and a preference method, and what they are.
    """

    id: str
    title: str
    claims: tuple[int, ...]
    statements: tuple[Statement, ...]
    overturn: str
    sign_table: tuple[tuple[str, Measure, str], ...] = ()


MATCH_AND_EXCEED = (
    Statement(
        "H1a", "match: A(0.80), log2 of judgements to relative harm 0.80 with preferences over negatives, in distribution, is above -0.5",
        effects.advantage_or_area, -0.5, -0.5, "doublings of judgements", (-0.03, -0.03),
    ),
    Statement(
        "H1a+", "exceed: the same A(0.80) is at least 0.5", effects.advantage_or_area, 0.5, 0.0,
        "doublings of judgements", (0.03, 0.0), counts=False,
    ),
    Statement(
        "H1b", "World B, equal verifications: the least of pass@1(NSR) - pass@1(PPO or GRPO) is above -0.02",
        panels.reasoning, -0.02, -0.02, "pass@1",
    ),
)  # fmt: skip

HYPOTHESES: tuple[Hypothesis, ...] = (
    Hypothesis(
        "H1", "negatives match or exceed preferences", (1,), MATCH_AND_EXCEED,
        "An advantage per judgement that vanishes in minutes, dollars, bits or compute, at another target or helpfulness "
        "floor, or out of distribution is an advantage of the unit of account, not of negatives. (a) counts human labels and "
        "(b) a program's verdicts: neither stands in for the other, and the claim gets the weaker of the two.",
        (("A(0.80) or dAULC", effects.advantage_or_area, "doublings, or area"), ("dAULC", effects.area_only, "relative harm")),
    ),
    Hypothesis(
        "H2", "positive signals entangle with agreement", (2,),
        (
            Statement(
                "H2", "main effect of polarity (positive minus negative) on the change of sycophancy, out of distribution, "
                "over formats and confounding, agreement weighing the same in every label",
                panels.polarity_effect, 0.05, unit="P(agree | opinion wrong)",
            ),
        ),
        "If preference training raises sycophancy, more so with more biased raters or under confounding alone, but polarity "
        "does nothing once agreement weighs the same in every label, then it is bias in the labels, not positivity "
        "(Shapira et al. 2026).",
    ),
    Hypothesis(
        "H3", "stable boundary", (3,),
        (
            Statement(
                "H3", "churn with preferences minus churn with negatives: mean absolute difference in P(violation) of a "
                "prompt between models trained on disjoint halves of 3360 labels",
                panels.churn_difference, 0.02, unit="probability",
            ),
        ),
        "A difference no larger than what sampling alone shows, one that longer training or another optimiser seed removes, or "
        "violations of drafted rules that remain however many labels are bought, would mean that no boundary was reached.",
        (("churn", panels.churn_difference, "probability"),),
    ),
    Hypothesis(
        "H4", "verifiability explains the advantage", (4,),
        (
            Statement(
                "H4a", "slope of dAULC on verifiability over 0.25, 0.5, 0.75 and 1, in distribution",
                effects.slope_on_verifiability, 0.05, unit="relative harm per unit of v",
            ),
            Statement(
                "H4b", "dAULC of flags with no more bits about violations than pairs is below half of the reference dAULC "
                "(half the reference minus it, above 0)",
                effects.matched_bits, 0.0, unit="relative harm",
            ),
        ),
        "If an advantage survives at matched bits, it is structure beyond information; if it vanishes there, information and "
        "noise suffice, and verifiability is one name for both.",
        (("slope of dAULC on v", effects.slope_on_verifiability, "relative harm per unit of v"),),
    ),
    Hypothesis(
        "H5", "negatives eliminate, and need no calibration", (5,),
        (
            Statement(
                "H5", "sensitivity of the first token to an irrelevant opinion (total variation), preference minus negative, in distribution",
                effects.level("opinion_sensitivity", "id"), 0.05, unit="total variation",
            ),
        ),
        "Low sensitivity reached by saying less (entropy over compliant responses falls, refusals rise) is not elimination, "
        "and one that differs by world is not a property of the label.",
        (("opinion sensitivity", effects.level("opinion_sensitivity", "id"), "total variation"),),
    ),
    Hypothesis(
        "H6", "less sycophancy, steadier rules", (6,),
        (
            Statement(
                "H6", "sycophancy with preferences minus with negatives, out of distribution",
                effects.level("sycophancy", "ood"), 0.05, unit="P(agree | opinion wrong)",
            ),
        ),
        "The claim says that constraints lower sycophancy. If that of the negative arm is not below its base model's, it was "
        "only not raised, and must be said so, whatever the contrast shows.",
        (("sycophancy", effects.level("sycophancy", "ood"), "P(agree | opinion wrong)"),),
    ),
    Hypothesis(
        "H7", "shift", (7, 8, 15),
        (
            Statement(
                "H7", "rise of relative harm from in to out of distribution, preference minus negative",
                effects.shift_gap, 0.05, unit="relative harm",
            ),
        ),
        "Equal gaps mean that what was learned carries over equally, even where levels differ; a gap that comes from one part of "
        "the shift (combinations, risk or opinion) speaks of that part alone.",
        (("ID to OOD gap", effects.shift_gap, "relative harm"),),
    ),
    Hypothesis(
        "H8", "diminishing returns against drift", (9,),
        (
            Statement(
                "H8a", "fall of relative harm per doubling of negatives, from 565 to 1378 minus from 3360 to 8192 labels, in distribution",
                effects.diminishing_returns, 0.02, unit="relative harm per doubling",
            ),
            Statement(
                "H8b", "rise of sycophancy per doubling of preference labels over the last two budgets, out of distribution",
                effects.drift, 0.01, unit="P(agree | opinion wrong) per doubling",
            ),
        ),
        "Drift that stops when raters' bias is zero is drift of the raters' making; drift of arms without preferences, or none in "
        "reinforcement learning from a reward model, would unbind it from preference labels.",
        (("diminishing returns", effects.diminishing_returns, "relative harm per doubling"), ("drift", effects.drift, "per doubling")),
    ),
    Hypothesis(
        "H9", "hybrids beat preference-only", (10,),
        (
            Statement(
                "H9", f"hypervolume of safety (1 - relative harm) and helpfulness (over the base model's) above (0, 0.5), {HYBRID} minus "
                "preference-only, out of distribution, six configurations each at equal human minutes",
                panels.joint_gain, 0.02, unit="area",
            ),
        ),
        "If negatives alone do as well, or any share of preferences does, the gain is not of the mix; and helpfulness bought by "
        "violations, or safety by refusals, shows in the pairs of outcomes, not in the area.",
        (("hypervolume", panels.joint_gain, "area"),),
    ),
)  # fmt: skip
BY_ID = {hypothesis.id: hypothesis for hypothesis in HYPOTHESES}
