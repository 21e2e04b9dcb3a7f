"""Where points are computed: in this process, in several on this machine, or on a Dask cluster."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from importlib import import_module
from typing import TYPE_CHECKING, Any

from econ.core.errors import InputError, WorkError
from econ.ensemble.sweeps.point import PointFile, PointTask, compute_point
from econ.ensemble.workers import in_processes

if TYPE_CHECKING:
    from econ.surfaces import Surfaces

#: Times that a point is tried again when its Dask worker dies.
RETRIES = 3
#: Points handed to a Dask scheduler at once for each of its threads, so that results do not pile up.
AHEAD = 4
#: Seconds after which a Dask scheduler that does not answer is given up.
PATIENCE = 10

#: Addresses of schedulers in other processes.
ADDRESS = re.compile(r"(?:tcp|tls)://(?:[^\s:/@\[\]]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")

Computed = Iterator[PointFile]


def here(surfaces: Surfaces, simulate: Callable[..., Any], tasks: list[PointTask]) -> Computed:
    """One after the other, in this process."""
    for task in tasks:
        yield compute_point(surfaces, simulate, task)


def on_this_machine(
    surfaces: Surfaces, simulate: Callable[..., Any], tasks: list[PointTask], workers: int
) -> Computed:
    """In several processes of one thread each."""
    return in_processes(compute_point, (surfaces, simulate), tasks, workers)


def check_dask(address: str) -> None:
    """Refuse an address at which no Dask scheduler answers: asked before anything is written.

    A client is not tried: one that cannot connect waits on after its error, and ends with a traceback.

    Raises
    ------
    InputError
        If it is no address, Dask is not installed, or no scheduler answers.
    """
    found = ADDRESS.fullmatch(address)
    if found is None or not 0 < int(found[1]) < 1 << 16:
        raise InputError("this is no address", key="--scheduler", found=address, allowed="tcp://HOST:PORT or tls://HOST:PORT")
    _dask(address)
    try:
        kind = asyncio.run(_kind_of_server(address))
    except TypeError:
        raise InputError("Dask's configuration names no certificates (distributed.comm.tls)", key="--scheduler", found=address) from None
    except (OSError, TimeoutError, ValueError) as error:
        said = str(error) or f"nothing within {PATIENCE} s"
        raise InputError(f"no Dask scheduler answers ({said})", key="--scheduler", found=address) from None
    if kind != "Scheduler":
        raise InputError(f"this is no Dask scheduler, but a {kind}", key="--scheduler", found=address)


async def _kind_of_server(address: str) -> str:
    core, security = import_module("distributed.core"), import_module("distributed.security")
    server = core.rpc(address, timeout=PATIENCE, connection_args=security.Security().get_connection_args("client"))
    try:
        return str((await asyncio.wait_for(server.identity(), PATIENCE))["type"])
    finally:
        await server.close_rpc()


def _dask(address: str) -> Any:
    try:
        return import_module("distributed")
    except ImportError:
        raise InputError(
            "Dask is not installed; run: pip install 'via-negativa-econ[dask]'", key="--scheduler", found=address
        ) from None


def on_dask(surfaces: Surfaces, simulate: Callable[..., Any], tasks: list[PointTask], address: str) -> Computed:
    """On the workers of an existing Dask cluster, which need this package in the same version.

    Raises
    ------
    InputError
        As of `check_dask`.
    WorkError
        If a point fails on the cluster, or its workers die time and again.
    """
    check_dask(address)
    dask = _dask(address)
    with dask.Client(address, timeout=PATIENCE, set_as_default=False) as client:
        try:
            yield from _computed(dask, client, surfaces, simulate, tasks)
        except (dask.scheduler.KilledWorker, CancelledError) as error:
            raise WorkError(f"Dask's workers died {RETRIES} times on one point; finished points are kept ({error})") from error


def _computed(
    dask: Any, client: Any, surfaces: Surfaces, simulate: Callable[..., Any], tasks: list[PointTask]
) -> Computed:
    """Points as they come from the cluster; a point whose result died with its worker is handed out again."""
    waiting, handed_out, lost = iter(tasks), {}, Counter[int]()
    shared = client.scatter(surfaces, broadcast=True)

    def submit(task: PointTask) -> Any:
        future = client.submit(compute_point, shared, simulate, task, pure=False, retries=RETRIES)
        handed_out[future.key] = task
        return future

    first = list(itertools.islice(waiting, AHEAD * _threads(client)))
    running = dask.as_completed([submit(task) for task in first], loop=client.loop)
    for future in running:
        task = handed_out.pop(future.key)
        try:
            point = future.result()
        except CancelledError:
            lost[task.index] += 1
            if lost[task.index] > RETRIES:
                raise
            # The surfaces may have been lost with the same worker.
            shared = client.scatter(surfaces, broadcast=True)
            running.add(submit(task))
            continue
        yield point
        following = next(waiting, None)
        if following is not None:
            running.add(submit(following))


def _threads(client: Any) -> int:
    return max(sum(int(x) for x in client.nthreads().values()), 1)
