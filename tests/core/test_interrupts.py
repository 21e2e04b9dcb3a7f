"""Ctrl-C while worker processes start."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time

import pytest

from econ.core.interrupts import only_for_the_parent

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture(autouse=True)
def handled():
    """A shell that starts jobs in the background leaves them deaf to the signal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_that_comes_while_processes_start_is_not_lost():
    with pytest.raises(KeyboardInterrupt), only_for_the_parent():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())


def test_the_thread_that_starts_processes_is_not_disturbed():
    reached = []
    with pytest.raises(KeyboardInterrupt), only_for_the_parent():
        # The system may hand a process's signal to any thread; this one goes to the thread that starts.
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        reached.append("the end of the block")
    assert reached == ["the end of the block"]


def test_a_process_started_inside_lives_through_an_interrupt_from_its_first_moment():
    with only_for_the_parent():
        process = SPAWN.Process(target=time.sleep, args=(1.5,))
        process.start()
    for _ in range(10):
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.05)
    process.join()
    assert process.exitcode == 0


def test_a_process_started_outside_dies_of_it():
    process = SPAWN.Process(target=time.sleep, args=(60,))
    process.start()
    os.kill(process.pid, signal.SIGINT)
    process.join(timeout=30)
    assert process.exitcode != 0
