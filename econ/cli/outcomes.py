"""`econ outcomes`: the dictionary of outcome columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from econ.cli import completion
from econ.cli.options import Json
from econ.cli.terminal import print_json

if TYPE_CHECKING:
    from econ.market.outcomes import Outcome


def outcomes(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="An outcome, or a part of its name.", autocompletion=completion.outcomes)
    ] = None,
    as_json: Json = False,
) -> None:
    """What each outcome column means: unit, meaning, part of the model."""
    chosen = _chosen(name)
    if as_json:
        facts = {x.name: {"unit": x.unit, "meaning": x.meaning, "section": x.section} for x in chosen}
        print_json(facts)
        return
    width = max(len(x.name) for x in chosen)
    section = None
    for outcome in chosen:
        if outcome.section != section:
            section = outcome.section
            typer.echo(f"{section}")
        typer.echo(f"  {outcome.name:<{width}}  {outcome.meaning} [{outcome.unit}]")


def _chosen(name: str | None) -> list[Outcome]:
    """All outcomes, the one of that name, or those whose names hold it."""
    from econ.core.errors import InputError, nearest_name
    from econ.market.outcomes import OUTCOMES

    if name is None:
        return list(OUTCOMES.values())
    found = [OUTCOMES[name]] if name in OUTCOMES else [x for x in OUTCOMES.values() if name in x.name]
    if not found:
        raise InputError(
            "no outcome has this name",
            found=name,
            allowed="a name that `econ outcomes` lists, or a part of one",
            nearest=nearest_name(name, OUTCOMES),
        )
    return found
