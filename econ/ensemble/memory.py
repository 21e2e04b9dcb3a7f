"""What an ensemble will need, estimated before it starts, so that a refusal costs no work."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from econ.core.errors import InputError

if TYPE_CHECKING:
    from econ.ensemble.design import Design

GIB = 2**30
#: A worker process with the numerical libraries loaded and the kernels compiled (bytes, measured 286 MiB, rounded up).
PROCESS = 320 * 2**20
#: The main process, which draws figures too (bytes, measured 358 MiB, rounded up).
MAIN_PROCESS = 420 * 2**20
#: State and temporaries per labeler and replicate (bytes): ability, experience, choice, chunked work.
PER_LABELER = 220
#: State and temporaries per replicate of everything else (bytes, measured 0.7 MiB with 3,000 labelers).
PER_REPLICATE = 2**20
#: Columns of outcomes and flows of the ledger, rounded up.
OUTCOMES = 96
FLOWS = 48
NUMBER = 8
#: Main process per scenario, replicate and quarter while tables are summarised (bytes, measured 660).
PER_ROW = 750
#: On disk per number, blocks included (bytes).
STORED = 18


@dataclass(frozen=True)
class Need:
    """Estimated need of an ensemble (bytes)."""

    per_worker: int
    main_process: int
    disk: int

    def memory(self, workers: int) -> int:
        """Memory with so many workers; a single worker is the main process itself."""
        if workers == 1:
            return max(self.main_process, MAIN_PROCESS + self.per_worker)
        return self.main_process + workers * (PROCESS + self.per_worker)


def estimate(design: Design) -> Need:
    """Memory and disk that a design needs."""
    quarters = len(design.reported_quarters)
    labelers = max(scenario.population.labelers for scenario in design.scenarios)
    block = min(design.block_size, design.replicates)
    recorded = quarters * (OUTCOMES + FLOWS) * NUMBER
    rows = design.replicates * quarters * len(design.scenarios)
    return Need(
        per_worker=block * (labelers * PER_LABELER + PER_REPLICATE + 3 * recorded),
        main_process=MAIN_PROCESS + rows * PER_ROW,
        disk=rows * (OUTCOMES + FLOWS) * STORED,
    )


def available() -> int:
    """Memory that this process may still use: the machine's free memory, or its container's limit if lower."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    meminfo, cgroup = Path("/proc/meminfo"), Path("/sys/fs/cgroup/memory.max")
    if meminfo.is_file():
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
        if "MemAvailable" in lines:
            limits.append(int(lines["MemAvailable"].split()[0]) * 1024)
    if cgroup.is_file() and (limit := cgroup.read_text().strip()).isdigit():
        limits.append(int(limit))
    return min(limits)


def choose_workers(design: Design, workers: int | None, memory_gb: float | None) -> int:
    """Number of worker processes: as asked, else all cores as far as blocks and memory allow.

    Raises
    ------
    InputError
        If the number is not positive, or even so the ensemble would need more memory than there is.
    """
    if workers is not None and workers < 1:
        raise InputError("out of range", key="workers", found=workers, allowed="a whole number from 1")
    if memory_gb is not None and not memory_gb > 0:
        raise InputError("out of range", key="memory", found=memory_gb, allowed="GiB above 0")
    need = estimate(design)
    limit = available() if memory_gb is None else int(memory_gb * GIB)
    chosen = min(_cores() if workers is None else workers, design.block_count)
    if design.device != "cpu":
        chosen = 1
    while workers is None and chosen > 1 and need.memory(chosen) > limit:
        chosen -= 1
    if need.memory(chosen) > limit:
        source = "is available" if memory_gb is None else "is allowed by --memory"
        raise InputError(
            f"this ensemble needs about {need.memory(chosen) / GIB:.1f} GiB of memory with {chosen} "
            f"worker{'s' if chosen > 1 else ''}, and {limit / GIB:.1f} GiB {source}; use fewer replicates, labelers or workers"
        )
    return chosen


def check_disk(design: Design, directory: Path) -> None:
    """Refuse an ensemble whose tables would not fit on the disk.

    Raises
    ------
    InputError
        If `directory` is to be on a file system that holds no files, or the estimate exceeds the free space there.
    """
    place = directory.absolute()
    while not place.exists():
        place = place.parent
    usage, need = shutil.disk_usage(place), estimate(design).disk
    # A file system of the kernel's own, such as /proc, has no size; why a real one takes nothing, the writer is told by the system.
    if usage.total == 0:
        raise InputError("nothing can be written here; choose another --out", file=directory)
    if need > usage.free:
        raise InputError(f"this ensemble needs about {_size(need)} of disk, and {_size(usage.free)} is free", file=directory)


def _size(count: float) -> str:
    return f"{count / GIB:.1f} GiB" if count >= GIB / 10 else f"{count / 2**20:.0f} MiB"


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
