"""Feedback written by rules: the critic, revisions that keep to its masks, comparisons, and what they cost."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from econ.core.random import uniform
from econ.core.shipped import shipped_path
from econ.core.yaml_files import read_yaml
from econ.lab import losses, programs, reference
from econ.lab.accounting import (
    KINDS,
    USD_PER_AI_CALL,
    Usage,
    entropy_bits,
    information_of_levels,
    label_ledger,
)
from econ.lab.constitutional import (
    compare_samples,
    revise,
    revise_samples,
    train_comparisons,
    train_revisions,
)
from econ.lab.constitutional_rl import pairs_of, preference_loss, train_ai_feedback
from econ.lab.critic import NO_RULE, Critic
from econ.lab.execute import execute
from econ.lab.grid import Arm, Grid
from econ.lab.job import Context, Job, architecture
from econ.lab.knobs import Knobs
from econ.lab.methods import METHODS
from econ.lab.model import Architecture, Decoder, initial_parameters
from econ.lab.rows import table_rows
from econ.lab.store import Store
from econ.lab.training_state import Saver
from econ.lab.world import WORLD_A, draw_world
from tests.lab.conftest import TINY

INDEX = np.arange(4000)


@pytest.fixture(scope="module")
def world():
    return draw_world(1, 11)


@pytest.fixture(scope="module")
def answers():
    """Combinations and responses with many violations and a few refusals."""
    u = uniform(3, 1, 0, 0, np.arange(len(INDEX) * 7)).reshape(len(INDEX), 7)
    first, rest = np.floor(u[:, :1] * 5), 5 + np.floor(u[:, 1:6] * 27)
    return np.floor(u[:, 6] * 512).astype(int), np.concatenate([first, rest], 1).astype(int)


# The critic ----------------------------------------------------------------------------------------
def test_offending_positions_are_those_that_break_the_rule(world, answers):
    combo, response = answers
    critic = Critic(world, 1, 8, 0.0)
    by_rule = np.stack(
        [critic.offending(combo, response, np.full(len(combo), k)).any(1) for k in range(8)], 1
    )
    for i in range(0, len(combo), 20):
        assert by_rule[i].tolist() == reference.violations(world, int(combo[i]), response[i].tolist())
    # Without the rule's tokens there, nothing is left to revise.
    rule = critic.rules(0, INDEX)
    at, harmless = critic.offending(combo, response, rule), response.copy()
    harmless[at] = 0
    assert not critic.offending(combo, harmless, rule).any() and at.any(1).sum() > 100
    assert critic.masked(rule)[np.arange(len(rule))[:, None], response][at].all()


def test_omitted_rules_do_not_exist_for_the_critic(world, answers):
    combo, response = answers
    critic = Critic(world, 1, 3, 0.0)
    drafted = set(world.drafted_order[:3].tolist())
    for item in range(4):
        rule = critic.rules(item, INDEX)
        assert set(rule.tolist()) == drafted
        named = critic.critique(combo, response, rule, item, INDEX)
        assert np.array_equal(named, critic.offending(combo, response, rule))
        omitted = [k for k in range(8) if k not in drafted]
        clean = ~np.stack(
            [critic.offending(combo, response, np.full(len(combo), k)).any(1) for k in drafted]
        ).any(0)
        broken = np.stack(
            [critic.offending(combo, response, np.full(len(combo), k)).any(1) for k in omitted]
        ).any(0)
        assert (clean & broken).sum() > 100 and not named[clean & broken].any()
    nobody = Critic(world, 1, 0, 0.5)
    rule = nobody.rules(0, INDEX)
    assert (rule == NO_RULE).all() and not nobody.masked(rule).any()
    assert not nobody.critique(combo, response, rule, 0, INDEX).any()
    assert not nobody.compare(combo, np.stack([response, response], 1), rule, INDEX).any()


def test_the_critic_errs_at_its_rate_and_a_false_alarm_names_one_slot(world, answers):
    combo, response = answers
    critic = Critic(world, 1, 8, 0.2)
    rule = critic.rules(0, INDEX)
    broken = critic.offending(combo, response, rule).any(1)
    refused = response[:, 0] == world.shape.refuse
    named = critic.critique(combo, response, rule, 0, INDEX)
    assert named[broken].any(1).mean() == pytest.approx(0.8, abs=0.05)
    sound = ~broken & ~refused
    assert named[sound].any(1).mean() == pytest.approx(0.2, abs=0.03)
    assert set(named[sound].sum(1)) == {0, 1} and not named[sound, 0].any()
    assert not named[refused].any()
    verdicts = critic.compare(combo, np.stack([response, response], 1), rule, INDEX)
    wrong = verdicts != broken[:, None]
    assert wrong.mean(0) == pytest.approx([0.2, 0.2], abs=0.03) and (wrong[:, 0] != wrong[:, 1]).any()


def test_bits_of_comparisons_have_the_closed_form(world, answers):
    combo, response = answers
    pairs = np.stack([response, np.roll(response, 1, 0)], 1)
    for noise in (0.0, 0.5):
        critic = Critic(world, 1, 8, noise)
        rule = critic.rules(0, INDEX)
        truth = np.stack([critic.offending(combo, pairs[:, j], rule).any(1) for j in (0, 1)], 1)
        total, harm = critic.comparison_bits(combo, pairs, rule, truth)
        shares = np.bincount(truth[:, 0].astype(int) - truth[:, 1] + 1) / len(truth)
        noise_free = float(-(shares * np.log2(shares)).sum())
        assert total == pytest.approx(noise_free if noise == 0 else 0.0, abs=1e-9)
        assert harm == pytest.approx(total, abs=1e-9)


def test_information_of_two_levels_is_that_of_a_coin():
    p, group = np.array([0.1, 0.9, 0.1, 0.9]), np.array([0, 1, 0, 1])
    both = information_of_levels(np.stack([p, 1 - p], 1), group)
    assert both == pytest.approx(1 - float(entropy_bits(0.1)))


# Soft labels ---------------------------------------------------------------------------------------
def test_soft_labels_are_clipped_and_ties_count_half():
    broken = torch.tensor([[False, True], [True, False], [True, True], [False, False]])
    for noise, sure in ((0.0, 0.98), (0.02, 0.98), (0.2, 0.8), (0.5, 0.5)):
        soft = losses.soft_preference(broken[:, 0], broken[:, 1], noise)
        assert soft.tolist() == pytest.approx([sure, 1 - sure, 0.5, 0.5], abs=1e-6)
        assert ((soft >= 0.02 - 1e-7) & (soft <= 0.98 + 1e-7)).all()


def test_soft_dpo_is_dpo_when_certain_and_cdpo_in_between():
    h_0, h_1 = torch.tensor([0.3, -1.0]), torch.tensor([0.1, 0.7])
    assert torch.equal(losses.soft_dpo(h_0, h_1, 0.3, torch.ones(2)), losses.dpo(h_0, h_1, 0.3))
    assert torch.equal(
        losses.soft_dpo(h_0, h_1, 0.3, torch.full((2,), 0.75)), losses.cdpo(h_0, h_1, 0.3, 0.25)
    )
    swapped = losses.soft_dpo(h_1, h_0, 0.3, torch.full((2,), 0.25))
    assert float(swapped) == pytest.approx(float(losses.soft_dpo(h_0, h_1, 0.3, torch.full((2,), 0.75))))


# Revision ------------------------------------------------------------------------------------------
def test_a_revision_uses_no_masked_token_and_touches_nothing_else():
    arch = Architecture(WORLD_A, layers=1, width=16)
    flat = initial_parameters(arch, 1, [0, 1])
    draws = torch.Generator().manual_seed(1)
    prompt = torch.randint(0, 8, (2, 40, 4), generator=draws) + torch.tensor([0, 8, 16, 21])
    response = torch.randint(0, 32, (2, 40, 6), generator=draws)
    named = torch.rand(2, 40, 6, generator=draws) < 0.5
    masked = torch.rand(2, 40, 32, generator=draws) < 0.8
    masked[..., 7] = False
    noise = torch.rand(2, 40, 6, 32, generator=draws) * 20

    def go(runs: slice) -> torch.Tensor:
        decoder = Decoder(arch, flat[runs], prompt[runs])
        return revise(decoder, response[runs], named[runs], masked[runs], noise[runs])

    revised = go(slice(None))
    assert torch.equal(revised[~named], response[~named])
    assert not masked.gather(2, revised)[named].any()
    assert (revised != response).sum() > 100
    assert torch.equal(go(slice(1, 2))[0], revised[1])


# Training ------------------------------------------------------------------------------------------
#: Worlds whose first two drafted rules are in force everywhere.
WORLDS = (31, 63)
ARMS = [{"method": "base"}]
SPEC = TINY | {"worlds": WORLDS} | {
    "on_policy": {"steps": 6, "held_out": 16, "check_every": 3}, "scorer": {"min_steps": 10, "max_steps": 20},
    "pretraining": {"steps": 80, "batch": 128}, "training": {"max_steps": 40}, "runs_per_batch": 8, "arms": ARMS,
}  # fmt: skip


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """Base models of two worlds with their pools."""
    torch.set_num_threads(1)
    folder, grid = tmp_path_factory.mktemp("bases"), Grid.model_validate(SPEC)
    for task in programs.pretraining_tasks([grid.knobs], grid.worlds, programs.result_settings(grid, 2)):
        execute(task, folder)
    return folder


@pytest.fixture
def make_job(bases, tmp_path):
    """A job of one method, in a folder of its own with the bases in it."""

    def make(
        method: str, n: int, worlds=WORLDS, knobs=None, configs=({},), training=None, folder="own"
    ) -> Job:
        target = tmp_path / folder
        if not target.exists():
            shutil.copytree(bases, target)
        grid = Grid.model_validate(SPEC | {"training": training or SPEC["training"]})
        settings = programs.result_settings(grid, 2)
        arm = Arm(method=method, n=(n,))
        runs = [
            run
            for config in configs
            for run in programs.plain_runs(
                grid, arm, "develop", worlds, arm.budgets()[0], config, knobs or Knobs()
            )
        ]
        context = Context(settings, Store(target), "cpu")
        base = torch.stack([context.base(run).flat for run in runs])
        return Job(architecture(settings), METHODS[method], runs, base, context, Saver(target / "state.npz"))

    return make


def drafted_share(job: Job, run: programs.Run, responses: np.ndarray) -> float:
    """Share of responses to the first prompts of a run's pool that break a drafted rule."""
    scorer, combo = job.context.setting(run).scorer, job.context.base(run).pool.combo[: len(responses)]
    broken = scorer(torch.as_tensor(combo), torch.as_tensor(responses)).broken
    return float((broken & scorer.drafted(run.knobs.coverage) != 0).float().mean())


