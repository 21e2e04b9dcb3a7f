"""The levers: what a policy or an event can move, with type, legal range and default.

A setting of a lever is one value, a schedule ``{quarter: value}`` or, for a lever that differs by
place, a map from places to values or schedules. A value holds from its quarter until the next entry
of the schedule; before the first, and throughout the burn-in, the default holds. Static levers hold
throughout, burn-in included, and take neither schedules nor places.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from econ.core.errors import nearest_name
from econ.scenario.domains import NON_NEGATIVE, POSITIVE, SHARE, Domain
from econ.scenario.faults import Fault
from econ.scenario.values import PRIOR_KINDS, Prior, parse_value, resolved_value, value_json_schema

JURISDICTIONS = ("j1", "j2", "j3")
REGIONS = ("low_income", "us_generalist", "expert")
KINDS = ("preference", "constraint")
PLACES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"jurisdiction": JURISDICTIONS, "region": REGIONS, "kind": KINDS}
)
#: What each place stands for.
PLACE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "j1": "in the EU-like jurisdiction", "j2": "in the US-like jurisdiction", "j3": "in the jurisdiction of low capacity",
        "low_income": "of labelers in low-income countries", "us_generalist": "of US generalists", "expert": "of experts",
        "preference": "of preference labels", "constraint": "of constraint labels",
    }
)  # fmt: skip
CERTIFICATION_MODES = ("none", "voluntary", "mandatory")

Scalar = float | bool | str | None | Prior
#: One value, a schedule by quarter, or a map from places to either.
Setting = Scalar | dict[int, Scalar] | dict[str, "Scalar | dict[int, Scalar]"]


@dataclass(frozen=True)
class Lever:
    """One lever.

    Attributes
    ----------
    name : str
    symbol : str
        Symbol in the model's equations.
    legal : Domain, tuple of str or type
        A domain for numbers, the choices for words, `bool` for switches.
    default : float, bool, str or None
        What holds where a scenario says nothing.
    unit, description : str
    by : str or None
        ``jurisdiction``, ``region`` or ``kind`` if the lever may differ between them.
    static : bool
        Whether it holds throughout, burn-in included.
    null : str or None
        What null means, where it is allowed.
    """

    name: str
    symbol: str
    legal: Domain | tuple[str, ...] | type[bool]
    default: float | bool | str | None
    unit: str
    description: str
    by: str | None = None
    static: bool = False
    null: str | None = None

    @property
    def places(self) -> tuple[str, ...]:
        """The places at which the lever may differ; empty if there are none."""
        return PLACES[self.by] if self.by else ()

    def allowed(self) -> str:
        """Legal values in words."""
        if isinstance(self.legal, Domain):
            words = f"{self.legal.describe()} or a prior"
        elif isinstance(self.legal, tuple):
            words = ", ".join(self.legal)
        else:
            words = "true or false"
        return f"{words}, or null ({self.null})" if self.null else words

    def parse(self, raw: object, quarters: int) -> Setting:
        """A setting checked and in canonical form: schedules sorted, maps of places complete.

        Parameters
        ----------
        raw : object
            As read from a file.
        quarters : int
            Horizon; a schedule must end before it.

        Raises
        ------
        Fault
        """
        if not isinstance(raw, Mapping) or _is_prior(raw):
            return self._scalar(raw)
        if not raw:
            raise Fault("nothing is set here", found={}, allowed=self.allowed())
        if self.static:
            raise Fault(
                "this lever is static: it takes one value and no schedule",
                found=dict(raw),
                allowed=self.allowed(),
            )
        if all(_quarter(key) is not None for key in raw):
            return self._schedule(raw, quarters)
        return self._place_map(raw, quarters)

    def _place_map(self, raw: Mapping[object, object], quarters: int) -> Setting:
        for key in raw:
            if key not in self.places:
                legal = ("quarters, as integers", *self.places)
                raise Fault(
                    "unknown key", (key,), allowed=", ".join(legal), nearest=nearest_name(key, self.places)
                )
        return {place: self._at_place(raw, place, quarters) for place in self.places}

    def _at_place(
        self, raw: Mapping[object, object], place: str, quarters: int
    ) -> Scalar | dict[int, Scalar]:
        if place not in raw:
            return self._scalar(self.default)
        here = raw[place]
        try:
            if not isinstance(here, Mapping) or _is_prior(here):
                return self._scalar(here)
            return self._schedule(here, quarters)
        except Fault as fault:
            raise fault.below(place) from None

    def _schedule(self, raw: Mapping[object, object], quarters: int) -> dict[int, Scalar]:
        schedule: dict[int, Scalar] = {}
        if not raw:
            raise Fault("nothing is set here", found={}, allowed=self.allowed())
        for key, value in raw.items():
            quarter = _quarter(key)
            if quarter is None or not 0 <= quarter < quarters:
                problem = "not a quarter" if quarter is None else "beyond the horizon"
                raise Fault(problem, (key,), found=key, allowed=f"an integer from 0 to {quarters - 1}")
            if quarter in schedule:
                raise Fault("this quarter stands twice", (key,))
            try:
                schedule[quarter] = self._scalar(value)
            except Fault as fault:
                raise fault.below(key) from None
        return dict(sorted(schedule.items()))

    def _scalar(self, raw: object) -> Scalar:
        if raw is None and self.null:
            return None
        if raw is None:
            raise Fault("no value is given", allowed=self.allowed())
        if isinstance(self.legal, Domain):
            try:
                return parse_value(raw, self.legal)
            except Fault as fault:
                raise _with_allowed(fault, self.allowed()) from None
        if isinstance(self.legal, tuple):
            if raw in self.legal and isinstance(raw, str):
                return raw
            nearest = nearest_name(raw, self.legal) if isinstance(raw, str) else None
            raise Fault("unknown choice", found=raw, allowed=self.allowed(), nearest=nearest)
        if isinstance(raw, bool):
            return raw
        raise Fault("not a switch", found=raw, allowed=self.allowed())

    def json_schema(self) -> dict[str, object]:
        """JSON Schema of a setting, with unit, description and default."""
        if isinstance(self.legal, Domain):
            scalar = value_json_schema(self.legal)
        elif isinstance(self.legal, tuple):
            scalar = {"enum": list(self.legal)}
        else:
            scalar = {"type": "boolean"}
        scalars: list[object] = [scalar, {"type": "null"}] if self.null else [scalar]
        forms = list(scalars)
        if not self.static:
            schedule = {
                "type": "object",
                "description": "From quarter to value; a value holds until the next entry.",
                "minProperties": 1,
                "additionalProperties": False,
                "patternProperties": {"^[0-9]+$": {"anyOf": scalars}},
            }
            forms.append(schedule)
            if self.places:
                forms.append(
                    {
                        "type": "object",
                        "description": f"By {self.by}.",
                        "minProperties": 1,
                        "additionalProperties": False,
                        "properties": {
                            place: {
                                "description": f"{self.description} Here {PLACE_WORDS[place]} alone. [{self.unit}]",
                                "anyOf": [*scalars, schedule],
                            }
                            for place in self.places
                        },
                    }
                )
        return {"description": f"{self.description} [{self.unit}]", "default": self.default, "anyOf": forms}


def _with_allowed(fault: Fault, allowed: str) -> Fault:
    if fault.keys:
        return fault
    return Fault(fault.problem, found=fault.found, allowed=allowed, nearest=fault.nearest)


def _is_prior(raw: Mapping[object, object]) -> bool:
    """Whether a mapping is meant as a prior, so that its faults are told as those of a prior."""
    return len(raw) == 1 and next(iter(raw)) in PRIOR_KINDS


def _quarter(key: object) -> int | None:
    """A key as a quarter: an integer, or its digits as a JSON file writes them."""
    if isinstance(key, bool):
        return None
    if isinstance(key, int):
        return key
    if isinstance(key, str) and re.fullmatch(r"-?(0|[1-9][0-9]{0,8})", key):
        return int(key)
    return None


def resolved_setting(setting: object) -> object:
    """A setting as plain JSON: priors as mappings, quarters as text."""
    if isinstance(setting, Mapping):
        return {str(key): resolved_setting(value) for key, value in setting.items()}
    return resolved_value(setting)


def merged_setting(name: str, lower: object, upper: object) -> object:
    """`upper` laid over `lower`: place by place if `upper` names places, else `upper` alone.

    A value or schedule that `lower` has for all places is kept at those that `upper` does not name.
    """
    lever = LEVERS.get(name)
    if lever is None or not lever.places or not _is_place_map(lever, upper):
        return upper
    below = lower if _is_place_map(lever, lower) else dict.fromkeys(lever.places, lower)
    assert isinstance(below, Mapping) and isinstance(upper, Mapping)
    return {**below, **upper}


def _is_place_map(lever: Lever, raw: object) -> bool:
    return isinstance(raw, Mapping) and bool(raw) and all(key in lever.places for key in raw)


_INTEGER = Domain(low=1, integer=True)
_ROWS = (
    Lever("cert_mode", "cert_mode", CERTIFICATION_MODES, "voluntary", "mode", "Certification of libraries; mandatory also bars uncertified ones from deployment.", "jurisdiction"),
    Lever("cert_fee", "cert_fee", NON_NEGATIVE, 1.0, "multiple of the default fee", "Certification fee.", "jurisdiction"),
    Lever("cert_tolerance", "tol", POSITIVE, 1.2, "norm units", "Largest distance of a certified library's norms from the regulator's.", "jurisdiction"),
    Lever("cert_test_size", "n_test", _INTEGER, 200, "prompts", "Size of the certification test.", "jurisdiction"),
    Lever("cert_max_violation", "h_pass", SHARE, 0.45, "share of prompts", "Largest share of violations that passes the test.", "jurisdiction"),
    Lever("cert_min_documented", "doc_min", SHARE, 0.0, "share of examples", "Share of a library that must be documented.", "jurisdiction"),
    Lever("conform", "conform", SHARE, 0.5, "weight", "Weight of the regulator's norm in the rules of certified libraries.", "jurisdiction"),
    Lever("provenance_audit", "pa", SHARE, 0.02, "probability per quarter", "Audit of a library's documentation of origin."),
    Lever("legal_risk", "p_leg", SHARE, 0.01, "probability per quarter", "Suit over undocumented examples."),
    Lever("audit", "audit", NON_NEGATIVE, 1.0, "intensity", "Detection of harm above the standard.", "jurisdiction"),
    Lever("fine", "fine", NON_NEGATIVE, 0.01, "share of revenue per unit of excess harm", "Fine for harm above the standard.", "jurisdiction"),
    Lever("max_harm", "std", SHARE, 0.25, "relative harm", "Standard: largest harm without a fine.", "jurisdiction"),
    Lever("strict", "strict", SHARE, 0.30, "share of damage", "Share of damage for which firms are liable.", "jurisdiction"),
    Lever("safe_harbour", "sh", SHARE, 0.4, "share of liability", "Part of the liability that a certified library takes away.", "jurisdiction"),
    Lever("commons", "commons", NON_NEGATIVE, 0.0, "a_ref per quarter", "Constraint examples bought by governments for a free public library."),
    Lever("interoperability", "interoperability", SHARE, 0.0, "share", "Part of switching costs and network benefits that is removed."),
    Lever("portability", "portability", SHARE, 0.0, "share", "Part of bespoke work that curators can no longer reuse for their own libraries."),
    Lever("lobby_cap", "lobby_cap", NON_NEGATIVE, None, "share of revenue", "Cap on industry's lobbying effort.", "jurisdiction", null="no cap"),
    Lever("merger_control", "merger_control", bool, False, "switch", "Block mergers above the concentration thresholds of the US Merger Guidelines 2023."),
    Lever("merger_probability", "p_m", SHARE, 0.04, "probability per quarter", "Chance that a merger is proposed."),
    Lever("local_norms", "zeta_j", SHARE, 0.0, "weight", "Part of a foreign library's rules that must follow the public ideal of the jurisdiction.", "jurisdiction"),
    Lever("minimum_wage", "minimum_wage", NON_NEGATIVE, 1.0, "multiple of the legal minimum", "Minimum wage of labelers.", "region"),
    Lever("training_subsidy", "training_subsidy", SHARE, 0.0, "share of the retraining cost", "Subsidy to labelers who change occupation."),
    Lever("pref_price_shock", "pref_price_shock", POSITIVE, 1.0, "multiple of the price", "Price of human preference labels."),
    Lever("shock_is_tax", "pref_shock", bool, False, "switch", "Whether the surcharge of pref_price_shock goes to governments, not abroad."),
    Lever("ai_price", "p_AI", NON_NEGATIVE, 1.0, "multiple of the default", "Price of AI labels.", "kind"),
    Lever("ai_quality", "e_AI", NON_NEGATIVE, 1.0, "multiple of the default", "Effectiveness of AI labels.", "kind"),
    Lever("transfer", "tau", SHARE, None, "share of the laboratory advantage", "How far the laboratory's advantage carries over to the field.", static=True, null="drawn from the prior"),
    Lever("sigma", "sigma", POSITIVE, None, "elasticity of substitution", "Imposed on the response surface, which is then marked as imposed.", static=True, null="as fitted"),
    Lever("market_scale", "market_scale", POSITIVE, 1.0, "multiple of users", "Size of the market.", static=True),
)  # fmt: skip

#: All levers by name, in the order of the reference table.
LEVERS: Mapping[str, Lever] = MappingProxyType({lever.name: lever for lever in _ROWS})
