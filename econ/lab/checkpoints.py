"""Where the finished tasks of an interrupted grid lie, so that no resume mixes two versions of the code.

A task's file is named by its configuration (`programs.Task`), its folder by the device and the source.
Finished results outlive changes of the source: whether `--reuse` may take a run says its identity, which
holds `RESULTS_VERSION` and not the source, since most changes of code change no number.
"""

from __future__ import annotations

import logging
from pathlib import Path

from econ.core.provenance import source_hash

log = logging.getLogger("econ")

#: Folder of finished tasks, kept until the result stands.
CHECKPOINTS = "checkpoints"
#: Packages whose code decides the numbers of a run.
NUMBER_PACKAGES = ("core", "lab")


def code_hash() -> str:
    """SHA-256 of the source that decides the laboratory's numbers."""
    return source_hash(*NUMBER_PACKAGES)


def checkpoint_folder(partial: Path, device: str) -> Path:
    """Finished tasks of this code on a device, within the working directory of a result."""
    return partial / CHECKPOINTS / f"{device}-{code_hash()[:12]}"


def tell_of_other_code(folder: Path, device: str) -> None:
    """Warn of finished tasks that another version of the code left: they stay, but are not used."""
    others = [path for path in folder.parent.glob(f"{device}-*") if path != folder]
    lost = sum(len(list(path.glob("*.json"))) for path in others)
    if lost and not folder.exists():
        log.warning("%s: %d finished tasks of another version of the code are not used", folder.parent, lost)
