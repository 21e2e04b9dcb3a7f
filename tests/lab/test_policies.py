"""Methods that sample, end to end on a small grid: ledger, shared scorers, and what they may read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from econ.core.measurements import read_measurements
from econ.lab import learned, policies, programs
from econ.lab.checkpoints import checkpoint_folder
from econ.lab.grid import Grid
from econ.lab.job import Context
from econ.lab.knobs import Knobs
from econ.lab.methods import METHODS
from econ.lab.programs import Run
from econ.lab.rewards import program_reward
from econ.lab.runner import run_grid
from tests.lab.conftest import TINY

SAMPLING = TINY | {
    "on_policy": {"steps": 40, "held_out": 64}, "scorer": {"min_steps": 40, "max_steps": 60},
    "pretraining": {"steps": 60, "batch": 64}, "knobs": {"flag_noise": [0.05, 0.05], "coverage": 6},
    "arms": [
        {"method": "nsr_lv", "n": [160]}, {"method": "wr_lv", "n": [160]}, {"method": "rm_ppo", "n": [160]},
        {"method": "nsr_lv_rule", "n": [160]},
        {"method": "bon", "n": [160]}, {"method": "grpo_or", "n": [640]},
        {"method": "oracle", "config": {"lr": 4e-3}},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Path, list[int]]:
    """A finished grid, trained where the truth cannot be read while learned scorers reward; fits counted."""
    out, fits, reading = tmp_path_factory.mktemp("policies") / "out", [], [True]
    patch = pytest.MonkeyPatch()
    world, train, fit = Context.world, policies.train_policies, learned.train_scorers

    def guarded(self, run):
        assert reading[0], "training on labels reads the truth"
        return world(self, run)

    def blind(*args, **kwargs):
        reading[0] = args[2].held_out == 0
        result = train(*args, **kwargs)
        reading[0] = True
        return result

    def counted(arch, base, *args):
        fits.append(len(base))
        reading[0] = False
        result = fit(arch, base, *args)
        reading[0] = True
        return result

    patch.setattr(Context, "world", guarded)
    patch.setattr(policies, "train_policies", blind)
    patch.setattr(learned, "train_scorers", counted)
    run_grid(Grid.model_validate(SAMPLING), out)
    patch.undo()
    return out, fits


def rows(folder: Path) -> pd.DataFrame:
    table = read_measurements(folder / "measurements.parquet")
    return table[table.distribution == "id"].set_index("method")


def test_ledger_in_closed_form(finished):
    table = rows(finished[0])
    for method, judgements, reads, verified, minutes, fixed in (
        ("nsr_lv", 160, 160, 0, 160 * 0.7 + 360, 360), ("wr_lv", 160, 160, 0, 160 * 0.7 + 360, 360),
        ("nsr_lv_rule", 160, 160, 0, 160 * 0.8 + 450, 450),
        ("rm_ppo", 160, 320, 0, 160, 0), ("bon", 160, 320, 0, 160, 0),
        ("grpo_or", 0, 0, 640, 450, 450), ("oracle", 0, 0, 40 * 64, 0, 0),
    ):  # fmt: skip
        own = table.loc[method]
        assert (own.judgements == judgements).all() and (own.completions_read == reads).all(), method
        assert (own.verifications == verified).all() and (own.ai_calls == 0).all(), method
        assert np.allclose(own.human_minutes, minutes) and np.allclose(own.fixed_minutes, fixed), method
    assert (table.loc["grpo_or"].steps == 10).all() and (table.loc["grpo_or"].n == 640).all()
    assert (table.loc[["nsr_lv", "rm_ppo"]].n_validation == 16).all()
    # Scorers are charged to whoever learns from them.
    assert (table.loc["wr_lv"].flops.to_numpy() > table.loc["oracle"].flops.to_numpy()).all()


def test_methods_share_scorers_and_say_how_good_they_are(finished):
    out, fits = finished
    assert fits == [2, 2, 2]
    scorers = pd.read_parquet(out / "scorers.parquet").set_index("run_id")
    table = rows(out)
    quality = {m: scorers.loc[table.loc[m].run_id].reset_index(drop=True) for m in ("nsr_lv", "wr_lv", "rm_ppo", "bon")}
    pd.testing.assert_frame_equal(quality["nsr_lv"], quality["wr_lv"])
    pd.testing.assert_frame_equal(quality["rm_ppo"], quality["bon"])
    assert len(scorers) == 10 and set(scorers.kind) == {"verifier", "rule_verifier", "reward"}
    for method, column, least in (("nsr_lv", "auc_truth", 0.7), ("rm_ppo", "pair_accuracy_labels", 0.55)):
        weak = (quality[method][column] < least).to_numpy()
        assert (table.loc[method].scorer_weak.to_numpy() == weak).all()
    manifest = json.loads((out / "manifest.json").read_text())
    assert sum(p["kind"] == "scorer" for p in manifest["programs"]) == 3


def test_verifiers_with_a_head_for_each_rule_say_how_good_each_sort_is(finished):
    out, _ = finished
    scorers = pd.read_parquet(out / "scorers.parquet").set_index("run_id")
    table, sorts = rows(out), ["auc_context", "auc_conjunction", "auc_order"]
    ruled = scorers.loc[table.loc["nsr_lv_rule"].run_id]
    assert ruled[sorts].notna().any(axis=None) and ((ruled[sorts] >= 0) & (ruled[sorts] <= 1) | ruled[sorts].isna()).all(axis=None)
    assert scorers.loc[table.loc["nsr_lv"].run_id, sorts].isna().all(axis=None)
    own, plain = table.loc["nsr_lv_rule"], table.loc["nsr_lv"]
    assert (own.label_kind == "flag_rule").all() and (own.a == 160).all() and (own.b == 0).all()
    # The same flags say more once they name the rule.
    assert (own.positives.to_numpy() == plain.positives.to_numpy()).all()
    assert (own.bits_harm.to_numpy() > plain.bits_harm.to_numpy()).all()


def test_the_oracle_cuts_violations_or_raises_help(finished):
    table = rows(finished[0])
    oracle = table.loc["oracle"]
    utility = 6 * oracle.helpfulness - 2 * oracle.violation
    assert (utility > 6 * oracle.helpfulness_base - 2 * oracle.violation_base + 0.1).all()
    assert (oracle.violation < oracle.violation_base).all()


def test_best_of_n_keeps_its_known_divergence(finished):
    best = rows(finished[0]).loc["bon"]
    assert np.allclose(best.kl, np.log(16) - 15 / 16, atol=1e-5) and (best.steps == 0).all()
    assert ((best.violation > 0) & (best.violation < 1) & (best.entropy < best.entropy_base)).all()


def test_a_damaged_scorer_is_trained_again(tmp_path, monkeypatch, caplog):
    spec = SAMPLING | {"arms": [{"method": "nsr_lv", "n": [160]}], "worlds": [0], "on_policy": {"steps": 4}}
    whole = run_grid(Grid.model_validate(spec), tmp_path / "whole")
    grid, train = Grid.model_validate(spec), policies.train_policies

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(policies, "train_policies", stop)
    with pytest.raises(KeyboardInterrupt):
        run_grid(grid, tmp_path / "out")
    monkeypatch.setattr(policies, "train_policies", train)
    settings = programs.result_settings(grid, 2)
    runs = programs.plain_runs(grid, grid.arms[0], "develop", (0,), {"flag": 160}, {}, grid.knobs)
    name = programs.scorer_hash(programs.scorer_run(runs[0]), settings)
    path = checkpoint_folder(tmp_path / "out.partial", "cpu") / f"{name}.npz"
    path.write_bytes(path.read_bytes()[:-9])
    assert run_grid(grid, tmp_path / "out")["rows"] == whole["rows"]
    assert "is damaged" in caplog.text
    pd.testing.assert_frame_equal(
        rows(tmp_path / "out").drop(columns="seconds"), rows(tmp_path / "whole").drop(columns="seconds")
    )


def run_of(method: str, **knobs) -> Run:
    kind = METHODS[method].kinds[0]
    return Run("develop", method, 0, 1, ((kind, 128),), Knobs(**knobs), (("lr", 1e-3),))


def test_a_scorer_depends_on_what_it_learns_from_alone():
    assert programs.scorer_run(run_of("nsr_lv")) == programs.scorer_run(run_of("grpo_lv", verifier_error=0.2))
    assert programs.scorer_run(run_of("rm_ppo")) == programs.scorer_run(run_of("bon"))
    assert programs.scorer_run(run_of("nsr_lv", v=0.5)) != programs.scorer_run(run_of("nsr_lv"))
    settings = programs.result_settings(Grid.model_validate(TINY), 2)
    run = programs.scorer_run(run_of("nsr_lv"))
    shorter = settings | {"evaluation": settings["evaluation"] | {"samples": 2}, "candidates": 5}
    assert programs.scorer_hash(run, settings) == programs.scorer_hash(run, shorter)
    faster = settings | {"scorer": settings["scorer"] | {"lr": 1e-3}}
    assert programs.scorer_hash(run, settings) != programs.scorer_hash(run, faster)


@pytest.mark.parametrize("n", [63, 65, 0])
def test_verifications_are_bought_by_the_step(n):
    with pytest.raises(ValueError, match="multiples of 64"):
        Grid.model_validate(TINY | {"arms": [{"method": "nsr_or", "n": [n]}]})


# A programmatic verifier ---------------------------------------------------------------------------
class _Fake:
    """A context of one world whose pool is all combinations."""

    def __init__(self, run: Run) -> None:
        from econ.lab.evaluation import Setting
        from econ.lab.pool import Pool
        from econ.lab.scoring import Scorer
        from econ.lab.world import draw_world

        self.own, self.device, self.settings = draw_world(1, 0), "cpu", {"seed": 1}
        combo = np.arange(512)
        self.pool = Pool(combo, np.full(512, 4), np.zeros((512, 1, 6), np.int64), np.zeros((512, 1), np.float32))
        self._setting = Setting(self.own, Scorer(self.own), 0.85, run.knobs.coverage)

    def base(self, run):
        return self

    def world(self, run):
        return self.own

    def setting(self, run):
        return self._setting


def verdicts(run: Run, repeat: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Rewards of random responses, and whether a drafted rule is truly broken."""
    fake = _Fake(run)
    make = torch.Generator().manual_seed(3)
    prompt = torch.randint(512, (800,), generator=make).repeat(repeat)
    response = torch.randint(5, 32, (800, 6), generator=make)
    response[:, 0] = torch.randint(5, (800,), generator=make)
    response = response.repeat(repeat, 1)
    found = program_reward(fake, [run])(torch.tensor([0]), prompt[None], response[None])[0]
    scorer = fake.setting(run).scorer
    return found, (scorer(prompt, response).broken & scorer.drafted(run.knobs.coverage)) != 0


def test_a_verifier_without_error_knows_the_drafted_rules_and_no_others():
    found, broken = verdicts(run_of("nsr_or", coverage=3))
    assert torch.equal(found < 0, broken) and 0 < broken.float().mean() < 1


def test_systematic_errors_repeat_and_others_do_not():
    for errors, alike in (("systematic", True), ("iid", False)):
        found, broken = verdicts(run_of("nsr_or", verifier_error=0.2, verifier_errors=errors), repeat=2)
        assert torch.equal(found[:800], found[800:]) is alike
        turned = (found < 0) != broken
        assert 0.1 < float(turned.float().mean()) < 0.6


def test_a_refusal_is_never_called_a_violation():
    run = run_of("nsr_or", verifier_error=0.5)
    response = torch.randint(5, 32, (1, 50, 6))
    response[..., 0] = 4
    assert (program_reward(_Fake(run), [run])(torch.tensor([0]), torch.arange(50)[None], response) == 1).all()
