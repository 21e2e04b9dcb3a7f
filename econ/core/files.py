"""Writing results so that what looks finished is finished: temporary names, then one rename."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from econ.core.errors import InputError, WorkError


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: the text of which hashes are taken."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_hash(value: Any) -> str:
    """SHA-256 of the canonical JSON of a value, in hex."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it there if the body succeeds, else remove it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise WorkError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically, keys in the order given."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


@contextlib.contextmanager
def result_directory(out: Path, *, force: bool = False, resume: bool = True) -> Iterator[Path]:
    """A directory that appears under its own name when it is complete, and not before.

    Work happens in ``OUT.partial``, which survives an interruption so that the same command can
    resume; on success it is renamed to ``OUT``.

    Parameters
    ----------
    out : Path
        The final directory.
    force : bool
        Replace a finished result that already stands there.
    resume : bool
        Keep what an earlier, interrupted attempt left; else start empty.

    Yields
    ------
    Path
        The working directory.

    Raises
    ------
    InputError
        If `out` exists and `force` is off, or another process is writing it.
    WorkError
        If the directory cannot be written.
    """
    if out.exists() and not force:
        raise InputError("this result exists already; choose another --out, or give --force to replace it", file=out)
    partial = out.with_name(out.name + ".partial")
    try:
        if partial.exists() and not resume:
            shutil.rmtree(partial)
        partial.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkError(f"{partial}: cannot be created ({error.strerror or error})") from error
    with _lock(partial):
        yield partial
        (partial / ".lock").unlink(missing_ok=True)
        try:
            if out.exists():
                displaced = out.with_name(f"{out.name}.old.{os.getpid()}")
                out.rename(displaced)
                partial.rename(out)
                shutil.rmtree(displaced)
            else:
                partial.rename(out)
        except OSError as error:
            raise WorkError(f"{out}: cannot be written ({error.strerror or error})") from error


def discard_partial(out: Path) -> None:
    """Remove what an attempt at `out` left, where its input turned out to be impossible and nothing can be resumed."""
    shutil.rmtree(out.with_name(out.name + ".partial"), ignore_errors=True)


@contextlib.contextmanager
def _lock(directory: Path) -> Iterator[None]:
    """Hold an advisory lock, so that two processes never write one directory."""
    with (directory / ".lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError("another process is writing this result", file=directory) from None
        yield
