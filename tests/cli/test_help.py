"""Help is light: it loads none of the numerical libraries. How fast it is, the benchmarks measure."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "pandas", "mesa", "matplotlib", "numpy", "scipy", "numba", "pyarrow")
PROGRAM = """
import sys
from econ.cli import main
sys.argv = ["econ", *sys.argv[1:]]
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
sys.stderr.write("LOADED " + " ".join(name for name in {heavy!r} if name in sys.modules))
"""


def loaded(*arguments: str) -> tuple[str, list[str]]:
    """What a command prints, and the heavy libraries that it loads."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(heavy=HEAVY), *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout, done.stderr.rpartition("LOADED")[2].split()


@pytest.mark.parametrize("arguments", [["--help"], ["scenario", "--help"], ["scenario", "check", "--help"]])
def test_help_loads_no_numerical_library(arguments):
    out, heavy = loaded(*arguments)
    assert "Usage: econ" in out and heavy == []


def test_checking_a_scenario_loads_no_numerical_library():
    out, heavy = loaded("scenario", "check", "merger_control")
    assert "fine" in out and heavy == []


def test_the_public_package_is_lazy():
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, econ; print([name for name in {HEAVY!r} if name in sys.modules])"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
