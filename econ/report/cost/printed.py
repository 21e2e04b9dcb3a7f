"""What the terminal shows of an answer of the cost model: a table, what it rests on, or key facts as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.measurements import DISTRIBUTION_NAMES
from econ.cost.case import Case
from econ.cost.critic import Written, scale_of, why_unmeasured
from econ.cost.levels import Level
from econ.cost.mix import pipeline_for
from econ.cost.pipelines import measured_pipelines, purchase_for
from econ.cost.purchase import BUYS, CRITIC, HYBRID, PIPELINES, Mix, mix_rows
from econ.cost.summary import quantiles
from econ.cost.tables import NOT_IDENTIFIED, NOT_MEASURED, status_of
from econ.report.cost.question import START_NAMES, TARGETS, Question
from econ.report.numbers import compact, interval, short, without_nan

if TYPE_CHECKING:
    from rich.console import Console

#: From this share on all draws attain a target, as far as whole per cents tell.
ALL = 0.995
CAVEAT = "Conditional on laboratory curves, assumed transfer and assumed prices; not a forecast."


def print_question(question: Question, console: Console, place: str | None) -> None:
    """Print the answer: the mix if one is asked for, else costs by pipeline."""
    # All is computed before the first line, so that a refusal stands alone.
    answer = None if question.mix is None else _mix_grid(question.mix)
    grids = _pipeline_grids(question) if question.budget is None else []
    lines = basis_lines(question)
    if answer is not None:
        console.print(answer)
    for line in [] if question.mix is None else _reach_lines(question.mix):
        console.print(line, highlight=False)
    if grids:
        console.print(
            "What a reduction of harm costs: median [90 % of draws] (share of draws that attain it, if not all); †: most of those draws need more "
            "labels than were measured",
            style="bold", highlight=False,
        )
    for grid in grids:
        console.print(grid)
    for line in lines:
        console.print(line, highlight=False)
    console.print(CAVEAT, style="italic", highlight=False)
    if place is not None:
        console.print(f"Tables, figures and manifest: {place}", highlight=False)


def basis_lines(question: Question) -> list[str]:
    """What the numbers rest on: surfaces, scale, transfer, what was not measured or not identified."""
    case = question.case()
    kind = {
        "measured": "measured in the laboratory",
        "imposed": "an elasticity of substitution was imposed, not measured",
        "prior": "the elasticity of substitution was not identified (*): the draws follow a prior of it, and mixes rest on that",
    }[question.surfaces.kind]
    lines = [f"Response surfaces '{question.surfaces.id}': {kind}; {len(case)} draws. Prices: book '{question.book.name}'."]
    if question.book.unused:
        lines.append(f"Prices of {', '.join(question.book.unused)} are not used: no response surface holds such labels.")
    lines.append(f"Labels are {case.units} ones. {_scale_line(case)}")
    lines.append(_extrapolation_line(question))
    lines += critic_lines(question)
    return lines


def _extrapolation_line(question: Question) -> str:
    """How many of the mixes lie beyond the labels that the laboratory trained on."""
    mixes = [question.mix] if question.mix is not None else [pipeline_for(case, HYBRID, TARGETS) for case in question.cases([question.units])]
    return f"Draws in which the mix lies beyond the labels that were trained on (extrapolated), of those that attain the target: {_beyond(mixes)}."


def _beyond(bought: Sequence[Mix | Written]) -> str:
    """Shares of draws beyond what was measured, by start, distribution and target."""
    said = []
    for one in bought:
        shares = [np.nanmean(column) if np.isfinite(column).any() else np.nan for column in one.extrapolated().T]
        text = ", ".join("–" if np.isnan(share) else f"{100.0 * share:.0f} %" for share in shares)
        said.append(text if len(bought) == 1 else f"{one.case.start_name}, {one.case.distribution}: {text}")
    return "; ".join(said)


def critic_lines(question: Question) -> list[str]:
    """What the critic's labels are and where they have a cost."""
    curves, cases = question.surfaces.critic, question.cases([question.units])
    lines = [f"Pipeline {CRITIC}: {NOT_MEASURED} ({why})." for why in dict.fromkeys(filter(None, map(why_unmeasured, cases)))]
    measured = [purchase_for(case, CRITIC, question.targets) for case in cases if not why_unmeasured(case)]
    if curves is None or not measured:
        return lines
    facts = curves.diagnostics
    refused = "".join(f" Refused: {r['what']} ({r['reason']}): {r['why']}." for r in facts["refusals"])
    at = "" if curves.verifiability is None else f"at verifiability {curves.verifiability:.2g}, "
    scale = quantiles(scale_of(measured[0].case))
    counts = "" if question.units == "laboratory" else f" One counts for {interval(scale['p50'], scale['p05'], scale['p95'])} commercial labels, as a human pair does."
    first = (
        f"Pipeline {CRITIC}: pairs that an AI judge wrote under drafted rules (method {facts['method']}, {len(facts['worlds'])} worlds, {at}up to "
        f"{curves.largest:,.0f} labels of {curves.ai_calls:g} calls), alone; rules cost {curves.drafting:g} times those of flags.{counts} Neither transfer nor "
        f"verifiability discounts it here, as they do flags: cost.csv holds those in its setting.{refused}"
    )
    return [first, f"Draws in which it needs more labels than were trained on, of those that attain the target: {_beyond(measured)}.", *lines]


