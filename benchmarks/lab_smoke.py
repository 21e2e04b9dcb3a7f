"""How long the smallest grid of the laboratory takes, from the command to its tables."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.measure import Table, report, spent, yardstick

#: What is asked: wall seconds on two cores.
TARGET = 60.0
WORKERS = 2


def main() -> None:
    """Run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=WORKERS)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    yardstick()
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "smoke"
        taken, _ = spent("lab", "run", "smoke", "--device=cpu", f"--workers={given.workers}", f"--out={out}", "--quiet")
        table = pd.read_parquet(out / "measurements.parquet", columns=["run_id", "method"])
    runs, methods = table["run_id"].nunique(), table["method"].nunique()
    met = "met" if taken.wall <= TARGET else "not met"
    report(
        "lab_smoke",
        [Table("`econ lab run smoke`, start-up included", ["workers", "runs", "methods", "CPU s", "wall s"], [[given.workers, runs, methods, taken.cpu, taken.wall]])],
        [f"Asked: at most {TARGET:g} s on two cores; found {taken.wall:.0f} s of wall time at a load of {load:.1f} before it ({met})."],
        seconds={"cpu": taken.cpu, "wall": taken.wall}, load_before=load,
    )  # fmt: skip


if __name__ == "__main__":
    main()
