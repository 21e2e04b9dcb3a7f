"""Which outcomes each fan chart of a run shows, in which panels and units."""

from __future__ import annotations

from econ.report.fans import FanFigure, Panel, Series
from econ.report.style import BASE_YEAR

#: Market counts as highly concentrated above this Herfindahl-Hirschman index (US Merger Guidelines 2023).
HIGHLY_CONCENTRATED = 1800.0
#: What happened in the two cases that scenarios replay (moments M17b, M18a and M19).
LOST_REVENUE, RIVALS_REDUCING, LARGE_ENTRANTS = -0.22, 0.75, 3.0
#: A regulator counts as captured above this capture index.
CAPTURED = 0.5
MILLION = 1e6
THOUSAND = 1e3

BUDGET = FanFigure(
    "budget_shares",
    "Budgets for feedback",
    (
        Panel(
            "Shares of labels and licences",
            "Share of spending",
            (
                Series("preference_budget_share", "preference labels"),
                Series("constraint_budget_share", "constraints (bespoke and licensed)"),
                Series("bespoke_share", "bespoke constraints, of labels"),
            ),
            limits=(0.0, 1.0),
        ),
        Panel(
            "Spending",
            f"Million {BASE_YEAR} USD/quarter",
            (
                Series("label_spend", "labels, all sources", MILLION),
                Series("vendor_spend", "labels, from vendors", MILLION),
                Series("licence_spend", "licences", MILLION),
            ),
            limits=(0.0, None),
        ),
    ),
    columns=2,
)
LABOR = FanFigure(
    "wages",
    "Labelers",
    (
        Panel(
            "Wages by region",
            f"{BASE_YEAR} USD per hour (log scale)",
            (
                Series("wage_expert", "expert"),
                Series("wage_us_generalist", "US generalist"),
                Series("wage_low_income", "low income"),
            ),
            log=True,
        ),
        Panel(
            "Wages by occupation",
            f"{BASE_YEAR} USD per hour",
            (Series("wage_constrain", "writing constraints"), Series("wage_judge", "judging preferences")),
            limits=(0.0, None),
        ),
        Panel(
            "Employment by occupation",
            "Thousand persons",
            (
                Series("employment_constrain", "writing constraints", THOUSAND),
                Series("employment_judge", "judging preferences", THOUSAND),
            ),
            limits=(0.0, None),
        ),
    ),
    columns=3,
)
_OF_PLACE = (("low_income", "Low income"), ("us_generalist", "US generalists"), ("expert", "Experts"))
_WORK = (("constrain", "writing constraints"), ("judge", "judging preferences"))
LABOR_BY_PLACE = FanFigure(
    "labor_by_place",
    "Wages and employment by skill and region",
    tuple(
        Panel(f"Wage: {name.lower() if name != 'US generalists' else name}", f"{BASE_YEAR} USD per hour", tuple(Series(f"wage_{kind}_{place}", label) for kind, label in _WORK), (0.0, None))
        for place, name in _OF_PLACE
    )
    + tuple(
        Panel(f"At work: {name.lower() if name != 'US generalists' else name}", "Thousand persons", tuple(Series(f"employment_{kind}_{place}", label, THOUSAND) for kind, label in _WORK), (0.0, None))
        for place, name in _OF_PLACE
    ),
    columns=3,
)
MARGINS = FanFigure(
    "cost_per_harm_avoided",
    "Cost and work of one more harmful request avoided",
    tuple(
        Panel(title, unit, tuple(Series(f"{what}_per_harm_avoided_{kind}", label) for kind, label in (("constraint", "constraints"), ("preference", "preference labels"))), (None, top), log=True)
        for what, title, unit, top in (("cost", "Cost", f"{BASE_YEAR} USD per request", MILLION), ("hours", "Labeling", "Hours per request", 10 * THOUSAND))
    ),
    columns=2,
)
CONCENTRATION = FanFigure(
    "concentration",
    "Concentration of curators",
    (
        Panel(
            "Labeling services",
            "HHI (0 to 10,000)",
            (Series("hhi_service", "services"),),
            (0.0, None),
            reference=HIGHLY_CONCENTRATED,
        ),
        Panel("Requests governed", "HHI (0 to 10,000)", (Series("hhi_normative", "requests"),), (0.0, None)),
        Panel("Licences", "HHI (0 to 10,000)", (Series("hhi_licence", "licences"),), (0.0, None)),
        Panel("Payers of licences", "Firms", (Series("licence_payers", "payers"),), (0.0, None)),
    ),
    columns=2,
    note=(
        "Dashed: 1,800, above which the US Merger Guidelines (2023) call a market highly concentrated; with so few\n"
        "payers the HHI of licences cannot be held against it, and below 4 payers it is left out."
    ),
)
CAPTURE = FanFigure(
    "capture",
    "Regulatory capture",
    (
        Panel(
            "Capture index",
            "Index, 0 to 1",
            (Series("capture_index", "capture index"),),
            (0.0, 1.0),
            reference=CAPTURED,
        ),
        Panel(
            "Part: displacement of the norm",
            "",
            (Series("capture_displacement", "displacement of the norm"),),
            (0.0, 1.0),
        ),
        Panel(
            "Part: industry's share of influence",
            "Index, 0 to 1",
            (Series("industry_influence", "industry's share"),),
            (0.0, 1.0),
        ),
        Panel("Part: inflation of fees", "", (Series("fee_inflation", "inflation of fees"),), (0.0, 1.0)),
    ),
    columns=2,
    note="Index: mean of the three parts, weighted by markets. Dashed: 0.5, above which a regulator counts as captured.",
)
HARM = FanFigure(
    "harm_helpfulness",
    "What users and third parties get",
    (
        Panel(
            "Harm",
            "Relative to untrained",
            (Series("harm_rate", "harm, by requests"),),
            (0.0, None),
        ),
        Panel(
            "Helpfulness and sycophancy",
            "Index, 0 to 1",
            (Series("helpfulness", "helpfulness"), Series("sycophancy", "sycophancy")),
            (0.0, 1.0),
        ),
    ),
    columns=2,
)
FAN_FIGURES = (BUDGET, LABOR, CONCENTRATION, CAPTURE, HARM)
REPLAY_LOSS = FanFigure(
    "replay_customer_loss",
    "A curator loses its largest customers",
    (
        Panel(
            "Its label revenue", "Over the quarter before", (Series("loss_revenue_ratio", "revenue"),), (0.0, None),
            reference=1.0 + LOST_REVENUE,
        ),
        Panel("Labeling services", "HHI (0 to 10,000)", (Series("hhi_service", "services"),), (0.0, None)),
    ),
    columns=2,
    note="Dashed: Appen's revenue in the year after a customer of 0.30 of it left in January 2024 (M17b, held out).",
)  # fmt: skip
REPLAY_TIE = FanFigure(
    "replay_vertical_tie",
    "A firm buys into a curator",
    (
        Panel("Label revenue of the curator", "Over the quarter before", (Series("tie_revenue_ratio", "revenue"),), (0.0, None)),
        Panel(
            "Four largest other customers", "Share that buys less", (Series("tie_rivals_reducing", "reducing"),), (0.0, 1.02),
            reference=RIVALS_REDUCING,
        ),
        Panel(
            "Label revenue of other curators", "Over the quarter before", (Series("tie_others_revenue_ratio", "others"),),
            (0.0, None), reference=1.0,
        ),
        Panel(
            "Large entrants of the last year", "Curators", (Series("large_entrants", "entrants"),), (0.0, 5.0),
            reference=LARGE_ENTRANTS,
        ),
    ),
    columns=2,
    note=(
        "Dashed: after Meta's stake in Scale, June 2025, at least 3 of 4 rival buyers turned away (M18a),\n"
        "rival vendors had more demand than before (M18b), and 3 entrants were large within a year (M19); all held out."
    ),
)  # fmt: skip
#: Shown where the scenario has the event.
REPLAY_FIGURES = (REPLAY_LOSS, REPLAY_TIE)
