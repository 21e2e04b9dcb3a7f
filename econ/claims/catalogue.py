"""The 15 claims of the hypothesis paper, in our own words, and what would test each.

Source of the claims: a position paper on learning from rejection (arXiv 2603.16417, 2026; it reports no
experiments) and an assessment of it that gives each claim a confidence in words and a score: the
assessor's weight of evidence. All 15 scores are low, 0.01 to 0.07. Nothing here says that a claim holds.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """One claim.

    Attributes
    ----------
    id : int
    text : str
        The claim in our words.
    direction : str
        Effect that it predicts on what is measured: ``+``, ``-`` or ``mixed``.
    confidence : str
        Of the assessment, in words.
    score : float
        Weight of evidence according to the assessment.
    test : str
        What would be measured.
    hypothesis : str or None
        The pre-registered prediction that tests it in the laboratory.
    outcomes : tuple of (str, int)
        For claims about the market: outcome columns and the sign of their change that the claim
        expects; 0 where it says none.
    """

    id: int
    text: str
    direction: str
    confidence: str
    score: float
    test: str
    hypothesis: str | None = None
    outcomes: tuple[tuple[str, int], ...] = ()


def _laboratory(
    number: int, text: str, direction: str, confidence: str, score: float, test: str, hypothesis: str
) -> Claim:
    return Claim(number, text, direction, confidence, score, test, hypothesis)


def _market(number: int, text: str, direction: str, test: str, **outcomes: int) -> Claim:
    return Claim(number, text, direction, "speculative", 0.01, test, None, tuple(outcomes.items()))


CLAIMS: tuple[Claim, ...] = (
    _laboratory(
        1, "Training on negative feedback alone matches or beats preference-based RLHF, in reasoning and in harmlessness.",
        "+", "medium", 0.07, "task accuracy and harmlessness", "H1",
    ),
    _laboratory(
        2, "Preferences are entangled with surface correlates, and so cause sycophancy and brittleness.",
        "-", "medium", 0.07, "rate of sycophancy", "H2",
    ),
    _laboratory(
        3, "Prohibitions are discrete and can be checked one by one, so models trained on them converge to stable boundaries.",
        "+", "medium", 0.07, "stability of adherence over inputs and training", "H3",
    ),
    _laboratory(
        4, "Negative knowledge is easier to verify, and this is why methods that use it work.",
        "mixed", "low", 0.04, "the advantage as a function of verifiability", "H4",
    ),
    _laboratory(
        5, "A negative example removes a region of behaviour, while preferences have to be calibrated again and again.",
        "+", "low", 0.04, "variance of acceptable behaviour under perturbation", "H5",
    ),
    _laboratory(
        6, "Training on constraints lowers sycophancy and makes adherence to rules steadier.",
        "+", "medium", 0.07, "sycophancy, and consistency over rules", "H6",
    ),
    _laboratory(
        7, "Training on preferences learns proxies and becomes unstable under distribution shift.",
        "-", "medium", 0.07, "failures driven by proxies, under shift", "H7",
    ),
    _laboratory(
        8, "Models trained on constraints keep their adherence better under distribution shift.",
        "+", "low", 0.04, "adherence out of distribution", "H7",
    ),
    _laboratory(
        9, "Negatives bring less and less once the boundary is known; more preference labels keep causing drift.",
        "mixed", "low", 0.04, "marginal gain of a label, and drift", "H8",
    ),
    _laboratory(
        10, "Constraints with a few preferences beat preferences alone in safety and helpfulness together.",
        "+", "medium", 0.07, "safety and helpfulness jointly", "H9",
    ),
    _market(
        11, "If constraints are cheaper per unit of safety, firms move their label budgets to them.",
        "+", "shares of budgets and of labor",
        constraint_budget_share=1, employment_constrain=1, employment_judge=-1,
    ),
    _market(
        12, "Vendors can specialise in constraint data sets and rule libraries, traded as assets.",
        "+", "whether such a market emerges, and its size",
        licence_spend=1, curators_active=1, licence_price=0,
    ),
    _market(
        13, "Regulators can certify constraint data sets and test adherence to them.",
        "+", "pass rates and error rates of certification",
        cert_pass_rate=0, cert_false_pass=0, cert_false_fail=0,
    ),
    _market(
        14, "Harms fall, but power over norms concentrates, with externalities across borders and capture.",
        "mixed", "harm, concentration, conflicts of norms, capture",
        harm_rate=-1, harm_damage=-1, hhi_normative=1, norm_misfit=1, norm_export=1, capture_index=1,
    ),
    Claim(
        15, "The test to run: preference-only, negative-only and hybrid training compared under shift, for safety and usefulness.",
        "+", "speculative", 0.01, "relative performance under shift", "H7",
    ),
)  # fmt: skip

#: What the hypothesis would mean for the market but no model here contains.
NOT_MODELLED = (
    "occupations finer than judging and constraint work",
    "speed of deployment",
    "representativeness and governance of constraint data sets as objects of an audit",
)
