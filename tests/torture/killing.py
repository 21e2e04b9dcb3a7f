"""SIGKILL at random moments, and before every change of the file system; then the same command again."""

from __future__ import annotations

import hashlib
import json
import random
import re
import shutil
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from commands import KillCounts, Tables, Zygote, leftovers
from zygote import BEGUN

from econ.ensemble.sweeps.store import WRITERS
from econ.ensemble.workers import AHEAD

#: Kills that one result gets at most before it may finish.
MOST_KILLS = 4
BLOCK = re.compile(r"s([0-9]{3})-b([0-9]{7})\.([0-9a-f]+)\.npz")
POINT = re.compile(r"[0-9a-f]+\.([0-9a-f]+)\.parquet")


def sealed_work(partial: Path) -> set[str]:
    """Pieces of work that lie complete in a working directory: each file's content fits the digest that it carries.

    Read here without the package's own stores, which are what is tested.
    """
    found = set()
    for path in partial.glob("blocks/*.npz"):
        name = BLOCK.fullmatch(path.name)
        if name and _digest(path).startswith(name[3]):
            found.add(f"block {int(name[1])} {int(name[2])}")
    for path in partial.glob("outcomes/point=*/*.parquet"):
        name = POINT.fullmatch(path.name)
        if name and _digest(path).startswith(name[1]):
            found.add(f"point {path.parent.name.removeprefix('point=')}")
    for path in partial.glob("checkpoints/*/*.json"):
        whole = json.loads(path.read_text())
        arrays = whole["arrays_sha256"] is None or _digest(path.with_suffix(".npz")) == whole["arrays_sha256"]
        # Base models are parts of a program and have no facts.
        if whole["facts"] != "{}" and arrays and hashlib.sha256(whole["facts"].encode()).hexdigest() == whole["sha256"]:
            found.add(f"program {path.stem}")
    return found


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass
class Victim:
    """A command with the result that it gives undisturbed.

    Attributes
    ----------
    argv : list of str
        Without ``--out``.
    seconds : float
        How long it takes, updated as the machine's load changes.
    interruptions : list of (int, set of str)
        For each interruption of the present result: lines of the log so far, and the work that lay sealed on the disk.
    """

    zygote: Zygote
    argv: list[str]
    place: Path
    seconds: float = 0.0
    undisturbed: Tables | None = None
    interruptions: list[tuple[int, set[str]]] = field(default_factory=list)

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
        assert self.undisturbed.tables and self.zygote.finished_work()
        return self

    def reset(self) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        self.zygote.clear()
        self.interruptions = []

    def under_way(self) -> int:
        """Pieces of work that one kill may meet unsealed: computed by a worker or, of a sweep, on their way to the disk."""
        workers = int(self.argv[self.argv.index("--workers") + 1])
        waiting = WRITERS + (AHEAD * workers if workers > 1 else 0)
        return workers + (waiting if self.argv[0] == "sweep" else 0)

    def ended(self, status: int, counts: KillCounts) -> bool:
        """Whether the command ended by itself; a fault unless it succeeded, or finds its result in place."""
        if status == -signal.SIGKILL:
            self.interrupted(counts)
            return False
        said = self.zygote.said()
        there = status == 2 and "exists already" in said
        if (status != 0 and not there) or "Traceback" in said:
            counts.faults.append(f"exit {status}: {said[-400:]}")
        return True

    def interrupted(self, counts: KillCounts) -> None:
        """Note what lies sealed on the disk after a kill, or another end before the result stood."""
        partial = self.place / "out.partial"
        sealed = sealed_work(partial)
        if partial.exists():
            counts.faults += [f"finished, and not whole on the disk: {what}" for what in sorted(set(self.zygote.finished_work()) - sealed)]
        self.interruptions.append((len(self.zygote.work()), sealed))
        counts.sealed += len(sealed)

    def check(self, counts: KillCounts) -> None:
        """The result must be that of an undisturbed command, with no piece of work done twice and nothing left behind."""
        counts.results += 1
        assert self.undisturbed is not None
        out = self.place / "out"
        if out.exists() and Tables.of(out).same(self.undisturbed):
            counts.identical += 1
        else:
            counts.faults.append("the tables differ from those of an undisturbed command")
        self._check_work(counts)
        counts.faults += [f"left behind: {name}" for name in leftovers(self.place)]

    def _check_work(self, counts: KillCounts) -> None:
        """Nothing that lay sealed at a kill may be begun again, and no more begun again than can have been under way."""
        lines, finished = self.zygote.work(), self.zygote.finished_work()
        begun = Counter(line.removeprefix(BEGUN) for line in lines if line.startswith(BEGUN))
        repeated = {what for what, times in finished.items() if times > 1}
        for line, sealed in self.interruptions:
            repeated |= {piece for piece in sealed if f"{BEGUN}{piece}" in lines[line:]}
        again = sum(begun.values()) - len(begun)
        counts.repeated += len(repeated)
        counts.begun_again += again
        counts.faults += [f"finished work was done again: {what}" for what in sorted(repeated)]
        if again > self.under_way() * len(self.interruptions):
            counts.faults.append(f"{again} pieces of work begun again after {len(self.interruptions)} interruptions")
        if set(finished) - set(begun):
            counts.faults.append("work finished that was never begun: the watch has a hole")

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
