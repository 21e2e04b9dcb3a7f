"""Rate and remaining time of slow and fast work, by a clock that the test moves."""

import os
import pty
import subprocess
import sys

import pytest

from econ.cli.progress import Pace, duration_text, rate_text


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pace(clock):
    return Pace(clock)


def test_one_worker_on_points_of_a_minute_has_a_rate_and_a_remaining_time_from_the_first_on(pace, clock):
    pace.update(0, 10)
    assert pace.rate is None and pace.remaining is None
    for done in range(1, 11):
        clock.now += 60
        pace.update(done, 10)
        assert rate_text(pace.rate) == "1.0/min"
        assert pace.remaining == pytest.approx(60 * (10 - done))


def test_two_workers_that_finish_together_are_twice_as_fast_and_no_faster(pace, clock):
    pace.update(0, 10)
    for done in (2, 4):
        clock.now += 60
        pace.update(done - 1, 10)
        clock.now += 0.3
        pace.update(done, 10)
    assert pace.rate == pytest.approx(4 / 120.6)
    assert rate_text(pace.rate) == "2.0/min" and pace.remaining == pytest.approx(180, rel=0.01)


def test_between_finishes_the_remaining_time_runs_down_and_the_rate_stands(pace, clock):
    pace.update(0, 3)
    clock.now += 60
    pace.update(1, 3)
    clock.now += 45
    assert pace.rate == pytest.approx(1 / 60) and pace.remaining == pytest.approx(75)
    clock.now += 600
    assert pace.remaining == 0


def test_what_an_interrupted_command_had_finished_does_not_count(pace, clock):
    pace.update(90, 100)
    clock.now += 10
    pace.update(91, 100)
    assert pace.rate == pytest.approx(0.1) and pace.remaining == pytest.approx(90)


@pytest.mark.parametrize("second", [(0, 5), (0, 10)], ids=["another total", "fewer finished"])
def test_a_new_stage_begins_anew(pace, clock, second):
    pace.update(0, 10)
    clock.now += 1
    pace.update(10, 10)
    pace.update(*second)
    assert pace.rate is None
    clock.now += 20
    pace.update(second[0] + 1, second[1])
    assert pace.rate == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("per_second", "text"),
    [(None, ""), (240.4, "240/s"), (1.0, "1.0/s"), (0.99, "59/min"), (1 / 60, "1.0/min"), (1 / 61, "59/h"), (1 / 7200, "0.5/h")],
)
def test_a_rate_is_told_in_the_unit_in_which_it_is_at_least_one(per_second, text):
    assert rate_text(per_second) == text


def test_durations():
    assert [duration_text(x) for x in (None, 0.4, 59.6, 90061.0)] == ["-:--:--", "0:00:00", "0:01:00", "25:01:01"]


def test_a_terminal_shows_both():
    script = (
        "import time\nfrom econ.cli import progress\nnow = [0.0]\n"
        "class Moved(progress.Pace):\n    def __init__(self): super().__init__(lambda: now[0])\n"
        "progress.Pace = Moved\n"
        "with progress.show_progress(False, 'points') as show:\n"
        "    show(0, 4)\n    now[0] = 60.0\n    show(1, 4)\n    time.sleep(0.5)\n"
    )
    leader, follower = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", script], stderr=follower, env={**os.environ, "COLUMNS": "120", "TERM": "xterm"})
    os.close(follower)
    seen = b""
    while process.poll() is None or seen == b"":
        try:
            seen += os.read(leader, 65536)
        except OSError:
            break
    os.close(leader)
    assert process.wait() == 0
    text = seen.decode()
    assert "points" in text and "1/4" in text
    assert "1.0/min" in text and "0:03:00" in text
