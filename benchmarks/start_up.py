"""How long the light commands take to start, and which heavy libraries they load: none may be."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

from benchmarks.measure import Table, report, yardstick

HEAVY = ("torch", "pandas", "mesa", "matplotlib", "numpy", "scipy", "numba", "pyarrow")
CLI = "import sys; sys.argv = ['econ', *{arguments!r}]; from econ.cli import main; main()"
LISTING = """
import atexit, sys
atexit.register(lambda: sys.stderr.write("LOADED " + " ".join(x for x in {heavy!r} if x in sys.modules)))
{program}
"""
COMMANDS = {
    "python -c pass": "pass",
    "import econ": "import econ",
    "econ --help": CLI.format(arguments=["--help"]),
    "econ scenario check baseline": CLI.format(arguments=["scenario", "check", "baseline"]),
}


def once(program: str) -> tuple[float, float]:
    """CPU time of the child and wall time of one start [s]."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"a command failed with exit code {child.returncode}: {program}")
    return usage.ru_utime + usage.ru_stime, wall


def loaded(program: str) -> list[str]:
    """Heavy libraries that a program has loaded when it ends."""
    command = [sys.executable, "-c", LISTING.format(heavy=HEAVY, program=program)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stderr.rpartition("LOADED")[2].split()


def main() -> None:
    """Check, time, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    yardstick()
    heavy = {name: loaded(program) for name, program in COMMANDS.items()}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for _ in range(given.rounds):
        for name, program in COMMANDS.items():
            taken[name].append(once(program))
    rows = []
    for name, times in taken.items():
        cpu, wall = (1e3 * min(column) for column in zip(*times, strict=True))
        rows.append([name, cpu, wall, ", ".join(heavy[name]) or "none"])
    report(
        "start_up",
        [Table("Light commands", ["command", "CPU ms", "wall ms", "heavy libraries loaded"], rows)],
        [
            f"The least of {given.rounds} starts, commands in turn; CPU time of the child process; bytecode and file cache warm.",
            "Heavy: " + ", ".join(HEAVY) + ".",
        ],
        seconds={name: {"cpu_wall": times, "heavy": heavy[name]} for name, times in taken.items()},
    )
    if any(heavy.values()):
        raise SystemExit("a light command loads a heavy library")


if __name__ == "__main__":
    main()
