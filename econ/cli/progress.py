"""Progress on a terminal: how much is finished, how fast it goes, and how long the rest will take."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console
    from rich.progress import Progress, TaskID


class Pace:
    """The rate of a stage of work from its start to the last finish, however slow single pieces are.

    Pieces that were there at the start, taken over from an interruption, cost no time and do not count.

    Attributes
    ----------
    clock : callable
        Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._total = self._before = self._finished = 0
        self._start = self._last = clock()

    def update(self, finished: int, total: int) -> None:
        """Take note of the numbers of finished and of all pieces; another total or fewer finished begin a new stage."""
        now = self.clock()
        if total != self._total or finished < self._finished:
            self._total, self._before, self._start, self._last = total, finished, now, now
        elif finished > self._finished:
            self._last = now
        self._finished = finished

    @property
    def rate(self) -> float | None:
        """Pieces per second; None before the first is finished."""
        done, elapsed = self._finished - self._before, self._last - self._start
        return done / elapsed if done and elapsed > 0 else None

    @property
    def remaining(self) -> float | None:
        """Seconds until the last piece at this rate; None before the first is finished."""
        rate = self.rate
        if rate is None:
            return None
        return max((self._total - self._finished) / rate - (self.clock() - self._last), 0.0)


def rate_text(per_second: float | None) -> str:
    """A rate in the unit in which it is at least one.

    Examples
    --------
    >>> rate_text(125.0), rate_text(3.3), rate_text(0.5), rate_text(0.01)
    ('125/s', '3.3/s', '30/min', '36/h')
    """
    if per_second is None:
        return ""
    value, unit = next(((per_second * n, unit) for n, unit in ((1, "s"), (60, "min")) if per_second * n >= 1), (per_second * 3600, "h"))
    return f"{value:.0f}/{unit}" if value >= 10 else f"{value:.1f}/{unit}"


def duration_text(seconds: float | None) -> str:
    """Hours, minutes and seconds.

    Examples
    --------
    >>> duration_text(3725.4), duration_text(None)
    ('1:02:05', '-:--:--')
    """
    if seconds is None:
        return "-:--:--"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


@contextlib.contextmanager
def show_progress(quiet: bool, what: str = "blocks of replicates") -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr if it is a terminal; otherwise nothing."""
    with show_phases(quiet) as show:
        yield lambda finished, total: show(what, finished, total)


@contextlib.contextmanager
def show_phases(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each phase of the work on stderr if it is a terminal; otherwise nothing."""
    if quiet or not sys.stderr.isatty():
        yield lambda phase, finished, total: None
        return
    from rich.console import Console

    with _bars(Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}
        paces: dict[str, Pace] = {}

        def show(phase: str, finished: int, total: int) -> None:
            if phase not in tasks:
                paces[phase] = Pace()
                tasks[phase] = bars.add_task(phase, total=None, pace=paces[phase])
            paces[phase].update(finished, total)
            bars.update(tasks[phase], completed=finished, total=total)

        yield show


def _bars(console: Console) -> Progress:
    """Bars whose tasks have a `Pace` each."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Pieces per second, minute or hour."""

        def render(self, task: Task) -> Text:
            return Text(rate_text(task.fields["pace"].rate), style="progress.data.speed")

    class Remaining(ProgressColumn):
        """Time until the last piece."""

        def render(self, task: Task) -> Text:
            return Text(duration_text(task.fields["pace"].remaining), style="progress.remaining")

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), Rate(), TextColumn("elapsed"),
        TimeElapsedColumn(), TextColumn("remaining"), Remaining(),
    )  # fmt: skip
    return Progress(*columns, console=console, transient=True)