def test_revisions_of_a_smaller_budget_are_the_first_of_a_larger(make_job):
    few, many = (revise_samples(make_job("cai_sl", n)) for n in (70, 300))
    for small, large in zip(few, many, strict=True):
        assert len(small) == 70 and np.array_equal(small.responses, large.responses[:70])
    job = make_job("cai_sl", 300)
    pools = [job.context.base(run).pool for run in job.runs]
    changed = [
        (own.responses[:, 0] != pool.responses[:300, 0]).any(1).mean()
        for own, pool in zip(many, pools, strict=True)
    ]
    assert all(0.05 < share < 0.6 for share in changed)


def test_samples_to_compare_are_nested_too_and_differ_from_each_other(make_job):
    jobs = [make_job("cai_dpo", n) for n in (70, 300)]
    few, many = (compare_samples(job, job.base) for job in jobs)
    assert np.array_equal(few[1].responses, many[1].responses[:70])
    assert np.array_equal(few[1].reference, many[1].reference[:70])
    assert np.array_equal(few[1].flagged, many[1].flagged[:70])
    assert (many[0].responses[:, 0] != many[0].responses[:, 1]).any(1).mean() > 0.9
    assert 0 < many[0].bits_harm < many[0].bits_total


@pytest.mark.parametrize("method, trainer", [("cai_sl", train_revisions), ("cai_dpo", train_comparisons)])
def test_a_run_alone_equals_the_run_in_a_batch(make_job, method, trainer):
    # Fewer labels than those from which on some validate: the last step is kept, whatever it is.
    whole = trainer(make_job(method, 120, configs=({}, {"lr": 2e-4})))
    alone = trainer(make_job(method, 120, worlds=WORLDS[1:], folder="other"))
    assert torch.equal(alone.outcome.flat[0], whole.outcome.flat[1])
    assert not torch.equal(whole.outcome.flat[1], whole.outcome.flat[3])
    assert alone.usage[0] == whole.usage[1]


