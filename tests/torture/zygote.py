"""A process that has loaded everything and forks one `econ` command after another.

So a kill at a random moment falls into the command's work, not into its imports, and hundreds of commands
take seconds each. Protocol, a line of JSON per command on stdin: `argv`, `output` (file of stdout and
stderr), `log` (file to which every piece of work is appended as it is
begun and as it is finished), and optionally `kill_at` (die before
the n-th change of the file system), `largest_file` (bytes), `no_disk_check`, `clock` (seconds by which the wall clock jumps
at each reading), `watch` (a file for what is unpickled and which networks are used), `no_network` (in a network namespace
without any interface, not even loopback; needs root on Linux). Answers: the process id, then its exit status, negative for a signal.

Worker processes import this module too (as the main module of a spawned process), so they log what they finish.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

LOG = "ECON_TORTURE_LOG"
#: What the log says before a piece of work that is begun; one that is finished stands there by its name alone.
BEGUN = "begun "
#: Changes of the file system, as Python's audit events name them.
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink"}


def note(what: str) -> None:
    """Append a line to the log, in one write: a piece of work that is begun or finished."""
    if LOG in os.environ:
        descriptor = os.open(os.environ[LOG], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{what}\n".encode())
        os.close(descriptor)


def watch_work() -> None:
    """Note blocks, points and programs as they are begun, and as they come to lie under their final names."""
    import econ.ensemble.sweeps.store as points
    import econ.ensemble.workers as workers
    import econ.lab.engine as engine
    import econ.lab.store as programs

    write_block, save_point, save_program = workers.write_block, points.PointStore.save, programs.Store.save
    begun(workers, "compute_block", lambda design, simulate, directory, block: f"block {block.scenario} {block.index}")
    import econ.ensemble.sweeps.point as point_module

    begun(point_module, "compute_point", lambda surfaces, simulate, task: f"point {task.index}")
    begun(engine, "_do", lambda task, folder, device: f"program {task.hash}")

    def block(directory, block, data):
        write_block(directory, block, data)
        note(f"block {block.scenario} {block.index}")

    def point(self, point):
        saved = save_point(self, point)
        note(f"point {point.task.index}")
        return saved

    def program(self, name, arrays, facts):
        save_program(self, name, arrays, facts)
        # Base models are parts of a program, which alone counts as finished.
        if facts:
            note(f"program {name}")

    workers.write_block, points.PointStore.save, programs.Store.save = block, point, program


def begun(module: Any, name: str, piece: Callable[..., str]) -> None:
    """Let a function note that a piece of work is begun; it keeps its name, by which worker processes are told of it."""
    function = getattr(module, name)

    @functools.wraps(function)
    def noted(*arguments, **options):
        note(f"{BEGUN}{piece(*arguments, **options)}")
        return function(*arguments, **options)

    setattr(module, name, noted)


def make_small() -> None:
    """Blocks of two replicates, and one figure in place of all: what a kill can hit stays the same."""
    import econ.ensemble.design as design
    import econ.ensemble.sweeps.point as point
    import econ.lab.checkpoints as checkpoints
    import econ.report.runs as runs

    every = runs._all_figures
    runs._all_figures = lambda result: every(result)[:1]
    design._block_size = lambda scenarios, device: 2
    # An edit of the checkout between two starts would rightly discard finished work.
    design.code_hash = point.code_hash = checkpoints.code_hash = lambda: "the same code"


def load() -> None:
    """Import what the commands import."""
    from importlib import import_module

    for module in ("econ.cli", "econ.ensemble.engine", "econ.report.comparison.figures", "econ.report.overview", "econ.lab.execute",
                   "econ.lab.runner", "pyarrow.csv", "matplotlib.backends.backend_svg", "econ.market.simulate"):  # fmt: skip
        import_module(module)
    import torch

    torch.set_num_threads(1)
    warm()


def warm() -> None:
    """Simulate a little, so that every command that is forked finds the market's kernels in machine code."""
    from econ.ensemble.engine import market_engine
    from econ.scenario import load_scenario
    from econ.surfaces import load_surfaces

    market_engine().simulate(
        load_scenario("baseline").with_settings("population.labelers=200"), load_surfaces(), seed=1, replicates=range(2), quarters=1,
        device="cpu", precision="float64",
    )  # fmt: skip


def fork(command: dict) -> int:
    """Start a command in a process group of its own."""
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    output = os.open(command["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ[LOG] = command["log"]
    code = 1
    try:
        prepare(command)
        code = run(command["argv"])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def prepare(command: dict) -> None:
    if command.get("no_disk_check"):
        import econ.report.runs as runs

        runs.check_disk = lambda design, directory: None
    if command.get("largest_file"):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (command["largest_file"],) * 2)
    if command.get("clock"):
        jump_clock(command["clock"])
    if command.get("kill_at"):
        kill_at(command["kill_at"])
    if command.get("watch"):
        watch_events(command["watch"])
    if command.get("no_network"):
        leave_networks()


def leave_networks() -> None:
    """Enter a new network namespace; every connection, to this machine's own loopback too, then fails at once."""
    import ctypes

    clone_newnet = 0x40000000
    if ctypes.CDLL(None, use_errno=True).unshare(clone_newnet):
        raise OSError(ctypes.get_errno(), "no network namespace")


def kill_at(number: int) -> None:
    """Die before the n-th change of the file system."""
    counter = itertools.count(1)

    def hook(event: str, arguments: tuple) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (event in CHANGES or writes) and next(counter) == number:
            os.killpg(0, signal.SIGKILL)

    sys.addaudithook(hook)


def watch_events(report: str) -> None:
    """Write down what is unpickled, and by whom, and every use of a network."""

    def hook(event: str, arguments: tuple) -> None:
        if event == "pickle.find_class":
            modules = {frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_stack(None)}
            reader = next((name for name in ("numba.core.caching", "multiprocessing.connection") if name in modules), "somebody else")
            say(f"unpickled by {reader}")
        elif event in ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
            say(f"{event} {arguments[1:]}")

    def say(line: str) -> None:
        descriptor = os.open(report, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{line}\n".encode())
        os.close(descriptor)

    sys.addaudithook(hook)


def jump_clock(seconds: float) -> None:
    """Let the wall clock jump back and forth at every reading, as an administrator or a bad battery does."""
    import datetime
    import time

    real, turn = time.time, itertools.cycle((seconds, -seconds, 0.0))

    class Jumping(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls.fromtimestamp(time.time(), tz)

    time.time = lambda: real() + next(turn)
    time.time_ns = lambda: int(time.time() * 1e9)
    datetime.datetime = Jumping


def run(argv: list[str]) -> int:
    from econ.cli import main

    sys.argv = ["econ", *argv]
    try:
        main()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(bool(stop.code))
    return 0


def serve() -> None:
    load()
    answer("ready")
    for line in sys.stdin:
        pid = fork(json.loads(line))
        answer(pid)
        _, status = os.waitpid(pid, 0)
        answer(os.waitstatus_to_exitcode(status))


def answer(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if os.environ.get(LOG) or __name__ == "__main__":
    watch_work()
    make_small()

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    serve()
