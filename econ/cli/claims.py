"""`econ claims`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from econ.cli import completion
from econ.cli.options import CsvAnyway, Force, KeyFacts, Quiet
from econ.cli.terminal import busy, console, json_text, print_json, use_one_thread

if TYPE_CHECKING:
    from econ.claims.assess import Assessment

FORMATS = ("table", "json", "md")


def claims(
    measurements: Annotated[list[Path] | None, typer.Argument(metavar="[MEASUREMENTS...]", help="Measurement tables, or directories that hold one.", show_default="all that are shipped")] = None,
    run: Annotated[list[Path] | None, typer.Option("--run", metavar="DIR", help="A stored market run, for claims 11 to 14; may be given several times.", autocompletion=completion.runs)] = None,
    pair: Annotated[str | None, typer.Option(metavar="NEG,PREF", help="Negative and preference method of the headline.", show_default="npo_ret,dpo, as registered")] = None,
    form: Annotated[str, typer.Option("--format", metavar="table|json|md", help="What is printed; json holds every number.")] = "table",
    catalogue: Annotated[bool, typer.Option("--list", help="Print the 15 claims, without data.")] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the bootstrap.")] = 1,
    draws: Annotated[int, typer.Option(min=1000, max=1_000_000, help="Draws of the bootstrap.")] = 10_000,
    out: Annotated[Path | None, typer.Option(help="Directory for claims.json, claims.md, tables and manifest.", show_default="nothing is written")] = None,
    force: Force = False,
    csv: CsvAnyway = False,
    as_json: KeyFacts = False,
    quiet: Quiet = False,
) -> None:
    """Every claim of the hypothesis paper with its evidence, effect, interval and verdict; contradictions first."""
    from econ.core.errors import InputError, nearest_name

    if form not in FORMATS:
        raise InputError("unknown format", key="--format", found=form, allowed=", ".join(FORMATS), nearest=nearest_name(form, FORMATS))
    if catalogue:
        _print_catalogue("key facts" if as_json else None if quiet else form)
        return
    use_one_thread()
    from econ.claims.assess import assess_claims
    from econ.claims.write import write_claims
    from econ.core.results import refuse_existing

    if out is not None:
        refuse_existing(out, force=force)
    # --quiet silences what is for readers; key facts that are asked for are printed, as by every command.
    shown = "key facts" if as_json else None if quiet else form
    with busy(quiet, "resampling worlds"):
        found = assess_claims(measurements or (), runs=run or (), pair=_pair(pair), seed=seed, draws=draws)
        if out is not None:
            write_claims(found, out, force=force)
        text = _text(found, shown, out)
    if text:
        sys.stdout.write(text + "\n")
    elif shown == "table":
        from econ.claims.text import print_claims

        print_claims(found, console())
        if out is not None:
            typer.echo(f"Tables, page and manifest: {out}")


def _text(found: Assessment, form: str | None, out: Path | None) -> str:
    """What is printed as it is; empty for a table, and where nothing is to be shown."""
    if form == "key facts":
        return json_text({"out": None if out is None else str(out)} | found.key_facts())
    if form == "json":
        return json_text(found.plain())
    if form == "md":
        from econ.claims.text import markdown

        return markdown(found).rstrip("\n")
    return ""


def _pair(text: str | None) -> tuple[str, str] | None:
    from econ.core.errors import InputError

    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names):
        raise InputError("a pair is two methods", key="--pair", found=text, allowed="NEGATIVE,PREFERENCE, such as npo_ret,dpo")
    return names[0], names[1]


def _print_catalogue(form: str | None) -> None:
    from econ.claims.catalogue import CLAIMS

    if form is None:
        return
    if form in ("key facts", "json"):
        print_json({"claims": [dict(claim.__dict__) for claim in CLAIMS]})
        return
    from econ.claims.text import print_catalogue

    print_catalogue(console())
