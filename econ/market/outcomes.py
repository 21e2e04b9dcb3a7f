"""What a run reports: one column per outcome, each with unit and meaning.

Money is constant 2025 USD per quarter; HHIs are on 0 to 10,000 and null (NaN) at zero revenue.
"""

from __future__ import annotations

from dataclasses import dataclass

from econ.market.by_place import ORIGINS
from econ.market.setting import JURISDICTIONS, OCCUPATIONS, REGIONS


@dataclass(frozen=True)
class Outcome:
    """One column of ``outcomes.parquet``."""

    name: str
    unit: str
    meaning: str
    section: str


_WORK = {"judge": "judging", "constrain": "constraint work"}
_PLACES = [(occupation, region) for region in REGIONS for occupation in OCCUPATIONS]
_BY_REGION = tuple(
    row
    for occupation, region in _PLACES
    for row in (
        (f"employment_{occupation}_{region}", "persons", f"labelers at work: {_WORK[occupation]}, {region.replace('_', ' ')}"),
        (f"wage_{occupation}_{region}", "USD/h", f"mean paid wage: {_WORK[occupation]}, {region.replace('_', ' ')}, per hour of ability 1; null where nobody works"),
    )
)
_BY_ORIGIN = tuple(
    (
        f"norm_loss_{origin}_{place}", "norm units",
        f"the part of the distance between rules in force and public ideal in {place} that is due to {'the commons' if origin == 'commons' else 'libraries of ' + origin}",
    )
    for origin in ORIGINS
    for place in JURISDICTIONS
)  # fmt: skip

