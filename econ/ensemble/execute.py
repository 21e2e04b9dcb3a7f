"""One ensemble from design to tables in a directory; what is finished survives an interruption."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from econ.core.csv_files import write_csv
from econ.core.errors import InputError, WorkError
from econ.core.files import file_hash
from econ.core.provenance import now
from econ.core.results import LOCK
from econ.core.unfinished import RECORD
from econ.ensemble.blocks import FOLDER, BlockStore
from econ.ensemble.decomposition import FOLDER as DECOMPOSITION
from econ.ensemble.expectations import expectations_table, expected_outcomes
from econ.ensemble.manifest import Manifest, record, write_manifest
from econ.ensemble.moments import MOMENT_COLUMNS, moments_table
from econ.ensemble.statistics import wilson_bound
from econ.ensemble.tables import (
    KEYS,
    TableWriter,
    by_scenario,
    differences_of_file,
    outcome_columns,
    read_table,
    summary_of_file,
)
from econ.ensemble.workers import compute_missing

if TYPE_CHECKING:
    import pandas as pd

    from econ.ensemble.design import Design
    from econ.ensemble.engine import Engine
    from econ.ensemble.workers import Progress

#: Largest share of replicates whose first status-quo position may be rejected.
LARGEST_REJECTION = 0.25
TABLES = ("outcomes.parquet", "ledger.parquet", "replicates.parquet")
#: Folders of finished blocks, kept as long as the result is not complete.
SCRATCH = (FOLDER, DECOMPOSITION)
#: Patterns of finished blocks.
PIECES = tuple(f"{folder}/**/*.npz" for folder in SCRATCH)


class ImpossibleScenario(InputError):
    """A scenario whose parameters admit no equilibrium in any replicate."""


def silent(finished: int, total: int) -> None:
    """Report no progress."""


def execute(
    design: Design, engine: Engine, directory: Path, *, workers: int = 1, progress: Progress = silent
) -> Manifest:
    """Compute an ensemble and write its tables and its manifest into a working directory.

    Parameters
    ----------
    design : Design
    engine : Engine
    directory : Path
        An existing directory; finished blocks of the same design in it are used, and stay there (`SCRATCH`) until
        the caller has no more use for them.
    workers : int
    progress : callable

    Returns
    -------
    Manifest
        Status ``failed`` if some replicates failed; theirs are missing from the tables.

    Raises
    ------
    ImpossibleScenario
        If no replicate of a scenario has an equilibrium to start from.
    WorkError
        If all replicates of a scenario fail otherwise, or the market stops.
    """
    started, clock = now(), time.monotonic()
    _clear(directory)
    store = BlockStore(directory, design)
    try:
        compute_missing(design, engine, store, workers, progress)
    except KeyboardInterrupt:
        interrupted = record(
            design,
            started=started,
            wall_seconds=time.monotonic() - clock,
            status="interrupted",
            failed={},
            files={},
        )
        write_manifest(directory, interrupted)
        raise
    failed = _write_blocks(design, engine, store, directory)
    check_rejections(read_table(directory / "replicates.parquet"))
    names = [*TABLES, *_write_statistics(design, directory)]
    return record(
        design,
        started=started,
        wall_seconds=time.monotonic() - clock,
        status="failed" if failed else "finished",
        failed=failed,
        files={name: file_hash(directory / name) for name in names},
    )


def check_rejections(facts: pd.DataFrame) -> None:
    """Stop where revealed preference rejects too many of the drawn status-quo positions.

    Positions are redrawn and surfaces kept; but where a quarter of the surfaces cannot be squared with the
    status quo at their first position, what remains says little about the laboratory's posterior.

    Raises
    ------
    WorkError
        If the share of replicates whose first position was rejected lies above `LARGEST_REJECTION`, its 90 %
        interval included.
    """
    if "position_redraws" not in facts:
        return
    for scenario, redraws in facts.groupby("scenario")["position_redraws"]:
        rejected = int((redraws > 0).sum())
        low = wilson_bound(np.array([rejected]), np.array([len(redraws)]), 0.05)[0]
        if low > LARGEST_REJECTION:
            raise WorkError(
                f"scenario '{scenario}': in {rejected} of {len(redraws)} replicates the status quo cannot be rationalised at the "
                f"first position drawn on the response surface (allowed: {LARGEST_REJECTION:.0%}); these surfaces do not fit the market"
            )


def _clear(directory: Path) -> None:
    """Remove what an earlier attempt left, except finished blocks, the lock and the record of whose they are."""
    for path in directory.iterdir():
        if path.name in (*SCRATCH, LOCK, RECORD):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _write_blocks(
    design: Design, engine: Engine, store: BlockStore, directory: Path
) -> dict[str, dict[int, str]]:
    """Join the blocks to tables, in order; returns the failed replicates of each scenario."""
    failed: dict[str, dict[int, str]] = {}
    with TableWriter(directory, design.names, engine.flows) as writer:
        for block in design.blocks():
            data = store.read(block)
            if data.failed:
                failed.setdefault(design.names[block.scenario], {}).update(data.failed)
            if len(data.replicates):
                writer.append(block.scenario, data)
        for name, reasons in failed.items():
            if len(reasons) == design.replicates:
                replicate, reason = next(iter(reasons.items()))
                said = f"every replicate of scenario '{name}' failed; replicate {replicate}: {reason}"
                sign = engine.impossible
                impossible = sign is not None and all(text.startswith(sign) for text in reasons.values())
                raise ImpossibleScenario(said) if impossible else WorkError(said)
    return failed


def _write_statistics(design: Design, directory: Path) -> list[str]:
    """Write the tables of statistics; returns their file names."""
    path = directory / "outcomes.parquet"
    tables = {"summary.csv": summary_of_file(path), "moments.csv": _baseline_moments(path)}
    if len(design.scenarios) > 1:
        tables["differences.csv"] = differences_of_file(path, design.names[0])
        tables["expected.csv"] = _expectations(path, design)
    for name, table in tables.items():
        write_csv(directory / name, table)
    return list(tables)


def _expectations(path: Path, design: Design) -> pd.DataFrame:
    """Expected directions of the scenarios against what was found, from the columns that they name."""
    scenarios = {scenario.name: scenario.resolved() for scenario in design.scenarios}
    needed = [name for name in expected_outcomes(scenarios) if name in outcome_columns(path)]
    return expectations_table(read_table(path, [*KEYS, *needed]), scenarios, design.names[0])


def _baseline_moments(path: Path) -> pd.DataFrame:
    """Moments of the first scenario, from the columns that they need."""
    needed = [name for name in outcome_columns(path) if name in MOMENT_COLUMNS]
    return moments_table(next(iter(by_scenario(read_table(path, [*KEYS, *needed])).values())))
