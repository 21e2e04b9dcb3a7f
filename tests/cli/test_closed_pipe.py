"""A reader that leaves ends a command quietly; a place that takes nothing ends it in a sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

RUN = [sys.executable, "-c", "from econ.cli import main; main()"]


@pytest.mark.parametrize("words", ["", "--help", "run --help", "scenario list", "scenario show baseline", "outcomes", "outcomes --json", "shipped grids"])
def test_a_reader_that_left_ends_a_command_without_a_word(words):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*RUN, *words.split()], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_an_error_that_nobody_reads_keeps_its_code():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*RUN, "outcomes", "no_such_name"], stdout=writer, stderr=writer, timeout=120, check=False)
    os.close(writer)
    assert done.returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_device_is_said_once():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*RUN, "scenario", "list"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert done.returncode == 1 and done.stderr == "econ: No space left on device; what was finished is kept\n"
