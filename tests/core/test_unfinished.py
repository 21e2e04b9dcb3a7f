"""Unfinished work is resumed by the command that began it, and lost to no other without a word."""

import json
from dataclasses import asdict, replace

import pytest

from econ.core.errors import InputError
from econ.core.results import LOCK, refuse_existing, result_directory
from econ.core.unfinished import PATTERN, RECORD, Work, unfinished_beside
from econ.ensemble.execute import PIECES
from econ.ensemble.sweeps.store import PIECES as SWEEP_PIECES

SWEEP = Work("econ sweep", "a" * 64, "c" * 64, ("points/*.parquet",))
RUN = Work("econ run", "b" * 64, "c" * 64, ("blocks/*.npz",))


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """Work of a sweep that was stopped after so many points."""

    def stop(pieces, work=SWEEP):
        monkeypatch.setattr("sys.argv", ["/usr/bin/econ", "sweep", "my sweep.yaml", "--out", "lost"])
        with pytest.raises(KeyboardInterrupt), result_directory(tmp_path / "lost", work=work) as partial:
            for number in range(pieces):
                (partial / "points").mkdir(exist_ok=True)
                (partial / "points" / f"{number}.parquet").write_text("paid for")
            raise KeyboardInterrupt
        return tmp_path / "lost"

    return stop


def _pieces(out) -> list[str]:
    return sorted(path.name for path in out.with_name(f"{out.name}.partial").glob("points/*"))


@pytest.mark.parametrize("other", [RUN, None], ids=["another command", "a command that keeps nothing"])
def test_another_command_is_refused_and_nothing_is_lost(interrupted, other):
    out = interrupted(2)
    with pytest.raises(InputError) as refused, result_directory(out, work=other, resume=other is not None):
        pytest.fail("it went on")
    assert str(refused.value) == (
        f"{out}.partial: this holds unfinished work of `econ sweep` (2 pieces finished); resume it with the same command "
        "(`econ sweep 'my sweep.yaml' --out lost`), choose another --out, or give --force to discard it"
    )
    assert refused.value.exit_code == 2 and _pieces(out) == ["0.parquet", "1.parquet"] and not out.exists()
    with result_directory(out, work=SWEEP) as partial:
        assert len(list((partial / "points").iterdir())) == 2
    assert sorted(path.name for path in out.iterdir()) == ["points"]


def test_the_same_command_with_other_settings_is_refused_too(interrupted):
    out = interrupted(1)
    with pytest.raises(InputError, match=r"1 piece finished.* with other settings; resume it"), result_directory(out, work=replace(SWEEP, settings="d" * 64)):
        pytest.fail("it went on")
    assert _pieces(out) == ["0.parquet"]


def test_force_discards_it_and_the_new_work_is_resumed_in_its_place(interrupted):
    out = interrupted(2)
    with pytest.raises(KeyboardInterrupt), result_directory(out, work=RUN, force=True) as partial:
        assert sorted(path.name for path in partial.iterdir()) == [LOCK, RECORD]
        (partial / "blocks").mkdir()
        (partial / "blocks" / "0.npz").write_text("new")
        raise KeyboardInterrupt
    with pytest.raises(InputError, match="`econ run`"), result_directory(out, work=SWEEP):
        pytest.fail("it went on")
    with result_directory(out, work=RUN, force=True) as partial:
        assert (partial / "blocks" / "0.npz").read_text() == "new"


def test_what_has_no_finished_piece_stands_in_nobodys_way(interrupted):
    out = interrupted(0)
    (out.with_name("lost.partial") / "half").write_text("of a point")
    with result_directory(out, work=RUN) as partial:
        assert not (partial / "half").exists()
    assert list(out.iterdir()) == []


def test_another_version_of_the_code_resumes_the_same_settings_and_says_why_it_cannot_resume_others(interrupted):
    out, newer = interrupted(2), replace(SWEEP, code="e" * 64)
    with pytest.raises(InputError, match="another version of econ: this one cannot go on") as refused, result_directory(out, work=replace(newer, settings="d" * 64)):
        pytest.fail("it went on")
    assert "resume it with" not in str(refused.value) and "--force" in str(refused.value)
    with pytest.raises(KeyboardInterrupt), result_directory(out, work=newer):
        raise KeyboardInterrupt
    assert json.loads((out.with_name("lost.partial") / RECORD).read_text())["code"] == newer.code
    assert len(_pieces(out)) == 2, "which pieces fit the new code is for those who made them to say"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"command": 3}', b"\xff"])
def test_a_damaged_record_stops_nobody(interrupted, content):
    out = interrupted(2)
    (out.with_name("lost.partial") / RECORD).write_bytes(content)
    with result_directory(out, work=SWEEP) as partial:
        assert len(list((partial / "points").iterdir())) == 2
    assert not (out / RECORD).exists()


def test_a_reader_of_the_result_is_told_how_to_resume(interrupted, tmp_path):
    assert unfinished_beside(tmp_path / "lost") is None
    out = interrupted(1)
    assert unfinished_beside(out) == f"{out}.partial holds unfinished work of `econ sweep`; the same command resumes it (`econ sweep 'my sweep.yaml' --out lost`)"


def test_a_command_that_keeps_no_work_is_refused_before_it_computes_and_leaves_no_record(interrupted):
    out = interrupted(1)
    with pytest.raises(InputError, match="`econ sweep`"):
        refuse_existing(out)
    assert _pieces(out) == ["0.parquet"]
    refuse_existing(out, force=True)
    with result_directory(out, force=True) as partial:
        assert [path.name for path in partial.iterdir()] == [LOCK]


@pytest.mark.parametrize("content", [b"{", b'{"command": 3}', *(json.dumps({**asdict(SWEEP), "typed": "", "pieces": [pattern]}).encode() for pattern in ("a**", ".", "../*", "/x", "**", ""))])
def test_a_record_that_cannot_be_read_keeps_what_lies_there_from_a_command_that_cannot_go_on_with_it(interrupted, content):
    out = interrupted(2)
    (out.with_name("lost.partial") / RECORD).write_bytes(content)
    with pytest.raises(InputError, match="cannot be read any more"), result_directory(out, resume=False):
        pytest.fail("it went on")
    assert len(_pieces(out)) == 2


@pytest.mark.parametrize("pattern", [*PIECES, SWEEP_PIECES, "points/**/*.parquet", "checkpoints/*/*.json"])
def test_patterns_of_all_who_keep_work_can_be_read_again(pattern):
    assert PATTERN.fullmatch(pattern)
