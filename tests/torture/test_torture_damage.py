"""Flipped bits and cut ends in every file that is read back: refused, done again, or without effect; never another number."""

from __future__ import annotations

import json
import random
import shutil
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from commands import KillCounts, Tables
from editions import SEED, editions
from victims import victim

from econ.core.errors import EconError
from econ.core.shipped import shipped_path

SECTION = "Truncated and bit-flipped files"


def damaged(content: bytes, rng: random.Random) -> bytes:
    """The content cut short, or with one to three bits flipped."""
    if rng.random() < 0.2:
        return content[: rng.randrange(len(content))]
    raw = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    return bytes(raw)


def torment(path: Path, read: Callable[[], object], cases: int, rng: random.Random) -> tuple[Counter[str], list[str]]:
    """Damage a file again and again; whoever reads it must refuse, or see what was there before."""
    sound, content, outcomes, faults = read(), path.read_bytes(), Counter[str](), []
    for _ in range(cases):
        broken = damaged(content, rng)
        if broken == content:
            continue
        path.write_bytes(broken)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = read()
            same = equal(found, sound)
            outcomes["without effect" if same else "silently wrong"] += 1
            if not same:
                faults.append(f"{path.name}: silently another content")
        except EconError as error:
            outcomes["refused"] += 1
            if not str(error).isprintable():
                faults.append(f"{path.name}: not printable: {error}")
        except BaseException as error:
            outcomes["traceback"] += 1
            faults.append(f"{path.name}: {type(error).__name__}: {error!s:.200}")
    path.write_bytes(content)
    assert equal(read(), sound)
    return outcomes, faults