def test_the_first_stage_is_trained_once_and_stored(make_job, monkeypatch):
    job = make_job("cai_dpo", 100, configs=({"beta": 0.1}, {"beta": 0.5}))
    before = set(job.context.store.folder.glob("*.npz"))
    first = train_comparisons(job)
    assert len(set(job.context.store.folder.glob("*.npz")) - before) == 2

    def never(*_):
        raise AssertionError("the first stage was trained again")

    monkeypatch.setattr("econ.lab.constitutional.revise_samples", never)
    again = train_comparisons(replace(job, saver=Saver(job.saver.path)))
    assert torch.equal(again.outcome.flat, first.outcome.flat) and again.usage == first.usage
    with pytest.raises(AssertionError, match="again"):
        train_comparisons(make_job("cai_dpo", 100, configs=({"sl_lr": 2e-3},)))


def test_comparisons_start_from_and_refer_to_the_first_stage(make_job):
    """At a rate of nothing, the policy of the second stage is that of the first, not the base model."""
    job = make_job("cai_dpo", 100, worlds=WORLDS[:1], configs=({"lr": 0.0},))
    rate = {"lr": METHODS["cai_dpo"].config["sl_lr"]}
    first = train_revisions(make_job("cai_sl", 100, worlds=WORLDS[:1], configs=(rate,)))
    second = train_comparisons(job)
    assert torch.equal(second.outcome.flat, first.outcome.flat)
    assert not torch.equal(second.outcome.flat, job.base)


