"""Refusing what cannot fit, before any work."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_market import FakeScenario

from econ.core.errors import InputError
from econ.ensemble import memory
from econ.ensemble.memory import GIB, check_disk, choose_workers, estimate


def test_workers_are_capped_by_blocks(make_design):
    assert choose_workers(make_design(replicates=10), 8, None) == 1


def test_fewer_workers_are_taken_where_memory_is_short(make_design, monkeypatch):
    monkeypatch.setattr(memory, "_cores", lambda: 64)
    design = make_design(replicates=6400)
    assert choose_workers(design, None, 64.0) == 64
    few = choose_workers(design, None, 4.0)
    assert 1 <= few < 64
    assert estimate(design).memory(few) <= 4 * GIB < estimate(design).memory(few + 1)


def test_too_little_memory_is_said_with_numbers(make_design):
    with pytest.raises(
        InputError, match=r"needs about .* GiB of memory with 1 worker, and 0.1 GiB is allowed by --memory"
    ):
        choose_workers(make_design(replicates=10), 1, 0.1)


def test_an_absurd_ensemble_is_refused_at_once(make_design, tmp_path):
    design = make_design(replicates=2**32 - 1)
    with pytest.raises(InputError, match="GiB of disk"):
        check_disk(design, tmp_path / "not" / "there" / "yet")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="this system has no /proc")
def test_where_nothing_can_be_written_is_said_to_be_so(make_design):
    with pytest.raises(InputError, match=r"^/proc/there: nothing can be written here; choose another --out$"):
        check_disk(make_design(replicates=1), Path("/proc/there"))


def test_a_little_disk_is_told_in_mebibytes(make_design, monkeypatch, tmp_path):
    monkeypatch.setattr(memory.shutil, "disk_usage", lambda place: SimpleNamespace(total=2**40, free=2**20))
    with pytest.raises(InputError, match=r"needs about \d+ MiB of disk, and 1 MiB is free"):
        check_disk(make_design(replicates=40), tmp_path)


def test_many_labelers_need_more(make_design):
    big = FakeScenario(population=SimpleNamespace(labelers=10_000_000))
    design = make_design(big)
    # One replicate at a time: the block shrinks with the population, never with the machine.
    assert design.block_size == 1
    assert choose_workers(design, 1, 4.0) == 1
    with pytest.raises(InputError, match="of memory"):
        choose_workers(design, 1, 1.0)


@pytest.mark.parametrize(
    ("workers", "limit"), [(0, None), (-1, None), (1, 0.0), (1, -2.0), (1, float("nan"))]
)
def test_numbers_without_sense_are_refused(make_design, workers, limit):
    with pytest.raises(InputError, match="out of range"):
        choose_workers(make_design(), workers, limit)