_TABLE: dict[str, tuple[tuple[str, str, str], ...]] = {
    "budgets": (
        ("label_spend", "USD", "outlay of firms on labels of both kinds from all sources"),
        ("vendor_spend", "USD", "the part paid to curators for labels"),
        ("licence_spend", "USD", "fees for rule libraries"),
        ("constraint_budget_share", "share", "constraint labels and licences over all labels and licences"),
        ("preference_budget_share", "share", "the complement"),
        ("bespoke_share", "share", "constraint labels over all labels"),
        ("spend_per_revenue", "share", "labels and licences over product revenue"),
        ("inhouse_share_preference", "share of units", "preference labels that firms make themselves"),
        ("inhouse_share_constraint", "share of units", "constraint labels that firms make themselves"),
        ("ai_share_preference", "share of units", "preference labels made by AI"),
        ("ai_share_constraint", "share of units", "constraint labels made by AI"),
    ),
    "labor": (
        ("employment_judge", "persons", "labelers who offer hours to judge preferences, paid or waiting: read with hours_unpaid_share"),
        ("employment_constrain", "persons", "labelers who offer hours to draft and adjudicate constraints, paid or waiting"),
        ("wage_judge", "USD/h", "mean paid wage of judging, per hour of ability 1"),
        ("wage_constrain", "USD/h", "mean paid wage of constraint work, per hour of ability 1"),
        ("wage_low_income", "USD/h", "mean paid wage in the low-income region"),
        ("wage_us_generalist", "USD/h", "mean paid wage of US generalists"),
        ("wage_expert", "USD/h", "mean paid wage of experts"),
        ("wage_gini", "index", "Gini coefficient of hourly pay over working persons"),
        ("markdown", "share", "1 - wage cost over marginal revenue product, hours-weighted"),
        ("labor_share", "share", "wages over curators' revenue"),
        ("hours_unpaid_share", "share", "hours present that are not paid"),
        ("fill_preference", "share", "preference labels ordered from vendors that were delivered"),
        ("fill_constraint", "share", "constraint labels ordered from vendors that were delivered"),
        *_BY_REGION,
    ),
    "concentration": (
        ("hhi_licence", "HHI", "concentration of licence revenue; null below 4 paying firms, where it says nothing"),
        ("hhi_licence_incl_commons", "HHI", "the same with the commons as a supplier at the mean posted fee; null below 4 users in all"),
        ("licence_payers", "count", "firms that pay for a library"),
        ("hhi_service", "HHI", "concentration of label revenue"),
        ("cr3_service", "share", "label revenue of the three largest curators"),
        ("top_share_service", "share", "label revenue of the largest curator"),
        ("top_customer_share", "share", "largest customer's share of a curator's revenue, revenue-weighted mean"),
        ("top5_customer_share", "share", "the same of the five largest customers"),
        ("hhi_normative", "HHI", "concentration of requests governed by each curator's rules"),
        ("hhi_buyers", "HHI", "concentration of label outlay over firms"),
        ("hhi_firms", "HHI", "concentration of product revenue over firms"),
        ("leader_share_firms", "share", "product revenue of the firm that led at the status quo"),
        ("cr4_licence", "share", "licence revenue of the four largest curators"),
        ("lerner_licence", "share", "(fee - cost of support)/fee, revenue-weighted"),
        ("curators_active", "count", "curators in the market"),
        ("top_share_licence", "share", "licence revenue of the largest curator"),
        ("library_leader", "ratio", "largest library over the status-quo constraint stock of a firm"),
        ("tipped", "0 or 1", "leader above 2 and its licence share above one half for four quarters running"),
    ),
    "access": (
        ("licence_price", "USD/quarter", "mean fee posted by active curators"),
        ("preference_label_price", "USD/label", "effective price, mean over firms"),
        ("constraint_label_price", "USD/label", "effective price of the mix bought, mean over firms"),
        ("product_price", "USD/user", "mean price, by users"),
        ("firms_without_library", "share", "firms that license no library and use no commons"),
        ("commons_use", "share", "firms that use the commons"),
        ("entries", "count", "curators that entered"),
        ("exits", "count", "curators that left"),
        ("mergers", "count", "mergers of curators"),
        ("large_entrants", "count", "curators that entered in the last year and have more than the share large_entrant_share of label revenue"),
        ("labeler_exit_rate", "share", "working persons of the last quarter who do not work now"),
    ),
    "certification": (
        ("cert_pass_rate", "share", "tests passed; null without tests"),
        ("cert_false_pass", "share", "tests passed although the violation probability exceeds the limit; null without tests"),
        ("cert_false_fail", "share", "tests failed by chance although position, documents and violation probability are within the limits; null without tests"),
        ("cert_refused_position", "share", "tests refused because the rules lie beyond the tolerance; null without tests"),
        ("cert_refused_documents", "share", "tests refused, the position being right, for lack of documents; null without tests"),
        ("cert_refused_test", "share", "tests refused, position and documents being right, by the sample of prompts; null without tests"),
        ("cert_violation", "share of prompts", "mean true violation probability of what was tested, to be held against the limit; null without tests"),
        ("lobby_spend", "USD", "lobbying by curators, firms and public groups"),
    ),
    "safety": (
        ("harm_rate", "ratio", "harm relative to the untrained base model, weighted by requests"),
        ("harm_damage", "USD", "expected damage to third parties"),
        ("harm_damage_per_user", "USD/user", "the same per user, which does not grow with the market"),
        ("sycophancy", "rate", "sycophancy Y, by users; the laboratory's rate, or a stand-in index (parameter measured_quality)"),
        ("helpfulness", "index", "what users like, by users: unmeasured value of preference labels, and measured helpfulness against the untrained model (or the stand-in)"),
        ("helpfulness_measured", "index", "the laboratory's helpfulness alone, 0 to 1, by users; null in the stand-in"),
        ("over_refusal", "rate", "benign requests refused, by users; the laboratory's rate, or a stand-in"),
        ("cost_per_harm_avoided_preference", "USD/request", "user cost of preference labels per harmful request avoided, at the margin"),
        ("cost_per_harm_avoided_constraint", "USD/request", "the same for constraint labels"),
        ("hours_per_harm_avoided_preference", "h/request", "hours of labeling instead of USD"),
        ("hours_per_harm_avoided_constraint", "h/request", "the same for constraint labels"),
        ("premium_per_revenue", "share", "liability premiums over product revenue"),
        ("fines_per_revenue", "share", "fines over product revenue"),
        ("incidents", "count", "incidents"),
    ),
    "governance": (
        ("capture_index", "index", "mean of displacement, industry share and fee inflation, by users"),
        ("capture_displacement", "index", "distance of the regulator's norm from the public ideal, relative to the farthest curator"),
        ("industry_influence", "share", "industry's share of lobbying effort and regulator's capacity"),
        ("fee_inflation", "index", "inflation of certification fees relative to its maximum"),
        ("curator_influence", "share", "curators' part of industry_influence; the rest is firms'"),
        ("industry_voice", "share", "industry's share of lobbying effort, the regulator's own capacity left out"),
        ("capture_weight", "share", "weight of curators' positions in the norm that the regulator moves to"),
        ("captured", "0 or 1", "capture index above one half for four quarters running"),
        ("norm_misfit", "norm units", "distance of the rules in force from the public ideal, over governed requests"),
        ("norm_export", "norm units", "the part from libraries of another jurisdiction"),
        ("stake_ratio", "log", "log of the industry's over the public's drawn stake factor"),
        *_BY_ORIGIN,
    ),
    "welfare": (
        ("consumer_surplus", "USD", "log-sum of product demand"),
        ("firm_profit", "USD", "net real receipts of firms"),
        ("curator_profit", "USD", "net real receipts of curators"),
        ("insurer_profit", "USD", "net real receipts of insurers"),
        ("labeler_surplus", "USD", "wages less the reservation value of hours present and what retraining costs movers; tastes and intercepts of supply are left out"),
        ("public_cost", "USD", "net real payments of governments"),
        ("uninsured_harm", "USD", "damage that nobody compensates"),
        ("sycophancy_harm", "USD", "harm from agreeing with users"),
        ("lobby_public", "USD", "lobbying by public groups"),
        ("provenance_claims", "USD", "damages paid for undocumented examples"),
        ("welfare", "USD", "sum of the parts; no ranking without them"),
    ),
    "replays": (
        ("loss_revenue_ratio", "ratio", "label revenue from firms of the curator that lost customers, over the quarter before; null without such an event"),
        ("tie_revenue_ratio", "ratio", "the same of the curator in which a firm holds a stake"),
        ("tie_rivals_reducing", "share", "of the curator's four largest customers beside the stake's owner, those who buy less than before"),
        ("tie_others_revenue_ratio", "ratio", "label revenue from firms of all other curators, over the quarter before"),
    ),
    "beliefs": (
        ("belief_mean", "share", "mean believed transfer of the laboratory's advantage"),
        ("belief_sd", "share", "mean standard deviation of that belief"),
    ),
}

