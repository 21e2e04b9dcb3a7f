"""Run all benchmarks, each in a process of its own, and write ``docs/benchmarks.md`` from their results.

``python -m benchmarks --page`` writes the page from the stored results and measures nothing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.page import HEADINGS, PAGE, page
from econ.core.files import write_text


def run_all() -> None:
    """Each benchmark with numerical libraries on one thread."""
    threads = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
    )
    for name in HEADINGS:
        print(f"\n## {HEADINGS[name]}\n", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], env=os.environ | threads, check=True)


def main() -> None:
    """Run unless only the page is asked for, then write it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--page", action="store_true", help="write the page from the stored results, measure nothing")
    if not parser.parse_args().page:
        run_all()
    write_text(PAGE, page())
    print(f"\nwritten: {PAGE.relative_to(Path.cwd()) if PAGE.is_relative_to(Path.cwd()) else PAGE.name}")


if __name__ == "__main__":
    main()
