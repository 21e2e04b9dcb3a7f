"""All faults of an import at once, each one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from econ.core.errors import InputError, shorten

#: Faults that are shown; the rest are counted.
SHOWN = 20


class ImportFaults(InputError):
    """What is wrong with a mapping and a file.

    Attributes
    ----------
    faults : tuple of InputError
        The first `SHOWN`.
    count : int
        All of them.
    """

    def __init__(self, faults: Sequence[InputError], count: int, file: Path) -> None:
        self.faults = tuple(faults)
        self.count = count
        super().__init__(faults[0].problem, file=file)

    def _sentence(self) -> str:
        if self.count == 1:
            return str(self.faults[0])
        shown = f"; the first {len(self.faults)} are" if self.count > len(self.faults) else ""
        heading = f"{self.file}: {self.count} faults, nothing was written{shown}:"
        return "\n".join([heading, *(f"  {fault}" for fault in self.faults)])


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
        ImportFaults
            If anything was.
        """
        if self.count:
            raise ImportFaults(self._found, self.count, self._file)


def plain(text: object) -> str:
    """A user's word as it may stand in a message: no control characters, not too long."""
    word = str(text)
    return word if word.isprintable() and len(word) <= 60 else shorten(word)
