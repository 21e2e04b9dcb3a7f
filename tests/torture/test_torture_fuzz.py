"""Thousands of broken input files: each loads, or is refused in one sentence; never a traceback."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from editions import SEED, editions
from fuzzing import broken_table, broken_yaml

from econ.core.errors import InputError, InputErrors
from econ.core.shipped import shipped_path

SECTION = "Fuzzed input files"


def scenario(path: Path) -> None:
    from econ.scenario import Scenario, load_scenario

    loaded = load_scenario(path)
    # What loads must be whole: it can be written down, and read again as the same.
    assert Scenario.model_validate(loaded.resolved()) == loaded


def sweep(path: Path) -> None:
    from econ.ensemble.sweeps.points import scenarios_of, settings_of
    from econ.ensemble.sweeps.spec import load_sweep
    from econ.scenario import load_scenario

    loaded = load_sweep(path)
    base = load_scenario(loaded.scenario)
    if len(settings_of(loaded)) < 200:
        scenarios_of(loaded, base)


def mapping(path: Path) -> None:
    from econ.lab.importing.mapping import load_mapping

    load_mapping(path)


def prices(path: Path) -> None:
    from econ.cost.prices import load_prices

    load_prices(path).resolved()


def grid(path: Path) -> None:
    from econ.lab.grid import load_grid

    load_grid(path)


def table(path: Path) -> None:
    from econ.lab.importing.convert import validate
    from econ.lab.importing.mapping import load_mapping

    validate(path, load_mapping(shipped_path("calibration", "examples", "fictitious_laboratory.mapping.yaml")), keep_extra=True, descriptive=True)


#: Loader, shipped files to begin with, and how the command line is asked about such a file.
KINDS: dict[str, tuple[Callable[[Path], None], tuple[str, ...], list[str]]] = {
    "scenario": (scenario, ("scenarios/*.yaml",), ["scenario", "check"]),
    "sweep": (sweep, ("scenarios/sweeps/*.yaml",), ["sweep"]),
    "mapping": (mapping, ("calibration/examples/*.mapping.yaml",), ["lab", "import", str(shipped_path("calibration", "examples", "fictitious_laboratory.csv")), "--mapping"]),
    "price book": (prices, ("calibration/prices/*.yaml",), ["cost", "--prices"]),
    "grid": (grid, ("calibration/lab/*.yaml",), ["lab", "run"]),
    "laboratory table": (table, ("calibration/examples/*.csv",), ["lab", "import", "--mapping", str(shipped_path("calibration", "examples", "fictitious_laboratory.mapping.yaml"))]),
}  # fmt: skip


def originals(patterns: tuple[str, ...]) -> list[str]:
    root = shipped_path("scenarios").parent
    texts = [path.read_text(encoding="utf-8") for pattern in patterns for path in sorted(root.glob(pattern))]
    # The broken copy lies in another folder.
    return [re.sub(r"(?m)^extends: (\w+)\.yaml$", r"extends: \1", text) for text in texts]


def broken_files(kind: str, count: int):
    """Contents of files that may be broken, drawn with the seed."""
    texts, rng = originals(KINDS[kind][1]), random.Random(f"{SEED} {kind}")
    if kind == "laboratory table":
        return (broken_table(rng.choice(texts), rng) for _ in range(count))
    documents = [yaml.safe_load(text) for text in texts]
    return (broken_yaml(documents, texts, rng) for _ in range(count))


@pytest.mark.parametrize("kind", KINDS)
@editions(60, 2500)
def test_any_file_loads_or_is_refused_in_one_sentence(tmp_path, zygote, counted, kind, edition):
    load, _, argv = KINDS[kind]
    path = tmp_path / f"trial.{'csv' if kind == 'laboratory table' else 'yaml'}"
    outcomes: Counter[str] = Counter()
    faults: list[str] = []
    through = max(edition // 50, 2)
    for content in broken_files(kind, edition):
        path.write_bytes(content)
        try:
            load(path)
            outcomes["loaded"] += 1
            continue
        except InputError as error:
            outcomes["refused"] += 1
            # Several faults of one file are a sentence each, told line by line.
            sentences = str(error).splitlines() if isinstance(error, InputErrors) else [str(error)]
            if any(not line.isprintable() for line in sentences):
                faults.append(f"not printable: {error!s:.300}")
        except BaseException as error:
            outcomes["traceback"] += 1
            faults.append(f"{type(error).__name__}: {error!s:.200} from {content[:300]!r}")
            continue
        if outcomes["refused"] <= through:
            status, said = zygote.run([*argv, str(path), "--quiet"][: None if argv[0] != "scenario" else -1]), zygote.said()
            fine = status == 2 and said.startswith("econ: ") and "Traceback" not in said
            outcomes["refused by the command line too"] += fine
            if not fine:
                faults.append(f"command line, exit {status}: {said[-300:]} for {content[:200]!r}")
    counted(SECTION, f"{kind} files", files=edition, **{name.replace(" ", "_"): n for name, n in sorted(outcomes.items())},
            tracebacks=outcomes.pop("traceback", 0), other_faults=len(faults))  # fmt: skip
    assert not faults, "\n".join(faults[:8])
    assert outcomes["loaded"] and outcomes["refused"]
