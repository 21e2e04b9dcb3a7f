"""A market of a few lines with the interface of the real one: paths keyed by seed and replicate alone.

`slow_simulate` and `dying_simulate` are what the interruption tests need. The module is importable by
worker processes because pytest puts its folder on the path that they inherit.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from econ.core.errors import WorkError
from econ.ensemble.engine import Engine

UNITS = {
    "constraint_budget_share": "share", "preference_budget_share": "share", "bespoke_share": "share",
    "label_spend": "USD/quarter", "vendor_spend": "USD/quarter", "licence_spend": "USD/quarter",
    "wage_judge": "USD/h", "wage_constrain": "USD/h", "employment_judge": "persons", "employment_constrain": "persons",
    "wage_low_income": "USD/h", "wage_us_generalist": "USD/h", "wage_expert": "USD/h", "hours_unpaid_share": "share",
    "hhi_licence": "HHI (0-10000)", "hhi_service": "HHI (0-10000)", "hhi_normative": "HHI (0-10000)",
    "hhi_buyers": "HHI (0-10000)", "cr3_service": "share", "top_share_service": "share", "top_customer_share": "share",
    "labeler_exit_rate": "per quarter", "licence_price": "USD/quarter", "incidents": "count", "lobby_spend": "USD/quarter",
    "harm_rate": "relative", "helpfulness": "index", "sycophancy": "index", "firms_without_library": "share",
    "capture_index": "index", "capture_displacement": "index", "industry_influence": "share", "fee_inflation": "index",
    "tipped": "0 or 1", "captured": "0 or 1", "labeler_surplus": "USD/quarter",
}  # fmt: skip
FLOWS = {
    "product": ("consumers", "firms"),
    "licence": ("firms", "curators"),
    "wages": ("curators", "labelers"),
}


@dataclass(frozen=True)
class FakeScenario:
    name: str = "baseline"
    quarters: int = 12
    replicates: int = 40
    surfaces: str | None = None
    levers: dict[str, Any] = field(default_factory=lambda: {"commons": 0.0, "sigma": None})
    population: Any = field(default_factory=lambda: SimpleNamespace(labelers=300))
    title: str = "Fake"

    def resolved(self) -> dict[str, Any]:
        return {"name": self.name, "levers": dict(self.levers), "quarters": self.quarters}

    def with_levers(self, **levers: Any) -> FakeScenario:
        return replace(self, levers={**self.levers, **levers})

    def named(self, name: str) -> FakeScenario:
        return replace(self, name=name)


@dataclass(frozen=True)
class FakeSurfaces:
    id: str = "fake"
    hash: str = "0" * 64
    kind: str = "measured"


@dataclass(frozen=True)
class FakeSimulation:
    quarters: Any
    replicates: Any
    outcomes: dict[str, Any]
    ledger: dict[str, Any]
    facts: dict[str, Any]
    failed: dict[int, str]


def simulate(scenario, surfaces, *, seed, replicates, quarters, device="cpu", precision="float64"):
    """Random walks around plausible levels; the lever `commons` moves what it would move."""
    quarter = np.arange(-8, quarters)
    time_since = np.maximum(quarter + 1, 0)
    commons = scenario.levers["commons"]
    paths: dict[str, list[np.ndarray]] = {name: [] for name in UNITS}
    facts: dict[str, list[Any]] = {"transfer": [], "ledger_residual": [], "position_redraws": [], "form": []}
    for replicate in replicates:
        draw = np.random.default_rng((seed, replicate))
        noise = {name: np.cumsum(draw.normal(size=quarter.size)) / 30 for name in UNITS}
        share = 1 / (
            1 + np.exp(1.7 - 0.02 * time_since * draw.normal(1.0, 0.5) - 0.3 * noise["harm_rate"] + commons)
        )
        growth = np.exp(0.04 * time_since)
        made = {
            "constraint_budget_share": share, "preference_budget_share": 1 - share,
            "bespoke_share": share * np.exp(-0.01 * time_since),
            "label_spend": 6e7 * growth * np.exp(noise["label_spend"]),
            "vendor_spend": 4e7 * growth * np.exp(noise["vendor_spend"]), "licence_spend": 1e6 * growth * (quarter >= 0),
            "wage_judge": 9 * np.exp(noise["wage_judge"]), "wage_constrain": 14 * np.exp(noise["wage_constrain"]),
            "employment_judge": 9e4 * growth * np.exp(noise["employment_judge"]),
            "employment_constrain": 2e4 * growth * np.exp(noise["employment_constrain"]),
            "wage_low_income": 1.7 * np.exp(noise["wage_low_income"]),
            "wage_us_generalist": 15 * np.exp(noise["wage_us_generalist"]),
            "wage_expert": 110 * np.exp(noise["wage_expert"]), "hours_unpaid_share": 0.3 + 0.03 * noise["hours_unpaid_share"],
            "hhi_licence": np.where(quarter >= 0, np.clip(2500 + 2000 * noise["hhi_licence"] + 4000 * commons, 400, 1e4), np.nan),
            "hhi_service": np.clip(2600 - 10 * time_since + 900 * noise["hhi_service"], 300, 1e4),
            "hhi_normative": np.where(quarter >= 0, np.clip(3000 + 2000 * noise["hhi_normative"], 300, 1e4), np.nan),
            "hhi_buyers": 1500 + 100 * noise["hhi_buyers"], "cr3_service": np.clip(0.75 + 0.1 * noise["cr3_service"], 0, 1),
            "top_share_service": np.clip(0.4 + 0.1 * noise["top_share_service"], 0, 1),
            "top_customer_share": np.clip(0.3 + 0.1 * noise["top_customer_share"], 0, 1),
            "labeler_exit_rate": np.full(quarter.size, 0.13), "licence_price": 4e4 * np.exp(noise["licence_price"]),
            "incidents": draw.poisson(4 * growth).astype(float), "lobby_spend": 1e5 * growth * np.exp(noise["lobby_spend"]),
            "harm_rate": np.clip(0.4 - 0.003 * time_since + 0.1 * noise["harm_rate"] - 0.1 * commons, 0, 1),
            "helpfulness": np.clip(0.5 + 0.1 * noise["helpfulness"], 0, 1), "sycophancy": np.clip(0.3 + 0.1 * noise["sycophancy"], 0, 1),
            "firms_without_library": np.clip(1 - 0.03 * time_since + 0.1 * noise["firms_without_library"], 0, 1),
            "capture_displacement": np.clip(0.01 * time_since + 0.1 * noise["capture_displacement"], 0, 1),
            "industry_influence": np.clip(0.5 + 0.2 * noise["industry_influence"], 0, 1),
            "fee_inflation": np.clip(0.015 * time_since + 0.05 * noise["fee_inflation"], 0, 1),
            "labeler_surplus": 1e7 * growth * np.exp(noise["labeler_surplus"]),
        }  # fmt: skip
        made["capture_index"] = (
            made["capture_displacement"] + made["industry_influence"] + made["fee_inflation"]
        ) / 3
        made["tipped"] = (np.nan_to_num(made["hhi_licence"]) > 3500).astype(float)
        made["captured"] = (made["capture_index"] > 0.45).astype(float)
        for name, values in made.items():
            paths[name].append(values)
        facts["transfer"].append(draw.beta(2.5, 2.5))
        facts["ledger_residual"].append(abs(draw.normal()) * 1e-13)
        facts["position_redraws"].append(0)
        facts["form"].append("S1")
    shape = (len(replicates), quarter.size)
    return FakeSimulation(
        quarters=quarter,
        replicates=np.array(list(replicates)),
        outcomes={name: np.array(values) for name, values in paths.items()},
        ledger={name: np.full(shape, 10.0 * (1 + place)) for place, name in enumerate(FLOWS)},
        facts={name: np.array(values) for name, values in facts.items()},
        failed={},
    )


def slow_simulate(*arguments: Any, **options: Any) -> FakeSimulation:
    time.sleep(0.15)
    return simulate(*arguments, **options)


def failing_simulate(*arguments: Any, **options: Any) -> FakeSimulation:
    """Replicate 3 turns non-finite."""
    result = simulate(*arguments, **options)
    return replace(
        result, failed={3: "harm_rate not finite in quarter 2"} if 3 in options["replicates"] else {}
    )


def wrecked_simulate(*arguments: Any, **options: Any) -> FakeSimulation:
    result = simulate(*arguments, **options)
    return replace(
        result,
        failed={int(replicate): "harm_rate not finite in quarter 0" for replicate in result.replicates},
    )


def dying_simulate(*arguments: Any, **options: Any) -> FakeSimulation:
    """The process is gone, as if killed for memory."""
    os._exit(9)


def engine(function: Any = simulate) -> Engine:
    return Engine(simulate=function, flows=FLOWS)


def broken_simulate(*arguments: Any, **options: Any) -> FakeSimulation:
    raise WorkError("the ledger breaks in quarter 3: row firms, 12 USD")
