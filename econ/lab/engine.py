"""Executing tasks: here, or in spawned processes that end with their parent."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from econ.core.errors import WorkError
from econ.core.interrupts import only_for_the_parent
from econ.lab.programs import Task


class Engine:
    """Executes tasks here, or in spawned processes of one thread each."""

    def __init__(self, workers: int, folder: Path, device: str) -> None:
        self._workers, self._folder, self._device = workers, folder, device
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Engine:
        if self._workers > 1:
            self._pool = ProcessPoolExecutor(
                self._workers, mp_context=get_context("spawn"), initializer=_start_worker, initargs=(os.getpid(),)
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            for process in list((self._pool._processes or {}).values()):
                process.terminate()

    def do(self, tasks: list[Task]) -> Any:
        """Do the tasks, yielding each as it is finished.

        Raises
        ------
        WorkError
            If a task fails or its process dies; the finished ones are kept.
        """
        if self._pool is None:
            for task in tasks:
                _do(task, self._folder, self._device)
                yield task
            return
        with only_for_the_parent():
            pending = {self._pool.submit(_do, task, self._folder, self._device): task for task in tasks}
        while pending:
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                task, error = pending.pop(future), future.exception()
                if error is not None:
                    raise WorkError(f"{task.program}: a worker failed ({error or type(error).__name__})") from error
                yield task


def _do(task: Task, folder: Path, device: str) -> None:
    import torch

    from econ.lab.execute import execute

    torch.set_num_threads(1)
    execute(task, folder, device)


def _start_worker(parent: int) -> None:
    """End with the parent, even when it is killed."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
