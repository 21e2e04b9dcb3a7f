"""Fan charts of a report: which there are, for which scenario, and what each says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from econ.report.document import reading
from econ.report.document.drawing import fitted
from econ.report.document.event_study import events_of
from econ.report.document.model import DocumentFigure
from econ.report.document.reading import Reading
from econ.report.document.reading_tables import quarter_table
from econ.report.fans import FanFigure, fan_alt_text, fan_data, fan_figure
from econ.report.outcome_fans import (
    BUDGET,
    CAPTURE,
    CONCENTRATION,
    HARM,
    LABOR,
    LABOR_BY_PLACE,
    MARGINS,
    REPLAY_LOSS,
    REPLAY_TIE,
)

if TYPE_CHECKING:
    from econ.report.document.material import Material

BANDS = "Line: median; bands: 50 % and 90 % of replicates. Grey: the two years before levers act."


@dataclass(frozen=True)
class Fan:
    """A fan chart with its note and its finding; `instead` is drawn from runs that lack its outcomes."""

    kind: FanFigure
    note: str
    finding: Callable[[Reading], str]
    instead: Fan | None = None


_OCCUPATIONS = Fan(LABOR, "Wages are real USD of 2025. These runs record employment by occupation alone.", reading.labor_by_occupation)
FANS = {
    "F1": Fan(BUDGET, "Money is in real USD of 2025.", reading.budgets),
    "F2": Fan(LABOR_BY_PLACE, "Wages are real USD of 2025 per hour of ability 1.", reading.labor, _OCCUPATIONS),
    "F3b": Fan(CONCENTRATION, CONCENTRATION.note.replace("\n", " "), reading.concentration),
    "F4b": Fan(MARGINS, "Real USD of 2025, log scales; user cost of labels at the margin. What costs more than a million USD, or ten thousand hours, a request is cut off: there a label does next to nothing.", reading.margins),
    "F5b": Fan(CAPTURE, CAPTURE.note, reading.capture),
    "F9": Fan(HARM, "Harm is relative to the untrained model. Helpfulness is in part unmeasured.", reading.harm),
}
#: By kind of event, for the scenario that replays it.
REPLAYS = {
    "customer_loss": Fan(REPLAY_LOSS, REPLAY_LOSS.note.replace("\n", " "), reading.customer_loss),
    "vertical_tie": Fan(REPLAY_TIE, REPLAY_TIE.note.replace("\n", " "), reading.vertical_tie),
}


def fans(material: Material) -> list[DocumentFigure]:
    """All fan charts of the baseline, and the replays of events with what happened beside them."""
    found = [_fan(material, number, fan, material.baseline) for number, fan in FANS.items()]
    replayed = 0
    for scenario, (kind, _) in events_of(material.scenarios).items():
        if kind in REPLAYS and (figure := _fan(material, "F8" + "abcdefg"[replayed], REPLAYS[kind], scenario)) is not None:
            found.append(figure)
            replayed += 1
    return [figure for figure in found if figure is not None]


def _fan(material: Material, number: str, fan: Fan, scenario: str) -> DocumentFigure | None:
    data = fan_data(material.summary, scenario, fan.kind)
    if not data["p50"].notna().any():
        if fan.instead is not None:
            return _fan(material, number, fan.instead, scenario)
        material.missing[f"{number} {fan.kind.title}"] = f"the runs have none of the outcomes {', '.join(fan.kind.variables)}"
        return None
    labels = {s.variable: (_label(panel.title, s.label), s.divisor) for panel in fan.kind.panels for s in panel.series}
    narrow = replace(fan.kind, columns=1)
    return DocumentFigure(
        number, fan.kind.name, fan.finding(Reading(material.summary, scenario)), f"{fan.kind.title}, scenario {scenario}",
        f"{fan.note} {BANDS}".strip(), fan_alt_text(data, fan.kind), data,
        lambda small: fitted(fan_figure(data, narrow if small else fan.kind), narrow=small),
        quarter_table(number, fan.kind.title, data, labels), elastic=True,
    )  # fmt: skip


def _label(panel: str, series: str) -> str:
    return series if series.lower() in panel.lower() else f"{panel}: {series}"
