"""Training saved on the way, so that an interruption costs a minute and changes no number."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.files import atomic_file

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("econ")

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
            digest, _, content = self.path.read_bytes().partition(b"\n")
        except OSError:
            return None
        # Nothing is parsed that was not written here: a damaged archive can ask for any amount of memory.
        if digest != _digest(content):
            log.warning("%s is damaged; this training begins anew", self.path)
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
        self.notes = json.loads(str(arrays.pop("notes")))
        return arrays

    def save(self, make: Callable[[], dict[str, np.ndarray]]) -> None:
        """Save the state that `make` gives, if the last saving is an interval ago."""
        if time.monotonic() - self._last < self.interval:
            return
        arrays = make() | {"notes": np.array(json.dumps(self.notes))}
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        content = buffer.getvalue()
        with atomic_file(self.path) as temporary:
            temporary.write_bytes(_digest(content) + b"\n" + content)
        self._last = time.monotonic()


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()

