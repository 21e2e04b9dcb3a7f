"""Fault tests with counted results.

Each has a small edition, which runs with the other tests, and one marked `torture` with full counts, which
runs where its page is asked for: `make torture`, that is ``pytest tests/torture --reliability FILE``. Tests
report counts through the fixture `counted`; the page is written from them. ``--counts small`` tries the page out:
small editions, whose counts are kept beside FILE and not with the full ones.
"""

from __future__ import annotations

import fcntl
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
- Machine code of compiled kernels is kept on disk, beside the package or in the user's cache, hashed, in numba's own
  format, which holds pickles: it deserves the trust of the package's own files, no more. No data file is read so.
"""
#: Counts of the last full run of each test.
COUNTS = Path(__file__).with_name("counts.json")


def pytest_addoption(parser):
    parser.addoption("--reliability", metavar="FILE", default=None, help="run the tests with full counts, write them to FILE (Markdown)")
    parser.addoption("--counts", choices=("full", "small"), default="full", help="with --reliability: how often each fault is made")


def pytest_collection_modifyitems(config, items):
    """Full counts where the page is asked for, small ones otherwise."""
    full = config.getoption("--reliability", default=None) is not None and config.getoption("--counts") == "full"
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
    asked, name = request.config.getoption("--reliability") is not None, request.node.name
    if asked:
        # What an earlier session counted is gone even if this one stops before it counts.
        write_counts(request.config, lambda kept: kept.update({name: {}}))

    def note(section: str, what: str, **counts: object) -> None:
        row = {
            "section": section, "what": what, "counts": counts, "date": time.strftime("%Y-%m-%d", time.gmtime()), "seed": SEED,
            "minutes": round((time.monotonic() - started) / 60, 1), "cpu_minutes": round((sum(os.times()[:4]) - cpu) / 60, 1),
        }  # fmt: skip
        if asked:
            write_counts(request.config, lambda kept: kept[name].update({what: row}))

    return note


def counts_file(config) -> Path:
    small = Path(config.getoption("--reliability")).with_suffix(".small.json")
    return COUNTS if config.getoption("--counts") == "full" else small


def write_counts(config, change) -> None:
    """Change the counts, of which several processes of pytest-xdist may write."""
    path = counts_file(config)
    with path.open("a+", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        kept = json.loads(stream.read() or "{}")
        change(kept)
        stream.truncate(0)
        stream.write(json.dumps(kept, indent=1, sort_keys=True) + "\n")


def pytest_sessionfinish(session, exitstatus):
    config = session.config
    target = config.getoption("--reliability", default=None)
    if target is None or hasattr(config, "workerinput") or not counts_file(config).exists():
        return
    kept = json.loads(counts_file(config).read_text(encoding="utf-8"))
    rows = [row for rows in kept.values() for row in rows.values()]
    nothing = sorted(name for name, rows in kept.items() if not rows)
    Path(target).write_text(HEADER + circumstances() + tables(rows) + uncounted(nothing) + LIMITS, encoding="utf-8")


def uncounted(names: list[str]) -> str:
    """What the page lacks, told on the page: a test that was skipped, or that stopped before it had counted."""
    if not names:
        return ""
    return "\n## Without a count\n\nSkipped, or stopped before they had counted:\n\n" + "".join(f"- `{name}`\n" for name in names)


def circumstances() -> str:
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "pyarrow", "pandas", "torch", "numba"))
    return f"\nSeed {SEED}, {platform.system()} {platform.machine()}, Python {platform.python_version()}, {packages}.\n"


def tables(rows: list[dict]) -> str:
    """Rows by section; the cases of one parametrised test are one row."""
    text, rows = "", summed(rows)
    for section in dict.fromkeys(row["section"] for row in sorted(rows, key=lambda row: row["section"])):
        text += f"\n## {section}\n\n| what | counts | on |\n|---|---|---|\n"
        for row in rows:
            if row["section"] == section:
                counts = "; ".join(f"{name.replace('_', ' ')} **{value}**" for name, value in row["counts"].items())
                text += f"| {row['what']} | {counts} | {row['date']} |\n"
    return text


def summed(rows: list[dict]) -> list[dict]:
    """Rows that tell of the same, as one with the sums of their counts and the latest date."""
    found: dict[tuple[str, str], dict] = {}
    for row in rows:
        key = row["section"], row["what"]
        if key in found:
            same = found[key]
            counts = {name: same["counts"][name] + value for name, value in row["counts"].items()}
            found[key] = {**same, "counts": counts, "date": max(same["date"], row["date"])}
        else:
            found[key] = row
    return list(found.values())


@pytest.fixture(scope="session")
def zygote(tmp_path_factory):
    """A process that forks commands, with their inputs beside it."""
    from victims import zygote_in

    with zygote_in(tmp_path_factory.mktemp("torture")) as started:
        yield started


@pytest.fixture(autouse=True, scope="session")
def still_checkout():
    """Counts are void where somebody edits the checkout meanwhile: other code or data rightly discards finished work."""
    before = checkout()
    yield
    assert checkout() == before, "the checkout changed while the tests ran; their counts are void"


def checkout() -> dict[str, tuple[int, int]]:
    """Size and time of the last change of every file that decides a number."""
    root = Path(__file__).parents[2]
    files = (path for folder in ("econ", "calibration", "scenarios") for path in (root / folder).rglob("*.*") if "__pycache__" not in path.parts)
    return {str(path.relative_to(root)): (path.stat().st_size, path.stat().st_mtime_ns) for path in files if path.is_file()}
