"""Results appear whole or not at all."""

import json
import multiprocessing
import os
import signal
import stat

import pytest

from econ.core.errors import InputError, WorkError
from econ.core.files import atomic_file, canonical_json, content_hash, file_hash, result_directory, write_json


def test_a_finished_directory_is_complete_and_its_partial_gone(tmp_path):
    out = tmp_path / "run"
    with result_directory(out) as work:
        assert work.name == "run.partial"
        assert not out.exists()
        write_json(work / "a.json", {"x": 1})
    assert sorted(p.name for p in out.iterdir()) == ["a.json"]
    assert not work.exists()


def test_an_interrupted_result_keeps_its_work_under_the_partial_name(tmp_path):
    out = tmp_path / "run"
    with pytest.raises(RuntimeError), result_directory(out) as work:
        (work / "block").write_text("done")
        raise RuntimeError
    assert not out.exists()
    with result_directory(out) as work:
        assert (work / "block").read_text() == "done"


def test_a_finished_result_is_replaced_only_by_force_and_only_at_the_end(tmp_path):
    out = tmp_path / "run"
    with result_directory(out) as work:
        (work / "a").write_text("old")
    with pytest.raises(InputError, match="exists already"), result_directory(out):
        pass
    with pytest.raises(RuntimeError), result_directory(out, force=True, resume=False):
        raise RuntimeError
    assert (out / "a").read_text() == "old"
    with result_directory(out, force=True, resume=False) as work:
        (work / "a").write_text("new")
    assert (out / "a").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def _hold(out, ready, release):
    with result_directory(out) as work:
        (work / "mine").write_text("x")
        ready.set()
        release.wait(20)


def test_two_processes_never_write_one_result(tmp_path):
    context = multiprocessing.get_context("fork")
    ready, release = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path / "run", ready, release))
    other.start()
    assert ready.wait(20)
    with pytest.raises(InputError, match="another process"), result_directory(tmp_path / "run"):
        pass
    release.set()
    other.join(20)
    assert (tmp_path / "run" / "mine").exists()


def test_a_killed_writer_leaves_nothing_that_looks_finished(tmp_path):
    context = multiprocessing.get_context("fork")
    ready, release = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path / "run", ready, release))
    other.start()
    assert ready.wait(20)
    os.kill(other.pid, signal.SIGKILL)
    other.join(20)
    assert not (tmp_path / "run").exists()
    with result_directory(tmp_path / "run") as work:
        assert (work / "mine").exists()


def test_an_atomic_file_is_old_or_new_never_half(tmp_path):
    path = tmp_path / "x"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_place_is_said_in_a_sentence(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(WorkError, match="cannot be created"), result_directory(tmp_path / "run"):
        pass


def test_a_path_below_a_file_is_said_in_a_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(WorkError, match="cannot be created"), result_directory(tmp_path / "file" / "run"):
        pass


def test_hashes_depend_on_content_not_on_order(tmp_path):
    assert content_hash({"a": 1, "b": [2, 3]}) == content_hash({"b": [2, 3], "a": 1})
    assert content_hash({"a": 1}) != content_hash({"a": 1.5})
    assert json.loads(canonical_json({"a": 0.1})) == {"a": 0.1}
    (tmp_path / "x").write_bytes(b"abc")
    assert file_hash(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
