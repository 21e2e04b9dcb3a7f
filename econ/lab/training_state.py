"""Training saved on the way, so that an interruption costs a minute and changes no number."""

from __future__ import annotations

import hashlib
import io
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from econ.core.files import atomic_file, content_hash

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds between two savings of one batch of runs.
INTERVAL = 60.0


@dataclass
class Saver:
    """The file in which one batch of runs keeps its state while it trains.

    Parameters
    ----------
    path : Path
        Where; whoever finishes the batch removes it.
    interval : float
        Seconds between savings.
    notes : list
        JSON kept beside the state: what was measured on the way.
    """

    path: Path
    interval: float = INTERVAL
    notes: list[Any] = field(default_factory=list)
    _last: float = field(default_factory=time.monotonic)

    def load(self) -> dict[str, np.ndarray] | None:
        """The state last saved; None if there is none or it is damaged."""
        try:
            with np.load(self.path, allow_pickle=False) as stored:
                arrays = {key: stored[key] for key in stored.files}
        except (OSError, ValueError, EOFError, KeyError, BadZipFile):
            return None
        digest = arrays.pop("digest", None)
        if digest is None or str(digest) != _digest(arrays):
            return None
        self.notes = json.loads(str(arrays.pop("notes")))
        return arrays

    def save(self, make: Callable[[], dict[str, np.ndarray]]) -> None:
        """Save the state that `make` gives, if the last saving is an interval ago."""
        if time.monotonic() - self._last < self.interval:
            return
        arrays = make() | {"notes": np.array(json.dumps(self.notes))}
        buffer = io.BytesIO()
        stored: dict[str, Any] = arrays | {"digest": np.array(_digest(arrays))}
        np.savez(buffer, **stored)
        with atomic_file(self.path) as temporary:
            temporary.write_bytes(buffer.getvalue())
        self._last = time.monotonic()


def _digest(arrays: dict[str, np.ndarray]) -> str:
    return content_hash({key: hashlib.sha256(x.tobytes()).hexdigest() for key, x in arrays.items()})

