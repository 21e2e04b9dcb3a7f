"""What must be said in words: how the numbers come about, and what they cannot show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from econ.claims.catalogue import NOT_MODELLED
from econ.report.overview import basis_lines

if TYPE_CHECKING:
    from econ.report.document.material import Material

#: Signs and code names in the evidence of the claims.
NAMES = (
    "θ: the effect; δ: the smallest effect of interest. A(0.8): how many doublings more preferences need than negatives for a relative harm of 0.8, by each unit "
    "of cost. id, ood: prompts like those trained on, and unlike them. dpo: trained on preferences alone; npo_ret: on negatives alone; hybrid: on both; "
    "names with _or: a program checks every sample. Other names are methods of the laboratory, told in docs/laboratory.md."
)
KICKER = "econ report"
CONDITIONAL = (
    "Conditional projections, not forecasts. Every figure answers what would follow if the laboratory's curves carried over as far as "
    "assumed, at the assumed prices, in this model of the market."
)
SCORED = (
    "Every claim tested here carries a score of 0.01 to 0.07 in an assessment of its evidence: all of them low. Results against the hypothesis stand "
    "first and in full; the worlds of the laboratory are toys, and nothing below ranks policies by welfare."
)
ABOUT = (
    "A position paper argues that training a model on what is wrong (prohibitions, rejected samples) needs fewer labels and gives steadier, "
    "safer behaviour than training it on what people prefer; label budgets, labor and power over norms would then shift to those who curate "
    "rules. This report tests the hypothesis and assumes none of it. A result against it stands as prominently as a result for it."
)


def methods(material: Material) -> list[tuple[str, str]]:
    """How the numbers come about, as (heading, text)."""
    manifest = material.manifest
    return [
        ("Laboratory.", "Small transformers are trained from scratch on negative labels, on preference labels and on both, with every label and its price in a "
         "ledger. Harm, helpfulness, refusals and agreement with stated opinions are measured on prompts like those trained on and unlike them."),
        ("Response surfaces.", "Curves with uncertainty are fitted to these measurements alone: harm as a function of both kinds of label and of how well a "
         "violation can be checked. What the design does not identify is refused by name or, where the market needs it, follows a stated prior; what lies beyond "
         "the measured labels is extrapolated, and the elasticity of substitution is the form's there."),
        ("Market.", "Each quarter, firms form beliefs about the two kinds of label, buy labels and licences, release products and are liable for harm; curators set "
         "prices, employ labelers, build rule libraries, enter, merge and lobby; regulators certify, audit, fine and move their norms. All money "
         "passes through one ledger that is checked to close."),
        ("Ensemble.", f"Every scenario is run {manifest.replicates} times over {manifest.quarters} quarters after a burn-in that is discarded. Replicates differ in the draw of "
         "the surfaces, in how far the laboratory's advantage carries over, in the industry's position, in stakes and in chance. The same replicate of two "
         "scenarios shares every random draw, so that differences are paired."),
        ("Intervals.", "Bands hold 50 % and 90 % of replicates. Intervals of differences are 95 % intervals of the mean paired difference (Student's t). "
         f"Averages over quarters are over the {material.window}. They hold what is drawn, not the choice of the model."),
        ("Claims.", "Nine predictions were registered before the confirmatory measurements. Intervals resample worlds; verdicts are adjusted for nine tests (Holm). "
         "A claim about the market gets no verdict, since a projection is no measurement."),
    ]  # fmt: skip


def basis(material: Material) -> list[str]:
    """What these runs rest on, from their own records."""
    lines = []
    for result in material.results:
        own = basis_lines(result)
        where = f"{result.directory.name}: " if len(material.results) > 1 and result.directory is not None else ""
        lines += [where + line for line in own]
    return lines


LIMITS = (
    "Laboratory worlds are toys of one transformer size with assumed raters: signs and mechanisms may carry over, magnitudes, thresholds and counts of labels do not.",
    "How far the laboratory's advantage carries over to the market (transfer) is a prior, never a fact.",
    "No source gives the split of budgets between preferences and constraints, fees for rule libraries, prices of drafting and adjudicating rules, or "
    "rates of insurance against harm by models. They are assumed, and they drive headline results.",
    "Revenues of label vendors mix net revenue, gross bookings, run-rates and targets; estimates of the market's size differ fourfold.",
    "Costs of compliance and audits come mostly from sellers of compliance; counts of incidents measure reporting.",
    "Concentration of licences means little where few firms pay: read it beside the number of payers.",
    "Capture follows assumed stakes of lobbying: read its level as an assumption and only its differences as results.",
    "Welfare is a sum of parts under no stated weights: it does not rank scenarios.",
)
USE = (
    "Meant for asking what a policy would change under stated assumptions, which assumption a result hangs on, and what to measure next. "
    "Not meant for forecasting wages, revenues or harms, for valuing a company, or for setting a fee or a fine."
)


def limits(material: Material) -> list[str]:
    """What the report cannot show."""
    own = [f"Not modelled, so not seen here: {'; '.join(NOT_MODELLED)}."]
    if material.claims is not None and material.claims.context.evidence.notes:
        own += [f"Measurements: {note}" for note in material.claims.context.evidence.notes]
    return [*LIMITS, *own]
