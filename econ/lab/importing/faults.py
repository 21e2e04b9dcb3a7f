"""All faults of an import at once, each one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from econ.core.errors import InputError, InputErrors, shorten

#: Faults that are shown; the rest are counted.
SHOWN = 20


class Faults:
    """Collects faults until `check`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._found: list[InputError] = []
        self.count = 0

    def add(self, problem: str, **where: Any) -> None:
        """Note one fault; arguments as of `InputError`."""
        self.count += 1
        if len(self._found) < SHOWN:
            self._found.append(InputError(problem, **where))

    def check(self) -> None:
        """Raise what was collected.

        Raises
        ------
        InputErrors
            If anything was.
        """
        if self.count:
            raise InputErrors(self._found, self._file, self.count)


def plain(text: object) -> str:
    """A user's word as it may stand in a message: no control characters, not too long."""
    word = str(text)
    return word if word.isprintable() and len(word) <= 60 else shorten(word)