def test_revisions_end_violations_of_drafted_rules_and_learning_from_them_cuts_the_policys(make_job):
    """Two rules drafted, in force everywhere; the critic draws a rule four times, so it misses one in eight."""
    assert all(set(draw_world(1, number).drafted_order[:2]) == {6, 7} for number in WORLDS)
    job = make_job(
        "cai_sl", 4096, knobs=Knobs(coverage=2, critic_noise=0.0), configs=({"lr": 1e-3},),
        training={"max_steps": 100, "validation_from": 10_000},
    )  # fmt: skip
    for run, own in zip(job.runs, revise_samples(job), strict=True):
        before = job.context.base(run).pool.responses[:4096, 0]
        assert drafted_share(job, run, own.responses[:, 0]) < 0.25 * drafted_share(job, run, before)
    rows = [row for row in table_rows(job, train_revisions(job)) if row["distribution"] == "id"]
    base = job.context.evaluate(job.arch, job.base, job.base, job.runs, 1)
    for row, own in zip(rows, [metrics["id"] for metrics in base], strict=True):
        assert row["violation_drafted"] < 0.9 * own["violation_drafted"]
        assert row["helpfulness"] > 0.9 * own["helpfulness"]


# Reinforcement learning ----------------------------------------------------------------------------
def test_the_preference_model_learns_soft_and_hard_labels():
    scores = torch.tensor([[[0.3, -1.0], [0.1, 0.7]]], dtype=torch.float64)
    hard, soft = torch.ones(1, 2, 1, dtype=torch.float64), torch.full((1, 2, 1), 0.75, dtype=torch.float64)
    pair = (scores[..., 0], scores[..., 1], 1.0)
    assert float(preference_loss(scores, hard).mean()) == pytest.approx(float(losses.dpo(*pair)))
    assert float(preference_loss(scores, soft).mean()) == pytest.approx(float(losses.cdpo(*pair, 0.25)))


