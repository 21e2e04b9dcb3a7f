"""Where the shipped files lie: scenarios and calibration data, in a checkout as in an installed wheel."""

from __future__ import annotations

import os
from pathlib import Path

from econ.core.errors import InputError

PACKAGE = Path(__file__).resolve().parent.parent


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
