"""The state of a batch of replicates: arrays per agent type, leading axis replicate.

A state is never changed in place: a quarter takes one and gives the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    Array = Any
Part = TypeVar("Part", "Firms", "Curators", "Public", "Labelers")


@dataclass(frozen=True)
class Firms:
    """Deployers of models.

    Attributes
    ----------
    brand : [S, F]
        Mean utility that users attach to the name.
    price : [S, F]
        USD per user and quarter, posted for the next sale.
    users : [S, F, J]
        Users served in the last quarter.
    revenue : [S, F, J]
        USD in the last quarter.
    belief, variance : [S, F]
        Mean and variance of the believed transfer of the laboratory's advantage.
    preferences : [S, F]
        Stock of effective preference labels.
    constraints : [S, F, K]
        Stock of effective bespoke constraint labels.
    outlay_preference : [S, F]
        USD per quarter.
    outlay_constraint : [S, F, K]
        USD per quarter.
    library : [S, F]
        Slot of the licensed curator, C for the commons, -1 for none.
    stake : [S, F, K]
        Marginal value of less harm, g_fk, USD per unit of relative harm and quarter.
    margin : [S, F]
        Marginal value of utility, mar_f, USD per quarter.
    liability : [S, F]
        Expected liability at strictness 1, liab_f, USD per quarter.
    unit_liability : [S, F]
        USD per user and quarter.
    levy : [S, F]
        Share of a dollar of sales that class-rated premiums and fines take.
    claims_rate : [S, F]
        Smoothed insured claims per revenue.
    cash : [S, F]
        USD.
    use : [S, F]
        Constraint share of the last outlay, the source of learning.
    tie : [S, F, C]
        Log-odds by which the firm avoids a curator in which a rival holds a stake.
    withdrawn : [S, F, C]
        Share of its orders that the firm has withdrawn from the curator for good.
    owned : [S, F, C]
        Stake that the firm holds in the curator.
    purchases : [S, F, C]
        USD paid for labels in the last quarter; zero in a scenario without events, which alone need it.
    before_loss, before_tie : [S, F, C]
        Purchases of the quarter before the first event of the kind; zero until then.
    """

    brand: Array
    price: Array
    users: Array
    revenue: Array
    belief: Array
    variance: Array
    preferences: Array
    constraints: Array
    outlay_preference: Array
    outlay_constraint: Array
    library: Array
    stake: Array
    margin: Array
    liability: Array
    unit_liability: Array
    levy: Array
    claims_rate: Array
    cash: Array
    use: Array
    tie: Array
    withdrawn: Array
    owned: Array
    purchases: Array
    before_loss: Array
    before_tie: Array


@dataclass(frozen=True)
class Curators:
    """Vendors of labels who also draft and license rule libraries; slots may be empty.

    Attributes
    ----------
    active : [S, C] bool
    occupants : [S, C] int
        Number of earlier occupants of the slot; (slot, occupants) is the agent's id.
    age : [S, C] int
        Quarters since entry.
    quality_preference, quality_constraint : [S, C]
    home : [S, C] int
        Jurisdiction.
    norm, norm_start : [S, C, 2]
        Position in norm space.
    wage : [S, C, G, O]
        USD per hour of a labeler of ability 1.
    wedge : [S, C, G, O]
        Part of the monopsony wedge that a further hour costs: 1, less where a legal minimum binds.
    paid_share : [S, C, G, O]
        Expected paid share of hours present.
    price_preference : [S, C]
        USD per label.
    price_constraint : [S, C, K]
        USD per label.
    licence_fee : [S, C]
        USD per licence and quarter, posted.
    library, documented : [S, C, K]
        Rules and examples in the library, and the part with documented provenance.
    investment : [S, C, K]
        Examples that the curator orders for its own library, per quarter.
    documents : [S, C] bool
        Whether new examples are documented.
    units_preference : [S, C]
        Labels ordered in the last quarter.
    units_constraint : [S, C, K]
        Labels ordered in the last quarter.
    unit_share_preference, unit_share_constraint : [S, C]
        Share of vendors' units in the last quarter.
    licence_revenue : [S, C]
        USD in the last quarter.
    service_revenue : [S, C]
        USD in the last quarter.
    profit : [S, C]
        Smoothed net cash flow before dividends and equity, USD per quarter.
    cash : [S, C]
    quarters_in_debt : [S, C] int
    certified : [S, C, J] bool
    requests : [S, C, J]
        Share of the jurisdiction's requests governed by the curator's rules.
    lost, tied : [S, C] bool
        Whether the first event of the kind hit it: a loss of customers, a firm's stake.
    """

    active: Array
    occupants: Array
    age: Array
    quality_preference: Array
    quality_constraint: Array
    home: Array
    norm: Array
    norm_start: Array
    wage: Array
    wedge: Array
    paid_share: Array
    price_preference: Array
    price_constraint: Array
    licence_fee: Array
    library: Array
    documented: Array
    investment: Array
    documents: Array
    units_preference: Array
    units_constraint: Array
    unit_share_preference: Array
    unit_share_constraint: Array
    licence_revenue: Array
    service_revenue: Array
    profit: Array
    cash: Array
    quarters_in_debt: Array
    certified: Array
    requests: Array
    lost: Array
    tied: Array


@dataclass(frozen=True)
class Public:
    """Regulators, the commons, and the balances of the sectors without agents.

    Attributes
    ----------
    norm : [S, J, 2]
        Reference norm of the regulator.
    fee_multiple : [S, J]
        Inflation of the certification fee.
    effort_curators : [S, C, J]
    effort_firms : [S, F, J]
    effort_public : [S, J]
        Lobbying, USD per quarter.
    commons : [S, K]
        Public rule library.
    commons_certified : [S, J] bool
    class_claims_rate : [S]
        Smoothed claims per revenue of all firms.
    users, scale, persons : [S]
        Growth since the status quo of users, of useful label stocks and of persons.
    captured_quarters, tipped_quarters : [S] int
        Quarters in a row above the line.
    norm_reach : [S, J]
        Largest distance of a curator's norm from the public ideal at quarter 0.
    vendor_units : [S, 2]
        Vendors' share of all units of preference and constraint labels in the last quarter.
    balances : [S, sectors]
        Cash of every sector of the ledger.
    """

    norm: Array
    fee_multiple: Array
    effort_curators: Array
    effort_firms: Array
    effort_public: Array
    commons: Array
    commons_certified: Array
    class_claims_rate: Array
    users: Array
    scale: Array
    persons: Array
    captured_quarters: Array
    tipped_quarters: Array
    norm_reach: Array
    vendor_units: Array
    balances: Array


@dataclass(frozen=True)
class Labelers:
    """People who label; each stands for many.

    Attributes
    ----------
    bounds : [S, G + 1] int
        Labelers are sorted by region: region g holds places bounds[g] to bounds[g + 1].
    log_ability : [S, N, O]
        θ, of mean 0.
    experience : [S, N, O]
        Paid hours, depreciated.
    reservation : [S, N]
        Natural logarithm of the reservation wage over the region's status-quo wage of judging.
    occupation : [S, N] int8
        0 outside, 1 judge, 2 constrain.
    last : [S, N] int8
        Last occupation worked in: 1 judge, 2 constrain.
    persons : [S, G]
        Persons per labeler.
    participation : [S, G, O]
        Share of the region's labelers in each occupation, last quarter.
    """

    bounds: Array
    log_ability: Array
    experience: Array
    reservation: Array
    occupation: Array
    last: Array
    persons: Array
    participation: Array


@dataclass(frozen=True)
class State:
    """All of it."""

    firms: Firms
    curators: Curators
    public: Public
    labelers: Labelers


def changed(part: Part, **arrays: Array) -> Part:
    """A part of the state with some arrays in place of others.

    As `dataclasses.replace`, which would hand every array to the constructor by name, forty times a quarter.

    Raises
    ------
    TypeError
        If there is no array of a name.
    """
    names, held = part.__dataclass_fields__, part.__dict__
    if unknown := arrays.keys() - names.keys():
        raise TypeError(f"{type(part).__name__} has no {', '.join(sorted(unknown))}")
    new = object.__new__(type(part))
    # What was worked out from the old arrays and kept beside them is not taken along.
    new.__dict__.update({name: held[name] for name in names}, **arrays)
    return new
