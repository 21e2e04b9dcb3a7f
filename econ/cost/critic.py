"""Labels that a critic wrote: what a target costs with them alone, from the untrained model.

An AI judge writes labels under rules that humans drafted, so a label costs calls of it, c of them as the laboratory
counted, and rules are drafted and tried once:

    C(h) = n(h)·s·c·p_call + d·rules·p_draft + computing

with n(h) the inverse of the critic's learning curve and d its fixed work over that of flags, whose rules are drafted
alone. Its labels are pairs of responses. No stock of them is known that commercial developers hold, so in commercial
units one laboratory label counts for as many commercial ones as one human pair does, s = 1/(e_b·b_half), with b_half
out of distribution: a label is the same label whatever the test, so each draw has one scale. The laboratory's ratio of
the critic's pairs to human pairs carries over whole, and transfer, which is about constraints against preferences,
plays no part. In laboratory units s = 1.

Beside flags and pairs held already the critic's labels were not measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from econ.core.errors import InputError
from econ.cost.case import Case, Floats
from econ.cost.levels import Level, targets_of
from econ.cost.purchase import CRITIC, PIPELINES, Purchase, per_harm

#: Distribution whose human pairs set the scale of commercial labels.
SCALE_FROM = "ood"


@dataclass(frozen=True)
class Written(Purchase):
    """Labels that a critic writes in each draw to reach a target.

    Attributes
    ----------
    case : Case
    asked : tuple
        Targets of harm as they were asked for, [M].
    target : ndarray, [D, M]
    labels : ndarray, [D, M]
        Labels bought, in the units of the case; NaN where the target is not attainable.
    cost : ndarray, [D, M]
        USD with fixed costs: 0 where nothing is to buy, infinite where the target is not attainable.
    """

    case: Case
    asked: tuple[Level, ...]
    target: Floats
    labels: Floats
    cost: Floats
    pipeline: str = CRITIC

    @property
    def calls(self) -> Floats:
        """Calls of an AI judge, [D, M]."""
        return self.labels * self.case.critic.ai_calls

    @property
    def hours(self) -> Floats:
        """Hours of drafting and of work on calls, [D, M]; infinite where the target is not attainable."""
        work = self.calls * self.case.prices["minutes_ai_call"][:, None] / 60.0
        drafting = np.where(self.labels > 0.0, self.case.critic.drafting * self.case.drafting_hours[:, None], 0.0)
        return np.where(self.attainable, work + drafting, np.inf)

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Outcomes beside harm that both the surfaces, for the untrained model, and the critic's curves tell."""
        return tuple(name for name in self.case.surfaces.outcomes[1:] if name in self.case.critic.outcomes)

    def margins(self) -> tuple[Floats, Floats]:
        """USD and hours per further unit of relative harm, [D, M] each; NaN where nothing is bought."""
        _, fall = self.case.critic.harm(np.nan_to_num(self._laboratory))
        bought = np.where(self.labels > 0.0, fall / scale_of(self.case)[:, None], np.nan)
        calls, prices = self.case.critic.ai_calls, self.case.prices
        dollars, minutes = (calls * prices[name][:, None] for name in ("price_ai_call", "minutes_ai_call"))
        return per_harm(dollars, bought), per_harm(minutes / 60.0, bought)

    def outcome(self, name: str) -> Floats:
        """Harm, helpfulness, sycophancy or over-refusal with the labels bought, [D, M]; NaN where there are none to buy."""
        labels = np.nan_to_num(self._laboratory)
        if name == "harm":
            value = np.where(labels > 0.0, self.case.critic.harm(labels)[0], 1.0)
        else:
            base = self.case.batch.secondary(name).theta[:, 0]
            value = self.case.critic.secondary(name, labels, base)
        return np.where(self.attainable, value, np.nan)

    def extrapolated(self) -> Floats:
        """1 where more labels are needed than were measured, else 0; NaN where the target is not attainable, [D, M]."""
        return np.where(self.attainable, self._laboratory > self.case.critic.largest, np.nan)

    def attained_by_form(self) -> dict[str, Floats]:
        """Share of the draws of each form of the curve that attain the targets, [M]."""
        return {name: self.attainable[rows].mean(axis=0) for name, rows in self.case.critic.rows_by_form.items()}

    @property
    def _laboratory(self) -> Floats:
        value: Floats = self.labels / scale_of(self.case)[:, None]
        return value


def scale_of(case: Case) -> Floats:
    """Labels bought that one laboratory label counts for, [D]: as many as a human pair out of distribution."""
    if case.units == "laboratory":
        return np.ones(len(case))
    value: Floats = 1.0 / (case.per_b * pair_half_saturation(case))
    return value


def pair_half_saturation(case: Case) -> Floats:
    """Human pairs of the laboratory at which half of their effect is there, out of distribution where that was measured, [D]."""
    distribution = SCALE_FROM if SCALE_FROM in case.surfaces.distributions else case.distribution
    _, pairs = case.surfaces.batch(case.index, distribution).half_saturation(case.v)
    return pairs


def fixed_cost(case: Case) -> Floats:
    """USD of computing, and of drafting and trying the critic's rules, [D]."""
    return case.training + case.critic.drafting * case.drafting


def why_unmeasured(case: Case) -> str:
    """Why the critic's labels have no cost here; empty where they have one."""
    curves = case.surfaces.critic
    if curves is None:
        return "the response surfaces hold flags and preference pairs, and no labels that a critic wrote"
    if case.distribution not in curves.distributions:
        return f"labels that a critic wrote were not measured under the distribution '{case.distribution}'"
    if np.any(case.start_a > 0.0) or np.any(case.start_b > 0.0):
        return "what a critic's labels add to labels held already was not measured, only their effect from the start 'untrained'"
    return ""


def written_for(case: Case, asked: Sequence[Level]) -> Written:
    """The labels that a critic writes for each target.

    Raises
    ------
    InputError
        If that was not measured, or a target is no level.
    """
    why = why_unmeasured(case)
    if why:
        raise InputError(
            f"not measured: {why}", key="pipeline", found=CRITIC, allowed=", ".join(name for name in PIPELINES if name != CRITIC)
        )
    target = targets_of(case, asked, "target_harm", case.start_harm)
    labels = case.critic.labels(target) * scale_of(case)[:, None]
    price = case.critic.ai_calls * case.prices["price_ai_call"]
    cost = labels * price[:, None] + fixed_cost(case)[:, None]
    return Written(case, tuple(asked), target, labels, np.where(labels > 0.0, cost, np.where(labels == 0.0, 0.0, np.inf)))


def at_critics_setting(case: Case) -> Case:
    """The case with what was measured of all labels in the critic's setting: whole transfer, and its verifiability.

    Elsewhere transfer and requests that humans can hardly check discount flags, and not the critic.
    """
    measured = None if case.surfaces.critic is None else case.surfaces.critic.verifiability
    return case.in_setting(1.0, list(zip(case.v, case.share, strict=True)) if measured is None else measured)
