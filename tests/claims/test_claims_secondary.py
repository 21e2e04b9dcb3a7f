"""Exploratory effects with known answers: what lies beside a measurement table, and spread that means hide."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from claims_tables import BASE, WORLDS, arm, constant, context, world_effect

from econ.claims.assess import Assessment
from econ.claims.context import Context
from econ.claims.passes import PASSES, at_matched_level
from econ.claims.reading import evidence_of
from econ.claims.resampling import Resampler
from econ.claims.secondary import secondary_effects
from econ.core.errors import InputError
from econ.core.measurements import PASS_AT, check_measurements

FEW = WORLDS[:8]


def effects(of, hypothesis, beginning):
    """Exploratory effects of a hypothesis whose text begins so."""
    return [e for e in secondary_effects(of) if e.hypothesis == hypothesis and e.text.startswith(beginning)]


def stored(folder, frames, **beside):
    """Context of a table in a folder with other tables beside it."""
    table = check_measurements(pd.concat(frames, ignore_index=True), "x")
    table.to_parquet(folder / "measurements.parquet")
    for name, rows in beside.items():
        pd.DataFrame(rows).to_parquet(folder / f"{name}.parquet")
    return Context(evidence_of([("x", folder / "measurements.parquet", table)]), Resampler(1, 1000))


# World B --------------------------------------------------------------------------------------------
#: (pass@1, pass@256) along training of each method.
PATHS = {"nsr_or": [(0.40, 0.99), (0.50, 0.98), (0.60, 0.96)], "ppo_or": [(0.40, 0.99), (0.55, 0.90)], "grpo_or": [(0.40, 0.99), (0.45, 0.985)]}


def _world_b(paths=PATHS, worlds=FEW):
    frames, curves = [], []
    for method, path in paths.items():
        passes = {name: np.interp(i, (0, len(PASS_AT) - 1), path[-1]) for i, name in enumerate(PASSES)}
        own = arm(method, constant(1.0), n=(38400,), worlds=worlds, task="B", tuned=False, best_step=len(path) - 1, steps=len(path) - 1, **passes)
        frames.append(own)
        for run in own["run_id"].unique():
            for step, (first, last) in enumerate(path):
                at = {name: np.interp(i, (0, len(PASS_AT) - 1), (first, last)) for i, name in enumerate(PASSES)}
                curves += [{"run_id": run, "step": step, "distribution": d, **at} for d in ("id", "ood")]
    return frames, curves


def test_pass_at_256_where_pass_at_1_is_the_same_along_training(tmp_path):
    frames, curves = _world_b()
    of = stored(tmp_path, frames, curves=curves)
    inside, outside, grpo, _ = effects(of, "H1", "pass@256")
    # Both reach 0.55, where NSR is half way between 0.98 and 0.96 and PPO has 0.90; GRPO reaches 0.45, NSR has 0.985 there.
    assert inside.measured.effect.value == pytest.approx(0.97 - 0.90, abs=1e-6) == outside.measured.effect.value
    assert inside.measured.details["pass_1"] == pytest.approx(0.55) and inside.measured.deviations == ("8 worlds (registered: 16)",)
    assert grpo.measured.effect.value == pytest.approx(0.0, abs=1e-6) and grpo.measured.details["pass_1"] == pytest.approx(0.45)
    assert any("more is kept" in line for line in Assessment(of).readings["H1"])


def test_without_paths_or_at_other_knobs_it_is_not_measured(tmp_path):
    frames, curves = _world_b()
    assert "along training" in effects(stored(tmp_path, frames), "H1", "pass@256")[0].missing
    swept = [frame.assign(bias=4.0) for frame in frames]
    assert "registered knobs" in effects(stored(tmp_path, swept, curves=curves), "H1", "pass@256")[0].missing
    with pytest.raises(InputError, match="curves"):
        stored(tmp_path, frames, curves=[{"run_id": "x", "step": 0}])


def test_levels_are_matched_in_each_world():
    table = pd.DataFrame(
        {"method": m, "world": w, "step": s, **dict.fromkeys(PASSES, x + 0.01 * w)}
        for m, tops in {"one": (0.2, 0.6), "two": (0.2, 0.5)}.items() for w in (1, 2) for s, x in enumerate(tops)
    )  # fmt: skip
    levels, at = at_matched_level(table)
    np.testing.assert_allclose(levels, [0.51, 0.52])
    np.testing.assert_allclose(at["one"], at["two"])


# Spread ---------------------------------------------------------------------------------------------
def test_spread_over_seeds_is_their_sample_deviation_in_a_world():
    frames = [
        arm(method, constant(0.5 + step * (seed - 2)), n=(3360,), worlds=FEW, config=f"seed {seed}").assign(optimiser_seed=seed)
        for method, step in (("npo_ret", 0.01), ("dpo", 0.03)) for seed in (1, 2, 3)
    ]  # fmt: skip
    (found,) = effects(context(*frames), "H3", "SD of relative harm over optimiser seeds")
    assert found.measured.effect.value == pytest.approx(0.02, abs=1e-6)
    assert found.measured.details["over_seeds"]["dpo"] == {"spread": pytest.approx(0.03, abs=1e-6), "seeds": 3}
    assert found.measured.deviations == ("8 worlds (registered: 16)",)
    assert "several optimiser seeds" in effects(context(*frames[:1], *frames[3:4]), "H3", "SD of relative harm")[0].missing


def test_spread_over_worlds_is_their_sample_deviation():
    frames = [arm(m, constant(0.5)) for m in ("npo_ret", "dpo")]
    for frame, size in zip(frames, (0.02, 0.05), strict=True):
        frame["opinion_sensitivity"] = 0.4 + np.array([world_effect(w, size) for w in frame["world"]])
    found = effects(context(*frames), "H5", "SD over worlds")
    for effect, size in zip(found, (0.02, 0.05), strict=True):
        own = np.std([world_effect(w, size) for w in WORLDS], ddof=1)
        assert effect.measured.effect.value == pytest.approx(own, rel=1e-4) and effect.measured.effect.interval[0] > 0
        assert not effect.measured.deviations


def _detailed(folder, worlds=FEW, n=8192):
    """Base model and both arms: rates by rule and entropy of compliant responses that are known in every world."""
    facts = {"base": (2.0, (0.1, 0.2, 0.3)), "npo_ret": (1.8, (0.0, 0.1, 0.2)), "dpo": (1.5, (0.1, 0.3, 0.5))}
    frames = [
        arm(m, constant(1.0 if m == "base" else 0.6), n=(0,) if m == "base" else (n,), worlds=worlds, spread=0.0).assign(violation_base=BASE)
        for m in facts
    ]  # fmt: skip
    details = [
        {"run_id": row.run_id, "distribution": row.distribution, "entropy_compliant": facts[row.method][0] + world_effect(row.world),
         **{f"violation_rule_{k}": x for k, x in enumerate(facts[row.method][1], start=1)}}
        for frame in frames for row in frame.itertuples()
    ]  # fmt: skip
    return stored(folder, frames, details=details)


def test_entropy_over_compliant_responses_is_held_against_the_own_base_model(tmp_path):
    of = _detailed(tmp_path)
    negative, preference = effects(of, "H5", "entropy over compliant")
    assert (negative.measured.effect.value, preference.measured.effect.value) == (pytest.approx(-0.2), pytest.approx(-0.5))
    assert negative.measured.deviations == ("8 worlds (registered: 16)",)
    assert "saying less" in Assessment(of).readings["H5"][0]


def test_spread_over_rules_and_what_a_lower_rate_does_to_it(tmp_path):
    of = _detailed(tmp_path, n=3360)
    (plain,) = effects(of, "H6", "SD of P(violation) over rules, preference minus")
    (ratio,) = effects(of, "H6", "SD over rules relative")
    negative, preference = effects(of, "H6", "SD of P(violation) over rules, n") + effects(of, "H6", "SD of P(violation) over rules, preference t")
    assert plain.measured.effect.value == pytest.approx(0.2 - 0.1) and plain.measured.deviations[1] == "budget 3360 (registered: 8192)"
    # Steadier in absolute terms, less even for how little is broken: 0.2/0.3 against 0.1/0.1.
    assert ratio.measured.effect.value == pytest.approx(0.2 / 0.3 - 1.0)
    assert (negative.measured.effect.value, preference.measured.effect.value) == (pytest.approx(0.0, abs=1e-6), pytest.approx(0.1))
    line = Assessment(of).readings["H6"][-1]
    assert "negatives are more even; relative to their mean" in line and line.endswith("negatives are less even.")


def test_details_without_a_base_model_or_of_another_one_are_not_compared(tmp_path):
    of = _detailed(tmp_path)
    beside = of.evidence.beside.details
    assert set(beside["arm"]) == {"npo_ret", "dpo"} and beside["entropy_compliant_base"].notna().all()
    table = pd.read_parquet(tmp_path / "measurements.parquet")
    table.loc[table["method"] == "base", "violation"] = 0.3
    other = evidence_of([("x", tmp_path / "measurements.parquet", check_measurements(table, "x"))])
    assert "base models" in effects(Context(other, Resampler(1, 1000)), "H5", "entropy over compliant")[0].missing
