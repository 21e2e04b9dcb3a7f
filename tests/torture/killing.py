"""SIGKILL at random moments, and before every change of the file system; then the same command again."""

from __future__ import annotations

import random
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from commands import KillCounts, Tables, Zygote, leftovers

#: Kills that one result gets at most before it may finish.
MOST_KILLS = 4


@dataclass
class Victim:
    """A command with the result that it gives undisturbed.

    Attributes
    ----------
    argv : list of str
        Without ``--out``.
    seconds : float
        How long it takes, updated as the machine's load changes.
    """

    zygote: Zygote
    argv: list[str]
    place: Path
    seconds: float = 0.0
    undisturbed: Tables | None = None

    def command(self, *more: str) -> list[str]:
        return [*self.argv, "--out", str(self.place / "out"), *more]

    def prepare(self) -> Victim:
        """Run it twice without a kill: once to compile, once for the result and its duration."""
        for _ in range(2):
            self.reset()
            started = time.monotonic()
            status = self.zygote.run(self.command())
            self.seconds = time.monotonic() - started
            assert status == 0, self.zygote.said()
        assert not leftovers(self.place), leftovers(self.place)
        self.undisturbed = Tables.of(self.place / "out")
        self.work = len(self.zygote.finished_work())
        assert self.undisturbed.tables and self.work
        return self

    def reset(self) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        self.zygote.clear()

    def ended(self, status: int, counts: KillCounts) -> bool:
        """Whether the command ended by itself; a fault unless it succeeded, or finds its result in place."""
        if status == -signal.SIGKILL:
            return False
        said = self.zygote.said()
        there = status == 2 and "exists already" in said
        if (status != 0 and not there) or "Traceback" in said:
            counts.faults.append(f"exit {status}: {said[-400:]}")
        return True

    def check(self, counts: KillCounts) -> None:
        """The result must be that of an undisturbed command, with no piece of work done twice and nothing left behind."""
        counts.results += 1
        assert self.undisturbed is not None
        out = self.place / "out"
        if out.exists() and Tables.of(out).same(self.undisturbed):
            counts.identical += 1
        else:
            counts.faults.append("the tables differ from those of an undisturbed command")
        done = self.zygote.finished_work()
        again = [what for what, times in done.items() if times > 1]
        counts.repeated += len(again)
        counts.faults += [f"done {done[what]} times: {what}" for what in again]
        counts.faults += [f"left behind: {name}" for name in leftovers(self.place)]

    def resume_to_the_end(self, counts: KillCounts) -> None:
        started, before = time.monotonic(), sum(self.zygote.finished_work().values())
        status = self.zygote.run(self.command())
        if not self.ended(status, counts):
            counts.faults.append("killed by somebody else")
        if status == 0 and before == 0:
            # A whole run without a kill says how long one takes under the present load.
            self.seconds = 0.5 * (self.seconds + time.monotonic() - started)
        counts.resumed += 1


def kill_at_random(victim: Victim, kills: int, seed: int) -> KillCounts:
    """Kill results at random moments, most of them more than once, until so many kills fell into running work."""
    rng, counts = random.Random(seed), KillCounts()
    while counts.while_running < kills and counts.results < 3 * kills:
        victim.reset()
        ended = False
        for _ in range(rng.randint(1, MOST_KILLS)):
            status = victim.zygote.kill_after(victim.command(), rng.uniform(0.0, victim.seconds))
            counts.kills += 1
            if status == -signal.SIGKILL:
                counts.while_running += 1
            ended = victim.ended(status, counts)
            if ended:
                counts.finished_before += 1
                # Kills come too late: the machine has become faster.
                victim.seconds *= 0.9
                break
        if not ended or not (victim.place / "out").exists():
            victim.resume_to_the_end(counts)
        elif leftovers(victim.place):
            victim.zygote.run(victim.command())
        victim.check(counts)
    return counts


def kill_before_every_change(victim: Victim, numbers: range) -> tuple[KillCounts, bool]:
    """Die before the n-th change of the file system, resume, for every n; whether the last n lay beyond the end."""
    counts = KillCounts()
    for number in numbers:
        victim.reset()
        status = victim.zygote.run(victim.command(), kill_at=number)
        counts.kills += 1
        if victim.ended(status, counts):
            victim.check(counts)
            return counts, True
        counts.while_running += 1
        # Killed behind the final rename, the result stands and the command tidies up and says so.
        victim.resume_to_the_end(counts)
        victim.check(counts)
    return counts, False
