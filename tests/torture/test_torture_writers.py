"""Two processes that want to write one result, and clocks that jump."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time

import pytest
from commands import KillCounts, Tables, leftovers
from editions import SEED, editions
from victims import COMMANDS, victim, zygote_in


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    with zygote_in(tmp_path_factory.mktemp("second")) as started:
        yield started


@pytest.mark.parametrize("what", COMMANDS)
@editions(2, 20, slow=True)
def test_two_processes_on_one_directory(zygote, second, counted, what, edition):
    """One writes, the other is refused in one sentence; the tables are those of one process alone."""
    one, rng = victim(zygote, what), random.Random(SEED)
    refused = identical = 0
    faults: list[str] = []
    for _ in range(edition):
        one.reset()
        zygote.start(one.command())
        time.sleep(rng.uniform(0, 0.9 * one.seconds))
        statuses = [second.run(one.command()), zygote.finish()]
        said = [second.said(), zygote.said()]
        loser = said[statuses.index(2)] if 2 in statuses else ""
        if sorted(statuses) == [0, 2] and loser.count("\n") == 1 and ("another process" in loser or "exists already" in loser):
            refused += 1
        else:
            faults.append(f"exits {statuses}: {said}")
        identical += Tables.of(one.place / "out").same(one.undisturbed)
        faults += leftovers(one.place)
    counted("Two processes on one directory", f"`{what}` started twice, the second at a random moment of the first", pairs=edition,
            second_refused_in_one_sentence=refused, tables_identical=identical, other_faults=len(faults))  # fmt: skip
    assert not faults and refused == identical == edition, faults[:3]


@pytest.mark.parametrize("what", COMMANDS)
@editions(1, 10, slow=True)
def test_the_lock_of_a_killed_process_blocks_nobody(zygote, second, counted, what, edition):
    one, rng, counts = victim(zygote, what), random.Random(SEED), KillCounts()
    there = 0
    for _ in range(edition):
        one.reset()
        killed = zygote.kill_after(one.command(), rng.uniform(0.2, 0.8) * one.seconds) == -signal.SIGKILL
        one.interrupted(counts)
        there += killed and (one.place / "out.partial" / ".lock").exists()
        one.resume_to_the_end(counts)
        one.check(counts)
    counted("Two processes on one directory", f"`{what}` resumed at once after a kill", results=edition, locks_left_by_the_dead=there,
            identical=counts.identical, sealed_work_repeated=counts.repeated, other_faults=len(counts.faults))  # fmt: skip
    assert not counts.faults, counts.faults[:3]


@pytest.mark.parametrize("what", COMMANDS)
@editions(1, 10)
def test_a_wall_clock_that_jumps(zygote, counted, what, edition):
    """By up to ten years, back and forth at every reading; then a kill and a resume under another jump."""
    one, rng, counts = victim(zygote, what), random.Random(SEED), KillCounts()
    negative = 0
    for _ in range(edition):
        one.reset()
        group = zygote.start(one.command(), clock=rng.uniform(60, 3.2e8))
        time.sleep(rng.uniform(0, one.seconds))
        kill(group)
        if not one.ended(zygote.finish(), counts):
            status = zygote.run(one.command(), clock=rng.uniform(60, 3.2e8))
            one.ended(status, counts)
        one.check(counts)
        negative += sum(not 0 <= seconds < 3600 for seconds in durations(json.loads((one.place / "out" / "manifest.json").read_text())))
    counted("Clock", f"`{what}` killed and resumed while the wall clock jumps by up to ten years", results=counts.results,
            identical=counts.identical, sealed_work_repeated=counts.repeated, impossible_durations=negative,
            other_faults=len(counts.faults))  # fmt: skip
    assert not counts.faults and not negative, counts.faults[:3]


def kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def durations(value) -> list[float]:
    """Every number of seconds in a manifest."""
    if isinstance(value, dict):
        own = [v for k, v in value.items() if k.endswith("seconds") and isinstance(v, int | float)]
        return own + [x for v in value.values() for x in durations(v)]
    return [x for v in value for x in durations(v)] if isinstance(value, list) else []
