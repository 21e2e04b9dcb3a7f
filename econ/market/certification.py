"""Step 3: where the rules of each library stand, and which libraries regulators certify."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.streams import Stream
from econ.market.ledger import Ledger
from econ.market.libraries import Rules, agent_ids, documented_share
from econ.market.setting import COORDINATES, JURISDICTIONS, Setting, share_of, sum_over
from econ.market.state import Curators, Firms, Public, changed

if TYPE_CHECKING:
    from econ.market.status_quo import StatusQuo
    from econ.scenario.levers import Levers

Array = Any
NONE, VOLUNTARY, MANDATORY = 0, 1, 2
#: Coordinates of the jurisdictions' ideals, jurisdiction by jurisdiction.
PLACES = tuple(f"{j}_{x}" for j in JURISDICTIONS for x in COORDINATES)


@dataclass(frozen=True)
class Tests:
    """Certification tests of a quarter, by curator and jurisdiction.

    Attributes
    ----------
    tested, passed : [S, C, J] bool
    near, documented, compliant : [S, C, J] bool
        The three conditions: rules within the tolerance of the regulator's norm, documents enough, and a true
        violation probability within the limit. The first two are seen without error; of the third the test
        sees a sample, so it alone can err.
    violation : [S, C]
        True violation probability of the library.
    fees : [S, C, J]
        USD paid.
    """

    tested: Array
    passed: Array
    near: Array
    documented: Array
    compliant: Array
    violation: Array
    fees: Array


def public_ideal(s: Setting) -> Array:
    """Ideal of the public of each jurisdiction [S, J, 2]."""
    return s.p.vector("public_ideal", PLACES).reshape(s.size, len(JURISDICTIONS), len(COORDINATES))


def fee(s: Setting, levers: Levers, public: Public) -> Array:
    """Certification fee [S, J], USD."""
    return s.p["certification_fee_usd", 1] * levers.cert_fee * public.fee_multiple


def rules_in_force(s: Setting, quo: StatusQuo, c: Curators, public: Public, levers: Levers) -> Rules:
    """Positions of all libraries in all jurisdictions, and how well their content fits there.

    Certified rules move towards the regulator's norm, foreign ones towards the public ideal where local
    norms are required; fit is v_k + (1 - v_k)·exp(-distance²/(2σ²)).
    """
    from econ.market import norm_kernels

    sizes = (s.size, s.slots + 1, len(JURISDICTIONS))
    norm, fit = np.empty((*sizes, len(COORDINATES))), np.empty((*sizes, quo.verifiability.shape[1]))
    norm_kernels.stand(
        c.norm, c.home, c.certified, levers.conform, levers.local_norms, public.norm, public_ideal(s), s.p["norm_fit_width"],
        quo.verifiability, norm, fit,
    )  # fmt: skip
    certified = np.concatenate([c.certified, public.commons_certified[:, None]], axis=1)
    deployable = np.where(levers.cert_mode[:, None] == MANDATORY, certified, True)
    return Rules(norm, fit, deployable.astype(float), certified)


def certify(
    s: Setting, quo: StatusQuo, f: Firms, c: Curators, public: Public, levers: Levers, quarter: int, ledger: Ledger
) -> tuple[Curators, Public, Tests]:  # fmt: skip
    """Test those who apply, and the commons free of charge; collect fees."""
    p = s.p
    open_market = quarter >= 0
    mode = levers.cert_mode[:, None]
    charged = fee(s, levers, public)
    # The value accrues per quarter and the fee covers the life of a certificate: both per quarter.
    wants = _value(s, f, c, levers) > charged[:, None] / p["certificate_quarters", 2]
    wants &= (mode != NONE) & c.active[:, :, None] & open_market
    ids = agent_ids(c)[:, :, None]
    places = np.arange(len(JURISDICTIONS))
    due = s.uniform(Stream.CERT_DUE, quarter, ids, places) < 1 / p["certificate_quarters", 2]
    held = c.certified & (mode != NONE)
    tested = wants & (due | ~held)
    violation = violation_probability(s, quo, c.library, public)
    near, documented, lucky = _conditions(s, levers, c, public, violation, quarter, ids, places)
    compliant = np.broadcast_to(violation[:, :, None] <= levers.cert_max_violation[:, None], near.shape)
    passed = tested & near & documented & lucky
    certified = np.where(due | ~held, passed, held) & c.active[:, :, None]
    fees = (tested | certified) * charged[:, None] / p["certificate_quarters", 2]
    ledger.post("cert_fees", sum_over(fees, 2))
    public = _certify_commons(s, quo, public, levers, quarter, open_market)
    return changed(c, certified=certified), public, Tests(tested, passed, near, documented, compliant, violation, fees)


def _value(s: Setting, f: Firms, c: Curators, levers: Levers) -> Array:
    """What a certificate is worth to a curator, USD per quarter [S, C, J].

    At least the price of one licence counts, or a mandate would certify nobody for ever.
    """
    weight = share_of(sum_over(f.users, 1))
    mean = np.where(c.active, c.licence_revenue, 0.0).sum(axis=1) / np.maximum(c.active.sum(axis=1), 1)
    income = np.maximum(np.maximum(c.licence_revenue, s.p["certificate_value_of_mean", 1] * mean[:, None]), c.licence_fee)
    factor = np.where(levers.cert_mode == MANDATORY, 1.0, levers.safe_harbour * s.p["certificate_value_voluntary", 1])
    return income[:, :, None] * (weight * factor)[:, None]


def violation_probability(s: Setting, quo: StatusQuo, library: Array, public: Public) -> Array:
    """Probability that a test prompt is violated by a model trained on a library: [S, C] for [S, C, K].

    Relative harm at the true transfer and the reference preference stock, mean over categories, times
    the base model's measured violation rate.
    """
    preferences = (quo.response.preferences_reference * public.scale)[:, None]
    harm, _, _ = quo.response.harm(library[:, None], preferences, public.scale)
    return harm[:, 0].mean(axis=2) * s.base_violation


def _conditions(
    s: Setting, levers: Levers, c: Curators, public: Public, violation: Array, quarter: int, ids: Array, places: Array
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Position, documentation and the outcome of a binomial test, each [S, C, J]."""
    from econ.market import norm_kernels

    distance = np.empty(c.certified.shape)
    norm_kernels.apart(c.norm, c.home, levers.local_norms, public.norm, public_ideal(s), distance)
    near = distance <= levers.cert_tolerance[:, None]
    documented = documented_share(c)[:, :, None] >= levers.cert_min_documented[:, None]
    chance = pass_chance(violation[:, :, None], levers.cert_test_size[:, None], levers.cert_max_violation[:, None])
    lucky = s.uniform(Stream.CERT_TEST, quarter, ids, places) < chance
    return near, np.broadcast_to(documented, near.shape), lucky


