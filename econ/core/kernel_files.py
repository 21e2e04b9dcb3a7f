"""Machine code of one compiled function on disk, for any number of processes at a time.

numba numbers its files and lists them in an index, which it reads, changes and writes without a lock, index first:
processes that compile two signatures of one function together can leave an index that gives one the code of the
other, and a kill between the two files one that gives the code of an earlier source. Such code runs, and returns
nonsense. Here a file is named by all that decides its content, holds its own hash, and appears whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Any

from numba.core.caching import IndexDataCacheFile

#: Bytes of the hash that ends a file.
DIGEST = 32


class KernelFiles(IndexDataCacheFile):
    """What numba's cache of a function asks of its files, without an index.

    Parameters
    ----------
    cache_path : str
    filename_base : str
        Of the function: its file, line and version of Python.
    source_stamp : object
        Of its source.
    """

    def load(self, key: Any) -> Any:
        """Code of a signature; None if there is none, or not as it was written."""
        name = self._name_of(key)
        try:
            content = Path(self._data_path(name)).read_bytes()  # type: ignore[no-untyped-call]
        except OSError:
            return None
        sound = hashlib.sha256(content[:-DIGEST]).digest() == content[-DIGEST:]
        return self._load_data(name) if sound else None  # type: ignore[no-untyped-call]

    def save(self, key: Any, data: Any) -> None:
        """Keep code; a disk that is full or was made read-only costs the next process its time, no more."""
        body = self._dump(data)  # type: ignore[no-untyped-call]
        with contextlib.suppress(OSError), self._open_for_write(self._data_path(self._name_of(key))) as stream:  # type: ignore[no-untyped-call]
            stream.write(body + hashlib.sha256(body).digest())

    def flush(self) -> None:
        """Delete the code of all signatures."""
        for path in Path(self._cache_path).glob(f"{self._base}.*.nbc"):
            with contextlib.suppress(OSError):
                path.unlink()

    @property
    def _base(self) -> str:
        return str(self._index_name).removesuffix(".nbi")

    def _name_of(self, key: Any) -> str:
        signature, processor, function = key
        # Types as text: readonly, layout and alignment are part of it.
        said = repr((self._version, self._source_stamp, str(signature), processor, function))
        return f"{self._base}.{hashlib.sha256(said.encode()).hexdigest()[:24]}.nbc"
