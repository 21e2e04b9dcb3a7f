"""The page on one's own laboratory data quotes what its three commands print."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from blocks import ROOT, blocks, commands

PAGE = "docs/howto_own_data.md"


def _words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.slow
@pytest.mark.timeout(600)  # half a minute of CPU
def test_its_numbers_are_those_of_its_commands(tmp_path):
    (tmp_path / "calibration").symlink_to(ROOT / "calibration")
    first = next(block for block in blocks(PAGE) if block.language == "bash")
    said = set()
    for line in commands(first.text):
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(["bash", "-c", line], cwd=tmp_path, env={**os.environ, "PATH": path, "MPLBACKEND": "agg"}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        said |= {_words(part) for part in done.stdout.splitlines()}
    quoted = [_words(part) for block in blocks(PAGE) if block.language == "text" for part in block.text.splitlines() if not part.lstrip().startswith(("econ:", "data.csv"))]
    missing = [line for line in quoted if not any(known.startswith(line.removesuffix(" ...")) for known in said)]
    assert len(quoted) > 15 and missing == []