def pass_chance(violation: Array, prompts: Array, limit: Array) -> Array:
    """P(at most ⌊n·h⌋ of n prompts are violated), by the normal approximation with continuity correction."""
    from scipy.special import ndtr

    spread = np.sqrt(prompts * violation * (1 - violation))
    slack = np.floor(prompts * limit) + 0.5 - prompts * violation
    with np.errstate(divide="ignore"):
        return ndtr(np.where(spread > 0, slack / np.where(spread > 0, spread, 1.0), np.copysign(np.inf, slack)))


def _certify_commons(s: Setting, quo: StatusQuo, public: Public, levers: Levers, quarter: int, open_market: bool) -> Public:
    """The commons stands at the regulator's norm and is documented; only the test of its harm can fail."""
    places = np.arange(len(JURISDICTIONS))
    ids = np.full((s.size, 1), 2**31)
    due = s.uniform(Stream.CERT_DUE, quarter, ids, places) < 1 / s.p["certificate_quarters", 1]
    stocked = public.commons.sum(axis=1, keepdims=True) > 0
    held = public.commons_certified & (levers.cert_mode != NONE) & stocked
    tested = (due | ~held) & (levers.cert_mode != NONE) & stocked & open_market
    violation = violation_probability(s, quo, public.commons[:, None], public)
    chance = pass_chance(violation, levers.cert_test_size, levers.cert_max_violation)
    lucky = s.uniform(Stream.CERT_TEST, quarter, ids, places) < chance
    return changed(public, commons_certified=np.where(tested, lucky, held))


def pay_for_harm_audits(s: Setting, f: Firms, levers: Levers, ledger: Ledger) -> None:
    """Governments pay for auditing harm, in proportion to the revenue audited."""
    cost = s.p["audit_cost_per_revenue", 1] * levers.audit * sum_over(f.revenue, 1)
    ledger.post("audit_cost", cost.sum(axis=1))


def governed_requests(f: Firms, library: Array, slots: int) -> Array:
    """Share of each jurisdiction's requests governed by each library, the commons last [S, C + 1, J]."""
    from econ.market import library_kernels

    total = sum_over(f.users, 1)[:, None]
    governed = np.empty((len(library), slots + 1, total.shape[2]))
    library_kernels.by_library(library, f.users, governed)
    return governed / np.where(total > 0, total, np.inf)


def norm_gaps(s: Setting, rules: Rules) -> Array:
    """Distance of each library's rules in force from the public ideal [S, C + 1, J]."""
    gap = rules.norm - public_ideal(s)[:, None]
    return np.sqrt(gap[..., 0] ** 2 + gap[..., 1] ** 2)
