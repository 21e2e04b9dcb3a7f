"""Full disks, read-only disks, files that may not grow: one sentence, nothing finished lost, identical afterwards."""

from __future__ import annotations

import os
import random
import re
import subprocess

import pytest
from commands import KillCounts, Zygote
from editions import SEED, editions
from killing import Victim
from victims import COMMANDS, victim

SECTION = "Full and read-only disks"


@pytest.fixture
def small_disk(tmp_path):
    """Mounts a small file system in memory; `size(text)` changes it, and so does `mode`."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(*options: str) -> None:
        subprocess.run(["mount", *options, str(place)], check=True, capture_output=True)

    try:
        mount("-t", "tmpfs", "-o", "size=64m", "tmpfs")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a tmpfs needs root")
    yield place, mount
    mount_again = ["umount", "--lazy", str(place)]
    subprocess.run(mount_again, check=True)


def refused(zygote: Zygote, status: int, cause: str, place) -> list[str]:
    """Faults of a command that ought to have failed in one sentence that names the file and the cause."""
    said = zygote.said()
    lines = said.strip().splitlines()
    if status != 1 or len(lines) != 1 or "Traceback" in said or str(place) not in said or not re.search(cause, said):
        return [f"exit {status}: {said[-600:]}"]
    return []


def after(one: Victim, counts: KillCounts) -> None:
    """The same command again, now that there is space."""
    one.interrupted(counts)
    one.resume_to_the_end(counts)
    one.check(counts)


def report(counted, what: str, cases: int, failed: int, counts: KillCounts) -> None:
    counted(
        SECTION, what, cases=cases, ended_with_one_sentence=failed, resumed=counts.resumed, identical=counts.identical,
        sealed_work_at_the_end=counts.sealed, sealed_work_repeated=counts.repeated, other_faults=len(counts.faults),
    )  # fmt: skip
    assert not counts.faults, counts.faults[:5]
    assert counts.identical == counts.results and failed == counts.results


@pytest.mark.parametrize("what", COMMANDS)
@editions(2, 15, slow=True)
def test_a_full_disk(zygote, counted, small_disk, what, edition):
    """A competitor leaves between nothing and what the result needs."""
    place, mount = small_disk
    one, rng, counts, failed = victim(zygote, what, place=place / "results"), random.Random(SEED), KillCounts(), 0
    needed = sum(f.stat().st_size for f in (victim(zygote, what).place / "out").rglob("*") if f.is_file())
    for case in range(edition):
        one.reset()
        mount("-o", f"remount,size={64 << 20}")
        filler = place / "filler"
        free = 4096 * (case + 1) if case < 4 else rng.randrange(int(0.7 * needed))
        taken = os.statvfs(place)
        filler.write_bytes(bytes(max(taken.f_bavail * taken.f_frsize - free, 0)))
        # The estimate beforehand would refuse what is meant to fail on the way.
        status = zygote.run(one.command(), no_disk_check=True)
        faults = refused(zygote, status, "No space left on device", place)
        failed += not faults
        counts.faults += faults
        filler.unlink()
        after(one, counts)
    report(counted, f"`{what}` on a file system that fills up", edition, failed, counts)


@pytest.mark.parametrize("what", COMMANDS)
@editions(1, 5, slow=True)
def test_a_disk_that_becomes_read_only(zygote, counted, small_disk, what, edition):
    place, mount = small_disk
    one, rng, counts, failed = victim(zygote, what, place=place / "results"), random.Random(SEED), KillCounts(), 0
    for _ in range(edition):
        one.reset()
        zygote.kill_after(one.command(), rng.uniform(0, 0.8 * one.seconds))
        one.interrupted(counts)
        mount("-o", "remount,ro")
        status = zygote.run(one.command("--force"))
        faults = refused(zygote, status, "Read-only file system", place)
        mount("-o", "remount,rw")
        failed += not faults
        counts.faults += faults
        if not (one.place / "out").exists():
            one.resume_to_the_end(counts)
        one.check(counts)
    report(counted, f"`{what}` resumed on a file system that became read-only", edition, failed, counts)


@pytest.mark.parametrize("what", COMMANDS)
@editions(2, 15)
def test_files_that_may_not_grow(zygote, counted, tmp_path, what, edition):
    """A quota: no file above so many bytes. Needs no root, so it runs everywhere."""
    one, rng, counts, failed = victim(zygote, what, place=tmp_path / "results"), random.Random(SEED), KillCounts(), 0
    sizes = [f.stat().st_size for f in (victim(zygote, what).place / "out").rglob("*") if f.is_file()]
    for _ in range(edition):
        one.reset()
        status = zygote.run(one.command(), largest_file=rng.randrange(256, int(0.9 * max(sizes))))
        faults = refused(zygote, status, "File too large", tmp_path)
        failed += not faults
        counts.faults += faults
        after(one, counts)
    report(counted, f"`{what}` where no file may grow beyond a limit", edition, failed, counts)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere; the read-only file system tests this for root")
def test_a_directory_without_permission(zygote, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    for argv in COMMANDS.values():
        assert zygote.run([*argv, "--out", str(locked / "out")]) == 1
        assert "Permission denied" in zygote.said() and zygote.said().count("\n") == 1
