"""The errors that a user may see: one sentence each, never a traceback.

`InputError` means that what the user gave cannot be used (exit code 2); `WorkError` that the work
itself failed (exit code 1).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path


class EconError(Exception):
    """Base of all errors that the command line prints as one sentence.

    Attributes
    ----------
    exit_code : int
        The status with which the command line ends.
    """

    exit_code = 1


class WorkError(EconError):
    """The input was fine but the work failed: a broken ledger, a non-finite replicate, a full disk."""


class InputError(EconError):
    """Bad input, said in one sentence: file, key, what was found, what is allowed, nearest valid name.

    Parameters
    ----------
    problem : str
        What is wrong, without a final full stop.
    file : str or Path, optional
        File in which it was found.
    key : str, optional
        Dotted path of the key inside the file.
    line : int, optional
        Line of the key, counted from 1.
    found : object, optional
        The offending value; shortened when it is long.
    allowed : str, optional
        What would have been accepted.
    nearest : str, optional
        The valid name that resembles the offending one most.

    Examples
    --------
    >>> print(InputError("unknown lever", file="a.yaml", key="levers.comons", allowed="one of: commons", nearest="commons"))
    a.yaml: levers.comons: unknown lever; allowed: one of: commons; did you mean 'commons'?
    """

    exit_code = 2

    def __init__(
        self,
        problem: str,
        *,
        file: str | Path | None = None,
        key: str | None = None,
        line: int | None = None,
        found: object = None,
        allowed: str | None = None,
        nearest: str | None = None,
    ) -> None:
        self.problem = problem
        self.file = None if file is None else str(file)
        self.key = key
        self.line = line
        self.found = found
        self.allowed = allowed
        self.nearest = nearest
        super().__init__(self._sentence())

    def told(self, *, problem: str | None = None, file: str | Path | None = None) -> InputError:
        """The same fault with what the caller knows of it: another problem, or the file."""
        return InputError(
            problem or self.problem, file=self.file if file is None else file, key=self.key, line=self.line, found=self.found,
            allowed=self.allowed, nearest=self.nearest,
        )  # fmt: skip

    def _sentence(self) -> str:
        place = ""
        if self.file is not None:
            place = self.file + (f":{self.line}" if self.line is not None else "") + ": "
        key = f"{self.key}: " if self.key else ""
        found = f", found {shorten(self.found)}" if self.found is not None else ""
        allowed = f"; allowed: {self.allowed}" if self.allowed else ""
        nearest = f"; did you mean '{self.nearest}'?" if self.nearest else ""
        return printable(f"{place}{key}{self.problem}{found}{allowed}{nearest}")


class InputErrors(InputError):
    """All that is wrong with one file, a line each.

    Parameters
    ----------
    faults : sequence of InputError
        At least one; those that are told.
    count : int, optional
        How many there are, where not all are told.
    file : str or Path
        The file that the user gave.

    Attributes
    ----------
    faults : tuple of InputError
    count : int
    """

    def __init__(self, faults: Sequence[InputError], file: str | Path, count: int | None = None) -> None:
        self.faults = tuple(faults)
        self.count = len(faults) if count is None else count
        super().__init__(faults[0].problem, file=file)

    def told(self, *, problem: str | None = None, file: str | Path | None = None) -> InputError:
        """The same faults: each says itself what is wrong and in which file."""
        return self

    def _sentence(self) -> str:
        if self.count == 1:
            return str(self.faults[0])
        shown = f"; the first {len(self.faults)} are" if self.count > len(self.faults) else ""
        heading = printable(f"{self.file}: {self.count} faults, nothing was written{shown}:")
        return "\n".join([heading, *(f"  {fault}" for fault in self.faults)])


def printable(text: str) -> str:
    r"""Text for a terminal: one line, in which nothing can move the cursor, change colours or reverse the reading.

    Examples
    --------
    >>> print(printable("a\x1b[2Jb\nc"))
    a\x1b[2Jb c
    """
    line = text.replace("\r\n", " ").replace("\n", " ").replace("\t", " ")
    return line if line.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)


def nearest_name(name: object, valid: Iterable[str]) -> str | None:
    """The valid name most like `name`, or None when nothing resembles it.

    Examples
    --------
    >>> nearest_name("lobying_cap", ["lobby_cap", "commons"])
    'lobby_cap'
    """
    matches = difflib.get_close_matches(str(name), list(valid), n=1, cutoff=0.55)
    return matches[0] if matches else None


def shorten(value: object, limit: int = 60) -> str:
    """`repr` of a value cut to `limit` characters, so that one sentence stays one sentence."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
