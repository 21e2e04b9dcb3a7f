"""Exponential and logarithm of compiled code against the C library's, and where machine code is kept."""

import os
from pathlib import Path

import numpy as np
import pytest

from econ.core import compiled
from econ.core.kernel_files import KernelFiles


def _over(function):
    def loop(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    compile_ = compiled.numba.njit(error_model="numpy")
    loop = compile_(loop)

    def apply(x):
        x = np.asarray(x, float)
        out = np.empty_like(x)
        loop(x, out)
        return out

    return apply


exp, log = _over(compiled.exp), _over(compiled.log)


def test_exponential_is_accurate_to_a_unit_in_the_last_place():
    x = np.concatenate([np.random.default_rng(1).uniform(-708, 709, 200_000), np.linspace(-1, 1, 20_001)])
    exact = np.exp(x.astype(np.longdouble))
    assert np.max(np.abs(exp(x) - exact) / np.spacing(exact.astype(float))) < 1.0


def test_logarithm_is_accurate_to_a_unit_in_the_last_place():
    x = np.concatenate([np.exp(np.random.default_rng(2).uniform(-700, 700, 200_000)), np.linspace(0.5, 2, 20_001)])
    exact = np.log(x.astype(np.longdouble))
    assert np.max(np.abs(log(x) - exact) / np.spacing(np.abs(exact).astype(float) + 1e-300)) < 1.0


def test_edges():
    np.testing.assert_array_equal(exp([0.0, np.nan, 1e9, -1e9, -np.inf]), exp([0.0, np.nan, 709.0, -708.0, -708.0]))
    assert exp([0.0])[0] == 1.0
    np.testing.assert_array_equal(log([1.0, np.inf, np.nan]), [0.0, np.inf, np.nan])


def test_machine_code_is_kept_under_the_contents_of_its_sources(tmp_path):
    source = tmp_path / "part.py"
    source.write_text("a = 1\n")
    before = compiled._folder((str(source),))
    source.write_text("a = 2\n")
    after = compiled._folder((str(source),))
    assert before is not None and before != after and after.is_dir()
    for folder in (before, after):
        folder.rmdir()


@pytest.mark.skipif(os.name != "posix", reason="needs folders that cannot be written")
def test_without_a_writable_folder_kernels_are_compiled_all_the_same(monkeypatch):
    monkeypatch.setattr(compiled, "_folder", lambda sources: None)
    assert compiled.kernel(_twice)(2.0) == 4.0


def _twice(x):
    return 2.0 * x


def test_code_of_two_signatures_that_are_kept_together_is_never_mixed_up(tmp_path):
    def code(layout):
        return f"array(float64, 1d, {layout})", ("x86", "cpu", ""), ("code", "closure")

    here, there = KernelFiles(str(tmp_path), "twice-1.py311", 1), KernelFiles(str(tmp_path), "twice-1.py311", 1)
    # Neither knows of the other when it begins to write, which numba's own index does not survive.
    here.save(code("C"), "of C")
    there.save(code("A"), "of A")
    for files in (here, there, KernelFiles(str(tmp_path), "twice-1.py311", 1)):
        assert (files.load(code("C")), files.load(code("A")), files.load(code("F"))) == ("of C", "of A", None)
    assert KernelFiles(str(tmp_path), "twice-1.py311", 2).load(code("C")) is None, "another source"


def test_damaged_code_is_compiled_again(tmp_path):
    files, key = KernelFiles(str(tmp_path), "twice-1.py311", 1), ("float64", "x86", "function")
    files.save(key, "code")
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    for damaged in (b"", content[:20], content[:-1], content[:-3] + b"\0" + content[-2:]):
        path.write_bytes(damaged)
        assert files.load(key) is None
    files.save(key, "code")
    assert files.load(key) == "code"
    files.flush()
    assert files.load(key) is None and not list(tmp_path.iterdir())


def test_code_that_cannot_be_kept_stops_nothing(tmp_path):
    KernelFiles(str(tmp_path / "gone"), "twice-1.py311", 1).save(("float64", "x86", "function"), "code")


def test_kernels_are_found_again_by_the_next_process(tmp_path, monkeypatch):
    monkeypatch.setattr(compiled, "_folder", lambda sources: tmp_path)
    first, second = compiled.kernel(_twice), compiled.kernel(_twice)
    assert first(2.0) == 4.0 and first(np.ones(2))[0] == 2.0
    assert len(list(tmp_path.rglob("*.nbc"))) == 2 and not list(tmp_path.rglob("*.nbi"))
    assert second(2.0) == 4.0
    assert sum(second.stats.cache_hits.values()) == 1 and not sum(second.stats.cache_misses.values())


def test_folder_lies_within_the_package():
    assert Path(compiled.__file__).parents[1] in compiled._folder((compiled.__file__,)).parents


def test_pairs_are_the_draws_of_every_other_implementation():
    replicate, agent, draw = np.array([[3], [2**31], [7]]), np.arange(40), np.array(2)
    first, second = compiled.uniform_pairs(9, 40, replicate, 30, agent, draw)
    words = compiled.keyed.philox((replicate, 30, agent, draw), (9, 40))
    np.testing.assert_array_equal(first, compiled.keyed.unit_interval(words[0], words[1]))
    np.testing.assert_array_equal(second, compiled.keyed.unit_interval(words[2], words[3]))
    np.testing.assert_array_equal(first, compiled.keyed.uniform(9, 40, replicate, 30, agent, draw))
