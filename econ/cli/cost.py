"""`econ cost`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from econ.cli import completion
from econ.cli.options import CsvAnyway, Force, KeyFacts, Quiet
from econ.cli.terminal import busy, console, print_json, use_one_thread


def cost(
    prices: Annotated[str | None, typer.Option(metavar="FILE", help="A price book, or the name of a shipped one (econ shipped price-books).", show_default="defaults of the parameter table", autocompletion=completion.price_books)] = None,
    target_harm: Annotated[str | None, typer.Option(metavar="H", help="Harm to reach, relative to the untrained model; or a share of the start's, such as 50%.")] = None,
    budget: Annotated[float | None, typer.Option(metavar="USD", help="Sum to spend.")] = None,
    min_helpfulness: Annotated[str | None, typer.Option(metavar="U", help="Helpfulness to keep, 0 to 1; or a share of the start's, such as 95%.")] = None,
    max_sycophancy: Annotated[str | None, typer.Option(metavar="Y", help="Sycophancy not to exceed, 0 to 1; or a share of the start's.")] = None,
    distribution: Annotated[str | None, typer.Option(metavar="id|ood", help="Test prompts like those labelled, or unlike them.", show_default="both in the table, ood for a question")] = None,
    surfaces: Annotated[Path | None, typer.Option(metavar="DIR", help="Response surfaces, as econ lab fit writes them.", show_default="the shipped ones")] = None,
    start: Annotated[str | None, typer.Option(metavar="status-quo|untrained", help="Labels held already: those of today's developers, or none.", show_default="both in the table, status-quo for a question")] = None,
    units: Annotated[str, typer.Option(metavar="commercial|laboratory", help="Whose labels the prices are for; in laboratory units nothing is scaled.")] = "commercial",
    transfer: Annotated[float | None, typer.Option(metavar="T", help="Share of the laboratory's advantage that carries over, 0 to 1.", show_default="the price book's prior")] = None,
    verifiability: Annotated[float | None, typer.Option(metavar="V", help="One level of verifiability, 0 to 1.", show_default="the market's mix of categories")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the draws of prices.")] = 1,
    draws: Annotated[int | None, typer.Option(min=1, help="Posterior draws to use.", show_default="all")] = None,
    out: Annotated[Path | None, typer.Option(help="Directory for tables, figures and manifest.", show_default="nothing is written")] = None,
    force: Force = False,
    csv: CsvAnyway = False,
    as_json: KeyFacts = False,
    quiet: Quiet = False,
) -> None:
    """What a reduction of harm costs, before any market reacts: by pipeline, for a target or for a budget.

    With nothing asked, prints cost and hours to reach four levels of harm by each pipeline, in and out of
    distribution.
    """
    use_one_thread()
    from econ.core.results import refuse_existing
    from econ.cost.prices import load_prices
    from econ.report.cost.printed import key_facts, print_question
    from econ.report.cost.question import Question
    from econ.report.cost.write import write_question
    from econ.surfaces import load_surfaces

    options: dict[str, Any] = {"units": units, "transfer": transfer, "verifiability": verifiability, "seed": seed, "draws": draws}
    given = {key: value for key, value in options.items() if value is not None}
    question = Question(
        load_surfaces(surfaces), load_prices(prices), target=_level(target_harm), budget=budget,
        min_helpfulness=_level(min_helpfulness), max_sycophancy=_level(max_sycophancy), distribution=distribution,
        start=start, options=given,  # type: ignore[arg-type]
    )  # fmt: skip
    if out is not None:
        refuse_existing(out, force=force)
    with busy(quiet, "solving for the cheapest mixes"):
        question.refuse_unanswerable()
        if out is not None:
            write_question(question, out, force=force)
    place = None if out is None else str(out)
    if as_json:
        print_json(key_facts(question, place))
    elif not quiet:
        print_question(question, console(), place)


def _level(text: str | None) -> float | str | None:
    """A level typed on the command line: a number, or text such as 50% that is checked where it is used."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text
