"""Blocks: the layout, workers, damage, resuming after a kill, failures."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import fake_market
import pandas as pd
import pytest
from fake_market import FakeScenario

from econ.core.errors import InputError, WorkError
from econ.ensemble.blocks import BlockStore
from econ.ensemble.tables import read_table
from econ.ensemble.workers import compute_missing

HERE = Path(__file__).parent


def same(one: Path, other: Path) -> bool:
    names = ("outcomes.parquet", "ledger.parquet", "replicates.parquet")
    return all(read_table(one / name).equals(read_table(other / name)) for name in names)


def test_layout_covers_every_replicate_once(make_design):
    design = make_design(FakeScenario(), FakeScenario(name="other"), replicates=37)
    seen = [(block.scenario, replicate) for block in design.blocks() for replicate in block.replicates]
    assert seen == [(scenario, replicate) for scenario in (0, 1) for replicate in range(37)]


def test_two_workers_give_the_bits_of_one(make_design, execute_fake):
    design = make_design(FakeScenario(), FakeScenario(name="other").with_levers(commons=0.1), replicates=20)
    _, one = execute_fake(design, "one", workers=1)
    _, two = execute_fake(design, "two", workers=2)
    assert same(one, two)


def test_fewer_replicates_are_the_first_of_more(make_design, execute_fake):
    _, few = execute_fake(make_design(replicates=5), "few")
    _, many = execute_fake(make_design(replicates=20), "many")
    more = read_table(many / "outcomes.parquet")
    pd.testing.assert_frame_equal(
        read_table(few / "outcomes.parquet"),
        more[more["replicate"] < 5].reset_index(drop=True),
        check_exact=True,
    )


def test_a_damaged_block_is_computed_again(make_design, tmp_path):
    design = make_design(replicates=40)
    store = BlockStore(tmp_path, design)
    compute_missing(design, fake_market.engine(), store, 1, lambda *_: None)
    assert store.missing() == []
    torn, altered = sorted(store.directory.glob("*.npz"))[:2]
    torn.write_bytes(torn.read_bytes()[:1000])
    altered.write_bytes(altered.read_bytes()[:-1] + b"!")
    assert [block.index for block in store.missing()] == [0, 1]
    with pytest.raises(WorkError, match="missing or damaged"):
        store.read(design.blocks()[0])


def test_blocks_of_another_design_are_not_used_and_their_loss_is_told(make_design, tmp_path, caplog):
    design = make_design(replicates=20)
    compute_missing(design, fake_market.engine(), BlockStore(tmp_path, design), 1, lambda *_: None)
    BlockStore(tmp_path, design)
    assert caplog.messages == []
    other = make_design(replicates=20, seed=2)
    assert len(BlockStore(tmp_path, other).missing()) == len(other.blocks())
    assert f"{len(design.blocks())} finished blocks of other settings" in caplog.text


def test_a_failed_replicate_is_named_and_the_others_kept(make_design, execute_fake):
    manifest, directory = execute_fake(make_design(replicates=20), function=fake_market.failing_simulate)
    assert manifest.status == "failed"
    assert manifest.failed_replicates == {"baseline": {3: "harm_rate not finite in quarter 2"}}
    assert sorted(read_table(directory / "outcomes.parquet")["replicate"].unique()) == [
        0,
        1,
        2,
        *range(4, 20),
    ]


def test_a_whole_block_may_fail(make_design, execute_fake):
    def half(*arguments, **options):
        result = fake_market.simulate(*arguments, **options)
        wrecked = fake_market.wrecked_simulate(*arguments, **options)
        return wrecked if 0 in options["replicates"] else result

    manifest, directory = execute_fake(make_design(replicates=20), function=half)
    assert len(manifest.failed_replicates["baseline"]) == 16
    assert read_table(directory / "outcomes.parquet")["replicate"].nunique() == 4


def test_nothing_is_written_when_every_replicate_fails(make_design, execute_fake, tmp_path):
    with pytest.raises(
        WorkError, match="every replicate of scenario 'baseline' failed; replicate 0: harm_rate"
    ):
        execute_fake(make_design(replicates=20), function=fake_market.wrecked_simulate)
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_dead_worker_is_a_sentence(make_design, execute_fake):
    with pytest.raises(WorkError, match="a worker process died"):
        execute_fake(make_design(replicates=40), function=fake_market.dying_simulate, workers=2)


def test_an_error_of_the_market_reaches_the_user_from_a_worker(make_design, execute_fake):
    with pytest.raises(WorkError, match="the ledger breaks"):
        execute_fake(make_design(replicates=40), function=fake_market.broken_simulate, workers=2)


def test_a_market_that_answers_other_quarters_is_refused(make_design, execute_fake):
    def short(*arguments, **options):
        return fake_market.simulate(*arguments, **{**options, "quarters": 3})

    with pytest.raises(WorkError, match="other quarters"):
        execute_fake(make_design(replicates=2), function=short)


SCRIPT = """
# A parent in the background may have told its children to ignore Ctrl-C.
import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
import sys
from pathlib import Path
import fake_market