def _scale_line(case: Case) -> str:
    """How laboratory labels became the price book's, in words."""
    flags, pairs = case.laboratory_labels(np.ones((len(case), 1)), np.ones((len(case), 1)))
    per_flag, per_pair = quantiles(1.0 / (flags[:, 0] @ case.share)), quantiles(1.0 / pairs[:, 0])
    transfer = quantiles(case.transfer)
    if case.units == "laboratory":
        return f"Nothing is scaled; transfer {short(transfer['p50'])}."
    said = [interval(found["p50"], found["p05"], found["p95"]) for found in (per_flag, per_pair, transfer)]
    return (
        f"One laboratory flag has the effect of {said[0]} constraint labels, one pair that of {said[1]} preference labels; "
        f"transfer {said[2]}: assumed, not measured."
    )


def _mix_grid(mix: Mix) -> Any:
    from rich.table import Table

    case = mix.case
    asked = mix.asked[0]
    of_start = " of the start's" if isinstance(asked, str) else ""
    what = f"Least harm that {float(asked):,.0f} USD buys" if mix.by_budget else f"Cheapest mix for harm {asked}{of_start}"
    title = f"{what}, {DISTRIBUTION_NAMES.get(case.distribution, case.distribution)}, {START_NAMES.get(case.start_name, case.start_name)}"
    grid = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in ("", "median", "50 % of draws", "90 % of draws", "unit"):
        grid.add_column(name, justify="left" if name in ("", "unit") else "right")
    for row in mix_rows(mix):
        grid.add_row(row["quantity"].replace("_", " "), _number(row["p50"]), *_ranges(row), row["unit"])
    grid.add_row("attainable", short(float(mix.attainable[:, 0].mean())), "", "", "share of draws")
    return grid


def _reach_lines(mix: Mix) -> list[str]:
    """Which draws the rows of a mix rest on, where not all of them need labels or attain what is asked."""
    attained, at_once = float(mix.attainable[:, 0].mean()), float(np.mean(mix.place[:, 0] == BUYS["buys_nothing"]))
    lines = []
    if at_once > 0.0 and not mix.by_budget:
        lines.append(f"The labels held already attain this target in {100.0 * at_once:.0f} % of draws, in which there is nothing to buy.")
    if attained < ALL:
        lines.append(
            f"Labels and what comes of them are those of the {100.0 * attained:.0f} % of draws that attain it; in cost and hours the others count as "
            "dearer than any sum."
        )
    return lines


