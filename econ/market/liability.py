"""Step 10: incidents, who pays for them, and what less harm is worth to a firm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.streams import Stream
from econ.market.exposure import class_levy, detection, fine_rate, over_standard, pass_through
from econ.market.ledger import Ledger
from econ.market.libraries import Rules
from econ.market.product import Safety, market_size
from econ.market.setting import JURISDICTIONS, Setting, column, ratio, share_of, sum_over
from econ.market.state import Firms, Public, changed

if TYPE_CHECKING:
    from econ.market.status_quo import StatusQuo
    from econ.scenario.levers import Levers

Array = Any
#: Above this mean exp(-mean) nears underflow and a search from zero is slow.
LARGE_MEAN = 500.0


@dataclass(frozen=True)
class Incidents:
    """Incidents of a quarter.

    Attributes
    ----------
    number : [S, F, J]
    damage : [S, F, J]
        Realised, USD.
    expected : [S, F, J]
        Expected damage, USD.
    liable : [S, F, J]
        Share of damage for which the firm is liable.
    fines : [S, F, J]
        USD.
    claims, retained : [S]
        USD.
    """

    number: Array
    damage: Array
    expected: Array
    liable: Array
    fines: Array
    claims: Array
    retained: Array


def poisson(uniform: Array, mean: Array) -> Array:
    """Poisson counts by inverse CDF from uniforms, by search from zero; by the quantile function above 500."""
    from scipy.special import pdtr, pdtrik

    from econ.market import poisson_kernels

    flat, rate = np.ascontiguousarray(uniform).ravel(), np.ascontiguousarray(np.broadcast_to(mean, uniform.shape)).ravel()
    out = np.empty(flat.size)
    poisson_kernels.search(flat, np.minimum(rate, LARGE_MEAN), out)
    large = rate > LARGE_MEAN
    if large.any():
        guess = np.ceil(pdtrik(flat[large], rate[large]))
        below = np.maximum(guess - 1, 0)
        # The quantile function rounds: step back where the count below already reaches the uniform.
        out[large] = np.where(pdtr(below, rate[large]) >= flat[large], below, guess)
    return out.reshape(uniform.shape)


def incidents(
    s: Setting, quo: StatusQuo, f: Firms, public: Public, rules: Rules, library: Array, safe: Safety, levers: Levers, quarter: int, ledger: Ledger
) -> tuple[Firms, Public, Incidents]:  # fmt: skip
    """Draw incidents and damages, settle liability, insurance and fines."""
    p = s.p
    frequency = np.einsum("sfjk,sk->sfj", safe.harm, quo.request_frequency)
    rate = f.users * p["requests_per_user", 2] * frequency * p["incident_probability", 2]
    expected = expected_damage(quo, f, safe)
    ids = np.arange(s.firms)[:, None] * len(JURISDICTIONS) + np.arange(len(JURISDICTIONS))
    ids = ids[None]
    number = poisson(s.uniform(Stream.INCIDENT, quarter, ids), rate)
    spread = np.log1p(p["damage_cv", 2] ** 2 / np.maximum(number, 1))
    size = np.exp(np.sqrt(spread) * s.normal(Stream.DAMAGE, quarter, ids) - spread / 2)
    damage = np.divide(number, rate, out=np.zeros_like(rate), where=rate > 0) * expected * size
    liable = liable_share(s, rules, library, levers)
    claims = p["insured_share", 1] * sum_over(liable * damage, 2)
    retained = (1 - p["insured_share", 1]) * sum_over(liable * damage, 2)
    revenue = sum_over(f.revenue, 2)
    blend = p["credibility_own_claims", 1]
    premium_rate = blend * f.claims_rate + (1 - blend) * column(public.class_claims_rate, 1)
    ledger.post("premium", (1 + p["premium_loading", 1]) * premium_rate * revenue)
    ledger.post("claims", claims.sum(axis=1))
    ledger.post("retained_liability", retained)
    fines = fine(s, quo, f, safe, levers)
    ledger.post("fines", sum_over(fines, 2))
    smooth = p["claims_smoothing"]
    own = f.claims_rate + smooth[:, None] * (claims / revenue - f.claims_rate)
    everyone = public.class_claims_rate + smooth * (claims.sum(axis=1) / revenue.sum(axis=1) - public.class_claims_rate)
    result = Incidents(number, damage, expected, liable, fines, claims.sum(axis=1), retained.sum(axis=1))
    return changed(f, claims_rate=own), changed(public, class_claims_rate=everyone), result


def expected_damage(quo: StatusQuo, f: Firms, safe: Safety) -> Array:
    """Expected damage of a quarter, USD [S, F, J]."""
    return f.users * np.einsum("sfjk,sjk->sfj", safe.harm, quo.damage_per_user)


def liable_share(s: Setting, rules: Rules, library: Array, levers: Levers) -> Array:
    """Liable share strict·(1 - sh·certified) of damage [S, F, J]."""
    certified = rules.certified[np.arange(s.size)[:, None], np.maximum(library, 0)] & (library >= 0)[:, :, None]
    return levers.strict[:, None] * (1 - levers.safe_harbour[:, None] * certified)


def fine(s: Setting, quo: StatusQuo, f: Firms, safe: Safety, levers: Levers) -> Array:
    """Fines [S, F, J], USD."""
    return fine_rate(s.p, levers, quo.verifiability, safe.harm) * f.revenue


def stakes(
    s: Setting, quo: StatusQuo, f: Firms, public: Public, safe: Safety, liable: Array, levers: Levers
) -> Firms:  # fmt: skip
    """What the next quarter's decisions use: marginal value of less harm and of utility, liability per user."""
    p = s.p
    revenue, damage = sum_over(f.revenue, 2), expected_damage(quo, f, safe)
    answered, of_class = sum_over(liable * damage, 2), share_of(revenue, axis=1)
    reach = pass_through(p, of_class)
    unit = reach * answered / sum_over(f.users, 2)
    # Firms expect what the class claims: prices do not follow the luck of a quarter.
    class_rate = p["insured_share"] * answered.sum(axis=1) / revenue.sum(axis=1)
    levy = class_levy(p, of_class, column(class_rate, 1)) + ratio(sum_over(fine(s, quo, f, safe, levers), 2), revenue, 0.0)
    share = f.users / market_size(quo, public)[:, None]
    net = (1 - levy) * f.price - p["marginal_cost_per_user", 1] - unit
    weight = f.users * (1 - share)
    margin = net * sum_over(weight, 2)
    demand = margin[:, :, None] * (column(quo.users_harm_taste, 1) * quo.user_weight)[:, None]
    law = (f.users * liable * reach[:, :, None]) @ quo.damage_per_user
    finable = over_standard(p, levers, quo.verifiability, safe.harm) * detection(s.p, levers.audit, quo.verifiability)[:, None]
    fined = sum_over((levers.fine[:, None] * f.revenue)[..., None] * finable, 2)
    exposure = sum_over(levers.strict[:, None] * damage, 2)
    return changed(f, stake=demand + law + fined, margin=margin, liability=reach * exposure, unit_liability=unit, levy=levy)
