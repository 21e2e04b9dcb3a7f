"""Conditions on several parameters at once, without which the market has no status quo.

Each is checked for numbers and for priors: of a prior the extremes of its support count, of an unbounded one
its quantiles at `TAIL` and 1 - `TAIL` within the legal domain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from econ.scenario.domains import Domain, domain_of
from econ.scenario.faults import Fault
from econ.scenario.lever_table import LEVERS, REGIONS
from econ.scenario.parameters import defaults
from econ.scenario.values import Prior, Value

#: Probability beyond which the tail of an unbounded prior does not count.
TAIL = 1e-3
OCCUPATIONS = ("judge", "constrain")


@dataclass(frozen=True)
class Range:
    """Smallest and largest value that a replicate may draw."""

    low: float
    high: float


def extent(value: Value, legal: Domain) -> Range:
    """What a quantity of a legal domain may be: a number is its own range."""
    if not isinstance(value, Prior):
        return Range(value, value)
    if value.kind == "uniform":
        return Range(value.first, value.second)
    if value.kind == "beta":
        return Range(0.0, 1.0)
    from econ.scenario.draws import quantile

    return Range(quantile(value, TAIL, legal), quantile(value, 1 - TAIL, legal))


class _Ranges:
    """Ranges of the parameters by name, looked up when a condition needs them."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> Range:
        return extent(self._values[name], domain_of(name, defaults()[name].unit))


def check_together(values: Mapping[str, Value]) -> None:
    """Refuse sets of parameters that contradict each other.

    Raises
    ------
    Fault
        With the reason and the nearest admissible value.
    """
    r = _Ranges(values)
    for check in _CHECKS:
        check(r)


def check_population(values: Mapping[str, Value], curators: int) -> None:
    """Refuse numbers of curators for which no vendor price exists.

    A lone vendor faces the demand of buyers who can turn to in-house and AI labels alone. Where that is
    inelastic, any price can be raised (Berry 1994 with one firm).

    Raises
    ------
    Fault
    """
    if curators > 1:
        return
    r = _Ranges(values)
    others = 1 - _vendor_share(r["ai_share"].low, r["outsourced_share"].high, r["inhouse_markup"].high)
    elasticity = r["source_substitution"].low * others
    if elasticity <= 1.0:
        raise Fault(
            f"a lone curator has no optimal price: in-house and AI labels take its customers at an elasticity of {elasticity:.3g}, "
            "which must be above 1", ("population", "curators"), found=curators, allowed="at least 2",
        )  # fmt: skip


def _vendor_share(ai: float, outsourced: float, markup: float) -> float:
    """Vendors' share of units at the status quo."""
    dear = outsourced * (1 + markup)
    return (1 - ai) * dear / (1 - outsourced + dear)


def _at_most(reason: str, name: str, found: float, most: float) -> None:
    if found > most:
        raise Fault(reason, (name,), found=found, allowed=f"at most {most:g}")


def _at_least(reason: str, name: str, found: float, least: float) -> None:
    if found < least:
        raise Fault(reason, (name,), found=found, allowed=f"at least {least:g}")


def _random_utility(r: _Ranges) -> None:
    occupation = r["occupation_elasticity"].high
    _at_least(
        "labor supply to one curator is at least as elastic as to an occupation (random utility), whose occupation_elasticity "
        f"is {occupation:g}", "curator_elasticity", r["curator_elasticity"].low, occupation,
    )  # fmt: skip


def _traffic(r: _Ranges) -> None:
    _at_most(
        "generic_share_base + generic_share_slope is a share of traffic", "generic_share_slope", r["generic_share_slope"].high,
        1 - r["generic_share_base"].high,
    )  # fmt: skip


def _outlay(r: _Ranges) -> None:
    _at_most(
        "the status quo would exceed the cap on label outlays, outlay_cap", "alignment_share_of_revenue",
        r["alignment_share_of_revenue"].high, r["outlay_cap"].low,
    )  # fmt: skip


def _vendors_have_work(r: _Ranges) -> None:
    reason = "vendors would make no labels at the status quo, so that there is no labor market to start from"
    if r["ai_share"].high >= 1.0:
        raise Fault(reason, ("ai_share",), found=r["ai_share"].high, allowed="below 1")
    if r["outsourced_share"].low <= 0.0:
        raise Fault(reason, ("outsourced_share",), found=r["outsourced_share"].low, allowed="above 0")


def _wages_are_legal(r: _Ranges) -> None:
    for region in REGIONS:
        for occupation in OCCUPATIONS:
            wage = f"wage_{occupation}_{region}"
            _at_least(
                f"the status-quo wage is below the legal minimum of its region, legal_minimum_{region}", wage, r[wage].low,
                r[f"legal_minimum_{region}"].high,
            )  # fmt: skip


def _price_covers_liability(r: _Ranges) -> None:
    """Price is cost over 1 - strict·λ_I·damage share, with λ_I at most 1 - q + q(1 + load) (all own claims)."""
    strict = LEVERS["strict"].default
    assert isinstance(strict, float | int)
    reach = 1 + r["insured_share"].high * r["premium_loading"].high
    if strict * reach * r["damage_share_of_price"].high >= 1:
        raise Fault(
            "liability would grow faster than the price that has to cover it", ("damage_share_of_price",),
            found=r["damage_share_of_price"].high, allowed=f"below {1 / (strict * reach):g}",
        )  # fmt: skip


_CHECKS: tuple[Callable[[_Ranges], None], ...] = (
    _random_utility, _traffic, _outlay, _vendors_have_work, _wages_are_legal, _price_covers_liability,
)  # fmt: skip