def equal(one: object, other: object) -> bool:
    if isinstance(one, pd.DataFrame):
        return one.equals(other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


def report(counted, what: str, outcomes: Counter[str], faults: list[str]) -> None:
    counted(
        SECTION, what, cases=sum(outcomes.values()), refused=outcomes["refused"], done_again=outcomes["done again"],
        without_effect=outcomes["without effect"], silently_wrong=outcomes["silently wrong"], tracebacks=outcomes["traceback"],
        other_faults=len(faults),
    )  # fmt: skip
    assert not faults, faults[:5]
    assert not outcomes["silently wrong"] and not outcomes["traceback"]


@editions(20, 150)
def test_a_finished_run(zygote, counted, tmp_path, edition):
    from econ.report.runs import open_run

    one = victim(zygote, "run")
    one.reset()
    assert zygote.run(one.command()) == 0
    stored = tmp_path / "run"
    shutil.copytree(one.place / "out", stored)

    def read() -> dict[str, object]:
        run = open_run(stored)
        tables = {"outcomes": run.outcomes, "ledger": run.ledger, "replicates": run.replicates, "summary": run.summary(),
                  "moments": run.moments(), "differences": run.differences(), "expectations": run.expectations()}  # fmt: skip
        return {**tables, "manifest": run.manifest.model_dump()}

    outcomes, faults, rng = Counter[str](), [], random.Random(SEED)
    for path in sorted(p for p in stored.iterdir() if p.is_file()):
        counts, found = torment(path, read, edition, rng)
        outcomes += counts
        faults += found
    report(counted, "files of a run, opened again", outcomes, faults)


@editions(20, 300)
def test_response_surfaces(counted, tmp_path, edition):
    from econ.surfaces import load_surfaces

    stored = tmp_path / "surfaces"
    shutil.copytree(shipped_path("calibration", "surfaces", "default"), stored)

    def read() -> dict[str, object]:
        loaded = load_surfaces(stored)
        draws = {f"{k}": [d.form.tolist(), pd.DataFrame(d.theta)] for k, d in loaded.draws.items()}
        critic = {f"{k}": [d.form.tolist(), pd.DataFrame(d.theta)] for k, d in loaded.critic.draws.items()} if loaded.critic else None
        return {"hash": loaded.hash, "draws": draws, "domain": dict(loaded.domain), "base": dict(loaded.base_violation), "critic": critic}

    outcomes, faults, rng = Counter[str](), [], random.Random(SEED)
    for name in ("draws.parquet", "surfaces.json", "critic.parquet", "critic.json"):
        counts, found = torment(stored / name, read, edition, rng)
        outcomes += counts
        faults += found
    report(counted, "response surfaces", outcomes, faults)


@editions(20, 300)
def test_measurements(zygote, counted, edition):
    from econ.core.manifests import read_parquet
    from econ.core.measurements import read_measurements

    one = victim(zygote, "grid")
    one.reset()
    assert zygote.run(one.command()) == 0
    out = one.place / "out"
    outcomes, faults, rng = Counter[str](), [], random.Random(SEED)
    readers = {
        "measurements.parquet": lambda: read_measurements(out / "measurements.parquet"),
        "curves.parquet": lambda: read_parquet(out / "curves.parquet"),
        "manifest.json": lambda: read_measurements(out / "measurements.parquet"),
    }
    for name, read in readers.items():
        counts, found = torment(out / name, read, edition, rng)
        outcomes += counts
        faults += found
    report(counted, "measurements of the laboratory, with their manifest", outcomes, faults)


@editions(20, 300)
def test_shards_of_a_sweep(zygote, counted, tmp_path, edition):
    from econ.ensemble.sweeps.collect import collect_shards, read_shards

    place = tmp_path / "shards"
    shards = [place / "1", place / "2"]
    for number, shard in enumerate(shards, start=1):
        assert zygote.run(["sweep", "sweep.yaml", "--quiet", "--workers", "1", "--shard", f"{number}/2", "--out", str(shard)]) == 0, zygote.said()

    def read() -> object:
        joined = tmp_path / "joined"
        shutil.rmtree(joined, ignore_errors=True)
        shutil.rmtree(tmp_path / "joined.partial", ignore_errors=True)
        collect_shards(read_shards(shards), joined)
        found = Tables.of(joined)
        return [found.hashes, {name: table.to_pandas() for name, table in found.tables.items()}]

    outcomes, faults, rng = Counter[str](), [], random.Random(SEED)
    files = [shards[0] / "manifest.json", shards[0] / "index.parquet", shards[1] / "summary.parquet", next(shards[1].rglob("point=*/*.parquet"))]
    for path in files:
        counts, found = torment(path, read, edition // 4 or 1, rng)
        outcomes += counts
        faults += found
    report(counted, "shards of a sweep, collected", outcomes, faults)


@pytest.mark.parametrize("what", ["run", "sweep", "grid"])
@editions(2, 25, slow=True)
def test_unfinished_work(zygote, counted, what, edition):
    """Blocks, points and checkpoints, damaged after a kill: done again with a warning, and the tables are the same."""
    one, rng, outcomes = victim(zygote, what), random.Random(SEED), Counter[str]()
    counts = KillCounts()
    while sum(outcomes.values()) < edition:
        one.reset()
        zygote.kill_after(one.command(), rng.uniform(0.3, 0.95) * one.seconds)
        partial = one.place / "out.partial"
        files = [p for p in partial.rglob("*") if p.is_file() and p.stat().st_size and p.parent != partial and p.name[0] != "."]
        if not files:
            continue
        chosen = rng.choice(files)
        chosen.write_bytes(damaged(chosen.read_bytes(), rng))
        zygote.clear()
        one.resume_to_the_end(counts)
        said = "damaged" in zygote.said()
        one.check(counts)
        outcomes["done again" if said else "without effect"] += 1
    report(counted, f"unfinished work of `{what}`, resumed", outcomes, counts.faults)
    assert counts.identical == counts.results


@editions(100, 1500)
def test_the_state_of_a_training(counted, tmp_path, edition):
    import numpy as np

    from econ.lab.training_state import Saver

    path = tmp_path / "a.training.npz"
    saver = Saver(path, interval=0.0)
    saver.notes.append({"step": 3})
    state = {"weights": np.arange(300, dtype=np.float32), "step": np.array(7)}
    saver.save(lambda: state)
    content, outcomes, faults, rng = path.read_bytes(), Counter[str](), [], random.Random(SEED)
    for _ in range(edition):
        broken = damaged(content, rng)
        path.write_bytes(broken)
        try:
            found = Saver(path).load()
        except Exception as error:
            faults.append(f"{type(error).__name__}: {error}")
            continue
        same = found is not None and all((found[key] == value).all() for key, value in state.items())
        outcomes["done again" if found is None else "without effect" if same or broken == content else "silently wrong"] += 1
    path.write_bytes(content)
    loaded = Saver(path).load()
    assert loaded is not None and all((loaded[key] == value).all() for key, value in state.items())
    report(counted, "state of a training under way", outcomes, faults)


def test_a_parquet_file_that_a_stranger_damaged_never_brings_the_reader_down(counted, tmp_path):
    """No hash vouches for a user's own table: read in a process of its own with bounded memory, 200 times."""
    import subprocess
    import sys

    table = pd.read_csv(shipped_path("calibration", "examples", "fictitious_laboratory.csv"))
    table.to_parquet(tmp_path / "own.parquet")
    script = f"""
import random, resource, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
import test_torture_damage as own
from econ.core.errors import InputError
from econ.lab.importing.mapping import CsvFormat
from econ.lab.importing.source import read_source
path = Path({str(tmp_path / 'own.parquet')!r})
content, rng, seen = path.read_bytes(), random.Random(1), dict(refused=0, read=0)
for _ in range(200):
    path.write_bytes(own.damaged(content, rng))
    try:
        read_source(path, CsvFormat())
        seen["read"] += 1
    except InputError:
        seen["refused"] += 1
import json
print(json.dumps(seen))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-800:]
    seen = json.loads(done.stdout)
    counted(SECTION, "a user's own Parquet table, imported (no hash knows what it held)", cases=200, **seen, tracebacks=0)
    assert seen["refused"] > 0
