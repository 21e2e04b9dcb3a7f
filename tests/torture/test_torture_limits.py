"""Limits that a user sets or a machine has: memory that may be used, and no network but the machine's own."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from editions import SEED, editions
from victims import COMMANDS, victim

from econ.core.shipped import shipped_path
from econ.ensemble.design import plan
from econ.ensemble.memory import GIB, estimate
from econ.scenario import load_scenario

MEMORY, NETWORK = "Memory limits", "Networks"
#: The estimate lies above what is measured, and below so many times that; asserted.
FACTOR = 3.0


@pytest.mark.parametrize("what", ["run", "sweep"])
@editions(3, 50)
def test_too_little_memory_is_refused_before_any_work(zygote, counted, what, edition):
    one, rng = victim(zygote, what), random.Random(SEED)
    one.reset()
    assert zygote.run(one.command("--memory", "0.001")) == 2
    need = float(re.search(r"needs about ([0-9.]+) GiB of memory", zygote.said())[1])
    refused, faults = 0, []
    for _ in range(edition):
        limit = rng.uniform(0.001, need - 0.1)
        status, said = zygote.run(one.command("--memory", f"{limit:.4f}")), zygote.said()
        fine = status == 2 and said.count("\n") == 1 and "GiB is allowed by --memory" in said
        refused += fine
        if not fine or zygote.work() or list(one.place.iterdir()):
            faults.append(f"limit {limit}, exit {status}: {said}; left {list(one.place.iterdir())}, done {zygote.work()}")
    accepted = zygote.run(one.command("--memory", f"{need + 0.1:.2f}")) == 0
    counted(MEMORY, f"`econ {what} --memory GB` below the {need} GiB that were estimated", cases=edition, refused_in_one_sentence=refused,
            with_work_begun_or_files_written=len(faults), accepted_above_the_estimate=int(accepted))  # fmt: skip
    assert not faults and refused == edition and accepted, faults[:3]


#: Labelers, replicates, quarters, workers.
SMALL_ENSEMBLE = ((200, 4, 2, 1),)
ENSEMBLES = ((3_000, 64, 40, 1), (3_000, 64, 40, 2), (100_000, 16, 8, 1), *SMALL_ENSEMBLE)
# A process's ru_maxrss begins at what its parent used, pytest with all its libraries; the kernel's VmHWM does not.
MEASURED = """
import json, pathlib, re, resource
from econ.cli import main
if __name__ == "__main__":
    try:
        main()
    except SystemExit as stop:
        assert not stop.code, stop.code
    own = int(re.search(r"VmHWM:\\s*([0-9]+) kB", pathlib.Path("/proc/self/status").read_text())[1])
    open("peaks.json", "w").write(json.dumps([own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]))
"""


@editions(SMALL_ENSEMBLE, ENSEMBLES, slow=True)
def test_the_estimate_of_memory_against_what_is_used(tmp_path, counted, edition):
    """Peak resident memory of a fresh process and, of several workers, of each at its peak at once."""
    (tmp_path / "measured.py").write_text(MEASURED)
    rows = {}
    for labelers, replicates, quarters, workers in edition:
        options = ["--replicates", replicates, "--quarters", quarters, "--workers", workers, "--set", f"population.labelers={labelers}"]
        command = [sys.executable, "measured.py", "run", "baseline", *map(str, options), "--quiet", "--force", "--out", "out"]
        subprocess.run(command, cwd=tmp_path, check=True, timeout=1200)
        own, largest_child = (1024 * kib for kib in json.loads((tmp_path / "peaks.json").read_text()))
        used = own + (workers * largest_child if workers > 1 else 0)
        design = plan([load_scenario("baseline").with_settings(f"population.labelers={labelers}")], replicates=replicates, quarters=quarters)
        estimated = estimate(design).memory(workers)
        rows[f"{labelers:,} labelers, {replicates} replicates, {quarters} quarters, {workers} worker(s)"] = (estimated / GIB, used / GIB)
    for what, (estimated, used) in rows.items():
        counted(MEMORY, what, estimated_GiB=round(estimated, 2), measured_GiB=round(used, 2), estimate_over_measured=round(estimated / used, 2))
    assert all(used <= estimated <= FACTOR * used for estimated, used in rows.values()), rows


#: Commands beside run, sweep and grid, on the result of a run; the slow ones with full counts alone.
QUICK = ("compare RUN --out OUT", "reproduce RUN --workers 1", "cost --draws 12 --out OUT", "scenario list", "outcomes", "lab show",
         "lab import TABLE --mapping MAP --out OUT", "doctor")  # fmt: skip
SLOW = ("claims --draws 1000 --run RUN --out OUT", "report RUN --format html --out OUT")
EXAMPLE = {name: str(shipped_path("calibration", "examples", f"fictitious_laboratory.{end}")) for name, end in (("TABLE", "csv"), ("MAP", "mapping.yaml"))}
needs_namespaces = pytest.mark.skipif(
    subprocess.run([sys.executable, "-c", "import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(0x40000000) != 0)"], check=False).returncode != 0,
    reason="a network namespace needs root on Linux; the audit of sockets tests this for others",
)


@needs_namespaces
@editions(QUICK, (*QUICK, *SLOW), slow=True)
def test_every_command_works_without_any_network(zygote, counted, tmp_path, edition):
    """Where not even loopback is up, every connection fails at once: so none is made."""
    faults: list[str] = []
    lines = [f"{' '.join(COMMANDS[what])} --workers {workers} --out {what.upper()}" for what, workers in (("run", 2), ("sweep", 1), ("grid", 1))]
    names = {name: str(tmp_path / name.lower()) for name in ("RUN", "SWEEP", "GRID")} | EXAMPLE
    for number, line in enumerate([*lines, *edition]):
        words = [(names | {"OUT": str(tmp_path / str(number))}).get(word, word) for word in line.split()]
        status = zygote.run(words, no_network=True)
        faults += [] if status == 0 else [f"{line}, exit {status}: {zygote.said()[-500:]}"]
    counted(NETWORK, "commands in a network namespace without an interface", commands=len(lines) + len(edition), failed=len(faults))
    assert not faults, faults


LOOPBACK_ALONE = """
import ctypes, fcntl, socket, struct, sys
import pytest
assert ctypes.CDLL(None).unshare(0x40000000) == 0
with socket.socket() as any_socket:
    up = struct.pack("16sh14x", b"lo", 0x1 | 0x40)  # IFF_UP, IFF_RUNNING
    fcntl.ioctl(any_socket, 0x8914, up)             # SIOCSIFFLAGS
assert [name for _, name in socket.if_nameindex() if name != "lo"] == []
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""


@needs_namespaces
@editions(1, 1, slow=True)
def test_a_dask_cluster_needs_loopback_alone(counted, edition):
    """Scheduler, two workers and the sweep, in a network namespace whose only interface is loopback."""
    pytest.importorskip("distributed")
    tests = Path(__file__).parents[1] / "ensemble" / "test_ensemble_dask.py"
    done = subprocess.run(
        [sys.executable, "-c", LOOPBACK_ALONE, str(tests)], cwd=tests.parents[2], capture_output=True, text=True, timeout=280, check=False
    )
    passed = re.search(r"([0-9]+) passed", done.stdout)
    counted(NETWORK, "tests of the Dask sweep where loopback is the only interface", passed=int(passed[1]) if passed else 0, failed=int(done.returncode != 0))
    assert done.returncode == 0, done.stdout[-1500:]
