"""The analyst's page says of today's labels what its command prints."""

from __future__ import annotations

import re

from blocks import ROOT, blocks, commands
from typer.testing import CliRunner

PAGE = "docs/howto_analyst.md"


def _printed(line: str) -> str:
    from econ.cli import app

    done = CliRunner().invoke(app, line.split()[1:])
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_what_it_says_of_todays_labels_is_what_is_printed():
    line = next(line for block in blocks(PAGE) if block.language == "bash" for line in commands(block.text) if line.startswith("econ cost --target-harm"))
    said = _printed(line)
    harm = re.search(r"out of distribution: harm (\S+) \[(\S+), (\S+)\]", said)
    held = re.search(r"The labels held already attain this target in (\d+) % of draws", said)
    attained = re.search(r"those of the (\d+) % of draws that attain it", said)
    assert harm and held and attained, said
    middle, low, high = (f"{float(part):.2f}" for part in harm.groups())
    page = " ".join((ROOT / PAGE).read_text(encoding="utf-8").split())
    assert f"leave {middle} of it in the median draw ({low} to {high} in 90 % of draws)" in page
    assert f"At {line.split()[-1]} there is nothing to buy in {held[1]} % of draws, and in {100 - int(attained[1])} % it is not attainable" in page
