"""SIGKILL of run, sweep and grid: resumed, identical, nothing lost, nothing done twice, nothing left behind."""

from __future__ import annotations

import pytest
from commands import KillCounts
from editions import SEED, editions
from killing import kill_at_random, kill_before_every_change
from victims import COMMANDS, victim


def report(counted, what: str, counts: KillCounts) -> None:
    counted(
        "SIGKILL", what, kills=counts.kills, while_running=counts.while_running, results=counts.results, resumed=counts.resumed,
        identical=counts.identical, sealed_work_at_kills=counts.sealed, sealed_work_repeated=counts.repeated,
        under_way_and_begun_again=counts.begun_again, other_faults=len(counts.faults),
    )  # fmt: skip
    assert not counts.faults, counts.faults[:5]
    assert counts.repeated == 0 and counts.identical == counts.results


@pytest.mark.parametrize("what", COMMANDS)
@editions(3, 100, slow=True)
def test_random_moments(zygote, counted, what, edition):
    counts = kill_at_random(victim(zygote, what), edition, SEED)
    report(counted, f"`econ {' '.join(COMMANDS[what][:1 + (what == 'grid')])}`, process group killed at random moments", counts)
    assert counts.while_running >= edition


@pytest.mark.parametrize("what", COMMANDS)
@editions(1, 6, slow=True)
def test_random_moments_with_workers(zygote, counted, what, edition):
    counts = kill_at_random(victim(zygote, what, workers=2), edition, SEED + 1)
    report(counted, f"the same, {what} with two worker processes", counts)


@pytest.mark.parametrize("what", ["run", "sweep"])
@editions((5, 30), (1, 1000), slow=True)
def test_every_change_of_the_file_system(zygote, counted, what, edition):
    """No moment between two changes of the file system is left out."""
    few = edition[0] > 1
    numbers = range(*edition, 12) if few else range(*edition)
    counts, through = kill_before_every_change(victim(zygote, what), numbers)
    report(counted, f"`econ {what}`, killed before each of its changes of the file system", counts)
    assert few or through
