"""Where a number comes from: versions, commit, device and time, for every manifest."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import platform
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import econ

PACKAGES = ("numpy", "scipy", "pandas", "numba", "mesa", "pydantic", "matplotlib", "torch", "pyarrow")


def versions() -> dict[str, str | None]:
    """Versions of Python, of this package and of the libraries that can change a result."""
    found: dict[str, str | None] = {"python": platform.python_version(), "econ": econ.__version__}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def git_commit() -> str | None:
    """Commit of the checkout that the package runs from, with ``-dirty`` if it is changed; None outside one."""
    root = Path(econ.__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    try:
        commit = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("-dirty" if changed else "")


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


@cache
def source_hash(*packages: str) -> str:
    """SHA-256 of the source of some packages of econ, those within included: changes with any of their files."""
    digest = hashlib.sha256()
    root = Path(econ.__file__).resolve().parent
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def now() -> str:
    """The time in UTC, to the second, in ISO 8601."""
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0).isoformat()


def command_line() -> str:
    """The command as typed, quoted for a shell; of absolute paths the last part alone, so that no path of a machine is recorded.

    What decides a result is stored beside it, by content; relative paths stay, since the same command in the same
    checkout then does the same again.
    """
    return shlex.join([Path(sys.argv[0]).name, *map(_portable, sys.argv[1:])])


def _portable(word: str) -> str:
    """A word of a command line with the last part of an absolute path, alone or behind ``--option=``."""
    option, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
    return option + equals + (Path(value).name or value if Path(value).is_absolute() else value)


def provenance(device: str = "cpu") -> dict[str, Any]:
    """The part of a manifest that every command shares."""
    return {
        "schema_version": 1,
        "econ_version": econ.__version__,
        "command": command_line(),
        "versions": versions(),
        "git_commit": git_commit(),
        "platform": f"{platform.system()} {platform.machine()}",
        "device": device,
    }
