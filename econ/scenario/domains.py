"""Which values a number may take: the legal domain, not the plausible range.

A domain follows from the unit; the names in `BY_NAME` differ from what their unit implies, mostly
because the model divides by them or takes their logarithm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Domain:
    """An interval of the real line.

    Attributes
    ----------
    low, high : float
        Ends; infinite where there is none.
    low_open, high_open : bool
        Whether the end itself is excluded.
    integer : bool
        Whether the number must be whole.
    excluded : float or None
        A single value inside that the model cannot use.
    constant : bool
        Whether all replicates must share the value, so that a prior is refused.
    """

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    integer: bool = False
    excluded: float | None = None
    constant: bool = False

    def contains(self, value: float) -> bool:
        """Whether a number lies in the domain.

        Examples
        --------
        >>> Domain(0, 1).contains(1.2)
        False
        """
        above = value > self.low or (value == self.low and not self.low_open)
        below = value < self.high or (value == self.high and not self.high_open)
        whole = not self.integer or float(value).is_integer()
        return math.isfinite(value) and above and below and whole and value != self.excluded

    def describe(self) -> str:
        """The domain in words, as error messages and the JSON Schema give it."""
        noun = "an integer" if self.integer else "a number"
        low = "" if math.isinf(self.low) else f"{'above' if self.low_open else 'at least'} {self.low:g}"
        high = "" if math.isinf(self.high) else f"{'below' if self.high_open else 'at most'} {self.high:g}"
        but = "" if self.excluded is None else f", other than {self.excluded:g}"
        if low and high and not (self.low_open or self.high_open):
            return f"{noun} from {self.low:g} to {self.high:g}{but}"
        return (
            " ".join(part for part in (noun, " and ".join(end for end in (low, high) if end)) if part) + but
        )

    def json_schema(self) -> dict[str, object]:
        """The domain as JSON Schema."""
        schema: dict[str, object] = {"type": "integer" if self.integer else "number"}
        if not math.isinf(self.low):
            schema["exclusiveMinimum" if self.low_open else "minimum"] = self.low
        if not math.isinf(self.high):
            schema["exclusiveMaximum" if self.high_open else "maximum"] = self.high
        return schema


REAL = Domain()
POSITIVE = Domain(low=0.0, low_open=True)
NON_NEGATIVE = Domain(low=0.0)
SHARE = Domain(0.0, 1.0)
POSITIVE_SHARE = Domain(0.0, 1.0, low_open=True)
INNER_SHARE = Domain(0.0, 1.0, low_open=True, high_open=True)
BELOW_ONE = Domain(0.0, 1.0, high_open=True)
CORRELATION = Domain(-1.0, 1.0)
ABOVE_ONE = Domain(low=1.0, low_open=True)
AT_LEAST_ONE = Domain(low=1.0)
GROWTH = Domain(low=-1.0, high=1.0, low_open=True)

BY_UNIT: Mapping[str, Domain] = MappingProxyType(
    {
        "per quarter": SHARE,
        "autocorrelation": SHARE,
        "b_ref": POSITIVE,
        "correlation": CORRELATION,
        "log-odds": REAL,
        "norm units": REAL,
        "elasticity": POSITIVE,
        "1/USD": POSITIVE,
        "half-saturations": POSITIVE,
        "users": POSITIVE,
        "USD/h": POSITIVE,
        "minutes/label": POSITIVE,
        "minutes/example": POSITIVE,
        "hours": POSITIVE,
        "hours/person/quarter": POSITIVE,
        "requests/user/quarter": POSITIVE,
        "annual revenues": POSITIVE,
        "a_ref": POSITIVE,
        "a_ref/quarter": POSITIVE,
    }
)

_NAMES: dict[Domain, str] = {
    POSITIVE: """library_choice_scale documentation_choice_scale signal_noise
        norm_fit_width revenue_brand_exponent transfer_prior_a transfer_prior_b entry_noise growth_decay_quarters
        damage_per_violation_k1 damage_per_violation_k2 damage_per_violation_k3 damage_per_violation_k4
        damage_per_violation_k5 wage_smoothing_labelers minimum_wage_slack""",
    NON_NEGATIVE: """documentation_cost premium_loading sycophancy_harm source_substitution curator_quality_sd
        brand_sd curator_norm_sd library_pull legal_minimum_low_income legal_minimum_us_generalist
        legal_minimum_expert growth_scope wage_step_cap switch_to_none_factor""",
    SHARE: "refusal_credit",
    POSITIVE_SHARE: """hours_share_judge_low_income hours_share_judge_us_generalist hours_share_judge_expert
        hours_share_constrain_low_income hours_share_constrain_us_generalist hours_share_constrain_expert
        pool_share_low_income pool_share_us_generalist pool_share_expert utilisation_start experience_decay
        depreciation_preference depreciation_constraint depreciation_library outlay_cap
        request_frequency_k1 request_frequency_k2 request_frequency_k3 request_frequency_k4 request_frequency_k5
        incident_probability signal_least_use""",
    INNER_SHARE: """participation_start alignment_share_of_revenue constraint_share_start outside_share
        damage_share_of_price""",
    BELOW_ONE: """unpaid_search_share_low_income unpaid_search_share_us_generalist unpaid_search_share_expert
        price_adjustment""",
    REAL: "sycophancy_taste entrant_quality_preference entrant_quality_constraint",
    ABOVE_ONE: "outlay_step_cap library_step_cap",
    AT_LEAST_ONE: "certificate_quarters",
    GROWTH: "growth_start growth_long_run",
    Domain(low=-1.0, low_open=True): "inhouse_markup",
    Domain(low=0.0, low_open=True, excluded=1.0): "substitution_between_regions",
    Domain(low=8, high=400, integer=True, constant=True): "burn_in_quarters burn_in_complements_quarters",
    Domain(low=0, high=1, integer=True, constant=True): "measured_quality",
    Domain(low=1, integer=True): "exit_patience",
    Domain(low=0, integer=True): "merger_minimum_age entry_lead_quarters",
}
BY_NAME: Mapping[str, Domain] = MappingProxyType(
    {name: domain for domain, names in _NAMES.items() for name in names.split()}
)


def domain_of(name: str, unit: str) -> Domain:
    """Legal values of a parameter: its own, else its unit's, else shares in [0, 1] and amounts from 0 up."""
    if name in BY_NAME:
        return BY_NAME[name]
    if unit in BY_UNIT:
        return BY_UNIT[unit]
    return SHARE if unit.startswith("share") else NON_NEGATIVE
