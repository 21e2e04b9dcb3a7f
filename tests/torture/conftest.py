"""Fault tests with counted results.

Each has a small edition, which runs with the other tests, and one marked `torture` with full counts, which
runs where its page is asked for: `make torture`, that is ``pytest tests/torture --reliability FILE``. Tests
report counts through the fixture `counted`; the page is written from them.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import time
from pathlib import Path

import pytest
from editions import SEED

HEADER = """# Reliability: faults that were made, and what became of them

Written by `make torture` (`pytest tests/torture --reliability docs/reliability.md`); every row is asserted by a test there,
and smaller editions of the same tests run with the others. What the checks cannot show is at the end.
"""
LIMITS = """
## What this does not show

- Kills of processes are not power cuts: files are synced before they are renamed, directories are not, so a power cut may
  lose the last pieces of finished work (they are done again), never tear one.
- Locks are those of the local file system. Over NFS, Linux translates them to locks of the server, which was not tested
  here; a file system without locks is used with a warning, and then one process alone must write a result.
- A bit that flips in a YAML or CSV file may give another valid file; no hash can know what its author meant. What the
  project itself writes (tables, manifests, checkpoints, surfaces) is checked against hashes.
- Machine code of compiled kernels is kept on disk by numba, beside the package or in the user's cache, in numba's own
  format, which holds pickles: it deserves the trust of the package's own files, no more. No data file is read so.
"""
#: Counts of the last full run of each test.
COUNTS = Path(__file__).with_name("counts.json")


def pytest_addoption(parser):
    parser.addoption("--reliability", metavar="FILE", default=None, help="run the tests with full counts, write them to FILE (Markdown)")


def pytest_collection_modifyitems(config, items):
    """Full counts where the page is asked for, small ones otherwise."""
    full = config.getoption("--reliability", default=None) is not None
    dropped = [item for item in items if Path(__file__).parent in item.path.parents and not _wanted(item, full)]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in dropped]


def _wanted(item, full: bool) -> bool:
    has_editions = hasattr(item, "callspec") and "edition" in item.callspec.params
    return not has_editions or (item.get_closest_marker("torture") is not None) == full


@pytest.fixture
def counted(request):
    """`counted(section, what, **counts)` notes counts for the page, under the name of the test."""
    started, cpu = time.monotonic(), sum(os.times()[:4])

    def note(section: str, what: str, **counts: object) -> None:
        if request.config.getoption("--reliability") is None:
            return
        row = {
            "section": section, "what": what, "counts": counts, "date": time.strftime("%Y-%m-%d", time.gmtime()), "seed": SEED,
            "minutes": round((time.monotonic() - started) / 60, 1), "cpu_minutes": round((sum(os.times()[:4]) - cpu) / 60, 1),
        }  # fmt: skip
        kept = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
        kept.setdefault(request.node.name, {})[what] = row
        COUNTS.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")

    return note


def pytest_sessionfinish(session, exitstatus):
    target = session.config.getoption("--reliability", default=None)
    if target is not None and COUNTS.exists():
        rows = [row for rows in json.loads(COUNTS.read_text()).values() for row in rows.values()]
        Path(target).write_text(HEADER + circumstances() + tables(rows) + LIMITS, encoding="utf-8")


def circumstances() -> str:
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "pyarrow", "pandas", "torch", "numba"))
    return f"\nSeed {SEED}, {platform.system()} {platform.machine()}, Python {platform.python_version()}, {packages}.\n"


def tables(rows: list[dict]) -> str:
    text = ""
    for section in dict.fromkeys(row["section"] for row in sorted(rows, key=lambda row: row["section"])):
        text += f"\n## {section}\n\n| what | counts | on |\n|---|---|---|\n"
        for row in rows:
            if row["section"] == section:
                counts = "; ".join(f"{name.replace('_', ' ')} **{value}**" for name, value in row["counts"].items())
                text += f"| {row['what']} | {counts} | {row['date']} |\n"
    return text


@pytest.fixture(scope="session")
def zygote(tmp_path_factory):
    """A process that forks commands, with their inputs beside it."""
    from commands import Zygote
    from victims import write_inputs

    folder = tmp_path_factory.mktemp("torture")
    write_inputs(folder)
    with Zygote(folder) as started:
        yield started
