"""Every block of the README, the tutorial, the how-to and the concept pages is run, or is listed here with the reason why not."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from blocks import ROOT, Block, blocks, commands, inline_commands

from econ.scenario import load_scenario, shipped_scenarios

README = "README.md"
GUIDES = sorted(str(p.relative_to(ROOT)) for p in [*(ROOT / "docs").glob("howto_*.md"), *(ROOT / "docs/concepts").glob("*.md")])
PAGES = [README, "docs/tutorial.md", "docs/index.md", "docs/files.md", "docs/model_card.md", "docs/story_commons.md", "docs/results.md", *GUIDES]
EVERY_PAGE = [README, *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))]

#: Languages whose blocks do something; a block of another of these shows something.
RUN = ("bash", "python", "yaml")
SHOWN = ("text", "csv", "sql", "docker")
#: A block of the site that is not run says so in its title, followed by the reason.
MARK = "Not run by the tests: "
#: Blocks that are not run and have no title to say so: (page, first line) and the reason.
NOT_RUN = {
    (README, "make run     # sets up .venv, then runs the baseline: 64 replicates, 40 quarters, figures in runs/baseline"): "sets up an environment; CI runs `make test`, the other line",
    (README, "python3 -m venv .venv && .venv/bin/pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"): "installs",
    ("docs/results.md", "econ lab fit calibration/lab/surface/measurements.parquet --critic calibration/lab/full/measurements.parquet \\"): "takes minutes; docs/howto_own_data.md runs the same command on a smaller table",
}  # fmt: skip
#: Reductions, so that a page takes seconds: (page, text, what stands in its place).
REDUCED = [
    (README, "econ run baseline public_commons --out", "econ run baseline public_commons --replicates 2 --quarters 4 --out"),
    (README, "econ run strict_liability", "econ run strict_liability --replicates 2 --quarters 4"),
    (README, "--decompose --replicates 16", "--decompose --replicates 2 --quarters 1 --set population.labelers=100"),
    (README, "econ sweep transfer_and_commons", "econ sweep transfer_and_commons --shard 1/64"),
    (README, "econ calibrate default", "econ calibrate reduced.yaml"),
    (README, "econ report runs/commons", "econ report runs/commons --format html"),
    (README, "replicates=64", "replicates=2"),
    (README, 'econ.load_scenario("baseline")', 'econ.load_scenario("baseline").with_settings("quarters=4")'),
    ("docs/story_commons.md", "--set levers.transfer=0.5 --out", "--set levers.transfer=0.5 --replicates 2 --quarters 4 --out"),
    ("docs/howto_calibration.md", "replicates: 8 ", "replicates: 2 "),
    ("docs/howto_calibration.md", "points: 64 ", "points: 20 "),
    ("docs/howto_calibration.md", "refinement: 32", "refinement: 2"),
    ("docs/howto_calibration.md", "truths: 16 ", "truths: 2 "),
    ("docs/howto_calibration.md", "check_replicates: 64", "check_replicates: 2"),
    ("docs/howto_own_data.md", "--replicates 8 --quarters 8", "--replicates 2 --quarters 4"),
    ("docs/howto_sweeps.md", "points: 64 ", "points: 4 "),
    ("docs/howto_sweeps.md", "replicates: 16", "replicates: 1"),
    ("docs/howto_sweeps.md", "--array=1-20", "--array=1-2"),
    ("docs/howto_sweeps.md", "/20\"", "/2\""),
    ("docs/howto_sweeps.md", "quarter >= 32", "quarter >= 2"),
]  # fmt: skip
#: YAML blocks that show a file of the repository.
QUOTED = {("docs/howto_own_data.md", "schema_version: 1"): "calibration/examples/fictitious_laboratory.mapping.yaml"}


def _is_run(block: Block) -> bool:
    listed = (block.page, block.first) in NOT_RUN or (block.page, block.first) in QUOTED
    return block.language in RUN and not block.title.startswith(MARK) and not listed


ALL = [block for page in PAGES for block in blocks(page)]
RUNNING = sorted({block.page for block in ALL if _is_run(block)})


# ------------------------------------------------------------------ what is on the pages


def test_every_block_has_a_language_that_says_what_it_is():
    odd = [(b.page, b.line) for b in ALL if b.language not in (*RUN, *SHOWN)]
    assert odd == []


def test_every_block_that_is_run_can_be():
    without_name = [(b.page, b.line) for b in ALL if b.language == "yaml" and _is_run(b) and not re.fullmatch(r"[\w.]+\.yaml", b.title)]
    assert without_name == [], "a YAML block needs title=\"FILE.yaml\", under which it is saved"


@pytest.mark.parametrize("listed", [NOT_RUN, QUOTED], ids=["not run", "quoted"])
def test_lists_name_blocks_that_exist(listed):
    assert [key for key in listed if key not in {(b.page, b.first) for b in ALL}] == []


def test_reductions_are_of_texts_that_exist():
    text = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}
    assert [row for row in REDUCED if row[1] not in text[row[0]]] == []


def test_reasons_are_given():
    assert all(NOT_RUN.values())
    assert [(b.page, b.line) for b in ALL if b.title.startswith(MARK) and len(b.title) < len(MARK) + 5] == []


@pytest.mark.parametrize("key", QUOTED, ids=str)
def test_quoted_files_are_as_they_are(key):
    shown = next(b for b in ALL if (b.page, b.first) == key and not b.title)
    assert yaml.safe_load(shown.text) == yaml.safe_load((ROOT / QUOTED[key]).read_text(encoding="utf-8"))


def test_python_that_is_not_run_is_python_at_least():
    for block in ALL:
        if block.language == "python":
            ast.parse(block.text, filename=f"{block.page}:{block.line}")


# ------------------------------------------------------------------ commands are commands


def _found(line: str) -> tuple[Any, list[str]]:
    """The command that a line names, and the words that follow."""
    import typer

    from econ.cli import app

    command, words = typer.main.get_command(app), shlex.split(line)[1:]
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        command, words = command.commands[words[0]], words[1:]
    return command, words


LINES = sorted({(b.page, line) for b in ALL if b.language == "bash" for line in commands(b.text)})
@pytest.mark.parametrize("page, line", LINES, ids=[line for _, line in LINES])
def test_commands_of_blocks_parse(page, line):
    """typer parses the line, without running it: no unknown option, nothing missing."""
    command, words = _found(line)
    command.make_context("econ", words)


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_commands_in_code_font_exist(page):
    for line in inline_commands(page):
        command, words = _found(line.split("|")[0])
        options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help", "-h"}
        unknown = [word for word in words if word.startswith("--") and word not in options]
        assert not unknown, f"{page}: `{line}`"


def test_settings_and_scenarios_of_commands_exist():
    made = {b.title for b in ALL if b.title.endswith(".yaml")}
    baseline = load_scenario("baseline")
    for page, line in LINES:
        words = line.split()
        settings = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
        baseline.with_settings(*[s for s in settings if not s.startswith("surfaces=")])
        if words[1] == "run":
            named = []
            for word in words[2:]:
                if word.startswith("-"):
                    break
                named.append(word)
            unknown = [name for name in named if name not in made and name not in shipped_scenarios() and not (ROOT / name).is_file()]
            assert not unknown, f"{page}: {line}"


# ------------------------------------------------------------------ and they work


def _reduced(block: Block) -> str:
    text = block.text
    for page, old, new in REDUCED:
        if page == block.page:
            text = text.replace(old, new)
    return text


def _reduced_calibration() -> str:
    """The shipped calibration with one of its parameters, as few points as may be, and the facts that it always has."""
    raw = yaml.safe_load((ROOT / "calibration" / "market" / "default.yaml").read_text(encoding="utf-8"))
    first = next(iter(raw["parameters"].items()))
    fewer = {"parameters": dict([first]), "points": 10, "refinement": 0, "truths": 2, "replicates": 2, "check_replicates": 2}
    return yaml.safe_dump(raw | fewer, sort_keys=False)


def _tasks(script: str) -> list[dict[str, str]]:
    """The environments in which a script runs: one, or one for each task of a job array."""
    found = re.search(r"^#SBATCH --array=1-(\d+)$", script, re.MULTILINE)
    return [{"SLURM_ARRAY_TASK_ID": str(k)} for k in range(1, int(found[1]) + 1)] if found else [{}]


def _run(block: Block, folder: Path) -> None:
    text = _reduced(block)
    if block.language == "yaml":
        (folder / block.title).write_text(text, encoding="utf-8")
        return
    program = ["bash", "-euo", "pipefail", "-c", text] if block.language == "bash" else [sys.executable, "-c", text]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for task in _tasks(text):
        done = subprocess.run(program, cwd=folder, env={**os.environ, "PATH": path, "MPLBACKEND": "agg", **task}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{block.page}:{block.line}: exit code {done.returncode}\n{text}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", RUNNING)
def test_page_runs(page, tmp_path):
    """The blocks of a page work in order, in a folder that holds what a checkout holds."""
    for name in ("calibration", "scenarios"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "reduced.yaml").write_text(_reduced_calibration(), encoding="utf-8")
    for block in blocks(page):
        if _is_run(block):
            _run(block, tmp_path)
