"""Computing blocks, in this process or in several, each on one thread.

Workers receive the scenarios once and then only block numbers; their results go to disk, not
through a pipe, so memory stays bounded and an interruption loses only blocks in progress.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.errors import WorkError
from econ.core.interrupts import only_for_the_parent
from econ.ensemble.blocks import BlockData, BlockStore, write_block

if TYPE_CHECKING:
    from econ.ensemble.design import Block, Design
    from econ.ensemble.engine import Engine

#: Thread pools of numerical libraries: two threads on a busy machine are many times slower than one.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)

#: Items handed out for each worker, so that results do not pile up where they are stored more slowly than made.
AHEAD = 2

Progress = Callable[[int, int], None]


def compute_missing(
    design: Design, engine: Engine, store: BlockStore, workers: int, progress: Progress
) -> None:
    """Compute every block that the store lacks.

    Parameters
    ----------
    design : Design
    engine : Engine
    store : BlockStore
    workers : int
        Processes; with 1 the work is done in this process.
    progress : callable
        Called with the numbers of finished and of all blocks.

    Raises
    ------
    WorkError
        If the market fails as a whole (say, its ledger breaks) or a worker process dies.
    """
    missing = store.missing()
    total = design.block_count
    finished = total - len(missing)
    progress(finished, total)
    workers = min(workers, len(missing))
    if workers <= 1:
        for block in missing:
            compute_block(design, engine.simulate, store.directory, block)
            finished += 1
            progress(finished, total)
        return
    for _ in in_processes(compute_block, (design, engine.simulate, store.directory), missing, workers):
        finished += 1
        progress(finished, total)


def compute_block(design: Design, simulate: Callable[..., Any], directory: Path, block: Block) -> None:
    """Simulate one block and store it, without the replicates that failed."""
    write_block(directory, block, simulate_block(design, simulate, block))


def simulate_block(design: Design, simulate: Callable[..., Any], block: Block) -> BlockData:
    """Simulate one block; the replicates that failed are named and left out."""
    simulation = simulate(
        design.scenarios[block.scenario],
        design.surfaces,
        seed=design.seed,
        replicates=block.replicates,
        quarters=design.quarters,
        device=design.device,
        precision=design.precision,
    )
    return _kept(simulation, design, block)


def _kept(simulation: Any, design: Design, block: Block) -> BlockData:
    """The replicates that ended well, after a check that the market answered what was asked."""
    expected = np.array(design.reported_quarters)
    if not np.array_equal(simulation.quarters, expected) or list(simulation.replicates) != list(
        block.replicates
    ):
        raise WorkError(
            f"the market answered other quarters or replicates than asked for (block {block.index})"
        )
    ended = [int(replicate) not in simulation.failed for replicate in simulation.replicates]
    # Without a failure nothing is copied.
    keep = slice(None) if all(ended) else np.array(ended)
    return BlockData(
        quarters=expected,
        replicates=np.asarray(simulation.replicates, dtype=np.int64)[keep],
        outcomes={
            name: np.asarray(values, dtype=np.float64)[keep] for name, values in simulation.outcomes.items()
        },
        ledger={
            name: np.asarray(values, dtype=np.float64)[keep] for name, values in simulation.ledger.items()
        },
        facts={name: np.asarray(values)[keep] for name, values in simulation.facts.items()},
        failed={int(replicate): str(reason) for replicate, reason in sorted(simulation.failed.items())},
    )


def in_processes(
    function: Callable[..., Any], shared: tuple[Any, ...], items: Iterable[Any], workers: int
) -> Iterator[Any]:
    """Call ``function(*shared, item)`` for each item in a pool, yielding results in any order.

    Parameters
    ----------
    function : callable
        At the top of a module, so that worker processes can import it by name.
    shared : tuple
        Arguments that every call has; each worker receives them once.
    items : iterable
    workers : int

    Raises
    ------
    WorkError
        If a worker process dies; what the calls have written to disk is kept.
    """
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    with _one_thread_each():
        pool = ProcessPoolExecutor(workers, context, _initialise, (function, shared))
        try:
            waiting = iter(items)
            pending = _submit(pool, itertools.islice(waiting, AHEAD * workers))
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
                    pending |= _submit(pool, itertools.islice(waiting, 1))
        except BrokenProcessPool as error:
            raise WorkError(
                "a worker process died (out of memory? a script that calls econ.run with workers > 1 needs "
                "`if __name__ == '__main__':`); what is finished is kept, the same command resumes, perhaps with fewer workers"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            # Work in progress is done again by the same command, so nobody waits for it.
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, items: Iterable[Any]) -> set[Future[Any]]:
    """Work on its way; a pool starts its processes as work comes."""
    with only_for_the_parent():
        return {pool.submit(_work, item) for item in items}


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Spawned processes inherit the environment before they import a numerical library."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


#: What a worker process was started for; set once by `_initialise`, read by `_work`.
_assignment: tuple[Callable[..., Any], tuple[Any, ...]] | None = None


def _initialise(function: Callable[..., Any], shared: tuple[Any, ...]) -> None:
    global _assignment
    _assignment = (function, shared)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would otherwise wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(item: Any) -> Any:
    assert _assignment is not None, "the worker was not initialised"
    function, shared = _assignment
    return function(*shared, item)
