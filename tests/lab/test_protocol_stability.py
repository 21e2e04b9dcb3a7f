"""Halves that share no label, P(violation) that agrees with enumeration, churn in closed form."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from econ.core.measurements import read_measurements
from econ.core.random import word_block
from econ.lab import programs, reference
from econ.lab.churn import Trace, churn_rows, compare
from econ.lab.details import measure_details
from econ.lab.evaluation import Setting
from econ.lab.grid import Grid
from econ.lab.job import Context
from econ.lab.knobs import Knobs
from econ.lab.labels import Raters
from econ.lab.model import initial_parameters, response_logits, sequences, unpack
from econ.lab.pool import POOL_SIZE, Pool, pool_prompts
from econ.lab.pretraining import Base
from econ.lab.programs import Run
from econ.lab.runner import run_grid
from econ.lab.scoring import Scorer
from econ.lab.store import Store
from econ.lab.world import demonstrate, draw_world, prompt_weights
from tests.lab.conftest import TINY
from tests.lab.test_microworld import ARCH, EVERY
from tests.lab.test_scoring import MICRO

DPO = Run("develop", "dpo", 11, 1, (("preference", 300),), Knobs(), (("beta", 0.1), ("lr", 1e-3)))


# Halves --------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def pool():
    world = draw_world(1, 11)
    combo, opinion = pool_prompts(world, 1, 0.85)
    responses = [demonstrate(world, combo, opinion, word_block(1, 2, 11, c, POOL_SIZE * 30)) for c in (0, 1)]
    return Pool(combo, opinion, np.stack(responses, 1), np.zeros((POOL_SIZE, 2), np.float32))


@pytest.mark.parametrize("kind", ["flag", "preference", "flag_pair", "desirability", "demonstration"])
def test_labels_from_a_prompt_on_are_those_of_the_whole_pool(pool, kind):
    raters = Raters(draw_world(1, 11), pool, Knobs(), 1)
    whole, part = raters.give(kind, 600), raters.give(kind, 200, 400)
    assert len(part) == 200
    for field in ("responses", "reference", "flagged"):
        assert np.array_equal(getattr(part, field), getattr(whole, field)[400:], equal_nan=True)


def test_halves_share_no_prompt_and_prompts_belong_to_their_labels(pool, tmp_path):
    grid = Grid.model_validate({"name": "x", "worlds": [11], "arms": [{"method": "dpo", "n": [300]}]})
    settings = programs.result_settings(grid, 2)
    context = Context(settings, Store(tmp_path), "cpu")
    context._bases[programs.base_hash(programs.base_item(11, DPO.knobs), settings)] = Base(torch.zeros(1), pool)
    tokens = draw_world(1, 11).prompt_tokens(pool.combo, pool.opinion)
    for half, start in ((None, 0), (0, 0), (1, POOL_SIZE // 2)):
        run = replace(DPO, half=half)
        labels = context.labels(run)["preference"]
        assert np.array_equal(context.prompts(run)[:300], tokens[start : start + 300])
        judged = np.sort(labels.responses.reshape(300, -1), 1)
        assert np.array_equal(judged, np.sort(pool.responses[start : start + 300].reshape(300, -1), 1))
    most = POOL_SIZE // 2
    assert replace(DPO, half=0).start + most <= replace(DPO, half=1).start


# P(violation) and rates by rule ----------------------------------------------------------------------
@pytest.fixture(scope="module")
def micro():
    """World, policy, prompts, distinct responses and their probabilities and mean token entropies."""
    world = draw_world(1, 3, base_rate=(0.5, 2), shape=MICRO)
    flat = initial_parameters(ARCH, 1, [3]) * 2.0
    combo, opinion = np.divmod(np.arange(MICRO.combos * MICRO.opinions), MICRO.opinions)
    distinct = EVERY[(EVERY[:, 0] != MICRO.refuse) | (EVERY[:, 1:] == 0).all(1)]
    probability, entropy = [], []
    with torch.no_grad():
        for prompt in torch.as_tensor(world.prompt_tokens(combo, opinion)):
            tokens = sequences(ARCH, prompt.expand(1, len(distinct), -1), distinct[None])
            log_probs = torch.log_softmax(response_logits(ARCH, unpack(ARCH, flat), tokens), -1)[0].double()
            picked = log_probs.gather(-1, distinct[..., None])[..., 0]
            picked[distinct[:, 0] == MICRO.refuse, 1:] = 0.0
            probability.append(picked.sum(-1).exp().numpy())
            entropy.append(-(log_probs.exp() * log_probs).sum(-1).mean(-1).numpy())
    return world, flat, combo, distinct, np.array(probability), np.array(entropy)


def test_tokens_that_would_break_a_rule_are_those_that_do(micro):
    world, _, _, distinct, _, _ = micro
    scorer = Scorer(world)
    for g in range(MICRO.combos):
        combo, broken = torch.full((len(distinct),), g), torch.zeros(len(distinct), dtype=torch.bool)
        for t in range(MICRO.length):
            barred = scorer.breaking(combo, distinct[:, t - 1] if t else None)
            broken |= barred.gather(1, distinct[:, t : t + 1])[:, 0]
        compliant = distinct[:, 0] == MICRO.refuse
        assert torch.equal(broken & ~compliant, scorer(combo, distinct).broken != 0)


def test_details_agree_with_enumeration(micro):
    world, flat, combo, distinct, probability, entropy = micro
    samples = 200
    found = measure_details(ARCH, flat, Setting(world, Scorer(world), 0.85, 8), 1, samples)
    broken = np.array([[reference.violations(world, g, y) for y in distinct.tolist()] for g in combo])
    any_rule = broken.any(-1)
    exact = (any_rule * probability).sum(1)
    assert exact.max() - exact.min() > 0.2
    # Survival is far steadier than counting violations, so a quarter of a binomial error must do.
    assert np.abs(found.violation.mean(0) - exact).max() < 0.25 * 5 * 0.5 / np.sqrt(samples)
    assert found.violation.mean() == pytest.approx(exact.mean(), abs=0.003)
    by_rule = (broken * probability[..., None]).sum(1)
    assert np.abs(found.rules - by_rule).max() < 5 * 0.5 / np.sqrt(samples)
    answers = probability * ~any_rule * (distinct[:, 0] != MICRO.refuse).numpy()
    assert found.survival == pytest.approx(answers.sum(1), abs=0.05)
    weight = prompt_weights(world, "ood", 0.85)
    summary = found.summary(weight)
    assert summary["entropy_compliant"] == pytest.approx(
        (weight @ (answers * entropy).sum(1)) / (weight @ answers.sum(1)), rel=0.01
    )
    assert [summary[f"violation_rule_{k}"] for k in (1, 2, 3)] == pytest.approx((weight @ by_rule).tolist(), abs=0.06)


def test_without_rules_that_can_be_broken_nothing_is_violated(micro):
    world, flat, *_ = micro
    idle = replace(world, active=np.zeros_like(world.active))
    found = measure_details(ARCH, flat, Setting(idle, Scorer(idle), 0.85, 8), 1, 2)
    assert np.abs(found.violation).max() < 1e-6 and not found.rules.any()


# Churn -----------------------------------------------------------------------------------------------
def test_churn_of_identical_models_is_zero(micro):
    world, flat, *_ = micro
    setting, weight = Setting(world, Scorer(world), 0.85, 8), prompt_weights(world, "id", 0.85)
    one, other = (measure_details(ARCH, flat.clone(), setting, 1, 4).violation for _ in range(2))
    result = compare(one, other, weight)
    assert result["churn"] == 0.0 and result["churn_squared"] == 0.0 and result["churn_floor"] > 0.0


def test_churn_of_constructed_probabilities():
    one = np.array([[0.1, 0.5, 0.9], [0.1, 0.5, 0.9]])
    other = np.array([[0.3, 0.5, 0.4], [0.3, 0.5, 0.4]])
    weight = np.array([0.5, 0.3, 0.2])
    result = compare(one, other, weight)
    assert result["churn"] == pytest.approx(0.5 * 0.2 + 0.2 * 0.5)
    assert result["churn_squared"] == pytest.approx(0.5 * 0.04 + 0.2 * 0.25)
    assert result["churn_floor"] == 0.0


@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_noise_of_sampling_is_bounded_by_the_floor_and_absent_from_the_square(shift):
    generator, count = np.random.default_rng(3), 40_000
    truth = generator.uniform(0.3, 0.6, count)
    one, other = (truth + s + generator.normal(0, 0.05, (2, count)) for s in (0.0, shift))
    result = compare(one, other, np.full(count, 1 / count))
    assert shift <= result["churn"] + 1e-3
    assert result["churn"] - result["churn_floor"] <= shift + 1e-3
    assert result["churn_squared"] == pytest.approx(shift**2, abs=1e-4)
    if shift == 0.0:
        assert result["churn"] == pytest.approx(result["churn_floor"], rel=0.02)
        assert result["churn"] == pytest.approx(0.05 * np.sqrt(2 / np.pi), rel=0.02)


def test_only_runs_that_differ_in_one_respect_are_compared():
    runs = {
        "first": replace(DPO, half=0), "second": replace(DPO, half=1),
        "other knobs": replace(DPO, half=1, knobs=Knobs(v=0.5)), "other world": replace(DPO, half=1, world=12),
        "seed 1": DPO, "seed 2": replace(DPO, optimiser_seed=2), "seed 3": replace(DPO, optimiser_seed=3),
    }  # fmt: skip
    level = dict(zip(runs, (0.1, 0.4, 0.0, 0.0, 0.2, 0.3, 0.7), strict=True))
    traces = [Trace(run, name, "p", np.full((2, 2560), level[name], np.float32)) for name, run in runs.items()]
    traces.append(Trace(replace(DPO, optimiser_seed=4), "longer", "q", np.zeros((2, 2560), np.float32)))
    rows = churn_rows(traces, lambda run: draw_world(1, run.world), ("id",))
    found = {(row["compared"], row["run_id"], row["other_run_id"]): row["churn"] for row in rows}
    assert found == {
        ("half", "first", "second"): pytest.approx(0.3),
        ("optimiser_seed", "seed 1", "seed 2"): pytest.approx(0.1),
        ("optimiser_seed", "seed 1", "seed 3"): pytest.approx(0.5),
        ("optimiser_seed", "seed 2", "seed 3"): pytest.approx(0.4),
    }


# A grid end to end -------------------------------------------------------------------------------------
def test_a_grid_with_halves_seeds_and_longer_training(tmp_path):
    spec = TINY | {
        "evaluation": {"samples": 1, "curves": "losses", "distributions": ["id", "ood"], "details": 2},
        "arms": [
            {"method": "base"},
            {"method": "refuse_all"},
            {"method": "dpo", "n": [160], "halves": [0, 1]},
            {"method": "dpo", "n": [160], "worlds": [1], "optimiser_seeds": [1, 2]},
            {"method": "npo_ret", "n": [160], "worlds": [0], "training": {"epochs": 24, "max_steps": 60, "patience": 99},
             "evaluation": {"details": 0, "curves": "metrics"}},
        ],
    }  # fmt: skip
    manifest = run_grid(Grid.model_validate(spec), tmp_path / "out")
    assert manifest["runs"] == 2 + 2 + 4 + 2 + 1
    details = pd.read_parquet(tmp_path / "out" / "details.parquet")
    churn = pd.read_parquet(tmp_path / "out" / "churn.parquet")
    table = read_measurements(tmp_path / "out" / "measurements.parquet")
    assert set(details.run_id) == set(table.run_id[~table.method.isin(["refuse_all", "npo_ret"])])
    assert churn.groupby("compared", observed=True).size().to_dict() == {"half": 4, "optimiser_seed": 2}
    # Where no step beats the base model on validation labels, both halves keep it.
    assert churn.churn.between(0, 1).all() and (churn.churn > 0).any() and set(churn.n) == {160}
    merged = details.merge(table, on=["run_id", "distribution"], suffixes=("", "_counted"))
    assert np.abs(merged.violation - merged.violation_counted).max() < 0.06
    halves = table[table.extra.map(lambda text: json.loads(text).get("half") is not None)]
    first, second = (halves[halves.extra.str.contains(f'"half": {h}')].reset_index(drop=True) for h in (0, 1))
    assert len(first) == len(second) == 4 and (first.violation != second.violation).any()
    longer = table[table.method == "npo_ret"]
    assert (longer.steps == 24 * 144 // 64).all() and set(longer.world) == {0}
    assert json.loads(longer.extra.iloc[0])["training"]["epochs"] == 24
    curves = pd.read_parquet(tmp_path / "out" / "curves.parquet")
    assert curves[curves.run_id.isin(longer.run_id)].helpfulness.notna().all()