OUTCOMES: dict[str, Outcome] = {
    name: Outcome(name, unit, meaning, section) for section, rows in _TABLE.items() for name, unit, meaning in rows
}

#: Columns that no market can leave the interval from 0 to 1 with: shares of a whole, and rates.
PROPORTIONS = frozenset(
    {
        "constraint_budget_share", "preference_budget_share", "bespoke_share", "inhouse_share_preference", "inhouse_share_constraint",
        "ai_share_preference", "ai_share_constraint", "hours_unpaid_share", "fill_preference", "fill_constraint", "cr3_service",
        "top_share_service", "top_customer_share", "leader_share_firms", "cert_violation", "harm_rate", "sycophancy", "over_refusal",
    }
)  # fmt: skip
#: Columns that may be null: indices and rates of what may not exist in a quarter, as a wage where nobody works.
NULLABLE = frozenset(
    {
        "hhi_licence", "hhi_licence_incl_commons", "cr4_licence", "lerner_licence", "top_share_licence", "hhi_normative",
        "cert_pass_rate", "cert_false_pass", "cert_false_fail", "cert_refused_position", "cert_refused_documents", "cert_refused_test",
        "cert_violation", "helpfulness_measured", "loss_revenue_ratio", "tie_revenue_ratio", "tie_rivals_reducing", "tie_others_revenue_ratio",
        "wage_judge", "wage_constrain", "wage_low_income",
        *(f"wage_{occupation}_{region}" for occupation, region in _PLACES),
        "wage_us_generalist", "wage_expert", "markdown", "labor_share", "hours_unpaid_share", "fill_preference", "fill_constraint",
    }
)  # fmt: skip
