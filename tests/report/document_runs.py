"""Finished runs of the fake market for tests of the report, with texts that try to break out of the page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fake_market
import pytest
from fake_market import FakeScenario, FakeSurfaces

from econ.claims.assess import Assessment, assess_claims
from econ.core.shipped import shipped_path
from econ.ensemble import engine
from econ.ensemble.design import plan
from econ.report import runs

SCRIPT = "<script>document.title='broken'</script>"
IMAGE = '"><img src="https://example.org/x.png" onerror="document.title=1">'
TYPST = '#panic("broken") $x_1$ *bold* = not a heading `raw` @reference'
FORMULA = '=HYPERLINK("https://example.org","x")'


@dataclass(frozen=True)
class ToldScenario(FakeScenario):
    """With texts and further levers."""

    texts: tuple[tuple[str, Any], ...] = ()

    def resolved(self) -> dict[str, Any]:
        return super().resolved() | dict(self.texts)


def scenario(name: str, *, commons: float = 0.0, transfer: float | None = None, **texts: Any) -> ToldScenario:
    levers = {"commons": commons, "sigma": None, "transfer": transfer}
    return ToldScenario(name=name, levers=levers, texts=tuple(texts.items()))


def stored_run(directory: Path, *scenarios: FakeScenario, replicates: int = 16, seed: int = 1) -> Path:
    """A finished run without figures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "market_engine", fake_market.engine)
        patch.setattr(runs, "_all_figures", lambda result: [])
        runs.run_into(plan(list(scenarios), FakeSurfaces(), replicates=replicates, seed=seed), directory, workers=1)
    return directory


def hostile_run(directory: Path) -> Path:
    """Four scenarios, one of which replays an event, two of which differ in transfer alone."""
    return stored_run(
        directory,
        scenario("baseline", title=SCRIPT, question=IMAGE, description=TYPST, expected_mechanism=FORMULA),
        scenario("low", transfer=0.0, title=FORMULA),
        scenario("high", transfer=1.0, title=TYPST),
        scenario("loss", commons=0.5, title=IMAGE, expected_signs={"harm_rate": "rises", "hhi_licence": "rises"}, events=[{"customer_loss": {"quarter": 4, "share": 0.3}, "vertical_tie": None}]),
    )


def quick_claims(directories: list[Path]) -> Assessment:
    """The claims held against one of the shipped tables, by few draws."""
    return assess_claims(shipped_path("calibration", "lab", "surface"), runs=list(directories), draws=1000)
