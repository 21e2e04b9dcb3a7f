"""A value of a scenario: a number, or a prior from which each replicate draws once.

A normal or log-normal prior on a bounded quantity is the distribution truncated to the legal domain,
as is usual in Bayesian work, provided that at least `LEAST_MASS` of it lies inside; else what was
written is mostly not what would be drawn, and it is refused. Nothing is ever clipped, which would
heap draws on the bounds. Uniform and beta priors must lie inside the domain entirely.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from econ.core.errors import nearest_name
from econ.scenario.domains import POSITIVE, REAL, Domain
from econ.scenario.faults import Fault

#: Probability that a normal or log-normal prior must have inside the legal domain.
LEAST_MASS = 0.95

#: The two arguments of each kind of prior and their domains.
PRIOR_KINDS: Mapping[str, tuple[tuple[str, Domain], tuple[str, Domain]]] = MappingProxyType(
    {
        "normal": (("mean", REAL), ("sd", POSITIVE)),
        "lognormal": (("median", POSITIVE), ("log_sd", POSITIVE)),
        "uniform": (("low", REAL), ("high", REAL)),
        "beta": (("a", POSITIVE), ("b", POSITIVE)),
    }
)


@dataclass(frozen=True)
class Prior:
    """A distribution over replicates.

    Attributes
    ----------
    kind : str
        ``normal`` (mean, sd), ``lognormal`` (median, log_sd), ``uniform`` (low, high) or ``beta`` (a, b).
    first, second : float
        Its two arguments.

    Examples
    --------
    >>> Prior("uniform", 0.5, 3.0).resolved()
    {'uniform': [0.5, 3.0]}
    """

    kind: str
    first: float
    second: float

    def resolved(self) -> dict[str, list[float]]:
        """The prior as a scenario file writes it."""
        return {self.kind: [self.first, self.second]}

    def mass_below(self, bound: float) -> float:
        """Probability below a bound, of normal and log-normal priors (before truncation)."""
        if math.isinf(bound):
            return 0.0 if bound < 0 else 1.0
        if self.kind == "normal":
            return _normal_cdf((bound - self.first) / self.second)
        if bound <= 0.0:
            return 0.0
        return _normal_cdf(math.log(bound / self.first) / self.second)


def _normal_cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


Value = float | Prior


def parse_number(raw: object, domain: Domain) -> float:
    """A number checked against its domain.

    Raises
    ------
    Fault
    """
    if raw is None:
        raise Fault("no value is given", allowed=domain.describe())
    if not isinstance(raw, int | float) or isinstance(raw, bool):
        raise Fault("not a number", found=raw, allowed=domain.describe())
    try:
        value = float(raw)
    except OverflowError:
        raise Fault("not a finite number", found=raw, allowed=domain.describe()) from None
    if not math.isfinite(value):
        raise Fault("not a finite number", found=raw, allowed=domain.describe())
    if not domain.contains(value):
        raise Fault("out of range", found=raw, allowed=domain.describe())
    return value


def parse_value(raw: object, domain: Domain) -> Value:
    """A number or a prior, checked against the domain of the quantity.

    Raises
    ------
    Fault
        If it is neither, or lies outside the domain.
    """
    if isinstance(raw, Prior):
        raw = raw.resolved()
    if not isinstance(raw, Mapping):
        return parse_number(raw, domain)
    prior = _parse_prior(raw)
    if domain.constant:
        raise Fault(
            "all replicates share this value, so it cannot be a prior",
            found=dict(raw),
            allowed=domain.describe(),
        )
    _check_support(prior, domain)
    return prior


def _parse_prior(raw: Mapping[object, object]) -> Prior:
    allowed = "a number or one of " + ", ".join(
        f"{{{kind}: [{first}, {second}]}}" for kind, ((first, _), (second, _)) in PRIOR_KINDS.items()
    )
    if len(raw) != 1:
        raise Fault("not a number or prior", found=dict(raw), allowed=allowed)
    ((kind, arguments),) = raw.items()
    if not isinstance(kind, str) or kind not in PRIOR_KINDS:
        raise Fault(
            "unknown kind of prior", (kind,), allowed=allowed, nearest=nearest_name(kind, PRIOR_KINDS)
        )
    names = [name for name, _ in PRIOR_KINDS[kind]]
    if not isinstance(arguments, list | tuple) or len(arguments) != 2:
        raise Fault("a prior has two numbers", (kind,), found=arguments, allowed=f"[{names[0]}, {names[1]}]")
    numbers = []
    for index, (argument, (name, domain)) in enumerate(zip(arguments, PRIOR_KINDS[kind], strict=True)):
        try:
            numbers.append(parse_number(argument, domain))
        except Fault as fault:
            raise Fault(
                f"{name} is {fault.problem}", (kind, index), found=fault.found, allowed=fault.allowed
            ) from None
    if kind == "uniform" and not numbers[0] < numbers[1]:
        raise Fault("low must be below high", (kind,), found=list(numbers))
    return Prior(kind, numbers[0], numbers[1])


def _check_support(prior: Prior, domain: Domain) -> None:
    """Refuse priors whose support leaves the domain (uniform, beta) or mostly does (normal, lognormal)."""
    if prior.kind in ("uniform", "beta"):
        low, high = (prior.first, prior.second) if prior.kind == "uniform" else (0.0, 1.0)
        if low < domain.low or high > domain.high:
            raise Fault(
                "the prior reaches beyond the legal range",
                (prior.kind,),
                found=[low, high],
                allowed=domain.describe(),
            )
        return
    mass = prior.mass_below(domain.high) - prior.mass_below(domain.low)
    if mass < LEAST_MASS:
        raise Fault(
            f"only {100 * mass:.0f} % of the prior lies in the legal range (at least {100 * LEAST_MASS:.0f} % is needed)",
            (prior.kind,),
            found=[prior.first, prior.second],
            allowed=domain.describe(),
        )


def resolved_value(value: object) -> object:
    """A value as plain JSON."""
    return value.resolved() if isinstance(value, Prior) else value


def value_json_schema(domain: Domain) -> dict[str, object]:
    """JSON Schema of a number or prior."""
    schema = domain.json_schema()
    if domain.constant:
        return schema
    return {"anyOf": [schema, {"$ref": "#/$defs/Prior"}]}


def prior_json_schema() -> dict[str, object]:
    """JSON Schema of a prior; the finer rules (legal support) are checked on loading."""
    units = {"lognormal": "; the median in the unit of the quantity", "beta": "; on a share"}

    def one(kind: str) -> dict[str, object]:
        pair = PRIOR_KINDS[kind]
        return {
            "type": "object",
            "additionalProperties": False,
            "required": [kind],
            "properties": {
                kind: {
                    "description": f"[{pair[0][0]}, {pair[1][0]}] of a {kind} distribution{units.get(kind, '; both in the unit of the quantity')}.",
                    "type": "array",
                    "prefixItems": [{"title": name, **domain.json_schema()} for name, domain in pair],
                    "items": False,
                    "minItems": 2,
                }
            },
        }

    return {
        "title": "Prior",
        "description": "A distribution from which each replicate draws once. A normal or lognormal prior is truncated to "
        f"the legal range, in which at least {100 * LEAST_MASS:.0f} % of it must lie; uniform and beta must lie inside.",
        "oneOf": [one(kind) for kind in PRIOR_KINDS],
    }
