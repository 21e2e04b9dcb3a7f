"""Machine code of one compiled function on disk, for any number of processes at a time.

numba numbers its files and lists them in an index, which it reads, changes and writes without a lock, index first:
processes that compile two signatures of one function together can leave an index that gives one the code of the
other, and a kill between the two files one that gives the code of an earlier source. Such code runs, and returns
nonsense. Here a file is named by all that decides its content, holds its own hash, and appears whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import pickle
import uuid
from pathlib import Path
from typing import Any


class KernelFiles:
    """What `numba.core.caching.Cache` asks of its files.

    Parameters
    ----------
    folder : str
    name : str
        Of the function: its file, line and version of Python.
    stamp : object
        Of its source.
    """

    def __init__(self, folder: str, name: str, stamp: Any) -> None:
        self._folder, self._name, self._stamp = Path(folder), name, stamp

    def load(self, key: Any) -> Any:
        """Code of a signature; None if there is none, or not as it was written."""
        try:
            content = self._place(key).read_bytes()
        except OSError:
            return None
        digest, body = content[:32], content[32:]
        # Beside the package's own files, and trusted as they are: no data is read so.
        return pickle.loads(body) if hashlib.sha256(body).digest() == digest else None

    def save(self, key: Any, data: Any) -> None:
        """Keep code; a disk that is full or was made read-only costs the next process its time, no more."""
        from numba.core.serialize import dumps

        body = dumps(data)  # type: ignore[no-untyped-call]
        place = self._place(key)
        temporary = place.with_name(f".{place.name}.{uuid.uuid4().hex[:16]}.tmp")
        try:
            temporary.write_bytes(hashlib.sha256(body).digest() + body)
            temporary.replace(place)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def flush(self) -> None:
        """Delete the code of all signatures."""
        for path in self._folder.glob(f"{self._name}.*.nbc"):
            with contextlib.suppress(OSError):
                path.unlink()

    def _place(self, key: Any) -> Path:
        import numba

        signature, processor, function = key
        # Types as text: readonly, layout and alignment are part of it.
        said = repr((numba.__version__, self._stamp, str(signature), processor, function))
        return self._folder / f"{self._name}.{hashlib.sha256(said.encode()).hexdigest()[:24]}.nbc"
