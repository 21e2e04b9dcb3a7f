"""What `econ cost` finds, prints and writes: tables by pipeline, the cheapest mix, figures and a manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from econ.core.csv_files import write_csv
from econ.core.errors import InputError
from econ.core.files import content_hash
from econ.core.manifests import write_manifest
from econ.core.measurements import DISTRIBUTION_NAMES
from econ.core.provenance import now, provenance
from econ.core.results import result_directory
from econ.cost.case import UNITS, Case, Options, prepare
from econ.cost.critic import Written, scale_of, why_unmeasured
from econ.cost.levels import Level
from econ.cost.mix import budget_frontier, cheapest_mix, pipeline_for
from econ.cost.pipelines import measured_pipelines, purchase_for
from econ.cost.purchase import CRITIC, HYBRID, PIPELINES, Mix, mix_rows
from econ.cost.summary import MIX_COLUMNS, quantiles
from econ.cost.tables import (
    COST_COLUMNS,
    NOT_IDENTIFIED,
    NOT_MEASURED,
    cost_table,
    information_rows,
    status_of,
)
from econ.report.numbers import interval, short

if TYPE_CHECKING:
    from rich.console import Console

    from econ.cost.prices import PriceBook
    from econ.surfaces import Surfaces

#: Targets of the table that is printed when nothing is asked: shares of harm at the start.
TARGETS: tuple[Level, ...] = ("80%", "65%", "50%", "35%")
#: Budgets at which the value of information is given when none is asked for, USD.
BUDGETS = (50_000.0, 200_000.0, 1_000_000.0, 5_000_000.0)
START_NAMES = {"untrained": "from the untrained model", "status-quo": "on top of today's stocks"}
#: From this share on all draws attain a target, as far as whole per cents tell.
ALL = 0.995
CAVEAT = "Conditional on laboratory curves, assumed transfer and assumed prices; not a forecast."


@dataclass(frozen=True)
class Question:
    """What is asked of the cost model.

    Attributes
    ----------
    surfaces : Surfaces
    book : PriceBook
    target : float, str or None
        Harm relative to the untrained model, or a share of the start's such as ``"50%"``.
    budget : float or None
        USD.
    min_helpfulness, max_sycophancy : float, str or None
    distribution : str or None
        One, or all that were measured.
    start : str or None
        "untrained" or "status-quo"; with None both are tabulated, and a question is answered from the status quo.
    options : dict
        Transfer, verifiability, seed, draws and units, as `econ.cost.case.Options`.
    """

    surfaces: Surfaces
    book: PriceBook
    target: Level | None = None
    budget: float | None = None
    min_helpfulness: Level | None = None
    max_sycophancy: Level | None = None
    distribution: str | None = None
    start: str | None = None
    options: Options = field(default_factory=Options)

    def __post_init__(self) -> None:
        if self.target is not None and self.budget is not None:
            raise InputError("a target and a budget are two questions; ask one", key="budget", found=self.budget)
        if not self.asked and (self.min_helpfulness is not None or self.max_sycophancy is not None):
            raise InputError("a bound needs a target of harm or a budget", key="min_helpfulness")
        if self.distribution is not None:
            self.surfaces.batch([0], self.distribution)

    @property
    def asked(self) -> bool:
        """Whether a target or a budget is given."""
        return self.target is not None or self.budget is not None

    @property
    def units(self) -> str:
        """Whose labels are priced."""
        return self.options.get("units", "commercial")

    @property
    def targets(self) -> tuple[Level, ...]:
        """Targets of the table by pipeline."""
        return TARGETS if self.target is None else (self.target,)

    @property
    def distributions(self) -> tuple[str, ...]:
        """Distributions of the table, the one that the market uses first."""
        if self.distribution is not None:
            return (self.distribution,)
        return tuple(sorted(self.surfaces.distributions, key=lambda name: name != "ood"))

    @property
    def starts(self) -> tuple[str, ...]:
        """Starts of the table."""
        if self.start is not None:
            return (self.start,)
        return ("status-quo",) if self.asked else ("untrained", "status-quo")

    def case(self, distribution: str | None = None, start: str | None = None, units: str | None = None) -> Case:
        """One case; the first distribution and start unless named."""
        options: Any = {
            **self.options,
            "distribution": distribution or self.distributions[0],
            "start": start or self.starts[0],
        }
        if units is not None:
            options["units"] = units
        return prepare(self.surfaces, self.book, **options)

    def cases(self, units: Sequence[str] = ("commercial",)) -> list[Case]:
        """Cases of the table."""
        return [self.case(d, s, u) for u in units for s in self.starts for d in self.distributions]

    @cached_property
    def mix(self) -> Mix | None:
        """The cheapest mix for the target, or the least harmful one for the budget; None if neither is asked."""
        if not self.asked:
            return None
        options: Any = {**self.options, "distribution": self.distributions[0], "start": self.starts[0]}
        bounds: Any = {"min_helpfulness": self.min_helpfulness, "max_sycophancy": self.max_sycophancy}
        if self.target is not None:
            return cheapest_mix(self.surfaces, self.book, target_harm=self.target, **bounds, **options)
        assert self.budget is not None
        return budget_frontier(self.surfaces, self.book, budget=self.budget, **bounds, **options)

    def refuse_unanswerable(self) -> None:
        """Refuse a question that has no answer in any draw, or an option that cannot be used.

        Raises
        ------
        InputError
        """
        if self.mix is None:
            self.case()

    def mixes(self) -> list[Mix]:
        """Mixes of ``mix.csv``: the answer, or the cheapest mixes for the targets of the table."""
        if self.mix is not None:
            return [self.mix]
        return [pipeline_for(case, HYBRID, TARGETS) for case in self.cases(UNITS)]


def write_question(question: Question, out: Path, *, force: bool = False) -> None:
    """Write ``cost.csv``, ``mix.csv``, figures and a manifest into a directory.

    Raises
    ------
    InputError
        If the question has no answer in any draw, or the directory exists.
    """
    from econ.report.cost.figures import cost_figures
    from econ.report.runs import write_figures

    started = now()
    mixes = question.mixes()
    with result_directory(out, force=force, resume=False) as partial:
        write_csv(partial / "cost.csv", cost_table(question.cases(UNITS), question.targets))
        rows = [row for mix in mixes for row in mix_rows(mix)]
        rows += information_rows(question.case(), BUDGETS if question.budget is None else [question.budget])
        write_csv(partial / "mix.csv", pd.DataFrame(rows, columns=list(MIX_COLUMNS)))
        write_figures(cost_figures(question), partial)
        write_manifest(partial, _manifest(question, started))


def _manifest(question: Question, started: str) -> dict[str, Any]:
    surfaces = question.surfaces
    critic = None if surfaces.critic is None else surfaces.critic.hash
    asked = {
        "target_harm": question.target, "budget": question.budget, "min_helpfulness": question.min_helpfulness,
        "max_sycophancy": question.max_sycophancy, "distributions": list(question.distributions),
        "starts": list(question.starts), **question.options,
    }  # fmt: skip
    return {
        **provenance(),
        "question": asked,
        "prices": question.book.resolved(),
        "config_hash": content_hash([asked, question.book.resolved(), surfaces.hash, critic]),
        "seed": question.options.get("seed", 1),
        "draws": len(question.case()),
        "surfaces": {"id": surfaces.id, "hash": surfaces.hash, "kind": surfaces.kind},
        "critic": critic,
        "columns": {"cost.csv": list(COST_COLUMNS), "mix.csv": list(MIX_COLUMNS)},
        "started": started,
        "finished": now(),
        "status": "finished",
    }


def print_question(question: Question, console: Console, place: str | None) -> None:
    """Print the answer: the mix if one is asked for, else costs by pipeline."""
    # All is computed before the first line, so that a refusal stands alone.
    answer = None if question.mix is None else _mix_grid(question.mix)
    grids = _pipeline_grids(question) if question.budget is None else []
    lines = basis_lines(question)
    if answer is not None:
        console.print(answer)
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


def _ranges(row: dict[str, Any]) -> tuple[str, str]:
    """Intervals as text; empty where there are none."""
    if not np.isfinite(row.get("p05", np.nan)) and not np.isfinite(row.get("p95", np.nan)):
        return "", ""
    pairs = (("p25", "p75"), ("p05", "p95"))
    return tuple(f"{compact(row[low])} to {_number(row[high])}" for low, high in pairs)  # type: ignore[return-value]


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


def compact(value: float) -> str:
    """A number with two or three digits and a suffix.

    Examples
    --------
    >>> compact(1_412_000.0), compact(950.4), compact(3.3e12), compact(float("inf"))
    ('1.41M', '950', '3.30T', '∞')
    """
    if np.isinf(value):
        return "∞"
    for size, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return short(value / size) + suffix
    return short(value)


def key_facts(question: Question, out: str | None) -> dict[str, Any]:
    """The facts that ``--json`` prints."""
    from econ.report.numbers import without_nan

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

