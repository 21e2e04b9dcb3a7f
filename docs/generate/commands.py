"""The reference of the command line, read off the typer app: every command, argument and option."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from generate.markdown import code, table, text


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its full name: ``econ lab run`` and so on."""
    import typer

    from econ.cli import app

    def walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
        children = getattr(command, "commands", None)
        if children is None:
            yield name, command
            return
        for word, child in children.items():
            yield from walk(f"{name} {word}", child)

    yield from walk("econ", typer.main.get_command(app))


def page() -> str:
    """The page, as Markdown."""
    head = (
        "# Command line\n\n"
        "Made from the program itself when this site is built. Every command also answers `--help`.\n\n"
        "Exit codes: 0 done; 1 the work failed; 2 bad input or usage; 130 interrupted, with what was finished kept and "
        "the same command resuming it. Results appear whole or not at all: unfinished work lies in `DIR.partial/`, and a "
        "finished result is replaced only with `--force`.\n\n"
    )
    return head + "\n".join(_section(name, command) for name, command in commands())


def _section(name: str, command: Any) -> str:
    parameters = [p for p in command.params if not p.hidden and p.name != "help"]
    arguments = [p for p in parameters if p.param_type_name == "argument"]
    usage = " ".join([name, *(["[OPTIONS]"] if len(parameters) > len(arguments) else []), *(_place(p) for p in arguments)])
    parts = [f"## {name}\n", inspect.cleandoc(command.help or "") + "\n", f"```text\n{usage}\n```\n"]
    if parameters:
        rows = [[code(_spelled(p)), text(p.help or ""), _standard(p)] for p in parameters]
        parts.append(table(("argument or option", "meaning", "if left out"), rows))
    return "\n".join(parts)


def _place(parameter: Any) -> str:
    name = parameter.metavar or parameter.name.upper()
    return name if parameter.required or name.startswith("[") else f"[{name}]"


def _spelled(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return _place(parameter)
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    return names if parameter.is_flag else f"{names} {parameter.metavar or parameter.name.upper()}"


def _standard(parameter: Any) -> str:
    if parameter.required:
        return "must be given"
    if isinstance(parameter.show_default, str):
        return text(parameter.show_default)
    if isinstance(parameter.default, bool) or parameter.default is None or not parameter.show_default:
        return ""
    return code(parameter.default)