if __name__ == "__main__":
    from econ.ensemble import design, engine
    from econ.report import runs

    # An edit of the checkout between two starts would rightly discard the blocks.
    design.code_hash = lambda: "the same code"
    engine.market_engine = lambda: fake_market.engine(fake_market.slow_simulate)
    runs._all_figures = lambda result: []
    ensemble = design.plan([fake_market.FakeScenario()], fake_market.FakeSurfaces(), replicates=160)
    counts = []
    runs.run_into(ensemble, Path(sys.argv[1]), workers=int(sys.argv[2]), progress=lambda done, total: counts.append(done))
    print(counts[0])
"""


@pytest.fixture
def start(tmp_path):
    """Start the script in a process of its own."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(HERE)}

    def begin(out: Path, workers: int) -> subprocess.Popen[str]:
        command = [sys.executable, str(script), str(out), str(workers)]
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    return begin


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_is_resumed_with_the_same_numbers(start, tmp_path, make_design, execute_fake, workers):
    out = tmp_path / "out"
    process = start(out, workers)
    blocks = tmp_path / "out.partial" / "blocks"
    wait_until(lambda: len(list(blocks.glob("*.npz"))) >= 2)
    process.kill()
    process.wait()
    assert not out.exists()
    finished = len(list(blocks.glob("s*.npz")))
    wait_until(lambda: not alive_in_group(process.pid))
    again = start(out, workers)
    printed, _ = again.communicate(timeout=120)
    assert again.returncode == 0
    assert int(printed) >= finished
    assert not (tmp_path / "out.partial").exists()
    assert not list(out.glob("blocks*")) and not list(out.glob(".*"))
    _, straight = execute_fake(make_design(replicates=160), "straight")
    assert same(out, straight)


def test_an_interrupted_run_says_so(start, tmp_path):
    process = start(tmp_path / "out", 2)
    partial = tmp_path / "out.partial"
    wait_until(lambda: len(list((partial / "blocks").glob("*.npz"))) >= 1)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=120)
    assert '"status": "interrupted"' in (partial / "manifest.json").read_text()
    wait_until(lambda: not alive_in_group(process.pid))


def alive_in_group(group: int) -> bool:
    """Whether any process of the group still runs (the worker processes of a killed parent, say)."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            return True
    return False


def wait_until(condition, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("options", "key"),
    [({"seed": -1}, "seed"), ({"seed": 2**32}, "seed"), ({"replicates": 0}, "replicates"), ({"quarters": 0}, "quarters"),
     ({"quarters": 401}, "quarters"), ({"replicates": True}, "replicates")],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(make_design, options, key):
    with pytest.raises(InputError, match=f"^{key}: out of range"):
        make_design(**options)


def test_scenarios_need_their_own_names(make_design):
    with pytest.raises(InputError, match="the same name"):
        make_design(FakeScenario(), FakeScenario())