def test_reinforcement_learning_from_ai_feedback(make_job, monkeypatch):
    """A run alone equals the run in a batch; both models are trained once; the ledger counts both kinds."""
    job = make_job("cai_rl", 150, configs=({}, {"beta_kl": 0.3}))
    assert job.runs[0].labels == {"critic_pair": 120, "preference": 30}
    whole = train_ai_feedback(job)
    alone = train_ai_feedback(make_job("cai_rl", 150, worlds=WORLDS[1:], folder="other"))
    assert torch.equal(alone.outcome.flat[0], whole.outcome.flat[1]) and alone.usage[0] == whole.usage[1]
    assert not torch.equal(whole.outcome.flat[1], whole.outcome.flat[3])
    row = table_rows(job, whole)[0]
    assert row["n"] == 150 and row["b"] == 30 and row["ai_calls"] == 120 * 9
    assert row["judgements"] == 120 * 6 + 30 and row["n_validation"] == 15
    assert row["human_minutes"] == 8 * 75 + 30 and row["usd"] == pytest.approx(2 * 630 + 0.01 * 1080)
    assert [facts["kind"] for facts in whole.scorers] == ["reward"] * 4

    def never(*_, **__):
        raise AssertionError("trained again")

    for name in ("constitutional.revise_samples", "constitutional_rl.train_scorers"):
        monkeypatch.setattr(f"econ.lab.{name}", never)
    again = train_ai_feedback(replace(job, saver=Saver(job.saver.path)))
    assert torch.equal(again.outcome.flat, whole.outcome.flat)


def test_human_pairs_of_ai_feedback_are_about_helpfulness_alone(make_job):
    job = make_job("cai_rl", 500, worlds=WORLDS[:1], knobs=Knobs(harm_weight=100.0))
    run = job.runs[0]
    human = pairs_of(job, run, compare_samples(job, job.base)[0]).human
    plain = job.context.raters(run, job.context.base(run).pool).give("preference", 100)
    assert (human.responses != plain.responses).any() and human.bits_harm < 0.5 * plain.bits_harm


# Costs ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "kind, calls, judgements, reads",
    [("critic_revision", 8, 4, 8), ("critic_base_pair", 1, 2, 2), ("critic_pair", 9, 6, 10)],
)
def test_ledger_of_rule_written_feedback_in_closed_form(kind, calls, judgements, reads):
    ledger = label_ledger({kind: 1000}, 0, {kind: (0.4, 0.1)}, 6, Usage(5.0))
    assert ledger.ai_calls == 1000 * calls and ledger.judgements == 1000 * judgements
    assert ledger.completions_read == 1000 * reads and ledger.verifications == 0 and ledger.positives == 0
    assert ledger.human_minutes == ledger.fixed_minutes == 6 * (60 + 15)
    assert ledger.usd == pytest.approx(2.0 * 450 + 0.01 * 1000 * calls)
    assert (
        ledger.bits_total == pytest.approx(400)
        and ledger.bits_harm == pytest.approx(100)
        and ledger.flops == 5.0
    )


def test_an_ai_call_costs_what_the_shipped_prices_say():
    with shipped_path("calibration/parameters.csv").open(encoding="utf-8") as lines:
        by_name = {row["name"]: row for row in csv.DictReader(lines)}
    assert float(by_name["ai_price_preference"]["value"]) == USD_PER_AI_CALL
    book = read_yaml(shipped_path("calibration/prices/default.yaml")).data
    assert book["critic"]["usd"]["lognormal"][0] == USD_PER_AI_CALL
    assert book["critic"]["minutes"] == KINDS["critic_pair"].minutes == 0


def test_row_of_a_run_has_its_ledger(make_job):
    job = make_job("cai_dpo", 200, worlds=WORLDS[:1])
    trained = train_comparisons(job)
    row = table_rows(job, trained)[0]
    assert (
        row["n"] == 200
        and row["ai_calls"] == 1800
        and row["judgements"] == 1200
        and row["n_validation"] == 20
    )
    assert row["label_kind"] == "critic" and row["a"] == 0 and row["b"] == 0
    assert row["human_minutes"] == 600 and row["usd"] == pytest.approx(1218)
    tokens, steps = 9 * job.arch.parameters, int(trained.outcome.steps[0])
    first = 33  # steps of the first stage: 12 * 180 // 64
    expected = 2 * tokens * 200 * 5 + 6 * tokens * 64 * first + 2 * tokens * 20 * (first / 20 + 1)
    expected += 2 * (2 * tokens * 200 + 6 * tokens * 64 * steps + 2 * tokens * 20 * (steps / 20 + 1))
    assert row["flops"] == pytest.approx(expected)
