"""What the package ships: where its files lie, in a checkout as in an installed wheel, and what they are called."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from econ.core.errors import InputError, nearest_name

PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Kind:
    """A kind of file that is shipped and known by its name.

    Attributes
    ----------
    name : str
        One of them, as messages say it.
    folder : tuple of str
        Where they lie, as parts of a path.
    command : str
        What takes one.
    """

    name: str
    folder: tuple[str, ...]
    command: str


SCENARIOS = Kind("scenario", ("scenarios",), "econ run NAME")
SWEEPS = Kind("sweep", ("scenarios", "sweeps"), "econ sweep NAME")
GRIDS = Kind("grid", ("calibration", "lab"), "econ lab run NAME")
PRICE_BOOKS = Kind("price book", ("calibration", "prices"), "econ cost --prices NAME")
CALIBRATIONS = Kind("calibration", ("calibration", "market"), "econ calibrate NAME")
#: All kinds, by what many of them are called.
KINDS = {"scenarios": SCENARIOS, "sweeps": SWEEPS, "grids": GRIDS, "price-books": PRICE_BOOKS, "calibrations": CALIBRATIONS}


def shipped_path(*parts: str) -> Path:
    """Path of a shipped file or folder, such as `shipped_path("calibration", "parameters.csv")`.

    Raises
    ------
    InputError
        If the installation lacks it.
    """
    for root in (PACKAGE / "_shipped", PACKAGE.parent):
        path = root.joinpath(*parts)
        # Unlike Path.exists, no error for a name that is too long.
        if os.path.exists(path):  # noqa: PTH110
            return path
    raise InputError("this installation lacks a shipped file; reinstall the package", file="/".join(parts))


def shipped_names(kind: Kind) -> list[str]:
    """Names of the shipped files of a kind, by letter, but the baseline first.

    Raises
    ------
    InputError
        If the installation lacks them.
    """
    names = (path.stem for path in shipped_path(*kind.folder).glob("*.yaml"))
    return sorted(names, key=lambda name: (name != "baseline", name))


def locate(source: str | Path, kind: Kind) -> Path:
    """The file of a kind that is given as a path or as the name of a shipped one.

    Raises
    ------
    InputError
        If it is a bare name that is not shipped.
    """
    path = Path(source)
    # A folder of that name, such as the results of a grid, hides no shipped file.
    if path.suffix or len(path.parts) != 1 or os.path.isfile(path):  # noqa: PTH113
        return path
    names = shipped_names(kind)
    if path.name not in names:
        raise InputError(
            f"there is no such {kind.name}, neither a file nor a shipped name", found=str(source),
            allowed="a path, or a name that `econ shipped` lists", nearest=nearest_name(path.name, names),
        )  # fmt: skip
    return shipped_path(*kind.folder, f"{path.name}.yaml")
