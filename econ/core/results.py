"""Directories of results: one writer at a time, in place only when complete, resumed after an interruption."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import re
import shutil
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

from econ.core.errors import InputError, WorkError
from econ.core.files import make_directory, writing
from econ.core.manifests import MANIFEST
from econ.core.unfinished import RECORD, Work, claim, refuse_others

log = logging.getLogger("econ")

LOCK = ".lock"
#: What `atomic_file` leaves when its process is killed.
TEMPORARY = re.compile(r"\..+\.[0-9]+\.tmp")


@contextlib.contextmanager
def result_directory(
    out: Path, *, force: bool = False, resume: bool = True, scratch: Sequence[str] = (),
    hopeless: tuple[type[Exception], ...] = (), work: Work | None = None,
) -> Iterator[Path]:  # fmt: skip
    """A directory that appears under its own name when it is complete, and not before.

    Work happens in ``OUT.partial``, which survives an interruption so that the same command can
    resume; on success it is renamed to ``OUT``.

    Parameters
    ----------
    out : Path
        The final directory.
    force : bool
        Replace a finished result that already stands there, and discard the unfinished work of another command.
    resume : bool
        Keep what an earlier, interrupted attempt left; else start empty.
    scratch : sequence of str
        Folders of finished work within. They are deleted when the result stands and not before, so that
        a kill at no moment loses what they hold.
    hopeless : tuple of exception types
        After these nothing can be resumed, and nothing is left.
    work : Work, optional
        What can go on after an interruption; none unless given.

    Yields
    ------
    Path
        The working directory.

    Raises
    ------
    InputError
        If `out` exists or other work has finished pieces in ``OUT.partial`` and `force` is off, `out` is no
        result of ours, or another process is writing it.
    WorkError
        If the directory cannot be written.
    """
    out = _usable(out)
    _refuse_existing(out, force, scratch)
    partial = out.with_name(out.name + ".partial")
    if partial.is_symlink():
        raise InputError("the working directory is a symbolic link; remove it", file=partial)
    make_directory(partial)
    with _lock(partial):
        # Another process may have finished the result since it was looked for.
        _refuse_existing(out, force, scratch)
        others = claim(partial, work, force=force)
        if others or not resume:
            _empty(partial, {LOCK} if work is None else {LOCK, RECORD})
        _tidy(partial)
        try:
            yield partial
        except hopeless:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        _tidy(partial)
        with writing(out):
            _put_in_place(partial, out)
            _remove_leftovers(out, scratch)


def refuse_existing(out: Path, *, force: bool = False, scratch: Sequence[str] = ()) -> None:
    """Refuse a directory that `result_directory` would refuse to a command that keeps no unfinished work: asked before work that takes long.

    Raises
    ------
    InputError
        If `out` exists or other work has finished pieces in ``OUT.partial`` and `force` is off, or `out` is no result of ours.
    WorkError
        If nothing can be written where it would lie.
    """
    real = _usable(out)
    _refuse_existing(real, force, scratch)
    if not force:
        refuse_others(real.with_name(f"{real.name}.partial"), None)
    above = next(path for path in real.absolute().parents if path.exists())
    if not os.access(above, os.W_OK | os.X_OK):
        raise WorkError(f"{above}: nothing can be written here; choose another --out")


def _usable(out: Path) -> Path:
    """The directory itself where `out` is a symbolic link; refused where it has no name of its own."""
    try:
        real = Path(os.path.realpath(out)) if out.is_symlink() else out
        if real.name in ("", ".."):
            raise InputError("a result needs a directory of its own name", file=out)
        if (real.exists() and not real.is_dir()) or len(os.fsencode(real.name)) > 240:
            raise InputError("this is not a directory" if real.exists() else "this name is too long", file=out)
    except (OSError, ValueError) as error:
        raise InputError(f"not a usable path ({error})", file=out) from None
    return real


def _refuse_existing(out: Path, force: bool, scratch: Sequence[str]) -> None:
    if not out.exists():
        return
    if force:
        if not (out / MANIFEST).is_file() and any(out.iterdir()):
            raise InputError(f"this directory holds no result (no {MANIFEST}), so --force does not replace it", file=out)
        return
    if (out / LOCK).exists():
        with contextlib.suppress(InputError, WorkError, OSError), _lock(out):
            _remove_leftovers(out, scratch)
    raise InputError("this result exists already; choose another --out, or give --force to replace it", file=out)


def _empty(partial: Path, kept: set[str]) -> None:
    """Remove all that an earlier attempt left, but for some names."""
    with writing(partial):
        for path in partial.iterdir():
            if path.name not in kept:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _tidy(partial: Path) -> None:
    """Remove what killed processes were writing."""
    with writing(partial):
        for folder, _, names in os.walk(partial):
            for name in names:
                if TEMPORARY.fullmatch(name):
                    (Path(folder) / name).unlink(missing_ok=True)


def _put_in_place(partial: Path, out: Path) -> None:
    if out.exists():
        out.rename(out.with_name(f"{out.name}.old.{os.getpid()}"))
    partial.rename(out)
    # Also what a process left that was killed between the two renames above.
    displaced = re.compile(re.escape(out.name) + r"\.old\.[0-9]+")
    for path in out.parent.iterdir():
        if displaced.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)


def _remove_leftovers(out: Path, scratch: Sequence[str]) -> None:
    for name in scratch:
        if (out / name).is_dir():
            shutil.rmtree(out / name)
    (out / RECORD).unlink(missing_ok=True)
    # Last: as long as it is there and held, nobody else touches the directory.
    (out / LOCK).unlink(missing_ok=True)


@contextlib.contextmanager
def _lock(directory: Path) -> Iterator[None]:
    """Hold an advisory lock, so that two processes never write one directory; it ends with the process.

    On Linux it holds across the clients of an NFS server too. A file system without locks is used without
    one, with a warning.
    """
    path = directory / LOCK
    with writing(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"another process is writing this result{_holder(path)}", file=directory) from None
        except OSError as error:
            log.warning("%s: this file system has no locks (%s); see that one process alone writes here", directory, error.strerror)
        if not _is_at(descriptor, path):
            raise InputError("another process has just finished or removed this result", file=directory)
        with contextlib.suppress(OSError):  # a full disk is told by what is written next
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        yield
    finally:
        os.close(descriptor)


def _holder(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")[:100].strip()
    except OSError:
        return ""
    return f" ({text})" if text.isprintable() and text else ""


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is still the one of this name: its directory may have been renamed meanwhile."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat(follow_symlinks=False))
    except OSError:
        return False
