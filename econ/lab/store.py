"""Checkpoints of finished tasks: arrays and facts in two files, trusted only if their hash is right."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np

from econ.core.files import atomic_file, file_hash, make_directory, write_json

log = logging.getLogger("econ")


class Store:
    """Finished tasks of one grid, by hash.

    The JSON file is written last and names the SHA-256 of the arrays and of its own content, so a
    checkpoint cut short or damaged is noticed and computed again.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make_directory(folder)

    def save(self, name: str, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        """Write a checkpoint atomically."""
        path = self.folder / f"{name}.npz"
        if arrays:
            with atomic_file(path) as temporary, temporary.open("wb") as stream:
                np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
        text = json.dumps(facts, sort_keys=True)
        digest = file_hash(path) if arrays else None
        write_json(self.folder / f"{name}.json", {"arrays_sha256": digest, "sha256": _text_hash(text), "facts": text})

    def has(self, name: str) -> bool:
        """Whether a sound checkpoint is there; a damaged one is removed with a warning."""
        path = self.folder / f"{name}.json"
        if not path.exists():
            return False
        if self._sound(name):
            return True
        log.warning("checkpoint %s is damaged and is computed again", name)
        path.unlink()
        return False

    def _sound(self, name: str) -> bool:
        try:
            whole = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
            arrays = whole["arrays_sha256"] is None or file_hash(self.folder / f"{name}.npz") == whole["arrays_sha256"]
            return bool(arrays and _text_hash(whole["facts"]) == whole["sha256"])
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def facts(self, name: str) -> dict[str, Any]:
        """Facts of a sound checkpoint."""
        whole = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
        facts: dict[str, Any] = json.loads(whole["facts"])
        return facts

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """Arrays of a sound checkpoint."""
        with np.load(self.folder / f"{name}.npz", allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}


def _text_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
