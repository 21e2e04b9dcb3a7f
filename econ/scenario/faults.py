"""What is wrong with a value, before it is known in which file and line it stands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from econ.core.errors import InputError, InputErrors
from econ.core.yaml_files import YamlFile

#: Faults of one file that are told; the rest are counted.
MOST_TOLD = 20


class Fault(ValueError):
    """A value that cannot be used.

    pydantic collects it like any `ValueError`; the loader adds file and line and raises `InputError`.

    Parameters
    ----------
    problem : str
        What is wrong, without a final full stop.
    keys : tuple
        Path of the offending key below the value that was checked.
    found : object, optional
        The offending value.
    allowed, nearest : str, optional
        What would have been accepted, and the valid name that resembles it most.
    """

    def __init__(
        self,
        problem: str,
        keys: tuple[object, ...] = (),
        *,
        found: object = None,
        allowed: str | None = None,
        nearest: str | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.keys = keys
        self.found = found
        self.allowed = allowed
        self.nearest = nearest

    def below(self, *keys: object) -> Fault:
        """The same fault, seen from further up the tree of keys."""
        return Fault(
            self.problem, (*keys, *self.keys), found=self.found, allowed=self.allowed, nearest=self.nearest
        )

    def input_error(self, file: Path | None = None, line: int | None = None) -> InputError:
        """The fault as what a user sees, in a file if one is known."""
        return InputError(
            self.problem, file=file, line=line, key=".".join(map(str, self.keys)) or None, found=self.found,
            allowed=self.allowed, nearest=self.nearest,
        )  # fmt: skip


class Faults(ValueError):
    """Several values of one table that cannot be used.

    Parameters
    ----------
    faults : list of Fault
        At least one.
    """

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(fault.problem for fault in faults))
        self.faults = faults


def located(file: YamlFile, faults: Sequence[Fault]) -> InputErrors:
    """Faults of a file, at least one, each with the line of its key."""
    # pydantic's word for a key as against its value.
    places = [tuple(key for key in fault.keys if key != "[key]") for fault in faults]
    told = [
        InputError(
            fault.problem, file=file.path, line=file.line(keys), key=".".join(map(str, keys)) or None, found=fault.found,
            allowed=fault.allowed, nearest=fault.nearest,
        )
        for fault, keys in zip(faults[:MOST_TOLD], places, strict=False)
    ]  # fmt: skip
    return InputErrors(told, file.path, len(faults))
