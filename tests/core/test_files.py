"""Results appear whole or not at all."""

import errno
import json
import multiprocessing
import os
import signal
import stat
from pathlib import Path

import pytest

from econ.core import results
from econ.core.errors import InputError, WorkError
from econ.core.files import atomic_file, canonical_json, content_hash, file_hash, write_json
from econ.core.manifests import MANIFEST
from econ.core.results import result_directory


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
        write_json(work / MANIFEST, "old")
    with pytest.raises(InputError, match="exists already"), result_directory(out):
        pass
    with pytest.raises(RuntimeError), result_directory(out, force=True, resume=False):
        raise RuntimeError
    assert json.loads((out / MANIFEST).read_text()) == "old"
    with result_directory(out, force=True, resume=False) as work:
        write_json(work / MANIFEST, "new")
    assert json.loads((out / MANIFEST).read_text()) == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_force_replaces_results_alone(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="holds no result"), result_directory(home, force=True):
        pass
    with pytest.raises(InputError, match="not a directory"), result_directory(home / "thesis.tex", force=True):
        pass
    for nameless in (Path(), Path("/"), home / ".."):
        with pytest.raises(InputError, match="a directory of its own name"), result_directory(nameless, force=True):
            pass
    assert (home / "thesis.tex").read_text() == "years of work" and not list(tmp_path.glob("*.partial"))


def test_a_result_behind_a_symbolic_link_is_replaced_where_it_lies(tmp_path):
    far = tmp_path / "far" / "run"
    with result_directory(far) as work:
        write_json(work / MANIFEST, "old")
    (tmp_path / "link").symlink_to(far)
    with result_directory(tmp_path / "link", force=True) as work:
        write_json(work / MANIFEST, "new")
    assert (tmp_path / "link").is_symlink() and json.loads((far / MANIFEST).read_text()) == "new"


def test_a_writer_that_starts_anew_leaves_the_work_of_another_process_alone(tmp_path):
    """It used to empty the directory before it looked whether somebody was writing there."""
    with result_directory(tmp_path / "run") as work:
        (work / "hours").write_text("of work")
        with pytest.raises(InputError, match="another process"), result_directory(tmp_path / "run", resume=False):
            pass
        assert (work / "hours").exists()


def test_the_lock_says_who_holds_it(tmp_path):
    with (
        result_directory(tmp_path / "run"),
        pytest.raises(InputError, match=f"process {os.getpid()} on "),
        result_directory(tmp_path / "run"),
    ):
        pass


def test_a_second_process_that_waited_for_the_first_writes_nothing(tmp_path, monkeypatch):
    """The first finishes between the second's look at the final name and its lock."""
    out, opened = tmp_path / "run", os.open

    def finish_first(path, *arguments, **options):
        descriptor = opened(path, *arguments, **options)
        if str(path).endswith(".lock") and not out.exists():
            out.with_name("run.partial").rename(out)
        return descriptor

    monkeypatch.setattr(results.os, "open", finish_first)
    with pytest.raises(InputError, match="just finished"), result_directory(out):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_a_file_system_without_locks_is_used_with_a_warning(tmp_path, monkeypatch, caplog):
    def no_locks(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(results.fcntl, "flock", no_locks)
    with result_directory(tmp_path / "run") as work:
        (work / "a").write_text("x")
    assert "has no locks" in caplog.text and (tmp_path / "run" / "a").exists()


@pytest.mark.parametrize("name", ["run.partial", "run.partial/.lock"])
def test_symbolic_links_in_the_way_are_not_followed(tmp_path, name):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("precious")
    link = tmp_path / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "precious" if name.endswith("partial") else tmp_path / "precious" / "file")
    with pytest.raises((InputError, WorkError)), result_directory(tmp_path / "run", resume=False):
        pass
    assert (tmp_path / "precious" / "file").read_text() == "precious"


def test_scratch_outlives_a_kill_until_the_result_stands(tmp_path, monkeypatch):
    out = tmp_path / "run"
    with pytest.raises(RuntimeError), result_directory(out, scratch=("blocks",)) as work:
        (work / "blocks").mkdir()
        raise RuntimeError
    monkeypatch.setattr(results, "_remove_leftovers", lambda *_: os.kill(os.getpid(), 0))
    with result_directory(out, scratch=("blocks",)) as work:
        assert (work / "blocks").is_dir()
    monkeypatch.undo()
    # Killed between the rename and the cleaning: the same command again cleans up and says that all is there.
    assert (out / "blocks").is_dir() and (out / ".lock").is_file()
    with pytest.raises(InputError, match="exists already"), result_directory(out, scratch=("blocks",)):
        pass
    assert list(out.iterdir()) == []


def test_what_killed_processes_were_writing_is_removed(tmp_path):
    stale = tmp_path / "run.partial" / "outcomes" / ".point.parquet.4711.tmp"
    stale.parent.mkdir(parents=True)
    stale.write_text("half of a point")
    (tmp_path / "run.old.4711").mkdir()
    with result_directory(tmp_path / "run") as work:
        assert not stale.exists()
        (work / ".late.4712.tmp").write_text("of a worker that outlived its parent for a second")
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")) == ["run", "run/outcomes"]


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


def test_work_that_takes_long_is_refused_where_nothing_can_be_written(tmp_path, monkeypatch):
    results.refuse_existing(tmp_path / "new" / "result")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)
    with pytest.raises(WorkError, match="nothing can be written here; choose another --out"):
        results.refuse_existing(tmp_path / "new" / "result")
