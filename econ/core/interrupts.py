"""Ctrl-C reaches every process of a terminal; only the parent is to answer it."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from multiprocessing import resource_tracker


@contextlib.contextmanager
def only_for_the_parent() -> Iterator[None]:
    """Processes started inside never see an interrupt; the parent sees one that comes meanwhile at the latest on leaving.

    A signal that is ignored meanwhile would be lost, and a handler that a worker sets comes seconds late: it
    imports first. A blocked signal is inherited from the start, and stays pending here.
    """
    # Started later, the tracker would unblock the signal on its way (bpo-33613).
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
