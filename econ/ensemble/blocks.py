"""Finished blocks on disk: written once, verified when read, found again after an interruption."""

from __future__ import annotations

import hashlib
import io
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from econ.core.errors import WorkError
from econ.core.files import atomic_file, make_directory, write_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from econ.ensemble.design import Block, Design

log = logging.getLogger("econ")

FOLDER = "blocks"
#: Characters of the content's SHA-256 that a block's file name carries.
DIGEST_CHARACTERS = 32


@dataclass(frozen=True)
class BlockData:
    """Results of the replicates of one block that ended well, and the reasons of those that did not.

    Attributes
    ----------
    quarters : ndarray of int, shape [T]
    replicates : ndarray of int, shape [S]
    outcomes, ledger : mapping of str to ndarray of float64, shape [S, T]
        Outcome columns, and flows in USD.
    facts : mapping of str to ndarray, shape [S]
        One value per replicate.
    failed : mapping of int to str
        Replicate and why it was dropped.
    """

    quarters: NDArray[np.int64]
    replicates: NDArray[np.int64]
    outcomes: Mapping[str, NDArray[np.float64]]
    ledger: Mapping[str, NDArray[np.float64]]
    facts: Mapping[str, NDArray[Any]]
    failed: Mapping[int, str]


class BlockStore:
    """The blocks of one design under one directory.

    A block's file name carries a digest of its content, so that a torn or altered file is never
    taken for a finished one. Blocks of another design (or of other code) are removed at the start.
    """

    def __init__(self, directory: Path, design: Design) -> None:
        self.directory = directory / FOLDER
        self.design = design
        marker = self.directory / "design.sha256"
        if self.directory.exists() and (not marker.is_file() or marker.read_bytes() != design.block_hash.encode()):
            lost = len(list(self.directory.glob("*.npz")))
            if lost:
                log.warning("%s: %d finished blocks of other settings or another version of the code are thrown away", self.directory, lost)
            shutil.rmtree(self.directory)
        make_directory(self.directory)
        write_text(marker, design.block_hash)

    def missing(self) -> list[Block]:
        """Blocks that are still to be computed; damaged files are deleted on the way."""
        return [block for block in self.design.blocks() if self._verified(block) is None]

    def read(self, block: Block) -> BlockData:
        """A finished block.

        Raises
        ------
        WorkError
            If it is not there or its content does not fit its digest.
        """
        content = self._verified(block)
        if content is None:
            raise WorkError(
                f"{self.directory}: block {_stem(block)} is missing or damaged; run the same command again"
            )
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            failed = zip(arrays["failed_replicates"].tolist(), arrays["failed_reasons"].tolist(), strict=True)
            return BlockData(
                quarters=arrays["quarters"],
                replicates=arrays["replicates"],
                outcomes=_group(arrays, "outcome"),
                ledger=_group(arrays, "flow"),
                facts=_group(arrays, "fact"),
                failed=dict(failed),
            )

    def _verified(self, block: Block) -> bytes | None:
        for path in sorted(self.directory.glob(f"{_stem(block)}.*.npz")):
            content = path.read_bytes()
            if path.name == _file_name(block, content):
                return content
            log.warning("%s is damaged and is computed again", path)
            path.unlink()
        return None


def write_block(directory: Path, block: Block, data: BlockData) -> None:
    """Write a finished block atomically into a store's folder."""
    arrays: dict[str, NDArray[Any]] = {
        "quarters": data.quarters,
        "replicates": data.replicates,
        "failed_replicates": np.array(list(data.failed), dtype=np.int64),
        "failed_reasons": np.array(list(data.failed.values()), dtype=np.str_),
        **{f"outcome/{name}": values for name, values in data.outcomes.items()},
        **{f"flow/{name}": values for name, values in data.ledger.items()},
        **{f"fact/{name}": values for name, values in data.facts.items()},
    }
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    content = buffer.getvalue()
    with atomic_file(directory / _file_name(block, content)) as temporary:
        temporary.write_bytes(content)


def _stem(block: Block) -> str:
    return f"s{block.scenario:03d}-b{block.index:07d}"


def _file_name(block: Block, content: bytes) -> str:
    return f"{_stem(block)}.{hashlib.sha256(content).hexdigest()[:DIGEST_CHARACTERS]}.npz"


def _group(arrays: Any, prefix: str) -> dict[str, NDArray[Any]]:
    return {
        name.removeprefix(prefix + "/"): arrays[name]
        for name in arrays.files
        if name.startswith(prefix + "/")
    }
