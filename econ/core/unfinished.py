"""Whose unfinished work a working directory holds, so that no other command takes its place without a word."""

from __future__ import annotations

import json
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from econ.core.errors import InputError
from econ.core.files import write_json

RECORD = ".work.json"
#: Patterns of pieces: names with one star at most, or two for folders; none hidden, none a step upwards.
_NAME = r"(?!\.)(?:[\w=.-]+\*?|\*)[\w=.-]*"
PATTERN = re.compile(rf"(?:\*\*/|{_NAME}/)*{_NAME}")
#: Longest command line that is told.
LONGEST = 160


@dataclass(frozen=True)
class Work:
    """What fills a directory and can go on after an interruption.

    Attributes
    ----------
    command : str
        Such as ``econ sweep``.
    settings : str
        SHA-256 of what makes it the same work, the code left out: the settings that decide the result, or less
        where every finished piece says by itself whether it fits.
    code : str
        SHA-256 of the code that decides the result.
    pieces : tuple of str
        Patterns of the finished pieces within the directory.
    """

    command: str
    settings: str
    code: str
    pieces: tuple[str, ...]


def claim(partial: Path, work: Work | None, *, force: bool) -> bool:
    """Take a working directory over for some work, or for a command that keeps none (None).

    Returns
    -------
    bool
        Whether what lies there is of other work and is to be discarded: it has no finished piece, or `force` is on.

    Raises
    ------
    InputError
        If other work has finished pieces there, and `force` is off.
    """
    if not force:
        refuse_others(partial, work)
    found = _read(partial)
    others = found is not None and _is_others(found, work)
    if work is not None and (found is None or others or found["code"] != work.code):
        write_json(partial / RECORD, {**work.__dict__, "typed": _command_line()})
    return others


def refuse_others(partial: Path, work: Work | None) -> None:
    """Refuse a working directory with finished pieces of other work than some, or than that of a command that keeps none (None).

    Raises
    ------
    InputError
    """
    found = _read(partial)
    if found is None and work is None and (partial / RECORD).exists():
        problem = "whose unfinished work this is cannot be read any more"
        raise InputError(f"{problem}; resume it with the command that began it, choose another --out, or give --force to discard it", file=partial)
    if found is not None and _is_others(found, work) and (finished := _finished(partial, found)):
        raise InputError(_refusal(found, work, finished), file=partial)


def _is_others(found: dict[str, Any], work: Work | None) -> bool:
    return work is None or (found["command"], found["settings"]) != (work.command, work.settings)


def unfinished_beside(out: Path) -> str | None:
    """What a reader is told of the unfinished work of a result that is not there; None without any."""
    partial = out.with_name(f"{out.name}.partial")
    if out.name in ("", "..") or not partial.is_dir():
        return None
    found = _read(partial)
    said = f"{partial} holds unfinished work"
    return f"{said}; the command that began it resumes it" if found is None else f"{said} of `{found['command']}`; the same command resumes it{_typed(found)}"


def _refusal(found: dict[str, Any], work: Work | None, finished: int) -> str:
    said = f"this holds unfinished work of `{found['command']}` ({finished} {'piece' if finished == 1 else 'pieces'} finished)"
    if work is None or found["command"] != work.command:
        return f"{said}; resume it with the same command{_typed(found)}, choose another --out, or give --force to discard it"
    if found["code"] != work.code:
        return (
            f"{said} with settings or defaults other than these, begun by another version of econ: this one cannot go on with it; "
            "choose another --out, or give --force to discard it"
        )
    return f"{said} with other settings; resume it with the same command{_typed(found)}, choose another --out, or give --force to discard it"


def _command_line() -> str:
    """What was typed, paths included, since the record never becomes a part of a result; empty for other programs and long lines."""
    typed = shlex.join(["econ", *sys.argv[1:]])
    return typed if Path(sys.argv[0]).name == "econ" and len(typed) <= LONGEST else ""


def _typed(found: dict[str, Any]) -> str:
    return f" (`{found['typed']}`)" if found["typed"] else ""


def _read(partial: Path) -> dict[str, Any] | None:
    """The record of a working directory; None where there is none that can be read."""
    try:
        found = json.loads((partial / RECORD).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    texts = ("command", "settings", "code", "typed")
    sound = isinstance(found, dict) and all(isinstance(found.get(key), str) for key in texts) and isinstance(found.get("pieces"), list)
    sound = sound and all(isinstance(x, str) and PATTERN.fullmatch(x) for x in found["pieces"])
    return found if sound else None


def _finished(partial: Path, found: dict[str, Any]) -> int:
    """How many finished pieces there are."""
    return sum(1 for pattern in found["pieces"] for _ in partial.glob(pattern))
