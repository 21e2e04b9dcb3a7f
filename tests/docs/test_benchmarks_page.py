"""The page of benchmarks is what the stored results give, and results name the speed of their machine."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from blocks import ROOT

from benchmarks import measure, page


def test_the_committed_page_is_what_the_committed_results_give():
    assert (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8") == page.page(), "run python -m benchmarks --page"


def test_the_page_alone_is_written_without_a_measurement(tmp_path):
    """In a copy without the benchmarks themselves, so that nothing could be measured; results stay as they were."""
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "docs").mkdir()
    for name in ("__main__.py", "page.py", "measure.py"):
        (tmp_path / "benchmarks" / name).write_bytes((ROOT / "benchmarks" / name).read_bytes())
    results = tmp_path / "benchmarks" / "results"
    results.mkdir()
    for name in page.HEADINGS:
        (results / f"{name}.json").write_bytes((ROOT / "benchmarks" / "results" / f"{name}.json").read_bytes())
    before = {path.name: path.read_bytes() for path in results.iterdir()}
    subprocess.run([sys.executable, "-m", "benchmarks", "--page"], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    assert (tmp_path / "docs" / "benchmarks.md").read_text(encoding="utf-8") == page.page()
    assert {path.name: path.read_bytes() for path in results.iterdir()} == before


def test_a_result_says_how_fast_its_machine_was_before_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    table = measure.Table("t", ["a"], [[1.0]])
    measure.report("mine", [table], ["a note"])
    stored = json.loads((tmp_path / "mine.json").read_text(encoding="utf-8"))
    found = stored["machine"]["yardstick_ns"]
    assert found == measure.yardstick() and 0.01 < found["numpy"] < found["python"] < 10_000
    said = page.origin(stored)
    assert f"yardstick before it {found['python']:.3g} ns in Python" in said
    # Results older than the yardstick are told as before.
    del stored["machine"]["yardstick_ns"]
    assert "yardstick" not in page.origin(stored) and page.origin(stored).startswith(f"Measured {stored['date']} on cpu (")
    assert "a note" in capsys.readouterr().out


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.stem)
def test_every_benchmark_takes_the_yardstick_before_it_begins(path):
    text = path.read_text(encoding="utf-8")
    if "\n    report(" in text and path.stem != "measure":
        main = text.partition("\ndef main()")[2]
        assert "    yardstick()\n" in main.partition("    report(")[0]
