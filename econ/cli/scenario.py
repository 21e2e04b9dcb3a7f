"""`econ scenario …`: list, show, check, compare and start scenario files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from econ.cli import completion
from econ.cli.options import Json, JsonAnyway, Quiet
from econ.cli.terminal import print_columns, print_json

app = typer.Typer(help="Scenario files: list, show, check, compare, start one.", no_args_is_help=True)

#: Modules that know the JSON Schema of a kind of file.
SCHEMAS = {"scenario": "econ.scenario.schema", "sweep": "econ.ensemble.sweeps.schema"}
SOURCE = "A scenario file, or the name of a shipped scenario."


@app.command("list")
def list_scenarios(as_json: Json = False) -> None:
    """List the shipped scenarios."""
    from econ.scenario import load_scenario, shipped_scenarios

    scenarios = [load_scenario(name) for name in shipped_scenarios()]
    if as_json:
        keys = ("name", "title", "question")
        print_json({"scenarios": [{key: getattr(scenario, key) for key in keys} for scenario in scenarios]})
        return
    print_columns([(scenario.name, scenario.title) for scenario in scenarios])


@app.command()
def show(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help=SOURCE, autocompletion=completion.scenarios)],
    resolved: Annotated[
        bool, typer.Option("--resolved", help="Print the complete scenario with every default, as YAML.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what a scenario asks, expects and changes."""
    from econ.scenario import load_scenario
    from econ.scenario.describe import changes, facts

    loaded = load_scenario(scenario)
    if as_json:
        print_json(facts(loaded, complete=resolved))
    elif resolved:
        import yaml

        typer.echo(
            yaml.safe_dump(loaded.resolved(), sort_keys=False, allow_unicode=True, width=100), nl=False
        )
    else:
        _print_texts(loaded)
        rows = [
            (key, _short(value), f"default {_short(default)}")
            for key, (default, value) in changes(loaded).items()
        ]
        typer.echo("Changes:" if rows else "Changes: none, every value is the default.")
        print_columns(rows)


@app.command()
def check(
    files: Annotated[list[str], typer.Argument(metavar="SCENARIO...", help="Scenario files, or names of shipped scenarios.", autocompletion=completion.scenarios)],
    as_json: Json = False,
) -> None:
    """Check scenario files; every fault is named, and the exit code is 2 if there is one."""
    from econ.scenario import load_scenario
    from econ.scenario.describe import changes
    from econ.scenario.loading import check_scenario

    results: list[dict[str, Any]] = []
    for file in files:
        faults = [str(fault) for fault in check_scenario(file)]
        scenario = None if faults else load_scenario(file)
        told = {"name": scenario.name, "changes": len(changes(scenario))} if scenario else {"name": None, "changes": None}
        results.append({"file": file, **told, "error": faults[0] if faults else None, "faults": faults})
    if as_json:
        print_json({"files": results})
    for result in results:
        for fault in result["faults"]:
            typer.echo(f"econ: {fault}", err=True)
        if not result["faults"] and not as_json:
            noun = "change" if result["changes"] == 1 else "changes"
            typer.echo(f"{result['file']}: fine ({result['changes']} {noun} against the defaults)")
    bad = sum(bool(result["faults"]) for result in results)
    if len(results) > 1 and not as_json:
        count = sum(len(result["faults"]) for result in results)
        typer.echo(f"{len(results) - bad} of {len(results)} files are fine" + (f"; {count} faults" if bad else ""))
    if bad:
        raise typer.Exit(2)


@app.command()
def diff(
    first: Annotated[str, typer.Argument(metavar="FIRST", help=SOURCE, autocompletion=completion.scenarios)],
    second: Annotated[str, typer.Argument(metavar="SECOND", help=SOURCE, autocompletion=completion.scenarios)],
    as_json: Json = False,
) -> None:
    """Print the keys in which two scenarios differ."""
    from econ.scenario import load_scenario
    from econ.scenario.describe import differences

    left, right = load_scenario(first), load_scenario(second)
    found = differences(left, right)
    if as_json:
        print_json({"first": left.name, "second": right.name, "differences": found})
    elif found:
        rows = [(key, _short(before), _short(after)) for key, (before, after) in found.items()]
        print_columns([("key", left.name, right.name), *rows])
    else:
        typer.echo("No difference that could change a run.")


@app.command()
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, such as my_scenario.yaml; without a suffix it gets .yaml.")],
    extends: Annotated[
        str, typer.Option(help="The scenario that it extends: a relative path or a shipped name.", autocompletion=completion.scenarios)
    ] = "baseline",
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Start a scenario file that loads as it stands."""
    from econ.core.errors import InputError
    from econ.core.files import write_text
    from econ.scenario.describe import new_text

    if file.name and not file.suffix:
        file = file.with_name(f"{file.name}.yaml")
    if file.is_dir():
        raise InputError("this is a directory, not a file", file=file)
    if file.exists() and not force:
        raise InputError("this file exists already; choose another, or give --force to replace it", file=file)
    text = new_text(file, extends)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, text)
    if as_json:
        print_json({"file": str(file), "extends": extends})
    elif not quiet:
        typer.echo(f"wrote {file}; check it with: econ scenario check {file}")


@app.command()
def schema(
    kind: Annotated[str, typer.Argument(metavar="[scenario|sweep]", help="Of which files.", autocompletion=lambda: list(SCHEMAS))] = "scenario",
    as_json: JsonAnyway = False,
) -> None:
    """Print the JSON Schema of scenario or sweep files, for editors."""
    from importlib import import_module

    from econ.core.errors import InputError, nearest_name

    if kind not in SCHEMAS:
        raise InputError("no such kind of file", found=kind, allowed=", ".join(SCHEMAS), nearest=nearest_name(kind, SCHEMAS))
    print_json(import_module(SCHEMAS[kind]).json_schema())


def _print_texts(scenario: Any) -> None:
    typer.echo(f"{scenario.name}: {scenario.title}\n")
    for heading in ("question", "description", "expected_mechanism"):
        if getattr(scenario, heading):
            typer.echo(f"{heading.replace('_', ' ').capitalize()}: {getattr(scenario, heading)}\n")
    if scenario.expected_signs:
        signs = (f"{outcome} {direction}" for outcome, direction in scenario.expected_signs.items())
        typer.echo(f"Expected against the baseline: {', '.join(signs)}\n")
    if scenario.sources:
        typer.echo("Sources: " + "; ".join(scenario.sources) + "\n")


def _short(value: object) -> str:
    """A value as YAML would write it on one line."""
    return "null" if value is None else value if isinstance(value, str) else json.dumps(value)
