"""Finished points on disk: a Parquet dataset partitioned by point, each file named by its own digest.

`outcomes/point=N/CONFIG.CONTENT.parquet`, where CONFIG and CONTENT begin the SHA-256 of all that decides
the point and of the file itself. So a torn or altered file is never taken for a finished one, and
DuckDB, pandas and polars read the folder as one table with a column `point`.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from econ.core.errors import InputError
from econ.core.files import atomic_file, file_hash, make_directory
from econ.core.manifests import MEND

if TYPE_CHECKING:
    from econ.ensemble.sweeps.point import PointFile, PointTask

log = logging.getLogger("econ")

FOLDER = "outcomes"
#: Pattern of the finished points.
PIECES = f"{FOLDER}/point=*/*.parquet"
_POINT = re.compile(r"point=(0|[1-9][0-9]{0,8})")
#: The last bytes of every Parquet file.
PARQUET_END = b"PAR1"
#: Characters of each SHA-256 that a file name carries.
DIGEST = 24
#: Points that are on their way to the disk at a time: a busy disk answers several together as fast as one.
WRITERS = 4


class PointStore:
    """The points of a sweep under one directory."""

    def __init__(self, directory: Path) -> None:
        self.folder = directory / FOLDER

    def save(self, point: PointFile) -> PointFile:
        """Write a point atomically, and return it."""
        place = self._place(point.task.index)
        make_directory(place)
        name = f"{point.task.config_hash[:DIGEST]}.{_digest(point.content)}.parquet"
        with atomic_file(place / name) as temporary:
            temporary.write_bytes(point.content)
        return point

    def save_all(self, points: Iterable[PointFile]) -> Iterator[PointFile]:
        """Write points as they come and yield those that are safe on the disk.

        The disk's answer is waited for while the next points are computed; whatever ends the iteration, a
        point that came is written.
        """
        under_way: deque[Future[PointFile]] = deque()
        with ThreadPoolExecutor(WRITERS) as writers:
            for point in points:
                if len(under_way) == WRITERS:
                    yield under_way.popleft().result()
                under_way.append(writers.submit(self.save, point))
            while under_way:
                yield under_way.popleft().result()

    def find(self, task: PointTask) -> bytes | None:
        """Content of a finished point; files that are damaged or of another configuration are deleted."""
        found, place = None, self._place(task.index)
        if place.is_symlink():
            # Never made here; behind it may lie anything.
            place.unlink()
        for path in sorted(place.glob("*.parquet")):
            config, _, rest = path.name.partition(".")
            content = path.read_bytes()
            sound = rest == f"{_digest(content)}.parquet"
            if found is None and sound and config == task.config_hash[:DIGEST]:
                found = content
            else:
                if not sound:
                    log.warning("%s is damaged and is computed again", path)
                path.unlink()
        return found

    def points(self) -> list[int]:
        """Indices of the points that have a folder."""
        names = (_POINT.fullmatch(path.name) for path in self.folder.glob("point=*"))
        return sorted(int(name[1]) for name in names if name)

    def remove(self, index: int) -> None:
        """Delete a point that is not of this sweep."""
        place = self._place(index)
        place.unlink() if place.is_symlink() else shutil.rmtree(place)

    def _place(self, index: int) -> Path:
        return self.folder / f"point={index}"


def sound_point(directory: Path, point: int) -> Path:
    """The one file of a point of a finished sweep, unchanged since.

    Raises
    ------
    InputError
        If it is missing, doubled or was changed.
    """
    found = _only_file(directory, point)
    refuse_changed(found)
    return found


def check_points(directory: Path, points: Iterable[int]) -> None:
    """Refuse a finished sweep of which a point's file is missing, doubled or cut off.

    The ends of the files alone are read, since a large sweep is shown in a moment; who uses a point asks for
    a `sound_point`.

    Raises
    ------
    InputError
    """
    for point in points:
        path = _only_file(directory, point)
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(size - len(PARQUET_END), 0))
            if stream.read() != PARQUET_END:
                raise InputError(f"this file was cut off or changed after the sweep; {MEND}", file=path)


def _only_file(directory: Path, point: int) -> Path:
    place = directory / FOLDER / f"point={point}"
    found = list(place.glob("*.parquet"))
    if len(found) != 1:
        raise InputError(f"{len(found) or 'no'} files where a point has one; {MEND}", file=place)
    return found[0]


def refuse_changed(path: Path) -> None:
    """Refuse a point's file that does not fit the digest in its name.

    Raises
    ------
    InputError
    """
    if not path.name.endswith(f"{file_hash(path)[:DIGEST]}.parquet"):
        raise InputError(f"this file was changed after the sweep; {MEND}", file=path)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGEST]