def _ranges(row: dict[str, Any]) -> tuple[str, str]:
    """Intervals as text; empty where there are none."""
    if not np.isfinite(row.get("p05", np.nan)) and not np.isfinite(row.get("p95", np.nan)):
        return "", ""
    half, most = (f"{compact(row[low])} to {_number(row[high])}" for low, high in (("p25", "p75"), ("p05", "p95")))
    return half, most


def _number(value: float) -> str:
    return "not attainable" if np.isinf(value) else compact(value)


def _pipeline_grids(question: Question) -> list[Any]:
    """One table for each start and distribution."""
    return [_pipeline_grid(case, question.targets) for case in question.cases([question.units])]


def _pipeline_grid(case: Case, targets: Sequence[Level]) -> Any:
    from rich.table import Table

    harm = quantiles(case.start_harm)
    at = "1" if case.start_name == "untrained" else interval(harm["p50"], harm["p05"], harm["p95"])
    names = START_NAMES.get(case.start_name, case.start_name), DISTRIBUTION_NAMES.get(case.distribution, case.distribution)
    grid = Table(title=f"{names[0]}, {names[1]}: harm {at}", title_justify="left", box=None, pad_edge=False)
    grid.add_column("pipeline", width=len(CRITIC) + 1)
    grid.add_column("", width=5)
    for level in targets:
        grid.add_column(f"to {level} of it" if isinstance(level, str) else f"to harm {level:g}", justify="right", min_width=22)
    measured = measured_pipelines(case)
    for pipeline in PIPELINES:
        if pipeline not in measured:
            grid.add_row(pipeline, "", *[NOT_MEASURED] * len(targets))
            continue
        bought = purchase_for(case, pipeline, targets)
        columns = range(len(targets))
        grid.add_row(pipeline, "USD", *[_cell(bought, bought.cost, m) for m in columns])
        grid.add_row("", "hours", *[_cell(bought, bought.hours, m, words=False) for m in columns])
    return grid


def _cell(mix: Mix | Written, values: Any, column: int, words: bool = True) -> str:
    """A cost with its interval, or the answer in words."""
    status = status_of(mix, column)
    share = float(mix.attainable[:, column].mean())
    dagger = " †" if mostly_extrapolated(mix, column) else ""
    note = (f" ({100.0 * share:.0f} %)" if words and share < ALL else "") + dagger
    if status and status != NOT_IDENTIFIED:
        return f"{status}{note}" if words else ""
    found = quantiles(values[:, column])
    mark = " *" if status == NOT_IDENTIFIED else ""
    return f"{compact(found['p50'])} [{compact(found['p05'])}, {compact(found['p95'])}]{note}{mark}"


def mostly_extrapolated(bought: Mix | Written, column: int) -> bool:
    """Whether half or more of the draws that attain a target need more labels than were measured."""
    outside = bought.extrapolated()[:, column]
    return bool(np.isfinite(outside).any() and np.nanmean(outside) >= 0.5)


def key_facts(question: Question, out: str | None) -> dict[str, Any]:
    """The facts that ``--json`` prints."""
    pipelines = [
        {
            "start": case.start_name, "distribution": case.distribution, "pipeline": pipeline, "target_harm": level,
            "share_attainable": float(mix.attainable[:, m].mean()), "status": status_of(mix, m),
            "cost_usd": quantiles(mix.cost[:, m]), "hours": quantiles(mix.hours[:, m]),
        }
        for case in question.cases([question.units])
        for pipeline in measured_pipelines(case)
        for mix in [purchase_for(case, pipeline, question.targets)]
        for m, level in enumerate(question.targets)
    ]  # fmt: skip
    facts = {
        "out": out,
        "surfaces": {"id": question.surfaces.id, "hash": question.surfaces.hash, "kind": question.surfaces.kind},
        "prices": question.book.name,
        "units": question.units,
        "pipelines": pipelines,
        CRITIC: " ".join(critic_lines(question)),
        "mix": [] if question.mix is None else mix_rows(question.mix),
    }
    return {key: without_nan(value) for key, value in facts.items()}
